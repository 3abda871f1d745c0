package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"aliaport/graph/gen"
	"aliaport/graph/loader"
	"aliaport/internal/actor"
	"aliaport/internal/cache"
)

// Directives guard the fields. A field of Query or Mutation has exactly one of
// them; a test walks the schema for that.
func Directives() gen.DirectiveRoot {
	return gen.DirectiveRoot{
		Can: func(ctx context.Context, _ any, next graphql.Resolver, permission string, orNull bool) (any, error) {
			if err := actor.Require(ctx, actor.Permission(permission)); err != nil {
				if orNull {
					err = nil
				}
				return nil, err
			}
			return next(ctx)
		},
		SignedIn: func(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
			if actor.From(ctx) == nil {
				return nil, actor.NotSignedIn(ctx)
			}
			return next(ctx)
		},
		Personal: func(ctx context.Context, obj any, next graphql.Resolver) (any, error) {
			value, err := next(ctx)
			if text, ok := value.(*string); ok && err == nil {
				saw(ctx, obj, graphql.GetFieldContext(ctx).Field.Name, text)
			}
			return value, err
		},
		Public: func(ctx context.Context, _ any, next graphql.Resolver) (any, error) { return next(ctx) },
	}
}

// FreshLoaders makes each field of a mutation read anew what an earlier one may
// have changed.
type FreshLoaders struct{}

var _ graphql.RootFieldInterceptor = FreshLoaders{}

// ExtensionName names the extension.
func (FreshLoaders) ExtensionName() string { return "FreshLoaders" }

// Validate accepts every schema.
func (FreshLoaders) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptRootField clears the loaders before a field of a mutation runs, and keeps
// the field from the cache: the generations that the request knows are of before it.
func (FreshLoaders) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if isMutation(ctx) {
		loader.From(ctx).Clear()
		ctx = cache.Without(ctx)
	}
	return next(ctx)
}
