package motorbot

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/motorbot"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// Find returns a motorboat that is not deleted by id or by code; nil when there is none.
func (s *Service) Find(ctx context.Context, id *globalid.ID, mbCode *string) (*ent.Motorbot, error) {
	if err := actor.Require(ctx, actor.MotorbotRead); err != nil {
		return nil, err
	}
	if (id == nil) == (mbCode == nil) {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id, mbCode")
	}
	q := s.DB.Motorbot.Query().Where(motorbot.IsActive(true))
	if id != nil {
		key, err := keyOf(*id)
		if err != nil {
			return nil, err
		}
		q.Where(motorbot.ID(key))
	} else {
		q.Where(motorbot.MBCode(*mbCode))
	}
	found, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find motorboat: %w", err)
	}
	return found, nil
}

func keyOf(id globalid.ID) (int64, error) { return id.Of("Motorbot") }
