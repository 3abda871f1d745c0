package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// MonthlyReport is a month's figures as they were when it was made. A later one of the
// same month is another version; none is ever changed.
type MonthlyReport struct{ ent.Schema }

func (MonthlyReport) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (MonthlyReport) Annotations() []schema.Annotation {
	return []schema.Annotation{table("monthly_reports", check("version", "version >= 1"))}
}

func (MonthlyReport) Fields() []ent.Field {
	return []ent.Field{
		field.String("month").MaxRuneLen(7).Immutable().Annotations(byteOrder()).Comment("2026-01, in Istanbul"),
		field.Int("version").Immutable(),
		field.Text("content").Immutable().Comment("JSON, byte for byte as it was sealed"),
		field.String("sha256").MaxRuneLen(64).Immutable().Comment("of the content"),
		field.Int64("requested_by").Optional().Nillable().Immutable().Comment("null: the schedule"),
		field.Int("duration_ms").Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

func (MonthlyReport) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("month", "version").Unique().StorageKey("monthly_reports_month_version"),
	}
}
