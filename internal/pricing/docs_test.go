package pricing_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/pricing"
)

var update = flag.Bool("update", false, "write the results of the examples in docs/pricing.md anew")

var exampleBlock = regexp.MustCompile("(?s)```example\n(.*?)```")

// example is a block of docs/pricing.md: what is asked, by the first word of each
// line, and what comes out.
type example struct {
	kind   string // the first word of the first line
	lines  []line
	tidied string // all that is not a result
}

type line struct{ key, rest string }

func (e example) get(key string) string {
	for _, l := range e.lines {
		if l.key == key {
			return l.rest
		}
	}
	return ""
}

// TestExamplesOfTheDocumentAreTrue calculates each example of docs/pricing.md anew.
func TestExamplesOfTheDocumentAreTrue(t *testing.T) {
	t.Parallel()
	const path = "../../docs/pricing.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	written := exampleBlock.ReplaceAllStringFunc(string(text), func(block string) string {
		e := parseExample(block)
		seen[e.kind]++
		var b strings.Builder
		b.WriteString("```example\n" + e.tidied)
		for _, result := range e.results(t) {
			b.WriteString("= " + result + "\n")
		}
		if got := b.String() + "```"; got != block && !*update {
			t.Errorf("the document says\n%s\nbut it is\n%s", block, got)
		}
		return b.String() + "```"
	})
	for _, kind := range []string{"resolve", "tiers", "calculate", "quote", "total", "stay", "overtime"} {
		if seen[kind] == 0 {
			t.Errorf("there is no example of %s", kind)
		}
	}
	if *update && written != string(text) {
		if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func parseExample(block string) (e example) {
	for text := range strings.SplitSeq(exampleBlock.FindStringSubmatch(block)[1], "\n") {
		if text == "" || strings.HasPrefix(text, "=") {
			continue
		}
		key, rest, _ := strings.Cut(text, " ")
		e.lines = append(e.lines, line{key, rest})
		e.tidied += text + "\n"
	}
	e.kind = e.lines[0].key
	return e
}

func (e example) results(t *testing.T) []string {
	t.Helper()
	results := map[string]func(*testing.T) ([]string, error){
		"resolve": e.resolve, "tiers": e.tiers, "calculate": e.calculate, "quote": e.quote, "total": e.total, "stay": e.stay, "overtime": e.overtime,
	}[e.kind]
	if results == nil {
		t.Fatalf("there are no examples of %q", e.kind)
	}
	lines, err := results(t)
	if err != nil {
		t.Fatalf("%s: %v", e.tidied, err)
	}
	return lines
}

func (e example) resolve(*testing.T) ([]string, error) {
	c := pricing.Candidates{Service: pricing.Service{Code: "TMP.006", Active: true}}
	for _, l := range e.lines {
		f := strings.Fields(l.rest)
		switch l.key {
		case "override":
			c.Overrides = append(c.Overrides, pricing.Override{Active: true, From: date(f[0]), To: date(f[1]), Price: number(f[2]), Currency: f[3]})
		case "list":
			version, err := strconv.Atoi(f[1])
			if err != nil {
				return nil, err
			}
			c.List = &pricing.List{Code: f[0], Version: version, Active: true, From: date(f[2]), To: date(f[3]), Currency: f[5], Items: []pricing.ListItem{{Active: true, Price: number(f[4])}}}
		case "card":
			c.Service.Price, c.Service.Currency = ptr(f[0]), f[1]
		}
	}
	p, err := pricing.Resolve(c, date(e.get("resolve")), nil)
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("%s: %v %s", p.Source, p.Amount, p.Currency)}, nil
}

func (e example) tiers(*testing.T) (results []string, err error) {
	given := tiers(e.get("tiers"))
	ts, err := pricing.NewTiers(given, given[0].Min)
	if err != nil {
		return nil, err
	}
	for quantity := range strings.SplitSeq(e.get("quantity"), ", ") {
		tier, err := ts.For(number(quantity))
		if err != nil {
			return nil, err
		}
		results = append(results, fmt.Sprintf("%s × %v = %v", quantity, tier.Price, tier.Price.Mul(number(quantity))))
	}
	return results, nil
}

func (e example) calculate(t *testing.T) (results []string, err error) {
	t.Helper()
	name, raw, _ := strings.Cut(e.get("calculate"), " ")
	p, err := pricing.ParseParams(pricing.Type(name), json.RawMessage(raw))
	if err != nil {
		return nil, err
	}
	amount, currency, _ := strings.Cut(e.get("price"), " ")
	r, err := pricing.Calculate(p.Type(), p, number(amount), given(t, e.get("inputs")))
	for _, s := range r.Steps {
		results = append(results, strings.TrimPrefix(fmt.Sprintf("%s = %v", s.Expression, s.Value), s.Value.String()+" = "))
	}
	results[len(results)-1] += " " + currency
	return results, err
}

func (e example) quote(t *testing.T) ([]string, error) {
	t.Helper()
	name, raw, _ := strings.Cut(e.get("quote"), " ")
	r := asked(t, e.get("price"), pricing.Type(name), raw, e.get("inputs"), e.get("currency"), e.get("vat"), e.get("rates"))
	r.Exemption = e.get("exemption")
	if code := e.get("parameter"); code != "" {
		r.Price = pricing.Setting(code, r.Price.Amount, r.Price.Currency, r.Price.VATRate, r.Price.Day)
	}
	if code := e.get("card"); code != "" {
		r.Price.Source, r.Price.ServiceCode = pricing.FromService, code
	}
	l, err := pricing.Quote(r)
	return []string{show(l), l.Trace.Sentence(apperr.Turkish), l.Trace.Sentence(apperr.English)}, err
}

func (e example) total(*testing.T) ([]string, error) {
	terms := pricing.Terms{Rules: portRules(), Allowed: true, Start: local(e.get("start"))}
	terms.Rules.Holidays = nil
	if day := e.get("holidays"); day != "" {
		terms.Rules.Holidays = map[calendar.Date]bool{date(day): true}
	}
	for term := range strings.SplitSeq(e.get("terms"), ", ") {
		switch term {
		case "additive":
			terms.Rules.Mode = pricing.Additive
		case "urgent":
			terms.Urgent = true
		case "cabotage":
			terms.Cabotage = true
		case "by hand: night":
			terms.Choice = &pricing.Choice{Flags: pricing.Flags{Night: true}, Reason: e.get("reason")}
		case "":
		default:
			return nil, fmt.Errorf("what are %q terms?", term)
		}
	}
	d, err := pricing.Total(charges(e.get("total")), terms)
	var results []string
	for row := range strings.SplitSeq(rows(d.Adjustments), "; ") {
		results = append(results, row)
	}
	return append(results, fmt.Sprintf("%s + %s = %s", d.Net.StringFixed(2), d.VAT.StringFixed(2), d.Gross.StringFixed(2)),
		d.Sentence(apperr.Turkish, "TRY"), d.Sentence(apperr.English, "TRY")), err
}

func (e example) stay(*testing.T) ([]string, error) {
	from, to, _ := strings.Cut(e.get("stay"), " ")
	amount, currency, _ := strings.Cut(e.get("price"), " ")
	base, err := strconv.ParseInt(e.get("base"), 10, 64)
	if err != nil {
		return nil, err
	}
	s, err := pricing.VehicleStay(*local("2026-03-03 " + from), *local("2026-03-03 " + to), pricing.Vehicle4HParams{BaseMinutes: base}, number(amount))
	return []string{fmt.Sprintf("%v minutes, %v over: %v, shown as %s %s", s.Minutes, s.Overrun, s.Amount.Decimal(), s.Amount.Round(2).StringFixed(2), currency)}, err
}

func (e example) overtime(*testing.T) ([]string, error) {
	from, to, _ := strings.Cut(e.get("overtime"), " ")
	o, err := pricing.OvertimeOf(*local("2026-03-03 " + from), *local("2026-03-03 " + to), number(e.get("threshold")), number(e.get("hourly")), number(e.get("vat")))
	if o == nil {
		return []string{"nothing"}, err
	}
	two := func(d decimal.Decimal) string { return d.StringFixed(2) }
	return []string{fmt.Sprintf("%v minutes, %s hours: %s + %s = %s", o.Minutes, two(o.Hours), two(o.Net), two(o.VAT), two(o.Gross))}, err
}
