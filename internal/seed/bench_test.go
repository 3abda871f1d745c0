package seed_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/seed"
)

// One operation seeds 2,000 work orders into a fresh database.
func BenchmarkSeed(b *testing.B) {
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		b.Run(name, func(b *testing.B) {
			var orders int
			for b.Loop() {
				b.StopTimer()
				db := aliatest.Open(b, dialectName)
				b.StartTimer()
				r, err := seed.Run(b.Context(), db, usersOf(db), seed.Options{WorkOrders: 2000, Cari: 500, Services: 200, Seed: 1, Now: now})
				if err != nil {
					b.Fatal(err)
				}
				orders += r.WorkOrders
			}
			b.ReportMetric(float64(orders)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}
