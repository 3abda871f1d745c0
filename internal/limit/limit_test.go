package limit_test

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aliaport/internal/limit"
)

func TestAddressesOfOneClientShareAKey(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7":            "ip:192.0.2.7",
		"::ffff:192.0.2.7":     "ip:192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "ip:2001:db8:1:2::/64",
		"2001:db8:1:2::1":      "ip:2001:db8:1:2::/64",
		"fe80::1%eth0":         "ip:fe80::/64",
		"":                     "ip:",
	} {
		if got := limit.AddressKey(address); got != want {
			t.Errorf("%q has the key %q, want %q", address, got, want)
		}
	}
}

func TestOfManyAtOnceOnlyTheLimitPasses(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	for name, p := range map[string]limit.Policy{
		"a minute's worth at once": {Name: "a", PerMinute: 50},
		"spread over the minute":   {Name: "b", PerMinute: 100, Even: true},
		"one in a minute":          {Name: "c", PerMinute: 1, Even: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := limit.NewCounters(limit.Options{Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)}).Limiter(p)
			if err != nil {
				t.Fatal(err)
			}
			want := min(p.PerMinute, 50)
			if got := l.Look(t.Context(), "k"); got.Limit != want || got.Remaining != want {
				t.Errorf("before the first: %+v", got)
			}
			var passed atomic.Int64
			var clients sync.WaitGroup
			for range 200 {
				clients.Go(func() {
					if r := l.Take(t.Context(), "k", 1); !r.Refused {
						passed.Add(1)
					} else if r.RetryAfter <= 0 || r.RetryAfter > time.Minute {
						t.Errorf("come again after %s", r.RetryAfter)
					}
				})
			}
			clients.Wait()
			if passed.Load() != int64(want) {
				t.Errorf("%d passed, want %d", passed.Load(), want)
			}
			if r := l.Take(t.Context(), "another", 1); r.Refused {
				t.Error("another key is held off, too")
			}
		})
	}
	var none *limit.Limiter
	if r := none.Take(t.Context(), "k", 1); r.Refused {
		t.Error("no limiter refuses")
	}
}
