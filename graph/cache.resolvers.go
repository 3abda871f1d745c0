package graph

import (
	"context"

	"aliaport/graph/gen"
	"aliaport/internal/cache"
	"aliaport/internal/cache/flush"
)

func (r *mutationResolver) FlushCache(ctx context.Context, input flush.Input) (*gen.FlushCachePayload, error) {
	refused, err := userErrors(ctx, r.Cache.Flush(ctx, input))
	if err != nil {
		return nil, err
	}
	p := &gen.FlushCachePayload{UserErrors: refused}
	if len(refused) == 0 {
		p.CacheStats, err = r.Cache.Stats(ctx)
	}
	return p, err
}

func (r *queryResolver) CacheStats(ctx context.Context) (*cache.Stats, error) {
	return r.Cache.Stats(ctx)
}
