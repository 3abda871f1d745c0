package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/workorder"
)

func (r *mutationResolver) CreateWorkOrder(ctx context.Context, input workorder.CreateInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Create(ctx, input))
}

func (r *mutationResolver) UpdateWorkOrder(ctx context.Context, input gen.UpdateWorkOrderInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Update(ctx, updateWorkOrder(input)))
}

func (r *mutationResolver) DeleteWorkOrder(ctx context.Context, input workorder.DeleteInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Delete(ctx, input))
}

func (r *mutationResolver) AddWorkOrderItem(ctx context.Context, input workorder.AddItemInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.AddItem(ctx, input))
}

func (r *mutationResolver) UpdateWorkOrderItem(ctx context.Context, input gen.UpdateWorkOrderItemInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.UpdateItem(ctx, updateWorkOrderItem(input)))
}

func (r *mutationResolver) RemoveWorkOrderItem(ctx context.Context, input workorder.RemoveItemInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.RemoveItem(ctx, input))
}

func (r *mutationResolver) SubmitWorkOrder(ctx context.Context, input gen.WorkOrderStepInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Submit, workorder.StepInput{ID: input.ID, Note: input.Note}))
}

func (r *mutationResolver) ApproveWorkOrder(ctx context.Context, input gen.WorkOrderStepInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Approve, workorder.StepInput{ID: input.ID, Note: input.Note}))
}

func (r *mutationResolver) RejectWorkOrder(ctx context.Context, input gen.WorkOrderReasonInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Reject, workorder.StepInput{ID: input.ID, Note: &input.Reason}))
}

func (r *mutationResolver) WithdrawWorkOrder(ctx context.Context, input gen.WorkOrderStepInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Withdraw, workorder.StepInput{ID: input.ID, Note: input.Note}))
}

func (r *mutationResolver) ReopenWorkOrder(ctx context.Context, input gen.WorkOrderOptionalReasonInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Reopen, workorder.StepInput{ID: input.ID, Note: input.Reason}))
}

func (r *mutationResolver) StartWorkOrder(ctx context.Context, input gen.WorkOrderStepInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Start, workorder.StepInput{ID: input.ID, Note: input.Note}))
}

func (r *mutationResolver) CompleteWorkOrder(ctx context.Context, input gen.CompleteWorkOrderInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Complete, workorder.StepInput{ID: input.ID, Note: &input.CompletionNote}))
}

func (r *mutationResolver) InvoiceWorkOrder(ctx context.Context, input gen.InvoiceWorkOrderInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Invoice, workorder.StepInput{ID: input.ID, InvoiceNo: input.InvoiceNo}))
}

func (r *mutationResolver) CloseWorkOrder(ctx context.Context, input gen.WorkOrderStepInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Close, workorder.StepInput{ID: input.ID, Note: input.Note}))
}

func (r *mutationResolver) CancelWorkOrder(ctx context.Context, input gen.WorkOrderOptionalReasonInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Take(ctx, workorder.Cancel, workorder.StepInput{ID: input.ID, Note: input.Reason}))
}

func (r *queryResolver) WorkOrder(ctx context.Context, id *globalid.ID, woNumber *string) (*ent.WorkOrder, error) {
	wo, err := r.Resolver.WorkOrders.Find(ctx, id, woNumber)
	if wo == nil || err != nil {
		return nil, err
	}
	return wo, ahead(ctx, "WorkOrder", []*ent.WorkOrder{wo}, rowItself...)
}

func (r *queryResolver) WorkOrders(ctx context.Context, filter *workorder.Filter, orderBy *workorder.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.WorkOrder], error) {
	list, err := r.Resolver.WorkOrders.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "WorkOrder", list.Nodes, rowsOfConnection...))
}

func (r *workOrderResolver) Cari(ctx context.Context, obj *ent.WorkOrder) (*ent.Cari, error) {
	return loader.From(ctx).Cari.Load(ctx, obj.CariID)
}

func (r *workOrderResolver) Requester(ctx context.Context, obj *ent.WorkOrder) (*ent.User, error) {
	return loader.From(ctx).User.Load(ctx, obj.RequesterID)
}

func (r *workOrderResolver) AllowedTransitions(ctx context.Context, obj *ent.WorkOrder) ([]*workorder.Transition, error) {
	return pointers(r.WorkOrders.Transitions(ctx, obj)), nil
}

func (r *workOrderResolver) IsOverdue(ctx context.Context, obj *ent.WorkOrder) (bool, error) {
	return r.WorkOrders.IsOverdue(obj), nil
}

func (r *workOrderResolver) Items(ctx context.Context, obj *ent.WorkOrder) ([]*ent.WorkOrderItem, error) {
	return loader.From(ctx).ItemsOfWorkOrder.Load(ctx, obj.ID)
}

func (r *workOrderResolver) Adjustments(ctx context.Context, obj *ent.WorkOrder) ([]*gen.Adjustment, error) {
	rows, err := loader.From(ctx).AdjustmentsOfWorkOrder.Load(ctx, obj.ID)
	return adjusted(rows), err
}

func (r *workOrderResolver) SurchargeChoice(ctx context.Context, obj *ent.WorkOrder) (*workorder.SurchargeChoice, error) {
	return workorder.ChoiceOf(obj)
}

func (r *workOrderResolver) PriceListID(ctx context.Context, obj *ent.WorkOrder) (*globalid.ID, error) {
	if obj.PriceListID == nil {
		return nil, nil //nolint:nilnil // the one in force
	}
	return &globalid.ID{Type: "PriceList", Key: *obj.PriceListID}, nil
}

func (r *workOrderResolver) History(ctx context.Context, obj *ent.WorkOrder) ([]*ent.WorkOrderStatusHistory, error) {
	return loader.From(ctx).HistoryOfWorkOrder.Load(ctx, obj.ID)
}

func (r *workOrderItemResolver) WorkOrder(ctx context.Context, obj *ent.WorkOrderItem) (*ent.WorkOrder, error) {
	return loader.From(ctx).WorkOrder.Load(ctx, obj.WorkOrderID)
}

func (r *workOrderItemResolver) Service(ctx context.Context, obj *ent.WorkOrderItem) (*ent.Service, error) {
	if obj.ServiceID == nil {
		return nil, nil //nolint:nilnil // a line without a service
	}
	return loader.From(ctx).Service.Load(ctx, *obj.ServiceID)
}

func (r *workOrderItemResolver) Calculation(ctx context.Context, obj *ent.WorkOrderItem) (*gen.PriceExplanation, error) {
	if obj.Calculation != nil {
		return explanation(ctx, obj.Calculation)
	}
	stored, err := loader.From(ctx).CalculationOfItem.Load(ctx, obj.ID)
	if err != nil {
		return nil, err
	}
	return explanation(ctx, stored)
}

func (r *workOrderStatusHistoryResolver) User(ctx context.Context, obj *ent.WorkOrderStatusHistory) (*ent.User, error) {
	return loader.From(ctx).User.Load(ctx, obj.UserID)
}

func (r *Resolver) WorkOrder() gen.WorkOrderResolver { return &workOrderResolver{r} }

func (r *Resolver) WorkOrderItem() gen.WorkOrderItemResolver { return &workOrderItemResolver{r} }

func (r *Resolver) WorkOrderStatusHistory() gen.WorkOrderStatusHistoryResolver {
	return &workOrderStatusHistoryResolver{r}
}

type (
	workOrderResolver              struct{ *Resolver }
	workOrderItemResolver          struct{ *Resolver }
	workOrderStatusHistoryResolver struct{ *Resolver }
)
