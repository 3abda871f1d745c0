// Growth measures whether questions take longer when the port has more to its name:
// the board, the first and the 1,000th page of every list, look-ups by id and by code,
// counts and the dashboard, at several sizes of the database. Customers grow with the
// work orders, and so do trips, gate and work logs. A server process stands on each
// database; one client asks them in turn, one question after the other, each for
// another record. It prints tables for docs/benchmarks.md.
//
//	go run ./loadtest/growth -database sqlite -sizes 10000,100000,1000000
//	go run ./loadtest/growth -database postgres -sizes 10000,100000
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lib/pq"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

type options struct {
	database         string
	sizes            []int
	urls             []string // of databases that are there, one a size
	requests, rounds int
	only             string
}

func main() {
	var o options
	flag.StringVar(&o.database, "database", "sqlite", "sqlite or postgres")
	flag.IntVar(&o.requests, "requests", 60, "requests of each question to each size in a round")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds")
	flag.StringVar(&o.only, "only", "", "questions whose names hold this")
	sizes := flag.String("sizes", "10000,100000,1000000", "work orders, the smallest first")
	urls := flag.String("urls", "", "databases to take instead of fresh ones, one a size, with commas between them")
	flag.Parse()
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "sizes:", text)
			os.Exit(2)
		}
		o.sizes = append(o.sizes, n)
	}
	if *urls != "" {
		o.urls = strings.Split(*urls, ",")
	}
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var (
	errUsage = errors.New("as many databases as sizes, and sqlite or postgres")
	errEmpty = errors.New("there is nothing to ask about")
)

func run(ctx context.Context, o options) (err error) {
	if o.urls != nil && len(o.urls) != len(o.sizes) || o.database != "sqlite" && o.database != "postgres" {
		return errUsage
	}
	dir, err := os.MkdirTemp("", "growth-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.urls == nil {
		stop, err := o.fill(ctx, dir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	var ports []*port
	defer func() {
		for _, p := range ports {
			_, failed := p.process.Stop()
			err = errors.Join(err, failed)
		}
	}()
	for i, url := range o.urls {
		token, err := token(ctx, url)
		if err != nil {
			return err
		}
		s, err := process.Run(ctx, binary, url, "ALIAPORT_JWT_KEY="+measure.Key, "ALIAPORT_RATE_OPERATIONS=0", "ALIAPORT_RATE_COST=0", "ALIAPORT_JOBS=false")
		if err != nil {
			return err
		}
		p := &port{size: o.sizes[i], process: s, client: measure.NewClient(s.URL, token, 1)}
		ports = append(ports, p)
		if err := p.collect(ctx); err != nil {
			return fmt.Errorf("%d work orders: %w", p.size, err)
		}
	}
	return ask(ctx, o, ports)
}

// fill makes fresh databases with so many work orders.
func (o *options) fill(ctx context.Context, dir string) (stop func() error, err error) {
	stop = func() error { return nil }
	var server string
	if o.database == "postgres" {
		if server, stop, err = pgserver.StartPostgres(ctx); err != nil {
			return nil, err
		}
	}
	for _, n := range o.sizes {
		url := "sqlite://" + filepath.Join(dir, fmt.Sprintf("%d.db", n))
		if o.database == "postgres" {
			if url, err = created(ctx, server, fmt.Sprintf("growth_%d", n)); err != nil {
				return stop, err
			}
		}
		if err := o.seed(ctx, url, n); err != nil {
			return stop, err
		}
		o.urls = append(o.urls, url)
	}
	return stop, nil
}

// created makes an empty database on the server and returns its URL.
func created(ctx context.Context, server, name string) (string, error) {
	db, err := store.Open(ctx, server, store.Options{})
	if err != nil {
		return "", err
	}
	_, err = db.Writer().ExecContext(ctx, "CREATE DATABASE "+pq.QuoteIdentifier(name))
	before, after, _ := strings.Cut(server, "?")
	return before[:strings.LastIndex(before, "/")] + "/" + name + "?" + after, errors.Join(err, db.Close())
}

// The port grows with its work orders: a customer for every 200, a trip for every 50.
func (*options) seed(ctx context.Context, url string, orders int) (err error) {
	db, err := store.Open(ctx, url, store.Options{Synchronous: "NORMAL"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return err
	}
	_, users, stop, err := measure.Serve(ctx, db, 1)
	if err != nil {
		return err
	}
	defer stop()
	r, err := seed.Run(ctx, db, users, seed.Options{
		WorkOrders: orders, Cari: max(orders/200, 1), Services: 200, Motorbots: 20, Trips: orders / 50, Seed: 1, Now: calendar.Now(), //nolint:mnd // see above
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d work orders: %v\n", orders, r)
	return nil
}

// token is one of the administrator.
func token(ctx context.Context, url string) (token string, err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return "", err
	}
	c, _, stop, err := measure.Serve(ctx, db, 1)
	if err != nil {
		return "", err
	}
	stop()
	return c.Token, nil
}
