package walk

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// PageSizes are those at which the statements of nested lists are counted.
var PageSizes = []int{2, 10, 20}

// nestedDepth is how many lists stand one in the other, that of the root included.
const nestedDepth = 3

// Nested is how many statements a list takes that stands in others.
type Nested struct {
	Path       []string    `json:"path"`
	Statements map[int]int `json:"statements"` // by page size
	// Grows are the statements that are sent more often for longer pages.
	Grows []Growth `json:"grows,omitempty"`
}

// Growth is a statement whose number grows with the page.
type Growth struct {
	Field string      `json:"field"`
	Text  string      `json:"text"`
	Times map[int]int `json:"times"` // by page size
}

// step leads from rows to a list below them, over at most one other row.
type step struct {
	over *ast.FieldDefinition // or nil
	list *ast.FieldDefinition
}

func (s step) String() string {
	if s.over != nil {
		return s.over.Name + "." + s.list.Name
	}
	return s.list.Name
}

// NestedLists counts the statements of every list in every list.
func (w *Walk) NestedLists(ctx context.Context) (all []Nested, err error) {
	for _, f := range w.roots() {
		if !isConnection(f) || len(w.Only) > 0 && !slices.Contains(w.Only, f.Name) {
			continue
		}
		for _, steps := range w.chains(w.rowsOf(f), nestedDepth-1) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			all = append(all, w.nested(ctx, f, steps))
		}
	}
	return all, nil
}

// chains are the ways down from rows of a type, the longest only: a shorter one is
// the beginning of another.
func (w *Walk) chains(of *ast.Definition, depth int) (all [][]step) {
	if depth > 0 {
		for _, s := range w.steps(of) {
			for _, rest := range w.chains(w.rowsOf(s.list), depth-1) {
				all = append(all, append([]step{s}, rest...))
			}
		}
	}
	if len(all) == 0 {
		return [][]step{nil}
	}
	return all
}

func (w *Walk) steps(of *ast.Definition) (all []step) {
	for _, f := range of.Fields {
		def := w.Schema.Types[f.Type.Name()]
		switch {
		case def.IsLeafType() || def.IsAbstractType() || slices.ContainsFunc(f.Arguments, required):
		case isConnection(f) || f.Type.Elem != nil:
			all = append(all, step{nil, f})
		default:
			for _, below := range def.Fields {
				d := w.Schema.Types[below.Type.Name()]
				if !d.IsLeafType() && (isConnection(below) || below.Type.Elem != nil) && !slices.ContainsFunc(below.Arguments, required) {
					all = append(all, step{f, below})
				}
			}
		}
	}
	return all
}

// rows selects a level: all fields of the rows, the rows next to them, and the list
// that follows.
func (w *Walk) rows(of *ast.Definition, steps []step) string {
	var b strings.Builder
	b.WriteString("{ __typename")
	for _, f := range of.Fields {
		def := w.Schema.Types[f.Type.Name()]
		next := len(steps) > 0 && (steps[0].over == f || steps[0].over == nil && steps[0].list == f)
		switch {
		case strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, required):
		case next && steps[0].over == f:
			b.WriteString(" " + f.Name + " { " + w.listed(steps[0].list, steps[1:]) + " }")
		case next:
			b.WriteString(" " + w.listed(f, steps[1:]))
		case def.IsLeafType():
			b.WriteString(" " + f.Name)
		case f.Type.Elem == nil && !isConnection(f):
			b.WriteString(" " + f.Name + " " + w.everything(f.Type, 1))
		}
	}
	b.WriteString(" }")
	return b.String()
}

func (w *Walk) listed(f *ast.FieldDefinition, rest []step) string {
	if isConnection(f) {
		return f.Name + "(first: $n) { totalCount nodes " + w.rows(w.rowsOf(f), rest) + " }"
	}
	return f.Name + " " + w.rows(w.rowsOf(f), rest)
}

var placeholders = regexp.MustCompile(`(?:\?|\$\d+)(?:, ?(?:\?|\$\d+))*`)

func (w *Walk) nested(ctx context.Context, f *ast.FieldDefinition, steps []step) Nested {
	n := Nested{Path: []string{f.Name}, Statements: map[int]int{}}
	for _, s := range steps {
		n.Path = append(n.Path, s.String())
	}
	name := strings.Join(n.Path, " > ")
	type key struct{ field, text string }
	times := map[key]map[int]int{}
	doc := "query Nested($n: Int) { " + w.listed(f, steps) + " }"
	for _, size := range PageSizes {
		a := w.ask(ctx, doc, map[string]any{"n": size})
		if a.refused != "" {
			w.problem("%s is refused: %s: %s", name, a.refused, a.message)
			return n
		}
		if w.statements != nil {
			w.note(name, a)
		}
		n.Statements[size] = a.stats.Count()
		for _, s := range a.stats.Statements() {
			k := key{Place(s.Cause), placeholders.ReplaceAllString(s.Text, "?")}
			if times[k] == nil {
				times[k] = map[int]int{}
			}
			times[k][size]++
		}
	}
	for k, t := range times {
		// A field may stand at every level, and short pages may lead nowhere.
		if first, last := t[PageSizes[0]], t[PageSizes[len(PageSizes)-1]]; last > max(first, len(n.Path)) {
			n.Grows = append(n.Grows, Growth{k.field, k.text, maps.Clone(t)})
		}
	}
	slices.SortFunc(n.Grows, func(a, b Growth) int { return strings.Compare(a.Field+a.Text, b.Field+b.Text) })
	return n
}

// String tells where and how the number grows.
func (g Growth) String() string {
	var counts []string
	for _, size := range PageSizes {
		counts = append(counts, fmt.Sprintf("%d for %d", g.Times[size], size))
	}
	return fmt.Sprintf("%s: %s rows: %s", g.Field, strings.Join(counts, ", "), g.Text)
}
