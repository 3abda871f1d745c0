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
)

var calculationTypes = []string{"FIXED", "PER_UNIT", "X_SECONDARY", "PER_BLOCK", "BASE_PLUS_INCREMENT", "VEHICLE_4H_RULE"}

// Service is a priced service that the port sells (hizmet kartı).
type Service struct{ ent.Schema }

func (Service) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (Service) Annotations() []schema.Annotation {
	return []schema.Annotation{table("services", oneOf("calculation_type", calculationTypes),
		check("base_price", "base_price >= 0"), check("vat_rate", "vat_rate BETWEEN 0 AND 100"))}
}

func (Service) Fields() []ent.Field {
	return []ent.Field{
		field.String("code").MaxRuneLen(50).Immutable().Annotations(byteOrder()),
		field.String("name").MaxRuneLen(200),
		field.String("name_fold").Annotations(byteOrder()).Comment("name folded by turkish.Fold; the order of lists"),
		field.String("search_text").Comment("code and name folded by turkish.Fold; what searches look at"),
		field.String("description").MaxRuneLen(1000).Optional().Nillable(),
		field.String("accounting_code").MaxRuneLen(50).Optional().Nillable(),
		field.String("group_code").MaxRuneLen(50).Optional().Nillable().Annotations(byteOrder()),
		field.String("category_code").MaxRuneLen(50).Optional().Nillable(),
		field.String("unit").MaxRuneLen(20),
		money("base_price"),
		field.String("currency").MaxRuneLen(3).Default("TRY"),
		field.Other("vat_rate", decimal.Decimal{}).SchemaType(percent),
		field.String("vat_exemption").MaxRuneLen(20).Optional().Nillable().Comment("of KDV_ISTISNA; with one, VAT is 0"),
		field.Enum("calculation_type").NamedValues(named(calculationTypes)...).SchemaType(text).Default("FIXED"),
		field.JSON("formula_params", json.RawMessage{}).Optional(),
		field.Bool("requires_person_count").Default(false),
		field.Bool("requires_vehicle_info").Default(false),
		field.Bool("requires_weight_info").Default(false),
		field.Int("sort_no").Default(0),
		field.Bool("is_active").Default(true),
		field.Int("version").Default(1),
	}
}

func (Service) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("work_order_items", WorkOrderItem.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("trips", Trip.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("work_logs", WorkLog.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("price_list_items", PriceListItem.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("overrides", ServiceOverride.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

func (Service) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("code").Unique().StorageKey("services_code"),
		index.Fields("name_fold", "id").StorageKey("services_name"),
		index.Fields("is_active", "name_fold", "id").StorageKey("services_active_name"),
		index.Fields("group_code", "name_fold", "id").StorageKey("services_group_name"),
		trigram("services"),
	}
}
