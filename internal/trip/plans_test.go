package trip_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"aliaport/ent"
	entmotorbot "aliaport/ent/motorbot"
	enttrip "aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/globalid"
	"aliaport/internal/motorbot"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/trip"
)

// pageSize is that of the lists, of which one row more is read.
const (
	pageSize = 50
	pageRead = pageSize + 1
)

// question is something that the API asks of boats and trips.
type question struct {
	name   string
	ranges int // of an index that make up the answer; 0: it is not in an order, or found by a search
	few    int // rows to which the filter narrows the list; PostgreSQL may sort as many
	ask    func(page.Args) (end *string, count func(context.Context) (int, error), err error)
}

// TestEverythingAskedOfTripsWalksAnIndex asks the planner how each list is read (the
// first page, the next one, one backward) and counted, and how boats are counted for.
func TestEverythingAskedOfTripsWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		seeded(t, db, seed.Options{Cari: 300, Motorbots: 2000, Trips: 20_000})
		settle(t, db)
		rec := aliatest.Record(db)
		over := &store.DB{Client: ent.NewClient(ent.Driver(rec))}
		ctx := actor.With(t.Context(), actor.System("test"))
		var explain planner = onSQLite{db}
		if db.Dialect() == dialect.Postgres {
			conn, err := db.Writer().Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			explain = onPostgres{conn}
		}
		send := func(do func() error) aliatest.Statement {
			t.Helper()
			rec.Sent = nil
			if err := do(); err != nil {
				t.Fatal(err)
			}
			return rec.Last() // the list of what is late looks for a parameter first
		}
		asked := 0
		for _, q := range slices.Concat(tripQuestions(ctx, t, db, over), boatQuestions(ctx, over)) {
			asked++
			var end *string
			var count func(context.Context) (int, error)
			read := func(a page.Args) {
				explain.check(t, q, send(func() (err error) {
					end, count, err = q.ask(a)
					return err
				}))
			}
			read(page.Args{First: new(pageSize)})
			if last := end; last != nil && q.ranges > 0 {
				read(page.Args{First: new(pageSize), After: last})
				read(page.Args{Last: new(pageSize), Before: last})
			}
			if strings.HasPrefix(q.name, "trips") {
				counted := q
				counted.ranges = 0
				explain.check(t, counted, send(func() error { _, err := count(ctx); return err }))
			}
		}
		if asked < 40 {
			t.Errorf("only %d lists", asked)
		}
		boats := db.Motorbot.Query().Limit(pageSize).IDsX(ctx)
		one := question{name: "counts of a page of boats"}
		explain.check(t, one, send(func() error { _, err := trip.ActiveCounts(ctx, over.Client, boats); return err }))
		one.name = "last trips of a page of boats"
		explain.check(t, one, send(func() error { _, err := trip.LastTrips(ctx, over.Client, boats); return err }))
	})
}

// settle brings the planner up to date, and on PostgreSQL the visibility map too:
// without it an index alone answers nothing.
func settle(t testing.TB, db *store.DB) {
	t.Helper()
	if db.Dialect() == dialect.SQLite {
		return // the seed has done it
	}
	for range 100 { // somebody who is just connecting keeps VACUUM from marking the newest rows
		if _, err := db.Writer().ExecContext(t.Context(), "VACUUM ANALYZE motorbot, trips"); err != nil {
			t.Fatal(err)
		}
		if aliatest.Rows(t, db.Reader(), `SELECT bool_and(relallvisible = relpages) FROM pg_class WHERE oid IN ('motorbot'::regclass, 'trips'::regclass)`)[0][0] == "true" {
			return
		}
	}
	t.Fatal("VACUUM does not finish its work")
}

var directions = []page.Direction{page.Asc, page.Desc}

func tripQuestions(ctx context.Context, t *testing.T, db, over *store.DB) (qs []question) {
	t.Helper()
	s := &trip.Service{DB: over, Now: func() time.Time { return ends }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: pageSize}}
	largest := func(column string) *ent.Trip {
		row := aliatest.Rows(t, db.Reader(), "SELECT max(id), count(*) FROM trips WHERE is_active AND "+column+" IS NOT NULL GROUP BY "+column+" ORDER BY 2 DESC LIMIT 1")[0]
		return db.Trip.GetX(ctx, int64(number(t, row[0])))
	}
	boat, customer := largest("motorbot_id"), largest("cari_id")
	ofCustomer := db.Trip.Query().Where(enttrip.CariID(*customer.CariID)).CountX(ctx)
	ofBoat := db.Trip.Query().Where(enttrip.MotorbotID(boat.MotorbotID)).CountX(ctx)
	mbCode := db.Motorbot.GetX(ctx, boat.MotorbotID).MBCode
	combinations(choices(boat, customer, mbCode), func(name string, fields map[string]bool, f trip.Filter) {
		if !offered(fields) {
			return
		}
		q := question{ranges: 1}
		switch {
		case fields["late"]:
			q.ranges = 2
		case fields["boat"]:
			q.few = ofBoat
		case fields["cari"]:
			q.few = ofCustomer
		case len(f.Status) > 0:
			q.ranges = len(slices.Compact(slices.Sorted(slices.Values(f.Status))))
		}
		for _, d := range directions {
			q.name = fmt.Sprintf("trips: %s %s", name, d)
			q.ask = func(a page.Args) (*string, func(context.Context) (int, error), error) {
				list, err := s.List(ctx, f, &trip.Order{Field: trip.ByStart, Direction: d}, a)
				if err != nil {
					return nil, nil, err
				}
				return list.Info.EndCursor, list.Count, nil
			}
			qs = append(qs, q)
		}
	})
	return qs
}

func boatQuestions(ctx context.Context, over *store.DB) (qs []question) {
	s := &motorbot.Service{DB: over, Now: func() time.Time { return ends }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: pageSize}}
	for _, c := range []struct {
		name   string
		filter motorbot.Filter
		order  motorbot.OrderField
		ranges int
	}{
		{"all by name", motorbot.Filter{}, motorbot.ByName, 1},
		{"all by code", motorbot.Filter{}, motorbot.ByCode, 1},
		{"one state", motorbot.Filter{Status: []entmotorbot.Status{"MAINTENANCE"}}, motorbot.ByName, 1},
		{"two states", motorbot.Filter{Status: []entmotorbot.Status{"ACTIVE", "OUT_OF_SERVICE"}}, motorbot.ByName, 2},
		{"of an owner", motorbot.Filter{Owner: &globalid.ID{Type: "Cari", Key: 1}}, motorbot.ByName, 1},
	} {
		for _, d := range directions {
			qs = append(qs, question{name: fmt.Sprintf("boats: %s %s", c.name, d), ranges: c.ranges, ask: func(a page.Args) (*string, func(context.Context) (int, error), error) {
				list, err := s.List(ctx, c.filter, &motorbot.Order{Field: c.order, Direction: d}, a)
				if err != nil {
					return nil, nil, err
				}
				return list.Info.EndCursor, list.Count, nil
			}})
		}
	}
	return qs
}

func number(t testing.TB, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// planner asks a database how it reads something and complains of what is not to be.
type planner interface {
	check(t *testing.T, q question, s aliatest.Statement)
}

type onSQLite struct{ db *store.DB }

var indexed = regexp.MustCompile(`^(SCAN|SEARCH) \w+ USING (COVERING INDEX|INDEX|INTEGER PRIMARY KEY)`)

func (p onSQLite) check(t *testing.T, q question, s aliatest.Statement) {
	t.Helper()
	sorts := 0
	for _, row := range aliatest.Rows(t, p.db.Reader(), "EXPLAIN QUERY PLAN "+s.Text, s.Args...) {
		parent, what := row[1], row[3]
		switch {
		case strings.HasPrefix(what, "USE TEMP B-TREE"):
			sorts++
			if parent != "0" || q.ranges == 1 {
				t.Errorf("%s: %s", q.name, what)
			}
		case strings.HasPrefix(what, "SCAN json_each"), strings.HasPrefix(what, "SCAN part"), strings.HasPrefix(what, "SCAN (subquery"):
		case (strings.HasPrefix(what, "SCAN") || strings.HasPrefix(what, "SEARCH")) && !indexed.MatchString(what) && !strings.HasSuffix(what, "(rowid=?)"):
			t.Errorf("%s: %s", q.name, what)
		}
	}
	if limits := strings.Count(s.Text, fmt.Sprintf("LIMIT %d", pageRead)); q.ranges > 1 && (limits != q.ranges+1 || sorts > 1) {
		t.Errorf("%s: %d limits, %d sorts", q.name, limits, sorts)
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

// onPostgres explains on one connection, under a plan made for the arguments and one
// made without a look at them: the server changes to the latter when it thinks that
// this does no harm.
type onPostgres struct{ conn *sql.Conn }

func (p onPostgres) check(t *testing.T, q question, s aliatest.Statement) {
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
			t.Fatalf("%s: %s: %v", q.name, query, err)
		}
	}
	run("PREPARE asked AS " + s.Text)
	defer run("DEALLOCATE asked")
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		run("SET plan_cache_mode = " + mode)
		var doc []byte
		if err := p.conn.QueryRowContext(t.Context(), execute).Scan(&doc); err != nil {
			t.Fatalf("%s: %v", execute, err)
		}
		var explained []struct{ Plan node }
		if err := json.Unmarshal(doc, &explained); err != nil {
			t.Fatal(err)
		}
		explained[0].Plan.each(func(n node) { q.judge(t, mode, n) })
	}
}

func (q question) judge(t *testing.T, mode string, n node) {
	t.Helper()
	// To count what most rows are, the whole table may be read.
	if n.Table == "motorbot" && q.ranges > 1 {
		return // to look for the ids of a union, all 2,000 boats are as soon read
	}
	if n.Type == "Seq Scan" && (n.Table == "trips" || n.Table == "motorbot") && (q.ranges > 0 || n.Removed > 9*n.Rows && mode == "force_custom_plan") {
		t.Errorf("%s, %s: scans %s", q.name, mode, n.Table)
	}
	if q.ranges == 0 {
		return
	}
	// Where PostgreSQL expects less than a page it sorts it all. An incremental sort
	// reads some rows ahead.
	if most := max(q.ranges*pageRead, q.few) + 64; strings.HasSuffix(n.Type, "Sort") && n.Plans[0].Rows > float64(most) {
		t.Errorf("%s, %s: sorts %v rows, want at most %d", q.name, mode, n.Plans[0].Rows, most)
	}
	if vain := n.Removed * n.Loops; vain > 1000 {
		t.Errorf("%s, %s: looks at %v rows in vain", q.name, mode, vain)
	}
}

// literal writes an argument into a statement.
func literal(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case time.Time:
		return pq.QuoteLiteral(v.Format(time.RFC3339Nano))
	case bool, int, int64:
		return fmt.Sprint(v)
	case string, enttrip.Status, entmotorbot.Status:
		return pq.QuoteLiteral(fmt.Sprint(v))
	case []int64:
		return pq.QuoteLiteral(strings.NewReplacer("[", "{", "]", "}", " ", ",").Replace(fmt.Sprint(v)))
	}
	t.Fatalf("no literal for a %T", v)
	return ""
}

// TestEveryStatementOfAChangeUsesAnIndex explains what the life of a trip sends.
func TestEveryStatementOfAChangeUsesAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		seeded(t, db, seed.Options{Cari: 300, Motorbots: 500, Trips: 20_000})
		settle(t, db)
		p := open(t, db)
		p.now = ends
		p.ctx = actor.With(t.Context(), actor.System("test"))
		stats := &store.Stats{Record: true}
		p.ctx = store.WithStats(p.ctx, stats)
		boat := p.boat(t, "YENI")
		in := planned(boat, ends.Add(-time.Hour), new(ends.Add(time.Hour)))
		in.CariCode = new("MST00001")
		made := mustDo(t)(p.Plan(p.ctx, in))
		mustDo(t)(p.Update(p.ctx, trip.UpdateInput{ID: id(made), Version: 1, PlannedDepartureAt: new(ends.Add(-2 * time.Hour)), MotorbotID: boatID(p.boat(t, "DIGER"))}))
		mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(made), DepartureAt: new(ends.Add(-time.Hour))}))
		mustDo(t)(p.Return(p.ctx, trip.ReturnInput{ID: id(made)}))
		mustDo(t)(p.MarkInvoiced(p.ctx, trip.InvoiceInput{ID: id(made), InvoiceNo: "FT-1"}))
		seen := map[string]bool{}
		for _, s := range stats.Statements() {
			if !strings.HasPrefix(s.Text, "SELECT") || seen[s.Text] {
				continue
			}
			seen[s.Text] = true
			blind(t, db, s.Text)
		}
		if len(seen) < 10 {
			t.Errorf("only %d statements", len(seen))
		}
	})
}

// blind explains a statement whose arguments are not known.
func blind(t *testing.T, db *store.DB, text string) {
	t.Helper()
	if db.Dialect() == dialect.SQLite {
		n := strings.Count(text, "?")
		for _, row := range aliatest.Rows(t, db.Reader(), "EXPLAIN QUERY PLAN "+text, make([]any, n)...) {
			if strings.HasPrefix(row[3], "SCAN trips") || strings.HasPrefix(row[3], "SCAN motorbot") {
				t.Errorf("%s: %s", text, row[3])
			}
		}
		return
	}
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	nulls := 0
	for strings.Contains(text, fmt.Sprintf("$%d", nulls+1)) {
		nulls++
	}
	for _, query := range []string{"SET plan_cache_mode = force_generic_plan", "PREPARE blind AS " + text} {
		if _, err := conn.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	execute := "EXPLAIN EXECUTE blind"
	if nulls > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", nulls), ", ") + ")"
	}
	rows, err := conn.QueryContext(t.Context(), execute)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, "Seq Scan on trips") || strings.Contains(line, "Seq Scan on motorbot") {
			t.Errorf("%s: %s", text, line)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "DEALLOCATE blind"); err != nil {
		t.Fatal(err)
	}
}
