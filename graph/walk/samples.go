package walk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// samples are values that the database has, as its API shows them.
type samples struct {
	fields  map[string]map[string]int // how often Type.field has a value, in JSON
	ids     map[string][]string       // of a type
	scalars map[string][]string       // of a scalar, in JSON
}

// sampled is how many rows of each list are looked at, from either end.
const sampled = 50

// sample looks at the ends of every list of the root and at what is below their rows.
func (w *Walk) sample(ctx context.Context) error {
	w.samples = samples{fields: map[string]map[string]int{}, ids: map[string][]string{}, scalars: map[string][]string{}}
	for _, f := range w.roots() {
		if !isConnection(f) && len(f.Arguments) > 0 {
			continue
		}
		pages := []string{""}
		if isConnection(f) {
			pages = []string{fmt.Sprintf("(first: %d)", sampled), fmt.Sprintf("(last: %d)", sampled)}
		}
		for _, p := range pages {
			a := w.ask(ctx, fmt.Sprintf("{ %s%s %s }", f.Name, p, w.everything(f.Type, sampleDepth)), nil)
			if a.refused != "" {
				return fmt.Errorf("%s%s: %s: %s", f.Name, p, a.refused, a.message)
			}
			w.samples.take(w.Schema, f.Type, a.data[f.Name])
		}
	}
	for _, ids := range w.samples.ids {
		slices.Sort(ids)
	}
	return nil
}

// sampleDepth is how far rows below rows are looked at.
const sampleDepth = 5

func (s *samples) take(schema *ast.Schema, t *ast.Type, v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.take(schema, t.Elem, e)
		}
	case map[string]any:
		typ, _ := v["__typename"].(string)
		def := schema.Types[typ]
		for name, value := range v {
			f := def.Fields.ForName(name)
			if f == nil || value == nil || strings.HasPrefix(name, "__") {
				continue
			}
			if !schema.Types[f.Type.Name()].IsLeafType() {
				s.take(schema, f.Type, value)
				continue
			}
			if id, ok := value.(string); ok && name == "id" && !slices.Contains(s.ids[typ], id) {
				s.ids[typ] = append(s.ids[typ], id)
			}
			s.note(typ+"."+name, f.Type, value)
		}
	}
}

func (s *samples) note(field string, t *ast.Type, v any) {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			s.note(field, t.Elem, e)
		}
		return
	}
	text, err := json.Marshal(v)
	if err != nil || v == nil || v == "" {
		return
	}
	if s.fields[field] == nil {
		s.fields[field] = map[string]int{}
	}
	if s.fields[field][string(text)]++; s.fields[field][string(text)] == 1 {
		s.scalars[t.Name()] = append(s.scalars[t.Name()], string(text))
	}
}

// of are the values of a field, the frequent ones first.
func (s *samples) of(field string) []any {
	return values(slices.SortedFunc(maps.Keys(s.fields[field]), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.fields[field][b], s.fields[field][a]), cmp.Compare(a, b))
	}))
}

// named are the values of all fields of that name.
func (s *samples) named(name string) (all []any) {
	for _, field := range slices.Sorted(maps.Keys(s.fields)) {
		if strings.HasSuffix(field, "."+name) {
			all = append(all, s.of(field)...)
		}
	}
	return all
}

func (s *samples) scalar(name string) []any {
	list := slices.Sorted(slices.Values(s.scalars[name]))
	return values(list)
}

func values(texts []string) (list []any) {
	for _, text := range texts {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var v any
		if d.Decode(&v) == nil {
			list = append(list, v)
		}
	}
	return list
}

// known are the places where the name of an argument does not say whose value it takes.
var known = map[string]string{
	"GateLogFilter.plate":         "vehiclePlate",
	"AuditFilter.users":           "user",
	"ExchangeRateFilter.currency": "currencyFrom",
	"Query.exchangeRate.currency": "currencyFrom",
	"Query.exchangeRate.asOf":     "bulletinDate",
	"Query.convertCurrency.on":    "bulletinDate",
	"Query.convertCurrency.from":  "currencyFrom",
	"Query.convertCurrency.to":    "currencyTo",
}

// value finds values for an argument or a field of an input, the frequent ones
// first. place is its name with that of its owner, of is the type of the rows that
// are asked for.
func (w *Walk) value(place string, t *ast.Type, of *ast.Definition) []any {
	name := place[strings.LastIndex(place, ".")+1:]
	if k := known[place]; k != "" {
		name = k
	}
	s := &w.samples
	switch {
	case name == "search":
		for _, field := range []string{"subject", "title", "name", "fullName", "code"} {
			if list := s.of(of.Name + "." + field); len(list) > 0 {
				return parts(list, 3)
			}
		}
	case strings.HasSuffix(place, "Prefix"):
		return parts(w.value(strings.TrimSuffix(place, "Prefix"), t, of), 3)
	case t.Name() == "ID":
		return w.idsFor(name, of)
	}
	if list := s.of(of.Name + "." + name); len(list) > 0 {
		return list
	}
	if list := s.named(name); len(list) > 0 {
		return list
	}
	switch t.Name() {
	case "Int":
		return []any{1}
	case "Boolean":
		return []any{true, false}
	}
	list := s.scalar(t.Name())
	slices.Reverse(list) // of days the newest
	return list
}

// idsFor finds ids by the type that a name speaks of: the type of the field that has
// this name, or the type that is called so.
func (w *Walk) idsFor(name string, of *ast.Definition) (list []any) {
	if values := w.samples.of(of.Name + "." + name); len(values) > 0 && name != "id" {
		return values
	}
	typ := ""
	singular := strings.TrimSuffix(strings.TrimSuffix(name, "Id"), "s")
	if f := of.Fields.ForName(name); name == "id" {
		typ = of.Name
	} else if f != nil && !w.Schema.Types[f.Type.Name()].IsLeafType() {
		typ = f.Type.Name()
	}
	for t := range w.samples.ids {
		if typ == "" && strings.EqualFold(t, singular) {
			typ = t
		}
	}
	if of.IsAbstractType() && name == "id" || name == "ids" { // one of each type
		for _, d := range w.Schema.PossibleTypes["Node"] {
			if ids := w.samples.ids[d.Name]; len(ids) > 0 {
				list = append(list, ids[0])
			}
		}
		return list
	}
	if typ == "" {
		typ = "WorkOrder" // any record
	}
	for _, id := range w.samples.ids[typ] {
		list = append(list, id)
	}
	return list
}

// parts are the first letters of texts.
func parts(texts []any, n int) (list []any) {
	for _, v := range texts {
		text, _ := v.(string)
		if runes := []rune(strings.ReplaceAll(text, " ", "")); len(runes) >= n && !slices.Contains(list, any(string(runes[:n]))) {
			list = append(list, string(runes[:n]))
		}
	}
	return list
}
