package limit_test

import (
	"log/slog"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/limit"
)

func limiter(tb testing.TB) *limit.Limiter {
	tb.Helper()
	l, err := limit.NewCounters(limit.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)}).Limiter(limit.Policy{Name: "operations", PerMinute: 1_000_000_000})
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// BenchmarkTake counts a request against the limit of its user.
func BenchmarkTake(b *testing.B) {
	l := limiter(b)
	b.ReportAllocs()
	for b.Loop() {
		if l.Take(b.Context(), "user:17", 1).Refused {
			b.Fatal("refused")
		}
	}
}

func TestCountingARequestCostsFewAllocations(t *testing.T) {
	l := limiter(t)
	aliatest.AllocsAtMost(t, 1, "counting a request", func() { l.Take(t.Context(), "user:17", 1) })
}
