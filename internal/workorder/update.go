package workorder

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
)

// UpdateInput changes the header of an order. Nil fields and changes not given stay.
type UpdateInput struct {
	ID              globalid.ID
	Version         int // as it was read
	CariCode        *string
	Type            *workorder.Type
	Subject         *string
	Description     input.Change[string]
	Priority        *workorder.Priority
	ServiceCode     input.Change[string]
	Action          input.Change[string]
	PlannedStart    input.Change[time.Time]
	PlannedEnd      input.Change[time.Time]
	GateRequired    *bool
	FieldLogAllowed *bool
	IsCabotage      *bool
	ApplyRuleAddons *bool
	Notes           input.Change[string]
}

// Update changes the header. On VERSION_CONFLICT the current order comes back with
// the refusal, so that the client can merge.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		wo, err := Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := conflict(wo, in.Version); err != nil {
			return err
		}
		if err := headerLock(wo, in); err != nil {
			return err
		}
		return s.update(ctx, tx, wo, in)
	})
	return s.afterVersion(ctx, id, err)
}

// afterVersion returns the order after a change, and the current one beside a
// version conflict.
func (s *Service) afterVersion(ctx context.Context, id int64, err error) (*ent.WorkOrder, error) {
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	wo, again := s.reread(ctx, id)
	if again != nil {
		return nil, again
	}
	return wo, err
}

func (in *UpdateInput) clean() error {
	var faults apperr.Errors
	if in.Subject != nil {
		faults.Add(input.Text("subject", in.Subject, 3, 120))
	}
	faults.Add(input.OptionalText("description", &in.Description.To, 500))
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode.To, 50))
	faults.Add(input.OptionalText("action", &in.Action.To, 100))
	faults.Add(input.OptionalText("notes", &in.Notes.To, 1000))
	return faults.OrNil()
}

// headerLock refuses what may not change any more: everything from COMPLETED on,
// customer and type from APPROVED on.
func headerLock(wo *ent.WorkOrder, in UpdateInput) error {
	locked := apperr.New(apperr.WorkOrderLocked, "status", wo.Status)
	switch wo.Status {
	case workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusRejected:
		return nil
	case workorder.StatusApproved, workorder.StatusInProgress:
		var faults apperr.Errors
		if in.CariCode != nil && *in.CariCode != wo.CariCode {
			faults.Add(locked.At("cariCode"))
		}
		if in.Type != nil && *in.Type != wo.Type {
			faults.Add(locked.At("type"))
		}
		return faults.OrNil()
	case workorder.StatusCompleted, workorder.StatusInvoiced, workorder.StatusClosed, workorder.StatusCancelled:
	}
	return locked
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, in UpdateInput) error {
	if err := sold(ctx, tx, in.ServiceCode.To); err != nil {
		return err
	}
	u, changes := tx.WorkOrder.UpdateOne(wo), audit.Changes{}
	if in.CariCode != nil && *in.CariCode != wo.CariCode {
		c, err := s.findCari(ctx, tx, nil, in.CariCode)
		if err != nil {
			return err
		}
		u.SetCariID(c.ID).SetCariCode(c.CariCode).SetCariTitle(c.Title)
		changes.Set("cari_code", wo.CariCode, c.CariCode)
	}
	if in.Subject != nil {
		u.SetSubject(*in.Subject).SetSearchText(searchText(wo.WoNumber, *in.Subject))
		changes.Set("subject", wo.Subject, *in.Subject)
	}
	audit.Put(changes, "type", in.Type, wo.Type, u.SetType)
	audit.Put(changes, "priority", in.Priority, wo.Priority, u.SetPriority)
	audit.Put(changes, "gate_required", in.GateRequired, wo.GateRequired, u.SetGateRequired)
	audit.Put(changes, "field_log_allowed", in.FieldLogAllowed, wo.FieldLogAllowed, u.SetFieldLogAllowed)
	audit.Put(changes, "is_cabotage", in.IsCabotage, wo.IsCabotage, u.SetIsCabotage)
	audit.Put(changes, "apply_rule_addons", in.ApplyRuleAddons, wo.ApplyRuleAddons, u.SetApplyRuleAddons)
	audit.PutOrDrop(changes, "description", in.Description, wo.Description, u.SetDescription, u.ClearDescription)
	audit.PutOrDrop(changes, "service_code", in.ServiceCode, wo.ServiceCode, u.SetServiceCode, u.ClearServiceCode)
	audit.PutOrDrop(changes, "action", in.Action, wo.Action, u.SetAction, u.ClearAction)
	audit.PutOrDrop(changes, "notes", in.Notes, wo.Notes, u.SetNotes, u.ClearNotes)

	start, end := wo.PlannedStart, wo.PlannedEnd
	if in.PlannedStart.Given {
		in.PlannedStart.To = utc(in.PlannedStart.To)
		start = in.PlannedStart.To
		audit.PutOrDrop(changes, "planned_start", in.PlannedStart, wo.PlannedStart, u.SetPlannedStart, u.ClearPlannedStart)
	}
	if in.PlannedEnd.Given {
		in.PlannedEnd.To = utc(in.PlannedEnd.To)
		end = in.PlannedEnd.To
		audit.PutOrDrop(changes, "planned_end", in.PlannedEnd, wo.PlannedEnd, u.SetPlannedEnd, u.ClearPlannedEnd)
	}
	if e := plan(start, end); e != nil {
		return e
	}
	if in.PlannedStart.Given || in.Priority != nil || in.IsCabotage != nil || in.ApplyRuleAddons != nil { // surcharges and discount follow
		wo.PlannedStart, wo.Priority = start, or(in.Priority, wo.Priority)
		wo.IsCabotage, wo.ApplyRuleAddons = or(in.IsCabotage, wo.IsCabotage), or(in.ApplyRuleAddons, wo.ApplyRuleAddons)
		if err := s.total(ctx, tx, wo, u.Mutation()); err != nil {
			return err
		}
	}
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID).Exec(ctx); err != nil {
		return fmt.Errorf("update work order %d: %w", wo.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.WorkOrder, EntityID: wo.ID, Changes: changes})
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}

// DeleteInput names an order to be deleted.
type DeleteInput struct {
	ID      globalid.ID
	Version int
}

// Delete takes a draft, rejected or cancelled order out of every list. The row
// stays on record.
func (s *Service) Delete(ctx context.Context, in DeleteInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderDelete); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		wo, err := Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := conflict(wo, in.Version); err != nil {
			return err
		}
		switch wo.Status {
		case workorder.StatusDraft, workorder.StatusRejected, workorder.StatusCancelled:
		case workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted,
			workorder.StatusInvoiced, workorder.StatusClosed:
			return apperr.New(apperr.WorkOrderCannotDelete, "status", wo.Status)
		}
		if err := tx.WorkOrder.UpdateOne(wo).SetIsActive(false).AddVersion(1).SetUpdatedAt(s.Now()).
			SetUpdatedBy(actor.From(ctx).ID).Exec(ctx); err != nil {
			return fmt.Errorf("delete work order %d: %w", id, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Delete, Resource: audit.WorkOrder, EntityID: id})
	})
	return s.afterVersion(ctx, id, err)
}
