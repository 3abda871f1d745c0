package job

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
)

// RunNow queues a run of a job, as soon as no other run of it is under way.
func (s *Service) RunNow(ctx context.Context, name string) (*ent.JobRun, error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	d := s.names[name]
	if d == nil {
		return nil, apperr.New(apperr.JobNotFound, "job", name).At("job")
	}
	return s.ask(ctx, func(tx *ent.Tx) (*ent.JobRun, error) {
		c, err := s.wanted(ctx, tx, d)
		if err != nil {
			return nil, err
		}
		return s.enqueueNew(ctx, tx, c)
	}, audit.JobRun)
}

// ask makes a run in a transaction with its line of the trail.
func (s *Service) ask(ctx context.Context, enqueue func(tx *ent.Tx) (*ent.JobRun, error), deed audit.Action) (*ent.JobRun, error) {
	var id int64
	err := s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		r, err := enqueue(tx)
		if err != nil {
			return err
		}
		id = r.ID
		extra := map[string]any{"job": r.Job, "slot": r.Slot}
		if r.RetryOf != nil {
			extra["retry_of"] = *r.RetryOf
		}
		return audit.Record(ctx, tx, s.now(), audit.Event{Action: deed, Resource: audit.Job, EntityID: id, Extra: extra})
	})
	if err != nil {
		return nil, err
	}
	return s.again(ctx, id)
}

// again reads a run after a commit.
func (s *Service) again(ctx context.Context, id int64) (*ent.JobRun, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	return s.o.DB.JobRun.Get(ctx, id)
}

// moment is when a run that is asked for now is said to be due: two of one job are not
// due at one moment.
func (s *Service) moment(ctx context.Context, tx *ent.Tx, d *Definition) (time.Time, error) {
	for at := s.now(); ; at = at.Add(time.Microsecond) {
		taken, err := tx.JobRun.Query().Where(jobrun.Job(d.Name), jobrun.ScheduledFor(at)).Exist(ctx)
		if err != nil || !taken {
			return at, err
		}
	}
}

// wanted is a run that somebody asks for now.
func (s *Service) wanted(ctx context.Context, tx *ent.Tx, d *Definition) (*ent.JobRunCreate, error) {
	now, err := s.moment(ctx, tx, d)
	if err != nil {
		return nil, err
	}
	c := tx.JobRun.Create().SetJob(d.Name).SetScheduledFor(now).SetSlot(now).SetTrigger(jobrun.TriggerManual).SetMaxAttempts(d.Attempts)
	by(ctx, c)
	return c, nil
}

func by(ctx context.Context, c *ent.JobRunCreate) {
	if who := actor.From(ctx); who != nil {
		if who.ID != 0 {
			c.SetRequestedBy(who.ID)
		}
		c.SetRequestedByName(audit.Clip(who.Name, 100))
	}
}

// Enqueue queues a run of a job because of what happens in tx: it runs if that is
// committed. Several in one moment are one.
func (s *Service) Enqueue(ctx context.Context, tx *ent.Tx, name string) error {
	d := s.names[name]
	if d == nil {
		return fmt.Errorf("enqueue: there is no job %q", name)
	}
	waits, err := tx.JobRun.Query().Where(jobrun.Job(name), jobrun.StateEQ(jobrun.StateQueued), jobrun.TriggerEQ(jobrun.TriggerEvent)).Exist(ctx)
	if err != nil || waits {
		return err
	}
	now := s.now()
	c := tx.JobRun.Create().SetJob(name).SetScheduledFor(now).SetSlot(now).SetTrigger(jobrun.TriggerEvent).SetMaxAttempts(d.Attempts)
	by(ctx, c)
	_, err = s.enqueueNew(ctx, tx, c)
	return err
}

// Cancel takes a run out of the queue, or tells it to stop, which it does within
// seconds.
func (s *Service) Cancel(ctx context.Context, run globalid.ID) (*ent.JobRun, error) {
	id, err := known(ctx, run)
	if err != nil {
		return nil, err
	}
	err = s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		row, err := s.get(ctx, tx, id)
		if err != nil {
			return err
		}
		now := s.now()
		u := tx.JobRun.Update().Where(jobrun.ID(id), jobrun.StateEQ(row.State)).SetCancelRequested(true).SetUpdatedAt(now)
		switch row.State {
		case jobrun.StateQueued, jobrun.StateRetrying:
			u.SetState(jobrun.StateCancelled).SetFinishedAt(now).ClearNextAttemptAt()
		case jobrun.StateRunning:
		case jobrun.StateSucceeded, jobrun.StateFailed, jobrun.StateCancelled, jobrun.StateSkipped:
			return apperr.New(apperr.JobRunState, "state", row.State).At("id")
		}
		n, err := u.Save(ctx)
		switch {
		case err != nil:
			return err
		case n == 0: // it went on just now
			return apperr.New(apperr.JobRunState, "state", row.State).At("id")
		}
		return audit.Record(ctx, tx, now, audit.Event{Action: audit.Cancel, Resource: audit.Job, EntityID: id, Extra: map[string]any{"job": row.Job, "state": row.State}})
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if stop := s.running[id]; stop != nil { // here; another server finds out by itself
		stop(errCancelled)
	}
	s.mu.Unlock()
	return s.again(ctx, id)
}

// Retry makes a new run for what a failed, cancelled or skipped one was for. Each can
// be retried once; then the retry can.
func (s *Service) Retry(ctx context.Context, run globalid.ID) (*ent.JobRun, error) {
	id, err := known(ctx, run)
	if err != nil {
		return nil, err
	}
	r, err := s.ask(ctx, func(tx *ent.Tx) (*ent.JobRun, error) {
		row, err := s.get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		switch row.State {
		case jobrun.StateFailed, jobrun.StateCancelled, jobrun.StateSkipped:
		case jobrun.StateQueued, jobrun.StateRunning, jobrun.StateRetrying, jobrun.StateSucceeded:
			return nil, apperr.New(apperr.JobRunState, "state", row.State).At("id")
		}
		d := s.names[row.Job]
		if d == nil {
			return nil, apperr.New(apperr.JobNotFound, "job", row.Job).At("id")
		}
		at, err := s.moment(ctx, tx, d)
		if err != nil {
			return nil, err
		}
		c := tx.JobRun.Create().SetJob(d.Name).SetScheduledFor(at).SetSlot(row.Slot).SetTrigger(jobrun.TriggerRetry).
			SetMaxAttempts(d.Attempts).SetRetryOf(id)
		by(ctx, c)
		return s.enqueueNew(ctx, tx, c)
	}, audit.JobRetry)
	if store.Classify(err).Is("job_runs_retry_of") {
		return nil, apperr.New(apperr.JobRunState, "state", "RETRIED").At("id")
	}
	return r, err
}

// known is the key of a run, for who may do something with it.
func known(ctx context.Context, run globalid.ID) (int64, error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return 0, err
	}
	if run.Type != "JobRun" {
		return 0, apperr.New(apperr.JobRunNotFound).At("id")
	}
	return run.Key, nil
}

func (s *Service) get(ctx context.Context, tx *ent.Tx, id int64) (*ent.JobRun, error) {
	row, err := tx.JobRun.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, apperr.New(apperr.JobRunNotFound).At("id")
	}
	return row, err
}

// RunHere runs a job in this process, in one attempt, and waits for its end: for
// commands, with or without a server. It waits while another run of it is under way.
func (s *Service) RunHere(ctx context.Context, name string) (*ent.JobRun, error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	d := s.names[name]
	if d == nil {
		return nil, apperr.New(apperr.JobNotFound, "job", name)
	}
	r, err := s.ask(ctx, func(tx *ent.Tx) (*ent.JobRun, error) {
		now := s.now()
		c := tx.JobRun.Create().SetJob(name).SetScheduledFor(now).SetSlot(now).SetTrigger(jobrun.TriggerManual).SetMaxAttempts(1).
			SetState(jobrun.StateQueued).SetNextAttemptAt(now.Add(s.o.Lost)).SetCreatedAt(now).SetUpdatedAt(now)
		by(ctx, c)
		return c.Save(ctx)
	}, audit.JobRun)
	if err != nil {
		return nil, err
	}
	for {
		res := s.attempt(ctx, r.ID, nil)
		if res.then == later { // what it waits for may have been killed, and there may be no server to notice
			if err := s.recoverSilent(ctx, jobrun.Job(name)); err != nil {
				return nil, err
			}
		} else {
			// A server may have been faster; its end is waited for as well.
			row, err := s.o.DB.JobRun.Get(ctx, r.ID)
			if err != nil || row.FinishedAt != nil {
				return row, err
			}
		}
		select {
		case <-time.After(s.o.Poll):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
