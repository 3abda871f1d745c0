package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Page is what the report shows; it is kept beside it for the comparison with the next
// run.
type Page struct {
	Cores int    `json:"cores"`
	Runs  []*Run `json:"runs"`
}

//go:embed report.html.tmpl
var reportTemplate string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"chart": chart, "short": short, "ratio": ratio, "ms": func(v float64) string { return short(round(v)) },
}).Parse(reportTemplate))

// record puts the runs in the place of the former ones of the same scenarios and
// databases, notes what those were, and writes the report anew.
func record(out string, runs []*Run) error {
	file := filepath.Join(out, "runs.json")
	p := &Page{}
	text, err := os.ReadFile(file) //nolint:gosec // our own folder
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, p); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	p.Cores = runtime.NumCPU()
	for _, r := range runs {
		p.put(r)
	}
	slices.SortStableFunc(p.Runs, func(a, b *Run) int {
		if d := place(a.Scenario) - place(b.Scenario); d != 0 {
			return d
		}
		return -strings.Compare(a.Database, b.Database) // SQLite first
	})
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // read by everybody
		return err
	}
	if err := p.save(file); err != nil {
		return err
	}
	var b strings.Builder
	if err := page.Execute(&b, p); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	report := filepath.Join(out, "report.html")
	if err := os.WriteFile(report, []byte(b.String()), 0o644); err != nil { //nolint:gosec // the same
		return err
	}
	fmt.Println("written:", report)
	return nil
}

// save writes the page with a run on each line, so that changes can be read.
func (p *Page) save(file string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "{\"cores\": %d, \"runs\": [", p.Cores)
	for i, r := range p.Runs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		b.Write(text)
	}
	b.WriteString("\n]}\n")
	return os.WriteFile(file, []byte(b.String()), 0o644) //nolint:gosec // read by everybody
}

func place(name string) int {
	return slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
}

func (p *Page) put(r *Run) {
	for i, old := range p.Runs {
		if old.Scenario != r.Scenario || old.Database != r.Database {
			continue
		}
		if old.Orders == r.Orders && old.Scale == r.Scale { // others cannot be compared
			r.Before = &Before{At: old.At, PerSecond: round(old.PerSecond()), CPU: round(old.CPU()), Memory: round(old.Usage.ServerMemory), P95: map[string]float64{}}
			for _, k := range old.Kinds {
				r.Before.P95[k.Name] = k.P95
			}
		}
		p.Runs[i] = r
		return
	}
	p.Runs = append(p.Runs, r)
}

// ratio of a figure to the one before.
func ratio(now, before float64) string {
	if before == 0 {
		return "–"
	}
	return fmt.Sprintf("× %.2f", now/before)
}

// line of a chart.
type curve struct {
	name   string
	class  string
	values []float64
}

// Latency are the curves of the times.
func (r *Run) Latency() []curve {
	p50, p95 := curve{name: "p50", class: "a"}, curve{name: "p95", class: "b"}
	for _, m := range r.Series {
		p50.values, p95.values = append(p50.values, m.P50), append(p95.values, m.P95)
	}
	return []curve{p50, p95}
}

// Throughput are requests a second.
func (r *Run) Throughput() []curve {
	c := curve{name: "requests/s", class: "a"}
	for _, m := range r.Series {
		c.values = append(c.values, m.Rate)
	}
	return []curve{c}
}

// Cores are how many cores each process took.
func (r *Run) Cores() []curve {
	return r.used([]string{"server", "database", "k6", "others"}, func(s Sample) []float64 { return []float64{s.Server, s.Database, s.K6, s.Others} })
}

// Memory is in MiB.
func (r *Run) Memory() []curve {
	return r.used([]string{"server", "database"}, func(s Sample) []float64 { return []float64{s.ServerMemory, s.DatabaseMemory} })
}

func (r *Run) used(names []string, of func(Sample) []float64) []curve {
	curves := make([]curve, len(names))
	for i, n := range names {
		curves[i] = curve{name: n, class: string(rune('a' + i))}
		for _, s := range r.Usage.Samples {
			curves[i].values = append(curves[i].values, of(s)[i])
		}
	}
	return slices.DeleteFunc(curves, func(c curve) bool { // there is no database beside
		return !slices.ContainsFunc(c.values, func(v float64) bool { return v != 0 })
	})
}

// chart draws curves over the seconds of a run.
func chart(title string, seconds float64, curves []curve) template.HTML {
	const width, height, left, bottom, top = 420.0, 150.0, 44.0, 18.0, 22.0
	most := 0.0
	for _, c := range curves {
		for _, v := range c.values {
			most = max(most, v)
		}
	}
	most = nice(most)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s"><text x="0" y="12" class="t">%s</text>`, width, height, template.HTMLEscapeString(title), template.HTMLEscapeString(title))
	x := func(i, n int) float64 { return left + (width-left-4)*(float64(i)+0.5)/float64(max(n, 1)) }
	y := func(v float64) float64 { return height - bottom - (height-bottom-top)*v/most }
	for i := range 3 {
		v := most * float64(i) / 2
		fmt.Fprintf(&b, `<line x1="%g" x2="%g" y1="%.1f" y2="%.1f" class="g"/><text x="%g" y="%.1f" class="n e">%s</text>`, left, width-4, y(v), y(v), left-5, y(v)+4, short(v))
	}
	for i := range 5 {
		at := seconds * float64(i) / 4
		fmt.Fprintf(&b, `<text x="%.1f" y="%g" class="n m">%s s</text>`, left+(width-left-14)*float64(i)/4, height-4, short(math.Round(at)))
	}
	legend := width - 4
	for _, c := range slices.Backward(curves) {
		fmt.Fprintf(&b, `<text x="%.1f" y="12" class="n e f%s">%s</text>`, legend, c.class, template.HTMLEscapeString(c.name))
		legend -= 12 + 6*float64(len(c.name))
		var path strings.Builder
		for j, v := range c.values {
			fmt.Fprintf(&path, "%.1f,%.1f ", x(j, len(c.values)), y(v))
		}
		fmt.Fprintf(&b, `<polyline points="%s" class="s%s"/>`, strings.TrimSpace(path.String()), c.class)
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) //nolint:gosec // our own numbers, and names that are escaped
}

// nice is a round number that is not below.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	size := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 4, 5, 6, 8} {
		if v <= n*size {
			return n * size
		}
	}
	return 10 * size
}
