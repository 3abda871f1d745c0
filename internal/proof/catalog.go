// Package proof tells whether two databases hold the same rows, bit by bit,
// whichever kinds they are, and names the rows that differ.
//
// Each row is written in one canonical form (Table.appendRow) by the same code for
// both databases: a line as PostgreSQL's COPY reads it, with integers in decimal
// digits, instants in UTC to the microsecond, decimals without needless zeros, texts
// byte for byte, JSON as package canonical writes it, and NULL as \N. The digest of
// a table is the sum of the SHA-256 of its rows, which does not depend on their
// order. It guards against accidents, not against an author of rows who looks for
// collisions.
//
// A Snapshot keeps several connections on one state of a database, so that tables
// are read in parallel while it is being written to.
package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"aliaport/ent/migrate"
)

// Kind is how the values of a column are compared.
type Kind int

// The kinds of columns.
const (
	Int Kind = iota
	Bool
	Text
	Instant
	Day
	Decimal
	JSON
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"integer", "boolean", "text", "instant", "date", "decimal", "JSON"}[k]
}

// Column is a column of a table.
type Column struct {
	Name     string
	Kind     Kind
	Nullable bool
	Size     int // characters at most; 0: no limit
	// Digits before and after the point of a decimal.
	Digits, Scale int
}

// Reference is a foreign key.
type Reference struct {
	Name, Table string
	Columns     []string
	RefColumns  []string
}

// Unique is an index that forbids equal values.
type Unique struct {
	Name    string
	Columns []string
	Where   string // of a partial index
}

// Table is a table whose rows are facts: not derived from others, and true in any database.
type Table struct {
	Name       string
	Columns    []Column
	Key        []string // one column, or two of a table that joins two others
	Identity   bool     // the database numbers the rows
	References []Reference
	Unique     []Unique
	Checks     map[string]string // by name, in SQL that both databases understand
}

// derived are tables that the database itself fills, by triggers, or that say something
// about this one database.
var derived = []string{"cache_generations", "work_order_counts", "read_only_state"}

// Tables are all tables of facts; those that others refer to come before them.
func Tables() []*Table {
	var all []*Table
	for _, t := range migrate.Tables {
		if !slices.Contains(derived, t.Name) {
			all = append(all, newTable(t))
		}
	}
	return parentsFirst(all)
}

// parentsFirst sorts tables so that each comes after those it refers to. A table may
// refer to itself.
func parentsFirst(all []*Table) []*Table {
	var (
		sorted []*Table
		visit  func(*Table)
		seen   = map[string]bool{}
		byName = map[string]*Table{}
	)
	for _, t := range all {
		byName[t.Name] = t
	}
	visit = func(t *Table) {
		if seen[t.Name] {
			return
		}
		seen[t.Name] = true
		for _, r := range t.References {
			if parent := byName[r.Table]; parent != nil {
				visit(parent)
			}
		}
		sorted = append(sorted, t)
	}
	for _, t := range all {
		visit(t)
	}
	return sorted
}

func newTable(t *schema.Table) *Table {
	out := &Table{Name: t.Name, Checks: map[string]string{}}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, newColumn(t.Name, c))
		if c.Unique {
			out.Unique = append(out.Unique, Unique{Name: t.Name + "_" + c.Name + "_key", Columns: []string{c.Name}})
		}
	}
	for _, c := range t.PrimaryKey {
		out.Key = append(out.Key, c.Name)
		out.Identity = out.Identity || c.Increment
	}
	for _, fk := range t.ForeignKeys {
		out.References = append(out.References, Reference{Name: fk.Symbol, Table: fk.RefTable.Name, Columns: names(fk.Columns), RefColumns: names(fk.RefColumns)})
	}
	for _, ix := range t.Indexes {
		if !ix.Unique {
			continue
		}
		u := Unique{Name: ix.Name, Columns: names(ix.Columns)}
		if ix.Annotation != nil {
			u.Where = ix.Annotation.Where
		}
		out.Unique = append(out.Unique, u)
	}
	if a := t.Annotation; a != nil {
		maps.Copy(out.Checks, a.Checks)
	}
	return out
}

func names(columns []*schema.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Name
	}
	return out
}

// newColumn panics on a type that has no canonical form yet: a test meets it before
// anybody else does.
func newColumn(table string, c *schema.Column) Column {
	out := Column{Name: c.Name, Nullable: c.Nullable}
	declared := c.SchemaType[dialect.Postgres]
	switch {
	case c.Type == field.TypeInt || c.Type == field.TypeInt64:
		out.Kind = Int
	case c.Type == field.TypeBool:
		out.Kind = Bool
	case c.Type == field.TypeString && declared == "", c.Type == field.TypeEnum:
		out.Kind = Text
		if c.Type == field.TypeString {
			out.Size = int(c.Size)
		}
	case c.Type == field.TypeTime && declared == "":
		out.Kind = Instant
	case c.Type == field.TypeJSON && declared == "":
		out.Kind = JSON
	case declared == "date":
		out.Kind = Day
	case strings.HasPrefix(declared, "numeric("):
		out.Kind = Decimal
		if _, err := fmt.Sscanf(declared, "numeric(%d,%d)", &out.Digits, &out.Scale); err != nil {
			panic(fmt.Sprintf("proof: %s.%s is %s: %v", table, c.Name, declared, err))
		}
		out.Digits -= out.Scale
	default:
		panic(fmt.Sprintf("proof: %s.%s has a type without canonical form: %v %s", table, c.Name, c.Type, declared))
	}
	return out
}

// Column is the column with this name, or nil.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// ColumnNames are the names of all columns in their order.
func (t *Table) ColumnNames() []string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Name
	}
	return out
}

// Where is the condition that a row has this key.
func (t *Table) Where(key [2]int64) string { return t.among([][2]int64{key}) }

// keyIndexes are the places of the key among the columns.
func (t *Table) keyIndexes() []int {
	var at []int
	for _, k := range t.Key {
		at = append(at, slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == k }))
	}
	return at
}
