package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/numbersequence"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// newService is a service with the fields that have no default.
func newService(c *ent.Client, code string) *ent.ServiceCreate {
	return c.Service.Create().SetCode(code).SetName(code).SetNameFold(code).SetSearchText(code).
		SetUnit("adet").SetBasePrice(decimal.NewFromInt(15)).SetVatRate(decimal.NewFromInt(20))
}

func count(t *testing.T, db *store.DB) int {
	t.Helper()
	n, err := db.Service.Query().Count(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenRefusesURLsItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ url, want string }{
		"no scheme":              {"aliaport.db", "no scheme"},
		"another database":       {"mysql://localhost/aliaport", `scheme "mysql"`},
		"no file":                {"sqlite://", "names no file"},
		"in memory":              {"sqlite://:memory:", "plain path"},
		"pragmas in the URL":     {"sqlite://a.db?_fk=0", "plain path"},
		"password of a bad URL":  {"postgres://u:geheim@host:port/x", "invalid port"},
		"unknown ssl mode":       {"postgres://localhost/x?sslmode=maybe", "sslmode"},
		"nobody listening there": {"postgres://postgres@127.0.0.1:1/x?sslmode=disable", "connect to PostgreSQL at 127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), tt.url, store.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	_, err := store.Open(t.Context(), "sqlite://"+aliatest.SQLitePath(t), store.Options{Synchronous: "sometimes"})
	if err == nil {
		t.Error("synchronous=sometimes was accepted")
	}
}

func TestOpenCreatesAPrivateSQLiteFileAndItsFolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "yük & boşaltma %41", "aliaport.db")
	aliatest.OpenURL(t, "sqlite://"+path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

func TestSQLiteConnectionsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	for _, pool := range []struct {
		db   *sql.DB
		want map[string]string
	}{
		{db.Writer(), map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "query_only": "0"}},
		{db.Reader(), map[string]string{"journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "5000", "query_only": "1"}},
	} {
		for pragma, want := range pool.want {
			var got string
			if err := pool.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %q, want %q (error %v)", pragma, got, want, err)
			}
		}
	}
}

func TestPostgresSessionsAreSetUp(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	for setting, want := range map[string]string{"application_name": "aliatest", "statement_timeout": "30s", "TimeZone": "UTC"} {
		var got string
		if err := db.Reader().QueryRowContext(t.Context(), "SHOW "+setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (error %v)", setting, got, want, err)
		}
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		err := db.InTx(t.Context(), func(*ent.Tx) error { return db.Ping(t.Context()) })
		if err != nil {
			t.Errorf("ping beside a writer: %v", err)
		}
	})
}

func TestInTx(t *testing.T) {
	t.Parallel()
	fault := errors.New("refused")
	add := func(t *testing.T, tx *ent.Tx) {
		t.Helper()
		if err := newService(tx.Client(), "VINC").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		err := db.InTx(t.Context(), func(tx *ent.Tx) error { add(t, tx); return fault })
		if !errors.Is(err, fault) || count(t, db) != 0 {
			t.Errorf("after an error: %v and %d rows", err, count(t, db))
		}
		func() {
			defer func() {
				if r := recover(); r != "boom" || count(t, db) != 0 {
					t.Errorf("after a panic: recovered %v and %d rows", r, count(t, db))
				}
			}()
			_ = db.InTx(t.Context(), func(tx *ent.Tx) error { add(t, tx); panic("boom") })
		}()
		ctx, cancel := context.WithCancel(t.Context())
		err = db.InTx(ctx, func(tx *ent.Tx) error { add(t, tx); cancel(); return nil })
		if err == nil || store.Classify(err).Kind != store.Canceled || count(t, db) != 0 {
			t.Errorf("commit with an ended context: %v and %d rows", err, count(t, db))
		}
		if err := db.InTx(t.Context(), func(tx *ent.Tx) error { add(t, tx); return nil }); err != nil || count(t, db) != 1 {
			t.Errorf("after success: %v and %d rows", err, count(t, db))
		}
	})
}

func TestInTxReportsAFailedCommit(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		_, err := db.ExecContext(t.Context(), `CREATE TABLE deferred (id integer PRIMARY KEY,
			parent integer REFERENCES deferred (id) DEFERRABLE INITIALLY DEFERRED)`)
		if err != nil {
			t.Fatal(err)
		}
		err = db.InTx(t.Context(), func(tx *ent.Tx) error {
			_, err := tx.ExecContext(t.Context(), "INSERT INTO deferred VALUES (1, 2)")
			return err
		})
		if store.Classify(err).Kind != store.ForeignKey {
			t.Errorf("commit of a dangling reference: %v", err)
		}
		// The connection is usable again.
		if err := db.InTx(t.Context(), func(tx *ent.Tx) error { return newService(tx.Client(), "A").Exec(t.Context()) }); err != nil {
			t.Error(err)
		}
	})
}

func TestInTxRunsAgainAfterADeadlock(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	ctx := t.Context()
	for _, kind := range []string{"a", "b"} {
		db.NumberSequence.Create().SetKind(kind).SetYear(2026).SetLast(0).ExecX(ctx)
	}
	var bothHold sync.WaitGroup
	bothHold.Add(2)
	raise := func(first, second string) error {
		var hold sync.Once
		return db.InTx(ctx, func(tx *ent.Tx) error {
			for _, kind := range []string{first, second} {
				if err := tx.NumberSequence.Update().Where(numbersequence.Kind(kind)).AddLast(1).Exec(ctx); err != nil {
					return fmt.Errorf("raise %s: %w", kind, err)
				}
				hold.Do(func() { bothHold.Done(); bothHold.Wait() })
			}
			return nil
		})
	}
	var g errgroup.Group
	g.Go(func() error { return raise("a", "b") })
	g.Go(func() error { return raise("b", "a") })
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, s := range db.NumberSequence.Query().AllX(ctx) {
		if s.Last != 2 {
			t.Errorf("%s was raised %d times, want 2", s.Kind, s.Last)
		}
	}
}

func TestInTxGivesUpAfterThreeRetries(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	runs := 0
	err := db.InTx(t.Context(), func(tx *ent.Tx) error {
		runs++
		_, err := tx.ExecContext(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$`)
		return err
	})
	if runs != 4 || store.Classify(err).Kind != store.Serialization {
		t.Errorf("%d runs, error %v", runs, err)
	}
}

func TestSQLTxSeesAndSharesTheTransaction(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		undo := errors.New("undo")
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			newService(tx.Client(), "VINC").ExecX(t.Context())
			raw := store.SQLTx(tx)
			var code string
			if err := raw.QueryRowContext(t.Context(), "SELECT code FROM services").Scan(&code); err != nil || code != "VINC" {
				t.Errorf("read %q, error %v", code, err)
			}
			if _, err := raw.ExecContext(t.Context(), "DELETE FROM services"); err != nil {
				t.Error(err)
			}
			if n := tx.Service.Query().CountX(t.Context()); n != 0 {
				t.Errorf("ent still sees %d services", n)
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Error(err)
		}
	})
}

func TestStatementsGoToTheRightPool(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	query := func(statement string) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		rows, err := db.QueryContext(ctx, statement)
		if err != nil {
			return err
		}
		defer rows.Close()
		return rows.Err()
	}
	// While the writer is taken, what needs it waits.
	err := db.InTx(t.Context(), func(*ent.Tx) error {
		for statement, reads := range map[string]bool{
			"SELECT 1":                      true,
			"select count(*) from services": true,
			"PRAGMA user_version":           false,
			"WITH x AS (SELECT 1) DELETE FROM services RETURNING id":    false,
			"INSERT INTO permissions (name) VALUES ('x') RETURNING id":  false,
			"UPDATE services SET sort_no = 1 WHERE id = 1 RETURNING id": false,
			"REPLACE INTO permissions (id, name) VALUES (1, 'y')":       false,
			"-- a comment hides what follows\nDELETE FROM work_orders":  false,
			" SELECT 1": false, // safe, if slower
		} {
			if err := query(statement); reads != (err == nil) {
				t.Errorf("%s: error %v", statement, err)
			}
		}
		ro, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatalf("read-only transaction beside a writer: %v", err)
		}
		return ro.Rollback()
	})
	if err != nil {
		t.Error(err)
	}
}

func TestReadOnlyTransactionsCannotWrite(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		tx, err := db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		err = newService(tx.Client(), "A").Exec(t.Context())
		if store.Classify(err).Kind != store.ReadOnly {
			t.Errorf("error %v", err)
		}
	})
}

// Fifty clients that read, write, and read before they write find no lock.
func TestManyClientsOnSQLite(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	const clients, rounds = 50, 10
	db.NumberSequence.Create().SetKind("is_emri").SetYear(2026).SetLast(0).ExecX(t.Context())
	g, ctx := errgroup.WithContext(t.Context())
	for client := range clients {
		g.Go(func() error {
			for round := range rounds {
				if _, err := db.Service.Query().Where(service.IsActive(true)).Limit(20).All(ctx); err != nil {
					return fmt.Errorf("read: %w", err)
				}
				err := db.InTx(ctx, func(tx *ent.Tx) error {
					s, err := tx.NumberSequence.Query().Only(ctx)
					if err != nil {
						return err
					}
					if err := s.Update().SetLast(s.Last + 1).Exec(ctx); err != nil {
						return err
					}
					return newService(tx.Client(), fmt.Sprintf("%d-%d", client, round)).Exec(ctx)
				})
				if err != nil {
					return fmt.Errorf("write: %w", err)
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if last := db.NumberSequence.Query().OnlyX(t.Context()).Last; last != clients*rounds || count(t, db) != clients*rounds {
		t.Errorf("counted to %d and made %d services, want %d", last, count(t, db), clients*rounds)
	}
}
