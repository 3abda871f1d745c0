// Package workorder holds the rules of work orders (iş emri): their numbers, items,
// totals and life. Every change is one transaction with its line in the trail.
package workorder

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// Limits of a work order.
const (
	MaxItems  = quote.MaxLines // lines of one order
	minReason = 10             // characters of a reason, after trimming
	maxNote   = 500
)

// Service changes and finds work orders.
type Service struct {
	DB  *store.DB
	Now func() time.Time
	// AllowSelfApproval lets requesters approve what they submitted themselves.
	AllowSelfApproval bool
	// Pages makes cursors; PageLimits bound the lists.
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a create can be repeated under its key.
	IdempotencyTTL time.Duration
	// Quotes prices lines and adds orders up.
	Quotes *quote.Service
}

// Lock reads a work order that is about to change, or to get something that belongs
// to it, and holds off everybody else who would change it until the transaction ends.
func Lock(ctx context.Context, tx *ent.Tx, id int64) (*ent.WorkOrder, error) {
	wo, err := tx.WorkOrder.Query().Where(workorder.ID(id), workorder.IsActive(true), store.ForUpdate).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.WorkOrderNotFound)
	case err != nil:
		return nil, fmt.Errorf("lock work order %d: %w", id, err)
	}
	return wo, nil
}

// reread returns the order as it stands after the commit: an entity read through a
// transaction cannot be used after it.
func (s *Service) reread(ctx context.Context, id int64) (*ent.WorkOrder, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	wo, err := s.DB.WorkOrder.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read work order %d again: %w", id, err)
	}
	return wo, nil
}

func conflict(wo *ent.WorkOrder, expected int) error {
	if wo.Version == expected {
		return nil
	}
	return apperr.New(apperr.VersionConflict, "current", wo.Version, "expected", expected)
}

func keyOf(id globalid.ID) (int64, error) { return id.Of("WorkOrder") }

func searchText(number, subject string) string { return turkish.Fold(number + " " + subject) }
