package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/store"
	"aliaport/internal/transfer"
	"aliaport/server/questions"
)

// transferFlags are what the command is told beside the settings.
type transferFlags struct {
	from, to                          config.Secret
	fromFile, toFile                  string
	only                              []string
	preflight, skipPreflight, replace bool
	catchUp, cutOver, prove           bool
	asJSON                            bool
	report                            string
	workers                           int
}

func newTransferCommand(a *app) *cobra.Command {
	var f transferFlags
	cmd := &cobra.Command{
		Use:   "transfer --from URL --to URL",
		Short: "Move all data to another database, and prove that nothing was lost",
		Long: `Move all data from SQLite to PostgreSQL or back, and prove that both hold the same: rows, columns, keys, foreign
keys, the next number of every table, and the answers to twenty questions. The target gets the schema of this
program. Rows come from one snapshot of the source, which may be in use; what is written to it later needs --catch-up.

A transfer that was interrupted goes on where it was when it is started again. Ends with 1 when a row would not
arrive as it is or when the databases differ; each such row is named.

The report is signed with the installation's key: ALIAPORT_JWT_KEY, or that beside the SQLite file.
docs/FAZ5_POSTGRES_MIGRATION.md has the steps of a move.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.transfer(cmd, f) },
	}
	config.AddFlags(cmd.PersistentFlags(), "JWTKey", "LogLevel", "LogFormat")
	cmd.Flags().StringVar((*string)(&f.from), "from", "", "the source: sqlite://path or postgres://user:password@host:5432/name")
	cmd.Flags().StringVar((*string)(&f.to), "to", "", "the target, likewise")
	cmd.Flags().StringVar(&f.fromFile, "from-file", "", "`file` with the source's URL, which other users of the machine then do not see")
	cmd.Flags().StringVar(&f.toFile, "to-file", "", "`file` with the target's URL")
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "move only these `groups` of tables and what they refer to: "+fmt.Sprint(transfer.Groups()))
	cmd.Flags().BoolVar(&f.preflight, "preflight", false, "only look for rows that would not arrive as they are; nothing is changed, --to is not needed")
	cmd.Flags().BoolVar(&f.skipPreflight, "skip-preflight", false, "do not look at all rows before the first is copied; a bad one then ends the transfer when it is met")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "delete all that is in the target first")
	cmd.Flags().BoolVar(&f.catchUp, "catch-up", false, "log what changes in the source from now on, copy, prove, and copy the changes; again and again if you like")
	cmd.Flags().BoolVar(&f.cutOver, "cut-over", false, "after --catch-up: make the source read only, copy and prove the last changes, and say when the target may be served")
	cmd.Flags().BoolVar(&f.prove, "prove", false, "copy nothing, only compare both databases as they are; nobody may write to them meanwhile")
	cmd.MarkFlagsMutuallyExclusive("preflight", "catch-up", "cut-over", "prove")
	cmd.Flags().StringVar(&f.report, "report", "", "write the signed report to this `file`")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the report or the findings as JSON")
	cmd.Flags().IntVar(&f.workers, "workers", 0, "connections to each database (default: 2)")
	cmd.AddCommand(newTransferVerifyCommand(a))
	return cmd
}

// transferOptions are for databases that whole tables are read from.
func transferOptions(a *app, cfg *config.Config) store.Options {
	return store.Options{
		StatementTimeout: -1, SlowStatement: -1, MaxOpen: 8, SQLiteReaders: 8, BusyTimeout: time.Minute, AppName: "aliaport transfer", Log: a.logger(cfg),
	}
}

func (a *app) transfer(cmd *cobra.Command, f transferFlags) (err error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	fromName, from, err := a.openSide(ctx, cfg, "--from", f.from, f.fromFile, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	o := transfer.Options{
		From: from, FromName: fromName, Only: f.only, Replace: f.replace, Workers: f.workers, SkipPreflight: f.skipPreflight,
		Now: calendar.Now, Questions: questions.Ask,
		Say: func(format string, args ...any) { fmt.Fprintf(a.stderr, format+"\n", args...) },
	}
	if f.preflight {
		return a.preflight(ctx, o, f.asJSON)
	}
	key, err := signingKey(cfg, fromName, string(f.to))
	if err != nil {
		return err
	}
	toName, to, err := a.openSide(ctx, cfg, "--to", f.to, f.toFile, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if toName == fromName {
		return &exitError{exitUsage, transfer.ErrServing}
	}
	o.To, o.ToName = to, toName
	var report *transfer.Report
	switch {
	case f.prove:
		report, err = transfer.Prove(ctx, o)
	case f.cutOver:
		report, err = transfer.CutOver(ctx, o, "aliaport transfer", func(window time.Duration) {
			fmt.Fprintf(a.stdout, "The target may be served: %s. The source is read only; the window was %s. All rows are being compared now.\n", toName, window.Round(time.Millisecond))
		})
	case f.catchUp:
		report, err = transfer.CatchUp(ctx, o)
	default:
		report, err = transfer.Run(ctx, o)
	}
	if err != nil {
		return misfit(err)
	}
	if report == nil { // caught up with a copy that was proven before
		return nil
	}
	return a.writeReport(report, key, f.report, f.asJSON)
}

// openSide opens one of the two databases and names it without its password.
func (a *app) openSide(ctx context.Context, cfg *config.Config, flag string, url config.Secret, file string, mustExist bool) (name string, db *store.DB, err error) {
	if file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // the operator's file
		if err != nil {
			return "", nil, err
		}
		url = config.Secret(trimLine(text))
	}
	if url == "" {
		return "", nil, &exitError{exitUsage, fmt.Errorf("%s is not given: want sqlite://path or postgres://user:password@host:5432/name", flag)}
	}
	side := *cfg
	side.DatabaseURL = url
	if mustExist {
		if err := existing(&side); err != nil {
			return "", nil, err
		}
	}
	if path := side.SQLitePath(); path != "" {
		if path, err = filepath.Abs(path); err != nil {
			return "", nil, err
		}
		name = "sqlite://" + path
	} else {
		name = side.Database()
	}
	db, err = store.Open(ctx, url.Reveal(), transferOptions(a, cfg))
	return name, db, err
}

func trimLine(text []byte) string {
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return string(text)
}

// signingKey is that of the settings, or of whichever side is an SQLite file with one.
func signingKey(cfg *config.Config, urls ...string) ([]byte, error) {
	for _, url := range append([]string{""}, urls...) {
		side := *cfg
		if url != "" {
			side.DatabaseURL = config.Secret(url)
		}
		if side.JWTKey == "" && !side.IsSQLite() {
			continue
		}
		if url == "" && side.JWTKey == "" {
			continue // the database of the settings need not be there
		}
		if err := side.EnsureJWTKey(); err != nil {
			return nil, err
		}
		return []byte(side.JWTKey.Reveal()), nil
	}
	return nil, &exitError{exitUsage, errors.New("ALIAPORT_JWT_KEY is not set: the report is signed with the key of the installation")}
}

func (a *app) preflight(ctx context.Context, o transfer.Options, asJSON bool) error {
	found, counts, err := transfer.Preflight(ctx, o)
	if err != nil {
		return misfit(err)
	}
	if asJSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"findings": found, "perTable": counts}); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Fprintln(a.stdout, f)
		}
	}
	faults := 0
	for _, f := range found {
		if !f.Warning {
			faults++
		}
	}
	if faults > 0 {
		return &exitError{exitFailed, transfer.ErrPreflight}
	}
	if !asJSON {
		fmt.Fprintln(a.stdout, "all rows would arrive as they are")
	}
	return nil
}

func (a *app) writeReport(r *transfer.Report, key []byte, path string, asJSON bool) error {
	if err := r.Sign(key); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if path != "" {
		if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
			return err
		}
	}
	if asJSON {
		_, err = fmt.Fprintln(a.stdout, string(text))
	} else {
		err = r.WriteText(a.stdout)
	}
	if err == nil && !r.Equal {
		err = &exitError{exitFailed, transfer.ErrDifferent}
	}
	return err
}

func newTransferVerifyCommand(a *app) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "verify REPORT",
		Short: "Make sure that a report is as it was signed, and show it",
		Long:  "Make sure that a report is as it was signed with the installation's key, and show it. Ends with 1 when it was changed, or tells of a difference.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			key, err := signingKey(cfg, from)
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			r, err := transfer.Verify(file, key)
			if err != nil {
				return err
			}
			if err := r.WriteText(a.stdout); err != nil {
				return err
			}
			if !r.Equal {
				return &exitError{exitFailed, transfer.ErrDifferent}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the SQLite `URL` beside which the key is, when ALIAPORT_JWT_KEY is not set")
	return cmd
}
