package main

import (
	_ "embed"
	"fmt"
	"go/constant"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
	"github.com/vektah/gqlparser/v2/ast"
)

//go:embed writers.gotpl
var layout string

// writers is the plugin that writes writers.go beside the code of gqlgen.
type writers struct{}

// Name names the plugin.
func (writers) Name() string { return "writers" }

// GenerateCode writes them.
func (w writers) GenerateCode(d *codegen.Data) error {
	data := &data{Data: d}
	return templates.Render(templates.Options{
		PackageName: d.Config.Exec.Package, Filename: filepath.Join(filepath.Dir(d.Config.Exec.Filename), "writers.go"),
		Template: layout, Data: data, GeneratedHeader: true, Packages: d.Config.Packages,
		Funcs: template.FuncMap{"write": write, "value": value, "written": written, "right": right, "column": column, "types": data.types},
	})
}

type data struct{ *codegen.Data }

// Written are the types that have writers: not the engine's own.
func (d *data) Written() (objects []*codegen.Object) {
	for _, o := range d.Objects {
		if !strings.HasPrefix(o.Name, "__") && o.Definition != d.Schema.Mutation {
			objects = append(objects, o)
		}
	}
	return objects
}

// Unions are the interfaces, with the types behind them.
func (d *data) Unions() (list []*codegen.Interface) {
	for _, i := range d.Interfaces {
		list = append(list, i)
	}
	slices.SortFunc(list, func(a, b *codegen.Interface) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// types are those whose fields can be selected on a field.
func (d *data) types(f *codegen.Field) string {
	def := f.TypeReference.Definition
	names := []string{def.Name}
	if def.IsAbstractType() {
		names = nil
		for _, p := range d.Schema.GetPossibleTypes(def) {
			names = append(names, p.Name)
		}
		slices.Sort(names)
	}
	return fmt.Sprintf("%#v", names)
}

func ref(t types.Type) string { return templates.CurrentImports.LookupType(t) }

// written tells whether a field has an object to select on.
func written(f *codegen.Field) bool {
	return !f.IsReserved() && f.TypeReference.Definition.IsCompositeType() && !f.TypeReference.IsRoot
}

// right are the arguments of @can; nil if there is none.
func right(f *codegen.Field) *ast.Directive { return f.FieldDefinition.Directives.ForName("can") }

// column is the column that a field of an entity is; empty if it is none.
func column(f *codegen.Field) string {
	t := f.Object.Type
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || named.Obj().Pkg().Path() != "aliaport/ent" {
		return ""
	}
	if !f.IsResolver && f.IsMethod() && f.GoFieldName == "GlobalID" {
		return "id"
	}
	if f.IsResolver || !f.IsVariable() {
		return ""
	}
	// The package of each entity names its columns; tags hide those that are sensitive.
	for _, p := range named.Obj().Pkg().Imports() {
		if p.Path() == "aliaport/ent/"+strings.ToLower(named.Obj().Name()) {
			if name, ok := p.Scope().Lookup("Field" + f.GoFieldName).(*types.Const); ok {
				return constant.StringVal(name.Val())
			}
		}
	}
	return ""
}

// known are the directives that writers heed. Those of root fields have been heeded
// before their value is written.
var known = []string{"can", "personal"}

// write is the code that appends a field of obj.
func write(f *codegen.Field) string {
	expr, ok := resolved(f)
	for _, d := range f.ImplDirectives() {
		if !slices.Contains(known, d.Name) {
			ok = false
		}
	}
	if f.Object.Root {
		return "nil"
	}
	obj := fmt.Sprintf("obj := o.(%s)", ref(f.Object.Reference()))
	head := "func(r *compiled.Run, b []byte, o any, s *compiled.Step) []byte {\n"
	appended, fits := appendTo(f.TypeReference, "v")
	if !ok || !fits {
		return head + obj + fmt.Sprintf("\nreturn r.Marshal(b, r.Engine.(*executionContext)._%s_%s(r.Ctx, s.Field, obj))\n}", f.Object.Name, f.Name)
	}
	if column(f) == "id" && f.IsMethod() { // the id of a row, without the string in between
		return head + obj + fmt.Sprintf("\nreturn compiled.Key(b, %q, obj.ID)\n}", f.Object.Name)
	}
	body := head + obj + "\n" + expr
	if f.FieldDefinition.Directives.ForName("personal") != nil {
		if ref(f.TypeReference.GO) != "*string" {
			panic("@personal is for texts that may be missing: " + f.Object.Name + "." + f.Name)
		}
		body += fmt.Sprintf("r.Saw(r.Ctx, obj, %q, v)\n", f.Name)
	}
	return body + "return " + appended + "\n}"
}

// resolved is the code that puts the value of a field into v.
func resolved(f *codegen.Field) (string, bool) {
	call := ""
	switch {
	case f.HasHaser || f.VOkFunc || f.IsMap() || f.IsBatch() || f.Stream:
		return "", false
	case f.IsResolver:
		call = "r.Engine.(*executionContext).Resolvers." + f.ShortInvocation()
	case f.IsVariable():
		return fmt.Sprintf("v := obj.%s\n", f.GoFieldName), true
	case f.IsMethod():
		call = fmt.Sprintf("obj.%s(%s)", f.GoFieldName, f.CallArgs())
	default:
		return "", false
	}
	code := ""
	if f.IsResolver || f.MethodHasContext {
		code = "ctx := r.Ctx\n"
	}
	if len(f.Args) > 0 {
		code += "fc := r.Args(s)\n"
	}
	if f.IsMethod() && f.NoErr && !f.IsResolver {
		return code + "v := " + call + "\n", true
	}
	return code + "v, err := " + call + "\nif err != nil {\nreturn r.Fail(b)\n}\n", true
}

// value is the code that appends a value which was resolved.
func value(f *codegen.Field) string {
	appended, ok := appendTo(f.TypeReference, "v")
	if !ok {
		return "nil"
	}
	return fmt.Sprintf("func(r *compiled.Run, b []byte, o any, s *compiled.Step) ([]byte, bool) {\nv, ok := o.(%s)\nif !ok {\nreturn b, false\n}\nreturn %s, true\n}", ref(f.TypeReference.GO), appended)
}

// appendTo is the expression that appends v to b; false if writers cannot.
func appendTo(t *config.TypeReference, v string) (string, bool) {
	nullable := !t.GQL.NonNull
	switch {
	case t.IsPtrToSlice() || t.IsPtrToIntf() || t.IsPtrToPtr() || t.IsContext || t.EnumValues != nil:
		return "", false
	case t.IsSlice():
		each, ok := appendTo(t.Elem(), "v")
		return fmt.Sprintf("compiled.List(r, b, %s, %t, func(b []byte, v %s) []byte { return %s })", v, nullable, ref(t.Elem().GO), each), ok
	case t.Definition.IsAbstractType():
		return fmt.Sprintf("r.Abstract(b, nameOf%s(%s), %s, %t, s)", t.Definition.Name, v, v, nullable), true
	case t.Definition.IsCompositeType():
		if t.IsPtr() {
			return fmt.Sprintf("compiled.Pointer(r, b, %s, %t, s)", v, nullable), true
		}
		if t.IsNilable() {
			return "", false
		}
		return fmt.Sprintf("r.Object(b, &%s, s)", v), true
	}
	leaf, ok := scalar(t)
	if !ok {
		return "", false
	}
	if t.IsPtr() {
		return fmt.Sprintf("compiled.Optional(r, b, %s, %t, compiled.%s)", v, nullable, leaf), true
	}
	return fmt.Sprintf("compiled.%s(b, %s)", leaf, v), !t.IsNilable()
}

// scalars are the functions that append what these marshalers write.
var scalars = map[string]string{
	"github.com/99designs/gqlgen/graphql.MarshalBoolean": "Bool",
	"github.com/99designs/gqlgen/graphql.MarshalID":      "String",
	"github.com/99designs/gqlgen/graphql.MarshalInt":     "Int",
	"github.com/99designs/gqlgen/graphql.MarshalInt64":   "Int",
	"aliaport/graph/scalar.MarshalString":                "String",
	"aliaport/graph/scalar.MarshalDecimal":               "Decimal",
	"aliaport/graph/scalar.MarshalDateTime":              "DateTime",
	"aliaport/graph/scalar.MarshalDate":                  "Date",
}

// scalar is the function that appends a value of a leaf type.
func scalar(t *config.TypeReference) (string, bool) {
	if t.Marshaler != nil {
		name, ok := scalars[t.Marshaler.FullName()]
		if t.CastType != nil {
			basic, text := t.CastType.Underlying().(*types.Basic)
			return "Text", ok && name == "String" && text && basic.Kind() == types.String
		}
		return name, ok
	}
	target := t.GO
	if p, ok := target.(*types.Pointer); ok {
		target = p.Elem()
	}
	if named, ok := types.Unalias(target).(*types.Named); ok && t.IsMarshaler {
		if named.Obj().Pkg().Path() == "aliaport/internal/globalid" {
			return "ID", true
		}
		// The values of enums are names, which need no escaping.
		if basic, ok := named.Underlying().(*types.Basic); ok && basic.Kind() == types.String && t.Definition.Kind == ast.Enum {
			return "Name", true
		}
	}
	return "", false
}
