// Package motorbot holds the rules of service boats (motorbot).
package motorbot

import (
	"time"

	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service makes, changes and finds motorboats.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
}
