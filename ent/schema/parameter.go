package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

var dataTypes = []string{"STRING", "NUMBER", "BOOLEAN", "JSON", "TIME", "DATE"}

// Parameter is a lookup value or a setting of the port (parametre).
type Parameter struct{ ent.Schema }

func (Parameter) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (Parameter) Annotations() []schema.Annotation {
	return []schema.Annotation{table("parameters", oneOf("data_type", dataTypes))}
}

func (Parameter) Fields() []ent.Field {
	return []ent.Field{
		field.String("category").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.String("code").MaxRuneLen(100).Immutable().Annotations(byteOrder()),
		field.String("name").MaxRuneLen(200),
		field.String("value").MaxRuneLen(500),
		field.String("description").MaxRuneLen(1000).Optional().Nillable(),
		field.Enum("data_type").NamedValues(named(dataTypes)...).SchemaType(text).Default("STRING").Immutable(),
		field.Int("sort_no").Default(0),
		field.Bool("is_system").Default(false).Immutable().Comment("rules read it; it cannot be deactivated"),
		field.Bool("is_active").Default(true),
		field.Int("version").Default(1),
	}
}

func (Parameter) Edges() []ent.Edge {
	return []ent.Edge{edge.To("history", ParameterHistory.Type).Annotations(entsql.OnDelete(entsql.Cascade))}
}

func (Parameter) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("category", "code").Unique().StorageKey("parameters_category_code"),
		index.Fields("category", "is_active", "sort_no", "id").StorageKey("parameters_category"),
		index.Fields("code", "id").StorageKey("parameters_code"),
		index.Fields("is_active", "code", "id").StorageKey("parameters_active_code"),
	}
}

// ParameterHistory has one row for every value that a parameter has had.
type ParameterHistory struct{ ent.Schema }

func (ParameterHistory) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (ParameterHistory) Annotations() []schema.Annotation {
	return []schema.Annotation{table("parameter_history")}
}

func (ParameterHistory) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("parameter_id").Immutable(),
		field.String("old_value").MaxRuneLen(500).Optional().Nillable().Immutable().Comment("null: created"),
		field.String("new_value").MaxRuneLen(500).Immutable(),
		field.Bool("is_active").Immutable().Comment("afterwards"),
		field.Int64("user_id").Optional().Nillable().Immutable().Comment("null: the program itself"),
		field.String("user_name").MaxRuneLen(200).Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

func (ParameterHistory) Edges() []ent.Edge {
	return []ent.Edge{edge.From("parameter", Parameter.Type).Ref("history").Field("parameter_id").Unique().Required().Immutable()}
}

func (ParameterHistory) Indexes() []ent.Index {
	return []ent.Index{index.Fields("parameter_id", "id").StorageKey("parameter_history_parameter_id")}
}
