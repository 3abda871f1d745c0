// K6 runs the scenarios of the load test: it seeds a fresh SQLite file and a throw-away
// PostgreSQL, both as durable as a new installation, starts a real server process for
// each scenario, lets k6 play it and meanwhile looks at what server, database and k6
// take of the machine. It writes one page with all figures, beside those of the run
// before, and fails when a threshold does. `make load` calls it.
//
//	go run ./loadtest/k6 -k6 bin/k6-v1.8.1 -databases sqlite -scenarios A,B -duration-scale 0.1
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"
)

// options say what is run.
type options struct {
	k6, databases, scenarios, out string
	orders, events                int
	scale                         float64
}

// scenario is a script with what it is about.
type scenario struct{ name, script, title string }

var scenarios = []scenario{
	{"A", "a_users.js", "Work orders: 50 users"},
	{"A-rate", "a_rate.js", "Work orders: 15 rounds of 5 requests a second"},
	{"B", "b_gate.js", "Gate: 100 scans a second"},
	{"C", "c_logins.js", "Sign-ins: 30 a second from one address"},
	{"D", "d_audit.js", "Audit trail: searches and pages"},
	{"E", "e_day.js", "A day at the port"},
}

func main() {
	var o options
	flag.StringVar(&o.k6, "k6", "bin/k6", "path of k6")
	flag.StringVar(&o.databases, "databases", "sqlite,postgres", "on which databases")
	flag.StringVar(&o.scenarios, "scenarios", "A,A-rate,B,C,D,E", "which scenarios; A is both of its forms")
	flag.IntVar(&o.orders, "orders", 20_000, "work orders to seed")
	flag.IntVar(&o.events, "events", 200_000, "lines of the audit trail to seed, for D")
	flag.Float64Var(&o.scale, "duration-scale", 1, "part of the full length of each scenario; figures of shorter ones are not kept")
	flag.StringVar(&o.out, "out", "", "folder of the report: docs/load, and bin/load for shortened runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

var (
	errMissed  = errors.New("thresholds were missed")
	errUnknown = errors.New("unknown")
)

func run(ctx context.Context, o options) (err error) {
	wanted, err := chosen(o.scenarios)
	if err != nil {
		return err
	}
	if o.out == "" {
		o.out = filepath.Join("docs", "load")
		if o.scale != 1 {
			o.out = filepath.Join("bin", "load")
		}
	}
	if o.k6, err = filepath.Abs(o.k6); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	var runs []*Run
	for name := range strings.SplitSeq(o.databases, ",") {
		on, err := onDatabase(ctx, name, binary, dir, wanted, o)
		runs = append(runs, on...)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := record(o.out, runs); err != nil {
		return err
	}
	var missed []string
	for _, r := range runs {
		for _, t := range r.Thresholds {
			if !t.OK {
				missed = append(missed, fmt.Sprintf("%s on %s: %s %s, was %s", r.Scenario, r.Database, t.Metric, t.Rule, t.Was()))
			}
		}
	}
	if len(missed) > 0 {
		return fmt.Errorf("%w:\n%s", errMissed, strings.Join(missed, "\n"))
	}
	return nil
}

// chosen are the scenarios of a list; A stands for both of its forms.
func chosen(list string) (wanted []scenario, err error) {
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == n }) {
			return nil, fmt.Errorf("%w scenario: %q", errUnknown, n)
		}
	}
	for _, s := range scenarios {
		if base, _, _ := strings.Cut(s.name, "-"); slices.Contains(names, s.name) || slices.Contains(names, base) {
			wanted = append(wanted, s)
		}
	}
	return wanted, nil
}

func onDatabase(ctx context.Context, name, binary, dir string, wanted []scenario, o options) (runs []*Run, err error) {
	url := ""
	switch name {
	case "sqlite":
		url = "sqlite://" + filepath.Join(dir, "load.db")
	case "postgres":
		pg, stop, err := pgserver.StartDurablePostgres(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		url = pg
	default:
		return nil, fmt.Errorf("%w database: %q", errUnknown, name)
	}
	start := time.Now()
	postmaster, err := prepare(ctx, url, filepath.Join(dir, "port.json"), o)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	fmt.Printf("%s: %d work orders and %d lines of the trail in %s\n", name, o.orders, o.events, time.Since(start).Round(time.Second))
	for _, s := range wanted {
		r, err := play(ctx, s, name, url, binary, dir, postmaster, o)
		if err != nil {
			return runs, fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println(r)
		runs = append(runs, r)
	}
	return runs, nil
}

// play plays one scenario on a server of its own, so that limits are fresh and what it
// took belongs to this scenario.
func play(ctx context.Context, s scenario, database, url, binary, dir string, postmaster int, o options) (_ *Run, err error) {
	srv, err := process.Run(ctx, binary, url, "ALIAPORT_JWT_KEY="+measure.Key, "ALIAPORT_LOG_LEVEL=INFO", "ALIAPORT_BACKUP_DIR=",
		"ALIAPORT_AUDIT_ARCHIVE_DIR="+filepath.Join(dir, "archive"), "ALIAPORT_JOB_SCHEDULES=rates=off")
	if err != nil {
		return nil, err
	}
	r := &Run{Scenario: s.name, Title: s.title, Database: database, At: time.Now().UTC().Truncate(time.Second), Orders: o.orders, Scale: o.scale, LoadBefore: loadAverage()}
	r.Precedence = precedence()
	k, err := startK6(ctx, o, srv.URL, dir, s.script)
	if err != nil {
		_, stopped := srv.Stop()
		return nil, errors.Join(err, stopped)
	}
	w := watch(srv.ID(), postmaster, k.ID())
	failure := k.wait()
	r.Usage = w.end()
	if _, err := srv.Stop(); err != nil {
		return nil, errors.Join(err, failure)
	}
	if failure != nil {
		return nil, failure
	}
	return r, r.read(k.summary, k.samples)
}
