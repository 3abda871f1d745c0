package workorder_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

// TestUninvoicedIsWhatIsCompleted walks the lines and the sums with every filter and
// compares them with the rows one by one.
func TestUninvoicedIsWhatIsCompleted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
		if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 3000, Cari: 40, Services: 30, Seed: 3, Now: now}); err != nil {
			t.Fatal(err)
		}
		orders := db.WorkOrder.Query().Where(entworkorder.StatusEQ(entworkorder.StatusCompleted), entworkorder.IsActive(true)).WithItems().AllX(t.Context())
		if len(orders) < 20 {
			t.Fatalf("only %d orders are completed", len(orders))
		}
		s := &workorder.Service{DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 7, Max: 100}}
		ctx := actor.With(t.Context(), actor.System("test"))
		cari, middle := globalid.ID{Type: "Cari", Key: orders[0].CariID}, *orders[len(orders)/2].ActualEnd
		for name, f := range map[string]workorder.UninvoicedFilter{
			"all":                      {},
			"of a customer":            {Cari: &cari},
			"in a currency":            {Cari: &cari, Currency: &orders[0].Currency},
			"of a period":              {CompletedAt: &page.Range{From: &middle}},
			"before":                   {CompletedAt: &page.Range{To: &middle}},
			"of a customer's period":   {Cari: &cari, CompletedAt: &page.Range{To: &now}},
			"of a period with no ends": {CompletedAt: &page.Range{}},
		} {
			lines, net := map[int64]bool{}, map[string]decimal.Decimal{}
			for _, wo := range orders {
				if f.Cari != nil && wo.CariID != f.Cari.Key || f.Currency != nil && wo.Currency != *f.Currency ||
					f.CompletedAt != nil && (f.CompletedAt.From != nil && wo.ActualEnd.Before(*f.CompletedAt.From) || f.CompletedAt.To != nil && !wo.ActualEnd.Before(*f.CompletedAt.To)) {
					continue
				}
				for _, i := range wo.Edges.Items {
					lines[i.ID] = true
				}
				key := fmt.Sprint(wo.CariID, " ", wo.Currency)
				net[key] = net[key].Add(wo.NetTotal)
			}
			seen, last := map[int64]bool{}, time.Time{}
			for args := (page.Args{}); ; {
				l, err := s.Uninvoiced(ctx, f, args)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, i := range l.Nodes {
					at := i.Edges.WorkOrder.CreatedAt
					if f.CompletedAt != nil {
						at = *i.Edges.WorkOrder.ActualEnd
					}
					if seen[i.ID] || !lines[i.ID] || at.Before(last) {
						t.Fatalf("%s: line %d twice, or not one of them, or out of order", name, i.ID)
					}
					seen[i.ID], last = true, at
				}
				if args.After = l.Info.EndCursor; !l.Info.HasNextPage {
					n, err := l.Count(ctx)
					if err != nil || n != len(lines) || len(seen) != n {
						t.Errorf("%s: %d lines seen, %d counted, %d there (%v)", name, len(seen), n, len(lines), err)
					}
					break
				}
			}
			for args := (page.Args{}); ; {
				l, err := s.UninvoicedTotals(ctx, f, args)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, u := range l.Nodes {
					for _, total := range u.Totals {
						key := fmt.Sprint(u.Cari.ID, " ", total.Currency)
						if want, ok := net[key]; !ok || !want.Equal(total.NetTotal) {
							t.Errorf("%s: %s sums up to %s, want %s", name, key, total.NetTotal, want)
						}
						delete(net, key)
					}
				}
				if args.After = l.Info.EndCursor; !l.Info.HasNextPage {
					break
				}
			}
			if len(net) > 0 {
				t.Errorf("%s: not told: %v", name, net)
			}
		}
	})
}

// TestUninvoicedIsFoundFromTheOrdersThatWait asks the planners: no list reads all
// orders or all lines.
func TestUninvoicedIsFoundFromTheOrdersThatWait(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		port(t, db)
		linesOfCopies(t, db)
		rec := &recorder{Driver: entsql.OpenDB(db.Dialect(), db.Reader())}
		s := &workorder.Service{DB: &store.DB{Client: ent.NewClient(ent.Driver(rec))}, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: pageSize}}
		ctx := actor.With(t.Context(), actor.System("test"))
		cari, from := globalid.ID{Type: "Cari", Key: 1}, now.AddDate(0, -1, 0)
		for name, f := range map[string]workorder.UninvoicedFilter{
			"all": {}, "of a customer": {Cari: &cari}, "of a period": {CompletedAt: &page.Range{From: &from}}, "of a customer's period": {Cari: &cari, CompletedAt: &page.Range{From: &from}},
		} {
			for list, read := range map[string]func(context.Context, page.Args) (*string, error){
				"items": func(ctx context.Context, a page.Args) (*string, error) {
					l, err := s.Uninvoiced(ctx, f, a)
					if err != nil {
						return nil, err
					}
					return l.Info.EndCursor, nil
				},
				"totals": func(ctx context.Context, a page.Args) (*string, error) {
					l, err := s.UninvoicedTotals(ctx, f, a)
					if err != nil {
						return nil, err
					}
					return l.Info.EndCursor, nil
				},
			} {
				rec.sent = nil
				end, err := read(ctx, page.Args{First: new(10)})
				if err == nil && end != nil {
					_, err = read(ctx, page.Args{First: new(10), After: end})
				}
				if err != nil {
					t.Fatalf("%s %s: %v", list, name, err)
				}
				for _, sent := range rec.sent {
					judge(t, db, list+" "+name, sent)
				}
			}
		}
	})
}

// linesOfCopies gives the copied orders the lines of those that they are copies of, so
// that a planner has to choose between lines of some orders and all lines.
func linesOfCopies(t *testing.T, db *store.DB) {
	t.Helper()
	columns := slices.DeleteFunc(slices.Clone(workorderitem.Columns), func(c string) bool {
		return slices.Contains([]string{workorderitem.FieldID, workorderitem.FieldWorkOrderID, workorderitem.FieldWorkLogID}, c)
	})
	_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO work_order_items (work_order_id, %s)
		SELECT copy.id, line.%s FROM work_orders AS copy JOIN work_orders AS original ON original.wo_number = substr(copy.wo_number, 1, 13) AND original.id <> copy.id
		JOIN work_order_items AS line ON line.work_order_id = original.id`, strings.Join(columns, ", "), strings.Join(columns, ", line.")))
	if err != nil {
		t.Fatal(err)
	}
	settle(t, db)
}

// judge complains of a statement that walks a big table.
func judge(t *testing.T, db *store.DB, name string, s statement) {
	t.Helper()
	explain, column := "EXPLAIN QUERY PLAN ", 3
	if db.Dialect() == dialect.Postgres {
		explain, column = "EXPLAIN ", 0
	}
	var plan strings.Builder
	for _, row := range aliatest.Rows(t, db.Reader(), explain+s.text, s.args...) {
		plan.WriteString(row[column] + "\n")
	}
	for _, bad := range []string{"SCAN work_orders\n", "SCAN t1\n", "SCAN work_order_items", "Seq Scan on work_orders", "Seq Scan on work_order_items"} {
		if strings.Contains(plan.String(), bad) {
			t.Errorf("%s: %s\n%s\n%s", name, bad, s.text, plan.String())
		}
	}
}
