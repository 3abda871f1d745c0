package trip

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
)

// UpdateInput changes a planned trip. Nil fields and changes not given stay.
type UpdateInput struct {
	ID                 globalid.ID
	Version            int // as it was read
	MotorbotID         *globalid.ID
	PlannedDepartureAt *time.Time
	PlannedReturnAt    input.Change[time.Time]
	DeparturePier      input.Change[string]
	ArrivalPier        input.Change[string]
	CariID             input.Change[globalid.ID]
	WorkOrderID        input.Change[globalid.ID]
	ServiceCode        input.Change[string]
	CargoDescription   input.Change[string]
	Notes              input.Change[string]
}

// Update changes a trip that has not departed. On VERSION_CONFLICT the current trip
// comes back with the refusal, so that the client can merge.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*Result, error) {
	if err := actor.Require(ctx, actor.TripWrite); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	faults := texts(&in.DeparturePier.To, &in.ArrivalPier.To, &in.CargoDescription.To, &in.Notes.To)
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode.To, 50))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	in.PlannedDepartureAt, in.PlannedReturnAt.To = utc(in.PlannedDepartureAt), utc(in.PlannedReturnAt.To)
	err = s.inTx(ctx, func(tx *ent.Tx) error {
		t, boat, err := s.lockedFor(ctx, tx, id, in.MotorbotID)
		switch {
		case err != nil:
			return err
		case t.Status == trip.StatusCompleted:
			return apperr.New(apperr.TripCompleted).At("id")
		case t.Version != in.Version:
			return apperr.New(apperr.VersionConflict, "current", t.Version, "expected", in.Version)
		case t.Status != trip.StatusPlanned:
			return refuse(t, "UPDATE")
		}
		return s.update(ctx, tx, t, boat, in)
	})
	return s.afterWithPast(ctx, id, err)
}

// lockedFor locks a trip that may get another boat, with the boat that it will have.
// Both boats are locked, in the order of their keys, so that two changes that swap
// boats do not wait for each other.
func (s *Service) lockedFor(ctx context.Context, tx *ent.Tx, id int64, other *globalid.ID) (*ent.Trip, *ent.Motorbot, error) {
	if other == nil {
		return s.locked(ctx, tx, id)
	}
	key, err := other.Of("Motorbot")
	if err != nil {
		return nil, nil, err
	}
	now, err := tx.Trip.Query().Where(trip.ID(id), trip.IsActive(true)).Select(trip.FieldMotorbotID).Only(ctx)
	if err != nil {
		return nil, nil, missing(err, id)
	}
	if key == now.MotorbotID { // no change, and no question whether it may be planned with
		return s.locked(ctx, tx, id)
	}
	var boat *ent.Motorbot
	if key < now.MotorbotID {
		if boat, err = s.boat(ctx, tx, other, nil); err != nil {
			return nil, nil, err
		}
	}
	t, _, err := s.locked(ctx, tx, id)
	if err == nil && boat == nil {
		boat, err = s.boat(ctx, tx, other, nil)
	}
	return t, boat, err
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, t *ent.Trip, boat *ent.Motorbot, in UpdateInput) error {
	if in.DeparturePier.Or(t.DeparturePier) == nil && in.ArrivalPier.Or(t.ArrivalPier) == nil {
		return noPier()
	}
	u, changes := tx.Trip.Update().Where(trip.ID(t.ID), trip.Version(t.Version), trip.StatusEQ(trip.StatusPlanned)), audit.Changes{}
	if err := s.move(ctx, tx, t, boat, in, u, changes); err != nil {
		return err
	}
	audit.PutOrDrop(changes, "departure_pier", in.DeparturePier, t.DeparturePier, u.SetDeparturePier, u.ClearDeparturePier)
	audit.PutOrDrop(changes, "arrival_pier", in.ArrivalPier, t.ArrivalPier, u.SetArrivalPier, u.ClearArrivalPier)
	audit.PutOrDrop(changes, "cargo_description", in.CargoDescription, t.CargoDescription, u.SetCargoDescription, u.ClearCargoDescription)
	audit.PutOrDrop(changes, "notes", in.Notes, t.Notes, u.SetNotes, u.ClearNotes)
	if err := s.changeCustomer(ctx, tx, t, in, u, changes); err != nil {
		return err
	}
	if in.WorkOrderID.Given {
		changed := input.Change[int64]{Given: true}
		if in.WorkOrderID.To != nil {
			order, err := workOrder(ctx, tx, *in.WorkOrderID.To)
			if err != nil {
				return err
			}
			changed.To = &order
		}
		audit.PutOrDrop(changes, "work_order_id", changed, t.WorkOrderID, u.SetWorkOrderID, u.ClearWorkOrderID)
	}
	if in.ServiceCode.Given {
		changed := input.Change[int64]{Given: true}
		if in.ServiceCode.To != nil {
			key, err := sold(ctx, tx, *in.ServiceCode.To)
			if err != nil {
				return err
			}
			changed.To = &key
		}
		audit.PutOrDrop(changes, "service_id", changed, t.ServiceID, u.SetServiceID, u.ClearServiceID)
	}
	return s.save(ctx, tx, t, u, audit.Event{Action: audit.Update, Changes: changes})
}

// move gives the trip other hours or another boat, if that one is free.
func (s *Service) move(ctx context.Context, tx *ent.Tx, t *ent.Trip, boat *ent.Motorbot, in UpdateInput, u *ent.TripUpdate, changes audit.Changes) error {
	departure, back := or(in.PlannedDepartureAt, t.PlannedDepartureAt), in.PlannedReturnAt.Or(t.PlannedReturnAt)
	if e := inOrder(departure, back, "plannedReturnAt"); e != nil {
		return e
	}
	audit.Put(changes, "planned_departure_at", in.PlannedDepartureAt, t.PlannedDepartureAt, u.SetPlannedDepartureAt)
	audit.PutOrDrop(changes, "planned_return_at", in.PlannedReturnAt, t.PlannedReturnAt, u.SetPlannedReturnAt, u.ClearPlannedReturnAt)
	field := "plannedDepartureAt"
	if boat.ID != t.MotorbotID {
		field = "motorbotId"
		u.SetMotorbotID(boat.ID)
		changes.Set("motorbot_id", t.MotorbotID, boat.ID)
	}
	if len(changes) == 0 {
		return nil
	}
	h, err := plannedHours(ctx, tx, departure, back)
	if err != nil {
		return err
	}
	if err := s.free(ctx, tx, claim{boat: boat.ID, trip: t.ID, hours: h}); err != nil {
		return at(err, field)
	}
	u.SetStartsAt(h.from).SetEndsAt(*h.to).SetTripDate(calendar.DateOf(h.from))
	return nil
}

func (s *Service) changeCustomer(ctx context.Context, tx *ent.Tx, t *ent.Trip, in UpdateInput, u *ent.TripUpdate, changes audit.Changes) error {
	switch {
	case !in.CariID.Given:
	case in.CariID.To == nil:
		u.ClearCariID().ClearCariCode()
		changes.Set("cari_code", audit.Shown(t.CariCode), nil)
	case t.CariID == nil || *in.CariID.To != (globalid.ID{Type: "Cari", Key: *t.CariID}): // the one it has may have been deactivated since
		c, err := s.customer(ctx, tx, in.CariID.To, nil)
		if err != nil {
			return err
		}
		u.SetCariID(c.ID).SetCariCode(c.CariCode)
		changes.Set("cari_code", audit.Shown(t.CariCode), c.CariCode)
	}
	return nil
}

// save writes the change with its line in the trail. The condition of u is what the
// lock already promised.
func (s *Service) save(ctx context.Context, tx *ent.Tx, t *ent.Trip, u *ent.TripUpdate, e audit.Event) error {
	n, err := u.AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID).Save(ctx)
	if err != nil {
		return fmt.Errorf("%s trip %d: %w", e.Action, t.ID, err)
	}
	if n == 0 {
		return fmt.Errorf("%s trip %d: %w", e.Action, t.ID, errRaced)
	}
	e.Resource, e.EntityID = audit.Trip, t.ID
	return audit.Record(ctx, tx, s.Now(), e)
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}

// DeleteInput names a trip to be deleted.
type DeleteInput struct {
	ID      globalid.ID
	Version int
}

// Delete takes a planned trip out of every list. The row stays on record; trips that
// departed or were cancelled stay for everybody to see.
func (s *Service) Delete(ctx context.Context, in DeleteInput) (*Result, error) {
	if err := actor.Require(ctx, actor.TripDelete); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(tx *ent.Tx) error {
		t, _, err := s.locked(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case t.Status != trip.StatusPlanned:
			return apperr.New(apperr.TripCannotDelete, "status", t.Status).At("id")
		case t.Version != in.Version:
			return apperr.New(apperr.VersionConflict, "current", t.Version, "expected", in.Version)
		}
		u := tx.Trip.Update().Where(trip.ID(id), trip.Version(t.Version), trip.StatusEQ(trip.StatusPlanned)).SetIsActive(false)
		return s.save(ctx, tx, t, u, audit.Event{Action: audit.Delete})
	})
	return s.after(ctx, id, err)
}
