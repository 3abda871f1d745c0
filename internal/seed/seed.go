// Package seed fills an empty database with demo data: users, customers, services,
// tariffs, rates of exchange, motorboats, and two years of work orders, with all that
// belongs to them, and of trips. The same seed and moment give the same rows on both
// databases. Nothing in it is real; every address is at aliaport.example.
package seed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/gatelog"
	"aliaport/ent/service"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderperson"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/gate"
	"aliaport/internal/quote"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

// Options say how much is made.
type Options struct {
	WorkOrders int // each has 1 to 12 items, about 5
	Cari       int
	Services   int
	Motorbots  int
	Trips      int // of the motorboats
	Seed       uint64
	Now        time.Time // the last work orders are made shortly before
	// Password is that of all demo users. Without one nobody can sign in as them.
	Password string
	// Progress is told after every batch how many work orders are in.
	Progress func(done, total int, perSecond float64)
}

func (o *Options) check() error {
	switch {
	case o.WorkOrders < 0 || o.Cari < 0 || o.Services < 0 || o.Motorbots < 0 || o.Trips < 0:
		return errors.New("numbers of records cannot be negative")
	case o.WorkOrders > 0 && (o.Cari == 0 || o.Services == 0):
		return errors.New("work orders need at least one customer and one service")
	case o.Trips > most*o.Motorbots:
		return fmt.Errorf("a motorboat makes at most %d trips in two years", most)
	case o.Now.IsZero():
		return errors.New("no moment given at which the data ends")
	}
	return nil
}

// Report counts what was made.
type Report struct {
	Users, Cari, Services, PriceLists, Rates, WorkOrders, Items, Steps, Persons, WorkLogs, GateLogs, Motorbots, Trips int

	Took time.Duration
}

// PerSecond is how many work orders were made a second, with all that belongs to
// them.
func (r Report) PerSecond() float64 { return float64(r.WorkOrders) / max(r.Took.Seconds(), 1e-9) }

// ErrNotEmpty refuses a database that has customers, services, price lists, motorboats
// or work orders.
var ErrNotEmpty = errors.New("the database is not empty; demo data only goes into one without customers, services, price lists, motorboats and work orders: name another database")

// Run fills the database in one transaction: killed or failed, it leaves nothing
// but the built-in roles and the gate's checklists. Users with the demo addresses
// that exist already are taken as they are. A server may be running on the database;
// on SQLite its writers wait, on PostgreSQL those who change any of these records do.
func Run(ctx context.Context, db *store.DB, users *user.Service, o Options) (Report, error) {
	r, err := run(ctx, db, users, o)
	if err != nil {
		return Report{}, fmt.Errorf("seed: %w", err)
	}
	return r, nil
}

func run(ctx context.Context, db *store.DB, users *user.Service, o Options) (r Report, err error) {
	if err := o.check(); err != nil {
		return r, err
	}
	o.Now = o.Now.UTC().Truncate(time.Microsecond)
	start := time.Now() //nolint:forbidigo // measures, nothing of it is stored
	if err := users.EnsureRights(ctx); err != nil {
		return r, err
	}
	if err := gate.EnsureChecklist(ctx, db, firstDay(o.Now)); err != nil {
		return r, err
	}
	hash := ""
	if o.Password != "" {
		if hash, err = users.Hasher.Hash(ctx, o.Password); err != nil {
			return r, err
		}
	}
	err = db.InTx(ctx, func(tx *ent.Tx) error {
		r = Report{}
		return (&loader{tx, store.SQLTx(tx), db.Dialect()}).fill(ctx, o, hash, &r)
	})
	if err != nil {
		return r, err
	}
	if err := analyze(ctx, db); err != nil {
		return r, err
	}
	r.Took = time.Since(start)
	return r, nil
}

// Demo fills an empty database with what a demo server shows, within seconds. In a
// database with data it does nothing.
func Demo(ctx context.Context, db *store.DB, users *user.Service, now time.Time) (Report, error) {
	r, err := Run(ctx, db, users, Options{WorkOrders: 2000, Cari: 500, Services: 200, Motorbots: 20, Trips: 1200, Seed: 1, Now: now})
	if errors.Is(err, ErrNotEmpty) {
		return Report{}, nil
	}
	return r, err
}

// loader writes within one transaction.
type loader struct {
	tx      *ent.Tx
	raw     *sql.Tx // the same, below ent
	dialect string
}

// batchSize is how many work orders are written at once. Two or three batches are
// in memory.
const batchSize = 1000

func (l *loader) fill(ctx context.Context, o Options, hash string, r *Report) error {
	if err := l.reserve(ctx); err != nil {
		return err
	}
	crew, err := l.users(ctx, hash, firstDay(o.Now))
	if err != nil {
		return err
	}
	r.Users = len(crew.all)
	customers, services := makeCari(o), makeServices(o)
	if err := insert(ctx, l, cari.Table, cariColumns, customers); err != nil {
		return err
	}
	if err := insert(ctx, l, service.Table, serviceColumns, services); err != nil {
		return err
	}
	r.Cari, r.Services = len(customers), len(services)
	if err := l.tariffs(ctx, o, crew, services, r); err != nil {
		return err
	}
	if err := l.rates(ctx, o, r); err != nil {
		return err
	}
	if o.WorkOrders > 0 {
		checklists, err := l.checklists(ctx)
		if err != nil {
			return err
		}
		surcharges, err := quote.Rules(ctx, l.tx.Client())
		if err != nil {
			return err
		}
		if err := l.workOrders(ctx, newMaker(ctx, o, crew, customers, services, newGuards(o, crew, checklists), surcharges), o, r); err != nil {
			return err
		}
	}
	if o.Motorbots > 0 {
		if err := l.fleet(ctx, o, crew, customers, r); err != nil {
			return err
		}
	}
	return l.continueIDs(ctx, cari.Table, service.Table, workorder.Table, workorderitem.Table, workorderadjustment.Table, workorderstatushistory.Table,
		workorderperson.Table, worklog.Table, gatelog.Table)
}

// reserve keeps others from adding rows under the ids that the data will get, and
// makes sure that there are none yet.
func (l *loader) reserve(ctx context.Context) error {
	if l.dialect == dialect.Postgres {
		for _, s := range []string{
			"SET LOCAL statement_timeout = 0", // meant for the statements of a request
			"LOCK TABLE cari, services, price_lists, price_list_items, service_tariff_overrides, exchange_rates, work_orders, work_order_items, work_order_adjustments, work_order_status_history, work_order_persons, work_logs, gate_logs, motorbot, trips IN SHARE ROW EXCLUSIVE MODE",
		} {
			if _, err := l.raw.ExecContext(ctx, s); err != nil {
				return err
			}
		}
	}
	var some bool
	err := l.raw.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM cari) OR EXISTS (SELECT 1 FROM services)
		OR EXISTS (SELECT 1 FROM price_lists) OR EXISTS (SELECT 1 FROM work_orders) OR EXISTS (SELECT 1 FROM motorbot)`).Scan(&some)
	if err != nil {
		return fmt.Errorf("look for data: %w", err)
	}
	if some {
		return ErrNotEmpty
	}
	return nil
}

// workOrders makes one batch while another is being written.
func (l *loader) workOrders(ctx context.Context, m *maker, o Options, r *Report) error {
	made := make(chan *orders)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(made)
		return m.batches(gctx, o, made)
	})
	g.Go(func() error {
		start := time.Now() //nolint:forbidigo // measures, nothing of it is stored
		for b := range made {
			if err := l.batch(gctx, b); err != nil {
				return err
			}
			r.WorkOrders, r.Items, r.Steps = r.WorkOrders+len(b.orders), r.Items+len(b.items), r.Steps+len(b.steps)
			r.Persons, r.WorkLogs, r.GateLogs = r.Persons+len(b.persons), r.WorkLogs+len(b.logs), r.GateLogs+len(b.stays)
			if o.Progress != nil {
				o.Progress(r.WorkOrders, o.WorkOrders, float64(r.WorkOrders)/max(time.Since(start).Seconds(), 1e-9))
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	for _, y := range m.years {
		if err := l.tx.NumberSequence.Create().SetKind(string(sequence.WorkOrder)).SetYear(y.year).SetLast(y.last).Exec(ctx); err != nil {
			return fmt.Errorf("note the last number of %d: %w", y.year, err)
		}
	}
	return nil
}

func (l *loader) batch(ctx context.Context, b *orders) error {
	if err := insert(ctx, l, workorder.Table, orderColumns, b.orders); err != nil {
		return err
	}
	if err := insert(ctx, l, worklog.Table, logColumns, b.logs); err != nil {
		return err
	}
	if err := insert(ctx, l, workorderitem.Table, itemColumns, b.items); err != nil {
		return err
	}
	if err := insert(ctx, l, workorderadjustment.Table, adjustmentColumns, b.adjustments); err != nil {
		return err
	}
	if err := insert(ctx, l, workorderperson.Table, personColumns, b.persons); err != nil {
		return err
	}
	if err := insert(ctx, l, gatelog.Table, stayColumns, b.stays); err != nil {
		return err
	}
	return insert(ctx, l, workorderstatushistory.Table, stepColumns, b.steps)
}

// continueIDs makes PostgreSQL give out the ids after those that were loaded. On
// SQLite that goes by itself.
func (l *loader) continueIDs(ctx context.Context, tables ...string) error {
	if l.dialect != dialect.Postgres {
		return nil
	}
	for _, t := range tables {
		_, err := l.raw.ExecContext(ctx, "SELECT setval(pg_get_serial_sequence('"+t+"', 'id'), (SELECT max(id) FROM "+t+"))") //nolint:gosec // our own table names
		if err != nil {
			return fmt.Errorf("continue the ids of %s: %w", t, err)
		}
	}
	return nil
}

// column is a column with the value that a row has in it.
type column[T any] struct {
	name string
	of   func(*T) any
}

func insert[T any](ctx context.Context, l *loader, table string, columns []column[T], rows []*T) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	values := make([]any, len(columns))
	_, err := store.BulkInsert(ctx, l.raw, l.dialect, table, names, func(yield func([]any, error) bool) {
		for _, row := range rows {
			for i, c := range columns {
				values[i] = c.of(row)
			}
			if !yield(values, nil) {
				return
			}
		}
	})
	return err
}

// analyze tells the planners what is in the tables now.
func analyze(ctx context.Context, db *store.DB) error {
	statements := []string{"ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"} // the log holds the whole load
	if db.Dialect() == dialect.Postgres {
		statements = []string{"ANALYZE users, number_sequences, cari, services, price_lists, price_list_items, service_tariff_overrides, exchange_rates, work_orders, work_order_items, work_order_adjustments, work_order_status_history, work_order_persons, work_logs, gate_logs, motorbot, trips"}
	}
	for _, s := range statements {
		if _, err := db.Writer().ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}
