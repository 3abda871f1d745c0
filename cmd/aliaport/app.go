package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"aliaport/internal/config"
	"aliaport/internal/store"
)

// What the program ends with.
const (
	exitOK         = 0
	exitFailed     = 1 // the command failed, or doctor found what must be mended
	exitUsage      = 2 // wrong arguments or settings
	exitMigrations = 3 // the migrations of database and program do not fit
)

const exitCodes = `Exit codes: 0 done; 1 failed; 2 wrong arguments or settings; 3 the database's migrations do not
fit this program. A second signal ends the program at once, with 128 and the number of the signal.`

// app is what commands share.
type app struct {
	environ        []string // as os.Environ
	stdout, stderr io.Writer
	begun          bool // a command was found and its arguments are right
}

// run runs one command to its end and returns the exit code.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal does what it does by default

	a := &app{environ: environ, stdout: stdout, stderr: stderr}
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if coded, ok := errors.AsType[*exitError](err); !ok || coded.err != nil {
		fmt.Fprintln(stderr, "aliaport:", err)
	}
	return a.exitCode(err)
}

func (a *app) exitCode(err error) int {
	if coded, ok := errors.AsType[*exitError](err); ok {
		return coded.code
	}
	if _, ok := errors.AsType[config.Faults](err); ok || !a.begun {
		return exitUsage
	}
	return exitFailed
}

// exitError ends the program with a code. Without err nothing more is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// newRootCommand lists the commands. A further one is a file with its constructor,
// and its line here.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "aliaport",
		Short: "GraphQL server for port operations",
		Long: `GraphQL server for port operations: work orders, customers, services.

Settings are environment variables (ALIAPORT_LISTEN) or flags of the same names (--listen), which go first.
` + exitCodes,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		PersistentPreRun:  func(*cobra.Command, []string) { a.begun = true },
	}
	root.AddCommand(newServeCommand(a), newMigrateCommand(a), newSeedCommand(a), newDoctorCommand(a), newRepairCommand(a), newAuditCommand(a), newJobsCommand(a), newProfileCommand(a), newExplainCommand(a), newIndexesCommand(a), newTransferCommand(a), newReadOnlyCommand(a), newBackupCommand(a), newBackupRestoreCommand(a), newBackupVerifyCommand(a), newVersionCommand(a))
	return root
}

// settings are those of the command, or config.Faults.
func (a *app) settings(cmd *cobra.Command) (*config.Config, error) {
	cfg, faults := config.Load(a.environ, config.Given(cmd.Flags()))
	return cfg, faults.OrNil()
}

// databaseSettings are the fields that commands which only need the database have flags for.
var databaseSettings = []string{
	"DatabaseURL", "StatementTimeout", "SlowStatement", "SQLProfile", "SQLiteSynchronous", "LogLevel", "LogFormat",
}

// logger writes to stderr, so that stdout has only what was asked for.
func (a *app) logger(cfg *config.Config) *slog.Logger {
	return slog.New(logHandler(cfg, a.stderr))
}

func logHandler(cfg *config.Config, to io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "text" {
		return slog.NewTextHandler(to, o)
	}
	return slog.NewJSONHandler(to, o)
}

// storeOptions are the settings as the store takes them: there zero is the default
// and less than zero is none.
func storeOptions(cfg *config.Config, log *slog.Logger) store.Options {
	return store.Options{
		MaxOpen: cfg.DBMaxOpen, MaxIdle: noneBelowZero(cfg.DBMaxIdle), MaxLifetime: cfg.DBMaxLifetime,
		StatementTimeout: noneBelowZero(cfg.StatementTimeout), StatementCache: noneBelowZero(cfg.StatementCache),
		SQLiteReaders: cfg.SQLiteReaders, Synchronous: cfg.SQLiteSynchronous,
		SlowStatement: noneBelowZero(cfg.SlowStatement), Profile: cfg.SQLProfile, Log: log,
	}
}

func noneBelowZero[N ~int | ~int64](n N) N {
	if n == 0 {
		return -1
	}
	return n
}

// openExisting opens the database without making an SQLite file that is not there.
func openExisting(ctx context.Context, cfg *config.Config, log *slog.Logger) (*store.DB, error) {
	if err := existing(cfg); err != nil {
		return nil, err
	}
	return store.Open(ctx, cfg.DatabaseURL.Reveal(), storeOptions(cfg, log))
}

// existing tells when the SQLite file is not there.
func existing(cfg *config.Config) error {
	if path := cfg.SQLitePath(); path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database %s yet: aliaport migrate up makes it, and so does the first start", path)
		}
	}
	return nil
}
