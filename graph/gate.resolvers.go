package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/gate"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
)

func (r *gateLogResolver) WorkOrder(ctx context.Context, obj *ent.GateLog) (*ent.WorkOrder, error) {
	return loader.From(ctx).WorkOrder.Load(ctx, obj.WorkOrderID)
}

func (r *gateLogResolver) Person(ctx context.Context, obj *ent.GateLog) (*ent.WorkOrderPerson, error) {
	if obj.PersonID == nil {
		return nil, nil //nolint:nilnil // a vehicle alone
	}
	return loader.From(ctx).WorkOrderPerson.Load(ctx, *obj.PersonID)
}

func (r *gateLogResolver) Motorbot(ctx context.Context, obj *ent.GateLog) (*ent.Motorbot, error) {
	if obj.MotorbotID == nil {
		return nil, nil //nolint:nilnil // for no boat
	}
	return loader.From(ctx).Motorbot.Load(ctx, *obj.MotorbotID)
}

func (r *gateLogResolver) Checklist(ctx context.Context, obj *ent.GateLog) ([]*gate.Tick, error) {
	ticks, err := gate.Ticks(obj)
	return pointers(ticks), err
}

func (r *gateLogResolver) EntryBy(ctx context.Context, obj *ent.GateLog) (*ent.User, error) {
	return userOf(ctx, &obj.EntryBy)
}

func (r *gateLogResolver) ExitBy(ctx context.Context, obj *ent.GateLog) (*ent.User, error) {
	return userOf(ctx, obj.ExitBy)
}

func (r *gateLogResolver) MinutesInside(ctx context.Context, obj *ent.GateLog) (int, error) {
	return r.Gate.Minutes(obj), nil
}

func (r *gateLogResolver) IsOverBase(ctx context.Context, obj *ent.GateLog) (bool, error) {
	return r.Gate.IsOverBase(obj), nil
}

func (r *gateLogResolver) Corrects(ctx context.Context, obj *ent.GateLog) (*ent.GateLog, error) {
	if obj.CorrectsID == nil {
		return nil, nil //nolint:nilnil // no correction
	}
	return loader.From(ctx).GateLog.Load(ctx, *obj.CorrectsID)
}

func (r *gateLogResolver) Correction(ctx context.Context, obj *ent.GateLog) (*ent.GateLog, error) {
	return loader.From(ctx).CorrectionOfGateLog.Load(ctx, obj.ID)
}

func (r *gateLogPayloadResolver) StayFee(ctx context.Context, obj *gen.GateLogPayload) (*gen.VehicleStayFee, error) {
	return stayFeeOrNil(ctx, r.Gate, obj.GateLog)
}

func (r *mutationResolver) GateEntry(ctx context.Context, input gate.EntryInput) (*gen.GateLogPayload, error) {
	return gateLogPayload(ctx)(r.Gate.Enter(ctx, input))
}

func (r *mutationResolver) GateExit(ctx context.Context, input gate.ExitInput) (*gen.GateLogPayload, error) {
	return gateLogPayload(ctx)(r.Gate.Exit(ctx, input))
}

func (r *mutationResolver) CorrectGateLog(ctx context.Context, input gate.CorrectInput) (*gen.GateLogPayload, error) {
	return gateLogPayload(ctx)(r.Gate.Correct(ctx, input))
}

func (r *mutationResolver) UpdateGateLogNotes(ctx context.Context, input gate.NotesInput) (*gen.GateLogPayload, error) {
	return gateLogPayload(ctx)(r.Gate.Note(ctx, input))
}

func (r *mutationResolver) SetGatePin(ctx context.Context, input gate.PinInput) (*gen.GatePinPayload, error) {
	refused, err := userErrors(ctx, r.Gate.SetPIN(ctx, input))
	if err != nil {
		return nil, err
	}
	return &gen.GatePinPayload{UserErrors: refused}, nil
}

func (r *mutationResolver) SaveGateChecklistItem(ctx context.Context, input gate.ItemInput) (*gen.GateChecklistItemPayload, error) {
	return checklistPayload(ctx)(r.Gate.SaveItem(ctx, input))
}

func (r *mutationResolver) DeactivateGateChecklistItem(ctx context.Context, input gate.ItemActivityInput) (*gen.GateChecklistItemPayload, error) {
	return checklistPayload(ctx)(r.Gate.DeactivateItem(ctx, input))
}

func (r *queryResolver) GateLog(ctx context.Context, id globalid.ID) (*ent.GateLog, error) {
	l, err := r.Gate.Find(ctx, id)
	if l == nil || err != nil {
		return nil, err
	}
	return l, ahead(ctx, "GateLog", []*ent.GateLog{l}, rowItself...)
}

func (r *queryResolver) GateLogs(ctx context.Context, filter *gate.Filter, orderBy *gate.Order, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.GateLog], error) {
	list, err := r.Gate.List(ctx, or(filter), orderBy, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "GateLog", list.Nodes, rowsOfConnection...))
}

func (r *queryResolver) InsideNow(ctx context.Context, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.GateLog], error) {
	list, err := r.Gate.InsideNow(ctx, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "GateLog", list.Nodes, rowsOfConnection...))
}

func (r *queryResolver) GateChecklist(ctx context.Context, woType workorder.Type, includeInactive bool) ([]*ent.GateChecklistItem, error) {
	return r.Gate.Checklist(ctx, woType, includeInactive)
}

func (r *queryResolver) WorkOrderOvertime(ctx context.Context, workOrder globalid.ID) (*gate.Overtime, error) {
	o, err := r.Gate.Overtime(ctx, workOrder)
	if o == nil || err != nil {
		return nil, err
	}
	return o, ahead(ctx, "WorkOrder", []*ent.WorkOrder{o.WorkOrder}, []string{"workOrder"})
}

func (r *queryResolver) VehicleStayFee(ctx context.Context, gateLog globalid.ID) (*gen.VehicleStayFeePayload, error) {
	fee, err := r.Gate.StayFee(ctx, gateLog)
	refused, err := userErrors(ctx, err)
	if err != nil || fee == nil {
		return &gen.VehicleStayFeePayload{UserErrors: refused}, err
	}
	return &gen.VehicleStayFeePayload{Fee: stayFee(ctx, fee), UserErrors: refused}, ahead(ctx, "GateLog", []*ent.GateLog{fee.GateLog}, []string{"fee", "gateLog"})
}

func (r *workOrderResolver) GateLogs(ctx context.Context, obj *ent.WorkOrder) ([]*ent.GateLog, error) {
	return loader.From(ctx).StaysOfWorkOrder.Load(ctx, obj.ID)
}

func (r *Resolver) GateLog() gen.GateLogResolver { return &gateLogResolver{r} }

func (r *Resolver) GateLogPayload() gen.GateLogPayloadResolver { return &gateLogPayloadResolver{r} }

type (
	gateLogResolver        struct{ *Resolver }
	gateLogPayloadResolver struct{ *Resolver }
)
