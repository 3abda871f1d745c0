package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"aliaport/internal/calendar"
)

var (
	motorbotStatuses    = []string{"ACTIVE", "MAINTENANCE", "OUT_OF_SERVICE"}
	tripStatuses        = []string{"PLANNED", "UNDERWAY", "COMPLETED", "CANCELLED"}
	tripInvoiceStatuses = []string{"NONE", "PENDING", "INVOICED"}
)

// Conditions of partial indexes, to be repeated literally by the queries that mean
// them.
const (
	// TripOccupiesCondition holds for trips that keep their boat busy.
	TripOccupiesCondition = "is_active AND status IN ('PLANNED', 'UNDERWAY')"
	// TripUninvoicedCondition holds for trips that are still to be billed.
	TripUninvoicedCondition = "is_active AND invoice_status = 'PENDING'"
)

// Motorbot is a service boat (motorbot) that makes trips.
type Motorbot struct{ ent.Schema }

func (Motorbot) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (Motorbot) Annotations() []schema.Annotation {
	return []schema.Annotation{table("motorbot", oneOf("status", motorbotStatuses),
		check("capacity_ton", "capacity_ton > 0 AND capacity_ton <= 1000"), check("max_speed_knot", "max_speed_knot > 0 AND max_speed_knot <= 100"),
		check("gross_tonnage", "gross_tonnage > 0"))}
}

func (Motorbot) Fields() []ent.Field {
	return []ent.Field{
		field.String("mb_code").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.String("name").MaxRuneLen(200),
		field.String("name_fold").Annotations(byteOrder()).Comment("name folded by turkish.Fold; the order of lists"),
		field.String("search_text").Comment("code, name and plate folded by turkish.Fold; what searches look at"),
		field.String("plate").MaxRuneLen(20).Optional().Nillable().Comment("registry plate of the boat, not a road plate"),
		optionalDecimal("capacity_ton", amount),
		optionalDecimal("max_speed_knot", amount),
		optionalDecimal("gross_tonnage", amount),
		field.String("flag").MaxRuneLen(2).Optional().Nillable().Comment("ISO 3166 alpha-2"),
		field.Int64("owner_cari_id").Optional().Nillable(),
		field.Enum("status").NamedValues(named(motorbotStatuses)...).SchemaType(text).Default("ACTIVE"),
		field.Other("acquired_on", calendar.Date{}).SchemaType(day).Optional().Nillable(),
		field.String("notes").MaxRuneLen(1000).Optional().Nillable(),
		field.Bool("is_active").Default(true).Comment("false: deleted, kept for the record"),
		field.Int("version").Default(1),
	}
}

func (Motorbot) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("owner", Cari.Type).Ref("motorbots").Field("owner_cari_id").Unique(),
		edge.To("trips", Trip.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("work_logs", WorkLog.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("gate_logs", GateLog.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

func (Motorbot) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("mb_code").Unique().StorageKey("motorbot_mb_code"),
		index.Fields("is_active", "name_fold", "id").StorageKey("motorbot_name"),
		index.Fields("status", "is_active", "name_fold", "id").StorageKey("motorbot_status"),
		index.Fields("owner_cari_id", "is_active", "name_fold", "id").StorageKey("motorbot_owner_cari_id"),
		trigram("motorbot"),
	}
}

// Trip is one departure and return of a motorboat (sefer).
type Trip struct{ ent.Schema }

func (Trip) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (Trip) Annotations() []schema.Annotation {
	return []schema.Annotation{table("trips", oneOf("status", tripStatuses), oneOf("invoice_status", tripInvoiceStatuses),
		check("planned", "planned_return_at > planned_departure_at"), check("actual", "return_at > departure_at"),
		check("interval", "ends_at > starts_at"),
		check("vat_rate", "vat_rate BETWEEN 0 AND 100"), check("unit_price", "unit_price >= 0"))}
}

func (Trip) Fields() []ent.Field {
	return []ent.Field{
		field.String("trip_no").MaxRuneLen(50).Immutable(),
		field.Int64("motorbot_id"),
		field.Other("trip_date", calendar.Date{}).SchemaType(day).Comment("the port's day of starts_at"),
		field.Time("planned_departure_at"),
		field.Time("planned_return_at").Optional().Nillable(),
		field.Time("departure_at").Optional().Nillable(),
		field.Time("return_at").Optional().Nillable(),
		field.Time("starts_at").Comment("from when the boat is busy: departure, or planned departure"),
		field.Time("ends_at").Optional().Nillable().Comment("until when, exclusive: return, or planned return, or planned hours; null: until it is back"),
		field.String("departure_pier").MaxRuneLen(100).Optional().Nillable(),
		field.String("arrival_pier").MaxRuneLen(100).Optional().Nillable(),
		field.Int64("cari_id").Optional().Nillable(),
		field.String("cari_code").MaxRuneLen(20).Optional().Nillable().Comment("as it was when the customer was named"),
		field.Int64("work_order_id").Optional().Nillable(),
		field.Int64("service_id").Optional().Nillable(),
		optionalDecimal("unit_price", amount),
		field.String("currency").MaxRuneLen(3).Optional().Nillable(),
		optionalDecimal("vat_rate", percent),
		optionalDecimal("net_amount", amount),
		optionalDecimal("vat_amount", amount),
		optionalDecimal("grand_total", amount),
		optionalDecimal("amount_try", amount),  // net_amount in TRY
		optionalDecimal("exchange_rate", rate), // what one unit of currency was in TRY
		field.String("rate_kind").MaxRuneLen(20).Optional().Nillable(),
		field.Other("rate_date", calendar.Date{}).SchemaType(day).Optional().Nillable(),
		field.JSON("calculation", json.RawMessage{}).Optional().Comment("how the price came about"),
		field.String("cargo_description").MaxRuneLen(500).Optional().Nillable(),
		field.String("notes").MaxRuneLen(1000).Optional().Nillable(),
		field.Enum("status").NamedValues(named(tripStatuses)...).SchemaType(text).Default("PLANNED"),
		field.Enum("invoice_status").NamedValues(named(tripInvoiceStatuses)...).SchemaType(text).Default("NONE"),
		field.String("invoice_no").MaxRuneLen(50).Optional().Nillable(),
		field.Time("invoiced_at").Optional().Nillable(),
		field.String("cancel_reason").MaxRuneLen(500).Optional().Nillable(),
		field.Bool("is_active").Default(true).Comment("false: deleted, kept for the record"),
		field.Int("version").Default(1),
		field.Int64("created_by").Immutable(),
		field.Int64("updated_by"),
	}
}

func (Trip) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("motorbot", Motorbot.Type).Ref("trips").Field("motorbot_id").Unique().Required(),
		edge.From("cari", Cari.Type).Ref("trips").Field("cari_id").Unique(),
		edge.From("work_order", WorkOrder.Type).Ref("trips").Field("work_order_id").Unique(),
		edge.From("service", Service.Type).Ref("trips").Field("service_id").Unique(),
		edge.To("work_logs", WorkLog.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

// Indexes of trips. PostgreSQL has an exclusion constraint besides, trips_no_overlap,
// made by hand in its migration: no boat has two trips at once.
func (Trip) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("trip_no").Unique().StorageKey("trips_trip_no"),
		index.Fields("is_active", "starts_at", "id").StorageKey("trips_starts"),
		index.Fields("motorbot_id", "is_active", "starts_at", "id").StorageKey("trips_motorbot_id"),
		index.Fields("status", "is_active", "starts_at", "id").StorageKey("trips_status"),
		index.Fields("cari_id", "is_active", "starts_at", "id").StorageKey("trips_cari_id"),
		index.Fields("motorbot_id", "starts_at", "ends_at").StorageKey("trips_occupied").Annotations(entsql.IndexWhere(TripOccupiesCondition)),
		index.Fields("cari_id", "starts_at", "id").StorageKey("trips_uninvoiced").Annotations(entsql.IndexWhere(TripUninvoicedCondition)),
		// Foreign keys.
		index.Fields("work_order_id").StorageKey("trips_work_order_id"),
		index.Fields("service_id").StorageKey("trips_service_id"),
	}
}
