package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/audit"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/workorder"
)

func (r *cariResolver) Uninvoiced(ctx context.Context, obj *ent.Cari) ([]*workorder.UninvoicedTotal, error) {
	return loader.From(ctx).UninvoicedOfCari.Load(ctx, obj.ID)
}

func (r *mutationResolver) CreateCari(ctx context.Context, input cari.CreateInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Accounts.Create(ctx, input))
}

func (r *mutationResolver) UpdateCari(ctx context.Context, input gen.UpdateCariInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Accounts.Update(ctx, updateCari(input)))
}

func (r *mutationResolver) DeactivateCari(ctx context.Context, input cari.ActivityInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Accounts.Deactivate(ctx, input))
}

func (r *mutationResolver) ActivateCari(ctx context.Context, input cari.ActivityInput) (*gen.CariPayload, error) {
	return cariPayload(ctx)(r.Accounts.Activate(ctx, input))
}

func (r *queryResolver) Cari(ctx context.Context, id *globalid.ID, cariCode *string) (*ent.Cari, error) {
	c, err := details(ctx, audit.Cari, func(c *ent.Cari) int64 { return c.ID })(r.Accounts.Find(ctx, id, cariCode))
	if c == nil || err != nil {
		return nil, err
	}
	return c, ahead(ctx, "Cari", []*ent.Cari{c}, rowItself...)
}

func (r *queryResolver) CariAccounts(ctx context.Context, filter *cari.Filter, orderBy *cari.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Cari], error) {
	list, err := r.Accounts.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "Cari", list.Nodes, rowsOfConnection...))
}

func (r *Resolver) Cari() gen.CariResolver { return &cariResolver{r} }

type cariResolver struct{ *Resolver }
