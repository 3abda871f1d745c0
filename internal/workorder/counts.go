package workorder

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/ent/workordercount"
	"aliaport/internal/actor"
	"aliaport/internal/store"
)

// StatusCount is how many orders stand in a status.
type StatusCount struct {
	Status workorder.Status
	Count  int
}

// Counts tells how many orders that are not deleted stand in each status, all of
// them in the order of an order's life. It reads what triggers keep (see
// ent/schema), so it takes as long for a million orders as for none.
func (s *Service) Counts(ctx context.Context) ([]StatusCount, error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	var rows []struct {
		Status workorder.Status
		N      int
	}
	err := s.DB.WorkOrderCount.Query().GroupBy(workordercount.FieldStatus).Aggregate(ent.As(ent.Sum(workordercount.FieldN), "n")).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read the counts of work orders: %w", err)
	}
	n := map[workorder.Status]int{}
	for _, r := range rows {
		n[r.Status] = r.N
	}
	counts := make([]StatusCount, len(everyStatus))
	for i, status := range everyStatus {
		counts[i] = StatusCount{status, n[status]}
	}
	return counts, nil
}

// keptCount is how many orders stand in one of the statuses; in any, without one.
func (s *Service) keptCount(ctx context.Context, statuses []workorder.Status) (int, error) {
	q := s.DB.WorkOrderCount.Query()
	if len(statuses) > 0 {
		among := make([]workordercount.Status, len(statuses))
		for i, status := range statuses {
			among[i] = workordercount.Status(status)
		}
		q.Where(workordercount.StatusIn(among...))
	}
	var sum []struct{ N *int }
	if err := q.Aggregate(ent.As(ent.Sum(workordercount.FieldN), "n")).Scan(ctx, &sum); err != nil {
		return 0, fmt.Errorf("read the counts of work orders: %w", err)
	}
	if len(sum) == 0 || sum[0].N == nil { // there has never been one
		return 0, nil
	}
	return *sum[0].N, nil
}

// countsLock is held on PostgreSQL by whoever takes rows of the counts away, the
// trigger for TRUNCATE included.
const countsLock = 0x636f756e74 // "count"

// CompactCounts adds up what triggers wrote down since the last time. It is for
// PostgreSQL; one process at a time does it, others return at once. Nobody has to
// wait for it.
func CompactCounts(ctx context.Context, db *store.DB) error {
	if db.Dialect() != dialect.Postgres {
		return nil
	}
	tx, err := db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("compact the counts of work orders: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit there is nothing to undo
	var ours bool
	if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", countsLock).Scan(&ours); err != nil || !ours {
		return err
	}
	// Differences that others are just writing down are not seen and so stay.
	_, err = tx.ExecContext(ctx, `WITH gone AS (DELETE FROM work_order_counts WHERE (SELECT count(*) FROM work_order_counts) > $1 RETURNING status, n)
		INSERT INTO work_order_counts (status, n) SELECT status, sum(n) FROM gone GROUP BY status`, len(everyStatus))
	if err != nil {
		return fmt.Errorf("compact the counts of work orders: %w", err)
	}
	return tx.Commit()
}

// Miscount is a status whose kept count is not what counting finds.
type Miscount struct {
	Status        string
	Kept, Counted int
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Miscounts compares the kept counts with the orders, at one moment: it may run
// while orders are being changed.
func Miscounts(ctx context.Context, db querier) (wrong []Miscount, err error) {
	rows, err := db.QueryContext(ctx, `SELECT status, sum(kept), sum(counted) FROM (
			SELECT status, n AS kept, 0 AS counted FROM work_order_counts
			UNION ALL SELECT status, 0, count(*) FROM work_orders WHERE is_active GROUP BY status
		) AS compared GROUP BY status HAVING sum(kept) <> sum(counted) ORDER BY status`)
	if err != nil {
		return nil, fmt.Errorf("compare the counts of work orders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m Miscount
		if err := rows.Scan(&m.Status, &m.Kept, &m.Counted); err != nil {
			return nil, fmt.Errorf("compare the counts of work orders: %w", err)
		}
		wrong = append(wrong, m)
	}
	return wrong, rows.Err()
}

// Recount counts all orders anew and returns what was wrong. Meanwhile nobody can
// change an order.
func Recount(ctx context.Context, db *store.DB) (wrong []Miscount, err error) {
	err = db.InTx(ctx, func(tx *ent.Tx) error {
		raw := store.SQLTx(tx)
		statements := []string{"DELETE FROM work_order_counts"}
		if db.Dialect() == dialect.Postgres {
			// Changes that are under way would be missed by the count, and add to it afterwards.
			if _, err := raw.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
				return err
			}
			if _, err := raw.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", countsLock); err != nil {
				return err
			}
			if _, err := raw.ExecContext(ctx, "LOCK TABLE work_orders IN SHARE MODE"); err != nil {
				return err
			}
		}
		if wrong, err = Miscounts(ctx, raw); err != nil {
			return err
		}
		for _, status := range everyStatus {
			statements = append(statements, "INSERT INTO work_order_counts (status, n) SELECT '"+string(status)+"', count(*) FROM work_orders WHERE is_active = true AND status = '"+string(status)+"'")
		}
		for _, s := range statements {
			if _, err := raw.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the work orders: %w", err)
	}
	return wrong, nil
}
