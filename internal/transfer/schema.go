package transfer

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"aliaport/internal/proof"
)

// object is an index or a foreign key of the target that is dropped while its table
// is filled: making it afterwards sorts once, and judges all rows.
type object struct {
	position   int
	table      string
	kind       string
	name       string
	definition string // SQL that makes it again
}

const (
	kindIndex     = "index"
	kindReference = "foreign key"
)

// strip drops the indexes and foreign keys of tables and notes in the same
// transaction how to make them again.
func (t target) strip(ctx context.Context, tables []*proof.Table) error {
	for _, table := range tables {
		err := t.inTx(ctx, func(tx *sql.Tx) error {
			objects, err := t.objects(ctx, tx, table.Name)
			if err != nil {
				return err
			}
			for _, o := range objects {
				statement := "DROP INDEX " + quote(o.name) //nolint:gosec // a name from the catalogue
				if o.kind == kindReference {
					statement = "ALTER TABLE " + quote(o.table) + " DROP CONSTRAINT " + quote(o.name)
				}
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("%s: %w", statement, err)
				}
				_, err := tx.ExecContext(ctx, "INSERT INTO "+schemaTable+" (position, table_name, kind, name, definition) SELECT coalesce(max(position), 0) + 1, $1, $2, $3, $4 FROM "+schemaTable,
					o.table, o.kind, o.name, o.definition)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("drop the indexes of %s: %w", table.Name, err)
		}
	}
	return nil
}

// objects are the indexes and foreign keys of a table, but for its primary key. On
// SQLite foreign keys are part of the table: there they are not enforced meanwhile.
func (t target) objects(ctx context.Context, tx *sql.Tx, table string) (out []object, err error) {
	query := `SELECT '` + kindIndex + `', name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL ORDER BY name`
	if t.postgres() {
		// Without ONLY an index of a partitioned table reaches its partitions.
		query = `SELECT '` + kindIndex + `', c.relname, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			WHERE i.indrelid = $1::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
			UNION ALL
			SELECT '` + kindReference + `', conname, 'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid)
			FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f'
			ORDER BY 1, 2`
	}
	rows, err := tx.QueryContext(ctx, query, table)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		o := object{table: table}
		if err := rows.Scan(&o.kind, &o.name, &o.definition); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// dropped are the objects that wait to be made again.
func (t target) dropped(ctx context.Context) ([]object, error) {
	rows, err := t.Reader().QueryContext(ctx, "SELECT position, table_name, kind, name, definition FROM "+schemaTable+" ORDER BY kind DESC, position")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []object
	for rows.Next() {
		var o object
		if err := rows.Scan(&o.position, &o.table, &o.kind, &o.name, &o.definition); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// restore makes all objects again, indexes first: foreign keys are judged by them.
// Each judges the rows that are there.
func (t target) restore(ctx context.Context, workers int, say func(done, all int)) error {
	all, err := t.dropped(ctx)
	if err != nil {
		return err
	}
	var (
		mu   sync.Mutex
		done int
	)
	make1 := func(ctx context.Context, o object) error {
		err := t.inTx(ctx, func(tx *sql.Tx) error {
			if t.postgres() {
				for _, s := range []string{"SET LOCAL maintenance_work_mem = '192MB'", "SET LOCAL statement_timeout = 0"} {
					if _, err := tx.ExecContext(ctx, s); err != nil {
						return err
					}
				}
			}
			if _, err := tx.ExecContext(ctx, o.definition); err != nil {
				return err
			}
			_, err := tx.ExecContext(ctx, "DELETE FROM "+schemaTable+" WHERE position = $1", o.position)
			return err
		})
		if err != nil {
			return fmt.Errorf("make %s %s of %s again: %w", o.kind, o.name, o.table, err)
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		say(done, len(all))
		return nil
	}
	if !t.postgres() {
		workers = 1
	}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for _, o := range all {
		if o.kind == kindIndex {
			g.Go(func() error { return make1(inner, o) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// One after the other: two at once could wait for each other's tables.
	for _, o := range all {
		if o.kind == kindReference {
			if err := make1(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// enforce switches SQLite's foreign keys on its writing connection. PostgreSQL's are
// dropped by strip instead.
func (t target) enforce(ctx context.Context, on bool) error {
	if t.postgres() {
		return nil
	}
	word := "OFF"
	if on {
		word = "ON"
	}
	return exec(ctx, t.Writer(), "PRAGMA foreign_keys = "+word)
}

// Orphan is a row that refers to one that is not there.
type Orphan struct {
	Table string `json:"table"`
	Key   string `json:"key"`
	Refer string `json:"refersTo"`
}

// orphans are rows of SQLite that refer to nothing, at most limit; PostgreSQL has
// none once its foreign keys are made.
func orphans(ctx context.Context, db *sql.DB, limit int) ([]Orphan, error) {
	rows, err := db.QueryContext(ctx, `SELECT "table", rowid, parent FROM pragma_foreign_key_check LIMIT $1`, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []Orphan
	for rows.Next() {
		var o Orphan
		var key sql.NullInt64
		if err := rows.Scan(&o.Table, &key, &o.Refer); err != nil {
			return nil, err
		}
		o.Key = fmt.Sprint(key.Int64)
		out = append(out, o)
	}
	return out, rows.Err()
}

// invalid are foreign keys and indexes of PostgreSQL that do not hold for all rows.
func (t target) invalid(ctx context.Context) ([]string, error) {
	rows, err := t.Reader().QueryContext(ctx, `SELECT 'foreign key ' || conname FROM pg_constraint WHERE NOT convalidated AND connamespace = current_schema()::regnamespace
		UNION ALL SELECT 'index ' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid AND c.relnamespace = current_schema()::regnamespace`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
