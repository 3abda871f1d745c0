package changes

import (
	"context"
	"errors"
	"fmt"

	"aliaport/internal/store"
)

// Batch is what was read of the log.
type Batch struct {
	Keys []Key // each once, in the order in which they first changed
	Last int64 // number of the last line
	More bool  // there may be further lines after Last
	runs []run
}

// run are lines without a gap between them.
type run struct{ first, last int64 }

// Lines is how many were read.
func (b *Batch) Lines() (n int64) {
	for _, r := range b.runs {
		n += r.last - r.first + 1
	}
	return n
}

// Read reads at most limit lines of the log after one of them, or from the beginning if
// after is 0. It is not for finding out what came since the last transaction: what was
// read is to be confirmed, and then is not there any more.
func Read(ctx context.Context, tx Querier, after int64, limit int) (b *Batch, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT "seq", "of_table", "a", "b" FROM `+Table+fmt.Sprintf(` WHERE "seq" > %d ORDER BY "seq" LIMIT %d`, after, limit))
	if err != nil {
		return nil, fmt.Errorf("read the log of changes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	b = &Batch{Last: after}
	seen, lines, shared := map[Key]struct{}{}, 0, map[string]string{}
	for rows.Next() {
		var (
			seq   int64
			k     Key
			table string
		)
		if err := rows.Scan(&seq, &table, &k.A, &k.B); err != nil {
			return nil, fmt.Errorf("read the log of changes: %w", err)
		}
		if _, ok := shared[table]; !ok {
			shared[table] = table
		}
		k.Table = shared[table]
		if _, again := seen[k]; !again {
			seen[k] = struct{}{}
			b.Keys = append(b.Keys, k)
		}
		if n := len(b.runs); n > 0 && b.runs[n-1].last == seq-1 {
			b.runs[n-1].last = seq
		} else {
			b.runs = append(b.runs, run{seq, seq})
		}
		b.Last = seq
		lines++
	}
	b.More = lines == limit
	return b, rows.Err()
}

// Pending counts the lines that nobody has confirmed.
func Pending(ctx context.Context, db Querier) (n int64, err error) {
	rows, err := db.QueryContext(ctx, `SELECT count(*) FROM `+Table)
	if err != nil {
		return 0, fmt.Errorf("count the log of changes: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count the log of changes: %w", err)
		}
	}
	return n, rows.Err()
}

// Confirm removes what was read from the log: the follower has it for good.
func Confirm(ctx context.Context, db *store.DB, batches ...*Batch) (err error) {
	tx, err := db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("confirm changes: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("confirm changes: %w", err), tx.Rollback())
		}
	}()
	for _, b := range batches {
		for _, r := range b.runs {
			if _, err = tx.ExecContext(ctx, `DELETE FROM `+Table+` WHERE "seq" BETWEEN $1 AND $2`, r.first, r.last); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
