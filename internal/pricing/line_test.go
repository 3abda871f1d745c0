package pricing_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
	"aliaport/internal/pricing"
)

// rates reads rates such as "USD 32.50, EUR 37.80".
func rates(words string) (rs []pricing.Rate) {
	for r := range strings.SplitSeq(words, ",") {
		if currency, value, ok := strings.Cut(strings.TrimSpace(r), " "); ok {
			rs = append(rs, pricing.Rate{
				Currency: currency, Value: number(value), Kind: "FOREX_SELLING",
				BulletinDate: date("2026-02-27"), UsedDate: date("2026-03-02"), IsFallback: currency == "EUR",
			})
		}
	}
	return rs
}

// asked is a request for a price by hand; price is "20 USD".
func asked(t testing.TB, price string, typ pricing.Type, raw, inputs, currency, vat, known string) pricing.Request {
	t.Helper()
	amount, of, _ := strings.Cut(price, " ")
	return pricing.Request{
		Price: pricing.Manual(number(amount), of, number(vat), date("2026-03-02")), Type: typ, Params: params(t, typ, raw),
		Inputs: given(t, inputs), Currency: currency, Rates: rates(known),
	}
}

func show(l pricing.Line) string {
	return fmt.Sprintf("%s + %s = %s %s", l.Net.StringFixed(2), l.VAT.StringFixed(2), l.Gross.StringFixed(2), l.Currency)
}

func TestQuote(t *testing.T) {
	t.Parallel()
	const vehicleRule = pricing.Vehicle4H
	for name, c := range map[string]struct {
		price                 string
		typ                   pricing.Type
		params, inputs        string
		currency, vat, rates  string
		want, exchange, inTRY string
	}{
		"60 dollars of a pallet truck": {"20 USD", pricing.PerUnit, ``, "quantity 3", "TRY", "20", "USD 32.50", "1950.00 + 390.00 = 2340.00 TRY", "32.5", "1950"},
		"45 dollars of storage":        {"0.03 USD", pricing.XSecondary, storage, "weightKg 500, days 3", "TRY", "20", "USD 32.50", "1462.50 + 292.50 = 1755.00 TRY", "32.5", "1462.5"},
		"28.125 dollars are not rounded before they are TRY, and gross is no rounding of 1096.875": {"15 USD", vehicleRule, vehicle, "minutes 450", "TRY", "20", "USD 32.50", "914.06 + 182.81 = 1096.87 TRY", "32.5", "914.06"},
		"five persons": {"25.50 USD", pricing.PerUnit, ``, "quantity 5", "TRY", "20", "USD 34.50", "4398.75 + 879.75 = 5278.50 TRY", "34.5", "4398.75"},
		"a forklift: two thirds of a cent become lira": {"80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "TRY", "20", "USD 34.50", "9200.00 + 1840.00 = 11040.00 TRY", "34.5", "9200"},
		"the same in dollars":                          {"80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "USD", "20", "", "266.67 + 53.33 = 320.00 USD", "", ""},
		"the same in dollars, with what it is in lira": {"80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "", "20", "USD 34.50", "266.67 + 53.33 = 320.00 USD", "", "9200.12"},
		"storage at another rate":                      {"0.03 USD", pricing.XSecondary, storage, "weightKg 500, days 3", "TRY", "20", "USD 34.50", "1552.50 + 310.50 = 1863.00 TRY", "34.5", "1552.5"},
		"a vehicle at another rate":                    {"15 USD", vehicleRule, vehicle, "minutes 450", "TRY", "20", "USD 34.50", "970.31 + 194.06 = 1164.37 TRY", "34.5", "970.31"},
		"yen are quoted by one":                        {"10000 JPY", pricing.Fixed, ``, "", "TRY", "20", "JPY 0.231234", "2312.34 + 462.47 = 2774.81 TRY", "0.231234", "2312.34"},
		"euros become dollars by way of lira":          {"100 EUR", pricing.Fixed, ``, "", "USD", "0", "USD 34.50, EUR 37.80", "109.57 + 0.00 = 109.57 USD", "1.095652", "3780.17"},
		"lira become dollars":                          {"3450 TRY", pricing.Fixed, ``, "", "USD", "0", "USD 34.50", "100.00 + 0.00 = 100.00 USD", "0.028986", "3450"},
		"lira stay lira, whatever the rates":           {"1500 TRY", pricing.PerUnit, ``, "quantity 2.5", "TRY", "20", "", "3750.00 + 750.00 = 4500.00 TRY", "", "3750"},
		"no VAT stays no VAT":                          {"100 TRY", pricing.Fixed, ``, "", "TRY", "0", "", "100.00 + 0.00 = 100.00 TRY", "", "100"},
		"nothing costs nothing":                        {"0 USD", pricing.Fixed, ``, "", "TRY", "20", "USD 32.50", "0.00 + 0.00 = 0.00 TRY", "32.5", "0"},
		"a third of a price three times is the price":  {"0.015 TRY", pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":1}`, "weightKg 4000, minutes 1", "TRY", "0", "", "0.02 + 0.00 = 0.02 TRY", "", "0.02"},
		"what a quotient of sixteen digits would lose": {"0.045 TRY", pricing.PerBlock, `{"base_weight_ton":9,"base_time_min":1}`, "weightKg 11000, minutes 1", "TRY", "0", "", "0.06 + 0.00 = 0.06 TRY", "", "0.06"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := pricing.Quote(asked(t, c.price, c.typ, c.params, c.inputs, c.currency, c.vat, c.rates))
			if err != nil {
				t.Fatal(err)
			}
			if got := show(l); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			exchange, inTRY := "", ""
			if l.ExchangeRate != nil {
				exchange = l.ExchangeRate.String()
			}
			if l.TRY != nil {
				inTRY = l.TRY.String()
			}
			if exchange != c.exchange || inTRY != c.inTRY {
				t.Errorf("the rate is %s, in lira %s; want %s and %s", exchange, inTRY, c.exchange, c.inTRY)
			}
		})
	}
}

func TestTheRateOfVATIsTheOneThatWasAskedForAndZeroIsZero(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		own, exemption, want string
	}{
		"that of the price":                  {"", "", "100.00 + 20.00 = 120.00 TRY"},
		"its own":                            {"10", "", "100.00 + 10.00 = 110.00 TRY"},
		"its own of 0 is not absent":         {"0", "", "100.00 + 0.00 = 100.00 TRY"},
		"an exemption makes it 0":            {"", "17/4-G", "100.00 + 0.00 = 100.00 TRY"},
		"an exemption goes before its own":   {"10", "13/D", "100.00 + 0.00 = 100.00 TRY"},
		"the exemption NONE is no exemption": {"", "NONE", "100.00 + 20.00 = 120.00 TRY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := asked(t, "100 TRY", pricing.Fixed, ``, "", "TRY", "20", "")
			r.VATRate, r.Exemption = ptr(c.own), c.exemption
			l, err := pricing.Quote(r)
			if err != nil || show(l) != c.want {
				t.Errorf("got %s, %v, want %s", show(l), err, c.want)
			}
			if exempt := c.exemption != "" && c.exemption != "NONE"; (l.Trace.VAT.Exemption != "") != exempt || !l.Trace.VAT.Rate.Equal(l.VATRate) {
				t.Errorf("the explanation has %+v, the line %v", l.Trace.VAT, l.VATRate)
			}
		})
	}
}

func TestQuoteRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*pricing.Request)
		want   string
	}{
		"no rate":                       {func(r *pricing.Request) { r.Rates = rates("EUR 37.80") }, "KUR_RATE_NOT_AVAILABLE"},
		"a rate of nothing":             {func(r *pricing.Request) { r.Rates[0].Value = number("0") }, "KUR_RATE_NOT_AVAILABLE"},
		"a negative rate":               {func(r *pricing.Request) { r.Rates[0].Value = number("-1") }, "KUR_RATE_NOT_AVAILABLE"},
		"a rate of seven places":        {func(r *pricing.Request) { r.Rates[0].Value = number("0.0000001") }, "KUR_RATE_NOT_AVAILABLE"},
		"no rate of the other currency": {func(r *pricing.Request) { r.Currency = "EUR" }, "KUR_RATE_NOT_AVAILABLE"},
		"two kinds of rate": {func(r *pricing.Request) {
			r.Currency, r.Rates = "EUR", rates("USD 32.50, EUR 37.80")
			r.Rates[1].Kind = "FOREX_BUYING"
		}, "KUR_RATE_NOT_AVAILABLE"},
		"a currency that is none":         {func(r *pricing.Request) { r.Currency = "Lira" }, "VALIDATION_ERROR currency"},
		"a negative VAT rate":             {func(r *pricing.Request) { r.VATRate = ptr("-1") }, "VALIDATION_ERROR vatRate"},
		"a VAT rate above a hundred":      {func(r *pricing.Request) { r.VATRate = ptr("100.01") }, "VALIDATION_ERROR vatRate"},
		"a VAT rate of three places":      {func(r *pricing.Request) { r.VATRate = ptr("0.125") }, "VALIDATION_ERROR vatRate"},
		"a negative price":                {func(r *pricing.Request) { r.Price.Amount = number("-1") }, "HIZMET_INVALID_PRICE"},
		"an amount that cannot be stored": {func(r *pricing.Request) { r.Inputs.Quantity = ptr("99999999999") }, "VALIDATION_ERROR amount"},
		"no quantity":                     {func(r *pricing.Request) { r.Inputs.Quantity = nil }, "PRICE_MISSING_INPUT quantity"},
		"parameters of another type":      {func(r *pricing.Request) { r.Params = pricing.FixedParams{} }, "PRICE_INVALID_FORMULA formulaParams"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := asked(t, "20 USD", pricing.PerUnit, ``, "quantity 3", "TRY", "20", "USD 32.50")
			c.change(&r)
			_, err := pricing.Quote(r)
			if got := faults(err); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestEveryGeneratedLineAddsUp: gross is net and VAT, all of two places; the rounded
// net is within half a cent of the exact one; the explanation says the same; and
// pricing again gives the same.
func TestEveryGeneratedLineAddsUp(t *testing.T) {
	t.Parallel()
	const seed = 5
	g := newGenerator(seed)
	for n := range 2000 {
		r := g.request(t)
		l, err := pricing.Quote(r)
		if err != nil {
			t.Fatalf("seed %d, case %d: %v\n%+v", seed, n, err, r)
		}
		for _, d := range []struct{ a, b any }{
			{l.Net.Add(l.VAT).String(), l.Gross.String()},
			{l.Net.Truncate(money.AmountPlaces).String(), l.Net.String()},
			{l.VAT.Truncate(money.AmountPlaces).String(), l.VAT.String()},
			{l.Trace.Net.String() + l.Trace.Gross.String() + l.Trace.VAT.Amount.String(), l.Net.String() + l.Gross.String() + l.VAT.String()},
			{l.Trace.Rounding.After.String(), l.Net.String()},
		} {
			if d.a != d.b {
				t.Fatalf("seed %d, case %d: %v is not %v\n%+v", seed, n, d.a, d.b, l)
			}
		}
		if l.Net.Sub(l.Trace.Rounding.Before).Abs().GreaterThan(number("0.00500000005")) {
			t.Fatalf("seed %d, case %d: %v was rounded to %v", seed, n, l.Trace.Rounding.Before, l.Net)
		}
		again, err := pricing.Quote(r)
		if err != nil || stored(t, again.Trace) != stored(t, l.Trace) || show(again) != show(l) {
			t.Fatalf("seed %d, case %d: the second time %s, %v, not %s", seed, n, show(again), err, show(l))
		}
		for _, lang := range []apperr.Lang{apperr.Turkish, apperr.English} {
			s := l.Trace.Sentence(lang)
			for _, amount := range []string{written(lang, l.Net.StringFixed(2)), written(lang, l.VAT.StringFixed(2)), written(lang, l.Gross.StringFixed(2)), l.Currency} {
				if !strings.Contains(s, amount) {
					t.Fatalf("seed %d, case %d: %q does not say %s", seed, n, s, amount)
				}
			}
			if strings.Count(s, ". ") > 0 || !strings.HasSuffix(s, ".") || strings.Contains(s, "\n") || strings.Contains(s, "  ") {
				t.Fatalf("seed %d, case %d: %q is not one sentence", seed, n, s)
			}
		}
	}
}

func stored(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// written is a number as the language has it, made in another way than by the code.
func written(lang apperr.Lang, s string) string {
	whole, places, _ := strings.Cut(s, ".")
	var groups []string
	for len(whole) > 3 {
		groups = append([]string{whole[len(whole)-3:]}, groups...)
		whole = whole[:len(whole)-3]
	}
	groups = append([]string{whole}, groups...)
	if lang == apperr.English {
		return strings.Join(groups, ",") + "." + places
	}
	return strings.Join(groups, ".") + "," + places
}
