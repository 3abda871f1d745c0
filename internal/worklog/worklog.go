// Package worklog holds the rules of what is recorded in the field (saha kaydı): who
// worked when under a work order, who approved it, and how it comes on the bill.
package worklog

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/motorbot"
	entservice "aliaport/ent/service"
	"aliaport/ent/trip"
	"aliaport/ent/worklog"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
	"aliaport/internal/workorder"
)

// Max is how many logs an order can have.
const Max = 500

const (
	hour      = "SAAT" // the unit of every log
	minReason = 10     // characters of a reason, after trimming
	maxReason = 500
	longest   = 500 // description
	maxNotes  = 1000
)

// Service records, judges and bills work in the field.
type Service struct {
	DB     *store.DB
	Now    func() time.Time
	Orders *workorder.Service
	// Pages makes cursors; PageLimits bound the lists.
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}

// CreateInput is work that somebody did.
type CreateInput struct {
	WorkOrderID    globalid.ID
	PersonnelName  string
	Kind           worklog.Kind
	TimeStart      time.Time
	TimeEnd        time.Time
	TripID         *globalid.ID
	MotorbotID     *globalid.ID // that of the trip when nil
	ServiceCode    *string
	Description    *string
	Notes          *string
	IdempotencyKey *string
}

// Create records work under an order that is being worked on.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.WorkLog, error) {
	if err := actor.Require(ctx, actor.FieldWrite); err != nil {
		return nil, err
	}
	order, err := in.WorkOrderID.Of("WorkOrder")
	if err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "createWorkLog", in, func() (int64, error) {
			return s.create(ctx, tx, order, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id, nil)
}

func (in *CreateInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode, 50))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	w := work{name: in.PersonnelName, start: in.TimeStart, end: in.TimeEnd, description: &in.Description, notes: &in.Notes}
	faults = append(faults, w.clean()...)
	in.PersonnelName, in.TimeStart, in.TimeEnd = w.name, w.start, w.end
	return faults.OrNil()
}

// work is what a new and a changed log are held to alike.
type work struct {
	name               string
	start, end         time.Time
	description, notes **string
}

func (w *work) clean() (faults apperr.Errors) {
	faults.Add(input.Text("personnelName", &w.name, 2, 100))
	faults.Add(input.OptionalText("description", w.description, longest))
	faults.Add(input.OptionalText("notes", w.notes, maxNotes))
	w.start, w.end = w.start.UTC().Truncate(time.Microsecond), w.end.UTC().Truncate(time.Microsecond)
	if w.minutes() < 1 {
		faults.Add(apperr.New(apperr.WorkLogHours).At("timeEnd"))
	}
	return faults
}

// minutes are whole ones.
func (w *work) minutes() int { return int(w.end.Sub(w.start) / time.Minute) }

// Hours is what minutes are on the bill: hours to two places.
func Hours(minutes int) decimal.Decimal {
	const perHour, places = 60, 2
	return decimal.NewFromInt(int64(minutes)).DivRound(decimal.NewFromInt(perHour), places)
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, order int64, in CreateInput) (int64, error) {
	now := s.Now()
	w := &work{name: in.PersonnelName, start: in.TimeStart, end: in.TimeEnd}
	if e := w.past(now); e != nil {
		return 0, e
	}
	wo, err := workorder.Lock(ctx, tx, order)
	if err != nil {
		return 0, err
	}
	if err := takesLogs(wo); err != nil {
		return 0, err
	}
	n, err := tx.WorkLog.Query().Where(worklog.WorkOrderID(order)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("count work logs of work order %d: %w", order, err)
	}
	if n >= Max {
		return 0, apperr.Invalid("workOrderId", apperr.TooMany, "max", Max)
	}
	if err := w.alone(ctx, tx, order, 0); err != nil {
		return 0, err
	}
	service, err := sold(ctx, tx, in.ServiceCode)
	if err != nil {
		return 0, err
	}
	sailed, boat, err := afloat(ctx, tx, in.TripID, in.MotorbotID)
	if err != nil {
		return 0, err
	}
	l, err := tx.WorkLog.Create().SetWorkOrderID(order).SetPersonnelName(in.PersonnelName).SetKind(in.Kind).SetNillableServiceID(service).
		SetNillableTripID(sailed).SetNillableMotorbotID(boat).
		SetTimeStart(in.TimeStart).SetTimeEnd(in.TimeEnd).SetDurationMinutes(w.minutes()).SetQuantity(Hours(w.minutes())).SetUnit(hour).
		SetNillableDescription(in.Description).SetNillableNotes(in.Notes).SetCreatedBy(actor.From(ctx).ID).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("record work under work order %d: %w", order, err)
	}
	return l.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.WorkLog, EntityID: l.ID,
		Changes: audit.Changes{
			"work_order_id": {nil, order}, "personnel_name": {nil, in.PersonnelName}, "time_start": {nil, in.TimeStart}, "time_end": {nil, in.TimeEnd},
		},
	})
}

// past refuses work that is not done yet.
func (w *work) past(now time.Time) *apperr.Error {
	if w.end.After(now) {
		e := apperr.New(apperr.WorkLogHours).At("timeEnd")
		e.Text = apperr.NotInFuture
		return e
	}
	return nil
}

// takesLogs holds for an order that is being worked on and lets the field record.
func takesLogs(wo *ent.WorkOrder) error {
	locked := apperr.New(apperr.WorkOrderLocked, "status", wo.Status).At("workOrderId")
	switch wo.Status {
	case entworkorder.StatusInProgress:
		if wo.FieldLogAllowed {
			return nil
		}
		locked.Text = apperr.FieldLogsOff
		return locked
	case entworkorder.StatusCompleted, entworkorder.StatusInvoiced, entworkorder.StatusClosed:
		return apperr.New(apperr.WorkLogCompleted, "status", wo.Status).At("workOrderId")
	case entworkorder.StatusDraft, entworkorder.StatusSubmitted, entworkorder.StatusApproved, entworkorder.StatusRejected, entworkorder.StatusCancelled:
	}
	locked.Text = apperr.NotInProgress
	return locked
}

// alone refuses hours in which the same person has worked for the same order, but
// for those that were rejected. It is asked under the order's lock.
func (w *work) alone(ctx context.Context, tx *ent.Tx, order, self int64) error {
	there, err := tx.WorkLog.Query().Where(worklog.WorkOrderID(order), worklog.TimeStartLT(w.end), worklog.TimeEndGT(w.start),
		worklog.StatusNEQ(worklog.StatusRejected), worklog.IDNEQ(self)).All(ctx)
	if err != nil {
		return fmt.Errorf("look for work in the same hours: %w", err)
	}
	for _, l := range there {
		if turkish.Fold(l.PersonnelName) == turkish.Fold(w.name) {
			return apperr.New(apperr.WorkLogDuplicate, "name", l.PersonnelName).At("timeStart")
		}
	}
	return nil
}

// afloat are the keys of the trip and of the boat of a log, nil where there is none.
func afloat(ctx context.Context, tx *ent.Tx, tripID, boatID *globalid.ID) (sailed, boat *int64, err error) {
	if tripID != nil {
		key, err := tripID.Of("Trip")
		if err != nil {
			return nil, nil, err
		}
		t, err := tx.Trip.Query().Where(trip.ID(key), trip.IsActive(true)).Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return nil, nil, apperr.New(apperr.TripNotFound).At("tripId")
		case err != nil:
			return nil, nil, fmt.Errorf("find trip %d: %w", key, err)
		}
		sailed, boat = &t.ID, &t.MotorbotID
	}
	if boatID != nil {
		key, err := boatID.Of("Motorbot")
		if err != nil {
			return nil, nil, err
		}
		m, err := tx.Motorbot.Query().Where(motorbot.ID(key), motorbot.IsActive(true)).Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return nil, nil, apperr.New(apperr.MotorbotNotFound).At("motorbotId")
		case err != nil:
			return nil, nil, fmt.Errorf("find motorboat %d: %w", key, err)
		}
		boat = &m.ID
	}
	return sailed, boat, nil
}

// sold is the key of an active service.
func sold(ctx context.Context, tx *ent.Tx, code *string) (*int64, error) {
	if code == nil {
		return nil, nil //nolint:nilnil // work that no service stands for
	}
	found, err := tx.Service.Query().Where(entservice.Code(*code)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.ServiceNotFound).At("serviceCode")
	case err != nil:
		return nil, fmt.Errorf("find service %s: %w", *code, err)
	case !found.IsActive:
		return nil, apperr.New(apperr.ServiceInactive, "code", found.Code).At("serviceCode")
	}
	return &found.ID, nil
}

// UpdateInput changes a log that is not decided on. Nil fields and changes not given
// stay.
type UpdateInput struct {
	ID            globalid.ID
	Version       int // as it was read
	PersonnelName *string
	Kind          *worklog.Kind
	TimeStart     *time.Time
	TimeEnd       *time.Time
	ServiceCode   input.Change[string]
	Description   input.Change[string]
	Notes         input.Change[string]
}

// Update changes a log that waits for approval. On VERSION_CONFLICT the current one
// comes back with the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.WorkLog, error) {
	if err := actor.Require(ctx, actor.FieldWrite); err != nil {
		return nil, err
	}
	if e := input.OptionalText("serviceCode", &in.ServiceCode.To, 50); e != nil {
		return nil, e
	}
	return s.change(ctx, in.ID, worklog.StatusPending, func(tx *ent.Tx, wo *ent.WorkOrder, l *ent.WorkLog) error {
		if l.Version != in.Version {
			return apperr.New(apperr.VersionConflict, "current", l.Version, "expected", in.Version)
		}
		if err := takesLogs(wo); err != nil {
			return err
		}
		return s.update(ctx, tx, l, in)
	})
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, l *ent.WorkLog, in UpdateInput) error {
	description, notes := in.Description.Or(l.Description), in.Notes.Or(l.Notes)
	w := &work{name: or(in.PersonnelName, l.PersonnelName), start: or(in.TimeStart, l.TimeStart), end: or(in.TimeEnd, l.TimeEnd), description: &description, notes: &notes}
	if err := w.clean().OrNil(); err != nil {
		return err
	}
	if e := w.past(s.Now()); e != nil {
		return e
	}
	if err := w.alone(ctx, tx, l.WorkOrderID, l.ID); err != nil {
		return err
	}
	u, changes := tx.WorkLog.UpdateOne(l), audit.Changes{}
	if in.ServiceCode.Given {
		service, err := sold(ctx, tx, in.ServiceCode.To)
		if err != nil {
			return err
		}
		audit.PutOrDrop(changes, "service_id", input.Change[int64]{Given: true, To: service}, l.ServiceID, u.SetServiceID, u.ClearServiceID)
	}
	audit.Put(changes, "personnel_name", &w.name, l.PersonnelName, u.SetPersonnelName)
	audit.Put(changes, "kind", in.Kind, l.Kind, u.SetKind)
	audit.Put(changes, "time_start", &w.start, l.TimeStart, u.SetTimeStart)
	audit.Put(changes, "time_end", &w.end, l.TimeEnd, u.SetTimeEnd)
	audit.PutOrDrop(changes, "description", input.Change[string]{Given: true, To: description}, l.Description, u.SetDescription, u.ClearDescription)
	audit.PutOrDrop(changes, "notes", input.Change[string]{Given: true, To: notes}, l.Notes, u.SetNotes, u.ClearNotes)
	return s.keep(ctx, tx, l, u.SetDurationMinutes(w.minutes()).SetQuantity(Hours(w.minutes())), audit.Event{Action: audit.Update, Changes: changes})
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}

// keep writes a change with its line in the trail.
func (s *Service) keep(ctx context.Context, tx *ent.Tx, l *ent.WorkLog, u *ent.WorkLogUpdateOne, e audit.Event) error {
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("change work log %d: %w", l.ID, err)
	}
	e.Resource, e.EntityID = audit.WorkLog, l.ID
	return audit.Record(ctx, tx, s.Now(), e)
}

// change runs a change to a log in the status, under the lock of its order: steps of
// the order depend on its logs.
func (s *Service) change(ctx context.Context, id globalid.ID, from worklog.Status, do func(*ent.Tx, *ent.WorkOrder, *ent.WorkLog) error) (*ent.WorkLog, error) {
	key, err := id.Of("WorkLog")
	if err != nil {
		return nil, err
	}
	err = s.inOrder(ctx, key, from, do)
	return s.reread(ctx, key, err)
}

func (s *Service) inOrder(ctx context.Context, key int64, from worklog.Status, do func(*ent.Tx, *ent.WorkOrder, *ent.WorkLog) error) error {
	missing := apperr.New(apperr.WorkLogNotFound).At("id")
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		order, err := tx.WorkLog.Query().Where(worklog.ID(key)).Select(worklog.FieldWorkOrderID).Int(ctx)
		if ent.IsNotFound(err) {
			return missing
		}
		if err != nil {
			return fmt.Errorf("find work log %d: %w", key, err)
		}
		wo, err := workorder.Lock(ctx, tx, int64(order))
		if apperr.Is(err, apperr.WorkOrderNotFound) { // deleted, and its logs with it
			return missing
		}
		if err != nil {
			return err
		}
		l, err := tx.WorkLog.Get(ctx, key)
		switch {
		case ent.IsNotFound(err): // removed meanwhile
			return missing
		case err != nil:
			return fmt.Errorf("read work log %d: %w", key, err)
		case l.Status != from:
			return apperr.New(apperr.WorkLogTransition, "status", l.Status).At("id")
		}
		return do(tx, wo, l)
	})
}

// reread returns the log after a change, and the current one beside a version
// conflict.
func (s *Service) reread(ctx context.Context, key int64, err error) (*ent.WorkLog, error) {
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	l, again := s.DB.WorkLog.Get(ctx, key)
	if again != nil {
		return nil, fmt.Errorf("read work log %d again: %w", key, again)
	}
	return l, err
}

// Approve confirms that the work was done.
func (s *Service) Approve(ctx context.Context, id globalid.ID) (*ent.WorkLog, error) {
	return s.decide(ctx, id, worklog.StatusApproved, audit.Approve, nil)
}

// RejectInput is a log that is wrong, and why.
type RejectInput struct {
	ID     globalid.ID
	Reason string
}

// Reject finds that the work was not done so.
func (s *Service) Reject(ctx context.Context, in RejectInput) (*ent.WorkLog, error) {
	if err := actor.Require(ctx, actor.FieldApprove); err != nil {
		return nil, err
	}
	if e := input.Text("reason", &in.Reason, minReason, maxReason); e != nil {
		return nil, e
	}
	return s.decide(ctx, in.ID, worklog.StatusRejected, audit.Reject, &in.Reason)
}

func (s *Service) decide(ctx context.Context, id globalid.ID, to worklog.Status, trail audit.Action, reason *string) (*ent.WorkLog, error) {
	if err := actor.Require(ctx, actor.FieldApprove); err != nil {
		return nil, err
	}
	return s.change(ctx, id, worklog.StatusPending, func(tx *ent.Tx, _ *ent.WorkOrder, l *ent.WorkLog) error {
		who := actor.From(ctx)
		u := tx.WorkLog.UpdateOne(l).SetStatus(to).SetDecidedBy(who.ID).SetDecidedByName(who.Name).SetDecidedAt(s.Now()).SetNillableRejectionReason(reason)
		e := audit.Event{Action: trail, Changes: audit.Changes{"status": {l.Status, to}}}
		if reason != nil {
			e.Extra = map[string]any{"reason": *reason}
		}
		return s.keep(ctx, tx, l, u, e)
	})
}

// ProcessInput is an approved log that comes on the bill.
type ProcessInput struct {
	ID        globalid.ID
	UnitPrice *decimal.Decimal // of an hour, by hand; nil: as the tariffs say
	VatRate   *decimal.Decimal
}

// Process makes an approved log a line of its order. Without a service that is sold
// by the hour the price has to be given; 0 is one.
func (s *Service) Process(ctx context.Context, in ProcessInput) (*ent.WorkLog, error) {
	if err := actor.Require(ctx, actor.FieldApprove); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, worklog.StatusApproved, func(tx *ent.Tx, _ *ent.WorkOrder, l *ent.WorkLog) error {
		item, err := line(ctx, tx, l, in)
		if err != nil {
			return err
		}
		key, err := s.Orders.AddLogItem(ctx, tx, l, item)
		if err != nil {
			return err
		}
		return s.keep(ctx, tx, l, tx.WorkLog.UpdateOne(l).SetStatus(worklog.StatusProcessed), audit.Event{
			Action: audit.StatusChange, Changes: audit.Changes{"status": {l.Status, worklog.StatusProcessed}}, Extra: map[string]any{"item": key},
		})
	})
}

// line is the log as a line of the order.
func line(ctx context.Context, tx *ent.Tx, l *ent.WorkLog, in ProcessInput) (workorder.ItemInput, error) {
	kind, unit := string(l.Kind), hour
	item := workorder.ItemInput{
		ItemType: workorderitem.ItemTypeWorklog, ResourceCode: &kind, ResourceName: &l.PersonnelName, StartTime: &l.TimeStart, EndTime: &l.TimeEnd,
		Quantity: l.Quantity, Unit: &unit, UnitPrice: in.UnitPrice, VatRate: in.VatRate, Notes: l.Description,
	}
	if l.ServiceID != nil {
		service, err := tx.Service.Get(ctx, *l.ServiceID)
		if err != nil {
			return item, fmt.Errorf("service of work log %d: %w", l.ID, err)
		}
		item.ServiceCode = &service.Code
		if service.Unit == hour {
			return item, nil // as the tariffs say, unless there is a price by hand
		}
	}
	if item.UnitPrice == nil {
		return item, apperr.Invalid("unitPrice", apperr.Required)
	}
	return item, nil
}

// Delete removes a log that waits for approval.
func (s *Service) Delete(ctx context.Context, id globalid.ID) error {
	if err := actor.Require(ctx, actor.FieldDelete); err != nil {
		return err
	}
	key, err := id.Of("WorkLog")
	if err != nil {
		return err
	}
	return s.inOrder(ctx, key, worklog.StatusPending, func(tx *ent.Tx, _ *ent.WorkOrder, l *ent.WorkLog) error {
		if err := tx.WorkLog.DeleteOne(l).Exec(ctx); err != nil {
			return fmt.Errorf("delete work log %d: %w", key, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{
			Action: audit.Delete, Resource: audit.WorkLog, EntityID: key,
			Changes: audit.Changes{
				"work_order_id": {l.WorkOrderID, nil}, "personnel_name": {l.PersonnelName, nil}, "time_start": {l.TimeStart, nil}, "time_end": {l.TimeEnd, nil},
			},
		})
	})
}
