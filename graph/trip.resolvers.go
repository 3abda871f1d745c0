package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/trip"
)

func (r *mutationResolver) PlanTrip(ctx context.Context, input trip.PlanInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Plan(ctx, input))
}

func (r *mutationResolver) UpdateTrip(ctx context.Context, input gen.UpdateTripInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Update(ctx, updateTrip(input)))
}

func (r *mutationResolver) DepartTrip(ctx context.Context, input trip.DepartInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Depart(ctx, input))
}

func (r *mutationResolver) ReturnTrip(ctx context.Context, input trip.ReturnInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Return(ctx, input))
}

func (r *mutationResolver) CancelTrip(ctx context.Context, input trip.CancelInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Cancel(ctx, input))
}

func (r *mutationResolver) PriceTrip(ctx context.Context, input trip.PriceInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Price(ctx, input))
}

func (r *mutationResolver) MarkTripInvoiced(ctx context.Context, input trip.InvoiceInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.MarkInvoiced(ctx, input))
}

func (r *mutationResolver) DeleteTrip(ctx context.Context, input trip.DeleteInput) (*gen.TripPayload, error) {
	return tripPayload(ctx)(r.Trips.Delete(ctx, input))
}

func (r *queryResolver) Trip(ctx context.Context, id *globalid.ID, tripNo *string) (*ent.Trip, error) {
	t, err := r.Resolver.Trips.Find(ctx, id, tripNo)
	if t == nil || err != nil {
		return nil, err
	}
	return t, ahead(ctx, "Trip", []*ent.Trip{t}, rowItself...)
}

func (r *queryResolver) Trips(ctx context.Context, filter *trip.Filter, orderBy *trip.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Trip], error) {
	list, err := r.Resolver.Trips.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "Trip", list.Nodes, rowsOfConnection...))
}

func (r *tripResolver) Motorbot(ctx context.Context, obj *ent.Trip) (*ent.Motorbot, error) {
	return loader.From(ctx).Motorbot.Load(ctx, obj.MotorbotID)
}

func (r *tripResolver) Cari(ctx context.Context, obj *ent.Trip) (*ent.Cari, error) {
	if obj.CariID == nil {
		return nil, nil //nolint:nilnil // a trip of the port's own
	}
	return loader.From(ctx).Cari.Load(ctx, *obj.CariID)
}

func (r *tripResolver) WorkOrder(ctx context.Context, obj *ent.Trip) (*ent.WorkOrder, error) {
	if obj.WorkOrderID == nil {
		return nil, nil //nolint:nilnil // a trip without a work order
	}
	return loader.From(ctx).WorkOrder.Load(ctx, *obj.WorkOrderID)
}

func (r *tripResolver) Service(ctx context.Context, obj *ent.Trip) (*ent.Service, error) {
	if obj.ServiceID == nil {
		return nil, nil //nolint:nilnil // priced by the parameters of trips
	}
	return loader.From(ctx).Service.Load(ctx, *obj.ServiceID)
}

func (r *tripResolver) IsPriced(ctx context.Context, obj *ent.Trip) (bool, error) {
	return trip.IsPriced(obj), nil
}

func (r *tripResolver) Calculation(ctx context.Context, obj *ent.Trip) (*gen.PriceExplanation, error) {
	return explanation(ctx, obj.Calculation)
}

func (r *tripResolver) AllowedTransitions(ctx context.Context, obj *ent.Trip) ([]*trip.Transition, error) {
	return pointers(r.Trips.Transitions(ctx, obj)), nil
}

func (r *tripResolver) DurationMinutes(ctx context.Context, obj *ent.Trip) (*int, error) {
	return trip.DurationMinutes(obj), nil
}

func (r *tripResolver) IsLate(ctx context.Context, obj *ent.Trip) (bool, error) {
	delay, err := loader.From(ctx).TripDelay.Load(ctx, loader.Once)
	return r.Trips.IsLate(obj, delay), err
}

func (r *tripResolver) CreatedBy(ctx context.Context, obj *ent.Trip) (*ent.User, error) {
	return loader.From(ctx).User.Load(ctx, obj.CreatedBy)
}

func (r *Resolver) Trip() gen.TripResolver { return &tripResolver{r} }

type tripResolver struct{ *Resolver }
