// Package cache keeps answers that are asked for often and change seldom, in this
// process and in the Redis that servers share. What it gives is never older than the
// request that asks: the keys of answers contain the generations of the tables they
// were read from, which change in the transactions that change the tables, and which
// each request reads anew (docs/FAZ5_CACHE_STRATEGY.md).
//
// Values are shared between requests: whoever gets one must not change it.
package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	gocache "github.com/eko/gocache/lib/v4/cache"
	gostore "github.com/eko/gocache/lib/v4/store"
	redisstore "github.com/eko/gocache/store/redis/v4"
	ristrettostore "github.com/eko/gocache/store/ristretto/v4"
	"golang.org/x/sync/singleflight"

	"aliaport/internal/redis"
	"aliaport/internal/store"
)

// Mode says where answers are kept.
type Mode string

// Modes.
const (
	Auto   Mode = "AUTO"   // in this process, and in Redis where there is one
	Memory Mode = "MEMORY" // in this process only
	Redis  Mode = "REDIS"  // in Redis only
	Off    Mode = "OFF"    // nowhere
)

// Options of a cache.
type Options struct {
	Mode     Mode
	MaxBytes int64 // of answers in this process
	Redis    *redis.Server
	// TTL is how long the answers of a namespace are kept, by its name; the namespace's own
	// where it is missing.
	TTL map[Name]time.Duration
	// LoadTimeout bounds reading an answer that is missing; it goes on when the request
	// that asked first has ended, for others may wait for it.
	LoadTimeout time.Duration
	Log         *slog.Logger
	// Watch, unless nil, is told of each look-up. What it returns is used from then on, and
	// called, unless nil, with where the answers were and how many were missing.
	Watch func(ctx context.Context, ns Name) (context.Context, func(result string, missing int))
}

// Where answers were, as Watch is told.
const (
	fromMemory   = "memory"
	fromRedis    = "redis"
	fromDatabase = "database"
	fromOther    = "other request" // that was reading it already
	fromNowhere  = "none"          // an error, or the request ended
)

// Cache keeps answers. Its methods and functions may be called on nil, which keeps
// none.
type Cache struct {
	db      *store.DB
	memory  *gocache.Cache[any] // nil: none
	shared  *gocache.Cache[any] // nil: none
	process *ristretto.Cache[string, any]
	redis   *redis.Server
	ttl     map[Name]time.Duration
	timeout time.Duration
	log     *slog.Logger
	flights singleflight.Group
	counts  map[*Namespace]*counts
	max     int64
	watch   func(ctx context.Context, ns Name) (context.Context, func(result string, missing int))
}

// countersPerEntry is what the in-process store is advised to have, and averageEntry
// is a small answer's size in bytes.
const (
	countersPerEntry = 10
	averageEntry     = 512
	bufferItems      = 64 // the in-process store's own advice
)

// New makes a cache of what db has.
func New(db *store.DB, o Options) (*Cache, error) {
	if o.Mode == Off || o.Mode == Redis && o.Redis == nil {
		return nil, nil //nolint:nilnil // none is a cache that keeps nothing
	}
	c := &Cache{db: db, timeout: o.LoadTimeout, log: o.Log, ttl: o.TTL, counts: map[*Namespace]*counts{}, max: o.MaxBytes, watch: o.Watch}
	for _, ns := range Namespaces {
		c.counts[ns] = &counts{}
	}
	if o.Mode != Redis {
		process, err := ristretto.NewCache(&ristretto.Config[string, any]{
			NumCounters: max(o.MaxBytes/averageEntry, 1) * countersPerEntry, MaxCost: o.MaxBytes, BufferItems: bufferItems, Metrics: true,
		})
		if err != nil {
			return nil, fmt.Errorf("make the in-process cache: %w", err)
		}
		c.process = process
		c.memory = gocache.New[any](ristrettostore.NewRistretto[string, any](process))
	}
	if o.Mode != Memory && o.Redis != nil {
		c.redis = o.Redis
		c.shared = gocache.New[any](redisstore.NewRedis(o.Redis.Client))
	}
	return c, nil
}

// Close lets go of the memory.
func (c *Cache) Close() {
	if c != nil && c.process != nil {
		c.process.Close()
	}
}

// prefix begins the keys in Redis, which others may share.
const prefix = "aliaport:cache:"

// key is the whole key of an answer, or false when the request does without the cache.
func (c *Cache) key(ctx context.Context, ns *Namespace, key string) (string, bool) {
	if c == nil || momentOf(ctx) == nil {
		return "", false
	}
	if len(ns.Tables) == 0 {
		return prefix + string(ns.Name) + ":" + key, true
	}
	g, err := c.generations(ctx)
	if err != nil {
		return "", false // reading the answer itself will tell what is wrong
	}
	of, known := g.of(ns)
	return prefix + string(ns.Name) + ":" + of + ":" + key, known
}

// Get returns the answer under the key, which load reads where it is missing. Of
// several who miss it at once one reads, and the others wait. Errors are not kept.
func Get[V any](ctx context.Context, c *Cache, ns *Namespace, key string, load func(ctx context.Context) (V, error)) (V, error) {
	full, known := c.key(ctx, ns, key)
	if !known {
		return load(ctx)
	}
	ctx, done := c.watched(ctx, ns)
	if v, found := inMemory[V](ctx, c, ns, full); found {
		c.hit(ctx, ns, &c.counts[ns].memory)
		done(fromMemory, 0)
		return v, nil
	}
	result := fromOther // set before the flight ends, by the one who flies
	flight := c.flights.DoChan(full, func() (v any, err error) {
		defer func() {
			if cause := recover(); cause != nil { // in a goroutine of its own it would end the process
				c.log.ErrorContext(ctx, "panic while reading for the cache", "cause", cause, "stack", string(debug.Stack()))
				err = fmt.Errorf("%w: %v", errPanic, cause)
			}
		}()
		// Whoever asked first may go: the others still want it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
		defer cancel()
		v, result, err = fill(ctx, c, ns, full, load)
		return v, err
	})
	var none V
	select {
	case r := <-flight:
		if r.Err != nil {
			done(fromNowhere, 1)
			return none, r.Err
		}
		done(result, 1)
		v, ok := r.Val.(V)
		if !ok {
			return none, fmt.Errorf("%w: %T under %s", errKind, r.Val, full)
		}
		return v, nil
	case <-ctx.Done():
		done(fromNowhere, 1)
		return none, ctx.Err()
	}
}

var (
	errPanic = errors.New("panic")
	errKind  = errors.New("two kinds of answers have one key")
)

// fill gets an answer from Redis or the database and keeps it.
func fill[V any](ctx context.Context, c *Cache, ns *Namespace, key string, load func(ctx context.Context) (V, error)) (v V, from string, err error) {
	if v, size, found := inRedis[V](ctx, c, ns, key); found {
		c.hit(ctx, ns, &c.counts[ns].redis)
		c.keep(ctx, ns, key, v, size)
		return v, fromRedis, nil
	}
	c.miss(ctx, ns)
	if v, err = load(ctx); err != nil {
		return v, fromDatabase, err
	}
	encoded, err := encode(v)
	if err != nil {
		return v, fromDatabase, fmt.Errorf("keep %s: %w", key, err)
	}
	c.keep(ctx, ns, key, v, len(encoded))
	c.share(ctx, ns, key, encoded)
	return v, fromDatabase, nil
}

// watched begins a look-up and returns how to end it.
func (c *Cache) watched(ctx context.Context, ns *Namespace) (context.Context, func(result string, missing int)) {
	if c.watch != nil {
		if ctx, done := c.watch(ctx, ns.Name); done != nil {
			return ctx, done
		}
	}
	return ctx, func(string, int) {}
}

// Many returns the answers under the keys; load reads those that are missing, all at
// once. Keys for which it returns nothing have no answer, and that is kept too. The
// namespace must be a local one.
func Many[V any](ctx context.Context, c *Cache, ns *Namespace, keys []int64, load func(ctx context.Context, missing []int64) (map[int64]V, error)) (map[int64]V, error) {
	start, known := c.key(ctx, ns, "")
	if !known || c.memory == nil {
		return load(ctx, keys)
	}
	ctx, done := c.watched(ctx, ns)
	const base = 10
	full := func(key int64) string { return start + strconv.FormatInt(key, base) }
	values, missing := make(map[int64]V, len(keys)), []int64(nil)
	for _, key := range keys {
		v, found := inMemory[*V](ctx, c, ns, full(key))
		switch {
		case !found:
			missing = append(missing, key)
			continue
		case v != nil:
			values[key] = *v
		}
		c.hit(ctx, ns, &c.counts[ns].memory)
	}
	if missing = slices.Compact(slices.Sorted(slices.Values(missing))); len(missing) == 0 {
		done(fromMemory, 0)
		return values, nil
	}
	read, err := load(ctx, missing)
	done(fromDatabase, len(missing))
	if err != nil {
		return nil, err
	}
	for _, key := range missing {
		c.miss(ctx, ns)
		var answer *V
		if v, found := read[key]; found {
			values[key], answer = v, &v
		}
		encoded, err := encode(answer) // only to know its size
		if err != nil {
			return nil, fmt.Errorf("keep %s: %w", full(key), err)
		}
		c.keep(ctx, ns, full(key), answer, len(encoded))
	}
	return values, nil
}

func inMemory[V any](ctx context.Context, c *Cache, ns *Namespace, key string) (v V, found bool) {
	if c.memory == nil {
		return v, false
	}
	kept, err := c.memory.Get(ctx, key)
	if err != nil { // there is none; this store does not fail
		return v, false
	}
	if v, found = kept.(V); !found {
		c.counts[ns].faults.Add(1)
	}
	return v, found
}

func inRedis[V any](ctx context.Context, c *Cache, ns *Namespace, key string) (v V, size int, found bool) {
	if c.shared == nil || ns.Local {
		return v, 0, false
	}
	var kept any
	err := c.redis.Do(ctx, func(ctx context.Context) (err error) {
		kept, err = c.shared.Get(ctx, key)
		if errors.Is(err, gostore.NotFound{}) {
			kept, err = nil, nil
		}
		return err
	})
	text, isText := kept.(string)
	if err != nil || kept == nil {
		c.failed(ns, err)
		return v, 0, false
	}
	if v, err = decode[V]([]byte(text)); !isText || err != nil {
		c.log.WarnContext(ctx, "answer in redis cannot be read", "namespace", ns.Name, "err", err)
		c.counts[ns].faults.Add(1)
		return v, 0, false
	}
	return v, len(text), true
}

// keep keeps an answer in this process. The store decides whether it is worth its place.
func (c *Cache) keep(ctx context.Context, ns *Namespace, key string, v any, size int) {
	if c.memory == nil {
		return
	}
	if err := c.memory.Set(ctx, key, v, gostore.WithExpiration(c.expiry(ns)), gostore.WithCost(int64(size+len(key)))); err != nil {
		c.counts[ns].dropped.Add(1)
	}
}

// share keeps an answer in Redis.
func (c *Cache) share(ctx context.Context, ns *Namespace, key string, encoded []byte) {
	if c.shared == nil || ns.Local {
		return
	}
	c.failed(ns, c.redis.Do(ctx, func(ctx context.Context) error {
		return c.shared.Set(ctx, key, encoded, gostore.WithExpiration(c.expiry(ns)))
	}))
}

// lifetime is how long the answers of a namespace are kept.
func (c *Cache) lifetime(ns *Namespace) time.Duration {
	if ttl, set := c.ttl[ns.Name]; set {
		return ttl
	}
	return ns.TTL
}

// expiry is the lifetime give or take a tenth, so that what was read together is not
// missing together.
func (c *Cache) expiry(ns *Namespace) time.Duration {
	const tenth = 10
	ttl := c.lifetime(ns)
	return ttl - ttl/tenth + rand.N(max(2*ttl/tenth, 1)) //nolint:gosec // no secret
}
