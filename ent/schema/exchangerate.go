package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"aliaport/internal/calendar"
)

var rateSources = []string{"TCMB", "EVDS", "MANUAL"}

// RateReviewCondition holds for rates that jumped and wait for somebody to look; to
// be repeated literally by the query that means it.
const RateReviewCondition = "needs_review"

// ExchangeRate is what one unit of a currency is worth in another, by one bulletin
// (döviz kuru).
type ExchangeRate struct{ ent.Schema }

func (ExchangeRate) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (ExchangeRate) Annotations() []schema.Annotation {
	return []schema.Annotation{table("exchange_rates", oneOf("source", rateSources),
		check("values", "forex_buying > 0 AND forex_selling > 0 AND banknote_buying > 0 AND banknote_selling > 0"),
		check("forex", "forex_buying IS NOT NULL OR forex_selling IS NOT NULL"), check("valid_from", "valid_from >= bulletin_date"))}
}

func (ExchangeRate) Fields() []ent.Field {
	return []ent.Field{
		field.Other("bulletin_date", calendar.Date{}).SchemaType(day).Immutable().Comment("the day that the file names"),
		field.String("bulletin_no").MaxRuneLen(20).Optional().Nillable(),
		field.Other("valid_from", calendar.Date{}).SchemaType(day).Comment("the first day it applies to"),
		field.String("currency_from").MaxRuneLen(3).Immutable().Annotations(byteOrder()),
		field.String("currency_to").MaxRuneLen(3).Immutable().Default("TRY").Annotations(byteOrder()),
		field.Int("unit").Default(1).Comment("how many units the bulletin quotes; the values here are per one"),
		optionalDecimal("forex_buying", rate),
		optionalDecimal("forex_selling", rate),
		optionalDecimal("banknote_buying", rate),
		optionalDecimal("banknote_selling", rate),
		field.Enum("source").NamedValues(named(rateSources)...).SchemaType(text),
		field.Bool("needs_review").Default(false).Comment("it jumped against the bulletin before"),
		field.String("reason").MaxRuneLen(500).Optional().Nillable().Comment("why it was entered by hand"),
		field.Int("version").Default(1),
	}
}

func (ExchangeRate) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("bulletin_date", "currency_from", "currency_to").Unique().StorageKey("exchange_rates_bulletin"),
		index.Fields("currency_from", "currency_to", "valid_from", "id").StorageKey("exchange_rates_valid_from"),
		index.Fields("bulletin_date", "id").StorageKey("exchange_rates_bulletin_date"),
		index.Fields("currency_from", "bulletin_date", "id").StorageKey("exchange_rates_currency"),
		index.Fields("source", "bulletin_date", "id").StorageKey("exchange_rates_source"),
		index.Fields("bulletin_date", "id").StorageKey("exchange_rates_review").Annotations(entsql.IndexWhere(RateReviewCondition)),
	}
}
