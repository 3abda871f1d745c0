// Package job runs what has to be done at set times, or away from a request, once,
// whichever and however many servers there are.
//
// A job is registered by one Definition in server/jobs.go:
//
//	job.Definition{
//		Name:     "rates",                              // in the API, the trail, metrics, settings
//		Title:    "Döviz kurlarını al",                 // for people
//		Does:     "Fetches the bank's newest bulletin", // for people
//		Schedule: "5 9 * * *",                          // cron, Europe/Istanbul; empty: only on demand
//		CatchUp:  job.Latest,                           // of slots that were missed, run the newest
//		Timeout:  5 * time.Minute,                      // of one attempt
//		Attempts: 4,
//		Pauses:   []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute},
//		Run: func(ctx context.Context, r *job.Run) (rows int64, err error) {
//			r.Log.InfoContext(ctx, "fetched", "rates", 5) // its last lines are kept with the run
//			return 5, nil
//		},
//	}
//
// The function acts as the system (actor.System), is told by ctx to stop, and may
// see r.Slot, the moment it is for: the month of a monthly report follows from that,
// not from the clock, so that a run caught up or retried does what was due. It may
// run again after it was killed in the middle, so it must be able to go on or begin
// anew; what it does in one transaction happens once if that transaction ends with
// r.Finish. An error that no repetition mends is wrapped by Permanent.
//
// What decides is the table job_runs. A slot is a row (unique by job and moment) that
// is made in the transaction which puts it into the queue; a job runs once at a time
// (unique by job while it runs); only the attempt that the row names can finish it.
// The queue, River, carries out: it may be lost, and is filled again from the rows.
package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/robfig/cron/v3"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/calendar"
)

// CatchUp says what becomes of slots that were missed while no server ran.
type CatchUp string

// Policies.
const (
	Latest CatchUp = "LATEST" // the newest runs, those before it are skipped
	Each   CatchUp = "EACH"   // all run, the oldest first
	Skip   CatchUp = "SKIP"   // none runs: there will soon be another
)

// Definition is a job. Zero values are sensible but for Name and Run.
type Definition struct {
	Name        string
	Title, Does string // for people: in Turkish, and in English
	Schedule    string // cron in Europe/Istanbul, with or without seconds
	CatchUp     CatchUp
	// Grace is how late a slot may still run; 0: with Skip five minutes, else as late as it gets.
	Grace time.Duration
	// Timeout is for one attempt; 0: ten minutes.
	Timeout  time.Duration
	Attempts int // at most; 0: 3
	// Pauses are those before the second attempt and so on, the last for all that follow, each up to a
	// fifth longer; none: 1 minute, then twice the one before up to an hour.
	Pauses []time.Duration
	// Alarm is how long after a slot it must have succeeded; 0: what its attempts may take, and ten minutes.
	Alarm time.Duration
	Run   func(ctx context.Context, r *Run) (rows int64, err error)

	schedule cron.Schedule
}

// Run is one attempt of a job.
type Run struct {
	ID      int64
	Job     string
	Slot    time.Time // what it is for
	Trigger jobrun.Trigger
	Attempt int // 1, 2, 3 …
	Log     *slog.Logger

	service  *Service
	queueID  *int64
	earlier  string // log of earlier attempts
	tail     *tail
	finished atomic.Bool // Finish was called
}

// ErrLost says that the attempt is not the one that counts any more: it was silent
// for too long, and another process does it again.
var ErrLost = errors.New("another process has taken the run over")

// Finish notes, in the transaction of what the attempt does, that it has succeeded, so
// that the one is never without the other, whenever the process may be killed. It
// refuses when the attempt does not count any more; whoever takes it over waits for the
// transaction. Nothing but the commit may follow.
func (r *Run) Finish(ctx context.Context, tx *ent.Tx, rows int64) error {
	s := r.service
	now := s.now()
	n, err := tx.JobRun.Update().Where(r.mine()...).SetState(jobrun.StateSucceeded).SetFinishedAt(now).SetUpdatedAt(now).
		ClearAliveAt().ClearError().SetRows(rows).SetLog(r.tail.text()).Save(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLost
	}
	r.finished.Store(true)
	return s.record(ctx, tx, &ent.JobRun{ID: r.ID, Job: r.Job, Slot: r.Slot, Trigger: r.Trigger}, result{state: jobrun.StateSucceeded}, rows)
}

// permanent is an error that the next attempt would meet again.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error after which no other attempt is made.
func Permanent(err error) error { return permanent{err} }

// Defaults of a Definition.
const (
	defaultTimeout  = 10 * time.Minute
	defaultAttempts = 3
	defaultGrace    = 5 * time.Minute
	alarmMargin     = 10 * time.Minute
	maxPause        = time.Hour
)

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9_]{1,49}$`)

var parser = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)

// Off as a schedule in the settings leaves a job to be run on demand.
const Off = "off"

// prepared checks a definition and fills in what it leaves open.
func (d Definition) prepared(schedules map[string]string) (*Definition, error) {
	if !nameRule.MatchString(d.Name) {
		return nil, fmt.Errorf("job %q: the name may have only lower case letters, digits and _", d.Name)
	}
	if d.Run == nil {
		return nil, fmt.Errorf("job %s: it does nothing", d.Name)
	}
	if s, ok := schedules[d.Name]; ok {
		if d.Schedule = strings.TrimSpace(s); strings.EqualFold(d.Schedule, Off) {
			d.Schedule = ""
		}
	}
	if d.Schedule != "" {
		var err error
		if d.schedule, err = parser.Parse(d.Schedule); err != nil {
			return nil, fmt.Errorf("job %s: schedule %q: %w", d.Name, d.Schedule, err)
		}
		if d.next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
			return nil, fmt.Errorf("job %s: schedule %q never comes", d.Name, d.Schedule)
		}
	}
	d.CatchUp = orDefault(d.CatchUp, Latest)
	if !slices.Contains([]CatchUp{Latest, Each, Skip}, d.CatchUp) {
		return nil, fmt.Errorf("job %s: no policy %q", d.Name, d.CatchUp)
	}
	if d.CatchUp == Skip {
		d.Grace = orDefault(d.Grace, defaultGrace)
	}
	d.Timeout = orDefault(d.Timeout, defaultTimeout)
	d.Attempts = orDefault(d.Attempts, defaultAttempts)
	if d.Alarm == 0 {
		d.Alarm = time.Duration(d.Attempts)*d.Timeout + alarmMargin
		for attempt := 1; attempt < d.Attempts; attempt++ {
			d.Alarm += d.pause(attempt)
		}
	}
	return &d, nil
}

// next is the first slot after t; zero when there is none.
func (d *Definition) next(t time.Time) time.Time {
	if d.schedule == nil {
		return time.Time{}
	}
	n := d.schedule.Next(t.In(calendar.Istanbul))
	if n.IsZero() {
		return n
	}
	return n.UTC()
}

// before is the last slot at or before t; zero when there was none in five years.
func (d *Definition) before(t time.Time) (last time.Time) {
	for _, back := range []time.Duration{time.Minute, time.Hour, 26 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour, 5 * 366 * 24 * time.Hour} {
		for n := d.next(t.Add(-back)); !n.IsZero() && !n.After(t); n = d.next(n) {
			last = n
		}
		if !last.IsZero() {
			return last
		}
	}
	return last
}

// pause is that after the attempt of this number, without jitter.
func (d *Definition) pause(attempt int) time.Duration {
	if n := len(d.Pauses); n > 0 {
		return d.Pauses[min(attempt, n)-1]
	}
	return min(maxPause, time.Minute<<min(attempt-1, 10))
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
