package cost_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/graph/cost"
	"aliaport/graph/gen"
)

// writer writes random documents over the schema: valid for the most part, with
// fragments in each other's place, aliases, pages of all kinds, and a few names that
// do not exist.
type writer struct {
	*rand.Rand
	strings.Builder
	composites []*ast.Definition
	fragments  []*ast.Definition // what each is on
	inside     int               // number of the fragment that is being written; -1: none
	room       int               // fields that may still be written
}

func (w *writer) one(texts ...string) string { return texts[w.IntN(len(texts))] }

func (w *writer) document() string {
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		if d := schema.Types[name]; d.IsCompositeType() {
			w.composites = append(w.composites, d)
		}
	}
	for range w.IntN(7) {
		d := w.composites[w.IntN(len(w.composites))]
		if w.IntN(2) == 0 {
			d = schema.Types[w.one("Query", "WorkOrder", "WorkOrderConnection", "Cari", "__Type", "Node")]
		}
		w.fragments = append(w.fragments, d)
	}
	w.inside = -1
	w.room = 5 + w.IntN(40)
	switch w.IntN(8) {
	case 0:
		w.WriteString("mutation Op($a: Int = 3, $b: Int, $c: [ID!] = [\"x\", \"y\"], $d: Int = null) ")
		w.set(schema.Mutation, 0)
	default:
		w.WriteString("query Op($a: Int = 3, $b: Int, $c: [ID!] = [\"x\", \"y\"], $d: Int = null) ")
		w.directive()
		w.set(schema.Query, 0)
	}
	if w.IntN(6) == 0 {
		w.WriteString(" query Other { other: viewer @x { id id } }")
	}
	for i, d := range w.fragments {
		w.inside, w.room = i, 3+w.IntN(12)
		fmt.Fprintf(w, " fragment F%d on %s ", i, d.Name)
		w.set(d, 0)
	}
	return w.String()
}

func (w *writer) directive() {
	for range max(0, w.IntN(8)-5) {
		w.WriteString(w.one("@skip(if: true) ", "@include(if: $b) ", "@what(a: {b: [1]}) "))
	}
}

func (w *writer) set(on *ast.Definition, level int) {
	w.WriteString("{ ")
	for range 1 + w.IntN(4) {
		w.selection(on, level)
	}
	w.WriteString("} ")
}

func (w *writer) selection(on *ast.Definition, level int) {
	w.room--
	switch k := w.IntN(20); {
	case k == 0:
		w.WriteString(w.one("__typename ", "unknown ", "unknown { of { it } } ", "...Unknown ", "a: unknown(first: 3) { id } "))
	case k < 5 && w.inside+1 < len(w.fragments):
		fmt.Fprintf(w, "...F%d ", w.inside+1+w.IntN(len(w.fragments)-w.inside-1))
		w.directive()
	case k < 7 && level < 6:
		w.WriteString("... ")
		inner := on
		if w.IntN(2) == 0 {
			inner = w.composites[w.IntN(len(w.composites))]
			w.WriteString("on " + inner.Name + " ")
		}
		w.directive()
		w.set(inner, level+1)
	case len(on.Fields) == 0:
		w.WriteString("__typename ")
	default:
		w.field(on, level)
	}
}

func (w *writer) field(on *ast.Definition, level int) {
	f := on.Fields[w.IntN(len(on.Fields))]
	of := schema.Types[f.Type.Name()]
	for tries := 0; of.IsLeafType() && tries < 2; tries++ { // rather a branch
		f = on.Fields[w.IntN(len(on.Fields))]
		of = schema.Types[f.Type.Name()]
	}
	if w.IntN(5) == 0 {
		w.WriteString(w.one("a", "b", f.Name) + ": ")
	}
	w.WriteString(f.Name)
	var args []string
	for _, a := range f.Arguments {
		switch {
		case w.IntN(3) == 0:
		case a.Name == "first" || a.Name == "last":
			args = append(args, a.Name+": "+w.one("1", "2", "7", "100", "0", "-3", "2147483647", "99999999999999999999", "null", "$a", "$b", "$c", "$d", "$e"))
		case a.Name == "ids":
			args = append(args, a.Name+": "+w.one(`["a"]`, `["a", $b, null]`, `[]`, `"a"`, `$c`, `$a`, `$b`, `null`))
		case a.Name == "filter" || a.Name == "input":
			args = append(args, a.Name+": "+w.one("{}", "$a", "{a: [{b: [[1]]}]}"))
		}
	}
	if len(args) > 0 {
		w.WriteString("(" + strings.Join(args, " ") + ")")
	}
	w.WriteString(" ")
	w.directive()
	switch {
	case of.IsLeafType():
	case w.room <= 0 || level > 9:
		w.WriteString("{ __typename } ")
	default:
		w.set(of, level+1)
	}
}

// brute counts by walking every path from the root down, with as many objects as
// there are at its end: the other way round than Measure, without its tables and
// without a ceiling.
type brute struct {
	doc       *ast.QueryDocument
	variables map[string]any
	means     map[string]int

	nodes, fields, schemaNodes big.Int
	cost                       cost.Cost
	paths                      int
}

// tooMany is where brute gives up.
const tooMany = 200_000

func (b *brute) set(set ast.SelectionSet, on *ast.Definition, objects, rows *big.Int, level int, inSchema bool) {
	if b.paths++; b.paths > tooMany {
		return
	}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			b.cost.Directives += len(s.Directives)
			inner := on
			if s.TypeCondition != "" {
				inner = schema.Types[s.TypeCondition]
			}
			b.set(s.SelectionSet, inner, objects, rows, level, inSchema)
		case *ast.FragmentSpread:
			b.cost.Directives += len(s.Directives)
			b.cost.Fragments++
			if f := b.doc.Fragments.ForName(s.Name); f != nil {
				b.set(f.SelectionSet, schema.Types[f.TypeCondition], objects, rows, level, inSchema)
			}
		case *ast.Field:
			b.field(s, on, objects, rows, level, inSchema)
		}
	}
}

func (b *brute) field(s *ast.Field, on *ast.Definition, objects, rows *big.Int, level int, inSchema bool) {
	b.cost.Directives += len(s.Directives)
	if s.Alias != s.Name {
		b.cost.Aliases++
	}
	if level == 0 {
		b.cost.RootFields++
		if s.Name == "login" || s.Name == "changePassword" || s.Name == "setGatePin" {
			b.cost.Logins++
		}
	}
	inner, innerLevel := inSchema, level+1
	switch {
	case s.Name == "__schema" || s.Name == "__type":
		if !inSchema {
			b.cost.Depth = max(b.cost.Depth, level+1)
			innerLevel = 1
		}
		inner = true
		b.cost.SchemaDepth = max(b.cost.SchemaDepth, innerLevel)
	case inSchema:
		b.cost.SchemaDepth = max(b.cost.SchemaDepth, level+1)
	default:
		b.cost.Depth = max(b.cost.Depth, level+1)
		b.fields.Add(&b.fields, objects)
	}
	var def *ast.FieldDefinition
	var of *ast.Definition
	if on != nil {
		if def = on.Fields.ForName(s.Name); def != nil {
			of = schema.Types[def.Type.Name()]
			if !of.IsCompositeType() {
				of = nil
			}
		}
	}
	if of == nil && len(s.SelectionSet) == 0 {
		return
	}
	n, innerRows := new(big.Int).Set(objects), big.NewInt(10)
	if def != nil {
		list, paged := strings.HasPrefix(def.Type.String(), "["), def.Arguments.ForName("first") != nil
		switch {
		case strings.HasPrefix(on.Name, "__") && list:
			n.Mul(n, big.NewInt(int64(max(b.means[s.Name], 1))))
		case paged && list:
			n.Mul(n, b.page(s))
		case paged:
			innerRows = b.page(s)
		case list && def.Arguments.ForName("ids") != nil:
			n.Mul(n, b.ids(s))
		case list:
			n.Mul(n, rows)
		}
	}
	if inner {
		b.schemaNodes.Add(&b.schemaNodes, n)
	} else {
		b.nodes.Add(&b.nodes, n)
	}
	b.set(s.SelectionSet, of, n, innerRows, innerLevel, inner)
}

func (b *brute) page(s *ast.Field) *big.Int {
	var largest *big.Int
	for _, name := range []string{"first", "last"} {
		var text string
		if v, ok := b.argument(s, name).(json.Number); ok {
			text = v.String()
		}
		if n, ok := new(big.Int).SetString(text, 10); ok {
			if n.Sign() < 0 {
				n.SetInt64(0)
			}
			if largest == nil || n.Cmp(largest) > 0 {
				largest = n
			}
		}
	}
	if largest == nil {
		return big.NewInt(50)
	}
	return largest
}

func (b *brute) ids(s *ast.Field) *big.Int {
	switch v := b.argument(s, "ids").(type) {
	case nil:
		return big.NewInt(10)
	case []any:
		return big.NewInt(int64(len(v)))
	}
	return big.NewInt(1)
}

// argument is the value of an argument as JSON would have it.
func (b *brute) argument(s *ast.Field, name string) any {
	var value func(v *ast.Value) any
	value = func(v *ast.Value) any {
		switch v.Kind {
		case ast.Variable:
			if given, ok := b.variables[v.Raw]; ok {
				return given
			}
			if d := b.doc.Operations[0].VariableDefinitions.ForName(v.Raw); d != nil && d.DefaultValue != nil {
				return value(d.DefaultValue)
			}
			return nil
		case ast.IntValue:
			return json.Number(v.Raw)
		case ast.NullValue:
			return nil
		case ast.ListValue:
			list := []any{}
			for _, c := range v.Children {
				list = append(list, value(c.Value))
			}
			return list
		default:
			return v.Raw
		}
	}
	if a := s.Arguments.ForName(name); a != nil {
		return value(a.Value)
	}
	return nil
}

// asWritten counts what stands in the document.
func (b *brute) asWritten() (c cost.Cost) {
	seen := map[string]int{}
	var walk func(set ast.SelectionSet, on *ast.Definition)
	directives := func(list ast.DirectiveList) {
		c.Directives += len(list)
		for _, d := range list {
			if d.Name == "what" {
				c.InputDepth = max(c.InputDepth, 2)
			}
		}
	}
	walk = func(set ast.SelectionSet, on *ast.Definition) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				directives(s.Directives)
				if s.Alias != s.Name {
					c.Aliases++
				}
				key := "." + s.Alias
				if on != nil {
					key = on.Name + key
				}
				seen[key]++
				c.Repeats = max(c.Repeats, seen[key])
				for _, a := range s.Arguments {
					text := a.Value.String()
					deepest, level := 0, 0
					for _, r := range text {
						switch r {
						case '[', '{':
							level++
						case ']', '}':
							level--
						}
						deepest = max(deepest, level)
					}
					c.InputDepth = max(c.InputDepth, deepest)
				}
				var of *ast.Definition
				if on != nil {
					if f := on.Fields.ForName(s.Name); f != nil && schema.Types[f.Type.Name()].IsCompositeType() {
						of = schema.Types[f.Type.Name()]
					}
				}
				walk(s.SelectionSet, of)
			case *ast.InlineFragment:
				directives(s.Directives)
				inner := on
				if s.TypeCondition != "" {
					inner = schema.Types[s.TypeCondition]
				}
				walk(s.SelectionSet, inner)
			case *ast.FragmentSpread:
				directives(s.Directives)
				c.Fragments++
			}
		}
	}
	for _, o := range b.doc.Operations {
		directives(o.Directives)
		for _, v := range o.VariableDefinitions {
			if v.DefaultValue != nil && v.DefaultValue.Kind == ast.ListValue {
				c.InputDepth = max(c.InputDepth, 1)
			}
		}
		root := schema.Query
		if o.Operation == ast.Mutation {
			root = schema.Mutation
		}
		walk(o.SelectionSet, root)
	}
	for _, f := range b.doc.Fragments {
		walk(f.SelectionSet, schema.Types[f.TypeCondition])
	}
	return c
}

// count is the cost by brute force, and whether that could be found.
func (b *brute) count() (cost.Cost, bool) {
	op := b.doc.Operations[0]
	root := schema.Query
	if op.Operation == ast.Mutation {
		root = schema.Mutation
	}
	b.cost.Directives += len(op.Directives)
	b.set(op.SelectionSet, root, big.NewInt(1), big.NewInt(10), 0, false)
	if op.Operation != ast.Mutation {
		b.cost.Logins = 0
	}
	clipped := func(n *big.Int) int {
		if n.Cmp(big.NewInt(cost.Ceiling)) > 0 {
			return cost.Ceiling
		}
		return int(n.Int64())
	}
	c, written := b.cost, b.asWritten()
	c.Nodes, c.Fields, c.SchemaNodes = clipped(&b.nodes), clipped(&b.fields), clipped(&b.schemaNodes)
	c.Aliases, c.Directives, c.Fragments = max(c.Aliases, written.Aliases), max(c.Directives, written.Directives), max(c.Fragments, written.Fragments)
	c.Repeats, c.InputDepth = written.Repeats, written.InputDepth
	for _, v := range b.variables {
		if _, ok := v.([]any); ok {
			c.InputDepth = max(c.InputDepth, 1)
		}
	}
	return c, b.paths <= tooMany
}

func TestTheCostOfRandomDocumentsIsThatOfBruteForce(t *testing.T) {
	t.Parallel()
	documents := 4_000
	if os.Getenv("ALIAPORT_TEST_LONG") != "" {
		documents = 200_000
	}
	means := cost.MeanLengths(schema)
	var wg sync.WaitGroup
	workers := 2
	var skipped, ceilings [2]int
	for worker := range workers {
		wg.Go(func() {
			for seed := worker; seed < documents; seed += workers {
				w := &writer{Rand: rand.New(rand.NewPCG(uint64(seed), 9))}
				query := w.document()
				vars := variables(t, w.one(`{}`, `{"a": 5, "b": 2, "c": ["p", "q", "r"]}`, `{"a": null, "d": 6}`, `{"b": -1, "c": [], "e": 11}`, `{"a": 40000000000, "b": 100}`, `{"c": null}`))
				doc := parsed(t, query)
				b := &brute{doc: doc, variables: vars, means: means}
				want, ok := b.count()
				if !ok {
					skipped[worker]++
					continue
				}
				shape := meter.Measure(doc)
				if got := shape.Cost("Op", vars); got != want {
					t.Errorf("seed %d with %v: %s\n got %+v\nwant %+v", seed, vars, query, got, want)
					return
				}
				if want.Nodes == cost.Ceiling {
					ceilings[worker]++
				}
				if n := selections(doc); shape.Visits() != n || shape.Steps() > 2*n+len(doc.Operations) {
					t.Errorf("seed %d: %d visits, %d steps for %d selections", seed, shape.Visits(), shape.Steps(), n)
				}
			}
		})
	}
	wg.Wait()
	if n := skipped[0] + skipped[1]; n > documents/10 {
		t.Errorf("%d of %d documents were too large for brute force", n, documents)
	}
	t.Logf("%d documents, %d too large for brute force, %d at the ceiling", documents, skipped[0]+skipped[1], ceilings[0]+ceilings[1])
}

func TestAShapeServesManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	shape := meter.Measure(parsed(t, board))
	var wg sync.WaitGroup
	for first := range 8 {
		wg.Go(func() {
			for range 200 {
				if got, want := shape.Cost("Board", map[string]any{"first": first}).Nodes, 2+23*first; got != want {
					t.Errorf("first %d: %d nodes, want %d", first, got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestIntrospectionIsNotUnderestimated(t *testing.T) {
	t.Parallel()
	exec := executor.New(gen.NewExecutableSchema(gen.Config{}))
	for _, query := range []string{
		introspection.Query,
		`{ __schema { types { name } directives { name } queryType { name } } }`,
		`{ __schema { types { fields { type { fields { name type { name ofType { name } } args { type { name } } } } } } } }`,
		`{ __schema { types { interfaces { possibleTypes { name } } } } }`,
		`{ __schema { types { fields { args { type { ofType { inputFields { type { name } } } } } } } } }`,
	} {
		ctx := graphql.StartOperationTrace(t.Context())
		oc, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: query})
		if errs != nil {
			t.Fatal(errs)
		}
		oc.DisableIntrospection = false
		responses, ctx := exec.DispatchOperation(ctx, oc)
		var answer any
		if err := json.Unmarshal(responses(ctx).Data, &answer); err != nil {
			t.Fatal(err)
		}
		actual, estimate := objects(answer)-1, meter.Measure(parsed(t, query)).Cost("", nil).SchemaNodes
		if actual < 10 || estimate < actual || estimate > 20*actual {
			t.Errorf("%d objects, estimated %d: %s", actual, estimate, query)
		}
	}
}

// objects counts the objects in JSON.
func objects(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n++
		for _, e := range v {
			n += objects(e)
		}
	case []any:
		for _, e := range v {
			n += objects(e)
		}
	}
	return n
}

func FuzzMeasure(f *testing.F) {
	for _, seed := range []string{
		board, introspection.Query, exploding(5), explodingData(3), "{", "{ a(first: -1) }", "query($a: Int = 3) { workOrders(first: $a) { nodes { id } } }",
		"{ ...F } fragment F on Query { ...F workOrders { ...G } } fragment G on WorkOrderConnection { edges { node { ...F } } }",
		"mutation { login(input: {}) { accessToken } }", "subscription { a }", "query A { a } query A { b }", "{ nodes(ids: [1, 2]) { id } __type(name: \"\") { fields { name } } }",
	} {
		f.Add(seed, `{"first": 10, "a": [1]}`)
	}
	for i := range 50 {
		f.Add((&writer{Rand: rand.New(rand.NewPCG(uint64(i), 1))}).document(), `{"a": "5", "b": 1e9, "c": [[]], "d": -4}`)
	}
	f.Fuzz(func(t *testing.T, query, vars string) {
		doc, err := cost.Limits{Tokens: 5_000}.Parse(query)
		if err != nil {
			return
		}
		var values map[string]any
		if json.Unmarshal([]byte(vars), &values) != nil {
			values = nil
		}
		shape := meter.Measure(doc)
		if n := selections(doc); shape.Visits() != n || shape.Steps() > 2*n+len(doc.Operations) {
			t.Errorf("%d visits, %d steps for %d selections", shape.Visits(), shape.Steps(), n)
		}
		names := []string{"", "Op"}
		for _, o := range doc.Operations {
			names = append(names, o.Name)
		}
		for _, name := range names[:min(len(names), 5)] {
			c := shape.Cost(name, values)
			for _, n := range []int{c.Depth, c.SchemaDepth, c.InputDepth, c.RootFields, c.Aliases, c.Directives, c.Fragments, c.Repeats, c.Logins, c.Nodes, c.Fields, c.SchemaNodes} {
				if n < 0 || n > cost.Ceiling {
					t.Errorf("out of bounds: %+v", c)
				}
			}
			_ = cost.Defaults().Check(c)
		}
	})
}
