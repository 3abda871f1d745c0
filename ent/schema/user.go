package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// User is somebody who may sign in.
type User struct{ ent.Schema }

func (User) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (User) Annotations() []schema.Annotation { return []schema.Annotation{table("users")} }

func (User) Fields() []ent.Field {
	return []ent.Field{
		field.String("email").MaxRuneLen(100).Annotations(byteOrder()).Comment("lower case; the name to sign in with"),
		field.String("full_name").MaxRuneLen(200),
		field.String("password_hash").Sensitive(),
		field.Bool("is_active").Default(true),
		field.Time("last_login_at").Optional().Nillable(),
		field.Int("failed_logins").Default(0),
		field.Time("locked_until").Optional().Nillable(),
		field.Int("version").Default(1),
	}
}

func (User) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("roles", Role.Type).StorageKey(edge.Table("user_roles"), edge.Columns("user_id", "role_id")),
		edge.To("refresh_tokens", RefreshToken.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("requested_work_orders", WorkOrder.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("gate_pin", GatePin.Type).Unique().Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("work_order_steps", WorkOrderStatusHistory.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("notifications", Notification.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("notification_deliveries", NotificationDelivery.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("password_resets", PasswordReset.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

func (User) Indexes() []ent.Index {
	return []ent.Index{index.Fields("email").Unique().StorageKey("users_email")}
}

// Role bundles permissions. The built-in ones are those of actor.Roles.
type Role struct{ ent.Schema }

func (Role) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (Role) Annotations() []schema.Annotation { return []schema.Annotation{table("roles")} }

func (Role) Fields() []ent.Field {
	return []ent.Field{
		field.String("name").MaxRuneLen(50).Annotations(byteOrder()),
		field.Bool("is_system").Default(false).Comment("built in; cannot be removed"),
	}
}

func (Role) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("users", User.Type).Ref("roles"),
		edge.To("permissions", Permission.Type).StorageKey(edge.Table("role_permissions"), edge.Columns("role_id", "permission_id")),
	}
}

func (Role) Indexes() []ent.Index {
	return []ent.Index{index.Fields("name").Unique().StorageKey("roles_name")}
}

// Permission is one right, named resource:action. The names are those of
// actor.Permissions; the table exists so that roles can refer to them.
type Permission struct{ ent.Schema }

func (Permission) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (Permission) Annotations() []schema.Annotation { return []schema.Annotation{table("permissions")} }

func (Permission) Fields() []ent.Field {
	return []ent.Field{field.String("name").MaxRuneLen(50).Immutable().Annotations(byteOrder())}
}

func (Permission) Edges() []ent.Edge {
	return []ent.Edge{edge.From("roles", Role.Type).Ref("permissions")}
}

func (Permission) Indexes() []ent.Index {
	return []ent.Index{index.Fields("name").Unique().StorageKey("permissions_name")}
}

// RefreshToken is one link of a chain (family) of rotating tokens. Only a hash is
// stored; a used token shown again means theft and ends the whole family.
type RefreshToken struct{ ent.Schema }

func (RefreshToken) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (RefreshToken) Annotations() []schema.Annotation {
	return []schema.Annotation{table("refresh_tokens")}
}

func (RefreshToken) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("user_id").Immutable(),
		field.String("family").MaxRuneLen(36).Immutable(),
		field.String("token_hash").MaxRuneLen(64).Immutable().Sensitive(),
		field.Time("created_at").Immutable().Default(now),
		field.Time("expires_at").Immutable(),
		field.Time("used_at").Optional().Nillable(),
		field.Time("revoked_at").Optional().Nillable(),
		field.String("ip").MaxRuneLen(64).Optional().Nillable(),
		field.String("user_agent").MaxRuneLen(300).Optional().Nillable(),
	}
}

func (RefreshToken) Edges() []ent.Edge {
	return []ent.Edge{edge.From("user", User.Type).Ref("refresh_tokens").Field("user_id").Unique().Required().Immutable()}
}

func (RefreshToken) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("token_hash").Unique().StorageKey("refresh_tokens_token_hash"),
		index.Fields("user_id").StorageKey("refresh_tokens_user_id"),
		index.Fields("family").StorageKey("refresh_tokens_family"),
	}
}
