package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/audit/archive"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/migrate"
	paging "aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

// batchPause lets others write between batches of events that leave the table.
const batchPause = 50 * time.Millisecond

func newAuditCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Archive, verify, restore and export the audit trail",
		Long: `Archive, verify, restore and export the audit trail. Archived months are files in the folder of
ALIAPORT_AUDIT_ARCHIVE_DIR, each with its seal beside it, chained to the one before; docs/operations.md has more.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.AddFlags(cmd.PersistentFlags(), append([]string{"AuditArchiveDir", "AuditRetentionDays"}, databaseSettings...)...)
	cmd.AddCommand(newArchiveCommand(a), newVerifyCommand(a), newRestoreCommand(a), newExportCommand(a))
	return cmd
}

// withArchive opens the database and runs f as the named deed of the system.
func (a *app) withArchive(cmd *cobra.Command, deed string, f func(ctx context.Context, cfg *config.Config, s *archive.Service) error) (err error) {
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
	ctx := actor.WithRequest(actor.With(cmd.Context(), actor.System(deed)), &actor.Request{ID: "cli-" + rand.Text()[:12], Method: "CLI", Path: "aliaport " + deed})
	return f(ctx, cfg, &archive.Service{
		DB: db, Now: calendar.Now, Log: log, Dir: cfg.AuditArchiveDir, Retention: time.Duration(cfg.AuditRetentionDays) * 24 * time.Hour, Pause: batchPause,
	})
}

func newArchiveCommand(a *app) *cobra.Command {
	var only string
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Take months past the retention out of the database",
		Long: `Write every month that is wholly older than ALIAPORT_AUDIT_RETENTION_DAYS to a file, compare it with the
database, seal it, and only then remove its events. Whatever interrupts it, nothing is lost: run it again. Servers
may run meanwhile; a second archive waits its turn or says that one is under way. Meant for the first of each month:

  30 3 1 * *  aliaport audit archive`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var month *archive.Month
			if only != "" {
				m, err := archive.ParseMonth(only)
				if err != nil {
					return &exitError{exitUsage, err}
				}
				month = &m
			}
			return a.withArchive(cmd, "audit archive", func(ctx context.Context, _ *config.Config, s *archive.Service) error {
				done, err := s.Run(ctx, month)
				tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				for _, d := range done {
					fmt.Fprintf(tw, "%s\t%d events\t%d bytes\tseal %s\n", d.FileName, d.Rows, d.FileBytes, d.Seal)
				}
				if err == nil && len(done) == 0 {
					fmt.Fprintln(tw, "nothing to archive")
				}
				return errors.Join(err, tw.Flush())
			})
		},
	}
	cmd.Flags().StringVar(&only, "month", "", "only this `month`, such as 2026-01")
	return cmd
}

func newVerifyCommand(a *app) *cobra.Command {
	var seal string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read all archived months and follow the chain of their seals",
		Long: `Read every archived file to its end and compare it with its seal, and the seals with each other. A byte that
was changed, a file or segment that is missing and one that does not belong there are found. Ends with 1 when
something is wrong.

Whoever can change both the database and the folder can make a shorter chain. Keep the last seal, which this command
and aliaport audit archive print, somewhere else, and give it with --seal.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withArchive(cmd, "audit verify", func(ctx context.Context, _ *config.Config, s *archive.Service) error {
				r, err := s.Verify(ctx, seal)
				if err != nil {
					return err
				}
				for _, f := range r.Faults {
					fmt.Fprintf(a.stdout, "FAULT %s: %s\n", cmp.Or(f.File, "chain"), f.What)
				}
				fmt.Fprintf(a.stdout, "%d segments with %d events, %d faults; last seal %s\n", r.Segments, r.Rows, len(r.Faults), r.Head)
				if len(r.Faults) > 0 {
					return &exitError{code: exitFailed}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&seal, "seal", "", "a `seal` that was noted earlier and must be in the chain")
	return cmd
}

func newRestoreCommand(a *app) *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use:   "restore MONTH",
		Short: "Put an archived month into a scratch database, to be searched there",
		Long: `Put the events of an archived month, and the users they name, into a scratch database. It is made by the
migrations of this program: an SQLite file that need not exist, or an empty PostgreSQL database. Several months may
go into the same one. Search it with a server of its own:

  aliaport audit restore 2026-01 --into sqlite://scratch/january.db
  aliaport serve --database-url sqlite://scratch/january.db --listen 127.0.0.1:9080 --admin-listen 127.0.0.1:9081

The users of the port cannot sign in there. The first restore makes arsiv@aliaport.example and prints the password.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			month, err := archive.ParseMonth(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			if into == "" {
				return &exitError{exitUsage, errors.New("name the scratch database with --into")}
			}
			return a.withArchive(cmd, "audit restore", func(ctx context.Context, cfg *config.Config, s *archive.Service) error {
				return a.restore(ctx, cfg, s, month, into)
			})
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "`URL` of the scratch database")
	return cmd
}

// archiveReader is who may sign in to a scratch database.
const archiveReader = "arsiv@aliaport.example"

func (a *app) restore(ctx context.Context, cfg *config.Config, s *archive.Service, month archive.Month, into string) (err error) {
	scratch, err := store.Open(ctx, into, storeOptions(cfg, a.logger(cfg)))
	if err != nil {
		return fmt.Errorf("open the scratch database: %w", err)
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	if _, err := migrate.Up(ctx, scratch.Writer(), scratch.Dialect(), migrate.Options{Operator: operator()}); err != nil {
		return misfit(fmt.Errorf("migrate the scratch database: %w", err))
	}
	n, err := s.Restore(ctx, month, scratch)
	if err != nil {
		return err
	}
	if n == 0 {
		fmt.Fprintf(a.stdout, "%s is there already, event for event\n", month)
	} else {
		fmt.Fprintf(a.stdout, "%s: %d events, compared with the archive\n", month, n)
	}
	users := &user.Service{DB: scratch, Now: calendar.Now, Hasher: user.NewHasher()}
	if err := users.EnsureRights(ctx); err != nil {
		return err
	}
	password := rand.Text()[:20]
	_, err = users.Add(ctx, archiveReader, "Arşiv okuyucusu", password, actor.RoleAdmin)
	if store.Classify(err).Kind == store.Unique { // made by an earlier restore
		return nil
	}
	if err == nil {
		fmt.Fprintf(a.stdout, "Sign in there as %s\nPassword, shown only now: %s\n", archiveReader, password)
	}
	return err
}

func newExportCommand(a *app) *cobra.Command {
	var (
		want             audit.Wanted
		format, filter   string
		from, to, out    string
		semicolon, force bool
	)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write events of the trail to a file, with a manifest",
		Long: `Write the events that a filter finds to FILE as CSV or JSON lines, oldest first and all of one moment, and
what was written with its SHA-256 to FILE.manifest.json. The trail notes the export. Archived months are restored
first. The filter is that of auditEvents as JSON:

  aliaport audit export --format csv --from 2026-03-01 --to 2026-04-01 --filter '{"resource": "work_order"}' --out march.csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if want.Filter, err = audit.ParseFilter(filter); err != nil {
				return &exitError{exitUsage, fmt.Errorf("--filter is not one of auditEvents: %w", err)}
			}
			if err := within(&want.Filter, from, to); err != nil {
				return &exitError{exitUsage, err}
			}
			want.Format, want.Semicolon = audit.Format(format), semicolon
			switch {
			case want.Format != audit.CSV && want.Format != audit.JSONL:
				return &exitError{exitUsage, fmt.Errorf("--format is %q: want csv or jsonl", format)}
			case out == "":
				return &exitError{exitUsage, errors.New("name the file with --out")}
			}
			if _, err := os.Lstat(out); err == nil && !force {
				return fmt.Errorf("%s is there already: name another file, or give --force", out)
			}
			return a.withArchive(cmd, "audit export", func(ctx context.Context, _ *config.Config, s *archive.Service) error {
				x := audit.NewExporter(&audit.Trail{DB: s.DB}, calendar.Now, 1)
				m, err := exportFile(ctx, x, want, out)
				if err == nil {
					fmt.Fprintf(a.stdout, "%s: %d events, %d bytes, SHA-256 %s\n", out, m.Rows, m.Bytes, m.SHA256)
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "csv", "csv or jsonl")
	f.StringVar(&from, "from", "", "from this `day` (UTC) or instant on: 2026-03-01, 2026-03-01T08:00:00Z")
	f.StringVar(&to, "to", "", "up to this `day` or instant, without it")
	f.StringVar(&filter, "filter", "", "filter of auditEvents as `JSON`")
	f.StringVar(&out, "out", "", "`file` to write")
	f.BoolVar(&semicolon, "semicolon", false, "semicolons between the cells of CSV, for spreadsheets set to Turkish")
	f.BoolVar(&force, "force", false, "replace the file")
	return cmd
}

// within adds the ends of a range to a filter.
func within(f *audit.Filter, from, to string) error {
	for _, end := range []struct {
		flag, text string
		set        func(*paging.Range, *time.Time)
	}{
		{"--from", from, func(r *paging.Range, t *time.Time) { r.From = t }},
		{"--to", to, func(r *paging.Range, t *time.Time) { r.To = t }},
	} {
		if end.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, end.text)
		if err != nil {
			if t, err = time.Parse(time.DateOnly, end.text); err != nil {
				return fmt.Errorf("%s is %q: want a day such as 2026-03-01, or an instant such as 2026-03-01T08:00:00Z", end.flag, end.text)
			}
		}
		if f.CreatedAt == nil {
			f.CreatedAt = &paging.Range{}
		}
		end.set(f.CreatedAt, &t)
	}
	return nil
}

// exportFile writes the export beside its place and moves it there when it is whole.
func exportFile(ctx context.Context, x *audit.Exporter, want audit.Wanted, path string) (*audit.Manifest, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".export-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // not there any more when all went well
	m, err := x.Export(ctx, want, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".manifest.json", append(text, '\n'), 0o600); err != nil {
		return nil, err
	}
	return m, os.Rename(f.Name(), path)
}
