// Package migrate brings a database to the schema of this program, and makes
// the files that do so.
//
// The files are Atlas migration directories, one for SQLite and one for
// PostgreSQL (package migrations). What was applied stands in the database, in
// the table atlas_schema_revisions, laid out as Atlas's own command keeps it.
// Everything happens in this process: no tool has to be installed.
//
//	Up        applies what is pending       Status    lists every file and its state
//	Check     says what keeps a program from running on this database
//	Baseline  adopts a database whose tables were made by other means
//	Plan      drafts the next file from ent/schema (Diff also writes it)
//	Lint      warns of statements that lose data or lock up a busy table
//	Hash      writes atlas.sum anew after a file was edited by hand
//
// Any number of processes may call Up at once: one works, the others wait and
// then find nothing to do. On SQLite all pending files are one transaction, so a
// failed start leaves the database as the previous program knows it. On
// PostgreSQL each file is one transaction; a file that starts with the line
// "-- atlas:txmode none" and an empty line runs outside of any, as CREATE INDEX
// CONCURRENTLY demands, and is resumed at the statement that failed.
//
// What is refused, and why, is told by Err… below; the reasons behind the rules
// are in docs/decisions/0002-migrations.md.
package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/migrations"
)

// The dialects, by the names ent gives them.
const (
	SQLite   = dialect.SQLite
	Postgres = dialect.Postgres
)

// DefaultLockTimeout is how long Up waits for another process that is migrating.
const DefaultLockTimeout = time.Minute

// Reasons to refuse. Each comes wrapped with the files concerned and what to do.
var (
	// ErrTampered means that a file does not fit atlas.sum of its directory.
	ErrTampered = errors.New("migration directory does not fit its atlas.sum")
	// ErrEdited means that a file was changed after this database applied it.
	ErrEdited = errors.New("an applied migration was edited")
	// ErrUnknown means that the database has applied a file this program lacks.
	ErrUnknown = errors.New("the database is newer than this program")
	// ErrOutOfOrder means that a file is older than the newest one applied, but was not applied itself.
	ErrOutOfOrder = errors.New("a migration was added before applied ones")
	// ErrPending means that files wait to be applied (Check only).
	ErrPending = errors.New("migrations are pending")
	// ErrNotEmpty means that the database has tables but no record of migrations.
	ErrNotEmpty = errors.New("the database has tables but no migration history")
	// ErrBaseline means that a baseline cannot be set here.
	ErrBaseline = errors.New("cannot set the baseline")
	// ErrLocked means that another process held the migration lock for too long.
	ErrLocked = errors.New("another process is migrating")
	// ErrFailed means that a statement of a file failed.
	ErrFailed = errors.New("migration failed")
)

// Options adjust Up, Status, Check and Baseline. The zero value is good.
type Options struct {
	// Dir is the migration directory; by default the one built into the program.
	Dir fs.FS
	// Baseline is the version up to which a database with tables but without
	// history counts as migrated. It is ignored on an empty database and on one
	// with a history, so it may stay configured.
	Baseline string
	// LockTimeout is how long to wait for other processes; 0 means DefaultLockTimeout.
	LockTimeout time.Duration
	// Operator is recorded with each file: the version of the program.
	Operator string
	// Logger hears of every file applied.
	Logger *slog.Logger
}

// Up applies the pending files and returns their names. On PostgreSQL it also
// sees to the partitions of the audit trail. It takes one connection of db, and
// no lock when there is nothing to do.
func Up(ctx context.Context, db *sql.DB, dialect string, o Options) (applied []string, err error) {
	m, err := newMigrator(dialect, o)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to migrate: %w", err)
	}
	defer conn.Close()
	current, err := m.current(ctx, conn)
	if err != nil {
		return nil, err
	}
	if !current {
		if applied, err = m.locked(ctx, conn, m.apply); err != nil {
			return applied, err
		}
	}
	if dialect == Postgres {
		err = ensureAuditPartitions(ctx, conn)
	}
	return applied, err
}

// Status lists the files of the directory and of the database by version. It
// writes nothing, and refuses only a directory that does not fit its atlas.sum.
func Status(ctx context.Context, db *sql.DB, dialect string, o Options) ([]FileStatus, error) {
	m, err := newMigrator(dialect, o)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to read migration status: %w", err)
	}
	defer conn.Close()
	return m.status(ctx, conn)
}

// Check returns nil when the database has exactly the schema of this program,
// else an error that names every file missing, edited or unknown. It writes nothing.
func Check(ctx context.Context, db *sql.DB, dialect string, o Options) error {
	list, err := Status(ctx, db, dialect, o)
	if err != nil {
		return err
	}
	return errors.Join(refusal(list), waiting(list))
}

// Baseline records that a database made by other means has the schema of version
// and of all files before it, without running them. The database must have
// tables and no history.
func Baseline(ctx context.Context, db *sql.DB, dialect, version string, o Options) error {
	o.Baseline = version
	m, err := newMigrator(dialect, o)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect to set baseline %s: %w", version, err)
	}
	defer conn.Close()
	_, err = m.locked(ctx, conn, m.baseline)
	return err
}

// migrator is one directory about to meet one database.
type migrator struct {
	dialect string
	dir     *directory
	opts    Options
	log     *slog.Logger
}

func newMigrator(dialect string, o Options) (*migrator, error) {
	builtIn, err := migrations.For(dialect)
	if err != nil {
		return nil, err
	}
	if o.Dir == nil {
		o.Dir = builtIn
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = DefaultLockTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := openDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("read %s migrations: %w", dialect, err)
	}
	return &migrator{dialect: dialect, dir: dir, opts: o, log: o.Logger.With("dialect", dialect)}, nil
}

// current reports whether nothing is left to do. Other processes may be at
// work, so its "no" must be asked again under the lock.
func (m *migrator) current(ctx context.Context, q querier) (bool, error) {
	list, err := m.status(ctx, q)
	if err != nil {
		return false, err
	}
	return len(list) > 0 && refusal(list) == nil && waiting(list) == nil, nil
}

func (m *migrator) status(ctx context.Context, q querier) ([]FileStatus, error) {
	h := m.history(q)
	revs, err := h.readIfAny(ctx)
	if err != nil {
		return nil, err
	}
	return compare(m.dir, revs), nil
}

// locked runs f while no other process can migrate the same database.
func (m *migrator) locked(ctx context.Context, conn *sql.Conn, f func(context.Context, *sql.Conn) ([]string, error)) ([]string, error) {
	if m.dialect == Postgres {
		return m.lockedPostgres(ctx, conn, f)
	}
	return m.lockedSQLite(ctx, conn, f)
}

// apply runs what is pending. The caller holds the lock.
func (m *migrator) apply(ctx context.Context, conn *sql.Conn) ([]string, error) {
	revs, err := m.begin(ctx, conn)
	if err != nil {
		return nil, err
	}
	list := compare(m.dir, revs)
	if err := refusal(list); err != nil {
		return nil, err
	}
	return m.run(ctx, conn, list)
}

// begin returns the history, having set the baseline where one is due.
func (m *migrator) begin(ctx context.Context, conn *sql.Conn) ([]*revision, error) {
	h := m.history(conn)
	if err := h.Init(ctx); err != nil {
		return nil, err
	}
	revs, err := h.ReadRevisions(ctx)
	if err != nil || len(revs) > 0 {
		return revs, err
	}
	tables, err := h.otherTables(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(tables) == 0:
		return nil, nil
	case m.opts.Baseline == "":
		return nil, fmt.Errorf("%w (it has %s): if they are ours, set the baseline to the version they have; else name an empty database",
			ErrNotEmpty, someOf(tables))
	}
	if err := m.setBaseline(ctx, h); err != nil {
		return nil, err
	}
	return h.ReadRevisions(ctx)
}

// baseline is the locked part of Baseline.
func (m *migrator) baseline(ctx context.Context, conn *sql.Conn) ([]string, error) {
	h := m.history(conn)
	if err := h.Init(ctx); err != nil {
		return nil, err
	}
	revs, err := h.ReadRevisions(ctx)
	if err != nil {
		return nil, err
	}
	if len(revs) > 0 {
		return nil, fmt.Errorf("%w to %s: the database already has a history, which ends with %s", ErrBaseline, m.opts.Baseline, revs[len(revs)-1].Version)
	}
	tables, err := h.otherTables(ctx)
	if err != nil {
		return nil, err
	}
	if len(tables) == 0 {
		return nil, fmt.Errorf("%w to %s: the database is empty; apply the migrations instead", ErrBaseline, m.opts.Baseline)
	}
	return nil, m.setBaseline(ctx, h)
}

// setBaseline records the version with the hash of its file: hashes are
// cumulative, so a later edit of any file up to it is noticed.
func (m *migrator) setBaseline(ctx context.Context, h *history) error {
	f, ok := m.dir.byVersion(m.opts.Baseline)
	if !ok {
		return fmt.Errorf("%w to %s: no migration has this version", ErrBaseline, m.opts.Baseline)
	}
	if err := h.writeBaseline(ctx, f, m.opts.Operator); err != nil {
		return fmt.Errorf("set baseline %s: %w", m.opts.Baseline, err)
	}
	m.log.InfoContext(ctx, "migration baseline set", "version", m.opts.Baseline)
	return nil
}
