package graph

import (
	"context"

	"aliaport/graph/gen"
)

func (r *queryResolver) RateLimit(ctx context.Context) (*gen.RateLimit, error) {
	return &gen.RateLimit{Operations: r.Limits.budget(ctx, r.Limits.Operations), Cost: r.Limits.budget(ctx, r.Limits.Cost), MeasureOnly: r.Limits.MeasureOnly}, nil
}
