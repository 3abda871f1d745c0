package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// ReadOnlyState has its only row while the database may only be read: internal/readonly
// puts it there in the transaction that makes triggers on all other tables, and takes it
// away with them. It says something about this one database, so it is never copied to
// another.
type ReadOnlyState struct{ ent.Schema }

func (ReadOnlyState) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (ReadOnlyState) Annotations() []schema.Annotation {
	return []schema.Annotation{table("read_only_state", check("id", "id = 1"))}
}

func (ReadOnlyState) Fields() []ent.Field {
	return []ent.Field{
		field.Time("since").Immutable(),
		field.String("reason").MaxLen(500).Immutable(),
		field.String("by_name").MaxLen(200).Immutable(),
	}
}
