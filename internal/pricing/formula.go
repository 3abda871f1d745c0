package pricing

import (
	"slices"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Inputs are what was measured or ordered. A formula asks for what it needs, and
// nothing else is looked at; what it needs and does not get is refused, never guessed.
type Inputs struct {
	Quantity *decimal.Decimal // in the unit of the service
	WeightKg *decimal.Decimal // kg
	Minutes  *decimal.Decimal
	Days     *decimal.Decimal
	Persons  *decimal.Decimal
	Measure  *decimal.Decimal // the one that the parameters name, such as GRT
}

// Input is one that a formula has read.
type Input struct {
	Name  string          `json:"name"` // the field of Inputs; for a named measure its name
	Value decimal.Decimal `json:"value"`
}

// Label names a step for its reader.
type Label struct {
	TR string `json:"tr"`
	EN string `json:"en"`
}

// Step is one step of a calculation: label, what was calculated, and its value, which
// is written to 10 places at most.
type Step struct {
	Label      Label           `json:"label"`
	Expression string          `json:"expression"` // decimal points, × ÷ + − ⌈ ⌉
	Value      decimal.Decimal `json:"value"`
}

// Result is a calculated price before rounding and VAT, in the currency of the price.
type Result struct {
	Amount Exact
	Inputs []Input // those that the formula asked for
	Steps  []Step  // the last one gives the amount
}

// Calculate applies the formula of the type to a price:
//
//	FIXED                price
//	PER_UNIT             price × quantity
//	X_SECONDARY          price × primary × secondary, which may be rounded up first
//	PER_BLOCK            price × max(1, weight ÷ base weight) × max(1, ⌈minutes ÷ base time⌉)
//	BASE_PLUS_INCREMENT  price + measure × rate
//	VEHICLE_4H_RULE      price, and behind the base time price ÷ base time for each minute
//
// A missing or negative input is PRICE_MISSING_INPUT with the field; parameters of
// another type or with impossible values are PRICE_INVALID_FORMULA.
func Calculate(t Type, p Params, price decimal.Decimal, in Inputs) (Result, error) {
	if p == nil || p.Type() != t {
		return Result{}, apperr.New(apperr.PriceFormula).At("formulaParams")
	}
	if err := p.faults().OrNil(); err != nil {
		return Result{}, err
	}
	r := reading{from: in}
	r.check("price", price)
	amount, steps := p.calculate(price, &r)
	if err := r.faults.OrNil(); err != nil {
		return Result{}, err
	}
	return Result{Amount: amount, Inputs: r.read, Steps: steps}, nil
}

// reading hands inputs to a formula and remembers which, and what was wrong.
type reading struct {
	from   Inputs
	read   []Input
	faults apperr.Errors
}

// check refuses a value that is negative or cannot be stored.
func (r *reading) check(field string, d decimal.Decimal) bool {
	if e := money.Check(field, d, money.PricePlaces); e != nil {
		r.faults.Add(e)
		return false
	}
	if d.IsNegative() {
		r.missing(field, field)
		return false
	}
	return true
}

func (r *reading) missing(field, name string) {
	r.faults.Add(apperr.New(apperr.PriceMissing, "field", name).At(field))
}

// get returns an input, and 0 if it is refused.
func (r *reading) get(m Measure) decimal.Decimal {
	in, v := Input{Name: string(m)}, r.from.Measure
	field, name := "measure", "measure ("+string(m)+")"
	switch m {
	case Quantity:
		field, v = "quantity", r.from.Quantity
	case Weight:
		field, v = "weightKg", r.from.WeightKg
	case Minutes:
		field, v = "minutes", r.from.Minutes
	case Days:
		field, v = "days", r.from.Days
	case Persons:
		field, v = "persons", r.from.Persons
	}
	if field != "measure" {
		in.Name, name = field, field
	}
	if v == nil {
		r.missing(field, name)
		return decimal.Zero
	}
	if !r.check(field, *v) {
		return decimal.Zero
	}
	in.Value = *v
	if !slices.ContainsFunc(r.read, func(i Input) bool { return i.Name == in.Name }) {
		r.read = append(r.read, in)
	}
	return *v
}

// measured is an input in the unit of the formula, with the step that turned
// kilograms into it.
func (r *reading) measured(m Measure, unit WeightUnit) (decimal.Decimal, []Step) {
	v := r.get(m)
	if m != Weight || unit != Ton {
		return v, nil
	}
	t := v.Shift(-3)
	return t, []Step{{Label{"Ağırlık (ton)", "Weight in tons"}, v.String() + " ÷ 1000", t}}
}

func (FixedParams) calculate(price decimal.Decimal, _ *reading) (Exact, []Step) {
	return ExactOf(price), []Step{{Label{"Sabit fiyat", "Fixed price"}, price.String(), price}}
}

func (PerUnitParams) calculate(price decimal.Decimal, in *reading) (Exact, []Step) {
	quantity := in.get(Quantity)
	return last(nil, Label{"Birim fiyat × miktar", "Unit price × quantity"}, price.String()+" × "+quantity.String(), ExactOf(price.Mul(quantity)))
}

func (p XSecondaryParams) calculate(price decimal.Decimal, in *reading) (Exact, []Step) {
	primary, steps := in.measured(p.Primary, p.WeightUnit)
	secondary, more := in.measured(p.Secondary, p.WeightUnit)
	steps = append(steps, more...)
	if p.SecondaryRoundUp && !secondary.IsInteger() {
		whole := secondary.Ceil()
		steps = append(steps, Step{Label{"Yukarı yuvarlama", "Rounded up"}, "⌈" + secondary.String() + "⌉", whole})
		secondary = whole
	}
	return last(steps, Label{"Fiyat × birincil × ikincil", "Price × primary × secondary"},
		price.String()+" × "+primary.String()+" × "+secondary.String(), ExactOf(price.Mul(primary).Mul(secondary)))
}

func (p PerBlockParams) calculate(price decimal.Decimal, in *reading) (Exact, []Step) {
	weight, steps := in.measured(Weight, Ton)
	base := decimal.NewFromInt(p.BaseTimeMin)
	minutes := in.get(Minutes)

	ratio := weight.String() + " ÷ " + p.BaseWeightTon.String()
	blocks := ExactOf(weight).over(p.BaseWeightTon)
	if p.WeightRounding == RoundCeil {
		blocks, ratio = ExactOf(blocks.up()), "⌈"+ratio+"⌉"
	}
	heavy := blocks.atLeastOne()
	begun := ExactOf(ExactOf(minutes).over(base).up()).atLeastOne().num
	steps = append(steps,
		Step{Label{"Ağırlık bloğu (en az 1)", "Blocks of weight, at least 1"}, "max(1, " + ratio + ")", heavy.Decimal()},
		Step{Label{"Süre bloğu (en az 1)", "Begun blocks of time, at least 1"}, "max(1, ⌈" + minutes.String() + " ÷ " + base.String() + "⌉)", begun})

	factor := heavy.Decimal().String()
	if !heavy.whole() {
		factor = "(" + ratio + ")"
	}
	return last(steps, Label{"Fiyat × ağırlık bloğu × süre bloğu", "Price × blocks of weight × blocks of time"},
		price.String()+" × "+factor+" × "+begun.String(), heavy.times(price).times(begun))
}

func (p BasePlusIncrementParams) calculate(price decimal.Decimal, in *reading) (Exact, []Step) {
	measure, steps := in.measured(p.Measure, p.WeightUnit)
	return last(steps, Label{"Baz + ölçü × artış", "Base + measure × increment"},
		price.String()+" + "+measure.String()+" × "+p.Rate.String(), ExactOf(price.Add(measure.Mul(p.Rate))))
}

func (p Vehicle4HParams) calculate(price decimal.Decimal, in *reading) (Exact, []Step) {
	minutes, base := in.get(Minutes), decimal.NewFromInt(p.BaseMinutes)
	if minutes.LessThanOrEqual(base) {
		return ExactOf(price), []Step{{Label{"Temel süre içinde", "Within the base time"}, price.String(), price}}
	}
	over := minutes.Sub(base)
	steps := []Step{{Label{"Temel süreyi aşan dakika", "Minutes over the base time"}, minutes.String() + " − " + base.String(), over}}
	return last(steps, Label{"Fiyat + aşım × fiyat ÷ temel süre", "Price + overrun × price ÷ base time"},
		price.String()+" + "+over.String()+" × "+price.String()+" ÷ "+base.String(), ExactOf(over.Mul(price)).over(base).plus(price))
}

// last appends the step that gives the amount.
func last(steps []Step, label Label, expression string, amount Exact) (Exact, []Step) {
	return amount, append(steps, Step{label, expression, amount.Decimal()})
}
