package cost

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"aliaport/internal/apperr"
)

// Limits bound a Cost, field by field; 0 is no limit.
type Limits struct {
	Tokens      int // of the document, for Parse; holds with MeasureOnly, too
	Depth       int
	SchemaDepth int
	InputDepth  int
	RootFields  int
	Aliases     int
	Directives  int
	Fragments   int
	Repeats     int
	Logins      int // holds with MeasureOnly, too: it is against guessing
	Nodes       int
	Fields      int
	SchemaNodes int
	MeasureOnly bool // Check lets pass what is only expensive
}

// Parse parses a document. One with too many tokens is refused as *apperr.Error,
// whatever else is wrong with it; other errors are the parser's.
func (l Limits) Parse(query string) (*ast.QueryDocument, error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, l.Tokens)
	if err == nil {
		return doc, nil
	}
	if l.Tokens > 0 && longer(query, l.Tokens) {
		return nil, apperr.New(apperr.TooManyTokens, "limit", l.Tokens)
	}
	return nil, err
}

// longer tells whether the text has more tokens than that, and reads no further.
func longer(query string, tokens int) bool {
	lex := lexer.New(&ast.Source{Input: query})
	for range tokens + 1 {
		if t, err := lex.ReadToken(); err != nil || t.Kind == lexer.EOF {
			return false
		}
	}
	return true
}

// Check refuses a cost that is over a limit. With MeasureOnly it does not, and Over
// tells what it would have refused.
func (l Limits) Check(c Cost) *apperr.Error {
	if l.MeasureOnly {
		l = Limits{Logins: l.Logins}
	}
	return l.Over(c)
}

// Over names the first limit that a cost is over, with the parameters measure,
// limit and actual.
func (l Limits) Over(c Cost) *apperr.Error {
	for _, m := range [...]struct {
		code          apperr.Code
		measure       string
		actual, limit int
	}{
		{apperr.QueryTooDeep, "depth", c.Depth, l.Depth},
		{apperr.QueryTooDeep, "schemaDepth", c.SchemaDepth, l.SchemaDepth},
		{apperr.QueryTooDeep, "inputDepth", c.InputDepth, l.InputDepth},
		{apperr.TooManyAliases, "aliases", c.Aliases, l.Aliases},
		{apperr.QueryTooComplex, "logins", c.Logins, l.Logins},
		{apperr.QueryTooComplex, "rootFields", c.RootFields, l.RootFields},
		{apperr.QueryTooComplex, "directives", c.Directives, l.Directives},
		{apperr.QueryTooComplex, "fragments", c.Fragments, l.Fragments},
		{apperr.QueryTooComplex, "repeats", c.Repeats, l.Repeats},
		{apperr.QueryTooComplex, "nodes", c.Nodes, l.Nodes},
		{apperr.QueryTooComplex, "fields", c.Fields, l.Fields},
		{apperr.QueryTooComplex, "schemaNodes", c.SchemaNodes, l.SchemaNodes},
	} {
		if m.limit > 0 && m.actual > m.limit {
			return apperr.New(m.code, "measure", m.measure, "limit", m.limit, "actual", m.actual)
		}
	}
	return nil
}
