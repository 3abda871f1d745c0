package transfer_test

import (
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/transfer"
	"aliaport/internal/user"
)

var now = time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)

func seeded(t *testing.T, dialectName string) *store.DB {
	t.Helper()
	db := aliatest.Open(t, dialectName)
	users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
	if _, err := seed.Run(t.Context(), db, users, seed.Options{Seed: 7, WorkOrders: 300, Cari: 60, Services: 40, Motorbots: 4, Trips: 60, Now: now}); err != nil {
		t.Fatal(err)
	}
	return db
}

func options(t *testing.T, from, to *store.DB) transfer.Options {
	t.Helper()
	return transfer.Options{From: from, To: to, FromName: "source", ToName: "target", Say: t.Logf}
}

func TestAllRowsArriveBothWays(t *testing.T) {
	t.Parallel()
	for _, way := range [][2]string{{dialect.SQLite, dialect.Postgres}, {dialect.Postgres, dialect.SQLite}} {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			from, to := seeded(t, way[0]), aliatest.Open(t, way[1])
			r, err := transfer.Run(t.Context(), options(t, from, to))
			if err != nil {
				t.Fatal(err)
			}
			if !r.Equal || r.Rows < 2000 {
				t.Fatalf("%+v", r)
			}
			_ = r.WriteText(testWriter{t})
		})
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) { w.t.Log(string(p)); return len(p), nil }
