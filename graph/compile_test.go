package graph_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/store"
)

// selector writes random queries that are valid: fragments in each other, aliases, the
// same field twice, conditions that variables decide, arguments that name rows.
type selector struct {
	*rand.Rand
	schema *ast.Schema
	ids    map[string][]string

	text      strings.Builder
	fragments []string
	aliases   int
	room      int
}

// document is a query of up to three lists or records, and the variables it has.
func (s *selector) document() (string, map[string]any) {
	s.text.Reset()
	s.fragments, s.aliases = nil, 0
	s.text.WriteString("query ($yes: Boolean!, $no: Boolean!, $maybe: Boolean = true) { __typename @include(if: $yes) @skip(if: $no) t: __typename @skip(if: $maybe)")
	for range 1 + s.IntN(3) {
		s.room = 30
		s.field(s.schema.Query, 0, true)
	}
	s.text.WriteString(" }")
	variables := map[string]any{"yes": true, "no": false}
	if s.IntN(2) == 0 {
		variables["maybe"] = s.IntN(2) == 0
	}
	return s.text.String() + strings.Join(s.fragments, ""), variables
}

func (s *selector) one(texts ...string) string { return texts[s.IntN(len(texts))] }

func (s *selector) condition() string {
	if s.IntN(8) > 0 {
		return ""
	}
	return s.one(" @include(if: $maybe)", " @skip(if: $maybe)", " @skip(if: $no)", " @include(if: $yes)", " @include(if: false)", " @skip(if: $yes)")
}

func (s *selector) set(on *ast.Definition, level int) {
	s.text.WriteString(" {")
	if s.IntN(3) == 0 {
		s.text.WriteString(" __typename")
	}
	for range 1 + s.IntN(6) {
		switch k := s.IntN(12); {
		case k == 0:
			s.text.WriteString(" ..." + s.condition())
			s.set(on, level)
		case k == 1:
			s.text.WriteString(" ... on " + on.Name + s.condition())
			s.set(on, level)
		case k == 2 && slices.Contains(on.Interfaces, "Node"):
			s.text.WriteString(" ... on Node { id __typename }")
		case k == 3 && level < 3:
			outside := s.text.String()
			s.text.Reset()
			s.set(on, level)
			name := fmt.Sprint("F", len(s.fragments))
			s.fragments = append(s.fragments, fmt.Sprintf(" fragment %s on %s%s", name, on.Name, s.text.String()))
			s.text.Reset()
			s.text.WriteString(outside + " ..." + name + s.condition())
		default:
			s.field(on, level, false)
		}
	}
	s.text.WriteString(" __typename }")
}

// maxLevel is how deep selections go.
const maxLevel = 6

func (s *selector) field(on *ast.Definition, level int, root bool) {
	fields := slices.DeleteFunc(slices.Clone([]*ast.FieldDefinition(on.Fields)), func(f *ast.FieldDefinition) bool {
		of := s.schema.Types[f.Type.Name()]
		return strings.HasPrefix(f.Name, "__") || root && of.IsLeafType() || !of.IsLeafType() && (level >= maxLevel || s.room <= 0)
	})
	if len(fields) == 0 {
		return
	}
	f := fields[s.IntN(len(fields))]
	of := s.schema.Types[f.Type.Name()]
	s.room--
	arguments := s.arguments(f, of)
	s.text.WriteString(" ")
	if root || arguments != "" || s.IntN(6) == 0 {
		s.aliases++
		s.text.WriteString("a" + strconv.Itoa(s.aliases) + ": ")
	}
	s.text.WriteString(f.Name + arguments + s.condition())
	if of.IsAbstractType() {
		s.text.WriteString(" { __typename id")
		for range s.IntN(3) {
			possible := s.schema.GetPossibleTypes(of)
			of := possible[s.IntN(len(possible))]
			if len(s.ids[of.Name]) > 0 {
				// Types with fields of one name and different types cannot be selected side by side.
				s.text.WriteString(" ... on " + of.Name + " { id __typename }")
			}
		}
		s.text.WriteString(" }")
	} else if !of.IsLeafType() {
		s.set(of, level+1)
	}
}

// arguments are those that must be given, and some of the others.
func (s *selector) arguments(f *ast.FieldDefinition, of *ast.Definition) string {
	var list []string
	for _, a := range f.Arguments {
		name := a.Type.Name()
		switch {
		case a.Name == "first" && s.IntN(2) == 0:
			list = append(list, fmt.Sprintf("first: %d", 1+s.IntN(9)))
		case name == "ID" && (required(a) || a.Name == "id"):
			ids := s.ids[of.Name]
			if of.IsAbstractType() || len(ids) == 0 {
				for _, more := range s.ids {
					ids = append(ids, more...)
				}
				slices.Sort(ids)
			}
			text := strconv.Quote(ids[s.IntN(len(ids))])
			if a.Type.Elem != nil {
				text = "[" + text + ", " + strconv.Quote(ids[s.IntN(len(ids))]) + "]"
			}
			list = append(list, a.Name+": "+text)
		case required(a):
			list = append(list, a.Name+": "+sample(s.schema, a.Type))
		case s.schema.Types[name].Kind == ast.Enum && s.IntN(4) == 0:
			values := s.schema.Types[name].EnumValues
			list = append(list, a.Name+": "+values[s.IntN(len(values))].Name)
		case name == "Boolean" && s.IntN(4) == 0:
			list = append(list, a.Name+": "+s.one("true", "false"))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// answered is what a server answers a role, with the errors in the order of their text:
// the engine adds them as they come.
func answered(t *testing.T, a *api.API, role, query string, variables map[string]any) (data string, errors []string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-Id", "0f8fad5b-d9cb-469f-a165-70867728950e")
	if token := a.Token(role); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer := a.Send(t, r)
	var parts struct{ Errors []json.RawMessage }
	if err := json.Unmarshal(answer.Body, &parts); err != nil {
		t.Fatal(err)
	}
	for _, e := range parts.Errors {
		errors = append(errors, string(e))
	}
	slices.Sort(errors)
	return string(answer.Data), errors
}

// records are ids of each type.
func records(t *testing.T, a *api.API, s *ast.Schema) map[string][]string {
	t.Helper()
	ids := map[string][]string{}
	for _, f := range connections(s) {
		edge := s.Types[s.Types[f.Type.Name()].Fields.ForName("edges").Type.Name()]
		typ := s.Types[edge.Fields.ForName("node").Type.Name()]
		if !slices.Contains(typ.Interfaces, "Node") {
			continue
		}
		var page map[string]struct{ Nodes []struct{ ID string } }
		a.Get(t, api.Admin, fmt.Sprintf("{ %s(first: 20) { nodes { id } } }", f.Name), nil, &page)
		for _, n := range page[f.Name].Nodes {
			ids[typ.Name] = append(ids[typ.Name], n.ID)
		}
	}
	return ids
}

// written tells how many fields each of both has written.
func written(t *testing.T, a *api.API) map[string]int {
	t.Helper()
	w := httptest.NewRecorder()
	a.Server.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	counts := map[string]int{}
	for line := range strings.Lines(w.Body.String()) {
		if rest, ok := strings.CutPrefix(line, `aliaport_graphql_fields_written_total{by="`); ok {
			by, number, _ := strings.Cut(rest, `"} `)
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if err != nil {
				t.Fatal(err)
			}
			counts[by] = n
		}
	}
	return counts
}

// compareRandom sends n random queries to a server with compiled selections and to one
// without.
func compareRandom(t *testing.T, db *store.DB, n int) {
	t.Helper()
	schema := sdl()
	compiled := seeded(t, db)
	engine := compiled.Twin(t, func(c *config.Config) { c.CompiledSelections = false })
	s := &selector{Rand: rand.New(rand.NewPCG(11, 2026)), schema: schema, ids: records(t, engine, schema)}
	roles := append([]string{""}, actor.RoleNames...)
	right := 0
	for i := range n {
		query, variables := s.document()
		role := api.Admin
		if s.IntN(2) == 0 {
			role = roles[s.IntN(len(roles))]
		}
		want, wantErrors := answered(t, engine, role, query, variables)
		got, gotErrors := answered(t, compiled, role, query, variables)
		if got != want || !slices.Equal(gotErrors, wantErrors) {
			t.Fatalf("query %d as %q: %s\nvariables %v\ncompiled: %.2000s %s\nengine:   %.2000s %s", i, role, query, variables, got, gotErrors, want, wantErrors)
		}
		for _, e := range wantErrors {
			if strings.Contains(e, "GRAPHQL_VALIDATION_FAILED") || strings.Contains(e, "GRAPHQL_PARSE_FAILED") || strings.Contains(e, `"INTERNAL"`) {
				t.Fatalf("%s: %s", query, e)
			}
		}
		if len(wantErrors) == 0 {
			right++
		}
	}
	by := written(t, compiled)
	t.Logf("%d of %d without errors, %d fields written by writers and %d by the engine", right, n, by["compiled"], by["engine"])
	if right < n/3 || by["compiled"] < n/2 || written(t, engine)["compiled"] != 0 {
		t.Errorf("%d of %d without errors, %d written by writers", right, n, by["compiled"])
	}
}

func TestCompiledSelectionsAnswerLikeTheEngine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) { compareRandom(t, db, 400) })
}
