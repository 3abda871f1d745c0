package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/config"
	"aliaport/internal/migrate"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
	"aliaport/migrations"
)

func newMigrateCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to the schema of this program",
		Long: `Bring the database to the schema of this program. The migrations are built into it; up, status and baseline
concern the configured database, the other commands the files of a source tree.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.AddFlags(cmd.PersistentFlags(), databaseSettings...)
	cmd.AddCommand(newUpCommand(a), newStatusCommand(a), newBaselineCommand(a), newDiffCommand(a), newLintCommand(a), newHashCommand(a))
	return cmd
}

func newUpCommand(a *app) *cobra.Command {
	var o migrate.Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Apply what is pending; any number of processes may do so at once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			log := a.logger(cfg)
			db, err := store.Open(cmd.Context(), cfg.DatabaseURL.Reveal(), storeOptions(cfg, log))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if state, err := readonly.GetAnyway(cmd.Context(), db); err != nil || state.On {
				return errors.Join(err, readOnlyError(state))
			}
			o.Operator = operator()
			applied, err := migrate.Up(cmd.Context(), db.Writer(), db.Dialect(), o)
			for _, name := range applied {
				fmt.Fprintln(a.stdout, "applied", name)
			}
			if err == nil && len(applied) == 0 {
				fmt.Fprintln(a.stdout, "nothing to apply")
			}
			return misfit(err)
		},
	}
	cmd.Flags().StringVar(&o.Baseline, "baseline", "", "`version` that a database with tables but no history has")
	cmd.Flags().DurationVar(&o.LockTimeout, "lock-timeout", migrate.DefaultLockTimeout, "how long to wait for another process that is migrating")
	return cmd
}

// operator is recorded with each migration.
func operator() string { return "aliaport " + thisBuild().Version }

// misfit gives refusals their exit code.
func misfit(err error) error {
	for _, reason := range []error{
		migrate.ErrTampered, migrate.ErrEdited, migrate.ErrUnknown, migrate.ErrOutOfOrder, migrate.ErrPending, migrate.ErrNotEmpty,
	} {
		if errors.Is(err, reason) {
			return &exitError{exitMigrations, err}
		}
	}
	return err
}

func newStatusCommand(a *app) *cobra.Command {
	var asJSON, check bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "List every migration and its state",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			db, err := openExisting(cmd.Context(), cfg, a.logger(cfg))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			list, err := migrate.Status(cmd.Context(), db.Reader(), db.Dialect(), migrate.Options{})
			if err != nil {
				return misfit(err)
			}
			if err := a.printStatus(list, asJSON); err != nil {
				return err
			}
			current := func(s migrate.FileStatus) bool { return s.State == migrate.Applied || s.State == migrate.Baselined }
			if check && slices.ContainsFunc(list, func(s migrate.FileStatus) bool { return !current(s) }) {
				return &exitError{code: exitMigrations}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&check, "check", false, "end with 3 unless all are applied")
	return cmd
}

// migrationStatus is a line of status in JSON.
type migrationStatus struct {
	Version   string        `json:"version"`
	Name      string        `json:"name"`
	State     migrate.State `json:"state"`
	AppliedAt *time.Time    `json:"appliedAt,omitempty"`
	Done      int           `json:"done,omitempty"`
	Total     int           `json:"total,omitempty"`
	Error     string        `json:"error,omitempty"`
}

func (a *app) printStatus(list []migrate.FileStatus, asJSON bool) error {
	if asJSON {
		out := make([]migrationStatus, len(list))
		for i, s := range list {
			out[i] = migrationStatus{Version: s.Version, Name: s.Name, State: s.State, Done: s.Done, Total: s.Total, Error: s.Error}
			if !s.AppliedAt.IsZero() {
				at := s.AppliedAt.UTC()
				out[i].AppliedAt = &at
			}
		}
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	tw := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "STATE\tMIGRATION\tAPPLIED AT")
	for _, s := range list {
		at := ""
		if !s.AppliedAt.IsZero() {
			at = s.AppliedAt.UTC().Format(time.DateTime + " UTC")
		}
		if s.State == migrate.Partial {
			at = fmt.Sprintf("%d of %d statements: %s", s.Done, s.Total, s.Error)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", s.State, s.Name, at)
	}
	return tw.Flush()
}

func newBaselineCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "baseline VERSION",
		Short: "Adopt a database whose tables were made by other means, as having this version",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			db, err := openExisting(cmd.Context(), cfg, a.logger(cfg))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if err := migrate.Baseline(cmd.Context(), db.Writer(), db.Dialect(), args[0], migrate.Options{Operator: operator()}); err != nil {
				return err
			}
			fmt.Fprintln(a.stdout, "counted as applied up to", args[0])
			return nil
		},
	}
}

// sources are the files that diff and lint work on.
type sources struct{ dialect, dir, devURL string }

func (s *sources) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.dialect, "dialect", "", "sqlite or postgres (default: that of the database URL)")
	cmd.Flags().StringVar(&s.dir, "dir", "", "the `folder` of the migrations (default: migrations/ and the dialect)")
	cmd.Flags().StringVar(&s.devURL, "dev-url", "", "PostgreSQL server to make a throw-away database on; SQLite needs none")
}

// complete fills in what was not given.
func (s *sources) complete(cfg *config.Config) error {
	if s.dialect == "" {
		s.dialect = "postgres"
		if cfg.IsSQLite() {
			s.dialect = "sqlite"
		}
	}
	if s.dir == "" {
		s.dir = filepath.Join("migrations", s.dialect)
	}
	switch s.dialect {
	case "sqlite":
		s.dialect = migrate.SQLite
	case "postgres":
		s.dialect = migrate.Postgres
		if s.devURL == "" {
			return &exitError{exitUsage, errors.New("PostgreSQL needs --dev-url, a server on which a database may be made and dropped")}
		}
	default:
		return &exitError{exitUsage, fmt.Errorf("--dialect is %q: want sqlite or postgres", s.dialect)}
	}
	return nil
}

func newDiffCommand(a *app) *cobra.Command {
	var s sources
	cmd := &cobra.Command{
		Use:   "diff NAME",
		Short: "Draft the next migration from ent/schema; make migration does so for both databases",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			if err := s.complete(cfg); err != nil {
				return err
			}
			name, err := migrate.Diff(cmd.Context(), s.dialect, s.dir, args[0], s.devURL)
			if errors.Is(err, migrate.ErrNoChange) {
				fmt.Fprintln(a.stdout, "nothing to draft:", err)
				return nil
			}
			if err != nil {
				return misfit(err)
			}
			fmt.Fprintln(a.stdout, "drafted", filepath.Join(s.dir, name))
			return nil
		},
	}
	s.addFlags(cmd)
	return cmd
}

func newLintCommand(a *app) *cobra.Command {
	var (
		s      sources
		latest int
	)
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Warn of migrations that lose data or lock up a busy table",
		Long: `Warn of migrations that lose data or lock up a busy table. Without --dir the migrations built into this
program are looked at. Ends with 1 when there is something to say.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			builtIn := s.dir == ""
			if err := s.complete(cfg); err != nil {
				return err
			}
			dir := os.DirFS(s.dir)
			if builtIn {
				if dir, err = migrations.For(s.dialect); err != nil {
					return err
				}
			}
			found, err := migrate.Lint(cmd.Context(), s.dialect, dir, s.devURL, latest)
			if err != nil {
				return misfit(err)
			}
			for _, f := range found {
				fmt.Fprintln(a.stdout, f)
			}
			if len(found) > 0 {
				return &exitError{code: exitFailed}
			}
			fmt.Fprintln(a.stdout, "nothing to say")
			return nil
		},
	}
	s.addFlags(cmd)
	cmd.Flags().IntVar(&latest, "latest", 1, "judge only the newest so many; 0: all")
	return cmd
}

func newHashCommand(a *app) *cobra.Command {
	var dirs []string
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Write atlas.sum anew after a migration was edited by hand that no database has applied",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, dir := range dirs {
				if err := migrate.Hash(dir); err != nil {
					return err
				}
				fmt.Fprintln(a.stdout, "wrote", filepath.Join(dir, "atlas.sum"))
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&dirs, "dir", []string{"migrations/sqlite", "migrations/postgres"}, "the `folders` of the migrations")
	return cmd
}
