// Package gate holds the rules of the port's gate (kapı): who and what comes in
// under which work order, what is checked, how long it stays.
package gate

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/schema"
	"aliaport/ent/workorder"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

// Service keeps the gate.
type Service struct {
	DB  *store.DB
	Now func() time.Time
	// Users proves who an officer is, and hashes their PIN.
	Users *user.Service
	// Pages makes cursors; PageLimits bound the lists.
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a scan can be repeated under its key.
	IdempotencyTTL time.Duration
	// Quotes prices stays.
	Quotes *quote.Service
}

const (
	// handHours is how far back a time may lie that is given by hand.
	handHours = 24
	// minReason is how many characters a reason has at least, after trimming.
	minReason  = 10
	maxReason  = 500
	maxNotes   = 1000
	maxDriver  = 200
	maxTyped   = 30 // characters of a plate as it was typed
	maxChecked = 50 // active items of a type of work order
)

// inside holds for stays that have not ended. Written as the partial indexes are.
func inside(s *sql.Selector) { s.Where(sql.ExprP(schema.GateInsideCondition)) }

// Stay is how long somebody was inside, in whole minutes, and how much of that was
// beyond the minutes that the entry fee covers.
func Stay(entry, exit time.Time, base int) (minutes, overrun int) {
	minutes = int(exit.Sub(entry) / time.Minute)
	return minutes, max(0, minutes-base)
}

// Minutes is how long the stay has lasted until its end or until now.
func (s *Service) Minutes(l *ent.GateLog) int {
	if l.DurationMinutes != nil {
		return *l.DurationMinutes
	}
	minutes, _ := Stay(l.EntryAt, s.Now(), l.BaseMinutes)
	return max(0, minutes)
}

// IsOverBase holds for a stay that lasted, or has lasted until now, longer than the
// entry fee covers.
func (s *Service) IsOverBase(l *ent.GateLog) bool { return s.Minutes(l) > l.BaseMinutes }

// cut is a client's instant as both databases keep it.
func cut(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	return &u
}

// moment is when something at the gate happened: now by the server's clock, unless
// an officer gave the time by hand.
func moment(field string, byHand *time.Time, now time.Time) (at time.Time, isManual bool, refused *apperr.Error) {
	if byHand == nil {
		return now, false, nil
	}
	at = *cut(byHand)
	switch {
	case at.After(now):
		return at, true, apperr.Invalid(field, apperr.NotInFuture)
	case now.Sub(at) > handHours*time.Hour:
		return at, true, apperr.Invalid(field, apperr.TooFarBack, "hours", handHours)
	}
	return at, true, nil
}

// keyOf is the key of a gate log.
func keyOf(id globalid.ID) (int64, error) { return id.Of("GateLog") }

// reread returns the log as it stands after the commit.
func (s *Service) reread(ctx context.Context, id int64) (*ent.GateLog, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	l, err := s.DB.GateLog.Get(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read gate log %d again: %w", id, err)
	}
	return l, nil
}

// holdOrder lets one exit of an order after the other happen, so that the last one
// sees that it is the last. Entries do not wait for it.
func (s *Service) holdOrder(ctx context.Context, tx *ent.Tx, order int64) error {
	if s.DB.Dialect() != dialect.Postgres {
		return nil
	}
	if _, err := tx.WorkOrder.Query().Where(workorder.ID(order), store.ForNoKeyUpdate).IDs(ctx); err != nil {
		return fmt.Errorf("hold work order %d: %w", order, err)
	}
	return nil
}

// nobodyInside holds for orders none of whose vehicles and persons are inside.
func nobodyInside(order int64) func(*sql.Selector) {
	return func(s *sql.Selector) {
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("NOT EXISTS (SELECT 1 FROM " + gatelog.Table + " WHERE work_order_id = ").Arg(order).
				WriteString(" AND " + schema.GateInsideCondition + ")")
		}))
	}
}
