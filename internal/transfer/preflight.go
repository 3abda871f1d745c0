package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"aliaport/internal/proof"
)

// Finding is a row that could not be moved as it is.
type Finding struct {
	Table   string `json:"table"`
	Key     string `json:"key"`
	Column  string `json:"column,omitempty"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
	// Warning: the row moves, but breaks a rule that the API holds new rows to.
	Warning bool `json:"warning,omitempty"`
}

// String is the finding in a line.
func (f Finding) String() string {
	where := f.Table
	if f.Key != "" {
		where += " " + f.Key
	}
	if f.Column != "" {
		where += ", " + f.Column
	}
	return where + ": " + f.Problem + ". " + f.Remedy
}

// findings collects at most so many of each table and counts the others.
type findings struct {
	mu    sync.Mutex
	list  []Finding
	count map[string]int
	most  int
}

func (f *findings) add(one Finding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[one.Table]++
	if f.count[one.Table] <= f.most {
		f.list = append(f.list, one)
	}
}

// remedies say what to do about a value, with {table}, {column} and {key} filled in.
var remedies = []struct {
	err  error
	text string
}{
	{proof.ErrType, "Store it as the column's type: UPDATE {table} SET {column} = … WHERE {key}"},
	{proof.ErrNULL, "Give it a value: UPDATE {table} SET {column} = … WHERE {key}"},
	{proof.ErrNUL, "Take the byte out: UPDATE {table} SET {column} = replace({column}, char(0), '') WHERE {key}"},
	{proof.ErrUTF8, "Write the text anew in UTF-8: UPDATE {table} SET {column} = … WHERE {key}"},
	{proof.ErrInstant, "Write it in UTC with microseconds, the zone of the old value in mind: UPDATE {table} SET {column} = '2026-03-01 06:30:00.000000+00:00' WHERE {key}"},
	{proof.ErrDay, "Write it as a date: UPDATE {table} SET {column} = '2026-03-01' WHERE {key}"},
	{proof.ErrDecimal, "Round it on purpose: UPDATE {table} SET {column} = round({column}, {scale}) WHERE {key}"},
	{proof.ErrDocument, "Write the document anew: UPDATE {table} SET {column} = … WHERE {key}"},
}

// preflight reads all rows of tables as they would be copied and says what would not
// arrive. Nothing is changed.
func preflight(ctx context.Context, source *proof.Snapshot, tables []*proof.Table, most int, progress proof.Progress) ([]Finding, map[string]int, error) {
	f := &findings{count: map[string]int{}, most: most}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(source.Connections())
	for _, t := range tables {
		ranges, err := source.Ranges(ctx, t, copyKeys)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range ranges {
			g.Go(func() error {
				n, err := source.Check(inner, t, r, func(v *proof.ValueError) { f.add(finding(t, v)) }, func(key, column string, letters int) {
					f.add(Finding{
						Table: t.Name, Key: key, Column: column, Warning: true,
						Problem: fmt.Sprintf("%d letters where %d are allowed", letters, t.Column(column).Size),
						Remedy:  "The row moves as it is, but cannot be saved by the API until it is shorter",
					})
				})
				if progress != nil {
					progress(t, n)
				}
				return err
			})
		}
		g.Go(func() error { return rules(inner, source, t, f) })
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	slices.SortStableFunc(f.list, func(a, b Finding) int { return strings.Compare(a.Table, b.Table) })
	return f.list, f.count, nil
}

func finding(t *proof.Table, v *proof.ValueError) Finding {
	remedy := "Mend the value"
	for _, r := range remedies {
		if errors.Is(v.Err, r.err) {
			remedy = r.text
			break
		}
	}
	where := quote(t.Key[0]) + " = " + v.Key
	if len(t.Key) == 2 {
		first, second, _ := strings.Cut(v.Key, "/")
		where = quote(t.Key[0]) + " = " + first + " AND " + quote(t.Key[1]) + " = " + second
	}
	remedy = strings.NewReplacer("{table}", quote(t.Name), "{column}", quote(v.Column), "{key}", where, "{scale}", fmt.Sprint(t.Column(v.Column).Scale)).Replace(remedy)
	return Finding{Table: t.Name, Key: v.Key, Column: v.Column, Problem: v.Err.Error() + ": " + v.Value, Remedy: remedy}
}

// rules looks for rows that the target's constraints would refuse: orphans, values
// that come twice, broken checks. The source may have lost the constraints.
func rules(ctx context.Context, source *proof.Snapshot, t *proof.Table, f *findings) error {
	key := quote(t.Key[0])
	if len(t.Key) == 2 {
		key = quote(t.Key[0]) + " || '/' || " + quote(t.Key[1])
	}
	look := func(query string, found func(key, detail string)) error {
		return source.With(ctx, func(c *sql.Conn) error {
			rows, err := c.QueryContext(ctx, query)
			if err != nil {
				return fmt.Errorf("%s: %w", shortSQL(query), err)
			}
			defer rows.Close()
			for rows.Next() {
				var key, detail string
				if err := rows.Scan(&key, &detail); err != nil {
					return err
				}
				found(key, detail)
			}
			return rows.Err()
		})
	}
	const most = 1000 // of one rule; the table's count says at least so many
	for _, r := range t.References {
		column, parent := quote(r.Columns[0]), quote(r.RefColumns[0])
		query := fmt.Sprintf("SELECT CAST(%s AS text), CAST(%s AS text) FROM %s AS child WHERE %[2]s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %[4]s AS parent WHERE parent.%[5]s = child.%[2]s) LIMIT %[6]d",
			key, column, quote(t.Name), quote(r.Table), parent, most)
		err := look(query, func(k, value string) {
			f.add(Finding{
				Table: t.Name, Key: k, Column: r.Columns[0],
				Problem: fmt.Sprintf("refers to %s %s, which is not there", r.Table, value),
				Remedy:  fmt.Sprintf("Restore that row, or point this one to another or to none, or delete it: DELETE FROM %s WHERE %s = %s", quote(t.Name), quote(t.Key[0]), k),
			})
		})
		if err != nil {
			return err
		}
	}
	for _, u := range t.Unique {
		where := make([]string, 0, len(u.Columns)+1)
		for _, c := range u.Columns {
			where = append(where, quote(c)+" IS NOT NULL")
		}
		if u.Where != "" {
			where = append(where, "("+u.Where+")")
		}
		query := fmt.Sprintf("SELECT CAST(min(%s) AS text), CAST(count(*) AS text) FROM %s WHERE %s GROUP BY %s HAVING count(*) > 1 LIMIT %d",
			quote(t.Key[0]), quote(t.Name), strings.Join(where, " AND "), quoted(u.Columns), most)
		err := look(query, func(k, n string) {
			f.add(Finding{
				Table: t.Name, Key: k, Column: strings.Join(u.Columns, ", "),
				Problem: n + " rows have the same value, which " + u.Name + " forbids",
				Remedy:  "Change or delete all but one of them",
			})
		})
		if err != nil {
			return err
		}
	}
	for name, check := range t.Checks {
		query := fmt.Sprintf("SELECT CAST(%s AS text), '' FROM %s WHERE NOT (%s) LIMIT %d", key, quote(t.Name), check, most)
		err := look(query, func(k, _ string) {
			f.add(Finding{Table: t.Name, Key: k, Problem: "breaks the rule " + name + ": " + check, Remedy: "Mend the row so that the rule holds"})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// integrity asks SQLite whether the file itself is sound.
func integrity(ctx context.Context, source *proof.Snapshot) ([]Finding, error) {
	if source.Dialect() != dialect.SQLite {
		return nil, nil
	}
	var out []Finding
	err := source.With(ctx, func(c *sql.Conn) error {
		rows, err := c.QueryContext(ctx, "PRAGMA quick_check(20)")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var said string
			if err := rows.Scan(&said); err != nil {
				return err
			}
			if said != "ok" {
				out = append(out, Finding{Table: "the file", Problem: said, Remedy: "Restore a backup, or rebuild the file with sqlite3's .recover"})
			}
		}
		return rows.Err()
	})
	return out, err
}
