package migrate_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	entmigrate "aliaport/ent/migrate"
	"aliaport/internal/migrate"
	"aliaport/migrations"
)

// builtIn copies the program's own directory, its files changed by edit.
func builtIn(t *testing.T, dialect string, edit func(text string) string) string {
	t.Helper()
	dir, err := migrations.For(dialect)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	for _, name := range sqlNames(t, dir) {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(path, name), edit(string(text)))
	}
	hash(t, path)
	return path
}

func asIs(text string) string { return text }

func TestTheDirectoriesMakeTheSchemaOfEnt(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{migrate.SQLite, migrate.Postgres} {
		t.Run("on "+dialect, func(t *testing.T) {
			t.Parallel()
			draft, err := migrate.Plan(t.Context(), dialect, builtIn(t, dialect, asIs), "drift", devURL(t, dialect))
			if err == nil {
				t.Fatalf("make migration NAME=… is due for\n%s", draft.SQL)
			}
			refused(t, err, migrate.ErrNoChange)
		})
	}
}

func TestBothDatabasesHaveTheTablesAndColumnsOfEnt(t *testing.T) {
	t.Parallel()
	var want []string
	for _, table := range entmigrate.Tables {
		for _, c := range table.Columns {
			want = append(want, fmt.Sprintf("%s.%s null=%t", table.Name, c.Name, c.Nullable))
		}
	}
	slices.Sort(want)
	list := map[string]string{
		migrate.SQLite: `SELECT m.name || '.' || c.name || ' null=' || iif(c."notnull" OR c.pk, 'false', 'true')
			FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name <> 'atlas_schema_revisions' AND m.name NOT LIKE 'river%'`,
		migrate.Postgres: `SELECT table_name || '.' || column_name || ' null=' || CASE is_nullable WHEN 'YES' THEN 'true' ELSE 'false' END
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'atlas_schema_revisions' AND table_name !~ '^(audit_events|river)_'`, // the queue's are looked at in package job
	}
	onBoth(t, func(t *testing.T, d target) {
		got := schemaFacts(t, d, list[d.dialect])
		if !slices.Equal(got, want) {
			t.Errorf("columns differ from ent:\ngot  %s\nwant %s", without(got, want), without(want, got))
		}
	})
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// schemaFacts migrates d and returns the sorted lines of a query on its catalogue.
func schemaFacts(t *testing.T, d target, query string) []string {
	t.Helper()
	db := d.open(t)
	if _, err := migrate.Up(t.Context(), db, d.dialect, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// What ent says and a database may silently not get.
func TestTheDatabasesHoldWhatTheSchemaPromises(t *testing.T) { //nolint:tparallel // its parts share two databases, of which each part would make new ones
	t.Parallel()
	var checks, sortedByBytes []string
	for _, table := range entmigrate.Tables {
		if table.Annotation != nil {
			for name := range table.Annotation.Checks {
				checks = append(checks, name)
			}
		}
		for _, c := range table.Columns {
			if c.Collation == "C" {
				sortedByBytes = append(sortedByBytes, table.Name+"."+c.Name)
			}
		}
	}
	slices.Sort(checks)
	slices.Sort(sortedByBytes)
	if len(checks) == 0 || len(sortedByBytes) == 0 {
		t.Fatal("ent has no checks or no collations any more: this test looks in the wrong place")
	}
	onPG, onLite := fresh(t, migrate.Postgres), fresh(t, migrate.SQLite)
	t.Run("PostgreSQL has every check", func(t *testing.T) {
		got := schemaFacts(t, onPG, "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid::regclass::text !~ '^(audit_events|river)_'")
		if !slices.Equal(got, checks) {
			t.Errorf("checks %v, want %v", got, checks)
		}
	})
	t.Run("SQLite has every check", func(t *testing.T) {
		all := strings.Join(schemaFacts(t, onLite, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"), "\n")
		for _, name := range checks {
			if !strings.Contains(all, "CONSTRAINT `"+name+"` CHECK") {
				t.Errorf("no check %s", name)
			}
		}
		if strings.Contains(all, "COLLATE") {
			t.Error("SQLite sorts by bytes anyway and must have no collation")
		}
	})
	t.Run("PostgreSQL sorts columns by bytes that page", func(t *testing.T) {
		got := schemaFacts(t, onPG, "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' AND collation_name = 'C' AND table_name !~ '^audit_events_'")
		if !slices.Equal(got, sortedByBytes) {
			t.Errorf("collation C on %v, want %v", got, sortedByBytes)
		}
	})
	t.Run("the delete actions are the same on both", func(t *testing.T) {
		pg := schemaFacts(t, onPG, `SELECT c.conrelid::regclass || '.' || a.attname || ' -> ' || c.confrelid::regclass || ' ' ||
			CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'r' THEN 'RESTRICT' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END
			FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'`)
		lite := schemaFacts(t, onLite, `SELECT m.name || '.' || f."from" || ' -> ' || f."table" || ' ' || f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`)
		if !slices.Equal(pg, lite) {
			t.Errorf("PostgreSQL %v, SQLite %v", without(pg, lite), without(lite, pg))
		}
		for _, want := range []string{
			"work_orders.cari_id -> cari RESTRICT", "work_order_items.work_order_id -> work_orders CASCADE", "user_roles.role_id -> roles CASCADE",
			"user_roles.user_id -> users CASCADE", "role_permissions.role_id -> roles CASCADE", "role_permissions.permission_id -> permissions CASCADE",
		} {
			if !slices.Contains(lite, want) {
				t.Errorf("no foreign key %s", want)
			}
		}
	})
	t.Run("every foreign key leads an index", func(t *testing.T) {
		got := schemaFacts(t, onPG, `SELECT c.conrelid::regclass || '.' || c.conname FROM pg_constraint c WHERE c.contype = 'f'
			AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL AND i.indkey[0] = c.conkey[1])`)
		if len(got) > 0 {
			t.Errorf("no index for %v", got)
		}
	})
	t.Run("indexes are the same on both but for trigrams", func(t *testing.T) {
		pg := schemaFacts(t, onPG, `SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname !~ '_pkey$' AND tablename !~ '^(audit_events|river)_' AND indexname !~ '_trgm$' AND indexdef !~ 'USING gist'`)
		lite := schemaFacts(t, onLite, `SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'river%'`)
		if !slices.Equal(pg, lite) {
			t.Errorf("PostgreSQL alone %v, SQLite alone %v", without(pg, lite), without(lite, pg))
		}
		trigrams := schemaFacts(t, onPG, `SELECT indexname FROM pg_indexes WHERE indexdef ~ 'USING gin .*gin_trgm_ops'`)
		if want := []string{"cari_search_text_trgm", "motorbot_search_text_trgm", "services_search_text_trgm", "work_orders_search_text_trgm"}; !slices.Equal(trigrams, want) {
			t.Errorf("trigram indexes %v, want %v", trigrams, want)
		}
	})
	t.Run("PostgreSQL keeps apart what must not overlap", func(t *testing.T) {
		got := schemaFacts(t, onPG, "SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x'")
		want := []string{
			`^price_lists_no_overlap EXCLUDE USING gist .*currency WITH =.*daterange\(valid_from, valid_to\) WITH &&.*ACTIVE`,
			`^service_tariff_overrides_no_overlap EXCLUDE USING gist .*service_id WITH =.*daterange\(valid_from, valid_to\) WITH &&.*is_active`,
			`^trips_no_overlap EXCLUDE USING gist .*motorbot_id WITH =.*tstzrange\(starts_at, ends_at\) WITH &&.*is_active.*PLANNED.*UNDERWAY`,
		}
		if len(got) != len(want) {
			t.Fatalf("exclusion constraints %v", got)
		}
		for i := range want {
			if !regexp.MustCompile(want[i]).MatchString(got[i]) {
				t.Errorf("%s, want %s", got[i], want[i])
			}
		}
	})
	t.Run("the index on overdue orders is partial on both", func(t *testing.T) {
		pg := schemaFacts(t, onPG, "SELECT indexdef FROM pg_indexes WHERE indexname = 'work_orders_overdue'")
		lite := schemaFacts(t, onLite, "SELECT sql FROM sqlite_master WHERE name = 'work_orders_overdue'")
		for _, def := range append(pg, lite...) {
			if !regexp.MustCompile(`WHERE .*is_active.*DRAFT.*COMPLETED.*CANCELLED`).MatchString(def) {
				t.Errorf("not partial: %s", def)
			}
		}
		if len(pg) != 1 || len(lite) != 1 {
			t.Errorf("PostgreSQL has %v, SQLite has %v", pg, lite)
		}
	})
	t.Run("columns have the types that keep their values", func(t *testing.T) {
		pg := strings.Join(schemaFacts(t, onPG, `SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
			JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0`), "\n")
		lite := strings.Join(schemaFacts(t, onLite, "SELECT m.name || '.' || c.name || ' ' || c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"), "\n")
		for column, want := range map[string][2]string{
			"work_orders.net_total":   {"numeric(15,4)", "numeric"},
			"services.vat_rate":       {"numeric(5,2)", "numeric"},
			"services.formula_params": {"jsonb", "json"},
			"audit_events.changes":    {"jsonb", "json"},
			"audit_events.created_at": {"timestamp with time zone", "datetime"},
			"work_orders.planned_end": {"timestamp with time zone", "datetime"},
			"work_orders.id":          {"bigint", "INTEGER"},
			"work_orders.status":      {"text", "TEXT"},
			"work_orders.is_cabotage": {"boolean", "bool"},
			"users.last_login_at":     {"timestamp with time zone", "datetime"},
		} {
			for i, all := range []string{pg, lite} {
				got := ""
				if m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(column) + ` (.*)$`).FindStringSubmatch(all); m != nil {
					got = m[1]
				}
				if !strings.EqualFold(got, want[i]) {
					t.Errorf("%s is %q, want %q", column, got, want[i])
				}
			}
		}
	})
}

func TestADraftHoldsOnlyTheDifference(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		dialect string
		edit    func(string) string
		want    []string // the statements, white space folded
	}{
		"a new column with a default is added on SQLite without building the table anew": {
			migrate.SQLite,
			func(s string) string {
				return strings.Replace(s, "`name` text NOT NULL,\n  `is_system` bool NOT NULL DEFAULT (false)", "`name` text NOT NULL", 1)
			},
			[]string{"ALTER TABLE `roles` ADD COLUMN `is_system` bool NOT NULL DEFAULT false;"},
		},
		"a column of PostgreSQL that lost its byte order gets it back": {
			migrate.Postgres,
			func(s string) string {
				return strings.Replace(s, `"email" character varying NOT NULL COLLATE "C"`, `"email" character varying NOT NULL`, 1)
			},
			[]string{`ALTER TABLE "users" ALTER COLUMN "email" TYPE character varying COLLATE "C";`},
		},
		"a column of the partitioned table is added to it": {
			migrate.Postgres,
			func(s string) string { return strings.Replace(s, "  \"extra\" jsonb NULL,\n", "", 1) },
			[]string{`ALTER TABLE "audit_events" ADD COLUMN "extra" jsonb NULL;`},
		},
		"a changed check is changed": {
			migrate.Postgres,
			func(s string) string {
				return strings.Replace(s, "payment_term_days <= 365", "payment_term_days <= 90", 1)
			},
			[]string{`ALTER TABLE "cari" DROP CONSTRAINT "cari_payment_term_days_check", ADD CONSTRAINT "cari_payment_term_days_check" CHECK ((payment_term_days >= 0) AND (payment_term_days <= 365));`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := builtIn(t, tt.dialect, tt.edit)
			file, err := migrate.Diff(t.Context(), tt.dialect, dir, "delta", devURL(t, tt.dialect))
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if got := statements(string(text)); !slices.Equal(got, tt.want) {
				t.Errorf("drafted\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			_, err = migrate.Plan(t.Context(), tt.dialect, dir, "again", devURL(t, tt.dialect))
			refused(t, err, migrate.ErrNoChange)
		})
	}
}

// statements drops comments and folds white space.
func statements(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "--") {
			all = append(all, line)
		}
	}
	return all
}

func TestADraftIsNewerThanEveryFile(t *testing.T) {
	t.Parallel()
	path := folder(t, sqlFile{"99990101000000_future.sql", boats.text})
	d, err := migrate.Plan(t.Context(), migrate.SQLite, path, "all", "")
	if err != nil {
		t.Fatal(err)
	}
	if d.File() != "99990101000001_all.sql" {
		t.Errorf("drafted %s, want it right after the newest", d.File())
	}
}

func TestADraftIsRefused(t *testing.T) {
	t.Parallel()
	tampered := folder(t, boats)
	write(t, filepath.Join(tampered, boats.name), piers.text)
	tests := map[string]struct {
		dialect, dir, name string
		kind               error
		word               string
	}{
		"for a name that is no file name":           {migrate.SQLite, folder(t, boats), "Add Berths", nil, "lower case"},
		"for a directory that does not fit its sum": {migrate.SQLite, tampered, "x", migrate.ErrTampered, boats.name},
		"for PostgreSQL without a server":           {migrate.Postgres, folder(t, boats), "x", nil, "server"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := migrate.Diff(t.Context(), tt.dialect, tt.dir, tt.name, "")
			refused(t, err, tt.kind, tt.word)
		})
	}
}
