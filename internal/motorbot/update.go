package motorbot

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/ent/worklog"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/turkish"
)

// UpdateInput changes a boat. Nil fields and changes not given stay.
type UpdateInput struct {
	ID           globalid.ID
	Version      int // as it was read
	Name         *string
	Plate        input.Change[string]
	CapacityTon  input.Change[decimal.Decimal]
	MaxSpeedKnot input.Change[decimal.Decimal]
	GrossTonnage input.Change[decimal.Decimal]
	Flag         input.Change[string]
	OwnerID      input.Change[globalid.ID]
	AcquiredOn   input.Change[calendar.Date]
	Notes        input.Change[string]
}

// Update changes a boat. On VERSION_CONFLICT the current one comes back with the
// refusal. The capacity is frozen once there are trips, for they were planned by it.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.Motorbot, error) {
	if err := actor.Require(ctx, actor.MotorbotWrite); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, m *ent.Motorbot) error { return s.update(ctx, tx, m, in) })
}

func (in *UpdateInput) clean() error {
	var faults apperr.Errors
	if in.Name != nil {
		faults.Add(input.Text("name", in.Name, 2, 200))
	}
	faults = append(faults, (&details{&in.Plate.To, &in.Flag.To, &in.Notes.To, in.CapacityTon.To, in.MaxSpeedKnot.To, in.GrossTonnage.To}).clean()...)
	return faults.OrNil()
}

// change runs a change to a locked boat whose version must be the one that was read.
func (s *Service) change(ctx context.Context, id globalid.ID, version int, do func(*ent.Tx, *ent.Motorbot) error) (*ent.Motorbot, error) {
	key, err := keyOf(id)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		m, err := Locked(ctx, tx, s.DB.Dialect(), key)
		if err != nil {
			if e, ok := apperr.All(err); ok {
				return e[0].At("id")
			}
			return err
		}
		if m.Version != version {
			return apperr.New(apperr.VersionConflict, "current", m.Version, "expected", version)
		}
		return do(tx, m)
	})
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	m, again := s.reread(ctx, key)
	if again != nil {
		return nil, again
	}
	return m, err
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, m *ent.Motorbot, in UpdateInput) error {
	u, changes := tx.Motorbot.UpdateOne(m), audit.Changes{}
	audit.PutOrDrop(changes, "capacity_ton", in.CapacityTon, m.CapacityTon, u.SetCapacityTon, u.ClearCapacityTon)
	if _, changed := changes["capacity_ton"]; changed {
		some, err := hasTrips(ctx, tx, m.ID)
		if err != nil {
			return err
		}
		if some {
			return apperr.New(apperr.MotorbotInUse).At("capacityTon")
		}
	}
	audit.Put(changes, "name", in.Name, m.Name, u.SetName)
	audit.PutOrDrop(changes, "plate", in.Plate, m.Plate, u.SetPlate, u.ClearPlate)
	audit.PutOrDrop(changes, "max_speed_knot", in.MaxSpeedKnot, m.MaxSpeedKnot, u.SetMaxSpeedKnot, u.ClearMaxSpeedKnot)
	audit.PutOrDrop(changes, "gross_tonnage", in.GrossTonnage, m.GrossTonnage, u.SetGrossTonnage, u.ClearGrossTonnage)
	audit.PutOrDrop(changes, "flag", in.Flag, m.Flag, u.SetFlag, u.ClearFlag)
	audit.PutOrDrop(changes, "acquired_on", in.AcquiredOn, m.AcquiredOn, u.SetAcquiredOn, u.ClearAcquiredOn)
	audit.PutOrDrop(changes, "notes", in.Notes, m.Notes, u.SetNotes, u.ClearNotes)
	if err := s.changeOwner(ctx, tx, m, in, u, changes); err != nil {
		return err
	}
	name := m.Name
	if in.Name != nil {
		name = *in.Name
	}
	u.SetNameFold(turkish.Fold(name)).SetSearchText(searchText(m.MBCode, name, in.Plate.Or(m.Plate)))
	return s.save(ctx, tx, m, u, audit.Update, changes)
}

func (s *Service) changeOwner(ctx context.Context, tx *ent.Tx, m *ent.Motorbot, in UpdateInput, u *ent.MotorbotUpdateOne, changes audit.Changes) error {
	if !in.OwnerID.Given {
		return nil
	}
	if in.OwnerID.To == nil {
		u.ClearOwnerCariID()
		changes.Set("owner", audit.Shown(m.OwnerCariID), nil)
		return nil
	}
	if m.OwnerCariID != nil && in.OwnerID.To.Key == *m.OwnerCariID { // who may have been deactivated since
		return nil
	}
	owner, err := s.owner(ctx, tx, in.OwnerID.To, nil)
	if err != nil {
		return err
	}
	u.SetOwnerCariID(owner.ID)
	changes.Set("owner", audit.Shown(m.OwnerCariID), owner.ID)
	return nil
}

func (s *Service) save(ctx context.Context, tx *ent.Tx, m *ent.Motorbot, u *ent.MotorbotUpdateOne, action audit.Action, changes audit.Changes) error {
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("%s motorboat %d: %w", action, m.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.Motorbot, EntityID: m.ID, Changes: changes})
}

func hasTrips(ctx context.Context, tx *ent.Tx, id int64) (bool, error) {
	some, err := tx.Trip.Query().Where(trip.MotorbotID(id), trip.IsActive(true)).Exist(ctx)
	if err != nil {
		return false, fmt.Errorf("look for trips of motorboat %d: %w", id, err)
	}
	return some, nil
}

// StatusInput puts a boat into or out of service.
type StatusInput struct {
	ID      globalid.ID
	Version int
	Status  motorbot.Status
}

// mayBecome is the whole life of a boat: maintenance and retirement both begin and
// end in service.
func mayBecome(from, to motorbot.Status) bool {
	switch from {
	case motorbot.StatusActive:
		return to == motorbot.StatusMaintenance || to == motorbot.StatusOutOfService
	case motorbot.StatusMaintenance, motorbot.StatusOutOfService:
		return to == motorbot.StatusActive
	}
	return false
}

// SetStatus puts a boat into or out of service. One that is at sea stays in it. The
// same state again changes nothing.
func (s *Service) SetStatus(ctx context.Context, in StatusInput) (*ent.Motorbot, error) {
	if err := actor.Require(ctx, actor.MotorbotWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, m *ent.Motorbot) error {
		switch {
		case in.Status == m.Status:
			return nil
		case !mayBecome(m.Status, in.Status):
			return apperr.Invalid("status", apperr.NotOneOf, "possible", motorbot.StatusActive)
		}
		if err := ashore(ctx, tx, m.ID); err != nil {
			return err
		}
		return s.save(ctx, tx, m, tx.Motorbot.UpdateOne(m).SetStatus(in.Status), audit.StatusChange, audit.Changes{"status": {m.Status, in.Status}})
	})
}

// ashore refuses what cannot be done to a boat at sea.
func ashore(ctx context.Context, tx *ent.Tx, id int64) error {
	t, err := tx.Trip.Query().Where(trip.MotorbotID(id), trip.StatusEQ(trip.StatusUnderway), trip.IsActive(true)).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for trips underway of motorboat %d: %w", id, err)
	}
	return apperr.New(apperr.MotorbotInUse, "tripNo", t.TripNo).Saying(apperr.BoatAtSea).At("status")
}

// DeleteInput names a boat to be deleted.
type DeleteInput struct {
	ID      globalid.ID
	Version int
}

// Delete takes a boat out of every list. One that anything refers to stays: a trip,
// a field log or a gate log.
func (s *Service) Delete(ctx context.Context, in DeleteInput) (*ent.Motorbot, error) {
	if err := actor.Require(ctx, actor.MotorbotDelete); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Version, func(tx *ent.Tx, m *ent.Motorbot) error {
		used, err := hasTrips(ctx, tx, m.ID)
		if err == nil && !used {
			used, err = tx.WorkLog.Query().Where(worklog.MotorbotID(m.ID)).Exist(ctx)
		}
		if err == nil && !used {
			used, err = tx.GateLog.Query().Where(gatelog.MotorbotID(m.ID)).Exist(ctx)
		}
		switch {
		case err != nil:
			return fmt.Errorf("look for what refers to motorboat %d: %w", m.ID, err)
		case used:
			return apperr.New(apperr.MotorbotInUse).At("id")
		}
		return s.save(ctx, tx, m, tx.Motorbot.UpdateOne(m).SetIsActive(false), audit.Delete, nil)
	})
}
