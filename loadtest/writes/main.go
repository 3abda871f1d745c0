// Writes measures how many work orders a server takes a second: each is made with three
// lines and handed in, two mutations with rights, price, audit and history, committed
// one by one. Beside it runs the same on SQLite with synchronous=NORMAL, which does not
// wait for the disk at a commit: that is the most that sharing commits could bring. It
// prints a table for docs/benchmarks.md.
//
//	go run ./loadtest/writes -for 8s -rounds 3 -connections 1,16,50
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

const (
	create = `mutation ($input: CreateWorkOrderInput!) { r: createWorkOrder(input: $input) { workOrder { id } userErrors { code } } }`
	submit = `mutation ($input: WorkOrderStepInput!) { r: submitWorkOrder(input: $input) { workOrder { id } userErrors { code } } }`
)

func main() {
	lasting := flag.Duration("for", 8*time.Second, "how long each is measured in a round")
	rounds := flag.Int("rounds", 3, "rounds, in each of which all are measured")
	connections := flag.String("connections", "1,16,50", "clients at once")
	flag.Parse()
	var clients []int
	for text := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "connections:", text)
			os.Exit(2)
		}
		clients = append(clients, n)
	}
	if err := run(context.Background(), *lasting, *rounds, clients); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// contender is a server whose database promises something.
type contender struct {
	name   string
	server *process.Process
	client *measure.Client
	cari   string
	lines  []map[string]any

	rates []float64
	took  []time.Duration
	cpu   time.Duration
}

func run(ctx context.Context, lasting time.Duration, rounds int, clients []int) (err error) {
	dir, err := os.MkdirTemp("", "writes-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pg, stop, err := pgserver.StartDurablePostgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	all := []*contender{{name: "SQLite, FULL"}, {name: "SQLite, NORMAL"}, {name: "PostgreSQL"}}
	for i, url := range []string{"sqlite://" + filepath.Join(dir, "full.db"), "sqlite://" + filepath.Join(dir, "normal.db"), pg} {
		c := all[i]
		token, err := prepare(ctx, url)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		settings := []string{"ALIAPORT_JWT_KEY=" + measure.Key, "ALIAPORT_RATE_OPERATIONS=0", "ALIAPORT_RATE_COST=0", "ALIAPORT_JOBS=false"}
		if strings.HasSuffix(c.name, "NORMAL") {
			settings = append(settings, "ALIAPORT_SQLITE_SYNCHRONOUS=NORMAL")
		}
		if c.server, err = process.Run(ctx, binary, url, settings...); err != nil {
			return err
		}
		defer func() {
			_, failed := c.server.Stop()
			err = errors.Join(err, failed)
		}()
		c.client = measure.NewClient(c.server.URL, token, slices.Max(clients))
		if err := c.learn(ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	fmt.Println("| clients | database | mutations/s | of FULL | p50 ms | p95 ms | CPU ms each |\n|---|---|---|---|---|---|---|")
	for _, n := range clients {
		for _, c := range all {
			c.rates, c.took, c.cpu = nil, nil, 0
		}
		for round := range rounds {
			for i := range all { // each round begins with another
				if err := all[(i+round)%len(all)].round(ctx, n, lasting); err != nil {
					return err
				}
			}
		}
		for _, c := range all {
			ratios := make([]float64, rounds)
			for i := range ratios {
				ratios[i] = c.rates[i] / all[0].rates[i]
			}
			fmt.Printf("| %d | %s | %.0f | %.2f | %.1f | %.1f | %.2f |\n", n, c.name, median(c.rates), median(ratios),
				measure.Ms(measure.Percentile(c.took, 50)), measure.Ms(measure.Percentile(c.took, 95)), measure.Ms(c.cpu)/float64(len(c.took))) //nolint:mnd // percentiles
		}
	}
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// prepare makes tables and rows and returns a token of the administrator.
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
	_, err = seed.Run(ctx, db, users, seed.Options{WorkOrders: 5000, Cari: 500, Services: 200, Seed: 1, Now: calendar.Now()})
	return c.Token, err
}

// learn finds a customer and three services.
func (c *contender) learn(ctx context.Context) error {
	var some struct {
		CariAccounts, Services struct {
			Nodes []struct{ CariCode, Code string }
		}
	}
	if _, err := c.client.Post(ctx, `{ cariAccounts(first: 1, filter: {isActive: true}) { nodes { cariCode } } services(first: 3, filter: {isActive: true}) { nodes { code } } }`, nil, &some); err != nil {
		return err
	}
	c.cari = some.CariAccounts.Nodes[0].CariCode
	for _, s := range some.Services.Nodes {
		c.lines = append(c.lines, map[string]any{"serviceCode": s.Code, "quantity": "2"})
	}
	return nil
}

// round lets clients make and hand in orders for a while.
func (c *contender) round(ctx context.Context, clients int, lasting time.Duration) error {
	before, _, err := c.server.Used()
	if err != nil {
		return err
	}
	var (
		mu    sync.Mutex
		took  []time.Duration
		g     errgroup.Group
		begin = time.Now()
	)
	for range clients {
		g.Go(func() error {
			for time.Since(begin) < lasting {
				started := time.Now()
				id, err := c.write(ctx, create, map[string]any{"cariCode": c.cari, "subject": "Vinç hizmeti", "items": c.lines})
				if err != nil {
					return err
				}
				made := time.Since(started)
				started = time.Now()
				if _, err := c.write(ctx, submit, map[string]any{"id": id}); err != nil {
					return err
				}
				handed := time.Since(started)
				mu.Lock()
				took = append(took, made, handed)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	c.rates = append(c.rates, float64(len(took))/time.Since(begin).Seconds())
	c.took = append(c.took, took...)
	after, _, err := c.server.Used()
	c.cpu += after - before
	return err
}

var errRefused = errors.New("refused")

func (c *contender) write(ctx context.Context, document string, input map[string]any) (id string, err error) {
	var data struct {
		R struct {
			WorkOrder  *struct{ ID string }
			UserErrors []struct{ Code string }
		}
	}
	if _, err := c.client.Post(ctx, document, map[string]any{"input": input}, &data); err != nil {
		return "", err
	}
	if data.R.WorkOrder == nil {
		return "", fmt.Errorf("%w: %v", errRefused, data.R.UserErrors)
	}
	return data.R.WorkOrder.ID, nil
}
