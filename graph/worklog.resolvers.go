package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/worklog"
)

func (r *mutationResolver) CreateWorkLog(ctx context.Context, input worklog.CreateInput) (*gen.WorkLogPayload, error) {
	return workLogPayload(ctx)(r.WorkLogs.Create(ctx, input))
}

func (r *mutationResolver) UpdateWorkLog(ctx context.Context, input gen.UpdateWorkLogInput) (*gen.WorkLogPayload, error) {
	return workLogPayload(ctx)(r.WorkLogs.Update(ctx, updateWorkLog(input)))
}

func (r *mutationResolver) ApproveWorkLog(ctx context.Context, input gen.WorkLogInput) (*gen.WorkLogPayload, error) {
	return workLogPayload(ctx)(r.WorkLogs.Approve(ctx, input.ID))
}

func (r *mutationResolver) RejectWorkLog(ctx context.Context, input worklog.RejectInput) (*gen.WorkLogPayload, error) {
	return workLogPayload(ctx)(r.WorkLogs.Reject(ctx, input))
}

func (r *mutationResolver) ProcessWorkLog(ctx context.Context, input worklog.ProcessInput) (*gen.WorkLogPayload, error) {
	return workLogPayload(ctx)(r.WorkLogs.Process(ctx, input))
}

func (r *mutationResolver) DeleteWorkLog(ctx context.Context, input gen.WorkLogInput) (*gen.DeleteWorkLogPayload, error) {
	refused, err := userErrors(ctx, r.WorkLogs.Delete(ctx, input.ID))
	if err != nil {
		return nil, err
	}
	p := &gen.DeleteWorkLogPayload{UserErrors: refused}
	if len(refused) == 0 {
		p.DeletedID = &input.ID
	}
	return p, nil
}

func (r *queryResolver) WorkLog(ctx context.Context, id globalid.ID) (*ent.WorkLog, error) {
	l, err := r.Resolver.WorkLogs.Find(ctx, id)
	if l == nil || err != nil {
		return nil, err
	}
	return l, ahead(ctx, "WorkLog", []*ent.WorkLog{l}, rowItself...)
}

func (r *queryResolver) WorkLogs(ctx context.Context, filter *worklog.Filter, orderBy *worklog.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.WorkLog], error) {
	list, err := r.Resolver.WorkLogs.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "WorkLog", list.Nodes, rowsOfConnection...))
}

func (r *workLogResolver) WorkOrder(ctx context.Context, obj *ent.WorkLog) (*ent.WorkOrder, error) {
	return loader.From(ctx).WorkOrder.Load(ctx, obj.WorkOrderID)
}

func (r *workLogResolver) Trip(ctx context.Context, obj *ent.WorkLog) (*ent.Trip, error) {
	if obj.TripID == nil {
		return nil, nil //nolint:nilnil // work on no trip
	}
	return loader.From(ctx).Trip.Load(ctx, *obj.TripID)
}

func (r *workLogResolver) Motorbot(ctx context.Context, obj *ent.WorkLog) (*ent.Motorbot, error) {
	if obj.MotorbotID == nil {
		return nil, nil //nolint:nilnil // work with no boat
	}
	return loader.From(ctx).Motorbot.Load(ctx, *obj.MotorbotID)
}

func (r *workLogResolver) Service(ctx context.Context, obj *ent.WorkLog) (*ent.Service, error) {
	if obj.ServiceID == nil {
		return nil, nil //nolint:nilnil // work that no service stands for
	}
	return loader.From(ctx).Service.Load(ctx, *obj.ServiceID)
}

func (r *workLogResolver) DecidedBy(ctx context.Context, obj *ent.WorkLog) (*ent.User, error) {
	return userOf(ctx, obj.DecidedBy)
}

func (r *workLogResolver) Item(ctx context.Context, obj *ent.WorkLog) (*ent.WorkOrderItem, error) {
	return loader.From(ctx).ItemOfWorkLog.Load(ctx, obj.ID)
}

func (r *workLogResolver) CreatedBy(ctx context.Context, obj *ent.WorkLog) (*ent.User, error) {
	return userOf(ctx, &obj.CreatedBy)
}

func (r *workOrderResolver) WorkLogs(ctx context.Context, obj *ent.WorkOrder) ([]*ent.WorkLog, error) {
	return loader.From(ctx).LogsOfWorkOrder.Load(ctx, obj.ID)
}

func (r *workOrderItemResolver) WorkLog(ctx context.Context, obj *ent.WorkOrderItem) (*ent.WorkLog, error) {
	if obj.WorkLogID == nil {
		return nil, nil //nolint:nilnil // a line that was not recorded in the field
	}
	return loader.From(ctx).WorkLog.Load(ctx, *obj.WorkLogID)
}

func (r *Resolver) WorkLog() gen.WorkLogResolver { return &workLogResolver{r} }

type workLogResolver struct{ *Resolver }
