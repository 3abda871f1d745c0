package migrate_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	_ "github.com/mattn/go-sqlite3"

	"aliaport/internal/aliatest"
	"aliaport/internal/migrate"
)

// target is a database that tests may open as often as they like.
type target struct{ dialect, url string }

// fresh makes an empty database.
func fresh(t *testing.T, dialect string) target {
	t.Helper()
	if dialect == migrate.Postgres {
		return target{dialect, aliatest.PostgresURL(t)}
	}
	return target{dialect, "file:" + aliatest.SQLitePath(t) + "?_busy_timeout=20000&_journal_mode=WAL&_synchronous=0&_foreign_keys=1&_txlock=immediate"}
}

func (d target) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.dialect, d.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// onBoth runs a test on a fresh database of each dialect.
func onBoth(t *testing.T, test func(t *testing.T, d target)) {
	t.Helper()
	for _, dialect := range []string{migrate.SQLite, migrate.Postgres} {
		t.Run("on "+dialect, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t, dialect))
		})
	}
}

// sqlFile is a migration of a test.
type sqlFile struct{ name, text string }

// folder writes a directory with its checksums and returns its path.
func folder(t *testing.T, files ...sqlFile) string {
	t.Helper()
	path := t.TempDir()
	for _, f := range files {
		write(t, filepath.Join(path, f.name), f.text)
	}
	hash(t, path)
	return path
}

// directory is folder for those that only read it.
func directory(t *testing.T, files ...sqlFile) fs.FS {
	t.Helper()
	return os.DirFS(folder(t, files...))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func hash(t *testing.T, path string) {
	t.Helper()
	if err := migrate.Hash(path); err != nil {
		t.Fatal(err)
	}
}

// up applies dir and requires the given files to be those applied.
func up(t *testing.T, d target, dir fs.FS, want ...string) {
	t.Helper()
	got, err := migrate.Up(t.Context(), d.open(t), d.dialect, options(dir))
	if err != nil {
		t.Fatalf("Up: %v", err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("Up applied %v, want %v", got, want)
	}
}

func options(dir fs.FS) migrate.Options {
	return migrate.Options{Dir: dir, Operator: "test", LockTimeout: 20 * time.Second}
}

// refused requires err to be of the kind (nil: any) and to name all of the words.
func refused(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if err == nil || (kind != nil && !errors.Is(err, kind)) {
		t.Fatalf("got error %v, want %v", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

// ask returns the one value that a query gives, as text.
func ask(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	var v any
	if err := db.QueryRowContext(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

func exec(t *testing.T, db *sql.DB, stmts ...string) {
	t.Helper()
	for _, s := range stmts {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// tables lists the tables besides the history, separated by spaces.
func tables(t *testing.T, d target) string {
	t.Helper()
	list := "SELECT coalesce(string_agg(relname, ' ' ORDER BY relname), '') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'atlas_schema_revisions'"
	if d.dialect == migrate.SQLite {
		list = "SELECT coalesce(group_concat(name, ' '), '') FROM (SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'atlas_schema_revisions' ORDER BY name)"
	}
	return ask(t, d.open(t), list)
}
