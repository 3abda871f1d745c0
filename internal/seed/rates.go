package seed

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/calendar"
	"aliaport/internal/rate"
)

var rateColumns = []column[ent.ExchangeRate]{
	{exchangerate.FieldID, func(r *ent.ExchangeRate) any { return r.ID }},
	{exchangerate.FieldCreatedAt, func(r *ent.ExchangeRate) any { return r.CreatedAt }},
	{exchangerate.FieldUpdatedAt, func(r *ent.ExchangeRate) any { return r.UpdatedAt }},
	{exchangerate.FieldBulletinDate, func(r *ent.ExchangeRate) any { return r.BulletinDate }},
	{exchangerate.FieldBulletinNo, func(r *ent.ExchangeRate) any { return r.BulletinNo }},
	{exchangerate.FieldValidFrom, func(r *ent.ExchangeRate) any { return r.ValidFrom }},
	{exchangerate.FieldCurrencyFrom, func(r *ent.ExchangeRate) any { return r.CurrencyFrom }},
	{exchangerate.FieldCurrencyTo, func(r *ent.ExchangeRate) any { return r.CurrencyTo }},
	{exchangerate.FieldUnit, func(r *ent.ExchangeRate) any { return r.Unit }},
	{exchangerate.FieldForexBuying, func(r *ent.ExchangeRate) any { return r.ForexBuying }},
	{exchangerate.FieldForexSelling, func(r *ent.ExchangeRate) any { return r.ForexSelling }},
	{exchangerate.FieldBanknoteBuying, func(r *ent.ExchangeRate) any { return r.BanknoteBuying }},
	{exchangerate.FieldBanknoteSelling, func(r *ent.ExchangeRate) any { return r.BanknoteSelling }},
	{exchangerate.FieldSource, func(r *ent.ExchangeRate) any { return r.Source }},
	{exchangerate.FieldNeedsReview, func(r *ent.ExchangeRate) any { return r.NeedsReview }},
	{exchangerate.FieldReason, func(r *ent.ExchangeRate) any { return r.Reason }},
	{exchangerate.FieldVersion, func(r *ent.ExchangeRate) any { return r.Version }},
}

// quotes are the currencies with what the first bulletin quotes for their units, in
// ten thousandths of a lira.
var quotes = []struct {
	code string
	unit int
	at   int64
}{
	{"CHF", 1, 337_500},
	{"EUR", 1, 326_400},
	{"GBP", 1, 382_100},
	{"JPY", 100, 201_300},
	{"USD", 1, 300_200},
}

// fixedHolidays are the days of the year without a bulletin. Those that move are
// left out: nothing may rely on a calendar of them.
var fixedHolidays = []struct {
	month time.Month
	day   int
}{{time.January, 1}, {time.April, 23}, {time.May, 1}, {time.May, 19}, {time.July, 15}, {time.August, 30}, {time.October, 29}}

// hasBulletin tells the days on which the demo's bank published.
func hasBulletin(d calendar.Date) bool {
	if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
		return false
	}
	return !slices.ContainsFunc(fixedHolidays, func(h struct {
		month time.Month
		day   int
	},
	) bool {
		return h.month == d.Month && h.day == d.Day
	})
}

// makeRates makes the bulletins of two years, up to the last that is out by now.
func makeRates(o Options) []*ent.ExchangeRate {
	d := newDice(o.Seed, rateDice)
	at := make([]int64, len(quotes))
	for i, q := range quotes {
		at[i] = q.at
	}
	first := calendar.DateOf(firstDay(o.Now))
	var all []*ent.ExchangeRate
	number := 0
	for day := (calendar.Date{Year: first.Year, Month: time.January, Day: 1}); !day.At(15, 35).After(o.Now); day = day.AddDays(1) {
		if day.Month == time.January && day.Day == 1 {
			number = 0
		}
		if !hasBulletin(day) {
			continue
		}
		number++
		if day.Before(first) {
			continue
		}
		common := int64(d.IntN(41)) - 14 // the lira's own way, in hundredths of a percent
		for i, q := range quotes {
			at[i] += at[i] * (common + int64(d.IntN(21)) - 10) / 10_000
			r := makeRate(q.code, q.unit, at[i], day, fmt.Sprintf("%d/%d", day.Year, number))
			r.ID = int64(len(all) + 1)
			all = append(all, r)
		}
	}
	return all
}

// makeRate is a row by what the bank pays for the units, in ten thousandths.
func makeRate(code string, unit int, buying int64, day calendar.Date, number string) *ent.ExchangeRate {
	value := func(quote int64) *decimal.Decimal {
		v := decimal.New(quote, -4).DivRound(decimal.NewFromInt(int64(unit)), rate.Places)
		return &v
	}
	selling := buying + buying*18/10_000
	stored := day.At(15, 35).UTC()
	return &ent.ExchangeRate{
		CreatedAt: stored, UpdatedAt: stored, BulletinDate: day, BulletinNo: &number, ValidFrom: day.AddDays(1),
		CurrencyFrom: code, CurrencyTo: rate.Home, Unit: unit, ForexBuying: value(buying), ForexSelling: value(selling),
		BanknoteBuying: value(buying - buying*7/10_000), BanknoteSelling: value(selling + selling*15/10_000),
		Source: exchangerate.SourceTcmb, Version: 1,
	}
}

// rates fills the table, unless a server that runs on the database has fetched some
// already.
func (l *loader) rates(ctx context.Context, o Options, r *Report) error {
	some, err := l.tx.ExchangeRate.Query().Exist(ctx)
	if err != nil || some {
		return err
	}
	rows := makeRates(o)
	if err := insert(ctx, l, exchangerate.Table, rateColumns, rows); err != nil {
		return err
	}
	r.Rates = len(rows)
	return l.continueIDs(ctx, exchangerate.Table)
}
