package server

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"aliaport/ent"
	"aliaport/ent/notificationevent"
	"aliaport/internal/audit"
	"aliaport/internal/backup"
	"aliaport/internal/idempotency"
	"aliaport/internal/job"
	"aliaport/internal/migrate"
	"aliaport/internal/notification"
	"aliaport/internal/parameter"
	"aliaport/internal/rate"
	"aliaport/internal/report"
	"aliaport/internal/watch"
)

// definitions are the jobs of the port. docs/FAZ5_BACKGROUND_JOBS.md explains them.
func (s *Server) definitions() []job.Definition {
	return []job.Definition{
		{
			Name: "rates", Title: "Döviz kurlarını al", Does: "Fetches the newest bulletin of exchange rates. Without a new one it changes nothing.",
			Schedule: "5 9 * * *", CatchUp: job.Latest, Timeout: 2 * time.Minute,
			Attempts: 4, Pauses: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}, Run: s.fetchRates,
		},
		{
			Name: "rates_afternoon", Title: "Yarının kurlarını al", Does: "Fetches the bulletin of the afternoon, which applies from tomorrow on.",
			Schedule: s.afternoon(), CatchUp: job.Skip, Grace: 2 * time.Hour, Timeout: 2 * time.Minute,
			Attempts: 4, Pauses: []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}, Run: s.fetchRates,
		},
		{
			Name: "audit_archive", Title: "Denetim kayıtlarını arşivle", Does: "Takes months of the audit trail past their retention into sealed files.",
			Schedule: "30 3 1 * *", CatchUp: job.Latest, Timeout: 6 * time.Hour, Run: s.archiveTrail,
		},
		{
			Name: "backup", Title: "Yedek al", Does: "Takes a backup of the database, proves what is in it, copies it to the second folder and removes old ones.",
			Schedule: s.ifBackups("0 3 * * *"), CatchUp: job.Latest, Timeout: 3 * time.Hour, Run: s.backUp,
		},
		{
			Name: "backup_drill", Title: "Yedekten dönme tatbikatı", Does: "Restores the newest backup into a scratch database, proves that nothing is missing, and removes it.",
			Schedule: s.ifBackups("30 5 * * 0"), CatchUp: job.Latest, Timeout: 3 * time.Hour, Run: s.drill,
		},
		{
			Name: "watch", Title: "Gecikmeleri izle", Does: "Tells of trips that are late, vehicles that stay too long, and exchange rates that are old or have jumped, each once.",
			Schedule: "*/10 * * * *", CatchUp: job.Skip, Grace: 9 * time.Minute, Timeout: 2 * time.Minute, Pauses: []time.Duration{time.Minute}, Alarm: time.Hour, Run: s.watch,
		},
		{
			Name: "watch_daily", Title: "Geciken işleri bildir", Does: "Tells of work orders that are overdue and of price lists that end within a week, each once.",
			Schedule: "0 7 * * *", CatchUp: job.Latest, Timeout: 10 * time.Minute, Run: s.watchDaily,
		},
		{
			Name: "monthly_report", Title: "Aylık iş emri raporu", Does: "Makes the report of the month before. A month that was missed is made up for.",
			Schedule: "0 6 1 * *", CatchUp: job.Each, Timeout: time.Hour, Run: s.monthlyReport,
		},
		{
			Name: "cleanup", Title: "Süresi dolanları temizle", Does: "Removes expired sessions, keys of repeated requests and old runs of jobs; adds what another year brings.",
			Schedule: "30 4 * * *", CatchUp: job.Latest, Timeout: 30 * time.Minute, Run: s.cleanUp,
		},
	}
}

// ifBackups leaves backups to be asked for where there is no folder for them.
func (s *Server) ifBackups(schedule string) string {
	if s.config.BackupDir == "" {
		return ""
	}
	return schedule
}

func (s *Server) backUp(ctx context.Context, r *job.Run) (int64, error) {
	b := s.backups(r.Log)
	m, err := b.Create(ctx)
	if err != nil {
		return 0, err
	}
	days, err := parameter.Get(ctx, s.db.Client, parameter.BackupKeepDays)
	if err != nil {
		return m.Rows(), err
	}
	removed, err := b.Prune(backup.Retention{Days: days, Weeks: s.config.BackupWeeks, Months: s.config.BackupMonths})
	r.Log.InfoContext(ctx, "old backups removed", "count", len(removed))
	return m.Rows(), err
}

func (s *Server) drill(ctx context.Context, r *job.Run) (int64, error) {
	m, err := s.backups(r.Log).Drill(ctx)
	if err != nil {
		return 0, err
	}
	r.Log.InfoContext(ctx, "the backup can be restored", "name", m.Name, "tables", len(m.Tables), "rows", m.Rows())
	return m.Rows(), nil
}

func (s *Server) backups(log *slog.Logger) *backup.Service {
	return &backup.Service{
		URL: s.config.DatabaseURL.Reveal(), Dir: s.config.BackupDir, Second: s.config.BackupSecondDir, Archive: s.config.AuditArchiveDir,
		Program: s.version, PGBin: s.config.PGBinDir, Now: s.now, Log: log,
	}
}

func (s *Server) watch(ctx context.Context, _ *job.Run) (told int64, err error) {
	w := &watch.Service{DB: s.db, Now: s.now}
	return all(ctx, w.TripsLate, w.VehiclesInside, w.RatesOld, w.RatesJumped)
}

func (s *Server) watchDaily(ctx context.Context, _ *job.Run) (told int64, err error) {
	w := &watch.Service{DB: s.db, Now: s.now}
	return all(ctx, w.OrdersOverdue, w.PriceListsEnding)
}

// all goes on with the next where one fails.
func all(ctx context.Context, looks ...func(context.Context) (int, error)) (told int64, err error) {
	for _, look := range looks {
		n, fault := look(ctx)
		told, err = told+int64(n), errors.Join(err, fault)
	}
	return told, err
}

// notify tells those who may run jobs of what went wrong with one.
func (s *Server) notify(ctx context.Context, tx *ent.Tx, n job.Notice) error {
	kind := notificationevent.KindJobFailed
	if n.Job.Name == "backup" || n.Job.Name == "backup_drill" {
		kind = notificationevent.KindBackupFailed
	}
	_, err := notification.Publish(ctx, tx, s.now(), notification.Event{
		Kind: kind, Key: audit.Clip(n.Key, 150), Data: map[string]any{"job": n.Job.Name, "title": n.Job.Title, "error": audit.Clip(n.Text, 500), "slotAt": notification.Instant(n.Slot)},
	})
	return err
}

// newestBackup shows when the newest backup in the folder was taken, and how large it is.
type newestBackup struct{ dir string }

var (
	backupTaken = prometheus.NewDesc("aliaport_backup_newest_timestamp_seconds", "When the newest backup in the folder was taken; 0 when there is none.", nil, nil)
	backupBytes = prometheus.NewDesc("aliaport_backup_newest_bytes", "Size of the newest backup in the folder.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*newestBackup) Describe(to chan<- *prometheus.Desc) { to <- backupTaken; to <- backupBytes }

// Collect implements prometheus.Collector.
func (b *newestBackup) Collect(to chan<- prometheus.Metric) {
	taken, bytes := 0.0, 0.0
	if all, err := backup.List(b.dir); err == nil && len(all) > 0 {
		taken, bytes = float64(all[0].TakenAt.Unix()), float64(all[0].Bytes())
	}
	to <- prometheus.MustNewConstMetric(backupTaken, prometheus.GaugeValue, taken)
	to <- prometheus.MustNewConstMetric(backupBytes, prometheus.GaugeValue, bytes)
}

// afternoon is when tomorrow's rates are fetched, if they are.
func (s *Server) afternoon() string {
	if s.config.RatesAfternoon {
		return "5 16 * * 1-5"
	}
	return ""
}

func (s *Server) newJobs() (*job.Service, error) {
	schedules, err := s.config.JobSchedulesByName()
	if err != nil {
		return nil, err
	}
	jobs, err := job.New(job.Options{
		DB: s.db, Now: s.now, Log: s.log, Pages: s.loaders.Pages, PageLimits: s.loaders.PageLimits,
		Jobs: s.definitions(), Schedules: schedules, Workers: s.config.JobWorkers,
		Finished: s.metrics.jobEnded, Notify: s.notify,
		Tick: s.config.JobTick, Poll: s.config.JobTick, Beat: s.config.JobLost / 9, Lost: s.config.JobLost,
	})
	if err == nil {
		s.metrics.jobs(jobs)
		if s.config.BackupDir != "" {
			s.metrics.registry.MustRegister(&newestBackup{s.config.BackupDir})
		}
	}
	return jobs, err
}

// Jobs lets commands list and run jobs.
func (s *Server) Jobs() *job.Service { return s.jobs }

func (s *Server) fetchRates(ctx context.Context, r *job.Run) (int64, error) {
	f, err := s.exchange.Fetch(ctx, rate.FetchInput{})
	if err != nil {
		return 0, err
	}
	r.Log.InfoContext(ctx, "bulletin fetched", "date", f.BulletinDate, "number", f.BulletinNumber,
		"created", f.Created, "updated", f.Updated, "unchanged", f.Unchanged, "skipped", len(f.Skipped))
	return int64(f.Created + f.Updated), nil
}

func (s *Server) archiveTrail(ctx context.Context, r *job.Run) (rows int64, err error) {
	done, err := s.archives.Run(ctx, nil)
	for _, d := range done {
		rows += d.Rows
		r.Log.InfoContext(ctx, "archived", "file", d.FileName, "rows", d.Rows, "seal", d.Seal)
	}
	return rows, err
}

// monthlyReport makes that of the month before the slot, whenever it runs.
func (s *Server) monthlyReport(ctx context.Context, r *job.Run) (int64, error) {
	month := report.MonthOf(r.Slot).Before()
	_, err := s.reports.Make(ctx, month, func(tx *ent.Tx, made *ent.MonthlyReport) error {
		r.Log.InfoContext(ctx, "report made", "month", made.Month, "version", made.Version, "took_ms", made.DurationMs)
		return r.Finish(ctx, tx, 1)
	})
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// cleanUp removes what has expired, and goes on with the next where one fails.
func (s *Server) cleanUp(ctx context.Context, r *job.Run) (int64, error) {
	keys, err1 := idempotency.Sweep(ctx, s.db, s.now().Add(-s.config.IdempotencyTTL))
	tokens, err2 := s.users.Sweep(ctx)
	runs, err3 := s.jobs.Sweep(ctx, s.now().AddDate(0, 0, -s.config.JobRetentionDays))
	resets, err4 := s.users.SweepResets(ctx)
	told, err5 := notification.Sweep(ctx, s.db, s.now().AddDate(0, 0, -s.config.NotificationRetention))
	r.Log.InfoContext(ctx, "removed", "idempotency_keys", keys, "refresh_tokens", tokens, "job_runs", runs, "password_resets", resets, "notifications", told)
	return int64(keys + tokens + runs + resets + told), errors.Join(err1, err2, err3, err4, err5, parameter.Ensure(ctx, s.db, s.now()), s.partition(ctx))
}

// partition sees to the coming months of the trail on PostgreSQL. A month that is
// missing is no loss, its rows wait in the default partition.
func (s *Server) partition(ctx context.Context) error {
	if s.db.Dialect() != migrate.Postgres {
		return nil
	}
	_, err := migrate.EnsureAuditPartitions(ctx, s.db.Writer(), s.now(), migrate.AuditMonthsAhead)
	return err
}

// jobs shows which jobs are late.
func (m *metrics) jobs(s *job.Service) {
	m.registry.MustRegister(&lateJobs{s})
	for _, d := range s.Definitions() { // the series are there before the first run
		for _, state := range []string{"SUCCEEDED", "FAILED"} {
			m.jobRuns.WithLabelValues(d.Name, state)
		}
	}
}

func (m *metrics) jobEnded(o job.Outcome) {
	m.jobRuns.WithLabelValues(o.Job, string(o.State)).Inc()
	m.jobTook.WithLabelValues(o.Job).Observe(o.Took.Seconds())
	m.jobRows.WithLabelValues(o.Job).Add(float64(o.Rows))
}

// lateJobs shows 1 for each job that did not succeed in time.
type lateJobs struct{ jobs *job.Service }

var jobLate = prometheus.NewDesc("aliaport_job_late", "1 when a job has not succeeded in time for its last slot, else 0.", []string{"job"}, nil)

// Describe implements prometheus.Collector.
func (*lateJobs) Describe(to chan<- *prometheus.Desc) { to <- jobLate }

// Collect implements prometheus.Collector.
func (l *lateJobs) Collect(to chan<- prometheus.Metric) {
	late := l.jobs.Late()
	for _, d := range l.jobs.Definitions() {
		v := 0.0
		if _, ok := late[d.Name]; ok {
			v = 1
		}
		to <- prometheus.MustNewConstMetric(jobLate, prometheus.GaugeValue, v, d.Name)
	}
}
