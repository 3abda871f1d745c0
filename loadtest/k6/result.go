package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"aliaport/loadtest/measure"
)

// Run is a scenario on a database.
type Run struct {
	Scenario   string      `json:"scenario"`
	Title      string      `json:"title"`
	Database   string      `json:"database"`
	At         time.Time   `json:"at"`
	Orders     int         `json:"orders"`
	Scale      float64     `json:"scale"`
	LoadBefore float64     `json:"loadBefore"` // of the machine
	Precedence bool        `json:"precedence"` // of what is measured before other work on it
	Seconds    float64     `json:"seconds"`
	Requests   int         `json:"requests"`
	Dropped    int         `json:"dropped"`
	Operations []Operation `json:"operations"`
	Kinds      []Operation `json:"kinds"`
	Errors     []Fault     `json:"errors"`
	Thresholds []Threshold `json:"thresholds"`
	Usage      Usage       `json:"usage"`
	Series     []Moment    `json:"series"`
	Before     *Before     `json:"before,omitempty"` // the run that this one replaced
}

// Operation are the times of one operation, or of one kind, in milliseconds.
type Operation struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Fault is an error with how often it came.
type Fault struct {
	What  string `json:"what"`
	Count int    `json:"count"`
}

// Threshold is a rule on a metric, with what was measured.
type Threshold struct {
	Metric string  `json:"metric"`
	Rule   string  `json:"rule"`
	Value  float64 `json:"value"`
	Plan   bool    `json:"plan"` // of the plan; the others are our own
	OK     bool    `json:"ok"`
}

// Moment is a part of the run.
type Moment struct {
	At   float64 `json:"t"` // seconds from its begin to the middle
	Rate float64 `json:"r"` // requests a second
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
}

// Before are the figures of the last run that are compared.
type Before struct {
	At        time.Time          `json:"at"`
	PerSecond float64            `json:"perSecond"`
	CPU       float64            `json:"cpu"` // of server and database, milliseconds a request
	Memory    float64            `json:"memory"`
	P95       map[string]float64 `json:"p95"` // of kinds
}

// PerSecond is how many requests were answered a second.
func (r *Run) PerSecond() float64 { return float64(r.Requests) / max(r.Seconds, 1e-9) }

// CPU is what server and database took for a request, in milliseconds.
func (r *Run) CPU() float64 {
	return 1000 * (r.Usage.ServerCPU + r.Usage.DatabaseCPU) / max(float64(r.Requests), 1)
}

// Others is how many cores other work took meanwhile.
func (r *Run) Others() float64 { return r.Usage.OthersCPU / max(r.Usage.Span, 1) }

// OK tells whether every threshold held.
func (r *Run) OK() bool {
	return !slices.ContainsFunc(r.Thresholds, func(t Threshold) bool { return !t.OK })
}

func (r *Run) String() string {
	var b strings.Builder
	said := "ok"
	if !r.OK() {
		said = "MISSED"
	}
	fmt.Fprintf(&b, "  %-7s %-8s %-6s %6d requests, %5.1f a second; CPU ms a request %.2f; MiB %.0f + %.0f; others took %.1f cores;", r.Scenario, r.Database, said, r.Requests, r.PerSecond(), r.CPU(),
		r.Usage.ServerMemory, r.Usage.DatabaseMemory, r.Others())
	for _, k := range r.Kinds {
		fmt.Fprintf(&b, " %s p95 %.1f", k.Name, k.P95)
	}
	for _, f := range r.Errors {
		fmt.Fprintf(&b, "; %d × %s", f.Count, f.What)
	}
	return b.String()
}

// Was is the value as it is printed.
func (t Threshold) Was() string { return short(t.Value) }

func short(v float64) string {
	switch {
	case v == float64(int(v)):
		return strconv.Itoa(int(v))
	case v < 1:
		return strings.TrimRight(strconv.FormatFloat(v, 'f', 4, 64), "0")
	default:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
}

// summary is what a script hands over at its end.
type summary struct {
	Metrics map[string]struct {
		Values     map[string]float64           `json:"values"`
		Thresholds map[string]struct{ OK bool } `json:"thresholds"`
	} `json:"metrics"`
}

// read takes in what k6 has written.
func (r *Run) read(summaryFile, samplesFile string) error {
	text, err := os.ReadFile(summaryFile) //nolint:gosec // written for us
	if err != nil {
		return err
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	if err := r.judge(&s); err != nil {
		return err
	}
	f, err := os.Open(samplesFile) //nolint:gosec // written for us
	if err != nil {
		return err
	}
	defer f.Close()
	return r.samples(f)
}

// planned are the rules that come from the plan.
var planned = []string{"p(95)<300", "p(95)<400", "p(95)<200", "rate<0.01"}

var errEmpty = errors.New("the run was empty")

// judge takes the thresholds, and refuses a summary without any: k6 passes over
// thresholds whose metrics have no values.
func (r *Run) judge(s *summary) error {
	least := 0
	for metric, m := range s.Metrics {
		for rule, t := range m.Thresholds {
			name, _, _ := strings.Cut(rule, "<")
			name, _, _ = strings.Cut(name, ">")
			name, _, _ = strings.Cut(name, "=")
			r.Thresholds = append(r.Thresholds, Threshold{metric, rule, m.Values[name], slices.Contains(planned, rule), t.OK})
			if strings.HasPrefix(metric, "done{") {
				least++
			}
		}
	}
	if least == 0 {
		return errEmpty
	}
	r.Dropped = int(s.Metrics["dropped_iterations"].Values["count"])
	slices.SortFunc(r.Thresholds, func(a, b Threshold) int {
		if a.Metric != b.Metric {
			return strings.Compare(a.Metric, b.Metric)
		}
		return strings.Compare(b.Rule, a.Rule) // the looser one is the longer one
	})
	return nil
}

// samples reads every single time: the summary has none by operation and none by
// moment.
func (r *Run) samples(in io.Reader) error {
	rows := csv.NewReader(in)
	rows.ReuseRecord, rows.FieldsPerRecord = true, -1
	head, err := rows.Read()
	if err != nil {
		return fmt.Errorf("samples: %w", err)
	}
	metric, at, value, tags := slices.Index(head, "metric_name"), slices.Index(head, "timestamp"), slices.Index(head, "metric_value"), slices.Index(head, "extra_tags")
	if min(metric, at, value, tags) < 0 {
		return fmt.Errorf("%w columns: %q", errUnknown, head)
	}
	type sample struct {
		at   int64
		took time.Duration
	}
	var all []sample
	ops, kinds, faults := map[string][]time.Duration{}, map[string][]time.Duration{}, map[string]int{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		if m := row[metric]; m != "took" && m != "graphql_errors" && m != "user_errors" {
			continue
		}
		tag, err := url.ParseQuery(row[tags])
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		if row[metric] != "took" {
			faults[tag.Get("op")+": "+tag.Get("code")]++
			continue
		}
		ms, err := strconv.ParseFloat(row[value], 64)
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		moment, err := strconv.ParseInt(row[at], 10, 64)
		if err != nil {
			return fmt.Errorf("samples: %w", err)
		}
		took := time.Duration(ms * float64(time.Millisecond))
		all = append(all, sample{moment, took})
		ops[tag.Get("op")], kinds[tag.Get("kind")] = append(ops[tag.Get("op")], took), append(kinds[tag.Get("kind")], took)
	}
	if len(all) == 0 {
		return errEmpty
	}
	r.Requests, r.Operations, r.Kinds = len(all), operations(ops), operations(kinds)
	for what, n := range faults {
		r.Errors = append(r.Errors, Fault{what, n})
	}
	slices.SortFunc(r.Errors, func(a, b Fault) int { return b.Count - a.Count })

	begin, end := all[0].at, all[0].at
	for _, s := range all {
		begin, end = min(begin, s.at), max(end, s.at)
	}
	r.Seconds = max(1, float64(end-begin)/1000)
	const parts = 60
	width := max(1, r.Seconds/parts)
	buckets := make([][]time.Duration, int(r.Seconds/width)+1)
	for _, s := range all {
		i := int(float64(s.at-begin) / 1000 / width)
		buckets[i] = append(buckets[i], s.took)
	}
	for i, b := range buckets[:max(1, len(buckets)-1)] { // the last one is cut off
		m := Moment{At: round((float64(i) + 0.5) * width), Rate: round(float64(len(b)) / width)}
		if len(b) > 0 {
			m.P50, m.P95 = ms(measure.Percentile(b, 50)), ms(measure.Percentile(b, 95))
		}
		r.Series = append(r.Series, m)
	}
	return nil
}

func operations(took map[string][]time.Duration) (all []Operation) {
	for _, name := range slices.Sorted(maps.Keys(took)) {
		t := took[name]
		all = append(all, Operation{
			name, len(t), ms(measure.Percentile(t, 50)), ms(measure.Percentile(t, 95)), ms(measure.Percentile(t, 99)), ms(measure.Percentile(t, 100)),
		})
	}
	return all
}

func ms(d time.Duration) float64 { return round(measure.Ms(d)) }

// round keeps files short.
func round(v float64) float64 { return float64(int64(v*100+0.5)) / 100 }
