package graph_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

var turn = readonly.Order{Reason: "taşınıyor", By: "deniz", Now: calendar.Now}

func readOnly(t *testing.T, db *store.DB) {
	t.Helper()
	if _, err := readonly.On(t.Context(), db, turn); err != nil {
		t.Fatal(err)
	}
}

// refusedReadOnly tells whether the answer is the refusal, with what clients need.
func refusedReadOnly(a *api.Answer) bool {
	return len(a.Errors) == 1 && a.Errors[0].Extensions.Code == "READ_ONLY" && a.Errors[0].Extensions.Retryable && len(a.Errors[0].Path) == 1 &&
		strings.Contains(string(a.Body), `"retryAfterMs":2000`) && string(a.Data) == "null"
}

func TestEveryMutationIsRefusedWhileTheDatabaseIsReadOnly(t *testing.T) {
	t.Parallel()
	s := sdl()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db)
		readOnly(t, db)
		lines := db.AuditEvent.Query().CountX(t.Context())
		for _, f := range s.Mutation.Fields {
			for _, role := range []string{api.Admin, actor.RoleGate, ""} {
				if answer := a.Do(t, role, call(s, "mutation", f), nil); !refusedReadOnly(answer) {
					t.Errorf("%s as %q: %s", f.Name, role, answer.Body)
				}
			}
		}
		for _, f := range s.Query.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if answer := a.Do(t, api.Admin, call(s, "query", f), nil); strings.Contains(string(answer.Body), "READ_ONLY") {
				t.Errorf("%s: %s", f.Name, answer.Body)
			}
		}
		if n := db.AuditEvent.Query().CountX(t.Context()); n != lines {
			t.Errorf("%d lines were added to the trail", n-lines)
		}
		if err := readonly.Off(t.Context(), db, turn); err != nil {
			t.Fatal(err)
		}
		var done struct{ FlushCache struct{ UserErrors []any } }
		a.Get(t, api.Admin, `mutation { flushCache(input: {}) { userErrors { code } } }`, nil, &done)
	})
}

func TestWhatMustBeRecordedIsNotAnsweredWhileTheDatabaseIsReadOnly(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db, func(c *config.Config) { c.AuditReads, c.AuditReadDelay = "sensitive", time.Millisecond })
		api.Fixture(t, db)
		readOnly(t, db)
		for document, refused := range map[string]bool{
			`{ auditEvents { totalCount } }`:           true,
			`{ latestAuditEvents { id } }`:             true,
			`{ cari(cariCode: "C-100") { id } }`:       true,
			`{ workOrders { totalCount } }`:            false,
			`{ viewer { id } dashboard { __typename}}`: false,
		} {
			if answer := a.Do(t, api.Admin, document, nil); refused != strings.Contains(string(answer.Body), "READ_ONLY") {
				t.Errorf("%s: %s", document, answer.Body)
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/audit/export?format=csv", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+a.Token(api.Admin))
		if answer := a.Send(t, r); answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "2" || len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "READ_ONLY" {
			t.Errorf("export: %d %v %s", answer.Status, answer.Header, answer.Body)
		}
	})
}

func TestAWriteThatRacesTheSwitchIsRefusedLikeTheOthers(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	a := api.New(t, db)
	readOnly(t, db)
	// As a request sees it that has begun just before.
	if _, err := db.Writer().ExecContext(t.Context(), `DELETE FROM read_only_state`); err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{
		`mutation { flushCache(input: {}) { userErrors { code } } }`,
		`mutation { createParameter(input: {category: "PORT", code: "P-1", name: "Liman", value: "1"}) { userErrors { code } } }`,
		`mutation { logoutEverywhere { userErrors { code } } }`,
	} {
		if answer := a.Do(t, api.Admin, document, nil); !refusedReadOnly(answer) {
			t.Errorf("%s: %s", document, answer.Body)
		}
	}
}

func TestReadinessAndMetricsTellThatTheDatabaseIsReadOnly(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db)
		see := func(mode, gauge string) {
			t.Helper()
			for path, want := range map[string]string{"/readyz": mode, "/metrics": "\naliaport_read_only " + gauge + "\n"} {
				h := a.Server.Handler()
				if path == "/metrics" {
					h = a.Server.AdminHandler()
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
				if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: %d, without %q", path, w.Code, want)
				}
			}
		}
		see(`"status":"ready"`, "0")
		readOnly(t, db)
		see(`"mode":"read_only"`, "1")
		if err := readonly.Off(t.Context(), db, turn); err != nil {
			t.Fatal(err)
		}
		see(`"status":"ready"`, "0")
	})
}
