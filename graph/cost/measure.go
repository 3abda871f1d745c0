package cost

import "github.com/vektah/gqlparser/v2/ast"

// triesPassword tells the mutations that compare a password, which is slow and may
// be a guess. A limiter of requests sees a document as one, however many it has.
func triesPassword(field string) bool {
	return field == "login" || field == "changePassword" || field == "setGatePin"
}

// Measure looks at every selection of the document once. A fragment counts as
// often as it is spread but is measured once, on the type that it names.
func (m *Meter) Measure(doc *ast.QueryDocument) *Shape {
	w := &walker{Meter: m, shape: &Shape{list: m.sizes.List}}
	if doc == nil {
		return w.shape
	}
	w.repeats = make(map[selected]int)
	if len(doc.Fragments) > 0 {
		w.fragments = make(map[string]*fragment, len(doc.Fragments))
	}
	for _, d := range doc.Fragments {
		if w.fragments[d.Name] == nil { // execution takes the first of a name, too
			w.fragments[d.Name] = &fragment{definition: d}
		}
	}
	w.shape.operations = make([]operation, 0, len(doc.Operations))
	for _, d := range doc.Operations {
		w.operation(d)
	}
	for _, d := range doc.Fragments { // those that nobody spreads are validated, too
		if f := w.fragments[d.Name]; f.definition == d {
			w.fragment(f)
		} else {
			w.fragment(&fragment{definition: d})
		}
	}
	return w.shape
}

// walker walks one document.
type walker struct {
	*Meter
	shape     *Shape
	fragments map[string]*fragment
	repeats   map[selected]int
	inputs    map[input]int
}

// selected is a field of a type under a name in the answer.
type selected struct {
	on   *object
	name string
}

// fragment is a fragment's definition and, once it is done, what it holds.
type fragment struct {
	definition    *ast.FragmentDefinition
	entered, done bool
	part          part
	set           int // of part, when it varies
}

// part is what a selection set adds up to, its fragments spread out.
type part struct {
	holding
	terms []term

	levels                         int // of data and schema together
	depth, schemaDepth             int
	width, logins                  int // of the set itself
	aliases, directives, fragments int
}

// take adds what counts in q wherever q stands.
func (p *part) take(q *part) {
	p.levels, p.depth, p.schemaDepth = max(p.levels, q.levels), max(p.depth, q.depth), max(p.schemaDepth, q.schemaDepth)
	p.aliases, p.directives, p.fragments = add(p.aliases, q.aliases), add(p.directives, q.directives), add(p.fragments, q.fragments)
}

func (w *walker) operation(d *ast.OperationDefinition) {
	root := w.query
	switch d.Operation {
	case ast.Mutation:
		root = w.mutation
	case ast.Subscription:
		root = w.subscription
	case ast.Query:
	}
	op := operation{name: d.Name, mutation: d.Operation == ast.Mutation}
	for _, v := range d.VariableDefinitions {
		w.directives(v.Directives)
		w.value(v.DefaultValue)
		if v.DefaultValue != nil {
			if op.defaults == nil {
				op.defaults = map[string]given{}
			}
			if _, ok := op.defaults[v.Variable]; !ok {
				op.defaults[v.Variable] = literal(v.DefaultValue)
			}
		}
	}
	var p part
	p.directives = w.directives(d.Directives)
	w.selections(d.SelectionSet, root, &p)
	op.depth, op.schemaDepth, op.rootFields, op.logins = p.depth, p.schemaDepth, p.width, p.logins
	op.aliases, op.directives, op.fragments = p.aliases, p.directives, p.fragments
	op.set = w.keep(&p)
	w.shape.operations = append(w.shape.operations, op)
}

// fragment measures a fragment, unless that is done or under way.
func (w *walker) fragment(f *fragment) {
	if f.entered {
		return
	}
	f.entered = true
	w.directives(f.definition.Directives)
	for _, v := range f.definition.VariableDefinition { // a dialect that the parser knows
		w.directives(v.Directives)
		w.value(v.DefaultValue)
	}
	w.selections(f.definition.SelectionSet, w.types[f.definition.TypeCondition], &f.part)
	if len(f.part.terms) > 0 {
		f.set = w.keep(&f.part)
	}
	f.done = true
}

// keep adds the part to the sets that are added up with variables.
func (w *walker) keep(p *part) int {
	w.shape.sets = append(w.shape.sets, set{p.holding, p.terms})
	return len(w.shape.sets) - 1
}

// selections adds the selections on a type to p; the type is nil when unknown.
func (w *walker) selections(list ast.SelectionSet, on *object, p *part) {
	for _, s := range list {
		w.shape.visits++
		switch s := s.(type) {
		case *ast.Field:
			w.field(s, on, p)
		case *ast.InlineFragment:
			p.directives = add(p.directives, w.directives(s.Directives))
			inner := on
			if s.TypeCondition != "" {
				inner = w.types[s.TypeCondition]
			}
			w.selections(s.SelectionSet, inner, p)
		case *ast.FragmentSpread:
			w.spread(s, p)
		}
	}
}

func (w *walker) spread(s *ast.FragmentSpread, p *part) {
	w.shape.written.fragments++
	p.fragments = add(p.fragments, 1)
	p.directives = add(p.directives, w.directives(s.Directives))
	f := w.fragments[s.Name]
	if f == nil {
		return
	}
	w.fragment(f)
	if !f.done {
		w.shape.written.cycle = true
		return
	}
	p.take(&f.part)
	p.width, p.logins = add(p.width, f.part.width), add(p.logins, f.part.logins)
	if len(f.part.terms) > 0 {
		p.terms = append(p.terms, term{spread: true, below: f.set})
	} else {
		p.holding = p.plus(f.part.holding)
	}
}

func (w *walker) field(s *ast.Field, on *object, p *part) {
	p.width = add(p.width, 1)
	if s.Alias != s.Name {
		w.shape.written.aliases++
		p.aliases = add(p.aliases, 1)
	}
	if triesPassword(s.Name) {
		p.logins = add(p.logins, 1)
	}
	key := selected{on, s.Alias}
	n := w.repeats[key] + 1
	w.repeats[key] = n
	w.shape.written.repeats = max(w.shape.written.repeats, n)
	p.directives = add(p.directives, w.directives(s.Directives))
	for _, a := range s.Arguments {
		w.value(a.Value)
	}

	f := on.field(s.Name)
	var below part
	w.selections(s.SelectionSet, f.of, &below)
	schema := s.Name == "__schema" || s.Name == "__type"
	below.depth++
	below.levels++
	if schema {
		below.depth, below.schemaDepth = 1, below.levels
	}
	p.take(&below)
	if !schema {
		p.once.fields = add(p.once.fields, 1)
	}
	if f.of == nil && len(s.SelectionSet) == 0 {
		return
	}
	t := term{below: -1, fixed: below.holding, own: fixed(1), rows: fixed(w.sizes.List), schema: schema}
	w.size(&t, f, s)
	if len(below.terms) > 0 {
		t.below = w.keep(&below)
	}
	if t.below >= 0 || t.own.varies() || t.rows.varies() {
		p.terms = append(p.terms, t)
	} else {
		p.holding = p.plus(t.value(nil, nil))
	}
}

// size says how many objects the field returns.
func (w *walker) size(t *term, f *field, s *ast.Field) {
	times := 1 // a list of lists
	for range f.lists - 1 {
		times = mul(times, w.sizes.List)
	}
	switch {
	case f.mean > 0:
		t.own = fixed(f.mean)
	case f.paged && f.lists == 0:
		t.rows = w.page(f, s)
	case f.paged:
		t.own = w.page(f, s)
	case f.ids:
		t.own = factor{given: -1, fallback: w.sizes.List, times: 1}
		w.argument(&t.own, s, "ids", 0)
	case f.lists > 0:
		t.perList = true
	}
	t.own.times = times
}

func (w *walker) page(f *field, s *ast.Field) factor {
	page := factor{given: -1, fallback: f.page, times: 1}
	w.argument(&page, s, "first", 0)
	w.argument(&page, s, "last", 1)
	return page
}

// argument fills a factor with what the argument says.
func (w *walker) argument(f *factor, s *ast.Field, name string, place int) {
	a := s.Arguments.ForName(name)
	if a == nil || a.Value == nil {
		return
	}
	in := input{name: a.Value.Raw, length: name == "ids"}
	if a.Value.Kind != ast.Variable {
		v := literal(a.Value)
		if in.length {
			v.size = v.length
		}
		f.given = max(f.given, v.size)
		return
	}
	i, ok := w.inputs[in]
	if !ok {
		if w.inputs == nil {
			w.inputs = map[input]int{}
		}
		w.shape.inputs = append(w.shape.inputs, in)
		i = len(w.shape.inputs)
		w.inputs[in] = i
	}
	f.vars[place] = i
}

// directives notes directives and tells how many there are.
func (w *walker) directives(list ast.DirectiveList) int {
	for _, d := range list {
		for _, a := range d.Arguments {
			w.value(a.Value)
		}
	}
	w.shape.written.directives += len(list)
	return len(list)
}

func (w *walker) value(v *ast.Value) {
	w.shape.written.inputDepth = max(w.shape.written.inputDepth, literalDepth(v))
}
