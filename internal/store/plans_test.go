package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

// journal is a log that is read while it is written.
type journal struct {
	mu sync.Mutex // protects b
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

// line is the first line with a message, or nil.
func (j *journal) line(t *testing.T, message string) map[string]any {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for text := range strings.Lines(j.b.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message {
			return line
		}
	}
	return nil
}

// watched opens a database whose statements are logged; asked is what a request sends.
func watched(t *testing.T, dialectName string, o store.Options) (log *journal, asked func()) {
	t.Helper()
	log = &journal{}
	o.Log = slog.New(slog.NewJSONHandler(log, nil))
	db, err := store.Open(t.Context(), aliatest.MigratedURL(t, dialectName), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	newService(db.Client, "VINC").ExecX(t.Context())
	return log, func() {
		ctx := actor.WithRequest(t.Context(), &actor.Request{ID: "istek-0001"})
		ctx = store.WithStats(ctx, &store.Stats{Cause: func(context.Context) string { return "services" }})
		db.Service.Query().Where(service.NameContains("gizli")).AllX(ctx)
		db.Service.Query().Where(service.Code("VINC")).OnlyX(ctx)
	}
}

func TestAProfiledStatementIsLoggedWithAllButItsArguments(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		log, ask := watched(t, dialectName, store.Options{SlowStatement: -1, Profile: true})
		log.b.Reset()
		ask()
		line := log.line(t, "statement")
		if line == nil || line["field"] != "services" || line["request_id"] != "istek-0001" || line["rows"] != 0.0 || line["duration_ms"] == nil ||
			!strings.HasPrefix(fmt.Sprint(line["text"]), "SELECT") {
			t.Errorf("logged %v", line)
		}
		if strings.Contains(log.b.String(), "gizli") || strings.Contains(log.b.String(), "VINC") || strings.Count(log.b.String(), "\n") != 2 {
			t.Errorf("logged %s", &log.b)
		}
	}
}

func TestTheLogShowsHowASlowStatementIsRun(t *testing.T) {
	t.Parallel()
	for dialectName, read := range map[string]string{dialect.SQLite: " services", dialect.Postgres: " on services"} {
		log, ask := watched(t, dialectName, store.Options{SlowStatement: 1})
		var line map[string]any
		for deadline := time.Now().Add(20 * time.Second); line == nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			ask() // while one is asked for, others are not
			line = log.line(t, "plan of slow statement")
			if line != nil && !strings.HasPrefix(fmt.Sprint(line["text"]), "SELECT") { // that of the setting-up
				log.mu.Lock()
				log.b.Reset()
				log.mu.Unlock()
				line = nil
			}
		}
		if line == nil || !strings.Contains(fmt.Sprint(line["plan"]), read) || line["field"] != "services" || line["statement"] == "" {
			t.Errorf("logged %v", line)
		}
		log.mu.Lock()
		if strings.Contains(log.b.String(), "gizli") || strings.Contains(log.b.String(), "VINC") {
			t.Errorf("logged %s", &log.b)
		}
		log.mu.Unlock()
	}
}

func TestAReadOnlyDatabaseRefusesEveryChange(t *testing.T) {
	t.Parallel()
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		url := aliatest.MigratedURL(t, dialectName)
		db, err := store.Open(t.Context(), url, store.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if n := db.Service.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d services", n)
		}
		if err := newService(db.Client, "VINC").Exec(t.Context()); err == nil {
			t.Errorf("%s takes a service", dialectName)
		}
		for _, statement := range []string{"DELETE FROM services", "DROP TABLE audit_events"} {
			if _, err := db.Writer().ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s runs %s", dialectName, statement)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.Open(t.Context(), "sqlite://"+t.TempDir()+"/none.db", store.Options{ReadOnly: true}); err == nil {
		t.Error("makes a file that is not there")
	}
}
