package transfer

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"

	"aliaport/internal/proof"
	"aliaport/internal/store"
)

// next is the key that the next row of a table gets. It may be far beyond the largest
// one: rows leave, as months of the trail do, and their keys are never given again.
func next(ctx context.Context, db *store.DB, table *proof.Table) (int64, error) {
	var largest, given sql.NullInt64
	if err := db.Reader().QueryRowContext(ctx, "SELECT max("+quote(table.Key[0])+") FROM "+quote(table.Name)).Scan(&largest); err != nil {
		return 0, err
	}
	query, args := "SELECT seq FROM sqlite_sequence WHERE name = $1", []any{table.Name}
	if db.Dialect() == dialect.Postgres {
		query, args = "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass)", []any{quote(table.Name), table.Key[0]}
	}
	if err := db.Reader().QueryRowContext(ctx, query, args...).Scan(&given); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	return max(largest.Int64, given.Int64) + 1, nil
}

// nexts are the next keys of tables by their names. They are asked for once: a source in
// use goes on counting.
func nexts(ctx context.Context, db *store.DB, tables []*proof.Table) (map[string]int64, error) {
	out := map[string]int64{}
	for _, t := range tables {
		if !t.Identity {
			continue
		}
		n, err := next(ctx, db, t)
		if err != nil {
			return nil, fmt.Errorf("next key of %s: %w", t.Name, err)
		}
		out[t.Name] = n
	}
	return out, nil
}

// number makes the next rows of tables get these keys.
func (t target) number(ctx context.Context, tables []*proof.Table, want map[string]int64) error {
	for _, table := range tables {
		if !table.Identity {
			continue
		}
		if err := t.setNext(ctx, table, want[table.Name]); err != nil {
			return fmt.Errorf("next key of %s: %w", table.Name, err)
		}
	}
	return nil
}

// identities proves the next keys.
func (t target) identities(ctx context.Context, tables []*proof.Table, want map[string]int64) (out []Identity, err error) {
	for _, table := range tables {
		if !table.Identity {
			continue
		}
		id, err := t.probe(ctx, table, want[table.Name])
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

// setNext makes the target give the key n to the next row.
func (t target) setNext(ctx context.Context, table *proof.Table, n int64) error {
	if t.postgres() {
		_, err := t.Writer().ExecContext(ctx, "SELECT setval(pg_get_serial_sequence($1, $2)::regclass, $3, false)", quote(table.Name), table.Key[0], n)
		return err
	}
	return t.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE sqlite_sequence SET seq = $1 WHERE name = $2", n-1, table.Name)
		if err != nil {
			return err
		}
		if updated, err := res.RowsAffected(); err != nil || updated > 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", table.Name, n-1)
		return err
	})
}

// Identity is what was found of the next key of a table.
type Identity struct {
	Table  string `json:"table"`
	Want   int64  `json:"want"`
	Got    int64  `json:"got"`
	Probed bool   `json:"probed"` // by a row that was inserted and undone; an empty table has none to copy
}

// Fits tells whether the next row gets the key that it would have got in the source.
func (i Identity) Fits() bool { return i.Want == i.Got }

// probe inserts a copy of a row without its key, looks which key it got, and undoes it.
//
// On PostgreSQL the table is locked for that moment.
func (t target) probe(ctx context.Context, table *proof.Table, want int64) (found Identity, err error) {
	found = Identity{Table: table.Name, Want: want}
	largest := sql.NullInt64{}
	if err := t.Reader().QueryRowContext(ctx, "SELECT max("+quote(table.Key[0])+") FROM "+quote(table.Name)).Scan(&largest); err != nil {
		return found, err
	}
	if !largest.Valid {
		got, err := next(ctx, t.DB, table)
		if err == nil && t.postgres() {
			got, err = t.announced(ctx, table)
		}
		found.Got = got
		return found, err
	}
	lift, err := t.liftChecks(ctx)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, lift(context.WithoutCancel(ctx))) }()
	undo := errors.New("undo")
	err = t.inTx(ctx, func(tx *sql.Tx) error {
		if err := t.dropChecks(ctx, tx, table.Name); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, probeSQL(table, t.Dialect()), largest.Int64).Scan(&found.Got)
		if err != nil {
			return fmt.Errorf("insert a row into %s to see its key: %w", table.Name, err)
		}
		return undo
	})
	if t.postgres() && store.Classify(err).Kind == store.Unique {
		// The key that it was given is taken.
		found.Probed = true
		return found, t.Reader().QueryRowContext(ctx, "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass)", quote(table.Name), table.Key[0]).Scan(&found.Got)
	}
	if !errors.Is(err, undo) {
		return found, err
	}
	found.Probed = true
	if t.postgres() { // a sequence does not take part in transactions
		return found, t.setNext(ctx, table, found.Got)
	}
	return found, nil
}

// liftChecks lets SQLite take rows that break a CHECK or refer to nothing until the function it returns is
// called: a copy of a row with one value changed need not make sense.
func (t target) liftChecks(ctx context.Context) (back func(context.Context) error, err error) {
	if t.postgres() {
		return func(context.Context) error { return nil }, nil
	}
	return func(ctx context.Context) error {
			return exec(ctx, t.Writer(), "PRAGMA ignore_check_constraints = OFF", "PRAGMA foreign_keys = ON")
		},
		exec(ctx, t.Writer(), "PRAGMA ignore_check_constraints = ON", "PRAGMA foreign_keys = OFF")
}

// dropChecks does the same on PostgreSQL within a transaction that is undone.
func (t target) dropChecks(ctx context.Context, tx *sql.Tx, table string) error {
	if !t.postgres() {
		return nil
	}
	var statement sql.NullString
	err := tx.QueryRowContext(ctx, `SELECT 'ALTER TABLE ' || $1::regclass || ' ' || string_agg('DROP CONSTRAINT ' || quote_ident(conname), ', ')
		FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('c', 'x', 'f') HAVING count(*) > 0`, quote(table)).Scan(&statement)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, statement.String)
	return err
}

// announced is the key that an untouched sequence of PostgreSQL would give.
func (t target) announced(ctx context.Context, table *proof.Table) (n int64, err error) {
	var sequence string
	if err := t.Reader().QueryRowContext(ctx, "SELECT pg_get_serial_sequence($1, $2)", quote(table.Name), table.Key[0]).Scan(&sequence); err != nil {
		return 0, err
	}
	err = t.Reader().QueryRowContext(ctx, "SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM "+sequence).Scan(&n)
	return n, err
}

// probeSQL copies the row with the key $1. Of each set of values that must not come
// twice one is changed.
func probeSQL(table *proof.Table, dialectName string) string {
	other := map[string]string{}
	for _, u := range table.Unique {
		if !slices.ContainsFunc(u.Columns, func(c string) bool { return other[c] != "" }) {
			c := freest(table, u.Columns)
			other[c.Name] = otherValue(c, dialectName)
		}
	}
	var columns, values []string
	for _, c := range table.Columns {
		if slices.Contains(table.Key, c.Name) {
			continue
		}
		columns = append(columns, quote(c.Name))
		values = append(values, cmp.Or(other[c.Name], quote(c.Name)))
	}
	return fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[1]s WHERE %[4]s = $1 LIMIT 1 RETURNING %[4]s",
		quote(table.Name), strings.Join(columns, ", "), strings.Join(values, ", "), quote(table.Key[0]))
}

// freest is the column that may most easily have any value.
func freest(table *proof.Table, columns []string) proof.Column {
	cost := func(name string) (n int) {
		c := table.Column(name)
		switch {
		case c.Nullable:
		case c.Kind == proof.Text:
			n++
		case c.Kind == proof.Int:
			n += 2
		default:
			n += 16
		}
		return n
	}
	return *table.Column(slices.MinFunc(columns, func(a, b string) int { return cmp.Compare(cost(a), cost(b)) }))
}

// otherValue is a value that no other row has.
func otherValue(c proof.Column, dialectName string) string {
	switch {
	case c.Nullable:
		return "NULL"
	case c.Kind == proof.Int:
		return strconv.Itoa(math.MaxInt32)
	}
	random := "'~' || lower(hex(randomblob(8)))"
	if dialectName == dialect.Postgres {
		random = "'~' || md5(random()::text)"
	}
	if c.Size > 0 {
		return fmt.Sprintf("substr(%s, 1, %d)", random, c.Size)
	}
	return random
}
