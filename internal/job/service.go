package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Options are what a Service is made of. Zero durations have defaults.
type Options struct {
	DB         *store.DB
	Now        func() time.Time // nil: the clock
	Log        *slog.Logger     // nil: nothing is logged
	Pages      *page.Codec
	PageLimits page.Limits

	Jobs []Definition
	// Schedules replace those of the definitions, by name; Off turns one off.
	Schedules map[string]string
	// Notify is told, in the transaction that finds it, what somebody should know; nil: nobody.
	Notify func(ctx context.Context, tx *ent.Tx, n Notice) error
	// Finished is told of each attempt that ended; nil: nobody.
	Finished func(Outcome)

	Server  string        // the name of this process in the runs; "": host and process
	Workers int           // how many jobs run at once here; 0: 4
	Tick    time.Duration // between looks at the schedules; 0: 1 s
	Poll    time.Duration // between looks into the queue; 0: 1 s
	Beat    time.Duration // between signs of life of a run; 0: 5 s
	Lost    time.Duration // after so long without one it is taken over; 0: 45 s
}

// Notice is what somebody should know of a job.
type Notice struct {
	Kind NoticeKind
	Job  *Definition
	Slot time.Time
	Run  *ent.JobRun // of Failed
	Text string      // the error
	// Key is the same for the same thing, whoever tells it and how often.
	Key string
}

// NoticeKind is what there is to know.
type NoticeKind string

// Kinds of notices.
const (
	Failed  NoticeKind = "FAILED"      // the last attempt failed
	Overdue NoticeKind = "DID_NOT_RUN" // no success for a slot in time
)

// Outcome is how an attempt ended, for metrics.
type Outcome struct {
	Job     string
	State   jobrun.State
	Trigger jobrun.Trigger
	Took    time.Duration
	Rows    int64
}

// Service knows the jobs, their schedules and their runs.
type Service struct {
	o     Options
	jobs  []*Definition // by name
	names map[string]*Definition
	queue *queue

	mu      sync.Mutex
	due     map[string]time.Time // the next slot of a job, as far as this process knows
	running map[int64]context.CancelCauseFunc
	overdue map[string]time.Time // the slot for which a job is late
	told    map[string]time.Time // the slot for which that was told
	deaf    time.Time            // until when, as far as is known, nobody could give a sign of life

	stopping chan struct{} // closed when runs are told to stop
	stopOnce sync.Once
}

// New checks the definitions. The service serves the API and commands at once; Start
// makes it carry out.
func New(o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = calendar.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, *ent.Tx, Notice) error { return nil }
	}
	if o.Finished == nil {
		o.Finished = func(Outcome) {}
	}
	if o.Server == "" {
		host, _ := os.Hostname() // without one the number must do
		o.Server = fmt.Sprintf("%.80s/%d", host, os.Getpid())
	}
	o.Workers = orDefault(o.Workers, 4)
	o.Tick = orDefault(o.Tick, time.Second)
	o.Poll = orDefault(o.Poll, time.Second)
	o.Beat = orDefault(o.Beat, 5*time.Second)
	o.Lost = orDefault(o.Lost, 45*time.Second)
	s := &Service{
		o: o, names: map[string]*Definition{}, due: map[string]time.Time{}, running: map[int64]context.CancelCauseFunc{},
		overdue: map[string]time.Time{}, told: map[string]time.Time{}, stopping: make(chan struct{}),
	}
	s.deaf = s.now() // what was before this process is not known
	var faults []error
	for _, d := range o.Jobs {
		p, err := d.prepared(o.Schedules)
		switch {
		case err != nil:
			faults = append(faults, err)
			continue
		case s.names[d.Name] != nil:
			faults = append(faults, fmt.Errorf("job %s is there twice", d.Name))
		}
		s.names[d.Name] = p
		s.jobs = append(s.jobs, p)
	}
	for name := range o.Schedules {
		if s.names[name] == nil {
			faults = append(faults, fmt.Errorf("a schedule is given for the job %q, which is not there", name))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	slices.SortFunc(s.jobs, func(a, b *Definition) int { return cmp.Compare(a.Name, b.Name) })
	var err error
	s.queue, err = newQueue(s)
	return s, err
}

func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Microsecond) }

// Start makes this process carry out jobs until ctx ends or Stop is called.
func (s *Service) Start(ctx context.Context) error {
	if err := s.Recover(ctx); err != nil {
		s.o.Log.WarnContext(ctx, "runs of jobs not looked after", "err", err)
	}
	if err := s.queue.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the queue: %w", err)
	}
	go s.watch(ctx)
	return nil
}

// watch looks at the schedules, at runs that were left, and at those that did not come.
func (s *Service) watch(ctx context.Context) {
	tick, left, late := time.NewTicker(s.o.Tick), time.NewTicker(s.o.Lost/4), time.NewTicker(time.Minute)
	defer tick.Stop()
	defer left.Stop()
	defer late.Stop()
	for {
		var err error
		select {
		case <-tick.C:
			err = s.Tick(ctx)
		case <-left.C:
			err = s.Recover(ctx)
		case <-late.C:
			err = s.Watch(ctx)
		case <-ctx.Done():
			return
		}
		if err != nil && ctx.Err() == nil && store.Classify(err).Kind != store.ReadOnly { // else they are made up for
			s.o.Log.WarnContext(ctx, "schedules of jobs not kept", "err", err)
		}
	}
}

// errStopping ends runs when the server stops.
var errStopping = errors.New("the server is stopping")

// Stop takes no more jobs, lets those that run go on until soft ends, then tells them
// to stop, and waits until hard ends. What was stopped goes back into the queue and
// does not count as an attempt.
func (s *Service) Stop(soft, hard context.Context) error {
	err := s.queue.client.Stop(soft)
	if err == nil {
		return nil
	}
	s.stopOnce.Do(func() { close(s.stopping) })
	s.mu.Lock()
	for _, cancel := range s.running {
		cancel(errStopping)
	}
	s.mu.Unlock()
	if err := s.queue.client.Stop(hard); err != nil {
		return fmt.Errorf("jobs still ran: %w", err)
	}
	return nil
}

// Definitions lists the jobs by name.
func (s *Service) Definitions() []*Definition { return s.jobs }

// Find is the job of a name; nil when there is none.
func (s *Service) Find(name string) *Definition { return s.names[name] }

// Next is the next slot of a job; nil when it has no schedule.
func (s *Service) Next(d *Definition) *time.Time {
	if n := d.next(s.now()); !n.IsZero() {
		return &n
	}
	return nil
}
