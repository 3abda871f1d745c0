package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/jobrun"
)

// Watch looks for jobs that have not succeeded in time for a slot, and tells each once.
func (s *Service) Watch(ctx context.Context) error {
	now := s.now()
	late := map[string]time.Time{}
	var faults []error
	refused, err := s.o.DB.ReadOnlyState.Query().Exist(ctx)
	if err != nil {
		return fmt.Errorf("read whether the database is read only: %w", err)
	}
	for _, d := range s.jobs {
		if d.schedule == nil {
			continue
		}
		slot, err := s.missing(ctx, d, now)
		if err != nil {
			faults = append(faults, fmt.Errorf("look whether %s ran: %w", d.Name, err))
			continue
		}
		if slot.IsZero() {
			continue
		}
		late[d.Name] = slot
		if refused || s.told[d.Name].Equal(slot) { // only Watch reads and writes it
			continue
		}
		s.o.Log.ErrorContext(ctx, "job did not run", "job", d.Name, "slot", slot, "alarm", d.Alarm)
		err = s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
			return s.o.Notify(ctx, tx, Notice{
				Kind: Overdue, Job: d, Slot: slot, Text: fmt.Sprintf("no success within %s", d.Alarm),
				Key: "job_overdue:" + d.Name + ":" + slot.UTC().Format(time.RFC3339),
			})
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("tell that %s did not run: %w", d.Name, err))
			continue
		}
		s.told[d.Name] = slot
	}
	s.mu.Lock()
	s.overdue = late
	s.mu.Unlock()
	return errors.Join(faults...)
}

// missing is the slot that should have been done by now and was not; zero when all is well.
func (s *Service) missing(ctx context.Context, d *Definition, now time.Time) (time.Time, error) {
	slot := d.before(now.Add(-d.Alarm))
	if slot.IsZero() {
		return slot, nil
	}
	// The first row only says since when the job is known.
	first, err := s.o.DB.JobRun.Query().Where(jobrun.Job(d.Name), jobrun.TriggerEQ(jobrun.TriggerSchedule)).
		Order(jobrun.ByScheduledFor()).Select(jobrun.FieldScheduledFor).First(ctx)
	if ent.IsNotFound(err) || err == nil && !slot.After(first.ScheduledFor) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	last, err := s.lastSuccess(ctx, d.Name)
	if err != nil || last != nil && !last.Slot.Before(slot) {
		return time.Time{}, err
	}
	return slot, nil
}

// lastSuccess is the newest run of a job that succeeded; nil when there is none.
func (s *Service) lastSuccess(ctx context.Context, name string) (*ent.JobRun, error) {
	r, err := s.o.DB.JobRun.Query().Where(jobrun.Job(name), jobrun.StateEQ(jobrun.StateSucceeded)).
		Order(jobrun.ByScheduledFor(sql.OrderDesc()), jobrun.ByID(sql.OrderDesc())).First(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there may be none
	}
	return r, err
}

// Late are the jobs that did not run in time, with the slot, as Watch last saw it.
func (s *Service) Late() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.overdue)
}
