// Package flush lets an administrator drop what is cached.
package flush

import (
	"context"
	"time"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/cache"
	"aliaport/internal/store"
)

// Service drops what is cached and tells how the cache does.
type Service struct {
	DB    *store.DB
	Now   func() time.Time
	Cache *cache.Cache
}

// Input says what to drop.
type Input struct {
	Namespaces []cache.Name // all when empty
}

// Flush makes every server read the namespaces anew. Nobody need do that for the sake
// of right answers; it is there to rule the cache out.
func (s *Service) Flush(ctx context.Context, in Input) error {
	if err := actor.Require(ctx, actor.CacheFlush); err != nil {
		return err
	}
	names := in.Namespaces
	if len(names) == 0 {
		for _, ns := range cache.Namespaces {
			names = append(names, ns.Name)
		}
	}
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		if err := cache.Renew(ctx, tx, names); err != nil {
			return err
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.CacheFlush, Resource: audit.Cache, Extra: map[string]any{"namespaces": names}})
	})
	if err == nil {
		s.Cache.Forget()
	}
	return err
}

// Stats tells what this server's cache holds and did.
func (s *Service) Stats(ctx context.Context) (*cache.Stats, error) {
	if err := actor.Require(ctx, actor.CacheFlush); err != nil {
		return nil, err
	}
	stats := s.Cache.Stats()
	return &stats, nil
}
