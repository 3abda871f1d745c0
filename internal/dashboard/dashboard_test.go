package dashboard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/dashboard"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

var now = time.Date(2026, 9, 15, 11, 40, 0, 0, time.UTC)

func newService(db *store.DB) *dashboard.Service {
	return &dashboard.Service{DB: db, Now: func() time.Time { return now }, WorkOrders: &workorder.Service{DB: db}}
}

// counts are the answers of the dashboard with the right that each needs and the
// index, or the small table, that it is read from.
func counts(s *dashboard.Service) map[string]struct {
	count func(context.Context) (int, error)
	right actor.Permission
	from  string
} {
	return map[string]struct {
		count func(context.Context) (int, error)
		right actor.Permission
		from  string
	}{
		"by status": {func(ctx context.Context) (sum int, err error) {
			list, err := s.ByStatus(ctx)
			for _, c := range list {
				sum += c.Count
			}
			return sum, err
		}, actor.WorkOrderRead, "work_order_counts"},
		"due today":       {s.DueToday, actor.WorkOrderRead, "work_orders_overdue"},
		"overdue":         {s.Overdue, actor.WorkOrderRead, "work_orders_overdue"},
		"boats at sea":    {s.BoatsAtSea, actor.TripRead, "trips_"},
		"vehicles inside": {s.VehiclesInside, actor.GateRead, "gate_logs_"},
	}
}

func TestEveryAnswerNeedsItsRight(t *testing.T) {
	t.Parallel()
	for name, c := range counts(newService(aliatest.Open(t, dialect.SQLite))) {
		others := make([]actor.Permission, 0, len(actor.Permissions))
		for _, p := range actor.Permissions {
			if p != c.right {
				others = append(others, p)
			}
		}
		as := func(rights []actor.Permission) error {
			_, err := c.count(actor.With(t.Context(), actor.New(1, "", "", nil, rights)))
			return err
		}
		if err := as(others); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s with all other rights: %v", name, err)
		}
		if err := as([]actor.Permission{c.right}); err != nil {
			t.Errorf("%s with its right: %v", name, err)
		}
	}
}

func TestNoAnswerReadsATable(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
		if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 5000, Cari: 100, Services: 50, Seed: 1, Now: now}); err != nil {
			t.Fatal(err)
		}
		rec := aliatest.Record(db)
		ctx := actor.With(t.Context(), actor.System("test"))
		for name, c := range counts(newService(&store.DB{Client: ent.NewClient(ent.Driver(rec))})) {
			n, err := c.count(ctx)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n == 0 && c.right == actor.WorkOrderRead && name != "due today" {
				t.Errorf("%s: none", name)
			}
			explain, column := "EXPLAIN QUERY PLAN ", 3
			if db.Dialect() == dialect.Postgres {
				explain, column = "EXPLAIN ", 0
			}
			var plan strings.Builder
			for _, row := range aliatest.Rows(t, db.Reader(), explain+rec.Last().Text, rec.Last().Args...) {
				plan.WriteString(row[column] + "\n")
			}
			// PostgreSQL may read a table that is empty.
			empty := n == 0 && strings.Contains(plan.String(), "cost=0.00..")
			if !strings.Contains(plan.String(), c.from) && !empty {
				t.Errorf("%s is not read from %s:\n%s", name, c.from, plan.String())
			}
		}
	})
}
