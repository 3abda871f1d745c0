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
	"time"

	"github.com/shopspring/decimal"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/ent/auditevent"
	"aliaport/graph/gen"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/pricing"
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

// apart is a text from shortly before it differs from another.
func apart(text, other string) string {
	n := 0
	for n < min(len(text), len(other)) && text[n] == other[n] {
		n++
	}
	return "…" + text[max(0, n-200):]
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

// told is how many errors an answer has at most.
const told = 20

// compareRandom sends n random queries to a server with compiled selections and to one
// without.
func compareRandom(t *testing.T, db *store.DB, n int) {
	t.Helper()
	schema := sdl()
	compiled := seeded(t, db)
	trail(t, db)
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
		if len(wantErrors) >= told && len(gotErrors) == len(wantErrors) { // which of them are told is chance
			gotErrors = wantErrors
		}
		if got != want || !slices.Equal(gotErrors, wantErrors) {
			t.Fatalf("query %d as %q: %s\nvariables %v\ncompiled: %.1000s %s\nengine:   %.1000s %s", i, role, query, variables, apart(got, want), gotErrors, apart(want, got), wantErrors)
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

// unseeded are fields that no row of the seeded lists has: who is inside has not left.
var unseeded = []string{"insideNow.exitBy", "insideNow.correction", "uninvoicedTotals.netTotalTry", "uninvoicedTotals.grandTotalTry"}

// TestEveryFieldAloneIsAnsweredLikeByTheEngine selects one field at a time: a column that
// a field needs and that is not read for it cannot have been read for another.
func TestEveryFieldAloneIsAnsweredLikeByTheEngine(t *testing.T) {
	t.Parallel()
	s := sdl()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		compiled := seeded(t, db)
		trail(t, db)
		engine := compiled.Twin(t, func(c *config.Config) { c.CompiledSelections = false })
		writers, empty := gen.Compiled(gen.NewExecutableSchema(gen.Config{})).Types, []string{}
		for _, list := range connections(s) {
			row := s.Types[s.Types[s.Types[list.Type.Name()].Fields.ForName("edges").Type.Name()].Fields.ForName("node").Type.Name()]
			for _, f := range row.Fields {
				if strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, required) {
					continue
				}
				below := ""
				if of := s.Types[f.Type.Name()]; !of.IsLeafType() {
					below = everything(s, of, deepest-1)
				}
				query := fmt.Sprintf("{ %s(first: 100) { nodes { %s %s } } }", list.Name, f.Name, below)
				want, wrong := answered(t, engine, api.Admin, query, nil)
				got, _ := answered(t, compiled, api.Admin, query, nil)
				if got != want || len(wrong) > 0 {
					t.Errorf("%s\ncompiled: %.500s\nengine:   %.500s %s", query, apart(got, want), apart(want, got), wrong)
				}
				if writers[row.Name].Fields[f.Name].Column != "" { // read under its own name
					continue
				}
				if !strings.Contains(strings.ReplaceAll(want, `"`+f.Name+`":null`, ""), `"`+f.Name+`"`) {
					empty = append(empty, list.Name+"."+f.Name)
				}
			}
		}
		if !slices.Equal(empty, unseeded) {
			t.Errorf("no row has %q, want %q", empty, unseeded)
		}
	})
}

// trail leaves lines of all kinds, and fills what the seeded rows leave empty.
func trail(t *testing.T, db *store.DB) {
	t.Helper()
	sold, tariff := db.Service.Query().FirstIDX(t.Context()), db.PriceList.Query().FirstIDX(t.Context())
	line, err := pricing.Quote(pricing.Request{
		Price: pricing.Manual(decimal.NewFromInt(12), "TRY", decimal.NewFromInt(20), calendar.DateOf(api.Start)), Type: pricing.Fixed, Params: pricing.FixedParams{},
	})
	if err != nil {
		t.Fatal(err)
	}
	calculation, err := json.Marshal(line.Trace)
	if err != nil {
		t.Fatal(err)
	}
	db.WorkOrderItem.Update().SetCalculation(calculation).SetServiceID(sold).ExecX(t.Context())
	db.Trip.Update().SetServiceID(sold).SetCalculation(calculation).SetDepartureAt(api.Start).SetReturnAt(api.Start.Add(time.Hour)).ExecX(t.Context())
	db.WorkOrder.Update().SetPriceListID(tariff).SetSurchargeChoice(json.RawMessage(`{}`)).ExecX(t.Context())
	who := db.User.Query().FirstIDX(t.Context())
	for i := range 50 {
		db.AuditEvent.Create().SetUserID(who).SetRoles("ADMIN").SetAction("update").SetResource(string(audit.WorkOrder)).SetEntityID(strconv.Itoa(i + 1)).
			SetChanges(json.RawMessage(`{"subject":["Eski","Yeni"]}`)).SetExtra(json.RawMessage(`{"field":"updateWorkOrder"}`)).SetOutcome(auditevent.OutcomeOk).SetCreatedAt(api.Start).
			SetIP("192.0.2.1").SetUserAgent("konsol/1").SetMethod("GRAPHQL").SetPath("/graphql").SetStatusCode(http.StatusOK).SetDurationMs(i).SetRequestID(strconv.Itoa(i)).SaveX(t.Context())
	}
}

func TestCompiledSelectionsAnswerLikeTheEngine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) { compareRandom(t, db, 400) })
}
