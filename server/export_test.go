package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/audit"
	"aliaport/internal/config"
	"aliaport/internal/store"
)

// trail loads n events of January with long texts.
func trail(t *testing.T, db *store.DB, n int) {
	t.Helper()
	extra := json.RawMessage(`{"note":"` + strings.Repeat("ş", 500) + `"}`)
	_, err := db.BulkInsert(t.Context(), auditevent.Table, audit.Columns, func(yield func([]any, error) bool) {
		for i := range n {
			at := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
			if !yield([]any{int64(i + 1), at, nil, "", "CLI", "-", "create", "cari", nil, "OK", 200, 0, "eski-0001", nil, nil, nil, extra}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exported asks for an export over a real connection.
func exported(ctx context.Context, t *testing.T, site *httptest.Server, token string, query url.Values) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, site.URL+"/audit/export?"+query.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Request-Id", "disari-0001")
	r.Header.Set("Accept-Language", "en")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := site.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestTheTrailIsExportedWithItsManifest(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		trail(t, db, 3000)
		server := api.New(t, db)
		site := httptest.NewServer(server.Server.Handler())
		t.Cleanup(site.Close)
		filter := `{"resource": "cari", "createdAt": {"from": "2026-01-01T00:00:10Z", "to": "2026-02-01T00:00:00Z"}}`
		for format, media := range map[string]string{"jsonl": "application/jsonl", "csv": "text/csv"} {
			resp := exported(t.Context(), t, site, server.Token(api.Admin), url.Values{"format": {format}, "filter": {filter}})
			body, err := io.ReadAll(resp.Body)
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), media) ||
				resp.Header.Get("Content-Disposition") != `attachment; filename="audit-20260302T060000Z.`+format+`"` {
				t.Fatalf("%s: %s, %v, error %v", format, resp.Status, resp.Header, err)
			}
			var m audit.Manifest
			if err := json.Unmarshal([]byte(resp.Trailer.Get("X-Export-Manifest")), &m); err != nil {
				t.Fatalf("trailer %v: %v", resp.Trailer, err)
			}
			sum := sha256.Sum256(body)
			if m.Rows != 2990 || *m.FirstID != 11 || *m.LastID != 3000 || m.SHA256 != hex.EncodeToString(sum[:]) || m.Bytes != int64(len(body)) || m.ID != "disari-0001" {
				t.Errorf("%s: manifest %+v", format, m)
			}
			if lines := bytes.Count(body, []byte{'\n'}); format == "jsonl" && lines != 2990 || format == "csv" && lines != 2991 {
				t.Errorf("%s: %d lines", format, lines)
			}
		}
		deeds := db.AuditEvent.Query().Where(auditevent.Action(string(audit.Export))).AllX(t.Context())
		if len(deeds) != 4 || deeds[0].Method != "HTTP" || deeds[0].Path != "/audit/export" || deeds[0].UserID == nil || deeds[0].RequestID != "disari-0001" {
			t.Errorf("in the trail: %v", deeds)
		}
		empty := exported(t.Context(), t, site, server.Token(api.Admin), url.Values{"format": {"jsonl"}, "filter": {`{"resource": "trip"}`}})
		body, err := io.ReadAll(empty.Body)
		if err := empty.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || len(body) > 0 || !strings.Contains(empty.Trailer.Get("X-Export-Manifest"), `"rows":0`) || empty.Header.Get("Content-Disposition") == "" {
			t.Errorf("nothing: %q, %v, %v, error %v", body, empty.Header, empty.Trailer, err)
		}
	})
}

func TestAnExportIsRefusedLikeAnyOperation(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db, func(c *config.Config) { c.RateOperations = 4 })
		site := httptest.NewServer(server.Server.Handler())
		t.Cleanup(site.Close)
		csv := url.Values{"format": {"csv"}}
		for name, c := range map[string]struct {
			token, code string
			query       url.Values
			status      int
		}{
			"by a stranger":      {"", "UNAUTHENTICATED", csv, 401},
			"with a bad token":   {"x.y.z", "UNAUTHENTICATED", csv, 401},
			"without the right":  {server.Token(actor.RoleFinance), "FORBIDDEN", csv, 403},
			"in no format":       {server.Token(api.Admin), "BAD_USER_INPUT", url.Values{}, 400},
			"with a bad filter":  {server.Token(api.Admin), "BAD_USER_INPUT", url.Values{"format": {"csv"}, "filter": {"x"}}, 400},
			"with odd separator": {server.Token(api.Admin), "BAD_USER_INPUT", url.Values{"format": {"csv"}, "separator": {"tab"}}, 400},
		} {
			resp := exported(t.Context(), t, site, c.token, c.query)
			body, err := io.ReadAll(resp.Body)
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if err != nil || resp.StatusCode != c.status || !strings.Contains(string(body), `"code":"`+c.code) && c.token != "x.y.z" {
				t.Errorf("%s: %s %s, error %v", name, resp.Status, body, err)
			}
		}
		for range 5 { // the administrator asked three times above
			resp := exported(t.Context(), t, site, server.Token(api.Admin), csv)
			status := resp.StatusCode
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
			if status == http.StatusTooManyRequests {
				if resp.Header.Get("Retry-After") == "" {
					t.Error("it does not say when to come again")
				}
				break
			}
			if status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		}
		denied := db.AuditEvent.Query().Where(auditevent.Action(string(audit.AccessDenied))).AllX(t.Context())
		if len(denied) != 1 || denied[0].Resource != "audit_event" || denied[0].StatusCode != http.StatusForbidden {
			t.Errorf("in the trail: %v", denied)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/audit/export?format=csv", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+server.Token(api.Admin))
		if answer := server.Send(t, r); answer.Status != http.StatusMethodNotAllowed {
			t.Errorf("HEAD: %d", answer.Status)
		}
	})
}

func TestAClientThatDisappearsEndsItsExport(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		const rows = 40_000 // more than fits into the buffers of a connection
		trail(t, db, rows)
		server := api.New(t, db)
		site := httptest.NewServer(server.Server.Handler())
		t.Cleanup(site.Close)
		ctx, leave := context.WithCancel(t.Context())
		resp := exported(ctx, t, site, server.Token(api.Admin), url.Values{"format": {"jsonl"}})
		if _, err := io.ReadFull(resp.Body, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		leave()
		_ = resp.Body.Close()
		begin := time.Now()
		for {
			last := db.AuditEvent.Query().Where(auditevent.Action(string(audit.Export))).Order(auditevent.ByID(sql.OrderDesc())).FirstX(t.Context())
			if last.Outcome == audit.Failed {
				var extra struct{ Rows int }
				if err := json.Unmarshal(last.Extra, &extra); err != nil || extra.Rows == 0 || extra.Rows >= rows {
					t.Errorf("%d rows were read, error %v", extra.Rows, err)
				}
				t.Logf("%d of %d rows were read; it had ended after %s", extra.Rows, rows, time.Since(begin))
				break
			}
			if time.Since(begin) > 20*time.Second {
				t.Fatalf("it goes on: %v", last)
			}
			time.Sleep(10 * time.Millisecond)
		}
		// The slot is free again.
		again := exported(t.Context(), t, site, server.Token(api.Admin), url.Values{"format": {"csv"}, "filter": {`{"createdAt": {"to": "2026-01-01T00:00:05Z"}}`}})
		body, err := io.ReadAll(again.Body)
		if err := again.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || bytes.Count(body, []byte{'\n'}) != 6 {
			t.Errorf("afterwards: %s, error %v", body, err)
		}
	})
}

// TestASlowReaderGetsItsExport: the time of a request does not bound an export, only
// that of each piece.
func TestASlowReaderGetsItsExport(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	trail(t, db, 6000)
	server := api.New(t, db, func(c *config.Config) {
		c.RequestTimeout, c.WriteTimeout = 300*time.Millisecond, 600*time.Millisecond
	})
	site := httptest.NewUnstartedServer(server.Server.Handler())
	site.Config.WriteTimeout = 600 * time.Millisecond
	site.Start()
	t.Cleanup(site.Close)
	resp := exported(t.Context(), t, site, server.Token(api.Admin), url.Values{"format": {"jsonl"}})
	defer resp.Body.Close()
	total, begin := 0, time.Now()
	for {
		n, err := io.CopyN(io.Discard, resp.Body, 1<<20)
		if total += int(n); err == io.EOF { //nolint:errorlint // CopyN gives it bare
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if took := time.Since(begin); took < 600*time.Millisecond || resp.Trailer.Get("X-Export-Manifest") == "" || !strings.Contains(resp.Trailer.Get("X-Export-Manifest"), fmt.Sprintf(`"bytes":%d`, total)) {
		t.Errorf("%d bytes in %s, trailer %v", total, took, resp.Trailer)
	}
}
