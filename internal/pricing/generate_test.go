package pricing_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/calendar"
	"aliaport/internal/pricing"
)

// generator draws inputs of pricing; the same seed gives the same ones.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, seed))} }

// amount has up to so many places, is often round and sometimes 0.
func (g generator) amount(below int64, places int32) decimal.Decimal {
	switch g.IntN(8) {
	case 0:
		return decimal.Zero
	case 1, 2:
		return decimal.NewFromInt(g.Int64N(below))
	}
	scale := decimal.New(1, places).IntPart()
	return decimal.New(g.Int64N(below*scale), -places)
}

func (g generator) pick(words ...string) string { return words[g.IntN(len(words))] }

// measured are all inputs that any formula asks for.
func (g generator) measured() pricing.Inputs {
	some := func(below int64, places int32) *decimal.Decimal { d := g.amount(below, places); return &d }
	return pricing.Inputs{
		Quantity: some(100, 4), WeightKg: some(40_000, 2), Minutes: some(3000, 0),
		Days: some(20, 2), Persons: some(30, 0), Measure: some(5_000, 3),
	}
}

func (g generator) params(typ pricing.Type) string {
	var p any
	switch typ {
	case pricing.XSecondary:
		x := pricing.XSecondaryParams{Primary: "WEIGHT", Secondary: "DAYS", WeightUnit: pricing.WeightUnit(g.pick("kg", "t")), SecondaryRoundUp: g.IntN(2) == 0}
		if g.IntN(3) == 0 {
			x = pricing.XSecondaryParams{Primary: "GRT", Secondary: pricing.Measure(g.pick("PERSONS", "QUANTITY", "DAYS")), SecondaryRoundUp: g.IntN(2) == 0}
		}
		p = x
	case pricing.PerBlock:
		p = pricing.PerBlockParams{
			BaseWeightTon: g.amount(20, 4).Add(decimal.New(5, -1)), BaseTimeMin: 5 + g.Int64N(300), WeightRounding: pricing.WeightRounding(g.pick("NONE", "CEIL")),
		}
	case pricing.BasePlusIncrement:
		b := pricing.BasePlusIncrementParams{Measure: "GRT", Rate: g.amount(2, 6)}
		if g.IntN(3) == 0 {
			b.Measure, b.WeightUnit = "WEIGHT", pricing.WeightUnit(g.pick("kg", "t"))
		}
		p = b
	case pricing.Vehicle4H:
		p = pricing.Vehicle4HParams{BaseMinutes: 5 + g.Int64N(600)}
	default:
		return `{}`
	}
	raw, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// request is one that is not refused.
func (g generator) request(t testing.TB) pricing.Request {
	t.Helper()
	typ := pricing.Types[g.IntN(len(pricing.Types))]
	in := g.measured()
	vat := number(g.pick("0", "1", "10", "20", "12.5"))
	price := pricing.Manual(g.amount(800, 4), g.pick("TRY", "USD", "EUR", "JPY"), vat, date("2026-03-02"))
	if g.IntN(2) == 0 {
		list := g.list()
		quantity := list.Items[0].MinQuantity.Add(*in.Quantity)
		in.Quantity = &quantity
		var err error
		if price, err = pricing.Resolve(pricing.Candidates{Service: everything().Service, List: list}, date("2026-03-02"), &quantity); err != nil {
			t.Fatal(err)
		}
	}
	r := pricing.Request{
		Price: price, Type: typ, Params: params(t, typ, g.params(typ)), Inputs: in, Currency: g.pick("TRY", "TRY", "USD", "EUR", ""), Exemption: g.pick("", "", "NONE", "17/4-G"),
		Rates: []pricing.Rate{
			{Currency: "USD", Value: g.rate(5, 50), Kind: "FOREX_SELLING", BulletinDate: date("2026-02-27"), UsedDate: date("2026-03-02")},
			{Currency: "EUR", Value: g.rate(5, 60), Kind: "FOREX_SELLING", BulletinDate: date("2026-02-27"), UsedDate: date("2026-03-02"), IsFallback: true},
			{Currency: "JPY", Value: g.rate(0, 1).Add(decimal.New(1, -1)), Kind: "FOREX_SELLING", BulletinDate: date("2026-02-27"), UsedDate: date("2026-03-02")},
		},
	}
	if g.IntN(3) == 0 {
		own := number(g.pick("0", "1", "10", "20"))
		r.VATRate = &own
	}
	return r
}

// rate is above from and below below lira.
func (g generator) rate(from, below int64) decimal.Decimal {
	return decimal.New(from*1_000_000+1+g.Int64N((below-from)*1_000_000-1), -6)
}

// list has one to four tiers.
func (g generator) list() *pricing.List {
	l := &pricing.List{ID: 5, Code: "T-2026", Version: 1 + g.IntN(5), Active: true, Currency: g.pick("TRY", "USD")}
	from := g.amount(3, 1)
	for i := range 1 + g.IntN(4) {
		item := pricing.ListItem{ID: int64(50 + i), Active: true, MinQuantity: from, Price: g.amount(800, 4)}
		if g.IntN(3) == 0 {
			vat := number(g.pick("0", "10"))
			item.VATRate = &vat
		}
		l.Items = append(l.Items, item)
		from = from.Add(decimal.New(1+g.Int64N(300), -1))
	}
	return l
}

// charges are lines of a document of up to five VAT rates.
func (g generator) charges() []pricing.Charge {
	var lines []pricing.Charge
	for range g.IntN(12) {
		c := pricing.Charge{Net: g.amount(10_000, 2), VATRate: number(g.pick("0", "1", "10", "20", "18"))}
		c.VAT = c.Net.Mul(c.VATRate).Shift(-2).Round(2)
		lines = append(lines, c)
	}
	return lines
}

// start is an instant of 2026 to the minute, often on a border of the night.
func (g generator) start() time.Time {
	at := date("2026-01-01").AddDays(g.IntN(365)).Start()
	if g.IntN(2) == 0 {
		return at.Add(time.Duration(g.IntN(24*60)) * time.Minute).UTC()
	}
	return at.Add([]time.Duration{6 * time.Hour, 22 * time.Hour, 0}[g.IntN(3)] + time.Duration(g.IntN(3)-1)*time.Minute).UTC()
}

// settings are those of the port, or others.
func (g generator) settings() pricing.Rules {
	r := portRules()
	if g.IntN(2) == 0 {
		r.Mode = pricing.Additive
	}
	if g.IntN(2) == 0 {
		r.NightPercent, r.WeekendPercent, r.UrgentPercent, r.CabotagePercent = g.amount(200, 2), g.amount(200, 2), g.amount(200, 2), g.amount(100, 2)
	}
	return r
}

// portRules are the settings that the port begins with, and a holiday on a Thursday.
func portRules() pricing.Rules {
	return pricing.Rules{
		Mode: pricing.Multiplicative, NightStart: 22 * 60, NightEnd: 6 * 60, NightPercent: number("25"), WeekendPercent: number("50"),
		UrgentPercent: number("30"), CabotagePercent: number("10"), Holidays: map[calendar.Date]bool{date("2026-10-29"): true},
	}
}

func (g generator) terms() pricing.Terms {
	t := pricing.Terms{Rules: g.settings(), Allowed: g.IntN(4) > 0, Urgent: g.IntN(3) == 0, Cabotage: g.IntN(2) == 0}
	if g.IntN(8) > 0 {
		at := g.start()
		t.Start = &at
	}
	if t.Allowed && g.IntN(4) == 0 {
		t.Choice = &pricing.Choice{Flags: pricing.Flags{Night: g.IntN(2) == 0, Weekend: g.IntN(2) == 0, Urgent: g.IntN(2) == 0}, Reason: "agreed by telephone"}
	}
	return t
}
