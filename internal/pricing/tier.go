package pricing

import (
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Tier is the unit price of quantities from Min on, up to the next tier, whose Min
// belongs to that one. The whole quantity is priced at the tier it falls in.
type Tier struct {
	Min   decimal.Decimal
	Max   *decimal.Decimal // if given, it must be the next tier's Min; the last tier has none
	Price decimal.Decimal
	ref   int // where it stood in what was given
}

// Tiers are in order and cover every quantity from the first Min on exactly once.
type Tiers []Tier

// NewTiers orders tiers and refuses those that leave quantities out or name them
// twice, with TARIFE_INVALID_TIERS at the places in what was given. The first tier
// must begin at the smallest quantity that can be sold.
func NewTiers(given []Tier, smallest decimal.Decimal) (Tiers, error) {
	if len(given) == 0 {
		return nil, badTiers(apperr.Required)
	}
	tiers := slices.Clone(given)
	var faults apperr.Errors
	for i := range tiers {
		t := &tiers[i]
		t.ref = i
		faults.Add(t.check("minQuantity", t.Min))
		faults.Add(t.check("price", t.Price))
		if t.Max != nil {
			faults.Add(t.check("maxQuantity", *t.Max))
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err // what is out of bounds is not compared
	}
	slices.SortStableFunc(tiers, func(a, b Tier) int { return a.Min.Cmp(b.Min) })
	if first := tiers[0]; !first.Min.Equal(smallest) {
		faults.Add(first.bad("minQuantity", apperr.FirstTier, "min", smallest))
	}
	for i, t := range tiers {
		if i+1 == len(tiers) {
			if t.Max != nil {
				faults.Add(t.bad("maxQuantity", apperr.TierGap, "from", t.Max, "to", "∞"))
			}
			break
		}
		next := tiers[i+1]
		switch {
		case next.Min.Equal(t.Min):
			faults.Add(next.bad("minQuantity", apperr.GivenTwice))
		case t.Max == nil || t.Max.Equal(next.Min):
		case t.Max.LessThan(next.Min):
			faults.Add(t.bad("maxQuantity", apperr.TierGap, "from", t.Max, "to", next.Min))
		default:
			faults.Add(t.bad("maxQuantity", apperr.TierOverlap, "from", next.Min, "to", t.Max))
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return tiers, nil
}

// For is the tier of a quantity. What lies below the first tier is refused.
func (ts Tiers) For(quantity decimal.Decimal) (Tier, error) {
	i, err := ts.at(quantity)
	if err != nil {
		return Tier{}, err
	}
	return ts[i], nil
}

func (ts Tiers) at(quantity decimal.Decimal) (int, error) {
	for i, t := range slices.Backward(ts) {
		if quantity.GreaterThanOrEqual(t.Min) {
			return i, nil
		}
	}
	return 0, apperr.Invalid("quantity", apperr.AtLeast, "min", ts[0].Min)
}

func (t Tier) check(field string, d decimal.Decimal) *apperr.Error {
	if e := money.Check(field, d, money.PricePlaces); e != nil {
		e.Code = apperr.TariffTiers
		return e.At(strconv.Itoa(t.ref))
	}
	if d.IsNegative() {
		return t.bad(field, apperr.NotNegative)
	}
	return nil
}

func (t Tier) bad(field string, reason apperr.Text, params ...any) *apperr.Error {
	return badTiers(reason, params...).At(strconv.Itoa(t.ref), field)
}

func badTiers(reason apperr.Text, params ...any) *apperr.Error {
	return because(apperr.TariffTiers, reason, params...)
}
