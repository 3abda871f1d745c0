package job_test

import (
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// TestTheTablesOfTheQueueAreThoseThatItsLibraryMakes: they are written out in our
// migrations, and a newer version of the library may want others.
func TestTheTablesOfTheQueueAreThoseThatItsLibraryMakes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "sqlite://" + aliatest.SQLitePath(t)
			if name == dialect.Postgres {
				url = aliatest.PostgresURL(t)
			}
			ours, theirs := aliatest.Open(t, name), aliatest.OpenURL(t, url)
			migrator := func(db *store.DB) *rivermigrate.Migrator[*sql.Tx] {
				m, err := rivermigrate.New(riversqlite.New(db.Writer()), nil)
				if name == dialect.Postgres {
					m, err = rivermigrate.New(riverdatabasesql.New(db.Writer()), nil)
				}
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			if _, err := migrator(theirs).Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
				t.Fatal(err)
			}
			for _, db := range []*store.DB{ours, theirs} {
				if r, err := migrator(db).Validate(t.Context()); err != nil || !r.OK {
					t.Errorf("the library says %+v, error %v", r, err)
				}
			}
			got, want := facts(t, ours), facts(t, theirs)
			if len(want) < 40 || !slices.Equal(got, want) {
				t.Errorf("ours and the library's %d facts differ:\n%s\n\n%s", len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

var (
	spaces   = regexp.MustCompile(`\s+`)
	comments = regexp.MustCompile(`--[^\n]*|/\*.*?\*/`)
)

// facts are the columns, indexes and constraints of the queue's tables.
func facts(t *testing.T, db *store.DB) (lines []string) {
	t.Helper()
	query := `SELECT 'column ' || m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '') || ' ' || c.pk
		FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name LIKE 'river%'
		UNION ALL SELECT sql FROM sqlite_master WHERE name LIKE 'river%' AND sql IS NOT NULL`
	if db.Dialect() == dialect.Postgres {
		query = `SELECT 'column ' || table_name || ' ' || column_name || ' ' || udt_name || ' ' || is_nullable || ' ' || coalesce(column_default, '')
			FROM information_schema.columns WHERE table_name LIKE 'river%' AND table_schema = 'public'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'river%'
			UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text LIKE 'river%'
			UNION ALL SELECT relname || ' ' || relpersistence::text FROM pg_class WHERE relname LIKE 'river%'
			UNION ALL SELECT 'enum ' || enumlabel || ' ' || (SELECT count(*) FROM pg_enum o WHERE o.enumtypid = e.enumtypid AND o.enumsortorder < e.enumsortorder) FROM pg_enum e
			UNION ALL SELECT proname || ' ' || prosrc FROM pg_proc WHERE proname LIKE 'river%'`
	}
	rows, err := db.Reader().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		line = comments.ReplaceAllString(line, "")
		lines = append(lines, strings.NewReplacer("( ", "(", " )", ")", "_pkey1", "_pkey").Replace(strings.TrimSpace(spaces.ReplaceAllString(line, " "))))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}
