package cari

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// Find returns a customer account by id or by code; nil when there is none.
func (s *Service) Find(ctx context.Context, id *globalid.ID, cariCode *string) (*ent.Cari, error) {
	if err := actor.Require(ctx, actor.CariRead); err != nil {
		return nil, err
	}
	if (id == nil) == (cariCode == nil) {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id, cariCode")
	}
	q := s.DB.Cari.Query()
	if id != nil {
		key, err := id.Of("Cari")
		if err != nil {
			return nil, err
		}
		q.Where(cari.ID(key))
	} else {
		q.Where(cari.CariCode(*cariCode))
	}
	found, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find customer account: %w", err)
	}
	return found, nil
}
