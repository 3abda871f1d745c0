package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// ReadOnly refuses mutations before they begin while the database is read only. One that
// began before runs into the database's own refusal, and answers the same.
type ReadOnly struct{ DB *store.DB }

var _ graphql.RootFieldInterceptor = ReadOnly{}

// ExtensionName names the extension.
func (ReadOnly) ExtensionName() string { return "ReadOnly" }

// Validate accepts every schema.
func (ReadOnly) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptRootField lets the fields of queries pass.
func (r ReadOnly) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if isMutation(ctx) {
		if err := readonly.Refuse(ctx, r.DB); err != nil {
			return refuseField(ctx, err)
		}
	}
	return next(ctx)
}

// refuseField answers a field of the root with an error.
func refuseField(ctx context.Context, err error) graphql.Marshaler {
	alias := graphql.GetRootFieldContext(ctx).Field.Alias
	graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithField(alias)), err)
	return graphql.Null
}
