package aliatest

import (
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/ent/migrate"
	"aliaport/internal/store"
)

// AnyRow puts a row of no meaning into each empty table, against its checks and foreign
// keys if need be: for tests that ask what happens to the rows of any table. On
// PostgreSQL the checks are gone afterwards.
func AnyRow(t testing.TB, db *store.DB) {
	t.Helper()
	conn, err := db.Writer().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	do := func(statement string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	before, after := "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON", "PRAGMA foreign_keys = ON; PRAGMA ignore_check_constraints = OFF"
	if db.Dialect() == dialect.Postgres {
		before, after = `SET session_replication_role = replica;
			DO $$ DECLARE c record; BEGIN
				FOR c IN SELECT conrelid::regclass AS of, conname FROM pg_constraint WHERE contype = 'c' AND connamespace = current_schema()::regnamespace AND coninhcount = 0
				LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of, c.conname); END LOOP;
			END $$`, "SET session_replication_role = origin"
	}
	do(before)
	defer do(after)
	for _, table := range migrate.Tables {
		var n int
		if err := conn.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT count(*) FROM "%s"`, table.Name)).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 || table.Name == "read_only_state" {
			continue
		}
		var names, values []string
		for _, c := range table.Columns {
			names = append(names, `"`+c.Name+`"`)
			values = append(values, anyValue(t, db, table.Name, c.Name))
		}
		do(fmt.Sprintf(`INSERT INTO "%s" (%s) VALUES (%s)`, table.Name, strings.Join(names, ", "), strings.Join(values, ", ")))
	}
}

// anyValue is a value that the column can hold.
func anyValue(t testing.TB, db *store.DB, table, column string) string {
	t.Helper()
	if db.Dialect() == dialect.SQLite {
		return "1"
	}
	var kind string
	err := db.Reader().QueryRowContext(t.Context(), `SELECT data_type FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 AND column_name = $2`,
		table, column).Scan(&kind)
	if err != nil {
		t.Fatalf("%s.%s: %v", table, column, err)
	}
	switch kind {
	case "boolean":
		return "true"
	case "date", "timestamp with time zone":
		return "'2026-03-01'"
	case "jsonb":
		return "'{}'"
	}
	return "'1'"
}
