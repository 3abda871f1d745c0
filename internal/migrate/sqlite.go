package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"
)

// lockedSQLite runs f in one immediate transaction, which is also the lock. The
// foreign keys are off meanwhile: a table is changed by building it anew and
// dropping the old one, and the drop would delete all child rows (CASCADE). The
// PRAGMA that the generated files carry for this does nothing inside a
// transaction. Instead all foreign keys are checked before the commit.
func (m *migrator) lockedSQLite(ctx context.Context, conn *sql.Conn, f func(context.Context, *sql.Conn) ([]string, error)) (applied []string, err error) {
	restore, err := setPragma(ctx, conn, "foreign_keys", "0")
	if err != nil {
		return nil, err
	}
	defer restore()
	if err := m.lockSQLite(ctx, conn); err != nil {
		return nil, err
	}
	if applied, err = checked(ctx, conn, f); err != nil {
		if _, undo := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); undo != nil {
			discard(conn)
		}
		return nil, err
	}
	return applied, nil
}

// lockSQLite asks in short turns: SQLite's own wait cannot be interrupted, so a
// program told to stop would sit it out.
func (m *migrator) lockSQLite(ctx context.Context, conn *sql.Conn) error {
	restore, err := setPragma(ctx, conn, "busy_timeout", strconv.FormatInt(pollLock.Milliseconds(), 10))
	if err != nil {
		return err
	}
	defer restore()
	patience := time.NewTimer(m.opts.LockTimeout)
	defer patience.Stop()
	for {
		_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
		if err == nil {
			return nil
		}
		if !busy(err) {
			discard(conn) // stopped half way, it may have begun
			return fmt.Errorf("take migration lock: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for migration lock: %w", ctx.Err())
		case <-patience.C:
			return fmt.Errorf("%w, or writing: no lock after %s", ErrLocked, m.opts.LockTimeout)
		default:
		}
	}
}

// checked runs f and commits, unless f broke a foreign key. References that were
// broken before are not f's fault and do not stop it.
func checked(ctx context.Context, conn *sql.Conn, f func(context.Context, *sql.Conn) ([]string, error)) ([]string, error) {
	before, err := brokenReferences(ctx, conn)
	if err != nil {
		return nil, err
	}
	applied, err := f(ctx, conn)
	if err != nil {
		return nil, err
	}
	after, err := brokenReferences(ctx, conn)
	if err != nil {
		return nil, err
	}
	for ref := range after {
		if !before[ref] {
			return nil, fmt.Errorf("%w: row %d of %s would refer to a missing row of %s. No migration of this start was kept", ErrFailed, ref.row, ref.table, ref.parent)
		}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return nil, fmt.Errorf("commit migrations: %w", err)
	}
	return applied, nil
}

// reference is a row whose foreign key points nowhere.
type reference struct {
	table, parent string
	row           int64
	key           int
}

func brokenReferences(ctx context.Context, conn *sql.Conn) (map[reference]bool, error) {
	rows, err := conn.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return nil, fmt.Errorf("check foreign keys: %w", err)
	}
	defer rows.Close()
	broken := map[reference]bool{}
	for rows.Next() {
		var (
			r   reference
			row sql.NullInt64
		)
		if err := rows.Scan(&r.table, &row, &r.parent, &r.key); err != nil {
			return nil, fmt.Errorf("check foreign keys: %w", err)
		}
		r.row = row.Int64
		broken[r] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("check foreign keys: %w", err)
	}
	return broken, nil
}

// setPragma changes a setting of the connection until restore is called.
func setPragma(ctx context.Context, conn *sql.Conn, name, value string) (restore func(), err error) {
	var before string
	if err := conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&before); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA "+name+" = "+value); err != nil {
		return nil, fmt.Errorf("set %s: %w", name, err)
	}
	return func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA "+name+" = "+before); err != nil {
			discard(conn)
		}
	}, nil
}

func busy(err error) bool {
	e, ok := errors.AsType[sqlite3.Error](err)
	return ok && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}
