// Package tariff holds the rules of price lists (tarife) and of dated prices that go
// before them. A list is written as a draft; from its activation on its items never
// change, and a new version takes its place. On no day has a currency two active
// lists, nor a service two active overrides.
package tariff

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/cache"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

// Service makes, changes and finds price lists and overrides.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Cache      *cache.Cache
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}

// MaxItems is how many items a list may have.
const MaxItems = 1000

// codeForm is what codes of lists look like.
var codeForm = regexp.MustCompile(`^[A-Z0-9_-]{3,50}$`)

// CreateInput describes a new price list.
type CreateInput struct {
	Code           string
	Name           string
	Description    *string
	Currency       string
	ValidFrom      calendar.Date
	ValidTo        *calendar.Date // the day after the last
	IdempotencyKey *string
}

// Create makes the first version of a list, a draft without items.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	if !codeForm.MatchString(in.Code) {
		faults.Add(apperr.Invalid("code", apperr.ListCode))
	}
	faults.Add(input.Text("name", &in.Name, 2, 200))
	faults.Add(input.OptionalText("description", &in.Description, 1000))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	faults.Add(checkPeriod(in.ValidFrom, in.ValidTo))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.made(ctx, in.IdempotencyKey, "createPriceList", in, in.Code, func(tx *ent.Tx) (int64, error) { return s.create(ctx, tx, in) })
}

// made runs what makes a list, once under its key, and returns the list.
func (s *Service) made(ctx context.Context, key *string, operation string, in any, code string, create func(*ent.Tx) (int64, error)) (*ent.PriceList, error) {
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, key, operation, in, func() (int64, error) { return create(tx) })
		return err
	})
	if store.Classify(err).Is("price_lists_code_version") { // another was faster
		return nil, apperr.New(apperr.TariffDuplicate, "code", code).At("code")
	}
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

func checkPeriod(from calendar.Date, to *calendar.Date) *apperr.Error {
	if to != nil && !to.After(from) {
		return apperr.New(apperr.TariffDates).At("validTo")
	}
	return nil
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, in CreateInput) (int64, error) {
	choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.Currencies)
	if err != nil {
		return 0, err
	}
	if e := choices.Currency("currency", in.Currency); e != nil {
		return 0, e
	}
	taken, err := tx.PriceList.Query().Where(pricelist.Code(in.Code)).Exist(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for price list %s: %w", in.Code, err)
	}
	if taken {
		return 0, apperr.New(apperr.TariffDuplicate, "code", in.Code).At("code")
	}
	now, who := s.Now(), actor.From(ctx).ID
	l, err := tx.PriceList.Create().SetCode(in.Code).SetVersion(1).SetName(in.Name).SetNillableDescription(in.Description).
		SetCurrency(in.Currency).SetValidFrom(in.ValidFrom).SetNillableValidTo(in.ValidTo).
		SetCreatedBy(who).SetUpdatedBy(who).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create price list %s: %w", in.Code, err)
	}
	return l.ID, audit.Record(ctx, tx, now, audit.Event{Action: audit.Create, Resource: audit.PriceList, EntityID: l.ID, Changes: firstValues(l)})
}

func firstValues(l *ent.PriceList) audit.Changes {
	return audit.Changes{
		"code": {nil, l.Code}, "version": {nil, l.Version}, "name": {nil, l.Name}, "currency": {nil, l.Currency},
		"valid_from": {nil, l.ValidFrom}, "valid_to": {nil, audit.Shown(l.ValidTo)},
	}
}

// UpdateInput changes the head of a list. Nil fields and changes not given stay.
type UpdateInput struct {
	ID          globalid.ID
	Revision    int // as it was read
	Name        *string
	Description input.Change[string]
	Currency    *string
	ValidFrom   *calendar.Date
	ValidTo     input.Change[calendar.Date]
}

// Update changes a draft. Of a list that has been active only the end of its
// validity can change, so that another can follow it. On VERSION_CONFLICT the
// current list comes back with the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	if in.Name != nil {
		faults.Add(input.Text("name", in.Name, 2, 200))
	}
	faults.Add(input.OptionalText("description", &in.Description.To, 1000))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Revision, func(tx *ent.Tx, l *ent.PriceList) error { return s.update(ctx, tx, l, in) })
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, l *ent.PriceList, in UpdateInput) error {
	if err := in.locked(l); err != nil {
		return err
	}
	u, changes := tx.PriceList.UpdateOne(l), audit.Changes{}
	audit.Put(changes, "name", in.Name, l.Name, u.SetName)
	audit.PutOrDrop(changes, "description", in.Description, l.Description, u.SetDescription, u.ClearDescription)
	if in.Currency != nil && *in.Currency != l.Currency {
		choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.Currencies)
		if err != nil {
			return err
		}
		if e := choices.Currency("currency", *in.Currency); e != nil {
			return e
		}
	}
	audit.Put(changes, "currency", in.Currency, l.Currency, u.SetCurrency)
	audit.Put(changes, "valid_from", in.ValidFrom, l.ValidFrom, u.SetValidFrom)
	audit.PutOrDrop(changes, "valid_to", in.ValidTo, l.ValidTo, u.SetValidTo, u.ClearValidTo)
	after := *l
	after.ValidFrom, after.ValidTo = or(in.ValidFrom, l.ValidFrom), in.ValidTo.Or(l.ValidTo)
	if e := checkPeriod(after.ValidFrom, after.ValidTo); e != nil {
		return e
	}
	if l.Status == pricelist.StatusActive {
		if err := s.alone(ctx, tx.Client(), &after); err != nil {
			return err
		}
	}
	if err := s.touch(ctx, u).Exec(ctx); err != nil {
		return fmt.Errorf("update price list %d: %w", l.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.PriceList, EntityID: l.ID, Changes: changes})
}

// locked refuses what cannot change any more.
func (in *UpdateInput) locked(l *ent.PriceList) error {
	if l.Status == pricelist.StatusDraft {
		return nil
	}
	var faults apperr.Errors
	for _, f := range []struct {
		field string
		given bool
	}{{"name", in.Name != nil}, {"description", in.Description.Given}, {"currency", in.Currency != nil}, {"validFrom", in.ValidFrom != nil}} {
		if f.given {
			faults.Add(locked(l).At(f.field))
		}
	}
	return faults.OrNil()
}

func locked(l *ent.PriceList) *apperr.Error {
	return apperr.New(apperr.TariffLocked, "status", l.Status)
}

// alone refuses a period in which the currency has another active list.
func (s *Service) alone(ctx context.Context, c *ent.Client, l *ent.PriceList) error {
	others, err := overlapping(ctx, c, l)
	if err != nil || len(others) == 0 {
		return err
	}
	return overlap(others[0])
}

// overlapping finds the active lists of the currency, other than l itself, that are
// valid on one of its days, the earliest first.
func overlapping(ctx context.Context, c *ent.Client, l *ent.PriceList) ([]*ent.PriceList, error) {
	found, err := c.PriceList.Query().Where(pricelist.StatusEQ(pricelist.StatusActive), pricelist.Currency(l.Currency), pricelist.IDNEQ(l.ID),
		func(q *sql.Selector) { during(q, l.ValidFrom, l.ValidTo) }).Order(pricelist.ByValidFrom()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for price lists that overlap %d: %w", l.ID, err)
	}
	return found, nil
}

// during holds for rows whose half-open validity shares a day with the given one.
func during(q *sql.Selector, from calendar.Date, to *calendar.Date) {
	if to != nil {
		q.Where(sql.LT(q.C(pricelist.FieldValidFrom), *to))
	}
	q.Where(sql.Or(sql.IsNull(q.C(pricelist.FieldValidTo)), sql.GT(q.C(pricelist.FieldValidTo), from)))
}

// on holds for rows that are valid on the day.
func on(day calendar.Date) func(*sql.Selector) {
	return func(q *sql.Selector) {
		q.Where(sql.LTE(q.C(pricelist.FieldValidFrom), day))
		q.Where(sql.Or(sql.IsNull(q.C(pricelist.FieldValidTo)), sql.GT(q.C(pricelist.FieldValidTo), day)))
	}
}

func overlap(other *ent.PriceList) *apperr.Error {
	return apperr.New(apperr.TariffOverlap, "other", fmt.Sprintf("%s v%d", other.Code, other.Version), "from", other.ValidFrom, "to", until(other.ValidTo))
}

// until is the end of a validity as messages show it.
func until(to *calendar.Date) string {
	if to == nil {
		return "…"
	}
	return to.String()
}

// change runs a change to a locked list whose revision must be the one that was read.
func (s *Service) change(ctx context.Context, id globalid.ID, revision int, do func(*ent.Tx, *ent.PriceList) error) (*ent.PriceList, error) {
	key, err := id.Of("PriceList")
	if err != nil {
		return nil, err
	}
	err = s.apart(ctx, func(tx *ent.Tx) error { return s.within(ctx, tx, key, revision, do) })
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	l, again := s.reread(ctx, key)
	if again != nil {
		return nil, again
	}
	return l, err
}

// apart runs a transaction that may take a period which another takes at the same
// moment. PostgreSQL notices that; a second run then finds the other and names it.
func (s *Service) apart(ctx context.Context, fn func(*ent.Tx) error) (err error) {
	for range 3 {
		if err = s.DB.InTx(ctx, fn); store.Classify(err).Kind != store.Exclusion {
			return err
		}
	}
	return err
}

// within is change in a transaction that runs already.
func (s *Service) within(ctx context.Context, tx *ent.Tx, key int64, revision int, do func(*ent.Tx, *ent.PriceList) error) error {
	l, err := s.lock(ctx, tx, key)
	if err != nil {
		return err
	}
	if l.Revision != revision {
		return apperr.New(apperr.VersionConflict, "current", l.Revision, "expected", revision)
	}
	return do(tx, l)
}

// lock reads a list that is about to change and holds off everybody else who would
// change it or its items. On SQLite the transaction itself does that.
func (s *Service) lock(ctx context.Context, tx *ent.Tx, key int64) (*ent.PriceList, error) {
	q := tx.PriceList.Query().Where(pricelist.ID(key))
	if s.DB.Dialect() == dialect.Postgres {
		q.ForUpdate()
	}
	l, err := q.Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.TariffNotFound).At("id")
	case err != nil:
		return nil, fmt.Errorf("lock price list %d: %w", key, err)
	}
	return l, nil
}

// touch notes who changed the list, and that it is another one now.
func (s *Service) touch(ctx context.Context, u *ent.PriceListUpdateOne) *ent.PriceListUpdateOne {
	return u.AddRevision(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID)
}

func (s *Service) reread(ctx context.Context, key int64) (*ent.PriceList, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	l, err := s.DB.PriceList.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read price list %d again: %w", key, err)
	}
	return l, nil
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}
