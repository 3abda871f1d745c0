package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

func reads(db *store.DB) *audit.Reads {
	return &audit.Reads{DB: db, Now: calendar.Now, Log: slog.New(slog.DiscardHandler), Keep: audit.KeepSensitive, Queue: 1000, Batch: 100, Delay: time.Second}
}

// note notes n reads of the record.
func note(ctx context.Context, t *testing.T, r *audit.Reads, n int, record int64) {
	t.Helper()
	for range n {
		if err := r.Note(ctx, audit.Event{Resource: audit.Cari, EntityID: record}); err != nil {
			t.Error(err)
		}
	}
}

// soon waits until the condition holds.
func soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 2000 {
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("still not: %s", what)
}

func recorded(t *testing.T, db *store.DB) int {
	t.Helper()
	return db.AuditEvent.Query().Where(auditevent.Action(string(audit.Read))).CountX(t.Context())
}

// counting counts the transactions that write events.
func counting(db *store.DB) *atomic.Int64 {
	var n atomic.Int64
	db.AuditEvent.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			n.Add(1)
			return next.Mutate(ctx, m)
		})
	})
	return &n
}

func TestAReadKeepsWhoHowAndWhen(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := reads(db)
		ctx := actor.WithRequest(administrator(t), &actor.Request{ID: "request-7", Method: "GRAPHQL", Path: "/graphql#Details", IP: "192.0.2.7", UserAgent: "curl/8"})
		ctx, cancel := context.WithCancel(ctx)
		note(ctx, t, r, 1, 42)
		cancel() // the request ends before the line is written
		r.Flush(t.Context())
		e := db.AuditEvent.Query().OnlyX(t.Context())
		if e.Action != "read" || e.Resource != "cari" || *e.EntityID != "42" || *e.UserID != 1 || e.RequestID != "request-7" || e.Path != "/graphql#Details" ||
			*e.IP != "192.0.2.7" || *e.UserAgent != "curl/8" || e.Outcome != audit.OK {
			t.Errorf("recorded %+v", e)
		}
	})
}

func TestReadsAreWrittenTogetherWhenABatchIsFullOrTheTimeIsUp(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		t.Run("a full batch goes at once", func(t *testing.T) {
			r := reads(db)
			r.Delay = time.Hour
			note(administrator(t), t, r, 99, 1)
			time.Sleep(50 * time.Millisecond)
			if n := recorded(t, db); n != 0 || r.Waiting() != 99 {
				t.Errorf("%d lines written, %d waiting before the batch is full", n, r.Waiting())
			}
			note(administrator(t), t, r, 1, 1)
			soon(t, "the batch is written", func() bool { return recorded(t, db) == 100 })
			note(administrator(t), t, r, 5, 1)
			r.Flush(t.Context())
			if n := recorded(t, db); n != 105 || r.Written() != 105 || r.Waiting() != 0 {
				t.Errorf("%d lines, %d written, %d waiting", n, r.Written(), r.Waiting())
			}
		})
		t.Run("a single line waits for the time", func(t *testing.T) {
			r := reads(db)
			r.Delay = 150 * time.Millisecond
			before := recorded(t, db)
			begun := time.Now()
			note(administrator(t), t, r, 1, 2)
			soon(t, "the line is written", func() bool { return recorded(t, db) == before+1 })
			if took := time.Since(begun); took < r.Delay {
				t.Errorf("written after %s, before the time was up", took)
			}
		})
	})
}

// closed keeps the table from being written until the returned function is called.
func closed(t *testing.T, db *store.DB) (open func()) {
	t.Helper()
	tx, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	statement := "LOCK TABLE audit_events IN EXCLUSIVE MODE"
	if db.Dialect() == "sqlite3" { // the one connection that writes is taken
		statement = "SELECT 1"
	}
	if _, err := tx.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	})
}

func TestAFullQueueMakesReadersWaitAndDropsNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := reads(db)
		r.Queue, r.Batch, r.Delay = 10, 5, time.Millisecond
		open := closed(t, db)
		defer open()
		const readers, each = 8, 50
		var done atomic.Int64
		var wg sync.WaitGroup
		for reader := range readers {
			wg.Go(func() {
				for range each {
					note(administrator(t), t, r, 1, int64(reader+1))
					done.Add(1)
				}
			})
		}
		soon(t, "readers wait", func() bool { return r.Waited() >= readers })
		time.Sleep(100 * time.Millisecond)
		if n := done.Load(); n > 15 {
			t.Errorf("%d reads were answered while only 15 lines may wait", n)
		}
		if r.Waiting() > 16 {
			t.Errorf("%d lines wait", r.Waiting())
		}
		ctx, cancel := context.WithTimeout(administrator(t), 50*time.Millisecond)
		defer cancel()
		if err := r.Note(ctx, audit.Event{Resource: audit.Cari, EntityID: 99}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a request that ended while it waited: %v", err)
		}
		open()
		wg.Wait()
		r.Flush(t.Context())
		if n := recorded(t, db); n != readers*each {
			t.Errorf("%d lines for %d reads", n, readers*each)
		}
		for reader := range readers {
			if n := db.AuditEvent.Query().Where(auditevent.EntityID(fmt.Sprint(reader + 1))).CountX(t.Context()); n != each {
				t.Errorf("reader %d has %d lines", reader, n)
			}
		}
	})
}

func TestWhatCannotBeWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var fail atomic.Bool
		fail.Store(true)
		db.AuditEvent.Use(func(next ent.Mutator) ent.Mutator {
			return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
				v, err := next.Mutate(ctx, m)
				if err == nil && fail.Load() {
					err = errors.New("the disk is full")
				}
				return v, err
			})
		})
		tries := counting(db)
		r := reads(db)
		r.Delay = time.Millisecond
		note(administrator(t), t, r, 7, 1)
		soon(t, "it fails again and again", func() bool { return r.Failures() >= 2 })
		if n := recorded(t, db); n != 0 {
			t.Errorf("%d lines of what failed", n)
		}
		fail.Store(false)
		r.Flush(t.Context())
		if n := recorded(t, db); n != 7 || r.Written() != 7 || tries.Load() == 0 {
			t.Errorf("%d lines, %d written", n, r.Written())
		}
	})
}

func TestFlushGivesUpWhenItsTimeIsOverAndAReadAfterItIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := reads(db)
		r.Delay = time.Hour
		open := closed(t, db)
		defer open()
		note(administrator(t), t, r, 3, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		begun := time.Now()
		r.Flush(ctx)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("it took %s to give up", took)
		}
		open()
		soon(t, "the batch in hand is written", func() bool { return recorded(t, db) == 3 })
		note(administrator(t), t, r, 1, 2)
		soon(t, "a late read is written", func() bool { return recorded(t, db) == 4 })
	})
}

func TestManyReadersAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := reads(db)
		r.Queue, r.Batch, r.Delay = 20, 7, time.Millisecond
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for i := range 50 {
					note(administrator(t), t, r, 1, 1)
					if i%10 == 0 {
						time.Sleep(3 * time.Millisecond) // the writer stops and starts
					}
				}
			})
		}
		wg.Wait()
		r.Flush(t.Context())
		if n := recorded(t, db); n != 16*50 || r.Waiting() != 0 {
			t.Errorf("%d lines for %d reads, %d waiting", n, 16*50, r.Waiting())
		}
	})
}
