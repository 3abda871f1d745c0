package rate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
)

// entry is what is to be stored for a currency and a bulletin.
type entry struct {
	Values

	currency string
	bulletin calendar.Date
	number   *string
	unit     int
	source   exchangerate.Source
	reason   *string
	version  *int            // that was read; nil: whatever is there
	force    bool            // replace a rate entered by hand
	jump     decimal.Decimal // percent beyond which a change waits for review
}

// outcome says what became of an entry.
type outcome int

const (
	created outcome = iota
	updated
	unchanged
	kept // the one entered by hand stays
)

// put stores an entry in the caller's transaction. Of several who store the same at
// once one creates the row, and the others, who waited for it, find it there.
func (s *Service) put(ctx context.Context, tx *ent.Tx, e entry) (id int64, o outcome, changes audit.Changes, err error) {
	last, err := before(ctx, tx.Client(), e.currency, e.bulletin)
	if err != nil {
		return 0, o, nil, err
	}
	review := last != nil && jumped(valuesOf(last), e.Values, e.jump)
	now := s.Now()
	id, err = tx.ExchangeRate.Create().SetBulletinDate(e.bulletin).SetNillableBulletinNo(e.number).SetValidFrom(validFrom(e.bulletin)).
		SetCurrencyFrom(e.currency).SetCurrencyTo(Home).SetUnit(e.unit).SetSource(e.source).SetNeedsReview(review).SetNillableReason(e.reason).
		SetNillableForexBuying(e.ForexBuying).SetNillableForexSelling(e.ForexSelling).
		SetNillableBanknoteBuying(e.BanknoteBuying).SetNillableBanknoteSelling(e.BanknoteSelling).
		SetCreatedAt(now).SetUpdatedAt(now).
		OnConflict(entsql.ConflictColumns(exchangerate.FieldBulletinDate, exchangerate.FieldCurrencyFrom, exchangerate.FieldCurrencyTo), entsql.DoNothing()).
		ID(ctx)
	switch {
	case err == nil:
		return id, created, e.changes(nil), nil
	case !errors.Is(err, sql.ErrNoRows):
		return 0, o, nil, fmt.Errorf("store rate of %s on %s: %w", e.currency, e.bulletin, err)
	}
	return s.replace(ctx, tx, e, review)
}

// replace puts an entry in the place of the one that is there.
func (s *Service) replace(ctx context.Context, tx *ent.Tx, e entry, review bool) (id int64, o outcome, changes audit.Changes, err error) {
	q := tx.ExchangeRate.Query().Where(exchangerate.BulletinDate(e.bulletin), exchangerate.CurrencyFrom(e.currency), exchangerate.CurrencyTo(Home))
	if s.DB.Dialect() == dialect.Postgres {
		q.ForUpdate()
	}
	was, err := q.Only(ctx)
	if err != nil {
		return 0, o, nil, fmt.Errorf("lock rate of %s on %s: %w", e.currency, e.bulletin, err)
	}
	if e.version != nil && *e.version != was.Version {
		return was.ID, o, nil, apperr.New(apperr.VersionConflict, "current", was.Version, "expected", *e.version)
	}
	if was.Source == exchangerate.SourceManual && e.source != exchangerate.SourceManual && !e.force {
		return was.ID, kept, nil, nil
	}
	if changes = e.changes(was); len(changes) == 0 {
		return was.ID, unchanged, nil, nil
	}
	u := tx.ExchangeRate.UpdateOne(was).SetUnit(e.unit).SetSource(e.source).AddVersion(1).SetUpdatedAt(s.Now())
	if !e.equal(valuesOf(was)) { // a review of these very values holds
		u.SetNeedsReview(review)
		changes.Set("needs_review", was.NeedsReview, review)
	}
	setOrClear(e.number, u.SetBulletinNo, u.ClearBulletinNo)
	setOrClear(e.reason, u.SetReason, u.ClearReason)
	setOrClear(e.ForexBuying, u.SetForexBuying, u.ClearForexBuying)
	setOrClear(e.ForexSelling, u.SetForexSelling, u.ClearForexSelling)
	setOrClear(e.BanknoteBuying, u.SetBanknoteBuying, u.ClearBanknoteBuying)
	setOrClear(e.BanknoteSelling, u.SetBanknoteSelling, u.ClearBanknoteSelling)
	if err := u.Exec(ctx); err != nil {
		return 0, o, nil, fmt.Errorf("replace rate of %s on %s: %w", e.currency, e.bulletin, err)
	}
	return was.ID, updated, changes, nil
}

func setOrClear[T, U any](v *T, set func(T) U, drop func() U) {
	if v == nil {
		drop()
	} else {
		set(*v)
	}
}

// equal compares values as numbers; databases give back more or fewer zeros.
func (v Values) equal(w Values) bool {
	for _, k := range Kinds {
		a, b := v.Of(k), w.Of(k)
		if (a == nil) != (b == nil) || a != nil && !a.Equal(*b) {
			return false
		}
	}
	return true
}

// changes is what the entry changes; was is nil for a new row.
func (e *entry) changes(was *ent.ExchangeRate) audit.Changes {
	c := audit.Changes{}
	if was == nil {
		was = &ent.ExchangeRate{}
		c.Set("bulletin_date", nil, e.bulletin)
		c.Set("currency_from", nil, e.currency)
	}
	old := valuesOf(was)
	for _, v := range []struct {
		name    string
		was, is *decimal.Decimal
	}{
		{exchangerate.FieldForexBuying, old.ForexBuying, e.ForexBuying},
		{exchangerate.FieldForexSelling, old.ForexSelling, e.ForexSelling},
		{exchangerate.FieldBanknoteBuying, old.BanknoteBuying, e.BanknoteBuying},
		{exchangerate.FieldBanknoteSelling, old.BanknoteSelling, e.BanknoteSelling},
	} {
		c.Set(v.name, audit.Shown(v.was), audit.Shown(v.is))
	}
	c.Set("source", text(string(was.Source)), text(string(e.source)))
	c.Set("bulletin_no", audit.Shown(was.BulletinNo), audit.Shown(e.number))
	c.Set("reason", audit.Shown(was.Reason), audit.Shown(e.reason))
	if was.Unit != 0 {
		c.Set("unit", was.Unit, e.unit)
	}
	return c
}

// text is nil for nothing.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
