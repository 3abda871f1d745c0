// Dashboard measures the dashboard over HTTP, and beside it what counting the work
// orders by status would take. It seeds a fresh SQLite file and a throw-away
// PostgreSQL, or takes seeded databases as they are, and prints a table for
// docs/benchmarks.md.
//
//	go run ./loadtest/dashboard -orders 200000
//	go run ./loadtest/dashboard -urls sqlite:///srv/big.db,postgres://…/big
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
)

const query = `{ dashboard { workOrders { status count } dueToday overdue boatsAtSea vehiclesInside newestGateEvents { direction at log { vehiclePlate } } } }`

// counting is what the dashboard would send without kept counts.
const counting = `SELECT status, count(*) FROM work_orders WHERE is_active = true GROUP BY status`

func main() {
	orders := flag.Int("orders", 200_000, "work orders to seed")
	urls := flag.String("urls", "", "databases to take instead, with commas between them")
	requests := flag.Int("requests", 200, "requests to measure")
	flag.Parse()
	if err := run(context.Background(), *orders, *requests, *urls); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, orders, requests int, urls string) (err error) {
	given := strings.Split(urls, ",")
	if urls == "" {
		dir, err := os.MkdirTemp("", "dashboard-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		pg, stop, err := server.StartPostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		given = []string{"sqlite://" + filepath.Join(dir, "dashboard.db"), pg}
	} else {
		orders = 0
	}
	fmt.Println("| database | work orders | dashboard p50 ms | p95 ms | counting p50 ms | ratio |\n|---|---|---|---|---|---|")
	for _, url := range given {
		if err := database(ctx, url, orders, requests); err != nil {
			return err
		}
	}
	return nil
}

func database(ctx context.Context, url string, orders, requests int) (err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return err
	}
	c, users, stop, err := measure.Serve(ctx, db, 1)
	if err != nil {
		return err
	}
	defer stop()
	if orders > 0 {
		if _, err := seed.Run(ctx, db, users, seed.Options{WorkOrders: orders, Cari: 500, Services: 200, Seed: 1, Now: calendar.Now()}); err != nil {
			return err
		}
	}
	total := 0
	if err := db.Reader().QueryRowContext(ctx, "SELECT count(*) FROM work_orders").Scan(&total); err != nil {
		return err
	}
	ask := func() error {
		_, err := c.Post(ctx, query, nil, nil)
		return err
	}
	count := func() error {
		rows, err := db.Reader().QueryContext(ctx, counting)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() { // reading is what is measured
		}
		return rows.Err()
	}
	// One after the other in turns, so that what else the machine does befalls both.
	var asked, counted []time.Duration
	for i := range requests {
		took, err := timed(ask)
		if err != nil {
			return err
		}
		if asked = append(asked, took); i%10 > 0 {
			continue
		}
		if took, err = timed(count); err != nil {
			return err
		}
		counted = append(counted, took)
	}
	p50, without := measure.Percentile(asked, 50), measure.Percentile(counted, 50)
	fmt.Printf("| %s | %d | %.1f | %.1f | %.1f | %.0f |\n", db.Dialect(), total, measure.Ms(p50), measure.Ms(measure.Percentile(asked, 95)), measure.Ms(without),
		float64(without)/float64(p50))
	return nil
}

func timed(do func() error) (time.Duration, error) {
	start := time.Now()
	err := do()
	return time.Since(start), err
}
