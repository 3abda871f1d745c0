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
