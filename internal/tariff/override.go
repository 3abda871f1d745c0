package tariff

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/ent/serviceoverride"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

// OverrideInput describes a dated price of a service. Without an id it is a new one
// of the service with the code; with an id it takes the place of what was saved.
type OverrideInput struct {
	ID             *globalid.ID
	Version        *int // as it was read; required with an id
	ServiceCode    *string
	ValidFrom      calendar.Date
	ValidTo        *calendar.Date // the day after the last
	Price          decimal.Decimal
	Currency       string
	VatRate        *decimal.Decimal // percent; that of the service when nil
	Note           *string
	IdempotencyKey *string // of a new one
}

// SaveOverride makes a dated price or changes it.
func (s *Service) SaveOverride(ctx context.Context, in OverrideInput) (*ent.ServiceOverride, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	if in.ID != nil {
		return s.changeOverride(ctx, *in.ID, *in.Version, func(tx *ent.Tx, o *ent.ServiceOverride) error { return s.updateOverride(ctx, tx, o, in) })
	}
	var id int64
	err := s.apart(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "saveServiceOverride", in, func() (int64, error) {
			return s.createOverride(ctx, tx, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.overrideAgain(ctx, id)
}

func (in *OverrideInput) clean() error {
	var faults apperr.Errors
	if in.ServiceCode == nil && in.ID == nil || in.ServiceCode != nil && in.ID != nil {
		faults.Add(apperr.Invalid("serviceCode", apperr.OneOf, "fields", "id, serviceCode"))
	}
	if in.ID != nil && in.Version == nil {
		faults.Add(apperr.Invalid("version", apperr.Required))
	}
	faults.Add(checkPeriod(in.ValidFrom, in.ValidTo))
	faults.Add(checkAmount("price", in.Price))
	faults.Add(input.OptionalText("note", &in.Note, 500))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	return faults.OrNil()
}

// offered refuses what cannot be chosen for the service.
func (in *OverrideInput) offered(ctx context.Context, tx *ent.Tx, of *ent.Service) error {
	choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.Currencies, parameter.VATRates)
	if err != nil {
		return err
	}
	var faults apperr.Errors
	faults.Add(choices.Currency("currency", in.Currency))
	if in.VatRate != nil {
		faults.Add(checkVAT(choices, of, *in.VatRate))
	}
	return faults.OrNil()
}

func (s *Service) createOverride(ctx context.Context, tx *ent.Tx, in OverrideInput) (int64, error) {
	of, err := tx.Service.Query().Where(service.Code(*in.ServiceCode)).Only(ctx)
	if ent.IsNotFound(err) {
		return 0, apperr.New(apperr.ServiceNotFound).At("serviceCode")
	}
	if err != nil {
		return 0, fmt.Errorf("find service %s: %w", *in.ServiceCode, err)
	}
	if !of.IsActive {
		return 0, apperr.New(apperr.ServiceInactive, "code", of.Code).At("serviceCode")
	}
	if err := in.offered(ctx, tx, of); err != nil {
		return 0, err
	}
	now, who := s.Now(), actor.From(ctx).ID
	if err := onlyOverride(ctx, tx.Client(), &ent.ServiceOverride{ServiceID: of.ID, ValidFrom: in.ValidFrom, ValidTo: in.ValidTo}); err != nil {
		return 0, err
	}
	o, err := tx.ServiceOverride.Create().SetServiceID(of.ID).SetValidFrom(in.ValidFrom).SetNillableValidTo(in.ValidTo).
		SetPrice(in.Price).SetCurrency(in.Currency).SetNillableVatRate(in.VatRate).SetNillableNote(in.Note).
		SetCreatedBy(who).SetUpdatedBy(who).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create override of service %s: %w", of.Code, err)
	}
	return o.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.PriceOverride, EntityID: o.ID,
		Changes: audit.Changes{
			"service": {nil, of.Code}, "valid_from": {nil, o.ValidFrom}, "valid_to": {nil, audit.Shown(o.ValidTo)},
			"price": {nil, o.Price}, "currency": {nil, o.Currency}, "vat_rate": {nil, audit.Shown(o.VatRate)},
		},
	})
}

func (s *Service) updateOverride(ctx context.Context, tx *ent.Tx, o *ent.ServiceOverride, in OverrideInput) error {
	of, err := tx.Service.Get(ctx, o.ServiceID)
	if err != nil {
		return fmt.Errorf("find service %d: %w", o.ServiceID, err)
	}
	if err := in.offered(ctx, tx, of); err != nil {
		return err
	}
	after := *o
	after.ValidFrom, after.ValidTo = in.ValidFrom, in.ValidTo
	if err := onlyOverride(ctx, tx.Client(), &after); err != nil {
		return err
	}
	u, changes := tx.ServiceOverride.UpdateOne(o), audit.Changes{}
	audit.Put(changes, "valid_from", &in.ValidFrom, o.ValidFrom, u.SetValidFrom)
	audit.PutOrDrop(changes, "valid_to", whole(in.ValidTo), o.ValidTo, u.SetValidTo, u.ClearValidTo)
	audit.Put(changes, "price", &in.Price, o.Price, u.SetPrice)
	audit.Put(changes, "currency", &in.Currency, o.Currency, u.SetCurrency)
	audit.PutOrDrop(changes, "vat_rate", whole(in.VatRate), o.VatRate, u.SetVatRate, u.ClearVatRate)
	audit.PutOrDrop(changes, "note", whole(in.Note), o.Note, u.SetNote, u.ClearNote)
	return s.saveOverride(ctx, tx, u, o, changes)
}

// whole is a change to a value that is given anew as it stands.
func whole[T any](to *T) input.Change[T] { return input.Change[T]{Given: true, To: to} }

func (s *Service) saveOverride(ctx context.Context, tx *ent.Tx, u *ent.ServiceOverrideUpdateOne, o *ent.ServiceOverride, changes audit.Changes) error {
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID).Exec(ctx); err != nil {
		return fmt.Errorf("change override %d: %w", o.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.PriceOverride, EntityID: o.ID, Changes: changes})
}

// onlyOverride refuses days on which the service has another override.
func onlyOverride(ctx context.Context, c *ent.Client, o *ent.ServiceOverride) error {
	other, err := c.ServiceOverride.Query().Where(serviceoverride.ServiceID(o.ServiceID), page.Flag(serviceoverride.FieldIsActive, true), serviceoverride.IDNEQ(o.ID),
		func(q *sql.Selector) { during(q, o.ValidFrom, o.ValidTo) }).Order(serviceoverride.ByValidFrom()).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for overrides of service %d: %w", o.ServiceID, err)
	}
	return apperr.New(apperr.TariffOverlap, "other", fmt.Sprintf("%s %s", other.Price, other.Currency), "from", other.ValidFrom, "to", until(other.ValidTo)).At("validFrom")
}

// EndOverrideInput ends a dated price.
type EndOverrideInput struct {
	ID      globalid.ID
	Version int           // as it was read
	On      calendar.Date // the first day on which it no longer holds
}

// EndOverride lets a dated price hold no longer from a day on. One that has not begun
// by then never holds: it is switched off.
func (s *Service) EndOverride(ctx context.Context, in EndOverrideInput) (*ent.ServiceOverride, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	return s.changeOverride(ctx, in.ID, in.Version, func(tx *ent.Tx, o *ent.ServiceOverride) error {
		if o.ValidTo != nil && in.On.After(*o.ValidTo) {
			return apperr.New(apperr.TariffDates).At("on")
		}
		u, changes := tx.ServiceOverride.UpdateOne(o), audit.Changes{}
		if in.On.After(o.ValidFrom) {
			audit.PutOrDrop(changes, "valid_to", whole(&in.On), o.ValidTo, u.SetValidTo, u.ClearValidTo)
		} else {
			audit.Put(changes, "is_active", new(false), o.IsActive, u.SetIsActive)
		}
		return s.saveOverride(ctx, tx, u, o, changes)
	})
}

// changeOverride runs a change to a locked override whose version must be the one
// that was read. One that was switched off is not found.
func (s *Service) changeOverride(ctx context.Context, id globalid.ID, version int, do func(*ent.Tx, *ent.ServiceOverride) error) (*ent.ServiceOverride, error) {
	key, err := id.Of("ServiceOverride")
	if err != nil {
		return nil, err
	}
	err = s.apart(ctx, func(tx *ent.Tx) error {
		q := tx.ServiceOverride.Query().Where(serviceoverride.ID(key), serviceoverride.IsActive(true))
		if s.DB.Dialect() == dialect.Postgres {
			q.ForUpdate()
		}
		o, err := q.Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.OverrideNotFound).At("id")
		case err != nil:
			return fmt.Errorf("lock override %d: %w", key, err)
		case o.Version != version:
			return apperr.New(apperr.VersionConflict, "current", o.Version, "expected", version)
		}
		return do(tx, o)
	})
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	o, again := s.overrideAgain(ctx, key)
	if again != nil {
		return nil, again
	}
	return o, err
}

func (s *Service) overrideAgain(ctx context.Context, key int64) (*ent.ServiceOverride, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	o, err := s.DB.ServiceOverride.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read override %d again: %w", key, err)
	}
	return o, nil
}
