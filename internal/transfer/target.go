package transfer

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/migrate"
	"aliaport/internal/proof"
	"aliaport/internal/store"
)

// target is the database that is being filled.
type target struct {
	*store.DB
}

func (t target) postgres() bool { return t.Dialect() == dialect.Postgres }

// The target remembers how far the transfer is. These tables go when it has ended.
const (
	chunksTable = "transfer_chunks" // what has been copied
	schemaTable = "transfer_schema" // indexes and foreign keys that wait to be made again
	stateTable  = "transfer_state"  // by name
)

var stateTables = []string{
	`CREATE TABLE IF NOT EXISTS ` + chunksTable + ` (table_name text NOT NULL, low bigint NOT NULL, high bigint NOT NULL, row_count bigint NOT NULL, digest text NOT NULL, PRIMARY KEY (table_name, low))`,
	`CREATE TABLE IF NOT EXISTS ` + schemaTable + ` (position integer NOT NULL PRIMARY KEY, table_name text NOT NULL, kind text NOT NULL, name text NOT NULL, definition text NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS ` + stateTable + ` (name text NOT NULL PRIMARY KEY, value text NOT NULL)`,
}

// exec runs statements, each in a transaction of its own.
func exec(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", shortSQL(s), err)
		}
	}
	return nil
}

func shortSQL(s string) string {
	const most = 120
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// begun tells whether a transfer into this database is under way.
func (t target) begun(ctx context.Context) (bool, error) {
	if t.postgres() {
		var there bool
		err := t.Reader().QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", stateTable).Scan(&there)
		return there, err
	}
	var n int
	err := t.Reader().QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1", stateTable).Scan(&n)
	return n > 0, err
}

// state is what was remembered under name; empty if nothing.
func (t target) state(ctx context.Context, name string) (value string, err error) {
	err = t.Reader().QueryRowContext(ctx, "SELECT value FROM "+stateTable+" WHERE name = $1", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return value, err
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func remember(ctx context.Context, tx execer, name, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO "+stateTable+" (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

// rows counts the rows of a table.
func (t target) rows(ctx context.Context, table string) (n int64, err error) {
	err = t.Reader().QueryRowContext(ctx, "SELECT count(*) FROM "+quote(table)).Scan(&n)
	return n, err
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quote(n)
	}
	return strings.Join(out, ", ")
}

// begin makes the target remember the transfer from here on.
func (t target) begin(ctx context.Context, from string) error {
	return t.inTx(ctx, func(tx *sql.Tx) error {
		for _, s := range stateTables {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
		return remember(ctx, tx, "from", from)
	})
}

// finish forgets the transfer.
func (t target) finish(ctx context.Context) error {
	return t.inTx(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{chunksTable, schemaTable, stateTable} {
			if _, err := tx.ExecContext(ctx, "DROP TABLE IF EXISTS "+table); err != nil {
				return err
			}
		}
		return nil
	})
}

// chunk is a range of a table that was copied.
type chunk struct {
	table string
	proof.Range
	proof.Part
}

// chunks are those that were copied, by table and low end.
func (t target) chunks(ctx context.Context) (map[string]map[int64]chunk, error) {
	rows, err := t.Reader().QueryContext(ctx, "SELECT table_name, low, high, row_count, digest FROM "+chunksTable)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]map[int64]chunk{}
	for rows.Next() {
		c := chunk{Range: proof.Range{Bounded: true}}
		var digest string
		if err := rows.Scan(&c.table, &c.Low, &c.High, &c.Rows, &digest); err != nil {
			return nil, err
		}
		if err := c.Sum.UnmarshalText([]byte(digest)); err != nil {
			return nil, err
		}
		if out[c.table] == nil {
			out[c.table] = map[int64]chunk{}
		}
		out[c.table][c.Low] = c
	}
	return out, rows.Err()
}

// drop deletes the rows of a range and forgets that they were copied. On SQLite the
// caller has switched foreign keys off.
func (t target) drop(ctx context.Context, table *proof.Table, r proof.Range) error {
	return t.inTx(ctx, func(tx *sql.Tx) error {
		where := fmt.Sprintf(" WHERE %[1]s >= %[2]d AND %[1]s < %[3]d", quote(table.Key[0]), r.Low, r.High)
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+quote(table.Name)+where); err != nil { //nolint:gosec // a name of the schema
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM "+chunksTable+" WHERE table_name = $1 AND low = $2", table.Name, r.Low)
		return err
	})
}

func (t target) inTx(ctx context.Context, f func(*sql.Tx) error) (err error) {
	tx, err := t.Writer().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if rerr := tx.Rollback(); !errors.Is(rerr, sql.ErrTxDone) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// fill copies the rows that source yields into a table and notes the chunk, in one
// transaction.
func (t target) fill(ctx context.Context, table *proof.Table, r proof.Range, source func(func(key int64, line []byte) error) error) (c chunk, err error) {
	c = chunk{table: table.Name, Range: r}
	counted := func(send func([]byte) error) error {
		return source(func(_ int64, line []byte) error {
			c.Rows++
			c.Sum.Add(line)
			return send(line)
		})
	}
	note := func(tx execer) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO "+chunksTable+" (table_name, low, high, row_count, digest) VALUES ($1, $2, $3, $4, $5)",
			table.Name, r.Low, r.High, c.Rows, c.Sum.String())
		return err
	}
	if t.postgres() {
		return c, t.fillPostgres(ctx, table, counted, note)
	}
	return c, t.inTx(ctx, func(tx *sql.Tx) error {
		values := make([]any, len(table.Columns))
		_, err := store.BulkInsert(ctx, tx, dialect.SQLite, table.Name, table.ColumnNames(), func(yield func([]any, error) bool) {
			stopped := errors.New("stopped")
			err := counted(func(line []byte) error {
				if err := table.Fields(line, values); err != nil {
					return err
				}
				if !yield(values, nil) {
					return stopped
				}
				return nil
			})
			if err != nil && !errors.Is(err, stopped) {
				yield(nil, err)
			}
		})
		if err != nil {
			return err
		}
		return note(tx)
	})
}

// copier is what lib/pq's COPY can do beyond a statement: take lines as they are.
type copier interface {
	CopyData(ctx context.Context, line string) (driver.Result, error)
}

// sendBytes is how much of COPY is sent at a time.
const sendBytes = 48 << 10

// fillPostgres sends lines by COPY over one connection.
func (t target) fillPostgres(ctx context.Context, table *proof.Table, source func(func([]byte) error) error, note func(execer) error) (err error) {
	conn, err := t.Writer().Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// A power cut that loses the commit loses the note of the chunk with it.
	for _, s := range []string{"BEGIN", "SET LOCAL synchronous_commit = off", "SET LOCAL statement_timeout = 0"} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			_, rerr := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			if !errors.Is(rerr, driver.ErrBadConn) {
				err = errors.Join(err, rerr)
			}
		}
	}()
	if err := copyLines(ctx, conn, table.Name, table, source); err != nil {
		return err
	}
	if err := note(conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return err
}

// copyLines sends canonical rows of table into the table named into.
func copyLines(ctx context.Context, conn *sql.Conn, into string, table *proof.Table, source func(func([]byte) error) error) error {
	return conn.Raw(func(raw any) (err error) {
		p, ok := raw.(driver.ConnPrepareContext)
		if !ok {
			return fmt.Errorf("driver %T cannot prepare", raw)
		}
		stmt, err := p.PrepareContext(ctx, "COPY "+quote(into)+" ("+quoted(table.ColumnNames())+") FROM STDIN")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stmt.Close()) }()
		c, ok := stmt.(copier)
		if !ok {
			return fmt.Errorf("driver's COPY %T takes no lines", stmt)
		}
		var buf bytes.Buffer
		send := func() error {
			if buf.Len() == 0 {
				return nil
			}
			_, err := c.CopyData(context.WithoutCancel(ctx), buf.String()) // it adds the last line's end
			buf.Reset()
			return err
		}
		err = source(func(line []byte) error {
			if buf.Len() > 0 {
				buf.WriteByte('\n')
			}
			buf.Write(line)
			if buf.Len() < sendBytes {
				return nil
			}
			return send()
		})
		if err != nil {
			return err
		}
		if err := send(); err != nil {
			return err
		}
		_, err = stmt.Exec(nil) //nolint:staticcheck // ends COPY and tells its fault
		return err
	})
}

// maxMonths is how many partitions are made at most. What is older goes to the default one.
const maxMonths = 600

// prepare makes what the rows need: partitions of the trail's months.
func (t target) prepare(ctx context.Context, source *store.DB) error {
	if !t.postgres() {
		return nil
	}
	var first, last sql.NullString
	text := "+created_at"
	if source.Dialect() == dialect.Postgres {
		text = "created_at::text"
	}
	err := source.Reader().QueryRowContext(ctx, "SELECT (SELECT "+text+" FROM audit_events ORDER BY created_at LIMIT 1), (SELECT "+text+" FROM audit_events ORDER BY created_at DESC LIMIT 1)").Scan(&first, &last)
	if err != nil || !first.Valid {
		return err
	}
	month := func(s string) (time.Time, error) { return time.Parse("2006-01", s[:min(len(s), len("2006-01"))]) }
	from, err := month(first.String)
	if err != nil {
		return fmt.Errorf("oldest event of the trail: %w", err)
	}
	to, err := month(last.String)
	if err != nil {
		return fmt.Errorf("newest event of the trail: %w", err)
	}
	months := (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
	if months > maxMonths {
		from, months = to.AddDate(0, -maxMonths, 0), maxMonths
	}
	_, err = migrate.EnsureAuditPartitions(ctx, t.Writer(), from, months)
	return err
}
