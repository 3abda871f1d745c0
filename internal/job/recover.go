package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/ent/predicate"
)

// Recover looks after runs that are open: those whose process went silent begin again,
// and those that the queue does not have are put into it. Any number of servers may do so.
func (s *Service) Recover(ctx context.Context) error {
	return errors.Join(
		s.recoverSilent(ctx),
		s.each(ctx, s.requeue, jobrun.FinishedAtIsNil(), jobrun.StateNEQ(jobrun.StateRunning)),
	)
}

// recoverSilent looks after those alone whose process went silent. While the database is
// read only all are silent, and some time passes afterwards until they can be heard.
func (s *Service) recoverSilent(ctx context.Context, where ...predicate.JobRun) error {
	refused, err := s.o.DB.ReadOnlyState.Query().Exist(ctx)
	if err != nil {
		return fmt.Errorf("read whether the database is read only: %w", err)
	}
	s.mu.Lock()
	if refused {
		s.deaf = s.now()
	}
	heard := s.now().Sub(s.deaf) > s.o.Lost
	s.mu.Unlock()
	if !heard {
		return nil
	}
	return s.each(ctx, func(ctx context.Context, row *ent.JobRun) error {
		if row.AliveAt == nil || s.now().Sub(*row.AliveAt) > s.o.Lost {
			return s.takeOver(ctx, row)
		}
		return nil
	}, append(where, jobrun.StateEQ(jobrun.StateRunning))...)
}

// each goes on with the next run where one fails.
func (s *Service) each(ctx context.Context, do func(context.Context, *ent.JobRun) error, where ...predicate.JobRun) error {
	open, err := s.o.DB.JobRun.Query().Where(where...).Order(jobrun.ByID()).All(ctx)
	if err != nil {
		return fmt.Errorf("look for open runs: %w", err)
	}
	var faults []error
	for _, row := range open {
		if err := do(ctx, row); err != nil {
			faults = append(faults, fmt.Errorf("look after run %d of %s: %w", row.ID, row.Job, err))
		}
	}
	return errors.Join(faults...)
}

// takeOver ends an attempt whose process is silent.
func (s *Service) takeOver(ctx context.Context, row *ent.JobRun) error {
	r := &Run{ID: row.ID, Job: row.Job, Slot: row.Slot, Trigger: row.Trigger, Attempt: row.Attempts, service: s, queueID: row.QueueID}
	ended := false
	err := s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		now := s.now()
		// Silent means silent until now: the row is locked by this.
		where := append(r.mine(), jobrun.Or(jobrun.AliveAtIsNil(), jobrun.AliveAtLT(now.Add(-s.o.Lost))))
		u := tx.JobRun.Update().Where(where...).SetUpdatedAt(now).SetError(errSilent.Error()).ClearAliveAt()
		switch {
		case row.CancelRequested:
			u.SetState(jobrun.StateCancelled).SetFinishedAt(now)
		case row.Attempts >= row.MaxAttempts:
			ended = true
			u.SetState(jobrun.StateFailed).SetFinishedAt(now)
		default:
			id, err := s.queue.insert(ctx, tx, row, 0)
			if err != nil {
				return err
			}
			u.SetState(jobrun.StateQueued).SetQueueID(id).SetNextAttemptAt(now)
		}
		n, err := u.Save(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			return errStale // undoes what was queued
		}
		if !ended {
			return nil
		}
		res := result{state: jobrun.StateFailed, err: errSilent}
		if err := s.record(acting(ctx, r, *row.StartedAt), tx, row, res, 0); err != nil {
			return err
		}
		d := s.names[row.Job]
		if d == nil {
			d = &Definition{Name: row.Job}
		}
		if row, err = tx.JobRun.Get(ctx, row.ID); err != nil {
			return err
		}
		return s.o.Notify(ctx, tx, Notice{Kind: Failed, Job: d, Slot: r.Slot, Run: row, Text: errSilent.Error(), Key: fmt.Sprintf("job_failed:%d", r.ID)})
	})
	if errors.Is(err, errStale) {
		return nil
	}
	if err == nil {
		s.o.Log.WarnContext(ctx, "run of a job taken over", "job", row.Job, "run", row.ID, "attempt", row.Attempts)
		if ended {
			s.o.Finished(Outcome{Job: row.Job, State: jobrun.StateFailed, Trigger: row.Trigger})
		}
	}
	return err
}

// requeue puts a waiting run into the queue if it is not there.
func (s *Service) requeue(ctx context.Context, row *ent.JobRun) error {
	err := s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		held, err := s.queue.holds(ctx, tx, row)
		if err != nil || held {
			return err
		}
		now := s.now()
		var pause time.Duration
		if row.NextAttemptAt != nil {
			pause = max(0, row.NextAttemptAt.Sub(now))
		}
		id, err := s.queue.insert(ctx, tx, row, pause)
		if err != nil {
			return err
		}
		where := []predicate.JobRun{jobrun.ID(row.ID), jobrun.StateEQ(row.State), jobrun.Attempts(row.Attempts)}
		if row.QueueID != nil {
			where = append(where, jobrun.QueueID(*row.QueueID))
		} else {
			where = append(where, jobrun.QueueIDIsNil())
		}
		n, err := tx.JobRun.Update().Where(where...).SetQueueID(id).SetUpdatedAt(now).Save(ctx)
		if err == nil && n == 0 {
			err = errStale // undoes what was queued
		}
		return err
	})
	if errors.Is(err, errStale) {
		return nil
	}
	return err
}
