package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// driver is what ent's client talks to. It chooses the pool of a statement.
type driver struct {
	dialect        string
	writer, reader *sql.DB
	obs            *observer
}

var _ dialect.Driver = (*driver)(nil)

func (d *driver) Dialect() string { return d.dialect }

func (d *driver) Close() error {
	d.obs.plans.close()
	if d.reader == d.writer {
		return d.writer.Close()
	}
	return errors.Join(d.reader.Close(), d.writer.Close())
}

// pool is the reader for plain SELECTs only. Everything else may write: ent sends
// INSERT … RETURNING through Query as well, and a WITH can hide a DELETE.
func (d *driver) pool(query string) *sql.DB {
	const word = "SELECT"
	if len(query) > len(word) && strings.EqualFold(query[:len(word)], word) {
		return d.reader
	}
	return d.writer
}

func (d *driver) Exec(ctx context.Context, query string, args, v any) error {
	return conn{d.writer, d.obs}.Exec(ctx, query, args, v)
}

func (d *driver) Query(ctx context.Context, query string, args, v any) error {
	return conn{d.pool(query), d.obs}.Query(ctx, query, args, v)
}

// ExecContext and QueryContext serve ent's raw statements.

func (d *driver) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return conn{d.writer, d.obs}.ExecContext(ctx, query, args...)
}

func (d *driver) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return conn{d.pool(query), d.obs}.QueryContext(ctx, query, args...)
}

func (d *driver) Tx(ctx context.Context) (dialect.Tx, error) { return d.BeginTx(ctx, nil) }

// BeginTx begins a transaction: with opts.ReadOnly on a reader, otherwise on
// SQLite as the only writer.
func (d *driver) BeginTx(ctx context.Context, opts *sql.TxOptions) (dialect.Tx, error) {
	pool := d.writer
	if opts != nil && opts.ReadOnly {
		pool = d.reader
	}
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &txConn{conn: conn{tx, d.obs}, ctx: ctx, tx: tx}, nil
}

// conn runs ent's statements on a pool or in a transaction, under observation.
type conn struct {
	db  entsql.ExecQuerier
	obs *observer
}

func (c conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	run := c.obs.begin(ctx, query, args)
	res, err := c.db.ExecContext(ctx, query, args...)
	var rows int64
	if err == nil {
		rows, _ = res.RowsAffected() // 0 for statements that cannot tell
	}
	run.end(rows, err)
	return res, because(ctx, err)
}

// QueryContext is timed up to the first row.
func (c conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	run := c.obs.begin(ctx, query, args)
	rows, err := c.db.QueryContext(ctx, query, args...)
	run.end(0, err)
	return rows, because(ctx, err)
}

// because adds that the context has ended to the error of a statement: the server
// only says that it was cancelled.
func because(ctx context.Context, err error) error {
	if ended := ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}

func (c conn) Exec(ctx context.Context, query string, args, v any) error {
	return entsql.Conn{ExecQuerier: c}.Exec(ctx, query, args, v)
}

// Query is timed up to the last row for a request with Stats. Without, ent's
// schema tools may be asking, and they insist on plain *sql.Rows.
func (c conn) Query(ctx context.Context, query string, args, v any) error {
	rows, ok := v.(*entsql.Rows)
	if !ok || StatsFrom(ctx) == nil {
		return entsql.Conn{ExecQuerier: c}.Query(ctx, query, args, v)
	}
	list, _ := args.([]any) // ent insists on it itself
	run := c.obs.begin(ctx, query, list)
	if err := (entsql.Conn{ExecQuerier: c.db}).Query(ctx, query, args, v); err != nil {
		run.end(0, err)
		return because(ctx, err)
	}
	rows.ColumnScanner = &observedRows{ColumnScanner: rows.ColumnScanner, run: run}
	return nil
}

// observedRows counts rows and ends the observation when it is closed.
type observedRows struct {
	entsql.ColumnScanner
	run  *running
	rows int64
}

func (r *observedRows) Next() bool {
	more := r.ColumnScanner.Next()
	if more {
		r.rows++
	}
	return more
}

func (r *observedRows) Close() error {
	err := r.ColumnScanner.Close()
	if r.run != nil {
		r.run.end(r.rows, errors.Join(r.Err(), err))
		r.run = nil
	}
	return err
}

// txConn is a transaction.
type txConn struct {
	conn
	ctx context.Context //nolint:containedctx // Commit, which can be slow, has none
	tx  *sql.Tx
}

// ExecContext hands its transaction to SQLTx, which sends an empty statement.
func (t *txConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if query == "" && len(args) == 1 {
		if out, ok := args[0].(**sql.Tx); ok {
			*out = t.tx
			return nil, nil //nolint:nilnil // SQLTx does not look
		}
	}
	return t.conn.ExecContext(ctx, query, args...)
}

func (t *txConn) Commit() error {
	run := t.obs.begin(Uncounted(t.ctx), "COMMIT", nil)
	err := t.tx.Commit()
	run.end(0, err)
	return err
}

func (t *txConn) Rollback() error { return t.tx.Rollback() }
