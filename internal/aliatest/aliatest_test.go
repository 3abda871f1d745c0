package aliatest_test

import (
	"net"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

func TestEachDBIsMigratedAndEmpty(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		n, err := db.WorkOrder.Query().Count(t.Context())
		if err != nil || n != 0 {
			t.Fatalf("fresh database: %d work orders, error %v", n, err)
		}
	})
}

func TestDatabasesOfOneTestAreSeparate(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		one, other := aliatest.Open(t, dialectName), aliatest.Open(t, dialectName)
		if _, err := one.ExecContext(t.Context(), "DROP TABLE work_order_status_history"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.WorkOrderStatusHistory.Query().Count(t.Context()); err != nil {
			t.Errorf("%s: a table dropped in one database is missing in the other: %v", dialectName, err)
		}
	}
}

func TestPostgresURLIsAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	db := aliatest.OpenURL(t, aliatest.PostgresURL(t))
	var n int
	err := db.Reader().QueryRowContext(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&n)
	if err != nil || n != 0 {
		t.Fatalf("%d tables, error %v", n, err)
	}
}

func TestRedisListens(t *testing.T) {
	t.Parallel()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", aliatest.RedisAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		b.Run(dialectName, func(b *testing.B) {
			for b.Loop() {
				aliatest.Open(b, dialectName)
			}
		})
	}
}
