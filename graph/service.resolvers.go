package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/service"
)

func (r *mutationResolver) CreateService(ctx context.Context, input service.CreateInput) (*gen.ServicePayload, error) {
	return servicePayload(ctx)(r.Services.Create(ctx, input))
}

func (r *mutationResolver) UpdateService(ctx context.Context, input gen.UpdateServiceInput) (*gen.ServicePayload, error) {
	return servicePayload(ctx)(r.Services.Update(ctx, updateService(input)))
}

func (r *mutationResolver) DeactivateService(ctx context.Context, input service.ActivityInput) (*gen.ServicePayload, error) {
	return servicePayload(ctx)(r.Services.Deactivate(ctx, input))
}

func (r *mutationResolver) ActivateService(ctx context.Context, input service.ActivityInput) (*gen.ServicePayload, error) {
	return servicePayload(ctx)(r.Services.Activate(ctx, input))
}

func (r *queryResolver) Service(ctx context.Context, id *globalid.ID, code *string) (*ent.Service, error) {
	s, err := r.Resolver.Services.Find(ctx, id, code)
	if s == nil || err != nil {
		return nil, err
	}
	return s, ahead(ctx, "Service", []*ent.Service{s}, rowItself...)
}

func (r *queryResolver) Services(ctx context.Context, filter *service.Filter, orderBy *service.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Service], error) {
	list, err := r.Resolver.Services.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "Service", list.Nodes, rowsOfConnection...))
}

func (r *serviceResolver) FormulaParams(ctx context.Context, obj *ent.Service) (*service.Params, error) {
	return service.ParamsOf(obj.FormulaParams)
}

func (r *serviceResolver) Overrides(ctx context.Context, obj *ent.Service, isActive bool, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.ServiceOverride], error) {
	return connection(overridesOf(loader.From(ctx), isActive).Load(ctx, obj.ID, page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *Resolver) Service() gen.ServiceResolver { return &serviceResolver{r} }

type serviceResolver struct{ *Resolver }
