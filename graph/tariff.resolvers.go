package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/tariff"
)

func (r *mutationResolver) CreatePriceList(ctx context.Context, input tariff.CreateInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Create(ctx, input))
}

func (r *mutationResolver) UpdatePriceList(ctx context.Context, input gen.UpdatePriceListInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Update(ctx, updatePriceList(input)))
}

func (r *mutationResolver) AddPriceListItems(ctx context.Context, input tariff.AddItemsInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.AddItems(ctx, input))
}

func (r *mutationResolver) UpdatePriceListItem(ctx context.Context, input gen.UpdatePriceListItemInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.UpdateItem(ctx, updatePriceListItem(input)))
}

func (r *mutationResolver) RemovePriceListItem(ctx context.Context, input tariff.RemoveItemInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.RemoveItem(ctx, input))
}

func (r *mutationResolver) ActivatePriceList(ctx context.Context, input tariff.ActivateInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Activate(ctx, input))
}

func (r *mutationResolver) DeactivatePriceList(ctx context.Context, input tariff.StepInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Deactivate(ctx, input))
}

func (r *mutationResolver) DeletePriceList(ctx context.Context, input tariff.StepInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Delete(ctx, input))
}

func (r *mutationResolver) CopyPriceList(ctx context.Context, input tariff.CopyInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Copy(ctx, input))
}

func (r *mutationResolver) AdjustPriceList(ctx context.Context, input tariff.AdjustInput) (*gen.PriceListPayload, error) {
	return priceListPayload(ctx)(r.Tariffs.Adjust(ctx, input))
}

func (r *mutationResolver) SaveServiceOverride(ctx context.Context, input tariff.OverrideInput) (*gen.ServiceOverridePayload, error) {
	return serviceOverridePayload(ctx)(r.Tariffs.SaveOverride(ctx, input))
}

func (r *mutationResolver) EndServiceOverride(ctx context.Context, input tariff.EndOverrideInput) (*gen.ServiceOverridePayload, error) {
	return serviceOverridePayload(ctx)(r.Tariffs.EndOverride(ctx, input))
}

func (r *priceListResolver) AllowedTransitions(ctx context.Context, obj *ent.PriceList) ([]*tariff.Transition, error) {
	return pointers(r.Tariffs.Transitions(ctx, obj)), nil
}

func (r *priceListResolver) Items(ctx context.Context, obj *ent.PriceList, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.PriceListItem], error) {
	return connection(loader.From(ctx).ItemsOfPriceList.Load(ctx, obj.ID, page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *priceListItemResolver) PriceList(ctx context.Context, obj *ent.PriceListItem) (*ent.PriceList, error) {
	return loader.From(ctx).PriceList.Load(ctx, obj.PriceListID)
}

func (r *priceListItemResolver) Service(ctx context.Context, obj *ent.PriceListItem) (*ent.Service, error) {
	return loader.From(ctx).Service.Load(ctx, obj.ServiceID)
}

func (r *queryResolver) PriceList(ctx context.Context, id *globalid.ID, code *string, version *int) (*ent.PriceList, error) {
	l, err := r.Tariffs.Find(ctx, id, code, version)
	if l == nil || err != nil {
		return nil, err
	}
	return l, ahead(ctx, "PriceList", []*ent.PriceList{l}, rowItself...)
}

func (r *queryResolver) PriceLists(ctx context.Context, filter *tariff.Filter, orderBy *tariff.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.PriceList], error) {
	list, err := r.Tariffs.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "PriceList", list.Nodes, rowsOfConnection...))
}

func (r *queryResolver) ActivePriceList(ctx context.Context, on *calendar.Date, currency string) (*ent.PriceList, error) {
	l, err := r.Tariffs.InForce(ctx, on, currency)
	if l == nil || err != nil {
		return nil, err
	}
	return l, ahead(ctx, "PriceList", []*ent.PriceList{l}, rowItself...)
}

func (r *serviceOverrideResolver) Service(ctx context.Context, obj *ent.ServiceOverride) (*ent.Service, error) {
	return loader.From(ctx).Service.Load(ctx, obj.ServiceID)
}

func (r *Resolver) PriceList() gen.PriceListResolver { return &priceListResolver{r} }

func (r *Resolver) PriceListItem() gen.PriceListItemResolver { return &priceListItemResolver{r} }

func (r *Resolver) ServiceOverride() gen.ServiceOverrideResolver { return &serviceOverrideResolver{r} }

type (
	priceListResolver       struct{ *Resolver }
	priceListItemResolver   struct{ *Resolver }
	serviceOverrideResolver struct{ *Resolver }
)
