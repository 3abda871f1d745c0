package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/globalid"
	"aliaport/internal/motorbot"
	"aliaport/internal/page"
)

func (r *motorbotResolver) Owner(ctx context.Context, obj *ent.Motorbot) (*ent.Cari, error) {
	if obj.OwnerCariID == nil {
		return nil, nil //nolint:nilnil // a boat without an owner on record
	}
	return loader.From(ctx).Cari.Load(ctx, *obj.OwnerCariID)
}

func (r *motorbotResolver) ActiveTripCount(ctx context.Context, obj *ent.Motorbot) (*int, error) {
	n, err := loader.From(ctx).ActiveTripsOfMotorbot.Load(ctx, obj.ID)
	return &n, err
}

func (r *motorbotResolver) LastTrip(ctx context.Context, obj *ent.Motorbot) (*ent.Trip, error) {
	return loader.From(ctx).LastTripOfMotorbot.Load(ctx, obj.ID)
}

func (r *mutationResolver) CreateMotorbot(ctx context.Context, input motorbot.CreateInput) (*gen.MotorbotPayload, error) {
	return motorbotPayload(ctx)(r.Motorbots.Create(ctx, input))
}

func (r *mutationResolver) UpdateMotorbot(ctx context.Context, input gen.UpdateMotorbotInput) (*gen.MotorbotPayload, error) {
	return motorbotPayload(ctx)(r.Motorbots.Update(ctx, updateMotorbot(input)))
}

func (r *mutationResolver) SetMotorbotStatus(ctx context.Context, input motorbot.StatusInput) (*gen.MotorbotPayload, error) {
	return motorbotPayload(ctx)(r.Motorbots.SetStatus(ctx, input))
}

func (r *mutationResolver) DeleteMotorbot(ctx context.Context, input motorbot.DeleteInput) (*gen.MotorbotPayload, error) {
	return motorbotPayload(ctx)(r.Motorbots.Delete(ctx, input))
}

func (r *queryResolver) Motorbot(ctx context.Context, id *globalid.ID, mbCode *string) (*ent.Motorbot, error) {
	m, err := r.Resolver.Motorbots.Find(ctx, id, mbCode)
	if m == nil || err != nil {
		return nil, err
	}
	return m, ahead(ctx, "Motorbot", []*ent.Motorbot{m}, rowItself...)
}

func (r *queryResolver) Motorbots(ctx context.Context, filter *motorbot.Filter, orderBy *motorbot.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Motorbot], error) {
	list, err := r.Resolver.Motorbots.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "Motorbot", list.Nodes, rowsOfConnection...))
}

func (r *Resolver) Motorbot() gen.MotorbotResolver { return &motorbotResolver{r} }

type motorbotResolver struct{ *Resolver }
