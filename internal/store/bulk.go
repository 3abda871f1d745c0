package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"

	"entgo.io/ent/dialect"
)

// BulkInsert loads rows into a table in a transaction of its own and returns
// their number. Rows are consumed as they are sent; the first error undoes all.
func (db *DB) BulkInsert(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	tx, err := db.Writer().BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			n, err = 0, errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	if db.Dialect() == dialect.Postgres {
		// The time-out is meant for statements of a request, and this is one statement.
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return 0, err
		}
	}
	if n, err = BulkInsert(ctx, tx, db.Dialect(), table, columns, rows); err != nil {
		return 0, err
	}
	return n, tx.Commit()
}

// BulkInsert loads rows into a table within tx, by COPY on PostgreSQL and by
// INSERTs of many rows on SQLite. After an error the transaction is of no more
// use. The producer may use a yielded slice again, but not change what it points
// to. Columns that are left out get the table's default, not that of ent.
func BulkInsert(ctx context.Context, tx *sql.Tx, dialectName, table string, columns []string, rows iter.Seq2[[]any, error]) (n int64, err error) {
	load := insertMany
	if dialectName == dialect.Postgres {
		load = copyIn
	}
	checked := func(yield func([]any, error) bool) {
		for row, err := range rows {
			if err == nil && len(row) != len(columns) {
				err = fmt.Errorf("row has %d values for %d columns", len(row), len(columns))
			}
			if !yield(row, err) {
				return
			}
		}
	}
	if n, err = load(ctx, tx, quote(table)+" ("+quote(columns...)+")", len(columns), checked); err != nil {
		return 0, fmt.Errorf("load %s after %d rows: %w", table, n, err)
	}
	return n, nil
}

func copyIn(ctx context.Context, tx *sql.Tx, target string, _ int, rows iter.Seq2[[]any, error]) (n int64, err error) {
	stmt, err := tx.PrepareContext(ctx, "COPY "+target+" FROM STDIN")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	for row, err := range rows {
		if err != nil {
			return n, err
		}
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return n, err
		}
		n++
	}
	_, err = stmt.ExecContext(ctx) // flushes and reports what the server found
	return n, err
}

// paramsPerInsert bounds a statement on SQLite; from about here on more rows at
// once gain nothing.
const paramsPerInsert = 1000

func insertMany(ctx context.Context, tx *sql.Tx, target string, width int, rows iter.Seq2[[]any, error]) (n int64, err error) {
	one := ", (?" + strings.Repeat(", ?", width-1) + ")"
	insert := func(rows int) string {
		return "INSERT INTO " + target + " VALUES " + strings.Repeat(one, rows)[len(", "):]
	}
	batch := max(1, paramsPerInsert/width)
	full, err := tx.PrepareContext(ctx, insert(batch))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, full.Close()) }()

	args := make([]any, 0, batch*width)
	for row, err := range rows {
		if err != nil {
			return n, err
		}
		if args = append(args, row...); len(args) == batch*width {
			if _, err := full.ExecContext(ctx, args...); err != nil {
				return n, err
			}
			n += int64(batch)
			args = args[:0]
		}
	}
	if len(args) > 0 {
		if _, err := tx.ExecContext(ctx, insert(len(args)/width), args...); err != nil {
			return n, err
		}
		n += int64(len(args) / width)
	}
	return n, nil
}

// quote makes identifiers of names.
func quote(names ...string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return strings.Join(quoted, ", ")
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
