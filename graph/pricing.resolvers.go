package graph

import (
	"context"

	"aliaport/graph/gen"
	"aliaport/internal/quote"
	"aliaport/internal/workorder"
)

func (r *mutationResolver) RecalculateWorkOrder(ctx context.Context, input workorder.RecalculateInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.Recalculate(ctx, input))
}

func (r *mutationResolver) CalculateWorkOrderOvertime(ctx context.Context, input workorder.OvertimeInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.CalculateOvertime(ctx, input))
}

func (r *mutationResolver) SetWorkOrderSurcharges(ctx context.Context, input workorder.SurchargesInput) (*gen.WorkOrderPayload, error) {
	return workOrderPayload(ctx)(r.WorkOrders.SetSurcharges(ctx, input))
}

func (r *queryResolver) PriceQuote(ctx context.Context, input quote.Question) (*gen.PriceQuotePayload, error) {
	answer, err := r.Quotes.Ask(ctx, input)
	refused, err := userErrors(ctx, err)
	if err != nil {
		return nil, err
	}
	return &gen.PriceQuotePayload{Quote: quoted(ctx, answer), UserErrors: refused}, nil
}
