package schema

import (
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
	priceListStatuses = []string{"DRAFT", "ACTIVE", "PASSIVE"}
	adjustmentKinds   = []string{"SURCHARGE_NIGHT", "SURCHARGE_WEEKEND", "SURCHARGE_URGENT", "CABOTAGE"}
	adjustmentSources = []string{"DERIVED", "MANUAL"}
)

// PriceList is a tariff: the prices of services in one currency for a time (tarife).
// A code has versions; the items of one that is not a draft never change.
type PriceList struct{ ent.Schema }

func (PriceList) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (PriceList) Annotations() []schema.Annotation {
	return []schema.Annotation{table("price_lists", oneOf("status", priceListStatuses),
		check("valid", "valid_to > valid_from"), check("version", "version > 0"))}
}

func (PriceList) Fields() []ent.Field {
	return []ent.Field{
		field.String("code").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.Int("version").Immutable().Default(1).Comment("of the tariff: 1, 2, … within its code"),
		field.String("name").MaxRuneLen(200),
		field.String("description").MaxRuneLen(1000).Optional().Nillable(),
		field.String("currency").MaxRuneLen(3).Annotations(byteOrder()),
		field.Enum("status").NamedValues(named(priceListStatuses)...).SchemaType(text).Default("DRAFT"),
		field.Other("valid_from", calendar.Date{}).SchemaType(day).Comment("the first day"),
		field.Other("valid_to", calendar.Date{}).SchemaType(day).Optional().Nillable().Comment("the day after the last; null: open"),
		field.Time("activated_at").Optional().Nillable().Comment("latest"),
		field.Int("revision").Default(1).Comment("counts changes, against two people editing at once"),
		field.Int64("created_by").Immutable(),
		field.Int64("updated_by"),
	}
}

func (PriceList) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("items", PriceListItem.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("work_orders", WorkOrder.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

// Indexes of price lists. PostgreSQL has an exclusion constraint besides,
// price_lists_no_overlap, made by hand in its migration: on no day has a currency
// two active lists.
func (PriceList) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("code", "version").Unique().StorageKey("price_lists_code_version"),
		index.Fields("valid_from", "id").StorageKey("price_lists_valid_from"),
		index.Fields("status", "valid_from", "id").StorageKey("price_lists_status"),
		index.Fields("currency", "valid_from", "id").StorageKey("price_lists_currency"),
		index.Fields("status", "currency", "valid_from", "id").StorageKey("price_lists_active"),
		index.Fields("code", "valid_from", "id").StorageKey("price_lists_code"),
	}
}

// PriceListItem is the price of a service in a list, from a quantity on (tarife
// kalemi). The tier ends where the next one of the same service begins.
type PriceListItem struct{ ent.Schema }

func (PriceListItem) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (PriceListItem) Annotations() []schema.Annotation {
	return []schema.Annotation{table("price_list_items", check("min_quantity", "min_quantity >= 0"),
		check("unit_price", "unit_price >= 0"), check("vat_rate", "vat_rate BETWEEN 0 AND 100"))}
}

func (PriceListItem) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("price_list_id").Immutable(),
		field.Int64("service_id").Immutable(),
		money("min_quantity"),
		money("unit_price"),
		field.Other("vat_rate", decimal.Decimal{}).SchemaType(percent),
		field.String("description").MaxRuneLen(500).Optional().Nillable(),
		field.Int("sort_no").Default(0),
	}
}

func (PriceListItem) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("price_list", PriceList.Type).Ref("items").Field("price_list_id").Unique().Required().Immutable(),
		edge.From("service", Service.Type).Ref("price_list_items").Field("service_id").Unique().Required().Immutable(),
		edge.To("work_order_items", WorkOrderItem.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

func (PriceListItem) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("price_list_id", "service_id", "min_quantity").Unique().StorageKey("price_list_items_tier"),
		index.Fields("price_list_id", "sort_no", "id").StorageKey("price_list_items_order"),
		index.Fields("service_id").StorageKey("price_list_items_service_id"),
	}
}

// ServiceOverride is a price of one service that goes before all lists for a time.
// It replaces the base price only; the formula runs on.
type ServiceOverride struct{ ent.Schema }

func (ServiceOverride) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (ServiceOverride) Annotations() []schema.Annotation {
	return []schema.Annotation{table("service_tariff_overrides", check("valid", "valid_to > valid_from"),
		check("price", "price >= 0"), check("vat_rate", "vat_rate BETWEEN 0 AND 100"))}
}

func (ServiceOverride) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("service_id").Immutable(),
		field.Other("valid_from", calendar.Date{}).SchemaType(day).Comment("the first day"),
		field.Other("valid_to", calendar.Date{}).SchemaType(day).Optional().Nillable().Comment("the day after the last; null: open"),
		money("price"),
		field.String("currency").MaxRuneLen(3),
		optionalDecimal("vat_rate", percent),
		field.String("note").MaxRuneLen(500).Optional().Nillable(),
		field.Bool("is_active").Default(true),
		field.Int("version").Default(1),
		field.Int64("created_by").Immutable(),
		field.Int64("updated_by"),
	}
}

func (ServiceOverride) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("service", Service.Type).Ref("overrides").Field("service_id").Unique().Required().Immutable(),
		edge.To("work_order_items", WorkOrderItem.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

// Indexes of overrides. PostgreSQL has an exclusion constraint besides,
// service_tariff_overrides_no_overlap, made by hand in its migration: on no day has
// a service two active overrides.
func (ServiceOverride) Indexes() []ent.Index {
	return []ent.Index{index.Fields("service_id", "is_active", "valid_from", "id").StorageKey("service_tariff_overrides_service_id")}
}

// WorkOrderAdjustment is a surcharge or a discount on the lines of a work order that
// share a VAT rate. Pricing anew writes them anew.
type WorkOrderAdjustment struct{ ent.Schema }

func (WorkOrderAdjustment) Mixin() []ent.Mixin { return []ent.Mixin{key{}} }

func (WorkOrderAdjustment) Annotations() []schema.Annotation {
	return []schema.Annotation{table("work_order_adjustments", oneOf("kind", adjustmentKinds), oneOf("source", adjustmentSources),
		check("vat_rate", "vat_rate BETWEEN 0 AND 100"))}
}

func (WorkOrderAdjustment) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("work_order_id").Immutable(),
		field.Enum("kind").NamedValues(named(adjustmentKinds)...).SchemaType(text).Immutable(),
		field.Other("vat_rate", decimal.Decimal{}).SchemaType(percent).Immutable(),
		field.Other("percent", decimal.Decimal{}).SchemaType(amount).Immutable().Comment("25: a quarter more; -10: a tenth less"),
		field.Other("base", decimal.Decimal{}).SchemaType(amount).Immutable().Comment("net that the percentage was taken of"),
		field.Other("amount", decimal.Decimal{}).SchemaType(amount).Immutable().Comment("what it adds to the net; negative for a discount"),
		field.Enum("source").NamedValues(named(adjustmentSources)...).SchemaType(text).Immutable().Comment("found from the times and the priority, or set by somebody"),
		field.String("reason").MaxRuneLen(500).Optional().Nillable().Immutable(),
		field.Time("created_at").Immutable().Default(now),
	}
}

func (WorkOrderAdjustment) Edges() []ent.Edge {
	return []ent.Edge{edge.From("work_order", WorkOrder.Type).Ref("adjustments").Field("work_order_id").Unique().Required().Immutable()}
}

func (WorkOrderAdjustment) Indexes() []ent.Index {
	return []ent.Index{index.Fields("work_order_id", "kind", "vat_rate").Unique().StorageKey("work_order_adjustments_work_order_id")}
}
