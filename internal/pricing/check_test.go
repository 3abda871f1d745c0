package pricing_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/pricing"
)

// figures are what a case comes to, by name, with a fixed number of places.
type figures map[string]string

// TestASecondCalculationAgrees prices varied cases and has testdata/check.py, which
// was written from the rules and not from this code, price them as well. Every figure
// must be the same to the last digit.
func TestASecondCalculationAgrees(t *testing.T) {
	t.Parallel()
	const seed = 23
	g := newGenerator(seed)
	var cases []map[string]any
	var mine []figures
	add := func(c map[string]any, f figures) { cases, mine = append(cases, c), append(mine, f) }
	for range 400 {
		add(g.lineCase(t))
	}
	for range 300 {
		add(g.documentCase(t))
	}
	for range 60 {
		add(g.overtimeCase(t))
		add(g.stayCase(t))
	}
	theirs := secondCalculation(t, cases)
	if len(theirs) != len(mine) {
		t.Fatalf("%d answers to %d cases", len(theirs), len(mine))
	}
	compared, kinds := 0, map[string]int{}
	for n := range cases {
		if !maps.Equal(mine[n], theirs[n]) {
			for _, name := range slices.Sorted(maps.Keys(mine[n])) {
				if mine[n][name] != theirs[n][name] {
					t.Errorf("seed %d, case %d, %s: %s here, %s there", seed, n, name, mine[n][name], theirs[n][name])
				}
			}
			t.Fatalf("%v\nhere  %v\nthere %v", cases[n], mine[n], theirs[n])
		}
		compared += len(mine[n])
		kinds[mine[n]["source"]+mine[n]["refused"]]++
	}
	for _, kind := range []string{"OVERRIDE", "PRICE_LIST", "SERVICE", "HIZMET_INACTIVE", "TARIFE_INACTIVE", "HIZMET_INVALID_PRICE", "VALIDATION_ERROR"} {
		if kinds[kind] < 5 {
			t.Errorf("only %d cases of %s", kinds[kind], kind)
		}
	}
	t.Logf("%d figures of %d cases agree: %v", compared, len(cases), kinds)
}

func secondCalculation(t *testing.T, cases []map[string]any) (answers []figures) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is missing: make setup installs it")
	}
	raw, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "check.py"), path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("check.py: %v\n%s", err, stderr.Bytes())
	}
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

// candidates are a service with dated prices and a list, some of which hold.
func (g generator) candidates() pricing.Candidates {
	c := pricing.Candidates{Service: pricing.Service{
		ID: 1, Code: "TMP.006", Active: g.IntN(20) > 0, Currency: g.pick("TRY", "USD"), VATRate: number(g.pick("0", "1", "10", "20")),
	}}
	if g.IntN(6) > 0 {
		price := g.amount(800, 4)
		c.Service.Price = &price
	}
	begin := date("2026-01-01")
	for i := range g.IntN(3) {
		begin = begin.AddDays(1 + g.IntN(80))
		o := pricing.Override{ID: int64(30 + i), Active: g.IntN(5) > 0, From: begin, Price: g.amount(800, 4), Currency: g.pick("TRY", "EUR"), VATRate: g.maybe("0", "10")}
		if g.IntN(4) > 0 {
			begin = begin.AddDays(1 + g.IntN(30))
			o.To = begin
		}
		c.Overrides = append(c.Overrides, o)
	}
	if g.IntN(4) > 0 {
		c.List = g.list()
		c.List.Active, c.List.Chosen = g.IntN(5) > 0, g.IntN(2) == 0
		if g.IntN(2) == 0 {
			c.List.From = date("2026-01-01").AddDays(g.IntN(60))
		}
		if g.IntN(2) == 0 {
			c.List.To = date("2026-03-01").AddDays(g.IntN(60))
		}
	}
	return c
}

func (g generator) maybe(words ...string) *decimal.Decimal {
	if g.IntN(2) == 0 {
		return nil
	}
	return ptr(g.pick(words...))
}

func (g generator) lineCase(t *testing.T) (map[string]any, figures) {
	t.Helper()
	c, day := g.candidates(), date("2026-01-01").AddDays(g.IntN(120))
	r := g.request(t)
	quantity := g.amount(60, 2)
	r.Inputs.Quantity, r.VATRate = &quantity, g.maybe("0", "1", "20")
	l, err := func() (l pricing.Line, err error) {
		if r.Price, err = pricing.Resolve(c, day, &quantity); err != nil {
			return l, err
		}
		return pricing.Quote(r)
	}()

	overrides, list := []any{}, map[string]any(nil)
	for _, o := range c.Overrides {
		overrides = append(overrides, map[string]any{"id": o.ID, "active": o.Active, "from": day8(o.From), "to": day8(o.To), "price": o.Price, "currency": o.Currency, "vat": o.VATRate})
	}
	if c.List != nil {
		items := []any{}
		for _, i := range c.List.Items {
			items = append(items, map[string]any{"id": i.ID, "min": i.MinQuantity, "price": i.Price, "vat": i.VATRate})
		}
		list = map[string]any{"active": c.List.Active, "chosen": c.List.Chosen, "from": day8(c.List.From), "to": day8(c.List.To), "currency": c.List.Currency, "items": items}
	}
	rates := map[string]any{}
	for _, rate := range r.Rates {
		rates[rate.Currency] = rate.Value
	}
	in := r.Inputs
	asked := map[string]any{
		"kind": "line", "day": day8(day), "type": r.Type, "params": r.Params, "currency": r.Currency, "rates": rates, "vatRate": r.VATRate, "exemption": r.Exemption,
		"service":   map[string]any{"id": c.Service.ID, "active": c.Service.Active, "price": c.Service.Price, "currency": c.Service.Currency, "vat": c.Service.VATRate},
		"overrides": overrides, "list": list,
		"inputs": map[string]any{"quantity": in.Quantity, "weightKg": in.WeightKg, "minutes": in.Minutes, "days": in.Days, "persons": in.Persons, "measure": in.Measure},
	}
	if all, ok := apperr.All(err); ok {
		return asked, figures{"refused": string(all[0].Code)}
	} else if err != nil {
		t.Fatal(err)
	}
	f := figures{
		"source": string(l.Trace.Source.Kind), "price": l.Trace.Price.Amount.StringFixed(4), "exact": l.Exact.Round(10).StringFixed(10),
		"net": l.Net.StringFixed(2), "vat": l.VAT.StringFixed(2), "gross": l.Gross.StringFixed(2), "vatRate": l.VATRate.StringFixed(2), "currency": l.Currency,
	}
	switch s := l.Trace.Source; s.Kind {
	case pricing.FromOverride:
		f["id"] = fmt.Sprint(s.OverrideID)
	case pricing.FromList:
		f["id"] = fmt.Sprint(s.PriceListItemID)
	default:
		f["id"] = fmt.Sprint(s.ServiceID)
	}
	if l.ExchangeRate != nil {
		f["rate"] = l.ExchangeRate.StringFixed(6)
	}
	return asked, f
}

// day8 is a date as ISO 8601 has it; none is empty.
func day8(d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func (g generator) documentCase(t *testing.T) (map[string]any, figures) {
	t.Helper()
	lines, terms := g.charges(), g.terms()
	d, err := pricing.Total(lines, terms)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]any{
		"kind": "document", "mode": terms.Rules.Mode, "nightStart": terms.Rules.NightStart, "nightEnd": terms.Rules.NightEnd,
		"nightPercent": terms.Rules.NightPercent, "weekendPercent": terms.Rules.WeekendPercent, "urgentPercent": terms.Rules.UrgentPercent,
		"cabotagePercent": terms.Rules.CabotagePercent, "holidays": []string{"2026-10-29"}, "allowed": terms.Allowed, "urgent": terms.Urgent,
		"cabotage": terms.Cabotage, "start": "", "choice": nil,
	}
	if terms.Start != nil {
		asked["start"] = terms.Start.Format(time.RFC3339)
	}
	if c := terms.Choice; c != nil {
		asked["choice"] = map[string]bool{"night": c.Flags.Night, "weekend": c.Flags.Weekend, "urgent": c.Flags.Urgent}
	}
	ofLines := []any{}
	for _, l := range lines {
		ofLines = append(ofLines, map[string]any{"net": l.Net, "vat": l.VAT, "vatRate": l.VATRate})
	}
	asked["lines"] = ofLines

	two := func(d decimal.Decimal) string { return d.StringFixed(2) }
	f := figures{"lines": two(d.Lines), "net": two(d.Net), "vat": two(d.VAT), "gross": two(d.Gross), "rows": fmt.Sprint(len(d.Adjustments))}
	for n, a := range d.Adjustments {
		f[fmt.Sprintf("row %d", n)] = fmt.Sprintf("%s %s%% of %s at %s: %s + %s", a.Kind, two(a.Percent), two(a.Base), two(a.VATRate), two(a.Amount), two(a.VAT))
	}
	for n, group := range d.Groups {
		f[fmt.Sprintf("group %d", n)] = fmt.Sprintf("%s: %s + %s = %s", two(group.VATRate), two(group.Net), two(group.VAT), two(group.Gross))
	}
	return asked, f
}

func (g generator) overtimeCase(t *testing.T) (map[string]any, figures) {
	t.Helper()
	end := g.start()
	exit := end.Add(time.Duration(g.IntN(12*3600)) * time.Second)
	threshold, hourly, vat := g.amount(8, 1), g.amount(500, 2), number(g.pick("0", "10", "20"))
	o, err := pricing.OvertimeOf(end, exit, threshold, hourly, vat)
	if err != nil {
		t.Fatal(err)
	}
	f := figures{"hours": "none"}
	if o != nil {
		f = figures{"hours": o.Hours.StringFixed(2), "net": o.Net.StringFixed(2), "vat": o.VAT.StringFixed(2), "gross": o.Gross.StringFixed(2)}
	}
	return map[string]any{
		"kind": "overtime", "from": end.Format(time.RFC3339), "to": exit.Format(time.RFC3339), "threshold": threshold, "hourly": hourly, "vatRate": vat,
	}, f
}

func (g generator) stayCase(t *testing.T) (map[string]any, figures) {
	t.Helper()
	entry := g.start()
	exit := entry.Add(time.Duration(g.IntN(30*3600)) * time.Second)
	price, base := g.amount(500, 4), 5+g.Int64N(600)
	s, err := pricing.VehicleStay(entry, exit, pricing.Vehicle4HParams{BaseMinutes: base}, price)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"kind": "stay", "from": entry.Format(time.RFC3339), "to": exit.Format(time.RFC3339), "price": price, "base": base},
		figures{"minutes": s.Minutes.String(), "overrun": s.Overrun.String(), "exact": s.Amount.Round(10).StringFixed(10), "shown": s.Amount.Round(2).StringFixed(2)}
}
