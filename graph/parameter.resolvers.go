package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
)

func (r *mutationResolver) CreateParameter(ctx context.Context, input parameter.CreateInput) (*gen.ParameterPayload, error) {
	return parameterPayload(ctx)(r.Parameters.Create(ctx, input))
}

func (r *mutationResolver) UpdateParameter(ctx context.Context, input gen.UpdateParameterInput) (*gen.ParameterPayload, error) {
	return parameterPayload(ctx)(r.Parameters.Update(ctx, updateParameter(input)))
}

func (r *mutationResolver) DeactivateParameter(ctx context.Context, input parameter.ActivityInput) (*gen.ParameterPayload, error) {
	return parameterPayload(ctx)(r.Parameters.Deactivate(ctx, input))
}

func (r *mutationResolver) ActivateParameter(ctx context.Context, input parameter.ActivityInput) (*gen.ParameterPayload, error) {
	return parameterPayload(ctx)(r.Parameters.Activate(ctx, input))
}

func (r *parameterResolver) History(ctx context.Context, obj *ent.Parameter) ([]*ent.ParameterHistory, error) {
	return loader.From(ctx).HistoryOfParameter.Load(ctx, obj.ID)
}

func (r *parameterHistoryResolver) User(ctx context.Context, obj *ent.ParameterHistory) (*ent.User, error) {
	if obj.UserID == nil {
		return nil, nil //nolint:nilnil // the program itself
	}
	return loader.From(ctx).User.Load(ctx, *obj.UserID)
}

func (r *queryResolver) Parameter(ctx context.Context, category string, code string) (*ent.Parameter, error) {
	p, err := r.Resolver.Parameters.Find(ctx, category, code)
	if p == nil || err != nil {
		return nil, err
	}
	return p, ahead(ctx, "Parameter", []*ent.Parameter{p}, rowItself...)
}

func (r *queryResolver) ParametersByCategory(ctx context.Context, category string, includeInactive bool) ([]*ent.Parameter, error) {
	rows, err := r.Resolver.Parameters.ByCategory(ctx, category, includeInactive)
	if err != nil {
		return nil, err
	}
	return rows, ahead(ctx, "Parameter", rows, rowItself...)
}

func (r *queryResolver) Parameters(ctx context.Context, filter *parameter.Filter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.Parameter], error) {
	list, err := r.Resolver.Parameters.List(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "Parameter", list.Nodes, rowsOfConnection...))
}

func (r *Resolver) Parameter() gen.ParameterResolver { return &parameterResolver{r} }

func (r *Resolver) ParameterHistory() gen.ParameterHistoryResolver {
	return &parameterHistoryResolver{r}
}

type (
	parameterResolver        struct{ *Resolver }
	parameterHistoryResolver struct{ *Resolver }
)
