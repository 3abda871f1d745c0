package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/ent/predicate"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// Waits of a run that cannot begin yet.
const (
	busyPause    = 5 * time.Second // the job runs already
	unknownPause = time.Minute     // this program does not know it: an older one beside a newer
	faultPause   = 10 * time.Second
	forgetAfter  = time.Hour // nobody knows it
)

// Reasons for which an attempt ends early.
var (
	errCancelled = errors.New("cancelled")
	errStale     = errors.New("the run is not this one's any more")
	errTimeout   = errors.New("took too long")
	errSilent    = errors.New("the process that ran it ended without a word")
)

// mine finds the attempt as long as it counts.
func (r *Run) mine() []predicate.JobRun {
	p := []predicate.JobRun{jobrun.ID(r.ID), jobrun.StateEQ(jobrun.StateRunning), jobrun.Attempts(r.Attempt)}
	if r.queueID == nil {
		return append(p, jobrun.QueueIDIsNil())
	}
	return append(p, jobrun.QueueID(*r.queueID))
}

// attempt runs a run once. queueID is where it came from; nil: from no queue.
func (s *Service) attempt(ctx context.Context, id int64, queueID *int64) result {
	r, d, instead := s.begin(ctx, id, queueID)
	if r == nil {
		return instead
	}
	tail := &tail{}
	r.tail = tail
	for line := range strings.Lines(r.earlier) {
		tail.add(strings.TrimSuffix(line, "\n"))
	}
	r.Log = slog.New(tee{s.o.Log.Handler().WithAttrs([]slog.Attr{slog.String("job", r.Job), slog.Int64("run", r.ID)}), tail, ""})
	began := s.now()
	running, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.mu.Lock()
	s.running[r.ID] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.running, r.ID)
		s.mu.Unlock()
	}()
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		s.beat(running, cancel, r, tail)
	}()
	rows, err := s.body(running, d, r)
	if cause := context.Cause(running); err != nil && cause != nil {
		err = cause // the body's own words are that its context has ended
	}
	cancel(nil)
	<-beating
	var res result
	if err == nil && r.finished.Load() {
		res = result{then: done, state: jobrun.StateSucceeded}
	} else {
		res, err = s.finish(ctx, d, r, rows, err, tail)
	}
	if err != nil {
		level := slog.LevelError
		if store.Classify(err).Kind == store.ReadOnly { // and the server stops
			level = slog.LevelWarn
		}
		s.o.Log.Log(ctx, level, "end of a job not noted: it will run again", "job", r.Job, "run", r.ID, "err", err)
		return result{then: gone, err: err} // found by Recover
	}
	if res.state != "" {
		s.o.Finished(Outcome{Job: r.Job, State: res.state, Trigger: r.Trigger, Took: s.now().Sub(began), Rows: rows})
	}
	return res
}

// begin makes the run this process's, or says what else.
func (s *Service) begin(ctx context.Context, id int64, queueID *int64) (*Run, *Definition, result) {
	row, err := s.o.DB.JobRun.Get(ctx, id)
	switch {
	case ent.IsNotFound(err):
		return nil, nil, result{then: gone, err: errStale}
	case err != nil:
		return nil, nil, result{then: later, pause: faultPause, err: err}
	}
	d := s.names[row.Job]
	if d == nil && s.now().Sub(row.CreatedAt) < forgetAfter {
		return nil, nil, result{then: later, pause: unknownPause}
	}
	now := s.now()
	r := &Run{ID: id, Job: row.Job, Slot: row.Slot, Trigger: row.Trigger, Attempt: row.Attempts + 1, service: s, queueID: queueID, earlier: row.Log}
	where := []predicate.JobRun{jobrun.ID(id), jobrun.StateIn(jobrun.StateQueued, jobrun.StateRetrying), jobrun.Attempts(row.Attempts)}
	if queueID != nil {
		where = append(where, jobrun.QueueID(*queueID))
	} else {
		where = append(where, jobrun.QueueIDIsNil())
	}
	n := 0
	err = s.o.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		n, err = tx.JobRun.Update().Where(where...).SetState(jobrun.StateRunning).SetAttempts(r.Attempt).
			SetStartedAt(now).SetAliveAt(now).SetServer(s.o.Server).ClearNextAttemptAt().SetUpdatedAt(now).Save(ctx)
		return err
	})
	switch {
	case store.Classify(err).Is("job_runs_running"):
		return nil, nil, result{then: later, pause: busyPause}
	case err != nil:
		return nil, nil, result{then: later, pause: faultPause, err: err}
	case n == 0:
		return nil, nil, result{then: gone, err: errStale}
	}
	if d == nil {
		res, err := s.finish(ctx, &Definition{Name: row.Job, Attempts: 1}, r, 0, Permanent(errors.New("no program here knows the job")), &tail{})
		if err != nil {
			return nil, nil, result{then: gone, err: err}
		}
		return nil, nil, res
	}
	return r, d, result{}
}

// acting is the context of a job's deeds: the system does them, and the trail says
// which run.
func acting(ctx context.Context, r *Run, start time.Time) context.Context {
	return actor.WithRequest(actor.With(ctx, actor.System("job "+r.Job)), &actor.Request{
		ID: fmt.Sprintf("job-%d-%d", r.ID, r.Attempt), Method: "JOB", Path: r.Job, Start: start,
	})
}

// body runs the job's function within its time, and survives it.
func (s *Service) body(ctx context.Context, d *Definition, r *Run) (rows int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.Timeout, fmt.Errorf("%w: more than %s", errTimeout, d.Timeout))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.Log.ErrorContext(ctx, "job panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	rows, err = d.Run(acting(ctx, r, s.now()), r)
	if err != nil && errors.Is(context.Cause(ctx), errTimeout) {
		err = context.Cause(ctx)
	}
	return rows, err
}

// beat says that the run is alive until ctx ends, and ends it when it was cancelled or
// taken over, or when nobody has heard of it for so long that it may have been.
func (s *Service) beat(ctx context.Context, cancel context.CancelCauseFunc, r *Run, t *tail) {
	ticker := time.NewTicker(s.o.Beat)
	defer ticker.Stop()
	heard := time.Now() //nolint:forbidigo // measures a wait
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		wait, stop := context.WithTimeout(ctx, s.o.Lost/3)
		row, err := s.sign(wait, r, t)
		stop()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrLost) && r.finished.Load(): // by itself; should that not be committed, finish finds out
		case errors.Is(err, ErrLost):
			cancel(ErrLost)
		case err == nil && row.CancelRequested:
			cancel(errCancelled)
		case err == nil, store.Classify(err).Kind == store.ReadOnly: // then nobody can take it over either
			heard = time.Now() //nolint:forbidigo // measures a wait
		case time.Since(heard) > s.o.Lost*2/3:
			cancel(fmt.Errorf("no sign of life could be written: %w", err))
		}
	}
}

func (s *Service) sign(ctx context.Context, r *Run, t *tail) (row *ent.JobRun, err error) {
	err = s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		n, err := tx.JobRun.Update().Where(r.mine()...).SetAliveAt(s.now()).SetLog(t.text()).SetUpdatedAt(s.now()).Save(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrLost
		}
		row, err = tx.JobRun.Query().Where(jobrun.ID(r.ID)).Select(jobrun.FieldCancelRequested).Only(ctx)
		return err
	})
	return row, err
}

// finish notes how an attempt ended, unless it does not count any more. The database may
// be away for a while, or read only for long.
func (s *Service) finish(ctx context.Context, d *Definition, r *Run, rows int64, failure error, t *tail) (res result, err error) {
	ctx = context.WithoutCancel(ctx)
	for begun := time.Now(); ; { //nolint:forbidigo // measures a wait
		once, stop := context.WithTimeout(ctx, s.o.Lost/2)
		res, err = s.note(once, d, r, rows, failure, t)
		stop()
		if err == nil {
			return res, nil
		}
		stopping := make(<-chan struct{})
		if store.Classify(err).Kind == store.ReadOnly {
			begun, stopping = time.Now(), s.stopping //nolint:forbidigo // measures a wait
		}
		if time.Since(begun) > s.o.Lost/2 {
			return res, err
		}
		select {
		case <-time.After(min(time.Second, s.o.Lost/10)):
		case <-stopping:
			return res, err
		}
	}
}

func (s *Service) note(ctx context.Context, d *Definition, r *Run, rows int64, failure error, t *tail) (res result, err error) {
	err = s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		now := s.now()
		row, err := tx.JobRun.Get(ctx, r.ID)
		if err != nil {
			return err
		}
		u := tx.JobRun.Update().Where(r.mine()...).SetUpdatedAt(now).ClearAliveAt()
		_, hopeless := errors.AsType[permanent](failure)
		switch {
		case failure == nil:
			res = result{then: done, state: jobrun.StateSucceeded}
			u.SetRows(rows).ClearError()
		case errors.Is(failure, ErrLost):
			res = result{then: gone, err: failure}
			return nil
		case errors.Is(failure, errStopping):
			res = result{then: gone, err: failure}
			u.SetState(jobrun.StateQueued).SetAttempts(r.Attempt - 1).ClearQueueID().SetNextAttemptAt(now)
		case errors.Is(failure, errCancelled):
			res = result{then: gone, err: failure, state: jobrun.StateCancelled}
			u.SetError(failure.Error())
		case hopeless || r.Attempt >= row.MaxAttempts:
			res = result{then: dead, err: failure, state: jobrun.StateFailed}
			if r.Attempt < row.MaxAttempts {
				res.then = gone
			}
			u.SetError(clip(failure.Error()))
		default:
			res = result{then: again, pause: jittered(d.pause(r.Attempt)), err: failure, state: jobrun.StateRetrying}
			u.SetState(jobrun.StateRetrying).SetNextAttemptAt(now.Add(res.pause)).SetError(clip(failure.Error()))
			t.line("attempt %d failed, the next comes in %s: %v", r.Attempt, res.pause.Round(time.Second), failure)
		}
		ended := res.state != "" && res.state != jobrun.StateRetrying
		if ended {
			u.SetState(res.state).SetFinishedAt(now)
		}
		n, err := u.SetLog(t.text()).Save(ctx)
		switch {
		case err != nil:
			return err
		case n == 0:
			res = result{then: gone, err: ErrLost}
			return nil
		case !ended:
			return nil
		}
		if err := s.record(acting(ctx, r, *row.StartedAt), tx, row, res, rows); err != nil {
			return err
		}
		if res.state == jobrun.StateFailed {
			if row, err = tx.JobRun.Get(ctx, r.ID); err != nil {
				return err
			}
			return s.o.Notify(ctx, tx, Notice{Kind: Failed, Job: d, Slot: r.Slot, Run: row, Text: failure.Error(), Key: fmt.Sprintf("job_failed:%d", r.ID)})
		}
		return nil
	})
	if err == nil && failure != nil {
		s.o.Log.LogAttrs(ctx, level(res), "job ended", slog.String("job", r.Job), slog.Int64("run", r.ID), slog.Int("attempt", r.Attempt),
			slog.String("state", string(res.state)), slog.String("err", failure.Error()))
	}
	return res, err
}

func level(res result) slog.Level {
	switch res.then {
	case dead:
		return slog.LevelError
	case again:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// record writes a line of the trail, but for runs of the schedule that found nothing to do.
func (s *Service) record(ctx context.Context, tx *ent.Tx, row *ent.JobRun, res result, rows int64) error {
	if row.Trigger == jobrun.TriggerSchedule && res.state == jobrun.StateSucceeded && rows == 0 {
		return nil
	}
	e := audit.Event{Action: audit.JobRun, Resource: audit.Job, EntityID: row.ID, Extra: map[string]any{
		"job": row.Job, "slot": row.Slot, "trigger": row.Trigger, "state": res.state, "rows": rows,
	}}
	if res.state == jobrun.StateFailed {
		e.Outcome, e.Code = audit.Failed, apperr.Internal
		e.Extra["error"] = clip(res.err.Error())
	}
	return audit.Record(ctx, tx, s.now(), e)
}

// clip keeps an error to what its column takes.
func clip(text string) string { return audit.Clip(text, 2000) }
