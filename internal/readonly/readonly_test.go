package readonly_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/migrate"
	"aliaport/internal/aliatest"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

var order = readonly.Order{Reason: "taşınıyor", By: "deniz", Now: calendar.Now, Wait: 10 * time.Second}

func on(t *testing.T, db *store.DB) readonly.State {
	t.Helper()
	s, err := readonly.On(t.Context(), db, order)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func off(t *testing.T, db *store.DB) {
	t.Helper()
	if err := readonly.Off(t.Context(), db, order); err != nil {
		t.Fatal(err)
	}
}

// row is a statement that inserts some row, whether the checks would take it or not.
func row(table *schema.Table, dialectName string) string {
	var names, values []string
	for _, c := range table.Columns {
		names = append(names, `"`+c.Name+`"`)
		value := "NULL"
		if dialectName == dialect.SQLite {
			value = "'1'"
		}
		values = append(values, value)
	}
	return fmt.Sprintf(`INSERT INTO "%s" (%s) VALUES (%s)`, table.Name, strings.Join(names, ", "), strings.Join(values, ", "))
}

func TestOnRefusesEachChangeOfEachTable(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		aliatest.AnyRow(t, db) // so that there is something to change and to delete
		s := on(t, db)
		if got, err := readonly.Get(ctx, db); err != nil || got != s || !s.On || s.Reason != "taşınıyor" || s.By != "deniz" || s.Since.IsZero() {
			t.Fatalf("%+v, %v, want %+v", got, err, s)
		}
		refused := func(statement string) {
			t.Helper()
			_, err := db.Writer().ExecContext(ctx, statement)
			if k := store.Classify(err).Kind; k != store.ReadOnly {
				t.Errorf("%s: %v (%v)", statement, err, k)
			}
		}
		for _, table := range migrate.Tables {
			if table.Name == "read_only_state" {
				continue
			}
			c := table.Columns[0].Name
			refused(row(table, db.Dialect()))
			refused(fmt.Sprintf(`UPDATE "%s" SET "%s" = "%s"`, table.Name, c, c))
			refused(fmt.Sprintf(`DELETE FROM "%s"`, table.Name))
			if db.Dialect() == dialect.Postgres {
				refused(fmt.Sprintf(`TRUNCATE "%s" CASCADE`, table.Name))
			} else {
				refused(strings.Replace(row(table, db.Dialect()), "INSERT", "INSERT OR REPLACE", 1))
				refused(strings.Replace(row(table, db.Dialect()), "INSERT", "INSERT OR IGNORE", 1))
			}
			var n int
			if err := db.Reader().QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM "%s"`, table.Name)).Scan(&n); err != nil {
				t.Error(err)
			}
			if n == 0 {
				t.Errorf("%s is empty: nothing was tried", table.Name)
			}
		}
		if db.Dialect() == dialect.Postgres { // partitions, addressed by their own names
			refused(`INSERT INTO audit_events_default SELECT * FROM audit_events LIMIT 1`)
			refused(`DELETE FROM audit_events_default`)
			refused(`TRUNCATE audit_events_default`)
		}
		off(t, db)
		if _, err := db.Writer().ExecContext(ctx, `UPDATE permissions SET name = name`); err != nil {
			t.Error(err)
		}
		if s, err := readonly.Get(ctx, db); err != nil || s != (readonly.State{}) {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestBothTurnsAreInTheTrail(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for range 3 { // what one leaves behind is no obstacle to the next
			on(t, db)
			if _, err := readonly.On(t.Context(), db, order); !errors.Is(err, readonly.ErrOn) {
				t.Errorf("a second time: %v", err)
			}
			off(t, db)
			if err := readonly.Off(t.Context(), db, order); !errors.Is(err, readonly.ErrOff) {
				t.Errorf("a second time: %v", err)
			}
		}
		n := db.AuditEvent.Query().Where(auditevent.Action(string(audit.ReadOnlySwitch)), auditevent.Resource(string(audit.Database))).CountX(t.Context())
		if n != 6 {
			t.Errorf("%d lines in the trail, want 6", n)
		}
	})
}

func TestWhoReadsIsNotInTheWayOfEither(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		tx, err := db.Reader().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback() //nolint:errcheck // nothing was written
		count := func() {
			t.Helper()
			var n int
			if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM permissions`).Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		count()
		on(t, db)
		count()
		off(t, db) // leaves triggers behind on PostgreSQL, where tx still reads
		if err := db.Permission.Create().SetName("x").Exec(t.Context()); err != nil {
			t.Errorf("after off: %v", err)
		}
		on(t, db)
		if err := db.Permission.Create().SetName("y").Exec(t.Context()); store.Classify(err).Kind != store.ReadOnly {
			t.Errorf("on again: %v", err)
		}
	})
}

// writing adds permissions as fast as it can, and tells each that was acknowledged.
func writing(ctx context.Context, db *store.DB, who int, acknowledged func()) error {
	for i := 0; ctx.Err() == nil; i++ {
		err := db.InTx(ctx, func(tx *ent.Tx) error {
			if err := tx.NumberSequence.Create().SetKind(fmt.Sprint("K", who, "-", i)).SetYear(2026).SetLast(1).Exec(ctx); err != nil {
				return err
			}
			return audit.Record(ctx, tx, calendar.Now(), audit.Event{Action: audit.Create, Resource: audit.Query})
		})
		if err != nil {
			return err
		}
		acknowledged()
	}
	return ctx.Err()
}

func TestNothingIsCommittedAfterOnHasReturned(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialectName)
			db, other := aliatest.OpenURL(t, url), aliatest.OpenURL(t, url)
			for round := range 5 {
				var acks atomic.Int64
				var writers sync.WaitGroup
				for i := range 4 {
					writers.Go(func() {
						if err := writing(t.Context(), other, round*10+i, func() { acks.Add(1) }); store.Classify(err).Kind != store.ReadOnly {
							t.Errorf("the writer ended with %v", err)
						}
					})
				}
				time.Sleep(100 * time.Millisecond)
				started := time.Now()
				on(t, db)
				took := time.Since(started)
				atSwitch := db.NumberSequence.Query().CountX(t.Context())
				writers.Wait()
				if n := db.NumberSequence.Query().CountX(t.Context()); n != atSwitch {
					t.Errorf("%d rows when On returned, %d later", atSwitch, n)
				}
				if acks.Load() == 0 {
					t.Error("nothing was written")
				}
				t.Logf("switched in %s among 4 writers without pause, after %d writes", took.Round(time.Millisecond), acks.Load())
				off(t, db)
			}
		})
	}
}

func TestOnGivesUpWhenSomebodyWritesForLong(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	tx, err := db.Tx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx.Permission.Create().SetName("uzun").ExecX(t.Context())
	done := make(chan struct{})
	go func() { // others must not wait for long
		defer close(done)
		for i := range 30 {
			started := time.Now()
			if err := db.Role.Create().SetName(fmt.Sprint("R", i)).Exec(t.Context()); err != nil {
				t.Errorf("somebody else's write: %v", err)
			}
			if took := time.Since(started); took > 1500*time.Millisecond {
				t.Errorf("somebody else waited for %s", took)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	short := order
	short.Wait = time.Second
	_, err = readonly.On(t.Context(), db, short)
	<-done
	if still, ok := errors.AsType[*store.StillWritingError](err); !ok || !strings.Contains(still.Oldest, "permissions") || !strings.Contains(still.Oldest, "idle in transaction") {
		t.Fatalf("%v", err)
	}
	if s, err := readonly.Get(t.Context(), db); err != nil || s.On {
		t.Errorf("%+v, %v", s, err)
	}
	if err := tx.Commit(); err != nil {
		t.Errorf("the long one: %v", err)
	}
	on(t, db)
}

func TestWhatInterruptsTheSwitchLeavesItOnOrOff(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		aliatest.AnyRow(t, db)
		is, turns := false, 0
		for range 60 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(8_000))*time.Microsecond)
			if is {
				_ = readonly.Off(ctx, db, order)
			} else {
				_, _ = readonly.On(ctx, db, order)
			}
			cancel()
			s, err := readonly.Get(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			if s.On != is {
				is = s.On
				turns++
			}
			want := store.None
			if is {
				want = store.ReadOnly
			}
			for _, table := range migrate.Tables {
				if table.Name == "read_only_state" {
					continue
				}
				c := table.Columns[len(table.PrimaryKey)-1].Name
				_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`UPDATE "%s" SET "%s" = "%s"`, table.Name, c, c))
				if k := store.Classify(err).Kind; k != want {
					t.Fatalf("on: %t, but a write to %s ends with %v: %v", is, table.Name, k, err)
				}
			}
		}
		t.Logf("%d turns of 60 interrupted ones", turns)
	})
}

func TestReadsThatWereQueuedBeforeWaitUntilTheyCanBeRecorded(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var said strings.Builder
		var mu sync.Mutex
		log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return said.Write(b)
		}), nil))
		reads := &audit.Reads{DB: db, Now: calendar.Now, Log: log, Keep: audit.KeepAll, Queue: 10, Batch: 5, Delay: 100 * time.Millisecond}
		for range 3 {
			if err := reads.Note(t.Context(), audit.Event{Resource: audit.Query}); err != nil {
				t.Fatal(err)
			}
		}
		on(t, db)
		time.Sleep(400 * time.Millisecond)
		if reads.Waiting() != 3 || reads.Failures() != 0 {
			t.Errorf("%d wait, %d failures", reads.Waiting(), reads.Failures())
		}
		off(t, db)
		for deadline := time.Now().Add(5 * time.Second); reads.Waiting() > 0 && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action(string(audit.Read))).CountX(t.Context()); n != 3 {
			t.Errorf("%d lines were written, want 3", n)
		}
		mu.Lock()
		defer mu.Unlock()
		if n := strings.Count(said.String(), "\n"); n != 1 || !strings.Contains(said.String(), "level=INFO") {
			t.Errorf("it is not quiet: %s", said.String())
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
