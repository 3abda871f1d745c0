package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/doctor"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

const jwtKey = "ALIAPORT_JWT_KEY=0123456789abcdef0123456789abcdef"

func TestExitCodesTellWhatWentWrong(t *testing.T) {
	t.Parallel()
	fresh := func(t *testing.T) []string {
		t.Helper()
		return []string{"ALIAPORT_DATABASE_URL=sqlite://" + aliatest.SQLitePath(t)}
	}
	empty := func(t *testing.T) []string {
		t.Helper()
		return []string{"ALIAPORT_DATABASE_URL=" + aliatest.PostgresURL(t), jwtKey}
	}
	bad := func(*testing.T) []string { return []string{"ALIAPORT_LISTEN=x", "ALIAPORT_DEMO=maybe"} }
	for name, tt := range map[string]struct {
		args  string
		env   func(t *testing.T) []string
		code  int
		words []string // in what is printed to either side
	}{
		"no command prints the list":             {args: "", words: []string{"serve", "migrate", "doctor", "version"}},
		"version prints it":                      {args: "version", words: []string{"aliaport ", "go1."}},
		"an unknown command is wrong usage":      {args: "sail", code: exitUsage, words: []string{`unknown command "sail"`}},
		"an unknown flag is wrong usage":         {args: "serve --sail", code: exitUsage, words: []string{"unknown flag: --sail"}},
		"an argument too many is wrong usage":    {args: "serve now", code: exitUsage},
		"a missing argument is wrong usage":      {args: "migrate baseline", code: exitUsage, words: []string{"accepts 1 arg"}},
		"bad settings are told all at once":      {args: "serve", env: bad, code: exitUsage, words: []string{"ALIAPORT_LISTEN", "ALIAPORT_DEMO"}},
		"doctor fails on bad settings":           {args: "doctor", env: bad, code: exitFailed, words: []string{"ALIAPORT_LISTEN", "ALIAPORT_DEMO"}},
		"serving on PostgreSQL needs a key":      {args: "serve --database-url postgres://localhost/x", code: exitUsage, words: []string{"ALIAPORT_JWT_KEY", "openssl rand"}},
		"a database that is away is a failure":   {args: "migrate up --database-url postgres://127.0.0.1:1/x", code: exitFailed, words: []string{"refused"}},
		"status makes no file":                   {args: "migrate status", env: fresh, code: exitFailed, words: []string{"there is no database"}},
		"up makes the file":                      {args: "migrate up", env: fresh, words: []string{"applied", "_initial.sql"}},
		"serving an empty PostgreSQL is refused": {args: "serve", env: empty, code: exitMigrations, words: []string{"pending", "aliaport migrate up"}},
		"status of an empty PostgreSQL":          {args: "migrate status", env: empty, words: []string{"pending", "_initial.sql"}},
		"its check fails":                        {args: "migrate status --check", env: empty, code: exitMigrations},
		"a baseline needs tables":                {args: "migrate baseline 1", env: empty, code: exitFailed, words: []string{"empty"}},
		"lint needs a server for PostgreSQL":     {args: "migrate lint --dialect postgres", code: exitUsage, words: []string{"--dev-url"}},
		"lint looks at the built-in files":       {args: "migrate lint --dialect sqlite", words: []string{"nothing to say"}},
		"lint knows two dialects":                {args: "migrate lint --dialect oracle", code: exitUsage, words: []string{"sqlite or postgres"}},
		"repair makes no file":                   {args: "repair", env: fresh, code: exitFailed, words: []string{"there is no database"}},
		"repair of an empty PostgreSQL":          {args: "repair", env: empty, code: exitMigrations, words: []string{"pending"}},
		"diff of a folder that is not there":     {args: "migrate diff berths --dialect sqlite --dir /nonexistent", code: exitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var env []string
			if tt.env != nil {
				env = tt.env(t)
			}
			code, out := try(t, env, strings.Fields(tt.args)...)
			if code != tt.code {
				t.Errorf("code %d, want %d:\n%s", code, tt.code, out)
			}
			for _, w := range tt.words {
				if !strings.Contains(out, w) {
					t.Errorf("%q is not in\n%s", w, out)
				}
			}
		})
	}
}

func TestMigrationsFromFirstToLast(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return "sqlite://" + aliatest.SQLitePath(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return aliatest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"ALIAPORT_DATABASE_URL=" + url(t)}
			for _, step := range []struct{ args, words string }{
				{"migrate up", "applied"},
				{"migrate up", "nothing to apply"},
				{"migrate status --check", "applied"},
				{"migrate status --json", `"state": "applied"`},
			} {
				if code, out := try(t, env, strings.Fields(step.args)...); code != exitOK || !strings.Contains(out, step.words) {
					t.Fatalf("%s ended with %d:\n%s", step.args, code, out)
				}
			}
		})
	}
}

func TestRepairPutsTheCountsRight(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialectName)
			db := aliatest.OpenURL(t, url)
			if _, err := db.Writer().ExecContext(t.Context(), "INSERT INTO work_order_counts (status, n) VALUES ('DRAFT', 3)"); err != nil {
				t.Fatal(err)
			}
			env := []string{"ALIAPORT_DATABASE_URL=" + url}
			for _, words := range []string{"DRAFT: kept 3, now 0", "the counts were right"} {
				if code, out := try(t, env, "repair"); code != exitOK || !strings.Contains(out, words) {
					t.Errorf("ended with %d, without %q:\n%s", code, words, out)
				}
			}
		})
	}
}

func TestAnAdoptedDatabaseNeedsNoMigration(t *testing.T) {
	t.Parallel()
	url := aliatest.MigratedURL(t, dialect.SQLite)
	db := aliatest.OpenURL(t, url)
	list, err := migrate.Status(t.Context(), db.Reader(), db.Dialect(), migrate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().ExecContext(t.Context(), "DELETE FROM atlas_schema_revisions"); err != nil {
		t.Fatal(err)
	}
	env := []string{"ALIAPORT_DATABASE_URL=" + url}
	if code, out := try(t, env, "migrate", "up"); code != exitMigrations {
		t.Errorf("up ended with %d, want a refusal:\n%s", code, out)
	}
	if code, out := try(t, env, "migrate", "baseline", list[len(list)-1].Version); code != exitOK {
		t.Fatalf("baseline ended with %d:\n%s", code, out)
	}
	if code, out := try(t, env, "migrate", "status", "--check"); code != exitOK {
		t.Errorf("status ended with %d:\n%s", code, out)
	}
}

func TestFilesOfASourceTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../migrations/sqlite")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if code, out := try(t, nil, "migrate", "diff", "nothing", "--dialect", "sqlite", "--dir", dir); code != exitOK || !strings.Contains(out, "nothing to draft") {
		t.Errorf("diff ended with %d:\n%s", code, out)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], append(text, "-- edited\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	lint := []string{"migrate", "lint", "--dialect", "sqlite", "--dir", dir}
	if code, out := try(t, nil, lint...); code != exitMigrations || !strings.Contains(out, "atlas.sum") {
		t.Errorf("lint of an edited file ended with %d:\n%s", code, out)
	}
	if code, out := try(t, nil, "migrate", "hash", "--dir", dir); code != exitOK {
		t.Errorf("hash ended with %d:\n%s", code, out)
	}
	if code, out := try(t, nil, lint...); code != exitOK {
		t.Errorf("lint ended with %d:\n%s", code, out)
	}
	drop := filepath.Join(dir, "29990101000000_drop.sql")
	if err := os.WriteFile(drop, []byte("DROP TABLE `idempotency_keys`;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	try(t, nil, "migrate", "hash", "--dir", dir)
	if code, out := try(t, nil, lint...); code != exitFailed || !strings.Contains(out, "DS102") {
		t.Errorf("lint of a dropped table ended with %d:\n%s", code, out)
	}
}

func TestDoctorAgreesWithItsExitCode(t *testing.T) {
	t.Parallel()
	code, out := try(t, []string{"ALIAPORT_DATABASE_URL=" + aliatest.MigratedURL(t, dialect.SQLite), "ALIAPORT_DATABSE_URL=x"}, "doctor", "--json")
	var found []doctor.Finding
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if (code == exitFailed) != doctor.Failed(found) {
		t.Errorf("ended with %d, found\n%s", code, out)
	}
	if !strings.Contains(out, "ALIAPORT_DATABSE_URL is no setting") {
		t.Errorf("the misspelt variable is not told in\n%s", out)
	}
}

func TestServing(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { t.Helper(); return "sqlite://" + aliatest.SQLitePath(t) },
		"postgres": func(t *testing.T) string { t.Helper(); return aliatest.PostgresURL(t) },
	} {
		t.Run(name+", from an empty database to a signed-in query", func(t *testing.T) {
			t.Parallel()
			env := []string{"ALIAPORT_DATABASE_URL=" + url(t), jwtKey}
			s := start(t, env, "--migrate", "--demo")
			link := regexp.MustCompile(`http://\S+/playground#token=(\S+)`).FindStringSubmatch(s.await(t, "#token="))
			if link == nil {
				t.Fatalf("no link in\n%s", s.printed())
			}
			answer := s.query(t, link[1], `{ viewer { email } workOrders(first: 1) { totalCount } }`)
			if !strings.Contains(answer, "admin@aliaport.example") || strings.Contains(answer, `"totalCount":0`) {
				t.Errorf("answer %s", answer)
			}
			password := regexp.MustCompile(`shown only now: (\S+)`).FindStringSubmatch(s.printed())
			if password == nil {
				t.Fatalf("no password in\n%s", s.printed())
			}
			login := s.query(t, "", `mutation { login(input: {email: "admin@aliaport.example", password: "`+password[1]+`"}) { user { fullName } userErrors { code } } }`)
			if !strings.Contains(login, "Sistem Yöneticisi") {
				t.Errorf("login with the printed password: %s", login)
			}
			s.stop(t)
			for what, secret := range map[string]string{"the password": password[1], "the token": link[1]} {
				if strings.Contains(s.logged(), secret) {
					t.Errorf("%s is in the log", what)
				}
			}

			again := start(t, env)
			printed := again.await(t, "/playground")
			again.stop(t)
			if strings.Contains(printed, "Password") || strings.Contains(printed, "token=") {
				t.Errorf("the second start, without --demo, printed\n%s", printed)
			}
		})
	}
	t.Run("two that start at once on an empty database make one administrator", func(t *testing.T) {
		t.Parallel()
		url := aliatest.PostgresURL(t)
		env := []string{"ALIAPORT_DATABASE_URL=" + url, jwtKey}
		a, b := start(t, env, "--migrate"), start(t, env, "--migrate")
		printed := a.await(t, "/playground") + b.await(t, "/playground")
		a.stop(t)
		b.stop(t)
		if n := strings.Count(printed, "shown only now"); n != 1 {
			t.Errorf("%d passwords were printed, want 1", n)
		}
		db := aliatest.OpenURL(t, url)
		if n := db.User.Query().CountX(t.Context()); n != 1 {
			t.Errorf("%d users, want 1", n)
		}
	})
	t.Run("a port that is taken is a failure, and no link is printed", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		code, out := try(t, []string{"ALIAPORT_DATABASE_URL=sqlite://" + aliatest.SQLitePath(t)},
			"serve", "--listen", taken.Addr().String(), "--admin-listen", freePort(t))
		if code != exitFailed || !strings.Contains(out, "address already in use") || strings.Contains(out, "/playground") {
			t.Errorf("ended with %d:\n%s", code, out)
		}
	})
	t.Run("a key that others can read is refused", func(t *testing.T) {
		t.Parallel()
		path := aliatest.SQLitePath(t)
		if err := os.WriteFile(path+".jwt-key", []byte(strings.Repeat("k", 64)), 0o644); err != nil {
			t.Fatal(err)
		}
		if code, out := try(t, []string{"ALIAPORT_DATABASE_URL=sqlite://" + path}, "serve"); code != exitFailed || !strings.Contains(out, "chmod 600") {
			t.Errorf("ended with %d:\n%s", code, out)
		}
	})
}

func TestStoreGetsTheSettings(t *testing.T) {
	t.Parallel()
	url := aliatest.MigratedURL(t, dialect.Postgres)
	app := &app{environ: []string{"ALIAPORT_DATABASE_URL=" + url, "ALIAPORT_STATEMENT_TIMEOUT=0", "ALIAPORT_DB_MAX_OPEN=3", "ALIAPORT_DB_MAX_IDLE=0"}, stderr: io.Discard}
	cfg, err := app.settings(newVersionCommand(app))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), url, storeOptions(cfg, app.logger(cfg)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var timeout string
	if err := db.Reader().QueryRowContext(t.Context(), "SHOW statement_timeout").Scan(&timeout); err != nil {
		t.Fatal(err)
	}
	if s := db.Reader().Stats(); timeout != "0" || s.MaxOpenConnections != 3 || s.Idle != 0 {
		t.Errorf("statement_timeout %s, pool %+v", timeout, s)
	}
}

// try runs a command to its end and returns its code and all it printed.
func try(t *testing.T, env []string, args ...string) (code int, out string) {
	t.Helper()
	var b buffer
	code = run(t.Context(), args, env, &b, &b)
	return code, b.String()
}

// serving is a server that runs.
type serving struct {
	address        string
	stdout, stderr buffer
	end            context.CancelFunc
	ended          chan int
}

func start(t *testing.T, env []string, flags ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{address: freePort(t), end: cancel, ended: make(chan int, 1)}
	args := append([]string{"serve", "--listen", s.address, "--admin-listen", freePort(t)}, flags...)
	go func() { s.ended <- run(ctx, args, env, &s.stdout, &s.stderr) }()
	t.Cleanup(cancel)
	return s
}

func (s *serving) printed() string { return s.stdout.String() }
func (s *serving) logged() string  { return s.stderr.String() }

// await returns what was printed when it holds the words.
func (s *serving) await(t *testing.T, words string) string {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		if out := s.printed(); strings.Contains(out, words) {
			return out
		}
		select {
		case code := <-s.ended:
			t.Fatalf("the server ended with %d:\n%s", code, s.logged())
		case <-deadline:
			t.Fatalf("%q was not printed:\n%s\n%s", words, s.printed(), s.logged())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *serving) stop(t *testing.T) {
	t.Helper()
	s.end()
	if code := <-s.ended; code != exitOK {
		t.Errorf("the server ended with %d:\n%s", code, s.logged())
	}
}

func (s *serving) query(t *testing.T, token, query string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// buffer may be written to and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
