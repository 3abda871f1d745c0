package job

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/actor"
	"aliaport/internal/page"
)

// Filter narrows the list of runs.
type Filter struct {
	Job          *string
	State        *jobrun.State
	ScheduledFor *page.Range
}

// List returns one page of the runs, the newest first.
func (s *Service) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.JobRun], error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	hash, err := page.Hash("jobRuns", f)
	if err != nil {
		return nil, err
	}
	p, err := s.o.Pages.New(a, s.o.PageLimits, page.Order{Name: "SCHEDULED_FOR", Column: jobrun.FieldScheduledFor, Kind: page.Time, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	where := f.condition()
	rows, err := s.o.DB.JobRun.Query().Where(where, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list runs of jobs: %w", err)
	}
	return page.Read(p, rows, func(r *ent.JobRun) (any, int64) { return r.ScheduledFor, r.ID }, func(ctx context.Context) (int, error) {
		n, err := s.o.DB.JobRun.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count runs of jobs: %w", err)
		}
		return n, nil
	}), nil
}

func (f *Filter) condition() func(*sql.Selector) {
	return func(s *sql.Selector) {
		if f.Job != nil {
			s.Where(sql.EQ(s.C(jobrun.FieldJob), *f.Job))
		}
		if f.State != nil {
			s.Where(sql.EQ(s.C(jobrun.FieldState), *f.State))
		}
		if f.ScheduledFor != nil {
			f.ScheduledFor.Within(jobrun.FieldScheduledFor)(s)
		}
	}
}

// Status is a job as it stands.
type Status struct {
	*Definition
	Next                 *time.Time
	LastRun, LastSuccess *ent.JobRun
	// Late is the slot for which it should have run by now.
	Late *time.Time
}

// Cron is when it runs; nil: on demand only.
func (s *Status) Cron() *string {
	if s.Schedule == "" {
		return nil
	}
	return &s.Schedule
}

// TimeoutSeconds is how long an attempt may take.
func (s *Status) TimeoutSeconds() int { return int(s.Timeout.Seconds()) }

// Jobs lists the jobs by name, each with its newest runs, in two statements.
func (s *Service) Jobs(ctx context.Context) ([]*Status, error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	list := make([]*Status, 0, len(s.jobs))
	byName := map[string]*Status{}
	for _, d := range s.jobs {
		j := &Status{Definition: d, Next: s.Next(d)}
		list, byName[d.Name] = append(list, j), j
	}
	for _, want := range []struct {
		where string
		put   func(*Status, *ent.JobRun)
	}{
		{"", func(j *Status, r *ent.JobRun) { j.LastRun = r }},
		{" AND state = 'SUCCEEDED'", func(j *Status, r *ent.JobRun) { j.LastSuccess = r }},
	} {
		rows, err := s.newest(ctx, want.where)
		if err != nil {
			return nil, fmt.Errorf("newest runs of jobs: %w", err)
		}
		for _, r := range rows {
			want.put(byName[r.Job], r)
		}
	}
	now := s.now()
	for _, j := range list {
		slot := j.before(now.Add(-j.Alarm))
		known := j.schedule != nil && !slot.IsZero() && j.LastRun != nil
		if known && (j.LastSuccess == nil || j.LastSuccess.Slot.Before(slot)) {
			if late, err := s.missing(ctx, j.Definition, now); err == nil && !late.IsZero() {
				j.Late = &late
			}
		}
	}
	return list, nil
}

// newest is the last run of each job that fits, each found at the end of an index.
func (s *Service) newest(ctx context.Context, where string) ([]*ent.JobRun, error) {
	names := make([]string, 0, len(s.jobs))
	for _, d := range s.jobs {
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	return s.o.DB.JobRun.Query().Where(func(sel *sql.Selector) {
		id := sel.C(jobrun.FieldID)
		sel.Where(sql.P(func(b *sql.Builder) {
			b.WriteString(id).WriteString(" IN (")
			for i, name := range names {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString("(SELECT id FROM job_runs WHERE job = ").Arg(name).WriteString(where).
					WriteString(" ORDER BY scheduled_for DESC LIMIT 1)")
			}
			b.WriteString(")")
		}))
	}).All(ctx)
}

// Recent are the newest runs of a job, or of all when the name is empty, for commands.
func (s *Service) Recent(ctx context.Context, name string, n int) ([]*ent.JobRun, error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	q := s.o.DB.JobRun.Query()
	if name != "" {
		q.Where(jobrun.Job(name))
	}
	return q.Order(jobrun.ByScheduledFor(sql.OrderDesc()), jobrun.ByID(sql.OrderDesc())).Limit(n).All(ctx)
}
