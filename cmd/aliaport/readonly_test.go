package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent/workorder"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// command is the program with arguments, on a database.
func command(t *testing.T, url string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ALIAPORT_TEST_AS_PROGRAM=1", "ALIAPORT_DATABASE_URL="+url)
	return cmd
}

// sent is how a request ended.
type sent struct {
	server      int
	began, done time.Time
	subject     string // of a write; empty: a read
	code        string // empty: it was acknowledged
}

// traffic is what clients do and see.
type traffic struct {
	mu  sync.Mutex // protects all
	all []sent
}

func (tr *traffic) note(s sent) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.all = append(tr.all, s)
}

func (tr *traffic) list() []sent {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]sent{}, tr.all...)
}

func codeOf(err error) string {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused.code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestServersGoByTheSwitchWithinASecondAndNothingIsWrittenAfterIt(t *testing.T) {
	t.Parallel()
	for dialectName, servers := range map[string]int{dialect.SQLite: 1, dialect.Postgres: 2} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, aliatest.MigratedURL(t, dialectName), servers, "ALIAPORT_AUDIT_READS=none")
			var clients sync.WaitGroup
			tr, stop := &traffic{}, make(chan struct{})
			const writers, each = 10, 200 * time.Millisecond // 50 a second
			every := func(pause time.Duration, do func(n int)) {
				clients.Go(func() {
					tick := time.NewTicker(pause)
					defer tick.Stop()
					for n := 0; ; n++ {
						select {
						case <-tick.C:
							do(n)
						case <-stop:
							return
						}
					}
				})
			}
			for w := range writers {
				every(each, func(n int) {
					s := sent{server: w % servers, began: time.Now(), subject: fmt.Sprintf("Yazar %d emir %d", w, n)}
					_, err := f.servers[s.server].create(t.Context(), f.admin, s.subject, fmt.Sprintf("yazar-%d-%d", w, n))
					s.code, s.done = codeOf(err), time.Now()
					tr.note(s)
				})
			}
			for server := range servers {
				every(30*time.Millisecond, func(int) {
					s := sent{server: server, began: time.Now()}
					var data any
					s.code = codeOf(f.servers[server].ask(t.Context(), f.admin, "", `{ viewer { id } workOrders(first: 5) { totalCount nodes { woNumber cari { title } } } }`, nil, &data))
					s.done = time.Now()
					tr.note(s)
				})
			}
			switched := func(args ...string) (from, to time.Time) {
				t.Helper()
				var out bytes.Buffer
				cmd := command(t, f.url, args...)
				cmd.Stdout, cmd.Stderr = &out, &out
				from = time.Now()
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out.String())
				}
				return from, time.Now()
			}
			time.Sleep(1500 * time.Millisecond)
			begun, on := switched("readonly", "on", "--reason", "taşınıyor")
			rows := f.db.WorkOrder.Query().Where(workorder.SubjectHasPrefix("Yazar")).CountX(t.Context())
			time.Sleep(1500 * time.Millisecond)
			if n := f.db.WorkOrder.Query().Where(workorder.SubjectHasPrefix("Yazar")).CountX(t.Context()); n != rows {
				t.Errorf("%d orders when the command ended, %d later", rows, n)
			}
			_, off := switched("readonly", "off")
			time.Sleep(1200 * time.Millisecond)
			close(stop)
			clients.Wait()

			subjects := map[string]bool{}
			for _, s := range f.db.WorkOrder.Query().Select(workorder.FieldSubject).StringsX(t.Context()) {
				subjects[s] = true
			}
			var before, refused, after, reads int
			again := make([]time.Duration, servers)
			for _, s := range tr.list() {
				switch {
				case s.subject == "":
					if reads++; s.code != "" {
						t.Errorf("a read at %s: %s", s.began.Sub(on), s.code)
					}
				case s.code == "" && !subjects[s.subject]:
					t.Errorf("%s was acknowledged, and is not there", s.subject)
				case s.code != "" && subjects[s.subject]:
					t.Errorf("%s was refused with %s, and is there", s.subject, s.code)
				case s.code != "" && s.code != "READ_ONLY":
					t.Errorf("%s: %s", s.subject, s.code)
				case s.code == "" && s.began.After(on) && s.done.Before(off.Add(-50*time.Millisecond)) && s.began.Before(off.Add(-time.Second)):
					t.Errorf("%s was acknowledged %s after the switch", s.subject, s.began.Sub(on))
				case s.code == "" && s.done.Before(off.Add(-time.Second)):
					before++
				case s.code == "":
					if after++; again[s.server] == 0 {
						again[s.server] = s.done.Sub(off)
					}
				case s.began.After(off):
					t.Errorf("%s was refused %s after writes were let in again", s.subject, s.began.Sub(off))
				default:
					refused++
				}
			}
			t.Logf("switched in %s (with the start of the program) among 50 writes a second; %d writes before, %d refused, %d after, again after %v; %d reads",
				on.Sub(begun).Round(time.Millisecond), before, refused, after, again, reads)
			if before < 30 || refused < 30 || after < 20 || reads < 50 {
				t.Error("too little was tried")
			}
			for i, p := range f.servers {
				if text := p.output.String(); strings.Contains(text, `"level":"ERROR"`) || strings.Contains(text, "read only") {
					t.Errorf("server %d is not quiet: %s", i, text)
				}
			}
			f.end(t)
		})
	}
}

func TestAServerStartsWhileTheDatabaseIsReadOnly(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			f := newFleetOn(t, aliatest.MigratedURL(t, dialectName), 1)
			order := readonly.Order{Reason: "taşınıyor", By: "deniz", Now: time.Now}
			if _, err := readonly.On(t.Context(), f.db, order); err != nil {
				t.Fatal(err)
			}
			f.restart(t, 0)
			p := f.servers[0]
			var data any
			if err := p.ask(t.Context(), f.admin, "", `{ viewer { id } workOrders { totalCount } }`, nil, &data); err != nil {
				t.Errorf("read: %v", err)
			}
			if _, err := p.create(t.Context(), f.admin, "İlk emir", ""); codeOf(err) != "READ_ONLY" {
				t.Errorf("write: %v", err)
			}
			if out, err := command(t, f.url, "migrate", "up").CombinedOutput(); err == nil || !strings.Contains(string(out), "taşınıyor") {
				t.Errorf("migrate up: %v: %s", err, out)
			}
			if err := readonly.Off(t.Context(), f.db, order); err != nil {
				t.Fatal(err)
			}
			if _, err := p.create(t.Context(), f.admin, "İlk emir", ""); err != nil {
				t.Errorf("write after off: %v", err)
			}
			f.end(t)
		})
	}
}

func TestReadOnlyCommandsTellHowItIs(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialectName)
			says := func(code int, want string, args ...string) string {
				t.Helper()
				var out, errs bytes.Buffer
				got := run(t.Context(), append([]string{"readonly"}, args...), []string{"ALIAPORT_DATABASE_URL=" + url, "ALIAPORT_LOG_LEVEL=ERROR"}, &out, &errs)
				if text := out.String() + errs.String(); got != code || !strings.Contains(text, want) {
					t.Errorf("%v: exit code %d, want %d: %s, want %q in it", args, got, code, text, want)
				}
				return out.String()
			}
			says(exitOK, "takes writes", "status")
			says(exitUsage, "--reason", "on")
			says(exitFailed, "not read only", "off")
			says(exitOK, "read only since", "on", "--reason", "taşınıyor")
			says(exitFailed, "taşınıyor", "on", "--reason", "bir daha")
			var s readonly.State
			if err := json.Unmarshal([]byte(says(exitOK, `"readOnly":true`, "status", "--json")), &s); err != nil || s.Reason != "taşınıyor" || s.By == "" {
				t.Errorf("%+v, %v", s, err)
			}
			says(exitOK, "takes writes", "off")
			if text := says(exitOK, "", "status", "--json"); text != "{\"readOnly\":false}\n" {
				t.Errorf("%q", text)
			}
		})
	}
}

func TestTheSwitchIsOnOrOffWhereverItsProcessIsKilled(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(dialectName, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialectName)
			db := aliatest.OpenURL(t, url)
			api.Fixture(t, db)
			began := time.Now()
			if err := command(t, url, "readonly", "on", "--reason", "ölçü").Run(); err != nil {
				t.Fatal(err)
			}
			takes, is, turns := time.Since(began), true, 0
			for range 20 {
				deed := []string{"readonly", "on", "--reason", "taşınıyor"}
				if is {
					deed = []string{"readonly", "off"}
				}
				cmd := command(t, url, deed...)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(takes/2 + rand.N(takes*3/4))
				_ = cmd.Process.Kill() // it may have ended
				_ = cmd.Wait()         // with the kill
				var on bool
				// What it had begun is undone by the server a moment later.
				deadline := time.Now().Add(5 * time.Second)
				for settled := 0; settled < 3 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
					s, err := readonly.Get(t.Context(), db)
					if err != nil {
						t.Fatal(err)
					}
					if settled++; s.On != on {
						settled = 0
					}
					on = s.On
				}
				if on != is {
					is = on
					turns++
				}
				want := store.None
				if is {
					want = store.ReadOnly
				}
				for _, table := range []string{"cari", "services"} { // which have rows
					_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`UPDATE %s SET id = id`, table))
					if k := store.Classify(err).Kind; k != want {
						t.Errorf("on: %t, a write to %s: %v", is, table, err)
					}
				}
			}
			t.Logf("%d turns of 20 killed ones, each %s long", turns, takes.Round(time.Millisecond))
		})
	}
}
