package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/store"
)

// slotLock keeps servers on PostgreSQL from taking the same slots at the same moment.
// What decides is the unique index; this only saves the refused inserts.
const slotLock = "SELECT pg_advisory_xact_lock(7091023)"

// skippedRows is how many of the slots that are skipped at once get a row each.
const skippedRows = 50

// Tick puts what is due into the queue. It is cheap while nothing is.
func (s *Service) Tick(ctx context.Context) error {
	now := s.now()
	var faults []error
	for _, d := range s.jobs {
		if d.schedule == nil {
			continue
		}
		s.mu.Lock()
		next := s.due[d.Name]
		s.mu.Unlock()
		if now.Before(next) {
			continue
		}
		last, err := s.take(ctx, d, now)
		if err != nil {
			faults = append(faults, fmt.Errorf("take the slots of %s: %w", d.Name, err))
			continue
		}
		s.mu.Lock()
		s.due[d.Name] = d.next(last)
		s.mu.Unlock()
	}
	return errors.Join(faults...)
}

// take makes the runs of all slots up to now that have none, and returns the last one
// that has.
func (s *Service) take(ctx context.Context, d *Definition, now time.Time) (last time.Time, err error) {
	var known time.Time
	err = s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
		if s.o.DB.Dialect() == dialect.Postgres {
			if _, err := tx.ExecContext(ctx, slotLock); err != nil {
				return err
			}
		}
		newest, err := tx.JobRun.Query().Where(jobrun.Job(d.Name), jobrun.TriggerEQ(jobrun.TriggerSchedule)).
			Order(jobrun.ByScheduledFor(sql.OrderDesc())).Select(jobrun.FieldScheduledFor).First(ctx)
		if ent.IsNotFound(err) {
			// The job is new: what was due before it was known is not missed.
			last = d.before(now)
			if last.IsZero() {
				last = now
				return nil
			}
			return s.skip(ctx, tx, d, last, "the job was not there yet")
		}
		if err != nil {
			return err
		}
		known, last = newest.ScheduledFor, newest.ScheduledFor
		return s.catchUp(ctx, tx, d, &last, now)
	})
	if f := store.Classify(err); f.Is("job_runs_job_scheduled_for") {
		return known, nil // another server took it: look again
	}
	return last, err
}

// catchUp makes runs of the slots after last, and moves that on.
func (s *Service) catchUp(ctx context.Context, tx *ent.Tx, d *Definition, last *time.Time, now time.Time) error {
	var due, missed []time.Time
	for slot := d.next(*last); !slot.IsZero() && !slot.After(now); slot = d.next(slot) {
		*last = slot
		switch {
		case d.Grace > 0 && now.Sub(slot) > d.Grace:
			missed = append(missed, slot)
			continue
		case d.CatchUp == Latest:
			missed, due = append(missed, due...), due[:0]
		}
		due = append(due, slot)
	}
	if extra := len(missed) - skippedRows; extra > 0 {
		if err := s.skip(ctx, tx, d, missed[extra], fmt.Sprintf("missed, and so were the %d slots before it", extra)); err != nil {
			return err
		}
		missed = missed[extra+1:]
	}
	for _, slot := range missed {
		if err := s.skip(ctx, tx, d, slot, "missed: no server ran"); err != nil {
			return err
		}
	}
	for _, slot := range due {
		r := tx.JobRun.Create().SetJob(d.Name).SetScheduledFor(slot).SetSlot(slot).SetTrigger(jobrun.TriggerSchedule).SetMaxAttempts(d.Attempts)
		if _, err := s.enqueueNew(ctx, tx, r); err != nil {
			return err
		}
	}
	return nil
}

// skip notes that a slot is not run.
func (s *Service) skip(ctx context.Context, tx *ent.Tx, d *Definition, slot time.Time, why string) error {
	now := s.now()
	return tx.JobRun.Create().SetJob(d.Name).SetScheduledFor(slot).SetSlot(slot).SetTrigger(jobrun.TriggerSchedule).
		SetState(jobrun.StateSkipped).SetMaxAttempts(d.Attempts).SetFinishedAt(now).SetError(why).
		SetCreatedAt(now).SetUpdatedAt(now).Exec(ctx)
}

// enqueueNew makes a run and puts it into the queue, both in tx.
func (s *Service) enqueueNew(ctx context.Context, tx *ent.Tx, c *ent.JobRunCreate) (*ent.JobRun, error) {
	now := s.now()
	r, err := c.SetState(jobrun.StateQueued).SetNextAttemptAt(now).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return nil, err
	}
	id, err := s.queue.insert(ctx, tx, r, 0)
	if err != nil {
		return nil, err
	}
	return r.Update().SetQueueID(id).SetUpdatedAt(now).Save(ctx)
}
