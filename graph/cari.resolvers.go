package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
)

func (r *mutationResolver) CreateCari(ctx context.Context, input cari.CreateInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Cari.Create(ctx, input))
}

func (r *mutationResolver) UpdateCari(ctx context.Context, input gen.UpdateCariInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Cari.Update(ctx, updateCari(input)))
}

func (r *mutationResolver) DeactivateCari(ctx context.Context, input cari.ActivityInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Cari.Deactivate(ctx, input))
}

func (r *mutationResolver) ActivateCari(ctx context.Context, input cari.ActivityInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Cari.Activate(ctx, input))
}

func (r *queryResolver) Cari(ctx context.Context, id *globalid.ID, cariCode *string) (*ent.Cari, error) {
	return r.Resolver.Cari.Find(ctx, id, cariCode)
}

func (r *queryResolver) CariAccounts(ctx context.Context, filter *cari.Filter, orderBy *cari.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Cari], error) {
	return connection(r.Resolver.Cari.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before}))
}
