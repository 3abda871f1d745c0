package pricing

import (
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
)

// Mode says how surcharges combine.
type Mode string

// The modes. Night and weekend on 3600, at 25 and 50 %: 6750 or 6300.
const (
	Multiplicative Mode = "MULTIPLICATIVE" // each is taken of what the one before has made
	Additive       Mode = "ADDITIVE"       // each is taken of the lines
)

// Clock is a time of day, in minutes since midnight at the port.
type Clock int

func clockOf(t time.Time) Clock { return Clock(t.Hour()*60 + t.Minute()) }

// Rules are the settings of surcharges and of the cabotage discount.
type Rules struct {
	Mode                 Mode
	NightStart, NightEnd Clock // the start belongs to the night, the end does not; equal: there is none
	NightPercent         decimal.Decimal
	WeekendPercent       decimal.Decimal
	UrgentPercent        decimal.Decimal
	CabotagePercent      decimal.Decimal        // of the discount, positive
	Holidays             map[calendar.Date]bool // public holidays, which count as weekend
}

// Flags are the surcharges that apply (ek ücret).
type Flags struct{ Night, Weekend, Urgent bool }

// Derive finds the surcharges of work that begins at the instant: night and weekend
// by the clock and the calendar of Istanbul. The start decides for the whole work. An
// unknown start is neither.
func (r Rules) Derive(start *time.Time, urgent bool) Flags {
	f := Flags{Urgent: urgent}
	if start == nil {
		return f
	}
	local := start.In(calendar.Istanbul)
	now, day := clockOf(local), calendar.DateOf(local)
	if r.NightStart <= r.NightEnd {
		f.Night = now >= r.NightStart && now < r.NightEnd
	} else {
		f.Night = now >= r.NightStart || now < r.NightEnd
	}
	f.Weekend = day.Weekday() == time.Saturday || day.Weekday() == time.Sunday || r.Holidays[day]
	return f
}

// Choice are surcharges that somebody chose instead of the derived ones.
type Choice struct {
	Flags  Flags
	Reason string // required
}

// Terms are what an order says about surcharges and discount.
type Terms struct {
	Rules    Rules
	Allowed  bool       // the order takes surcharges
	Start    *time.Time // actual, else planned
	Urgent   bool       // by its priority
	Choice   *Choice    // nil: as derived
	Cabotage bool
}

// Basis says what an adjustment rests on.
type Basis string

// The bases.
const (
	Derived Basis = "DERIVED" // times, calendar, priority and the order's flags
	ByHand  Basis = "MANUAL"  // chosen by somebody, with a reason
)

// Kind is a kind of adjustment.
type Kind string

// The kinds, in the order in which they apply.
const (
	Night    Kind = "SURCHARGE_NIGHT"
	Weekend  Kind = "SURCHARGE_WEEKEND"
	Urgent   Kind = "SURCHARGE_URGENT"
	Cabotage Kind = "CABOTAGE"
)

// rise is a surcharge that applies.
type rise struct {
	kind    Kind
	percent decimal.Decimal
}

// surcharges are those that apply, in order, and what they rest on. Those of 0 % are
// left out. A choice that the order does not allow, or that has no reason, is refused.
func (t Terms) surcharges() ([]rise, Basis, error) {
	flags, basis := t.Rules.Derive(t.Start, t.Urgent), Derived
	if t.Choice != nil {
		if strings.TrimSpace(t.Choice.Reason) == "" {
			return nil, "", apperr.Invalid("reason", apperr.Required)
		}
		flags, basis = t.Choice.Flags, ByHand
		if !t.Allowed && flags != (Flags{}) {
			return nil, "", apperr.Invalid("surcharges", apperr.NoSurcharges)
		}
	}
	if !t.Allowed {
		return nil, basis, nil
	}
	var rises []rise
	for _, s := range []struct {
		applies bool
		rise
	}{
		{flags.Night, rise{Night, t.Rules.NightPercent}},
		{flags.Weekend, rise{Weekend, t.Rules.WeekendPercent}},
		{flags.Urgent, rise{Urgent, t.Rules.UrgentPercent}},
	} {
		if s.applies && !s.percent.IsZero() {
			rises = append(rises, s.rise)
		}
	}
	return rises, basis, nil
}

// check refuses settings that are none.
func (r Rules) check() error {
	var faults apperr.Errors
	if !slices.Contains([]Mode{Multiplicative, Additive}, r.Mode) {
		faults.Add(apperr.Invalid("mode", apperr.NotOneOf, "possible", list([]Mode{Multiplicative, Additive})))
	}
	for _, p := range []struct {
		field string
		value decimal.Decimal
		most  int64
	}{
		{"nightPercent", r.NightPercent, 1000},
		{"weekendPercent", r.WeekendPercent, 1000},
		{"urgentPercent", r.UrgentPercent, 1000},
		{"cabotagePercent", r.CabotagePercent, 100},
	} {
		if e := money.Check(p.field, p.value, money.PricePlaces); e != nil {
			faults.Add(e)
		} else if p.value.IsNegative() || p.value.GreaterThan(decimal.NewFromInt(p.most)) {
			faults.Add(apperr.Invalid(p.field, apperr.OutOfRange, "min", 0, "max", p.most))
		}
	}
	return faults.OrNil()
}
