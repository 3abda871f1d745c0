package tariff_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

// TestOnEveryDayAtMostOneListIsInForce activates generated lists and compares with
// periods counted day by day.
func TestOnEveryDayAtMostOneListIsInForce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		r := rand.New(rand.NewPCG(3, 3))
		type entry struct {
			period
			id int64
		}
		in := map[string][]entry{}
		for n := range 150 {
			p := period{r.IntN(100), 0}
			if r.IntN(8) > 0 {
				p.to = p.from + 1 + r.IntN(20)
			}
			currency := []string{"TRY", "USD"}[r.IntN(2)]
			l := list(t, db, fmt.Sprintf("L-%d", n), currency, p, of)
			free := !slices.ContainsFunc(in[currency], func(e entry) bool { return e.meets(p) })
			_, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(l), Revision: 1})
			if (err == nil) != free || err != nil && !apperr.Is(err, apperr.TariffOverlap) {
				t.Fatalf("list %d, %v beside %v: %v", n, p, in[currency], err)
			}
			if free {
				in[currency] = append(in[currency], entry{p, l.ID})
			}
			if len(in[currency]) > 0 && r.IntN(4) == 0 { // put one out of force
				i := r.IntN(len(in[currency]))
				out := db.PriceList.GetX(ctx, in[currency][i].id)
				if _, err := s.Deactivate(ctx, tariff.StepInput{ID: idOf(out), Revision: out.Revision}); err != nil {
					t.Fatal(err)
				}
				in[currency] = slices.Delete(in[currency], i, i+1)
			}
		}
		for _, currency := range []string{"TRY", "USD", "EUR"} {
			for n := range 140 {
				var want int64
				for _, e := range in[currency] {
					if e.has(n) {
						want = e.id
					}
				}
				got, err := s.InForce(ctx, new(day(n)), currency)
				if err != nil {
					t.Fatal(err)
				}
				if got == nil && want != 0 || got != nil && got.ID != want {
					t.Errorf("%s, day %d: got %v, want %d", currency, n, got, want)
				}
			}
		}
	})
}

// covers tells in half steps whether tiers of [min, max) hold every quantity from the
// first on exactly once, the last one having no end, and none holds nothing.
func covers(tiers []tariff.ItemInput) bool {
	least := tiers[0].MinQuantity
	for _, t := range tiers {
		least = decimal.Min(least, t.MinQuantity)
		if t.MaxQuantity != nil && t.MaxQuantity.LessThanOrEqual(t.MinQuantity) {
			return false
		}
	}
	for n := range 60 {
		q := least.Add(decimal.New(int64(5*n), -1))
		in := 0
		for i, t := range tiers {
			end := t.MaxQuantity
			if end == nil { // up to the next one
				for j, next := range tiers {
					if i != j && next.MinQuantity.GreaterThan(t.MinQuantity) && (end == nil || next.MinQuantity.LessThan(*end)) {
						end = &next.MinQuantity
					}
				}
			}
			if q.GreaterThanOrEqual(t.MinQuantity) && (end == nil || q.LessThan(*end)) {
				in++
			}
		}
		if in != 1 {
			return false
		}
	}
	return true
}

// TestTiersAreTakenIfAndOnlyIfTheyCoverEveryQuantityOnce tries generated tiers, given
// at once and in two calls, and prices quantities by those that were taken.
func TestTiersAreTakenIfAndOnlyIfTheyCoverEveryQuantityOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, first := newService(db), system(t), sold(t, db, "HZM000")
		r := rand.New(rand.NewPCG(4, 4))
		taken, refused := 0, 0
		for n := range 150 {
			of := sold(t, db, fmt.Sprintf("HZM%03d", n+1))
			l := list(t, db, fmt.Sprintf("L-%d", n), currencyOf(n), period{0, 100}, first)
			tiers := make([]tariff.ItemInput, 1+r.IntN(4))
			at := r.IntN(3)
			for i := range tiers {
				tiers[i] = tariff.ItemInput{ServiceCode: of.Code, MinQuantity: decimal.NewFromInt(int64(at)), UnitPrice: decimal.NewFromInt(int64(1000 - i))}
				if r.IntN(12) > 0 {
					at += 1 + r.IntN(5)
				}
				if i < len(tiers)-1 && r.IntN(2) == 0 {
					end := at
					if r.IntN(6) == 0 {
						end += r.IntN(3) - 1
					}
					tiers[i].MaxQuantity = new(decimal.NewFromInt(int64(end)))
				}
			}
			r.Shuffle(len(tiers), func(i, j int) { tiers[i], tiers[j] = tiers[j], tiers[i] })
			want := covers(tiers)
			_, err := s.AddItems(ctx, tariff.AddItemsInput{PriceListID: idOf(l), Revision: 1, Items: tiers})
			if (err == nil) != want || err != nil && !apperr.Is(err, apperr.TariffTiers) {
				t.Fatalf("%v: %v, they cover everything: %t", tiers, err, want)
			}
			kept := db.PriceListItem.Query().Where(pricelistitem.ServiceID(of.ID)).CountX(ctx)
			if !want {
				if refused++; kept != 0 {
					t.Fatalf("%v: %d were kept", tiers, kept)
				}
				continue
			}
			taken++
			if _, err := s.Activate(ctx, tariff.ActivateInput{ID: idOf(l), Revision: 2}); err != nil {
				t.Fatal(err)
			}
			found, err := s.Candidates(ctx, db.Client, of.ID, day(50), currencyOf(n), nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				q := decimal.New(r.Int64N(200), -1)
				var price *decimal.Decimal // that of the highest tier not above q
				var from decimal.Decimal
				for _, i := range tiers {
					if i.MinQuantity.LessThanOrEqual(q) && (price == nil || i.MinQuantity.GreaterThan(from)) {
						price, from = &i.UnitPrice, i.MinQuantity
					}
				}
				got, err := pricing.Resolve(found, day(50), &q)
				if price == nil && err == nil || price != nil && (err != nil || !got.Amount.Equal(*price)) {
					t.Fatalf("%v of %v: %v (%v), want %v", q, tiers, got.Amount, err, price)
				}
			}
		}
		if taken < 40 || refused < 20 {
			t.Errorf("%d taken, %d refused: not enough of both", taken, refused)
		}
	})
}

func TestAPercentageRoundsHalfUpToFourPlaces(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		r := rand.New(rand.NewPCG(5, 5))
		for round := range 12 {
			l := list(t, db, fmt.Sprintf("L-%d", round), "TRY", period{0, 10}, of)
			prices := map[int64]decimal.Decimal{}
			creates := make([]*ent.PriceListItemCreate, 300)
			for i := range creates {
				creates[i] = db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of.ID).SetMinQuantity(decimal.NewFromInt(int64(i + 1))).
					SetUnitPrice(decimal.New(r.Int64N(10_000_000_000), -4)).SetVatRate(decimal.Zero)
			}
			for _, i := range append(db.PriceListItem.CreateBulk(creates...).SaveX(ctx), db.PriceListItem.Query().Where(pricelistitem.PriceListID(l.ID), pricelistitem.MinQuantity(decimal.Zero)).OnlyX(ctx)) {
				prices[i.ID] = i.UnitPrice
			}
			percent := decimal.New(r.Int64N(11_000_000)-1_000_000, -4)
			if round == 0 {
				percent = decimal.NewFromInt(10)
			}
			if percent.IsZero() {
				continue
			}
			if _, err := s.Adjust(ctx, tariff.AdjustInput{ID: idOf(l), Revision: 1, Percent: percent}); err != nil {
				t.Fatal(err)
			}
			factor := new(big.Rat).Quo(decimal.NewFromInt(100).Add(percent).Rat(), big.NewRat(100, 1))
			for _, i := range db.PriceListItem.Query().Where(pricelistitem.PriceListID(l.ID)).AllX(ctx) {
				// FloatString rounds half away from zero, exactly.
				if want := new(big.Rat).Mul(prices[i.ID].Rat(), factor).FloatString(4); i.UnitPrice.StringFixed(4) != want {
					t.Fatalf("%v at %v %% is %v, want %s", prices[i.ID], percent, i.UnitPrice, want)
				}
			}
		}
		// What cannot be stored is refused, and nothing is changed.
		l := list(t, db, "ZUVIEL", "TRY", period{0, 10}, of)
		db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of.ID).SetMinQuantity(decimal.NewFromInt(1)).SetUnitPrice(decimal.NewFromInt(99_999_999_999)).SetVatRate(decimal.Zero).ExecX(ctx)
		if _, err := s.Adjust(ctx, tariff.AdjustInput{ID: idOf(l), Revision: 1, Percent: decimal.NewFromInt(1)}); !apperr.Is(err, apperr.Validation) {
			t.Errorf("a price that is too large: %v", err)
		}
		if p := db.PriceListItem.Query().Where(pricelistitem.PriceListID(l.ID), pricelistitem.MinQuantity(decimal.Zero)).OnlyX(ctx).UnitPrice; p.String() != "3000" {
			t.Errorf("another price became %v", p)
		}
	})
}

func TestAListHoldsAThousandItemsAtMost(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx, of := newService(db), system(t), sold(t, db, "HZM001")
		l := db.PriceList.Create().SetCode("LISTE").SetName("Liste").SetCurrency("TRY").SetValidFrom(day(0)).SetCreatedBy(1).SetUpdatedBy(1).SaveX(ctx)
		add := func(revision, from, n int) error {
			items := make([]tariff.ItemInput, n)
			for i := range items {
				items[i] = tariff.ItemInput{ServiceCode: of.Code, MinQuantity: decimal.NewFromInt(int64(from + i)), UnitPrice: decimal.NewFromInt(int64(from + i))}
			}
			_, err := s.AddItems(ctx, tariff.AddItemsInput{PriceListID: idOf(l), Revision: revision, Items: items})
			return err
		}
		for _, err := range []error{add(1, 0, 500), add(2, 500, 499)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for name, err := range map[string]error{"two more": add(3, 999, 2), "501 at once": add(3, 2000, 501)} {
			if !apperr.Is(err, apperr.Validation) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := add(3, 999, 1); err != nil {
			t.Fatal(err)
		}
		stats := &store.Stats{Record: true}
		copied, err := s.Copy(store.WithStats(ctx, stats), tariff.CopyInput{ID: idOf(l), ValidFrom: day(10)})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(stats.Statements()); n > 12 {
			t.Errorf("copying takes %d statements", n)
		}
		stats = &store.Stats{Record: true}
		if _, err := s.Adjust(store.WithStats(ctx, stats), tariff.AdjustInput{ID: idOf(copied), Revision: 1, Percent: decimal.NewFromInt(10)}); err != nil {
			t.Fatal(err)
		}
		if n := len(stats.Statements()); n > 8 {
			t.Errorf("a percentage on a thousand prices takes %d statements", n)
		}
		if n := db.PriceListItem.Query().Where(pricelistitem.PriceListID(copied.ID)).CountX(ctx); n != tariff.MaxItems || copied.Version != 2 || copied.Status != pricelist.StatusDraft {
			t.Errorf("version %d, %s, has %d items", copied.Version, copied.Status, n)
		}
	})
}
