package seed_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/ent/pricelist"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

func TestSeededServicesAndTariffsMeetTheRules(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := run(t, db, seed.Options{WorkOrders: 10, Cari: 20, Services: 200, Seed: 1, Now: now})
		ctx := actor.With(t.Context(), actor.System("test"))
		choices, err := parameter.ChoicesOf(ctx, db.Client, parameter.Units, parameter.Currencies, parameter.VATRates, parameter.ServiceGroups, parameter.ServiceCategories)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range db.Service.Query().AllX(ctx) {
			if _, err := pricing.ParseParams(pricing.Type(s.CalculationType), s.FormulaParams); err != nil {
				t.Errorf("%s: %v", s.Code, err)
			}
			if e := choices.Unit("unit", s.Unit); e != nil {
				t.Errorf("%s: %v", s.Code, e)
			}
			if !choices.Has(parameter.ServiceGroups, *s.GroupCode) || !choices.Has(parameter.ServiceCategories, *s.CategoryCode) ||
				choices.VATRate("vatRate", s.VatRate) != nil || choices.Currency("currency", s.Currency) != nil {
				t.Errorf("%s: group %s, category %s, VAT %s, %s", s.Code, *s.GroupCode, *s.CategoryCode, s.VatRate, s.Currency)
			}
		}
		lists := db.PriceList.Query().WithItems().AllX(ctx)
		status := map[pricelist.Status]int{}
		for i, l := range lists {
			status[l.Status]++
			if len(l.Edges.Items) == 0 || len(l.Edges.Items) > tariff.MaxItems {
				t.Errorf("%s v%d has %d items", l.Code, l.Version, len(l.Edges.Items))
			}
			tiers := map[int64][]pricing.Tier{}
			for _, item := range l.Edges.Items {
				tiers[item.ServiceID] = append(tiers[item.ServiceID], pricing.Tier{Min: item.MinQuantity, Price: item.UnitPrice})
			}
			for id, of := range tiers {
				if _, err := pricing.NewTiers(of, of[0].Min); err != nil {
					t.Errorf("%s v%d, service %d: %v", l.Code, l.Version, id, err)
				}
			}
			for _, other := range lists[:i] {
				if l.Status == pricelist.StatusActive && other.Status == l.Status && other.Currency == l.Currency &&
					(other.ValidTo == nil || other.ValidTo.After(l.ValidFrom)) && (l.ValidTo == nil || l.ValidTo.After(other.ValidFrom)) {
					t.Errorf("%s v%d overlaps v%d", l.Code, l.Version, other.Version)
				}
			}
		}
		if r.PriceLists != len(lists) || status[pricelist.StatusActive] != 5 || status[pricelist.StatusPassive] != 1 || status[pricelist.StatusDraft] != 1 {
			t.Errorf("%d lists reported, there are %v", r.PriceLists, status)
		}
		s := &tariff.Service{DB: db}
		today := calendar.DateOf(now)
		of := db.Service.Query().Where(service.Code("HZM003")).OnlyX(ctx)
		found, err := s.Candidates(ctx, db.Client, of.ID, today, "TRY", nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := pricing.Resolve(found, today, nil); err != nil || p.Source != pricing.FromOverride || p.Amount.String() != "450" {
			t.Errorf("mooring costs %+v today (%v)", p, err)
		}
		if db.Dialect() == dialect.Postgres {
			db.PriceList.Create().SetCode("NEXT-ID").SetName("Liste").SetCurrency("TRY").SetValidFrom(today).SetCreatedBy(1).SetUpdatedBy(1).ExecX(ctx)
		}
	})
}
