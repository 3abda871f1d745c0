// Package trip holds the rules of trips (sefer): their numbers, their life, and that
// no boat is in two places at once. Every change is one transaction with its line in
// the trail.
package trip

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/motorbot"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/store"
)

// Limits of a trip.
const (
	minReason = 10 // characters of a reason, after trimming
	maxReason = 500
	// tolerance is how far ahead of the server's clock a departure or return may be
	// said to have happened.
	tolerance = 5 * time.Minute
)

// Service plans, changes and finds trips.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a plan can be repeated under its key.
	IdempotencyTTL time.Duration
	// Quotes prices trips that return.
	Quotes *quote.Service
}

// Result is a trip after a change.
type Result struct {
	Trip *ent.Trip
	// Past are completed trips of the boat in the same hours: a warning.
	Past []*ent.Trip
	// Warnings say why a trip that is back could not be priced.
	Warnings apperr.Errors
}

// DurationMinutes are the minutes from departure to return; nil until it is back.
func DurationMinutes(t *ent.Trip) *int {
	if t.DepartureAt == nil || t.ReturnAt == nil {
		return nil
	}
	minutes := int(t.ReturnAt.Sub(*t.DepartureAt) / time.Minute)
	return &minutes
}

// IsLate holds for a trip that should have departed or come back longer than delay
// ago. One without a planned return is never late in coming back.
func (s *Service) IsLate(t *ent.Trip, delay time.Duration) bool {
	switch t.Status {
	case trip.StatusPlanned:
		return s.Now().After(t.PlannedDepartureAt.Add(delay))
	case trip.StatusUnderway:
		return t.PlannedReturnAt != nil && s.Now().After(t.PlannedReturnAt.Add(delay))
	case trip.StatusCompleted, trip.StatusCancelled:
	}
	return false
}

// locked reads a trip that is about to change, with its boat, and holds off everybody
// else who would change either until the transaction ends. Boats are locked before
// trips everywhere. On SQLite the transaction itself does all that.
func (s *Service) locked(ctx context.Context, tx *ent.Tx, id int64) (*ent.Trip, *ent.Motorbot, error) {
	found, err := tx.Trip.Query().Where(trip.ID(id), trip.IsActive(true)).Select(trip.FieldMotorbotID).Only(ctx)
	if err != nil {
		return nil, nil, missing(err, id)
	}
	boat, err := motorbot.Locked(ctx, tx, s.DB.Dialect(), found.MotorbotID)
	if err != nil {
		return nil, nil, err
	}
	q := tx.Trip.Query().Where(trip.ID(id), trip.IsActive(true))
	if s.DB.Dialect() == dialect.Postgres {
		q.ForUpdate()
	}
	t, err := q.Only(ctx)
	if err != nil {
		return nil, nil, missing(err, id)
	}
	if t.MotorbotID != boat.ID {
		// It got another boat just now. Should the locks of two such changes cross, the
		// database ends one of them and it is run again.
		if boat, err = motorbot.Locked(ctx, tx, s.DB.Dialect(), t.MotorbotID); err != nil {
			return nil, nil, err
		}
	}
	return t, boat, nil
}

func missing(err error, id int64) error {
	if ent.IsNotFound(err) {
		return apperr.New(apperr.TripNotFound).At("id")
	}
	return fmt.Errorf("lock trip %d: %w", id, err)
}

// after returns the trip as it stands after the commit: an entity read through a
// transaction cannot be used after it. A version conflict comes with the current
// trip.
func (s *Service) after(ctx context.Context, id int64, err error) (*Result, error) {
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	t, again := s.DB.Trip.Get(ctx, id)
	if again != nil {
		return nil, fmt.Errorf("read trip %d again: %w", id, again)
	}
	return &Result{Trip: t}, err
}

// afterWithPast does the same for a change of hours.
func (s *Service) afterWithPast(ctx context.Context, id int64, err error) (*Result, error) {
	r, err := s.after(ctx, id, err)
	if err != nil {
		return r, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	r.Past, err = s.past(ctx, r.Trip)
	return r, err
}

func keyOf(id globalid.ID) (int64, error) { return id.Of("Trip") }

// utc cuts a client's instant to what both databases keep.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC().Truncate(time.Microsecond))
}
