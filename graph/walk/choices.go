package walk

import (
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// choice is a value for an argument or a field of an input, or a set of them.
type choice struct {
	name  string
	value any
}

// orders are all that a list can be sorted by.
func (w *Walk) orders(a *ast.ArgumentDefinition) (list []choice) {
	def := w.Schema.Types[a.Type.Name()]
	field, direction := def.Fields.ForName("field"), def.Fields.ForName("direction")
	for _, by := range w.Schema.Types[field.Type.Name()].EnumValues {
		for _, d := range w.Schema.Types[direction.Type.Name()].EnumValues {
			list = append(list, choice{"by:" + by.Name + ":" + d.Name, map[string]any{"field": by.Name, "direction": d.Name}})
		}
	}
	return list
}

// filters are all combinations of fields of a filter.
func (w *Walk) filters(a *ast.ArgumentDefinition, of *ast.Definition) []choice {
	all := []choice{{"", map[string]any{}}}
	for _, f := range w.Schema.Types[a.Type.Name()].Fields {
		cs := w.choices(a.Type.Name()+"."+f.Name, f.Type, of, false)
		if len(cs) == 0 {
			w.problem("no value is known for %s.%s", a.Type.Name(), f.Name)
		}
		all = combined(all, cs, f.Name, false)
	}
	return all
}

// combined adds to each set none or one of the choices for name.
func combined(sets, choices []choice, name string, must bool) (all []choice) {
	for _, s := range sets {
		if !must || len(choices) == 0 {
			all = append(all, s)
		}
		set, _ := s.value.(map[string]any)
		for _, c := range choices {
			with := maps.Clone(set)
			with[name] = c.value
			all = append(all, choice{strings.TrimSpace(s.name + " " + name + c.name), with})
		}
	}
	return all
}

// few are so many values of an enum that several are tried in all combinations.
const few = 3

// choices are the ways to set an argument that may lead to different statements.
// With every, each value of an enum and an id of each type count.
func (w *Walk) choices(place string, t *ast.Type, of *ast.Definition, every bool) (list []choice) {
	def := w.Schema.Types[t.Name()]
	if t.Elem != nil && def.Kind != ast.InputObject {
		if vs := w.valuesOf(place, t, of); len(vs) > 0 {
			if strings.HasSuffix(place, ".ids") {
				return []choice{{"", vs}}
			}
			list = []choice{{"", vs[:1]}}
			if def.Kind == ast.Enum && len(vs) <= few { // some values may be refused
				list = append(list, choice{":" + def.EnumValues[len(vs)-1].Name, []any{def.EnumValues[len(vs)-1].Name}})
			}
			return list
		}
		return nil
	}
	switch def.Kind {
	case ast.Enum:
		vs := w.valuesOf(place, t, of)
		if !every {
			vs = vs[:min(1, len(vs))]
		}
		for _, v := range vs {
			name := ""
			if text, ok := v.(string); ok && every {
				name = ":" + text
			}
			list = append(list, choice{name, v})
		}
		return list
	case ast.InputObject:
		return w.objects(place, t, def, of)
	case ast.Scalar, ast.Object, ast.Interface, ast.Union:
	}
	if t.Name() == "Boolean" && !every {
		return []choice{{"", true}} // the other one is an alternative
	}
	if t.Name() == "Boolean" {
		return []choice{{"", true}, {":false", false}}
	}
	vs := w.valuesOf(place, t, of)
	if !of.IsAbstractType() {
		vs = vs[:min(1, len(vs))]
	}
	for _, v := range vs {
		list = append(list, choice{"", v})
	}
	return list
}

func (w *Walk) valuesOf(place string, t *ast.Type, of *ast.Definition) []any {
	def := w.Schema.Types[t.Name()]
	if def.Kind != ast.Enum {
		return w.value(place, t, of)
	}
	list := w.samples.of(of.Name + place[strings.LastIndex(place, "."):])
	for _, v := range def.EnumValues {
		if !slices.Contains(list, any(v.Name)) {
			list = append(list, v.Name)
		}
	}
	return list
}

// objects are an input with what it must have, and with all it can have. A range
// goes from one value to another.
func (w *Walk) objects(place string, t *ast.Type, def, of *ast.Definition) []choice {
	if strings.HasSuffix(def.Name, "Range") {
		from, to, ok := w.span(place, def.Fields.ForName("from").Type, of)
		if !ok {
			return nil
		}
		return []choice{{"", map[string]any{"from": from, "to": to}}}
	}
	least, most := map[string]any{}, map[string]any{}
	for _, f := range def.Fields {
		cs := w.choices(def.Name+"."+f.Name, f.Type, of, false)
		if len(cs) == 0 {
			continue
		}
		most[f.Name] = cs[0].value
		if f.Type.NonNull && f.DefaultValue == nil {
			least[f.Name] = cs[0].value
		}
	}
	if t.Elem != nil {
		return []choice{{":least", []any{least}}, {":most", []any{most}}}
	}
	return []choice{{":least", least}, {":most", most}}
}

// span are the ends of a range that has some of the rows.
func (w *Walk) span(place string, t *ast.Type, of *ast.Definition) (from, to any, ok bool) {
	vs := w.value(place, t, of)
	texts := make([]string, 0, len(vs))
	for _, v := range vs {
		if text, isText := v.(string); isText {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return nil, nil, false
	}
	slices.Sort(texts)
	return texts[len(texts)/4], texts[len(texts)-1], true
}

// alternatives are the same fields of a filter with other values: several where a
// list is taken, a range with one end, and where few fields are set a rare value.
func (w *Walk) alternatives(f *ast.FieldDefinition, filter choice) (list []choice) {
	a := f.Arguments.ForName("filter")
	set, _ := filter.value.(map[string]any)
	if a == nil {
		return nil
	}
	def, of := w.Schema.Types[a.Type.Name()], w.rowsOf(f)
	instead := func(name, how string, v any) {
		with := maps.Clone(set)
		with[name] = v
		list = append(list, choice{name + ":" + how, with})
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		field := def.Fields.ForName(name)
		vs := w.valuesOf(def.Name+"."+name, field.Type, of)
		if r, isRange := set[name].(map[string]any); isRange {
			if len(set) <= 2 {
				instead(name, "from", map[string]any{"from": r["from"]})
				instead(name, "to", map[string]any{"to": r["to"]})
			}
			continue
		}
		if field.Type.Elem != nil {
			if len(vs) > 1 {
				instead(name, "several", vs[:min(3, len(vs))])
			}
			if len(set) == 1 && len(vs) > 1 {
				instead(name, "rare", vs[len(vs)-1:])
			}
			continue
		}
		if field.Type.Name() == "Boolean" {
			instead(name, "false", false)
			continue
		}
		if len(set) == 1 && len(vs) > 1 {
			instead(name, "rare", vs[len(vs)-1])
		}
	}
	return list
}
