// Package transfer moves a whole database to another, from SQLite to PostgreSQL or
// back, and proves that nothing was lost.
//
// The target's schema is that of our migrations; columns are matched by name. The
// rows come from one snapshot of the source (package proof), so that they fit
// together while the source is being written to, and go over in chunks of keys: a
// chunk and the note of its digest are one transaction. A transfer that was killed
// goes on with the chunks that are missing; those that are there are compared by
// their digests with the source as it is now, and copied anew if they differ.
// Indexes and foreign keys are dropped meanwhile and made afterwards, which judges
// every row.
//
// The proof reads both databases anew. It is written down in a Report, signed with
// the installation's key.
package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/internal/calendar"
	"aliaport/internal/migrate"
	"aliaport/internal/proof"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// Reasons not to begin or not to go on.
var (
	ErrPreflight = errors.New("rows of the source would not arrive as they are")
	ErrNotEmpty  = errors.New("the target has rows already")
	ErrOther     = errors.New("the target is being filled from another source")
	ErrDifferent = errors.New("the databases differ")
	ErrServing   = errors.New("source and target are the same database")
)

// copyKeys is how many keys a chunk spans.
const copyKeys = 1 << 16

// Options say what is moved and how.
type Options struct {
	From, To *store.DB
	// FromName and ToName are the databases in messages and reports, without passwords.
	FromName, ToName string
	Only             []string // groups of tables; none: all
	Replace          bool     // empty the target first
	Workers          int      // connections to each side; 0: 2
	SkipPreflight    bool
	Limit            int // findings and differences told of each table; 0: 20
	Say              func(format string, args ...any)
	Now              func() time.Time
	// Questions are asked of both databases and their answers compared; nil: none.
	Questions func(ctx context.Context, from, to *store.DB) ([]Answer, error)

	keep bool // what the target remembers, after the proof
}

func (o Options) withDefaults() Options {
	o.Workers = cmp.Or(o.Workers, 2)
	o.Limit = cmp.Or(o.Limit, 20)
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	if o.Now == nil {
		o.Now = calendar.Now
	}
	return o
}

// Preflight says what would keep rows from arriving. It changes neither database and
// needs no target.
func Preflight(ctx context.Context, o Options) ([]Finding, map[string]int, error) {
	o = o.withDefaults()
	tables, err := Select(o.Only)
	if err != nil {
		return nil, nil, err
	}
	if err := migrate.Check(ctx, o.From.Reader(), o.From.Dialect(), migrate.Options{}); err != nil {
		return nil, nil, fmt.Errorf("source: %w", err)
	}
	source, err := proof.Open(ctx, o.From, o.Workers)
	if err != nil {
		return nil, nil, err
	}
	defer source.Close()
	return o.preflight(ctx, source, tables)
}

func (o Options) preflight(ctx context.Context, source *proof.Snapshot, tables []*proof.Table) ([]Finding, map[string]int, error) {
	m := o.meter("looked at", 0)
	file, err := integrity(ctx, source)
	if err != nil {
		return nil, nil, err
	}
	found, counts, err := preflight(ctx, source, tables, o.Limit, m.rows)
	m.end()
	return append(file, found...), counts, err
}

// Run copies and proves. The report tells differences; they are an error too.
func Run(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	tables, err := Select(o.Only)
	if err != nil {
		return nil, err
	}
	to := target{o.To}
	if err := o.ready(ctx, to, tables); err != nil {
		return nil, err
	}
	source, err := proof.Open(ctx, o.From, o.Workers)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	if !o.SkipPreflight {
		if err := o.fit(ctx, source, tables); err != nil {
			return nil, err
		}
	}
	began := o.Now()
	want, err := nexts(ctx, o.From, tables)
	if err != nil {
		return nil, err
	}
	if err := to.copy(ctx, o, source, tables); err != nil {
		return nil, err
	}
	if err := to.number(ctx, tables, want); err != nil {
		return nil, err
	}
	copied := o.Now().Sub(began)
	report, err := prove(ctx, o, source, to, tables, want)
	if err != nil {
		return nil, err
	}
	report.CopyTook = copied
	if report.Equal && len(o.Only) == 0 && !o.keep {
		return report, to.finish(ctx)
	}
	return report, nil
}

// Prove compares two databases as they are, copied by whatever means. Of the target it
// changes nothing but numbers that sequences have given for a moment.
func Prove(ctx context.Context, o Options) (*Report, error) {
	o = o.withDefaults()
	tables, err := Select(o.Only)
	if err != nil {
		return nil, err
	}
	for name, db := range map[string]*store.DB{"source": o.From, "target": o.To} {
		if err := migrate.Check(ctx, db.Reader(), db.Dialect(), migrate.Options{}); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	source, err := proof.Open(ctx, o.From, o.Workers)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	want, err := nexts(ctx, o.From, tables)
	if err != nil {
		return nil, err
	}
	return prove(ctx, o, source, target{o.To}, tables, want)
}

// fit refuses a source with rows that would not arrive.
func (o Options) fit(ctx context.Context, source *proof.Snapshot, tables []*proof.Table) error {
	found, counts, err := o.preflight(ctx, source, tables)
	if err != nil {
		return err
	}
	var faults []error
	for _, f := range found {
		if f.Warning {
			o.Say("warning: %s", f)
			continue
		}
		faults = append(faults, errors.New(f.String()))
	}
	if len(faults) == 0 {
		return nil
	}
	for table, n := range counts {
		if n > o.Limit {
			faults = append(faults, fmt.Errorf("%s: %d in all", table, n))
		}
	}
	return fmt.Errorf("%w:\n%w", ErrPreflight, errors.Join(faults...))
}

// ready brings the target to the schema and makes sure that nobody's rows are in the way.
func (o Options) ready(ctx context.Context, to target, tables []*proof.Table) error {
	if err := migrate.Check(ctx, o.From.Reader(), o.From.Dialect(), migrate.Options{}); err != nil {
		return fmt.Errorf("source: %w; run aliaport migrate up on it first", err)
	}
	if _, err := migrate.Up(ctx, to.Writer(), to.Dialect(), migrate.Options{}); err != nil {
		return fmt.Errorf("target: %w", err)
	}
	begun, err := to.begun(ctx)
	if err != nil {
		return err
	}
	if begun {
		from, err := to.state(ctx, "from")
		if err != nil {
			return err
		}
		if from != o.FromName && !o.Replace {
			return fmt.Errorf("%w: %s", ErrOther, from)
		}
	}
	chunks := map[string]map[int64]chunk{}
	if begun {
		if chunks, err = to.chunks(ctx); err != nil {
			return err
		}
	}
	if o.Replace {
		if err := to.empty(ctx); err != nil {
			return fmt.Errorf("empty the target: %w", err)
		}
		chunks = nil
	}
	for _, t := range tables {
		n, err := to.rows(ctx, t.Name)
		if err != nil {
			return err
		}
		if n > 0 && chunks[t.Name] == nil {
			return fmt.Errorf("%w: %s has %d; give --replace to delete all that is in the target", ErrNotEmpty, t.Name, n)
		}
	}
	return to.begin(ctx, o.FromName)
}

// empty deletes all rows of the target and the memory of an earlier transfer.
func (t target) empty(ctx context.Context) error {
	begun, err := t.begun(ctx)
	if err != nil {
		return err
	}
	if begun {
		if err := t.restore(ctx, 1, func(int, int) {}); err != nil {
			return err
		}
		if err := t.finish(ctx); err != nil {
			return err
		}
	}
	all := proof.Tables()
	if t.postgres() {
		var list []string
		for _, table := range all {
			list = append(list, table.Name)
		}
		return exec(ctx, t.Writer(), "TRUNCATE "+quoted(list)+" RESTART IDENTITY CASCADE")
	}
	for _, table := range slices.Backward(all) {
		if err := exec(ctx, t.Writer(), "DELETE FROM "+quote(table.Name)); err != nil {
			return err
		}
	}
	return nil
}

// task is a range that has not been copied.
type task struct {
	table *proof.Table
	proof.Range
}

// missing are the ranges that are not in the target as they are in the source, and how
// many keys they span. Of what was copied before, that which differs is deleted. The
// tables that will be filled have lost their indexes and foreign keys afterwards.
func (t target) missing(ctx context.Context, o Options, source *proof.Snapshot, tables []*proof.Table) (tasks []task, keys int64, err error) {
	done, err := t.chunks(ctx)
	if err != nil {
		return nil, 0, err
	}
	var (
		mu    sync.Mutex
		stale []task
		fill  = map[string]bool{}
	)
	note := func(list *[]task, table *proof.Table, r proof.Range) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, task{table, r})
		fill[table.Name] = true
	}
	m := o.meter("compared with what is there", 0)
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(o.Workers)
	for _, table := range tables {
		ranges, err := source.Ranges(ctx, table, copyKeys)
		if err != nil {
			return nil, 0, err
		}
		known := done[table.Name]
		for _, r := range ranges {
			was, ok := known[r.Low]
			delete(known, r.Low)
			if !ok {
				note(&tasks, table, r)
				continue
			}
			g.Go(func() error {
				is, err := source.Part(inner, table, r)
				if err == nil && is != was.Part {
					note(&stale, table, r)
				}
				m.rows(table, is.Rows)
				return err
			})
		}
		for _, c := range known { // the source has no rows there any more
			note(&stale, table, c.Range)
		}
		done[table.Name] = known
	}
	if err := g.Wait(); err != nil {
		return nil, 0, err
	}
	if m.n > 0 {
		m.end()
	}
	// What others refer to can only be deleted while they do not.
	strip := tables
	if len(stale) == 0 {
		strip = slices.DeleteFunc(slices.Clone(tables), func(t *proof.Table) bool { return !fill[t.Name] })
	}
	if err := t.strip(ctx, strip); err != nil {
		return nil, 0, err
	}
	for _, one := range stale {
		if err := t.drop(ctx, one.table, one.Range); err != nil {
			return nil, 0, err
		}
		if _, gone := done[one.table.Name][one.Low]; !gone {
			tasks = append(tasks, one)
		}
	}
	for _, one := range tasks {
		keys += one.High - one.Low
	}
	return tasks, keys, nil
}

// copy brings the rows of tables over, chunk by chunk.
func (t target) copy(ctx context.Context, o Options, source *proof.Snapshot, tables []*proof.Table) (err error) {
	if err := t.prepare(ctx, o.From); err != nil {
		return err
	}
	if err := t.enforce(ctx, false); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.enforce(context.WithoutCancel(ctx), true)) }()
	missing, total, err := t.missing(ctx, o, source, tables)
	if err != nil {
		return err
	}
	m := o.meter("copied", total)
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(o.Workers)
	for _, one := range missing {
		g.Go(func() error {
			c, err := t.fill(inner, one.table, one.Range, func(f func(int64, []byte) error) error {
				return source.Rows(inner, one.table, one.Range, f)
			})
			if err != nil {
				return fmt.Errorf("copy %s from key %d: %w", one.table.Name, one.Low, err)
			}
			m.rows(one.table, c.Rows)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	m.end()
	began := o.Now()
	told := began
	err = t.restore(ctx, o.Workers, func(done, all int) {
		if o.Now().Sub(told) >= tellEvery {
			told = o.Now()
			o.Say("made %d of %d indexes and foreign keys", done, all)
		}
	})
	if err != nil {
		return err
	}
	if err := exec(ctx, t.Writer(), "ANALYZE"); err != nil {
		return err
	}
	o.Say("indexes, foreign keys and statistics took %s", o.Now().Sub(began).Round(time.Second/10))
	return nil
}

// prove compares both databases and writes down what was found.
func prove(ctx context.Context, o Options, source *proof.Snapshot, to target, tables []*proof.Table, want map[string]int64) (r *Report, err error) {
	began := o.Now()
	r = &Report{Version: 1, From: o.FromName, To: o.ToName, Began: began.UTC().Truncate(time.Second), Only: o.Only}
	there, err := proof.Open(ctx, o.To, o.Workers)
	if err != nil {
		return nil, err
	}
	err = r.compare(ctx, o, source, there, tables)
	// Its locks would be in the way of the next step.
	if err = errors.Join(err, there.Close()); err != nil {
		return nil, err
	}
	if err := r.constraints(ctx, to, o); err != nil {
		return nil, err
	}
	if r.Identities, err = to.identities(ctx, tables, want); err != nil {
		return nil, err
	}
	// A source that is being written to answers otherwise than the snapshot did.
	if o.Questions != nil && len(o.Only) == 0 && !o.keep {
		if r.Answers, err = o.Questions(ctx, o.From, o.To); err != nil {
			return nil, fmt.Errorf("ask both databases: %w", err)
		}
	}
	r.end(o, began)
	return r, nil
}

// compare reads all rows of both and names those that differ.
func (r *Report) compare(ctx context.Context, o Options, here, there *proof.Snapshot, tables []*proof.Table) error {
	m := o.meter("compared", 0)
	var left, right []*proof.Digest
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() (err error) { left, err = here.Digests(inner, tables, m.rows); return err })
	g.Go(func() (err error) { right, err = there.Digests(inner, tables, nil); return err })
	if err := g.Wait(); err != nil {
		return err
	}
	m.end()
	for i, t := range tables {
		r.Tables = append(r.Tables, TableProof{Here: left[i], There: right[i], Equal: left[i].Same(right[i])})
		r.Rows += left[i].Rows
		if left[i].Same(right[i]) {
			continue
		}
		found, err := proof.Differences(ctx, t, here, there, left[i], right[i], o.Limit)
		if err != nil {
			return err
		}
		r.Differences = append(r.Differences, found...)
	}
	return nil
}

// constraints proves what is not a row: foreign keys, indexes, counts.
func (r *Report) constraints(ctx context.Context, to target, o Options) (err error) {
	if to.postgres() {
		r.Invalid, err = to.invalid(ctx)
	} else {
		r.Orphans, err = orphans(ctx, to.Reader(), o.Limit)
	}
	if err != nil {
		return err
	}
	var waiting []object
	if begun, err := to.begun(ctx); err != nil {
		return err
	} else if begun {
		if waiting, err = to.dropped(ctx); err != nil {
			return err
		}
	}
	for _, w := range waiting {
		r.Invalid = append(r.Invalid, w.kind+" "+w.name+" is not made yet")
	}
	wrong, err := workorder.Miscounts(ctx, to.Reader())
	if err != nil {
		return err
	}
	for _, w := range wrong {
		r.Invalid = append(r.Invalid, fmt.Sprintf("the kept count of work orders: %+v", w))
	}
	return nil
}

func (r *Report) end(o Options, began time.Time) {
	r.ProofTook = o.Now().Sub(began)
	r.Ended = o.Now().UTC().Truncate(time.Second)
	r.Equal = r.judge()
}

// meter tells how far a phase is.
type meter struct {
	mu    sync.Mutex
	o     Options
	verb  string
	total int64 // keys, an upper bound of the rows; 0: unknown
	n     int64
	began time.Time
	last  time.Time
}

// tellEvery is how often progress is told.
const tellEvery = 2 * time.Second

func (o Options) meter(verb string, total int64) *meter {
	return &meter{o: o, verb: verb, total: total, began: o.Now(), last: o.Now()}
}

func (m *meter) rows(_ *proof.Table, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n += n
	if m.o.Now().Sub(m.last) >= tellEvery {
		m.last = m.o.Now()
		m.tell()
	}
}

func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total = 0
	m.tell()
}

func (m *meter) tell() {
	took := m.o.Now().Sub(m.began)
	rate := float64(m.n) / max(took.Seconds(), 0.001)
	left := ""
	if m.total > m.n && rate > 0 {
		left = ", at most " + time.Duration(float64(m.total-m.n)/rate*float64(time.Second)).Round(time.Second).String() + " left"
	}
	m.o.Say("%s %s rows in %s, %s a second%s", m.verb, strconv.FormatInt(m.n, 10), took.Round(time.Second/10), strconv.FormatFloat(rate, 'f', 0, 64), left)
}
