package graph

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/graph/loader"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/page"
	rules "aliaport/internal/workorder"
)

// relation says how the rows that a field leads to are read for all rows of a level
// at once.
type relation struct {
	child string // type of the rows it leads to
	prime func(ctx context.Context, load *loader.Set, parents []any) (children []any, err error)
	// pages is there instead where the rows are those of a connection.
	pages func(ctx context.Context, load *loader.Set, parents []any, arguments map[string]any, counted bool) (children []any, err error)
}

// relations are the fields that lead to other rows, by type and field. A field that
// is missing here still works, through the timer of its loader; the walk of the
// schema in the tests finds it.
var relations = map[string]relation{
	"AuditEvent.user": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(e *ent.AuditEvent) (int64, bool) { return deref(e.UserID) }),
	"AuditFacetValue.user": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(v *audit.FacetValue) (int64, bool) { return deref(v.UserID) }),
	"Motorbot.owner": toOne("Cari", func(s *loader.Set) *loader.Loader[*ent.Cari] { return s.Cari },
		func(m *ent.Motorbot) (int64, bool) { return deref(m.OwnerCariID) }),
	"Motorbot.activeTripCount": plain(func(s *loader.Set) *loader.Loader[int] { return s.ActiveTripsOfMotorbot },
		func(m *ent.Motorbot) (int64, bool) { return m.ID, true }),
	"Motorbot.lastTrip": toOne("Trip", func(s *loader.Set) *loader.Loader[*ent.Trip] { return s.LastTripOfMotorbot },
		func(m *ent.Motorbot) (int64, bool) { return m.ID, true }),
	"PriceList.items": toPage("PriceListItem", func(s *loader.Set, _ map[string]any) *loader.Lists[*ent.PriceListItem] { return s.ItemsOfPriceList },
		func(l *ent.PriceList) int64 { return l.ID }),
	"PriceListItem.priceList": toOne("PriceList", func(s *loader.Set) *loader.Loader[*ent.PriceList] { return s.PriceList },
		func(i *ent.PriceListItem) (int64, bool) { return i.PriceListID, true }),
	"PriceListItem.service": toOne("Service", func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service },
		func(i *ent.PriceListItem) (int64, bool) { return i.ServiceID, true }),
	"Service.overrides": toPage("ServiceOverride", func(s *loader.Set, arguments map[string]any) *loader.Lists[*ent.ServiceOverride] {
		return overridesOf(s, arguments["isActive"] != false)
	}, func(s *ent.Service) int64 { return s.ID }),
	"ServiceOverride.service": toOne("Service", func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service },
		func(o *ent.ServiceOverride) (int64, bool) { return o.ServiceID, true }),
	"Trip.motorbot": toOne("Motorbot", func(s *loader.Set) *loader.Loader[*ent.Motorbot] { return s.Motorbot },
		func(t *ent.Trip) (int64, bool) { return t.MotorbotID, true }),
	"Trip.cari": toOne("Cari", func(s *loader.Set) *loader.Loader[*ent.Cari] { return s.Cari },
		func(t *ent.Trip) (int64, bool) { return deref(t.CariID) }),
	"Trip.workOrder": toOne("WorkOrder", func(s *loader.Set) *loader.Loader[*ent.WorkOrder] { return s.WorkOrder },
		func(t *ent.Trip) (int64, bool) { return deref(t.WorkOrderID) }),
	"Trip.createdBy": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(t *ent.Trip) (int64, bool) { return t.CreatedBy, true }),
	"Trip.service": toOne("Service", func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service },
		func(t *ent.Trip) (int64, bool) { return deref(t.ServiceID) }),
	"Trip.isLate": plain(func(s *loader.Set) *loader.Loader[time.Duration] { return s.TripDelay },
		func(*ent.Trip) (int64, bool) { return loader.Once, true }),
	"Parameter.history": toMany("ParameterHistory", func(s *loader.Set) *loader.Loader[[]*ent.ParameterHistory] { return s.HistoryOfParameter },
		func(p *ent.Parameter) int64 { return p.ID }),
	"ParameterHistory.user": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(h *ent.ParameterHistory) (int64, bool) { return deref(h.UserID) }),
	"WorkOrder.cari": toOne("Cari", func(s *loader.Set) *loader.Loader[*ent.Cari] { return s.Cari },
		func(wo *ent.WorkOrder) (int64, bool) { return wo.CariID, true }),
	"WorkOrder.requester": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(wo *ent.WorkOrder) (int64, bool) { return wo.RequesterID, true }),
	"WorkOrder.items": toMany("WorkOrderItem", func(s *loader.Set) *loader.Loader[[]*ent.WorkOrderItem] { return s.ItemsOfWorkOrder },
		func(wo *ent.WorkOrder) int64 { return wo.ID }),
	"WorkOrder.adjustments": toMany("", func(s *loader.Set) *loader.Loader[[]*ent.WorkOrderAdjustment] { return s.AdjustmentsOfWorkOrder },
		func(w *ent.WorkOrder) int64 { return w.ID }),
	"WorkOrder.history": toMany("WorkOrderStatusHistory", func(s *loader.Set) *loader.Loader[[]*ent.WorkOrderStatusHistory] { return s.HistoryOfWorkOrder },
		func(wo *ent.WorkOrder) int64 { return wo.ID }),
	"Cari.uninvoiced": toMany("", func(s *loader.Set) *loader.Loader[[]*rules.UninvoicedTotal] { return s.UninvoicedOfCari },
		func(c *ent.Cari) int64 { return c.ID }),
	"WorkOrderItem.workOrder": toOne("WorkOrder", func(s *loader.Set) *loader.Loader[*ent.WorkOrder] { return s.WorkOrder },
		func(i *ent.WorkOrderItem) (int64, bool) { return i.WorkOrderID, true }),
	"WorkOrderItem.service": toOne("Service", func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service },
		func(i *ent.WorkOrderItem) (int64, bool) { return deref(i.ServiceID) }),
	"WorkOrderItem.calculation": plain(func(s *loader.Set) *loader.Loader[json.RawMessage] { return s.CalculationOfItem },
		func(i *ent.WorkOrderItem) (int64, bool) { return i.ID, i.Calculation == nil }),
	"WorkOrderStatusHistory.user": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(h *ent.WorkOrderStatusHistory) (int64, bool) { return h.UserID, true }),
	"WorkOrder.persons": toMany("WorkOrderPerson", func(s *loader.Set) *loader.Loader[[]*ent.WorkOrderPerson] { return s.PersonsOfWorkOrder },
		func(wo *ent.WorkOrder) int64 { return wo.ID }),
	"WorkOrder.workLogs": toMany("WorkLog", func(s *loader.Set) *loader.Loader[[]*ent.WorkLog] { return s.LogsOfWorkOrder },
		func(wo *ent.WorkOrder) int64 { return wo.ID }),
	"WorkOrder.gateLogs": toMany("GateLog", func(s *loader.Set) *loader.Loader[[]*ent.GateLog] { return s.StaysOfWorkOrder },
		func(wo *ent.WorkOrder) int64 { return wo.ID }),
	"WorkOrderItem.workLog": toOne("WorkLog", func(s *loader.Set) *loader.Loader[*ent.WorkLog] { return s.WorkLog },
		func(i *ent.WorkOrderItem) (int64, bool) { return deref(i.WorkLogID) }),
	"WorkOrderPerson.decidedBy": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(p *ent.WorkOrderPerson) (int64, bool) { return deref(p.DecidedBy) }),
	"WorkLog.workOrder": toOne("WorkOrder", func(s *loader.Set) *loader.Loader[*ent.WorkOrder] { return s.WorkOrder },
		func(l *ent.WorkLog) (int64, bool) { return l.WorkOrderID, true }),
	"WorkLog.trip": toOne("Trip", func(s *loader.Set) *loader.Loader[*ent.Trip] { return s.Trip },
		func(l *ent.WorkLog) (int64, bool) { return deref(l.TripID) }),
	"WorkLog.motorbot": toOne("Motorbot", func(s *loader.Set) *loader.Loader[*ent.Motorbot] { return s.Motorbot },
		func(l *ent.WorkLog) (int64, bool) { return deref(l.MotorbotID) }),
	"WorkLog.service": toOne("Service", func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service },
		func(l *ent.WorkLog) (int64, bool) { return deref(l.ServiceID) }),
	"WorkLog.decidedBy": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(l *ent.WorkLog) (int64, bool) { return deref(l.DecidedBy) }),
	"WorkLog.createdBy": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(l *ent.WorkLog) (int64, bool) { return l.CreatedBy, true }),
	"WorkLog.item": toOne("WorkOrderItem", func(s *loader.Set) *loader.Loader[*ent.WorkOrderItem] { return s.ItemOfWorkLog },
		func(l *ent.WorkLog) (int64, bool) { return l.ID, true }),
	"GateLog.workOrder": toOne("WorkOrder", func(s *loader.Set) *loader.Loader[*ent.WorkOrder] { return s.WorkOrder },
		func(l *ent.GateLog) (int64, bool) { return l.WorkOrderID, true }),
	"GateLog.person": toOne("WorkOrderPerson", func(s *loader.Set) *loader.Loader[*ent.WorkOrderPerson] { return s.WorkOrderPerson },
		func(l *ent.GateLog) (int64, bool) { return deref(l.PersonID) }),
	"GateLog.motorbot": toOne("Motorbot", func(s *loader.Set) *loader.Loader[*ent.Motorbot] { return s.Motorbot },
		func(l *ent.GateLog) (int64, bool) { return deref(l.MotorbotID) }),
	"GateLog.entryBy": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(l *ent.GateLog) (int64, bool) { return l.EntryBy, true }),
	"GateLog.exitBy": toOne("User", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User },
		func(l *ent.GateLog) (int64, bool) { return deref(l.ExitBy) }),
	"GateLog.corrects": toOne("GateLog", func(s *loader.Set) *loader.Loader[*ent.GateLog] { return s.GateLog },
		func(l *ent.GateLog) (int64, bool) { return deref(l.CorrectsID) }),
	"GateLog.correction": toOne("GateLog", func(s *loader.Set) *loader.Loader[*ent.GateLog] { return s.CorrectionOfGateLog },
		func(l *ent.GateLog) (int64, bool) { return l.ID, true }),
	"User.roles": toMany("Role", func(s *loader.Set) *loader.Loader[[]*ent.Role] { return s.RolesOfUser },
		func(u *ent.User) int64 { return u.ID }),
	"Role.permissions": toMany("", func(s *loader.Set) *loader.Loader[[]*ent.Permission] { return s.PermissionsOfRole },
		func(r *ent.Role) int64 { return r.ID }),
}

// plain leads from each row to a plain value.
func plain[P, V any](through func(*loader.Set) *loader.Loader[V], key func(*P) (int64, bool)) relation {
	return relation{prime: func(ctx context.Context, load *loader.Set, parents []any) ([]any, error) {
		_, err := through(load).Prime(ctx, keys(parents, key))
		return nil, err
	}}
}

// deref is a key that may be missing.
func deref(key *int64) (int64, bool) {
	if key == nil {
		return 0, false
	}
	return *key, true
}

// toOne leads from each row to at most one other.
func toOne[P, C any](child string, through func(*loader.Set) *loader.Loader[*C], key func(*P) (int64, bool)) relation {
	return relation{child: child, prime: func(ctx context.Context, load *loader.Set, parents []any) (children []any, err error) {
		values, err := through(load).Prime(ctx, keys(parents, key))
		for _, v := range values {
			if v != nil {
				children = append(children, v)
			}
		}
		return children, err
	}}
}

// toMany leads from each row to a list of others.
func toMany[P, C any](child string, through func(*loader.Set) *loader.Loader[[]*C], key func(*P) int64) relation {
	return relation{child: child, prime: func(ctx context.Context, load *loader.Set, parents []any) (children []any, err error) {
		values, err := through(load).Prime(ctx, keys(parents, func(p *P) (int64, bool) { return key(p), true }))
		for _, list := range values {
			for _, v := range list {
				children = append(children, v)
			}
		}
		return children, err
	}}
}

// toPage leads from each row to a connection of others.
func toPage[P, C any](child string, through func(*loader.Set, map[string]any) *loader.Lists[*C], key func(*P) int64) relation {
	return relation{child: child, pages: func(ctx context.Context, load *loader.Set, parents []any, arguments map[string]any, counted bool) (children []any, err error) {
		rows, err := through(load, arguments).Prime(ctx, keys(parents, func(p *P) (int64, bool) { return key(p), true }), pageArgs(arguments), counted)
		for _, r := range rows {
			children = append(children, r)
		}
		return children, err
	}}
}

// pageArgs are the paging arguments of a field, as its resolver gets them.
func pageArgs(arguments map[string]any) (a page.Args) {
	for name, to := range map[string]**int{"first": &a.First, "last": &a.Last} {
		if v, err := graphql.UnmarshalInt(arguments[name]); arguments[name] != nil && err == nil {
			*to = &v
		}
	}
	for name, to := range map[string]**string{"after": &a.After, "before": &a.Before} {
		if v, ok := arguments[name].(string); ok {
			*to = &v
		}
	}
	return a
}

// overridesOf are those that hold in their time, or the others.
func overridesOf(s *loader.Set, active bool) *loader.Lists[*ent.ServiceOverride] {
	if active {
		return s.OverridesOfService
	}
	return s.UnusedOfService
}

// keys collects the distinct keys that rows point to.
func keys[P any](rows []any, key func(*P) (int64, bool)) []int64 {
	seen := make(map[int64]struct{}, len(rows))
	distinct := make([]int64, 0, len(rows))
	for _, r := range rows {
		k, ok := key(r.(*P)) //nolint:errcheck,forcetypeassert // relations are keyed by the type of their rows
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

// ahead reads what the rows of the field being resolved will be asked for, a level
// at a time and a statement for each relation selected, and hands it to the
// loaders: no field then waits for a batch to fill, and the number of statements
// depends on the query alone. path leads from the field to the rows.
func ahead[R any](ctx context.Context, typ string, rows []*R, paths ...[]string) error {
	if len(rows) == 0 {
		return nil
	}
	oc, field := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field
	var selected ast.SelectionSet
	for _, path := range paths {
		selected = append(selected, under(oc, field.Definition.Type.Name(), field.Selections, path)...)
	}
	parents := make([]any, len(rows))
	for i, r := range rows {
		parents[i] = r
	}
	return level(ctx, oc, typ, parents, selected)
}

// Where the rows of a field are.
var (
	rowsOfConnection = [][]string{{"edges", "node"}, {"nodes"}}
	rowItself        = [][]string{{}}
)

// under is what is selected below a path, under whatever aliases and fragments.
func under(oc *graphql.OperationContext, typ string, selections ast.SelectionSet, path []string) (selected ast.SelectionSet) {
	if len(path) == 0 {
		return selections
	}
	for _, f := range graphql.CollectFields(oc, selections, []string{typ, "Node"}) {
		if f.Name == path[0] {
			selected = append(selected, under(oc, f.Definition.Type.Name(), f.Selections, path[1:])...)
		}
	}
	return selected
}

// level reads the relations that are selected on rows of a type, and theirs in turn.
func level(ctx context.Context, oc *graphql.OperationContext, typ string, rows []any, selections ast.SelectionSet) error {
	below := map[string]ast.SelectionSet{}
	g := errgroup.Group{}
	for _, f := range graphql.CollectFields(oc, selections, []string{typ, "Node"}) {
		r, ok := relations[typ+"."+f.Name]
		switch {
		case !ok || !mayRead(ctx, f.Definition):
		case r.pages != nil: // its arguments may differ from alias to alias
			g.Go(func() error { return pageBelow(ctx, oc, typ, r, f, rows) })
		default:
			below[f.Name] = append(below[f.Name], f.Selections...)
		}
	}
	for name, selected := range below {
		r := relations[typ+"."+name]
		g.Go(func() error {
			cause, read := because(ctx, typ+"."+name)
			children, err := r.prime(cause, loader.From(ctx), rows)
			read()
			if err != nil || len(children) == 0 || r.child == "" {
				return err
			}
			return level(ctx, oc, r.child, children, selected)
		})
	}
	return g.Wait()
}

// pageBelow reads a connection that is selected on rows of a type, and what is
// selected on its rows in turn.
func pageBelow(ctx context.Context, oc *graphql.OperationContext, typ string, r relation, f graphql.CollectedField, rows []any) error {
	connection := f.Definition.Type.Name()
	counted := slices.ContainsFunc(graphql.CollectFields(oc, f.Selections, []string{connection}), func(f graphql.CollectedField) bool { return f.Name == "totalCount" })
	cause, read := because(ctx, typ+"."+f.Name)
	children, err := r.pages(cause, loader.From(ctx), rows, f.ArgumentMap(oc.Variables), counted)
	read()
	if err != nil || len(children) == 0 {
		return err
	}
	var selected ast.SelectionSet
	for _, path := range rowsOfConnection {
		selected = append(selected, under(oc, connection, f.Selections, path)...)
	}
	return level(ctx, oc, r.child, children, selected)
}

type (
	causeKey  struct{}
	levelsKey struct{}
)

// WatchLevels lets watch see when the rows that a field (Type.field) leads to are read for
// a whole level, which ends with the call of what it returns.
func WatchLevels(ctx context.Context, watch func(ctx context.Context, field string) (context.Context, func())) context.Context {
	return context.WithValue(ctx, levelsKey{}, watch)
}

// because notes for the profile and the trace which field statements are sent for.
func because(ctx context.Context, field string) (cause context.Context, end func()) {
	cause, end = context.WithValue(ctx, causeKey{}, field), func() {}
	if watch, ok := ctx.Value(levelsKey{}).(func(context.Context, string) (context.Context, func())); ok {
		return watch(cause, field)
	}
	return cause, end
}

// Cause is the field that statements under ctx are sent for: Type.field when they
// serve a whole level, the path of the field otherwise.
func Cause(ctx context.Context) string {
	if field, ok := ctx.Value(causeKey{}).(string); ok {
		return field
	}
	return graphql.GetPath(ctx).String()
}

// mayRead keeps rows that the caller will be refused from being read.
func mayRead(ctx context.Context, f *ast.FieldDefinition) bool {
	can := f.Directives.ForName("can")
	return can == nil || actor.From(ctx).Can(actor.Permission(can.Arguments.ForName("permission").Value.Raw))
}
