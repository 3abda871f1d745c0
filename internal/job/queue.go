package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/store"
)

// queueName keeps our runs apart from whatever else may once be queued.
const queueName = "jobs"

// rescue is how long River leaves what a killed process was working on: much longer
// than we do, and what it then repeats finds that it does not count any more.
const rescue = 24 * time.Hour

// carried is what the queue carries: the number of a run.
type carried struct {
	RunID int64 `json:"run_id"`
}

func (carried) Kind() string { return "job_run" }

// queue is River on the application's own database.
type queue struct {
	service *Service
	client  *river.Client[*sql.Tx]
	pauses  sync.Map // id in the queue → time of the next attempt
}

func newQueue(s *Service) (*queue, error) {
	q := &queue{service: s}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{queue: q}); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	cfg := &river.Config{
		Workers: workers, Queues: map[string]river.QueueConfig{queueName: {MaxWorkers: s.o.Workers}},
		FetchPollInterval: s.o.Poll, FetchCooldown: min(s.o.Poll, 100*time.Millisecond),
		JobTimeout: -1, RescueStuckJobsAfter: rescue, PollOnly: true,
		// Its indexes are those of a short list; rebuilding them would take locks for nothing.
		ReindexerSchedule: river.NeverSchedule(),
		Logger:            slog.New(quieter{s.o.Log.Handler()}),
	}
	var err error
	if s.o.DB.Dialect() == dialect.Postgres {
		q.client, err = river.NewClient(riverdatabasesql.New(s.o.DB.Writer()), cfg)
	} else {
		q.client, err = river.NewClient(riversqlite.New(s.o.DB.Writer()), cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return q, nil
}

// quieter passes on what the queue warns of, and not that a job has failed, which is
// said by us.
type quieter struct{ slog.Handler }

func (q quieter) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}

func (q quieter) Handle(ctx context.Context, r slog.Record) error {
	if errors.Is(ctx.Err(), context.Canceled) || strings.HasPrefix(r.Message, "jobexecutor.") {
		return nil
	}
	refused := false // because the database is read only, which passes
	r.Attrs(func(a slog.Attr) bool {
		refused = strings.Contains(a.Value.String(), store.RefusedText)
		return !refused
	})
	if refused {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs)}
}
func (q quieter) WithGroup(name string) slog.Handler { return quieter{q.Handler.WithGroup(name)} }

// insert puts a run into the queue, within tx, to be taken after a pause.
func (q *queue) insert(ctx context.Context, tx *ent.Tx, r *ent.JobRun, pause time.Duration) (id int64, err error) {
	o := &river.InsertOpts{Queue: queueName, MaxAttempts: max(1, r.MaxAttempts-r.Attempts)}
	if pause > 0 {
		o.ScheduledAt = time.Now().Add(pause) //nolint:forbidigo // the queue goes by the clock
	}
	res, err := q.client.InsertTx(ctx, store.SQLTx(tx), carried{r.ID}, o)
	if err != nil {
		return 0, fmt.Errorf("queue a run of %s: %w", r.Job, err)
	}
	return res.Job.ID, nil
}

// holds tells whether the queue will still bring the run.
func (q *queue) holds(ctx context.Context, tx *ent.Tx, r *ent.JobRun) (bool, error) {
	if r.QueueID == nil {
		return false, nil
	}
	j, err := q.client.JobGetTx(ctx, store.SQLTx(tx), *r.QueueID)
	switch {
	case errors.Is(err, rivertype.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for a run of %s in the queue: %w", r.Job, err)
	}
	var what carried
	if err := json.Unmarshal(j.EncodedArgs, &what); err != nil || j.Kind != what.Kind() || what.RunID != r.ID {
		return false, nil //nolint:nilerr // the number is another database's
	}
	switch j.State {
	case rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateScheduled:
		return true, nil
	case rivertype.JobStateRunning: // taken, but the run does not say so: for a moment
		return j.AttemptedAt != nil && time.Since(*j.AttemptedAt) < q.service.o.Lost, nil
	case rivertype.JobStateCancelled, rivertype.JobStateCompleted, rivertype.JobStateDiscarded:
	}
	return false, nil
}

// worker is called by River.
type worker struct {
	river.WorkerDefaults[carried]
	queue *queue
}

// Timeout is none: attempts have that of their job.
func (*worker) Timeout(*river.Job[carried]) time.Duration { return -1 }

func (w *worker) NextRetry(j *river.Job[carried]) time.Time {
	if at, ok := w.queue.pauses.LoadAndDelete(j.ID); ok {
		if at, ok := at.(time.Time); ok {
			return at
		}
	}
	return time.Now().Add(time.Minute) //nolint:forbidigo // the queue goes by the clock
}

// Work runs an attempt and says what is to become of it in the queue.
func (w *worker) Work(ctx context.Context, j *river.Job[carried]) error {
	res := w.queue.service.attempt(ctx, j.Args.RunID, &j.ID)
	switch res.then {
	case done:
		return nil
	case again:
		w.queue.pauses.Store(j.ID, time.Now().Add(res.pause)) //nolint:forbidigo // the queue goes by the clock
		return res.err
	case later:
		return river.JobSnooze(res.pause)
	case dead:
		return res.err // no attempts are left: River discards it
	default:
		return river.JobCancel(res.err)
	}
}

// what becomes of an attempt in the queue.
type then int

const (
	done  then = iota
	again      // another attempt after a pause
	later      // it was not begun: another run of the job is under way
	dead       // the last attempt failed
	gone       // it does not count any more, was cancelled, or goes back by itself
)

type result struct {
	then  then
	pause time.Duration
	err   error
	state jobrun.State // that it was given; empty: none
}

// jittered is up to a fifth longer, so that what failed together does not come back together.
func jittered(d time.Duration) time.Duration {
	return d + rand.N(d/5+1) //nolint:gosec // jitter is no secret
}
