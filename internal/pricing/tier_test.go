package pricing_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
)

// tiers reads tiers such as "1 6 3000, 6 11 2800, 11 - 2500": from, up to, price.
func tiers(words string) (ts []pricing.Tier) {
	for t := range strings.SplitSeq(words, ",") {
		f := strings.Fields(t)
		if len(f) != 3 {
			continue
		}
		tier := pricing.Tier{Min: number(f[0]), Price: number(f[2])}
		if f[1] != "-" {
			tier.Max = ptr(f[1])
		}
		ts = append(ts, tier)
	}
	return ts
}

func ptr(s string) *decimal.Decimal {
	if s == "" {
		return nil
	}
	d := number(s)
	return &d
}

func TestTheWholeQuantityIsPricedAtItsTier(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]string{
		"with ends":    "1 6 3000, 6 11 2800, 11 - 2500",
		"without ends": "1 - 3000, 6 - 2800, 11 - 2500",
		"in disorder":  "11 - 2500, 1 6 3000, 6 - 2800",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts, err := pricing.NewTiers(tiers(given), number("1"))
			if err != nil {
				t.Fatal(err)
			}
			for quantity, want := range map[string]string{
				"1": "3000", "3": "9000", "5": "15000", "5.5": "16500", "5.9999": "17999.7",
				"6": "16800", "8": "22400", "10.9999": "30799.72", "11": "27500", "15": "37500", "1000000": "2500000000",
			} {
				tier, err := ts.For(number(quantity))
				if err != nil {
					t.Fatal(err)
				}
				if got := tier.Price.Mul(number(quantity)); !got.Equal(number(want)) {
					t.Errorf("%s cost %v, want %s", quantity, got, want)
				}
			}
			for _, quantity := range []string{"0", "0.9999", "-1"} {
				if _, err := ts.For(number(quantity)); faults(err) != "VALIDATION_ERROR quantity" {
					t.Errorf("%s: %v", quantity, err)
				}
			}
		})
	}
}

func TestTiersThatLeaveOutOrNameTwiceAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tiers, smallest, want string
		reason                apperr.Text
	}{
		"none":                               {"", "0", "TARIFE_INVALID_TIERS", apperr.Required},
		"a gap: 1 to 5 and 6 to 10":          {"1 5 3000, 6 - 2800", "1", "TARIFE_INVALID_TIERS 0.maxQuantity", apperr.TierGap},
		"an overlap":                         {"1 7 3000, 6 - 2800", "1", "TARIFE_INVALID_TIERS 0.maxQuantity", apperr.TierOverlap},
		"nothing for large quantities":       {"1 6 3000, 6 11 2800", "1", "TARIFE_INVALID_TIERS 1.maxQuantity", apperr.TierGap},
		"the same beginning twice":           {"1 - 3000, 6 - 2800, 6 - 2700", "1", "TARIFE_INVALID_TIERS 2.minQuantity", apperr.GivenTwice},
		"a beginning above the smallest":     {"6 - 2800, 11 - 2500", "1", "TARIFE_INVALID_TIERS 0.minQuantity", apperr.FirstTier},
		"a beginning below the smallest":     {"11 - 2500, 0 - 2800", "1", "TARIFE_INVALID_TIERS 1.minQuantity", apperr.FirstTier},
		"a tier that ends before it begins":  {"6 - 2800, 1 0 3000", "1", "TARIFE_INVALID_TIERS 1.maxQuantity", apperr.TierGap},
		"a negative beginning":               {"-1 - 3000", "0", "TARIFE_INVALID_TIERS 0.minQuantity", apperr.NotNegative},
		"a negative price":                   {"0 - -3000", "0", "TARIFE_INVALID_TIERS 0.price", apperr.NotNegative},
		"a price of five places":             {"0 - 0.00001", "0", "TARIFE_INVALID_TIERS 0.price", apperr.TooPrecise},
		"a quantity that fills the memory":   {"0 1e999999999 5, 1e999999999 - 4", "0", "TARIFE_INVALID_TIERS 0.maxQuantity; TARIFE_INVALID_TIERS 1.minQuantity", apperr.TooBig},
		"a gap that is told where it stands": {"11 - 2500, 6 10 2800, 1 6 3000", "1", "TARIFE_INVALID_TIERS 1.maxQuantity", apperr.TierGap},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pricing.NewTiers(tiers(c.tiers), number(c.smallest))
			if got := faults(err); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			all, _ := apperr.All(err)
			for _, e := range all {
				if e.Text != c.reason {
					t.Errorf("the reason is %q, want %q", e.Text.EN, c.reason.EN)
				}
			}
		})
	}
}

// TestTiersCoverEveryQuantityOnce draws beginnings, and quantities on, below and
// between them.
func TestTiersCoverEveryQuantityOnce(t *testing.T) {
	t.Parallel()
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed))
	for n := range 3000 {
		var given []pricing.Tier
		begins := map[string]bool{}
		for range 1 + r.IntN(8) {
			lower := decimal.New(r.Int64N(300_000), -4)
			if !begins[lower.String()] {
				begins[lower.String()] = true
				given = append(given, pricing.Tier{Min: lower, Price: decimal.NewFromInt(r.Int64N(1000))})
			}
		}
		smallest := given[0].Min
		for _, t := range given {
			smallest = decimal.Min(smallest, t.Min)
		}
		ts, err := pricing.NewTiers(given, smallest)
		if err != nil || len(ts) != len(given) {
			t.Fatalf("seed %d, case %d: %v, %v", seed, n, ts, err)
		}
		for range 20 {
			q := decimal.New(r.Int64N(400_000), -4)
			if r.IntN(3) == 0 {
				q = ts[r.IntN(len(ts))].Min.Add(decimal.New(r.Int64N(3)-1, -4))
			}
			var homes []pricing.Tier
			for i, tier := range ts {
				if q.GreaterThanOrEqual(tier.Min) && (i+1 == len(ts) || q.LessThan(ts[i+1].Min)) {
					homes = append(homes, tier)
				}
			}
			got, err := ts.For(q)
			switch {
			case q.LessThan(smallest):
				if err == nil || len(homes) != 0 {
					t.Fatalf("seed %d, case %d: %v is below %v, and costs %v", seed, n, q, smallest, got)
				}
			case err != nil || len(homes) != 1 || !got.Min.Equal(homes[0].Min) || !got.Price.Equal(homes[0].Price):
				t.Fatalf("seed %d, case %d: %v falls into %v, priced by %v, %v", seed, n, q, homes, got, err)
			}
		}
	}
}
