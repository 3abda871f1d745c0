// Package cost judges what a GraphQL document may cost, in time linear in its
// length, on the document as it was parsed. It runs before validation, because
// validation itself takes time quadratic in repeated fields, and so it takes
// unknown fields, types and fragments, and fragments that spread themselves, for
// what they are: validation will refuse them.
//
// A Meter is made once from the schema. Meter.Measure turns a document into a
// Shape, which depends on its text alone and can be kept beside the parsed
// document. Shape.Cost fills in the page sizes that come from variables, and
// Limits says whether that is too much:
//
//	doc, err := limits.Parse(query)
//	shape := meter.Measure(doc)
//	refused := limits.Check(shape.Cost(operationName, variables))
//
// # What counts
//
// A node is an object of the answer: a row, an edge, a page, a pageInfo. A field
// that returns a page (it takes first or last, or its type is called …Connection)
// makes so many of each list directly in that page as its page size says, a field
// with the argument ids so many as there are ids, and any other list is taken to
// have Sizes.List elements. Page sizes count as given, even those that will be
// refused, negative ones as none. Fields counts every field of every node, which is
// what execution takes time for.
//
// All counts are upper bounds: fields that the answer will merge count apart, those
// under @skip and @include count, and so do all fragments on the types of an
// interface. No count passes Ceiling.
package cost

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
)

// Ceiling is where counts stop. It fits the Int of GraphQL.
const Ceiling = math.MaxInt32

// Cost is what one operation may cost. Aliases, Directives and Fragments are those
// of the operation with its fragments spread out, or those that the whole document
// holds as written if these are more.
type Cost struct {
	Depth      int `json:"depth"`      // levels of fields; fragments are none
	RootFields int `json:"rootFields"` // fields of the operation itself
	Aliases    int `json:"aliases"`    // fields with another name in the answer
	Directives int `json:"directives"`
	Fragments  int `json:"fragments"`  // spreads of named fragments
	Repeats    int `json:"repeats"`    // how often the document selects one field of one type under one name, at most: validation compares all pairs of them
	InputDepth int `json:"inputDepth"` // levels of lists and objects in a variable or an argument
	Logins     int `json:"logins"`     // fields that try a password
	Nodes      int `json:"nodes"`      // objects in the answer
	Fields     int `json:"fields"`     // fields of all these objects

	// What __schema and __type select counts apart: it is answered from memory, and
	// tools ask deeper than data goes.
	SchemaDepth int `json:"schemaDepth"`
	SchemaNodes int `json:"schemaNodes"` // estimated from the mean length of lists in the schema

	Cycle bool `json:"-"` // a fragment spreads itself; counted once
}

// Shape is what a document costs whatever its variables are. It keeps nothing of
// the document but names.
type Shape struct {
	operations []operation
	inputs     []input
	sets       []set
	list       int // length of a list that says nothing about it
	written    written
	visits     int // selections looked at
}

// written are counts over the whole document as it stands.
type written struct {
	aliases, directives, fragments, repeats, inputDepth int
	cycle                                               bool
}

// operation is one operation, its fragments spread out.
type operation struct {
	name     string
	mutation bool
	set      int // in Shape.sets
	defaults map[string]given

	depth, schemaDepth, rootFields, aliases, directives, fragments, logins int
}

// given is a value as a page size and as a list of ids; negative when it is neither.
type given struct{ size, length int }

// absent is a value that was not given.
var absent = given{-1, -1}

// input is a variable that sizes something.
type input struct {
	name   string
	length bool // by its length, not its value
}

// count counts what one object holds.
type count struct{ nodes, fields, schema int }

func (c count) plus(d count) count {
	return count{add(c.nodes, d.nodes), add(c.fields, d.fields), add(c.schema, d.schema)}
}

func (c count) times(n int) count { return count{mul(c.nodes, n), mul(c.fields, n), mul(c.schema, n)} }

// asSchema counts what stands below __schema.
func (c count) asSchema() count { return count{schema: add(c.nodes, c.schema)} }

// holding is what a selection set holds: once, and for each element of the lists
// directly in it. How long these are is known to the field that has the set.
type holding struct{ once, lists count }

func (h holding) plus(i holding) holding { return holding{h.once.plus(i.once), h.lists.plus(i.lists)} }

// set is a selection set whose holding depends on variables. The sets that its
// terms refer to stand before it in Shape.sets.
type set struct {
	holding
	terms []term
}

// term is a field, or a spread, whose holding depends on variables.
type term struct {
	below   int // set below the field, or of the fragment; negative: fixed
	fixed   holding
	spread  bool
	own     factor // how many objects the field returns
	rows    factor // elements of each list directly in one of them
	perList bool   // the field is itself a list that its parent sizes
	schema  bool   // __schema or __type
}

// factor is the largest of what is given for it, or else the fallback.
type factor struct {
	given    int    // literally; negative when not
	vars     [2]int // in Shape.inputs, plus one; 0: none
	fallback int
	times    int
}

func fixed(n int) factor { return factor{given: n, times: 1} }

func (f factor) varies() bool { return f.vars != [2]int{} }

func (f factor) value(inputs []int) int {
	n := f.given
	for _, v := range f.vars {
		if v > 0 {
			n = max(n, inputs[v-1])
		}
	}
	if n < 0 {
		n = f.fallback
	}
	return mul(n, f.times)
}

// Cost is what the operation costs with these variables, as they came with the
// request. Without an operation of that name only the counts of the document
// itself are filled.
func (s *Shape) Cost(operation string, variables map[string]any) Cost {
	w := s.written
	c := Cost{
		Aliases: w.aliases, Directives: w.directives, Fragments: w.fragments, Repeats: w.repeats,
		InputDepth: max(w.inputDepth, valueDepth(variables)-1), Cycle: w.cycle,
	}
	op := s.operation(operation)
	if op == nil {
		return c
	}
	c.Depth, c.SchemaDepth, c.RootFields = op.depth, op.schemaDepth, op.rootFields
	c.Aliases, c.Directives, c.Fragments = max(c.Aliases, op.aliases), max(c.Directives, op.directives), max(c.Fragments, op.fragments)
	if op.mutation {
		c.Logins = op.logins
	}
	total := s.evaluate(op, variables)
	c.Nodes, c.Fields, c.SchemaNodes = total.nodes, total.fields, total.schema
	return c
}

// operation finds the operation as execution does.
func (s *Shape) operation(name string) *operation {
	if name == "" && len(s.operations) == 1 {
		return &s.operations[0]
	}
	for i := range s.operations {
		if s.operations[i].name == name {
			return &s.operations[i]
		}
	}
	return nil
}

// evaluate adds up the sets, each once, those first that others refer to.
func (s *Shape) evaluate(op *operation, variables map[string]any) count {
	var inputRoom [8]int
	inputs := inputRoom[:0]
	for _, in := range s.inputs {
		v := op.given(in.name, variables)
		if in.length {
			inputs = append(inputs, v.length)
		} else {
			inputs = append(inputs, v.size)
		}
	}
	var setRoom [8]holding
	sets := setRoom[:0]
	for i := range s.sets[:op.set+1] {
		h := s.sets[i].holding
		for j := range s.sets[i].terms {
			h = h.plus(s.sets[i].terms[j].value(inputs, sets))
		}
		sets = append(sets, h)
	}
	root := sets[op.set]
	return root.once.plus(root.lists.times(s.list))
}

func (t *term) value(inputs []int, sets []holding) holding {
	below := t.fixed
	if t.below >= 0 {
		below = sets[t.below]
	}
	if t.spread {
		return below
	}
	each := count{nodes: 1}.plus(below.once).plus(below.lists.times(t.rows.value(inputs)))
	if t.schema {
		each = each.asSchema()
	}
	all := each.times(t.own.value(inputs))
	if t.perList {
		return holding{lists: all}
	}
	return holding{once: all}
}

// given is the value of a variable: that of the request, or its default.
func (op *operation) given(name string, variables map[string]any) given {
	if v, ok := variables[name]; ok {
		return given{size(v), length(v)}
	}
	if d, ok := op.defaults[name]; ok {
		return d
	}
	return absent
}

// size is a variable's value as a page size; negative when it is null or none.
// Whatever the engine coerces to an Int counts, texts too.
func size(v any) int {
	switch v := v.(type) {
	case json.Number:
		return parseSize(string(v))
	case string:
		return parseSize(v)
	case float64:
		return clip(v)
	case int:
		return min(max(v, 0), Ceiling)
	case int64:
		return int(min(max(v, 0), Ceiling))
	}
	return -1
}

// parseSize reads a number. One too large for any integer is the Ceiling, a
// negative one 0, anything else negative.
func parseSize(s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) { // the nearest one is returned
		return int(max(n, 0))
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return clip(f)
	}
	return -1
}

func clip(f float64) int {
	if f >= Ceiling {
		return Ceiling
	}
	if f > 0 {
		return int(f)
	}
	return 0 // also for what is no number
}

// length is a variable's value as a list; a single value is a list of one.
func length(v any) int {
	switch v := v.(type) {
	case nil:
		return -1
	case []any:
		return len(v)
	case []string:
		return len(v)
	}
	return 1
}

// valueDepth counts the levels of lists and objects.
func valueDepth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			deepest = max(deepest, valueDepth(e))
		}
	case []any:
		for _, e := range v {
			deepest = max(deepest, valueDepth(e))
		}
	default:
		return 0
	}
	return deepest + 1
}

func add(a, b int) int { return int(min(int64(a)+int64(b), Ceiling)) }

func mul(a, b int) int { return int(min(int64(a)*int64(b), Ceiling)) }
