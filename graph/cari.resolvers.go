package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
)

func (r *queryResolver) Cari(ctx context.Context, id *globalid.ID, cariCode *string) (*ent.Cari, error) {
	return r.Resolver.Cari.Find(ctx, id, cariCode)
}

func (r *queryResolver) CariAccounts(ctx context.Context, filter *cari.Filter, orderBy *cari.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Cari], error) {
	return connection(r.Resolver.Cari.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before}))
}
