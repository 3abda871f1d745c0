// Package pricing works out what a service of the port costs and says how. It is
// pure: prices, rates, parameters and instants are handed in, and the same input
// always gives the same figures. The rules stand with examples in docs/pricing.md.
//
// A line goes Resolve (which price holds) → Quote (formula, currency, rounding, VAT,
// explanation); an order goes Total (lines, surcharges, cabotage discount, VAT).
//
// Rounding is half up, away from zero. Unit prices have 4 places, rates of exchange
// 6, amounts 2. An amount is rounded once, at its end: until then it is a fraction.
package pricing

import (
	"github.com/shopspring/decimal"

	"aliaport/internal/money"
)

var (
	one     = decimal.NewFromInt(1)
	hundred = decimal.NewFromInt(100)
)

// shownPlaces is how far a value that never ends, such as 5 ÷ 3, is written out.
// Nothing is calculated from what is written.
const shownPlaces = 10

// Exact is an amount before rounding. It is a fraction, so that a third of a price
// times three is the price again. The zero value is 0.
type Exact struct{ num, den decimal.Decimal }

// ExactOf is a decimal as it stands.
func ExactOf(d decimal.Decimal) Exact { return Exact{d, one} }

func (e Exact) below() decimal.Decimal {
	if e.den.IsZero() {
		return one
	}
	return e.den
}

func (e Exact) times(d decimal.Decimal) Exact { return Exact{e.num.Mul(d), e.below()} }

// over divides by what is not zero.
func (e Exact) over(d decimal.Decimal) Exact { return Exact{e.num, e.below().Mul(d)} }

func (e Exact) plus(d decimal.Decimal) Exact { return Exact{e.num.Add(d.Mul(e.below())), e.below()} }

// up is the smallest whole number that is not below e.
func (e Exact) up() decimal.Decimal {
	whole, rest := e.num.QuoRem(e.below(), 0)
	if rest.Sign()*e.below().Sign() > 0 {
		whole = whole.Add(one)
	}
	return whole
}

// whole tells whether e is a whole number.
func (e Exact) whole() bool {
	_, rest := e.num.QuoRem(e.below(), 0)
	return rest.IsZero()
}

// atLeastOne is e, or 1 if e is less.
func (e Exact) atLeastOne() Exact {
	if e.num.LessThan(e.below()) { // denominators are positive
		return ExactOf(one)
	}
	return e
}

// Round rounds half up, away from zero.
func (e Exact) Round(places int32) decimal.Decimal { return e.num.DivRound(e.below(), places) }

// Decimal is the value to 10 places, for showing.
func (e Exact) Decimal() decimal.Decimal { return e.Round(shownPlaces) }

// RoundPrice rounds a unit price to its 4 places, half up.
func RoundPrice(d decimal.Decimal) decimal.Decimal { return d.Round(money.PricePlaces) }

// RatePlaces are those of a rate of exchange.
const RatePlaces = 6

// percentOf is so many per cent of an amount, rounded to 2 places.
func percentOf(amount, percent decimal.Decimal) decimal.Decimal {
	return money.Round(amount.Mul(percent).Shift(-2))
}
