// Package money bounds and rounds decimal amounts. Nothing here is ever a binary
// float. Rounding is half away from zero and happens once, at the end.
package money

import (
	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
)

// Decimal places: unit prices and quantities have four, amounts of a line two.
const (
	PricePlaces  = 4
	AmountPlaces = 2
)

// Max is the largest amount that is stored: eleven digits before the point and
// four after it, which both databases return exactly.
var Max = decimal.New(999_999_999_999_999, -4)

// Round rounds to the two places of an amount.
func Round(d decimal.Decimal) decimal.Decimal { return d.Round(AmountPlaces) }

// Line is a priced line: net = quantity × unit price, VAT = net × rate, both
// rounded; gross is the sum of the two rounded parts.
type Line struct{ Net, VAT, Gross decimal.Decimal }

// PriceLine prices a line. The rate is a percentage: 20 means 20 %.
func PriceLine(quantity, unitPrice, vatRate decimal.Decimal) Line {
	net := Round(quantity.Mul(unitPrice))
	vat := Round(net.Mul(vatRate).Shift(-2))
	return Line{Net: net, VAT: vat, Gross: net.Add(vat)}
}

// Check refuses a value that has more places than allowed or is too large to be
// stored. It says nothing about the sign.
func Check(field string, d decimal.Decimal, places int32) *apperr.Error {
	// Exponents are bounded before any arithmetic: 1e999999999 must not be expanded.
	if d.Exponent() > 15 || d.Exponent() < -40 || d.NumDigits() > 60 {
		return apperr.Invalid(field, apperr.TooBig)
	}
	if d.Abs().GreaterThan(Max) {
		return apperr.Invalid(field, apperr.TooBig)
	}
	if !d.Equal(d.Truncate(places)) {
		return apperr.Invalid(field, apperr.TooPrecise, "places", places)
	}
	return nil
}

// IsCurrency tells whether the code looks like ISO 4217: three upper-case letters.
func IsCurrency(code string) bool {
	if len(code) != 3 {
		return false
	}
	for _, c := range code {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}
