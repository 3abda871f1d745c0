// Package limit bounds how often something may be done: by a user, from an address,
// to an account. Counts are in this process, or in Redis when several servers share
// one; while Redis cannot be reached each server counts for itself.
package limit

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
	"github.com/throttled/throttled/v2/store/memstore"

	"aliaport/internal/apperr"
	"aliaport/internal/redis"
)

// Policy is one limit.
type Policy struct {
	Name      string // in metrics and in the keys of Redis
	PerMinute int    // 0: no limit
	PerHour   int    // in place of PerMinute
	// Even spreads: half may come at once and the other half over the time, so that no
	// minute or hour, wherever it begins, sees more. Otherwise a whole minute's or hour's
	// worth may come at once, and is then refilled over the next.
	Even bool
}

func (p Policy) quota() throttled.RateQuota {
	most, per := p.PerMinute, throttled.PerMin
	if p.PerHour > 0 {
		most, per = p.PerHour, throttled.PerHour
	}
	atOnce, refill := most, most
	if p.Even && most > 1 {
		atOnce = (most + 1) / 2
		refill = most - atOnce
	}
	return throttled.RateQuota{MaxRate: per(refill), MaxBurst: atOnce - 1}
}

// Result is where somebody stands after an attempt.
type Result struct {
	Limit      int // at once at most; 0: no limit
	Remaining  int // of these, now
	ResetAfter time.Duration
	RetryAfter time.Duration // for one refused; 0: it never fits
	Refused    bool
}

// maxKeys is how many users, addresses and accounts are remembered in this process;
// the ones not seen for longest are forgotten first.
const maxKeys = 1 << 16

// Counters is where counts are kept. Its limiters share the connection to Redis.
type Counters struct {
	redis   *redis.Server // nil: in this process alone
	now     func() time.Time
	log     *slog.Logger
	measure bool
	refused func(policy string) // nil: nobody counts refusals
}

// Options of Counters.
type Options struct {
	Redis       *redis.Server
	Now         func() time.Time // of counts in this process
	Log         *slog.Logger
	MeasureOnly bool                // note what would be refused, and let it pass
	Refused     func(policy string) // is told each refusal, also those that are only measured
}

// NewCounters makes the place for counts.
func NewCounters(o Options) *Counters {
	return &Counters{redis: o.Redis, now: o.Now, log: o.Log, measure: o.MeasureOnly, refused: o.Refused}
}

// Limiter applies a policy.
type Limiter struct {
	policy        Policy
	counters      *Counters
	local, shared *throttled.GCRARateLimiterCtx // shared is nil without Redis
}

// Limiter makes one for the policy.
func (c *Counters) Limiter(p Policy) (*Limiter, error) {
	l := &Limiter{policy: p, counters: c}
	if p.PerMinute == 0 && p.PerHour == 0 {
		return l, nil
	}
	memory, err := memstore.New(maxKeys)
	if err != nil {
		return nil, fmt.Errorf("limit %s: %w", p.Name, err)
	}
	memory.SetTimeNow(c.now)
	if l.local, err = throttled.NewGCRARateLimiterCtx(throttled.WrapStoreWithContext(memory), p.quota()); err != nil {
		return nil, fmt.Errorf("limit %s: %w", p.Name, err)
	}
	l.local.SetMaxCASAttemptsLimit(1 << 20) // in memory somebody always wins, at once
	if c.redis == nil {
		return l, nil
	}
	store, err := goredisstore.NewCtx(c.redis.Client, "aliaport:limit:"+p.Name+":")
	if err != nil {
		return nil, fmt.Errorf("limit %s: %w", p.Name, err)
	}
	if l.shared, err = throttled.NewGCRARateLimiterCtx(store, p.quota()); err != nil {
		return nil, fmt.Errorf("limit %s: %w", p.Name, err)
	}
	return l, nil
}

// Take counts n attempts of key and says whether they are within the limit: all of
// them or none. What is refused is not counted.
func (l *Limiter) Take(ctx context.Context, key string, n int) Result {
	if l == nil || l.local == nil {
		return Result{}
	}
	refused, r := l.ask(ctx, key, n)
	result := Result{Limit: r.Limit, Remaining: max(r.Remaining, 0), ResetAfter: max(r.ResetAfter, 0)}
	if refused {
		if l.counters.refused != nil {
			l.counters.refused(l.policy.Name)
		}
		result.Refused, result.RetryAfter = !l.counters.measure, max(r.RetryAfter, 0)
	}
	return result
}

// Look is where key stands, without an attempt.
func (l *Limiter) Look(ctx context.Context, key string) Result {
	if l == nil || l.local == nil {
		return Result{}
	}
	_, r := l.ask(ctx, key, 0)
	return Result{Limit: r.Limit, Remaining: max(r.Remaining, 0), ResetAfter: max(r.ResetAfter, 0)}
}

// ask counts in Redis if there is one that answers, else here.
func (l *Limiter) ask(ctx context.Context, key string, n int) (refused bool, r throttled.RateLimitResult) {
	c := l.counters
	if l.shared != nil {
		err := c.redis.Do(ctx, func(ctx context.Context) (err error) {
			refused, r, err = l.shared.RateLimitCtx(ctx, key, n)
			return err
		})
		if err == nil {
			return refused, r
		}
	}
	refused, r, err := l.local.RateLimitCtx(ctx, key, n)
	if err != nil { // memory does not fail
		c.log.ErrorContext(ctx, "limit not counted", "policy", l.policy.Name, "err", err)
		return false, throttled.RateLimitResult{}
	}
	return refused, r
}

// Error is the refusal to tell.
func (r Result) Error() *apperr.Error {
	e := apperr.New(apperr.RateLimited)
	e.RetryAfter = r.RetryAfter
	return e
}

// AddressKey is the key of a client's address. An IPv6 client has a whole network of
// 64 bits to choose from, so that is what counts.
func AddressKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "ip:" + address
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return "ip:" + p.Addr().String() + "/64"
		}
	}
	return "ip:" + a.String()
}
