// Package trip holds the rules of trips (sefer): their numbers, their life, and that
// no boat is in two places at once. Every change is one transaction with its line in
// the trail.
package trip

import (
	"time"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service plans, changes and finds trips.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
	// IdempotencyTTL is how long a plan can be repeated under its key.
	IdempotencyTTL time.Duration
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

func keyOf(id globalid.ID) (int64, error) { return id.Of("Trip") }
