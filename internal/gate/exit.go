package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/plate"
)

// ExitInput is a stay that ends, named by its log or by the plate that is inside.
type ExitInput struct {
	ID             *globalid.ID
	VehiclePlate   *string
	ExitAt         *time.Time // by hand
	DeviceTime     *time.Time // of the device at the gate; nothing is decided by it
	IdempotencyKey *string

	plate plate.Plate
}

// Exit records an exit. Whatever the state of the order, nobody is kept inside.
func (s *Service) Exit(ctx context.Context, in ExitInput) (*ent.GateLog, error) {
	if err := actor.Require(ctx, actor.GateWrite); err != nil {
		return nil, err
	}
	if in.ExitAt != nil {
		if err := actor.Require(ctx, actor.GateException); err != nil {
			return nil, err
		}
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "gateExit", in, func() (int64, error) {
			return s.exit(ctx, tx, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

func (in *ExitInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.OptionalText("vehiclePlate", &in.VehiclePlate, maxTyped))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	if (in.ID == nil) == (in.VehiclePlate == nil) {
		faults.Add(apperr.Invalid("id", apperr.OneOf, "fields", "id, vehiclePlate"))
	}
	if in.VehiclePlate != nil {
		var ok bool
		if in.plate, ok = plate.Parse(*in.VehiclePlate); !ok {
			faults.Add(apperr.Invalid("vehiclePlate", apperr.Plate))
		}
	}
	return faults.OrNil()
}

func (s *Service) exit(ctx context.Context, tx *ent.Tx, in ExitInput) (int64, error) {
	now := s.Now()
	at, isManual, refused := moment("exitAt", in.ExitAt, now)
	if refused != nil {
		return 0, refused
	}
	l, err := findStay(ctx, tx, in)
	if err != nil {
		return 0, err
	}
	if at.Before(l.EntryAt) {
		if isManual {
			return 0, apperr.Invalid("exitAt", apperr.ExitFirst)
		}
		at = l.EntryAt // the server's clock was put back
	}
	if err := s.holdOrder(ctx, tx, l.WorkOrderID); err != nil {
		return 0, err
	}
	who := actor.From(ctx)
	minutes, overrun := Stay(l.EntryAt, at, l.BaseMinutes)
	// That it is still inside is part of the UPDATE: of two exits at once one is late.
	u := tx.GateLog.Update().Where(gatelog.ID(l.ID), inside).
		SetExitAt(at).SetExitIsManual(isManual).SetExitBy(who.ID).SetExitByName(who.Name).
		SetDurationMinutes(minutes).SetOverrunMinutes(overrun).SetUpdatedAt(now)
	if in.DeviceTime != nil {
		u.SetExitDeviceAt(*cut(in.DeviceTime))
	}
	n, err := u.Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("record the exit of gate log %d: %w", l.ID, err)
	}
	if n == 0 {
		return 0, apperr.New(apperr.GateLogExited).At(in.field())
	}
	if l.PersonID != nil {
		err := tx.WorkOrderPerson.Update().Where(workorderperson.ID(*l.PersonID), workorderperson.StatusEQ(workorderperson.StatusEntered)).
			SetStatus(workorderperson.StatusExited).SetGateExitAt(at).SetUpdatedAt(now).Exec(ctx)
		if err != nil {
			return 0, fmt.Errorf("note that person %d left: %w", *l.PersonID, err)
		}
	}
	if err := lastLeft(ctx, tx, l.WorkOrderID, at, now); err != nil {
		return 0, err
	}
	e := audit.Event{
		Action: audit.GateExit, Resource: audit.GateLog, EntityID: l.ID,
		Changes: audit.Changes{"exit_at": {nil, at}, "duration_minutes": {nil, minutes}, "overrun_minutes": {nil, overrun}},
	}
	return l.ID, audit.Record(ctx, tx, now, e)
}

func (in *ExitInput) field() string {
	if in.ID != nil {
		return "id"
	}
	return "vehiclePlate"
}

// findStay is the stay that ends. A plate that is not inside, but was, has left
// already.
func findStay(ctx context.Context, tx *ent.Tx, in ExitInput) (*ent.GateLog, error) {
	q := tx.GateLog.Query()
	if in.ID != nil {
		key, err := keyOf(*in.ID)
		if err != nil {
			return nil, err
		}
		q.Where(gatelog.ID(key))
	} else {
		q.Where(gatelog.PlateNorm(in.plate.Norm), inside)
	}
	l, err := q.Only(ctx)
	if ent.IsNotFound(err) && in.ID == nil {
		l, err = tx.GateLog.Query().Where(gatelog.PlateNorm(in.plate.Norm), gatelog.ExitAtNotNil(), gatelog.IsSuperseded(false)).First(ctx)
	}
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.GateLogNotFound).At(in.field())
	case err != nil:
		return nil, fmt.Errorf("find the gate log of an exit: %w", err)
	case l.IsSuperseded:
		return nil, apperr.New(apperr.GateLogCorrected).At(in.field())
	case l.ExitAt != nil:
		return nil, apperr.New(apperr.GateLogExited).At(in.field())
	}
	return l, nil
}

// lastLeft notes on the order when the last of its vehicles and persons left, unless
// there are others inside. It is not a change to what people edit: the version stays.
func lastLeft(ctx context.Context, tx *ent.Tx, order int64, at, now time.Time) error {
	err := tx.WorkOrder.Update().Where(workorder.ID(order), workorder.Or(workorder.SecurityExitAtIsNil(), workorder.SecurityExitAtLT(at)), nobodyInside(order)).
		SetSecurityExitAt(at).SetUpdatedAt(now).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note the last exit of work order %d: %w", order, err)
	}
	return nil
}

// CorrectInput says what is wrong with a log. Nil fields stay.
type CorrectInput struct {
	ID           globalid.ID
	Reason       string
	VehiclePlate *string
	VehicleType  *gatelog.VehicleType
	DriverName   *string
	EntryAt      *time.Time
	ExitAt       *time.Time
	Notes        *string

	plate plate.Plate
}

// Correct puts another log in the place of one that is wrong. The old one stays on
// record.
func (s *Service) Correct(ctx context.Context, in CorrectInput) (*ent.GateLog, error) {
	if err := actor.Require(ctx, actor.GateException); err != nil {
		return nil, err
	}
	key, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = s.correct(ctx, tx, key, in)
		return err
	})
	if err != nil {
		return nil, alreadyInside(err, in.VehiclePlate)
	}
	return s.reread(ctx, id)
}

func (in *CorrectInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.Text("reason", &in.Reason, minReason, maxReason))
	faults.Add(input.OptionalText("vehiclePlate", &in.VehiclePlate, maxTyped))
	faults.Add(input.OptionalText("driverName", &in.DriverName, maxDriver))
	faults.Add(input.OptionalText("notes", &in.Notes, maxNotes))
	if in.VehiclePlate != nil {
		var ok bool
		if in.plate, ok = plate.Parse(*in.VehiclePlate); !ok {
			faults.Add(apperr.Invalid("vehiclePlate", apperr.Plate))
		}
	}
	return faults.OrNil()
}

var errLostLog = errors.New("the log is gone under the lock")

func (s *Service) correct(ctx context.Context, tx *ent.Tx, key int64, in CorrectInput) (int64, error) {
	order, err := tx.GateLog.Query().Where(gatelog.ID(key)).Select(gatelog.FieldWorkOrderID).Int(ctx)
	if ent.IsNotFound(err) {
		return 0, apperr.New(apperr.GateLogNotFound).At("id")
	}
	if err != nil {
		return 0, fmt.Errorf("find gate log %d: %w", key, err)
	}
	if err := s.holdOrder(ctx, tx, int64(order)); err != nil {
		return 0, err
	}
	now := s.Now()
	n, err := tx.GateLog.Update().Where(gatelog.ID(key), gatelog.IsSuperseded(false)).SetIsSuperseded(true).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("supersede gate log %d: %w", key, err)
	}
	if n == 0 {
		return 0, apperr.New(apperr.GateLogCorrected).At("id")
	}
	old, err := tx.GateLog.Get(ctx, key) // as it is now: an exit may have come in between
	if err != nil {
		return 0, fmt.Errorf("%w: %d: %w", errLostLog, key, err)
	}
	c, changes, err := in.corrected(tx, old, now)
	if err != nil {
		return 0, err
	}
	l, err := c.SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("correct gate log %d: %w", key, err)
	}
	if l.PersonID != nil {
		if err := newestTimes(ctx, tx, *l.PersonID, now); err != nil {
			return 0, err
		}
	}
	if err := settle(ctx, tx, l.WorkOrderID, now); err != nil {
		return 0, err
	}
	return l.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Update, Resource: audit.GateLog, EntityID: l.ID, Changes: changes,
		Extra: map[string]any{"corrects": key, "reason": in.Reason},
	})
}

// newestTimes notes on a person when the newest of their stays began and ended, which
// need not be the one that was corrected.
func newestTimes(ctx context.Context, tx *ent.Tx, person int64, now time.Time) error {
	l, err := tx.GateLog.Query().Where(gatelog.PersonID(person), gatelog.IsSuperseded(false)).
		Order(ent.Desc(gatelog.FieldEntryAt, gatelog.FieldID)).First(ctx)
	if err != nil {
		return fmt.Errorf("find the newest stay of person %d: %w", person, err)
	}
	u := tx.WorkOrderPerson.UpdateOneID(person).SetGateEntryAt(l.EntryAt).SetUpdatedAt(now)
	if l.ExitAt != nil {
		u.SetGateExitAt(*l.ExitAt)
	}
	if err := u.Exec(ctx); err != nil {
		return fmt.Errorf("correct the times of person %d: %w", person, err)
	}
	return nil
}

// corrected is the log that takes the place of the old one.
func (in *CorrectInput) corrected(tx *ent.Tx, old *ent.GateLog, now time.Time) (*ent.GateLogCreate, audit.Changes, error) {
	var faults apperr.Errors
	if old.Subject != gatelog.SubjectVehicle {
		for field, given := range map[string]bool{"vehiclePlate": in.VehiclePlate != nil, "vehicleType": in.VehicleType != nil, "driverName": in.DriverName != nil} {
			if given {
				faults.Add(apperr.Invalid(field, apperr.NotAVehicle))
			}
		}
	}
	entry, exit := old.EntryAt, old.ExitAt
	if in.EntryAt != nil {
		entry = *cut(in.EntryAt)
		faults.Add(near("entryAt", entry, old.EntryAt, now))
	}
	switch {
	case in.ExitAt != nil && exit == nil:
		faults.Add(apperr.Invalid("exitAt", apperr.StillInside))
	case in.ExitAt != nil:
		exit = cut(in.ExitAt)
		faults.Add(near("exitAt", *exit, *old.ExitAt, now))
	}
	if exit != nil && exit.Before(entry) {
		faults.Add(apperr.Invalid("exitAt", apperr.ExitFirst))
	}
	if err := faults.OrNil(); err != nil {
		return nil, nil, err
	}
	changes := audit.Changes{}
	changes.Set("entry_at", old.EntryAt, entry)
	typed, norm, foreign := old.VehiclePlate, old.PlateNorm, old.IsForeignPlate
	if in.VehiclePlate != nil {
		typed, norm, foreign = in.VehiclePlate, &in.plate.Norm, in.plate.IsForeign
		changes.Set("plate_norm", *old.PlateNorm, in.plate.Norm)
	}
	kind, driver, notes := old.VehicleType, old.DriverName, old.Notes
	if in.VehicleType != nil {
		kind = in.VehicleType
		changes.Set("vehicle_type", audit.Shown(old.VehicleType), *in.VehicleType)
	}
	if in.DriverName != nil {
		driver = in.DriverName
		changes.Set("driver_name", audit.Shown(old.DriverName), *in.DriverName)
	}
	if in.Notes != nil {
		notes = in.Notes
	}
	c := tx.GateLog.Create().SetWorkOrderID(old.WorkOrderID).SetWoNumber(old.WoNumber).SetWoStatus(old.WoStatus).SetSubject(old.Subject).
		SetNillablePersonID(old.PersonID).SetNillableMotorbotID(old.MotorbotID).
		SetNillableVehiclePlate(typed).SetNillablePlateNorm(norm).SetIsForeignPlate(foreign).SetNillableVehicleType(kind).SetNillableDriverName(driver).
		SetChecklistComplete(old.ChecklistComplete).SetIsException(old.IsException).SetNillableExceptionReason(old.ExceptionReason).
		SetEntryAt(entry).SetNillableEntryDeviceAt(old.EntryDeviceAt).SetEntryIsManual(old.EntryIsManual || in.EntryAt != nil).
		SetEntryBy(old.EntryBy).SetEntryByName(old.EntryByName).SetBaseMinutes(old.BaseMinutes).
		SetNillableNotes(notes).SetCorrectsID(old.ID).SetCorrectionReason(in.Reason)
	if len(old.Checklist) > 0 {
		c.SetChecklist(old.Checklist)
	}
	if exit != nil {
		minutes, overrun := Stay(entry, *exit, old.BaseMinutes)
		c.SetExitAt(*exit).SetNillableExitDeviceAt(old.ExitDeviceAt).SetExitIsManual(old.ExitIsManual || in.ExitAt != nil).
			SetNillableExitBy(old.ExitBy).SetNillableExitByName(old.ExitByName).SetDurationMinutes(minutes).SetOverrunMinutes(overrun)
		changes.Set("exit_at", *old.ExitAt, *exit)
	}
	return c, changes, nil
}

// near bounds a corrected time: not in the future, and within a day of the one on
// record.
func near(field string, at, was, now time.Time) *apperr.Error {
	switch {
	case at.After(now):
		return apperr.Invalid(field, apperr.NotInFuture)
	case was.Sub(at).Abs() > handHours*time.Hour:
		return apperr.Invalid(field, apperr.TooFarBack, "hours", handHours)
	}
	return nil
}

// settle works out anew when the last of an order left.
func settle(ctx context.Context, tx *ent.Tx, order int64, now time.Time) error {
	last, err := tx.GateLog.Query().Where(gatelog.WorkOrderID(order), gatelog.IsSuperseded(false), gatelog.ExitAtNotNil()).
		Order(ent.Desc(gatelog.FieldExitAt)).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find the last exit of work order %d: %w", order, err)
	}
	err = tx.WorkOrder.Update().Where(workorder.ID(order), nobodyInside(order)).SetSecurityExitAt(*last.ExitAt).SetUpdatedAt(now).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note the last exit of work order %d: %w", order, err)
	}
	return nil
}

// NotesInput are notes on a log; nil clears them.
type NotesInput struct {
	ID    globalid.ID
	Notes *string
}

// Note changes the notes of a log, which is all that may change but for the exit.
func (s *Service) Note(ctx context.Context, in NotesInput) (*ent.GateLog, error) {
	if err := actor.Require(ctx, actor.GateWrite); err != nil {
		return nil, err
	}
	key, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	if e := input.OptionalText("notes", &in.Notes, maxNotes); e != nil {
		return nil, e
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		l, err := tx.GateLog.Get(ctx, key)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.GateLogNotFound).At("id")
		case err != nil:
			return fmt.Errorf("find gate log %d: %w", key, err)
		}
		u := tx.GateLog.Update().Where(gatelog.ID(key), gatelog.IsSuperseded(false)).SetUpdatedAt(s.Now())
		if in.Notes == nil {
			u.ClearNotes()
		} else {
			u.SetNotes(*in.Notes)
		}
		n, err := u.Save(ctx)
		if err != nil {
			return fmt.Errorf("note on gate log %d: %w", key, err)
		}
		if n == 0 {
			return apperr.New(apperr.GateLogCorrected).At("id")
		}
		changes := audit.Changes{}
		changes.Set("notes", audit.Shown(l.Notes), audit.Shown(in.Notes))
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.GateLog, EntityID: key, Changes: changes})
	})
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, key)
}
