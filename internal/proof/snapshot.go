package proof

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"

	"aliaport/internal/store"
)

// Snapshot is the state that a database had at one moment, read over several
// connections. It keeps SQLite's log from being cut and PostgreSQL's vacuum from
// cleaning: close it soon.
type Snapshot struct {
	dialect string
	conns   chan *sql.Conn
	all     []*sql.Conn // with a transaction each
	id      string
}

// Open takes a snapshot with so many connections of the pool that reads.
func Open(ctx context.Context, db *store.DB, connections int) (*Snapshot, error) {
	s := &Snapshot{dialect: db.Dialect(), conns: make(chan *sql.Conn, connections)}
	err := func() error {
		if s.dialect == dialect.Postgres {
			return s.openPostgres(ctx, db.Reader(), connections)
		}
		return s.openSQLite(ctx, db, connections)
	}()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take a snapshot: %w", err), s.Close())
	}
	return s, nil
}

// openSQLite begins all transactions while nobody can write, so that they see the same.
func (s *Snapshot) openSQLite(ctx context.Context, db *store.DB, n int) (err error) {
	if n > 1 {
		lock, err := db.Writer().Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, lock.Close()) }()
		if _, err := lock.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
			return err
		}
		// The context may have ended, and the lock must go all the same.
		defer func() {
			_, rerr := lock.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, rerr)
		}()
	}
	for range n {
		c, err := s.begin(ctx, db.Reader(), "BEGIN")
		if err != nil {
			return err
		}
		var tables int // a transaction sees the state of its first read
		if err := c.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) openPostgres(ctx context.Context, db *sql.DB, n int) error {
	for i := range n {
		c, err := s.begin(ctx, db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
		if err != nil {
			return err
		}
		if i == 0 {
			if err := c.QueryRowContext(ctx, "SELECT pg_export_snapshot()").Scan(&s.id); err != nil {
				return err
			}
		} else if _, err := c.ExecContext(ctx, "SET TRANSACTION SNAPSHOT '"+s.id+"'"); err != nil {
			return err
		}
		// Statements here read whole tables.
		if _, err := c.ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) begin(ctx context.Context, db *sql.DB, statement string) (*sql.Conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.ExecContext(ctx, statement); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.all = append(s.all, c)
	s.conns <- c
	return c, nil
}

// ID is what pg_dump takes as --snapshot; empty on SQLite.
func (s *Snapshot) ID() string { return s.id }

// Dialect is that of the database.
func (s *Snapshot) Dialect() string { return s.dialect }

// Connections is how many can read at once.
func (s *Snapshot) Connections() int { return cap(s.conns) }

// Close ends the snapshot.
func (s *Snapshot) Close() (err error) {
	for _, c := range s.all {
		// Whatever the caller waited for is over.
		_, rerr := c.ExecContext(context.Background(), "ROLLBACK") //nolint:forbidigo // the caller's context may have ended
		err = errors.Join(err, rerr, c.Close())
	}
	s.all = nil
	return err
}

// With lends a connection of the snapshot to f.
func (s *Snapshot) With(ctx context.Context, f func(*sql.Conn) error) error {
	select {
	case c := <-s.conns:
		defer func() { s.conns <- c }()
		return f(c)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Range are keys of a table: from Low on up to but without High, by the first column
// of the key. The zero value is all.
type Range struct {
	Low, High int64
	Bounded   bool
}

// Rows calls f with the canonical form of each row of a range, in the order of the
// key. f must not keep line.
func (s *Snapshot) Rows(ctx context.Context, t *Table, r Range, f func(key int64, line []byte) error) error {
	return s.With(ctx, func(c *sql.Conn) error {
		key := t.keyIndexes()[0]
		var line []byte
		return s.read(ctx, c, t, r, true, func(row []driver.Value) error {
			var err error
			if line, err = t.appendRow(line[:0], row, nil); err != nil {
				return err
			}
			return f(keyOf(row[key]), line)
		})
	})
}

// RowsOf calls f with the canonical form of the rows with these keys that are there. The
// second part of a key is that of a table which joins two others.
func (s *Snapshot) RowsOf(ctx context.Context, t *Table, keys [][2]int64, f func(key [2]int64, line []byte) error) error {
	places := t.keyIndexes()
	return s.With(ctx, func(c *sql.Conn) error {
		var line []byte
		for chunk := range slices.Chunk(keys, keysPerStatement) {
			err := s.query(ctx, c, t, " WHERE "+t.among(chunk), func(row []driver.Value) (err error) {
				if line, err = t.appendRow(line[:0], row, nil); err != nil {
					return err
				}
				var key [2]int64
				for i, at := range places {
					key[i] = keyOf(row[at])
				}
				return f(key, line)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// keysPerStatement keeps statements short enough for both databases.
const keysPerStatement = 500

// among is the condition that a row has one of the keys.
func (t *Table) among(keys [][2]int64) string {
	var b strings.Builder
	if len(t.Key) == 1 {
		b.WriteString(quote(t.Key[0]) + " IN (")
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.FormatInt(k[0], 10))
		}
		return b.String() + ")"
	}
	for i, k := range keys {
		if i > 0 {
			b.WriteString(" OR ")
		}
		fmt.Fprintf(&b, "%s = %d AND %s = %d", quote(t.Key[0]), k[0], quote(t.Key[1]), k[1])
	}
	return b.String()
}

func keyOf(v driver.Value) int64 {
	n, _ := v.(int64) // appendRow has refused all else
	return n
}

// read runs over the rows of a range.
func (s *Snapshot) read(ctx context.Context, c *sql.Conn, t *Table, r Range, ordered bool, f func([]driver.Value) error) error {
	rest := ""
	if r.Bounded {
		rest += fmt.Sprintf(" WHERE %[1]s >= %[2]d AND %[1]s < %[3]d", quote(t.Key[0]), r.Low, r.High)
	}
	if ordered {
		rest += " ORDER BY " + quoted(t.Key)
	}
	return s.query(ctx, c, t, rest, f)
}

// query runs over rows below database/sql, which would look at each value anew.
func (s *Snapshot) query(ctx context.Context, c *sql.Conn, t *Table, rest string, f func([]driver.Value) error) error {
	query := "SELECT " + t.selection(s.dialect) + " FROM " + quote(t.Name) + rest
	return c.Raw(func(conn any) (err error) {
		q, ok := conn.(driver.QueryerContext)
		if !ok {
			return fmt.Errorf("driver %T cannot query", conn)
		}
		inner := ctx
		if s.dialect == dialect.SQLite {
			// Its driver would start a goroutine for every row to watch the context.
			inner = context.WithoutCancel(ctx)
		}
		rows, err := q.QueryContext(inner, query, nil)
		if err != nil {
			return fmt.Errorf("read %s: %w", t.Name, err)
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		row := make([]driver.Value, len(t.Columns))
		for n := 0; ; n++ {
			if n%256 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			switch err := rows.Next(row); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return fmt.Errorf("read %s: %w", t.Name, err)
			}
			if s.dialect == dialect.Postgres {
				for i, v := range row {
					if raw, ok := v.([]byte); ok {
						row[i] = pgBytes(raw)
					}
				}
			}
			if err := f(row); err != nil {
				return err
			}
		}
	})
}

func quoted(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = quote(c)
	}
	return strings.Join(out, ", ")
}
