package pricing_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/pricing"
)

// charges reads lines such as "3600 at 20, 100.01 at 0".
func charges(words string) (lines []pricing.Charge) {
	for l := range strings.SplitSeq(words, ",") {
		net, rate, ok := strings.Cut(strings.TrimSpace(l), " at ")
		if !ok {
			continue
		}
		c := pricing.Charge{Net: number(net), VATRate: number(rate)}
		c.VAT = c.Net.Mul(c.VATRate).Shift(-2).Round(2)
		lines = append(lines, c)
	}
	return lines
}

// local is an instant by the clock of Istanbul.
func local(s string) *time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04", s, calendar.Istanbul)
	if err != nil {
		panic(err)
	}
	t = t.UTC()
	return &t
}

func TestSurchargesAreDerivedFromTheStart(t *testing.T) {
	t.Parallel()
	day, night, weekend := pricing.Flags{}, pricing.Flags{Night: true}, pricing.Flags{Weekend: true}
	for name, c := range map[string]struct {
		start  string
		urgent bool
		want   pricing.Flags
	}{
		"a Tuesday at noon":                         {"2026-03-03 12:00", false, day},
		"the last minute before the night":          {"2026-03-03 21:59", false, day},
		"the first minute of the night":             {"2026-03-03 22:00", false, night},
		"midnight":                                  {"2026-03-04 00:00", false, night},
		"the last minute of the night":              {"2026-03-04 05:59", false, night},
		"the first minute behind the night":         {"2026-03-04 06:00", false, day},
		"a Friday evening is night, not weekend":    {"2026-03-06 23:59", false, night},
		"a minute later it is both":                 {"2026-03-07 00:00", false, pricing.Flags{Night: true, Weekend: true}},
		"a Saturday":                                {"2026-03-07 12:00", false, weekend},
		"a Sunday at 21:59":                         {"2026-03-08 21:59", false, weekend},
		"a Sunday night":                            {"2026-03-08 22:00", false, pricing.Flags{Night: true, Weekend: true}},
		"a Monday morning":                          {"2026-03-09 06:00", false, day},
		"a public holiday on a Thursday":            {"2026-10-29 12:00", false, weekend},
		"the day after it":                          {"2026-10-30 12:00", false, day},
		"urgent":                                    {"2026-03-03 12:00", true, pricing.Flags{Urgent: true}},
		"urgent, at night, on a holiday":            {"2026-10-29 22:00", true, pricing.Flags{Night: true, Weekend: true, Urgent: true}},
		"a start that nobody knows":                 {"", false, day},
		"a start that nobody knows, and yet urgent": {"", true, pricing.Flags{Urgent: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var start *time.Time
			if c.start != "" {
				start = local(c.start)
			}
			if got := portRules().Derive(start, c.urgent); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestANightMayLieWithinADayOrNotBe(t *testing.T) {
	t.Parallel()
	r := portRules()
	r.NightStart, r.NightEnd = 1*60, 5*60
	for at, want := range map[string]bool{"2026-03-03 00:59": false, "2026-03-03 01:00": true, "2026-03-03 04:59": true, "2026-03-03 05:00": false, "2026-03-03 23:00": false} {
		if got := r.Derive(local(at), false).Night; got != want {
			t.Errorf("%s is night: %v", at, got)
		}
	}
	r.NightStart, r.NightEnd = 0, 0
	if r.Derive(local("2026-03-03 00:00"), false).Night {
		t.Error("there is a night of no length")
	}
}

// rows writes adjustments as "NIGHT 25% of 3600 at 20: 900 + 180".
func rows(as []pricing.Adjustment) string {
	var words []string
	for _, a := range as {
		words = append(words, fmt.Sprintf("%s %v%% of %v at %v: %v + %v", strings.TrimPrefix(string(a.Kind), "SURCHARGE_"), a.Percent, a.Base, a.VATRate, a.Amount, a.VAT))
	}
	return strings.Join(words, "; ")
}

func TestTotal(t *testing.T) {
	t.Parallel()
	const tuesday, night, saturday, saturdayNight = "2026-03-03 12:00", "2026-03-03 22:00", "2026-03-07 12:00", "2026-03-07 23:00"
	type change = func(*pricing.Terms)
	urgent := func(t *pricing.Terms) { t.Urgent = true }
	cabotage := func(t *pricing.Terms) { t.Cabotage = true }
	additive := func(t *pricing.Terms) { t.Rules.Mode = pricing.Additive }
	for name, c := range map[string]struct {
		lines, start string
		change       []change
		net, vat     string
		rows         string
	}{
		"no surcharge":                {"3600 at 20", tuesday, nil, "3600", "720", ""},
		"nothing at all":              {"", saturdayNight, []change{urgent, cabotage}, "0", "0", ""},
		"night":                       {"3600 at 20", night, nil, "4500", "900", "NIGHT 25% of 3600 at 20: 900 + 180"},
		"weekend":                     {"3600 at 20", saturday, nil, "5400", "1080", "WEEKEND 50% of 3600 at 20: 1800 + 360"},
		"urgent":                      {"3600 at 20", tuesday, []change{urgent}, "4680", "936", "URGENT 30% of 3600 at 20: 1080 + 216"},
		"night and weekend":           {"3600 at 20", saturdayNight, nil, "6750", "1350", "NIGHT 25% of 3600 at 20: 900 + 180; WEEKEND 50% of 4500 at 20: 2250 + 450"},
		"all three":                   {"3600 at 20", saturdayNight, []change{urgent}, "8775", "1755", "NIGHT 25% of 3600 at 20: 900 + 180; WEEKEND 50% of 4500 at 20: 2250 + 450; URGENT 30% of 6750 at 20: 2025 + 405"},
		"night and weekend, additive": {"3600 at 20", saturdayNight, []change{additive}, "6300", "1260", "NIGHT 25% of 3600 at 20: 900 + 180; WEEKEND 50% of 3600 at 20: 1800 + 360"},
		"all three, additive":         {"3600 at 20", saturdayNight, []change{additive, urgent}, "7380", "1476", "NIGHT 25% of 3600 at 20: 900 + 180; WEEKEND 50% of 3600 at 20: 1800 + 360; URGENT 30% of 3600 at 20: 1080 + 216"},
		"cabotage":                    {"2800 at 20", tuesday, []change{cabotage}, "2520", "504", "CABOTAGE -10% of 2800 at 20: -280 + -56"},
		"the discount comes last, on what the surcharges made": {
			"3600 at 20", saturdayNight,
			[]change{cabotage},
			"6075", "1215",
			"NIGHT 25% of 3600 at 20: 900 + 180; WEEKEND 50% of 4500 at 20: 2250 + 450; CABOTAGE -10% of 6750 at 20: -675 + -135",
		},
		"three lines of one rate": {"1200 at 20, 1200 at 20, 1200 at 20", night, nil, "4500", "900", "NIGHT 25% of 3600 at 20: 900 + 180"},
		"the last rate takes the remainder": {
			"0.01 at 1, 0.01 at 10, 0.01 at 20", tuesday,
			[]change{func(t *pricing.Terms) { t.Urgent, t.Rules.UrgentPercent = true, number("50") }},
			"0.05", "0",
			"URGENT 50% of 0.01 at 1: 0.01 + 0; URGENT 50% of 0.01 at 10: 0.01 + 0; URGENT 50% of 0.01 at 20: 0 + 0",
		},
		"in proportion to the nets":                                {"100 at 20, 200 at 0, 50 at 20", night, nil, "437.5", "37.5", "NIGHT 25% of 200 at 0: 50 + 0; NIGHT 25% of 150 at 20: 37.5 + 7.5"},
		"a rate without a net takes nothing":                       {"33.33 at 10, 0 at 20", night, nil, "41.66", "4.16", "NIGHT 25% of 33.33 at 10: 8.33 + 0.83"},
		"the multiplier is rounded once: 1.01 × 1.875 is 1.89":     {"1.01 at 0", saturdayNight, nil, "1.89", "0", "NIGHT 25% of 1.01 at 0: 0.25 + 0; WEEKEND 50% of 1.26 at 0: 0.63 + 0"},
		"and not 0.03 × 1.25 to cents × 1.5 × 1.3":                 {"0.03 at 0", saturdayNight, []change{urgent}, "0.07", "0", "NIGHT 25% of 0.03 at 0: 0.01 + 0; WEEKEND 50% of 0.04 at 0: 0.02 + 0; URGENT 30% of 0.06 at 0: 0.01 + 0"},
		"surcharges of 0 % are no rows":                            {"3600 at 20", saturdayNight, []change{func(t *pricing.Terms) { t.Rules.NightPercent = number("0") }}, "5400", "1080", "WEEKEND 50% of 3600 at 20: 1800 + 360"},
		"a discount of 0 % is no row":                              {"3600 at 20", tuesday, []change{cabotage, func(t *pricing.Terms) { t.Rules.CabotagePercent = number("0") }}, "3600", "720", ""},
		"a discount of everything":                                 {"3600 at 20, 0.01 at 0", tuesday, []change{cabotage, func(t *pricing.Terms) { t.Rules.CabotagePercent = number("100") }}, "0", "0", "CABOTAGE -100% of 0.01 at 0: -0.01 + 0; CABOTAGE -100% of 3600 at 20: -3600 + -720"},
		"an order that takes no surcharges still has its discount": {"3600 at 20", saturdayNight, []change{urgent, cabotage, func(t *pricing.Terms) { t.Allowed = false }}, "3240", "648", "CABOTAGE -10% of 3600 at 20: -360 + -72"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			terms := pricing.Terms{Rules: portRules(), Allowed: true, Start: local(c.start)}
			for _, change := range c.change {
				change(&terms)
			}
			d, err := pricing.Total(charges(c.lines), terms)
			if err != nil {
				t.Fatal(err)
			}
			if !d.Net.Equal(number(c.net)) || !d.VAT.Equal(number(c.vat)) || !d.Gross.Equal(d.Net.Add(d.VAT)) {
				t.Errorf("got %v + %v = %v, want %s + %s", d.Net, d.VAT, d.Gross, c.net, c.vat)
			}
			if got := rows(d.Adjustments); got != c.rows {
				t.Errorf("got  %s\nwant %s", got, c.rows)
			}
		})
	}
}

func TestSurchargesChosenByHandNeedAReason(t *testing.T) {
	t.Parallel()
	terms := pricing.Terms{Rules: portRules(), Allowed: true, Start: local("2026-03-03 12:00"), Cabotage: true}
	terms.Choice = &pricing.Choice{Flags: pricing.Flags{Night: true}, Reason: "  agreed by telephone "}
	d, err := pricing.Total(charges("3600 at 20"), terms)
	if err != nil || !d.Net.Equal(number("4050")) {
		t.Fatalf("%v, %v", d.Net, err)
	}
	if a := d.Adjustments[0]; a.Source != pricing.ByHand || a.Reason != "agreed by telephone" {
		t.Errorf("the surcharge rests on %s, %q", a.Source, a.Reason)
	}
	if a := d.Adjustments[1]; a.Source != pricing.Derived || a.Kind != pricing.Cabotage {
		t.Errorf("the %s rests on %s", a.Kind, a.Source)
	}

	terms.Start, terms.Choice.Flags = local("2026-03-07 23:00"), pricing.Flags{}
	if d, err := pricing.Total(charges("3600 at 20"), terms); err != nil || !d.Net.Equal(number("3240")) {
		t.Errorf("none was chosen at night: %v, %v", d.Net, err)
	}
	terms.Choice.Reason = " "
	if _, err := pricing.Total(charges("3600 at 20"), terms); faults(err) != "VALIDATION_ERROR reason" {
		t.Errorf("no reason: %v", err)
	}
	terms.Choice, terms.Allowed = &pricing.Choice{Flags: pricing.Flags{Urgent: true}, Reason: "in a hurry"}, false
	if _, err := pricing.Total(charges("3600 at 20"), terms); faults(err) != "VALIDATION_ERROR surcharges" {
		t.Errorf("an order that takes none: %v", err)
	}
	terms.Choice.Flags = pricing.Flags{}
	if _, err := pricing.Total(charges("3600 at 20"), terms); err != nil {
		t.Errorf("none was chosen for an order that takes none: %v", err)
	}
}

func TestTotalRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines  []pricing.Charge
		change func(*pricing.Rules)
		want   string
	}{
		"a negative line":                    {[]pricing.Charge{{Net: number("1")}, {Net: number("-1")}}, nil, "VALIDATION_ERROR lines.1.net"},
		"a line that is not rounded":         {[]pricing.Charge{{Net: number("1.001")}}, nil, "VALIDATION_ERROR lines.0.net"},
		"negative VAT":                       {[]pricing.Charge{{VAT: number("-1")}}, nil, "VALIDATION_ERROR lines.0.vat"},
		"a VAT rate above a hundred":         {[]pricing.Charge{{VATRate: number("101")}}, nil, "VALIDATION_ERROR lines.0.vatRate"},
		"more than can be stored":            {[]pricing.Charge{{Net: number("90000000000")}, {Net: number("90000000000")}}, nil, "VALIDATION_ERROR lines"},
		"no mode":                            {nil, func(r *pricing.Rules) { r.Mode = "" }, "VALIDATION_ERROR mode"},
		"a negative surcharge":               {nil, func(r *pricing.Rules) { r.NightPercent = number("-1") }, "VALIDATION_ERROR nightPercent"},
		"a surcharge too large":              {nil, func(r *pricing.Rules) { r.WeekendPercent = number("1000.1") }, "VALIDATION_ERROR weekendPercent"},
		"a discount above everything":        {nil, func(r *pricing.Rules) { r.CabotagePercent = number("100.01") }, "VALIDATION_ERROR cabotagePercent"},
		"a percentage that fills the memory": {nil, func(r *pricing.Rules) { r.UrgentPercent = number("1e999999999") }, "VALIDATION_ERROR urgentPercent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			terms := pricing.Terms{Rules: portRules(), Allowed: true}
			if c.change != nil {
				c.change(&terms.Rules)
			}
			_, err := pricing.Total(c.lines, terms)
			if got := faults(err); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestEveryGeneratedDocumentAddsUp: the totals are the sums of lines and adjustments,
// the groups add up to the whole, the multiplier is the one of the rule, and totalling
// again changes nothing, in whatever order the lines come.
func TestEveryGeneratedDocumentAddsUp(t *testing.T) {
	t.Parallel()
	const seed = 13
	g := newGenerator(seed)
	for n := range 3000 {
		lines, terms := g.charges(), g.terms()
		d, err := pricing.Total(lines, terms)
		if err != nil {
			t.Fatalf("seed %d, case %d: %v", seed, n, err)
		}
		var net, vat, surcharges, discount, gNet, gVAT, gGross, gLines decimal.Decimal
		ofRate := map[string]decimal.Decimal{}
		for _, l := range lines {
			net, vat = net.Add(l.Net), vat.Add(l.VAT)
			ofRate[l.VATRate.String()] = ofRate[l.VATRate.String()].Add(l.Net)
		}
		all := net
		for _, a := range d.Adjustments {
			net, vat = net.Add(a.Amount), vat.Add(a.VAT)
			ofRate[a.VATRate.String()] = ofRate[a.VATRate.String()].Add(a.Amount)
			if a.Kind == pricing.Cabotage {
				discount = discount.Add(a.Amount)
			} else {
				surcharges = surcharges.Add(a.Amount)
			}
			// A part is the percentage of its base, but for the cents that rounding shifts.
			if a.Base.Mul(a.Percent).Shift(-2).Sub(a.Amount).Abs().GreaterThan(number("0.05")) {
				t.Fatalf("seed %d, case %d: %v", seed, n, rows(d.Adjustments))
			}
		}
		for _, group := range d.Groups {
			gLines, gNet, gVAT, gGross = gLines.Add(group.Lines), gNet.Add(group.Net), gVAT.Add(group.VAT), gGross.Add(group.Gross)
			if !group.Net.Equal(ofRate[group.VATRate.String()]) {
				t.Fatalf("seed %d, case %d: %v at %v %%, want %v", seed, n, group.Net, group.VATRate, ofRate[group.VATRate.String()])
			}
		}
		for i, pair := range [][2]decimal.Decimal{
			{d.Lines, all},
			{d.Net, net},
			{d.VAT, vat},
			{d.Gross, net.Add(vat)},
			{gLines, all},
			{gNet, net},
			{gVAT, vat},
			{gGross, d.Gross},
			{all.Mul(multiplier(terms)).Round(2), all.Add(surcharges)},
			{discountOf(terms, all.Add(surcharges)), discount.Neg()},
		} {
			if !pair[0].Equal(pair[1]) {
				t.Fatalf("seed %d, case %d, sum %d: %v is not %v\n%s", seed, n, i, pair[0], pair[1], rows(d.Adjustments))
			}
		}
		g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		if again, err := pricing.Total(lines, terms); err != nil || stored(t, again) != stored(t, d) {
			t.Fatalf("seed %d, case %d: the second time %v, not %v", seed, n, again, d)
		}
		for _, lang := range []apperr.Lang{apperr.Turkish, apperr.English} {
			s := d.Sentence(lang, "TRY")
			for _, amount := range []decimal.Decimal{d.Lines, d.Net, d.Gross} {
				if !strings.Contains(s, " "+written(lang, amount.StringFixed(2))+" TRY") {
					t.Fatalf("seed %d, case %d: %q does not say %v", seed, n, s, amount)
				}
			}
		}
	}
}

func multiplier(t pricing.Terms) decimal.Decimal {
	one := number("1")
	flags := t.Rules.Derive(t.Start, t.Urgent)
	if t.Choice != nil {
		flags = t.Choice.Flags
	}
	product, sum := one, one
	for _, s := range []struct {
		applies bool
		percent decimal.Decimal
	}{{flags.Night, t.Rules.NightPercent}, {flags.Weekend, t.Rules.WeekendPercent}, {flags.Urgent, t.Rules.UrgentPercent}} {
		if s.applies && t.Allowed {
			product, sum = product.Mul(one.Add(s.percent.Shift(-2))), sum.Add(s.percent.Shift(-2))
		}
	}
	if t.Rules.Mode == pricing.Additive {
		return sum
	}
	return product
}

func discountOf(t pricing.Terms, net decimal.Decimal) decimal.Decimal {
	if !t.Cabotage {
		return decimal.Zero
	}
	return net.Mul(t.Rules.CabotagePercent).Shift(-2).Round(2)
}

func TestTotalLeavesItsLinesAlone(t *testing.T) {
	t.Parallel()
	lines := charges("100 at 20, 200 at 0")
	before := charges("100 at 20, 200 at 0")
	if _, err := pricing.Total(lines, pricing.Terms{Rules: portRules(), Allowed: true, Start: local("2026-03-07 23:00"), Cabotage: true}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(lines, before) {
		t.Errorf("%v became %v", before, lines)
	}
}

func TestADocumentIsToldInASentence(t *testing.T) {
	t.Parallel()
	d, err := pricing.Total(charges("3600 at 20, 100 at 0"), pricing.Terms{Rules: portRules(), Allowed: true, Start: local("2026-03-07 23:00"), Cabotage: true})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[apperr.Lang]string{
		apperr.Turkish: "Kalemler 3.700,00 TRY, gece ek ücreti (%25) 925,00 TRY, hafta sonu ve tatil ek ücreti (%50) 2.312,50 TRY, kabotaj indirimi (%10) −693,75 TRY; " +
			"net 6.243,75 TRY, artı 0,00 TRY KDV (%0), artı 1.215,00 TRY KDV (%20), toplam 7.458,75 TRY.",
		apperr.English: "Lines of 3,700.00 TRY, night surcharge (25%) 925.00 TRY, weekend and holiday surcharge (50%) 2,312.50 TRY, cabotage discount (10%) −693.75 TRY; " +
			"6,243.75 TRY net, plus 0.00 TRY VAT (0%), plus 1,215.00 TRY VAT (20%), 7,458.75 TRY in all.",
	} {
		if got := d.Sentence(lang, "TRY"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestADocumentIsWorthWhatItsLinesAre(t *testing.T) {
	t.Parallel()
	charge := func(net, vat, rate, try string) pricing.Charge {
		c := pricing.Charge{Net: number(net), VAT: number(vat), VATRate: number(rate)}
		if try != "" {
			c.TRY = new(number(try))
		}
		return c
	}
	rules := pricing.Rules{Mode: pricing.Multiplicative, WeekendPercent: number("50"), CabotagePercent: number("10")}
	for name, c := range map[string]struct {
		lines      []pricing.Charge
		choice     *pricing.Choice
		cabotage   bool
		net, gross string // empty: no value
	}{
		"lines in TRY are worth themselves": {[]pricing.Charge{charge("100", "20", "20", "100"), charge("7.77", "0.08", "1", "7.77")}, nil, false, "107.77", "127.85"},
		"no lines":                          {nil, nil, false, "0", "0"},
		"a line that is free":               {[]pricing.Charge{charge("0", "0", "20", "0")}, nil, false, "0", "0"},
		"a surcharge and a discount follow": {[]pricing.Charge{charge("100", "20", "20", "3250")}, &pricing.Choice{Flags: pricing.Flags{Weekend: true}, Reason: "Bayram"}, true, "4387.5", "5265"},
		"rates differ between lines":        {[]pricing.Charge{charge("100", "20", "20", "3250"), charge("100", "20", "20", "3300"), charge("50", "5", "10", "1700")}, nil, false, "8250", "9730"},
		"one line without a value":          {[]pricing.Charge{charge("100", "20", "20", "3250"), charge("1", "0", "0", "")}, nil, false, "", ""},
	} {
		d, err := pricing.Total(c.lines, pricing.Terms{Allowed: true, Rules: rules, Choice: c.choice, Cabotage: c.cabotage})
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case c.net == "":
			if d.TRY != nil {
				t.Errorf("%s: worth %v", name, d.TRY)
			}
		case d.TRY == nil || !d.TRY.Net.Equal(number(c.net)) || !d.TRY.Gross.Equal(number(c.gross)):
			t.Errorf("%s: worth %+v, want %s and %s", name, d.TRY, c.net, c.gross)
		}
	}
}
