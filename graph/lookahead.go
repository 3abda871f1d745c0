package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/graph/loader"
)

// selects tells whether the field being resolved selects the path below it, under
// whatever aliases and fragments.
func selects(ctx context.Context, path ...string) bool {
	oc, fc := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx)
	return below(oc, fc.Field.Definition.Type.Name(), fc.Field.Selections, path)
}

func below(oc *graphql.OperationContext, typ string, selections ast.SelectionSet, path []string) bool {
	for _, f := range graphql.CollectFields(oc, selections, []string{typ, "Node"}) {
		if f.Name != path[0] {
			continue
		}
		if len(path) == 1 || below(oc, f.Definition.Type.Name(), f.Selections, path[1:]) {
			return true
		}
	}
	return false
}

// aheadWorkOrders reads at once what the page's rows will be asked for, a statement
// a kind of row, and hands it to the loaders, so that no field has to wait for a
// batch to fill.
func aheadWorkOrders(ctx context.Context, orders []*ent.WorkOrder) error {
	if len(orders) == 0 {
		return nil
	}
	wants := func(path ...string) bool {
		return selects(ctx, append([]string{"edges", "node"}, path...)...) || selects(ctx, append([]string{"nodes"}, path...)...)
	}
	load := loader.From(ctx)
	ids := keys(orders, func(wo *ent.WorkOrder) (int64, bool) { return wo.ID, true })
	// Each of these runs beside the others; services need the items first.
	g := errgroup.Group{}
	if wants("cari") {
		g.Go(func() error {
			_, err := load.Cari.Prime(ctx, keys(orders, func(wo *ent.WorkOrder) (int64, bool) { return wo.CariID, true }))
			return err
		})
	}
	if wants("requester") {
		g.Go(func() error {
			_, err := load.User.Prime(ctx, keys(orders, func(wo *ent.WorkOrder) (int64, bool) { return wo.RequesterID, true }))
			return err
		})
	}
	if wants("history") {
		users := wants("history", "user")
		g.Go(func() error {
			byOrder, err := load.HistoryOfWorkOrder.Prime(ctx, ids)
			if err != nil || !users {
				return err
			}
			_, err = load.User.Prime(ctx, keys(flat(byOrder), func(h *ent.WorkOrderStatusHistory) (int64, bool) { return h.UserID, true }))
			return err
		})
	}
	if wants("items") {
		services := wants("items", "service")
		g.Go(func() error {
			byOrder, err := load.ItemsOfWorkOrder.Prime(ctx, ids)
			if err != nil || !services {
				return err
			}
			_, err = load.Service.Prime(ctx, keys(flat(byOrder), serviceOf))
			return err
		})
	}
	return g.Wait()
}

// flat is all rows of all owners.
func flat[R any](byOwner map[int64][]R) []R {
	var all []R
	for _, of := range byOwner {
		all = append(all, of...)
	}
	return all
}

func serviceOf(i *ent.WorkOrderItem) (int64, bool) {
	if i.ServiceID == nil {
		return 0, false
	}
	return *i.ServiceID, true
}

// keys collects the distinct keys that rows point to.
func keys[R any](rows []R, key func(R) (int64, bool)) []int64 {
	seen := make(map[int64]struct{}, len(rows))
	distinct := make([]int64, 0, len(rows))
	for _, r := range rows {
		k, ok := key(r)
		if !ok {
			continue
		}
		if _, dup := seen[k]; !dup {
			seen[k] = struct{}{}
			distinct = append(distinct, k)
		}
	}
	return distinct
}
