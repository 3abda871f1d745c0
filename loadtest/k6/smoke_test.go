//go:build long

package main

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Every scenario for a few seconds on SQLite. Times are not judged: the detector of
// races and other tests run beside.
func TestEveryScenarioPlays(t *testing.T) {
	t.Chdir("../..")
	if out, err := exec.CommandContext(t.Context(), "make", "k6").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	built, err := filepath.Glob("bin/k6-*")
	if err != nil || len(built) == 0 {
		t.Fatalf("%v, %v", built, err)
	}
	out := t.TempDir()
	err = run(t.Context(), options{
		k6: built[len(built)-1], databases: "sqlite", scenarios: "A,B,C,D,E", orders: 2000, events: 5000, scale: 0.05, out: out,
	})
	if err != nil && !errors.Is(err, errMissed) {
		t.Fatal(err)
	}
	var p Page
	if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "runs.json"))), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Runs) != len(scenarios) {
		t.Errorf("%d of %d scenarios", len(p.Runs), len(scenarios))
	}
	for _, r := range p.Runs {
		for _, h := range r.Thresholds {
			if !h.OK && !strings.HasPrefix(h.Metric, "took{") {
				t.Errorf("%s: %s %s, was %s; errors %v", r.Scenario, h.Metric, h.Rule, h.Was(), r.Errors)
			}
		}
	}
}
