// Login measures sign-ins from one address (scenario C): it starts a real server
// process on a fresh SQLite file or a throw-away PostgreSQL, both as durable as a new
// installation, and sends so many sign-ins a second with the right password as it is
// told, each for another account, whatever the server does with them. Latency counts
// from the moment at which a sign-in was due. It fails if another number passes in a
// minute than the limit lets through, or if an answer is a server's fault.
//
//	go run ./loadtest/login -rate 30 -duration 60s -database sqlite
//	go run ./loadtest/login -rate 30 -duration 60s -database postgres
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/loadtest/process"
)

const (
	accounts = 20
	password = "a long pass phrase of the load test" //nolint:gosec // of accounts that are thrown away
	key      = "only for measuring, on a server that is thrown away"
	document = `mutation SignIn($in: LoginInput!) { login(input: $in) { accessToken userErrors { code } } }`
)

type load struct {
	rate     int
	duration time.Duration
	database string
}

func main() {
	var l load
	flag.IntVar(&l.rate, "rate", 30, "sign-ins a second")
	flag.DurationVar(&l.duration, "duration", time.Minute, "how long")
	flag.StringVar(&l.database, "database", "sqlite", "sqlite or postgres: a fresh file or a throw-away server")
	flag.Parse()
	if err := run(context.Background(), l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, l load) (err error) {
	dir, err := os.MkdirTemp("", "login-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	url := "sqlite://" + filepath.Join(dir, "login.db")
	if l.database == "postgres" {
		pg, stop, err := server.StartDurablePostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		url = pg
	}
	if err := prepare(ctx, url); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	srv, err := process.Start(ctx, dir, url, "ALIAPORT_JWT_KEY="+key)
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s := &sender{load: l, url: srv.URL + "/graphql", took: map[string][]time.Duration{}, http: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 128},
	}}
	s.send(ctx)
	usage, err := srv.Stop()
	if err != nil {
		return err
	}
	s.report()
	fmt.Printf("the server took %s of CPU\n", (usage.UserTime() + usage.SystemTime()).Round(10*time.Millisecond))
	return s.judge()
}

func prepare(ctx context.Context, url string) (err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return err
	}
	users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
	if err := users.EnsureRights(ctx); err != nil {
		return err
	}
	for i := range accounts {
		if _, err := users.Add(ctx, email(i), "Load", password, actor.RoleField); err != nil {
			return err
		}
	}
	return nil
}

func email(i int) string { return fmt.Sprintf("load%d@aliaport.example", i%accounts) }

type sender struct {
	load
	url  string
	http *http.Client

	mu   sync.Mutex // protects took
	took map[string][]time.Duration
}

func (s *sender) send(ctx context.Context) {
	pause := time.Second / time.Duration(s.rate)
	begin := time.Now()
	var all sync.WaitGroup
	for i := 0; ; i++ {
		due := begin.Add(time.Duration(i) * pause)
		if due.Sub(begin) >= s.duration {
			break
		}
		time.Sleep(time.Until(due))
		all.Go(func() {
			outcome := s.ask(ctx, i)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.took[outcome] = append(s.took[outcome], time.Since(due))
		})
	}
	all.Wait()
}

const passed = "passed"

// ask sends one sign-in and says how it ended: passed, or by HTTP status and code.
func (s *sender) ask(ctx context.Context, i int) string {
	body, err := json.Marshal(map[string]any{"query": document, "variables": map[string]any{"in": map[string]any{"email": email(i), "password": password}}})
	if err != nil {
		return err.Error()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(r)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var a struct {
		Data struct {
			Login *struct {
				AccessToken *string
				UserErrors  []struct{ Code string }
			}
		}
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return fmt.Sprintf("%d without JSON", resp.StatusCode)
	}
	switch {
	case a.Data.Login != nil && a.Data.Login.AccessToken != nil:
		return passed
	case a.Data.Login != nil && len(a.Data.Login.UserErrors) > 0:
		return fmt.Sprintf("%d %s", resp.StatusCode, a.Data.Login.UserErrors[0].Code)
	case len(a.Errors) > 0:
		return fmt.Sprintf("%d %s", resp.StatusCode, a.Errors[0].Extensions.Code)
	}
	return fmt.Sprintf("%d without an answer", resp.StatusCode)
}

// report prints a table for docs/benchmarks.md.
func (s *sender) report() {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Printf("%s, %d sign-ins a second for %s from one address, %d accounts\n\n", s.database, s.rate, s.duration, accounts)
	fmt.Println("| answer | number | p50 ms | p95 ms | p99 ms | max ms |\n|---|---|---|---|---|---|")
	for outcome, took := range s.took {
		slices.Sort(took)
		at := func(part int) float64 { return ms(took[(len(took)-1)*part/100]) }
		fmt.Printf("| %s | %d | %.1f | %.1f | %.1f | %.1f |\n", outcome, len(took), at(50), at(95), at(99), at(100))
	}
	fmt.Println()
}

var (
	errLimit = errors.New("the limit let another number pass")
	errFault = errors.New("there were answers that are neither a session nor a refusal")
)

// judge knows the server's default: 10 a minute, which may be used at once and then
// come back one by one.
func (s *sender) judge() error {
	const perMinute = 10
	if n, most := len(s.took[passed]), perMinute+int(s.duration*perMinute/time.Minute); n < perMinute || n > most {
		return fmt.Errorf("%w: %d, want %d to %d", errLimit, n, perMinute, most)
	}
	for outcome := range s.took {
		if outcome != passed && !strings.Contains(outcome, "RATE_LIMITED") {
			return fmt.Errorf("%w: %s", errFault, outcome)
		}
	}
	return nil
}
