package job

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// dated is a job of the simulated year. The moments at which it is due are found by
// on, minute by minute, without the library that reads schedules.
type dated struct {
	name, schedule string
	catchUp        CatchUp
	grace          time.Duration
	on             func(local time.Time) bool
}

func at(local time.Time, hour, minute int) bool {
	return local.Hour() == hour && local.Minute() == minute
}

// year has the schedules of the port. Of what is due every ten minutes only some days
// are lived through, the leap day among them.
var year = []dated{
	{"rates", "5 9 * * *", Latest, 0, func(l time.Time) bool { return at(l, 9, 5) }},
	{"rates_afternoon", "5 16 * * 1-5", Skip, 2 * time.Hour, func(l time.Time) bool {
		return at(l, 16, 5) && l.Weekday() != time.Saturday && l.Weekday() != time.Sunday
	}},
	{"audit_archive", "30 3 1 * *", Latest, 0, func(l time.Time) bool { return l.Day() == 1 && at(l, 3, 30) }},
	{"backup", "0 3 * * *", Latest, 0, func(l time.Time) bool { return at(l, 3, 0) }},
	{"backup_drill", "30 5 * * 0", Latest, 0, func(l time.Time) bool { return l.Weekday() == time.Sunday && at(l, 5, 30) }},
	{"watch", "*/10 * 27-29 2 *", Skip, 9 * time.Minute, func(l time.Time) bool {
		return l.Month() == time.February && l.Day() >= 27 && l.Minute()%10 == 0
	}},
	{"monthly_report", "0 6 1 * *", Each, 0, func(l time.Time) bool { return l.Day() == 1 && at(l, 6, 0) }},
	{"month_end", "59 23 28-31 * *", Each, 0, func(l time.Time) bool { return l.Day() >= 28 && at(l, 23, 59) }},
	{"leap_day", "0 12 29 2 *", Each, 0, func(l time.Time) bool { return l.Month() == time.February && l.Day() == 29 && at(l, 12, 0) }},
}

// span is a time in which no server runs.
type span struct{ from, to time.Time }

// away are nights, a week end, the turn of two months, three weeks, and a restart on
// the minute of a slot.
var away = []span{
	{local(2028, 1, 31, 23, 30), local(2028, 2, 1, 8, 0)},
	{local(2028, 2, 28, 13, 7), local(2028, 2, 28, 13, 52)},
	{local(2028, 2, 28, 23, 50), local(2028, 2, 29, 12, 0)},
	{local(2028, 4, 15, 1, 0), local(2028, 4, 16, 20, 0)},
	{local(2028, 6, 20, 9, 0), local(2028, 9, 2, 11, 0)},
	{local(2028, 11, 30, 2, 59), local(2028, 11, 30, 3, 1)},
	{local(2028, 12, 1, 3, 0), local(2028, 12, 1, 3, 0).Add(30 * time.Second)},
}

func local(y int, m time.Month, day, hour, minute int) time.Time {
	return time.Date(y, m, day, hour, minute, 0, 0, calendar.Istanbul).UTC()
}

// slotOf names a slot of a job.
func slotOf(job string, at time.Time) string {
	return job + " " + at.In(calendar.Istanbul).Format("2006-01-02 15:04")
}

// expected is what a year must bring: which slots run, and which are skipped.
func expected(from, to time.Time) (run, skip map[string]bool) {
	run, skip = map[string]bool{}, map[string]bool{}
	for _, j := range year {
		missed := map[int][]time.Time{} // by the time away in which they were
		for slot := from; slot.Before(to); slot = slot.Add(time.Minute) {
			if !j.on(slot.In(calendar.Istanbul)) {
				continue
			}
			i := slices.IndexFunc(away, func(s span) bool { return !slot.Before(s.from) && slot.Before(s.to) })
			if i < 0 {
				run[slotOf(j.name, slot)] = true
				continue
			}
			missed[i] = append(missed[i], slot)
		}
		for i, slots := range missed {
			back := away[i].to
			for n, slot := range slots {
				runs := false
				switch j.catchUp {
				case Each:
					runs = true
				case Latest: // unless there is another on the minute of the return
					runs = n == len(slots)-1 && !run[slotOf(j.name, back)]
				case Skip:
					runs = back.Sub(slot) <= j.grace
				}
				if runs {
					run[slotOf(j.name, slot)] = true
				} else {
					skip[slotOf(j.name, slot)] = true
				}
			}
		}
	}
	return run, skip
}

// TestAYearOfSlots lives through 2028, a leap year, with two servers whose clocks are
// not quite the same, both of which are away now and then, and both of which take up
// every run at the same moment: each slot runs once, or is skipped as its policy says.
func TestAYearOfSlots(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		start := time.Now()
		from, to := local(2028, 1, 1, 0, 0), local(2029, 1, 1, 0, 0)
		var mu sync.Mutex
		ran := map[string]int{}
		var order []string
		clock := from
		server := func(name string, skew time.Duration) *Service {
			o := Options{DB: db, Now: func() time.Time { return clock.Add(skew) }, Server: name}
			for _, j := range year {
				o.Jobs = append(o.Jobs, Definition{
					Name: j.name, Schedule: j.schedule, CatchUp: j.catchUp, Grace: j.grace,
					Run: func(_ context.Context, r *Run) (int64, error) {
						mu.Lock()
						defer mu.Unlock()
						ran[slotOf(r.Job, r.Slot)]++
						order = append(order, slotOf(r.Job, r.Slot))
						return 0, nil
					},
				})
			}
			s, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		skipped := map[string]bool{}
		for _, r := range tick(t, db, []*Service{server("first", 0)}) { // what was due before the jobs were known
			if r.State != jobrun.StateSkipped {
				t.Errorf("before the first start: %v", r)
			}
		}
		servers := []*Service{server("first", 0), server("second", 400*time.Millisecond)}
		seen := 0
		for _, moment := range moments(servers[0], from, to) {
			clock = moment
			if moment.Minute() == 0 && moment.Day() == 1 && moment.Hour() < 4 { // old runs are removed meanwhile, and slots do not come back
				if _, err := servers[0].Sweep(t.Context(), moment.AddDate(0, 0, -90)); err != nil {
					t.Fatal(err)
				}
			}
			if slices.ContainsFunc(away, func(s span) bool { return s.to.Equal(moment) }) { // processes start
				servers = []*Service{server("first", 0), server("second", 400*time.Millisecond)}
			}
			if rand.IntN(2) == 0 {
				slices.Reverse(servers)
			}
			for _, r := range tick(t, db, servers) {
				seen++
				if r.State == jobrun.StateSkipped {
					skipped[slotOf(r.Job, r.ScheduledFor)] = true
					continue
				}
				if r.Attempts != 1 || r.State != jobrun.StateSucceeded {
					t.Errorf("run %v", r)
				}
			}
		}
		run, skip := expected(from.Add(time.Minute), to)
		for slot := range run {
			if ran[slot] != 1 {
				t.Errorf("%s ran %d times", slot, ran[slot])
			}
		}
		for slot, n := range ran {
			if !run[slot] {
				t.Errorf("%s was not to run, and did %d times", slot, n)
			}
		}
		for slot := range skipped {
			if !skip[slot] {
				t.Errorf("%s was not to be skipped", slot)
			}
		}
		for slot := range skip { // of very many one row tells
			if !skipped[slot] && !strings.HasPrefix(slot, "watch ") && !strings.HasPrefix(slot, "rates") && !strings.HasPrefix(slot, "backup ") {
				t.Errorf("no row tells that %s was skipped", slot)
			}
		}
		var reports []string
		for _, slot := range order {
			if strings.HasPrefix(slot, "monthly_report ") {
				reports = append(reports, slot)
			}
		}
		if len(reports) != 12 || !slices.IsSorted(reports) {
			t.Errorf("reports were made in the order %v", reports)
		}
		for _, must := range []string{"leap_day 2028-02-29 12:00", "month_end 2028-02-29 23:59", "month_end 2028-12-31 23:59", "backup 2028-02-29 03:00"} {
			if ran[must] != 1 {
				t.Errorf("%s ran %d times", must, ran[must])
			}
		}
		t.Logf("%d slots ran, %d were skipped (%d rows), in %s", len(run), len(skip), seen, time.Since(start).Round(time.Millisecond))
	})
}

// moments are those at which something is due, and those at which servers come back.
func moments(s *Service, from, to time.Time) (list []time.Time) {
	for _, d := range s.jobs {
		for slot := d.next(from); slot.Before(to); slot = d.next(slot) {
			if !slices.ContainsFunc(away, func(s span) bool { return !slot.Before(s.from) && slot.Before(s.to) }) {
				list = append(list, slot)
			}
		}
	}
	for _, s := range away {
		list = append(list, s.to)
	}
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
}

// tick lets all servers look at their schedules at the same moment, and then try to
// carry out all that is queued. It returns what came into being.
func tick(t *testing.T, db *store.DB, servers []*Service) []*ent.JobRun {
	t.Helper()
	last := 0
	if newest, err := db.JobRun.Query().Order(jobrun.ByID(sql.OrderDesc())).FirstID(t.Context()); err == nil {
		last = int(newest)
	}
	var all sync.WaitGroup
	faults := make(chan error, len(servers))
	for _, s := range servers {
		all.Go(func() {
			if err := s.Tick(t.Context()); err != nil {
				faults <- fmt.Errorf("%s: %w", s.o.Server, err)
			}
		})
	}
	all.Wait()
	for _, r := range db.JobRun.Query().Where(jobrun.StateEQ(jobrun.StateQueued)).Order(jobrun.ByID()).AllX(t.Context()) {
		for _, s := range servers {
			all.Go(func() { s.attempt(t.Context(), r.ID, r.QueueID) })
		}
		all.Wait()
	}
	close(faults)
	for err := range faults {
		t.Error(err)
	}
	return db.JobRun.Query().Where(jobrun.IDGT(int64(last))).Order(jobrun.ByID()).AllX(t.Context())
}
