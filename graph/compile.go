package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/graph/compiled"
	"aliaport/graph/loader"
	"aliaport/internal/actor"
	"aliaport/internal/store"
)

// Compiled writes what queries select by the compiled writers: it hands the engine
// finished JSON for a field as soon as the field's own value is there. Whatever the
// writers give up, the engine writes.
type Compiled struct {
	Schema *compiled.Schema
	// Wrote, unless nil, is told how each field that could have been was written.
	Wrote func(compiled bool)
}

var _ graphql.FieldInterceptor = Compiled{}

// ExtensionName names the extension.
func (Compiled) ExtensionName() string { return "Compiled" }

// Validate accepts every schema.
func (Compiled) Validate(graphql.ExecutableSchema) error { return nil }

// plansExtension is where the plans of the document are, in the operation's Stats.
const plansExtension = "plans"

// KeepPlans makes the plans of an operation those that are kept with its document.
func KeepPlans(oc *graphql.OperationContext, kept *compiled.Plans) {
	oc.Stats.SetExtension(plansExtension, kept)
}

// InterceptField writes what is selected on a field.
func (c Compiled) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	oc, fc := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx)
	if len(fc.Field.Selections) == 0 || oc.Operation.Operation != ast.Query {
		return next(ctx)
	}
	kept, ok := oc.Stats.GetExtension(plansExtension).(*compiled.Plans)
	if !ok {
		return next(ctx)
	}
	o := kept.For(&compiled.Compiler{Schema: c.Schema, Calls: resolvesRows, Columns: columns}, oc)
	if o == nil {
		return next(ctx)
	}
	if o.Columns != nil {
		ctx = store.WithColumns(ctx, o.Columns)
	}
	v, err := next(ctx)
	if v == nil || err != nil {
		return v, err
	}
	plan := o.Plan(oc, fc.Object, fc.Field)
	if plan == nil {
		return v, nil
	}
	written := plan.Write(&compiled.Run{
		Ctx: loader.With(ctx, loader.From(ctx)), Engine: c.Schema.Engine(oc), Saw: saw,
	}, oc.Variables, func(permission string) bool { return actor.From(ctx).Can(actor.Permission(permission)) }, v)
	if c.Wrote != nil {
		c.Wrote(written != nil)
	}
	if written == nil {
		return v, nil
	}
	return written, nil
}

// resolvesRows tells whether a field's resolver can be called for one row after the
// other: what it needs was read ahead for all of them, or it needs nothing.
func resolvesRows(field string) bool {
	_, read := relations[field]
	return read || computed[field]
}

// computed are the fields whose resolvers send no statements.
var computed = map[string]bool{
	"AuditArchive.firstEventId": true, "AuditArchive.lastEventId": true,
	"AuditEvent.changes": true, "AuditEvent.entityId": true, "AuditEvent.extra": true,
	"GateLog.checklist": true, "GateLog.isOverBase": true, "GateLog.minutesInside": true,
	"JobRun.durationMs": true, "JobRun.retryOfId": true,
	"MonthlyReport.csv": true, "MonthlyReport.headline": true, "MonthlyReport.html": true, "MonthlyReport.json": true, "MonthlyReport.previous": true,
	"NotificationDelivery.kind": true, "NotificationDelivery.title": true,
	"Notification.entityId": true, "Notification.entityType": true, "Notification.message": true, "Notification.severity": true,
	"Notification.title":           true,
	"PriceList.allowedTransitions": true,
	"Service.formulaParams":        true,
	"Trip.allowedTransitions":      true, "Trip.calculation": true, "Trip.durationMinutes": true, "Trip.isPriced": true,
	"User.isLocked":                true,
	"WorkOrder.allowedTransitions": true, "WorkOrder.isOverdue": true, "WorkOrder.priceListId": true, "WorkOrder.surchargeChoice": true,
	"WorkOrderPerson.nationalId": true, "WorkOrderPerson.passportNo": true, "WorkOrderPerson.phone": true,
}
