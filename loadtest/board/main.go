// Board measures the query of the work order board over HTTP: it seeds a fresh
// SQLite file and a throw-away PostgreSQL, serves each on loopback and sends the
// query from many connections, each time for another page. It prints a table for
// docs/benchmarks.md.
//
//	go run ./loadtest/board -orders 20000 -requests 500 -connections 16
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
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
		if err := database(ctx, d.name, d.url, l); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	return nil
}

func database(ctx context.Context, name, url string, l load) (err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return err
	}
	c, users, stop, err := measure.Serve(ctx, db, l.connections)
	if err != nil {
		return err
	}
	defer stop()
	if _, err := seed.Run(ctx, db, users, seed.Options{WorkOrders: l.orders, Cari: 500, Services: 200, Seed: 1, Now: calendar.Now()}); err != nil {
		return err
	}
	// Every page of the list, so that no request repeats the one before.
	cursors := []string{""}
	for {
		var a answer
		if _, err := c.Post(ctx, board, variables(l.first, cursors[len(cursors)-1]), &a); err != nil {
			return err
		}
		page := a.WorkOrders.PageInfo
		if !page.HasNextPage {
			break
		}
		cursors = append(cursors, page.EndCursor)
	}
	middle := variables(l.first, cursors[len(cursors)/2])
	one, err := c.Post(ctx, board, middle, nil)
	if err != nil {
		return err
	}
	profiled := *c
	profiled.Profile = true
	counted, err := profiled.Post(ctx, board, middle, nil)
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
				if _, err := c.Post(ctx, board, variables(l.first, cursors[dice.IntN(len(cursors)-1)]), nil); err != nil {
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
	fmt.Printf("| %s | %d | %d | %.1f | %.1f | %.0f |\n", name, counted.Extensions.Profile.StatementCount, one.Bytes,
		measure.Ms(measure.Percentile(took, 50)), measure.Ms(measure.Percentile(took, 95)), float64(l.requests)/all.Seconds())
	return nil
}

// answer is the part of the data that leads to the next page.
type answer struct {
	WorkOrders struct {
		PageInfo struct {
			HasNextPage bool
			EndCursor   string
		}
	}
}

func variables(first int, after string) map[string]any {
	if after == "" {
		return map[string]any{"first": first}
	}
	return map[string]any{"first": first, "after": after}
}
