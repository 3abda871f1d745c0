package workorder_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"aliaport/ent"
	entcari "aliaport/ent/cari"
	entservice "aliaport/ent/service"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workordercount"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/service"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

// pageSize is that of the lists, of which one row more is read.
const (
	pageSize = 50
	pageRead = pageSize + 1
)

// seeded is how many records of each kind are made; then they are copied.
const (
	seeded = 1000
	others = 10 * seeded // customers, services
	orders = 20 * seeded
)

var now = time.Date(2026, 9, 15, 11, 40, 0, 0, time.UTC)

// port is a database with 20,000 work orders, 10,000 customers and as many services.
func port(t *testing.T, db *store.DB) {
	t.Helper()
	users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
	if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: seeded, Cari: seeded, Services: seeded, Seed: 1, Now: now}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []struct {
		name, unique string
		columns      []string
		rows         int
	}{
		{entcari.Table, entcari.FieldCariCode, entcari.Columns, others},
		{entservice.Table, entservice.FieldCode, entservice.Columns, others},
		{entworkorder.Table, entworkorder.FieldWoNumber, entworkorder.Columns, orders},
	} {
		columns := slices.DeleteFunc(slices.Clone(table.columns), func(c string) bool { return c == "id" || c == table.unique })
		list := strings.Join(columns, ", ")
		for i := 1; i < table.rows/seeded; i++ {
			_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf("INSERT INTO %[1]s (%[2]s, %[3]s) SELECT %[2]s || '/%[4]d', %[3]s FROM %[1]s WHERE id <= %[5]d",
				table.name, table.unique, list, i, seeded))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	settle(t, db)
}

// settle brings the planner up to date, and on PostgreSQL the visibility map too:
// without it an index alone answers nothing.
func settle(t *testing.T, db *store.DB) {
	t.Helper()
	run := func(statement string) {
		if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("ANALYZE")
	if db.Dialect() == dialect.SQLite {
		return
	}
	for range 100 { // somebody who is just connecting keeps VACUUM from marking the newest rows
		run("VACUUM cari, services, work_orders, work_order_items")
		if aliatest.Rows(t, db.Reader(), `SELECT bool_and(relallvisible = relpages) FROM pg_class
			WHERE oid IN ('cari'::regclass, 'services'::regclass, 'work_orders'::regclass)`)[0][0] == "true" {
			return
		}
	}
	t.Fatal("VACUUM does not finish its work")
}

// question is a list with a filter and an order that the API answers.
type question struct {
	name   string
	search bool
	ranges int  // of an index that make up the answer
	few    int  // rows to which the filter narrows the list; PostgreSQL may sort as many
	counts bool // the list is counted too; its direction does not matter then
	ask    func(context.Context, page.Args) (*answer, error)
}

// answer is a page of any list.
type answer struct {
	info  page.Info
	count func(context.Context) (int, error)
}

func answered[T any](l *page.List[T], err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	return &answer{l.Info, l.Count}, nil
}

// asked collects the questions that are not refused as FILTER_NOT_INDEXED.
func asked(ctx context.Context, t *testing.T, qs []question) (offered []question) {
	t.Helper()
	for _, q := range qs {
		switch _, err := q.ask(ctx, page.Args{First: new(1)}); {
		case err == nil:
			offered = append(offered, q)
		case !apperr.Is(err, apperr.FilterNotIndexed):
			t.Fatalf("%s: %v", q.name, err)
		}
	}
	return offered
}

// choice is a way to set one field of a filter.
type choice[F any] struct {
	name string
	set  func(*F)
}

// filters gives every combination of at most one choice a field.
func filters[F any](fields ...[]choice[F]) map[string]F {
	all := map[string]F{"": *new(F)}
	for _, choices := range fields {
		for name, f := range maps.Clone(all) {
			for _, c := range choices {
				with := f
				c.set(&with)
				all[name+" "+c.name] = with
			}
		}
	}
	return all
}

var directions = []page.Direction{page.Asc, page.Desc}

func workOrderQuestions(t *testing.T, db *store.DB, s *workorder.Service) (qs []question) {
	t.Helper()
	customers := aliatest.Rows(t, db.Reader(), "SELECT cari_code, cari_id, count(*) FROM work_orders GROUP BY cari_code, cari_id ORDER BY 3 DESC, 1")
	overdue := aliatest.Rows(t, db.Reader(), "SELECT count(*) FROM work_orders WHERE is_active AND status IN ('SUBMITTED', 'APPROVED', 'IN_PROGRESS') AND planned_end < '2026-09-15 11:40:00+00:00'")
	from := now.AddDate(0, -1, 0)
	type F = workorder.Filter
	for _, v := range []struct {
		kind     string
		status   entworkorder.Status
		typ      entworkorder.Type
		priority entworkorder.Priority
		customer []string
		search   string
	}{
		{"common", entworkorder.StatusClosed, entworkorder.TypeService, entworkorder.PriorityMedium, customers[0], "vin"},
		{"rare", entworkorder.StatusRejected, entworkorder.TypeOther, entworkorder.PriorityUrgent, customers[len(customers)-1], "00042"},
	} {
		id := globalid.ID{Type: "Cari", Key: int64(number(t, v.customer[1]))}
		for name, f := range filters(
			[]choice[F]{
				{"status", func(f *F) { f.Status = []entworkorder.Status{v.status} }},
				{"statuses", func(f *F) { f.Status = []entworkorder.Status{"CLOSED", "DRAFT", "SUBMITTED", "APPROVED"} }},
			},
			[]choice[F]{{"cari", func(f *F) { f.CariCode = &v.customer[0] }}, {"cariId", func(f *F) { f.Cari = &id }}},
			[]choice[F]{{"type", func(f *F) { f.Type = &v.typ }}},
			[]choice[F]{{"priority", func(f *F) { f.Priority = &v.priority }}},
			[]choice[F]{{"createdAt", func(f *F) { f.CreatedAt = &page.Range{From: &from, To: &now} }}},
			[]choice[F]{{"plannedStart", func(f *F) { f.PlannedStart = &page.Range{From: &from} }}},
			[]choice[F]{{"overdue", func(f *F) { f.Overdue = new(true) }}},
			[]choice[F]{{"search", func(f *F) { f.Search = &v.search }}},
		) {
			q := question{search: f.Search != nil, ranges: 1}
			switch {
			case q.search:
			case len(f.Status) > 0:
				q.ranges = len(f.Status)
			case f.Type != nil || f.Priority != nil:
				q.ranges = 9 // every status
			}
			if f.Cari != nil || f.CariCode != nil {
				q.few = number(t, v.customer[2])
			}
			field := workorder.ByCreatedAt
			switch {
			case f.Overdue != nil:
				field, q.few = workorder.ByPlannedEnd, number(t, overdue[0][0])
			case f.PlannedStart != nil:
				field = workorder.ByPlannedStart
			}
			for _, d := range directions {
				q.counts = d == page.Desc
				if q.search && !q.counts {
					continue // there are many, and they are not read in order anyway
				}
				q.name = fmt.Sprintf("workOrders,%s of %s values, %s", name, v.kind, d)
				q.ask = func(ctx context.Context, a page.Args) (*answer, error) {
					return answered(s.List(ctx, f, &workorder.Order{Field: field, Direction: d}, a))
				}
				qs = append(qs, q)
			}
		}
	}
	return qs
}

func number(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func cariQuestions(s *cari.Service) (qs []question) {
	type F = cari.Filter
	for name, f := range filters(
		[]choice[F]{{"active", func(f *F) { f.IsActive = new(true) }}, {"inactive", func(f *F) { f.IsActive = new(false) }}},
		[]choice[F]{{"search", func(f *F) { f.Search = new("deniz") }}},
	) {
		for _, field := range []cari.OrderField{cari.ByTitle, cari.ByCode, cari.ByCreatedAt} {
			for _, d := range directions {
				qs = append(qs, question{
					name: fmt.Sprintf("cariAccounts,%s by %s %s", name, field, d), search: f.Search != nil, ranges: 1, counts: d == page.Desc,
					ask: func(ctx context.Context, a page.Args) (*answer, error) {
						return answered(s.List(ctx, f, &cari.Order{Field: field, Direction: d}, a))
					},
				})
			}
		}
	}
	return qs
}

func serviceQuestions(t *testing.T, db *store.DB, s *service.Service) (qs []question) {
	t.Helper()
	groups := aliatest.Rows(t, db.Reader(), "SELECT group_code, count(*) FROM services WHERE group_code IS NOT NULL GROUP BY group_code ORDER BY 2 DESC, 1")
	type F = service.Filter
	for name, f := range filters(
		[]choice[F]{{"active", func(f *F) { f.IsActive = new(true) }}, {"inactive", func(f *F) { f.IsActive = new(false) }}},
		[]choice[F]{
			{"largest group", func(f *F) { f.GroupCode = &groups[0][0] }},
			{"smallest group", func(f *F) { f.GroupCode = &groups[len(groups)-1][0] }},
		},
		[]choice[F]{{"search", func(f *F) { f.Search = new("vin") }}},
	) {
		for _, field := range []service.OrderField{service.ByName, service.ByCode} {
			for _, d := range directions {
				qs = append(qs, question{
					name: fmt.Sprintf("services,%s by %s %s", name, field, d), search: f.Search != nil, ranges: 1, counts: d == page.Desc,
					ask: func(ctx context.Context, a page.Args) (*answer, error) {
						return answered(s.List(ctx, f, &service.Order{Field: field, Direction: d}, a))
					},
				})
			}
		}
	}
	return qs
}

// TestEveryListWalksAnIndex asks the planner how each list that the API offers is
// read: the first page, the next one and one backward.
func TestEveryListWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		port(t, db)
		rec := aliatest.Record(db)
		over := &store.DB{Client: ent.NewClient(ent.Driver(rec))}
		pages, limits := page.NewCodec([]byte("key")), page.Limits{Default: 20, Max: pageSize}
		ctx := actor.With(t.Context(), actor.System("test"))
		qs := slices.Concat(
			workOrderQuestions(t, db, &workorder.Service{DB: over, Now: func() time.Time { return now }, Pages: pages, PageLimits: limits}),
			cariQuestions(&cari.Service{DB: over, Pages: pages, PageLimits: limits}),
			serviceQuestions(t, db, &service.Service{DB: over, Pages: pages, PageLimits: limits}),
		)
		qs = asked(ctx, t, qs)
		if len(qs) < 200 {
			t.Fatalf("only %d questions are answered", len(qs))
		}
		var check planner = onSQLite{db}
		if db.Dialect() == dialect.Postgres {
			conn, err := db.Writer().Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			check = onPostgres{conn, map[string]bool{}}
		}
		stats := &store.Stats{Record: true}
		served := &workorder.Service{DB: db, Now: func() time.Time { return now }, Pages: pages, PageLimits: limits}
		if _, err := served.List(store.WithStats(ctx, stats), workorder.Filter{}, nil, page.Args{}); err != nil {
			t.Fatal(err)
		}
		statementsOf := func(do func() error) []aliatest.Statement {
			rec.Sent = nil
			if err := do(); err != nil {
				t.Fatal(err)
			}
			return rec.Sent
		}
		sent := statementsOf(func() error {
			listed := *served
			listed.DB = over
			_, err := listed.List(ctx, workorder.Filter{}, nil, page.Args{})
			return err
		})
		if got := stats.Statements(); len(got) != 1 || got[0].Text != sent[0].Text {
			t.Fatalf("a server sends %v, not %v", got, sent)
		}
		for _, q := range qs {
			var first *answer
			read := func(args page.Args) {
				sent = statementsOf(func() (err error) {
					first, err = q.ask(ctx, args)
					return err
				})
				if len(sent) != 1 {
					t.Errorf("%s: %d statements", q.name, len(sent))
				}
				check.list(t, q, sent[0])
			}
			read(page.Args{First: new(pageSize)})
			if end := first.info.EndCursor; end != nil && !q.search {
				read(page.Args{First: new(pageSize), After: end})
				read(page.Args{Last: new(pageSize), Before: end})
			}
			if !q.counts {
				continue
			}
			total := 0
			sent = statementsOf(func() (err error) {
				total, err = first.count(ctx)
				return err
			})
			check.count(t, q, sent[0], total)
		}
	})
}

var (
	bigScan = regexp.MustCompile(`^SCAN (work_orders|cari|services)\b`)
	indexed = regexp.MustCompile(`^(SCAN|SEARCH) \w+ USING (COVERING )?INDEX \w+`)
)

// planner asks a database how it reads a page or counts a list.
type planner interface {
	list(t *testing.T, q question, s aliatest.Statement)
	count(t *testing.T, q question, s aliatest.Statement, counted int)
}

type onSQLite struct{ db *store.DB }

// explain tells what is done, each with the step that it is a part of, and
// complains of tables that are walked without an index.
func (p onSQLite) explain(t *testing.T, q question, s aliatest.Statement) (steps [][2]string) {
	t.Helper()
	for _, row := range aliatest.Rows(t, p.db.Reader(), "EXPLAIN QUERY PLAN "+s.Text, s.Args...) {
		parent, what := row[1], row[3]
		if bigScan.MatchString(what) && !indexed.MatchString(what) {
			t.Errorf("%s: %s", q.name, what)
		}
		steps = append(steps, [2]string{parent, what})
	}
	return steps
}

func (p onSQLite) list(t *testing.T, q question, s aliatest.Statement) {
	t.Helper()
	sorts, parts := 0, 0
	steps := p.explain(t, q, s)
	for _, step := range steps {
		switch parent, what := step[0], step[1]; {
		case strings.HasPrefix(what, "USE TEMP B-TREE"):
			sorts++
			if parent != "0" {
				t.Errorf("%s: within a part of the union: %s", q.name, what)
			}
		case strings.HasPrefix(what, "CO-ROUTINE"):
			parts++
		}
	}
	if q.search {
		return // row by row: docs/decisions/0003-search-on-sqlite.md
	}
	if q.ranges == 1 {
		if sorts > 0 || parts > 0 {
			t.Errorf("%s: sorts: %v", q.name, steps)
		}
		return
	}
	// What is sorted are the rows of all parts, each of which ends after a page.
	limits := strings.Count(s.Text, fmt.Sprintf("LIMIT %d", pageRead))
	if parts != q.ranges || limits != q.ranges+1 || sorts > 1 || steps[0][1] != "SEARCH work_orders USING INTEGER PRIMARY KEY (rowid=?)" {
		t.Errorf("%s: %d parts instead of %d, %d limits, %d sorts: %v", q.name, parts, q.ranges, limits, sorts, steps)
	}
}

func (p onSQLite) count(t *testing.T, q question, s aliatest.Statement, _ int) {
	t.Helper()
	if !q.search {
		p.explain(t, q, s)
	}
}

// node is a node of PostgreSQL's plan, with what happened when it was run.
type node struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Plans   []node
}

func (n node) each(f func(node)) {
	f(n)
	for _, p := range n.Plans {
		p.each(f)
	}
}

// onPostgres explains on one connection. A generic plan is made without a look at
// the arguments, so it is asked for once.
type onPostgres struct {
	conn    *sql.Conn
	generic map[string]bool // texts of statements
}

// explain runs a statement under a generic plan and under one made for its
// arguments: the server changes from the latter to the former when it thinks that
// this does no harm.
func (p onPostgres) explain(t *testing.T, s aliatest.Statement, f func(mode string, n node)) {
	t.Helper()
	args := make([]string, len(s.Args))
	for i, a := range s.Args {
		args[i] = literal(t, a)
	}
	execute := "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked"
	if len(args) > 0 {
		execute += "(" + strings.Join(args, ", ") + ")"
	}
	run := func(query string) {
		if _, err := p.conn.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run("PREPARE asked AS " + s.Text)
	modes := []string{"force_custom_plan", "force_generic_plan"}
	if p.generic[s.Text] {
		modes = modes[:1]
	}
	p.generic[s.Text] = true
	for _, mode := range modes {
		run("SET plan_cache_mode = " + mode)
		var doc []byte
		if err := p.conn.QueryRowContext(t.Context(), execute).Scan(&doc); err != nil {
			t.Fatalf("%s: %v", execute, err)
		}
		var explained []struct{ Plan node }
		if err := json.Unmarshal(doc, &explained); err != nil {
			t.Fatal(err)
		}
		explained[0].Plan.each(func(n node) { f(mode, n) })
	}
	run("DEALLOCATE asked")
}

// literal writes an argument into a statement.
func literal(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case time.Time:
		return pq.QuoteLiteral(v.Format(time.RFC3339Nano))
	case bool, int, int64:
		return fmt.Sprint(v)
	case string, entworkorder.Status, entworkorder.Type, entworkorder.Priority, workordercount.Status:
		return pq.QuoteLiteral(fmt.Sprint(v))
	}
	t.Fatalf("no literal for a %T", v)
	return ""
}

func (p onPostgres) list(t *testing.T, q question, s aliatest.Statement) {
	t.Helper()
	p.explain(t, s, func(mode string, n node) {
		if n.Type == "Seq Scan" {
			t.Errorf("%s, %s: scans %s", q.name, mode, n.Table)
		}
		if q.search {
			return // what was found is sorted, or the list is walked until a page is found
		}
		// Where PostgreSQL expects less than a page it sorts it all. An incremental
		// sort reads some rows ahead.
		if most := max(q.ranges*pageRead, q.few) + 64; strings.HasSuffix(n.Type, "Sort") && n.Plans[0].Rows > float64(most) {
			t.Errorf("%s, %s: sorts %v rows, want at most %d", q.name, mode, n.Plans[0].Rows, most)
		}
		// A status that most orders have is also found by walking all orders.
		if vain := n.Removed * n.Loops; vain > orders/10 {
			t.Errorf("%s, %s: looks at %v rows in vain", q.name, mode, vain)
		}
	})
}

// count may read a whole table only to count a good part of it.
func (p onPostgres) count(t *testing.T, q question, s aliatest.Statement, counted int) {
	t.Helper()
	p.explain(t, s, func(mode string, n node) {
		if n.Type == "Seq Scan" && mode == "force_custom_plan" && n.Removed > 9*float64(counted) {
			t.Errorf("%s: scans %s to count %d rows", q.name, n.Table, counted)
		}
	})
}
