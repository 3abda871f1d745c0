package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/internal/actor"
)

// Rights is docs/rights.md: the built-in roles, what they may do and which fields
// that opens.
func Rights(schema *ast.Schema) string {
	var b strings.Builder
	b.WriteString("# Rights\n\nGenerated from `internal/actor/rights.go` and `schema/` by `make generate`; do not edit.\n\n" +
		"These are the built-in roles as they are made first; an administrator may change them (`saveRole`). Whoever lacks a\n" +
		"right gets `FORBIDDEN`, whoever has not signed in `UNAUTHENTICATED`. A right taken away is gone from the next request on.\n\n" +
		"## Permissions (yetkiler)\n\n| permission |")
	for _, role := range actor.RoleNames {
		b.WriteString(" " + role + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(actor.RoleNames)) + "\n")
	for _, p := range actor.Permissions {
		fmt.Fprintf(&b, "| `%s` |", p)
		for _, role := range actor.RoleNames {
			mark := " |"
			if slices.Contains(actor.RolePermissions[role], p) {
				mark = " ✓ |"
			}
			b.WriteString(mark)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Fields (alanlar)\n\n| field | needs |\n|---|---|\n")
	for _, t := range guardedTypes(schema) {
		for _, f := range t.Fields {
			if needs := Needs(f); needs != "" {
				fmt.Fprintf(&b, "| `%s.%s` | %s |\n", t.Name, f.Name, needs)
			}
		}
	}
	return b.String()
}

// guardedTypes are Query, Mutation and then the others by name.
func guardedTypes(schema *ast.Schema) []*ast.Definition {
	types := []*ast.Definition{schema.Query, schema.Mutation}
	var others []*ast.Definition
	for _, t := range schema.Types {
		if t.Kind == ast.Object && t != schema.Query && t != schema.Mutation {
			others = append(others, t)
		}
	}
	slices.SortFunc(others, func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	return append(types, others...)
}

// Needs says what a field asks of its caller, as docs/rights.md shows it; empty if
// nothing beyond what leads there.
func Needs(f *ast.FieldDefinition) string {
	for _, d := range f.Directives {
		switch d.Name {
		case "can":
			return "`" + d.Arguments.ForName("permission").Value.Raw + "`"
		case "signedIn":
			return "signed in"
		case "public":
			return "nothing"
		}
	}
	return ""
}
