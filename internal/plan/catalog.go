package plan

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Usage is what is known of an index.
type Usage struct {
	Name    string `json:"name"`
	Table   string `json:"table"`
	Made    string `json:"made"` // the statement that makes it, or empty where a constraint does
	Unique  bool   `json:"unique"`
	Foreign bool   `json:"foreign"` // begins with a column that refers to another table
	Bytes   int64  `json:"bytes"`   // on SQLite an estimate
	Rows    int64  `json:"rows"`    // of the table, by the statistics on PostgreSQL
	// Scans are how often PostgreSQL has used it since its statistics began, and
	// Writes how many rows of the table were written meanwhile, each into every index.
	// SQLite counts neither: -1.
	Scans  int64 `json:"scans"`
	Writes int64 `json:"writes"`
	// Questions are those of the API whose statements use it; the first names them.
	Questions int    `json:"questions"`
	Question  string `json:"question,omitempty"`
	Field     string `json:"field,omitempty"`
	// Small tells that the table has so few rows that no index is needed for it.
	Small bool `json:"small,omitempty"`
}

// Verdict says what an index is there for.
func (u Usage) Verdict() string {
	switch {
	case u.Questions > 0:
		return "read"
	case u.Unique:
		return "rule" // it refuses doubles
	case u.Foreign:
		return "reference" // what is referred to cannot be deleted without it in less than a scan
	case u.Scans > 0:
		return "written" // only mutations and chores look into it
	case u.Small:
		return "too few rows to tell"
	case u.Scans < 0:
		return "not read by queries"
	}
	return "unused"
}

// Catalog lists all indexes but those of primary keys, by table and name. parents
// names the index of a partitioned table for those of its partitions.
func (i *Inspector) Catalog(ctx context.Context) (list []Usage, parents map[string]string, err error) {
	parents = map[string]string{}
	err = i.reading(ctx, func(tx *sql.Tx) error {
		if i.Dialect != Postgres {
			list, err = i.ofSQLite(ctx, tx)
			return err
		}
		pairs, err := texts(ctx, tx, `SELECT c.relname, p.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('i', 'I') JOIN pg_class p ON p.oid = h.inhparent`, nil, pair)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			parents[p[0]] = p[1]
		}
		list, err = texts(ctx, tx, catalog, nil, func(rows *sql.Rows) (Usage, error) {
			var u Usage
			err := rows.Scan(&u.Name, &u.Table, &u.Made, &u.Unique, &u.Foreign, &u.Bytes, &u.Rows, &u.Scans, &u.Writes)
			return u, err
		})
		return err
	})
	for k := range list {
		list[k].Small = list[k].Rows <= int64(i.Limits.Rows)
	}
	slices.SortFunc(list, func(a, b Usage) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Name, b.Name)) })
	return list, parents, err
}

// catalog sums up the indexes of partitions under that of their table.
const catalog = `WITH leaves AS (
	SELECT i.indexrelid AS top, i.indexrelid AS leaf FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT c.relispartition AND c.relkind = 'i'
	UNION ALL SELECT h.inhparent, h.inhrelid FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind = 'i'
)
SELECT c.relname, t.relname, pg_get_indexdef(i.indexrelid), i.indisunique OR i.indisexclusion,
	EXISTS (SELECT 1 FROM pg_constraint f WHERE f.contype = 'f' AND f.conrelid = i.indrelid AND f.conkey[1] = i.indkey[0]),
	sum(pg_relation_size(l.leaf))::bigint, sum(greatest(lt.reltuples, 0))::bigint, coalesce(sum(s.idx_scan), 0)::bigint,
	coalesce(sum(st.n_tup_ins + st.n_tup_upd - st.n_tup_hot_upd), 0)::bigint
FROM leaves l JOIN pg_index i ON i.indexrelid = l.top JOIN pg_class c ON c.oid = l.top JOIN pg_class t ON t.oid = i.indrelid
	JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema() JOIN pg_index li ON li.indexrelid = l.leaf JOIN pg_class lt ON lt.oid = li.indrelid
	LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = l.leaf LEFT JOIN pg_stat_user_tables st ON st.relid = li.indrelid
WHERE NOT i.indisprimary GROUP BY c.relname, t.relname, i.indexrelid, i.indisunique, i.indisexclusion, i.indrelid, i.indkey`

// ofSQLite estimates sizes from the first rows: what the columns take, and some bytes
// for the key and the cell.
func (i *Inspector) ofSQLite(ctx context.Context, tx *sql.Tx) ([]Usage, error) {
	if i.indexes == nil {
		if err := i.readSchema(ctx, tx); err != nil {
			return nil, err
		}
	}
	pairs, err := texts(ctx, tx, "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE type = 'index'", nil, pair)
	if err != nil {
		return nil, err
	}
	refers, err := texts(ctx, tx, `SELECT m.name, f."from" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`, nil, pair)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	var list []Usage
	for _, p := range pairs {
		ix := i.indexes[p[0]]
		if strings.HasPrefix(p[0], "sqlite_autoindex_") {
			continue // of a primary key
		}
		u := Usage{Name: p[0], Table: ix.Table, Made: p[1], Unique: strings.HasPrefix(strings.ToUpper(p[1]), "CREATE UNIQUE"), Scans: -1, Writes: -1}
		u.Foreign = slices.Contains(refers, [2]string{ix.Table, ix.Columns[0]})
		if _, ok := counts[ix.Table]; !ok {
			var n int64
			if err := tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM "%s"`, ix.Table)).Scan(&n); err != nil {
				return nil, err
			}
			counts[ix.Table] = n
		}
		u.Rows = counts[ix.Table]
		var lengths []string
		for _, c := range ix.Columns {
			if c != "" {
				lengths = append(lengths, fmt.Sprintf(`coalesce(length(CAST("%s" AS blob)), 0) + 1`, c))
			}
		}
		where := ""
		if ix.Where != "" {
			where = " WHERE " + ix.Where
		}
		var rows, bytes sql.NullFloat64
		q := fmt.Sprintf(`SELECT count(*), avg(8 + %s) FROM (SELECT * FROM "%s"%s LIMIT 10000)`, strings.Join(append(lengths, "0"), " + "), ix.Table, where) //nolint:gosec // names and conditions of the database itself
		if err := tx.QueryRowContext(ctx, q).Scan(&rows, &bytes); err != nil {
			return nil, err
		}
		n := rows.Float64
		if n == 10000 {
			n = float64(u.Rows)
		}
		u.Bytes = int64(n * bytes.Float64)
		list = append(list, u)
	}
	return list, nil
}
