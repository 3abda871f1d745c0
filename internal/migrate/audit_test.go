package migrate_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/internal/migrate"
)

// trail is a fresh database with the audit trail in it.
func trail(t *testing.T) *sql.DB {
	t.Helper()
	d := fresh(t, migrate.Postgres)
	db := d.open(t)
	if _, err := migrate.Up(t.Context(), db, d.dialect, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	return db
}

// happened adds an event to the trail.
func happened(t *testing.T, db *sql.DB, at string) {
	t.Helper()
	exec(t, db, "INSERT INTO audit_events (roles, method, path, action, resource, outcome, status_code, duration_ms, request_id, created_at) "+
		"VALUES ('', 'JOB', '/graphql#X', 'x', 'x', 'OK', 200, 1, 'r', '"+at+"')")
}

// where tells which partition holds an event.
func where(t *testing.T, db *sql.DB, at string) string {
	t.Helper()
	return ask(t, db, "SELECT string_agg(tableoid::regclass::text, ' ') FROM audit_events WHERE created_at = '"+at+"'")
}

func TestUpPreparesTheAuditTrailForThisMonthAndTheNextTwo(t *testing.T) {
	t.Parallel()
	db := trail(t)
	got := ask(t, db, "SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass")
	var want []string
	now := time.Now().UTC()
	for i := range 3 {
		want = append(want, time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC).Format("audit_events_2006_01"))
	}
	if want := strings.Join(want, " ") + " audit_events_default"; got != want {
		t.Errorf("partitions %s, want %s", got, want)
	}
}

func TestAuditPartitionsCrossTheYearAndAreMadeOnce(t *testing.T) {
	t.Parallel()
	db := trail(t)
	night := time.Date(2031, time.December, 31, 23, 0, 0, 0, time.FixedZone("", -5*3600)) // January in UTC
	for _, want := range [][]string{{"audit_events_2032_01", "audit_events_2032_02"}, nil} {
		got, err := migrate.EnsureAuditPartitions(t.Context(), db, night, 1)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("made %v, %v; want %v", got, err, want)
		}
	}
}

func TestEventsInTheDefaultPartitionMoveToTheirMonth(t *testing.T) {
	t.Parallel()
	db := trail(t)
	first, last, after := "2031-05-01 00:00:00+00", "2031-05-31 23:59:59.999999+00", "2031-06-01 00:00:00+00"
	for _, at := range []string{first, last, after} {
		happened(t, db, at)
	}
	if _, err := migrate.EnsureAuditPartitions(t.Context(), db, time.Date(2031, time.May, 9, 0, 0, 0, 0, time.UTC), 0); err != nil {
		t.Fatal(err)
	}
	happened(t, db, "2031-05-15 12:00:00+00")
	for at, want := range map[string]string{
		first: "audit_events_2031_05", last: "audit_events_2031_05", after: "audit_events_default", "2031-05-15 12:00:00+00": "audit_events_2031_05",
	} {
		if got := where(t, db, at); got != want {
			t.Errorf("the event of %s is in %s, want %s", at, got, want)
		}
	}
}

func TestManyMayPrepareTheAuditTrailWhileOthersWriteToIt(t *testing.T) {
	t.Parallel()
	db := trail(t)
	db.SetMaxOpenConns(12)
	may := time.Date(2031, time.May, 9, 0, 0, 0, 0, time.UTC)
	made := make([]int, starters)
	var g errgroup.Group
	for i := range starters {
		g.Go(func() error {
			names, err := migrate.EnsureAuditPartitions(t.Context(), db, may, 2)
			made[i] = len(names)
			return err
		})
		g.Go(func() error {
			for range 20 {
				_, err := db.ExecContext(t.Context(), "INSERT INTO audit_events (roles, method, path, action, resource, outcome, status_code, duration_ms, request_id, created_at) "+
					"VALUES ('', 'JOB', '/graphql#X', 'x', 'x', 'OK', 200, 1, 'r', '2031-06-09')")
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range made {
		sum += n
	}
	if got := ask(t, db, "SELECT count(*) FROM audit_events_2031_06"); sum != 3 || got != "160" {
		t.Errorf("made %v partitions and June holds %s events, want 3 in all and 160", made, got)
	}
}
