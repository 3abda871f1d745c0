package transfer

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"aliaport/internal/changes"
	"aliaport/internal/proof"
	"aliaport/internal/store"
)

// ErrNotProven means that there is no proven copy to catch up with.
var ErrNotProven = errors.New("the target holds no proven copy of the source: run aliaport transfer --catch-up first")

// proven is when a copy was proven and the log of changes was there from its beginning.
const proven = "proven"

// follow copies what changed in the source since, and proves each row of it. It
// returns how many rows changed and how many lines of the log they were.
//
// All that changed is read in one snapshot, so that the rows fit together, written in
// one transaction, compared, and only then confirmed: whoever is killed in between does
// the same once more.
func (t target) follow(ctx context.Context, o Options) (rows int, lines int64, err error) {
	source, err := proof.Open(ctx, o.From, 1)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	var batches []*changes.Batch
	err = source.With(ctx, func(c *sql.Conn) error {
		for after, more := int64(0), true; more; {
			b, err := changes.Read(ctx, c, after, logLines)
			if err != nil {
				return err
			}
			batches = append(batches, b)
			lines += b.Lines()
			after, more = b.Last, b.More
		}
		return nil
	})
	if err != nil || lines == 0 {
		return 0, 0, err
	}
	touched := map[string][][2]int64{}
	seen := map[changes.Key]bool{}
	for _, b := range batches {
		for _, k := range b.Keys {
			if !seen[k] {
				seen[k] = true
				touched[k.Table] = append(touched[k.Table], [2]int64{k.A, k.B})
			}
		}
	}
	is, err := readRows(ctx, source, touched)
	if err != nil {
		return 0, 0, err
	}
	err = t.apply(ctx, touched, is, false)
	if store.Classify(err).Kind == store.Unique {
		// Values went from one row to another.
		err = t.apply(ctx, touched, is, true)
	}
	if err != nil {
		return 0, 0, err
	}
	if err := t.proveRows(ctx, touched, is); err != nil {
		return 0, 0, err
	}
	return len(seen), lines, changes.Confirm(ctx, o.From, batches...)
}

// logLines is how many lines of the log are read at a time.
const logLines = 10_000

// rowsOf are canonical rows by table and key.
type rowsOf map[string]map[[2]int64][]byte

func readRows(ctx context.Context, s *proof.Snapshot, touched map[string][][2]int64) (rowsOf, error) {
	out := rowsOf{}
	for _, table := range proof.Tables() {
		keys := touched[table.Name]
		if len(keys) == 0 {
			continue
		}
		out[table.Name] = map[[2]int64][]byte{}
		err := s.RowsOf(ctx, table, keys, func(key [2]int64, line []byte) error {
			out[table.Name][key] = bytes.Clone(line)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// apply makes the touched rows of the target those of the source. Parking gives them
// values that nobody has first, where no two rows may have the same.
func (t target) apply(ctx context.Context, touched map[string][][2]int64, is rowsOf, parking bool) error {
	tables := proof.Tables()
	return t.inTx(ctx, func(tx *sql.Tx) error {
		for _, table := range slices.Backward(tables) { // children before what they refer to
			for _, key := range touched[table.Name] {
				if _, there := is[table.Name][key]; !there {
					if _, err := tx.ExecContext(ctx, "DELETE FROM "+quote(table.Name)+" WHERE "+table.Where(key)); err != nil { //nolint:gosec // names of the schema and numbers
						return fmt.Errorf("delete from %s: %w", table.Name, err)
					}
				}
			}
		}
		for _, table := range tables {
			if len(is[table.Name]) == 0 {
				continue
			}
			w, err := t.newWriter(ctx, tx, table)
			if err != nil {
				return err
			}
			err = w.write(ctx, touched[table.Name], is[table.Name], parking)
			if err = errors.Join(err, w.close()); err != nil {
				return fmt.Errorf("write to %s: %w", table.Name, err)
			}
		}
		return nil
	})
}

// writer changes rows of a table, or adds them.
type writer struct {
	table                *proof.Table
	park, update, insert *sql.Stmt
	values, ordered      []any
	order                []int // places of the columns in update: the key comes last
}

func (t target) newWriter(ctx context.Context, tx *sql.Tx, table *proof.Table) (w *writer, err error) {
	w = &writer{table: table, values: make([]any, len(table.Columns))}
	w.ordered = make([]any, len(table.Columns))
	var set, where, all []string
	for i, c := range table.Columns {
		all = append(all, fmt.Sprintf("$%d", i+1))
		if !slices.Contains(table.Key, c.Name) {
			w.order = append(w.order, i)
			set = append(set, fmt.Sprintf("%s = $%d", quote(c.Name), len(w.order)))
		}
	}
	for _, k := range table.Key {
		w.order = append(w.order, slices.IndexFunc(table.Columns, func(c proof.Column) bool { return c.Name == k }))
		where = append(where, fmt.Sprintf("%s = $%d", quote(k), len(w.order)))
	}
	if len(set) == 0 { // a table that joins two others has nothing but its key
		k := quote(table.Key[0])
		set = []string{k + " = " + k}
	}
	prepare := func(query string) (stmt *sql.Stmt) {
		if err == nil {
			stmt, err = tx.PrepareContext(ctx, query)
		}
		return stmt
	}
	w.update = prepare("UPDATE " + quote(table.Name) + " SET " + strings.Join(set, ", ") + " WHERE " + strings.Join(where, " AND "))
	w.insert = prepare("INSERT INTO " + quote(table.Name) + " (" + quoted(table.ColumnNames()) + ") VALUES (" + strings.Join(all, ", ") + ")")
	if park := parkSQL(table, t.Dialect()); park != "" {
		w.park = prepare(park)
	}
	return w, err
}

// parkSQL gives the row with the key $1 values that no other row has; empty if the
// table has nothing to give.
func parkSQL(table *proof.Table, dialectName string) string {
	var set []string
	done := map[string]bool{}
	for _, u := range table.Unique {
		c := freest(table, u.Columns)
		if !done[c.Name] && (c.Nullable || c.Kind == proof.Text) {
			done[c.Name] = true
			set = append(set, quote(c.Name)+" = "+otherValue(c, dialectName))
		}
	}
	if len(set) == 0 || len(table.Key) != 1 {
		return ""
	}
	return "UPDATE " + quote(table.Name) + " SET " + strings.Join(set, ", ") + " WHERE " + quote(table.Key[0]) + " = $1"
}

func (w *writer) close() error {
	if w.park != nil {
		return errors.Join(w.park.Close(), w.update.Close(), w.insert.Close())
	}
	return errors.Join(w.update.Close(), w.insert.Close())
}

// write changes the rows that are there first: one may give up what a new one takes.
func (w *writer) write(ctx context.Context, keys [][2]int64, is map[[2]int64][]byte, parking bool) error {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) }) // rows of a table refer to earlier ones of it
	if parking && w.park != nil {
		for _, key := range keys {
			if _, err := w.park.ExecContext(ctx, key[0]); err != nil {
				return err
			}
		}
	}
	var added [][]byte
	for _, key := range keys {
		line, there := is[key]
		if !there {
			continue
		}
		if err := w.table.Fields(line, w.values); err != nil {
			return err
		}
		for i, at := range w.order {
			w.ordered[i] = w.values[at]
		}
		res, err := w.update.ExecContext(ctx, w.ordered...)
		if err != nil {
			return fmt.Errorf("row %v: %w", key, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			added = append(added, line)
		}
	}
	for _, line := range added {
		if err := w.table.Fields(line, w.values); err != nil {
			return err
		}
		if _, err := w.insert.ExecContext(ctx, w.values...); err != nil {
			return fmt.Errorf("row %v: %w", w.values[0], err)
		}
	}
	return nil
}

// proveRows reads the touched rows of the target back.
func (t target) proveRows(ctx context.Context, touched map[string][][2]int64, want rowsOf) error {
	there, err := proof.Open(ctx, t.DB, 1)
	if err != nil {
		return err
	}
	defer there.Close()
	got, err := readRows(ctx, there, touched)
	if err != nil {
		return err
	}
	for table, keys := range touched {
		for _, key := range keys {
			if !bytes.Equal(want[table][key], got[table][key]) {
				return fmt.Errorf("%w: %s %v was copied, but is not the same", ErrDifferent, table, key)
			}
		}
	}
	return nil
}

// CatchUp copies the source if it was not copied yet, proves the copy, and then copies
// what changed meanwhile until little is left. It may be run again at any time.
func CatchUp(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	to := target{o.To}
	done, err := to.provenCopy(ctx, o)
	if err != nil {
		return nil, err
	}
	var report *Report
	if !done {
		if err := changes.Install(ctx, o.From); err != nil {
			return nil, err
		}
		o.keep = true
		if report, err = Run(ctx, o); err != nil {
			return nil, err
		}
		if !report.Equal || len(o.Only) > 0 {
			return report, nil
		}
		if err := remember(ctx, to.Writer(), proven, o.Now().UTC().Format("2006-01-02T15:04:05Z")); err != nil {
			return nil, err
		}
	}
	return report, to.chase(ctx, o)
}

// provenCopy tells whether all tables were copied and proven while the log was there.
func (t target) provenCopy(ctx context.Context, o Options) (bool, error) {
	there, err := changes.Installed(ctx, o.From.Reader(), o.From.Dialect())
	if err != nil {
		return false, err
	}
	begun, err := t.begun(ctx)
	if err != nil || !begun || !there {
		return false, err
	}
	from, err := t.state(ctx, "from")
	if err != nil {
		return false, err
	}
	at, err := t.state(ctx, proven)
	return at != "" && from == o.FromName, err
}

const (
	fewLines  = 500 // are copied within the window of a cut-over
	maxRounds = 20
)

// chase follows until few lines are left, or until the source changes faster than they
// are copied.
func (t target) chase(ctx context.Context, o Options) error {
	for range maxRounds {
		began := o.Now()
		rows, lines, err := t.follow(ctx, o)
		if err != nil {
			return err
		}
		o.Say("caught up with %d rows (%d changes) in %s", rows, lines, o.Now().Sub(began).Round(msec))
		left, err := changes.Pending(ctx, o.From.Reader())
		if err != nil {
			return err
		}
		if left <= fewLines {
			return nil
		}
	}
	return errors.New("the source changes faster than its changes can be copied: try again when there is less to do")
}
