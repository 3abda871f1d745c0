package doctor_test

import (
	"context"
	"database/sql"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/config"
	"aliaport/internal/doctor"
	"aliaport/internal/store"
	"aliaport/migrations"
)

// want is a finding by its name, judgement and a part of its words.
type want struct {
	name   string
	status doctor.Status
	words  string
}

func TestEveryCauseIsFoundOnSQLite(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cause func(t *testing.T, path string) // on a migrated file
		set   func(t *testing.T, o *doctor.Options)
		env   []string
		want  want
	}{
		"nothing, and the migrations are applied": {want: want{"migrations", doctor.OK, "applied"}},
		"nothing, and the file is read":           {want: want{"database", doctor.OK, "can be read"}},
		"nothing, and the folder is written":      {want: want{"folder", doctor.OK, ""}},
		"nothing, and the library is new enough":  {want: want{"sqlite version", doctor.OK, "3."}},
		"nothing, and the counts are right":       {want: want{"counts", doctor.OK, "those of the work orders"}},
		"a count that is wrong": {
			cause: func(t *testing.T, path string) {
				t.Helper()
				execSQLite(t, path, "UPDATE work_order_counts SET n = 3 WHERE status = 'DRAFT'")
			},
			want: want{"counts", doctor.Fail, "such as DRAFT: 3 are kept, 0 are there"},
		},
		"no file yet is no fault": {
			cause: func(t *testing.T, path string) { t.Helper(); must(t, os.Remove(path)) },
			want:  want{"database", doctor.OK, "does not exist yet"},
		},
		"a file that is no database": {
			cause: func(t *testing.T, path string) {
				t.Helper()
				must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600))
			},
			want: want{"database", doctor.Fail, "no SQLite file"},
		},
		"a folder in place of the file": {
			cause: func(t *testing.T, path string) {
				t.Helper()
				must(t, os.Remove(path))
				must(t, os.Mkdir(path, 0o700))
			},
			want: want{"database", doctor.Fail, "cannot be read"},
		},
		"another journal mode": {
			cause: func(t *testing.T, path string) { t.Helper(); execSQLite(t, path, "PRAGMA journal_mode = DELETE") },
			want:  want{"journal_mode", doctor.Warn, "delete"},
		},
		"an unsafe way to write": {
			env:  []string{"ALIAPORT_SQLITE_SYNCHRONOUS=NORMAL"},
			want: want{"synchronous", doctor.Warn, "NORMAL"},
		},
		"a library that is too old": {
			set:  func(_ *testing.T, o *doctor.Options) { o.SQLite = 9_000_000 },
			want: want{"sqlite version", doctor.Fail, "at least 9.0.0"},
		},
		"a disk that is nearly full": {
			set:  func(_ *testing.T, o *doctor.Options) { o.FreeBytes = 1 << 62 },
			want: want{"disk", doctor.Fail, "needed"},
		},
		"a disk of which little is left": {
			set:  func(_ *testing.T, o *doctor.Options) { o.FreeShare = 1.01 },
			want: want{"disk", doctor.Warn, "less than"},
		},
		"a migration that waits": {
			cause: func(t *testing.T, path string) {
				t.Helper()
				execSQLite(t, path, "DELETE FROM atlas_schema_revisions")
				dropTables(t, path)
			},
			want: want{"migrations", doctor.Warn, "pending"},
		},
		"tables of somebody else": {
			cause: func(t *testing.T, path string) { t.Helper(); execSQLite(t, path, "DELETE FROM atlas_schema_revisions") },
			want:  want{"migrations", doctor.Fail, "baseline"},
		},
		"a migration that was edited": {
			cause: func(t *testing.T, path string) {
				t.Helper()
				execSQLite(t, path, "UPDATE atlas_schema_revisions SET hash = 'h1:other'")
			},
			want: want{"migrations", doctor.Fail, "edited"},
		},
		"a migration of a newer program": {
			cause: func(t *testing.T, path string) {
				t.Helper()
				execSQLite(t, path, `INSERT INTO atlas_schema_revisions SELECT '29990101000000', 'future', type, applied, total, executed_at, execution_time,
					error, error_stmt, hash, partial_hashes, operator_version FROM atlas_schema_revisions LIMIT 1`)
			},
			want: want{"migrations", doctor.Fail, "29990101000000_future"},
		},
		"a migration that does not fit atlas.sum": {
			set:  func(t *testing.T, o *doctor.Options) { t.Helper(); o.Migrations = tampered(t, dialect.SQLite) },
			want: want{"migrations", doctor.Fail, "atlas.sum"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialect.SQLite)
			if tt.cause != nil {
				tt.cause(t, strings.TrimPrefix(url, "sqlite://"))
			}
			found := check(t, tt.set, append(tt.env, "ALIAPORT_DATABASE_URL="+url)...)
			expect(t, found, tt.want)
		})
	}
}

func TestEveryCauseIsFoundOnPostgres(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		cause string                                     // run on a migrated database; %s is its name
		url   func(t *testing.T, migrated string) string // the one to look at instead
		set   func(t *testing.T, o *doctor.Options)
		env   []string
		want  want
	}{
		"nothing, and it answers":                 {want: want{"database", doctor.OK, "answers"}},
		"nothing, and the migrations are applied": {want: want{"migrations", doctor.OK, "applied"}},
		"nothing, and the version will do":        {want: want{"postgresql version", doctor.OK, ""}},
		"nothing, and the clocks agree":           {want: want{"clock", doctor.OK, ""}},
		"nothing, and it can be written":          {want: want{"writable", doctor.OK, ""}},
		"nothing, and the pool fits":              {want: want{"connections", doctor.OK, "30 of"}},
		"nothing, and statements are ended":       {want: want{"statement_timeout", doctor.OK, "30s"}},
		"nothing, and the extension is there":     {want: want{"pg_trgm", doctor.OK, ""}},
		"nothing, and the partitions are there":   {want: want{"audit partitions", doctor.OK, ""}},
		"nothing, and the encoding keeps all":     {want: want{"encoding", doctor.OK, "UTF8"}},
		"nothing, and the counts are right":       {want: want{"counts", doctor.OK, "those of the work orders"}},
		"a count that is wrong": {
			cause: "INSERT INTO work_order_counts (status, n) VALUES ('DRAFT', 3)",
			want:  want{"counts", doctor.Fail, "such as DRAFT: 3 are kept, 0 are there"},
		},
		"a server for tests, which may lose its data": {want: want{"durability", doctor.Fail, "fsync is off"}},
		"commits that are not waited for": {
			cause: "ALTER DATABASE %s SET synchronous_commit = off",
			want:  want{"durability", doctor.Warn, "synchronous_commit is off"},
		},
		"a server that is too old": {
			set:  func(_ *testing.T, o *doctor.Options) { o.Postgres = 990000 },
			want: want{"postgresql version", doctor.Fail, "at least 99"},
		},
		"nobody listens": {
			url: func(t *testing.T, _ string) string {
				t.Helper()
				return "postgres://postgres@" + closedPort(t) + "/x?sslmode=disable"
			},
			want: want{"database", doctor.Fail, "connection refused"},
		},
		"a database that is not there": {
			url:  func(_ *testing.T, url string) string { return strings.Replace(url, "/aliatest_", "/missing_", 1) },
			want: want{"database", doctor.Fail, "createdb"},
		},
		"a user that is not there": {
			url:  func(_ *testing.T, url string) string { return strings.Replace(url, "postgres@", "nobody_at_all@", 1) },
			want: want{"database", doctor.Fail, "correct user and password"},
		},
		"a database that can only be read": {
			cause: "ALTER DATABASE %s SET default_transaction_read_only = on",
			want:  want{"writable", doctor.Fail, "default_transaction_read_only"},
		},
		"a pool that is too large": {
			env:  []string{"ALIAPORT_DB_MAX_OPEN=5000"},
			want: want{"connections", doctor.Fail, "5000 of"},
		},
		"statements without an end, by the URL": {
			url:  func(_ *testing.T, url string) string { return url + "&statement_timeout=0" },
			want: want{"statement_timeout", doctor.Warn, "runaway"},
		},
		"statements without an end, by the settings": {
			env:  []string{"ALIAPORT_STATEMENT_TIMEOUT=0"},
			want: want{"statement_timeout", doctor.Warn, "runaway"},
		},
		"a missing extension": {
			cause: "DROP EXTENSION pg_trgm CASCADE",
			want:  want{"pg_trgm", doctor.Fail, "CREATE EXTENSION"},
		},
		"the other extension missing": {
			cause: "DROP EXTENSION btree_gist CASCADE",
			want:  want{"btree_gist", doctor.Fail, "CREATE EXTENSION"},
		},
		"an encoding without Turkish letters": {
			url:  func(t *testing.T, url string) string { t.Helper(); return latin1(t, url) },
			want: want{"encoding", doctor.Fail, "LATIN1"},
		},
		"a clock that is ahead": {
			set: func(_ *testing.T, o *doctor.Options) {
				o.Now = func() time.Time { return time.Now().Add(-time.Minute) }
			},
			want: want{"clock", doctor.Fail, "ahead"},
		},
		"a clock that is behind": {
			set:  func(_ *testing.T, o *doctor.Options) { o.Now = func() time.Time { return time.Now().Add(time.Minute) } },
			want: want{"clock", doctor.Fail, "behind"},
		},
		"migrations that wait": {
			url:  func(t *testing.T, _ string) string { t.Helper(); return aliatest.PostgresURL(t) },
			want: want{"migrations", doctor.Fail, "pending"},
		},
		"tables of somebody else": {
			cause: "DELETE FROM atlas_schema_revisions",
			want:  want{"migrations", doctor.Fail, "baseline"},
		},
		"a migration that was edited": {
			cause: "UPDATE atlas_schema_revisions SET hash = 'h1:other'",
			want:  want{"migrations", doctor.Fail, "edited"},
		},
		"a migration that does not fit atlas.sum": {
			set:  func(t *testing.T, o *doctor.Options) { t.Helper(); o.Migrations = tampered(t, dialect.Postgres) },
			want: want{"migrations", doctor.Fail, "atlas.sum"},
		},
		"no partition for this month": {
			cause: partition("DROP TABLE ", 0),
			want:  want{"audit partitions", doctor.Warn, "missing: audit_events_"},
		},
		"no partition for the next month": {
			cause: partition("ALTER TABLE audit_events DETACH PARTITION ", 1),
			want:  want{"audit partitions", doctor.Warn, "missing: audit_events_"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialect.Postgres)
			if tt.cause != "" {
				execPostgres(t, url, strings.ReplaceAll(tt.cause, "%s", databaseName(t, url)))
			}
			if tt.url != nil {
				url = tt.url(t, url)
			}
			found := check(t, tt.set, append(tt.env, "ALIAPORT_DATABASE_URL="+url)...)
			expect(t, found, tt.want)
		})
	}
}

func TestEveryOtherCauseIsFound(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  func(t *testing.T) []string
		set  func(t *testing.T, o *doctor.Options)
		want want
	}{
		"settings that can be used": {want: want{"settings", doctor.OK, ""}},
		"a setting that cannot": {
			env:  func(*testing.T) []string { return []string{"ALIAPORT_LOG_LEVEL=LOUD"} },
			want: want{"settings", doctor.Fail, "ALIAPORT_LOG_LEVEL"},
		},
		"a database URL that cannot, so that nothing is looked at": {
			env:  func(*testing.T) []string { return []string{"ALIAPORT_DATABASE_URL=nowhere"} },
			want: want{"database", doctor.Fail, "was not looked at"},
		},
		"a misspelt setting": {
			set:  func(_ *testing.T, o *doctor.Options) { o.Unknown = []string{"ALIAPORT_LISTN"} },
			want: want{"settings", doctor.Warn, "ALIAPORT_LISTN"},
		},
		"a playground that was not built": {
			set:  func(_ *testing.T, o *doctor.Options) { o.PlaygroundBuilt = false },
			want: want{"playground", doctor.Warn, "make playground"},
		},
		"a playground that was built": {want: want{"playground", doctor.OK, ""}},
		"a playground that nobody wants": {
			env:  func(*testing.T) []string { return []string{"ALIAPORT_PLAYGROUND_ENABLED=false"} },
			set:  func(_ *testing.T, o *doctor.Options) { o.PlaygroundBuilt = false },
			want: want{"playground", doctor.OK, "switched off"},
		},
		"a Redis that answers": {
			env: func(t *testing.T) []string {
				t.Helper()
				return []string{"ALIAPORT_REDIS_URL=redis://" + aliatest.RedisAddr(t)}
			},
			want: want{"redis", doctor.OK, "answers"},
		},
		"a Redis that is away": {
			env: func(t *testing.T) []string {
				t.Helper()
				return []string{"ALIAPORT_REDIS_URL=redis://" + closedPort(t)}
			},
			want: want{"redis", doctor.Fail, "refused"},
		},
		"something else in its place": {
			env:  func(t *testing.T) []string { t.Helper(); return []string{"ALIAPORT_REDIS_URL=redis://" + notRedis(t)} },
			want: want{"redis", doctor.Fail, "start Redis"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"ALIAPORT_DATABASE_URL=sqlite://" + filepath.Join(t.TempDir(), "port.db")}
			if tt.env != nil {
				env = append(env, tt.env(t)...)
			}
			expect(t, check(t, tt.set, env...), tt.want)
		})
	}
}

func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	for name, journal := range map[string]string{"in the mode of the server": "WAL", "in another journal mode": "DELETE"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialect.SQLite)
			path := strings.TrimPrefix(url, "sqlite://")
			execSQLite(t, path, "PRAGMA journal_mode = "+journal)
			before, err := os.ReadFile(path)
			must(t, err)
			check(t, nil, "ALIAPORT_DATABASE_URL="+url)
			after, err := os.ReadFile(path)
			must(t, err)
			if string(before) != string(after) {
				t.Error("the file has changed")
			}
		})
	}
	t.Run("where there is no file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		check(t, nil, "ALIAPORT_DATABASE_URL=sqlite://"+filepath.Join(dir, "data", "port.db"))
		left, err := os.ReadDir(dir)
		must(t, err)
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
}

func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	found := check(t, nil,
		"ALIAPORT_DATABASE_URL=postgres://aliaport:hunter22@"+closedPort(t)+"/x", "ALIAPORT_REDIS_URL=redis://:hunter22@"+closedPort(t))
	var text strings.Builder
	must(t, doctor.WriteText(&text, found))
	if strings.Contains(text.String(), "hunter22") {
		t.Error(text.String())
	}
}

func TestTextShowsTheRemedyBelowItsFinding(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	must(t, doctor.WriteText(&text, []doctor.Finding{
		{Name: "disk", Status: doctor.OK, Detail: "9 GB free"},
		{Name: "redis", Status: doctor.Fail, Detail: "is away", Remedy: "start it"},
	}))
	const want = "ok    disk   9 GB free\nfail  redis  is away\n             → start it\n"
	if text.String() != want {
		t.Errorf("got\n%q, want\n%q", text.String(), want)
	}
}

// check looks with the settings of env.
func check(t *testing.T, set func(*testing.T, *doctor.Options), env ...string) []doctor.Finding {
	t.Helper()
	cfg, faults := config.Load(env, nil)
	o := doctor.Options{Faults: faults, PlaygroundBuilt: true, Now: time.Now}
	if set != nil {
		set(t, &o)
	}
	return doctor.Check(t.Context(), cfg, o)
}

func expect(t *testing.T, found []doctor.Finding, w want) {
	t.Helper()
	for _, f := range found {
		if f.Name != w.name || f.Status != w.status || !strings.Contains(f.Detail+" "+f.Remedy, w.words) {
			continue
		}
		if f.Status != doctor.OK && f.Remedy == "" {
			t.Errorf("%s has no remedy", f.Name)
		}
		if failed := doctor.Failed(found); w.status == doctor.Fail && !failed {
			t.Error("the whole does not fail")
		}
		return
	}
	t.Errorf("no %s %s with %q in\n%+v", w.status, w.name, w.words, found)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// execSQLite runs statements as another program would.
func execSQLite(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statements)
	must(t, err)
}

func dropTables(t *testing.T, path string) {
	t.Helper()
	must(t, os.Remove(path))
	execSQLite(t, path, "PRAGMA journal_mode = WAL")
}

func execPostgres(t *testing.T, url, statement string) {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{MaxOpen: 1})
	must(t, err)
	defer db.Close()
	_, err = db.Writer().ExecContext(t.Context(), statement)
	must(t, err)
}

func databaseName(t *testing.T, url string) (name string) {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{MaxOpen: 1})
	must(t, err)
	defer db.Close()
	must(t, db.Reader().QueryRowContext(t.Context(), "SELECT current_database()").Scan(&name))
	return name
}

// latin1 makes a database on the same server that lacks ş, ğ and İ.
func latin1(t *testing.T, url string) string {
	t.Helper()
	old := databaseName(t, url)
	execPostgres(t, url, "CREATE DATABASE "+old+"_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'")
	t.Cleanup(func() {
		db, err := store.Open(context.Background(), url, store.Options{MaxOpen: 1})
		if err != nil {
			t.Error(err)
			return
		}
		defer db.Close()
		if _, err := db.Writer().ExecContext(context.Background(), "DROP DATABASE "+old+"_latin1 WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return strings.Replace(url, old, old+"_latin1", 1)
}

// partition is a statement on the audit partition of a month to come.
func partition(statement string, ahead time.Month) string {
	now := time.Now().UTC()
	return statement + time.Date(now.Year(), now.Month()+ahead, 1, 0, 0, 0, 0, time.UTC).Format("audit_events_2006_01")
}

// closedPort is a loopback address on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// notRedis is the address of a server that speaks another protocol.
func notRedis(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// tampered is the built-in directory with one more letter in a file.
func tampered(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	dir, err := migrations.For(name)
	must(t, err)
	changed := fstest.MapFS{}
	entries, err := fs.ReadDir(dir, ".")
	must(t, err)
	for _, e := range entries {
		text, err := fs.ReadFile(dir, e.Name())
		must(t, err)
		if strings.HasSuffix(e.Name(), ".sql") {
			text = append(text, "-- x\n"...)
		}
		changed[e.Name()] = &fstest.MapFile{Data: text}
	}
	return changed
}
