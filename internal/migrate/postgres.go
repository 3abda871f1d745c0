package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"
)

// lockName is that of Atlas's command, so that the two exclude each other.
const lockName = "atlas_migrate_execute"

// pollLock is how often a waiting starter asks again.
const pollLock = 50 * time.Millisecond

// lockedPostgres holds an advisory lock on the connection that does the work:
// should it break, lock and work end together. Statements may take as long as
// they need meanwhile.
func (m *migrator) lockedPostgres(ctx context.Context, conn *sql.Conn, f func(context.Context, *sql.Conn) ([]string, error)) (applied []string, err error) {
	if err := m.lockPostgres(ctx, conn); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlockPostgres(context.WithoutCancel(ctx), conn)) }()
	restore, err := withoutStatementTimeout(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer restore()
	return f(ctx, conn)
}

// lockPostgres asks again and again instead of waiting inside the server: a
// session that waits there holds a snapshot, and CREATE INDEX CONCURRENTLY waits
// for all snapshots, so the two would deadlock.
func (m *migrator) lockPostgres(ctx context.Context, conn *sql.Conn) error {
	patience := time.NewTimer(m.opts.LockTimeout)
	defer patience.Stop()
	poll := time.NewTicker(pollLock)
	defer poll.Stop()
	for {
		var got bool
		if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", lockID()).Scan(&got); err != nil {
			return fmt.Errorf("take migration lock: %w", err)
		}
		if got {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for migration lock: %w", ctx.Err())
		case <-patience.C:
			return fmt.Errorf("%w: no lock after %s", ErrLocked, m.opts.LockTimeout)
		case <-poll.C:
		}
	}
}

func unlockPostgres(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", lockID()); err != nil {
		discard(conn) // the lock goes with the session
		return fmt.Errorf("release migration lock: %w", err)
	}
	return nil
}

func lockID() int64 {
	h := fnv.New32()
	_, _ = h.Write([]byte(lockName)) // a hash cannot fail
	return int64(h.Sum32())
}

// withoutStatementTimeout lifts the limit that is meant for requests.
func withoutStatementTimeout(ctx context.Context, conn *sql.Conn) (restore func(), err error) {
	const set = "SELECT set_config('statement_timeout', $1, false)"
	var before string
	if err := conn.QueryRowContext(ctx, "SELECT current_setting('statement_timeout')").Scan(&before); err != nil {
		return nil, fmt.Errorf("read statement_timeout: %w", err)
	}
	if _, err := conn.ExecContext(ctx, set, "0"); err != nil {
		return nil, fmt.Errorf("lift statement_timeout: %w", err)
	}
	return func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), set, before); err != nil {
			discard(conn)
		}
	}, nil
}
