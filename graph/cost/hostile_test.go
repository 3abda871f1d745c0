package cost_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/graph/cost"
	"aliaport/internal/apperr"
)

func gqlSchema(sdl string) (*ast.Schema, error) {
	s, err := gqlparser.LoadSchema(&ast.Source{Input: sdl})
	if err != nil {
		return nil, err
	}
	return s, nil
}

var rep = strings.Repeat

// numbered joins what the format makes of 0 to n-1; all its verbs are the number.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(format, "%d", fmt.Sprint(i)), "%n", fmt.Sprint(i+1)))
	}
	return b.String()
}

// exploding spreads each fragment twice in the one before it.
func exploding(levels int) string {
	return "{ workOrder { ...F0 } }" + numbered(levels, " fragment F%d on WorkOrder { ...F%n ...F%n }") +
		fmt.Sprintf(" fragment F%d on WorkOrder { id cari { id } }", levels)
}

// explodingData does so through aliased lists, so that each path is an object of
// its own.
func explodingData(levels int) string {
	return "{ nodes(ids: 1) { ...F0 } }" + numbered(levels, " fragment F%d on WorkOrder { a: items { ... on WorkOrder { ...F%n } } b: items { ... on WorkOrder { ...F%n } } }") +
		fmt.Sprintf(" fragment F%d on WorkOrder { id }", levels)
}

func TestAnExplodingKilobyteIsLookedAtOnce(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{20, 24, 150, 5000} {
		query := exploding(levels)
		shape := meter.Measure(parsed(t, query))
		if want := 2 + 2*levels + 3; shape.Visits() != want {
			t.Errorf("%d levels, %d bytes: %d selections looked at, want %d", levels, len(query), shape.Visits(), want)
		}
		c := shape.Cost("", nil)
		if want := min(1<<min(levels, 40)*2, cost.Ceiling); c.Fields < want {
			t.Errorf("%d levels: %d fields, want at least %d", levels, c.Fields, want)
		}
		if e := cost.Defaults().Check(c); e == nil {
			t.Errorf("%d levels pass", levels)
		}
	}
}

func TestHostileDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	const order = "WorkOrder { id }"
	for name, tt := range map[string]struct {
		query, variables string
		code             apperr.Code
		measure          string
	}{
		"a depth of 100":                    {"{ workOrder " + rep("{ cari ", 99) + rep("}", 99) + "}", "", apperr.QueryTooDeep, "depth"},
		"a depth of 100 through fragments":  {"{ ...F0 }" + numbered(100, " fragment F%d on Query { workOrder { ...F%n } }") + " fragment F100 on " + order, "", apperr.QueryTooDeep, "depth"},
		"introspection 100 deep":            {"{ __schema { types " + rep("{ ofType ", 99) + "{ name }" + rep("}", 99) + "} }", "", apperr.QueryTooDeep, "schemaDepth"},
		"introspection that explodes":       {"{ __schema { types { ...F0 } } }" + numbered(12, " fragment F%d on __Type { a: ofType { ...F%n } b: ofType { ...F%n } }") + " fragment F12 on __Type { name }", "", apperr.TooManyAliases, "aliases"},
		"introspection nested in itself":    {"{ __schema { types " + rep("{ fields { type ", 6) + "{ name }" + rep("} }", 6) + " } }", "", apperr.QueryTooComplex, "schemaNodes"},
		"10,000 aliases":                    {"{ " + numbered(10_000, "a%d: viewer { id } ") + "}", "", apperr.TooManyAliases, "aliases"},
		"10,000 aliases in an unused place": {"{ viewer { id } } fragment F on Query { " + numbered(10_000, "a%d: viewer { id } ") + "}", "", apperr.TooManyAliases, "aliases"},
		"aliases through fragments":         {"{ " + rep("...F ", 26) + "} fragment F on Query { a: __typename b: __typename }", "", apperr.TooManyAliases, "aliases"},
		"exploding fragments":               {exploding(24), "", apperr.QueryTooComplex, "fragments"},
		"exploding objects":                 {explodingData(24), "", apperr.QueryTooDeep, "depth"},
		"exploding objects, fewer levels":   {explodingData(10), "", apperr.TooManyAliases, "aliases"},
		"5,000 duplicate fields":            {"{ viewer { " + rep("id ", 5000) + "} }", "", apperr.QueryTooComplex, "repeats"},
		"duplicates in duplicates":          {"{ viewer { id } " + rep("... { viewer { "+rep("id ", 50)+"} } ", 20) + "}", "", apperr.QueryTooComplex, "repeats"},
		"duplicates in unused fragments":    {"{ viewer { id } }" + numbered(60, " fragment F%d on Viewer { "+rep("id ", 20)+"}"), "", apperr.QueryTooComplex, "repeats"},
		"duplicates in other operations":    {"query A { viewer { id } }" + numbered(60, " query Q%d { viewer { "+rep("id ", 20)+"} }"), "", apperr.QueryTooComplex, "repeats"},
		"5,000 unknown fields":              {"{ viewer { " + rep("what ", 5000) + "} }", "", apperr.QueryTooComplex, "repeats"},
		"1,000 root fields":                 {"{ " + rep("viewer { id } ", 1000) + "}", "", apperr.QueryTooComplex, "rootFields"},
		"a flood of directives":             {"{ viewer { id " + rep("@include(if: true) ", 1000) + "} }", "", apperr.QueryTooComplex, "directives"},
		"a flood of unknown directives":     {"query " + rep("@x ", 5000) + "{ viewer { id } }", "", apperr.QueryTooComplex, "directives"},
		"directives through fragments":      {"{ viewer { " + rep("...F ", 20) + "} } fragment F on Viewer { id @x @x @x }", "", apperr.QueryTooComplex, "directives"},
		"a flood of spreads":                {"{ viewer { " + rep("...F ", 5000) + "} } fragment F on Viewer { id }", "", apperr.QueryTooComplex, "fragments"},
		"a flood of unknown spreads":        {"{ viewer { " + rep("...F ", 5000) + "} }", "", apperr.QueryTooComplex, "fragments"},
		"a huge page":                       {"{ workOrders(first: 2147483647) { nodes { id } } }", "", apperr.QueryTooComplex, "nodes"},
		"a page beyond all integers":        {"{ workOrders(first: " + rep("9", 1000) + ") { nodes { id } } }", "", apperr.QueryTooComplex, "nodes"},
		"a huge page in a variable":         {"query($n: Int) { workOrders(last: $n) { nodes { id } } }", `{"n": 1e30}`, apperr.QueryTooComplex, "nodes"},
		"pages that multiply past integers": {"{ workOrders(first: 2147483647) { edges { node { items { service { id } } history { user { id } } } } } }", "", apperr.QueryTooComplex, "nodes"},
		"full pages twenty times":           {"{ " + numbered(20, "a%d: workOrders(first: 100) { nodes { items { service { id } } } } ") + "}", "", apperr.QueryTooComplex, "nodes"},
		"10,000 ids":                        {"{ nodes(ids: [" + rep(`"a" `, 10_000) + "]) { ... on WorkOrder { items { id } } } }", "", apperr.QueryTooComplex, "nodes"},
		"two logins":                        {"mutation { a: login(input: {}) { accessToken } b: login(input: {}) { accessToken } }", "", apperr.QueryTooComplex, "logins"},
		"two logins by a fragment":          {"mutation { ...F ...F } fragment F on Mutation { login(input: {}) { accessToken } }", "", apperr.QueryTooComplex, "logins"},
		"a deep argument":                   {"{ workOrders(filter: " + rep("[", 100) + rep("]", 100) + ") { totalCount } }", "", apperr.QueryTooDeep, "inputDepth"},
		"a deep default":                    {"query($a: Int = " + rep("{a: ", 100) + "1" + rep("}", 100) + ") { viewer { id } }", "", apperr.QueryTooDeep, "inputDepth"},
		"a deep variable":                   {"query($a: Int) { viewer { id } }", `{"a": ` + rep("[", 9000) + rep("]", 9000) + `}`, apperr.QueryTooDeep, "inputDepth"},
		"cycles, many times":                {"{ viewer { ...F0 } }" + numbered(200, " fragment F%d on Viewer { id ...F0 ...F7 ...F%n }"), "", apperr.QueryTooComplex, "fragments"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parsed(t, tt.query)
			shape := meter.Measure(doc)
			if n := selections(doc); shape.Visits() != n || shape.Steps() > 2*n+1 {
				t.Errorf("%d visits, %d steps for %d selections", shape.Visits(), shape.Steps(), n)
			}
			operation := ""
			if len(doc.Operations) > 1 {
				operation = doc.Operations[0].Name
			}
			e := cost.Defaults().Check(shape.Cost(operation, variables(t, tt.variables)))
			if e == nil || e.Code != tt.code || e.Params["measure"] != tt.measure {
				t.Fatalf("want %s for %s, have %v", tt.code, tt.measure, e)
			}
		})
	}
}

func TestWhatValidationWillRefuseIsMeasuredWithoutHarm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query string
		cycle bool
	}{
		"nothing but unknown":          {"query A($a: Nope = {b: c}) @x(y: $z) { nope(nope: $nope) @nope { ...Nope ... on Nope { nope } } }", false},
		"a fragment in itself":         {"{ ...F } fragment F on Query { ...F }", true},
		"a fragment in itself, unused": {"{ viewer { id } } fragment F on Query { viewer { id } ...F }", true},
		"a ring of fragments":          {"{ ...F0 }" + numbered(99, " fragment F%d on Query { viewer { id } ...F%n }") + " fragment F99 on Query { ...F0 }", true},
		"a ring below fields":          {"{ viewer { ...F } } fragment F on Viewer { viewer { ...F } }", true},
		"each fragment in each other":  {"{ ...F0 }" + numbered(40, " fragment F%d on Query { "+numbered(40, "...F%d ")+"}"), true},
		"a fragment twice":             {"{ ...F } fragment F on Query { viewer { id } } fragment F on Query { ...F }", false},
		"only fragments":               {"fragment F on Query { viewer { id } }", false},
		"fragments with variables":     {"{ ...F } fragment F($a: Int = [1]) on Query { viewer @x(a: $a) { id } }", false},
		"two nameless operations":      {"{ a } { b }", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := parsed(t, tt.query)
			shape := meter.Measure(doc)
			if shape.Visits() != selections(doc) {
				t.Errorf("%d visits for %d selections", shape.Visits(), selections(doc))
			}
			if c := shape.Cost("", nil); c.Cycle != tt.cycle {
				t.Errorf("%+v", c)
			}
		})
	}
	if c := meter.Measure(nil).Cost("", nil); c != (cost.Cost{}) {
		t.Errorf("no document costs %+v", c)
	}
}

// selections counts what is written.
func selections(doc *ast.QueryDocument) int {
	var count func(ast.SelectionSet) int
	count = func(set ast.SelectionSet) int {
		n := len(set)
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				n += count(s.SelectionSet)
			case *ast.InlineFragment:
				n += count(s.SelectionSet)
			}
		}
		return n
	}
	n := 0
	for _, o := range doc.Operations {
		n += count(o.SelectionSet)
	}
	for _, f := range doc.Fragments {
		n += count(f.SelectionSet)
	}
	return n
}

func TestWorkGrowsWithTheLengthOfTheDocument(t *testing.T) {
	t.Parallel()
	const paged = " fragment F%d on Query { workOrders(first: $a%d) { nodes { id } } ...F%n ...F%n }"
	for name, make := range map[string]func(int) string{
		"fields":                   func(n int) string { return "{ viewer { " + rep("id ", n) + "} }" },
		"aliased pages":            func(n int) string { return "{ " + numbered(n, "a%d: workOrders(first: $v%d) { nodes { id } } ") + "}" },
		"exploding fragments":      exploding,
		"exploding objects":        explodingData,
		"exploding variable pages": func(n int) string { return "{ ...F0 }" + numbered(n, paged) },
		"operations with defaults": func(n int) string {
			return numbered(n, "query Q%d($v%d: Int = 3) { workOrders(first: $v%d) { nodes { id } } ...F } ") + "fragment F on Query { workOrders(first: $v1) { nodes { id } } }"
		},
		"a cycle": func(n int) string {
			return "{ ...F0 }" + numbered(n, paged) + fmt.Sprintf(" fragment F%d on Query { ...F0 }", n)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{10, 100, 1000, 5000} {
				query := make(n)
				shape := meter.Measure(parsed(t, query))
				if shape.Visits() > len(query) || shape.Steps() > len(query) {
					t.Errorf("%d bytes: %d visits, %d steps", len(query), shape.Visits(), shape.Steps())
				}
				shape.Cost("", map[string]any{"a1": 5, "v1": 5})
			}
		})
	}
}
