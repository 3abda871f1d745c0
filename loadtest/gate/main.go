// Gate measures entries and exits at the gate (scenario B): it seeds approved work
// orders and officers, starts a real server process on loopback and sends so many
// scans a second as it is told, entries and exits by turns, whatever the server does
// with them. Latency counts from the moment at which a scan was due. Afterwards it
// looks into the database: every exit follows its entry, no plate is inside twice,
// and what was acknowledged is there. It fails if that does not hold, or if more than
// one scan in a hundred failed.
//
//	go run ./loadtest/gate -rate 100 -duration 5m -database sqlite
//	go run ./loadtest/gate -rate 100 -duration 5m -database postgres
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
	"sync"
	"syscall"
	"time"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/schema"
	"aliaport/internal/actor"
	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/calendar"
	"aliaport/internal/gate"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/process"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// load is how the scans are sent.
type load struct {
	rate, users, orders int
	duration            time.Duration
	database            string
}

func main() {
	var l load
	flag.IntVar(&l.rate, "rate", 100, "scans a second, entries and exits together")
	flag.DurationVar(&l.duration, "duration", time.Minute, "how long")
	flag.StringVar(&l.database, "database", "sqlite", "sqlite or postgres: a fresh file or a throw-away server; or the URL of an empty database")
	flag.IntVar(&l.users, "users", 60, "officers who send; the server lets each send 300 operations a minute")
	flag.IntVar(&l.orders, "orders", 300, "approved work orders")
	flag.Parse()
	if err := run(context.Background(), l); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, l load) (err error) {
	dir, err := os.MkdirTemp("", "gate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	url := l.database
	switch l.database {
	case "sqlite":
		url = "sqlite://" + filepath.Join(dir, "gate.db")
	case "postgres":
		pg, stop, err := pgserver.StartDurablePostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		url = pg
	}
	durable, err := promises(ctx, url)
	if err != nil {
		return err
	}
	tokens, numbers, err := prepare(ctx, url, l)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	srv, err := process.Start(ctx, dir, url, "ALIAPORT_JWT_KEY="+measure.Key)
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	s := &sender{load: l, client: measure.NewClient(srv.URL, "", 256), tokens: tokens, numbers: numbers}
	s.send(ctx)
	usage, err := srv.Stop()
	if err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	s.report(usage)
	fmt.Println(durable)
	return errors.Join(s.judge(), check(ctx, url, s))
}

var errNotDurable = errors.New("what this database commits would not survive a power cut: there is nothing to measure")

// promises says how durable a commit is, and refuses what is not.
func promises(ctx context.Context, url string) (_ string, err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	settings, want := []string{"synchronous", "journal_mode"}, []string{"2", "wal"}
	query := "SELECT s.synchronous, j.journal_mode FROM pragma_synchronous AS s, pragma_journal_mode AS j"
	if db.Dialect() == dialect.Postgres {
		settings, want = []string{"fsync", "synchronous_commit", "full_page_writes"}, []string{"on", "on", "on"}
		query = "SELECT current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes')"
	}
	found := make([]string, len(settings))
	targets, said := make([]any, len(settings)), make([]string, len(settings))
	for i := range found {
		targets[i] = &found[i]
	}
	if err := db.Writer().QueryRowContext(ctx, query).Scan(targets...); err != nil {
		return "", err
	}
	for i, name := range settings {
		said[i] = name + "=" + found[i]
	}
	if !slices.Equal(found, want) {
		return "", fmt.Errorf("%w: %s", errNotDurable, strings.Join(said, " "))
	}
	return "commits: " + strings.Join(said, ", "), nil
}

// prepare makes the officers and the orders.
func prepare(ctx context.Context, url string, l load) (tokens, numbers []string, err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := migrate.Up(ctx, db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		return nil, nil, err
	}
	users := &user.Service{
		DB: db, Now: calendar.Now, Hasher: user.NewHasher(), RefreshLifetime: 24 * time.Hour,
		Tokens: &user.Tokens{Key: []byte(measure.Key), Lifetime: time.Hour, Now: calendar.Now},
	}
	if err := users.EnsureRights(ctx); err != nil {
		return nil, nil, err
	}
	if err := gate.EnsureChecklist(ctx, db, calendar.Now()); err != nil {
		return nil, nil, err
	}
	var officer *ent.User
	for i := range l.users {
		if officer, err = users.Add(ctx, fmt.Sprintf("gate%d@aliaport.example", i), fmt.Sprintf("Officer %d", i), "", actor.RoleGate); err != nil {
			return nil, nil, err
		}
		session, err := users.SignIn(ctx, officer, 12*time.Hour)
		if err != nil {
			return nil, nil, err
		}
		tokens = append(tokens, session.AccessToken)
	}
	customer, err := db.Cari.Create().SetCariCode("C-1").SetTitle("Load").SetTitleFold("load").SetSearchText("load").SetType("LEGAL").SetRole("CUSTOMER").Save(ctx)
	if err != nil {
		return nil, nil, err
	}
	err = db.InTx(ctx, func(tx *ent.Tx) error {
		for i := range l.orders {
			number := fmt.Sprintf("WO-2020-%05d", i+1)
			err := tx.WorkOrder.Create().SetWoNumber(number).SetCariID(customer.ID).SetCariCode("C-1").SetCariTitle("Load").
				SetRequesterID(officer.ID).SetRequesterName("Load").SetType("SERVICE").SetSubject("Load").SetSearchText("load").SetStatus("APPROVED").
				SetCreatedBy(officer.ID).SetUpdatedBy(officer.ID).Exec(ctx)
			if err != nil {
				return err
			}
			numbers = append(numbers, number)
		}
		return nil
	})
	return tokens, numbers, err
}

// sender sends the scans.
type sender struct {
	load
	client          *measure.Client
	tokens, numbers []string

	mu     sync.Mutex // protects what follows
	inside []string   // plates, the longest first
	took   map[string][]time.Duration
	faults map[string]int
	sent   int
	span   time.Duration
}

const (
	entry = `mutation Entry($input: GateEntryInput!) { r: gateEntry(input: $input) { gateLog { id entryAt } userErrors { code } } }`
	exit  = `mutation Exit($input: GateExitInput!) { r: gateExit(input: $input) { gateLog { id durationMinutes } userErrors { code } } }`
)

// send lets a scan go whenever one is due, without waiting for those before.
func (s *sender) send(ctx context.Context) {
	s.took, s.faults = map[string][]time.Duration{}, map[string]int{}
	s.span = measure.Pace(s.rate, s.duration, func(i int, due time.Time) { s.scan(ctx, i, due) })
}

// scan is an entry, or every second time the exit of who is inside the longest.
func (s *sender) scan(ctx context.Context, i int, due time.Time) {
	plate, kind, document := fmt.Sprintf("%02d A %05d", i/90_000%81+1, 10_000+i%90_000), "entry", entry
	input := map[string]any{"vehiclePlate": plate, "woNumber": s.numbers[i%len(s.numbers)]}
	if left := s.longest(); i%2 == 1 && left != "" {
		plate, kind, document = left, "exit", exit
		input = map[string]any{"vehiclePlate": plate}
	}
	input["deviceTime"], input["idempotencyKey"] = due.UTC().Format(time.RFC3339Nano), fmt.Sprintf("scan-%d", i)
	err := s.ask(ctx, s.tokens[i%len(s.tokens)], document, input)
	took := time.Since(due)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	if err != nil {
		s.faults[measure.Fault(err)]++
		return
	}
	s.took[kind] = append(s.took[kind], took)
	if kind == "entry" {
		s.inside = append(s.inside, plate)
	}
}

func (s *sender) longest() (plate string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.inside) > 0 {
		plate, s.inside = s.inside[0], s.inside[1:]
	}
	return plate
}

// ask sends one scan. Whatever is not a gate log is an error.
func (s *sender) ask(ctx context.Context, token, document string, input map[string]any) error {
	var data struct {
		R struct {
			GateLog    *struct{ ID string }
			UserErrors []struct{ Code string }
		}
	}
	c := *s.client
	c.Token = token
	a, err := c.Post(ctx, document, map[string]any{"input": input}, &data)
	switch {
	case err != nil:
		return err
	case len(data.R.UserErrors) > 0:
		return &measure.RefusedError{Status: a.Status, Code: data.R.UserErrors[0].Code}
	case data.R.GateLog == nil:
		return &measure.RefusedError{Status: a.Status, Code: "without a gate log"}
	}
	return nil
}

func (s *sender) failed() (n int) {
	for _, times := range s.faults {
		n += times
	}
	return n
}

// report prints a table for docs/benchmarks.md.
func (s *sender) report(usage *os.ProcessState) {
	fmt.Printf("%s, %d scans a second for %s, %d officers, %d work orders\n\n", strings.SplitN(s.database, ":", 2)[0], s.rate, s.duration, s.users, s.orders)
	fmt.Println(measure.Head("scans", "sent"))
	for _, kind := range []string{"entry", "exit"} {
		if took := s.took[kind]; len(took) > 0 {
			fmt.Printf("| %s | %s |\n", kind, measure.Row(took))
		}
	}
	fmt.Printf("\n%d of %d scans failed; %.1f scans a second went through; the server took %s of CPU",
		s.failed(), s.sent, float64(s.sent-s.failed())/s.span.Seconds(), (usage.UserTime() + usage.SystemTime()).Round(10*time.Millisecond))
	if r, ok := usage.SysUsage().(*syscall.Rusage); ok {
		fmt.Printf(" and %d MiB of memory", r.Maxrss/1024)
	}
	fmt.Println()
	for fault, n := range s.faults {
		fmt.Printf("%d × %s\n", n, fault)
	}
}

var (
	errFailures = errors.New("more than one scan in a hundred failed")
	errWrong    = errors.New("the database does not have what was acknowledged")
)

func (s *sender) judge() error {
	if s.failed()*100 > s.sent {
		return fmt.Errorf("%w: %v", errFailures, s.faults)
	}
	return nil
}

// check looks into the database for what must hold whatever happened.
func check(ctx context.Context, url string, s *sender) (err error) {
	db, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	expr := func(condition string) func(*sql.Selector) {
		return func(q *sql.Selector) { q.Where(sql.ExprP(condition)) }
	}
	entries, err := db.GateLog.Query().Count(ctx)
	if err != nil {
		return err
	}
	exits, err := db.GateLog.Query().Where(gatelog.ExitAtNotNil()).Count(ctx)
	if err != nil {
		return err
	}
	backward, err := db.GateLog.Query().Where(expr("exit_at < entry_at OR (exit_at IS NULL) <> (duration_minutes IS NULL)")).Count(ctx)
	if err != nil {
		return err
	}
	var twice []struct {
		Plate string `json:"plate_norm"`
		Count int    `json:"count"`
	}
	err = db.GateLog.Query().Where(expr(schema.GateInsideCondition)).GroupBy(gatelog.FieldPlateNorm).Aggregate(ent.Count()).Scan(ctx, &twice)
	if err != nil {
		return err
	}
	double := 0
	for _, t := range twice {
		if t.Count > 1 {
			double++
		}
	}
	fmt.Printf("database: %d entries, %d exits, %d exits before their entry, %d plates inside twice\n", entries, exits, backward, double)
	in, out := len(s.took["entry"]), len(s.took["exit"])
	// A scan whose answer was lost may be there all the same.
	if backward > 0 || double > 0 || entries < in || entries > in+s.failed() || exits < out || exits > out+s.failed() {
		return fmt.Errorf("%w: %d entries and %d exits were", errWrong, in, out)
	}
	return nil
}
