package server_test

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
)

// TestTheDocumentOfTheJobsIsUpToDate: its table is what the program does, and what it
// says to ask can be asked, in its order.
func TestTheDocumentOfTheJobsIsUpToDate(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/FAZ5_BACKGROUND_JOBS.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(raw)
	a := api.New(t, aliatest.Open(t, "sqlite3"), func(c *config.Config) { c.RatesAfternoon = true })
	rows := 0
	for _, d := range a.Server.Jobs().Definitions() {
		row := fmt.Sprintf("\n| `%s` | `%s` | %s | %d × %g min |", d.Name, cmp.Or(d.Schedule, "on demand"), d.CatchUp, d.Attempts, d.Timeout.Minutes())
		if !strings.Contains(document, row) {
			t.Errorf("the document does not say %q", row)
		}
		if !regexp.MustCompile(`(?m)^### .*\b` + d.Name + `\b`).MatchString(document) {
			t.Errorf("the document tells nothing of %s", d.Name)
		}
		rows++
	}
	if named := len(regexp.MustCompile("(?m)^\\| `[a-z_]+` \\| `[^`]+` \\| (LATEST|EACH|SKIP) ").FindAllString(document, -1)); named != rows {
		t.Errorf("the document names %d jobs, there are %d", named, rows)
	}
	questions := regexp.MustCompile("(?s)```graphql\n(.*?)```").FindAllStringSubmatch(document, -1)
	if len(questions) < 7 {
		t.Fatalf("%d questions", len(questions))
	}
	run := struct {
		JobRuns struct{ Nodes []struct{ ID string } }
	}{}
	for _, q := range questions {
		variables := map[string]any{}
		if strings.Contains(q[1], "$id") {
			a.Get(t, api.Admin, `query Newest { jobRuns(first: 1) { nodes { id } } }`, nil, &run)
			variables["id"] = run.JobRuns.Nodes[0].ID
		}
		answer := a.Do(t, api.Admin, q[1], variables)
		a.Clock.Move(time.Second)
		if len(answer.Errors) > 0 || strings.Contains(string(answer.Body), `"code"`) {
			t.Errorf("%s: %s", q[1], answer.Body)
		}
	}
}
