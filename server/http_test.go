package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/store"
	"aliaport/server"
)

// journal keeps what a server logs, line by line.
type journal struct {
	mu    sync.Mutex // protects all fields
	lines []map[string]any
	bad   []string // lines that are no JSON
	more  chan struct{}
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		j.bad = append(j.bad, string(line))
	}
	j.lines = append(j.lines, fields)
	if j.more != nil {
		close(j.more)
		j.more = nil
	}
	return len(line), nil
}

// of are the lines with the message, and a channel that is closed with the next line.
func (j *journal) of(msg string) (lines []map[string]any, more <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if l["msg"] == msg {
			lines = append(lines, l)
		}
	}
	if j.more == nil {
		j.more = make(chan struct{})
	}
	return lines, j.more
}

// await returns the first line with the message.
func (j *journal) await(t *testing.T, msg string) map[string]any {
	t.Helper()
	for {
		lines, more := j.of(msg)
		if len(lines) > 0 {
			return lines[0]
		}
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("never logged: %s", msg)
		}
	}
}

// access is the last line of the access log.
func (j *journal) access(t *testing.T) map[string]any {
	t.Helper()
	lines, _ := j.of("request")
	if len(lines) == 0 {
		t.Fatal("no request was logged")
	}
	return lines[len(lines)-1]
}

// journaled is an API whose server keeps a journal.
func journaled(t *testing.T, db *store.DB, adjust ...func(*server.Deps)) (*api.API, *journal) {
	t.Helper()
	api.Fixture(t, db)
	d := server.Deps{DB: db, Version: "test"}
	a := api.New(t, db, func(c *config.Config) { d.Config = c })
	j := &journal{}
	d.Log, d.Now = slog.New(slog.NewJSONHandler(j, nil)), a.Clock.Now
	for _, f := range adjust {
		f(&d)
	}
	s, err := server.New(d)
	if err != nil {
		t.Fatal(err)
	}
	a.Server = s
	t.Cleanup(func() {
		if len(j.bad) > 0 {
			t.Errorf("log lines that are no JSON: %q", j.bad)
		}
	})
	return a, j
}

// message is a request to be varied.
type message struct {
	method, path, body string
	header             map[string]string
}

// posting is a document as the body of a request.
func posting(document string) string {
	b, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}

// deliver sends the message as the administrator.
func deliver(t *testing.T, a *api.API, m message) *api.Answer {
	t.Helper()
	if m.method == "" {
		m.method = http.MethodPost
	}
	if m.path == "" {
		m.path = "/graphql"
	}
	r := httptest.NewRequestWithContext(t.Context(), m.method, m.path, strings.NewReader(m.body))
	r.Header.Set("Authorization", "Bearer "+a.Token(api.Admin))
	r.Header.Set("Content-Type", "application/json")
	for name, v := range m.header {
		r.Header[name] = []string{v} // as it is, whatever the rules for headers
		if v == "" {
			delete(r.Header, name)
		}
	}
	return a.Send(t, r)
}

// visit gets a page that is not of the API.
func visit(t *testing.T, a *api.API, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	a.Server.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return w
}

func TestARequestIDGoesThroughAnswerTrailAndLog(t *testing.T) {
	t.Parallel()
	a, j := journaled(t, aliatest.Open(t, dialect.SQLite))
	const id = "Konsol-7_2026.03"
	answer := deliver(t, a, message{body: posting(making), header: map[string]string{"X-Request-Id": id}})
	if got := answer.Header.Get("X-Request-Id"); got != id || len(answer.Errors) > 0 {
		t.Errorf("the answer has the id %q: %s", got, answer.Body)
	}
	e := a.DB.AuditEvent.Query().Where(auditevent.Resource("work_order")).OnlyX(t.Context())
	if e.RequestID != id {
		t.Errorf("the trail has the id %q", e.RequestID)
	}
	if line := j.access(t); line["request_id"] != id {
		t.Errorf("the log has %v", line)
	}
	refused := deliver(t, a, message{body: posting("{ oops }"), header: map[string]string{"X-Request-Id": id}})
	if len(refused.Errors) != 1 || refused.Errors[0].Extensions.RequestID != id {
		t.Errorf("the error has another id: %s", refused.Body)
	}
}

func TestARequestIDThatIsNotSaneIsReplaced(t *testing.T) {
	t.Parallel()
	a, j := journaled(t, aliatest.Open(t, dialect.SQLite))
	ours := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	given := map[string]bool{}
	for name, id := range map[string]string{
		"none":              "",
		"short":             "abc1234",
		"long":              strings.Repeat("a", 65),
		"endless":           strings.Repeat("a", 10_000),
		"blank":             "abc def ghi",
		"line break":        "abcdefgh\r\nX-Injected: 1",
		"escape":            "abcdefgh\x1b[31m",
		"Turkish letters":   "istekçiğşü",
		"quotes":            `abcdefgh","level":"ERROR`,
		"SQL":               "a'; DROP TABLE users; --",
		"markup":            "<script>alert(1)</script>",
		"several in a line": "abcdefgh, abcdefgi",
	} {
		answer := deliver(t, a, message{body: posting("{ oops }"), header: map[string]string{"X-Request-Id": id}})
		got := answer.Header.Get("X-Request-Id")
		if !ours.MatchString(got) || given[got] {
			t.Errorf("%s: replaced by %q", name, got)
		}
		given[got] = true
		if len(answer.Errors) != 1 || answer.Errors[0].Extensions.RequestID != got {
			t.Errorf("%s: the error has another id than %s: %s", name, got, answer.Body)
		}
		if line := j.access(t); line["request_id"] != got {
			t.Errorf("%s: logged as %v", name, line["request_id"])
		}
	}
	for _, id := range []string{"abcd1234", strings.Repeat("Z", 64), "0.1-2_3.4"} {
		if got := deliver(t, a, message{body: posting("{ oops }"), header: map[string]string{"X-Request-Id": id}}).Header.Get("X-Request-Id"); got != id {
			t.Errorf("%s is sane and was replaced by %q", id, got)
		}
	}
}

func TestMessagesAreInTheLanguageOfTheReader(t *testing.T) {
	t.Parallel()
	a, _ := journaled(t, aliatest.Open(t, dialect.SQLite))
	const refused = `mutation { createWorkOrder(input: {cariCode: "YOK", subject: "Römorkaj"}) { userErrors { message } } }`
	tr, en := []string{"İstek anlaşılamadı.", "Cari bulunamadı."}, []string{"The request cannot be understood.", "There is no such customer account."}
	for header, want := range map[string][]string{
		"": tr, "tr": tr, "tr-TR,tr;q=0.9,en;q=0.8": tr, "en": en, "en-GB,en;q=0.9": en, "EN-us": en, "tr;q=0.5,en;q=0.9": en,
		"de": tr, "de,en;q=0.5": en, "*": tr, "çok bozuk;;q=,": tr, strings.Repeat("en,", 1000): en, "en;q=0, tr": tr,
	} {
		top := deliver(t, a, message{body: "{", header: map[string]string{"Accept-Language": header}})
		if len(top.Errors) != 1 || top.Errors[0].Message != want[0] {
			t.Errorf("%.40q: %s", header, top.Body)
		}
		user := deliver(t, a, message{body: posting(refused), header: map[string]string{"Accept-Language": header}})
		if !strings.Contains(string(user.Body), want[1]) {
			t.Errorf("%.40q: %s", header, user.Body)
		}
	}
}

func TestTheAccessLogSaysWhoAskedWhatAndHowItWent(t *testing.T) {
	t.Parallel()
	a, j := journaled(t, aliatest.Open(t, dialect.SQLite))
	visit(t, a, "/healthz")
	plain := j.access(t)
	for field, want := range map[string]any{"level": "INFO", "method": "GET", "path": "/healthz", "status": 200.0, "ip": "192.0.2.1"} {
		if plain[field] != want {
			t.Errorf("/healthz: %s is %v, want %v", field, plain[field], want)
		}
	}
	if _, ok := plain["operation"]; ok {
		t.Errorf("/healthz has an operation: %v", plain)
	}
	var viewer struct{ Viewer struct{ ID string } }
	a.Get(t, api.Admin, `{ viewer { id } }`, nil, &viewer)

	const secret = "gizli-bilgi"
	ok := deliver(t, a, message{body: `{"query": "query Liste($s: String) { workOrders(filter: {search: $s}) { totalCount } }", "variables": {"s": "` + secret + `"}}`})
	line := j.access(t)
	for field, want := range map[string]any{
		"method": "POST", "path": "/graphql", "status": 200.0, "bytes": float64(len(ok.Body)), "operation": "Liste", "kind": "query", "code": "OK",
		"user": 1.0, "statements": 2.0, "request_id": ok.Header.Get("X-Request-Id"),
	} {
		if line[field] != want {
			t.Errorf("%s is %v, want %v", field, line[field], want)
		}
	}
	for _, field := range []string{"duration_ms", "sql_ms"} {
		if n, ok := line[field].(float64); !ok || n < 0 {
			t.Errorf("%s is %v", field, line[field])
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, fmt.Sprint(line["time"])); err != nil {
		t.Errorf("time is %v", line["time"])
	}

	failed := deliver(t, a, message{body: posting(`mutation Sil { deleteWorkOrder(input: {id: "` + secret + `", version: 1}) { userErrors { code } } }`)})
	line = j.access(t)
	if line["operation"] != "Sil" || line["kind"] != "mutation" || line["code"] != "BAD_USER_INPUT" {
		t.Errorf("%s was logged as %v", failed.Body, line)
	}
	lines, _ := j.of("request")
	for _, l := range lines {
		if text := fmt.Sprint(l); strings.Contains(text, secret) || strings.Contains(text, a.Token(api.Admin)) {
			t.Errorf("the log keeps what it must not: %s", text)
		}
	}
}

func TestMetricsCountRequestsAndOperations(t *testing.T) {
	t.Parallel()
	a, _ := journaled(t, aliatest.Open(t, dialect.SQLite))
	for range 3 {
		deliver(t, a, message{body: posting(listing)})
	}
	deliver(t, a, message{body: posting(making)})
	deliver(t, a, message{body: posting("{ oops }")})
	deliver(t, a, message{body: "{"})
	deliver(t, a, message{method: "BREW"})
	visit(t, a, "/readyz")
	w := httptest.NewRecorder()
	a.Server.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for _, want := range []string{
		`aliaport_http_requests_total{method="POST",status="200"} 5`,
		`aliaport_http_requests_total{method="POST",status="400"} 1`,
		`aliaport_http_requests_total{method="other",status="405"} 1`,
		`aliaport_http_requests_total{method="GET",status="200"} 1`,
		`aliaport_http_request_duration_seconds_count{method="POST"} 6`,
		`aliaport_graphql_operations_total{code="OK",operation="anonymous",type="query"} 3`,
		`aliaport_graphql_operations_total{code="OK",operation="anonymous",type="mutation"} 1`,
		`aliaport_graphql_operations_total{code="GRAPHQL_VALIDATION_FAILED",operation="anonymous",type="none"} 1`,
		`aliaport_graphql_statements_count{type="query"} 3`,
		`go_sql_open_connections{db_name="writer"} 1`, `go_sql_open_connections{db_name="reader"}`, "go_goroutines", "process_open_fds",
	} {
		if !strings.Contains(w.Body.String(), "\n"+want) {
			t.Errorf("no %s in\n%s", want, grep(w.Body.String(), "aliaport_.*(total|count)"))
		}
	}
	if public := visit(t, a, "/metrics"); public.Code != http.StatusNotFound {
		t.Errorf("metrics on the public listener: status %d", public.Code)
	}
}

func grep(text, pattern string) string {
	return strings.Join(regexp.MustCompile("(?m)^"+pattern+".*$").FindAllString(text, -1), "\n")
}

func TestWhatIsNoGraphQLRequestIsRefusedWithoutAnEcho(t *testing.T) {
	t.Parallel()
	const secret = "gizli-bilgi"
	a, _ := journaled(t, aliatest.Open(t, dialect.SQLite), func(d *server.Deps) { d.Config.MaxBodyBytes = 2048 })
	fill := func(size int) string { // a request of exactly that size
		head := `{"query": "{ __typename }", "extensions": {"` + secret + `": "`
		return head + strings.Repeat("a", size-len(head)-len(`"}}`)) + `"}}`
	}
	type headers = map[string]string
	for name, tt := range map[string]struct {
		message
		status int
		code   string
		allow  string
	}{
		"body as large as allowed":   {message: message{body: fill(2048)}, status: 200},
		"body a byte larger":         {message: message{body: fill(2049)}, status: 413, code: "PAYLOAD_TOO_LARGE"},
		"charset given":              {message: message{body: posting("{ __typename }"), header: headers{"Content-Type": "application/json; charset=UTF-8"}}, status: 200},
		"another charset":            {message: message{body: posting(secret), header: headers{"Content-Type": "application/json; charset=iso-8859-9"}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"text":                       {message: message{body: posting(secret), header: headers{"Content-Type": "text/plain"}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"a form":                     {message: message{body: "query=" + secret, header: headers{"Content-Type": "application/x-www-form-urlencoded"}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"a form with files":          {message: message{body: secret, header: headers{"Content-Type": "multipart/form-data; boundary=x"}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"a document alone":           {message: message{body: "{ __typename }", header: headers{"Content-Type": "application/graphql"}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"no content type":            {message: message{body: posting(secret), header: headers{"Content-Type": ""}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"a broken content type":      {message: message{body: posting(secret), header: headers{"Content-Type": secret + ";;="}}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
		"GET with a query":           {message: message{method: "GET", path: "/graphql?query=" + url.QueryEscape("{ __typename }")}, status: 200},
		"GET with a mutation":        {message: message{method: "GET", path: "/graphql?query=" + url.QueryEscape(making)}, status: 405, code: "METHOD_NOT_ALLOWED", allow: "POST"},
		"GET without a query":        {message: message{method: "GET", path: "/graphql"}, status: 400, code: "BAD_REQUEST"},
		"GET with broken variables":  {message: message{method: "GET", path: "/graphql?query=%7B__typename%7D&variables=" + secret}, status: 400, code: "BAD_REQUEST"},
		"PUT":                        {message: message{method: "PUT", body: posting(secret)}, status: 405, code: "METHOD_NOT_ALLOWED", allow: "GET, POST"},
		"DELETE":                     {message: message{method: "DELETE"}, status: 405, code: "METHOD_NOT_ALLOWED", allow: "GET, POST"},
		"an answer in HTML":          {message: message{body: posting(secret), header: headers{"Accept": "text/html"}}, status: 406, code: "BAD_REQUEST"},
		"an answer in event streams": {message: message{body: posting(secret), header: headers{"Accept": "text/event-stream, multipart/mixed"}}, status: 406, code: "BAD_REQUEST"},
		"JSON not wanted":            {message: message{body: posting(secret), header: headers{"Accept": "application/json;q=0"}}, status: 406, code: "BAD_REQUEST"},
		"anything wanted":            {message: message{body: posting("{ __typename }"), header: headers{"Accept": "text/html;q=0.9, */*;q=0.1"}}, status: 200},
		"no body":                    {message: message{body: ""}, status: 400, code: "BAD_REQUEST"},
		"JSON cut off":               {message: message{body: `{"query": "{ ` + secret}, status: 400, code: "BAD_REQUEST"},
		"no JSON":                    {message: message{body: secret}, status: 400, code: "BAD_REQUEST"},
		"JSON and more":              {message: message{body: posting("{ __typename }") + secret}, status: 400, code: "BAD_REQUEST"},
		"a text":                     {message: message{body: `"` + secret + `"`}, status: 400, code: "BAD_REQUEST"},
		"null":                       {message: message{body: `null`}, status: 400, code: "BAD_REQUEST"},
		"a batch":                    {message: message{body: `[` + posting("{ __typename }") + `]`}, status: 400, code: "BAD_REQUEST"},
		"no query":                   {message: message{body: `{"variables": {"x": "` + secret + `"}}`}, status: 400, code: "BAD_REQUEST"},
		"an empty query":             {message: message{body: `{"query": ""}`}, status: 400, code: "BAD_REQUEST"},
		"a query that is a number":   {message: message{body: `{"query": 5, "x": "` + secret + `"}`}, status: 400, code: "BAD_REQUEST"},
		"variables in a list":        {message: message{body: `{"query": "{ __typename }", "variables": ["` + secret + `"]}`}, status: 400, code: "BAD_REQUEST"},
		"an operation name in a map": {message: message{body: `{"query": "{ __typename }", "operationName": {"x": "` + secret + `"}}`}, status: 400, code: "BAD_REQUEST"},
		"bytes that are no UTF-8":    {message: message{body: "{\"query\": \"{ __typename \xff\xfe" + secret}, status: 400, code: "BAD_REQUEST"},
	} {
		answer := deliver(t, a, tt.message)
		if answer.Status != tt.status || answer.Header.Get("Allow") != tt.allow {
			t.Errorf("%s: status %d, allowed %q, want %d and %q: %s", name, answer.Status, answer.Header.Get("Allow"), tt.status, tt.allow, answer.Body)
		}
		if tt.code == "" && len(answer.Errors) > 0 || tt.code != "" && (len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != tt.code) {
			t.Errorf("%s: want the code %q: %s", name, tt.code, answer.Body)
		}
		if bytes.Contains(answer.Body, []byte(secret)) || len(answer.Data) > 0 && tt.code != "" {
			t.Errorf("%s: answered %s", name, answer.Body)
		}
		if media := answer.Header.Get("Content-Type"); media != "application/json; charset=utf-8" {
			t.Errorf("%s: answered as %s", name, media)
		}
	}
	if n := a.DB.WorkOrder.Query().CountX(t.Context()); n > 0 {
		t.Errorf("GET made %d work orders", n)
	}
}

// A client that has no length for its body is cut off at the same size.
func TestABodyOfUnknownLengthIsCutOff(t *testing.T) {
	t.Parallel()
	a, _ := journaled(t, aliatest.Open(t, dialect.SQLite), func(d *server.Deps) { d.Config.MaxBodyBytes = 2048 })
	web := httptest.NewServer(a.Server.Handler())
	t.Cleanup(web.Close)
	var read atomic.Int64
	endless := readerFunc(func(b []byte) (int, error) {
		if read.Add(int64(len(b))) > 64<<20 {
			return 0, errors.New("it goes on reading")
		}
		for i := range b {
			b[i] = ' '
		}
		return len(b), nil
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+"/graphql", endless)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := web.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || read.Load() > 64<<20 {
		t.Errorf("status %s after %d bytes", resp.Status, read.Load())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestErrorsSayNothingOfTheDatabase(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a, j := journaled(t, db)
		if _, err := db.Writer().ExecContext(t.Context(), "ALTER TABLE work_orders RENAME TO hidden_orders"); err != nil {
			t.Fatal(err)
		}
		requests := 0
		failed := func(document string) {
			t.Helper()
			requests++
			id := fmt.Sprintf("istek-%04d", requests)
			answer := deliver(t, a, message{body: posting(document), header: map[string]string{"X-Request-Id": id}})
			if len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != "INTERNAL" {
				t.Errorf("want INTERNAL: %s", answer.Body)
			}
			discreet(t, string(answer.Body))
			// What the client must not see, the operator finds by the id.
			lines, _ := j.of("field failed")
			if !slices.ContainsFunc(lines, func(l map[string]any) bool { return l["request_id"] == id && l["err"] != nil && l["level"] == "ERROR" }) {
				t.Errorf("the failure of %s is not in the log: %v", id, lines)
			}
		}
		failed(listing)
		failed(making)
		failed(`{ node(id: "V29ya09yZGVyOjE") { id } }`)
		failed(`{ workOrder(woNumber: "WO-2026-00001") { id } }`)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		failed(listing)
		failed(making)
		failed(`mutation { login(input: {email: "admin@aliaport.example", password: "yanlış parola"}) { accessToken } }`)
		w := visit(t, a, "/readyz")
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("/readyz: status %d: %s", w.Code, w.Body)
		}
		discreet(t, w.Body.String())
	})
}

func TestTheProfileIsForHoldersOfJobRun(t *testing.T) {
	t.Parallel()
	a, _ := journaled(t, aliatest.Open(t, dialect.SQLite))
	const document = `{ workOrders { totalCount } viewer { id } }`
	for _, role := range append(slices.Clone(actor.RoleNames), "") {
		for _, wanted := range []string{"", "1", "plans"} {
			answer := deliver(t, a, message{body: posting(document), header: map[string]string{
				"X-Aliaport-Profile": wanted, "Authorization": map[bool]string{true: "Bearer " + a.Token(role)}[role != ""],
			}})
			var shown struct {
				Extensions struct {
					Profile *struct {
						StatementCount int
						SQLMs          *float64
						Statements     []struct {
							Text       string
							DurationMs *float64
							Rows       *int
							Plan       string
						}
					}
				}
			}
			if err := json.Unmarshal(answer.Body, &shown); err != nil {
				t.Fatal(err)
			}
			p := shown.Extensions.Profile
			if (p != nil) != (role == api.Admin && wanted != "") {
				t.Errorf("%s asked with %q and was shown: %s", role, wanted, answer.Body)
			}
			if p != nil && (p.StatementCount != 2 || len(p.Statements) != 2 || p.SQLMs == nil || !strings.HasPrefix(p.Statements[0].Text, "SELECT") ||
				p.Statements[0].DurationMs == nil || p.Statements[0].Rows == nil ||
				strings.Contains(p.Statements[0].Plan, " USING ") != (wanted == "plans")) {
				t.Errorf("the profile is %s", answer.Body)
			}
		}
	}
}

// running is a server that listens, whose next request can be held up.
type running struct {
	*api.API
	log     *journal
	address string
	stop    context.CancelFunc
	ended   chan error
	held    chan struct{} // closed when the request that is held up has come in
	release chan struct{}
	hold    atomic.Bool
}

func runServer(t *testing.T, grace time.Duration) *running {
	t.Helper()
	r := &running{ended: make(chan error, 1), held: make(chan struct{}), release: make(chan struct{})}
	r.API, r.log = journaled(t, aliatest.Open(t, dialect.SQLite), func(d *server.Deps) {
		d.Config.Listen, d.Config.AdminListen, d.Config.ShutdownTimeout = "127.0.0.1:0", "127.0.0.1:0", grace
		clock := d.Now
		d.Now = func() time.Time { // what every request asks for first
			if r.hold.CompareAndSwap(true, false) {
				close(r.held)
				<-r.release
			}
			return clock()
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.ended <- r.Server.Run(ctx, nil) }()
	line := r.log.await(t, "listening")
	r.address = fmt.Sprint(line["api"])
	if admin := fmt.Sprint(line["admin"]); admin == r.address || strings.HasSuffix(admin, ":0") {
		t.Fatalf("it listens on %s and %s", r.address, admin)
	}
	return r
}

// post sends a document over the network and returns the status and the body.
func (r *running) post(t *testing.T, document string) (int, string, error) {
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, "http://"+r.address+"/graphql", strings.NewReader(posting(document)))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+r.Token(api.Admin))
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestARunningRequestIsFinishedBeforeTheServerStops(t *testing.T) {
	t.Parallel()
	r := runServer(t, time.Minute)
	if status, body, err := r.post(t, making); err != nil || status != http.StatusOK || !strings.Contains(body, "WO-2026-00001") {
		t.Fatalf("status %d: %s, error %v", status, body, err)
	}
	type reply struct {
		status int
		body   string
		err    error
	}
	replies := make(chan reply, 1)
	r.hold.Store(true)
	go func() {
		status, body, err := r.post(t, making)
		replies <- reply{status, body, err}
	}()
	<-r.held
	r.stop()
	r.log.await(t, "stopping")
	if ready := visit(t, r.API, "/readyz"); ready.Code != http.StatusServiceUnavailable || !strings.Contains(ready.Body.String(), "stopping") {
		t.Errorf("/readyz while it stops: status %d: %s", ready.Code, ready.Body)
	}
	if alive := visit(t, r.API, "/healthz"); alive.Code != http.StatusOK {
		t.Errorf("/healthz while it stops: status %d: %s", alive.Code, alive.Body)
	}
	select {
	case err := <-r.ended:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(r.release)
	if got := <-replies; got.err != nil || got.status != http.StatusOK || !strings.Contains(got.body, "WO-2026-00002") {
		t.Errorf("the running request: status %d: %s, error %v", got.status, got.body, got.err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("the server ended with %v", err)
	}
	if c, err := net.Dial("tcp", r.address); err == nil {
		_ = c.Close()
		t.Error("it still takes connections")
	}
}

func TestARequestThatOutlastsTheGraceIsCutOff(t *testing.T) {
	t.Parallel()
	r := runServer(t, time.Millisecond)
	failed := make(chan error, 1)
	r.hold.Store(true)
	go func() {
		_, _, err := r.post(t, listing)
		failed <- err
	}()
	<-r.held
	r.stop()
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "requests still ran") {
		t.Errorf("the server ended with %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
	close(r.release)
}

func TestAnAddressThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, choose := range map[string]func(*config.Config){
		"API":   func(c *config.Config) { c.Listen, c.AdminListen = taken.Addr().String(), "127.0.0.1:0" },
		"admin": func(c *config.Config) { c.Listen, c.AdminListen = "127.0.0.1:0", taken.Addr().String() },
	} {
		a, _ := journaled(t, aliatest.Open(t, dialect.SQLite), func(d *server.Deps) { choose(d.Config) })
		if err := a.Server.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
