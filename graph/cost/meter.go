package cost

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Sizes are the lengths that a document does not say.
type Sizes struct {
	Page int // of a page without first and last; 50 when 0
	List int // of a list without arguments that size it; 10 when 0
}

// Meter measures documents against one schema. It is safe for concurrent use.
type Meter struct {
	sizes                         Sizes
	types                         map[string]*object
	query, mutation, subscription *object
}

// object is a type that has fields.
type object struct{ fields map[string]*field }

// leaf is what is taken for a field that is not known; validation refuses it.
var leaf = &field{}

// field finds a field of the object, which is nil when its type is not known.
func (o *object) field(name string) *field {
	if o != nil {
		if f := o.fields[name]; f != nil {
			return f
		}
	}
	return leaf
}

// field is what the cost of a field depends on.
type field struct {
	of    *object // nil: a leaf
	lists int     // how many lists are around it
	paged bool    // sized by first and last
	ids   bool    // sized by the argument ids
	page  int     // page size without them
	mean  int     // length of a list of the schema itself; 0: it is none
}

// NewMeter reads the schema.
func NewMeter(schema *ast.Schema, sizes Sizes) *Meter {
	if sizes.Page <= 0 {
		sizes.Page = 50
	}
	if sizes.List <= 0 {
		sizes.List = 10
	}
	m := &Meter{sizes: sizes, types: make(map[string]*object, len(schema.Types))}
	for name, d := range schema.Types {
		if d.IsCompositeType() {
			m.types[name] = &object{fields: make(map[string]*field, len(d.Fields))}
		}
	}
	means := meanLengths(schema)
	for name, o := range m.types {
		for _, d := range schema.Types[name].Fields {
			f := m.field(d)
			if strings.HasPrefix(name, "__") && f.lists > 0 {
				f.mean = max(means[d.Name], 1)
			}
			o.fields[d.Name] = f
		}
	}
	m.query, m.mutation, m.subscription = m.root(schema.Query), m.root(schema.Mutation), m.root(schema.Subscription)
	return m
}

func (m *Meter) root(d *ast.Definition) *object {
	if d == nil {
		return nil
	}
	return m.types[d.Name]
}

func (m *Meter) field(d *ast.FieldDefinition) *field {
	f := &field{of: m.types[d.Type.Name()], page: m.sizes.Page}
	for t := d.Type; t.Elem != nil; t = t.Elem {
		f.lists++
	}
	for _, a := range d.Arguments {
		switch a.Name {
		case "first", "last":
			f.paged = true
			if v := literal(a.DefaultValue); v.size >= 0 {
				f.page = v.size
			}
		case "ids":
			f.ids = f.lists > 0
		}
	}
	f.paged = f.paged || f.lists == 0 && strings.HasSuffix(d.Type.Name(), "Connection")
	return f
}

// meanLengths are the mean lengths of the lists that introspection has, by field,
// rounded up. Of a single list, as that of all types, it is the length.
func meanLengths(schema *ast.Schema) map[string]int {
	var fields, inputs, args, interfaces, possible, reached, values int
	for name, d := range schema.Types {
		if d.Kind == ast.InputObject {
			inputs += len(d.Fields)
			continue
		}
		fields += len(d.Fields)
		interfaces += len(d.Interfaces)
		values += len(d.EnumValues)
		possible += len(schema.PossibleTypes[name])
		for _, i := range d.Interfaces {
			reached += len(schema.PossibleTypes[i])
		}
		for _, f := range d.Fields {
			args += len(f.Arguments)
		}
	}
	mean := func(n, of int) int { return (n + of - 1) / max(of, 1) }
	types := len(schema.Types)
	// The types behind an interface are mostly asked for through one of them, and the more
	// there are the more often: their number grows with its square.
	through := mean(reached, types*mean(interfaces, types))
	return map[string]int{
		"types": types, "directives": len(schema.Directives),
		"fields": mean(fields, types), "inputFields": mean(inputs, types), "args": mean(args, fields),
		"interfaces": mean(interfaces, types), "possibleTypes": max(mean(possible, types), through), "enumValues": mean(values, types),
	}
}

// literal is a value in a document.
func literal(v *ast.Value) given {
	if v == nil {
		return absent
	}
	switch v.Kind {
	case ast.NullValue, ast.Variable:
		return absent
	case ast.IntValue, ast.FloatValue, ast.StringValue, ast.BlockValue:
		return given{parseSize(v.Raw), 1}
	case ast.ListValue:
		return given{-1, len(v.Children)}
	case ast.BooleanValue, ast.EnumValue, ast.ObjectValue:
	}
	return given{-1, 1}
}

// literalDepth counts the levels of lists and objects.
func literalDepth(v *ast.Value) int {
	if v == nil || v.Kind != ast.ListValue && v.Kind != ast.ObjectValue {
		return 0
	}
	deepest := 0
	for _, c := range v.Children {
		deepest = max(deepest, literalDepth(c.Value))
	}
	return deepest + 1
}
