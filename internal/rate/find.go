package rate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/cache"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
	"aliaport/internal/parameter"
)

var desc = sql.OrderDesc()

// Used is the rate that applies to a day, and where it comes from.
type Used struct {
	Currency string
	On       calendar.Date
	Kind     Kind
	Value    decimal.Decimal // what one unit is in TRY
	// AgeDays is how many days it has been carried over: 0 when its bulletin is the
	// one that the day goes by.
	AgeDays int
	Rate    *ent.ExchangeRate // nil for TRY itself, which is always 1
}

// IsFallback tells whether the day goes by an older bulletin, because there was none:
// a weekend, a holiday, or one that is late.
func (u *Used) IsFallback() bool { return u.AgeDays > 0 }

// UsedRateDate is the day of the bulletin.
func (u *Used) UsedRateDate() calendar.Date {
	if u.Rate == nil {
		return u.On
	}
	return u.Rate.BulletinDate
}

// policy is how the port reads rates, by its parameters.
type policy struct {
	SameDay bool // the day's own bulletin holds, not the one before
	Carried int  // days that a rate may be carried over
	Kind    Kind // that prices are converted with
}

func policyOf(ctx context.Context, c *ent.Client) (p policy, err error) {
	v, err := parameter.Read(ctx, c, parameter.Rates)
	if err != nil {
		return p, err
	}
	rule, err1 := parameter.Of(v, parameter.RateDatePolicy)
	kind, err2 := parameter.Of(v, parameter.RateKind)
	p.SameDay, p.Kind = rule == "SAME_DAY", Kind(strings.ToUpper(kind))
	var err3 error
	p.Carried, err3 = parameter.Of(v, parameter.RateMaxFallback)
	return p, errors.Join(err1, err2, err3)
}

// source finds the newest row that is valid on a day, nil when there is none.
type source func(ctx context.Context, currency string, day calendar.Date) (*ent.ExchangeRate, error)

// of reads it from the database, in the transaction of the client.
func of(c *ent.Client) source {
	return func(ctx context.Context, currency string, day calendar.Date) (*ent.ExchangeRate, error) {
		return newest(ctx, c, currency, day)
	}
}

// kept reads it by way of the cache.
func (s *Service) kept(ctx context.Context, currency string, day calendar.Date) (*ent.ExchangeRate, error) {
	return cache.Get(ctx, s.Cache, cache.Rates, currency+" "+day.String(), func(ctx context.Context) (*ent.ExchangeRate, error) {
		return newest(ctx, s.DB.Client, currency, day)
	})
}

// find is the rate of a currency on a day. A value that the bulletin leaves empty is
// not replaced by another kind's or an older one.
func (p policy) find(ctx context.Context, from source, currency string, on calendar.Date, kind Kind) (*Used, error) {
	u := &Used{Currency: currency, On: on, Kind: kind, Value: decimal.NewFromInt(1)}
	if currency == Home {
		return u, nil
	}
	valid := on // the day that the bulletin wanted is valid from
	if p.SameDay {
		valid = validFrom(on)
	}
	var err error
	if u.Rate, err = from(ctx, currency, valid); err != nil {
		return nil, err
	}
	missing := apperr.New(apperr.RateMissing, "currency", currency, "kind", kind, "day", on)
	if u.Rate == nil {
		return nil, missing
	}
	u.AgeDays = valid.Sub(u.Rate.ValidFrom)
	v := valuesOf(u.Rate).Of(kind)
	if u.AgeDays > p.Carried || v == nil {
		return nil, missing
	}
	u.Value = *v
	return u, nil
}

// ForPricing is the rate that prices in a currency are converted with on a day, of
// the kind and by the rules of the parameters. Read it with the client of the
// transaction that stores the price. KUR_RATE_NOT_AVAILABLE when there is none or
// it is too old; TRY is 1.
func (s *Service) ForPricing(ctx context.Context, c *ent.Client, currency string, on calendar.Date) (Used, error) {
	p, err := policyOf(ctx, c)
	if err != nil {
		return Used{}, err
	}
	u, err := p.find(ctx, of(c), currency, on, p.Kind)
	if err != nil {
		return Used{}, err
	}
	return *u, nil
}

// asked fills in what a question leaves open: today, and the kind that prices use.
func (s *Service) asked(ctx context.Context, on *calendar.Date, kind *Kind) (day calendar.Date, k Kind, p policy, err error) {
	today := calendar.DateOf(s.Now())
	if day = today; on != nil {
		day = *on
	}
	if late := notFuture("on", day, nextBusinessDay(today)); late != nil {
		return day, k, p, late
	}
	p, err = cache.Get(ctx, s.Cache, cache.Rates, "policy", func(ctx context.Context) (policy, error) { return policyOf(ctx, s.DB.Client) })
	if k = p.Kind; kind != nil {
		k = *kind
	}
	return day, k, p, err
}

// Find is the rate of a currency on a day.
func (s *Service) Find(ctx context.Context, currency string, on *calendar.Date, kind *Kind) (*Used, error) {
	if err := actor.Require(ctx, actor.RateRead); err != nil {
		return nil, err
	}
	if e := foreign("currency", currency); e != nil {
		return nil, e
	}
	day, k, p, err := s.asked(ctx, on, kind)
	if err != nil {
		return nil, err
	}
	return p.find(ctx, s.kept, currency, day, k)
}

// Conversion is an amount in another currency.
type Conversion struct {
	Amount   decimal.Decimal
	From, To string
	Result   decimal.Decimal // rounded to the places of To
	Rate     decimal.Decimal // what one unit of From is in To
	On       calendar.Date
	Kind     Kind
	Used     []*Used // the rates it went by: none, one, or two when it went by way of TRY
}

// Convert turns an amount into another currency, by way of TRY with the same kind of
// rate for both.
func (s *Service) Convert(ctx context.Context, amount decimal.Decimal, from, to string, on *calendar.Date, kind *Kind) (*Conversion, error) {
	if err := actor.Require(ctx, actor.RateRead); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	faults.Add(money.Check("amount", amount, money.PricePlaces))
	for _, c := range []struct{ field, code string }{{"from", from}, {"to", to}} {
		if !money.IsCurrency(c.code) {
			faults.Add(apperr.Invalid(c.field, apperr.Currency))
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	day, k, p, err := s.asked(ctx, on, kind)
	if err != nil {
		return nil, err
	}
	c := &Conversion{Amount: amount, From: from, To: to, On: day, Kind: k, Used: []*Used{}}
	one := decimal.NewFromInt(1)
	worth := [2]decimal.Decimal{one, one}
	for i, currency := range []string{from, to} {
		if from == to || currency == Home { // needs no rate
			continue
		}
		u, err := p.find(ctx, s.kept, currency, day, k)
		if err != nil {
			return nil, err
		}
		worth[i] = u.Value
		c.Used = append(c.Used, u)
	}
	c.Result, c.Rate = Convert(amount, worth[0], worth[1], to), Cross(worth[0], worth[1])
	return c, nil
}

// Latest has the newest rate of each tracked currency that has any, by code.
func (s *Service) Latest(ctx context.Context) ([]*ent.ExchangeRate, error) {
	if err := actor.Require(ctx, actor.RateRead); err != nil {
		return nil, err
	}
	return cache.Get(ctx, s.Cache, cache.Rates, "latest", func(ctx context.Context) ([]*ent.ExchangeRate, error) {
		codes, err := tracked(ctx, s.DB.Client)
		if err != nil || len(codes) == 0 {
			return []*ent.ExchangeRate{}, err
		}
		rows, err := s.DB.ExchangeRate.Query().Where(newestOf(codes)).Order(exchangerate.ByCurrencyFrom()).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("latest rates: %w", err)
		}
		return rows, nil
	})
}

// newestOf selects the newest row of each currency, with one seek in the index for
// each, in one statement.
func newestOf(codes []string) func(*sql.Selector) {
	return func(s *sql.Selector) {
		var union *sql.Selector
		for _, code := range codes {
			d := sql.Dialect(s.Dialect())
			t := d.Table(exchangerate.Table)
			one := d.Select(t.C(exchangerate.FieldID)).From(t).
				Where(sql.And(sql.EQ(t.C(exchangerate.FieldCurrencyFrom), code), sql.EQ(t.C(exchangerate.FieldCurrencyTo), Home))).
				OrderBy(sql.Desc(t.C(exchangerate.FieldValidFrom)), sql.Desc(t.C(exchangerate.FieldID))).Limit(1)
			// SQLite takes ORDER BY and LIMIT of a part of a union only in a sub-query.
			part := d.Select(exchangerate.FieldID).From(one.As("part"))
			if union == nil {
				union = part
			} else {
				union.UnionAll(part)
			}
		}
		s.Where(sql.In(s.C(exchangerate.FieldID), union))
	}
}
