// Transfer measures how a large SQLite file moves to PostgreSQL: by aliaport
// transfer, which proves the copy, and by Debian's pgloader, which does not; both into
// fresh databases of the same durable server, one after the other. What pgloader made
// is then judged by our proof.
//
//	go run ./loadtest/transfer
//	go run ./loadtest/transfer -orders 20000 -events 50000
//	go run ./loadtest/transfer -source big.db -orders 0
//	go run ./loadtest/transfer -source copy.db -orders 0 -live
//
// pgloader is looked for on PATH (apt-get install pgloader).
package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lib/pq"

	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/store"
	"aliaport/loadtest/measure"
)

type options struct {
	source         string
	orders, events int
	without, live  bool
}

func main() {
	var o options
	flag.StringVar(&o.source, "source", "", "an SQLite file to move; it is filled up to what is missing. None: a throw-away one")
	flag.IntVar(&o.orders, "orders", 1_000_000, "work orders, with about five items each; 0: those of the source")
	flag.IntVar(&o.events, "events", 2_000_000, "events of the trail at least")
	flag.BoolVar(&o.live, "live", false, "move it while a server takes 50 work orders a second instead, which changes the source")
	flag.BoolVar(&o.without, "without-pgloader", false, "measure aliaport only")
	flag.Parse()
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "transfer-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := bench{dir: dir, program: filepath.Join(dir, "aliaport")}
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.program, "./cmd/aliaport").CombinedOutput(); err != nil { //nolint:gosec // our own command
		return fmt.Errorf("build: %w: %s", err, out)
	}
	b.source = o.source
	if b.source == "" {
		b.source = filepath.Join(dir, "source.db")
	}
	if b.source, err = filepath.Abs(b.source); err != nil {
		return err
	}
	if err := b.fill(ctx, o); err != nil {
		return err
	}
	at, stop, err := pgserver.StartDurablePostgres(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	b.server = at

	ours, err := b.database(ctx, "ours")
	if err != nil {
		return err
	}
	fmt.Printf("load before: %s\n", load())
	if o.live {
		return b.live(ctx, ours)
	}
	own, err := b.run(ctx, b.program, "transfer", "--skip-preflight", "--from", "sqlite://"+b.source, "--to", ours)
	if err != nil {
		return err
	}
	fmt.Println(own.out)
	fmt.Printf("aliaport transfer, copy and proof: %s, peak memory %d MB, %.0f s CPU of its own\n", own.took.Round(time.Second), own.peak>>20, own.cpu.Seconds())
	if o.without {
		return nil
	}
	theirs, err := b.database(ctx, "theirs")
	if err != nil {
		return err
	}
	if _, err := b.run(ctx, b.program, "migrate", "up", "--database-url", theirs); err != nil {
		return err
	}
	script := filepath.Join(dir, "pgloader.load")
	text := `LOAD DATABASE FROM sqlite://` + b.source + ` INTO ` + strings.Replace(strings.Split(theirs, "?")[0], "postgres://", "pgsql://", 1) + `
WITH data only, reset sequences, drop indexes, workers = 2, concurrency = 1, batch rows = 25000
SET maintenance_work_mem to '192MB'
EXCLUDING TABLE NAMES LIKE 'atlas_schema_revisions', 'sqlite_sequence', 'cache_generations', 'work_order_counts', 'read_only_state', 'river_%';
`
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return err
	}
	fmt.Printf("load before: %s\n", load())
	their, err := b.run(ctx, "pgloader", script)
	fmt.Println(their.out)
	fmt.Printf("pgloader, copy only: %s, peak memory %d MB, %.0f s CPU of its own, error %v\n", their.took.Round(time.Second), their.peak>>20, their.cpu.Seconds(), err)
	fmt.Printf("ratio of aliaport's copy and proof to pgloader's copy: %.2f\n", own.took.Seconds()/their.took.Seconds())
	judged, err := b.run(ctx, b.program, "transfer", "--prove", "--from", "sqlite://"+b.source, "--to", theirs)
	fmt.Println(judged.out)
	fmt.Printf("our proof of pgloader's copy: error %v\n", err)
	return nil
}

type bench struct{ dir, program, source, server string }

// fill makes what the source lacks.
func (b *bench) fill(ctx context.Context, o options) (err error) {
	url := "sqlite://" + b.source
	if _, err := os.Stat(b.source); err != nil {
		if _, err := b.run(ctx, b.program, "seed", "--database-url", url, "--sqlite-synchronous", "NORMAL", "--cari", "5000", "--trips", "20000", "--work-orders", fmt.Sprint(o.orders)); err != nil {
			return err
		}
	}
	if _, err := b.run(ctx, b.program, "migrate", "up", "--database-url", url); err != nil {
		return err
	}
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.Writer().ExecContext(ctx, `WITH RECURSIVE n (i) AS (SELECT (SELECT count(*) FROM audit_events) + 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO audit_events (user_id, roles, method, path, action, resource, entity_id, outcome, status_code, duration_ms, request_id, ip, user_agent, changes, created_at)
		SELECT i % 200 + 1, 'OPERASYON', 'GRAPHQL', '/graphql#UpdateWorkOrder', 'update', 'work_order', CAST(i % 50000 + 1 AS text), 'OK', 200, i % 90, 'request-' || i,
			'10.0.' || (i % 250) || '.7', 'Mozilla/5.0 (X11; Linux x86_64)', '{"subject":["Eski konu ' || i || '","Yeni konu, İskele ' || (i % 9) || '"]}',
			strftime('%Y-%m-%d %H:%M:%S', 1780000000 + i * 4, 'unixepoch') || '.' || printf('%06d', i % 1000000) || '+00:00'
		FROM n WHERE i <= $1`, o.events)
	return err
}

// database makes a fresh one and returns its URL.
func (b *bench) database(ctx context.Context, name string) (string, error) {
	c, err := pq.NewConnector(b.server)
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(c)
	defer db.Close()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	before, after, _ := strings.Cut(b.server, "?")
	at := strings.LastIndex(before, "/")
	return before[:at] + "/" + name + "?" + after, nil
}

type result struct {
	out       string
	took, cpu time.Duration
	peak      int64 // bytes
}

func (b *bench) run(ctx context.Context, name string, args ...string) (r result, err error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // what is measured
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "ALIAPORT_JWT_KEY="+measure.Key)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	err = cmd.Run()
	r.took, r.out = time.Since(began), out.String()
	if cmd.ProcessState != nil {
		r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.peak = u.Maxrss << 10
		}
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", name, args[0], err, r.out)
	}
	return r, err
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:2], ", ")
}
