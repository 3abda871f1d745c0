package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/job"
	"aliaport/internal/migrate"
	"aliaport/server"
)

func newJobsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List, run and look back at what is done at set times",
		Long: `List, run and look back at what is done at set times. docs/FAZ5_BACKGROUND_JOBS.md tells of each job what it
does, when, and what happens when it fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.AddFlags(cmd.PersistentFlags())
	cmd.AddCommand(newJobsListCommand(a), newJobsRunCommand(a), newJobsHistoryCommand(a))
	return cmd
}

// withJobs opens the database and hands over the jobs as the server knows them.
func (a *app) withJobs(cmd *cobra.Command, deed string, f func(ctx context.Context, s *job.Service) error) (err error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	log := a.logger(cfg)
	db, err := openExisting(cmd.Context(), cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := misfit(migrate.Check(cmd.Context(), db.Reader(), db.Dialect(), migrate.Options{})); err != nil {
		return err
	}
	if cfg.JWTKey == "" { // nobody signs in here
		cfg.JWTKey = config.Secret(rand.Text() + rand.Text())
	}
	srv, err := server.New(server.Deps{Config: cfg, DB: db, Log: log, Version: thisBuild().Version})
	if err != nil {
		return err
	}
	ctx := actor.WithRequest(actor.With(cmd.Context(), actor.System(deed)), &actor.Request{ID: "cli-" + rand.Text()[:12], Method: "CLI", Path: "aliaport " + deed})
	return f(ctx, srv.Jobs())
}

// clock is a moment as people at the port read it.
func clock(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.In(calendar.Istanbul).Format("2006-01-02 15:04:05")
}

func newJobsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show every job, its schedule, and how it last went",
		Long:  "Show every job, its schedule, and how it last went. Times are those of Istanbul. Ends with 1 when one is late.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withJobs(cmd, "jobs list", func(ctx context.Context, s *job.Service) error {
				list, err := s.Jobs(ctx)
				if err != nil {
					return err
				}
				tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				fmt.Fprintln(tw, "JOB\tSCHEDULE\tNEXT\tLAST\tSTATE\tLATE FOR\tWHAT")
				late := false
				for _, j := range list {
					last, state := (*time.Time)(nil), "-"
					if j.LastRun != nil {
						last, state = &j.LastRun.ScheduledFor, string(j.LastRun.State)
					}
					late = late || j.Late != nil
					fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.Name, cmp.Or(j.Schedule, "on demand"), clock(j.Next), clock(last), state, clock(j.Late), j.Does)
				}
				if err := tw.Flush(); err != nil || !late {
					return err
				}
				return &exitError{code: exitFailed}
			})
		},
	}
}

func newJobsRunCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run NAME",
		Short: "Run a job now, here, and wait for its end",
		Long: `Run a job now, in this process, and wait for its end; one attempt is made. Servers may run meanwhile: the job
runs once at a time, so this waits for a run that is under way. Ends with 1 when the job fails.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withJobs(cmd, "jobs run", func(ctx context.Context, s *job.Service) error {
				r, err := s.RunHere(ctx, args[0])
				if apperr.Is(err, apperr.JobNotFound) {
					return &exitError{exitUsage, fmt.Errorf("there is no job %q: aliaport jobs list shows them", args[0])}
				}
				if err != nil {
					return err
				}
				fmt.Fprint(a.stdout, r.Log)
				fmt.Fprintln(a.stdout, summary(r))
				if r.State != jobrun.StateSucceeded {
					return &exitError{code: exitFailed}
				}
				return nil
			})
		},
	}
}

func newJobsHistoryCommand(a *app) *cobra.Command {
	var (
		n    int
		logs bool
	)
	cmd := &cobra.Command{
		Use:   "history [NAME]",
		Short: "Show the newest runs of a job, or of all",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			return a.withJobs(cmd, "jobs history", func(ctx context.Context, s *job.Service) error {
				if name != "" && s.Find(name) == nil {
					return &exitError{exitUsage, fmt.Errorf("there is no job %q: aliaport jobs list shows them", name)}
				}
				runs, err := s.Recent(ctx, name, n)
				if err != nil {
					return err
				}
				tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				for _, r := range runs {
					fmt.Fprintln(tw, summary(r))
					if logs && r.Log != "" {
						fmt.Fprint(tw, r.Log)
					}
				}
				return tw.Flush()
			})
		},
	}
	cmd.Flags().IntVarP(&n, "number", "n", 20, "how many")
	cmd.Flags().BoolVar(&logs, "log", false, "with the last lines of their logs")
	return cmd
}

// summary is a run on one line.
func summary(r *ent.JobRun) string {
	took, rows, why := "-", "-", ""
	if r.StartedAt != nil && r.FinishedAt != nil {
		took = r.FinishedAt.Sub(*r.StartedAt).Round(time.Millisecond).String()
	}
	if r.Rows != nil {
		rows = fmt.Sprint(*r.Rows)
	}
	if r.Error != nil {
		why = *r.Error
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\tattempts %d\ttook %s\trows %s\t%s", clock(&r.ScheduledFor), r.Job, r.Trigger, r.State, r.Attempts, took, rows, why)
}
