// Audit measures the trail: which indexes answer its searches and what they cost,
// how its pages are read, how searches fare while events are written, and what
// writing it costs the changes themselves. It works on a fresh SQLite file and a
// throw-away PostgreSQL and prints tables for docs/FAZ5_INDEXES.md and
// docs/benchmarks.md.
//
//	go run ./loadtest/audit -measure indexes
//	go run ./loadtest/audit -measure pages,live
//	go run ./loadtest/audit -measure writes
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
)

// options say what is measured.
type options struct {
	events    int
	measures  string
	databases string
	rate      int
	lasting   time.Duration
	rounds    int
	deep      int
}

func main() {
	var o options
	flag.IntVar(&o.events, "events", 2_000_000, "events in the trail, spread over 90 days")
	flag.StringVar(&o.measures, "measure", "indexes,pages,live,writes", "what to measure")
	flag.StringVar(&o.databases, "databases", "sqlite,postgres", "on which databases")
	flag.IntVar(&o.rate, "rate", 500, "live: events written a second")
	flag.DurationVar(&o.lasting, "lasting", 30*time.Second, "live: how long")
	flag.IntVar(&o.rounds, "rounds", 12, "writes: rounds of changes with the trail and without, in turns")
	flag.IntVar(&o.deep, "deep", 10_000, "pages: the page that is compared with the first")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// bench is a database that is being measured.
type bench struct {
	*store.DB
	name     string
	postgres bool
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "audit-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	wanted := strings.Split(o.measures, ",")
	for name := range strings.SplitSeq(o.databases, ",") {
		if err := on(ctx, name, dir, wanted, o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func on(ctx context.Context, name, dir string, wanted []string, o options) (err error) {
	b, url := bench{name: "SQLite"}, "sqlite://"+filepath.Join(dir, "audit.db")
	if name == "postgres" {
		at, stop, err := pgserver.StartDurablePostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		b, url = bench{name: "PostgreSQL", postgres: true}, at
	}
	if b.DB, err = store.Open(ctx, url, store.Options{StatementTimeout: -1}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if _, err := migrate.Up(ctx, b.Writer(), b.Dialect(), migrate.Options{}); err != nil {
		return err
	}
	if b.postgres {
		if _, err := migrate.EnsureAuditPartitions(ctx, b.Writer(), begin, 4); err != nil {
			return err
		}
	}
	if slices.Contains(wanted, "writes") {
		if err := b.writes(ctx, o); err != nil {
			return fmt.Errorf("writes: %w", err)
		}
	}
	if !slices.ContainsFunc(wanted, func(m string) bool { return m != "writes" }) {
		return nil
	}
	if err := b.fill(ctx, o.events); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	for _, m := range []struct {
		name    string
		measure func(context.Context, options) error
	}{{"pages", b.pages}, {"live", b.live}, {"indexes", b.indexes}} {
		if slices.Contains(wanted, m.name) {
			if err := m.measure(ctx, o); err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	return nil
}

// exec runs statements on the connection that writes.
func (b *bench) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := b.Writer().ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// load is what else the machine does.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:2], ", ")
}

func ms(d time.Duration) string {
	switch v := measure.Ms(d); {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// at is a percentile, to be printed.
func at(took []time.Duration, p int) string { return ms(measure.Percentile(took, p)) }
