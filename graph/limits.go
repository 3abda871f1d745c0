package graph

import (
	"context"
	"strconv"
	"time"

	"aliaport/graph/gen"
	"aliaport/internal/actor"
	"aliaport/internal/limit"
)

// Limits are how often the caller may ask.
type Limits struct {
	Operations, Cost *limit.Limiter
	MeasureOnly      bool
	Now              func() time.Time
}

// LimitKey is whose operations are counted: those of the user, or before signing in
// those of the address.
func LimitKey(ctx context.Context) string {
	if who := actor.From(ctx); who != nil {
		return "user:" + strconv.FormatInt(who.ID, 10)
	}
	return limit.AddressKey(actor.RequestFrom(ctx).IP)
}

func (l Limits) budget(ctx context.Context, of *limit.Limiter) *gen.RateLimitBudget {
	b := of.Look(ctx, LimitKey(ctx))
	if b.Limit == 0 {
		return nil
	}
	return &gen.RateLimitBudget{Limit: b.Limit, Remaining: b.Remaining, ResetAt: l.Now().Add(b.ResetAfter)}
}
