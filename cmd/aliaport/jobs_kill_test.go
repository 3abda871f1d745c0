package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent/jobrun"
	"aliaport/ent/monthlyreport"
	"aliaport/ent/notificationevent"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/backup"
	"aliaport/internal/store"
)

// everySeconds are the schedules of a day in which ten minutes are a second: who is due
// every ten minutes comes every second, who is due daily, weekly or monthly a few times.
var everySeconds = map[string]int{"watch": 1, "monthly_report": 4, "rates": 5, "watch_daily": 6, "cleanup": 10, "audit_archive": 12, "backup": 15}

// TestEachSlotRunsOnceThoughServersAreKilled lives through a day of jobs in processes
// of their own, which are killed at random moments, one or all at once.
func TestEachSlotRunsOnceThoughServersAreKilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dialect string
		servers int
	}{"two servers on postgres": {dialect.Postgres, 2}, "restarts on sqlite": {dialect.SQLite, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &jobDayOf{url: aliatest.MigratedURL(t, c.dialect), servers: make([]*served, c.servers), dir: t.TempDir()}
			d.db = aliatest.OpenURL(t, d.url)
			api.Fixture(t, d.db)
			bank := aliatest.NewBank(t)
			var schedules []string
			for job, n := range everySeconds {
				schedules = append(schedules, fmt.Sprintf("%s=*/%d * * * * *", job, n))
			}
			d.settings = []string{
				"ALIAPORT_BACKUP_DIR=" + filepath.Join(d.dir, "backup"), "ALIAPORT_AUDIT_ARCHIVE_DIR=" + filepath.Join(d.dir, "audit"),
				"ALIAPORT_RATE_SOURCE_URL=" + bank.URL, "ALIAPORT_JOB_TICK=100ms", "ALIAPORT_JOB_LOST=2s",
			}
			d.live(t, "ALIAPORT_JOB_SCHEDULES="+strings.Join(schedules, ";")+";backup_drill=off")
			d.settle(t)
			d.slots(t)
			d.effects(t)
		})
	}
}

// jobDayOf is such a day.
type jobDayOf struct {
	url, dir string
	db       *store.DB
	settings []string
	servers  []*served // nil: not there
	token    string
	kills    int
	asked    []string // runs that somebody asked for, as acknowledged
}

// live lets the day pass. Somebody asks for a run now and then.
func (d *jobDayOf) live(t *testing.T, schedules string) {
	t.Helper()
	start := func(i int) {
		d.servers[i] = startOn(t, d.url, freePort(t), freePort(t), append(d.settings, schedules)...)
	}
	for i := range d.servers {
		start(i)
	}
	d.token = d.servers[0].login(t)
	for end := time.Now().Add(jobDay); time.Now().Before(end); {
		time.Sleep(time.Second + rand.N(2*time.Second))
		victims := []int{rand.IntN(len(d.servers))}
		if rand.IntN(4) == 0 { // all at once
			victims = []int{0, len(d.servers) - 1}
		}
		d.ask(t, d.servers[victims[0]])
		if rand.IntN(2) == 0 { // in the middle of a run
			victims = []int{d.busy(t)}
		}
		for _, i := range slices.Compact(victims) {
			if err := d.servers[i].cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			<-d.servers[i].drained
			_ = d.servers[i].cmd.Wait()
			d.kills++
		}
		if rand.IntN(3) == 0 {
			time.Sleep(rand.N(2 * time.Second))
		}
		for _, i := range slices.Compact(victims) {
			start(i)
		}
	}
	for _, p := range d.servers {
		p.end(t)
	}
}

// busy waits for a run that is under way, and may begin again, and returns its server.
func (d *jobDayOf) busy(t *testing.T) int {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, r := range d.db.JobRun.Query().Where(jobrun.StateEQ(jobrun.StateRunning), jobrun.AttemptsLT(3)).AllX(t.Context()) {
			for i, p := range d.servers {
				if strings.HasSuffix(*r.Server, fmt.Sprintf("/%d", p.cmd.Process.Pid)) {
					return i
				}
			}
		}
	}
	return 0
}

// ask asks for a run of a job just before the server is killed.
func (d *jobDayOf) ask(t *testing.T, p *served) {
	t.Helper()
	var data struct {
		RunJob struct{ JobRun *struct{ ID string } }
	}
	err := p.ask(t.Context(), d.token, fmt.Sprintf("istenen-%04d", d.kills), `mutation Run { runJob(input: {job: "watch_daily"}) { jobRun { id } } }`, nil, &data)
	if err != nil || data.RunJob.JobRun == nil {
		t.Fatalf("asked for a run: %+v, error %v", data, err)
	}
	d.asked = append(d.asked, data.RunJob.JobRun.ID)
}

// settle starts a server that makes no new slots, and waits until nothing is open.
func (d *jobDayOf) settle(t *testing.T) {
	t.Helper()
	var off []string
	for job := range everySeconds {
		off = append(off, job+"=off")
	}
	p := startOn(t, d.url, freePort(t), freePort(t), append(d.settings, "ALIAPORT_JOB_SCHEDULES="+strings.Join(off, ";")+";backup_drill=off")...)
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		open := d.db.JobRun.Query().Where(jobrun.FinishedAtIsNil()).AllX(t.Context())
		if len(open) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d runs never end, such as %v\n%s", len(open), open[0], p.output.String())
		}
	}
	var data struct {
		Nodes []*struct{ ID, State string }
	}
	for ids := range slices.Chunk(d.asked, 50) {
		if err := p.ask(t.Context(), d.token, "sonunda-0001", `query Asked($ids: [ID!]!) { nodes(ids: $ids) { id ... on JobRun { state } } }`, map[string]any{"ids": ids}, &data); err != nil {
			t.Fatal(err)
		}
		for i, r := range data.Nodes {
			if r == nil || r.State != "SUCCEEDED" && r.State != "FAILED" {
				t.Errorf("the run %s that was asked for is %+v", ids[i], r)
			}
		}
	}
	p.end(t)
}

// slots looks at each second of the day: every slot has its run, and it ended as it should.
func (d *jobDayOf) slots(t *testing.T) {
	t.Helper()
	repeated, died, total := 0, 0, 0
	for job, n := range everySeconds {
		rows := d.db.JobRun.Query().Where(jobrun.Job(job), jobrun.TriggerEQ(jobrun.TriggerSchedule)).Order(jobrun.ByScheduledFor()).AllX(t.Context())
		states := map[jobrun.State]int{}
		for i, r := range rows {
			states[r.State]++
			total++
			if i > 0 && r.ScheduledFor.Sub(rows[i-1].ScheduledFor) != time.Duration(n)*time.Second {
				t.Errorf("%s: nothing between %s and %s", job, rows[i-1].ScheduledFor, r.ScheduledFor)
			}
			if r.Attempts > 1 {
				repeated++
			}
			switch {
			case r.State == jobrun.StateSucceeded, i == 0:
			case r.State == jobrun.StateSkipped && slices.Contains([]string{"rates", "watch_daily", "cleanup", "audit_archive", "backup"}, job): // of those missed the newest runs
			case r.State == jobrun.StateFailed && r.Attempts == r.MaxAttempts && *r.Error == "the process that ran it ended without a word":
				died++
			default:
				t.Errorf("run %v", r)
			}
		}
		if len(rows) < int(jobDay.Seconds())/n || states[jobrun.StateSucceeded] < len(rows)/4 {
			t.Errorf("%s has %d slots: %v", job, len(rows), states)
		}
	}
	if told := d.db.NotificationEvent.Query().Where(notificationevent.KindIn(notificationevent.KindJobFailed, notificationevent.KindBackupFailed)).CountX(t.Context()); told < died {
		t.Errorf("%d runs were killed as often as they may begin, %d are told", died, told)
	}
	if died > 1+d.kills/10 || jobDay > time.Minute && repeated == 0 {
		t.Errorf("%d runs were killed each time, %d were repeated", died, repeated)
	}
	t.Logf("%d kills, %d slots, %d runs begun again, %d given up, %d runs asked for", d.kills, total, repeated, died, len(d.asked))
}

// reports are counted: each run that succeeded has made one, and told of it.
func (d *jobDayOf) reports(t *testing.T) {
	t.Helper()
	done := d.db.JobRun.Query().Where(jobrun.Job("monthly_report"), jobrun.StateEQ(jobrun.StateSucceeded)).CountX(t.Context())
	reports := d.db.MonthlyReport.Query().Order(monthlyreport.ByMonth(), monthlyreport.ByVersion()).AllX(t.Context())
	versions := map[string]int{}
	for _, r := range reports {
		if versions[r.Month]++; r.Version != versions[r.Month] {
			t.Errorf("report %s version %d comes as number %d", r.Month, r.Version, versions[r.Month])
		}
	}
	told := d.db.NotificationEvent.Query().Where(notificationevent.KindEQ(notificationevent.KindMonthlyReportReady)).CountX(t.Context())
	if len(reports) != done || told != done {
		t.Errorf("%d runs of the report made %d, %d are told of", done, len(reports), told)
	}
}

// effects are what a run leaves: it is there once.
func (d *jobDayOf) effects(t *testing.T) {
	t.Helper()
	d.reports(t)
	list, err := backup.List(filepath.Join(d.dir, "backup"))
	if err != nil || len(list) == 0 {
		t.Fatalf("%d backups: %v", len(list), err)
	}
	for _, m := range list {
		if _, err := backup.Verify(filepath.Join(d.dir, "backup", m.Name)); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	intact(t, d.db)
}

// TestAReportWhoseProcessIsKilledIsMadeOnceOrNotAtAll kills the command that makes a
// report in the middle of it, and runs it again: nothing is open then, and each run that
// has succeeded has made one report.
func TestAReportWhoseProcessIsKilledIsMadeOnceOrNotAtAll(t *testing.T) {
	t.Parallel()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &jobDayOf{url: seededURL(t, dialectName, 3000)}
			d.db = aliatest.OpenURL(t, d.url)
			settings := []string{"ALIAPORT_DATABASE_URL=" + d.url, "ALIAPORT_JOB_LOST=1s", "ALIAPORT_JOB_TICK=100ms"}
			run := func(killAfter time.Duration) {
				cmd, out := asProcess(t.Context(), "jobs", "run", "monthly_report")
				cmd.Env = append(cmd.Env, settings...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				if killAfter >= 0 {
					for ours := fmt.Sprintf("/%d", cmd.Process.Pid); !d.db.JobRun.Query().Where(jobrun.ServerHasSuffix(ours)).ExistX(t.Context()); {
						time.Sleep(time.Millisecond)
					}
					time.Sleep(killAfter)
					_ = cmd.Process.Kill() // it may have ended by itself
				}
				if err := cmd.Wait(); err != nil && killAfter < 0 {
					t.Fatalf("%v: %s", err, out.String())
				}
			}
			run(-1)
			first := d.db.JobRun.Query().OnlyX(t.Context())
			took := first.FinishedAt.Sub(*first.StartedAt)
			kills := 0
			for ; kills < 6 || kills < 40 && !d.db.JobRun.Query().Where(jobrun.StateEQ(jobrun.StateRunning)).ExistX(t.Context()); kills++ {
				run(rand.N(took))
			}
			run(-1)
			states := map[jobrun.State]int{}
			for _, r := range d.db.JobRun.Query().AllX(t.Context()) {
				states[r.State]++
			}
			if states[jobrun.StateSucceeded]+states[jobrun.StateFailed] != kills+2 || states[jobrun.StateFailed] == 0 {
				t.Errorf("runs: %v", states)
			}
			t.Logf("a report took %s; runs: %v", took, states)
			d.reports(t)
		})
	}
}
