package store

import (
	"context"
	"hash/fnv"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"aliaport/internal/actor"
)

// Stats tells how many statements a request has sent. Its methods may be called
// from many goroutines, and on nil.
type Stats struct {
	Record bool // keep every statement; set before use
	Args   bool // keep their arguments too, for those who ask for plans; never to be logged
	// Cause names what a statement was sent for, by its context; set before use.
	Cause func(context.Context) string

	mu         sync.Mutex // protects all fields below
	count      int
	took       time.Duration
	hits       int
	misses     int
	statements []Statement
}

// Statement is one statement that was sent.
type Statement struct {
	Text     string
	Duration time.Duration
	Rows     int64 // read or changed
	Cause    string
	Args     []any // if Stats.Args is set
}

// Hash names the text in logs.
func (s Statement) Hash() string { return hash(s.Text) }

func hash(text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return strconv.FormatUint(h.Sum64(), 16)
}

type statsKey struct{}

// WithStats counts into s what is sent under the context it returns, in
// transactions too. BEGIN, COMMIT and bulk loads are not counted.
func WithStats(ctx context.Context, s *Stats) context.Context {
	return context.WithValue(ctx, statsKey{}, s)
}

// StatsFrom is what statements under ctx are counted into, or nil.
func StatsFrom(ctx context.Context) *Stats {
	s, _ := ctx.Value(statsKey{}).(*Stats)
	return s
}

// Uncounted keeps statements out of the request's count: those that find out who
// is asking would blur what a query costs.
func Uncounted(ctx context.Context) context.Context {
	if StatsFrom(ctx) == nil {
		return ctx
	}
	return WithStats(ctx, nil)
}

// Count is the number of statements sent so far.
func (s *Stats) Count() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// CacheHit counts an answer that the cache had, so that no statement was needed.
func (s *Stats) CacheHit() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits++
}

// CacheMiss counts an answer that the cache had to read first.
func (s *Stats) CacheMiss() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misses++
}

// Cached are the answers that the cache had, and those that it had to read first.
func (s *Stats) Cached() (hits, misses int) {
	if s == nil {
		return 0, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits, s.misses
}

// Duration is the time that finished statements took together. It can exceed the
// request's: statements run in parallel.
func (s *Stats) Duration() time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.took
}

// Statements are the finished ones, in the order in which they finished, if
// Record is set.
func (s *Stats) Statements() []Statement {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statements)
}

// observer counts statements, logs slow ones with their plans, and all of them when
// they are profiled.
type observer struct {
	log      *slog.Logger
	slow     time.Duration
	profile  bool
	plans    *plans // of slow statements; nil: none
	watchers atomic.Pointer[[]Watcher]
}

// Done is a statement that has ended.
type Done struct {
	Text    string // without arguments
	Started time.Time
	Took    time.Duration
	Rows    int64
	Err     error
}

// Watcher is told of every statement, COMMIT included, once it has ended.
type Watcher func(ctx context.Context, d Done)

// Watch tells w of every statement from now on.
func (db *DB) Watch(w Watcher) {
	o := db.driver.obs
	for {
		before := o.watchers.Load()
		all := []Watcher{w}
		if before != nil {
			all = append(slices.Clone(*before), w)
		}
		if o.watchers.CompareAndSwap(before, &all) {
			return
		}
	}
}

// running is a statement on its way.
type running struct {
	obs     *observer
	ctx     context.Context //nolint:containedctx // lives as long as the statement
	stats   *Stats
	text    string
	args    []any
	started time.Time
}

func (o *observer) begin(ctx context.Context, text string, args []any) *running {
	s := StatsFrom(ctx)
	if s != nil {
		s.mu.Lock()
		s.count++
		s.mu.Unlock()
	}
	return &running{o, ctx, s, text, args, time.Now()} //nolint:forbidigo // measures a duration
}

func (r *running) end(rows int64, err error) {
	took := time.Since(r.started)
	if all := r.obs.watchers.Load(); all != nil {
		for _, w := range *all {
			w(r.ctx, Done{r.text, r.started, took, rows, err})
		}
	}
	if s := r.stats; s != nil {
		s.mu.Lock()
		s.took += took
		if s.Record {
			st := Statement{Text: r.text, Duration: took, Rows: rows, Cause: r.cause()}
			if s.Args {
				st.Args = r.args
			}
			s.statements = append(s.statements, st)
		}
		s.mu.Unlock()
	}
	if r.obs.profile {
		r.obs.log.InfoContext(r.ctx, "statement", "request_id", actor.RequestFrom(r.ctx).ID, "field", r.cause(),
			"duration_ms", float64(took.Microseconds())/1000, "rows", rows, "text", r.text)
	}
	if r.obs.slow > 0 && took > r.obs.slow {
		id := hash(r.text)
		r.obs.log.WarnContext(r.ctx, "slow statement", "statement", id, "request_id", actor.RequestFrom(r.ctx).ID, "field", r.cause(),
			"duration_ms", took.Milliseconds(), "rows", rows)
		r.obs.log.DebugContext(r.ctx, "text of slow statement", "statement", id, "text", r.text)
		r.obs.plans.of(r.ctx, id, r.text, r.args, r.cause())
	}
}

// cause is what the statement was sent for, if that is known.
func (r *running) cause() string {
	if r.stats == nil || r.stats.Cause == nil {
		return ""
	}
	return r.stats.Cause(r.ctx)
}
