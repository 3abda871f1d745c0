package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Conditions of partial indexes, to be repeated literally by the queries that mean
// them.
const (
	// UnreadCondition holds for notifications that their user has not read.
	UnreadCondition = "read_at IS NULL"
	// UndispatchedCondition holds for events whose deliveries are still to be written.
	UndispatchedCondition = "dispatched_at IS NULL"
	// UndeliveredCondition holds for deliveries that are still to be tried.
	UndeliveredCondition = "status = 'PENDING'"
)

var (
	notificationKinds = []string{
		"WORK_ORDER_CREATED", "WORK_ORDER_SUBMITTED", "WORK_ORDER_APPROVED", "WORK_ORDER_REJECTED", "WORK_ORDER_STARTED",
		"WORK_ORDER_COMPLETED", "WORK_ORDER_INVOICED", "WORK_ORDER_OVERDUE", "TRIP_DELAYED", "TRIP_NOT_DEPARTED", "VEHICLE_OVER_4H",
		"GATE_EXCEPTION", "RATE_SYNC_FAILED", "RATE_JUMP", "PRICE_LIST_EXPIRING", "BACKUP_FAILED", "JOB_FAILED", "MONTHLY_REPORT_READY",
	}
	severities       = []string{"INFO", "WARNING", "CRITICAL"}
	deliveryChannels = []string{"EMAIL", "WEBHOOK"}
	deliveryStatuses = []string{"PENDING", "SENT", "FAILED"}
)

// NotificationEvent is something that people are told: once, whoever finds it and
// however often, by its key. It is the outbox: written with its notifications in the
// transaction of what causes it. Which deliveries it needs is found out afterwards.
type NotificationEvent struct{ ent.Schema }

func (NotificationEvent) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (NotificationEvent) Annotations() []schema.Annotation {
	return []schema.Annotation{table("notification_events", oneOf("kind", notificationKinds), oneOf("severity", severities))}
}

func (NotificationEvent) Fields() []ent.Field {
	return []ent.Field{
		field.String("dedupe_key").MaxLen(200).Immutable(),
		field.String("uid").MaxLen(36).Immutable().Comment("stable ids of deliveries are derived from it"),
		field.Enum("kind").NamedValues(named(notificationKinds)...).SchemaType(text).Immutable(),
		field.Enum("severity").NamedValues(named(severities)...).SchemaType(text).Immutable(),
		field.JSON("data", json.RawMessage{}).Optional().Immutable().Comment("what the texts are filled in with"),
		field.String("entity_type").MaxLen(40).Optional().Nillable().Immutable().Comment("as in global ids"),
		field.Int64("entity_id").Optional().Nillable().Immutable(),
		field.Time("created_at").Immutable().Default(now),
		field.Time("dispatched_at").Optional().Nillable().Comment("when its deliveries were written; null: still to be done"),
	}
}

func (NotificationEvent) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("notifications", Notification.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("deliveries", NotificationDelivery.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

func (NotificationEvent) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("dedupe_key").Unique().StorageKey("notification_events_dedupe_key"),
		index.Fields("created_at").StorageKey("notification_events_created_at"),
		index.Fields("id").StorageKey("notification_events_undispatched").Annotations(entsql.IndexWhere(UndispatchedCondition)),
	}
}

// Notification is an event in the list of one user.
type Notification struct{ ent.Schema }

func (Notification) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (Notification) Annotations() []schema.Annotation {
	return []schema.Annotation{table("notifications", oneOf("kind", notificationKinds))}
}

func (Notification) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("event_id").Immutable(),
		field.Int64("user_id").Immutable(),
		field.Enum("kind").NamedValues(named(notificationKinds)...).SchemaType(text).Immutable().Comment("that of the event"),
		field.Time("created_at").Immutable().Default(now),
		field.Time("read_at").Optional().Nillable(),
	}
}

func (Notification) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("event", NotificationEvent.Type).Ref("notifications").Field("event_id").Unique().Required().Immutable(),
		edge.From("user", User.Type).Ref("notifications").Field("user_id").Unique().Required().Immutable(),
	}
}

func (Notification) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("event_id", "user_id").Unique().StorageKey("notifications_event_id"),
		index.Fields("user_id", "created_at", "id").StorageKey("notifications_user_id"),
		index.Fields("user_id", "kind", "created_at", "id").StorageKey("notifications_kind"),
		index.Fields("user_id", "created_at", "id").StorageKey("notifications_unread").Annotations(entsql.IndexWhere(UnreadCondition)),
	}
}

// NotificationDelivery is a message on its way out of the house, sent by whichever
// server claims it. Claiming moves next_at into the future, so that what a killed
// server held comes up again.
type NotificationDelivery struct{ ent.Schema }

func (NotificationDelivery) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (NotificationDelivery) Annotations() []schema.Annotation {
	return []schema.Annotation{table("notification_deliveries", oneOf("channel", deliveryChannels), oneOf("status", deliveryStatuses),
		check("subject", "CASE WHEN event_id IS NULL THEN reset_id IS NOT NULL ELSE reset_id IS NULL END"))}
}

func (NotificationDelivery) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("event_id").Optional().Nillable().Immutable(),
		field.Int64("reset_id").Optional().Nillable().Immutable().Comment("the password reset whose token it carries"),
		field.Int64("user_id").Optional().Nillable().Immutable().Comment("to whom an e-mail goes"),
		field.Enum("channel").NamedValues(named(deliveryChannels)...).SchemaType(text).Immutable(),
		field.Enum("status").NamedValues(named(deliveryStatuses)...).SchemaType(text).Default("PENDING").Comment("FAILED: given up"),
		field.Int("attempts").Default(0),
		field.Time("next_at").Comment("when to try, or when to take it from whoever claimed it"),
		field.String("last_error").MaxRuneLen(500).Optional().Nillable(),
		field.Time("created_at").Immutable().Default(now),
		field.Time("finished_at").Optional().Nillable(),
	}
}

func (NotificationDelivery) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("event", NotificationEvent.Type).Ref("deliveries").Field("event_id").Unique().Immutable(),
		edge.From("reset", PasswordReset.Type).Ref("deliveries").Field("reset_id").Unique().Immutable(),
		edge.From("user", User.Type).Ref("notification_deliveries").Field("user_id").Unique().Immutable(),
	}
}

func (NotificationDelivery) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("channel", "next_at", "id").StorageKey("notification_deliveries_due").Annotations(entsql.IndexWhere(UndeliveredCondition)),
		index.Fields("status", "created_at", "id").StorageKey("notification_deliveries_status"),
		// Foreign keys.
		index.Fields("event_id").StorageKey("notification_deliveries_event_id"),
		index.Fields("reset_id").StorageKey("notification_deliveries_reset_id"),
		index.Fields("user_id").StorageKey("notification_deliveries_user_id"),
	}
}

// PasswordReset is a request for a new password. Whoever asks for an account that
// does not exist gets a row too, without a user. The token is derived from the nonce
// with a key that is not in the database, and only its hash is stored.
type PasswordReset struct{ ent.Schema }

func (PasswordReset) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (PasswordReset) Annotations() []schema.Annotation {
	return []schema.Annotation{table("password_resets")}
}

func (PasswordReset) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("user_id").Optional().Nillable().Immutable(),
		field.String("nonce").MaxLen(64).Immutable().Sensitive(),
		field.String("token_hash").MaxLen(64).Immutable().Sensitive(),
		field.Time("created_at").Immutable().Default(now),
		field.Time("expires_at").Immutable(),
		field.Time("used_at").Optional().Nillable(),
	}
}

func (PasswordReset) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("user", User.Type).Ref("password_resets").Field("user_id").Unique().Immutable(),
		edge.To("deliveries", NotificationDelivery.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

func (PasswordReset) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("token_hash").Unique().StorageKey("password_resets_token_hash"),
		index.Fields("user_id").StorageKey("password_resets_user_id"),
		index.Fields("expires_at").StorageKey("password_resets_expires_at"),
	}
}
