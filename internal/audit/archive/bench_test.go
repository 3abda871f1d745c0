package archive

import (
	"testing"
	"time"

	"entgo.io/ent/dialect"
)

// BenchmarkArchive takes a month of 20,000 events out of the database, and reads its
// file as a verification does.
func BenchmarkArchive(b *testing.B) {
	const rows = 20_000
	for name, k := range map[string]kind{"sqlite": {dialect.SQLite, false}, "postgres": {dialect.Postgres, true}} {
		b.Run(name, func(b *testing.B) {
			var verified time.Duration
			for b.Loop() {
				b.StopTimer()
				db, _ := open(b, k, rows)
				s := service(db, b.TempDir())
				b.StartTimer()
				if _, err := s.Run(system(b), nil); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				begin := time.Now()
				if r := sound(b, s); r.Rows != rows {
					b.Fatalf("report %+v", r)
				}
				verified += time.Since(begin)
				b.StartTimer()
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(rows*b.N)/verified.Seconds(), "verified/s")
		})
	}
}
