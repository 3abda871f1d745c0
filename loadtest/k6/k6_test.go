package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// schema is the SDL as the server has it.
func schema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../schema/*.graphql")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of the schema, %v", len(files), err)
	}
	var sources []*ast.Source
	for _, f := range files {
		sources = append(sources, &ast.Source{Name: f, Input: read(t, f)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// roots of every document by its name: all are valid.
func roots(t *testing.T) map[string][]string {
	t.Helper()
	s := schema(t)
	files, err := filepath.Glob("queries/*.graphql")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	all := map[string][]string{}
	for _, f := range files {
		doc, faults := gqlparser.LoadQueryWithRules(s, read(t, f), rules.NewDefaultRules())
		if len(faults) > 0 {
			t.Errorf("%s: %v", f, faults)
			continue
		}
		name := strings.TrimSuffix(filepath.Base(f), ".graphql")
		if len(doc.Operations) != 1 || doc.Operations[0].Name == "" {
			t.Errorf("%s: want one operation, with a name", f)
			continue
		}
		for _, sel := range doc.Operations[0].SelectionSet {
			if field, ok := sel.(*ast.Field); ok {
				all[name] = append(all[name], field.Alias)
			}
		}
	}
	return all
}

var (
	madeOf   = regexp.MustCompile(`operation\('(\w+)', '(\w+)', '(\w+)'\)`)
	imported = regexp.MustCompile(`(?s)import \{[^}]*\} from '([^']+)'|import \w+ from '([^']+)'`)
)

func TestEveryQuestionOfTheScenariosFitsTheSchema(t *testing.T) {
	t.Parallel()
	documents := roots(t)
	limits := read(t, "lib/port.js")
	asked := map[string]bool{}
	scriptFiles, err := filepath.Glob("*/*.js")
	if err != nil || len(scriptFiles) < len(scenarios) {
		t.Fatalf("%d scripts, %v", len(scriptFiles), err)
	}
	for _, f := range scriptFiles {
		text := read(t, f)
		for _, m := range madeOf.FindAllStringSubmatch(text, -1) {
			name, kind, field := m[1], m[2], m[3]
			asked[name] = true
			if !slices.Contains(documents[name], field) {
				t.Errorf("%s: %s asks for %v, not for %s", f, name, documents[name], field)
			}
			if !strings.Contains(limits, "\n  "+kind+": [") {
				t.Errorf("%s: %s is of the kind %s, which has no limits", f, name, kind)
			}
		}
		for _, m := range imported.FindAllStringSubmatch(text, -1) {
			from := m[1] + m[2]
			if strings.HasPrefix(from, "k6") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(f), from)); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
	for name := range documents {
		if !asked[name] {
			t.Errorf("nobody asks %s", name)
		}
	}
	for _, s := range scenarios {
		text := read(t, filepath.Join("scenarios", s.script))
		for _, part := range []string{"export const setup = () => begin(least);", "export const handleSummary = summary;", "export const options = opts("} {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %s", s.script, part)
			}
		}
	}
}

func TestThePlansThresholdsAreInTheScripts(t *testing.T) {
	t.Parallel()
	text := read(t, "lib/port.js")
	for _, rule := range planned {
		if !strings.Contains(text, "'"+rule+"'") {
			t.Errorf("%s is missing", rule)
		}
	}
	for _, want := range []string{
		"crud: ['p(95)<300', 'p(95)<60']", "list: ['p(95)<400', 'p(95)<80']", "login: ['p(95)<200']",
		"failed: ['rate<0.01', 'rate<0.002']", "dropped_iterations: ['count==0']",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

const someSummary = `{"metrics": {
	"took{kind:crud}": {"values": {"p(95)": 70.5, "med": 3}, "thresholds": {"p(95)<60": {"ok": false}, "p(95)<300": {"ok": true}}},
	"failed": {"values": {"rate": 0.001}, "thresholds": {"rate<0.01": {"ok": true}}},
	"dropped_iterations": {"values": {"count": 3}, "thresholds": {"count==0": {"ok": false}}},
	"done{op:make}": {"values": {"count": 9}, "thresholds": {"count>=10": {"ok": false}}}}}`

const someSamples = `metric_name,timestamp,metric_value,check,extra_tags
http_reqs,1700000000000,1,,op=make
took,1700000000000,10,,kind=crud&op=make
took,1700000001000,30,,kind=crud&op=make
took,1700000004000,20,,kind=list&op=board
user_errors,1700000001000,1,,code=VERSION_CONFLICT&op=make
`

func TestASummaryAndItsSamplesBecomeARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	samples := write("samples.csv", someSamples)
	r := &Run{}
	if err := r.read(write("summary.json", someSummary), samples); err != nil {
		t.Fatal(err)
	}
	want := []Threshold{
		{"done{op:make}", "count>=10", 9, false, false},
		{"dropped_iterations", "count==0", 3, false, false},
		{"failed", "rate<0.01", 0.001, true, true},
		{"took{kind:crud}", "p(95)<60", 70.5, false, false},
		{"took{kind:crud}", "p(95)<300", 70.5, true, true},
	}
	if !slices.Equal(r.Thresholds, want) || r.OK() || r.Dropped != 3 {
		t.Errorf("%+v, %d dropped", r.Thresholds, r.Dropped)
	}
	if r.Requests != 3 || r.Seconds != 4 || len(r.Kinds) != 2 || r.Operations[1] != (Operation{"make", 2, 30, 30, 30, 30}) {
		t.Errorf("%+v", r)
	}
	if len(r.Errors) != 1 || r.Errors[0] != (Fault{"make: VERSION_CONFLICT", 1}) {
		t.Errorf("%+v", r.Errors)
	}
	if len(r.Series) != 4 || r.Series[0] != (Moment{0.5, 1, 10, 10}) || r.Series[2].Rate != 0 {
		t.Errorf("%+v", r.Series)
	}

	head, _, _ := strings.Cut(someSamples, "\n")
	nothing := write("nothing.csv", head+"\n")
	if err := new(Run).read(filepath.Join(dir, "summary.json"), nothing); !errors.Is(err, errEmpty) {
		t.Errorf("a run without requests: %v", err)
	}
	bare := write("bare.json", `{"metrics": {"failed": {"values": {"rate": 0}, "thresholds": {"rate<0.01": {"ok": true}}}}}`)
	if err := new(Run).read(bare, samples); !errors.Is(err, errEmpty) {
		t.Errorf("a summary without least numbers: %v", err)
	}
}

func run1(p95 float64) *Run {
	return &Run{
		Scenario: "B", Title: "Gate <&>", Database: "sqlite", At: time.Unix(1_700_000_000, 0).UTC(), Orders: 10, Scale: 1, Seconds: 10, Requests: 100,
		Kinds: []Operation{{"gate", 100, 1, p95, 3, 4}}, Operations: []Operation{{"gate_entry", 100, 1, p95, 3, 4}},
		Thresholds: []Threshold{{"took{kind:gate}", "p(95)<300", p95, true, true}}, Series: []Moment{{1, 10, 1, p95}, {2, 10, 1, p95}},
		Usage: Usage{ServerCPU: 1, ServerMemory: 50, Samples: []Sample{{Server: 0.5, ServerMemory: 50}}},
	}
}

func TestTheReportComparesWithTheRunBefore(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	for _, r := range []*Run{run1(10), run1(15)} {
		if err := record(out, []*Run{r}); err != nil {
			t.Fatal(err)
		}
	}
	other := run1(20)
	other.Orders = 20 // nothing to compare with
	other.Database = "postgres"
	if err := record(out, []*Run{other}); err != nil {
		t.Fatal(err)
	}
	var p Page
	if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "runs.json"))), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Runs) != 2 || p.Runs[0].Database != "sqlite" || p.Runs[1].Before != nil {
		t.Fatalf("%+v", p)
	}
	if b := p.Runs[0].Before; b == nil || b.P95["gate"] != 10 || b.PerSecond != 10 || b.CPU != 10 || b.Memory != 50 {
		t.Errorf("before: %+v", b)
	}
	html := read(t, filepath.Join(out, "report.html"))
	for _, want := range []string{"gate 15 (× 1.50)", "Gate &lt;&amp;&gt;", "<svg", "took{kind:gate}", "nothing to compare with"} {
		if !strings.Contains(html, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, outside := range []string{"http://", "https://", "src=", "@import", "url("} {
		if strings.Contains(html, outside) {
			t.Errorf("the report needs something from outside: %q", outside)
		}
	}
}

func TestARunOfAnotherSizeIsNotCompared(t *testing.T) {
	t.Parallel()
	p := &Page{}
	p.put(run1(10))
	other := run1(20)
	other.Scale = 0.5
	p.put(other)
	if len(p.Runs) != 1 || p.Runs[0] != other || other.Before != nil {
		t.Errorf("%+v", p.Runs)
	}
}

func TestScenariosAreChosenByName(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{"A": "A A-rate", "A-rate": "A-rate", "D,B": "B D", "A,A-rate,B,C,D,E": "A A-rate B C D E"} {
		got, err := chosen(list)
		var names []string
		for _, s := range got {
			names = append(names, s.name)
		}
		if err != nil || strings.Join(names, " ") != want {
			t.Errorf("%s: %v, %v", list, names, err)
		}
	}
	if _, err := chosen("A,F"); !errors.Is(err, errUnknown) {
		t.Errorf("an unknown one: %v", err)
	}
}

// taken is the processor time of this process, as the kernel tells it.
func taken(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestTheWatcherSeesWhatAProcessTakes(t *testing.T) {
	t.Parallel()
	me := os.Getpid()
	before := cpu(me, false)
	for begin := taken(t); taken(t)-begin < 300*time.Millisecond; { //nolint:revive // burns CPU, however little a busy machine gives
	}
	if after := cpu(me, false); after-before < 0.2 {
		t.Errorf("%.2f s before, %.2f after", before, after)
	}
	if m := resident(me); m < 1 || m > 4096 {
		t.Errorf("%.1f MiB", m)
	}
	if m := shared(me); m < 1 || m > 4096 {
		t.Errorf("%.1f MiB shared", m)
	}
	if p, err := parent(me); err != nil || p != os.Getppid() {
		t.Errorf("parent %d, %v", p, err)
	}
	if all, mine := busy(), cpu(me, false); all < mine {
		t.Errorf("the machine was busy for %.1f s, and we for %.1f", all, mine)
	}
	w := watch(me, me, me)
	time.Sleep(1200 * time.Millisecond)
	if u := w.end(); len(u.Samples) != 1 || u.ServerMemory < 1 || u.DatabaseMemory < 1 {
		t.Errorf("%+v", u)
	}
}

func TestAxesEndAtRoundNumbers(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]float64{0: 1, 0.7: 0.8, 1: 1, 7: 8, 9: 10, 101: 200, 399: 400} {
		if got := nice(v); got < want*0.999 || got > want*1.001 {
			t.Errorf("%g: %g, want %g", v, got, want)
		}
	}
}
