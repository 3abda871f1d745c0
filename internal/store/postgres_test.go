package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/server"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

// idle leaves n idle connections with a prepared statement each.
func idle(t *testing.T, db *store.DB, n int) {
	t.Helper()
	var txs []*ent.Tx
	for range n {
		tx, err := db.Tx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tx.Service.Query().Where(service.Code("VINC")).CountX(t.Context())
		txs = append(txs, tx)
	}
	for _, tx := range txs {
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	if got := db.Writer().Stats().Idle; got < n {
		t.Fatalf("%d idle connections, want %d", got, n)
	}
}

func TestAServerRestartIsSurvived(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pg, err := server.NewPostgres(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	db := aliatest.OpenURL(t, pg.URL())
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	read := func() error { return ignore(db.Service.Query().Where(service.Code("VINC")).Count(ctx)) }
	write := func() error {
		return db.InTx(ctx, func(tx *ent.Tx) error {
			return ignore(tx.Service.Delete().Where(service.Code("VINC")).Exec(ctx))
		})
	}
	for name, first := range map[string]func() error{"read": read, "write": write, "ping": func() error { return db.Ping(ctx) }} {
		idle(t, db, 5)
		if err := pg.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		for range 6 {
			if err := read(); store.Classify(err).Kind != store.Unavailable {
				t.Errorf("read while the server is down: %v", err)
			}
			if err := write(); store.Classify(err).Kind != store.Unavailable {
				t.Errorf("write while the server is down: %v", err)
			}
		}
		if err := pg.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := first(); err != nil {
			t.Errorf("first %s after an outage that was noticed: %v", name, err)
		}

		idle(t, db, 5)
		if err := pg.Stop(ctx); err != nil {
			t.Fatal(err)
		}
		if err := pg.Start(ctx); err != nil {
			t.Fatal(err)
		}
		if err := first(); err != nil {
			t.Errorf("first %s after an outage that nobody noticed: %v", name, err)
		}
	}
}

func TestTerminatedConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	other := aliatest.OpenURL(t, aliatest.PostgresURL(t))
	var name string
	if err := db.Reader().QueryRowContext(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	idle(t, db, 5)
	if _, err := other.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if err := db.InTx(t.Context(), func(tx *ent.Tx) error { return ignore(tx.Service.Query().Count(t.Context())) }); err != nil {
			t.Error(err)
		}
	}
}

func TestAConnectionLostInATransactionIsUnavailable(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	err := db.InTx(t.Context(), func(tx *ent.Tx) error {
		var pid int
		if err := store.SQLTx(tx).QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			return err
		}
		if _, err := db.ExecContext(t.Context(), "SELECT pg_terminate_backend($1)", pid); err != nil {
			return err
		}
		return newService(tx.Client(), "VINC").Exec(t.Context())
	})
	if k := store.Classify(err).Kind; k != store.Unavailable {
		t.Errorf("%v: %v", k, err)
	}
}

func TestStatementsArePreparedOncePerConnection(t *testing.T) {
	t.Parallel()
	url := aliatest.MigratedURL(t, dialect.Postgres)
	open := func(cache int) *store.DB {
		t.Helper()
		db, err := store.Open(t.Context(), url, store.Options{MaxOpen: 1, StatementCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	prepared := func(db *store.DB) []string {
		t.Helper()
		var all []string
		for _, row := range aliatest.Rows(t, db.Reader(), "SELECT statement FROM pg_prepared_statements") {
			all = append(all, row[0])
		}
		return all
	}
	use := func(db *store.DB, n int) {
		t.Helper()
		var got int
		query := fmt.Sprintf("SELECT %d + $1::int", n)
		if err := db.Reader().QueryRowContext(t.Context(), query, 1).Scan(&got); err != nil || got != n+1 {
			t.Fatalf("%s is %d, error %v", query, got, err)
		}
	}

	db := open(2)
	for _, n := range []int{1, 2, 1, 1, 3} {
		use(db, n)
	}
	got := prepared(db)
	slices.Sort(got)
	if want := []string{"SELECT 1 + $1::int", "SELECT 3 + $1::int"}; !slices.Equal(got, want) {
		t.Errorf("prepared %q, want %q", got, want)
	}

	none := open(-1)
	use(none, 1)
	if got := prepared(none); len(got) != 0 {
		t.Errorf("prepared %q without a cache", got)
	}
}

func TestPreparedStatementsSurviveAnAlteredTable(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		exec := func(statement string) {
			t.Helper()
			if _, err := db.ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		exec("CREATE TABLE growing (id integer)")
		exec("INSERT INTO growing VALUES (1)")
		for columns := 1; columns < 4; columns++ {
			for range 3 {
				got := aliatest.Rows(t, db.Reader(), "SELECT * FROM growing WHERE id = $1", 1)
				if len(got) != 1 || len(got[0]) != columns {
					t.Errorf("read %v, want %d columns", got, columns)
				}
			}
			exec(fmt.Sprintf("ALTER TABLE growing ADD COLUMN c%d integer DEFAULT 0", columns))
		}
		if db.Dialect() == dialect.Postgres {
			exec("DISCARD ALL")
			for range 8 {
				if err := db.InTx(ctx, func(*ent.Tx) error { return nil }); err != nil {
					t.Error(err)
				}
				if _, err := db.ExecContext(ctx, "UPDATE growing SET c1 = 2 WHERE id = $1", 1); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestATransactionSurvivesAMigrationBeneathIt(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), aliatest.MigratedURL(t, dialect.Postgres), store.Options{MaxOpen: 4, StatementCache: 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(query string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE growing (id integer PRIMARY KEY, n integer NOT NULL)")
	exec("INSERT INTO growing VALUES (1, 0)")
	// Several statements of each connection age at once, and every connection has them.
	run := func(tx *ent.Tx, query string, arg int) (err error) {
		rows, err := tx.QueryContext(t.Context(), query, arg)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		return rows.Err()
	}
	raise := func() error {
		return db.InTx(t.Context(), func(tx *ent.Tx) error {
			for _, query := range []string{"SELECT * FROM growing WHERE id = $1 FOR UPDATE", "UPDATE growing SET n = n + $1 RETURNING *"} {
				if err := run(tx, query, 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	const rounds, clients = 5, 4
	for round := range rounds {
		var g errgroup.Group
		for range clients {
			g.Go(raise)
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		exec(fmt.Sprintf("ALTER TABLE growing ADD COLUMN c%d integer", round))
	}
	var n int
	if err := db.Reader().QueryRowContext(t.Context(), "SELECT n FROM growing").Scan(&n); err != nil || n != rounds*clients {
		t.Errorf("raised to %d (%v), want %d", n, err, rounds*clients)
	}
}

func TestTransactionsNeedOneConnectionEach(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), aliatest.MigratedURL(t, dialect.Postgres), store.Options{MaxOpen: 2, StatementCache: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var g errgroup.Group
	for client := range 20 {
		g.Go(func() error {
			for round := range 10 {
				err := db.InTx(t.Context(), func(tx *ent.Tx) error {
					if err := newService(tx.Client(), fmt.Sprintf("%d-%d", client, round)).Exec(t.Context()); err != nil {
						return err
					}
					query := fmt.Sprintf("SELECT %d FROM services WHERE code = $1", round)
					var n int
					err := store.SQLTx(tx).QueryRowContext(t.Context(), query, fmt.Sprintf("%d-%d", client, round)).Scan(&n)
					if err != nil && err != sql.ErrNoRows || n != round {
						return fmt.Errorf("read %d: %w", n, err)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

func TestArraysAreArguments(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	var n int
	err := db.Reader().QueryRowContext(t.Context(), "SELECT count(*) FROM generate_series(1, 10) AS g WHERE g = ANY($1)", []int64{2, 3, 11}).Scan(&n)
	if err != nil || n != 2 {
		t.Errorf("found %d, error %v", n, err)
	}
}
