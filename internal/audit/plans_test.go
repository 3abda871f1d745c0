package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/aliatest"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/migrate"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// rowsOfList are what PostgreSQL may read for a page, of all 60,000. Of what is
// frequent in a month it takes the rows out of the index by time, which lie together
// on disk, and a few hundred it may sort: it knows the frequencies month by month.
const (
	planned     = 60_000
	pageRead    = 51
	rowsOfList  = 2_500
	rowsOfCount = 3 * audit.MaxCount
)

// TestEverySearchWalksAnIndex asks the planners how each search that is offered is
// read: the first page, one in the middle, one backward, with one value and with
// several, and how it is counted. Nothing may be sorted but what the ranges of
// several values hand over, no more than a page each.
func TestEverySearchWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		if db.Dialect() == dialect.Postgres { // three months and the default partition
			if _, err := migrate.EnsureAuditPartitions(t.Context(), db.Writer(), firstDay, 2); err != nil {
				t.Fatal(err)
			}
		}
		all := made(t, db, planned)
		for _, s := range []string{"VACUUM", "ANALYZE"} {
			if _, err := db.Writer().ExecContext(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		rec := aliatest.Record(db)
		s, ctx := trail(db), administrator(t)
		s.DB = &store.DB{Client: ent.NewClient(ent.Driver(rec))}
		from, to := firstDay.AddDate(0, 0, 10), firstDay.AddDate(0, 0, 80)
		common := all[len(all)/2]
		variants := map[string][]func(*audit.Filter){
			"users":      {func(f *audit.Filter) { f.Users = []*globalid.ID{user(1)} }, func(f *audit.Filter) { f.Users = []*globalid.ID{user(1), user(2), user(11)} }},
			"actions":    {func(f *audit.Filter) { f.Actions = []string{"update"} }, func(f *audit.Filter) { f.Actions = []string{"delete", "login", "update"} }},
			"resource":   {func(f *audit.Filter) { f.Resource = new("work_order") }, func(f *audit.Filter) { f.Resource = new("auth") }},
			"entityId":   {func(f *audit.Filter) { f.EntityID = &globalid.ID{Type: "WorkOrder", Key: 7} }},
			"outcomes":   {func(f *audit.Filter) { f.Outcomes = []auditevent.Outcome{audit.Denied} }, func(f *audit.Filter) { f.Outcomes = []auditevent.Outcome{audit.Denied, audit.Failed} }},
			"path":       {func(f *audit.Filter) { f.Path = new("/graphql#UpdateWorkOrder") }, func(f *audit.Filter) { f.Path = new("/graphql#Login") }},
			"pathPrefix": {func(f *audit.Filter) { f.PathPrefix = new("/graphql#Update") }, func(f *audit.Filter) { f.PathPrefix = new("/graphql#L") }},
			"requestId":  {func(f *audit.Filter) { f.RequestID = &common.RequestID }},
			"ip":         {func(f *audit.Filter) { f.IP = new("10.0.0.1") }, func(f *audit.Filter) { f.IP = new("10.0.0.3") }},
		}
		asked := 0
		for name := range served {
			filters := map[string]audit.Filter{name: {}}
			for field := range strings.FieldsSeq(name) {
				next := map[string]audit.Filter{}
				for given, f := range filters {
					for i, set := range variants[field] {
						if field == "resource" && strings.Contains(name, "entityId") && i > 0 {
							continue
						}
						set(&f)
						next[fmt.Sprintf("%s/%d", given, i)] = f
					}
				}
				filters = next
			}
			for given, f := range filters {
				for _, ranged := range []bool{false, true} {
					if f.CreatedAt = nil; ranged {
						f.CreatedAt = &page.Range{From: &from, To: &to}
					}
					asked++
					judge(ctx, t, db, rec, s, fmt.Sprintf("%s ranged %t", given, ranged), f)
				}
			}
		}
		if asked < 60 {
			t.Errorf("only %d searches", asked)
		}
	})
}

// judge looks at all statements of one search.
func judge(ctx context.Context, t *testing.T, db *store.DB, rec *aliatest.Recorder, s *audit.Trail, name string, f audit.Filter) {
	t.Helper()
	read := func(what string, a page.Args) *page.List[*ent.AuditEvent] {
		rec.Sent = nil
		l, err := s.List(ctx, f, a)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, sent := range rec.Sent {
			planOf(t, db, name+", "+what, sent, rowsOfList)
		}
		return l
	}
	first := read("first page", page.Args{First: new(pageRead - 1)})
	if end := first.Info.EndCursor; end != nil {
		read("next page", page.Args{First: new(pageRead - 1), After: end})
		read("page before", page.Args{Last: new(pageRead - 1), Before: end})
	}
	rec.Sent = nil
	if _, err := first.Count(ctx); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	planOf(t, db, name+", counted", rec.Last(), rowsOfCount)
}

// scanned is the table itself: within a union, and where it is counted, it is e, and
// the name of the table is that of what was read.
var scanned = regexp.MustCompile(`^SCAN (audit_events|e)\b`)

// planOf complains of a plan that reads more rows than the page takes out of each range.
func planOf(t *testing.T, db *store.DB, name string, s aliatest.Statement, rows int) {
	t.Helper()
	if db.Dialect() == dialect.SQLite {
		for _, row := range aliatest.Rows(t, db.Reader(), "EXPLAIN QUERY PLAN "+s.Text, s.Args...) {
			what := row[3]
			whole := strings.HasPrefix(what, "SCAN audit_events") && strings.Contains(s.Text, "UNION ALL")
			if scanned.MatchString(what) && !whole && !strings.Contains(what, "audit_events_created_at") {
				t.Errorf("%s: %s\n%s", name, what, s.Text)
			}
			// The outermost sort is that of the pages of several values.
			if strings.HasPrefix(what, "USE TEMP B-TREE") && !strings.Contains(s.Text, "UNION ALL") {
				t.Errorf("%s: %s\n%s", name, what, s.Text)
			}
		}
		return
	}
	args := make([]any, len(s.Args))
	for i, a := range s.Args {
		switch a := a.(type) {
		case []int64:
			args[i] = pq.Array(a)
		case []string:
			args[i] = pq.Array(a)
		default:
			args[i] = a
		}
	}
	var plan []struct{ Plan node }
	text := strings.Join(flat(aliatest.Rows(t, db.Reader(), "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+s.Text, args...)), "")
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		t.Fatal(err)
	}
	if read := plan[0].Plan.read(); read > float64(rows) {
		t.Errorf("%s: reads %v rows\n%s\n%s", name, read, s.Text, text)
	}
}

func flat(rows [][]string) (all []string) {
	for _, r := range rows {
		all = append(all, strings.Join(r, ""))
	}
	return all
}

// node is a step of a plan of PostgreSQL. Its rows are those of one of its loops.
type node struct {
	Type    string  `json:"Node Type"`
	Removed float64 `json:"Rows Removed by Filter"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Plans   []node
}

// read is how many rows are read out of tables.
func (n node) read() (rows float64) {
	if strings.HasSuffix(n.Type, "Scan") && n.Type != "Function Scan" && n.Type != "CTE Scan" && n.Type != "Subquery Scan" && n.Type != "WorkTable Scan" {
		rows = (n.Rows + n.Removed) * max(n.Loops, 1)
	}
	for _, p := range n.Plans {
		rows += p.read()
	}
	return rows
}
