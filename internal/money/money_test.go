package money_test

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

func TestPriceLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ quantity, unitPrice, rate, net, vat, gross string }{
		"two and a half hours of a crane": {"2.5", "1500", "20", "3750", "750", "4500"},
		"no VAT stays no VAT":             {"3", "20", "0", "60", "0", "60"},
		"one per cent":                    {"1", "100", "1", "100", "1", "101"},
		"a rate with places":              {"1", "200", "12.5", "200", "25", "225"},
		"nothing costs nothing":           {"1", "0", "20", "0", "0", "0"},
		"60 dollars at 32.50":             {"60", "32.50", "20", "1950", "390", "2340"},
		"45 dollars at 32.50":             {"45", "32.50", "20", "1462.50", "292.50", "1755"},
		"28.125 dollars at 32.50: the foreign price is not rounded, and gross is no rounding of 1096.875": {
			"28.125", "32.50", "20", "914.06", "182.81", "1096.87",
		},
		"28.125 dollars at 34.50":                     {"28.125", "34.50", "20", "970.31", "194.06", "1164.37"},
		"127.50 dollars at 34.50":                     {"127.50", "34.50", "20", "4398.75", "879.75", "5278.50"},
		"45 dollars of storage at 34.50":              {"45", "34.50", "20", "1552.50", "310.50", "1863"},
		"a chain of surcharge and discount":           {"3600", "1.6875", "20", "6075", "1215", "7290"},
		"half a cent goes up":                         {"1", "0.005", "0", "0.01", "0", "0.01"},
		"just under half a cent goes down":            {"1", "0.0049", "20", "0", "0", "0"},
		"a half cent after an even one goes up too":   {"1", "0.025", "0", "0.03", "0", "0.03"},
		"half a cent of a credit goes away from zero": {"-1", "0.005", "0", "-0.01", "0", "-0.01"},
		"half a cent of VAT goes up":                  {"1", "0.50", "1", "0.50", "0.01", "0.51"},
		"just under half a cent of VAT goes down":     {"1", "0.49", "1", "0.49", "0", "0.49"},
		"VAT is of the rounded net, not of 0.125":     {"0.25", "0.5", "50", "0.13", "0.07", "0.20"},
		"what no float can hold":                      {"0.1", "0.2", "10", "0.02", "0", "0.02"},
		"the largest price there is":                  {"1", "99999999999.9999", "0", "100000000000", "0", "100000000000"},
		"the smallest quantity at the smallest price": {"0.0001", "0.0001", "20", "0", "0", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := money.PriceLine(number(c.quantity), number(c.unitPrice), number(c.rate))
			if !l.Net.Equal(number(c.net)) || !l.VAT.Equal(number(c.vat)) || !l.Gross.Equal(number(c.gross)) {
				t.Errorf("%s × %s at %s %%: got %v + %v = %v, want %s + %s = %s", c.quantity, c.unitPrice, c.rate, l.Net, l.VAT, l.Gross, c.net, c.vat, c.gross)
			}
		})
	}
}

func number(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// TestEveryLineAddsUp compares generated lines with fractions of whole numbers.
func TestEveryLineAddsUp(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		quantity, price := decimal.New(r.Int64N(1_000_000_000)-100_000_000, -4), decimal.New(r.Int64N(1_000_000_000_000), -4)
		rate := decimal.New(r.Int64N(10_001), -2)
		l := money.PriceLine(quantity, price, rate)
		net := roundHalfAwayFromZero(new(big.Rat).Mul(quantity.Rat(), price.Rat()))
		vat := roundHalfAwayFromZero(new(big.Rat).Mul(net, new(big.Rat).Quo(rate.Rat(), big.NewRat(100, 1))))
		if l.Net.Rat().Cmp(net) != 0 || l.VAT.Rat().Cmp(vat) != 0 {
			t.Fatalf("%v × %v at %v %%: got %v and %v, want %s and %s", quantity, price, rate, l.Net, l.VAT, net.FloatString(4), vat.FloatString(4))
		}
		if !l.Net.Add(l.VAT).Equal(l.Gross) {
			t.Fatalf("%v × %v at %v %%: %v + %v is not %v", quantity, price, rate, l.Net, l.VAT, l.Gross)
		}
		for _, d := range []decimal.Decimal{l.Net, l.VAT, l.Gross} {
			if !d.Equal(d.Truncate(money.AmountPlaces)) {
				t.Fatalf("%v has more than two places", d)
			}
		}
	}
}

func roundHalfAwayFromZero(r *big.Rat) *big.Rat {
	cents := new(big.Rat).Mul(new(big.Rat).Abs(r), big.NewRat(200, 1)) // in half cents
	whole := new(big.Int).Quo(cents.Num(), cents.Denom())
	whole.Add(whole, big.NewInt(1)).Quo(whole, big.NewInt(2))
	rounded := new(big.Rat).SetFrac(whole, big.NewInt(100))
	if r.Sign() < 0 {
		rounded.Neg(rounded)
	}
	return rounded
}

func TestRound(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"914.0625": "914.06", "266.666666": "266.67", "1.005": "1.01", "-1.005": "-1.01", "2.675": "2.68", "-0.004": "0"} {
		if got := money.Round(number(in)); !got.Equal(number(want)) {
			t.Errorf("Round(%s) = %v, want %s", in, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		value  string
		places int32
		want   apperr.Text // none: accepted
	}{
		"nothing":                                 {"0", 4, apperr.Text{}},
		"four places of four":                     {"1.2345", 4, apperr.Text{}},
		"zeros behind are no places":              {"1.234500000", 4, apperr.Text{}},
		"a negative value is not its business":    {"-5", 4, apperr.Text{}},
		"two places of two":                       {"12.34", 2, apperr.Text{}},
		"the largest value: fifteen digits":       {"99999999999.9999", 4, apperr.Text{}},
		"the largest value below zero":            {"-99999999999.9999", 4, apperr.Text{}},
		"written with an exponent":                {"1e10", 4, apperr.Text{}},
		"five places of four":                     {"1.23456", 4, apperr.TooPrecise},
		"three places of two":                     {"12.345", 2, apperr.TooPrecise},
		"a very small value":                      {"0.000000000000000000001", 4, apperr.TooPrecise},
		"one more than the largest value":         {"100000000000", 4, apperr.TooBig},
		"one less than the largest value below":   {"-100000000000", 4, apperr.TooBig},
		"the largest value and a little":          {"99999999999.99990001", 4, apperr.TooBig},
		"a large exponent":                        {"1e16", 4, apperr.TooBig},
		"an exponent that would fill all memory":  {"1e999999999", 4, apperr.TooBig},
		"the same below zero":                     {"-1e999999999", 4, apperr.TooBig},
		"an exponent as small":                    {"1e-999999999", 4, apperr.TooBig},
		"zero with an exponent that fills memory": {"0e999999999", 4, apperr.TooBig},
		"more digits than any amount has":         {strings.Repeat("9", 1000), 4, apperr.TooBig},
		"more places than any amount has":         {"0." + strings.Repeat("9", 1000), 4, apperr.TooBig},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := money.Check("unitPrice", number(c.value), c.places)
			if c.want == (apperr.Text{}) {
				if e != nil {
					t.Errorf("refused: %v", e)
				}
				return
			}
			if e == nil || e.Code != apperr.Validation || e.Text != c.want || len(e.Field) != 1 || e.Field[0] != "unitPrice" {
				t.Fatalf("got %v, want %q at unitPrice", e, c.want.EN)
			}
			if c.want == apperr.TooPrecise && e.Params["places"] != c.places {
				t.Errorf("the refusal does not tell how many places: %v", e.Params)
			}
		})
	}
}

func TestIsCurrency(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"TRY": true, "USD": true, "EUR": true,
		"": false, "TR": false, "TRYY": false, "try": false, "Try": false, "T1Y": false, "TR ": false, "ÇA": false, "İİ": false, "€": false, "T\x00Y": false,
	} {
		if got := money.IsCurrency(code); got != want {
			t.Errorf("IsCurrency(%q) = %v", code, got)
		}
	}
}
