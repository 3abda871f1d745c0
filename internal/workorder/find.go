package workorder

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// Find returns a work order that is not deleted by id or by number; nil when there is none.
func (s *Service) Find(ctx context.Context, id *globalid.ID, woNumber *string) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	if (id == nil) == (woNumber == nil) {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id, woNumber")
	}
	q := s.DB.WorkOrder.Query().Where(workorder.IsActive(true))
	if id != nil {
		key, err := id.Of("WorkOrder")
		if err != nil {
			return nil, err
		}
		q.Where(workorder.ID(key))
	} else {
		q.Where(workorder.WoNumber(*woNumber))
	}
	found, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find work order: %w", err)
	}
	return found, nil
}
