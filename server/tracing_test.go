package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/seed"
	"aliaport/internal/store"
)

// collector takes traces as an OpenTelemetry collector does.
type collector struct {
	*httptest.Server

	mu    sync.Mutex // protects all fields below
	spans []*tracepb.Span
	raw   []byte
}

func newCollector(t testing.TB) *collector {
	t.Helper()
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
			var z *gzip.Reader
			if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
				body, err = io.ReadAll(z)
			}
		}
		var got collectorpb.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &got)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw = append(c.raw, body...)
		for _, resource := range got.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// named are the spans with the name.
func (c *collector) named(name string) (found []*tracepb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

// above are the names of a span and those above it.
func (c *collector) above(s *tracepb.Span) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := []string{s.GetName()}
	for range 20 {
		for _, p := range c.spans {
			if bytes.Equal(p.GetSpanId(), s.GetParentSpanId()) {
				s, names = p, append(names, p.GetName())
				break
			}
		}
	}
	return names
}

// traceOf runs a server whose requests are all traced, sends it what ask does, and
// stops it, which sends what it has.
func traceOf(t *testing.T, db *store.DB, ask func(a *api.API), adjust ...func(*config.Config)) *collector {
	t.Helper()
	c := newCollector(t)
	a := api.New(t, db, append([]func(*config.Config){func(cfg *config.Config) {
		cfg.OTELEndpoint, cfg.OTELPercent, cfg.Listen, cfg.AdminListen = c.URL, 100, "127.0.0.1:0", "127.0.0.1:0"
	}}, adjust...)...)
	if _, err := seed.Run(t.Context(), db, a.Server.Users(), seed.Options{WorkOrders: 20, Cari: 5, Services: 5, Seed: 1, Now: api.Start}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	listening, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- a.Server.Run(ctx, func(string) { close(listening) }) }()
	<-listening
	ask(a)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATraceShowsRequestOperationFieldsStatementsAndCache(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		c := traceOf(t, db, func(a *api.API) {
			if got := a.Do(t, api.Admin, firstExample(t), map[string]any{"first": 20}); len(got.Errors) > 0 {
				t.Fatalf("%s", got.Body)
			}
		})
		for name, want := range map[string]string{
			"POST /graphql":    "POST /graphql",
			"query Board":      "query Board < POST /graphql",
			"Query.workOrders": "Query.workOrders < query Board < POST /graphql",
			"WorkOrder.cari":   "WorkOrder.cari < Query.workOrders < query Board < POST /graphql",
		} {
			spans := c.named(name)
			if len(spans) == 0 {
				t.Errorf("no span %s", name)
				continue
			}
			if got := strings.Join(c.above(spans[0]), " < "); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		inField := 0
		for _, s := range c.named("SQL SELECT") {
			if way := strings.Join(c.above(s), " < "); strings.Contains(way, "< Query.workOrders < query Board < POST /graphql") {
				inField++
			} else if !strings.HasSuffix(way, "< POST /graphql") {
				t.Errorf("a statement is nowhere: %s", way)
			}
			if text := attributeOf(s, "db.query.text"); !strings.HasPrefix(text, "SELECT") {
				t.Errorf("a statement without its text: %q", text)
			}
		}
		if inField == 0 {
			t.Error("no statement below the board's field")
		}
		if looked := c.named("cache customers"); len(looked) == 0 || attributeOf(looked[0], "aliaport.cache.result") == "" {
			t.Errorf("%d look-ups of customers in the cache", len(looked))
		}
	})
}

func attributeOf(s *tracepb.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

func TestTracesShowNothingOfPersonsOrWords(t *testing.T) {
	t.Parallel()
	c := traceOf(t, aliatest.Open(t, dialect.SQLite), func(a *api.API) {
		a.Do(t, api.Admin, `query Gizli { workOrders(first: 5, filter: {search: "10000000146"}) { nodes { woNumber } } }`, nil)
		a.Do(t, "", `mutation Giris { login(input: {email: "kisi@aliaport.example", password: "cokgizliparola"}) { accessToken userErrors { code } } }`, nil)
		a.Do(t, api.Admin, `query Hata { workOrder(id: "kirikkimlik") { woNumber } }`, nil)
	})
	if len(c.named("mutation")) != 1 || len(c.named("query")) == 0 {
		t.Error("operations with names of the client's own are not there by their type")
	}
	for _, secret := range []string{"Gizli", "10000000146", "kisi@", "cokgizliparola", "Giris", "kirikkimlik", "admin@", "192.0.2.1", "eyJ"} {
		if bytes.Contains(c.raw, []byte(secret)) {
			t.Errorf("%q is in a trace", secret)
		}
	}
}

func TestOnlyTrustedProxiesContinueATrace(t *testing.T) {
	t.Parallel()
	const theirs = "4bf92f3577b34da6a3ce929d0e0e4736"
	for name, c := range map[string]struct {
		proxies []string
		want    bool
	}{
		"a stranger's traceparent is not taken": {nil, false},
		"that of a trusted proxy is":            {[]string{"192.0.2.0/24"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := traceOf(t, aliatest.Open(t, dialect.SQLite), func(a *api.API) {
				body, err := json.Marshal(map[string]string{"query": whoAmI})
				if err != nil {
					t.Fatal(err)
				}
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Traceparent", "00-"+theirs+"-00f067aa0ba902b7-01")
				a.Send(t, r) // from 192.0.2.1
			}, func(cfg *config.Config) { cfg.TrustedProxies = c.proxies })
			spans := got.named("POST /graphql")
			if len(spans) != 1 {
				t.Fatalf("%d requests traced", len(spans))
			}
			if is := hex.EncodeToString(spans[0].GetTraceId()) == theirs; is != c.want {
				t.Errorf("continued: %t, want %t", is, c.want)
			}
		})
	}
}

func TestACollectorThatIsAwayHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	traceOf(t, aliatest.Open(t, dialect.SQLite), func(a *api.API) {
		for range 20 {
			if got := a.Do(t, api.Admin, whoAmI, nil); got.Status != http.StatusOK || len(got.Errors) > 0 {
				t.Fatalf("%s", got.Body)
			}
		}
	}, func(c *config.Config) { c.OTELEndpoint = "http://127.0.0.1:1" })
}

func BenchmarkARequestWithAndWithoutTraces(b *testing.B) {
	for name, percent := range map[string]int{"off": -1, "none of a hundred": 0, "all": 100} {
		b.Run(name, func(b *testing.B) {
			a := api.New(b, aliatest.Open(b, dialect.SQLite), func(c *config.Config) {
				if percent >= 0 {
					c.OTELEndpoint, c.OTELPercent = newCollector(b).URL, percent
				}
			})
			b.ReportAllocs()
			for b.Loop() {
				a.Do(b, api.Admin, whoAmI, nil)
			}
		})
	}
}
