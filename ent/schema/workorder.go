package schema

import (
	"encoding/json"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/shopspring/decimal"

	"aliaport/internal/calendar"
)

var (
	workOrderTypes      = []string{"SERVICE", "MOTORBOT", "BERTHING", "OTHER"}
	workOrderPriorities = []string{"LOW", "MEDIUM", "HIGH", "URGENT"}
	workOrderStatuses   = []string{"DRAFT", "SUBMITTED", "APPROVED", "IN_PROGRESS", "COMPLETED", "INVOICED", "CLOSED", "REJECTED", "CANCELLED"}
)

// OverdueCondition holds for work orders that can be overdue: submitted, approved or in
// progress. It is the predicate of the index that answers "overdue", to be repeated
// literally by the query. It names the others, since with IN another index on the status
// looks better to SQLite as long as nobody has analyzed the file.
const OverdueCondition = "is_active AND status NOT IN ('DRAFT', 'COMPLETED', 'INVOICED', 'CLOSED', 'REJECTED', 'CANCELLED')"

// UninvoicedCondition holds for orders that wait for their invoice. There are never
// many, so what is uninvoiced is found from the orders and not from the lines, most
// of which belong to orders that nobody may invoice yet.
const UninvoicedCondition = "is_active AND status = 'COMPLETED'"

// WorkOrder is a request to perform port work for a customer (iş emri).
type WorkOrder struct{ ent.Schema }

func (WorkOrder) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (WorkOrder) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_orders", oneOf("type", workOrderTypes), oneOf("priority", workOrderPriorities),
		oneOf("status", workOrderStatuses), check("planned", "planned_end > planned_start"))}
}

func (WorkOrder) Fields() []ent.Field {
	return []ent.Field{
		field.String("wo_number").MaxRuneLen(50).Immutable(),
		field.Int64("cari_id"),
		field.String("cari_code").MaxRuneLen(20).Annotations(byteOrder()).Comment("as it was when the order was made"),
		field.String("cari_title").MaxRuneLen(255).Comment("as it was when the order was made"),
		field.Int64("requester_id").Immutable(),
		field.String("requester_name").MaxRuneLen(200).Immutable(),
		field.Enum("type").NamedValues(named(workOrderTypes)...).SchemaType(text),
		field.String("service_code").MaxRuneLen(50).Optional().Nillable(),
		field.String("action").MaxRuneLen(100).Optional().Nillable(),
		field.String("subject").MaxRuneLen(120),
		field.String("description").MaxRuneLen(500).Optional().Nillable(),
		field.String("search_text").Comment("number and subject folded by turkish.Fold; what searches look at"),
		field.Enum("priority").NamedValues(named(workOrderPriorities)...).SchemaType(text).Default("MEDIUM"),
		field.Enum("status").NamedValues(named(workOrderStatuses)...).SchemaType(text).Default("DRAFT"),
		field.Time("planned_start").Optional().Nillable(),
		field.Time("planned_end").Optional().Nillable(),
		field.Time("actual_start").Optional().Nillable(),
		field.Time("actual_end").Optional().Nillable(),
		field.String("completion_note").MaxRuneLen(500).Optional().Nillable(),
		field.Int64("approved_by").Optional().Nillable(),
		field.Time("approved_at").Optional().Nillable(),
		field.Int64("rejected_by").Optional().Nillable(),
		field.Time("rejected_at").Optional().Nillable(),
		field.String("rejection_reason").MaxRuneLen(500).Optional().Nillable(),
		field.Time("invoiced_at").Optional().Nillable(),
		field.String("invoice_no").MaxRuneLen(50).Optional().Nillable(),
		field.Time("closed_at").Optional().Nillable(),
		field.Time("security_exit_at").Optional().Nillable().Comment("when the last vehicle or person of it left the gate"),
		field.Bool("gate_required").Default(false),
		field.Bool("field_log_allowed").Default(true),
		field.Bool("is_cabotage").Default(false),
		field.Bool("apply_rule_addons").Default(true),
		field.JSON("surcharge_choice", json.RawMessage{}).Optional().Comment("surcharges set by hand, with the reason; null: by time, calendar and priority"),
		field.Int64("price_list_id").Optional().Nillable().Comment("the tariff that was chosen; null: the one in force for the currency"),
		field.String("notes").MaxRuneLen(1000).Optional().Nillable(),
		field.String("currency").MaxRuneLen(3).Default("TRY"),
		money("net_total"),
		money("vat_total"),
		money("grand_total"),
		optionalDecimal("net_total_try", amount), // what that is in TRY; null: a line has no value in TRY
		optionalDecimal("grand_total_try", amount),
		field.Bool("is_active").Default(true).Comment("false: deleted, kept for the record"),
		field.Int("version").Default(1),
		field.Int64("created_by").Immutable(),
		field.Int64("updated_by"),
	}
}

func (WorkOrder) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("cari", Cari.Type).Ref("work_orders").Field("cari_id").Unique().Required(),
		edge.From("price_list", PriceList.Type).Ref("work_orders").Field("price_list_id").Unique(),
		edge.From("requester", User.Type).Ref("requested_work_orders").Field("requester_id").Unique().Required().Immutable(),
		edge.To("items", WorkOrderItem.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("history", WorkOrderStatusHistory.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("persons", WorkOrderPerson.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("work_logs", WorkLog.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("gate_logs", GateLog.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("trips", Trip.Type).Annotations(entsql.OnDelete(entsql.SetNull)),
		edge.To("adjustments", WorkOrderAdjustment.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

func (WorkOrder) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("wo_number").Unique().StorageKey("work_orders_wo_number"),
		// Each list of the API is one of these, walked from its cursor on.
		index.Fields("is_active", "created_at", "id").StorageKey("work_orders_created"),
		index.Fields("status", "is_active", "created_at", "id").StorageKey("work_orders_status"),
		index.Fields("status", "is_active", "planned_start", "id").StorageKey("work_orders_status_planned"),
		index.Fields("is_active", "planned_start", "id").StorageKey("work_orders_planned"),
		index.Fields("cari_code", "is_active", "created_at", "id").StorageKey("work_orders_cari_code"),
		index.Fields("cari_code", "status", "is_active", "created_at", "id").StorageKey("work_orders_cari_code_status"),
		index.Fields("status", "type", "is_active", "created_at", "id").StorageKey("work_orders_status_type"),
		index.Fields("status", "priority", "is_active", "created_at", "id").StorageKey("work_orders_status_priority"),
		index.Fields("planned_end", "id", "is_active", "status").StorageKey("work_orders_overdue").Annotations(entsql.IndexWhere(OverdueCondition)),
		// What waits for its invoice.
		index.Fields("actual_end", "id").StorageKey("work_orders_uninvoiced").Annotations(entsql.IndexWhere(UninvoicedCondition)),
		index.Fields("cari_id", "actual_end", "id").StorageKey("work_orders_uninvoiced_cari").Annotations(entsql.IndexWhere(UninvoicedCondition)),
		trigram("work_orders"),
		// Foreign keys.
		index.Fields("cari_id").StorageKey("work_orders_cari_id"),
		index.Fields("requester_id").StorageKey("work_orders_requester_id"),
		index.Fields("price_list_id").StorageKey("work_orders_price_list_id"),
	}
}

// WorkOrderItem is a billable line of a work order (iş emri kalemi).
type WorkOrderItem struct{ ent.Schema }

var (
	itemTypes    = []string{"WORKLOG", "RESOURCE", "SERVICE"}
	priceSources = []string{"OVERRIDE", "PRICE_LIST", "SERVICE", "PARAMETER", "MANUAL"}
)

func (WorkOrderItem) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (WorkOrderItem) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_order_items", oneOf("item_type", itemTypes), oneOf("price_source", priceSources),
		check("quantity", "quantity > 0"), check("unit_price", "unit_price >= 0"), check("vat_rate", "vat_rate BETWEEN 0 AND 100"), check("time", "end_time > start_time"),
		check("inputs", "weight_kg >= 0 AND person_count >= 0 AND measure >= 0 AND days >= 0"), check("exchange_rate", "exchange_rate > 0"))}
}

func (WorkOrderItem) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("work_order_id").Immutable(),
		field.Int("sequence"),
		field.Enum("item_type").NamedValues(named(itemTypes)...).SchemaType(text).Default("SERVICE"),
		field.Int64("service_id").Optional().Nillable(),
		field.String("service_code").MaxRuneLen(50).Optional().Nillable(),
		field.String("service_name").MaxRuneLen(200).Optional().Nillable(),
		field.String("resource_code").MaxRuneLen(50).Optional().Nillable(),
		field.String("resource_name").MaxRuneLen(100).Optional().Nillable(),
		field.Time("start_time").Optional().Nillable(),
		field.Time("end_time").Optional().Nillable(),
		field.Int("duration_minutes").Optional().Nillable(),
		// What the formula of the service works on, besides quantity and minutes.
		optionalDecimal("weight_kg", amount),
		field.Int("person_count").Optional().Nillable(),
		optionalDecimal("measure", amount), // such as gross tonnage
		optionalDecimal("days", amount),
		money("quantity"),
		field.String("unit").MaxRuneLen(20),
		money("unit_price"),
		field.String("currency").MaxRuneLen(3),
		money("total_amount"),
		field.Other("vat_rate", decimal.Decimal{}).SchemaType(percent),
		money("vat_amount"),
		money("grand_total"),
		field.String("notes").MaxRuneLen(500).Optional().Nillable(),
		field.Bool("is_invoiced").Default(false),
		// Where the price came from and how it became the amounts above.
		field.Enum("price_source").NamedValues(named(priceSources)...).SchemaType(text).Optional().Nillable(),
		field.Int64("price_list_item_id").Optional().Nillable(),
		field.Int64("service_override_id").Optional().Nillable(),
		field.String("price_currency").MaxRuneLen(3).Optional().Nillable().Comment("of unit_price and net_amount, where it is another than that of the order"),
		optionalDecimal("net_amount", amount),  // in the currency of the price, not yet rounded to cents
		optionalDecimal("exchange_rate", rate), // from the currency of the price to that of the order
		field.String("rate_kind").MaxRuneLen(20).Optional().Nillable(),
		field.Other("rate_date", calendar.Date{}).SchemaType(day).Optional().Nillable(),
		optionalDecimal("amount_try", amount), // total_amount in TRY
		field.JSON("calculation", json.RawMessage{}).Optional().Comment("how the price came about, step by step"),
		field.Int64("work_log_id").Optional().Nillable().Comment("the approved work log that it bills"),
		field.Int("version").Default(1),
	}
}

func (WorkOrderItem) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("work_order", WorkOrder.Type).Ref("items").Field("work_order_id").Unique().Required().Immutable(),
		edge.From("service", Service.Type).Ref("work_order_items").Field("service_id").Unique(),
		edge.From("work_log", WorkLog.Type).Ref("item").Field("work_log_id").Unique(),
		edge.From("price_list_item", PriceListItem.Type).Ref("work_order_items").Field("price_list_item_id").Unique(),
		edge.From("service_override", ServiceOverride.Type).Ref("work_order_items").Field("service_override_id").Unique(),
	}
}

func (WorkOrderItem) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("work_order_id", "sequence").Unique().StorageKey("work_order_items_work_order_id"),
		index.Fields("service_id").StorageKey("work_order_items_service_id"),
		index.Fields("price_list_item_id").StorageKey("work_order_items_price_list_item_id"),
		index.Fields("service_override_id").StorageKey("work_order_items_service_override_id"),
	}
}

// WorkOrderStatusHistory has one row for every step in the life of a work order.
type WorkOrderStatusHistory struct{ ent.Schema }

func (WorkOrderStatusHistory) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (WorkOrderStatusHistory) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_order_status_history", oneOf("from_status", workOrderStatuses), oneOf("to_status", workOrderStatuses))}
}

func (WorkOrderStatusHistory) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("work_order_id").Immutable(),
		field.Enum("from_status").NamedValues(named(workOrderStatuses)...).SchemaType(text).Optional().Nillable().Immutable().Comment("null: created"),
		field.Enum("to_status").NamedValues(named(workOrderStatuses)...).SchemaType(text).Immutable(),
		field.Int64("user_id").Immutable(),
		field.String("user_name").MaxRuneLen(200).Immutable(),
		field.String("note").MaxRuneLen(500).Optional().Nillable().Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

func (WorkOrderStatusHistory) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("work_order", WorkOrder.Type).Ref("history").Field("work_order_id").Unique().Required().Immutable(),
		edge.From("user", User.Type).Ref("work_order_steps").Field("user_id").Unique().Required().Immutable(),
	}
}

func (WorkOrderStatusHistory) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("work_order_id", "id").StorageKey("work_order_status_history_work_order_id"),
		index.Fields("user_id").StorageKey("work_order_status_history_user_id"),
	}
}
