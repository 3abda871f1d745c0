package trip

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// Find returns a trip that is not deleted by id or by number; nil when there is none.
func (s *Service) Find(ctx context.Context, id *globalid.ID, tripNo *string) (*ent.Trip, error) {
	if err := actor.Require(ctx, actor.TripRead); err != nil {
		return nil, err
	}
	if (id == nil) == (tripNo == nil) {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id, tripNo")
	}
	q := s.DB.Trip.Query().Where(trip.IsActive(true))
	if id != nil {
		key, err := keyOf(*id)
		if err != nil {
			return nil, err
		}
		q.Where(trip.ID(key))
	} else {
		q.Where(trip.TripNo(*tripNo))
	}
	found, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find trip: %w", err)
	}
	return found, nil
}
