// Package changes keeps a log of which rows change in a database that stays in use while
// it is copied.
//
// The log is the table transfer_changes, filled by triggers. Both are there only while a
// transfer is under way: Install makes them, Remove takes them away. A line names a row
// by table and key, not what happened to it: whoever follows reads the row again, and
// writes what is there, or deletes what is not. So it does no harm to follow a line
// twice, or a line whose row changed again since.
//
// A line stays until the follower has confirmed it by its own number. There is no
// position that all before it were read: on PostgreSQL numbers are drawn before the
// commit, so a line with a lower number may appear later than one with a higher. The
// other way out, to log transactions' ids and to read only below the oldest that is
// running, would make one long transaction anywhere on the server, in another database
// even, hold up the last step of a move. Numbers are drawn without gaps as a rule, so
// what was read is kept as a few runs of them.
//
// To follow:
//
//  1. Begin a transaction that sees one state (REPEATABLE READ on PostgreSQL).
//  2. Read in it, batch after batch until More is false, and read the rows that the
//     batches name in it too. A row may refer to one that only a later batch names, so
//     either take all batches together or hold no foreign keys meanwhile.
//  3. Write to the target and commit there.
//  4. Confirm the batches. Who is killed before that reads them again.
//
// After readonly.On the log grows no more, and is complete once it is empty.
package changes

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/proof"
	"aliaport/internal/store"
)

// Table is the log.
const Table = "transfer_changes"

// ErrBroken tells that a log is there, but not all of its triggers: changes may be
// missing, and whatever was copied has to be copied again from the beginning.
var ErrBroken = errors.New("the log of changes has lost triggers: it may lack changes. Remove it and begin the copy again")

// Key names a row. B is 0 unless the table joins two others.
type Key struct {
	Table string
	A, B  int64
}

// wait is how long Install and Remove wait for those who write.
const wait = 30 * time.Second

// Querier is a database or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Installed tells whether changes are logged. The error is ErrBroken when only some are.
func Installed(ctx context.Context, db Querier, dialectName string) (bool, error) {
	query := `SELECT count(*) FILTER (WHERE type = 'table'), count(*) FILTER (WHERE type = 'trigger') FROM sqlite_master
		WHERE type = 'table' AND name = '` + Table + `' OR type = 'trigger' AND name LIKE 'transfer\_%' ESCAPE '\'`
	want := 0
	for _, t := range proof.Tables() {
		want += len(triggers(t))
	}
	if dialectName == dialect.Postgres {
		query = `SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = '` + Table + `'),
			(SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = current_schema()::regnamespace
				AND NOT c.relispartition AND t.tgenabled = 'O' AND t.tgname IN ('transfer_changed', 'transfer_emptied'))`
		want = 2 * len(proof.Tables())
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return false, fmt.Errorf("look for the log of changes: %w", err)
	}
	defer rows.Close()
	var tables, found int
	for rows.Next() {
		if err := rows.Scan(&tables, &found); err != nil {
			return false, fmt.Errorf("look for the log of changes: %w", err)
		}
	}
	switch {
	case rows.Err() != nil:
		return false, fmt.Errorf("look for the log of changes: %w", rows.Err())
	case tables == 0:
		return false, nil
	case found != want:
		return true, ErrBroken
	}
	return true, nil
}

// Install begins to log. Whatever is committed after it returns is in the log; a log
// that is there already goes on.
func Install(ctx context.Context, db *store.DB) error {
	if there, err := Installed(ctx, db.Reader(), db.Dialect()); there || err != nil {
		return err
	}
	return db.Quiet(ctx, wait, names(), func(tx *ent.Tx) error {
		raw := store.SQLTx(tx)
		if there, err := Installed(ctx, raw, db.Dialect()); there || err != nil {
			return err // somebody was faster
		}
		list := onSQLite()
		if db.Dialect() == dialect.Postgres {
			var log string
			if err := raw.QueryRowContext(ctx, "SELECT quote_ident(current_schema()) || '."+Table+"'").Scan(&log); err != nil {
				return fmt.Errorf("install the log of changes: %w", err)
			}
			list = onPostgres(log)
		}
		if _, err := raw.ExecContext(ctx, strings.Join(list, ";\n")); err != nil {
			return fmt.Errorf("install the log of changes: %w", err)
		}
		return nil
	})
}

// Remove ends the log, and with it what was not followed.
func Remove(ctx context.Context, db *store.DB) error {
	tables := names()
	err := db.Quiet(ctx, wait, tables, func(tx *ent.Tx) error {
		raw := store.SQLTx(tx)
		list, err := ending(ctx, raw, db.Dialect(), tables)
		if err != nil {
			return err
		}
		if _, err := raw.ExecContext(ctx, strings.Join(append(list, "DROP TABLE IF EXISTS "+Table), ";\n")); err != nil {
			return fmt.Errorf("remove the log of changes: %w", err)
		}
		return nil
	})
	if err == nil && db.Dialect() == dialect.Postgres {
		// What is disabled is harmless, and Install takes it up again.
		var drop []string
		for _, t := range tables {
			drop = append(drop, fmt.Sprintf(`DROP TRIGGER IF EXISTS transfer_changed ON "%s"; DROP TRIGGER IF EXISTS transfer_emptied ON "%s"; DROP FUNCTION IF EXISTS "transfer_log_%s"()`, t, t, t))
		}
		db.Leisurely(ctx, append(drop, `DROP FUNCTION IF EXISTS transfer_log_emptied()`))
	}
	return err
}

func ending(ctx context.Context, tx *sql.Tx, dialectName string, tables []string) (list []string, err error) {
	if dialectName == dialect.Postgres {
		for _, t := range tables {
			for _, trigger := range []string{"transfer_changed", "transfer_emptied"} {
				list = append(list, fmt.Sprintf(`DO $$ BEGIN IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '"%s"'::regclass AND tgname = '%s') THEN ALTER TABLE "%s" DISABLE TRIGGER %s; END IF; END $$`, t, trigger, t, trigger))
			}
		}
		return list, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'transfer\_%' ESCAPE '\'`)
	if err != nil {
		return nil, fmt.Errorf("look for the triggers of the log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("look for the triggers of the log: %w", err)
		}
		list = append(list, "DROP TRIGGER `"+name+"`")
	}
	return list, rows.Err()
}

func names() []string {
	var list []string
	for _, t := range proof.Tables() {
		list = append(list, t.Name)
	}
	return list
}

// values are the columns of the key of NEW or OLD, two in any case.
func values(t *proof.Table, of string) string {
	list := make([]string, 0, 2)
	for _, column := range t.Key {
		list = append(list, of+`."`+column+`"`)
	}
	if len(list) == 1 {
		list = append(list, "0")
	}
	return strings.Join(list, ", ")
}

const columns = `"op", "of_table", "a", "b"`

// onPostgres takes the name of the log with its schema: sessions may have another path.
func onPostgres(log string) []string {
	list := []string{
		`CREATE TABLE ` + log + ` ("seq" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "op" "char" NOT NULL, "of_table" text NOT NULL, "a" bigint NOT NULL, "b" bigint NOT NULL)`,
		`CREATE OR REPLACE FUNCTION transfer_log_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN RAISE EXCEPTION 'table % is being copied and cannot be truncated', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state'; END $$`,
	}
	for _, t := range proof.Tables() {
		var moved []string
		for _, column := range t.Key {
			moved = append(moved, fmt.Sprintf(`OLD."%s" <> NEW."%s"`, column, column))
		}
		insert := func(op, of string) string {
			return fmt.Sprintf(`INSERT INTO %s (%s) VALUES ('%s', '%s', %s);`, log, columns, op, t.Name, values(t, of))
		}
		list = append(list,
			fmt.Sprintf(`CREATE OR REPLACE FUNCTION "transfer_log_%s"() RETURNS trigger LANGUAGE plpgsql AS $$
				BEGIN
					IF TG_OP = 'INSERT' THEN %s
					ELSIF TG_OP = 'DELETE' THEN %s
					ELSE
						%s
						IF %s THEN %s END IF;
					END IF;
					RETURN NULL;
				END $$`, t.Name, insert("I", "NEW"), insert("D", "OLD"), insert("U", "NEW"), strings.Join(moved, " OR "), insert("D", "OLD")),
			fmt.Sprintf(`CREATE OR REPLACE TRIGGER transfer_changed AFTER INSERT OR UPDATE OR DELETE ON "%s" FOR EACH ROW EXECUTE FUNCTION "transfer_log_%s"()`, t.Name, t.Name),
			fmt.Sprintf(`ALTER TABLE "%s" ENABLE TRIGGER transfer_changed`, t.Name),
			fmt.Sprintf(`CREATE OR REPLACE TRIGGER transfer_emptied BEFORE TRUNCATE ON "%s" FOR EACH STATEMENT EXECUTE FUNCTION transfer_log_emptied()`, t.Name),
			fmt.Sprintf(`ALTER TABLE ONLY "%s" ENABLE TRIGGER transfer_emptied`, t.Name),
		)
	}
	// Partitions can be truncated by their own names.
	return append(list, `DO $$ DECLARE p regclass; BEGIN
		FOR p IN SELECT oid::regclass FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relispartition AND relkind = 'r' LOOP
			EXECUTE format('CREATE OR REPLACE TRIGGER transfer_emptied BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION transfer_log_emptied()', p);
		END LOOP;
	END $$`)
}

// triggers are those of a table on SQLite, by name.
func triggers(t *proof.Table) map[string]string {
	insert := func(op, of string) string {
		return fmt.Sprintf("INSERT INTO `%s` (%s) VALUES ('%s', '%s', %s); ", Table, columns, op, t.Name, values(t, of))
	}
	moved := make([]string, 0, 2)
	for _, column := range t.Key {
		moved = append(moved, fmt.Sprintf(`OLD."%s" <> NEW."%s"`, column, column))
	}
	list := map[string]string{
		"inserted": "AFTER INSERT ON `" + t.Name + "` BEGIN " + insert("I", "NEW") + "END",
		"updated":  "AFTER UPDATE ON `" + t.Name + "` BEGIN " + insert("U", "NEW") + "END",
		"moved":    "AFTER UPDATE OF " + strings.Join(t.Key, ", ") + " ON `" + t.Name + "` WHEN " + strings.Join(moved, " OR ") + " BEGIN " + insert("D", "OLD") + "END",
		"deleted":  "AFTER DELETE ON `" + t.Name + "` BEGIN " + insert("D", "OLD") + "END",
	}
	// INSERT OR REPLACE and UPDATE OR REPLACE delete the rows that are in the way, and
	// fire no trigger for them unless a pragma of the connection says so.
	var replaced strings.Builder
	for _, u := range t.Unique {
		where := make([]string, 0, len(u.Columns)+1)
		for _, column := range u.Columns {
			where = append(where, fmt.Sprintf(`"%s" = NEW."%s"`, column, column))
		}
		if u.Where != "" {
			where = append(where, "("+u.Where+")")
		}
		fmt.Fprintf(&replaced, "INSERT INTO `%s` (%s) SELECT 'D', '%s', %s FROM `%s` WHERE %s; ",
			Table, columns, t.Name, values(t, "`"+t.Name+"`"), t.Name, strings.Join(where, " AND "))
	}
	if replaced.Len() > 0 {
		list["replacing_insert"] = "BEFORE INSERT ON `" + t.Name + "` BEGIN " + replaced.String() + "END"
		var of []string
		for _, u := range t.Unique {
			for _, column := range u.Columns {
				if !slices.Contains(of, column) {
					of = append(of, column)
				}
			}
		}
		list["replacing_update"] = "BEFORE UPDATE OF " + strings.Join(of, ", ") + " ON `" + t.Name + "` BEGIN " + replaced.String() + "END"
	}
	return list
}

func onSQLite() []string {
	list := []string{"CREATE TABLE `" + Table + "` (`seq` integer PRIMARY KEY AUTOINCREMENT, `op` text NOT NULL, `of_table` text NOT NULL, `a` integer NOT NULL, `b` integer NOT NULL)"}
	for _, t := range proof.Tables() {
		for deed, body := range triggers(t) {
			list = append(list, "CREATE TRIGGER `transfer_"+deed+"_"+t.Name+"` "+body)
		}
	}
	return list
}
