package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/internal/apperr"
)

// userErrors turns refusals that the user can mend into data of the payload. Any
// other error stays an error.
func userErrors(ctx context.Context, err error) ([]*gen.UserError, error) {
	refused := []*gen.UserError{}
	if err == nil {
		return refused, nil
	}
	all, ok := apperr.All(err)
	if !ok {
		return nil, err
	}
	lang := apperr.LangFrom(ctx)
	for _, e := range all {
		if !e.Code.IsUser() {
			return nil, err
		}
		noteRefused(ctx, e.Code)
		refused = append(refused, &gen.UserError{Code: e.Code, Message: e.Message(lang), Field: e.Field})
	}
	return refused, nil
}

// workOrderPayload shapes the result of a change to a work order.
func workOrderPayload(ctx context.Context) func(*ent.WorkOrder, error) (*gen.WorkOrderPayload, error) {
	return func(wo *ent.WorkOrder, err error) (*gen.WorkOrderPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.WorkOrderPayload{WorkOrder: wo, UserErrors: refused}, nil
	}
}
