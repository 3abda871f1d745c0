// Package walk asks the API everything that it can be asked: every list with every
// combination of filters that it accepts, in every order, from both ends, and every
// look-up by each of its arguments. What it asks follows from the schema, so that a
// new filter is asked for by itself; the values come from the database. It only reads.
package walk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/graph"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

// Walk is a walk over one database. It serves one goroutine.
type Walk struct {
	Schema *ast.Schema
	// Ask answers a query for somebody who may see everything; the statements are
	// counted into the Stats of its context.
	Ask func(ctx context.Context, query string, variables map[string]any) *graphql.Response
	// Only names the fields of the root that are asked; empty: all.
	Only []string
	// Offered tells which combinations are answered, for another walk over the same
	// schema: it is filled by the first.
	Offered map[string]bool

	samples    samples
	statements map[string]*Statement
	order      []string
	asked      int
	problems   []string
}

// Statement is one that the API issues.
type Statement struct {
	Text string
	// Fields are those that it is sent for; Question is the first that led to it.
	Fields   []string
	Question string
	Args     [][]any // of some questions
}

// variants is how many sets of arguments of a statement are kept.
const variants = 2

// Result is what a walk has seen.
type Result struct {
	Questions  int
	Statements []*Statement
	// Problems are questions that failed, and parts of the schema that could not be asked.
	Problems []string
}

// answer is that to one question.
type answer struct {
	data             map[string]any
	refused, message string // code of the first error
	fault            bool   // the server is to blame
	stats            *store.Stats
}

// ask sends a document and notes its statements.
func (w *Walk) ask(ctx context.Context, document string, variables map[string]any) *answer {
	w.asked++
	a := &answer{stats: &store.Stats{Record: true, Args: true, Cause: graph.Cause}}
	resp := w.Ask(store.WithStats(ctx, a.stats), document, variables)
	if len(resp.Errors) > 0 {
		e := resp.Errors[0]
		code, _ := e.Extensions["code"].(apperr.Code)
		a.refused, a.message, a.fault = fmt.Sprint(e.Extensions["code"]), e.Message, code == "" || code.HTTP() >= 500
	}
	d := json.NewDecoder(bytes.NewReader(resp.Data))
	d.UseNumber()
	if len(resp.Data) > 0 && d.Decode(&a.data) != nil {
		a.refused, a.fault = "no JSON", true
	}
	return a
}

var position = regexp.MustCompile(`\[\d+\]`)

// Place is the cause of a statement without positions in lists.
func Place(cause string) string { return position.ReplaceAllString(cause, "[]") }

func (w *Walk) note(question string, a *answer) {
	for _, s := range a.stats.Statements() {
		st := w.statements[s.Text]
		if st == nil {
			st = &Statement{Text: s.Text, Question: question}
			w.statements[s.Text] = st
			w.order = append(w.order, s.Text)
		}
		if place := Place(s.Cause); !slices.Contains(st.Fields, place) {
			st.Fields = append(st.Fields, place)
		}
		if len(st.Args) < variants {
			st.Args = append(st.Args, s.Args)
		}
	}
}

// problem notes what could not be asked.
func (w *Walk) problem(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// Run asks everything.
func (w *Walk) Run(ctx context.Context) (*Result, error) {
	w.statements, w.order, w.problems, w.asked = map[string]*Statement{}, nil, nil, 0
	if err := w.sample(ctx); err != nil {
		return nil, err
	}
	for _, f := range w.roots() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(w.Only) > 0 && !slices.Contains(w.Only, f.Name) {
			continue
		}
		if isConnection(f) {
			w.list(ctx, f)
		} else {
			w.lookUp(ctx, f)
		}
		w.below(ctx, f)
	}
	r := &Result{Questions: w.asked, Problems: w.problems}
	for _, text := range w.order {
		r.Statements = append(r.Statements, w.statements[text])
	}
	return r, nil
}

func (w *Walk) roots() []*ast.FieldDefinition {
	return slices.DeleteFunc(slices.Clone([]*ast.FieldDefinition(w.Schema.Query.Fields)), func(f *ast.FieldDefinition) bool {
		return strings.HasPrefix(f.Name, "__")
	})
}

func required(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }

func isConnection(f *ast.FieldDefinition) bool { return strings.HasSuffix(f.Type.Name(), "Connection") }

// rowsOf is the type of the rows that a field leads to.
func (w *Walk) rowsOf(f *ast.FieldDefinition) *ast.Definition {
	def := w.Schema.Types[f.Type.Name()]
	if isConnection(f) {
		return w.Schema.Types[def.Fields.ForName("nodes").Type.Name()]
	}
	return def
}

// everything selects all that needs no arguments, some levels deep.
func (w *Walk) everything(t *ast.Type, depth int) string {
	def := w.Schema.Types[t.Name()]
	if def.IsLeafType() {
		return ""
	}
	var b strings.Builder
	b.WriteString("{ __typename")
	if def.IsAbstractType() {
		b.WriteString(" }")
		return b.String()
	}
	for _, f := range def.Fields {
		of := w.Schema.Types[f.Type.Name()]
		switch {
		case strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, required):
		case strings.HasSuffix(def.Name, "Connection") && f.Name == "edges": // nodes are the same rows
		case of.IsLeafType():
			b.WriteString(" " + f.Name)
		case depth > 1:
			b.WriteString(" " + f.Name + " " + w.everything(f.Type, depth-1))
		}
	}
	b.WriteString(" }")
	return b.String()
}

// document asks a field of the root with all its arguments as variables.
func document(f *ast.FieldDefinition, selection string) string {
	var vars, args []string
	for _, a := range f.Arguments {
		v := "$" + a.Name + ": " + a.Type.String()
		if a.DefaultValue != nil {
			v += " = " + a.DefaultValue.String()
		}
		vars, args = append(vars, v), append(args, a.Name+": $"+a.Name)
	}
	if len(args) == 0 {
		return fmt.Sprintf("{ %s %s }", f.Name, selection)
	}
	return fmt.Sprintf("query Walk(%s) { %s(%s) %s }", strings.Join(vars, ", "), f.Name, strings.Join(args, ", "), selection)
}

// paging are the arguments of a list that say which rows.
var paging = []string{"first", "after", "last", "before"}

const (
	pageRows  = 10
	pageQuery = "{ totalCount pageInfo { startCursor endCursor } nodes { __typename } }"
)

// list asks for a list in all ways.
func (w *Walk) list(ctx context.Context, f *ast.FieldDefinition) {
	of := w.rowsOf(f)
	doc := document(f, pageQuery)
	var orders, filters []choice
	others := []choice{{"", map[string]any{}}}
	for _, a := range f.Arguments {
		switch {
		case slices.Contains(paging, a.Name):
		case a.Name == "orderBy":
			orders = w.orders(a)
		case a.Name == "filter":
			filters = w.filters(a, of)
		default:
			others = combined(others, w.choices("Query."+f.Name+"."+a.Name, a.Type, of, false), a.Name, required(a))
		}
	}
	if filters == nil {
		filters = []choice{{"", map[string]any{}}}
	}
	orders = append([]choice{{"", nil}}, orders...)
	answered, why := map[string]bool{}, map[string]string{}
	for _, other := range others {
		for _, filter := range filters {
			for _, order := range orders {
				name := strings.Join(strings.Fields(f.Name+" "+other.name+" "+filter.name+" "+order.name), " ")
				vars := w.variables(other, filter, order)
				if !w.offered(ctx, name, doc, vars, why) {
					continue
				}
				for part := range strings.FieldsSeq(filter.name + " " + order.name) {
					answered[field(part)] = true
				}
				w.pages(ctx, f, name, doc, vars)
				for _, alt := range w.alternatives(f, filter) {
					w.first(ctx, name+" "+alt.name, doc, w.variables(other, alt, order))
				}
			}
		}
	}
	for _, c := range slices.Concat(filters, orders) {
		for part := range strings.FieldsSeq(c.name) {
			if part = field(part); !answered[part] {
				answered[part] = true
				w.problem("%s is never answered by %s: %s", f.Name, part, why[part])
			}
		}
	}
}

// field is that of a filter without the value, or an order: some values of a field
// may be refused, as long as one is answered.
func field(part string) string {
	if strings.HasPrefix(part, "by:") {
		return part
	}
	name, _, _ := strings.Cut(part, ":")
	return name
}

func (*Walk) variables(parts ...choice) map[string]any {
	vars := map[string]any{"first": pageRows}
	for i, p := range parts {
		switch v := p.value.(type) {
		case nil:
		case map[string]any:
			if i == 0 {
				maps.Copy(vars, v)
			} else if i == 1 && len(v) > 0 {
				vars["filter"] = v
			} else if i == 2 {
				vars["orderBy"] = v
			}
		}
	}
	return vars
}

// offered tells whether a combination is answered; a refusal is no fault.
func (w *Walk) offered(ctx context.Context, name, doc string, vars map[string]any, why map[string]string) bool {
	if known, ok := w.Offered[name]; ok && !known {
		return false
	}
	ok := w.first(ctx, name, doc, vars)
	if w.Offered == nil {
		w.Offered = map[string]bool{}
	}
	w.Offered[name] = ok == ""
	if ok != "" {
		for _, part := range strings.Fields(name)[1:] {
			if why[field(part)] == "" {
				why[field(part)] = ok
			}
		}
	}
	return ok == ""
}

// first asks for a first page; it returns the code of a refusal.
func (w *Walk) first(ctx context.Context, name, doc string, vars map[string]any) string {
	a := w.ask(ctx, doc, vars)
	if a.fault {
		w.problem("%s fails: %s: %s", name, a.refused, a.message)
	}
	if a.refused != "" {
		return a.refused + ": " + a.message
	}
	w.note(name, a)
	return ""
}

// pages asks for the pages after and before those of the first.
func (w *Walk) pages(ctx context.Context, f *ast.FieldDefinition, name, doc string, vars map[string]any) {
	if f.Arguments.ForName("after") == nil {
		return
	}
	a := w.ask(ctx, doc, vars)
	page, _ := a.data[f.Name].(map[string]any)
	info, _ := page["pageInfo"].(map[string]any)
	end, ok := info["endCursor"].(string)
	rest := maps.Clone(vars)
	delete(rest, "first")
	turn := func(how string, set map[string]any) {
		with := maps.Clone(rest)
		maps.Copy(with, set)
		if code := w.first(ctx, name+" "+how, doc, with); code != "" {
			w.problem("%s %s is refused: %s", name, how, code)
		}
	}
	turn("last", map[string]any{"last": pageRows})
	if ok {
		turn("after", map[string]any{"first": pageRows, "after": end})
		turn("before", map[string]any{"last": pageRows, "before": end})
	}
}

// lookUp asks for a field by all combinations of its arguments.
func (w *Walk) lookUp(ctx context.Context, f *ast.FieldDefinition) {
	of := w.rowsOf(f)
	all := []choice{{"", map[string]any{}}}
	for _, a := range f.Arguments {
		cs := w.choices("Query."+f.Name+"."+a.Name, a.Type, of, true)
		if len(cs) == 0 {
			w.problem("%s: no value is known for %s", f.Name, a.Name)
			if required(a) {
				return
			}
		}
		all = combined(all, cs, a.Name, required(a))
	}
	doc := document(f, w.everything(f.Type, 1))
	answered, why := map[string]bool{}, map[string]string{}
	for _, c := range all {
		vars, _ := c.value.(map[string]any)
		code := w.first(ctx, strings.TrimSpace(f.Name+" "+c.name), doc, vars)
		for name := range vars {
			if code == "" {
				answered[name] = true
			}
			if why[name] == "" {
				why[name] = code
			}
		}
	}
	for name, code := range why {
		if !answered[name] {
			w.problem("%s is never answered by %s: %s", f.Name, name, code)
		}
	}
}

// below asks for all rows below those of a field.
func (w *Walk) below(ctx context.Context, f *ast.FieldDefinition) {
	if !isConnection(f) && len(f.Arguments) > 0 {
		return // it leads to the same rows as a list
	}
	vars := map[string]any{}
	if isConnection(f) {
		vars["first"] = pageRows
	}
	if code := w.first(ctx, f.Name+" with all that is below", document(f, w.everything(f.Type, sampleDepth)), vars); code != "" {
		w.problem("%s with all that is below is refused: %s", f.Name, code)
	}
}

// Args are the arguments of a statement of the last run, for those who run it again.
func (w *Walk) Args(text string) []any {
	if s := w.statements[text]; s != nil {
		return s.Args[0]
	}
	return nil
}
