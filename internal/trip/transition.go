package trip

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"aliaport/ent"
	entmotorbot "aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/motorbot"
)

// errRaced means that the trip changed between the lock and the UPDATE, which the
// lock is there to prevent.
var errRaced = errors.New("trip changed under the lock")

// take takes a step. Two clients racing for one trip cannot both succeed: boat and
// trip are locked, and the status is part of the UPDATE. do adds to the UPDATE what
// the step needs.
func (s *Service) take(ctx context.Context, action Action, id globalid.ID, do func(*ent.Tx, *ent.Trip, *ent.Motorbot, *ent.TripUpdate, *audit.Event) error) (int64, error) {
	key, err := keyOf(id)
	if err != nil {
		return 0, err
	}
	return key, s.inTx(ctx, func(tx *ent.Tx) error {
		t, boat, err := s.locked(ctx, tx, key)
		if err != nil {
			return err
		}
		tr, ok := step(t, action)
		if !ok {
			return refuse(t, action)
		}
		u := tx.Trip.Update().Where(trip.ID(key), trip.StatusEQ(tr.From), trip.InvoiceStatusEQ(t.InvoiceStatus)).SetStatus(tr.To)
		e := audit.Event{Action: tr.trail, Changes: audit.Changes{}}
		e.Changes.Set("status", tr.From, tr.To)
		if err := do(tx, t, boat, u, &e); err != nil {
			return err
		}
		return s.save(ctx, tx, t, u, e)
	})
}

// refuse names the steps that the trip could take instead. What is completed is
// final but for its bill.
func refuse(t *ent.Trip, action Action) error {
	switch {
	case t.Status == trip.StatusCompleted && action != Invoice && action != Price:
		return apperr.New(apperr.TripCompleted).At("id")
	case action == Invoice && t.InvoiceStatus == trip.InvoiceStatusPending:
		return apperr.New(apperr.TripNotPriced).At("id")
	}
	var names []string
	for _, tr := range open(t) {
		names = append(names, string(tr.Action))
	}
	from := t.Status.String()
	if t.Status == trip.StatusCompleted {
		from += "/" + t.InvoiceStatus.String()
	}
	allowed := "–"
	if len(names) > 0 {
		allowed = strings.Join(names, ", ")
	}
	return apperr.New(apperr.TripTransition, "from", from, "action", action, "allowed", allowed).At("id")
}

// happened is when something is said to have happened, by default now.
func (s *Service) happened(at *time.Time, field string) (time.Time, *apperr.Error) {
	if at == nil {
		return s.Now(), nil
	}
	if at.After(s.Now().Add(tolerance)) {
		return time.Time{}, apperr.New(apperr.TripDate, "minutes", int(tolerance/time.Minute)).Saying(apperr.InFuture).At(field)
	}
	return *utc(at), nil
}

// DepartInput puts a boat to sea: now unless said otherwise, with the planned return
// as it was planned unless said otherwise.
type DepartInput struct {
	ID              globalid.ID
	DepartureAt     *time.Time
	PlannedReturnAt *time.Time
}

// Depart puts a boat to sea. It must be in service, and not be kept busy by another
// trip: without a planned return it is busy until it is back.
func (s *Service) Depart(ctx context.Context, in DepartInput) (*Result, error) {
	if err := actor.Require(ctx, actor.TripWrite); err != nil {
		return nil, err
	}
	id, err := s.take(ctx, Depart, in.ID, func(tx *ent.Tx, t *ent.Trip, boat *ent.Motorbot, u *ent.TripUpdate, e *audit.Event) error {
		departure, refused := s.happened(in.DepartureAt, "departureAt")
		if refused != nil {
			return refused
		}
		if boat.Status != entmotorbot.StatusActive {
			return motorbot.Unavailable(boat).At("id")
		}
		back := t.PlannedReturnAt
		if in.PlannedReturnAt != nil {
			back = utc(in.PlannedReturnAt)
			later := departure
			if t.PlannedDepartureAt.After(later) {
				later = t.PlannedDepartureAt
			}
			if refused := inOrder(later, back, "plannedReturnAt"); refused != nil {
				return refused
			}
			u.SetPlannedReturnAt(*back)
			e.Changes.Set("planned_return_at", audit.Shown(t.PlannedReturnAt), *back)
		}
		h := underway(departure, back)
		if err := s.free(ctx, tx, claim{boat: boat.ID, trip: t.ID, hours: h.orBack(s.Now()), departs: true}); err != nil {
			return at(err, "departureAt")
		}
		u.SetDepartureAt(departure).SetStartsAt(departure).SetTripDate(calendar.DateOf(departure))
		if h.to == nil {
			u.ClearEndsAt()
		} else {
			u.SetEndsAt(*h.to)
		}
		e.Changes.Set("departure_at", nil, departure)
		return nil
	})
	return s.afterWithPast(ctx, id, err)
}

// ReturnInput brings a boat back: now unless said otherwise.
type ReturnInput struct {
	ID          globalid.ID
	ReturnAt    *time.Time
	ArrivalPier *string // where it came to, if not as planned
}

// Return brings a boat back. A trip with a customer is priced, and to be billed from
// then on. What cannot be priced is back all the same; the result warns why.
func (s *Service) Return(ctx context.Context, in ReturnInput) (*Result, error) {
	if err := actor.Require(ctx, actor.TripWrite); err != nil {
		return nil, err
	}
	if e := input.OptionalText("arrivalPier", &in.ArrivalPier, 100); e != nil {
		return nil, e
	}
	var warnings apperr.Errors
	id, err := s.take(ctx, Return, in.ID, func(tx *ent.Tx, t *ent.Trip, _ *ent.Motorbot, u *ent.TripUpdate, e *audit.Event) error {
		back, refused := s.happened(in.ReturnAt, "returnAt")
		if refused != nil {
			return refused
		}
		if refused := inOrder(*t.DepartureAt, &back, "returnAt"); refused != nil {
			return refused
		}
		u.SetReturnAt(back).SetEndsAt(back)
		e.Changes.Set("return_at", nil, back)
		audit.Put(e.Changes, "arrival_pier", in.ArrivalPier, or(t.ArrivalPier, ""), u.SetArrivalPier)
		if t.CariID == nil {
			return nil // nobody pays
		}
		u.SetInvoiceStatus(trip.InvoiceStatusPending)
		e.Changes.Set("invoice_status", t.InvoiceStatus, trip.InvoiceStatusPending)
		l, err := s.price(ctx, tx, t, back, Measures{})
		if warnings, err = mendable(err); err != nil || warnings != nil {
			return err
		}
		return setPrice(u.Mutation(), l, e.Changes)
	})
	r, err := s.afterWithPast(ctx, id, err)
	if r != nil {
		r.Warnings = warnings
	}
	return r, err
}

// CancelInput cancels a trip, with the reason.
type CancelInput struct {
	ID     globalid.ID
	Reason string
}

// Cancel ends a trip that is planned or underway; its boat is free at once.
func (s *Service) Cancel(ctx context.Context, in CancelInput) (*Result, error) {
	if err := actor.Require(ctx, actor.TripWrite); err != nil {
		return nil, err
	}
	reason := &in.Reason
	if e := input.OptionalText("reason", &reason, maxReason); e != nil {
		return nil, e
	}
	if reason == nil || utf8.RuneCountInString(*reason) < minReason {
		return nil, apperr.Invalid("reason", apperr.TooShort, "min", minReason)
	}
	id, err := s.take(ctx, Cancel, in.ID, func(_ *ent.Tx, _ *ent.Trip, _ *ent.Motorbot, u *ent.TripUpdate, e *audit.Event) error {
		u.SetCancelReason(*reason)
		e.Extra = map[string]any{"note": *reason}
		return nil
	})
	return s.after(ctx, id, err)
}

// InvoiceInput notes the invoice that a trip is on.
type InvoiceInput struct {
	ID        globalid.ID
	InvoiceNo string
}

// MarkInvoiced notes that a completed trip of a customer is billed.
func (s *Service) MarkInvoiced(ctx context.Context, in InvoiceInput) (*Result, error) {
	if err := actor.Require(ctx, actor.WorkOrderInvoice); err != nil {
		return nil, err
	}
	if e := input.Text("invoiceNo", &in.InvoiceNo, 1, 50); e != nil {
		return nil, e
	}
	id, err := s.take(ctx, Invoice, in.ID, func(_ *ent.Tx, t *ent.Trip, _ *ent.Motorbot, u *ent.TripUpdate, e *audit.Event) error {
		u.SetInvoiceStatus(trip.InvoiceStatusInvoiced).SetInvoiceNo(in.InvoiceNo).SetInvoicedAt(s.Now())
		e.Changes.Set("invoice_status", t.InvoiceStatus, trip.InvoiceStatusInvoiced)
		e.Changes.Set("invoice_no", nil, in.InvoiceNo)
		return nil
	})
	return s.after(ctx, id, err)
}
