package cache_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/cache"
)

// kept is a cache in this process with fifty customers in it, and how they are asked
// for as in a request that has read the generations.
func kept(tb testing.TB) (one, fifty func() error) {
	tb.Helper()
	db := aliatest.Open(tb, dialect.SQLite)
	c, err := cache.New(db, cache.Options{Mode: cache.Memory, MaxBytes: 1 << 24, LoadTimeout: time.Minute, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	ctx := cache.With(tb.Context())
	keys := make([]int64, 50)
	for i := range keys {
		keys[i] = int64(i + 1)
	}
	load := func(context.Context) ([]*ent.Cari, error) { return []*ent.Cari{{ID: 1}}, nil }
	many := func(_ context.Context, missing []int64) (map[int64]*ent.Cari, error) {
		found := map[int64]*ent.Cari{}
		for _, k := range missing {
			found[k] = &ent.Cari{ID: k}
		}
		return found, nil
	}
	one = func() error {
		_, err := cache.Get(ctx, c, cache.Parameters, "BIRIM", load)
		return err
	}
	fifty = func() error {
		_, err := cache.Many(ctx, c, cache.Customers, keys, many)
		return err
	}
	for _, call := range []func() error{one, fifty} {
		if err := call(); err != nil {
			tb.Fatal(err)
		}
	}
	c.Settle()
	return one, fifty
}

// BenchmarkHit finds answers in this process.
func BenchmarkHit(b *testing.B) {
	one, fifty := kept(b)
	for name, call := range map[string]func() error{"one": one, "fifty": fifty} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestHitsCostFewAllocations(t *testing.T) {
	one, fifty := kept(t)
	for what, c := range map[string]struct {
		call func() error
		most float64
	}{"one answer": {one, 6}, "fifty customers": {fifty, 200}} {
		aliatest.AllocsAtMost(t, c.most, what, func() {
			if err := c.call(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
