package graph_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/graph"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
)

// sample is an argument of the type that passes validation and names nothing.
func sample(s *ast.Schema, t *ast.Type) string {
	if t.Elem != nil {
		return "[]"
	}
	d := s.Types[t.NamedType]
	switch d.Kind {
	case ast.Enum:
		return d.EnumValues[0].Name
	case ast.InputObject:
		var fields []string
		for _, f := range d.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				fields = append(fields, f.Name+": "+sample(s, f.Type))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	default:
	}
	return map[string]string{"ID": `"Tm9wZTox"`, "String": `"x"`, "Int": "1", "Boolean": "true", "Decimal": `"1"`, "DateTime": `"2026-03-02T06:00:00Z"`, "Date": `"2026-03-02"`}[d.Name]
}

// call is a document that calls one root field.
func call(s *ast.Schema, kind string, f *ast.FieldDefinition) string {
	var args []string
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil {
			args = append(args, a.Name+": "+sample(s, a.Type))
		}
	}
	doc := kind + " { " + f.Name
	if len(args) > 0 {
		doc += "(" + strings.Join(args, ", ") + ")"
	}
	if !s.Types[f.Type.Name()].IsLeafType() {
		doc += " { __typename }"
	}
	return doc + " }"
}

func TestEveryRoleMayCallExactlyWhatTheMatrixSays(t *testing.T) {
	t.Parallel()
	s := sdl()
	server := api.New(t, aliatest.Open(t, "sqlite3"))
	for kind, root := range map[string]*ast.Definition{"query": s.Query, "mutation": s.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") || strings.HasPrefix(f.Name, "logout") { // logging out would end the walk
				continue
			}
			needs := graph.Needs(f)
			for _, role := range append([]string{""}, actor.RoleNames...) {
				allowed := needs == "nothing" || needs == "signed in" && role != "" ||
					slices.Contains(actor.RolePermissions[role], actor.Permission(strings.Trim(needs, "`")))
				refusal := "FORBIDDEN"
				if role == "" {
					refusal = "UNAUTHENTICATED"
				}
				a := server.Do(t, role, call(s, kind, f), nil)
				refused := slices.ContainsFunc(a.Errors, func(e api.Error) bool {
					return e.Extensions.Code == "FORBIDDEN" || e.Extensions.Code == "UNAUTHENTICATED"
				})
				if refused == allowed {
					t.Errorf("%s.%s as %q: allowed %t, answered %s", root.Name, f.Name, role, allowed, a.Body)
				}
				if refused && a.Errors[0].Extensions.Code != refusal {
					t.Errorf("%s.%s as %q is %s, not %s", root.Name, f.Name, role, a.Errors[0].Extensions.Code, refusal)
				}
				for _, e := range a.Errors {
					if c := e.Extensions.Code; strings.HasPrefix(c, "GRAPHQL_") || c == "INTERNAL" {
						t.Fatalf("%s: %s", call(s, kind, f), a.Body)
					}
				}
			}
		}
	}
}

func TestTheListOfRightsIsUpToDate(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("../docs/rights.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != graph.Rights(sdl()) {
		t.Error("docs/rights.md is out of date: make generate")
	}
}
