package rate

import (
	"github.com/shopspring/decimal"

	"aliaport/internal/money"
)

// Kind is one of the four values of a bulletin row (kur türü).
type Kind string

// Kinds. Normally banknote buying ≤ forex buying < forex selling ≤ banknote selling.
const (
	ForexBuying     Kind = "FOREX_BUYING"     // döviz alış: the bank buys what is not cash
	ForexSelling    Kind = "FOREX_SELLING"    // döviz satış
	BanknoteBuying  Kind = "BANKNOTE_BUYING"  // efektif alış: cash
	BanknoteSelling Kind = "BANKNOTE_SELLING" // efektif satış
)

// Kinds are all of them.
var Kinds = []Kind{ForexBuying, ForexSelling, BanknoteBuying, BanknoteSelling}

// minor are the places of currencies that do not have two, by ISO 4217.
var minor = map[string]int32{"JPY": 0, "KRW": 0, "KWD": 3}

// PlacesOf is how many decimal places amounts of a currency have.
func PlacesOf(currency string) int32 {
	if places, ok := minor[currency]; ok {
		return places
	}
	return money.AmountPlaces
}

// Convert turns an amount into a currency. Worth and its counterpart are what one
// unit of either is in the home currency; 1 for that itself. There is one rounding,
// at the end, half away from zero.
func Convert(amount, worth, worthOfTarget decimal.Decimal, into string) decimal.Decimal {
	return amount.Mul(worth).DivRound(worthOfTarget, PlacesOf(into))
}

// Cross is what one unit is in the other currency, to the places of a rate.
func Cross(worth, worthOfTarget decimal.Decimal) decimal.Decimal {
	return worth.DivRound(worthOfTarget, Places)
}
