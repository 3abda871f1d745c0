package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"aliaport/ent"
)

// StillWritingError tells that writers could not be waited for.
type StillWritingError struct {
	Waited time.Duration
	// Oldest is the transaction that is in the way, as far as it could be told.
	Oldest string
	cause  error
}

func (e *StillWritingError) Error() string {
	text := fmt.Sprintf("writers did not end within %s", e.Waited.Round(time.Millisecond))
	if e.Oldest != "" {
		text += ": " + e.Oldest
	}
	return text
}

func (e *StillWritingError) Unwrap() error { return e.cause }

// How long others may be kept waiting at a time while their predecessors end.
const (
	lockPatience  = 250 * time.Millisecond // for one table
	quietPatience = time.Second            // for all of them
	maxQuietPause = 500 * time.Millisecond
)

// Quiet runs fn in a transaction during which nobody else writes to the tables: what
// others had begun to write there is committed or undone by then, and who comes
// meanwhile waits until it ends. Readers go on.
//
// On PostgreSQL that takes a lock on each table, and those who wait for it hold up
// others; so it lets go again soon if it does not get them all, and tries again for as
// long as wait says. On SQLite any transaction that writes is alone.
func (db *DB) Quiet(ctx context.Context, wait time.Duration, tables []string, fn func(tx *ent.Tx) error) error {
	started := time.Now() //nolint:forbidigo // measures a duration
	for pause := lockPatience / 4; ; pause = min(2*pause, maxQuietPause) {
		err := db.InTx(ctx, func(tx *ent.Tx) error {
			if err := db.lockTables(ctx, SQLTx(tx), tables); err != nil {
				return err
			}
			return fn(tx)
		})
		if err == nil || ctx.Err() != nil {
			return err
		}
		switch Classify(err).Kind {
		case Busy, Serialization, Timeout:
		default:
			return err
		}
		if waited := time.Since(started); waited >= wait {
			return &StillWritingError{Waited: waited, Oldest: db.oldestWriter(ctx, tables), cause: err}
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter is no secret
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// firstLocked and lastLocked are the tables that transactions write to first and last.
// Whoever holds the first waits for those only who have what they need of them.
var (
	firstLocked = []string{"idempotency_keys", "number_sequences", "work_orders", "trips", "gate_logs", "users", "refresh_tokens"}
	lastLocked  = []string{"work_order_counts", "audit_events", "cache_generations"}
)

func inLockOrder(tables []string) []string {
	rank := func(table string) int {
		if i := slices.Index(firstLocked, table); i >= 0 {
			return i - len(firstLocked)
		}
		return slices.Index(lastLocked, table) + 1
	}
	sorted := slices.Clone(tables)
	slices.SortFunc(sorted, func(a, b string) int {
		if ra, rb := rank(a), rank(b); ra != rb {
			return ra - rb
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(sorted)
}

func (db *DB) lockTables(ctx context.Context, tx *sql.Tx, tables []string) error {
	if db.Dialect() != dialect.Postgres || len(tables) == 0 {
		return nil
	}
	names := inLockOrder(tables)
	for i, name := range names {
		names[i] = quote(name)
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d`, lockPatience.Milliseconds(), quietPatience.Milliseconds()))
	if err == nil {
		_, err = tx.ExecContext(ctx, "LOCK TABLE "+strings.Join(names, ", ")+" IN SHARE ROW EXCLUSIVE MODE")
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0")
	}
	if err != nil {
		return fmt.Errorf("wait for writers: %w", err)
	}
	return nil
}

// oldestWriter describes the transaction that has been writing for the longest time.
func (db *DB) oldestWriter(ctx context.Context, tables []string) string {
	if db.Dialect() != dialect.Postgres || len(tables) == 0 {
		return "another process holds the database"
	}
	list := make([]string, len(tables))
	for i, t := range tables {
		list[i] = pq.QuoteLiteral(t)
	}
	var text string
	err := db.Reader().QueryRowContext(ctx, `SELECT format('%s transaction of process %s (%s) writes %s for %s s', a.state, a.pid, a.application_name, c.relname,
			round(extract(epoch FROM clock_timestamp() - a.xact_start)::numeric, 1))
		FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a USING (pid)
		WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND a.pid <> pg_backend_pid()
			AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', 'ShareUpdateExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') AND c.relname IN (`+strings.Join(list, ", ")+`)
		ORDER BY a.xact_start LIMIT 1`).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ""
	}
	return text
}

// Leisurely sends statements to PostgreSQL one by one, for as long as nobody is in their
// way. They clean up, and what they leave does no harm.
func (db *DB) Leisurely(ctx context.Context, statements []string) {
	for _, s := range statements {
		if _, err := db.Writer().ExecContext(ctx, "SET LOCAL lock_timeout = '50ms'; "+s); err != nil {
			db.driver.obs.log.DebugContext(ctx, "not cleaned up", "err", err)
		}
	}
}
