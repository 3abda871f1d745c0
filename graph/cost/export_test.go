package cost

import "github.com/vektah/gqlparser/v2/ast"

// MeanLengths are the lengths of lists that introspection is taken to have.
func MeanLengths(schema *ast.Schema) map[string]int { return meanLengths(schema) }

// Visits is how many selections Measure looked at.
func (s *Shape) Visits() int { return s.visits }

// Steps is how many terms Cost adds up.
func (s *Shape) Steps() int {
	n := len(s.sets)
	for _, set := range s.sets {
		n += len(set.terms)
	}
	return n
}

// Defaults are limits that the widest queries of a console stay well within, and
// the introspection of the usual tools.
func Defaults() Limits {
	return Limits{
		Tokens: 2_000, Depth: 15, SchemaDepth: 20, InputDepth: 8, RootFields: 25, Aliases: 50, Directives: 50,
		Fragments: 150, Repeats: 200, Logins: 1, Nodes: 20_000, Fields: 200_000, SchemaNodes: 50_000,
	}
}
