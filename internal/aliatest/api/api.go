// Package api is the part of the test kit that speaks to the whole server as a
// client does, with the clock in the test's hands.
package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/config"
	"aliaport/internal/gate"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
	"aliaport/server"
)

// API is a server over one database. Its users are one a role.
type API struct {
	Server *server.Server
	DB     *store.DB
	Clock  *Clock
	Bank   *aliatest.Bank // where exchange rates are fetched from
	tokens map[string]string
	config *config.Config
}

// Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex // protects t
	now time.Time
}

// Now is the time of the server.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move lets time pass.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Start is the time at which every test begins: a Monday morning in Istanbul.
var Start = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// Admin is the token name of the administrator; the others are the role names.
const Admin = actor.RoleAdmin

// GatePassword is the password of the officer at the gate; the others have none.
const GatePassword = "Vardiya-2026"

// gateHash is its hash, cheap to check.
const gateHash = "$argon2id$v=19$m=64,t=1,p=1$8bO3ENq5RYGUxwkSp8dvtQ$EmQvcjIiVaj5/TIur5T1tMDm9JpmTc0/fr1EOVeLmrw"

// Uncached is for New: a server without a cache, whose statements can be counted.
func Uncached(c *config.Config) { c.Cache = "off" }

// New makes a server with a user for each role. Settings may be changed by adjust.
func New(t testing.TB, db *store.DB, adjust ...func(*config.Config)) *API {
	t.Helper()
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.JWTKey = "a key for tests that is long enough"
	// Tests ask more often than people. Those of the limits set them.
	cfg.RateOperations, cfg.RateCost, cfg.RateLogins = 0, 0, 0
	// Hundreds of servers run at once; each makes room for its cache when it starts.
	cfg.CacheBytes = 4 << 20
	// Reads are written a little later; tests that look at the trail want it to stand still.
	cfg.AuditReads = "none"
	bank := aliatest.NewBank(t)
	cfg.RateSourceURL = bank.URL
	for _, a := range adjust {
		a(cfg)
	}
	clock := &Clock{now: Start}
	srv, err := server.New(server.Deps{Config: cfg, DB: db, Log: slog.New(slog.NewTextHandler(logTo{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), Version: "test", Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a := &API{Server: srv, DB: db, Clock: clock, Bank: bank, tokens: map[string]string{}, config: cfg}
	if err := srv.Users().EnsureRights(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := parameter.Ensure(t.Context(), db, Start); err != nil {
		t.Fatal(err)
	}
	if err := gate.EnsureChecklist(t.Context(), db, Start); err != nil {
		t.Fatal(err)
	}
	for _, role := range actor.RoleNames {
		u, err := srv.Users().Add(t.Context(), strings.ToLower(role)+"@aliaport.example", role, "", role)
		if err != nil {
			t.Fatal(err)
		}
		if role == actor.RoleGate {
			db.User.UpdateOne(u).SetPasswordHash(gateHash).ExecX(t.Context())
		}
		session, err := srv.Users().SignIn(t.Context(), u, 7*24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		a.tokens[role] = session.AccessToken
	}
	return a
}

// Twin is a second server on the same database, with the same users, clock and settings
// but for what is adjusted.
func (a *API) Twin(t testing.TB, adjust func(*config.Config)) *API {
	t.Helper()
	cfg, twin := *a.config, *a
	adjust(&cfg)
	var err error
	twin.config = &cfg
	twin.Server, err = server.New(server.Deps{
		Config: &cfg, DB: a.DB, Log: slog.New(slog.NewTextHandler(logTo{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), Version: "test", Now: a.Clock.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &twin
}

// logTo sends the server's warnings to the test's log.
type logTo struct{ t testing.TB }

func (l logTo) Write(b []byte) (int, error) {
	if l.t.Context().Err() == nil {
		l.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// Token is the access token of the role's user; empty for a stranger.
func (a *API) Token(role string) string { return a.tokens[role] }

// Answer is what came back.
type Answer struct {
	Status     int
	Header     http.Header
	Body       []byte
	Data       json.RawMessage
	Errors     []Error
	Extensions struct {
		Profile struct {
			StatementCount int
			Statements     []struct{ Text string }
		}
	}
}

// Error is a top-level error.
type Error struct {
	Message    string
	Path       []any
	Extensions struct {
		Code      string
		RequestID string
		Retryable bool
	}
}

// Do sends a document as the role's user and reads the answer.
func (a *API) Do(t testing.TB, role, query string, variables map[string]any) *Answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Aliaport-Profile", "1")
	r.Header.Set("Accept-Language", "en")
	if token := a.tokens[role]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return a.Send(t, r)
}

// Send sends any request.
func (a *API) Send(t testing.TB, r *http.Request) *Answer {
	t.Helper()
	w := httptest.NewRecorder()
	a.Server.Handler().ServeHTTP(w, r)
	answer := &Answer{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(answer.Body, answer); err != nil {
			t.Fatalf("not JSON: %v: %s", err, answer.Body)
		}
	}
	return answer
}

// Get sends a document that must succeed and decodes its data.
func (a *API) Get(t testing.TB, role, query string, variables map[string]any, into any) *Answer {
	t.Helper()
	answer := a.Do(t, role, query, variables)
	if len(answer.Errors) > 0 {
		t.Fatalf("errors: %s", answer.Body)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		t.Fatalf("decode %s: %v", answer.Data, err)
	}
	return answer
}
