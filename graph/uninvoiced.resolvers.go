package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/page"
	"aliaport/internal/workorder"
)

func (r *queryResolver) UninvoicedItems(ctx context.Context, filter *workorder.UninvoicedFilter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.WorkOrderItem], error) {
	list, err := r.Resolver.WorkOrders.Uninvoiced(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "WorkOrderItem", list.Nodes, rowsOfConnection...))
}

func (r *queryResolver) UninvoicedTotals(ctx context.Context, filter *workorder.UninvoicedFilter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*workorder.UninvoicedOf], error) {
	list, err := r.Resolver.WorkOrders.UninvoicedTotals(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "Cari", workorder.CustomersOf(list.Nodes), []string{"edges", "node", "cari"}, []string{"nodes", "cari"}))
}
