package rate

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

// SetInput is a rate entered by hand. Its values, per one unit, replace all four of
// a rate that is there.
type SetInput struct {
	Currency     string
	BulletinDate calendar.Date
	Values
	Reason  string
	Version *int // of the rate that was read; nil: whatever is there
}

// minReason is the least that a reason has to say.
const minReason = 5

// Set stores a rate entered by hand. It stands until somebody replaces it: bulletins
// that are fetched later leave it alone.
func (s *Service) Set(ctx context.Context, in SetInput) (*ent.ExchangeRate, error) {
	if err := actor.Require(ctx, actor.RateWrite); err != nil {
		return nil, err
	}
	if err := in.clean(calendar.DateOf(s.Now())); err != nil {
		return nil, err
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		limit, err := parameter.Get(ctx, tx.Client(), parameter.RateJumpPercent)
		if err != nil {
			return err
		}
		var changes audit.Changes
		id, _, changes, err = s.put(ctx, tx, entry{
			Values: in.Values, currency: in.Currency, bulletin: in.BulletinDate, unit: 1,
			source: exchangerate.SourceManual, reason: &in.Reason, version: in.Version, jump: limit,
		})
		if err != nil {
			return err
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.RateManual, Resource: audit.ExchangeRate, EntityID: id, Changes: changes})
	})
	return s.current(ctx, id, err)
}

func (in *SetInput) clean(today calendar.Date) error {
	var faults apperr.Errors
	faults.Add(foreign("currency", in.Currency))
	faults.Add(notFuture("bulletinDate", in.BulletinDate, today))
	for _, v := range []struct {
		field string
		value *decimal.Decimal
	}{
		{"forexBuying", in.ForexBuying},
		{"forexSelling", in.ForexSelling},
		{"banknoteBuying", in.BanknoteBuying},
		{"banknoteSelling", in.BanknoteSelling},
	} {
		if v.value != nil {
			faults.Add(checkValue(v.field, *v.value))
		}
	}
	if len(faults) == 0 { // their order means nothing before each is a rate
		if in.ForexBuying == nil && in.ForexSelling == nil {
			faults.Add(apperr.Invalid("forexBuying", apperr.AtLeastOne, "fields", "forexBuying, forexSelling"))
		}
		if above(in.ForexBuying, in.ForexSelling) {
			faults.Add(apperr.Invalid("forexSelling", apperr.BelowBuying))
		}
		if above(in.BanknoteBuying, in.BanknoteSelling) {
			faults.Add(apperr.Invalid("banknoteSelling", apperr.BelowBuying))
		}
	}
	faults.Add(input.Text("reason", &in.Reason, minReason, 500))
	return faults.OrNil()
}

// beyond is above every rate that fits its column on both databases.
var beyond = decimal.New(1, 9)

func checkValue(field string, d decimal.Decimal) *apperr.Error {
	switch {
	// Exponents are bounded before any arithmetic.
	case d.Exponent() > 9 || d.Exponent() < -40 || d.GreaterThanOrEqual(beyond):
		return apperr.Invalid(field, apperr.TooBig)
	case !d.IsPositive():
		return apperr.Invalid(field, apperr.Positive)
	case !d.Equal(d.Truncate(Places)):
		return apperr.Invalid(field, apperr.TooPrecise, "places", Places)
	}
	return nil
}

// ReviewInput says that a rate that jumped is right.
type ReviewInput struct {
	ID      globalid.ID
	Version int // as it was read
}

// Review clears the flag of a rate that jumped.
func (s *Service) Review(ctx context.Context, in ReviewInput) (*ent.ExchangeRate, error) {
	if err := actor.Require(ctx, actor.RateWrite); err != nil {
		return nil, err
	}
	key, err := in.ID.Of("ExchangeRate")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		q := tx.ExchangeRate.Query().Where(exchangerate.ID(key))
		if s.DB.Dialect() == dialect.Postgres {
			q.ForUpdate()
		}
		r, err := q.Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.RateNotFound).At("id")
		case err != nil:
			return fmt.Errorf("lock rate %d: %w", key, err)
		case r.Version != in.Version:
			return apperr.New(apperr.VersionConflict, "current", r.Version, "expected", in.Version)
		}
		changes := audit.Changes{}
		if r.NeedsReview {
			changes.Set(exchangerate.FieldNeedsReview, true, false)
			if err := tx.ExchangeRate.UpdateOne(r).SetNeedsReview(false).AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
				return fmt.Errorf("review rate %d: %w", key, err)
			}
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Approve, Resource: audit.ExchangeRate, EntityID: key, Changes: changes})
	})
	return s.current(ctx, key, err)
}

// current reads a rate for the answer: after a change, and beside VERSION_CONFLICT.
func (s *Service) current(ctx context.Context, id int64, err error) (*ent.ExchangeRate, error) {
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	r, again := s.DB.ExchangeRate.Get(ctx, id)
	if again != nil {
		return nil, fmt.Errorf("read rate %d again: %w", id, again)
	}
	return r, err
}
