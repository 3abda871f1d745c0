package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

var (
	cariTypes = []string{"NATURAL", "LEGAL"}
	cariRoles = []string{"CUSTOMER", "SUPPLIER", "BOTH", "OTHER"}
)

// Cari is a customer or supplier account (cari kart).
type Cari struct{ ent.Schema }

func (Cari) Mixin() []ent.Mixin { return []ent.Mixin{key{}, times{}} }

func (Cari) Annotations() []schema.Annotation {
	return []schema.Annotation{table("cari", oneOf("type", cariTypes), oneOf("role", cariRoles),
		check("payment_term_days", "payment_term_days BETWEEN 0 AND 365"))}
}

func (Cari) Fields() []ent.Field {
	return []ent.Field{
		field.String("cari_code").MaxRuneLen(20).Immutable().Annotations(byteOrder()),
		field.String("title").MaxRuneLen(200),
		field.String("title_fold").Annotations(byteOrder()).Comment("title folded by turkish.Fold; the order of lists"),
		field.String("search_text").Comment("code and title folded by turkish.Fold; what searches look at"),
		field.Enum("type").NamedValues(named(cariTypes)...).SchemaType(text),
		field.Enum("role").NamedValues(named(cariRoles)...).SchemaType(text),
		field.String("tax_office").MaxRuneLen(100).Optional().Nillable(),
		field.String("tax_number").MaxRuneLen(20).Optional().Nillable(),
		field.String("national_id").MaxRuneLen(20).Optional().Nillable().Sensitive(),
		field.String("country").MaxRuneLen(2).Default("TR"),
		field.String("city").MaxRuneLen(50).Optional().Nillable(),
		field.String("district").MaxRuneLen(50).Optional().Nillable(),
		field.String("address").MaxRuneLen(500).Optional().Nillable(),
		field.String("phone").MaxRuneLen(50).Optional().Nillable(),
		field.String("email").MaxRuneLen(100).Optional().Nillable(),
		field.String("contact_person").MaxRuneLen(100).Optional().Nillable(),
		field.String("iban").MaxRuneLen(34).Optional().Nillable().Sensitive(),
		field.Int("payment_term_days").Default(30),
		field.String("currency").MaxRuneLen(3).Default("TRY"),
		field.String("notes").MaxRuneLen(1000).Optional().Nillable(),
		field.Bool("is_active").Default(true),
		field.Int("version").Default(1),
	}
}

func (Cari) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("work_orders", WorkOrder.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("motorbots", Motorbot.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
		edge.To("trips", Trip.Type).Annotations(entsql.OnDelete(entsql.Restrict)),
	}
}

func (Cari) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("cari_code").Unique().StorageKey("cari_cari_code"),
		index.Fields("title_fold", "id").StorageKey("cari_title"),
		index.Fields("is_active", "title_fold", "id").StorageKey("cari_active_title"),
		index.Fields("created_at", "id").StorageKey("cari_created_at"),
		trigram("cari"),
	}
}
