package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// AuditMonthsAhead is how many months after the current one Up prepares, and a server
// while it runs.
const AuditMonthsAhead = 2

const (
	auditTable   = "audit_events"
	auditDefault = "audit_events_default"
)

// EnsureAuditPartitions creates the monthly partitions of audit_events that are
// missing from the month of now to the given number of months after it, and
// returns their names. Rows that fell into the default partition meanwhile move
// to where they belong. PostgreSQL only; any number of processes may call it.
// Months begin in UTC.
func EnsureAuditPartitions(ctx context.Context, db *sql.DB, now time.Time, ahead int) (created []string, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to make audit partitions: %w", err)
	}
	defer conn.Close()
	return auditPartitions(ctx, conn, now, ahead)
}

// ensureAuditPartitions is the last step of Up, by the database's clock. A
// directory without an audit trail needs none.
func ensureAuditPartitions(ctx context.Context, conn *sql.Conn) error {
	h := &history{q: conn, postgres: true}
	found, err := h.strings(ctx, "SELECT c.relname FROM pg_class c WHERE c.oid = to_regclass('"+auditTable+"') AND c.relkind = 'p'")
	if err != nil {
		return fmt.Errorf("look for table %s: %w", auditTable, err)
	}
	if len(found) == 0 {
		return nil
	}
	now, err := h.clock(ctx)
	if err != nil {
		return err
	}
	_, err = auditPartitions(ctx, conn, now, AuditMonthsAhead)
	return err
}

func auditPartitions(ctx context.Context, conn *sql.Conn, now time.Time, ahead int) (created []string, err error) {
	now = now.UTC()
	for i := range ahead + 1 {
		month := time.Date(now.Year(), now.Month()+time.Month(i), 1, 0, 0, 0, 0, time.UTC)
		added, err := ensurePartition(ctx, conn, month)
		if err != nil {
			return created, fmt.Errorf("make audit partition %s: %w", AuditPartition(month), err)
		}
		if added {
			created = append(created, AuditPartition(month))
		}
	}
	return created, nil
}

// AuditPartition is the name of the partition of a month.
func AuditPartition(month time.Time) string { return month.Format(auditTable + "_2006_01") }

func ensurePartition(ctx context.Context, conn *sql.Conn, month time.Time) (added bool, err error) {
	if there, err := hasPartition(ctx, conn, month); err != nil || there {
		return false, err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	// Writers must wait outside: one that was let in and had chosen the default
	// partition would find itself refused by it after the commit. They queue up
	// behind this lock, so it gives up soon where a long transaction is in the way.
	for _, stmt := range []string{"SET LOCAL lock_timeout = '2s'", "LOCK TABLE " + auditTable + " IN SHARE ROW EXCLUSIVE MODE"} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return false, fmt.Errorf("lock: %w", err)
		}
	}
	// Somebody else may have made it while this waited for the lock.
	if there, err := hasPartition(ctx, tx, month); err != nil || there {
		return false, err
	}
	if err := createPartition(ctx, tx, month); err != nil {
		return false, err
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

// createPartition fills the new table before it becomes a partition, since
// attaching one is refused while the default partition has rows of that month.
func createPartition(ctx context.Context, tx *sql.Tx, month time.Time) error {
	const layout = "2006-01-02 15:04:05-07"
	name := pq.QuoteIdentifier(AuditPartition(month))
	from, to := pq.QuoteLiteral(month.Format(layout)), pq.QuoteLiteral(month.AddDate(0, 1, 0).Format(layout))
	for _, stmt := range []string{
		"CREATE TABLE " + name + " (LIKE " + auditTable + " INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)",
		"WITH moved AS (DELETE FROM " + auditDefault + " WHERE created_at >= " + from + " AND created_at < " + to + " RETURNING *) INSERT INTO " + name + " SELECT * FROM moved",
		"ALTER TABLE " + auditTable + " ATTACH PARTITION " + name + " FOR VALUES FROM (" + from + ") TO (" + to + ")",
	} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

func hasPartition(ctx context.Context, q querier, month time.Time) (bool, error) {
	h := &history{q: q, postgres: true}
	found, err := h.strings(ctx, "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) AND c.relname = $2",
		auditTable, AuditPartition(month))
	if err != nil {
		return false, fmt.Errorf("look for it: %w", err)
	}
	return len(found) > 0, nil
}
