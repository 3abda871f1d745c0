package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pkg is what go list tells of a package. Tests are not part of it.
type pkg struct {
	ImportPath, Name, Doc string
	Imports               []string // direct
	Deps                  []string // all
}

const module = "aliaport"

// layers are the packages from the top down, by the beginning of their paths; the
// first that fits counts. A package may import its own layer and those below.
var layers = []struct{ name, prefix string }{
	{"load test", "aliaport/loadtest"},
	{"API test kit", "aliaport/internal/aliatest/api"},
	{"command", "aliaport/cmd"},
	{"command", "aliaport/internal/migrate/mkmigration"},
	{"server", "aliaport/server"},
	{"graph", "aliaport/graph"},
	{"base", "aliaport/internal/actor"},
	{"base", "aliaport/internal/money"},
	{"base", "aliaport/internal/apperr"},
	{"base", "aliaport/internal/turkish"},
	{"base", "aliaport/internal/calendar"},
	{"base", "aliaport/internal/globalid"},
	{"base", "aliaport/migrations"},
	{"test kit", "aliaport/internal/aliatest"},
	{"noun", "aliaport/internal"},
	{"ent's schema", "aliaport/ent/schema"},
	{"ent", "aliaport/ent"},
}

// order is that of the arrows.
var order = []string{"load test", "API test kit", "command", "server", "graph", "test kit", "noun", "ent", "ent's schema", "base"}

func layerOf(path string) string {
	for _, l := range layers {
		if path == l.prefix || strings.HasPrefix(path, l.prefix+"/") {
			return l.name
		}
	}
	return ""
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		mine := layerOf(p.ImportPath)
		if mine == "" {
			t.Errorf("%s is in no layer: give it a line in layers", p.ImportPath)
			continue
		}
		for _, dep := range p.Deps {
			if layer := layerOf(dep); layer != "" && slices.Index(order, layer) < slices.Index(order, mine) {
				t.Errorf("%s (%s) depends on %s (%s), which is above it", p.ImportPath, mine, dep, layer)
			}
		}
	}
}

// banned says what packages must do without, even by way of another package where
// all is set.
var banned = []struct {
	rule   string
	by     func(pkg) bool
	what   []string
	all    bool
	except []string
}{
	{
		rule: "rules must serve a job or a command as well as a request",
		by:   in("noun", "base", "ent's schema"),
		what: []string{"github.com/99designs/gqlgen", "github.com/vektah/gqlparser"},
		all:  true,
	},
	{
		rule:   "HTTP belongs to server and feed",
		by:     in("noun", "base", "ent's schema", "graph"),
		what:   []string{"net/http"},
		except: []string{"aliaport/internal/feed", "aliaport/graph/gen"},
	},
	{
		rule:   "graph reads through ent",
		by:     in("graph"),
		what:   []string{"database/sql"},
		except: []string{"aliaport/graph/gen"},
	},
	{
		rule: "the test kit is for tests",
		by: func(p pkg) bool {
			// Those that are excepted start throw-away servers.
			return !in("test kit", "API test kit", "load test")(p) && p.ImportPath != "aliaport/internal/migrate/mkmigration"
		},
		what: []string{"aliaport/internal/aliatest", "testing"},
	},
	{
		rule: "refusals import the standard library only",
		by:   func(p pkg) bool { return p.ImportPath == "aliaport/internal/apperr" },
		what: []string{"aliaport", "github.com", "golang.org", "entgo.io", "ariga.io"},
		all:  true,
	},
	{
		rule: "settings and rules do not know the commands' library",
		by:   in("noun", "base", "graph", "server"),
		what: []string{"github.com/spf13/cobra"},
		all:  true,
	},
	{
		rule: "GraphQL on ent is our own: see docs/decisions/0001-foundation.md",
		by:   func(pkg) bool { return true },
		what: []string{"entgo.io/contrib"},
		all:  true,
	},
}

func in(names ...string) func(pkg) bool {
	return func(p pkg) bool { return slices.Contains(names, layerOf(p.ImportPath)) }
}

func TestNobodyImportsWhatIsBanned(t *testing.T) {
	t.Parallel()
	list := packages(t)
	for _, b := range banned {
		t.Run(b.rule, func(t *testing.T) {
			t.Parallel()
			for _, p := range list {
				if !b.by(p) || slices.ContainsFunc(b.except, func(e string) bool { return below(p.ImportPath, e) }) {
					continue
				}
				uses := p.Imports
				if b.all {
					uses = p.Deps
				}
				for _, dep := range uses {
					if dep != p.ImportPath && slices.ContainsFunc(b.what, func(w string) bool { return below(dep, w) }) {
						t.Errorf("%s imports %s", p.ImportPath, dep)
					}
				}
			}
		})
	}
}

// below tells whether path is root or lies below it.
func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		begin := "Package " + p.Name + " "
		if p.Name == "main" {
			begin = "" // the name of the command, as go doc has it
		}
		switch generated := layerOf(p.ImportPath) == "ent" && p.ImportPath != "aliaport/ent" || p.ImportPath == "aliaport/graph/gen"; {
		case generated:
		case p.Doc == "":
			t.Errorf("%s has no package comment", p.ImportPath)
		case !strings.HasPrefix(p.Doc, begin):
			t.Errorf("the comment of %s begins %q, want %q", p.ImportPath, p.Doc, begin)
		}
	}
}

// packages are all of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e=false", "-json=ImportPath,Name,Doc,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < 20 {
		t.Fatalf("only %d packages found", len(list))
	}
	return list
}
