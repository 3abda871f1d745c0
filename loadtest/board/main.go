// Board measures the query of the work order board over HTTP, beside a handler that was
// written by hand for it (loadtest/board/handler) and beside the engine without compiled
// selections. It seeds a fresh SQLite file and a throw-away PostgreSQL, or takes seeded
// databases as they are, runs each as a process of its own, compares their answers, and
// sends the query to them in turn, each time for another page. It prints a table for
// docs/benchmarks.md.
//
//	go run ./loadtest/board -orders 20000 -seconds 10 -rounds 3
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
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

const board = `query Board($first: Int!, $after: String) { workOrders(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node { id woNumber status subject priority createdAt cari { id cariCode title }
    items { id quantity unitPrice service { id code name unit } } } } } }`

// load is how the query is sent.
type load struct {
	orders, rounds, first int
	seconds               time.Duration
	connections           []int
	only                  []string
	profile               string
	settings              []string
}

func main() {
	var l load
	flag.IntVar(&l.orders, "orders", 20_000, "work orders to seed, about five items each")
	flag.IntVar(&l.rounds, "rounds", 3, "rounds, in each of which all are measured")
	flag.IntVar(&l.first, "first", 50, "rows a page")
	flag.DurationVar(&l.seconds, "for", 8*time.Second, "how long each is measured in a round")
	connections := flag.String("connections", "16,50", "connections that send at once")
	urls := flag.String("urls", "", "databases to take instead, with commas between them")
	only := flag.String("only", "handler,compiled,engine", "who is measured; with, beside these, is the server with the settings")
	settings := flag.String("settings", "", "settings (NAME=value) for with, with commas between them")
	flag.StringVar(&l.profile, "profile", "", "file for a CPU profile of the compiled server in the last round; the name of the database is put before it")
	flag.Parse()
	for text := range strings.SplitSeq(*connections, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintln(os.Stderr, "connections:", text)
			os.Exit(2)
		}
		l.connections = append(l.connections, n)
	}
	l.only, l.settings = strings.Split(*only, ","), strings.Split(*settings, ",")
	if err := run(context.Background(), l, *urls); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, l load, urls string) (err error) {
	dir, err := os.MkdirTemp("", "board-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	given := strings.Split(urls, ",")
	if urls == "" {
		pg, stop, err := pgserver.StartPostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		given = []string{"sqlite://" + filepath.Join(dir, "board.db"), pg}
	}
	fmt.Printf("%d work orders, %d rows a page, %s each in %d rounds\n\n", l.orders, l.first, l.seconds, l.rounds)
	fmt.Println("| database | connections | answered by | requests/s | of the handler's | p50 ms | p95 ms | CPU ms a request | memory MB |\n|---|---|---|---|---|---|---|---|---|")
	for _, url := range given {
		if err := database(ctx, dir, url, l, urls == ""); err != nil {
			return fmt.Errorf("%s: %w", strings.SplitN(url, ":", 2)[0], err)
		}
	}
	return nil
}

// contender is a process that answers the query.
type contender struct {
	name     string
	database string
	process  *process.Process
	client   *measure.Client
	cursors  []string // of every page

	rates []float64 // of the rounds, in requests a second
	took  []time.Duration
	cpu   time.Duration
	n     int
}

func database(ctx context.Context, dir, url string, l load, fresh bool) (err error) {
	token, err := prepare(ctx, url, l.orders, fresh)
	if err != nil {
		return err
	}
	settings := []string{"ALIAPORT_JWT_KEY=" + measure.Key, "ALIAPORT_RATE_OPERATIONS=0", "ALIAPORT_RATE_COST=0", "ALIAPORT_JOBS=false"}
	var all []*contender
	defer func() {
		for _, c := range all {
			_, failed := c.process.Stop()
			err = errors.Join(err, failed)
		}
	}()
	for _, name := range l.only {
		c := &contender{name: name, database: strings.SplitN(url, ":", 2)[0]}
		switch name {
		case "handler":
			c.process, err = process.StartOther(ctx, dir, "aliaport/loadtest/board/handler", func(address string) []string {
				return []string{"-database", url, "-listen", address}
			})
		case "engine":
			c.process, err = process.Start(ctx, dir, url, append(slices.Clone(settings), "ALIAPORT_COMPILED_SELECTIONS=false")...)
		case "with":
			c.process, err = process.Start(ctx, dir, url, append(slices.Clone(settings), l.settings...)...)
		default:
			c.process, err = process.Start(ctx, dir, url, settings...)
		}
		if err != nil {
			return err
		}
		all = append(all, c)
		c.client = measure.NewClient(c.process.URL, token, slices.Max(l.connections))
		if err := c.walk(ctx, l.first); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := alike(ctx, all, l.first); err != nil {
		return err
	}
	for _, connections := range l.connections {
		for _, c := range all {
			c.rates, c.took, c.cpu, c.n = nil, nil, 0, 0
		}
		for round := range l.rounds {
			for i := range all { // each round begins with another
				if err := all[(i+round)%len(all)].round(ctx, l, connections, uint64(round)); err != nil {
					return err
				}
			}
		}
		for _, c := range all {
			_, memory, err := c.process.Used()
			if err != nil {
				return err
			}
			ratios := make([]float64, l.rounds)
			for i := range ratios {
				ratios[i] = c.rates[i] / all[0].rates[i]
			}
			fmt.Printf("| %s | %d | %s | %.0f | %.2f | %.1f | %.1f | %.2f | %d |\n", strings.SplitN(url, ":", 2)[0], connections, c.name,
				median(c.rates), median(ratios), measure.Ms(measure.Percentile(c.took, 50)), measure.Ms(measure.Percentile(c.took, 95)),
				measure.Ms(c.cpu)/float64(c.n), memory>>20) //nolint:mnd // to MB
		}
	}
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// prepare makes the tables and the rows, and returns a token of the administrator.
func prepare(ctx context.Context, url string, orders int, fresh bool) (token string, err error) {
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
	if fresh {
		_, err = seed.Run(ctx, db, users, seed.Options{WorkOrders: orders, Cari: 500, Services: 200, Seed: 1, Now: calendar.Now()})
	}
	return c.Token, err
}

// answer is what matters of the data besides the rows.
type answer struct {
	WorkOrders struct {
		PageInfo struct {
			HasNextPage bool
			EndCursor   string
		}
	}
}

// maxPages are enough, so that no request repeats the one before.
const maxPages = 1000

// walk finds the cursors of the pages.
func (c *contender) walk(ctx context.Context, first int) error {
	c.cursors = []string{""}
	for len(c.cursors) < maxPages {
		var a answer
		if _, err := c.client.Post(ctx, board, variables(first, c.cursors[len(c.cursors)-1]), &a); err != nil {
			return err
		}
		if !a.WorkOrders.PageInfo.HasNextPage {
			return nil
		}
		c.cursors = append(c.cursors, a.WorkOrders.PageInfo.EndCursor)
	}
	return nil
}

var errUnlike = errors.New("answers differ")

// alike compares what all answer for some pages, but for the cursors.
func alike(ctx context.Context, all []*contender, first int) error {
	for i := 0; i < len(all[0].cursors); i += 1 + len(all[0].cursors)/20 { //nolint:mnd // some
		var want any
		for _, c := range all {
			var got any
			if len(c.cursors) != len(all[0].cursors) {
				return fmt.Errorf("%w: %s has %d pages", errUnlike, c.name, len(c.cursors))
			}
			if _, err := c.client.Post(ctx, board, variables(first, c.cursors[i]), &got); err != nil {
				return err
			}
			strip(got)
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				a, _ := json.Marshal(got)
				b, _ := json.Marshal(want)
				return fmt.Errorf("%w: page %d of %s: %s\n%s", errUnlike, i, c.name, a, b)
			}
		}
	}
	return nil
}

// strip takes the cursors away, which are each server's own.
func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "cursor")
		delete(v, "endCursor")
		for _, e := range v {
			strip(e)
		}
	case []any:
		for _, e := range v {
			strip(e)
		}
	}
}

// round sends for a while.
func (c *contender) round(ctx context.Context, l load, connections int, seed uint64) error {
	bodies := make([][]byte, len(c.cursors))
	for i, cursor := range c.cursors {
		var err error
		if bodies[i], err = json.Marshal(map[string]any{"query": board, "variables": variables(l.first, cursor)}); err != nil {
			return err
		}
	}
	if err := c.send(ctx, bodies[0], &bytes.Buffer{}); err != nil {
		return err
	}
	before, _, err := c.process.Used()
	if err != nil {
		return err
	}
	took := make([][]time.Duration, connections)
	begin := time.Now()
	g := errgroup.Group{}
	if l.profile != "" && c.name == "compiled" {
		g.Go(func() error { return c.profile(ctx, l) })
	}
	for w := range connections {
		g.Go(func() error {
			dice := rand.New(rand.NewPCG(seed, uint64(w))) //nolint:gosec // which page to ask for is no secret
			buffer := &bytes.Buffer{}
			for time.Since(begin) < l.seconds {
				start := time.Now()
				if err := c.send(ctx, bodies[dice.IntN(len(bodies))], buffer); err != nil {
					return err
				}
				took[w] = append(took[w], time.Since(start))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	lasted := time.Since(begin)
	after, _, err := c.process.Used()
	if err != nil {
		return err
	}
	n := 0
	for _, t := range took {
		n += len(t)
		c.took = append(c.took, t...)
	}
	c.rates = append(c.rates, float64(n)/lasted.Seconds())
	c.cpu += after - before
	c.n += n
	return nil
}

// profile writes what the processors do for this server while it answers.
func (c *contender) profile(ctx context.Context, l load) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", c.process.Admin, max(1, int(l.seconds.Seconds())-1)), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(filepath.Dir(l.profile), c.database+"-"+filepath.Base(l.profile)), text, 0o600)
}

var errRefused = errors.New("refused")

// send is Post without a look into the answer but at its beginning: the machine is
// shared with who answers.
func (c *contender) send(ctx context.Context, body []byte, buffer *bytes.Buffer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.client.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.client.Token)
	resp, err := c.client.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	buffer.Reset()
	if _, err := io.Copy(buffer, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || !bytes.HasPrefix(buffer.Bytes(), []byte(`{"data":{`)) {
		return fmt.Errorf("%w: %d %.200s", errRefused, resp.StatusCode, buffer)
	}
	return nil
}

func variables(first int, after string) map[string]any {
	if after == "" {
		return map[string]any{"first": first}
	}
	return map[string]any{"first": first, "after": after}
}
