package job_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/jobrun"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/job"
	"aliaport/internal/store"
)

// quick makes a service whose waits are short.
func quick(t *testing.T, db *store.DB, change func(*job.Options), jobs ...job.Definition) *job.Service {
	t.Helper()
	o := job.Options{
		DB: db, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), Jobs: jobs,
		Tick: 50 * time.Millisecond, Poll: 50 * time.Millisecond, Beat: 50 * time.Millisecond, Lost: 3 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	s, err := job.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs a service until the test ends.
func start(t *testing.T, s *job.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		hard, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(hard, hard); err != nil {
			t.Error(err)
		}
	})
}

func run(id int64) globalid.ID { return globalid.ID{Type: "JobRun", Key: id} }

func operator(t *testing.T) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.System("test"))
}

// ended waits until a run has ended.
func ended(t *testing.T, db *store.DB, id int64) *ent.JobRun {
	t.Helper()
	return await(t, db, id, func(r *ent.JobRun) bool { return r.FinishedAt != nil })
}

func await(t *testing.T, db *store.DB, id int64, ready func(*ent.JobRun) bool) *ent.JobRun {
	t.Helper()
	for deadline := time.Now().Add(40 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r := db.JobRun.GetX(t.Context(), id)
		if ready(r) {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: run is %v", r)
		}
	}
}

func TestARunIsCarriedOutAndLeavesItsFiguresItsLogAndALineOfTheTrail(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var who string
		s := quick(t, db, nil, job.Definition{Name: "count", Run: func(ctx context.Context, r *job.Run) (int64, error) {
			who = actor.From(ctx).Name
			r.Log.InfoContext(ctx, "counted", "rows", 42)
			return 42, nil
		}})
		start(t, s)
		r, err := s.RunNow(operator(t), "count")
		if err != nil {
			t.Fatal(err)
		}
		r = ended(t, db, r.ID)
		if r.State != jobrun.StateSucceeded || r.Attempts != 1 || r.Rows == nil || *r.Rows != 42 || !strings.Contains(r.Log, "INFO counted rows=42") {
			t.Errorf("run %v", r)
		}
		if who != "job count" {
			t.Errorf("%q ran it", who)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("job_run"), auditevent.Resource("job")).CountX(t.Context()); n != 2 {
			t.Errorf("%d lines of the trail, want that it was asked for and that it was done", n)
		}
	})
}

func TestAFailedAttemptIsRepeatedAfterItsPauseAndTheLastOneIsTold(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var told atomic.Pointer[job.Notice]
		var mu sync.Mutex
		var at []time.Time
		s := quick(t, db, func(o *job.Options) {
			o.Notify = func(_ context.Context, _ *ent.Tx, n job.Notice) error {
				told.Store(&n)
				return nil
			}
		}, job.Definition{Name: "fail", Attempts: 3, Pauses: []time.Duration{300 * time.Millisecond}, Run: func(context.Context, *job.Run) (int64, error) {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			return 0, errors.New("no luck")
		}})
		start(t, s)
		r, err := s.RunNow(operator(t), "fail")
		if err != nil {
			t.Fatal(err)
		}
		r = ended(t, db, r.ID)
		if r.State != jobrun.StateFailed || r.Attempts != 3 || r.Error == nil || *r.Error != "no luck" || strings.Count(r.Log, "the next comes in") != 2 {
			t.Errorf("run %v", r)
		}
		for i := range 2 {
			if pause := at[i+1].Sub(at[i]); pause < 300*time.Millisecond {
				t.Errorf("pause %d was %s", i+1, pause)
			}
		}
		if n := told.Load(); n == nil || n.Kind != job.Failed || n.Job.Name != "fail" || n.Run.ID != r.ID || n.Text != "no luck" {
			t.Errorf("told %+v", n)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("job_run"), auditevent.OutcomeEQ(auditevent.OutcomeFailed)).CountX(t.Context()); n != 1 {
			t.Errorf("%d lines of the trail", n)
		}
		// It can be retried for the same slot, once.
		again, err := s.Retry(operator(t), run(r.ID))
		if err != nil || !again.Slot.Equal(r.Slot) || again.Trigger != jobrun.TriggerRetry {
			t.Fatalf("retry %v, error %v", again, err)
		}
		if _, err := s.Retry(operator(t), run(r.ID)); !apperr.Is(err, apperr.JobRunState) {
			t.Errorf("a second retry gives %v", err)
		}
	})
}

func TestPermanentErrorsPanicsAndTimeOutsEndAsTheyShould(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := quick(t, db, nil,
			job.Definition{Name: "permanent", Attempts: 5, Run: func(context.Context, *job.Run) (int64, error) {
				return 0, job.Permanent(errors.New("never"))
			}},
			job.Definition{Name: "panics", Attempts: 1, Run: func(context.Context, *job.Run) (int64, error) { panic("oh") }},
			job.Definition{Name: "slow", Attempts: 1, Timeout: 100 * time.Millisecond, Run: func(ctx context.Context, _ *job.Run) (int64, error) {
				<-ctx.Done()
				return 0, ctx.Err()
			}},
		)
		start(t, s)
		for name, want := range map[string]string{"permanent": "never", "panics": "panic: oh", "slow": "took too long: more than 100ms"} {
			r, err := s.RunNow(operator(t), name)
			if err != nil {
				t.Fatal(err)
			}
			if r = ended(t, db, r.ID); r.State != jobrun.StateFailed || r.Attempts != 1 || *r.Error != want {
				t.Errorf("%s: %v", name, r)
			}
		}
	})
}

func TestAJobRunsOnceAtATime(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var at, most atomic.Int64
		s := quick(t, db, nil, job.Definition{Name: "alone", Run: func(context.Context, *job.Run) (int64, error) {
			most.Store(max(most.Load(), at.Add(1)))
			time.Sleep(200 * time.Millisecond)
			at.Add(-1)
			return 0, nil
		}})
		start(t, s)
		other := quick(t, db, func(o *job.Options) { o.Server = "other" }, *s.Find("alone"))
		start(t, other)
		var ids []int64
		for range 3 {
			r, err := s.RunNow(operator(t), "alone")
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, r.ID)
		}
		for _, id := range ids {
			if r := ended(t, db, id); r.State != jobrun.StateSucceeded || r.Attempts != 1 {
				t.Errorf("run %v", r)
			}
		}
		if most.Load() != 1 {
			t.Errorf("%d ran at once", most.Load())
		}
	})
}

func TestARunIsCancelledInTheQueueAndInTheMiddleOnAnyServer(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		begun := make(chan struct{}, 1)
		d := job.Definition{Name: "long", Run: func(ctx context.Context, _ *job.Run) (int64, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return 0, ctx.Err()
		}}
		s, other := quick(t, db, nil, d), quick(t, db, nil, d)
		queued, err := other.RunNow(operator(t), "long")
		if err != nil {
			t.Fatal(err)
		}
		if r, err := other.Cancel(operator(t), run(queued.ID)); err != nil || r.State != jobrun.StateCancelled {
			t.Errorf("cancelled in the queue: %v, error %v", r, err)
		}
		start(t, s)
		r, err := s.RunNow(operator(t), "long")
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		if _, err := other.Cancel(operator(t), run(r.ID)); err != nil {
			t.Fatal(err)
		}
		if r = ended(t, db, r.ID); r.State != jobrun.StateCancelled || r.Attempts != 1 {
			t.Errorf("run %v", r)
		}
		if _, err := s.Cancel(operator(t), run(r.ID)); !apperr.Is(err, apperr.JobRunState) {
			t.Errorf("cancelled again: %v", err)
		}
		if _, err := s.Cancel(operator(t), run(99)); !apperr.Is(err, apperr.JobRunNotFound) {
			t.Errorf("a run that is not there: %v", err)
		}
	})
}

func TestAServerThatStopsGivesItsRunsBackWithoutCountingTheAttempt(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var stopped atomic.Bool
		begun := make(chan struct{}, 2)
		d := job.Definition{Name: "long", Attempts: 1, Run: func(ctx context.Context, _ *job.Run) (int64, error) {
			second := stopped.Load() // before the test is told to go on
			begun <- struct{}{}
			if second {
				return 7, nil
			}
			<-ctx.Done()
			return 0, ctx.Err()
		}}
		s := quick(t, db, nil, d)
		ctx, cancel := context.WithCancel(t.Context())
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		r, err := s.RunNow(operator(t), "long")
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		cancel()
		stopped.Store(true)
		soft, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.Stop(soft, t.Context()); err != nil {
			t.Fatal(err)
		}
		if r := db.JobRun.GetX(t.Context(), r.ID); r.State != jobrun.StateQueued || r.Attempts != 0 || r.QueueID != nil {
			t.Errorf("given back as %v", r)
		}
		start(t, quick(t, db, nil, d))
		if r := ended(t, db, r.ID); r.State != jobrun.StateSucceeded || r.Attempts != 1 {
			t.Errorf("run %v", r)
		}
	})
}

// TestRunsThatTheQueueLostAreQueuedAgain is what happens after the data was moved to
// another database, and when a process was killed.
func TestRunsThatTheQueueLostAreQueuedAgain(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := quick(t, db, func(o *job.Options) { o.Lost = time.Second }, job.Definition{Name: "count", Run: func(context.Context, *job.Run) (int64, error) { return 1, nil }})
		now := time.Now().UTC().Truncate(time.Microsecond)
		left := func(i int, state jobrun.State, attempts int, queueID int64) int64 {
			at := now.Add(time.Duration(i) * time.Second)
			c := db.JobRun.Create().SetJob("count").SetScheduledFor(at).SetSlot(at).SetTrigger(jobrun.TriggerSchedule).
				SetState(state).SetAttempts(attempts).SetMaxAttempts(3).SetQueueID(queueID).SetStartedAt(now)
			if state == jobrun.StateRunning {
				c.SetAliveAt(now.Add(-time.Hour))
			}
			return c.SaveX(t.Context()).ID
		}
		ids := map[int64]int{
			left(1, jobrun.StateQueued, 0, 1000): 1, left(2, jobrun.StateRetrying, 1, 1): 2, left(3, jobrun.StateRunning, 1, 2): 2,
		}
		start(t, s)
		for id, attempts := range ids {
			if r := ended(t, db, id); r.State != jobrun.StateSucceeded || r.Attempts != attempts {
				t.Errorf("run %v, want %d attempts", r, attempts)
			}
		}
		poison := left(4, jobrun.StateRunning, 3, 3)
		if r := ended(t, db, poison); r.State != jobrun.StateFailed || r.Attempts != 3 {
			t.Errorf("a run that killed its process three times: %v", r)
		}
	})
}

func TestACommandRunsAJobWithAndWithoutAServer(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := job.Definition{Name: "count", Run: func(context.Context, *job.Run) (int64, error) { return 3, nil }}
		s := quick(t, db, nil, d)
		for range 2 {
			r, err := s.RunHere(operator(t), "count")
			if err != nil || r.State != jobrun.StateSucceeded || *r.Rows != 3 {
				t.Fatalf("run %v, error %v", r, err)
			}
			start(t, quick(t, db, nil, d))
		}
		if _, err := s.RunHere(operator(t), "none"); !apperr.Is(err, apperr.JobNotFound) {
			t.Errorf("error %v", err)
		}
	})
}

func TestOnlyWhoMayRunJobsDoesAnythingWithThem(t *testing.T) {
	t.Parallel()
	s := quick(t, aliatest.Open(t, "sqlite3"), nil)
	ctx := actor.With(t.Context(), actor.New(1, "", "", nil, nil))
	for name, try := range map[string]func() error{
		"run":    func() error { _, err := s.RunNow(ctx, "x"); return err },
		"cancel": func() error { _, err := s.Cancel(ctx, run(1)); return err },
		"retry":  func() error { _, err := s.Retry(ctx, run(1)); return err },
		"here":   func() error { _, err := s.RunHere(ctx, "x"); return err },
		"jobs":   func() error { _, err := s.Jobs(ctx); return err },
		"recent": func() error { _, err := s.Recent(ctx, "", 1); return err },
	} {
		if err := try(); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefinitionsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	nothing := func(context.Context, *job.Run) (int64, error) { return 0, nil }
	for want, o := range map[string]job.Options{
		"lower case":            {Jobs: []job.Definition{{Name: "Not so", Run: nothing}}},
		"does nothing":          {Jobs: []job.Definition{{Name: "idle"}}},
		"schedule":              {Jobs: []job.Definition{{Name: "idle", Schedule: "often", Run: nothing}}},
		"never comes":           {Jobs: []job.Definition{{Name: "idle", Schedule: "0 0 30 2 *", Run: nothing}}},
		"twice":                 {Jobs: []job.Definition{{Name: "idle", Run: nothing}, {Name: "idle", Run: nothing}}},
		"no policy":             {Jobs: []job.Definition{{Name: "idle", Run: nothing, CatchUp: "MAYBE"}}},
		"which is not there":    {Schedules: map[string]string{"idle": "off"}},
		`schedule "0 99 * * *"`: {Jobs: []job.Definition{{Name: "idle", Run: nothing}}, Schedules: map[string]string{"idle": "0 99 * * *"}},
	} {
		o.DB = db
		if _, err := job.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
