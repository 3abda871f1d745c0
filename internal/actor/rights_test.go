package actor_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"aliaport/internal/actor"
)

// domain is the port's table of rights as it was agreed on: r read, w write,
// d delete, — none; yes where the row itself is one right.
const domain = `
                      | SISTEM_YONETICISI | OPERASYON | FINANS | GUVENLIK | SAHA | READONLY
cari                  | rwd  | rwd  | rwd  | r   | r   | r
motorbot              | rwd  | rwd  | r    | r   | r   | r
sefer                 | rwd  | rwd  | r    | r   | rw  | r
hizmet                | rwd  | rwd  | r    | —   | r   | r
tarife                | rwd  | r    | rwd  | —   | —   | r
kurlar                | rwd  | r    | rwd  | —   | —   | r
parametre             | rwd  | r    | r    | r   | r   | r
workorder             | rwd  | rwd  | r    | r   | rw  | r
workorder:approve     | yes  | yes  | —    | —   | —   | —
workorder:invoice     | yes  | —    | yes  | —   | —   | —
workorder:close       | yes  | —    | yes  | —   | —   | —
saha                  | rwd  | r    | —    | —   | rwd | r
saha:approve          | yes  | yes  | —    | —   | —   | —
guvenlik              | rwd  | r    | —    | rw  | r   | r
guvenlik:exception    | yes  | —    | —    | yes | —   | —
guvenlik:checklist    | yes  | yes  | —    | —   | —   | —
barinma               | rwd  | rwd  | r    | r   | —   | r
rapor:read            | yes  | yes  | yes  | —   | —   | yes
rapor:export          | yes  | yes  | yes  | —   | —   | —
audit:read            | yes  | —    | —    | —   | —   | —
user:admin            | yes  | —    | —    | —   | —   | —
job:run               | yes  | —    | —    | —   | —   | —
cache:flush           | yes  | —    | —    | —   | —   | —`

// agreed reads the table: the rights of each role, sorted.
func agreed(t *testing.T) (roles []string, rights map[string][]actor.Permission) {
	t.Helper()
	rights = map[string][]actor.Permission{}
	for line := range strings.Lines(strings.TrimSpace(domain)) {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if roles == nil {
			// The heading lost its first, empty cell to TrimSpace.
			roles = cells[len(cells)-6:]
			continue
		}
		for i, cell := range cells[1:] {
			var names []string
			switch {
			case cell == "—":
			case cell == "yes":
				names = []string{cells[0]}
			case strings.HasPrefix("rwd", cell):
				names = []string{cells[0] + ":read", cells[0] + ":write", cells[0] + ":delete"}[:len(cell)]
			default:
				t.Fatalf("%s: %q is no cell of the table", cells[0], cell)
			}
			for _, name := range names {
				rights[roles[i]] = append(rights[roles[i]], actor.Permission(name))
			}
		}
	}
	for _, list := range rights {
		slices.Sort(list)
	}
	return roles, rights
}

func TestRolesMayDoWhatWasAgreedOn(t *testing.T) {
	t.Parallel()
	roles, rights := agreed(t)
	if !slices.Equal(actor.RoleNames, roles) {
		t.Errorf("roles %v, want %v", actor.RoleNames, roles)
	}
	if len(actor.RolePermissions) != len(roles) {
		t.Errorf("%d roles have rights, want %d", len(actor.RolePermissions), len(roles))
	}
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			got := slices.Sorted(slices.Values(actor.RolePermissions[role]))
			if !slices.Equal(got, rights[role]) {
				t.Errorf("got\n%v, want\n%v", got, rights[role])
			}
			who := actor.New(1, "", "", []string{role}, actor.RolePermissions[role])
			for _, p := range actor.Permissions {
				if want := slices.Contains(rights[role], p); who.Can(p) != want {
					t.Errorf("%s: can %v, want %v", p, !want, want)
				}
			}
		})
	}
}

// TestPermissionsAreSortedAndComplete compares the list with the constants in the
// source: a right that is in no cell of the matrix could never be given.
func TestPermissionsAreSortedAndComplete(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "rights.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var declared []actor.Permission
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Permission" {
			for _, v := range spec.Values {
				lit, ok := v.(*ast.BasicLit)
				if !ok {
					t.Fatalf("%s is no literal", spec.Names[0])
				}
				name, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				declared = append(declared, actor.Permission(name))
			}
		}
		return true
	})
	slices.Sort(declared)
	if !slices.Equal(actor.Permissions, declared) {
		t.Errorf("got\n%v, declared are\n%v", actor.Permissions, declared)
	}
	if !slices.IsSorted(actor.Permissions) || len(slices.Compact(slices.Clone(actor.Permissions))) != len(actor.Permissions) {
		t.Errorf("not sorted, or with doubles: %v", actor.Permissions)
	}
	for _, p := range actor.Permissions {
		if resource, action, ok := strings.Cut(string(p), ":"); !ok || resource == "" || action == "" || len(p) > 50 {
			t.Errorf("%q is not resource:action of at most 50 letters", p)
		}
	}
}
