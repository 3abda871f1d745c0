package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/gate"
	"aliaport/internal/workorder"
)

func (r *dashboardResolver) WorkOrders(ctx context.Context, obj *gqlmodel.Dashboard) ([]*workorder.StatusCount, error) {
	counts, err := r.Panel.ByStatus(ctx)
	return pointers(counts), err
}

func (r *dashboardResolver) DueToday(ctx context.Context, obj *gqlmodel.Dashboard) (*int, error) {
	return counted(r.Panel.DueToday(ctx))
}

func (r *dashboardResolver) Overdue(ctx context.Context, obj *gqlmodel.Dashboard) (*int, error) {
	return counted(r.Panel.Overdue(ctx))
}

func (r *dashboardResolver) BoatsAtSea(ctx context.Context, obj *gqlmodel.Dashboard) (*int, error) {
	return counted(r.Panel.BoatsAtSea(ctx))
}

func (r *dashboardResolver) VehiclesInside(ctx context.Context, obj *gqlmodel.Dashboard) (*int, error) {
	return counted(r.Panel.VehiclesInside(ctx))
}

func (r *dashboardResolver) NewestGateEvents(ctx context.Context, obj *gqlmodel.Dashboard) ([]*gate.Event, error) {
	events, err := r.Gate.Newest(ctx, newestEvents)
	if err != nil {
		return nil, err
	}
	logs := make([]*ent.GateLog, len(events))
	for i, e := range events {
		logs[i] = e.Log
	}
	return pointers(events), ahead(ctx, "GateLog", logs, []string{"log"})
}

func (r *queryResolver) Dashboard(ctx context.Context) (*gqlmodel.Dashboard, error) {
	return &gqlmodel.Dashboard{}, nil
}

func (r *Resolver) Dashboard() gen.DashboardResolver { return &dashboardResolver{r} }

type dashboardResolver struct{ *Resolver }
