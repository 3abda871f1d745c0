package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
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
		field.String("method").MaxRuneLen(10).Immutable().Comment("GRAPHQL, HTTP, CLI or JOB"),
		field.String("path").MaxRuneLen(300).Immutable().Annotations(byteOrder()).Comment("/graphql#OperationName"),
		field.String("action").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.String("resource").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.String("entity_id").MaxRuneLen(100).Optional().Nillable().Immutable().Annotations(byteOrder()),
		field.Enum("outcome").NamedValues(named(auditOutcomes)...).SchemaType(text).Immutable(),
		field.Int("status_code").Immutable(),
		field.Int("duration_ms").Immutable(),
		field.String("request_id").MaxRuneLen(64).Immutable().Annotations(byteOrder()),
		field.String("ip").MaxRuneLen(64).Optional().Nillable().Immutable().Annotations(byteOrder()),
		field.String("user_agent").MaxRuneLen(300).Optional().Nillable().Immutable(),
		field.JSON("changes", json.RawMessage{}).Optional().Immutable().Comment("field → [old, new], personal values masked"),
		field.JSON("extra", json.RawMessage{}).Optional().Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

func (AuditEvent) Indexes() []ent.Index {
	// Each is read in the order of the list. What did not end well is little of all: a
	// combination with the outcome costs nothing for the rest. docs/FAZ5_INDEXES.md has
	// the measurements, internal/audit/search.go what is searched by.
	refused := entsql.IndexWhere("outcome <> 'OK'")
	return []ent.Index{
		index.Fields("created_at", "id").StorageKey("audit_events_created_at"),
		index.Fields("user_id", "created_at", "id").StorageKey("audit_events_user_id"),
		index.Fields("user_id", "action", "created_at", "id").StorageKey("audit_events_user_action"),
		index.Fields("path", "created_at", "id").StorageKey("audit_events_path"),
		index.Fields("action", "created_at", "id").StorageKey("audit_events_action"),
		index.Fields("resource", "created_at", "id").StorageKey("audit_events_resource"),
		index.Fields("resource", "action", "created_at", "id").StorageKey("audit_events_resource_action"),
		index.Fields("resource", "entity_id", "created_at", "id").StorageKey("audit_events_entity"),
		index.Fields("request_id", "created_at", "id").StorageKey("audit_events_request_id"),
		index.Fields("ip", "created_at", "id").StorageKey("audit_events_ip"),
		index.Fields("outcome", "created_at", "id").StorageKey("audit_events_outcome").Annotations(refused),
		index.Fields("user_id", "outcome", "created_at", "id").StorageKey("audit_events_user_outcome").Annotations(refused),
		index.Fields("action", "outcome", "created_at", "id").StorageKey("audit_events_action_outcome").Annotations(refused),
		index.Fields("ip", "outcome", "created_at", "id").StorageKey("audit_events_ip_outcome").Annotations(refused),
	}
}

// AuditArchive is a sealed segment of the trail: a month's events, or those that came
// late for a month that was archived already, in a file outside of the database.
type AuditArchive struct{ ent.Schema }

func (AuditArchive) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (AuditArchive) Annotations() []schema.Annotation {
	return []schema.Annotation{table("audit_archives")}
}

func (AuditArchive) Fields() []ent.Field {
	return []ent.Field{
		field.Int("position").Immutable().Comment("in the chain of seals: 1, 2, 3 …"),
		field.String("month").MaxRuneLen(7).Immutable().Comment("2026-01, in UTC"),
		field.Int("part").Immutable().Comment("1; 2 and on: what came late for the month"),
		field.Int64("rows").Immutable(),
		field.Int64("first_event_id").Immutable().Comment("by time, not by number"),
		field.Int64("last_event_id").Immutable(),
		field.Time("first_event_at").Immutable(),
		field.Time("last_event_at").Immutable(),
		field.String("sha256").MaxRuneLen(64).Immutable().Comment("of the lines"),
		field.String("file_name").MaxRuneLen(100).Immutable(),
		field.Int64("file_bytes").Immutable(),
		field.String("file_sha256").MaxRuneLen(64).Immutable().Comment("of the compressed file"),
		field.String("previous_seal").MaxRuneLen(64).Immutable().Comment("empty for the first"),
		field.String("seal").MaxRuneLen(64).Immutable().Comment("SHA-256 of all of the above and sealed_at"),
		field.Time("sealed_at").Immutable(),
		field.Time("removed_at").Optional().Nillable().Comment("when its events had left the table"),
		field.Time("verified_at").Optional().Nillable().Comment("when its file was last looked at"),
		field.String("fault").MaxRuneLen(300).Optional().Nillable().Comment("what was wrong with it then"),
	}
}

func (AuditArchive) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("position").Unique().StorageKey("audit_archives_position"),
		index.Fields("month", "part").Unique().StorageKey("audit_archives_month_part"),
	}
}
