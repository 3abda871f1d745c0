package readonly_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"aliaport/ent/migrate"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

var order = readonly.Order{Reason: "taşınıyor", By: "deniz", Now: calendar.Now, Wait: 10 * time.Second}

func on(t *testing.T, db *store.DB) readonly.State {
	t.Helper()
	s, err := readonly.On(t.Context(), db, order)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func off(t *testing.T, db *store.DB) {
	t.Helper()
	if err := readonly.Off(t.Context(), db, order); err != nil {
		t.Fatal(err)
	}
}

// row is a statement that inserts some row, whether the checks would take it or not.
func row(table *schema.Table, dialectName string) string {
	var names, values []string
	for _, c := range table.Columns {
		names = append(names, `"`+c.Name+`"`)
		value := "NULL"
		if dialectName == dialect.SQLite {
			value = "'1'"
		}
		values = append(values, value)
	}
	return fmt.Sprintf(`INSERT INTO "%s" (%s) VALUES (%s)`, table.Name, strings.Join(names, ", "), strings.Join(values, ", "))
}

func TestOnRefusesEachChangeOfEachTable(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		aliatest.AnyRow(t, db) // so that there is something to change and to delete
		s := on(t, db)
		if got, err := readonly.Get(ctx, db); err != nil || got != s || !s.On || s.Reason != "taşınıyor" || s.By != "deniz" || s.Since.IsZero() {
			t.Fatalf("%+v, %v, want %+v", got, err, s)
		}
		refused := func(statement string) {
			t.Helper()
			_, err := db.Writer().ExecContext(ctx, statement)
			if k := store.Classify(err).Kind; k != store.ReadOnly {
				t.Errorf("%s: %v (%v)", statement, err, k)
			}
		}
		for _, table := range migrate.Tables {
			if table.Name == "read_only_state" {
				continue
			}
			c := table.Columns[0].Name
			refused(row(table, db.Dialect()))
			refused(fmt.Sprintf(`UPDATE "%s" SET "%s" = "%s"`, table.Name, c, c))
			refused(fmt.Sprintf(`DELETE FROM "%s"`, table.Name))
			if db.Dialect() == dialect.Postgres {
				refused(fmt.Sprintf(`TRUNCATE "%s" CASCADE`, table.Name))
			} else {
				refused(strings.Replace(row(table, db.Dialect()), "INSERT", "INSERT OR REPLACE", 1))
				refused(strings.Replace(row(table, db.Dialect()), "INSERT", "INSERT OR IGNORE", 1))
			}
			var n int
			if err := db.Reader().QueryRowContext(ctx, fmt.Sprintf(`SELECT count(*) FROM "%s"`, table.Name)).Scan(&n); err != nil {
				t.Error(err)
			}
			if n == 0 {
				t.Errorf("%s is empty: nothing was tried", table.Name)
			}
		}
		if db.Dialect() == dialect.Postgres { // partitions, addressed by their own names
			refused(`INSERT INTO audit_events_default SELECT * FROM audit_events LIMIT 1`)
			refused(`DELETE FROM audit_events_default`)
			refused(`TRUNCATE audit_events_default`)
		}
		off(t, db)
		if _, err := db.Writer().ExecContext(ctx, `UPDATE permissions SET name = name`); err != nil {
			t.Error(err)
		}
		if s, err := readonly.Get(ctx, db); err != nil || s != (readonly.State{}) {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
