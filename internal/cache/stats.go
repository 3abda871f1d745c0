package cache

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"aliaport/internal/redis"
	"aliaport/internal/store"
)

// counts are what happened in a namespace since the server started.
type counts struct {
	memory, redis, misses atomic.Int64
	// faults are failures of Redis and answers that could not be read, dropped those that
	// the in-process store did not take.
	faults, dropped atomic.Int64
}

func (*Cache) hit(ctx context.Context, _ *Namespace, of *atomic.Int64) {
	of.Add(1)
	store.StatsFrom(ctx).CacheHit()
}

func (c *Cache) miss(ctx context.Context, ns *Namespace) {
	c.counts[ns].misses.Add(1)
	store.StatsFrom(ctx).CacheMiss()
}

// failed counts a failure of Redis; when it was not even asked that is none.
func (c *Cache) failed(ns *Namespace, err error) {
	if err != nil && !errors.Is(err, redis.ErrAway) {
		c.counts[ns].faults.Add(1)
	}
}

// NamespaceStats are what happened in a namespace since this server started.
type NamespaceStats struct {
	Name       Name
	Tables     []string
	TTL        time.Duration
	MemoryHits int
	RedisHits  int
	Misses     int
	Faults     int
}

// Hits is how often an answer was there.
func (s NamespaceStats) Hits() int { return s.MemoryHits + s.RedisHits }

// TTLSeconds is how long an answer is kept.
func (s NamespaceStats) TTLSeconds() int { return int(s.TTL / time.Second) }

// HitRatio is the share of questions whose answer was there; 0 when there was none.
func (s NamespaceStats) HitRatio() float64 {
	if all := s.Hits() + s.Misses; all > 0 {
		return float64(s.Hits()) / float64(all)
	}
	return 0
}

// Stats are what this server's cache holds and did.
type Stats struct {
	Mode       Mode
	Bytes      int // of answers in this process
	MaxBytes   int
	Entries    int  // in this process
	Evictions  int  // of those, for want of room
	RedisAway  bool // Redis is configured and does not answer
	Namespaces []*NamespaceStats
}

// Stats tells what happened since this server started.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{Mode: Off, Namespaces: []*NamespaceStats{}}
	}
	s := Stats{Mode: Memory}
	if c.shared != nil {
		s.Mode, s.RedisAway = Redis, c.redis.Away()
	}
	if c.process != nil {
		if c.shared != nil {
			s.Mode = Auto
		}
		m := c.process.Metrics
		s.MaxBytes, s.Evictions = int(c.max), int(m.KeysEvicted())                                  //nolint:gosec // far from its bounds
		s.Bytes, s.Entries = int(m.CostAdded()-m.CostEvicted()), int(m.KeysAdded()-m.KeysEvicted()) //nolint:gosec // as above
	}
	for _, ns := range Namespaces {
		n := c.counts[ns]
		s.Namespaces = append(s.Namespaces, &NamespaceStats{
			Name: ns.Name, Tables: ns.Tables, TTL: c.lifetime(ns),
			MemoryHits: int(n.memory.Load()), RedisHits: int(n.redis.Load()), Misses: int(n.misses.Load()), Faults: int(n.faults.Load()),
		})
	}
	return s
}
