package pricing_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
)

func TestParseParamsReads(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ  pricing.Type
		raw  string
		want string // as JSON
	}{
		"nothing":                      {pricing.Fixed, ``, `{}`},
		"null":                         {pricing.PerUnit, ` null `, `{}`},
		"an empty object":              {pricing.PerUnit, "\n{ }\n", `{}`},
		"weight and days if not said":  {pricing.XSecondary, `{"weight_unit":"kg"}`, `{"primary":"WEIGHT","secondary":"DAYS","weight_unit":"kg","secondary_round_up":false}`},
		"measures of its own":          {pricing.XSecondary, `{"primary":"GRT","secondary":"PERSONS","secondary_round_up":true}`, `{"primary":"GRT","secondary":"PERSONS","secondary_round_up":true}`},
		"weight as the second":         {pricing.XSecondary, `{"primary":"GRT","secondary":"WEIGHT","weight_unit":"t"}`, `{"primary":"GRT","secondary":"WEIGHT","weight_unit":"t","secondary_round_up":false}`},
		"numbers":                      {pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":30}`, `{"base_weight_ton":"3","base_time_min":30,"weight_rounding":"NONE"}`},
		"numbers as strings":           {pricing.PerBlock, `{"base_weight_ton":"2.5000","base_time_min":"30.0","weight_rounding":"CEIL"}`, `{"base_weight_ton":"2.5","base_time_min":30,"weight_rounding":"CEIL"}`},
		"null is as good as not there": {pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":30,"weight_rounding":null}`, `{"base_weight_ton":"3","base_time_min":30,"weight_rounding":"NONE"}`},
		"a rate of six places":         {pricing.BasePlusIncrement, `{"measure":"GRT","rate":0.030001}`, `{"measure":"GRT","rate":"0.030001"}`},
		"a rate of nothing":            {pricing.BasePlusIncrement, `{"measure":"LOA_2","rate":0}`, `{"measure":"LOA_2","rate":"0"}`},
		"by weight":                    {pricing.BasePlusIncrement, `{"measure":"WEIGHT","weight_unit":"t","rate":1}`, `{"measure":"WEIGHT","rate":"1","weight_unit":"t"}`},
		"four hours":                   {pricing.Vehicle4H, `{"base_minutes":240}`, `{"base_minutes":240}`},
		"a key written with escapes":   {pricing.Vehicle4H, `{"base\u005fminutes":240}`, `{"base_minutes":240}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := pricing.ParseParams(c.typ, json.RawMessage(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(p)
			if err != nil || string(text) != c.want {
				t.Errorf("got %s, %v, want %s", text, err, c.want)
			}
			if p.Type() != c.typ {
				t.Errorf("parameters of %s", p.Type())
			}
		})
	}
}

func TestParseParamsRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ    pricing.Type
		raw    string
		field  string // several: joined by spaces
		reason apperr.Text
	}{
		"no object":                            {pricing.Fixed, `[]`, "", apperr.NotAnObject},
		"a text":                               {pricing.Fixed, `"x"`, "", apperr.NotAnObject},
		"half an object":                       {pricing.Vehicle4H, `{"base_minutes":240`, "", apperr.NotAnObject},
		"half a value":                         {pricing.Vehicle4H, `{"base_minutes":`, "", apperr.NotAnObject},
		"two objects":                          {pricing.Fixed, `{}{}`, "", apperr.NotAnObject},
		"something behind":                     {pricing.Fixed, `{} x`, "", apperr.NotAnObject},
		"very much":                            {pricing.Fixed, `{"a":"` + strings.Repeat("x", 5000) + `"}`, "", apperr.TooBig},
		"what FIXED does not have":             {pricing.Fixed, `{"quantity":1}`, "quantity", apperr.UnknownKey},
		"what PER_UNIT does not have":          {pricing.PerUnit, `{"unit":"SAAT"}`, "unit", apperr.UnknownKey},
		"a misspelt key":                       {pricing.Vehicle4H, `{"base_minutes":240,"baseMinutes":240}`, "baseMinutes", apperr.UnknownKey},
		"another case is another key":          {pricing.Vehicle4H, `{"base_minutes":240,"BASE_MINUTES":240}`, "BASE_MINUTES", apperr.UnknownKey},
		"a unit where nothing is weighed":      {pricing.XSecondary, `{"primary":"GRT","secondary":"DAYS","weight_unit":"kg"}`, "weight_unit", apperr.UnknownKey},
		"a key given twice":                    {pricing.Vehicle4H, `{"base_minutes":240,"base_minutes":120}`, "base_minutes", apperr.GivenTwice},
		"no unit of weight":                    {pricing.XSecondary, `{}`, "weight_unit", apperr.Required},
		"no unit of weight, said as null":      {pricing.XSecondary, `{"weight_unit":null}`, "weight_unit", apperr.Required},
		"a unit that nobody knows":             {pricing.XSecondary, `{"weight_unit":"lb"}`, "weight_unit", apperr.NotOneOf},
		"a unit of another case":               {pricing.XSecondary, `{"weight_unit":"KG"}`, "weight_unit", apperr.NotOneOf},
		"a unit that is a number":              {pricing.XSecondary, `{"weight_unit":1}`, "weight_unit", apperr.NotOneOf},
		"a measure in small letters":           {pricing.XSecondary, `{"primary":"grt","secondary":"DAYS"}`, "primary", apperr.MeasureName},
		"a measure without a name":             {pricing.BasePlusIncrement, `{"measure":"","rate":1}`, "measure", apperr.MeasureName},
		"a measure with a long name":           {pricing.BasePlusIncrement, `{"measure":"ABCDEFGHIJKLMNOPQRSTU","rate":1}`, "measure", apperr.MeasureName},
		"the same measure twice":               {pricing.XSecondary, `{"primary":"DAYS","secondary":"DAYS"}`, "secondary", apperr.SameMeasure},
		"two measures of their own":            {pricing.XSecondary, `{"primary":"GRT","secondary":"LOA"}`, "secondary", apperr.SameMeasure},
		"yes instead of true":                  {pricing.XSecondary, `{"weight_unit":"kg","secondary_round_up":"yes"}`, "secondary_round_up", apperr.NotATruthValue},
		"nothing that is needed":               {pricing.PerBlock, `{}`, "base_weight_ton base_time_min", apperr.Required},
		"no measure, no rate":                  {pricing.BasePlusIncrement, ``, "measure rate", apperr.Required},
		"no base time":                         {pricing.Vehicle4H, `null`, "base_minutes", apperr.Required},
		"a base weight of nothing":             {pricing.PerBlock, `{"base_weight_ton":0,"base_time_min":30}`, "base_weight_ton", apperr.Positive},
		"a base weight below nothing":          {pricing.PerBlock, `{"base_weight_ton":-3,"base_time_min":30}`, "base_weight_ton", apperr.Positive},
		"a base weight of five places":         {pricing.PerBlock, `{"base_weight_ton":3.00001,"base_time_min":30}`, "base_weight_ton", apperr.TooPrecise},
		"a base weight too large":              {pricing.PerBlock, `{"base_weight_ton":99999999999999999999,"base_time_min":30}`, "base_weight_ton", apperr.TooBig},
		"a base weight with an exponent":       {pricing.PerBlock, `{"base_weight_ton":3e0,"base_time_min":30}`, "base_weight_ton", apperr.NotANumber},
		"a base weight in words":               {pricing.PerBlock, `{"base_weight_ton":"three","base_time_min":30}`, "base_weight_ton", apperr.NotANumber},
		"a base weight with a comma":           {pricing.PerBlock, `{"base_weight_ton":"2,5","base_time_min":30}`, "base_weight_ton", apperr.NotANumber},
		"a base weight that is no value":       {pricing.PerBlock, `{"base_weight_ton":[3],"base_time_min":30}`, "base_weight_ton", apperr.NotANumber},
		"a base time of nothing":               {pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":0}`, "base_time_min", apperr.OutOfRange},
		"half a minute":                        {pricing.Vehicle4H, `{"base_minutes":240.5}`, "base_minutes", apperr.NotWhole},
		"more minutes than a year has":         {pricing.Vehicle4H, `{"base_minutes":525601}`, "base_minutes", apperr.OutOfRange},
		"more minutes than a number can hold":  {pricing.Vehicle4H, `{"base_minutes":99999999999999999999}`, "base_minutes", apperr.OutOfRange},
		"an unknown rounding":                  {pricing.PerBlock, `{"base_weight_ton":3,"base_time_min":30,"weight_rounding":"UP"}`, "weight_rounding", apperr.NotOneOf},
		"a negative rate":                      {pricing.BasePlusIncrement, `{"measure":"GRT","rate":-0.03}`, "rate", apperr.NotNegative},
		"a rate of seven places":               {pricing.BasePlusIncrement, `{"measure":"GRT","rate":0.0000001}`, "rate", apperr.TooPrecise},
		"an unknown type is not a fixed price": {"SABIT", `{}`, "calculationType", apperr.NotOneOf},
		"no type is not a fixed price":         {"", `{}`, "calculationType", apperr.NotOneOf},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := pricing.ParseParams(c.typ, json.RawMessage(c.raw))
			if err == nil {
				t.Fatalf("read as %+v", p)
			}
			if p != nil {
				t.Errorf("refused, and yet returned %+v", p)
			}
			var want []string
			for field := range strings.SplitSeq(c.field, " ") {
				want = append(want, strings.TrimSpace("PRICE_INVALID_FORMULA "+field))
			}
			if got := faults(err); got != strings.Join(want, "; ") {
				t.Errorf("got %s, want %s", got, strings.Join(want, "; "))
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

func TestFaultsOfParametersAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := pricing.ParseParams(pricing.PerBlock, json.RawMessage(`{"base_time_min":-1,"weight_rounding":"UP","x":1,"x":2}`))
	if got, want := faults(err), "PRICE_INVALID_FORMULA x; PRICE_INVALID_FORMULA base_weight_ton; PRICE_INVALID_FORMULA x; "+
		"PRICE_INVALID_FORMULA base_time_min; PRICE_INVALID_FORMULA weight_rounding"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for _, typ := range pricing.Types {
		if got, err := pricing.ParseType(string(typ)); err != nil || got != typ {
			t.Errorf("%s reads as %s, %v", typ, got, err)
		}
	}
	if got, err := pricing.ParseType("PER_UNIT_X_SECONDARY"); err != nil || got != pricing.XSecondary {
		t.Errorf("the older name reads as %s, %v", got, err)
	}
	for _, name := range []string{"", "fixed", "SABIT"} {
		if got, err := pricing.ParseType(name); got != "" || !apperr.Is(err, apperr.PriceFormula) {
			t.Errorf("%q reads as %s, %v", name, got, err)
		}
	}
}

// FuzzParseParams: what is read is written so that it reads the same again and
// can be calculated with; what is refused is refused with a code and in both languages.
func FuzzParseParams(f *testing.F) {
	for i, raw := range []string{``, `null`, storage, forklift, portUse, vehicle, `{"primary":"GRT"}`, `{"base_minutes":240,"base_minutes":1}`, `{"rate":1e9}`, `{}{}`, `{"a":{"b":[]}}`} {
		f.Add(uint8(i), []byte(raw))
	}
	in := given(f, "quantity 3, weightKg 500, minutes 45, days 2.2, persons 4")
	f.Fuzz(func(t *testing.T, n uint8, raw []byte) {
		typ := pricing.Types[int(n)%len(pricing.Types)]
		p, err := pricing.ParseParams(typ, raw)
		if err != nil {
			if words := faults(err); words == "no refusal" || !apperr.Is(err, apperr.PriceFormula) {
				t.Fatalf("%v", err)
			}
			return
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := pricing.ParseParams(typ, text)
		if err != nil {
			t.Fatalf("%s was read as %s, which is refused: %v", raw, text, err)
		}
		if second, _ := json.Marshal(again); !reflect.DeepEqual(text, second) {
			t.Fatalf("%s reads as %s", text, second)
		}
		r, err := pricing.Calculate(typ, p, number("15"), in)
		if err == nil && (r.Amount.Round(2).IsNegative() || len(r.Steps) == 0) {
			t.Fatalf("%s gives %v", text, r)
		}
		if err != nil && !apperr.Is(err, apperr.PriceMissing) {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
