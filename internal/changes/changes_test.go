package changes_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/changes"
	schemas "aliaport/internal/migrate"
	"aliaport/internal/proof"
	"aliaport/internal/store"
)

func install(t *testing.T, db *store.DB) {
	t.Helper()
	if err := changes.Install(t.Context(), db); err != nil {
		t.Fatal(err)
	}
}

// logged are the keys in the log, each once, after which the log is empty.
func logged(t *testing.T, db *store.DB) map[changes.Key]bool {
	t.Helper()
	keys := map[changes.Key]bool{}
	b, err := changes.Read(t.Context(), db.Reader(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range b.Keys {
		keys[k] = true
	}
	if err := changes.Confirm(t.Context(), db, b); err != nil {
		t.Fatal(err)
	}
	if n, err := changes.Pending(t.Context(), db.Reader()); err != nil || n != 0 {
		t.Fatalf("%d pending, %v", n, err)
	}
	return keys
}

func exec(t *testing.T, db *store.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Writer().ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestEachChangeOfEachTableIsLogged(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		aliatest.AnyRow(t, db)
		exec(t, db, `DELETE FROM "audit_events"`)
		install(t, db)
		exec(t, db, `INSERT INTO audit_events (id, created_at, method, path, action, resource, outcome, status_code, request_id, roles, duration_ms)
			VALUES (1, '2026-03-01 00:00:00.000000+00:00', 'CLI', '-', 'x', 'x', 'OK', 200, 'x', '', 0)`)
		free := "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON"
		if db.Dialect() == dialect.Postgres {
			free = `SELECT 1`
		}
		for _, table := range proof.Tables() {
			if db.Dialect() == dialect.Postgres {
				exec(t, db, "TRUNCATE "+changes.Table)
			} else {
				exec(t, db, "DELETE FROM "+changes.Table)
			}
			want := changes.Key{Table: table.Name, A: 1}
			if len(table.Key) == 2 {
				want.B = 1
			}
			conn, err := db.Writer().Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			key := table.Key[0]
			for _, s := range []string{free, fmt.Sprintf(`UPDATE "%s" SET "%s" = "%s"`, table.Name, key, key)} {
				if _, err := conn.ExecContext(t.Context(), s); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			if got := logged(t, db); !got[want] || len(got) != 1 {
				t.Errorf("update of %s: %v", table.Name, got)
			}
		}
		if db.Dialect() == dialect.SQLite {
			return // one connection for all: its pragmas stay, and rows without parents cannot be deleted one table at a time
		}
		for _, table := range proof.Tables() {
			_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`TRUNCATE "%s" CASCADE`, table.Name))
			if err == nil || !strings.Contains(err.Error(), "is being copied") {
				t.Errorf("truncate %s: %v", table.Name, err)
			}
		}
	})
}

func TestDeletedMovedAndReplacedRowsAreLogged(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		exec(t, db, `INSERT INTO permissions (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')`, `INSERT INTO roles (id, name, created_at, updated_at) VALUES
				(7, 'R', '2026-03-01 00:00:00.000000+00:00', '2026-03-01 00:00:00.000000+00:00')`,
			`INSERT INTO role_permissions (role_id, permission_id) VALUES (7, 1), (7, 2)`)
		install(t, db)
		check := func(statement string, want ...changes.Key) {
			t.Helper()
			exec(t, db, statement)
			set := map[changes.Key]bool{}
			for _, k := range want {
				set[k] = true
			}
			if got := logged(t, db); !maps.Equal(got, set) {
				t.Errorf("%s: %v, want %v", statement, got, set)
			}
		}
		permission := func(id int64) changes.Key { return changes.Key{Table: "permissions", A: id} }
		check(`INSERT INTO permissions (id, name) VALUES (4, 'd')`, permission(4))
		check(`UPDATE permissions SET id = 40 WHERE id = 4`, permission(4), permission(40))
		check(`INSERT INTO permissions (id, name) VALUES (5, 'd') ON CONFLICT (name) DO UPDATE SET name = 'dd'`, permission(40))
		check(`UPDATE role_permissions SET permission_id = 3 WHERE permission_id = 2`,
			changes.Key{Table: "role_permissions", A: 7, B: 2}, changes.Key{Table: "role_permissions", A: 7, B: 3})
		check(`DELETE FROM permissions WHERE id = 40`, permission(40))
		check(`DELETE FROM roles WHERE id = 7`, changes.Key{Table: "roles", A: 7}, changes.Key{Table: "role_permissions", A: 7, B: 1}, changes.Key{Table: "role_permissions", A: 7, B: 3})
		if db.Dialect() == dialect.SQLite {
			check(`INSERT OR REPLACE INTO permissions (id, name) VALUES (9, 'a')`, permission(1), permission(9))
			check(`UPDATE OR REPLACE permissions SET name = 'b' WHERE id = 9`, permission(2), permission(9))
			check(`INSERT OR REPLACE INTO permissions (id, name) VALUES (9, 'z')`, permission(9))
		}
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), `DELETE FROM permissions`); err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if got := logged(t, db); len(got) != 0 {
			t.Errorf("undone, and logged: %v", got)
		}
	})
}

func TestInstallAndRemoveMayBeRepeated(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		is := func(want bool) {
			t.Helper()
			if got, err := changes.Installed(ctx, db.Reader(), db.Dialect()); got != want || err != nil {
				t.Errorf("installed: %v, %v", got, err)
			}
		}
		remove := func() {
			t.Helper()
			if err := changes.Remove(ctx, db); err != nil {
				t.Fatal(err)
			}
		}
		is(false)
		remove()
		install(t, db)
		exec(t, db, `INSERT INTO permissions (name) VALUES ('a')`)
		install(t, db)
		is(true)
		if got := logged(t, db); len(got) != 1 {
			t.Errorf("the second install forgot: %v", got)
		}
		// Somebody reads while the log is removed: the triggers stay behind, without effect.
		reading, err := db.Reader().BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := reading.QueryRowContext(ctx, `SELECT count(*) FROM permissions`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		remove()
		if err := reading.Rollback(); err != nil {
			t.Fatal(err)
		}
		is(false)
		exec(t, db, `INSERT INTO permissions (name) VALUES ('b')`)
		install(t, db)
		is(true)
		exec(t, db, `INSERT INTO permissions (name) VALUES ('c')`)
		if got := logged(t, db); len(got) != 1 {
			t.Errorf("after a new install: %v", got)
		}
		if db.Dialect() == dialect.SQLite {
			exec(t, db, `DROP TRIGGER transfer_inserted_permissions`)
		} else {
			exec(t, db, `DROP TRIGGER transfer_changed ON permissions`)
		}
		if err := changes.Install(ctx, db); !errors.Is(err, changes.ErrBroken) {
			t.Errorf("a trigger is missing: %v", err)
		}
	})
}

// rows reads the rows of a table by key, all of them or one.
func rows(ctx context.Context, tx *sql.Tx, table *proof.Table, one *changes.Key) (map[changes.Key]string, error) {
	key := table.Key[0] + ", 0"
	if len(table.Key) == 2 {
		key = table.Key[0] + ", " + table.Key[1]
	}
	query := fmt.Sprintf(`SELECT %s, t.* FROM "%s" t`, key, table.Name)
	if one != nil {
		query += fmt.Sprintf(` WHERE "%s" = %d`, table.Key[0], one.A)
		if len(table.Key) == 2 {
			query += fmt.Sprintf(` AND "%s" = %d`, table.Key[1], one.B)
		}
	}
	list, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	names, err := list.Columns()
	if err != nil {
		return nil, err
	}
	out := map[changes.Key]string{}
	for list.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := list.Scan(into...); err != nil {
			return nil, err
		}
		k := changes.Key{Table: table.Name}
		k.A, _ = values[0].(int64)
		k.B, _ = values[1].(int64)
		out[k] = fmt.Sprint(values[2:]...)
	}
	return out, list.Err()
}

// watched are the tables that the writers of the property change.
func watched() map[string]*proof.Table {
	m := map[string]*proof.Table{}
	for _, t := range proof.Tables() {
		switch t.Name {
		case "permissions", "roles", "role_permissions", "number_sequences", "audit_events":
			m[t.Name] = t
		}
	}
	return m
}

// snapshot begins a transaction that sees one state.
func snapshot(ctx context.Context, db *store.DB) (*sql.Tx, error) {
	return db.Reader().BeginTx(ctx, &sql.TxOptions{Isolation: map[string]sql.IsolationLevel{dialect.Postgres: sql.LevelRepeatableRead}[db.Dialect()], ReadOnly: db.Dialect() == dialect.Postgres})
}

func everything(ctx context.Context, db *store.DB) (map[changes.Key]string, error) {
	tx, err := snapshot(ctx, db)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	all := map[changes.Key]string{}
	for _, t := range watched() {
		some, err := rows(ctx, tx, t, nil)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, some)
	}
	return all, nil
}

// scribble changes something at random. It may fail: what is refused is undone.
func scribble(ctx context.Context, db *store.DB, r *rand.Rand) error {
	n := func() int { return r.IntN(40) + 1 }
	at := fmt.Sprintf("'2026-%02d-01 00:00:00.000000+00:00'", r.IntN(9)+1)
	statements := []func() string{
		func() string { return fmt.Sprintf(`INSERT INTO permissions (id, name) VALUES (%d, 'p%d')`, n(), n()) },
		func() string { return fmt.Sprintf(`UPDATE permissions SET name = 'p%d' WHERE id = %d`, n(), n()) },
		func() string { return fmt.Sprintf(`UPDATE permissions SET id = %d WHERE id = %d`, n(), n()) },
		func() string { return fmt.Sprintf(`DELETE FROM permissions WHERE id = %d`, n()) },
		func() string {
			return fmt.Sprintf(`INSERT INTO permissions (id, name) VALUES (%d, 'p%d') ON CONFLICT (name) DO UPDATE SET name = 'p%d'`, n(), n(), n())
		},
		func() string {
			return fmt.Sprintf(`INSERT INTO roles (id, name, created_at, updated_at) VALUES (%d, 'r%d', %s, %s)`, n(), n(), at, at)
		},
		func() string { return fmt.Sprintf(`DELETE FROM roles WHERE id IN (%d, %d)`, n(), n()) },
		func() string {
			return fmt.Sprintf(`INSERT INTO role_permissions (role_id, permission_id) SELECT r.id, p.id FROM roles r, permissions p WHERE r.id %% 3 = %d AND p.id %% 5 = %d ON CONFLICT DO NOTHING`, r.IntN(3), r.IntN(5))
		},
		func() string {
			return fmt.Sprintf(`DELETE FROM role_permissions WHERE permission_id %% 7 = %d`, r.IntN(7))
		},
		func() string {
			return fmt.Sprintf(`INSERT INTO number_sequences (kind, year, last) VALUES ('k%d', 2026, %d) ON CONFLICT (kind, year) DO UPDATE SET last = %d`, r.IntN(5), n(), n())
		},
		func() string {
			return fmt.Sprintf(`INSERT INTO audit_events (created_at, method, path, action, resource, outcome, status_code, request_id, roles, duration_ms) VALUES (%s, 'CLI', '-', 'x%d', 'x', 'OK', 200, 'x', '', 0)`, at, n())
		},
		func() string {
			return fmt.Sprintf(`UPDATE audit_events SET created_at = %s WHERE id %% 11 = %d`, at, r.IntN(11))
		},
		func() string { return fmt.Sprintf(`DELETE FROM audit_events WHERE id %% 13 = %d`, r.IntN(13)) },
	}
	if db.Dialect() == dialect.SQLite {
		statements = append(statements,
			func() string {
				return fmt.Sprintf(`INSERT OR REPLACE INTO permissions (id, name) VALUES (%d, 'p%d')`, n(), n())
			},
			func() string {
				return fmt.Sprintf(`UPDATE OR REPLACE permissions SET id = %d, name = 'p%d' WHERE id = %d`, n(), n(), n())
			},
			func() string {
				return fmt.Sprintf(`UPDATE OR IGNORE permissions SET id = %d, name = 'p%d' WHERE id = %d`, n(), n(), n())
			},
		)
	}
	return db.InTx(ctx, func(tx *ent.Tx) error {
		for range r.IntN(4) + 1 {
			if _, err := tx.ExecContext(ctx, statements[r.IntN(len(statements))]()); err != nil {
				return err
			}
			if db.Dialect() == dialect.Postgres && r.IntN(3) == 0 {
				time.Sleep(time.Duration(r.IntN(5)) * time.Millisecond)
			}
		}
		if r.IntN(6) == 0 {
			return errors.New("changed my mind")
		}
		return nil
	})
}

// follower copies a database that is written to into a map. It may be killed anywhere.
type follower struct {
	db     *store.DB
	r      *rand.Rand
	shadow map[changes.Key]string
	kills  int
}

// killed tells whether it dies here.
func (f *follower) killed() bool {
	if f.r.IntN(5) > 0 {
		return false
	}
	f.kills++
	return true
}

// step follows what the log has now.
func (f *follower) step(ctx context.Context) error {
	tx, err := snapshot(ctx, f.db)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	var batches []*changes.Batch
	for after := int64(0); ; {
		b, err := changes.Read(ctx, tx, after, 7+f.r.IntN(50))
		if err != nil {
			return err
		}
		batches, after = append(batches, b), b.Last
		if !b.More {
			break
		}
	}
	tables, next := watched(), maps.Clone(f.shadow)
	for _, b := range batches {
		for _, k := range b.Keys {
			now, err := rows(ctx, tx, tables[k.Table], &k)
			if err != nil {
				return err
			}
			delete(next, k)
			maps.Copy(next, now)
		}
	}
	if f.killed() { // before the target's commit
		return nil
	}
	f.shadow = next
	if f.killed() { // before the source knows of it
		return nil
	}
	if err := tx.Rollback(); err != nil {
		return err
	}
	return changes.Confirm(ctx, f.db, batches...)
}

func TestWhoFollowsTheLogHasEachRowAsItIsAtTheEnd(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		seed := rand.Uint64()
		t.Log("seed", seed)
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for i := range 4 {
			writers.Go(func() {
				for r := rand.New(rand.NewPCG(seed, uint64(i))); ; {
					select {
					case <-stop:
						return
					default:
					}
					err := scribble(ctx, db, r)
					switch k := store.Classify(err).Kind; k {
					case store.None, store.Unique, store.ForeignKey, store.Serialization, store.Busy:
					default:
						if err.Error() != "changed my mind" {
							t.Errorf("%v: %v", k, err)
							return
						}
					}
				}
			})
		}
		time.Sleep(100 * time.Millisecond)
		install(t, db) // while they write
		f := &follower{db: db, r: rand.New(rand.NewPCG(seed, 99))}
		var err error
		if f.shadow, err = everything(ctx, db); err != nil {
			t.Fatal(err)
		}
		steps := 0
		for end := time.Now().Add(4 * time.Second); time.Now().Before(end); steps++ {
			if month := steps/50 + 1; db.Dialect() == dialect.Postgres && steps%50 == 0 && month < 10 { // rows move to the partition
				if _, err := schemas.EnsureAuditPartitions(ctx, db.Writer(), time.Date(2026, time.Month(month), 1, 0, 0, 0, 0, time.UTC), 0); err != nil && store.Classify(err).Kind != store.Serialization {
					t.Fatal(err)
				}
			}
			if err := f.step(ctx); err != nil {
				t.Fatal(err)
			}
		}
		close(stop)
		writers.Wait()
		for pending := int64(1); pending > 0; {
			if err := f.step(ctx); err != nil {
				t.Fatal(err)
			}
			if pending, err = changes.Pending(ctx, db.Reader()); err != nil {
				t.Fatal(err)
			}
		}
		want, err := everything(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 || f.kills == 0 {
			t.Fatalf("%d rows, %d kills: nothing was tried", len(want), f.kills)
		}
		t.Logf("%d rows, %d steps, %d kills", len(want), steps, f.kills)
		for k, row := range want {
			if f.shadow[k] != row {
				t.Errorf("%v is %q, want %q", k, f.shadow[k], row)
			}
		}
		for k, row := range f.shadow {
			if _, there := want[k]; !there {
				t.Errorf("%v is %q, and gone", k, row)
			}
		}
	})
}
