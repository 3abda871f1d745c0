// Package compiled writes the answers of selections that were compiled. The engine
// walks a selection anew for every row, with a context and a writer for each field;
// here it is walked once a document, into a flat list of steps, each of which appends
// its JSON to one buffer. The writers of fields are generated, see graph/gengraph.
//
// Only what goes well is written here. At an error, a null where none may be or a
// panic the writing is given up, and the engine presents the same value: errors, their
// paths and the nulls that follow from them have one implementation.
package compiled

import (
	"context"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Schema is what the generated writers make of the API.
type Schema struct {
	// Types are the object types by name.
	Types map[string]*Object
	// Engine makes what writers that leave a field to the engine call.
	Engine func(*graphql.OperationContext) any
}

// Object is a type of the API.
type Object struct {
	// Satisfies are its name and those of its interfaces.
	Satisfies []string
	Fields    map[string]Field
}

// Field says how a field is written.
type Field struct {
	// Write appends the value that the field has on obj.
	Write func(r *Run, b []byte, obj any, s *Step) []byte
	// Value appends a value of the field that was resolved already. It is nil for
	// fields without selections, and false if v is none of the field's.
	Value func(r *Run, b []byte, v any, s *Step) ([]byte, bool)
	// Types are those whose fields can be selected on it; one, but for an interface.
	Types []string
	// Resolver is set if a resolver is called, which may send statements.
	Resolver bool
	// Args reads the arguments; nil if there are none.
	Args func(ctx context.Context, engine any, raw map[string]any) (map[string]any, error)
	// Can is the right that the field demands, if any; OrNull tells that it is null
	// without it, rather than an error.
	Can    string
	OrNull bool
	// Column is the column that the value is, if it is one.
	Column string
}

// Selection is what is selected on an object.
type Selection struct{ Steps []Step }

// Step writes one selected field.
type Step struct {
	// Field is the field as the engine collects it.
	Field graphql.CollectedField
	// Column is that of Field.
	Column string

	key   string // comma, quoted alias and colon
	write func(r *Run, b []byte, obj any, s *Step) []byte
	value func(r *Run, b []byte, v any, s *Step) ([]byte, bool)
	of    []Typed
	can   string
	null  bool // rather than an error, without the right
	args  func(ctx context.Context, engine any, raw map[string]any) (map[string]any, error)
	index int // into what a Run has of its own of this step
}

// Typed is what is selected on one type.
type Typed struct {
	Type      string
	Selection *Selection
}

// Plan is a compiled field: the step that writes its value, and the steps below that
// depend on who asks, or with which variables.
type Plan struct {
	root  Step
	bound []*Step
	sizes size
}

// Steps are the fields selected on the type, at whatever depth.
func (p *Plan) Steps(visit func(typ string, s *Step)) {
	var walk func(s *Step)
	walk = func(s *Step) {
		for _, t := range s.of {
			for i := range t.Selection.Steps {
				visit(t.Type, &t.Selection.Steps[i])
				walk(&t.Selection.Steps[i])
			}
		}
	}
	walk(&p.root)
}

// compiler makes a plan.
type compiler struct {
	types map[string]*Object
	oc    *graphql.OperationContext
	calls func(field string) bool
	plan  *Plan
}

// compile makes the plan of a field; nil if the engine has to write it. calls tells
// which resolvers, by Type.field, may be called for one row after the other.
func compile(s *Schema, oc *graphql.OperationContext, calls func(field string) bool, typ string, field graphql.CollectedField) *Plan {
	object := s.Types[typ]
	if object == nil || object.Fields[field.Name].Value == nil {
		return nil
	}
	c := &compiler{types: s.Types, oc: oc, calls: calls, plan: &Plan{}}
	f := object.Fields[field.Name]
	c.plan.root = Step{Field: field, value: f.Value, index: -1}
	if !c.below(&c.plan.root, f.Types) {
		return nil
	}
	return c.plan
}

// below compiles what is selected on the values of a step.
func (c *compiler) below(s *Step, types []string) bool {
	for _, typ := range types {
		selection := c.selection(typ, s.Field.Selections)
		if selection == nil {
			return false
		}
		s.of = append(s.of, Typed{typ, selection})
	}
	return true
}

// selection compiles what is selected on a type; nil if the engine has to write it.
func (c *compiler) selection(typ string, selected ast.SelectionSet) *Selection {
	object := c.types[typ]
	if object == nil {
		return nil
	}
	fields := graphql.CollectFields(c.oc, selected, object.Satisfies)
	selection := &Selection{Steps: make([]Step, len(fields))}
	for i, f := range fields {
		s := &selection.Steps[i]
		key := append(String(nil, f.Alias), ':')
		if i > 0 {
			key = append([]byte{','}, key...)
		}
		*s = Step{Field: f, key: string(key), index: -1}
		if len(f.Deferrables) > 0 { // the engine alone can answer later
			return nil
		}
		if f.Name == "__typename" {
			name := string(String(nil, typ))
			s.write = func(_ *Run, b []byte, _ any, _ *Step) []byte { return append(b, name...) }
			continue
		}
		field, ok := object.Fields[f.Name]
		if !ok || field.Resolver && !c.calls(typ+"."+f.Name) {
			return nil
		}
		s.write, s.value, s.can, s.null, s.args, s.Column = field.Write, field.Value, field.Can, field.OrNull, field.Args, field.Column
		if s.can != "" || s.args != nil {
			s.index = len(c.plan.bound)
			c.plan.bound = append(c.plan.bound, s)
		}
		if field.Value != nil && !c.below(s, field.Types) {
			return nil
		}
	}
	return selection
}

// Plans keeps the plans of one document.
type Plans struct {
	mu         sync.Mutex // protects what follows
	conditions map[*ast.OperationDefinition][]string
	operations map[operationKey]*Operation
}

// operationKey names an operation, and which of the variables that decide what is
// selected are true.
type operationKey struct {
	operation *ast.OperationDefinition
	true      uint64
}

// maxOperations bounds what is kept of a document. Each variable of @include or @skip
// that matters doubles it.
const maxOperations = 64

// Operation is a compiled operation. The plans of its fields are made when they are
// first written.
type Operation struct {
	schema *Schema
	calls  func(field string) bool
	roots  map[*ast.Field]*Plan
	// Columns are those that Prepare found.
	Columns map[string][]string

	mu    sync.Mutex // protects plans
	plans map[planKey]*Plan
}

type planKey struct {
	typ   string
	field *ast.Field
}

// Compiler is how operations are compiled.
type Compiler struct {
	Schema *Schema
	// Calls tells which resolvers, by Type.field, may be called for one row after the
	// other.
	Calls func(field string) bool
	// Columns tells which columns of which tables plans look at.
	Columns func([]*Plan) map[string][]string
}

// For returns what is compiled of the operation that runs; nil if it cannot be.
func (p *Plans) For(c *Compiler, oc *graphql.OperationContext) *Operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	names, ok := p.conditions[oc.Operation]
	if !ok {
		names = conditions(oc.Operation.SelectionSet, map[*ast.FragmentDefinition]bool{}, nil)
		if p.conditions == nil {
			p.conditions, p.operations = map[*ast.OperationDefinition][]string{}, map[operationKey]*Operation{}
		}
		p.conditions[oc.Operation] = names
	}
	if len(names) > bits.UintSize {
		return nil
	}
	key := operationKey{operation: oc.Operation}
	for i, name := range names {
		if oc.Variables[name] == true {
			key.true |= 1 << i
		}
	}
	o, ok := p.operations[key]
	if !ok {
		o = c.operation(oc)
		if len(p.operations) < maxOperations {
			p.operations[key] = o
		}
	}
	return o
}

// operation compiles the fields of the root. Unless all of them that have rows can be
// written here, rows are read whole: loaders are shared by the fields of an operation.
func (c *Compiler) operation(oc *graphql.OperationContext) *Operation {
	o := &Operation{schema: c.Schema, calls: c.Calls, roots: map[*ast.Field]*Plan{}, plans: map[planKey]*Plan{}}
	var plans []*Plan
	all := true
	for _, f := range graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{"Query"}) {
		if len(f.Selections) == 0 || strings.HasPrefix(f.Name, "__") {
			continue
		}
		plan := compile(c.Schema, oc, c.Calls, "Query", f)
		if plan == nil {
			all = false
		}
		plans = append(plans, plan)
		o.roots[f.Field] = plan
	}
	if all {
		o.Columns = c.Columns(plans)
	}
	return o
}

// Plan returns the plan of a field of the type; nil if the engine has to write it.
func (o *Operation) Plan(oc *graphql.OperationContext, typ string, field graphql.CollectedField) *Plan {
	if typ == "Query" {
		return o.roots[field.Field]
	}
	key := planKey{typ, field.Field}
	o.mu.Lock()
	defer o.mu.Unlock()
	plan, ok := o.plans[key]
	if !ok {
		plan = compile(o.schema, oc, o.calls, typ, field)
		o.plans[key] = plan
	}
	return plan
}

// conditions are the variables by which fields or fragments are left out.
func conditions(selected ast.SelectionSet, seen map[*ast.FragmentDefinition]bool, names []string) []string {
	add := func(directives ast.DirectiveList) {
		for _, d := range directives {
			for _, a := range d.Arguments {
				if a.Value.Kind == ast.Variable && !slices.Contains(names, a.Value.Raw) {
					names = append(names, a.Value.Raw)
				}
			}
		}
	}
	for _, s := range selected {
		switch s := s.(type) {
		case *ast.Field:
			add(s.Directives)
			names = conditions(s.SelectionSet, seen, names)
		case *ast.InlineFragment:
			add(s.Directives)
			names = conditions(s.SelectionSet, seen, names)
		case *ast.FragmentSpread:
			add(s.Directives)
			if !seen[s.Definition] {
				seen[s.Definition] = true
				names = conditions(s.Definition.SelectionSet, seen, names)
			}
		}
	}
	return names
}
