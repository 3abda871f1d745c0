package parameter_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
)

var scans = regexp.MustCompile(`^SCAN parameters$|TEMP B-TREE`)

// TestEveryListOfParametersWalksAnIndex asks the planners how the lists are read
// among 20,000 parameters.
func TestEveryListOfParametersWalksAnIndex(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ensure(t, db, now)
		_, err := db.BulkInsert(t.Context(), "parameters", []string{"category", "code", "name", "value", "created_at", "updated_at", "is_active"}, func(yield func([]any, error) bool) {
			for i := range 20_000 {
				if !yield([]any{fmt.Sprintf("K%03d", i%100), fmt.Sprintf("C%05d", i), "Ad", "1", now, now, i%50 != 0}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Writer().ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		rec := aliatest.Record(db)
		s := newService(&store.DB{Client: ent.NewClient(ent.Driver(rec))})
		ctx := actor.With(t.Context(), actor.System("test"))
		category := "K007"
		ask := map[string]func() error{
			"a category":          func() error { _, err := s.ByCategory(ctx, category, false); return err },
			"one of a category":   func() error { _, err := s.Find(ctx, category, "C00007"); return err },
			"the active holidays": func() error { _, err := parameter.Holidays(ctx, s.DB.Client); return err },
		}
		for name, f := range map[string]parameter.Filter{
			"all": {}, "of a category": {Category: &category}, "active": {IsActive: new(true)}, "inactive": {IsActive: new(false)},
			"active of a category": {Category: &category, IsActive: new(true)},
		} {
			ask[name] = func() error {
				l, err := s.List(ctx, f, page.Args{First: new(10)})
				if err == nil && l.Info.EndCursor != nil {
					_, err = s.List(ctx, f, page.Args{First: new(10), After: l.Info.EndCursor})
				}
				return err
			}
		}
		for name, do := range ask {
			if err := do(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if db.Dialect() == dialect.SQLite {
				for _, row := range aliatest.Rows(t, db.Reader(), "EXPLAIN QUERY PLAN "+rec.Last().Text, rec.Last().Args...) {
					if scans.MatchString(row[3]) {
						t.Errorf("%s: %s", name, row[3])
					}
				}
				continue
			}
			for _, row := range aliatest.Rows(t, db.Reader(), "EXPLAIN "+rec.Last().Text, rec.Last().Args...) {
				// A code is unique in its category: what an incremental sort sorts is one row at a time.
				if strings.Contains(row[0], "Seq Scan") || strings.Contains(row[0], "Sort  ") && !strings.Contains(row[0], "Incremental") && name != "a category" && name != "one of a category" {
					t.Errorf("%s: %s", name, row[0])
				}
			}
		}
	})
}
