package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditarchive"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/audit"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

// Variables that turn the test's program into a process that archives and dies.
const (
	dieAt      = "ALIAPORT_TEST_ARCHIVE_DIE_AT"
	childURL   = "ALIAPORT_TEST_ARCHIVE_URL"
	childDir   = "ALIAPORT_TEST_ARCHIVE_DIR"
	notReached = 7 // exit code of a child that lived
)

func TestMain(m *testing.M) {
	if os.Getenv(dieAt) != "" {
		os.Exit(child())
	}
	os.Exit(m.Run())
}

// child archives until it reaches the step and is killed there by SIGKILL.
func child() int {
	ctx := actor.With(context.Background(), actor.System("archive"))
	db, err := store.Open(ctx, os.Getenv(childURL), store.Options{MaxOpen: 4})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s := service(db, os.Getenv(childDir))
	s.reached = func(p step) {
		if string(p) == os.Getenv(dieAt) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if _, err := s.Run(ctx, nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return notReached
}

// clock is when the tests archive: January to March are past the retention then.
var clock = time.Date(2026, 7, 2, 3, 30, 0, 0, time.UTC)

const retention = 90 * 24 * time.Hour

func service(db *store.DB, dir string) *Service {
	return &Service{DB: db, Now: func() time.Time { return clock }, Log: slog.New(slog.DiscardHandler), Dir: dir, Retention: retention}
}

func system(t testing.TB) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.System("archive"))
}

// kind is how a database keeps the trail.
type kind struct {
	dialect     string
	partitioned bool // by month, as a server does; otherwise all are in the default partition
}

var kinds = map[string]kind{
	"sqlite":                              {dialect.SQLite, false},
	"postgres with partitions":            {dialect.Postgres, true},
	"postgres with the default partition": {dialect.Postgres, false},
}

// eachKind runs the test on each, in parallel.
func eachKind(t *testing.T, test func(t *testing.T, k kind)) {
	t.Helper()
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, k)
		})
	}
}

// open opens a database with the given numbers of events in the months from January
// 2026 on, and its URL.
func open(t testing.TB, k kind, perMonth ...int) (*store.DB, string) {
	t.Helper()
	url := aliatest.MigratedURL(t, k.dialect)
	db := aliatest.OpenURL(t, url)
	fill(t, db, k, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), perMonth...)
	return db, url
}

func fill(t testing.TB, db *store.DB, k kind, first time.Time, perMonth ...int) {
	t.Helper()
	if k.partitioned {
		if _, err := migrate.EnsureAuditPartitions(t.Context(), db.Writer(), first, len(perMonth)-1); err != nil {
			t.Fatal(err)
		}
	}
	_, err := db.BulkInsert(t.Context(), auditevent.Table, audit.Columns, func(yield func([]any, error) bool) {
		id, r := int64(0), rand.New(rand.NewPCG(1, 2))
		for i, n := range perMonth {
			month := first.AddDate(0, i, 0)
			length := month.AddDate(0, 1, 0).Sub(month)
			for j := range n {
				id++
				at := month.Add(length / time.Duration(n) * time.Duration(j)).Add(time.Duration(r.IntN(1000)) * time.Microsecond)
				if j == 0 {
					at = month // what begins a month belongs to it
				}
				if !yield(audit.Values(synthetic(r, id, at)), nil) {
					return
				}
			}
		}
	})
	if err == nil { // what is recorded from now on has higher ids
		err = db.InTx(t.Context(), func(tx *ent.Tx) error {
			return startAt(t.Context(), tx, db.Dialect(), auditevent.Table, 10_000_000)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// synthetic makes an event with all that a line may hold.
func synthetic(r *rand.Rand, id int64, at time.Time) *ent.AuditEvent {
	texts := []string{"", "İĞÜŞÖÇ ığüşöç", "=HYPERLINK(\"x\")", "tab\tand \"quotes\"", "a\nline", "<b>&amp;</b>", "\u2028😀", `back\slash`}
	text := func() string { return texts[r.IntN(len(texts))] }
	e := &ent.AuditEvent{
		ID: id, CreatedAt: at.Truncate(time.Microsecond), Roles: "OPERASYON", Method: "GRAPHQL", Path: "/graphql#" + text(), Action: "update",
		Resource: "work_order", Outcome: []auditevent.Outcome{audit.OK, audit.OK, audit.Denied, audit.Failed}[r.IntN(4)],
		StatusCode: 200 + r.IntN(300), DurationMs: r.IntN(500), RequestID: fmt.Sprintf("istek-%08d", id),
	}
	if r.IntN(2) == 0 {
		e.UserID, e.EntityID = new(1+r.Int64N(30)), new(fmt.Sprint(r.IntN(5000)))
	}
	if r.IntN(2) == 0 {
		e.IP, e.UserAgent = new("192.0.2.7"), new(text())
	}
	if r.IntN(2) == 0 {
		changes, err := json.Marshal(map[string]any{"subject": []any{nil, text()}, "amount": []any{"1.50", "2.00"}, "count": []any{r.IntN(9), 1.5}, text(): []any{true, nil}})
		if err != nil {
			panic(err)
		}
		e.Changes = changes
	}
	if r.IntN(3) == 0 {
		e.Extra = json.RawMessage(`{"b":1e2,"a":[1.50,-0,0.0,1E-3,-2.50e1,123456789012345678901234567890],"ş":{"z":"","y":null,"b":"` + "\u2029" + `"}}`)
	}
	return e
}

// lines are the events of a database that the service archives, in canonical form
// and in order.
func lines(t testing.TB, db *store.DB) []string {
	t.Helper()
	var all []string
	err := audit.Walk(t.Context(), db, func(s *sql.Selector) {
		s.Where(sql.NEQ(s.C(auditevent.FieldAction), string(audit.Archive)))
	}, func(e *ent.AuditEvent) error {
		line, err := audit.AppendLine(nil, e)
		all = append(all, string(line))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// sealedLines are those of all segments, which must be whole.
func sealedLines(t testing.TB, s *Service) []string {
	t.Helper()
	var all []string
	for _, a := range s.DB.AuditArchive.Query().Order(auditarchive.ByPosition()).AllX(t.Context()) {
		path := s.path(a)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			path += temporary
		}
		if err := s.matches(t.Context(), path, a); err != nil {
			t.Fatal(err)
		}
		if _, err := s.read(t.Context(), path, func(_ *ent.AuditEvent, line []byte) error {
			all = append(all, string(line))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// sameLines compares and tells the first difference.
func sameLines(t testing.TB, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("%s: %d lines, want %d; line %d is\n%s\nwant\n%s", what, len(got), len(want), i+1, g, w)
		}
	}
}

// sound verifies the archive; nothing may be wrong.
func sound(t testing.TB, s *Service) *Report {
	t.Helper()
	r, err := s.Verify(system(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Faults) > 0 {
		t.Errorf("faults: %v", r.Faults)
	}
	return r
}

// die lets a process archive that is killed at the step. It tells whether the step
// was reached.
func die(t testing.TB, url, dir string, at step) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), dieAt+"="+string(at), childURL+"="+url, childDir+"="+dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	exit := new(exec.ExitError)
	if !errors.As(err, &exit) {
		t.Fatalf("the process ended with %v:\n%s", err, out.String())
	}
	if exit.ExitCode() == notReached {
		return false
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended with %v:\n%s", err, strings.TrimSpace(out.String()))
	}
	return true
}
