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
	for _, e := range all {
		if !e.Code.IsUser() {
			return nil, err
		}
		noteRefused(ctx, e.Code)
	}
	return told(ctx, all), nil
}

// told are faults in the language of the reader.
func told(ctx context.Context, faults apperr.Errors) []*gen.UserError {
	lang, list := apperr.LangFrom(ctx), make([]*gen.UserError, len(faults))
	for i, e := range faults {
		list[i] = &gen.UserError{Code: e.Code, Message: e.Message(lang), Field: e.Field}
	}
	return list
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
