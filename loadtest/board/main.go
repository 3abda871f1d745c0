// Board measures the query of the work order board over HTTP: it seeds a fresh
// SQLite file and a throw-away PostgreSQL, serves each on loopback and sends the
// query from many connections, each time for another page. It prints a table for
// docs/benchmarks.md.
//
//	go run ./loadtest/board -orders 20000 -requests 500 -connections 16
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/migrate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/server"
)

const board = `query Board($first: Int!, $after: String) { workOrders(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node { id woNumber status subject priority createdAt cari { id cariCode title }
    items { id quantity unitPrice service { id code name unit } } } } } }`

// load is how the query is sent.
type load struct{ orders, requests, connections, first int }

func main() {
	var l load
	flag.IntVar(&l.orders, "orders", 20_000, "work orders to seed, about five items each")
	flag.IntVar(&l.requests, "requests", 500, "requests to measure")
	flag.IntVar(&l.connections, "connections", 16, "connections that send at once")
	flag.IntVar(&l.first, "first", 50, "rows a page")
	flag.Parse()
	if err := run(context.Background(), l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, l load) (err error) {
	dir, err := os.MkdirTemp("", "board-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pg, stop, err := pgserver.StartPostgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	fmt.Printf("%d work orders, %d requests, %d connections, %d rows a page\n\n", l.orders, l.requests, l.connections, l.first)
	fmt.Println("| database | statements | bytes | p50 ms | p95 ms | requests/s |\n|---|---|---|---|---|---|")
	for _, d := range []struct{ name, url string }{{"SQLite", "sqlite://" + filepath.Join(dir, "board.db")}, {"PostgreSQL", pg}} {
		if err := measure(ctx, d.name, d.url, l); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

func measure(ctx context.Context, name, url string, l load) (err error) {
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		return err
	}
	cfg.JWTKey = "only for measuring, on a server that is thrown away"
	cfg.RateOperations, cfg.RateCost = 0, 0 // one user asks for all
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return err
	}
	srv, err := server.New(server.Deps{Config: cfg, DB: db, Log: slog.New(slog.DiscardHandler), Version: "bench"})
	if err != nil {
		return err
	}
	users := srv.Users()
	if err := users.EnsureRights(ctx); err != nil {
		return err
	}
	if _, err := users.EnsureAdmin(ctx, cfg.AdminEmail, ""); err != nil {
		return err
	}
	if _, err := seed.Run(ctx, db, users, seed.Options{WorkOrders: l.orders, Cari: 500, Services: 200, Seed: 1, Now: calendar.Now()}); err != nil {
		return err
	}
	token, err := users.DemoToken(ctx, cfg.AdminEmail)
	if err != nil {
		return err
	}
	web := httptest.NewServer(srv.Handler())
	defer web.Close()
	c := client{url: web.URL + "/graphql", token: token, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.connections}}}

	// Every page of the list, so that no request repeats the one before.
	cursors := []string{""}
	for {
		a, err := c.ask(ctx, l.first, cursors[len(cursors)-1])
		if err != nil {
			return err
		}
		page := a.Data.WorkOrders.PageInfo
		if !page.HasNextPage {
			break
		}
		cursors = append(cursors, page.EndCursor)
	}
	one, err := c.ask(ctx, l.first, cursors[len(cursors)/2])
	if err != nil {
		return err
	}
	counted, err := c.profiled(ctx, l.first, cursors[len(cursors)/2])
	if err != nil {
		return err
	}
	took := make([]time.Duration, l.requests)
	start := time.Now()
	g := errgroup.Group{}
	for w := range l.connections {
		g.Go(func() error {
			dice := rand.New(rand.NewPCG(1, uint64(w))) //nolint:gosec // which page to ask for is no secret
			for i := w; i < l.requests; i += l.connections {
				begin := time.Now()
				if _, err := c.ask(ctx, l.first, cursors[dice.IntN(len(cursors)-1)]); err != nil {
					return err
				}
				took[i] = time.Since(begin)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	all := time.Since(start)
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Printf("| %s | %d | %d | %.1f | %.1f | %.0f |\n", name, counted.Extensions.Profile.StatementCount, one.bytes,
		ms(took[len(took)/2]), ms(took[len(took)*95/100]), float64(l.requests)/all.Seconds())
	return nil
}

type client struct {
	url, token string
	http       *http.Client
	profile    bool
}

type answer struct {
	Data struct {
		WorkOrders struct {
			PageInfo struct {
				HasNextPage bool
				EndCursor   string
			}
		}
	}
	Errors     []struct{ Message string }
	Extensions struct {
		Profile struct{ StatementCount int }
	}
	bytes int
}

var errAnswer = errors.New("the server answered with errors")

// profiled asks with the count of statements, which makes the answer longer.
func (c client) profiled(ctx context.Context, first int, after string) (*answer, error) {
	c.profile = true
	return c.ask(ctx, first, after)
}

// ask sends the query for one page.
func (c client) ask(ctx context.Context, first int, after string) (*answer, error) {
	variables := map[string]any{"first": first}
	if after != "" {
		variables["after"] = after
	}
	body, err := json.Marshal(map[string]any{"query": board, "variables": variables})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	if c.profile {
		r.Header.Set("X-Aliaport-Profile", "1")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{bytes: len(text)}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, err
	}
	if len(a.Errors) > 0 {
		return nil, fmt.Errorf("%w: %s", errAnswer, text)
	}
	return a, nil
}
