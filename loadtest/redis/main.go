// Redis measures what becomes of answers while Redis is slow, away or another one. It
// seeds a throw-away PostgreSQL, runs two servers as processes with a line to Redis that
// can be cut and slowed down, finds out how many requests a second they answer at most,
// and sends half as many through each state. It prints a table for docs/benchmarks.md.
//
//	go run ./loadtest/redis -seconds 10
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/parameter"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

// questions are those whose answers the cache has, and a page of rows that each have a
// customer.
var questions = []string{
	`{ parametersByCategory(category: "PARA_BIRIMI") { code name value } }`,
	`{ parameter(category: "PARA_BIRIMI", code: "USD") { value } latestExchangeRates { currencyFrom forexSelling } }`,
	`{ activePriceList(currency: "USD") { code } viewer { permissions } }`,
	`{ workOrders(first: 10) { nodes { woNumber cari { title } } } }`,
}

const (
	connections = 32
	servers     = 2
	slow        = 5 * time.Second
)

func main() {
	seconds := flag.Int("seconds", 10, "how long each state lasts")
	flag.Parse()
	if err := run(context.Background(), time.Duration(*seconds)*time.Second); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, lasting time.Duration) (err error) {
	dir, err := os.MkdirTemp("", "redis-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pg, stopPostgres, err := pgserver.StartPostgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopPostgres()) }()
	redis, stopRedis, err := pgserver.StartRedis(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopRedis()) }()
	line, err := pgserver.NewProxy(ctx, redis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, line.Close()) }()
	token, err := prepare(ctx, pg)
	if err != nil {
		return err
	}
	clients := make([]*measure.Client, 0, servers)
	for range servers {
		p, err := process.Start(ctx, dir, pg, "ALIAPORT_JWT_KEY="+measure.Key,
			"ALIAPORT_RATE_OPERATIONS=0", "ALIAPORT_RATE_COST=0", "ALIAPORT_REDIS_URL=redis://"+line.Addr)
		if err != nil {
			return err
		}
		defer func() {
			_, failed := p.Stop()
			err = errors.Join(err, failed)
		}()
		clients = append(clients, measure.NewClient(p.URL, token, connections))
	}
	saturating := saturate(ctx, clients, lasting)
	fmt.Printf("At most %d requests a second; half of that in each state for %s.\n\n%s\n", saturating, lasting, measure.Head("Redis", "requests"))
	for _, state := range []struct {
		name  string
		enter func()
	}{
		{"there", func() {}},
		{"answers after " + slow.String(), func() { line.Delay(slow) }},
		{"there again", func() { line.Pass(redis) }},
		{"away", line.Cut},
		{"there again", func() { line.Pass(redis) }},
	} {
		took, faults := pace(ctx, clients, saturating/2, lasting, state.enter) //nolint:mnd // half
		fmt.Printf("| %s | %s |\n", state.name, measure.Row(took))
		for _, fault := range slices.Sorted(maps.Keys(faults)) {
			fmt.Printf("\n%d requests: %s\n", faults[fault], fault)
		}
	}
	return nil
}

// prepare makes the tables and what the questions are about, and returns a token of the
// administrator.
func prepare(ctx context.Context, url string) (token string, err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return "", err
	}
	c, users, stop, err := measure.Serve(ctx, db, 1)
	if err != nil {
		return "", err
	}
	defer stop()
	if err := parameter.Ensure(ctx, db, calendar.Now()); err != nil {
		return "", err
	}
	_, err = seed.Run(ctx, db, users, seed.Options{WorkOrders: 2000, Cari: 200, Services: 100, Seed: 1, Now: calendar.Now()})
	return c.Token, err
}

// ask sends the i-th question, to the servers in turn.
func ask(ctx context.Context, clients []*measure.Client, i int) error {
	_, err := clients[i%len(clients)].Post(ctx, questions[i/len(clients)%len(questions)], nil, nil)
	return err
}

// saturate asks from all connections as fast as answers come, and returns how many came
// in a second.
func saturate(ctx context.Context, clients []*measure.Client, lasting time.Duration) int {
	var n atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range connections {
		all.Go(func() {
			for time.Since(begin) < lasting {
				if ask(ctx, clients, int(n.Add(1))) != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return int(float64(n.Load()) / time.Since(begin).Seconds())
}

// pace asks at a steady rate, enters the state when a tenth of the time is over and
// returns how long each answer took from when it was due.
func pace(ctx context.Context, clients []*measure.Client, rate int, lasting time.Duration, enter func()) (took []time.Duration, faults map[string]int) {
	const tenth = 10
	timer := time.AfterFunc(lasting/tenth, enter)
	defer timer.Stop()
	var mu sync.Mutex
	faults = map[string]int{}
	measure.Pace(rate, lasting, func(i int, due time.Time) {
		err := ask(ctx, clients, i)
		d := time.Since(due)
		mu.Lock()
		defer mu.Unlock()
		took = append(took, d)
		if err != nil {
			name, _, _ := strings.Cut(measure.Fault(err), "\n")
			faults[name]++
		}
	})
	return took, faults
}
