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

var (
	personStatuses   = []string{"ANNOUNCED", "APPROVED", "REFUSED", "ENTERED", "EXITED"}
	gateSubjects     = []string{"VEHICLE", "PERSON"}
	vehicleTypes     = []string{"TRACTOR", "TRAILER", "TRUCK", "VAN", "CAR", "OTHER"}
	workLogStatuses  = []string{"PENDING", "APPROVED", "REJECTED", "PROCESSED"}
	workLogKinds     = []string{"MAINTENANCE", "REPAIR", "TRANSFER", "OTHER"}
	identityWithin   = "is_active AND national_id IS NOT NULL"
	passportWithin   = "is_active AND passport_no IS NOT NULL"
	vehicleIsInside  = "exit_at IS NULL AND NOT is_superseded AND plate_norm IS NOT NULL"
	personIsInside   = "exit_at IS NULL AND NOT is_superseded AND person_id IS NOT NULL"
	waitsForApproval = "status = 'PENDING'"
)

// Conditions of partial indexes, to be repeated literally by the queries that mean
// them.
const (
	// GateInsideCondition holds for entries without an exit.
	GateInsideCondition = "exit_at IS NULL AND NOT is_superseded"
	// GateExceptionCondition holds for entries let in despite a failed check.
	GateExceptionCondition = "is_exception"
	// GateLeftCondition holds for entries with an exit.
	GateLeftCondition = "exit_at IS NOT NULL"
)

// WorkOrderPerson is somebody announced at the gate under a work order (iş emri kişisi).
type WorkOrderPerson struct{ ent.Schema }

func (WorkOrderPerson) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (WorkOrderPerson) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_order_persons", oneOf("status", personStatuses),
		check("identity", "national_id IS NOT NULL OR passport_no IS NOT NULL"))}
}

func (WorkOrderPerson) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("work_order_id").Immutable(),
		field.String("full_name").MaxRuneLen(200),
		field.String("national_id").MaxRuneLen(11).Optional().Nillable().Sensitive(),
		field.String("passport_no").MaxRuneLen(20).Optional().Nillable().Sensitive(),
		field.String("nationality").MaxRuneLen(3).Default("TUR").Comment("ISO 3166 alpha-3"),
		field.String("phone").MaxRuneLen(50).Optional().Nillable(),
		field.Enum("status").NamedValues(named(personStatuses)...).SchemaType(text).Default("ANNOUNCED"),
		field.Time("gate_entry_at").Optional().Nillable().Comment("latest"),
		field.Time("gate_exit_at").Optional().Nillable().Comment("latest"),
		field.Int64("decided_by").Optional().Nillable().Comment("the officer who approved or refused"),
		field.String("decided_by_name").MaxRuneLen(200).Optional().Nillable(),
		field.Time("decided_at").Optional().Nillable(),
		field.String("security_notes").MaxRuneLen(500).Optional().Nillable(),
		field.Bool("is_active").Default(true).Comment("false: taken off the list, kept for the record"),
		field.Int("version").Default(1),
		field.Int64("created_by").Immutable(),
	}
}

func (WorkOrderPerson) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("work_order", WorkOrder.Type).Ref("persons").Field("work_order_id").Unique().Required().Immutable(),
		edge.To("gate_logs", GateLog.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

func (WorkOrderPerson) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("work_order_id", "is_active", "id").StorageKey("work_order_persons_work_order_id"),
		index.Fields("work_order_id", "national_id").Unique().StorageKey("work_order_persons_national_id").Annotations(entsql.IndexWhere(identityWithin)),
		index.Fields("work_order_id", "passport_no").Unique().StorageKey("work_order_persons_passport_no").Annotations(entsql.IndexWhere(passportWithin)),
	}
}

// WorkLog is time worked in the field under a work order (saha kaydı).
type WorkLog struct{ ent.Schema }

func (WorkLog) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (WorkLog) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_logs", oneOf("status", workLogStatuses), oneOf("kind", workLogKinds),
		check("time", "time_end > time_start"), check("quantity", "quantity > 0"))}
}

func (WorkLog) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("work_order_id").Immutable(),
		field.Int64("trip_id").Optional().Nillable(),
		field.Int64("motorbot_id").Optional().Nillable(),
		field.Int64("service_id").Optional().Nillable(),
		field.String("personnel_name").MaxRuneLen(100),
		field.Enum("kind").NamedValues(named(workLogKinds)...).SchemaType(text).Default("OTHER"),
		field.Time("time_start"),
		field.Time("time_end"),
		field.Int("duration_minutes"),
		money("quantity"),
		field.String("unit").MaxRuneLen(20).Default("SAAT"),
		field.String("description").MaxRuneLen(500).Optional().Nillable(),
		field.String("notes").MaxRuneLen(1000).Optional().Nillable(),
		field.Enum("status").NamedValues(named(workLogStatuses)...).SchemaType(text).Default("PENDING"),
		field.Int64("decided_by").Optional().Nillable().Comment("who approved or rejected it"),
		field.String("decided_by_name").MaxRuneLen(200).Optional().Nillable(),
		field.Time("decided_at").Optional().Nillable(),
		field.String("rejection_reason").MaxRuneLen(500).Optional().Nillable(),
		field.Int("version").Default(1),
		field.Int64("created_by").Immutable(),
	}
}

func (WorkLog) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("work_order", WorkOrder.Type).Ref("work_logs").Field("work_order_id").Unique().Required().Immutable(),
		edge.From("trip", Trip.Type).Ref("work_logs").Field("trip_id").Unique(),
		edge.From("motorbot", Motorbot.Type).Ref("work_logs").Field("motorbot_id").Unique(),
		edge.From("service", Service.Type).Ref("work_logs").Field("service_id").Unique(),
		edge.To("item", WorkOrderItem.Type).Unique().Annotations(entsql.OnDelete(entsql.SetNull)),
	}
}

func (WorkLog) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("work_order_id", "time_start", "id").StorageKey("work_logs_work_order_id"),
		index.Fields("time_start", "id").StorageKey("work_logs_time_start"),
		index.Fields("status", "time_start", "id").StorageKey("work_logs_status"),
		index.Fields("work_order_id").StorageKey("work_logs_pending").Annotations(entsql.IndexWhere(waitsForApproval)),
		// Foreign keys.
		index.Fields("trip_id").StorageKey("work_logs_trip_id"),
		index.Fields("motorbot_id").StorageKey("work_logs_motorbot_id"),
		index.Fields("service_id").StorageKey("work_logs_service_id"),
	}
}

// GateLog is one stay of a vehicle or a person inside the port (kapı kaydı): the
// entry, and the exit once it has happened. Nothing else of it ever changes; a
// mistake is mended by another row that names it.
type GateLog struct{ ent.Schema }

func (GateLog) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (GateLog) Annotations() []schema.Annotation {
	return []schema.Annotation{table("gate_logs", oneOf("subject", gateSubjects), oneOf("vehicle_type", vehicleTypes),
		oneOf("wo_status", workOrderStatuses),
		check("exit", "exit_at >= entry_at"), check("exception", "NOT is_exception OR exception_reason IS NOT NULL"),
		check("who", "plate_norm IS NOT NULL OR person_id IS NOT NULL"))}
}

func (GateLog) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("work_order_id").Immutable(),
		field.String("wo_number").MaxRuneLen(50).Immutable().Comment("copied by the server"),
		field.Enum("wo_status").NamedValues(named(workOrderStatuses)...).SchemaType(text).Immutable().Comment("when it entered"),
		field.Enum("subject").NamedValues(named(gateSubjects)...).SchemaType(text).Immutable(),
		field.Int64("person_id").Optional().Nillable().Immutable(),
		field.Int64("motorbot_id").Optional().Nillable().Immutable(),
		field.String("vehicle_plate").MaxRuneLen(30).Optional().Nillable().Immutable().Comment("as it was typed"),
		field.String("plate_norm").MaxRuneLen(20).Optional().Nillable().Immutable().Annotations(byteOrder()).Comment("upper case without spaces and dashes; what is compared"),
		field.Bool("is_foreign_plate").Default(false).Immutable(),
		field.Enum("vehicle_type").NamedValues(named(vehicleTypes)...).SchemaType(text).Optional().Nillable().Immutable(),
		field.String("driver_name").MaxRuneLen(200).Optional().Nillable().Immutable(),
		field.JSON("checklist", json.RawMessage{}).Optional().Immutable().Comment("each point: id, label at that time, ticked"),
		field.Bool("checklist_complete").Default(false).Immutable(),
		field.Bool("is_exception").Default(false).Immutable(),
		field.String("exception_reason").MaxRuneLen(500).Optional().Nillable().Immutable(),
		field.Time("entry_at").Immutable(),
		field.Time("entry_device_at").Optional().Nillable().Immutable().Comment("by the clock of the device"),
		field.Bool("entry_is_manual").Default(false).Immutable().Comment("entry_at was given by hand"),
		field.Int64("entry_by").Immutable(),
		field.String("entry_by_name").MaxRuneLen(200).Immutable(),
		field.Time("exit_at").Optional().Nillable(),
		field.Time("exit_device_at").Optional().Nillable(),
		field.Bool("exit_is_manual").Default(false),
		field.Int64("exit_by").Optional().Nillable(),
		field.String("exit_by_name").MaxRuneLen(200).Optional().Nillable(),
		field.Int("duration_minutes").Optional().Nillable().Comment("whole minutes between entry and exit"),
		field.Int("base_minutes").Immutable().Comment("minutes that the entry fee covers, when it entered"),
		field.Int("overrun_minutes").Optional().Nillable().Comment("minutes beyond base_minutes"),
		field.String("notes").MaxRuneLen(1000).Optional().Nillable(),
		field.Int64("corrects_id").Optional().Nillable().Immutable(),
		field.String("correction_reason").MaxRuneLen(500).Optional().Nillable().Immutable(),
		field.Bool("is_superseded").Default(false).Comment("another row corrects it"),
	}
}

func (GateLog) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("work_order", WorkOrder.Type).Ref("gate_logs").Field("work_order_id").Unique().Required().Immutable(),
		edge.From("person", WorkOrderPerson.Type).Ref("gate_logs").Field("person_id").Unique().Immutable(),
		edge.From("motorbot", Motorbot.Type).Ref("gate_logs").Field("motorbot_id").Unique().Immutable(),
		edge.To("correction", GateLog.Type).Unique().From("corrects").Field("corrects_id").Unique().Immutable(),
	}
}

func (GateLog) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("entry_at", "id").StorageKey("gate_logs_entry"),
		index.Fields("exit_at", "id").StorageKey("gate_logs_exit").Annotations(entsql.IndexWhere(GateLeftCondition)),
		index.Fields("work_order_id", "entry_at", "id").StorageKey("gate_logs_work_order_id"),
		index.Fields("plate_norm", "entry_at", "id").StorageKey("gate_logs_plate"),
		// Plates that begin alike are listed by plate.
		index.Fields("plate_norm", "id").StorageKey("gate_logs_plate_prefix"),
		index.Fields("person_id", "entry_at", "id").StorageKey("gate_logs_person_id"),
		index.Fields("motorbot_id").StorageKey("gate_logs_motorbot_id"),
		// With the columns of its condition SQLite counts who is inside from the index alone.
		index.Fields("entry_at", "id", "subject", "exit_at", "is_superseded").StorageKey("gate_logs_inside").Annotations(entsql.IndexWhere(GateInsideCondition)),
		// Who of an order is still inside: asked with every exit.
		index.Fields("work_order_id").StorageKey("gate_logs_order_inside").Annotations(entsql.IndexWhere(GateInsideCondition)),
		index.Fields("entry_at", "id").StorageKey("gate_logs_exception").Annotations(entsql.IndexWhere(GateExceptionCondition)),
		// A plate, and a person, is inside at most once.
		index.Fields("plate_norm").Unique().StorageKey("gate_logs_plate_inside").Annotations(entsql.IndexWhere(vehicleIsInside)),
		index.Fields("person_id").Unique().StorageKey("gate_logs_person_inside").Annotations(entsql.IndexWhere(personIsInside)),
	}
}

// GateChecklistItem is a point that the gate checks for work orders of a type
// (kontrol listesi maddesi).
type GateChecklistItem struct{ ent.Schema }

func (GateChecklistItem) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (GateChecklistItem) Annotations() []schema.Annotation {
	return []schema.Annotation{table("gate_checklist_items", oneOf("wo_type", workOrderTypes))}
}

func (GateChecklistItem) Fields() []ent.Field {
	return []ent.Field{
		field.Enum("wo_type").NamedValues(named(workOrderTypes)...).SchemaType(text).Immutable(),
		field.String("label").MaxRuneLen(200),
		field.Bool("is_required").Default(true),
		field.Int("display_order").Default(0),
		field.Bool("is_active").Default(true),
		field.Int("version").Default(1),
	}
}

func (GateChecklistItem) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("wo_type", "label").Unique().StorageKey("gate_checklist_items_label"),
		index.Fields("wo_type", "is_active", "display_order", "id").StorageKey("gate_checklist_items_order"),
	}
}

// GatePin is the secret with which an officer lets in an exception (istisna PIN'i).
type GatePin struct{ ent.Schema }

func (GatePin) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (GatePin) Annotations() []schema.Annotation { return []schema.Annotation{table("gate_pins")} }

func (GatePin) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("user_id").Immutable(),
		field.String("pin_hash").Sensitive().Comment("argon2id"),
		field.Int("failed_tries").Default(0),
		field.Time("locked_until").Optional().Nillable(),
	}
}

func (GatePin) Edges() []ent.Edge {
	return []ent.Edge{edge.From("user", User.Type).Ref("gate_pin").Field("user_id").Unique().Required().Immutable()}
}
