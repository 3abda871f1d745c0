// Package store opens the database, an SQLite file or a PostgreSQL server, and
// hands out ent's client for it. What differs between the two ends here: pools,
// session settings, how values are bound, which code means what fault.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
)

// Options tune a database. The zero value is ready for use.
type Options struct {
	MaxOpen          int           // PostgreSQL connections at most; 0: 30
	MaxIdle          int           // PostgreSQL connections kept; 0: 10
	MaxLifetime      time.Duration // of a PostgreSQL connection; 0: 30 minutes
	StatementTimeout time.Duration // after which PostgreSQL gives up; 0: 30 s, negative: never
	AppName          string        // as PostgreSQL shows it in pg_stat_activity; "": aliaport

	SQLiteReaders int           // connections that only read; 0: two per core
	Synchronous   string        // SQLite's promise on commit: "": FULL, which survives a power cut
	BusyTimeout   time.Duration // how long SQLite waits for another process; 0: 5 s

	StatementCache int           // prepared statements kept per connection; 0: 256, negative: none
	SlowStatement  time.Duration // statements that take longer are logged; 0: 200 ms, negative: none
	Log            *slog.Logger  // nil: nothing is logged
	Profile        bool          // log every statement with its text, time, rows, field and request

	// ReadOnly makes the database refuse every change; a missing SQLite file stays missing.
	ReadOnly bool
}

func (o Options) withDefaults() Options {
	o.MaxOpen = orDefault(o.MaxOpen, 30)
	o.MaxIdle = orDefault(o.MaxIdle, min(10, o.MaxOpen))
	o.MaxLifetime = orDefault(o.MaxLifetime, 30*time.Minute)
	o.StatementTimeout = max(0, orDefault(o.StatementTimeout, 30*time.Second))
	o.AppName = orDefault(o.AppName, "aliaport")
	o.SQLiteReaders = orDefault(o.SQLiteReaders, readersPerCore())
	o.Synchronous = strings.ToUpper(orDefault(o.Synchronous, "FULL"))
	o.BusyTimeout = orDefault(o.BusyTimeout, 5*time.Second)
	o.StatementCache = max(0, orDefault(o.StatementCache, 256))
	o.SlowStatement = orDefault(o.SlowStatement, 200*time.Millisecond)
	o.Log = orDefault(o.Log, slog.New(slog.DiscardHandler))
	return o
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// DB is an open database. The embedded client serves queries; what changes data
// goes through InTx.
type DB struct {
	*ent.Client
	driver *driver
}

// Open connects to the database that the URL names and makes sure that it
// answers:
//
//	sqlite://data/aliaport.db    a file, relative to the working directory
//	sqlite:///var/lib/aliaport.db
//	postgres://user:password@host:5432/aliaport?sslmode=require
//
// A missing SQLite file is created, with its folder. The schema is not touched.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	o = o.withDefaults()
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return nil, errors.New("database URL has no scheme: want sqlite://… or postgres://…")
	}
	d := &driver{obs: &observer{log: o.Log, slow: o.SlowStatement, profile: o.Profile}}
	var err error
	switch scheme {
	case "sqlite":
		d.dialect = dialect.SQLite
		d.writer, d.reader, err = openSQLite(ctx, rest, o)
	case "postgres", "postgresql":
		d.dialect = dialect.Postgres
		d.writer, err = openPostgres(ctx, url, o)
		d.reader = d.writer
	default:
		return nil, fmt.Errorf("database URL has scheme %q: want sqlite or postgres", scheme)
	}
	if err != nil {
		return nil, err
	}
	if o.SlowStatement > 0 {
		d.obs.plans = newPlans(d.reader, d.dialect, o.Log)
	}
	return &DB{Client: ent.NewClient(ent.Driver(d)), driver: d}, nil
}

// Dialect is dialect.SQLite or dialect.Postgres.
func (db *DB) Dialect() string { return db.driver.dialect }

// Writer is the pool for raw statements that change data. On SQLite it has one
// connection: holding it keeps every other writer waiting.
func (db *DB) Writer() *sql.DB { return db.driver.writer }

// Reader is the pool for raw statements that only read. On PostgreSQL it is the
// same as Writer.
func (db *DB) Reader() *sql.DB { return db.driver.reader }

// Ping reports whether the database answers. It never waits for a writer.
func (db *DB) Ping(ctx context.Context) error { return ping(ctx, db.driver.reader) }

// Close waits for running statements and closes all connections.
func (db *DB) Close() error { return db.driver.Close() }

// ping runs a statement: SQLite's driver does not look at the file otherwise.
func ping(ctx context.Context, db *sql.DB) error {
	var one int
	return db.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}

// Retries of a transaction that lost against a concurrent one.
const (
	maxRetries = 3
	firstPause = 20 * time.Millisecond
)

// InTx runs fn in a transaction and commits it if fn returns nil; otherwise, and
// on panic, everything is undone. On PostgreSQL fn runs again, up to three more
// times, when the transaction lost against a concurrent one, so it must not leave
// anything behind but what it writes through tx. On SQLite transactions run one
// after the other; using the client instead of tx inside fn blocks forever.
//
// What tx read must be read again after commit before its edges can be followed.
func (db *DB) InTx(ctx context.Context, fn func(tx *ent.Tx) error) error {
	for retry := 0; ; retry++ {
		err := db.inTx(ctx, fn)
		if err == nil || retry == maxRetries || Classify(err).Kind != Serialization {
			return err
		}
		pause := firstPause << retry
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter is no secret
		case <-ctx.Done():
			return err
		}
	}
}

func (db *DB) inTx(ctx context.Context, fn func(tx *ent.Tx) error) (err error) {
	tx, err := db.Tx(ctx)
	if err != nil {
		return err
	}
	finished := false
	defer func() {
		if finished {
			return
		}
		// Also after a panic. A transaction whose context has ended is already undone.
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, fmt.Errorf("roll back: %w", rerr))
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	finished = true
	if err := tx.Commit(); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil { // undone because the caller gave up
			err = ctx.Err()
		}
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// SQLTx is the database/sql transaction below ent's, for libraries that know
// nothing of ent (the job queue) and for BulkInsert. Whoever began tx ends it.
func SQLTx(tx *ent.Tx) *sql.Tx {
	var raw *sql.Tx
	// ent hides the driver of a transaction, but passes statements on: see txConn.
	if _, err := tx.ExecContext(context.Background(), "", &raw); err != nil { //nolint:forbidigo // nothing is sent
		panic(fmt.Sprintf("store: transaction of a foreign driver: %v", err))
	}
	return raw
}
