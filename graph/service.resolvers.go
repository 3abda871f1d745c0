package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/service"
)

func (r *queryResolver) Service(ctx context.Context, id *globalid.ID, code *string) (*ent.Service, error) {
	return r.Resolver.Services.Find(ctx, id, code)
}

func (r *queryResolver) Services(ctx context.Context, filter *service.Filter, orderBy *service.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Service], error) {
	return connection(r.Resolver.Services.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before}))
}
