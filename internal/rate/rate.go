package rate

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/apperr"
	"aliaport/internal/cache"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

// Service stores rates, finds the one that applies, and converts.
//
// A bulletin is published in the afternoon and applies from the next day on: every
// row's valid_from is the day after its bulletin_date. The rate of a day is the
// newest that is valid on it, carried over weekends, holidays and late bulletins.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Cache      *cache.Cache
	Pages      *page.Codec
	PageLimits page.Limits
	Source     Source
	Log        *slog.Logger
}

// validFrom is the first day that a bulletin's rates apply to.
func validFrom(bulletin calendar.Date) calendar.Date { return bulletin.AddDays(1) }

// valuesOf are the rates of a row.
func valuesOf(r *ent.ExchangeRate) Values {
	return Values{r.ForexBuying, r.ForexSelling, r.BanknoteBuying, r.BanknoteSelling}
}

// notFuture refuses a day after the last one.
func notFuture(field string, day, last calendar.Date) *apperr.Error {
	if day.After(last) {
		return apperr.New(apperr.RateDate, "day", day, "last", last).At(field)
	}
	return nil
}

// nextBusinessDay is the last day that a rate can be asked for: the next one that is
// no weekend. Its rate is known from the afternoon before.
func nextBusinessDay(today calendar.Date) calendar.Date {
	d := today.AddDays(1)
	for d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		d = d.AddDays(1)
	}
	return d
}

// foreign checks the code of a currency that has a rate.
func foreign(field, code string) *apperr.Error {
	if !money.IsCurrency(code) {
		return apperr.Invalid(field, apperr.Currency)
	}
	if code == Home {
		return apperr.Invalid(field, apperr.ForeignCurrency)
	}
	return nil
}

// tracked are the currencies that are stored from bulletins.
func tracked(ctx context.Context, c *ent.Client) ([]string, error) {
	text, err := parameter.Get(ctx, c, parameter.RateCurrencies)
	if err != nil {
		return nil, err
	}
	codes := slices.Compact(slices.Sorted(strings.SplitSeq(text, ","))) // all servers lock the rows in the same order
	return slices.DeleteFunc(codes, func(code string) bool { return code == Home }), nil
}

// jumped tells whether a value differs from the bulletin before by more percent than
// the limit.
func jumped(before, after Values, limit decimal.Decimal) bool {
	for _, k := range Kinds {
		was, is := before.Of(k), after.Of(k)
		if was != nil && is != nil && is.Sub(*was).Abs().Shift(2).GreaterThan(was.Mul(limit)) {
			return true
		}
	}
	return false
}

// before is the newest row of an earlier bulletin, nil when there is none.
func before(ctx context.Context, c *ent.Client, currency string, bulletin calendar.Date) (*ent.ExchangeRate, error) {
	return newest(ctx, c, currency, bulletin) // one of the day itself is valid from the next
}

// newest is the newest row that is valid on a day, nil when there is none.
func newest(ctx context.Context, c *ent.Client, currency string, day calendar.Date) (*ent.ExchangeRate, error) {
	r, err := c.ExchangeRate.Query().
		Where(exchangerate.CurrencyFrom(currency), exchangerate.CurrencyTo(Home), exchangerate.ValidFromLTE(day)).
		Order(exchangerate.ByValidFrom(desc), exchangerate.ByID(desc)).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there may be none
	}
	if err != nil {
		return nil, fmt.Errorf("newest rate of %s on %s: %w", currency, day, err)
	}
	return r, nil
}
