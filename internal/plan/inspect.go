package plan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Inspector asks one database for plans and judges them. It changes nothing: all it
// does is in transactions that only read and are undone.
type Inspector struct {
	DB      *sql.DB
	Dialect string
	Limits  Limits
	rows    map[string]int
	columns map[string][]string
	indexes map[string]Index
}

// Finding is what is wrong with a statement.
type Finding struct {
	Fault
	Mode string `json:"mode,omitempty"` // of the plan: custom or generic
	Plan string `json:"plan"`

	// Indexed tells that PostgreSQL scans no table if it may not.
	Indexed bool `json:"indexed,omitempty"`
}

// choice is why a scan is no fault where PostgreSQL scans although it need not.
const choice = "the planner's choice: without scans it uses an index"

// Inspect judges the plan of a query for some arguments; on PostgreSQL the one that
// fits all arguments too, if generic is asked for. It returns the plans, and those that
// there would be without scans.
func (i *Inspector) Inspect(ctx context.Context, text string, args []any, generic bool) (plans []*Plan, found []Finding, err error) {
	modes := []bool{false}
	if generic && i.Dialect == Postgres && len(args) > 0 {
		modes = append(modes, true)
	}
	if plans, err = i.measure(ctx, text, args, modes, false); err != nil {
		return nil, nil, fmt.Errorf("%w: %s", err, text)
	}
	for k, p := range slices.Clone(plans) {
		indexed := false
		faults, err := i.judge(ctx, p, text, args)
		if err != nil {
			return nil, nil, err
		}
		if i.Dialect == Postgres && slices.ContainsFunc(faults, func(f Fault) bool { return f.Kind != FaultEstimate }) {
			// It scans and sorts tables that are not very big although an index is there.
			forced, err := i.measure(ctx, text, args, modes[k:k+1], true)
			if err != nil {
				return nil, nil, err
			}
			plans = append(plans, forced...)
			remain, err := i.judge(ctx, forced[0], text, args)
			if err != nil {
				return nil, nil, err
			}
			indexed = !slices.ContainsFunc(remain, func(r Fault) bool { return r.Kind == FaultScan })
			for n, f := range faults {
				if f.Kind != FaultEstimate && !slices.ContainsFunc(remain, func(r Fault) bool { return r.Kind != FaultEstimate && (r.Table == f.Table || f.Table == "") }) {
					faults[n].Accepted = choice
				}
			}
		}
		mode := ""
		if i.Dialect == Postgres {
			mode = map[bool]string{false: "custom", true: "generic"}[modes[k]]
		}
		for _, f := range faults {
			found = append(found, Finding{Fault: f, Mode: mode, Plan: p.String(), Indexed: indexed})
		}
	}
	return plans, found, nil
}

func (i *Inspector) judge(ctx context.Context, p *Plan, text string, args []any) ([]Fault, error) {
	facts, err := i.facts(ctx)
	if err != nil {
		return nil, err
	}
	var failed error
	facts.Rows = func(table string) int {
		n, err := i.count(ctx, table)
		failed = errors.Join(failed, err)
		return n
	}
	if i.Dialect != Postgres {
		facts.Sorted = func() int {
			n, err := i.sorted(ctx, text, args)
			failed = errors.Join(failed, err)
			return n
		}
	}
	faults := Judge(p, text, facts, i.Limits)
	return faults, failed
}

func (i *Inspector) reading(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := i.DB.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	err = do(tx)
	if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
		err = errors.Join(err, rerr)
	}
	return err
}

func (i *Inspector) measure(ctx context.Context, text string, args []any, modes []bool, forced bool) (plans []*Plan, err error) {
	err = i.reading(ctx, func(tx *sql.Tx) error {
		if forced {
			// What is avoided counts as so dear that code would be compiled for it.
			for _, name := range []string{"enable_seqscan", "enable_sort", "jit"} {
				if _, err := tx.ExecContext(ctx, "SET LOCAL "+name+" = off"); err != nil {
					return err
				}
			}
		}
		plans, err = Measure(ctx, tx, i.Dialect, text, args, modes)
		for _, p := range plans {
			p.Forced = forced
		}
		return err
	})
	return plans, err
}

// count counts the rows of a table, but not all of a big one.
func (i *Inspector) count(ctx context.Context, table string) (int, error) {
	if i.rows == nil {
		i.rows = map[string]int{}
	}
	if n, ok := i.rows[table]; ok {
		return n, nil
	}
	if !plain.MatchString(table) || i.Dialect != Postgres && i.columns[table] == nil {
		return 0, nil // something that is made for the statement
	}
	var n int
	err := i.reading(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM "%s" LIMIT %d) AS t`, table, i.Limits.Rows+1)).Scan(&n)
	})
	i.rows[table] = n
	return n, err
}

var (
	plain     = regexp.MustCompile(`^\w+$`)
	lastLimit = regexp.MustCompile(`(?is)\s+LIMIT\s+(\d+|\?\d*|\$\d+)\s*$`)
)

// sorted counts what comes out of a statement without its last limit: what it has to sort.
func (i *Inspector) sorted(ctx context.Context, text string, args []any) (n int, err error) {
	text = strings.TrimSpace(text)
	if m := lastLimit.FindStringSubmatch(text); m != nil && strings.HasPrefix(m[1], "?") {
		args = args[:len(args)-1] // the last argument is the limit
	}
	text = lastLimit.ReplaceAllString(text, "")
	err = i.reading(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM (%s) LIMIT %d)", text, i.Limits.Rows+1), args...).Scan(&n)
	})
	return n, err
}

func (i *Inspector) facts(ctx context.Context) (f Facts, err error) {
	if i.Dialect == Postgres {
		return f, nil
	}
	if i.indexes == nil {
		if err := i.reading(ctx, func(tx *sql.Tx) error { return i.readSchema(ctx, tx) }); err != nil {
			return f, err
		}
	}
	f.Columns = func(table string) []string { return i.columns[table] }
	f.Index = func(name string) (Index, bool) { ix, ok := i.indexes[name]; return ix, ok }
	return f, nil
}

// readSchema reads the tables and indexes of SQLite.
func (i *Inspector) readSchema(ctx context.Context, tx *sql.Tx) error {
	i.columns, i.indexes = map[string][]string{}, map[string]Index{}
	pairs, err := texts(ctx, tx, `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid`, nil, pair)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		i.columns[p[0]] = append(i.columns[p[0]], p[1])
	}
	named := map[string]*Index{}
	pairs, err = texts(ctx, tx, `SELECT m.name, m.tbl_name || ' ' || coalesce(m.sql, '') FROM sqlite_master m WHERE m.type = 'index'`, nil, pair)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		table, made, _ := strings.Cut(p[1], " ")
		_, where, _ := strings.Cut(made, " WHERE ")
		named[p[0]] = &Index{Table: table, Where: where}
	}
	pairs, err = texts(ctx, tx, `SELECT m.name, coalesce(c.name, '') FROM sqlite_master m, pragma_index_info(m.name) c WHERE m.type = 'index' ORDER BY m.name, c.seqno`, nil, pair)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		named[p[0]].Columns = append(named[p[0]].Columns, p[1])
	}
	var analyzed int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'").Scan(&analyzed); err != nil {
		return err
	}
	if analyzed > 0 {
		pairs, err = texts(ctx, tx, "SELECT idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL", nil, pair)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			for k, word := range strings.Fields(p[1]) {
				n, err := strconv.Atoi(word)
				switch ix := named[p[0]]; {
				case err != nil || ix == nil: // words follow the numbers
				case k == 0:
					ix.Rows = n
				default:
					ix.Alike = append(ix.Alike, n)
				}
			}
		}
	}
	for name, ix := range named {
		if ix.Where != "" && ix.Rows == 0 { // an empty one has no statistics
			q := fmt.Sprintf(`SELECT count(*) FROM (SELECT 1 FROM "%s" WHERE %s LIMIT %d)`, ix.Table, ix.Where, i.Limits.Rows+1) //nolint:gosec // names and conditions of the database itself
			if err := tx.QueryRowContext(ctx, q).Scan(&ix.Rows); err != nil {
				return err
			}
			ix.Rows = max(1, ix.Rows)
		}
		i.indexes[name] = *ix
	}
	return nil
}

func pair(rows *sql.Rows) (p [2]string, err error) {
	err = rows.Scan(&p[0], &p[1])
	return p, err
}
