package seed_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/seed"
	"aliaport/internal/store"
)

// TestSeededRatesAreBulletins holds the made-up figures to what real bulletins have.
func TestSeededRatesAreBulletins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := run(t, db, seed.Options{Cari: 1, Seed: 3, Now: now})
		rows := db.ExchangeRate.Query().Order(exchangerate.ByID()).AllX(t.Context())
		if len(rows) != r.Rates || len(rows)%5 != 0 || len(rows) < 5*500 {
			t.Fatalf("%d rows, reported %d", len(rows), r.Rates)
		}
		limit := decimal.RequireFromString("0.05")
		numbers := map[int]int{}
		last := map[string]*ent.ExchangeRate{}
		for i, row := range rows {
			day := row.BulletinDate
			if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || day.Month == time.January && day.Day == 1 {
				t.Fatalf("a bulletin on %s, %s", day.Weekday(), day)
			}
			if row.ValidFrom != day.AddDays(1) || row.CreatedAt.After(now) || row.CreatedAt.Before(day.Start()) || row.NeedsReview || row.Source != exchangerate.SourceTcmb {
				t.Fatalf("%+v", row)
			}
			if i%5 == 0 { // number, from day to day and from year to year
				var year, number int
				if _, err := fmt.Sscanf(*row.BulletinNo, "%d/%d", &year, &number); err != nil || year != day.Year || numbers[year] != 0 && number != numbers[year]+1 {
					t.Fatalf("%s has the number %s after %d", day, *row.BulletinNo, numbers[year])
				}
				numbers[year] = number
			}
			order := []decimal.Decimal{*row.BanknoteBuying, *row.ForexBuying, *row.ForexSelling, *row.BanknoteSelling}
			for k := 1; k < len(order); k++ {
				if !order[k-1].LessThan(order[k]) || !order[k-1].IsPositive() {
					t.Fatalf("%s on %s: %s", row.CurrencyFrom, day, order)
				}
			}
			if (row.Unit == 100) != (row.CurrencyFrom == "JPY") || row.CurrencyFrom == "JPY" && !row.ForexBuying.LessThan(decimal.NewFromInt(1)) {
				t.Fatalf("%s per %d is %s", row.CurrencyFrom, row.Unit, row.ForexBuying)
			}
			if before := last[row.CurrencyFrom]; before != nil {
				if !before.BulletinDate.Before(day) || row.ForexBuying.Div(*before.ForexBuying).Sub(decimal.NewFromInt(1)).Abs().GreaterThan(limit) {
					t.Fatalf("%s jumps from %s on %s to %s on %s", row.CurrencyFrom, before.ForexBuying, before.BulletinDate, row.ForexBuying, day)
				}
			}
			last[row.CurrencyFrom] = row
		}
		if numbers[2025] < 240 || len(last) != 5 {
			t.Errorf("%d bulletins in 2025, %d currencies", numbers[2025], len(last))
		}
		for _, row := range last { // it is Tuesday, 14:40: Monday's is the newest that is out
			if row.BulletinDate != calendar.DateOf(now).AddDays(-1) {
				t.Errorf("the newest bulletin is of %s", row.BulletinDate)
			}
		}
		next := db.ExchangeRate.Create().SetBulletinDate(calendar.DateOf(now)).SetValidFrom(calendar.DateOf(now).AddDays(1)).SetCurrencyFrom("USD").
			SetForexBuying(decimal.NewFromInt(40)).SetSource(exchangerate.SourceTcmb).SaveX(t.Context())
		if next.ID != int64(len(rows)+1) {
			t.Errorf("the next row has the id %d", next.ID)
		}
	})
}

func TestSeedLeavesFetchedRatesAlone(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		fetched := db.ExchangeRate.Create().SetBulletinDate(calendar.DateOf(now)).SetValidFrom(calendar.DateOf(now).AddDays(1)).SetCurrencyFrom("USD").
			SetForexBuying(decimal.NewFromInt(34)).SetSource(exchangerate.SourceTcmb).SaveX(t.Context())
		r := run(t, db, seed.Options{Cari: 1, Seed: 3, Now: now})
		if got := db.ExchangeRate.Query().OnlyX(t.Context()); got.ID != fetched.ID || r.Rates != 0 || r.Cari != 1 {
			t.Errorf("%+v, %+v", got, r)
		}
	})
}
