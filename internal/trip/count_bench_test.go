package trip_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"aliaport/ent"
	"aliaport/ent/schema"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/trip"
)

// The size of the question: 500 boats, 200,000 trips, of which every boat has eight
// ahead of it besides those that the seed left open.
const (
	benchBoats  = 500
	benchTrips  = 200_000
	benchAhead  = 8
	benchRuns   = 50 // at least; the median of all is reported
	listOfBoats = "FROM motorbot m WHERE m.is_active = true ORDER BY m.name_fold, m.id LIMIT "
)

// BenchmarkActiveTripCount asks for a page of boats with the number of their trips
// that are planned or underway, in each way there is. docs/FAZ5_INDEXES.md has the
// figures and what follows from them:
//
//	go test -run '^$' -bench ActiveTripCount ./internal/trip
func BenchmarkActiveTripCount(b *testing.B) {
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		b.Run(dialectName, func(b *testing.B) {
			db := aliatest.Open(b, dialectName)
			busyPort(b, db)
			for _, indexed := range []bool{true, false} {
				if !indexed {
					run(b, db, "DROP INDEX trips_occupied")
					if dialectName == dialect.Postgres { // the constraint has an index of its own, which may not step in
						run(b, db, "ALTER TABLE trips DROP CONSTRAINT trips_no_overlap")
					}
				}
				for _, size := range []int{50, 100} {
					same(b, db, size)
					for _, w := range ways {
						name := fmt.Sprintf("page=%d/%s", size, w.name)
						if !indexed {
							name += ", without the partial index"
						}
						b.Run(name, func(b *testing.B) { measure(b, func() { mustCount(b, db, w, size) }) })
					}
				}
				for _, w := range ways {
					plan(b, db, w, indexed)
				}
			}
		})
	}
}

// busyPort fills the database and warms it up.
func busyPort(b *testing.B, db *store.DB) {
	b.Helper()
	seeded(b, db, seed.Options{Cari: 500, Motorbots: benchBoats, Trips: benchTrips - benchBoats*benchAhead})
	day := calendar.DateOf(ends)
	var creates []*ent.TripCreate
	for boat := range int64(benchBoats) {
		for n := range benchAhead {
			start := day.AddDays(3+n).At(9, 0).UTC()
			creates = append(creates, db.Trip.Create().SetTripNo(fmt.Sprintf("SF-2031-%d-%d", boat, n)).SetMotorbotID(boat+1).SetTripDate(calendar.DateOf(start)).
				SetPlannedDepartureAt(start).SetStartsAt(start).SetEndsAt(start.Add(2*time.Hour)).SetDeparturePier("A").SetCreatedBy(1).SetUpdatedBy(1))
		}
	}
	for chunk := range slices.Chunk(creates, 500) {
		db.Trip.CreateBulk(chunk...).ExecX(b.Context())
	}
	if db.Dialect() == dialect.SQLite {
		run(b, db, "ANALYZE")
	}
	settle(b, db)
	if n := db.Trip.Query().CountX(b.Context()); n != benchTrips {
		b.Fatalf("%d trips", n)
	}
}

func run(b *testing.B, db *store.DB, statement string) {
	b.Helper()
	if _, err := db.Writer().ExecContext(b.Context(), statement); err != nil {
		b.Fatal(err)
	}
}

// way is how a page is counted. text is a statement with the size of the page as its
// end, or nil for what the API does.
type way struct {
	name string
	text string
	do   func(ctx context.Context, db *store.DB, size int) (map[int64]int, error)
}

var ways = []way{
	{name: "a: COUNT sub-query in each row", text: `SELECT m.id, (SELECT count(*) FROM trips t WHERE t.motorbot_id = m.id AND ` + of("t") + `) ` + listOfBoats},
	{name: "b: aggregate for the ids of the page", do: grouped},
	{name: "c: aggregate of all boats, joined", text: `SELECT m.id, COALESCE(c.n, 0) FROM motorbot m LEFT JOIN (SELECT motorbot_id, count(*) AS n FROM trips t WHERE ` +
		of("t") + ` GROUP BY motorbot_id) c ON c.motorbot_id = m.id ` + strings.TrimPrefix(listOfBoats, "FROM motorbot m ")},
	{name: "d: trips joined, then grouped", text: `SELECT m.id, count(t.id) FROM motorbot m LEFT JOIN trips t ON t.motorbot_id = m.id AND ` + of("t") +
		` WHERE m.is_active = true GROUP BY m.id, m.name_fold ORDER BY m.name_fold, m.id LIMIT `},
}

// of is the condition of the partial index with the columns of a named table.
func of(table string) string {
	return strings.NewReplacer("is_active", table+".is_active", "status", table+".status").Replace(schema.TripOccupiesCondition)
}

// groupedIn is the statement of trip.ActiveCounts.
func groupedIn(dialectName string, ids []int64) (string, any, error) {
	if dialectName == dialect.Postgres {
		return "SELECT motorbot_id, count(*) FROM trips WHERE " + schema.TripOccupiesCondition + " AND motorbot_id = ANY($1) GROUP BY motorbot_id", pq.Array(ids), nil
	}
	list, err := json.Marshal(ids)
	return "SELECT motorbot_id, count(*) FROM trips WHERE " + schema.TripOccupiesCondition + " AND motorbot_id IN (SELECT value FROM json_each($1)) GROUP BY motorbot_id", string(list), err
}

// grouped reads the page and then counts for its ids: two statements.
func grouped(ctx context.Context, db *store.DB, size int) (map[int64]int, error) {
	counts, err := scan(ctx, db.Reader(), fmt.Sprint("SELECT m.id, 0 ", listOfBoats, size))
	if err != nil {
		return nil, err
	}
	text, arg, err := groupedIn(db.Dialect(), slices.Collect(maps.Keys(counts)))
	if err != nil {
		return nil, err
	}
	found, err := scan(ctx, db.Reader(), text, arg)
	maps.Copy(counts, found)
	return counts, err
}

func (w way) count(ctx context.Context, db *store.DB, size int) (map[int64]int, error) {
	if w.do != nil {
		return w.do(ctx, db, size)
	}
	return scan(ctx, db.Reader(), fmt.Sprint(w.text, size))
}

func scan(ctx context.Context, db *sql.DB, query string, args ...any) (counts map[int64]int, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	counts = map[int64]int{}
	for rows.Next() {
		var id int64
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		counts[id] = n
	}
	return counts, rows.Err()
}

func mustCount(b *testing.B, db *store.DB, w way, size int) map[int64]int {
	b.Helper()
	counts, err := w.count(b.Context(), db, size)
	if err != nil {
		b.Fatal(err)
	}
	return counts
}

// same makes sure that all ways count the same, the API's included.
func same(b *testing.B, db *store.DB, size int) {
	b.Helper()
	want := mustCount(b, db, ways[0], size)
	for _, w := range ways[1:] {
		if got := mustCount(b, db, w, size); !maps.Equal(got, want) || len(got) != size {
			b.Fatalf("%s counts %v, not %v", w.name, got, want)
		}
	}
	served, err := trip.ActiveCounts(b.Context(), db.Client, slices.Collect(maps.Keys(want)))
	if err != nil {
		b.Fatal(err)
	}
	total := 0
	for _, c := range served {
		if total += c.Count; want[c.MotorbotID] != c.Count {
			b.Fatalf("the API counts %d for boat %d, not %d", c.Count, c.MotorbotID, want[c.MotorbotID])
		}
	}
	if total < size*benchAhead {
		b.Fatalf("only %d active trips on the page", total)
	}
}

// measure reports the median: a mean would be that of the machine's other work.
func measure(b *testing.B, do func()) {
	b.Helper()
	took := make([]time.Duration, 0, 1024)
	once := func() {
		start := time.Now()
		do()
		took = append(took, time.Since(start))
	}
	for range 5 { // warm
		do()
	}
	for b.Loop() {
		once()
	}
	for len(took) < benchRuns {
		once()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}

// plan logs how the database goes about it; seen with -v.
func plan(b *testing.B, db *store.DB, w way, indexed bool) {
	b.Helper()
	text, args := fmt.Sprint(w.text, 50), []any{}
	if w.do != nil {
		var arg any
		var err error
		if text, arg, err = groupedIn(db.Dialect(), db.Motorbot.Query().Limit(50).IDsX(b.Context())); err != nil {
			b.Fatal(err)
		}
		args = append(args, arg)
	}
	explain := "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) "
	if db.Dialect() == dialect.SQLite {
		explain = fmt.Sprintf("EXPLAIN QUERY PLAN /* %t */ ", indexed) // another text: what is kept ready does not notice that the index is gone
	}
	var lines []string
	for _, row := range aliatest.Rows(b, db.Reader(), explain+text, args...) {
		lines = append(lines, row[len(row)-1])
	}
	b.Logf("%s, with the partial index: %t\n%s", w.name, indexed, strings.Join(lines, "\n"))
}
