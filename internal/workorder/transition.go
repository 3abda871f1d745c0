package workorder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/schema"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderperson"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
)

// StepInput is a step in the life of an order with what it needs: a reason, a
// completion note, an invoice number or a free note, by the action.
type StepInput struct {
	ID        globalid.ID
	Note      *string
	InvoiceNo *string
}

// Take takes a step. Two clients racing for one order cannot both succeed: the
// order is locked, and the status is part of the UPDATE.
func (s *Service) Take(ctx context.Context, action Action, in StepInput) (*ent.WorkOrder, error) {
	if err := requireAny(ctx, action); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	faults.Add(input.OptionalText(noteField(action), &in.Note, maxNote))
	faults.Add(input.OptionalText("invoiceNo", &in.InvoiceNo, 50))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		wo, err := Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		t, ok := step(wo.Status, action)
		if !ok {
			return refuse(wo.Status, action)
		}
		if err := s.mayTake(ctx, tx, t, wo, in); err != nil {
			return err
		}
		return s.take(ctx, tx, t, wo, in)
	})
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

// requireAny refuses early one who may take the step from no status at all.
func requireAny(ctx context.Context, action Action) (err error) {
	if action == Withdraw && actor.From(ctx).Can(actor.WorkOrderRead) {
		return nil // the requester may; who that is, the order tells
	}
	for _, t := range lifecycle {
		if t.Action == action {
			if err = actor.Require(ctx, t.Permission); err == nil {
				return nil
			}
		}
	}
	return err
}

// noteField is the input field that a step's note comes in.
func noteField(action Action) string {
	switch action {
	case Complete:
		return "completionNote"
	case Reject, Reopen, Cancel:
		return "reason"
	case Submit, Approve, Withdraw, Start, Invoice, Close:
	}
	return "note"
}

func refuse(from workorder.Status, action Action) error {
	return apperr.New(apperr.WorkOrderTransition, "from", from, "action", action, "allowed", allowed(from)).At("id")
}

// mayTake checks what a step asks for beyond the status.
func (s *Service) mayTake(ctx context.Context, tx *ent.Tx, t Transition, wo *ent.WorkOrder, in StepInput) error {
	if !t.mayBeTakenBy(actor.From(ctx), wo) {
		return actor.Require(ctx, t.Permission)
	}
	if t.NeedsReason && utf8.RuneCountInString(or(in.Note, "")) < minReason {
		return apperr.Invalid(noteField(t.Action), apperr.TooShort, "min", minReason)
	}
	switch t.Action {
	case Submit:
		return s.complete(ctx, tx, wo)
	case Approve:
		if s.selfApproval(actor.From(ctx), wo) {
			return apperr.New(apperr.WorkOrderSelfApproval)
		}
		return s.complete(ctx, tx, wo)
	case Complete:
		if utf8.RuneCountInString(or(in.Note, "")) < 3 {
			return apperr.Invalid("completionNote", apperr.TooShort, "min", 3)
		}
		return noPendingLogs(ctx, tx, wo)
	case Start:
		if wo.GateRequired {
			return admitted(ctx, tx, wo)
		}
	case Close:
		return nobodyInside(ctx, tx, wo)
	case Reopen:
		if t.From == workorder.StatusCompleted {
			invoiced, err := tx.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID), workorderitem.IsInvoiced(true)).Exist(ctx)
			if err != nil {
				return fmt.Errorf("look for invoiced items of work order %d: %w", wo.ID, err)
			}
			if invoiced {
				return apperr.New(apperr.WorkOrderInvoiced)
			}
		}
	case Invoice:
		if err := needItem(ctx, tx, wo, "items"); err != nil {
			return err
		}
		return needPrices(ctx, tx, wo)
	case Reject, Withdraw, Cancel:
	}
	return nil
}

// complete holds for an order that can be worked on: an active customer, a subject,
// and an item or at least the code of a service.
func (s *Service) complete(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) error {
	c, err := tx.Cari.Get(ctx, wo.CariID)
	if err != nil {
		return fmt.Errorf("customer of work order %d: %w", wo.ID, err)
	}
	if !c.IsActive {
		return apperr.New(apperr.CariInactive, "cariCode", c.CariCode)
	}
	if wo.ServiceCode != nil {
		return nil
	}
	return needItem(ctx, tx, wo, "items, serviceCode")
}

func needItem(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, missing string) error {
	some, err := tx.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for items of work order %d: %w", wo.ID, err)
	}
	if !some {
		return apperr.New(apperr.WorkOrderMissing, "missing", missing)
	}
	return nil
}

// admitted holds for an order for which security has approved somebody, or the gate
// has let somebody in.
func admitted(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) error {
	some, err := tx.WorkOrderPerson.Query().Where(workorderperson.WorkOrderID(wo.ID), workorderperson.IsActive(true),
		workorderperson.StatusIn(workorderperson.StatusApproved, workorderperson.StatusEntered, workorderperson.StatusExited)).Exist(ctx)
	if err == nil && !some {
		some, err = tx.GateLog.Query().Where(gatelog.WorkOrderID(wo.ID), gatelog.IsSuperseded(false)).Exist(ctx)
	}
	if err != nil {
		return fmt.Errorf("look for who was let in under work order %d: %w", wo.ID, err)
	}
	if !some {
		return apperr.New(apperr.WorkOrderMissing, "missing", "persons, gateLogs")
	}
	return nil
}

// noPendingLogs holds for an order all of whose work logs were decided on.
func noPendingLogs(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) error {
	n, err := tx.WorkLog.Query().Where(worklog.WorkOrderID(wo.ID), worklog.StatusEQ(worklog.StatusPending)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count pending work logs of work order %d: %w", wo.ID, err)
	}
	if n > 0 {
		return apperr.New(apperr.WorkOrderPendingLogs, "count", n)
	}
	return nil
}

// nobodyInside holds for an order all of whose vehicles and persons have left.
func nobodyInside(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) error {
	n, err := tx.GateLog.Query().
		Where(gatelog.WorkOrderID(wo.ID), func(s *sql.Selector) { s.Where(sql.ExprP(schema.GateInsideCondition)) }).Count(ctx)
	if err != nil {
		return fmt.Errorf("count who of work order %d is inside: %w", wo.ID, err)
	}
	if n > 0 {
		return apperr.New(apperr.WorkOrderInside, "count", n)
	}
	return nil
}

// needPrices refuses an order with lines that nobody has priced: their price is 0,
// and neither a tariff nor the card of their service says so.
func needPrices(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) error {
	free, err := tx.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID), workorderitem.UnitPriceEQ(decimal.Zero)).
		WithService().Order(workorderitem.BySequence()).All(ctx)
	if err != nil {
		return fmt.Errorf("look for items of work order %d without a price: %w", wo.ID, err)
	}
	var missing []string
	for _, item := range free {
		if p := item.PriceSource; p != nil && (*p == workorderitem.PriceSourceOverride || *p == workorderitem.PriceSourcePriceList) {
			continue
		}
		if s := item.Edges.Service; s != nil && s.BasePrice.IsZero() {
			continue
		}
		missing = append(missing, fmt.Sprintf("items.%d.unitPrice", item.Sequence))
	}
	if len(missing) > 0 {
		return apperr.New(apperr.WorkOrderMissing, "missing", strings.Join(missing, ", "))
	}
	return nil
}

// errRaced means that the status changed between the lock and the UPDATE, which the
// lock is there to prevent.
var errRaced = errors.New("status changed under the lock")

func (s *Service) take(ctx context.Context, tx *ent.Tx, t Transition, wo *ent.WorkOrder, in StepInput) error {
	now := s.Now()
	u := tx.WorkOrder.Update().Where(workorder.ID(wo.ID), workorder.StatusEQ(t.From)).
		SetStatus(t.To).AddVersion(1).SetUpdatedAt(now).SetUpdatedBy(actor.From(ctx).ID)
	stamp(u, t, wo, in, actor.From(ctx).ID, now)
	if t.Action == Start || t.Action == Complete { // the actual start decides about night and weekend
		if err := s.total(ctx, tx, wo, u.Mutation()); err != nil {
			return err
		}
	}
	n, err := u.Save(ctx)
	if err != nil {
		return fmt.Errorf("%s work order %d: %w", t.Action, wo.ID, err)
	}
	if n == 0 {
		return fmt.Errorf("%s work order %d: %w", t.Action, wo.ID, errRaced)
	}
	if t.Action == Invoice {
		if err := tx.WorkOrderItem.Update().Where(workorderitem.WorkOrderID(wo.ID)).SetIsInvoiced(true).SetUpdatedAt(now).Exec(ctx); err != nil {
			return fmt.Errorf("freeze items of work order %d: %w", wo.ID, err)
		}
	}
	if err := remember(ctx, tx, now, wo.ID, &t.From, t.To, in.Note); err != nil {
		return err
	}
	e := audit.Event{Action: t.trail, Resource: audit.WorkOrder, EntityID: wo.ID, Changes: audit.Changes{"status": {t.From, t.To}}}
	if in.Note != nil {
		e.Extra = map[string]any{"note": *in.Note}
	}
	if err := audit.Record(ctx, tx, now, e); err != nil {
		return err
	}
	return tell(ctx, tx, now, wo, t.Action, in.Note)
}

// stamp notes on the order itself when and by whom the step was taken; wo gets the start
// that counts from now on.
func stamp(u *ent.WorkOrderUpdate, t Transition, wo *ent.WorkOrder, in StepInput, who int64, now time.Time) {
	switch t.Action {
	case Approve:
		u.SetApprovedBy(who).SetApprovedAt(now)
	case Reject:
		u.SetRejectedBy(who).SetRejectedAt(now).SetRejectionReason(*in.Note)
	case Reopen:
		if t.From == workorder.StatusRejected { // the history keeps the rejection
			u.ClearRejectedBy().ClearRejectedAt().ClearRejectionReason().ClearApprovedBy().ClearApprovedAt()
		} else {
			u.ClearActualEnd().ClearCompletionNote()
		}
	case Start:
		if wo.ActualStart == nil {
			wo.ActualStart = &now
			u.SetActualStart(now)
		}
	case Complete:
		u.SetActualEnd(now).SetCompletionNote(*in.Note)
	case Invoice:
		u.SetInvoicedAt(now).SetNillableInvoiceNo(in.InvoiceNo)
	case Close:
		u.SetClosedAt(now)
	case Submit, Withdraw, Cancel:
	}
}

// The history has the same statuses in a type of its own.
func historyFrom(s workorder.Status) workorderstatushistory.FromStatus {
	return workorderstatushistory.FromStatus(s)
}

func historyTo(s workorder.Status) workorderstatushistory.ToStatus {
	return workorderstatushistory.ToStatus(s)
}
