// Package aliatest is the test kit: real databases and a real Redis, fresh for
// every test. Only _test.go files import it.
package aliatest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"

	"aliaport/internal/aliatest/server"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

// EachDB runs test on a fresh, migrated database of each kind, in parallel.
func EachDB(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, dialectName))
		})
	}
}

// Open opens a fresh, migrated database. It is dropped when the test ends.
func Open(t testing.TB, dialectName string) *store.DB {
	t.Helper()
	return OpenURL(t, MigratedURL(t, dialectName))
}

// OpenURL opens a database for the duration of the test.
func OpenURL(t testing.TB, url string) *store.DB {
	t.Helper()
	// Few connections: many tests share a server.
	db, err := store.Open(t.Context(), url, store.Options{MaxOpen: 8, AppName: "aliatest"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

// MigratedURL is the URL of a fresh, migrated database.
func MigratedURL(t testing.TB, dialectName string) string {
	t.Helper()
	if dialectName == dialect.SQLite {
		return copySQLite(t)
	}
	template, err := migratedTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return createDatabase(t, template)
}

// PostgresURL is the URL of a fresh, empty PostgreSQL database.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return createDatabase(t, "template0")
}

// SQLitePath is where a fresh SQLite database may be created.
func SQLitePath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "aliaport.db")
}

// RedisAddr is the host:port of a Redis server. Tests share it: take keys of your own.
func RedisAddr(t testing.TB) string {
	t.Helper()
	server, err := redis()
	if err != nil {
		t.Fatal(err)
	}
	return server.at
}

// The servers and templates are made by the first test that needs them. The
// servers stop when the process ends.
var (
	postgres = sync.OnceValues(func() (running, error) {
		return orStart(os.Getenv("ALIAPORT_TEST_POSTGRES_URL"), server.StartPostgres)
	})
	redis = sync.OnceValues(func() (running, error) {
		return orStart(os.Getenv("ALIAPORT_TEST_REDIS_ADDR"), server.StartRedis)
	})
	migratedTemplate = sync.OnceValues(makeTemplate)
	migratedFile     = sync.OnceValues(makeFile)
)

// running is a server. It ends when stop is garbage collected.
type running struct {
	at   string
	stop func() error
}

func orStart(given string, start func(context.Context) (string, func() error, error)) (running, error) {
	if given != "" {
		return running{at: given}, nil
	}
	at, stop, err := start(context.Background())
	return running{at, stop}, err
}

// makeTemplate migrates the database that others are copied from.
func makeTemplate() (name string, err error) {
	ctx := context.Background()
	name = "aliatest_template_" + suffix()
	if err := onServer(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	url, err := databaseURL(name)
	if err != nil {
		return "", err
	}
	return name, migrated(ctx, url)
}

// makeFile is the content of a migrated SQLite database.
func makeFile() ([]byte, error) {
	dir, err := os.MkdirTemp("", "aliatest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "aliaport.db")
	if err := migrated(context.Background(), "sqlite://"+path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// migrated brings a database to the current schema and lets go of it.
func migrated(ctx context.Context, url string) error {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		_ = db.Close() // the first error tells
		return err
	}
	return db.Close()
}

func copySQLite(t testing.TB) string {
	t.Helper()
	content, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	path := SQLitePath(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite://" + path
}

func createDatabase(t testing.TB, template string) string {
	t.Helper()
	name := "aliatest_" + suffix()
	if err := onServer(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's context has ended.
		if err := onServer(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	url, err := databaseURL(name)
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// onServer runs a statement that concerns whole databases.
func onServer(ctx context.Context, statement string) error {
	server, err := postgres()
	if err != nil {
		return err
	}
	connector, err := pq.NewConnector(server.at)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	if _, err := db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// databaseURL is the server's URL with another database.
func databaseURL(name string) (string, error) {
	server, err := postgres()
	if err != nil {
		return "", err
	}
	u, err := url.Parse(server.at)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func suffix() string { return strings.ToLower(rand.Text()[:12]) }

// Rows are the rows of a query as text. NULL is "".
func Rows(t testing.TB, db *sql.DB, query string, args ...any) [][]string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for rows.Next() {
		values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(columns))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
