package apperr

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is this package without its tests.
func source(t *testing.T) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// declared finds the constants of type Code.
func declared(t *testing.T) (codes []Code) {
	t.Helper()
	for _, f := range source(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
				for _, v := range spec.Values {
					codes = append(codes, Code(text(t, v)))
				}
			}
			return true
		})
	}
	return codes
}

func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("not a literal: %T", e)
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryCodeStandsOnceInTheTable(t *testing.T) {
	t.Parallel()
	want := declared(t)
	if len(want) < 40 {
		t.Fatalf("only %d codes found in the source", len(want))
	}
	var got []Code
	for _, e := range Table {
		got = append(got, e.Code)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table has\n%v\nand the source\n%v", got, want)
	}
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("a code stands twice: %v", got)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[A-Z][A-Z0-9_]*[A-Z0-9]$`)
	user := false
	for _, e := range Table {
		if !name.MatchString(string(e.Code)) {
			t.Errorf("%s is no name for an enum value", e.Code)
		}
		if e.HTTP < 400 || e.HTTP > 599 {
			t.Errorf("%s has status %d", e.Code, e.HTTP)
		}
		if e.User && (e.HTTP >= 500 || e.Retryable) {
			t.Errorf("%s: what a user can mend is neither a fault of the server nor cured by repeating", e.Code)
		}
		if user && !e.User {
			t.Errorf("%s: a top-level code stands behind those of users", e.Code)
		}
		user = e.User
		if e.Code.IsUser() != e.User || e.Code.HTTP() != e.HTTP || e.Code.Retryable() != e.Retryable {
			t.Errorf("%s does not answer as its entry", e.Code)
		}
	}
}

func TestUnknownCodeIsTreatedAsInternal(t *testing.T) {
	t.Parallel()
	c := Code("NO_SUCH_CODE")
	if c.IsUser() || c.HTTP() != 500 || c.Retryable() || New(c).Message(English) != New(Internal).Message(English) {
		t.Errorf("user %v, status %d, retryable %v, %q", c.IsUser(), c.HTTP(), c.Retryable(), New(c).Message(English))
	}
}

var placeholder = regexp.MustCompile(`\{\w*\}`)

// TestEveryTextSpeaksBothLanguages looks at each Text written in the module.
func TestEveryTextSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, f := range source(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if typ, ok := lit.Type.(*ast.Ident); !ok || typ.Name != "Text" || len(lit.Elts) == 0 {
				return true
			}
			if len(lit.Elts) != 2 {
				t.Errorf("a text with %d languages", len(lit.Elts))
				return true
			}
			seen++
			check(t, Text{text(t, lit.Elts[0]), text(t, lit.Elts[1])})
			return true
		})
	}
	if seen < len(Table) {
		t.Errorf("only %d texts found in the source", seen)
	}
}

func check(t *testing.T, words Text) {
	t.Helper()
	if words.TR == "" || words.EN == "" || words.TR == words.EN {
		t.Errorf("Turkish %q, English %q", words.TR, words.EN)
	}
	tr, en := placeholder.FindAllString(words.TR, -1), placeholder.FindAllString(words.EN, -1)
	slices.Sort(tr)
	slices.Sort(en)
	if !slices.Equal(tr, en) || slices.Contains(tr, "{}") {
		t.Errorf("Turkish has %v, English %v: %q", tr, en, words.EN)
	}
	for _, s := range []string{words.TR, words.EN} {
		if strings.ContainsAny(placeholder.ReplaceAllString(s, ""), "{}|\"\n") || s != strings.TrimSpace(s) {
			t.Errorf("%q does not fit into a table cell or a quoted description", s)
		}
	}
}

// others are the files of the module outside this package, without tests.
func others(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(content), `"aliaport/internal/apperr"`) {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, content, parser.SkipObjectResolution)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestEveryRefusalFillsItsText reads all calls of New and Invalid in the module: a
// placeholder without a parameter would be shown to the reader as it is.
func TestEveryRefusalFillsItsText(t *testing.T) {
	t.Parallel()
	texts := namedTexts(t)
	seen := 0
	for path, f := range others(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && ours(lit.Type) == "Text" && len(lit.Elts) > 0 {
				t.Errorf("%s has a text of its own, which the tests here do not see", path)
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			first := map[string]int{"New": 0, "Invalid": 1} // where the code or reason stands
			at, ok := first[ours(call.Fun)]
			if !ok || len(call.Args) <= at {
				return true
			}
			name := ours(call.Args[at])
			words, ok := texts[name]
			if !ok {
				return true // a variable
			}
			seen++
			given := map[string]bool{}
			for i := at + 1; i < len(call.Args); i += 2 {
				given["{"+text(t, call.Args[i])+"}"] = true
			}
			for _, p := range placeholder.FindAllString(words.EN, -1) {
				if !given[p] {
					t.Errorf("%s: %s without %s", path, name, p)
				}
			}
			return true
		})
	}
	if seen < 50 {
		t.Errorf("only %d calls found", seen)
	}
}

// ours is the name X of apperr.X.
func ours(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "apperr" {
			return s.Sel.Name
		}
	}
	return ""
}

// namedTexts are the texts of codes and reasons by the names that Go has for them.
func namedTexts(t *testing.T) map[string]Text {
	t.Helper()
	texts := map[string]Text{}
	for _, f := range source(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			switch v := spec.Values[0].(type) {
			case *ast.BasicLit:
				if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
					texts[spec.Names[0].Name] = Code(text(t, v)).entry().Text
				}
			case *ast.CompositeLit:
				if typ, ok := v.Type.(*ast.Ident); ok && typ.Name == "Text" {
					texts[spec.Names[0].Name] = Text{text(t, v.Elts[0]), text(t, v.Elts[1])}
				}
			}
			return true
		})
	}
	return texts
}

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"../../docs/errors.md": Markdown(), "../../schema/error_codes.graphql": SDL()} {
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what `make generate` writes", filepath.Base(path))
		}
	}
}

func TestSDLHasTheCodesOfUsersOnly(t *testing.T) {
	t.Parallel()
	lines := strings.Split(SDL(), "\n")
	for _, e := range Table {
		if got := slices.Contains(lines, "  "+string(e.Code)); got != e.User {
			t.Errorf("%s in the enum: %v", e.Code, got)
		}
	}
}
