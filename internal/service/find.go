package service

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// Find returns a service by id or by code; nil when there is none.
func (s *Service) Find(ctx context.Context, id *globalid.ID, code *string) (*ent.Service, error) {
	if err := actor.Require(ctx, actor.ServiceRead); err != nil {
		return nil, err
	}
	if (id == nil) == (code == nil) {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id, code")
	}
	q := s.DB.Service.Query()
	if id != nil {
		key, err := id.Of("Service")
		if err != nil {
			return nil, err
		}
		q.Where(service.ID(key))
	} else {
		q.Where(service.Code(*code))
	}
	found, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find service: %w", err)
	}
	return found, nil
}
