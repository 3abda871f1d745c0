package pricing_test

import (
	"encoding/json"
	"errors"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
)

func number(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func params(t testing.TB, typ pricing.Type, raw string) pricing.Params {
	t.Helper()
	p, err := pricing.ParseParams(typ, json.RawMessage(raw))
	if err != nil {
		t.Fatalf("parameters %s of %s: %v", raw, typ, err)
	}
	return p
}

// given reads inputs such as "quantity 3, weightKg 500, GRT 5000".
func given(t testing.TB, words string) (in pricing.Inputs) {
	t.Helper()
	for pair := range strings.SplitSeq(words, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), " ")
		if !ok {
			continue
		}
		d := number(value)
		switch name {
		case "quantity":
			in.Quantity = &d
		case "weightKg":
			in.WeightKg = &d
		case "minutes":
			in.Minutes = &d
		case "days":
			in.Days = &d
		case "persons":
			in.Persons = &d
		default:
			in.Measure = &d
		}
	}
	return in
}

// The port's own parameters, as its catalogue has them.
const (
	storage  = `{"primary":"WEIGHT","secondary":"DAYS","weight_unit":"kg"}`
	forklift = `{"base_weight_ton":3,"base_time_min":30}`
	portUse  = `{"measure":"GRT","rate":0.03}`
	vehicle  = `{"base_minutes":240}`
)

func TestCalculate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ           pricing.Type
		params        string
		price, inputs string
		want          string // to ten places
	}{
		"a fixed price is the price":                        {pricing.Fixed, ``, "100", "", "100"},
		"a fixed price looks at no input":                   {pricing.Fixed, `{}`, "100", "quantity 7, minutes 90", "100"},
		"three hours of a pallet truck":                     {pricing.PerUnit, ``, "20", "quantity 3", "60"},
		"five persons":                                      {pricing.PerUnit, `null`, "25.50", "quantity 5", "127.5"},
		"nothing of it costs nothing":                       {pricing.PerUnit, ``, "20", "quantity 0", "0"},
		"storage of 500 kg for three days":                  {pricing.XSecondary, storage, "0.03", "weightKg 500, days 3", "45"},
		"2.2 days count as three where they are rounded up": {pricing.XSecondary, `{"weight_unit":"kg","secondary_round_up":true}`, "0.03", "weightKg 500, days 2.2", "45"},
		"2.2 days stay 2.2 where they are not":              {pricing.XSecondary, storage, "0.03", "weightKg 500, days 2.2", "33"},
		"three days are not rounded up to four":             {pricing.XSecondary, `{"weight_unit":"kg","secondary_round_up":true}`, "0.03", "weightKg 500, days 3.0", "45"},
		"weight in tons, from kilograms":                    {pricing.XSecondary, `{"weight_unit":"t"}`, "30", "weightKg 500, days 3", "45"},
		"tonnage × persons":                                 {pricing.XSecondary, `{"primary":"GRT","secondary":"PERSONS"}`, "0.5", "GRT 1200, persons 4", "2400"},
		"five tons for 45 minutes: the third is kept":       {pricing.PerBlock, forklift, "80", "weightKg 5000, minutes 45", "266.6666666667"},
		"one ton and no time pay one block":                 {pricing.PerBlock, forklift, "80", "weightKg 1000, minutes 0", "80"},
		"the base weight and time are one block":            {pricing.PerBlock, forklift, "80", "weightKg 3000, minutes 30", "80"},
		"a minute more begins a block":                      {pricing.PerBlock, forklift, "80", "weightKg 3000, minutes 31", "160"},
		"a begun block of weight in full":                   {pricing.PerBlock, `{"base_weight_ton":"3","base_time_min":30,"weight_rounding":"CEIL"}`, "80", "weightKg 5000, minutes 45", "320"},
		"six tons are two blocks, rounded or not":           {pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":30,"weight_rounding":"CEIL"}`, "80", "weightKg 6000, minutes 30", "160"},
		"a vessel of 5000 GRT":                              {pricing.BasePlusIncrement, portUse, "950", "GRT 5000", "1100"},
		"a vessel without tonnage pays the base":            {pricing.BasePlusIncrement, portUse, "950", "GRT 0", "950"},
		"a base and a price a ton":                          {pricing.BasePlusIncrement, `{"measure":"WEIGHT","weight_unit":"t","rate":"2.5"}`, "10", "weightKg 1500", "13.75"},
		"three hours are within the four":                   {pricing.Vehicle4H, vehicle, "15", "minutes 180", "15"},
		"four hours are, too":                               {pricing.Vehicle4H, vehicle, "15", "minutes 240", "15"},
		"one minute over adds one 240th":                    {pricing.Vehicle4H, vehicle, "15", "minutes 241", "15.0625"},
		"seven and a half hours":                            {pricing.Vehicle4H, vehicle, "15", "minutes 450", "28.125"},
		"a four-hour package for four and a half":           {pricing.Vehicle4H, vehicle, "150", "minutes 270", "168.75"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := pricing.Calculate(c.typ, params(t, c.typ, c.params), number(c.price), given(t, c.inputs))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Amount.Decimal(); !got.Equal(number(c.want)) {
				t.Errorf("got %v, want %s", got, c.want)
			}
			if n := len(r.Steps); n == 0 || !r.Steps[n-1].Value.Equal(r.Amount.Decimal()) {
				t.Errorf("the last of the steps %v is not the amount %v", r.Steps, r.Amount.Decimal())
			}
			for _, s := range r.Steps {
				if s.Label.TR == "" || s.Label.EN == "" || s.Expression == "" {
					t.Errorf("a step does not say what it is: %+v", s)
				}
			}
		})
	}
}

func TestStepsShowTheCalculation(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		typ                   pricing.Type
		params, price, inputs string
	}{
		"20 × 3 = 60":                    {pricing.PerUnit, ``, "20", "quantity 3"},
		"⌈2.2⌉ = 3; 0.03 × 500 × 3 = 45": {pricing.XSecondary, `{"weight_unit":"kg","secondary_round_up":true}`, "0.03", "weightKg 500, days 2.2"},
		"5000 ÷ 1000 = 5; max(1, 5 ÷ 3) = 1.6666666667; max(1, ⌈45 ÷ 30⌉) = 2; 80 × (5 ÷ 3) × 2 = 266.6666666667": {pricing.PerBlock, forklift, "80", "weightKg 5000, minutes 45"},
		"1000 ÷ 1000 = 1; max(1, 1 ÷ 3) = 1; max(1, ⌈0 ÷ 30⌉) = 1; 80 × 1 × 1 = 80":                               {pricing.PerBlock, forklift, "80", "weightKg 1000, minutes 0"},
		"5000 ÷ 1000 = 5; max(1, ⌈5 ÷ 3⌉) = 2; max(1, ⌈45 ÷ 30⌉) = 2; 80 × 2 × 2 = 320":                           {pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":30,"weight_rounding":"CEIL"}`, "80", "weightKg 5000, minutes 45"},
		"950 + 5000 × 0.03 = 1100":                      {pricing.BasePlusIncrement, portUse, "950", "GRT 5000"},
		"450 − 240 = 210; 15 + 210 × 15 ÷ 240 = 28.125": {pricing.Vehicle4H, vehicle, "15", "minutes 450"},
	} {
		r, err := pricing.Calculate(c.typ, params(t, c.typ, c.params), number(c.price), given(t, c.inputs))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range r.Steps {
			got = append(got, s.Expression+" = "+s.Value.String())
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
		}
	}
}

// TestNothingIsGuessed takes each needed input away, and makes it negative.
func TestNothingIsGuessed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ                   pricing.Type
		params, price, inputs string
		want                  string // codes and fields
	}{
		"no quantity":                      {pricing.PerUnit, ``, "20", "", "PRICE_MISSING_INPUT quantity"},
		"a negative quantity":              {pricing.PerUnit, ``, "20", "quantity -1", "PRICE_MISSING_INPUT quantity"},
		"no weight":                        {pricing.XSecondary, storage, "0.03", "days 3", "PRICE_MISSING_INPUT weightKg"},
		"no days":                          {pricing.XSecondary, storage, "0.03", "weightKg 500", "PRICE_MISSING_INPUT days"},
		"no minutes":                       {pricing.PerBlock, forklift, "80", "weightKg 5000", "PRICE_MISSING_INPUT minutes"},
		"negative minutes":                 {pricing.PerBlock, forklift, "80", "weightKg 5000, minutes -1", "PRICE_MISSING_INPUT minutes"},
		"both at once":                     {pricing.PerBlock, forklift, "80", "quantity 1", "PRICE_MISSING_INPUT weightKg; PRICE_MISSING_INPUT minutes"},
		"no persons":                       {pricing.XSecondary, `{"primary":"GRT","secondary":"PERSONS"}`, "1", "GRT 5", "PRICE_MISSING_INPUT persons"},
		"no tonnage":                       {pricing.BasePlusIncrement, portUse, "950", "weightKg 5000", "PRICE_MISSING_INPUT measure"},
		"a negative tonnage":               {pricing.BasePlusIncrement, portUse, "950", "GRT -5000", "PRICE_MISSING_INPUT measure"},
		"no stay":                          {pricing.Vehicle4H, vehicle, "15", "", "PRICE_MISSING_INPUT minutes"},
		"a negative price":                 {pricing.Fixed, ``, "-1", "", "PRICE_MISSING_INPUT price"},
		"a price of five places":           {pricing.Fixed, ``, "1.00001", "", "VALIDATION_ERROR price"},
		"a quantity that fills the memory": {pricing.PerUnit, ``, "1", "quantity 1e999999999", "VALIDATION_ERROR quantity"},
		"a quantity of five places":        {pricing.PerUnit, ``, "1", "quantity 0.00001", "VALIDATION_ERROR quantity"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pricing.Calculate(c.typ, params(t, c.typ, c.params), number(c.price), given(t, c.inputs))
			if got := faults(err); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if _, err := pricing.Calculate(pricing.Fixed, pricing.PerUnitParams{}, number("1"), pricing.Inputs{}); !apperr.Is(err, apperr.PriceFormula) {
		t.Errorf("parameters of another type: %v", err)
	}
	if _, err := pricing.Calculate(pricing.Fixed, nil, number("1"), pricing.Inputs{}); !apperr.Is(err, apperr.PriceFormula) {
		t.Errorf("no parameters: %v", err)
	}
	if _, err := pricing.Calculate(pricing.Vehicle4H, pricing.Vehicle4HParams{}, number("1"), given(t, "minutes 5")); !apperr.Is(err, apperr.PriceFormula) {
		t.Errorf("parameters that nobody has checked: %v", err)
	}
}

// faults writes refusals as "CODE field; CODE field".
func faults(err error) string {
	var es apperr.Errors
	if one, ok := errors.AsType[*apperr.Error](err); ok {
		es = apperr.Errors{one}
	} else if !errors.As(err, &es) {
		return "no refusal"
	}
	words := make([]string, len(es))
	for i, e := range es {
		words[i] = strings.TrimSpace(string(e.Code) + " " + strings.Join(e.Field, "."))
		if strings.Contains(e.Message(apperr.Turkish)+e.Message(apperr.English), "{") {
			words[i] += ", of which the text is not filled"
		}
	}
	return strings.Join(words, "; ")
}

// TestFormulasAgreeWithFractions compares generated calculations with fractions of
// whole numbers, before and after rounding.
func TestFormulasAgreeWithFractions(t *testing.T) {
	t.Parallel()
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	for n := range 3000 {
		price, weight, minutes := decimal.New(r.Int64N(10_000_000), -4), decimal.New(r.Int64N(50_000_000), -2), decimal.NewFromInt(r.Int64N(2000))
		base, time := decimal.New(1+r.Int64N(100_000), -4), 1+r.Int64N(500)
		block, err := pricing.Calculate(pricing.PerBlock, pricing.PerBlockParams{BaseWeightTon: base, BaseTimeMin: time, WeightRounding: pricing.RoundNone},
			price, pricing.Inputs{WeightKg: &weight, Minutes: &minutes})
		if err != nil {
			t.Fatal(err)
		}
		ratio := new(big.Rat).Quo(weight.Shift(-3).Rat(), base.Rat())
		if ratio.Cmp(big.NewRat(1, 1)) < 0 {
			ratio.SetInt64(1)
		}
		begun := max(1, (minutes.IntPart()+time-1)/time)
		want := new(big.Rat).Mul(new(big.Rat).Mul(price.Rat(), ratio), big.NewRat(begun, 1))
		compare(t, seed, n, block.Amount, want)

		stay, err := pricing.Calculate(pricing.Vehicle4H, pricing.Vehicle4HParams{BaseMinutes: time}, price, pricing.Inputs{Minutes: &minutes})
		if err != nil {
			t.Fatal(err)
		}
		over := big.NewRat(max(0, minutes.IntPart()-time), time)
		compare(t, seed, n, stay.Amount, new(big.Rat).Add(price.Rat(), new(big.Rat).Mul(over, price.Rat())))
	}
}

func compare(t *testing.T, seed, n int, got pricing.Exact, want *big.Rat) {
	t.Helper()
	for _, places := range []int{0, 2, 4, 10} {
		// FloatString rounds half away from zero, exactly.
		if g, w := got.Round(int32(places)).StringFixed(int32(places)), want.FloatString(places); g != w {
			t.Fatalf("seed %d, case %d, %d places: got %s, want %s", seed, n, places, g, w)
		}
	}
}

func TestRounding(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"15.06255": "15.0626", "15.06254": "15.0625", "2750": "2750"} {
		if got := pricing.RoundPrice(number(in)); !got.Equal(number(want)) {
			t.Errorf("the price %s is rounded to %v, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"0.005": "0.01", "-0.005": "-0.01", "0.0049999": "0", "914.0625": "914.06"} {
		if got := pricing.ExactOf(number(in)).Round(2); !got.Equal(number(want)) {
			t.Errorf("%s is rounded to %v, want %s", in, got, want)
		}
	}
	if got := (pricing.Exact{}).Round(2); !got.IsZero() {
		t.Errorf("nothing is rounded to %v", got)
	}
}
