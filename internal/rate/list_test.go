package rate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	"aliaport/internal/rate"
	"aliaport/internal/store"
)

// history has one row a day and currency: every 60th entered by hand, every 211th
// waiting for review.
func history(t *testing.T, db *store.DB, days int) {
	t.Helper()
	columns := []string{"created_at", "updated_at", "bulletin_date", "valid_from", "currency_from", "currency_to", "unit", "forex_buying", "source", "needs_review", "version"}
	n := 0
	_, err := db.BulkInsert(t.Context(), exchangerate.Table, columns, func(yield func([]any, error) bool) {
		for i := range days {
			on := day("2026-03-01").AddDays(-days + i)
			for _, code := range []string{"CHF", "EUR", "GBP", "JPY", "USD"} {
				n++
				source := "TCMB"
				if n%60 == 0 {
					source = "MANUAL"
				}
				if !yield([]any{monday, monday, on, on.AddDays(1), code, "TRY", 1, "34.5", source, n%211 == 0, 1}, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// filters are all combinations of a choice a field.
func filters() map[string]rate.Filter {
	all := map[string]rate.Filter{}
	from, to := day("2025-12-01"), day("2026-01-15")
	for c, currency := range map[string]*string{"": nil, "USD ": new("USD"), "NOK ": new("NOK")} {
		for s, source := range map[string]*exchangerate.Source{"": nil, "bank ": new(exchangerate.SourceTcmb), "hand ": new(exchangerate.SourceManual)} {
			for d, days := range map[string]*page.DateRange{"": nil, "winter ": {From: &from, To: &to}, "since ": {From: &from}} {
				for r, review := range map[string]*bool{"": nil, "waiting ": new(true), "done ": new(false)} {
					all[c+s+d+r] = rate.Filter{Currency: currency, Source: source, BulletinDate: days, NeedsReview: review}
				}
			}
		}
	}
	return all
}

// offered holds for the filters that an index answers.
func offered(f rate.Filter) bool {
	waiting := f.NeedsReview != nil && *f.NeedsReview
	return (f.NeedsReview == nil || waiting) && (waiting || f.Currency == nil || f.Source == nil)
}

// TestList compares each filter that is offered with the rows that meet it one by
// one.
func TestList(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		history(t, db, 150)
		k := newKit(db)
		all := db.ExchangeRate.Query().AllX(t.Context())
		slices.SortFunc(all, func(a, b *ent.ExchangeRate) int {
			if c := b.BulletinDate.Compare(a.BulletinDate); c != 0 {
				return c
			}
			return int(b.ID - a.ID)
		})
		for name, f := range filters() {
			var want []int64
			for _, r := range all {
				if (f.Currency == nil || r.CurrencyFrom == *f.Currency) && (f.Source == nil || r.Source == *f.Source) && (f.NeedsReview == nil || r.NeedsReview == *f.NeedsReview) &&
					(f.BulletinDate == nil || !r.BulletinDate.Before(*f.BulletinDate.From) && (f.BulletinDate.To == nil || r.BulletinDate.Before(*f.BulletinDate.To))) {
					want = append(want, r.ID)
				}
			}
			var got []int64
			args, total := page.Args{First: new(97)}, 0
			for {
				list, err := k.List(system(t), f, args)
				if !offered(f) {
					if !apperr.Is(err, apperr.FilterNotIndexed) {
						t.Errorf("%s: %v, want FILTER_NOT_INDEXED", name, err)
					}
					want = nil
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, r := range list.Nodes {
					got = append(got, r.ID)
				}
				if args.After = list.Info.EndCursor; !list.Info.HasNextPage {
					if total, err = list.Count(t.Context()); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			if !slices.Equal(got, want) || total != len(want) {
				t.Errorf("%s: %d rows, counted %d, want %d", name, len(got), total, len(want))
			}
		}
	})
}

// TestEveryQuestionWalksAnIndex asks the planners how twenty years of rates are
// read: no question may look at more rows than it answers with, and none may sort.
func TestEveryQuestionWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		history(t, db, 20*365)
		if _, err := db.Writer().ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		k := newKit(db)
		rec := aliatest.Record(db)
		k.DB = &store.DB{Client: ent.NewClient(ent.Driver(rec))}
		ctx := actor.With(t.Context(), actor.System("test"))
		explain := explainSQLite
		if db.Dialect() == dialect.Postgres {
			explain = explainPostgres
		}
		questions := 0
		ask := func(name string, do func() error) {
			rec.Sent = nil
			if err := do(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, s := range rec.Sent {
				if strings.Contains(s.Text, exchangerate.Table) {
					explain(t, db, name, s)
					questions++
				}
			}
		}
		for name, f := range filters() {
			if !offered(f) {
				continue
			}
			var first *page.List[*ent.ExchangeRate]
			list := func(a page.Args) func() error {
				return func() (err error) {
					first, err = k.List(ctx, f, a)
					return err
				}
			}
			ask(name, list(page.Args{First: new(50)}))
			if end := first.Info.EndCursor; end != nil {
				ask(name+"after", list(page.Args{First: new(50), After: end}))
				ask(name+"before", list(page.Args{Last: new(50), Before: end}))
			}
		}
		kind := rate.ForexBuying
		for _, on := range []calendar.Date{day("2010-05-05"), day("2026-03-01")} {
			ask("rate of a day", func() error { _, err := k.Find(ctx, "USD", &on, &kind); return err })
		}
		ask("latest", func() error { _, err := k.Latest(ctx); return err })
		if questions < 50 {
			t.Errorf("only %d questions", questions)
		}
	})
}

func explainSQLite(t *testing.T, db *store.DB, name string, s aliatest.Statement) {
	t.Helper()
	latest := strings.Contains(s.Text, "UNION ALL") // the five rows that it found are put in order
	for _, row := range aliatest.Rows(t, db.Reader(), "EXPLAIN QUERY PLAN "+s.Text, s.Args...) {
		parent, what := row[1], row[3]
		table := strings.Contains(what, exchangerate.Table) && !strings.Contains(what, "USING INDEX") && !strings.Contains(what, "USING COVERING INDEX") && !strings.Contains(what, "PRIMARY KEY")
		sorts := strings.Contains(what, "TEMP B-TREE") && (!latest || parent != "0")
		if table || sorts {
			t.Errorf("%s: %s: %s", name, what, s.Text)
		}
	}
}

func explainPostgres(t *testing.T, db *store.DB, name string, s aliatest.Statement) {
	t.Helper()
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	args := make([]string, len(s.Args))
	for i, a := range s.Args {
		args[i] = "'" + fmt.Sprint(a) + "'"
	}
	execute := "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE asked"
	if len(args) > 0 {
		execute += "(" + strings.Join(args, ", ") + ")"
	}
	run := func(query string) {
		if _, err := conn.ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	run("PREPARE asked AS " + s.Text)
	for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
		run("SET plan_cache_mode = " + mode)
		var doc []byte
		if err := conn.QueryRowContext(t.Context(), execute).Scan(&doc); err != nil {
			t.Fatalf("%s: %v", execute, err)
		}
		var explained []struct{ Plan node }
		if err := json.Unmarshal(doc, &explained); err != nil {
			t.Fatal(err)
		}
		explained[0].Plan.each(func(n node) {
			switch {
			case n.Type == "Seq Scan" && n.Table == exchangerate.Table:
				t.Errorf("%s, %s: a scan: %s", name, mode, s.Text)
			case strings.HasSuffix(n.Type, "Sort") && n.Plans[0].Rows > 200:
				t.Errorf("%s, %s: sorts %v rows: %s", name, mode, n.Plans[0].Rows, s.Text)
			case n.Removed*n.Loops > 500:
				t.Errorf("%s, %s: looks at %v rows in vain: %s", name, mode, n.Removed*n.Loops, s.Text)
			}
		})
	}
	run("DEALLOCATE asked")
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
