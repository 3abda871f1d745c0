package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// NumberSequence counts the numbers given out in a year (WO-2026-00042). It is
// raised inside the creating transaction, so that a rolled-back create leaves no gap.
type NumberSequence struct{ ent.Schema }

func (NumberSequence) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (NumberSequence) Annotations() []schema.Annotation {
	return []schema.Annotation{table("number_sequences")}
}

func (NumberSequence) Fields() []ent.Field {
	return []ent.Field{
		field.String("kind").MaxRuneLen(20).Immutable(),
		field.Int("year").Immutable(),
		field.Int("last"),
	}
}

func (NumberSequence) Indexes() []ent.Index {
	return []ent.Index{index.Fields("kind", "year").Unique().StorageKey("number_sequences_kind_year")}
}

// IdempotencyKey remembers what a create made under a client's key, so that a
// repeated request gets the first result instead of a second record.
type IdempotencyKey struct{ ent.Schema }

func (IdempotencyKey) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (IdempotencyKey) Annotations() []schema.Annotation {
	return []schema.Annotation{table("idempotency_keys")}
}

func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("user_id"),
		field.String("key").MaxRuneLen(100),
		field.String("operation").MaxRuneLen(50),
		field.String("input_hash").MaxRuneLen(64),
		field.Int64("entity_id"),
		field.Time("created_at").Default(now),
	}
}

func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("user_id", "key").Unique().StorageKey("idempotency_keys_user_key"),
		index.Fields("created_at").StorageKey("idempotency_keys_created_at"),
	}
}
