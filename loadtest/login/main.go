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
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

const (
	accounts = 20
	password = "a long pass phrase of the load test" //nolint:gosec // of accounts that are thrown away
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
	srv, err := process.Start(ctx, dir, url, "ALIAPORT_JWT_KEY="+measure.Key)
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s := &sender{load: l, client: measure.NewClient(srv.URL, "", 128), took: map[string][]time.Duration{}}
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
	client *measure.Client

	mu   sync.Mutex // protects took
	took map[string][]time.Duration
}

func (s *sender) send(ctx context.Context) {
	measure.Pace(s.rate, s.duration, func(i int, due time.Time) {
		outcome := s.ask(ctx, i)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.took[outcome] = append(s.took[outcome], time.Since(due))
	})
}

const passed = "passed"

// ask sends one sign-in and says how it ended: passed, or by HTTP status and code.
func (s *sender) ask(ctx context.Context, i int) string {
	var data struct {
		Login struct {
			AccessToken *string
			UserErrors  []struct{ Code string }
		}
	}
	a, err := s.client.Post(ctx, document, map[string]any{"in": map[string]any{"email": email(i), "password": password}}, &data)
	switch {
	case err != nil:
		return measure.Fault(err)
	case data.Login.AccessToken != nil:
		return passed
	case len(data.Login.UserErrors) > 0:
		return fmt.Sprintf("%d %s", a.Status, data.Login.UserErrors[0].Code)
	}
	return fmt.Sprintf("%d without an answer", a.Status)
}

// report prints a table for docs/benchmarks.md.
func (s *sender) report() {
	fmt.Printf("%s, %d sign-ins a second for %s from one address, %d accounts\n\n", s.database, s.rate, s.duration, accounts)
	fmt.Println(measure.Head("answer", "number"))
	for outcome, took := range s.took {
		fmt.Printf("| %s | %s |\n", outcome, measure.Row(took))
	}
	fmt.Println()
}

var (
	errLimit = errors.New("the limit let another number pass")
	errFault = errors.New("there were answers that are neither a session nor a refusal")
)

// judge knows the server's default: 10 a minute, of which half may come at once and the
// other half evenly over the minute.
func (s *sender) judge() error {
	const half = 5
	least := half + int(s.duration*half/time.Minute) - 1 // the next may be due as the last one is sent
	if n, most := len(s.took[passed]), least+2; n < least || n > most {
		return fmt.Errorf("%w: %d, want %d to %d", errLimit, n, least, most)
	}
	for outcome := range s.took {
		if outcome != passed && !strings.Contains(outcome, "RATE_LIMITED") {
			return fmt.Errorf("%w: %s", errFault, outcome)
		}
	}
	return nil
}
