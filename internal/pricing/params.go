package pricing

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Type says by which formula a service is priced (hesaplama türü).
type Type string

// The six types. There is no other, and none is taken for another.
const (
	Fixed             Type = "FIXED"               // one price
	PerUnit           Type = "PER_UNIT"            // price × quantity
	XSecondary        Type = "X_SECONDARY"         // price × one measure × another
	PerBlock          Type = "PER_BLOCK"           // price × weight in blocks × begun blocks of time
	BasePlusIncrement Type = "BASE_PLUS_INCREMENT" // price + measure × rate
	Vehicle4H         Type = "VEHICLE_4H_RULE"     // price for a base time, overrun by the minute
)

// Types are all of them.
var Types = []Type{Fixed, PerUnit, XSecondary, PerBlock, BasePlusIncrement, Vehicle4H}

// ParseType reads the name of a type, also PER_UNIT_X_SECONDARY, the older name of
// X_SECONDARY. Any other is PRICE_INVALID_FORMULA.
func ParseType(name string) (Type, error) {
	if name == "PER_UNIT_X_SECONDARY" {
		return XSecondary, nil
	}
	if t := Type(name); slices.Contains(Types, t) {
		return t, nil
	}
	return "", badFormula(apperr.NotOneOf, "possible", list(Types)).At("calculationType")
}

// Measure names what a formula multiplies by: one of the inputs below, or a named
// measure of the vessel or cargo such as GRT.
type Measure string

// The inputs that every quote can have. Any other name stands for Inputs.Measure.
const (
	Quantity Measure = "QUANTITY" // in the unit of the service
	Weight   Measure = "WEIGHT"   // in the weight_unit of the parameters
	Minutes  Measure = "MINUTES"
	Days     Measure = "DAYS"
	Persons  Measure = "PERSONS"
)

// named tells whether the measure is none of the fixed inputs.
func (m Measure) named() bool {
	switch m {
	case Quantity, Weight, Minutes, Days, Persons:
		return false
	}
	return true
}

var measureName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,19}$`)

// WeightUnit is the unit in which a formula takes a weight. Inputs are in kilograms.
type WeightUnit string

// The units of weight.
const (
	Kilogram WeightUnit = "kg"
	Ton      WeightUnit = "t"
)

// WeightRounding says whether a begun block of weight counts in full.
type WeightRounding string

// The ways to count blocks of weight.
const (
	RoundNone WeightRounding = "NONE" // pro rata above the first block
	RoundCeil WeightRounding = "CEIL" // a begun block is a block
)

// Params are the parameters of one type, as ParseParams returns them. As JSON they
// are what ParseParams reads.
type Params interface {
	// Type is the type that the parameters belong to.
	Type() Type
	// faults are what is wrong with the values.
	faults() apperr.Errors
	// calculate applies the formula to the price; faults has found nothing.
	calculate(price decimal.Decimal, in *reading) (Exact, []Step)
}

// FixedParams are those of FIXED: none.
type FixedParams struct{}

// PerUnitParams are those of PER_UNIT: none.
type PerUnitParams struct{}

// XSecondaryParams are those of X_SECONDARY.
type XSecondaryParams struct {
	Primary          Measure    `json:"primary"`               // WEIGHT if not said
	Secondary        Measure    `json:"secondary"`             // DAYS if not said
	WeightUnit       WeightUnit `json:"weight_unit,omitempty"` // required where a measure is WEIGHT
	SecondaryRoundUp bool       `json:"secondary_round_up"`    // 2.2 days count as 3
}

// PerBlockParams are those of PER_BLOCK.
type PerBlockParams struct {
	BaseWeightTon  decimal.Decimal `json:"base_weight_ton"` // t, more than 0
	BaseTimeMin    int64           `json:"base_time_min"`   // minutes, more than 0
	WeightRounding WeightRounding  `json:"weight_rounding"` // NONE if not said
}

// BasePlusIncrementParams are those of BASE_PLUS_INCREMENT.
type BasePlusIncrementParams struct {
	Measure    Measure         `json:"measure"`
	Rate       decimal.Decimal `json:"rate"`                  // in the currency of the price, for one unit of the measure
	WeightUnit WeightUnit      `json:"weight_unit,omitempty"` // required where the measure is WEIGHT
}

// Vehicle4HParams are those of VEHICLE_4H_RULE.
type Vehicle4HParams struct {
	BaseMinutes int64 `json:"base_minutes"` // more than 0; 240 makes it the four-hour rule
}

// Type is FIXED.
func (FixedParams) Type() Type { return Fixed }

// Type is PER_UNIT.
func (PerUnitParams) Type() Type { return PerUnit }

// Type is X_SECONDARY.
func (XSecondaryParams) Type() Type { return XSecondary }

// Type is PER_BLOCK.
func (PerBlockParams) Type() Type { return PerBlock }

// Type is BASE_PLUS_INCREMENT.
func (BasePlusIncrementParams) Type() Type { return BasePlusIncrement }

// Type is VEHICLE_4H_RULE.
func (Vehicle4HParams) Type() Type { return Vehicle4H }

// ParseParams reads the parameters of a type from a JSON object; nothing and null
// count as an empty one. Numbers may be JSON numbers or strings, without exponent.
// Unknown keys, keys given twice, missing and impossible values are refused together,
// as apperr.Errors of PRICE_INVALID_FORMULA that point at the keys.
func ParseParams(t Type, raw json.RawMessage) (Params, error) {
	o, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	var p Params
	switch t {
	case Fixed:
		p = FixedParams{}
	case PerUnit:
		p = PerUnitParams{}
	case XSecondary:
		x := XSecondaryParams{Primary: o.measure("primary", Weight), Secondary: o.measure("secondary", Days), SecondaryRoundUp: o.truth("secondary_round_up")}
		if x.Primary == Weight || x.Secondary == Weight {
			x.WeightUnit = WeightUnit(o.text("weight_unit", ""))
		}
		p = x
	case PerBlock:
		p = PerBlockParams{
			BaseWeightTon: o.number("base_weight_ton"), BaseTimeMin: o.whole("base_time_min"),
			WeightRounding: WeightRounding(o.text("weight_rounding", string(RoundNone))),
		}
	case BasePlusIncrement:
		b := BasePlusIncrementParams{Measure: o.measure("measure", ""), Rate: o.number("rate")}
		if b.Measure == Weight {
			b.WeightUnit = WeightUnit(o.text("weight_unit", ""))
		}
		p = b
	case Vehicle4H:
		p = Vehicle4HParams{BaseMinutes: o.whole("base_minutes")}
	default:
		_, err := ParseType(string(t))
		return nil, err
	}
	o.refuseOthers()
	for _, e := range p.faults() {
		if !slices.ContainsFunc(o.faults, func(f *apperr.Error) bool { return slices.Equal(f.Field, e.Field) }) {
			o.faults.Add(e)
		}
	}
	if err := o.faults.OrNil(); err != nil {
		return nil, err
	}
	return p, nil
}

// Bounds of parameters, so that no result needs more digits than are worth having.
const (
	maxParams  = 4096    // bytes of JSON
	maxMinutes = 525_600 // a year
)

func (FixedParams) faults() apperr.Errors { return nil }

func (PerUnitParams) faults() apperr.Errors { return nil }

func (p XSecondaryParams) faults() (es apperr.Errors) {
	es.Add(checkMeasure("primary", p.Primary))
	es.Add(checkMeasure("secondary", p.Secondary))
	if p.Primary == p.Secondary || p.Primary.named() && p.Secondary.named() {
		es.Add(badFormula(apperr.SameMeasure).At("secondary")) // there is one input for named ones
	}
	if p.Primary == Weight || p.Secondary == Weight {
		es.Add(checkOneOf("weight_unit", p.WeightUnit, Kilogram, Ton))
	}
	return es
}

func (p PerBlockParams) faults() (es apperr.Errors) {
	es.Add(checkPositive("base_weight_ton", p.BaseWeightTon))
	es.Add(checkMinutes("base_time_min", p.BaseTimeMin))
	es.Add(checkOneOf("weight_rounding", p.WeightRounding, RoundNone, RoundCeil))
	return es
}

func (p BasePlusIncrementParams) faults() (es apperr.Errors) {
	es.Add(checkMeasure("measure", p.Measure))
	es.Add(checkNumber("rate", p.Rate, RatePlaces))
	if p.Rate.IsNegative() {
		es.Add(badFormula(apperr.NotNegative).At("rate"))
	}
	if p.Measure == Weight {
		es.Add(checkOneOf("weight_unit", p.WeightUnit, Kilogram, Ton))
	}
	return es
}

func (p Vehicle4HParams) faults() (es apperr.Errors) {
	es.Add(checkMinutes("base_minutes", p.BaseMinutes))
	return es
}

func checkMeasure(key string, m Measure) *apperr.Error {
	if !measureName.MatchString(string(m)) {
		return badFormula(apperr.MeasureName).At(key)
	}
	return nil
}

func checkOneOf[T ~string](key string, v T, possible ...T) *apperr.Error {
	if !slices.Contains(possible, v) {
		return badFormula(apperr.NotOneOf, "possible", list(possible)).At(key)
	}
	return nil
}

func checkNumber(key string, d decimal.Decimal, places int32) *apperr.Error {
	if e := money.Check(key, d, places); e != nil {
		e.Code = apperr.PriceFormula
		return e
	}
	return nil
}

func checkPositive(key string, d decimal.Decimal) *apperr.Error {
	if e := checkNumber(key, d, money.PricePlaces); e != nil {
		return e
	}
	if !d.IsPositive() {
		return badFormula(apperr.Positive).At(key)
	}
	return nil
}

func checkMinutes(key string, n int64) *apperr.Error {
	if n < 1 || n > maxMinutes {
		return badFormula(apperr.OutOfRange, "min", 1, "max", maxMinutes).At(key)
	}
	return nil
}

// badFormula is PRICE_INVALID_FORMULA with a reason.
func badFormula(reason apperr.Text, params ...any) *apperr.Error {
	return because(apperr.PriceFormula, reason, params...)
}

// because is a refusal whose text is the reason.
func because(code apperr.Code, reason apperr.Text, params ...any) *apperr.Error {
	e := apperr.New(code, params...)
	e.Text = reason
	return e
}

func list[T ~string](names []T) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = string(n)
	}
	return strings.Join(words, ", ")
}

// object is a JSON object that is being read key by key, and what was wrong with it.
type object struct {
	values map[string]json.RawMessage
	keys   []string // as given
	asked  []string
	faults apperr.Errors
}

func readObject(raw json.RawMessage) (*object, error) {
	o := &object{values: map[string]json.RawMessage{}}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return o, nil
	}
	if len(raw) > maxParams {
		return nil, badFormula(apperr.TooBig)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, badFormula(apperr.NotAnObject)
	}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || dec.Decode(&value) != nil {
			return nil, badFormula(apperr.NotAnObject)
		}
		if _, twice := o.values[key]; twice {
			o.faults.Add(badFormula(apperr.GivenTwice).At(key))
			continue
		}
		o.values[key] = value
		o.keys = append(o.keys, key)
	}
	if _, err := dec.Token(); err != nil {
		return nil, badFormula(apperr.NotAnObject)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, badFormula(apperr.NotAnObject)
	}
	return o, nil
}

// value returns what stands at the key; null is as good as nothing.
func (o *object) value(key string) (json.RawMessage, bool) {
	o.asked = append(o.asked, key)
	v, ok := o.values[key]
	return v, ok && string(v) != "null"
}

func (o *object) text(key, absent string) string {
	v, ok := o.value(key)
	if !ok {
		if absent == "" {
			o.faults.Add(badFormula(apperr.Required).At(key))
		}
		return absent
	}
	var s string
	_ = json.Unmarshal(v, &s) // what is no string is refused as none of the possible ones
	return s
}

func (o *object) measure(key string, absent Measure) Measure {
	return Measure(o.text(key, string(absent)))
}

func (o *object) truth(key string) (b bool) {
	if v, ok := o.value(key); ok && json.Unmarshal(v, &b) != nil {
		o.faults.Add(badFormula(apperr.NotATruthValue).At(key))
	}
	return b
}

var plainNumber = regexp.MustCompile(`^-?[0-9]{1,20}(\.[0-9]{1,20})?$`)

func (o *object) number(key string) decimal.Decimal {
	v, ok := o.value(key)
	if !ok {
		o.faults.Add(badFormula(apperr.Required).At(key))
		return decimal.Zero
	}
	text := string(v)
	if strings.HasPrefix(text, `"`) {
		_ = json.Unmarshal(v, &text) // what is left as it was is no number
	}
	if !plainNumber.MatchString(text) {
		o.faults.Add(badFormula(apperr.NotANumber).At(key))
		return decimal.Zero
	}
	return decimal.RequireFromString(text)
}

func (o *object) whole(key string) int64 {
	d := o.number(key)
	if !d.IsInteger() {
		o.faults.Add(badFormula(apperr.NotWhole).At(key))
		return 0
	}
	if d.Abs().GreaterThan(decimal.NewFromInt(maxMinutes)) {
		return maxMinutes + 1 // to be refused
	}
	return d.IntPart()
}

// refuseOthers refuses every key that was not asked for.
func (o *object) refuseOthers() {
	for _, key := range o.keys {
		if !slices.Contains(o.asked, key) {
			o.faults.Add(badFormula(apperr.UnknownKey, "known", list(o.asked)).At(key))
		}
	}
}
