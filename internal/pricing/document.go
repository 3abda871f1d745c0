package pricing

import (
	"slices"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Charge is a priced line of a document. Net and VAT have 2 places.
type Charge struct {
	Net, VAT decimal.Decimal
	VATRate  decimal.Decimal  // percent
	TRY      *decimal.Decimal // net in TRY; nil: there was no rate
}

// Adjustment is a surcharge or discount on the lines of one VAT rate.
type Adjustment struct {
	Kind    Kind
	Percent decimal.Decimal // 25; -10 for a discount
	Base    decimal.Decimal // net that it is taken of
	Amount  decimal.Decimal // what it adds to the net; negative for a discount
	VATRate decimal.Decimal // percent
	VAT     decimal.Decimal // what it adds to the VAT: its amount × the rate, rounded
	Source  Basis
	Reason  string // of a choice by hand
}

// Group is what a document comes to at one VAT rate.
type Group struct {
	VATRate         decimal.Decimal // percent
	Lines           decimal.Decimal // nets of the lines
	Net, VAT, Gross decimal.Decimal // with adjustments

	try decimal.Decimal // nets of the lines in TRY
}

// Document is the totals of lines with surcharges and discount. Its net is the sum of
// the lines' nets and the adjustments' amounts, its VAT that of theirs.
type Document struct {
	Lines           decimal.Decimal // nets of the lines
	Adjustments     []Adjustment    // by kind, then by VAT rate
	Groups          []Group         // by VAT rate, lowest first
	Net, VAT, Gross decimal.Decimal
	TRY             *Worth // what that is in TRY; nil: a line has no value in TRY
}

// Worth is what a document comes to in TRY.
type Worth struct{ Net, Gross decimal.Decimal }

// Total adds up a document:
//
//  1. the nets of the lines;
//  2. surcharges: the sum × (1 + 25 %) × (1 + 50 %) …, or × (1 + 25 % + 50 %) in the
//     ADDITIVE mode, rounded once for each surcharge more, so that the rows add up to
//     the whole;
//  3. the cabotage discount, in per cent of the net that has come out;
//  4. VAT, by rate; each surcharge and discount is a row for each rate, in proportion
//     to its base there, and the last rate takes what rounding leaves.
//
// Only lines go in, never adjustments of before: to total again changes nothing. What
// is refused is VALIDATION_ERROR.
func Total(lines []Charge, terms Terms) (Document, error) {
	if err := terms.Rules.check(); err != nil {
		return Document{}, err
	}
	rises, basis, err := terms.surcharges()
	if err != nil {
		return Document{}, err
	}
	var d Document
	known := true
	for i, l := range lines {
		if err := l.check(); err != nil {
			return Document{}, err.At("lines", strconv.Itoa(i))
		}
		g := d.group(l.VATRate)
		g.Lines, g.Net, g.VAT = g.Lines.Add(l.Net), g.Net.Add(l.Net), g.VAT.Add(l.VAT)
		d.Lines = d.Lines.Add(l.Net)
		if known = known && l.TRY != nil; known {
			g.try = g.try.Add(*l.TRY)
		}
	}

	factor, sum := one, d.Lines // what the lines are multiplied by, and the rounded result
	for _, r := range rises {
		base := func(g Group) decimal.Decimal { return g.Net }
		part := r.percent.Shift(-2)
		if terms.Rules.Mode == Additive {
			base = func(g Group) decimal.Decimal { return g.Lines }
			factor = factor.Add(part)
		} else {
			factor = factor.Mul(one.Add(part))
		}
		before := sum
		sum = money.Round(d.Lines.Mul(factor))
		d.adjust(Adjustment{Kind: r.kind, Percent: r.percent, Amount: sum.Sub(before), Source: basis, Reason: terms.reason()}, base)
	}
	if percent := terms.Rules.CabotagePercent; terms.Cabotage && !percent.IsZero() {
		d.adjust(Adjustment{Kind: Cabotage, Percent: percent.Neg(), Amount: percentOf(sum, percent).Neg(), Source: Derived},
			func(g Group) decimal.Decimal { return g.Net })
	}

	for i := range d.Groups {
		g := &d.Groups[i]
		g.Gross = g.Net.Add(g.VAT)
		d.Net, d.VAT, d.Gross = d.Net.Add(g.Net), d.VAT.Add(g.VAT), d.Gross.Add(g.Gross)
	}
	if e := money.Check("lines", d.Gross, money.AmountPlaces); e != nil {
		return Document{}, e
	}
	if known {
		d.TRY = d.worth()
	}
	return d, nil
}

// worth values a document in TRY. Surcharges and discounts have no rate of their own:
// at each VAT rate they are worth what the lines there are, in proportion.
func (d *Document) worth() *Worth {
	var w Worth
	for _, g := range d.Groups {
		if g.Lines.IsZero() {
			continue
		}
		net := g.Net.Mul(g.try).DivRound(g.Lines, money.AmountPlaces)
		w.Net, w.Gross = w.Net.Add(net), w.Gross.Add(net).Add(g.VAT.Mul(g.try).DivRound(g.Lines, money.AmountPlaces))
	}
	return &w
}

func (l Charge) check() *apperr.Error {
	for _, v := range []struct {
		field string
		value decimal.Decimal
	}{{"net", l.Net}, {"vat", l.VAT}, {"vatRate", l.VATRate}} {
		if e := money.Check(v.field, v.value, money.AmountPlaces); e != nil {
			return e
		}
		if v.value.IsNegative() {
			return apperr.Invalid(v.field, apperr.NotNegative)
		}
	}
	if l.VATRate.GreaterThan(hundred) {
		return apperr.Invalid("vatRate", apperr.OutOfRange, "min", 0, "max", 100)
	}
	return nil
}

// group is that of the rate; it is made where it belongs if there is none.
func (d *Document) group(rate decimal.Decimal) *Group {
	i, found := slices.BinarySearchFunc(d.Groups, rate, func(g Group, r decimal.Decimal) int { return g.VATRate.Cmp(r) })
	if !found {
		d.Groups = slices.Insert(d.Groups, i, Group{VATRate: rate})
	}
	return &d.Groups[i]
}

// adjust spreads an amount over the VAT rates in proportion to their bases. The last
// one that has a base takes the remainder.
func (d *Document) adjust(whole Adjustment, base func(Group) decimal.Decimal) {
	var sum decimal.Decimal
	last := -1
	for i, g := range d.Groups {
		if b := base(g); !b.IsZero() {
			sum, last = sum.Add(b), i
		}
	}
	left := whole.Amount
	for i := range d.Groups {
		g := &d.Groups[i]
		row := whole
		row.Base, row.VATRate = base(*g), g.VATRate
		if row.Base.IsZero() {
			continue
		}
		if row.Amount = left; i != last {
			row.Amount = whole.Amount.Mul(row.Base).DivRound(sum, money.AmountPlaces)
		}
		left = left.Sub(row.Amount)
		row.VAT = percentOf(row.Amount, row.VATRate)
		g.Net, g.VAT = g.Net.Add(row.Amount), g.VAT.Add(row.VAT)
		d.Adjustments = append(d.Adjustments, row)
	}
}

func (t Terms) reason() string {
	if t.Choice == nil {
		return ""
	}
	return strings.TrimSpace(t.Choice.Reason)
}

// Sentence says how the total came about in one sentence, with numbers as the
// language writes them.
func (d Document) Sentence(lang apperr.Lang, currency string) string {
	w := words{lang}
	amount := func(a decimal.Decimal) string { return w.amount(a) + " " + currency }
	var b strings.Builder
	b.WriteString(w.pick("Kalemler ", "Lines of ") + amount(d.Lines))
	for _, k := range []struct {
		kind   Kind
		tr, en string
	}{
		{Night, "gece ek ücreti", "night surcharge"},
		{Weekend, "hafta sonu ve tatil ek ücreti", "weekend and holiday surcharge"},
		{Urgent, "acil ek ücreti", "surcharge for urgency"},
		{Cabotage, "kabotaj indirimi", "cabotage discount"},
	} {
		var sum, percent decimal.Decimal
		found := false
		for _, a := range d.Adjustments {
			if a.Kind == k.kind {
				sum, percent, found = sum.Add(a.Amount), a.Percent.Abs(), true
			}
		}
		if found {
			b.WriteString(", " + w.pick(k.tr+" (%"+w.plain(percent)+") ", k.en+" ("+w.plain(percent)+"%) ") + amount(sum))
		}
	}
	b.WriteString(w.pick("; net "+amount(d.Net), "; "+amount(d.Net)+" net"))
	for _, g := range d.Groups {
		b.WriteString(w.vat(g.VAT, currency, g.VATRate, ""))
	}
	b.WriteString(w.total(d.Gross, currency))
	return b.String()
}
