package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// WorkOrderCount keeps how many active work orders stand in each status: counting
// them all takes too long for a dashboard. The number of a status is the sum of its
// rows.
//
// Triggers on work_orders keep it, so that it holds whoever writes: on SQLite they
// change the one row of a status, on PostgreSQL they add a row with the difference,
// for which nobody has to wait, and a chore adds these up now and then. A migration
// that makes work_orders anew on SQLite must make the triggers anew too. It is never
// copied from one database to another.
type WorkOrderCount struct{ ent.Schema }

func (WorkOrderCount) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (WorkOrderCount) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_order_counts", oneOf("status", workOrderStatuses))}
}

func (WorkOrderCount) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("status").NamedValues(named(workOrderStatuses)...).SchemaType(text).Immutable(),
		field.Int64("n"),
	}
}
