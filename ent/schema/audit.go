package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

var auditOutcomes = []string{"OK", "DENIED", "FAILED"}

// AuditEvent is one line of the trail. It is only ever appended and refers to
// nothing by foreign key: a sealed row never changes. On PostgreSQL the table is
// partitioned by month.
type AuditEvent struct{ ent.Schema }

func (AuditEvent) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (AuditEvent) Annotations() []schema.Annotation {
	return []schema.Annotation{table("audit_events", oneOf("outcome", auditOutcomes))}
}

func (AuditEvent) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("user_id").Optional().Nillable().Immutable().Comment("null: nobody signed in"),
		field.String("roles").MaxRuneLen(200).Immutable().Comment("comma-separated, as they were at the time"),
		field.String("method").MaxRuneLen(10).Immutable().Comment("GRAPHQL, CLI or JOB"),
		field.String("path").MaxRuneLen(300).Immutable().Comment("/graphql#OperationName"),
		field.String("action").MaxRuneLen(50).Immutable(),
		field.String("resource").MaxRuneLen(50).Immutable(),
		field.String("entity_id").MaxRuneLen(100).Optional().Nillable().Immutable(),
		field.Enum("outcome").NamedValues(named(auditOutcomes)...).SchemaType(text).Immutable(),
		field.Int("status_code").Immutable(),
		field.Int("duration_ms").Immutable(),
		field.String("request_id").MaxRuneLen(64).Immutable(),
		field.String("ip").MaxRuneLen(64).Optional().Nillable().Immutable(),
		field.String("user_agent").MaxRuneLen(300).Optional().Nillable().Immutable(),
		field.JSON("changes", json.RawMessage{}).Optional().Immutable().Comment("field → [old, new], personal values masked"),
		field.JSON("extra", json.RawMessage{}).Optional().Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

func (AuditEvent) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("created_at", "id").StorageKey("audit_events_created_at"),
		index.Fields("user_id", "created_at", "id").StorageKey("audit_events_user_id"),
		index.Fields("path", "created_at", "id").StorageKey("audit_events_path"),
		index.Fields("action", "created_at", "id").StorageKey("audit_events_action"),
		index.Fields("resource", "created_at", "id").StorageKey("audit_events_resource"),
		index.Fields("resource", "entity_id", "created_at", "id").StorageKey("audit_events_entity"),
	}
}
