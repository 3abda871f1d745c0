package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	"aliaport/ent/exchangerate"
	"aliaport/ent/jobrun"
	"aliaport/ent/migrate"
	"aliaport/ent/pricelist"
	"aliaport/ent/service"
	"aliaport/ent/user"
	"aliaport/ent/workorder"
	"aliaport/graph/gen"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/globalid"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/server"
)

// promptly is how soon every refusal must come.
const promptly = time.Second

// site is a server that listens as the program does.
type site struct {
	*api.API // speaks to another server over the same database

	address string
	log     *journal
}

// listen runs a server over the API's database until the test ends.
func listen(t *testing.T, a *api.API, adjust ...func(*config.Config)) *site {
	t.Helper()
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.JWTKey = "a key for tests that is long enough" // that of the kit: its tokens are good here
	cfg.RateOperations, cfg.RateCost, cfg.RateLogins = 0, 0, 0
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	for _, f := range adjust {
		f(cfg)
	}
	log := &journal{}
	srv, err := server.New(server.Deps{
		Config: cfg, DB: a.DB, Version: "test", Now: a.Clock.Now,
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx, nil) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server did not stop in order: %v", err)
		}
	})
	return &site{a, fmt.Sprint(log.await(t, "listening")["api"]), log}
}

// request makes a request as a client of ours sends it: JSON over POST.
func (s *site) request(role, body string) *http.Request {
	r, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/graphql", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	r.Header.Set("Accept-Language", "en")
	if token := s.Token(role); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return r
}

// exchange sends a request over a connection of its own. What the server does not
// want to read is no error.
func (s *site) exchange(r *http.Request) (*api.Answer, error) {
	c, err := net.DialTimeout("tcp", s.address, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = r.Write(c)
	}()
	defer func() { c.Close(); <-sent }()
	resp, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return answerOf(resp, body)
}

func answerOf(resp *http.Response, body []byte) (*api.Answer, error) {
	a := &api.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(body, a); err != nil {
			return nil, fmt.Errorf("not JSON: %w: %.200s", err, body)
		}
	}
	return a, nil
}

// posted is the body of a request.
func posted(query string, variables any) string {
	b, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func codes(a *api.Answer) []string {
	var all []string
	for _, e := range a.Errors {
		all = append(all, e.Extensions.Code)
	}
	return all
}

const board = `query Board($first: Int!, $after: String) { workOrders(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node { id woNumber status subject priority createdAt cari { id cariCode title }
    items { id quantity unitPrice service { id code name unit } } } } } }`

// regular is a client that asks for the board again and again, as consoles do.
type regular struct {
	stop, ended chan struct{}

	answers int
	took    []time.Duration
	faults  []error
}

func (s *site) regular() *regular {
	r := &regular{stop: make(chan struct{}), ended: make(chan struct{})}
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	go func() {
		defer close(r.ended)
		defer client.CloseIdleConnections()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.stop:
				return
			case <-tick.C:
			}
			began := time.Now()
			err := ask(client, s.request(api.Admin, posted(board, map[string]any{"first": 20})))
			r.took = append(r.took, time.Since(began))
			r.answers++
			if err != nil {
				r.faults = append(r.faults, err)
			}
		}
	}()
	return r
}

func ask(client *http.Client, r *http.Request) error {
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	a, err := answerOf(resp, body)
	if err != nil {
		return err
	}
	if a.Status != http.StatusOK || len(a.Errors) > 0 || !bytes.Contains(a.Data, []byte(`"woNumber"`)) {
		return fmt.Errorf("status %d: %.300s", a.Status, a.Body)
	}
	return nil
}

// done ends the client; it must always have been answered.
func (r *regular) done(t *testing.T) {
	t.Helper()
	close(r.stop)
	<-r.ended
	slices.Sort(r.took)
	t.Logf("the regular client was answered %d times, p50 %s, at most %s", r.answers, r.took[len(r.took)/2], r.took[len(r.took)-1])
	if len(r.faults) > 0 {
		t.Errorf("the regular client was not answered %d times of %d: %v", len(r.faults), r.answers, errors.Join(r.faults[:min(3, len(r.faults))]...))
	}
}

// watchHeap looks at the heap until it is told to stop, and returns its peak.
func watchHeap() (stop func() uint64) {
	quit, ended := make(chan struct{}), make(chan uint64)
	go func() {
		var peak uint64
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			peak = max(peak, sample[0].Value.Uint64())
			select {
			case <-quit:
				ended <- peak
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 { close(quit); return <-ended }
}

var rep = strings.Repeat

// numbered joins what the format makes of 0 to n-1: %d is the number, %n the next.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("%d", fmt.Sprint(i), "%n", fmt.Sprint(i+1)).Replace(format))
	}
	return b.String()
}

// secret stands in hostile requests where its echo would be seen.
const secret = "Geheim-4711-Parola"

// hostile is a request that must be refused.
type hostile struct {
	request func(*site) *http.Request
	status  int
	code    string // empty: an answer of the HTTP server itself, without a body of ours
}

// document is a hostile document. The status is that of its code, or 200 when it is
// a field that refuses.
func document(role, query string, variables any, code apperr.Code) hostile {
	return hostile{func(s *site) *http.Request { return s.request(role, posted(query, variables)) }, 0, string(code)}
}

// raw is a hostile body.
func raw(text string, code apperr.Code) hostile {
	return hostile{func(s *site) *http.Request { return s.request("", text) }, 0, string(code)}
}

// changed is a good request of the administrator with something hostile about it.
func changed(change func(*http.Request), code apperr.Code) hostile {
	return hostile{func(s *site) *http.Request {
		r := s.request(api.Admin, posted("{ viewer { id } }", nil))
		change(r)
		return r
	}, 0, string(code)}
}

func typed(contentType string) hostile {
	return changed(func(r *http.Request) { r.Header.Set("Content-Type", contentType) }, apperr.UnsupportedMedia)
}

func method(name string) hostile {
	return changed(func(r *http.Request) { r.Method = name }, apperr.MethodNotAllowed)
}

func got(query url.Values, code apperr.Code) hostile {
	return changed(func(r *http.Request) {
		r.Method, r.Body, r.ContentLength, r.URL.RawQuery = http.MethodGet, nil, 0, query.Encode()
	}, code)
}

// streamed sends so many bytes, which are made as they are sent. A negative length
// is not told beforehand.
func streamed(n, told int64, begin string) hostile {
	return changed(func(r *http.Request) {
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader(begin), io.LimitReader(blanks{}, n-int64(len(begin)))))
		r.ContentLength = told
	}, apperr.PayloadTooLarge)
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// exploding spreads each fragment twice in the one before it.
func exploding(levels int) string {
	return "{ viewer { ...F0 } }" + numbered(levels, " fragment F%d on Viewer { ...F%n ...F%n }") + fmt.Sprintf(" fragment F%d on Viewer { id }", levels)
}

// login is a field that tries the secret as the password.
func login(email string) string {
	return fmt.Sprintf("login(input: {email: %q, password: %q}) { accessToken userErrors { code } }", email, secret)
}

func refused() map[string]hostile {
	first := func(args string) string { return "{ workOrders(" + args + ") { nodes { id } } }" }
	page := func(args string, code apperr.Code) hostile { return document(api.Admin, first(args), nil, code) }
	sized := func(value any, code apperr.Code) hostile {
		return document(api.Admin, "query($n: Int) { workOrders(first: $n) { nodes { id } } }", map[string]any{"n": value}, code)
	}
	cursor := func(c string) hostile {
		return document(api.Admin, "query($c: String) { workOrders(after: $c) { nodes { id } } }", map[string]any{"c": c}, apperr.BadCursor)
	}
	id := func(id any) hostile {
		return document(api.Admin, "query($id: ID!) { node(id: $id) { id } }", map[string]any{"id": id}, apperr.BadUserInput)
	}
	return map[string]hostile{
		"a depth of 100":                         document(api.Admin, "{ workOrders { nodes "+rep("{ history { user ", 50)+rep("} }", 50)+" } }", nil, apperr.QueryTooDeep),
		"a depth of 100 by a stranger":           document("", "{ viewer "+rep("{ viewer ", 99)+rep("}", 99)+" }", nil, apperr.QueryTooDeep),
		"a depth of 100 through fragments":       document(api.Admin, "{ ...F0 }"+numbered(100, " fragment F%d on Query { viewer { ...F%n } }")+" fragment F100 on Query { id }", nil, apperr.QueryTooDeep),
		"a depth of 600":                         document(api.Admin, rep("{ viewer ", 600)+rep("}", 600), nil, apperr.QueryTooDeep),
		"open braces without end":                document("", rep("{a", 100_000), nil, apperr.TooManyTokens),
		"10,000 aliases":                         document(api.Admin, "{ "+numbered(10_000, "a%d: __typename ")+"}", nil, apperr.TooManyTokens),
		"60 aliases":                             document(api.Admin, "{ "+numbered(60, "a%d: __typename ")+"}", nil, apperr.TooManyAliases),
		"exploding fragments of 30 levels":       document(api.Admin, exploding(30), nil, apperr.QueryTooComplex),
		"exploding fragments by a stranger":      document("", exploding(30), nil, apperr.QueryTooComplex),
		"fragments in a ring":                    document("", "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }", nil, apperr.ValidationFailed),
		"5,000 duplicate fields":                 document(api.Admin, "{ viewer { "+rep("id ", 5000)+"} }", nil, apperr.TooManyTokens),
		"1,500 duplicate fields":                 document(api.Admin, "{ viewer { "+rep("id ", 1500)+"} }", nil, apperr.QueryTooComplex),
		"a flood of directives":                  document(api.Admin, "{ viewer { id "+rep("@include(if: true) ", 250)+"} }", nil, apperr.QueryTooComplex),
		"a flood of unknown directives":          document("", "query "+rep("@x ", 900)+"{ viewer { id } }", nil, apperr.QueryTooComplex),
		"100 root fields":                        document(api.Admin, "{ "+rep("__typename ", 100)+"}", nil, apperr.QueryTooComplex),
		"500 operations":                         document("", numbered(500, "query Q%d { viewer { id } } "), nil, apperr.TooManyTokens),
		"pages in pages":                         document(api.Admin, "{ "+numbered(20, "a%d: workOrders(first: 100) { nodes { items { service { id } } } } ")+"}", nil, apperr.QueryTooComplex),
		"introspection in itself":                document(api.Admin, "{ __schema { types "+rep("{ fields { type ", 6)+"{ name }"+rep("} }", 6)+" } }", nil, apperr.QueryTooComplex),
		"the deepest introspection":              document(api.Admin, "{ __schema { types "+rep("{ ofType ", 99)+"{ name }"+rep("}", 99)+" } }", nil, apperr.QueryTooDeep),
		"first: 0":                               page("first: 0", apperr.PageSizeExceeded),
		"first: 101":                             page("first: 101", apperr.PageSizeExceeded),
		"first: -1":                              page("first: -1", apperr.PageSizeExceeded),
		"last: -2147483648":                      page("last: -2147483648", apperr.PageSizeExceeded),
		"first: 2147483647":                      page("first: 2147483647", apperr.QueryTooComplex),
		"first beyond all integers":              page("first: "+rep("9", 1000), apperr.QueryTooComplex),
		"first and last":                         page("first: 1, last: 1", apperr.PageSizeExceeded),
		"a float for first":                      page("first: 1.5", apperr.ValidationFailed),
		"a text for first":                       page(`first: "1"`, apperr.ValidationFailed),
		"2147483648 in a variable":               sized(2147483648, apperr.QueryTooComplex),
		"-9223372036854775808 in a variable":     sized(json.Number("-9223372036854775808"), apperr.PageSizeExceeded),
		"-99999999999999999999 in a variable":    sized(json.Number("-99999999999999999999"), apperr.BadUserInput),
		"1e400 in a variable":                    sized(json.Number("1e400"), apperr.QueryTooComplex),
		"1.5 in a variable":                      sized(1.5, apperr.BadUserInput),
		"a list for an integer":                  sized([]int{1, 2}, apperr.BadUserInput),
		"an object for an integer":               sized(map[string]any{"a": 1}, apperr.BadUserInput),
		"no cursor":                              cursor(""),
		"words for a cursor":                     cursor("not a cursor"),
		"a cursor of our form with no seal":      cursor("AQAAAAAAAABjAQpDUkVBVEVEX0FU"),
		"a cursor of 200 KB":                     cursor(rep("A", 200_000)),
		"a cursor with a NUL":                    document(api.Admin, "query($c: String) { workOrders(after: $c) { nodes { id } } }", map[string]any{"c": "a\x00"}, apperr.BadUserInput),
		"no id":                                  id(""),
		"words for an id":                        id("not an id"),
		"an id of no type":                       id("Tm9wZTox"),
		"an id with a negative key":              id("V29ya09yZGVyOi0x"),
		"an id of 200 KB":                        id(rep("A", 200_000)),
		"a number for an id":                     id(1),
		"101 ids":                                document(api.Admin, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", map[string]any{"ids": slices.Repeat([]string{"VXNlcjox"}, 101)}, apperr.PageSizeExceeded),
		"19,000 ids":                             document(api.Admin, "query($ids: [ID!]!) { nodes(ids: $ids) { ... on User { id roles { id } } } }", map[string]any{"ids": slices.Repeat([]string{"VXNlcjox"}, 19_000)}, apperr.QueryTooComplex),
		"a list of lists of ids":                 document(api.Admin, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", map[string]any{"ids": [][]string{{"VXNlcjox"}}}, apperr.BadUserInput),
		"a document of 1 MB":                     raw(posted("{ viewer { id } } #"+rep("x", 1<<20), nil), apperr.PayloadTooLarge),
		"a document of one text of 200 KB":       document("", `{ cari(cariCode: "`+rep("x", 200_000)+`") { id } }`, nil, apperr.Unauthenticated),
		"a document of one name of 200 KB":       document("", "{ "+rep("x", 200_000)+" }", nil, apperr.ValidationFailed),
		"a field of 200 KB by the signed-in":     document(api.Admin, "{ "+rep("x", 200_000)+" }", nil, apperr.ValidationFailed),
		"an enum of 200 KB by the signed-in":     document(api.Admin, "{ workOrders(filter: {type: "+rep("X", 200_000)+"}) { nodes { id } } }", nil, apperr.ValidationFailed),
		"a type of 200 KB by the signed-in":      document(api.Admin, "{ viewer { ...F } } fragment F on "+rep("X", 200_000)+" { id }", nil, apperr.ValidationFailed),
		"an argument of 200 KB by the signed-in": document(api.Admin, "{ workOrders("+rep("x", 200_000)+": 1) { nodes { id } } }", nil, apperr.ValidationFailed),
		"a text without end":                     document("", `{ cari(cariCode: "`+rep("x", 200_000), nil, apperr.ParseFailed),
		"a block text without end":               document("", `{ cari(cariCode: """`+rep("\n", 100_000), nil, apperr.ParseFailed),
		"a number of 200 KB":                     document("", "{ cari(cariCode: "+rep("9", 200_000)+") { id } }", nil, apperr.ValidationFailed),
		"a list in lists":                        document("", "{ cari(cariCode: "+rep("[", 900)+rep("]", 900)+") { id } }", nil, apperr.QueryTooDeep),
		"nothing but a comment":                  document("", "#"+rep("x", 200_000), nil, apperr.OperationResolution),
		"60,000 comments":                        document("", rep("#\n", 60_000), nil, apperr.TooManyTokens),
		"a body of 10 MB":                        streamed(10<<20, 10<<20, ""),
		"a body of 10 MB, its length untold":     streamed(10<<20, -1, ""),
		"a body of 10 MB that begins well":       streamed(10<<20, 10<<20, `{"query": "{ viewer { id } }", "variables": {"password": "`+secret+`", "x": "`),
		"variables 9,000 levels deep":            raw(`{"query": "query($a: Int) { viewer { id } }", "variables": {"a": `+rep("[", 9000)+rep("]", 9000)+`}}`, apperr.QueryTooDeep),
		"variables 100,000 levels deep":          raw(`{"query": "{ viewer { id } }", "variables": {"a": `+rep("[", 100_000)+rep("]", 100_000)+`}}`, apperr.BadRequest),
		"objects 9,000 levels deep":              raw(`{"query": "{ viewer { id } }", "variables": `+rep(`{"a":`, 9000)+"1"+rep("}", 9000)+`}`, apperr.QueryTooDeep),
		"a batch":                                raw(`[{"query": "{ viewer { id } }"}, {"query": "{ viewer { id } }"}]`, apperr.BadRequest),
		"a batch of 10,000":                      raw("["+rep(`{"query":"{a}"},`, 10_000)+"{}]", apperr.BadRequest),
		"no JSON":                                raw(`mutation { `+login("a@b.example")+` }`, apperr.BadRequest),
		"half a JSON":                            raw(`{"query": "{ viewer { id } }", "variables": {"password": "`+secret, apperr.BadRequest),
		"two JSONs":                              raw(`{"query": "{ viewer { id } }"} {"query": "`+secret+`"}`, apperr.BadRequest),
		"nothing":                                raw("", apperr.BadRequest),
		"a document that is a list":              raw(`{"query": ["{ viewer { id } }"]}`, apperr.BadRequest),
		"variables that are a text":              raw(`{"query": "{ viewer { id } }", "variables": "{\"password\": \"`+secret+`\"}"}`, apperr.BadRequest),
		"an operation that is not there":         raw(`{"query": "query A { viewer { id } }", "operationName": "B"}`, apperr.OperationResolution),
		"a persisted query":                      raw(`{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "`+rep("0", 64)+`"}}}`, apperr.BadRequest),
		"a NUL in the body":                      raw("{\"query\": \"{ viewer { id } }\x00\"}", apperr.BadRequest),
		"a NUL in the document":                  document("", "{ viewer \x00 { id } }", nil, apperr.ParseFailed),
		"a NUL in a text of the document":        document("", "{ cari(cariCode: \"a\x00\") { id } }", nil, apperr.ParseFailed),
		"a NUL escaped in the document":          document(api.Admin, `{ cari(cariCode: "a\u0000b") { id } }`, nil, apperr.BadUserInput),
		"broken UTF-8 in the document":           raw("{\"query\": \"{ viewer { id \xff\xfe } }\"}", apperr.ParseFailed),
		"half a letter escaped in the document":  raw(`{"query": "{ viewer { id \ud800 } }"}`, apperr.ParseFailed),
		"UTF-16":                                 raw("\xff\xfe{\x00\"\x00q\x00", apperr.BadRequest),
		"a byte order mark":                      raw("\ufeff"+posted("{ viewer { id } }", nil), apperr.BadRequest),
		"a subscription":                         document(api.Admin, "subscription { viewer { id } }", nil, apperr.ValidationFailed),
		"no content type":                        typed(""),
		"a form":                                 typed("application/x-www-form-urlencoded"),
		"JSON in UTF-16":                         typed("application/json; charset=utf-16"),
		"JSON and a form":                        typed("application/json, text/plain"),
		"a content type of 10 KB":                typed("text/" + rep("b", 10_000)),
		"gzip": changed(func(r *http.Request) {
			r.Header.Set("Content-Encoding", "gzip")
			r.Body = io.NopCloser(strings.NewReader("\x1f\x8b" + rep("\x00", 60)))
			r.ContentLength = 62
		}, apperr.BadRequest),
		"PATCH":                             method(http.MethodPatch),
		"TRACE":                             method(http.MethodTrace),
		"OPTIONS":                           method(http.MethodOptions),
		"a method that is none":             method("PROPFIND"),
		"GET with a mutation":               got(url.Values{"query": {"mutation { logoutEverywhere { userErrors { code } } }"}}, apperr.MethodNotAllowed),
		"GET with a mutation among others":  got(url.Values{"query": {"query A { viewer { id } } mutation B { logoutEverywhere { userErrors { code } } }"}, "operationName": {"B"}}, apperr.MethodNotAllowed),
		"GET with two login fields":         got(url.Values{"query": {"mutation { a: " + login("a@b.example") + " b: " + login("a@b.example") + " }"}}, apperr.QueryTooComplex),
		"GET with a NUL":                    got(url.Values{"query": {"{ viewer { id } \x00 }"}}, apperr.ParseFailed),
		"GET with broken UTF-8":             got(url.Values{"query": {"{ viewer { id } \xff }"}}, apperr.ParseFailed),
		"two login fields by alias":         document("", "mutation { a: "+login("saha@aliaport.example")+" b: "+login("saha@aliaport.example")+" }", nil, apperr.QueryTooComplex),
		"two login fields by a fragment":    document("", "mutation { ...F ...F } fragment F on Mutation { "+login("saha@aliaport.example")+" }", nil, apperr.QueryTooComplex),
		"two login fields by two fragments": document("", "mutation { ...F ... { "+login("saha@aliaport.example")+" } } fragment F on Mutation { "+login("saha@aliaport.example")+" }", nil, apperr.QueryTooComplex),
		"a login and a change of password":  document(api.Admin, "mutation { "+login("saha@aliaport.example")+" changePassword(input: {currentPassword: \"x\", newPassword: \"y\"}) { userErrors { code } } }", nil, apperr.QueryTooComplex),
		"introspection by a stranger":       document("", "{ __schema { types { name } } }", nil, apperr.Unauthenticated),
		"a type asked for by a stranger":    document("", `{ __type(name: "Mutation") { fields { name } } }`, nil, apperr.Unauthenticated),
		"introspection behind a fragment":   document("", "{ viewer { id } ...F } fragment F on Query { __schema { queryType { name } } }", nil, apperr.Unauthenticated),
		"headers of 1 MB": {func(s *site) *http.Request {
			r := s.request("", "{}")
			r.Header.Set("X-Long", rep("x", 1<<20))
			return r
		}, http.StatusRequestHeaderFieldsTooLarge, ""},
		"10,000 headers": {func(s *site) *http.Request {
			r := s.request("", "{}")
			for i := range 10_000 {
				r.Header.Set(fmt.Sprint("X-", i), "y")
			}
			return r
		}, http.StatusRequestHeaderFieldsTooLarge, ""},
		"a query of 200 KB in the address": {func(s *site) *http.Request {
			r := s.request("", "")
			r.Method, r.URL.RawQuery = http.MethodGet, "query="+rep("x", 200_000)
			return r
		}, http.StatusRequestHeaderFieldsTooLarge, ""},
		"a host with a blank": {func(s *site) *http.Request { r := s.request("", "{}"); r.Host = "a b"; return r }, http.StatusBadRequest, ""},
	}
}

// withoutTokens are documents that the other limits must refuse by themselves.
func withoutTokens() map[string]hostile {
	return map[string]hostile{
		"10,000 aliases":                      document(api.Admin, "{ "+numbered(10_000, "a%d: __typename ")+"}", nil, apperr.TooManyAliases),
		"5,000 duplicate fields":              document(api.Admin, "{ viewer { "+rep("id ", 5000)+"} }", nil, apperr.QueryTooComplex),
		"20,000 unknown fields":               document("", "{ viewer { "+rep("what ", 20_000)+"} }", nil, apperr.QueryTooComplex),
		"20,000 directives":                   document(api.Admin, "{ viewer { id "+rep("@skip(if: false) ", 10_000)+"} }", nil, apperr.QueryTooComplex),
		"20,000 root fields":                  document("", "{ "+rep("__typename ", 20_000)+"}", nil, apperr.QueryTooComplex),
		"20,000 spreads":                      document("", "{ viewer { "+rep("...F ", 20_000)+"} } fragment F on Viewer { id }", nil, apperr.QueryTooComplex),
		"exploding fragments of 2,000 levels": document("", exploding(2000), nil, apperr.QueryTooComplex),
	}
}

// refuse sends what is hostile, one after the other, and looks at the answers.
func (s *site) refuse(t *testing.T, all map[string]hostile) {
	t.Helper()
	for name, h := range all {
		t.Run(name, func(t *testing.T) {
			r := h.request(s)
			began := time.Now()
			a, err := s.exchange(r)
			took := time.Since(began)
			if err != nil {
				t.Fatal(err)
			}
			if took > promptly {
				t.Errorf("refused after %s", took)
			}
			if bytes.Contains(a.Body, []byte(secret)) || len(a.Body) > 1<<20 {
				t.Errorf("echoed: %.500s", a.Body)
			}
			if h.code == "" {
				if a.Status != h.status {
					t.Errorf("status %d, not %d", a.Status, h.status)
				}
				return
			}
			if got := codes(a); len(got) == 0 || got[0] != h.code || slices.Contains(got, "INTERNAL") {
				t.Fatalf("answered %d %v, not %s: %.500s", a.Status, got, h.code, a.Body)
			}
			want := apperr.Code(h.code).HTTP()
			if len(a.Data) > 0 { // a field refused
				want = http.StatusOK
			}
			if a.Status != want {
				t.Errorf("status %d, not %d", a.Status, want)
			}
		})
	}
}

// maxHeap is what the memory must stay below, whatever is sent.
const maxHeap = 300 << 20

// TestHostileRequestsAreRefusedWhileOthersAreAnswered does not run beside other
// tests: it looks at clock and memory.
func TestHostileRequestsAreRefusedWhileOthersAreAnswered(t *testing.T) {
	peak := watchHeap()
	a := api.New(t, aliatest.Open(t, dialect.SQLite))
	if _, err := seed.Run(t.Context(), a.DB, a.Server.Users(), seed.Options{WorkOrders: 200, Cari: 20, Services: 20, Seed: 1, Now: api.Start}); err != nil {
		t.Fatal(err)
	}
	s := listen(t, a)
	console := s.regular()
	t.Run("hostile requests", func(t *testing.T) { s.refuse(t, refused()) })
	if n := a.DB.AuditEvent.Query().Where(auditevent.Action("login_failed")).CountX(t.Context()); n > 0 {
		t.Errorf("%d passwords were tried by refused documents", n)
	}
	t.Run("documents without a limit of tokens", func(t *testing.T) {
		listen(t, a, func(c *config.Config) { c.LimitTokens = 0 }).refuse(t, withoutTokens())
	})
	t.Run("documents that differ", s.differing)
	t.Run("idle connections", s.idle)
	console.done(t)
	t.Run("slow senders", func(t *testing.T) { slow(t, a) })
	if p := peak(); p > maxHeap {
		t.Errorf("the heap grew to %d MB", p>>20)
	} else {
		t.Logf("the heap grew to %d MB", p>>20)
	}
	s.quiet(t)
}

// quiet fails if the server logged an error.
func (s *site) quiet(t *testing.T) {
	t.Helper()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for _, line := range s.log.lines {
		if line["level"] == "ERROR" {
			t.Errorf("logged %v", line)
		}
	}
}

// differing sends good documents that are large and never the same. Nothing of
// them may stay.
func (s *site) differing(t *testing.T) {
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := live()
	const documents, size = 40, 250_000
	for i := range documents {
		a, err := s.exchange(s.request("", posted(fmt.Sprintf("query Q%d { viewer { id } } #%s", i, rep("x", size)), nil)))
		if err != nil || len(a.Errors) > 0 {
			t.Fatalf("answered %v, error %v", a, err)
		}
	}
	if after := live(); after > before+documents*size/2 {
		t.Errorf("%d documents of %d bytes left %d MB", documents, size, (after-before)>>20)
	}
}

// idle opens many connections that say something once and then nothing.
func (s *site) idle(t *testing.T) {
	const connections = 2000
	open := make([]net.Conn, connections)
	hello := func(c net.Conn) error {
		if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
			return err
		}
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s, error %w", resp.Status, err)
		}
		return nil
	}
	var g errgroup.Group
	g.SetLimit(50)
	for i := range open {
		g.Go(func() (err error) {
			if open[i], err = net.Dial("tcp", s.address); err != nil {
				return err
			}
			t.Cleanup(func() { _ = open[i].Close() })
			return hello(open[i])
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 {
		began := time.Now()
		if err := ask(client, s.request(api.Admin, posted(board, map[string]any{"first": 20}))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > promptly {
			t.Errorf("answered after %s", took)
		}
	}
	for _, c := range open[:20] {
		if err := hello(c); err != nil {
			t.Errorf("an idle connection was closed: %v", err)
		}
	}
}

// slow lets many clients send slowly or not at all, to a server with little patience.
func slow(t *testing.T, a *api.API) {
	t.Helper()
	const (
		headerTime, readTime, idleTime = 500 * time.Millisecond, time.Second, time.Second
		each                           = 50
		grace                          = 5 * time.Second
	)
	s := listen(t, a, func(c *config.Config) {
		c.ReadHeaderTimeout, c.ReadTimeout, c.IdleTimeout = headerTime, readTime, idleTime
	})
	console := s.regular()
	const head = "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	const long = head + "Content-Length: 250000\r\n\r\n"
	kinds := map[string]struct {
		begin, drip string
		patience    time.Duration
	}{
		"nothing at all":                      {"", "", headerTime},
		"half a line":                         {"POST /gra", "", headerTime},
		"headers, one after the other":        {head, "X-A: b\r\n", headerTime},
		"a header, letter by letter":          {head + "X-A: ", "a", headerTime},
		"headers and no body":                 {long, "", readTime},
		"a body, letter by letter":            {long + `{"query": "`, "x", readTime},
		"a body but for its end":              {long + `{"query": "` + rep("x", 200_000), "x", readTime},
		"a body in chunks, letter by letter":  {head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", readTime},
		"a good request and nothing after it": {head + "Content-Length: 28\r\n\r\n" + `{"query": "{ viewer{id} }" }`, "", idleTime},
		"a good request and half of the next": {head + "Content-Length: 28\r\n\r\n" + `{"query": "{ viewer{id} }" }` + "POST /gr", "", readTime},
	}
	var g errgroup.Group
	for name, k := range kinds {
		for range each {
			g.Go(func() error {
				c, err := net.Dial("tcp", s.address)
				if err != nil {
					return err
				}
				defer c.Close()
				began := time.Now()
				if err := c.SetReadDeadline(began.Add(30 * time.Second)); err != nil {
					return err
				}
				closed := make(chan error, 1)
				go func() {
					_, err := io.Copy(io.Discard, c)
					closed <- err
				}()
				_, _ = io.WriteString(c, k.begin) // the server may have had enough of it
				tick := time.NewTicker(50 * time.Millisecond)
				defer tick.Stop()
				for {
					select {
					case err := <-closed:
						if errors.Is(err, os.ErrDeadlineExceeded) {
							return fmt.Errorf("%s: the connection stayed open", name)
						}
						if took := time.Since(began); took > k.patience+grace {
							return fmt.Errorf("%s: the connection was closed after %s", name, took)
						}
						return nil
					case <-tick.C:
						_, _ = io.WriteString(c, k.drip) // as above
					}
				}
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	console.done(t)
	s.quiet(t)
}

// world is a database with a server, and records that arguments can name.
type world struct {
	*api.API

	made int // counts fresh records
}

// target makes a record for one call and returns its id.
type target func(t *testing.T, w *world) string

// order makes a work order of the status, with an item.
func order(status workorder.Status, name func(*ent.WorkOrder, *ent.WorkOrderItem) string) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		w.made++
		customer := w.DB.Cari.Query().Where(cari.CariCode("C-100")).OnlyX(t.Context())
		requester := w.DB.User.Query().Where(user.Email(caller)).OnlyX(t.Context())
		wo := w.DB.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2020-%05d", w.made)).SetStatus(status).
			SetCariID(customer.ID).SetCariCode(customer.CariCode).SetCariTitle(customer.Title).
			SetRequesterID(requester.ID).SetRequesterName(requester.FullName).SetCreatedBy(requester.ID).SetUpdatedBy(requester.ID).
			SetType(workorder.TypeService).SetSubject("Römorkaj").SetSearchText("romorkaj").SetCreatedAt(api.Start).SetUpdatedAt(api.Start).
			SetNetTotal(decimal.Zero).SetVatTotal(decimal.Zero).SetGrandTotal(decimal.Zero).SaveX(t.Context())
		item := w.DB.WorkOrderItem.Create().SetWorkOrderID(wo.ID).SetSequence(1).SetItemType("RESOURCE").SetResourceCode("FORKLIFT").
			SetQuantity(decimal.NewFromInt(1)).SetUnit("SAAT").SetUnitPrice(decimal.NewFromInt(1)).SetCurrency("TRY").SetTotalAmount(decimal.Zero).
			SetVatRate(decimal.Zero).SetVatAmount(decimal.Zero).SetGrandTotal(decimal.Zero).SaveX(t.Context())
		return name(wo, item)
	}
}

// customer makes a foreign customer account, of which little is required.
func customer(active bool) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		w.made++
		return w.DB.Cari.Create().SetCariCode(fmt.Sprint("H-", w.made)).SetTitle("Hedef").SetTitleFold("hedef").SetSearchText("hedef").
			SetType("LEGAL").SetRole("CUSTOMER").SetCountry("DE").SetCurrency("TRY").SetIsActive(active).SaveX(t.Context()).GlobalID()
	}
}

// priceList makes a list with an item, valid at a time of its own.
func priceList(status pricelist.Status, name func(*ent.PriceList, *ent.PriceListItem) string) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		w.made++
		from := calendar.DateOf(api.Start).AddDays(2 * w.made)
		l := w.DB.PriceList.Create().SetCode(fmt.Sprint("H-", w.made)).SetName("Hedef").SetCurrency("TRY").SetStatus(status).
			SetValidFrom(from).SetValidTo(from.AddDays(1)).SetCreatedBy(1).SetUpdatedBy(1).SaveX(t.Context())
		of := w.DB.Service.Query().Where(service.Code("HZM002")).OnlyIDX(t.Context())
		item := w.DB.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of).SetVatRate(decimal.Zero).SaveX(t.Context())
		return name(l, item)
	}
}

// override makes a dated price of a service of its own.
func override(t *testing.T, w *world) string {
	t.Helper()
	w.made++
	of := w.DB.Service.Create().SetCode(fmt.Sprint("H-", w.made)).SetName("Hedef").SetNameFold("hedef").SetSearchText("hedef").SetUnit("ADET").
		SetVatRate(decimal.NewFromInt(20)).SaveX(t.Context())
	return w.DB.ServiceOverride.Create().SetServiceID(of.ID).SetValidFrom(calendar.DateOf(api.Start).AddDays(-60)).SetCurrency("TRY").
		SetCreatedBy(1).SetUpdatedBy(1).SaveX(t.Context()).GlobalID()
}

// jumped makes a rate that waits for review, beside one of the dollar.
func jumped(t *testing.T, w *world) string {
	t.Helper()
	w.made++
	rate := func(code string) *ent.ExchangeRateCreate {
		day := calendar.DateOf(api.Start).AddDays(-1)
		return w.DB.ExchangeRate.Create().SetBulletinDate(day).SetValidFrom(day.AddDays(1)).SetCurrencyFrom(code).SetForexSelling(decimal.NewFromInt(34)).
			SetSource("TCMB").SetNeedsReview(true)
	}
	if !w.DB.ExchangeRate.Query().Where(exchangerate.CurrencyFrom("USD")).ExistX(t.Context()) {
		rate("USD").ExecX(t.Context())
	}
	return rate(strconv.FormatInt(int64(w.made), 36)).SaveX(t.Context()).GlobalID()
}

// targets are tried one after the other until one lets a call succeed.
func targets() []target {
	self := func(wo *ent.WorkOrder, _ *ent.WorkOrderItem) string { return wo.GlobalID() }
	all := []target{
		jobRun(jobrun.StateQueued), jobRun(jobrun.StateFailed),
		order(workorder.StatusDraft, func(_ *ent.WorkOrder, item *ent.WorkOrderItem) string { return item.GlobalID() }),
		func(t *testing.T, w *world) string { // a user
			t.Helper()
			w.made++
			return w.DB.User.Create().SetEmail(fmt.Sprintf("hedef%d@aliaport.example", w.made)).SetFullName("Hedef").SetPasswordHash("").
				SaveX(t.Context()).GlobalID()
		},
		func(t *testing.T, w *world) string { // a session of the administrator
			t.Helper()
			w.made++
			token := w.DB.RefreshToken.Create().SetUserID(w.DB.User.Query().Where(user.Email(caller)).OnlyIDX(t.Context())).
				SetFamily(fmt.Sprint("family ", w.made)).SetTokenHash(fmt.Sprint("hash ", w.made)).SetExpiresAt(api.Start.AddDate(1, 0, 0)).SaveX(t.Context())
			return globalid.ID{Type: "Session", Key: token.ID}.String()
		},
		jumped,
		customer(true),
		customer(false),
		func(t *testing.T, w *world) string { // a service
			t.Helper()
			w.made++
			return w.DB.Service.Create().SetCode(fmt.Sprint("H-", w.made)).SetName("Hedef").SetNameFold("hedef").SetSearchText("hedef").SetUnit("ADET").
				SetCurrency("TRY").SetBasePrice(decimal.NewFromInt(1)).SetVatRate(decimal.NewFromInt(20)).SetCalculationType("FIXED").SaveX(t.Context()).GlobalID()
		},
	}
	list := func(l *ent.PriceList, _ *ent.PriceListItem) string { return l.GlobalID() }
	all = append(all, priceList(pricelist.StatusDraft, list), priceList(pricelist.StatusActive, list),
		priceList(pricelist.StatusDraft, func(_ *ent.PriceList, item *ent.PriceListItem) string { return item.GlobalID() }), override)
	for _, status := range []workorder.Status{"DRAFT", "SUBMITTED", "APPROVED", "IN_PROGRESS", "COMPLETED", "INVOICED", "CLOSED", "REJECTED", "CANCELLED"} {
		all = append(all, order(status, self))
	}
	return append(all, portTargets()...)
}

// caller is who sends the hostile arguments.
const caller = "sistem_yoneticisi@aliaport.example"

// good are values with which calls succeed, by the name of the argument. A name
// that is not here gets a value of its type.
var good = map[string]any{
	"email": "yeni%d@aliaport.example", "fullName": "Ayşe Kaya", "password": "Deniz2026x", "newPassword": "Deniz2026y", "name": "DENEME_%d",
	"permissions": []any{"cari:read"}, "roles": []any{}, "subject": "Römorkaj", "reason": "Belgeler eksik geldi", "completionNote": "Bitti",
	"cariCode": "C-100", "serviceCode": "HZM001", "quantity": "1.5", "search": "romorkaj", "title": "Yeni", "nationalId": "10000000146", "resource": "work_order", "action": "create",
	"currency": "USD", "from": "EUR", "to": "EUR", "code": "KOD-%d", "unit": "ADET", "mbCode": "MB-%d", "departurePier": "A İskelesi", "invoiceNo": "FT-1",
	"personnelName": "Ege Su", "timeStart": "2026-03-02T03:00:00Z", "timeEnd": "2026-03-02T04:00:00Z", "vehiclePlate": "ABC %d", "pin": "731946", "label": "Madde %d",
	"category": "DENEME", "unitPrice": "1",
}

// caller builds the calls of root fields.
type builder struct {
	schema *ast.Schema
	id     string // what arguments of the type ID get
	n      int    // makes names differ
}

func (b *builder) value(name string, t *ast.Type) any {
	v, ok := good[name]
	text, isText := v.(string)
	switch d := b.schema.Types[t.Name()]; {
	case isText && strings.Contains(text, "%d"):
		return fmt.Sprintf(text, b.n)
	case name == "cariCode" && t.NonNull: // a new one
		return fmt.Sprintf("CR-%d", b.n)
	case ok && d.Kind != ast.InputObject: // timeStart is a range in a filter
		if list, isList := v.([]any); isList {
			return slices.Clone(list)
		}
		return v
	case t.Elem != nil:
		return []any{b.value("", t.Elem)}
	case d.Kind == ast.Enum:
		return d.EnumValues[0].Name
	case d.Kind == ast.InputObject:
		return b.object(d)
	case d.Name == "ID":
		return b.id
	default:
		return map[string]any{"String": "x", "Int": 1, "Boolean": true, "Decimal": "1", "DateTime": "2026-03-02T06:00:00Z", "Date": "2026-02-27"}[d.Name]
	}
}

// wanted are optional fields that the input of the key cannot do without.
var wanted = map[string][]string{
	"CreateWorkOrderInput": {"cariCode"}, "WorkOrderItemInput": {"serviceCode"}, "CreateCariInput": {"nationalId"}, "SetExchangeRateInput": {"forexBuying"},
	"SaveServiceOverrideInput": {"id", "version"}, "PlanTripInput": {"motorbotId", "departurePier"}, "WorkOrderPersonInput": {"nationalId"},
	"GateEntryInput": {"workOrderId", "vehiclePlate", "vehicleType"}, "GateExitInput": {"id"}, "CorrectGateLogInput": {"vehiclePlate"}, "ProcessWorkLogInput": {"unitPrice"},
	"SaveGateChecklistItemInput": {"woType"}, "SetWorkOrderSurchargesInput": {}, "CreateParameterInput": {"dataType"},
}

// object has what is required.
func (b *builder) object(d *ast.Definition) map[string]any {
	o := map[string]any{}
	for _, f := range d.Fields {
		if f.Type.NonNull && f.DefaultValue == nil || slices.Contains(wanted[d.Name], f.Name) {
			o[f.Name] = b.value(f.Name, f.Type)
		}
	}
	return o
}

func (b *builder) arguments(f *ast.FieldDefinition) map[string]any {
	args := map[string]any{}
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			args[a.Name] = b.value(a.Name, a.Type)
		}
	}
	return args
}

// call is a document that gives each argument as a variable.
func (b *builder) call(kind string, f *ast.FieldDefinition) string {
	var declared, given []string
	for _, a := range f.Arguments {
		variable := "$" + a.Name + ": " + a.Type.String()
		if a.DefaultValue != nil {
			variable += " = " + a.DefaultValue.String()
		}
		declared, given = append(declared, variable), append(given, a.Name+": $"+a.Name)
	}
	doc := kind + " Hostile"
	if len(declared) > 0 {
		doc += "(" + strings.Join(declared, ", ") + ") { " + f.Name + "(" + strings.Join(given, ", ") + ")"
	} else {
		doc += " { " + f.Name
	}
	switch d := b.schema.Types[f.Type.Name()]; {
	case d.IsLeafType():
	case d.Fields.ForName("userErrors") != nil:
		doc += " { userErrors { code } }"
	case d.Fields.ForName("totalCount") != nil:
		field := "id"
		if b.schema.Types[d.Fields.ForName("nodes").Type.Name()].Fields.ForName(field) == nil {
			field = "__typename"
		}
		doc += " { nodes { " + field + " } totalCount }"
	default:
		doc += " { __typename }"
	}
	return doc + " }"
}

// place is where in the arguments a value stands.
type place struct {
	path []string // names; "0" is the first of a list
	typ  *ast.Type
}

func (p place) String() string { return strings.Join(p.path, ".") }

// places finds every value in the arguments of a field, the optional ones too.
func (b *builder) places(f *ast.FieldDefinition) (all []place) {
	var below func(path []string, t *ast.Type)
	below = func(path []string, t *ast.Type) {
		if d := b.schema.Types[t.Name()]; t.Elem != nil {
			below(append(slices.Clone(path), "0"), t.Elem)
		} else if d.Kind == ast.InputObject {
			for _, f := range d.Fields {
				below(append(slices.Clone(path), f.Name), f.Type)
			}
		} else {
			all = append(all, place{path, t})
		}
	}
	for _, a := range f.Arguments {
		below([]string{a.Name}, a.Type)
	}
	return all
}

// put returns the arguments with the value in its place. What is missing on the way
// is made.
func (b *builder) put(f *ast.FieldDefinition, p place, v any) map[string]any {
	args := b.arguments(f)
	t := f.Arguments.ForName(p.path[0]).Type
	if args[p.path[0]] == nil {
		args[p.path[0]] = b.value(p.path[0], t)
	}
	at, set := args[p.path[0]], func(v any) { args[p.path[0]] = v }
	for _, name := range p.path[1:] {
		if list, ok := at.([]any); ok || t.Elem != nil {
			if t = t.Elem; len(list) == 0 {
				list = []any{b.value("", t)}
				set(list)
			}
			at, set = list[0], func(v any) { list[0] = v }
			continue
		}
		o := at.(map[string]any) //nolint:errcheck,forcetypeassert // a panic fails the test
		field := b.schema.Types[t.Name()].Fields.ForName(name)
		t = field.Type
		if o[name] == nil {
			o[name] = b.value(name, t)
		}
		at, set = o[name], func(v any) { o[name] = v }
	}
	set(v)
	return args
}

// broken stands for bytes that are no UTF-8; JSON cannot be made of them.
const broken = "BROKEN"

// injection ends a text, a comparison and a pattern, whichever it is put into.
const injection = `%\'; DELETE FROM role_permissions; --' OR 1=1) --`

// evil are the values for one place.
func evil(s *ast.Schema, t *ast.Type) map[string]any {
	all := map[string]any{"an object": map[string]any{"a": 1}, "SQL": injection}
	switch d := s.Types[t.Name()]; {
	case d.Kind == ast.Enum:
		all["another case"], all["a number"] = strings.ToLower(d.EnumValues[0].Name), 0
	case d.Name == "String" || d.Name == "ID":
		all["a NUL"], all["bytes"], all["a long text"] = "WO\x00RD", broken, rep("ş", 30_000)
	case d.Name == "Int":
		for _, n := range []string{"-1", "2147483648", "9223372036854775807", "9223372036854775808", "1.5"} {
			all[n] = json.Number(n)
		}
		all["a text"] = "1"
	case d.Name == "Decimal":
		for _, n := range []string{"NaN", "1e999999999", "-1e-999999999", "1e39", "0x10", rep("9", 39)} {
			all[n] = n
		}
		all["a float"], all["a NUL"] = 1.5, "1\x00"
	case d.Name == "DateTime":
		for _, n := range []string{"0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z"} {
			all[n] = n
		}
		all["a number"], all["a NUL"] = 1e18, "2026-03-02T06:00:00Z\x00"
	case d.Name == "Date":
		for _, n := range []string{"0000-01-01", "9999-12-31", "2026-02-30", "27.02.2026", "2026-02-27T00:00:00Z"} {
			all[n] = n
		}
		all["a number"], all["a NUL"] = 20260227, "2026-02-27\x00"
	}
	return all
}

// verdict is what the answer says: the codes, or OK.
func verdict(t testing.TB, a *api.Answer) string {
	t.Helper()
	all := codes(a)
	var payload map[string]struct{ UserErrors []struct{ Code string } }
	if len(a.Data) > 0 && a.Data[0] == '{' && bytes.Contains(a.Data, []byte(`"userErrors"`)) {
		if err := json.Unmarshal(a.Data, &payload); err != nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
	}
	for _, p := range payload {
		for _, e := range p.UserErrors {
			all = append(all, e.Code)
		}
	}
	if len(all) == 0 {
		return "OK"
	}
	return strings.Join(all, " ")
}

// send sends the call; texts that JSON cannot hold are put in afterwards.
func (w *world) send(t *testing.T, query string, args map[string]any) (string, *api.Answer) {
	t.Helper()
	text := strings.ReplaceAll(posted(query, args), broken, "a\xff\xfe\xc0\x80b")
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.Token(api.Admin))
	a := w.Send(t, r)
	return verdict(t, a), a
}

// rows are the rows of all tables that were there before, and that no call names.
func (w *world) rows(t *testing.T, upTo map[string]int64) map[string][][]string {
	t.Helper()
	all := map[string][][]string{}
	for _, table := range migrate.Tables {
		switch table.Name {
		case "number_sequences", "idempotency_keys", "work_order_counts", "cache_generations": // calls that succeed use them
			continue
		case "user_roles", "role_permissions":
			all[table.Name] = aliatest.Rows(t, w.DB.Reader(), fmt.Sprintf("SELECT * FROM %s WHERE %s <= %d ORDER BY 1, 2", table.Name, table.Columns[0].Name, upTo[table.Columns[0].Name]))
			continue
		}
		if _, ok := upTo[table.Name]; !ok {
			upTo[table.Name] = number(t, aliatest.Rows(t, w.DB.Reader(), "SELECT COALESCE(MAX(id), 0) FROM "+table.Name)[0][0])
			upTo[strings.TrimSuffix(table.Name, "s")+"_id"] = upTo[table.Name]
		}
		where := fmt.Sprintf("id <= %d", upTo[table.Name])
		if table.Name == "users" {
			where += " AND email <> '" + caller + "'"
		}
		all[table.Name] = aliatest.Rows(t, w.DB.Reader(), "SELECT * FROM "+table.Name+" WHERE "+where+" ORDER BY id")
	}
	return all
}

func number(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHostileArgumentsAreRefusedAlikeOnBothDatabases walks the schema: each value in
// the arguments of each root field is replaced by hostile ones, in a call that would
// otherwise succeed.
func TestHostileArgumentsAreRefusedAlikeOnBothDatabases(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	verdicts := map[string]map[string]string{}
	t.Cleanup(func() { // when both have ended
		for call, on := range verdicts[dialect.SQLite] {
			if postgres := verdicts[dialect.Postgres][call]; postgres != on {
				t.Errorf("%s is answered %s on SQLite, %s on PostgreSQL", call, on, postgres)
			}
		}
		if len(verdicts[dialect.SQLite]) < 900 || len(verdicts[dialect.SQLite]) != len(verdicts[dialect.Postgres]) {
			t.Errorf("%d calls on SQLite, %d on PostgreSQL", len(verdicts[dialect.SQLite]), len(verdicts[dialect.Postgres]))
		}
	})
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all := walkArguments(t, db)
		mu.Lock()
		defer mu.Unlock()
		verdicts[db.Dialect()] = all
	})
}

// walkArguments returns the verdict on each call.
func walkArguments(t *testing.T, db *store.DB) map[string]string {
	t.Helper()
	schema := gen.NewExecutableSchema(gen.Config{}).Schema()
	w, upTo := &world{API: api.New(t, db)}, map[string]int64{}
	api.Fixture(t, db)
	order(workorder.StatusApproved, func(*ent.WorkOrder, *ent.WorkOrderItem) string { return "" })(t, w)
	before := w.rows(t, upTo)
	b := &builder{schema: schema}
	verdicts, succeed := map[string]string{}, 0
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") || len(f.Arguments) == 0 {
				continue
			}
			doc := b.call(strings.ToLower(root.Name), f)
			fresh := b.fitting(t, w, doc, f)
			if fresh == nil { // tried as it is
				fresh = targets()[0]
			} else {
				succeed++
			}
			for _, p := range b.places(f) {
				for name, v := range evil(schema, p.typ) {
					call := fmt.Sprintf("%s %s: %s", f.Name, p, name)
					b.n++
					b.id = fresh(t, w)
					began := time.Now()
					got, a := w.send(t, doc, b.put(f, p, v))
					if took := time.Since(began); took > promptly {
						t.Errorf("%s is answered after %s", call, took)
					}
					if strings.Contains(got, "INTERNAL") || strings.Contains(name, "NUL") && got == "OK" {
						t.Errorf("%s is answered %s: %.300s", call, got, a.Body)
					}
					verdicts[call] = got
				}
			}
		}
	}
	w.keepsText(t)
	after := w.rows(t, upTo)
	for table, rows := range before {
		if !reflect.DeepEqual(after[table], rows) {
			t.Errorf("%s has changed:\n%q\n%q", table, rows, after[table])
		}
	}
	if len(before["users"]) < 5 || len(before["role_permissions"]) < 50 || len(before["work_orders"]) == 0 || succeed < 25 {
		t.Errorf("too little was there to be changed, or only %d fields were tried with a call that succeeds", succeed)
	}
	return verdicts
}

// keepsText makes an order whose subject is SQL and finds it by that.
func (w *world) keepsText(t *testing.T) {
	t.Helper()
	var made struct {
		CreateWorkOrder struct{ WorkOrder struct{ ID, Subject string } }
	}
	w.Get(t, api.Admin, `mutation($s: String!) { createWorkOrder(input: {cariCode: "C-100", subject: $s}) { workOrder { id subject } } }`, map[string]any{"s": injection}, &made)
	var found struct {
		WorkOrders struct{ Nodes []struct{ ID string } }
	}
	w.Get(t, api.Admin, `query($s: String) { workOrders(filter: {search: $s}) { nodes { id } } }`, map[string]any{"s": injection}, &found)
	order := made.CreateWorkOrder.WorkOrder
	if order.Subject != injection || !slices.ContainsFunc(found.WorkOrders.Nodes, func(n struct{ ID string }) bool { return n.ID == order.ID }) {
		t.Errorf("it became %s, found as %v", order.Subject, found)
	}
}

// fitting finds a target with which the plain call succeeds.
func (b *builder) fitting(t *testing.T, w *world, doc string, f *ast.FieldDefinition) target {
	t.Helper()
	for _, fresh := range targets() {
		b.id = fresh(t, w)
		b.n++
		if got, _ := w.send(t, doc, b.arguments(f)); got == "OK" {
			return fresh
		}
	}
	return nil
}

// TestStrangersGetNothing calls every root field without a token that is good.
func TestStrangersGetNothing(t *testing.T) {
	t.Parallel()
	schema := gen.NewExecutableSchema(gen.Config{}).Schema()
	w := &world{API: api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.RateResets = 0 })} // as many strangers as come
	api.Fixture(t, w.DB)
	head, rest, _ := strings.Cut(w.Token(api.Admin), ".")
	claims, seal, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	b := &builder{schema: schema, id: order(workorder.StatusDraft, func(wo *ent.WorkOrder, _ *ent.WorkOrderItem) string { return wo.GlobalID() })(t, w)}
	before := w.rows(t, map[string]int64{})
	for name, authorization := range map[string]string{
		"no token": "", "an empty token": "Bearer ", "words": "Bearer let me in", "a token without a seal": "Bearer " + head + "." + claims + ".",
		"a token of no algorithm": "Bearer " + none + "." + claims + ".", "a token of no algorithm with a seal": "Bearer " + none + "." + claims + "." + seal,
		"a seal turned around": "Bearer " + head + "." + claims + "." + reversed(seal), "a token of 10 KB": "Bearer " + rep("a", 10_000),
		"another scheme": "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:admin")), "the token twice": "Bearer " + w.Token(api.Admin) + " " + w.Token(api.Admin),
	} {
		for kind, root := range map[string]*ast.Definition{"query": schema.Query, "mutation": schema.Mutation} {
			for _, f := range root.Fields {
				if strings.HasPrefix(f.Name, "__") {
					continue
				}
				r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(posted(b.call(kind, f), b.arguments(f))))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", authorization)
				a := w.Send(t, r)
				want := map[string]string{
					"viewer": "OK", "login": "AUTH_INVALID_CREDENTIALS", "refreshToken": "AUTH_TOKEN_INVALID",
					"requestPasswordReset": "MAIL_NOT_CONFIGURED", "resetPassword": "AUTH_RESET_TOKEN_INVALID",
				}[f.Name]
				if want == "" {
					want = "UNAUTHENTICATED"
				}
				if got := verdict(t, a); got != want || f.Name == "viewer" && string(a.Data) != `{"viewer":null}` {
					t.Errorf("%s with %s is answered %s, not %s: %.300s", f.Name, name, got, want, a.Body)
				}
			}
		}
	}
	after := w.rows(t, map[string]int64{})
	for table, rows := range before {
		if table != "audit_events" && !reflect.DeepEqual(after[table], rows) {
			t.Errorf("%s has changed", table)
		}
	}
	lines := w.DB.AuditEvent.Query().Where(auditevent.ActionNEQ("login")).Order(auditevent.ByAction()).Select(auditevent.FieldAction).StringsX(t.Context())
	if want := []string{"login_failed", "password_reset"}; !slices.Equal(lines, want) {
		t.Errorf("%v in the trail, want one line for all that a stranger tried of a kind in one minute", lines)
	}
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func TestOnlyTheSignedInAreToldAboutTheSchema(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	closed := api.New(t, db)
	open := listen(t, closed, func(c *config.Config) { c.Introspection = true })
	shut := listen(t, closed)
	for name, query := range map[string]string{
		"a field":             "{ viewr { id } }",
		"a leaf":              "{ viewer { ide } }",
		"a selection":         "{ viewer }",
		"a type":              "{ viewer { ...F } } fragment F on Viewr { id }",
		"an argument":         `{ cari(cariKode: "x") { id } }`,
		"a field of an input": `mutation { login(input: {emial: "x", password: "y"}) { accessToken } }`,
		"an enum":             "{ workOrders(filter: {type: SERVIC}) { nodes { id } } }",
	} {
		hinted := func(s *site, role string) bool {
			t.Helper()
			a, err := s.exchange(s.request(role, posted(query, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if got := codes(a); len(got) == 0 || got[0] != "GRAPHQL_VALIDATION_FAILED" {
				t.Errorf("%s: %s", name, a.Body)
			}
			return bytes.Contains(a.Body, []byte("Did you mean")) || bytes.Contains(a.Body, []byte("{ ... }"))
		}
		if hinted(shut, "") {
			t.Errorf("%s: a stranger got a hint", name)
		}
		if !hinted(shut, api.Admin) || !hinted(open, "") {
			t.Errorf("%s: no hint for the signed-in, or where it is open", name)
		}
	}
	for _, query := range []string{"{ __schema { queryType { name } } }", `{ __type(name: "Query") { name } }`} {
		for _, tt := range []struct {
			*site
			role string
			want []string
		}{{shut, "", []string{"UNAUTHENTICATED"}}, {shut, actor.RoleReadOnly, nil}, {open, "", nil}} {
			a, err := tt.exchange(tt.request(tt.role, posted(query, nil)))
			if err != nil || !slices.Equal(codes(a), tt.want) || tt.want == nil && !bytes.Contains(a.Data, []byte(`"Query"`)) {
				t.Errorf("%s as %q is answered %s, error %v", query, tt.role, a.Body, err)
			}
		}
	}
}

// TestMeasuringOnlyStillKeepsOutFloods lets pass what is expensive, but neither
// what is long nor two tries of a password.
func TestMeasuringOnlyStillKeepsOutFloods(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.LimitMeasureOnly = true })
	for name, tt := range map[string]struct{ query, want string }{
		"60 aliases":       {"{ " + numbered(60, "a%d: __typename ") + "}", "OK"},
		"100 root fields":  {"{ " + rep("__typename ", 100) + "}", "OK"},
		"10,000 aliases":   {"{ " + numbered(10_000, "a%d: __typename ") + "}", "TOO_MANY_TOKENS"},
		"two login fields": {"mutation { a: " + login("a@b.example") + " b: " + login("a@b.example") + " }", "QUERY_TOO_COMPLEX"},
	} {
		if got := verdict(t, a.Do(t, api.Admin, tt.query, nil)); got != tt.want {
			t.Errorf("%s: answered %s, want %s", name, got, tt.want)
		}
	}
}

// TestAnOperationEndsInTime lets a mutation wait for a lock that somebody holds for
// longer than it may take.
func TestAnOperationEndsInTime(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		w := &world{API: api.New(t, db, func(c *config.Config) { c.RequestTimeout = 300 * time.Millisecond })}
		api.Fixture(t, db)
		id := order(workorder.StatusDraft, func(wo *ent.WorkOrder, _ *ent.WorkOrderItem) string { return wo.GlobalID() })(t, w)
		held, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- db.InTx(t.Context(), func(tx *ent.Tx) error {
				err := tx.WorkOrder.Update().SetNotes("tutuluyor").Exec(t.Context())
				close(held)
				<-release
				return err
			})
		}()
		<-held
		time.AfterFunc(time.Second, func() { close(release) })
		began := time.Now()
		got, a := w.send(t, `mutation($id: ID!) { submitWorkOrder(input: {id: $id}) { userErrors { code } } }`, map[string]any{"id": id})
		took := time.Since(began)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if got != "TIMEOUT" || a.Status != http.StatusGatewayTimeout || took < 300*time.Millisecond || took > 10*time.Second {
			t.Errorf("answered %s, status %d after %s: %s", got, a.Status, took, a.Body)
		}
		if n := db.AuditEvent.Query().Where(auditevent.OutcomeEQ(auditevent.OutcomeFailed), auditevent.StatusCode(http.StatusGatewayTimeout)).CountX(t.Context()); n != 1 {
			t.Errorf("%d lines in the trail", n)
		}
		if status := db.WorkOrder.Query().Where(workorder.Notes("tutuluyor")).OnlyX(t.Context()).Status; status != workorder.StatusDraft {
			t.Errorf("the order is %s all the same", status)
		}
	})
}

func TestPagesOfOtherOriginsAreKeptOut(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite))
	const ours, foreign = "https://console.port.example", "https://evil.example"
	listed := another(t, a, func(c *config.Config) { c.CORSOrigins = []string{ours} })
	ask := func(h http.Handler, method, origin string) http.Header {
		r := httptest.NewRequest(method, "/graphql", strings.NewReader(posted("{ viewer { id } }", nil)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", http.MethodPost)
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Header()
	}
	for _, method := range []string{http.MethodPost, http.MethodOptions} {
		for _, tt := range []struct {
			name, origin, want string
			*server.Server
		}{
			{"nobody is listed", ours, "", a.Server},
			{"another is listed", foreign, "", listed},
			{"one that begins alike", ours + ".evil.example", "", listed},
			{"the null origin", "null", "", listed},
			{"listed", ours, ours, listed},
		} {
			h := ask(tt.Handler(), method, tt.origin)
			if got := h.Get("Access-Control-Allow-Origin"); got != tt.want || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %s, %s: allowed %q: %v", method, tt.origin, tt.name, got, h)
			}
		}
	}
	for _, path := range []string{"/graphql", "/healthz", "/readyz"} {
		w := httptest.NewRecorder()
		a.Server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		for header, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Strict-Transport-Security": "", "Set-Cookie": "", "Server": "",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q", path, header, got)
			}
		}
	}
}

// another makes another server over the API's database, with other settings.
func another(t *testing.T, a *api.API, adjust func(*config.Config)) *server.Server {
	t.Helper()
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.JWTKey = "a key for tests that is long enough"
	cfg.RateOperations, cfg.RateCost, cfg.RateLogins = 0, 0, 0
	adjust(cfg)
	srv, err := server.New(server.Deps{Config: cfg, DB: a.DB, Version: "test", Now: a.Clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

func TestWithACertificateOnlyHTTPSIsSpoken(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPath, keyPath := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{certPath: {Type: "CERTIFICATE", Bytes: der}, keyPath: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := listen(t, api.New(t, aliatest.Open(t, dialect.SQLite)), func(c *config.Config) { c.TLSCert, c.TLSKey = certPath, keyPath })
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	for name, tt := range map[string]struct {
		versions *tls.Config
		want     bool
	}{
		"TLS 1.3": {&tls.Config{RootCAs: roots}, true}, "TLS 1.2": {&tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}, true},
		"TLS 1.1": {&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
	} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: tt.versions}}
		resp, err := client.Get("https://" + s.address + "/healthz")
		if (err == nil) != tt.want {
			t.Errorf("%s: error %v", name, err)
		}
		if err == nil {
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Strict-Transport-Security") == "" {
				t.Errorf("%s: status %s, headers %v", name, resp.Status, resp.Header)
			}
			_ = resp.Body.Close()
		}
		client.CloseIdleConnections()
	}
	if a, err := s.exchange(s.request(api.Admin, posted("{ viewer { id } }", nil))); err == nil && a.Status == http.StatusOK {
		t.Errorf("over plain HTTP it answers %s", a.Body)
	}
}
