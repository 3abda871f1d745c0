package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/apperr"
	"aliaport/internal/config"
	"aliaport/internal/seed"
	"aliaport/server"
)

// promptly is how soon every refusal must come.
const promptly = time.Second

// site is a server that listens as the program does.
type site struct {
	*api.API // speaks to another server over the same database

	address string
	log     *book
}

// book keeps what a server logs.
type book struct {
	mu        sync.Mutex // protects text
	text      bytes.Buffer
	listening chan struct{} // closed when the server is ready
	once      sync.Once
}

func (b *book) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes.Contains(line, []byte(`"msg":"listening"`)) {
		b.once.Do(func() { close(b.listening) })
	}
	return b.text.Write(line)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// listen runs a server over the API's database until the test ends.
func listen(t *testing.T, a *api.API, adjust ...func(*config.Config)) *site {
	t.Helper()
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.JWTKey = "a key for tests that is long enough" // that of the kit: its tokens are good here
	for _, f := range adjust {
		f(cfg)
	}
	for range 10 { // somebody else may take the port meanwhile
		cfg.Listen, cfg.AdminListen = unused(t), unused(t)
		log := &book{listening: make(chan struct{})}
		srv, err := server.New(server.Deps{
			Config: cfg, DB: a.DB, Version: "test", Now: a.Clock.Now,
			Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- srv.Run(ctx) }()
		select {
		case <-log.listening:
			t.Cleanup(func() {
				stop()
				if err := <-ended; err != nil {
					t.Errorf("the server did not stop in order: %v", err)
				}
			})
			return &site{a, cfg.Listen, log}
		case err := <-ended:
			stop()
			t.Logf("trying another port: %v", err)
		}
	}
	t.Fatal("found no port to listen on")
	return nil
}

func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
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
		for {
			select {
			case <-r.stop:
				return
			default:
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

func TestExplore(t *testing.T) {
	a := api.New(t, aliatest.Open(t, "sqlite3"))
	api.Fixture(t, a.DB)
	if _, err := seed.Run(t.Context(), aliatest.Open(t, "sqlite3"), a.Server.Users(), seed.Options{}); err == nil {
		t.Log("seed ok")
	}
	_ = apperr.Internal
	s := listen(t, a)
	for name, q := range map[string]string{
		"pw int":      `mutation { login(input: {email: "x", password: 12345678}) { accessToken } }`,
		"pw enum":     `mutation { login(input: {email: "x", password: Secret123}) { accessToken } }`,
		"pw two":      `mutation { login(input: {email: "x", password: "Secret1" "Secret2"}) { accessToken } }`,
		"pw missing:": `mutation { login(input: {email: "x", password "Secret2"}) { accessToken } }`,
		"pw noname":   `mutation { login(input: {email: "x", "Secret2"}) { accessToken } }`,
		"unterm":      `mutation { login(input: {email: "x", password: "Secret2}) { accessToken } }`,
		"esc":         `mutation { login(input: {email: "x", password: "Secr\et2"}) { accessToken } }`,
		"obj":         `mutation { login(input: {email: "x", password: {Secret: 5}}) { accessToken } }`,
		"unknown arg": `mutation { login(input: {email: "x", passwort: "Secret2", password: "x"}) { accessToken } }`,
		"toplevel":    `mutation { login(input: "Secret2") { accessToken } }`,
		"conflict":    `mutation { a: login(input: {email: "x", password: "Secret1"}) { accessToken } a: refreshToken(input: {refreshToken: "Secret2"}) { accessToken } }`,
		"conflict2":   `mutation { login(input: {email: "x", password: "Secret1"}) { accessToken } login(input: {email: "x", password: "Secret2"}) { accessToken } }`,
		"conflict3":   `{ a: cari(cariCode: "Secret1") { id }  a: cari(cariCode: "Secret2") { id } }`,
		"intro":       `{ __schema { types { name } } }`,
		"intro2":      `{ __type(name: "Query") { name } }`,
		"sugg":        `{ viewr { id } }`,
		"sugg2":       `{ viewer { ide } }`,
		"int":         `{ workOrders(first: 99999999999999999999) { nodes { id } } }`,
		"int32":       `{ workOrders(first: 3000000000) { nodes { id } } }`,
		"intf":        `{ workOrders(first: 1.5) { nodes { id } } }`,
		"cycle":       `{ viewer { ...A } } fragment A on Viewer { id ...A }`,
		"sub":         `subscription { x }`,
		"nul":         "{ viewer { id } \x00 }",
		"enum":        `{ workOrders(filter: {status: [draft]}) { nodes { id } } }`,
	} {
		for _, role := range []string{"", api.Admin} {
			ans, err := s.exchange(s.request(role, posted(q, nil)))
			if err != nil {
				t.Error(name, err)
				continue
			}
			t.Logf("%-10s %-18s %d %s", name, role, ans.Status, ans.Body)
		}
	}
	for name, c := range map[string]struct {
		q    string
		vars string
	}{
		"num":    {`mutation($p: String!) { login(input: {email: "x", password: $p}) { accessToken } }`, `{"p": 12345678}`},
		"obj":    {`mutation($p: String!) { login(input: {email: "x", password: $p}) { accessToken } }`, `{"p": {"Secret": 1}}`},
		"list":   {`mutation($p: String!) { login(input: {email: "x", password: $p}) { accessToken } }`, `{"p": ["Secret1"]}`},
		"unk":    {`mutation($p: LoginInput!) { login(input: $p) { accessToken } }`, `{"p": {"email": "x", "Secret1": "Secret2"}}`},
		"enum":   {`query($p: [WorkOrderStatus!]) { workOrders(filter: {status: $p}) { nodes { id } } }`, `{"p": ["draft"]}`},
		"enum1":  {`query($p: WorkOrderType) { workOrders(filter: {type: $p}) { nodes { id } } }`, `{"p": "service"}`},
		"enum0":  {`query($p: WorkOrderType) { workOrders(filter: {type: $p}) { nodes { id } } }`, `{"p": 0}`},
		"enum2":  {`query($p: OrderDirection!) { workOrders(orderBy: {field: CREATED_AT, direction: $p}) { nodes { id } } }`, `{"p": "asc"}`},
		"int":    {`query($p: Int) { workOrders(first: $p) { nodes { id } } }`, `{"p": 99999999999999999999}`},
		"intf":   {`query($p: Int) { workOrders(first: $p) { nodes { id } } }`, `{"p": 1.5}`},
		"ints":   {`query($p: Int) { workOrders(first: $p) { nodes { id } } }`, `{"p": "x"}`},
		"ints5":  {`query($p: Int) { workOrders(first: $p) { nodes { id } } }`, `{"p": "5"}`},
		"ids":    {`query($p: [ID!]!) { nodes(ids: $p) { id } }`, `{"p": [null]}`},
		"ids1":   {`query($p: [ID!]!) { nodes(ids: $p) { id } }`, `{"p": "x"}`},
		"ids2":   {`query($p: [ID!]!) { nodes(ids: $p) { id } }`, `{"p": [["x"]]}`},
		"nulvar": {`query($p: String) { cari(cariCode: $p) { id } }`, `{"p": "a\u0000b"}`},
		"dt":     {`query($p: DateTime) { workOrders(filter: {createdAt: {from: $p}}) { nodes { id } } }`, `{"p": {"a": 1}}`},
		"dtnum":  {`query($p: DateTime) { workOrders(filter: {createdAt: {from: $p}}) { nodes { id } } }`, `{"p": 5}`},
	} {
		ans, err := s.exchange(s.request(api.Admin, `{"query": `+string(must(json.Marshal(c.q)))+`, "variables": `+c.vars+`}`))
		if err != nil {
			t.Error(name, err)
			continue
		}
		t.Logf("%-10s %d %s", name, ans.Status, ans.Body)
	}
	t.Log(s.log.String())
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
