package tariff_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

var now = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func newService(db *store.DB) *tariff.Service {
	return &tariff.Service{
		DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 50, Max: 100}, IdempotencyTTL: time.Hour,
	}
}

func system(t *testing.T) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.System("test"))
}

// day is so many days after January 1st, 2026.
func day(n int) calendar.Date {
	return calendar.Date{Year: 2026, Month: time.January, Day: 1}.AddDays(n)
}

// period is [from, to) in such days; open where to is 0.
type period struct{ from, to int }

func (p period) end() *calendar.Date {
	if p.to == 0 {
		return nil
	}
	return new(day(p.to))
}

// has tells whether a day lies in the period.
func (p period) has(n int) bool { return n >= p.from && (p.to == 0 || n < p.to) }

// meets tells day by day whether two periods share one.
func (p period) meets(other period) bool {
	for n := range 200 {
		if p.has(n) && other.has(n) {
			return true
		}
	}
	return false
}

func sold(t testing.TB, db *store.DB, code string) *ent.Service {
	t.Helper()
	return db.Service.Create().SetCode(code).SetName(code).SetNameFold(code).SetSearchText(code).SetUnit("SAAT").SetBasePrice(decimal.NewFromInt(1500)).
		SetVatRate(decimal.NewFromInt(20)).SetCalculationType("PER_UNIT").SaveX(t.Context())
}

// list makes a draft with one item.
func list(t testing.TB, db *store.DB, code, currency string, p period, of *ent.Service) *ent.PriceList {
	t.Helper()
	c := db.PriceList.Create().SetCode(code).SetName("Liste").SetCurrency(currency).SetValidFrom(day(p.from)).SetCreatedBy(1).SetUpdatedBy(1)
	if to := p.end(); to != nil {
		c.SetValidTo(*to)
	}
	l := c.SaveX(t.Context())
	db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of.ID).SetUnitPrice(decimal.NewFromInt(3000)).SetVatRate(decimal.NewFromInt(20)).ExecX(t.Context())
	return l
}

func idOf(l *ent.PriceList) globalid.ID { return globalid.ID{Type: "PriceList", Key: l.ID} }

// currencyOf makes up a currency for a round, so that rounds do not meet.
func currencyOf(n int) string {
	return fmt.Sprintf("%c%c%c", 'A'+n/676%26, 'A'+n/26%26, 'A'+n%26)
}

func statusOf(t testing.TB, db *store.DB, l *ent.PriceList) pricelist.Status {
	t.Helper()
	return db.PriceList.GetX(t.Context(), l.ID).Status
}
