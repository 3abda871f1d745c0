package transfer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/readonly"
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
		})
	}
}

// writes change the source in every way while stop is open. What they do, another does
// not undo.
func write(t *testing.T, db *store.DB, stop <-chan struct{}) (done chan int) {
	t.Helper()
	done = make(chan int)
	go func() {
		n := 0
		defer func() { done <- n }()
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			err := db.InTx(t.Context(), func(tx *ent.Tx) error {
				for _, statement := range []string{
					fmt.Sprintf("UPDATE work_orders SET subject = 'İş %d', version = version + 1 WHERE id = %d", n, n%300+1),
					fmt.Sprintf("INSERT INTO number_sequences (kind, year, last) VALUES ('şş%d', 2026, 1)", n),
					fmt.Sprintf("DELETE FROM number_sequences WHERE kind = 'şş%d'", n-7),
					fmt.Sprintf("UPDATE work_order_items SET notes = 'ğ%d' WHERE work_order_id = %d", n, (n*7)%300+1),
					fmt.Sprintf("DELETE FROM work_order_persons WHERE id = %d AND id NOT IN (SELECT person_id FROM gate_logs WHERE person_id IS NOT NULL)", n%50+1),
					fmt.Sprintf("INSERT INTO user_roles (user_id, role_id) SELECT min(u.id), max(r.id) FROM users u, roles r WHERE NOT EXISTS (SELECT 1 FROM user_roles x WHERE x.user_id = (SELECT min(id) FROM users) AND x.role_id = (SELECT max(id) FROM roles)) AND %d %% 2 = 0 HAVING min(u.id) IS NOT NULL", n),
					"DELETE FROM user_roles WHERE user_id = (SELECT min(id) FROM users) AND role_id = (SELECT max(id) FROM roles)" + fmt.Sprintf(" AND %d %% 2 = 1", n),
				} {
					if _, err := tx.ExecContext(t.Context(), statement); err != nil {
						return fmt.Errorf("%s: %w", statement, err)
					}
				}
				return nil
			})
			if err != nil {
				if store.Classify(err).Kind != store.ReadOnly {
					t.Error(err)
				}
				return
			}
			n++
		}
	}()
	return done
}

// TestADatabaseInUseIsMoved: copied, caught up with, and cut over, while it is written to.
func TestADatabaseInUseIsMoved(t *testing.T) {
	t.Parallel()
	for _, way := range [][2]string{{dialect.SQLite, dialect.Postgres}, {dialect.Postgres, dialect.SQLite}} {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			from, to := seeded(t, way[0]), aliatest.Open(t, way[1])
			o := options(t, from, to)
			if _, err := transfer.CutOver(t.Context(), o, "test", nil); !errors.Is(err, transfer.ErrNotProven) {
				t.Fatalf("cut over before any copy: %v", err)
			}
			stop := make(chan struct{})
			done := write(t, from, stop)
			r, err := transfer.CatchUp(t.Context(), o)
			if err != nil || !r.Equal {
				t.Fatalf("%+v, error %v", r, err)
			}
			if r, err := transfer.CatchUp(t.Context(), o); err != nil || r != nil {
				t.Fatalf("the second time: %+v, error %v", r, err)
			}
			served := false
			r, err = transfer.CutOver(t.Context(), o, "test", func(window time.Duration) {
				served = true
				t.Log("window", window)
			})
			if err != nil || !served {
				t.Fatalf("cut over: %v", err)
			}
			close(stop)
			if n := <-done; n < 20 {
				t.Errorf("only %d writes", n)
			}
			if !r.Equal {
				t.Errorf("%v %v %v", r.Differences, r.Invalid, r.Identities)
			}
			if s, err := readonly.Get(t.Context(), from); err != nil || !s.On {
				t.Errorf("the source is %+v, error %v", s, err)
			}
			for _, db := range []*store.DB{from, to} {
				for _, table := range []string{"transfer_changes", "transfer_state", "transfer_chunks", "transfer_schema"} {
					if _, err := db.Reader().ExecContext(t.Context(), "SELECT 1 FROM "+table); err == nil {
						t.Errorf("%s is left in the %s", table, db.Dialect())
					}
				}
			}
		})
	}
}
