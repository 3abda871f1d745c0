package tariff_test

import (
	"fmt"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

func TestWherePricesComeFrom(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := newService(db), system(t)
		towage, free, exempt, gone := sold(t, db, "HZM001"), sold(t, db, "HZM002"), sold(t, db, "HZM003"), sold(t, db, "HZM004")
		db.Service.UpdateOne(free).SetBasePrice(decimal.Zero).ExecX(ctx)
		db.Service.UpdateOne(exempt).SetVatExemption("17/4-C").SetVatRate(decimal.Zero).ExecX(ctx)
		db.Service.UpdateOne(gone).SetIsActive(false).ExecX(ctx)
		add := func(l *ent.PriceList, of *ent.Service, from, price int64, vat int64) {
			db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of.ID).SetMinQuantity(decimal.NewFromInt(from)).SetUnitPrice(decimal.NewFromInt(price)).
				SetVatRate(decimal.NewFromInt(vat)).ExecX(ctx)
		}
		lira := list(t, db, "TRY", "TRY", period{10, 20}, towage) // 3000
		add(lira, towage, 6, 2800, 20)
		add(lira, towage, 11, 2500, 20)
		add(lira, exempt, 0, 70, 20)
		add(lira, gone, 0, 1, 20)
		dollars := list(t, db, "USD", "USD", period{0, 0}, free) // 3000
		draft := list(t, db, "TASLAK", "TRY", period{0, 0}, towage)
		for _, l := range []*ent.PriceList{lira, dollars} {
			db.PriceList.UpdateOne(l).SetStatus(pricelist.StatusActive).ExecX(ctx)
		}
		override := func(of *ent.Service, p period, price int64, vat *decimal.Decimal, active bool) {
			c := db.ServiceOverride.Create().SetServiceID(of.ID).SetValidFrom(day(p.from)).SetPrice(decimal.NewFromInt(price)).SetCurrency("EUR").
				SetNillableVatRate(vat).SetIsActive(active).SetCreatedBy(1).SetUpdatedBy(1)
			if to := p.end(); to != nil {
				c.SetValidTo(*to)
			}
			c.ExecX(ctx)
		}
		override(towage, period{14, 16}, 9, new(decimal.NewFromInt(10)), true)
		override(towage, period{5, 0}, 1, nil, false)
		override(exempt, period{30, 0}, 5, new(decimal.NewFromInt(20)), true)

		for name, c := range map[string]struct {
			of       *ent.Service
			day      int
			currency string
			list     *ent.PriceList
			quantity string
			want     string
		}{
			"the first day of the list":                   {towage, 10, "TRY", nil, "3", "PRICE_LIST 3000 TRY 20"},
			"the last day of the list":                    {towage, 19, "TRY", nil, "3", "PRICE_LIST 3000 TRY 20"},
			"the day before the list":                     {towage, 9, "TRY", nil, "3", "SERVICE 1500 TRY 20"},
			"the day after the list":                      {towage, 20, "TRY", nil, "3", "SERVICE 1500 TRY 20"},
			"5.5 hours are in the first tier":             {towage, 10, "TRY", nil, "5.5", "PRICE_LIST 3000 TRY 20"},
			"six hours begin the second":                  {towage, 10, "TRY", nil, "6", "PRICE_LIST 2800 TRY 20"},
			"fifteen hours are in the last":               {towage, 10, "TRY", nil, "15", "PRICE_LIST 2500 TRY 20"},
			"the first day of an override":                {towage, 14, "TRY", nil, "3", "OVERRIDE 9 EUR 10"},
			"the last day of an override":                 {towage, 15, "USD", nil, "3", "OVERRIDE 9 EUR 10"},
			"the day after an override":                   {towage, 16, "TRY", nil, "3", "PRICE_LIST 3000 TRY 20"},
			"the list of another currency has it not":     {towage, 12, "USD", nil, "3", "SERVICE 1500 TRY 20"},
			"a currency without a list":                   {towage, 12, "EUR", nil, "3", "SERVICE 1500 TRY 20"},
			"a list that was chosen":                      {free, 12, "TRY", dollars, "3", "PRICE_LIST 3000 USD 20"},
			"a chosen list that is not in force that day": {towage, 20, "TRY", lira, "3", "TARIFE_INACTIVE"},
			"a chosen draft":                              {towage, 12, "TRY", draft, "3", "TARIFE_INACTIVE"},
			"a chosen draft that has it not":              {free, 12, "TRY", draft, "3", "TARIFE_INACTIVE"},
			"a card at 0 has no price":                    {free, 12, "TRY", nil, "3", "HIZMET_INVALID_PRICE"},
			"an exemption goes before the list":           {exempt, 12, "TRY", nil, "3", "PRICE_LIST 70 TRY 0"},
			"and before an override":                      {exempt, 31, "TRY", nil, "3", "OVERRIDE 5 EUR 0"},
			"and holds on the card":                       {exempt, 25, "TRY", nil, "3", "SERVICE 1500 TRY 0"},
			"what is no longer sold":                      {gone, 12, "TRY", nil, "3", "HIZMET_INACTIVE"},
		} {
			var id *int64
			if c.list != nil {
				id = &c.list.ID
			}
			found, err := s.Candidates(ctx, db.Client, c.of.ID, day(c.day), c.currency, id)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			got := ""
			p, err := pricing.Resolve(found, day(c.day), new(decimal.RequireFromString(c.quantity)))
			if refused, ok := apperr.All(err); ok {
				got = string(refused[0].Code)
			} else {
				got = fmt.Sprintf("%s %s %s %s", p.Source, p.Amount, p.Currency, p.VATRate)
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s (%v)", name, got, c.want, err)
			}
			if p.Source == pricing.FromList && (p.ListCode == "" || p.ListItemID == 0 || p.ListVersion != 1) || p.Source == pricing.FromOverride && p.OverrideID == 0 {
				t.Errorf("%s: does not tell where from: %+v", name, p)
			}
		}
		if _, err := s.Candidates(ctx, db.Client, 999, day(0), "TRY", nil); !apperr.Is(err, apperr.ServiceNotFound) {
			t.Errorf("an unknown service: %v", err)
		}
		if _, err := s.Candidates(ctx, db.Client, towage.ID, day(0), "TRY", new(int64(999))); !apperr.Is(err, apperr.TariffNotFound) {
			t.Errorf("an unknown list: %v", err)
		}
	})
}

func TestCandidatesOfManyTakeThreeStatements(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, first := newService(db), system(t), sold(t, db, "HZM000")
		l := list(t, db, "TRY", "TRY", period{0, 0}, first)
		keys := []int64{first.ID}
		for n := range 100 {
			of := sold(t, db, fmt.Sprintf("HZM%03d", n+1))
			keys = append(keys, of.ID)
			db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of.ID).SetUnitPrice(decimal.NewFromInt(int64(n))).SetVatRate(decimal.Zero).ExecX(ctx)
			db.ServiceOverride.Create().SetServiceID(of.ID).SetValidFrom(day(50)).SetPrice(decimal.NewFromInt(int64(1000 + n))).SetCurrency("TRY").SetCreatedBy(1).SetUpdatedBy(1).ExecX(ctx)
		}
		if _, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(l), Revision: 1}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 101} {
			for d, base := range map[int]int64{10: 0, 60: 1000} {
				stats := &store.Stats{Record: true}
				err := db.InTx(ctx, func(tx *ent.Tx) error { // as pricing does it
					all, err := s.CandidatesOf(store.WithStats(ctx, stats), tx.Client(), keys[:n], day(d), "TRY", nil)
					if err != nil {
						return err
					}
					for i, key := range keys[:n] {
						p, err := pricing.Resolve(all[key], day(d), new(decimal.NewFromInt(1)))
						want := decimal.NewFromInt(base + int64(i) - 1)
						if i == 0 {
							want = decimal.NewFromInt(3000)
						}
						if err != nil || !p.Amount.Equal(want) {
							t.Errorf("service %d on day %d costs %v (%v), want %v", i, d, p.Amount, err, want)
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := len(stats.Statements()); got != 3 {
					t.Errorf("%d services take %d statements", n, got)
				}
			}
		}
	})
}
