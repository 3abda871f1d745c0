// Package schema declares what is stored: tables, columns, indexes, delete
// actions and the checks that the database itself can hold. It has no hooks
// that change data; rules live in internal/<noun>.
package schema

import (
	"maps"
	"strings"
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"entgo.io/ent/schema/mixin"
	"github.com/shopspring/decimal"
)

// key is the int64 key of a table. Outside it travels as an opaque global id.
type key struct{ mixin.Schema }

func (key) Fields() []ent.Field { return []ent.Field{field.Int64("id").Immutable()} }

// times adds when a row was made and last changed, in UTC.
type times struct{ mixin.Schema }

func (times) Fields() []ent.Field {
	return []ent.Field{
		field.Time("created_at").Immutable().Default(now),
		field.Time("updated_at").Default(now).UpdateDefault(now),
	}
}

// now has the microseconds that both databases keep, so that a value written
// equals the value read back.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// table names the table and its checks. A name tells which rule was broken.
func table(name string, checks ...map[string]string) schema.Annotation {
	all := map[string]string{}
	for _, c := range checks {
		for column, expr := range c {
			all[name+"_"+column+"_check"] = expr
		}
	}
	return entsql.Annotation{Table: name, Checks: maps.Clone(all)}
}

// oneOf is the check that holds an enum column to its values.
func oneOf(column string, values []string) map[string]string {
	return map[string]string{column: column + " IN ('" + strings.Join(values, "', '") + "')"}
}

// check is a condition on one column.
func check(column, expr string) map[string]string { return map[string]string{column: expr} }

// named gives IN_PROGRESS the Go name InProgress.
func named(values []string) []string {
	pairs := make([]string, 0, 2*len(values))
	for _, v := range values {
		var goName strings.Builder
		for word := range strings.SplitSeq(v, "_") {
			goName.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
		pairs = append(pairs, goName.String(), v)
	}
	return pairs
}

// text is the column type of enums: on PostgreSQL a check on a varchar comes back
// from the catalogue in another form, and every later diff would plan it anew.
var text = map[string]string{dialect.Postgres: "text"}

// amount is money, a price or a quantity: at most 11 digits before and 4 after
// the point, so that SQLite, which keeps it as a float, returns it exactly.
var amount = map[string]string{dialect.Postgres: "numeric(15,4)", dialect.SQLite: "numeric(15,4)"}

// percent is a rate such as VAT: 20 means 20 %.
var percent = map[string]string{dialect.Postgres: "numeric(5,2)", dialect.SQLite: "numeric(5,2)"}

// day is a date without a time: calendar.Date.
var day = map[string]string{dialect.Postgres: "date", dialect.SQLite: "date"}

// rate is an exchange rate per one unit: at most 9 digits before and 6 after the
// point, so that SQLite, which keeps it as a float, returns it exactly.
var rate = map[string]string{dialect.Postgres: "numeric(18,6)", dialect.SQLite: "numeric(18,6)"}

// optionalDecimal is a decimal that may be missing.
func optionalDecimal(name string, columnType map[string]string) ent.Field {
	return field.Other(name, decimal.Decimal{}).SchemaType(columnType).Optional().Nillable()
}

func money(name string) ent.Field {
	return field.Other(name, decimal.Decimal{}).SchemaType(amount).Default(decimal.Zero)
}

// byteOrder sorts a text column by bytes on PostgreSQL too, as SQLite does:
// paging must walk the same order whatever the server's locale is.
func byteOrder() schema.Annotation { return entsql.Annotation{Collation: "C"} }

// trigram is an index for "contains" searches of search_text on PostgreSQL. SQLite has no such
// index type; the migration diff leaves these indexes out there (their names end
// in _trgm).
func trigram(table string) ent.Index {
	return index.Fields("search_text").StorageKey(table+"_search_text_trgm").
		Annotations(entsql.IndexType("GIN"), entsql.OpClass("gin_trgm_ops"))
}
