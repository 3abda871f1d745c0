// Package motorbot holds the rules of service boats (motorbot).
package motorbot

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/motorbot"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// Service makes, changes and finds motorboats.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}

// What boats are held to.
var (
	codeForm = regexp.MustCompile(`^[A-Z0-9_-]{3,50}$`)
	flagForm = regexp.MustCompile(`^[A-Z]{2}$`)

	maxCapacity = decimal.NewFromInt(1000) // tons
	maxSpeed    = decimal.NewFromInt(100)  // knots
)

// measurePlaces is how precise tons and knots are.
const measurePlaces = 2

// CreateInput describes a new boat. Its owner, if there is one, is named by id or by
// code.
type CreateInput struct {
	MBCode         string
	Name           string
	Plate          *string
	CapacityTon    *decimal.Decimal
	MaxSpeedKnot   *decimal.Decimal
	GrossTonnage   *decimal.Decimal
	Flag           *string // ISO 3166 alpha-2
	OwnerID        *globalid.ID
	OwnerCode      *string
	Status         motorbot.Status
	AcquiredOn     *calendar.Date
	Notes          *string
	IdempotencyKey *string
}

// Create makes a boat.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.Motorbot, error) {
	if err := actor.Require(ctx, actor.MotorbotWrite); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "createMotorbot", in, func() (int64, error) {
			return s.create(ctx, tx, in)
		})
		return err
	})
	if store.Classify(err).Is("motorbot_mb_code") { // another was faster
		return nil, duplicate(in.MBCode)
	}
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

func duplicate(code string) error {
	return apperr.New(apperr.MotorbotDuplicate, "mbCode", code).At("mbCode")
}

func (in *CreateInput) clean() error {
	var faults apperr.Errors
	if !codeForm.MatchString(in.MBCode) {
		faults.Add(apperr.Invalid("mbCode", apperr.MotorbotCode))
	}
	faults.Add(input.Text("name", &in.Name, 2, 200))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	if in.OwnerID != nil && in.OwnerCode != nil {
		faults.Add(apperr.Invalid("ownerCode", apperr.NotTogether, "fields", "ownerId, ownerCode"))
	}
	faults = append(faults, (&details{&in.Plate, &in.Flag, &in.Notes, in.CapacityTon, in.MaxSpeedKnot, in.GrossTonnage}).clean()...)
	return faults.OrNil()
}

// details are the fields that a new and a changed boat are held to alike.
type details struct {
	plate, flag, notes            **string
	capacity, speed, grossTonnage *decimal.Decimal
}

func (d *details) clean() (faults apperr.Errors) {
	faults.Add(input.OptionalText("plate", d.plate, 20))
	faults.Add(input.OptionalText("notes", d.notes, 1000))
	if v := *d.flag; v != nil && !flagForm.MatchString(*v) {
		faults.Add(apperr.Invalid("flag", apperr.Country))
	}
	if v := d.capacity; v != nil && (measure("capacityTon", *v, maxCapacity) != nil) {
		faults.Add(apperr.New(apperr.MotorbotCapacity, "max", maxCapacity).At("capacityTon"))
	}
	if d.speed != nil {
		faults.Add(measure("maxSpeedKnot", *d.speed, maxSpeed))
	}
	if d.grossTonnage != nil {
		faults.Add(measure("grossTonnage", *d.grossTonnage, money.Max))
	}
	return faults
}

// measure refuses what is not greater than zero, too large or too precise.
func measure(field string, v, most decimal.Decimal) *apperr.Error {
	if e := money.Check(field, v, measurePlaces); e != nil {
		return e
	}
	if !v.IsPositive() {
		return apperr.Invalid(field, apperr.Positive)
	}
	if v.GreaterThan(most) {
		return apperr.Invalid(field, apperr.OutOfRange, "min", 0, "max", most)
	}
	return nil
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, in CreateInput) (int64, error) {
	taken, err := tx.Motorbot.Query().Where(motorbot.MBCode(in.MBCode)).Exist(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for motorboat %s: %w", in.MBCode, err)
	}
	if taken {
		return 0, duplicate(in.MBCode)
	}
	now := s.Now()
	c := tx.Motorbot.Create().SetMBCode(in.MBCode).SetName(in.Name).SetNameFold(turkish.Fold(in.Name)).SetSearchText(searchText(in.MBCode, in.Name, in.Plate)).
		SetNillablePlate(in.Plate).SetNillableCapacityTon(in.CapacityTon).SetNillableMaxSpeedKnot(in.MaxSpeedKnot).SetNillableGrossTonnage(in.GrossTonnage).
		SetNillableFlag(in.Flag).SetStatus(in.Status).SetNillableAcquiredOn(in.AcquiredOn).SetNillableNotes(in.Notes).SetCreatedAt(now).SetUpdatedAt(now)
	changes := audit.Changes{"mb_code": {nil, in.MBCode}, "name": {nil, in.Name}, "status": {nil, in.Status}, "capacity_ton": {nil, audit.Shown(in.CapacityTon)}}
	if in.OwnerID != nil || in.OwnerCode != nil {
		owner, err := s.owner(ctx, tx, in.OwnerID, in.OwnerCode)
		if err != nil {
			return 0, err
		}
		c.SetOwnerCariID(owner.ID)
		changes["owner"] = [2]any{nil, owner.CariCode}
	}
	m, err := c.Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create motorboat %s: %w", in.MBCode, err)
	}
	return m.ID, audit.Record(ctx, tx, now, audit.Event{Action: audit.Create, Resource: audit.Motorbot, EntityID: m.ID, Changes: changes})
}

func (s *Service) owner(ctx context.Context, tx *ent.Tx, id *globalid.ID, code *string) (*ent.Cari, error) {
	return cari.Active(ctx, tx, s.DB.Dialect(), cari.Ref{ID: id, Code: code, IDField: "ownerId", CodeField: "ownerCode"})
}

func searchText(code, name string, plate *string) string {
	text := code + " " + name
	if plate != nil {
		text += " " + *plate
	}
	return turkish.Fold(text)
}

func (s *Service) reread(ctx context.Context, id int64) (*ent.Motorbot, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	m, err := s.DB.Motorbot.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read motorboat %d again: %w", id, err)
	}
	return m, nil
}

// Locked reads a boat that is not deleted and holds off everybody else who would
// change it, or give it a trip, until the transaction ends. On SQLite the
// transaction itself does that.
func Locked(ctx context.Context, tx *ent.Tx, dialectName string, id int64) (*ent.Motorbot, error) {
	q := tx.Motorbot.Query().Where(motorbot.ID(id), motorbot.IsActive(true))
	if dialectName == dialect.Postgres {
		q.ForUpdate()
	}
	m, err := q.Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.MotorbotNotFound)
	case err != nil:
		return nil, fmt.Errorf("lock motorboat %d: %w", id, err)
	}
	return m, nil
}

// Unavailable refuses a trip that a boat cannot make in its state.
func Unavailable(m *ent.Motorbot) *apperr.Error {
	return apperr.New(apperr.MotorbotUnavailable, "mbCode", m.MBCode, "status", m.Status)
}
