package page_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// words have the letters that databases sort and fold in ways of their own.
var words = []string{"Çağlar Gemi", "caglar gemi", "ŞAHİN Lojistik", "Iğdır", "İzmir", "ısparta", "Ödemiş_%", "Zeytin", "a", "Ü"}

// fill adds 60 accounts, of which many have the same title or were made at the
// same time.
func fill(t *testing.T, db *store.DB) []*ent.Cari {
	t.Helper()
	roles := []cari.Role{cari.RoleCustomer, cari.RoleSupplier, cari.RoleBoth, cari.RoleOther}
	creates := make([]*ent.CariCreate, 60)
	for i := range creates {
		title := words[i*7%len(words)]
		creates[i] = db.Cari.Create().SetCariCode(fmt.Sprintf("C%03d", i*37%60)).SetTitle(title).
			SetTitleFold(turkish.Fold(title)).SetSearchText(turkish.Fold(title)).
			SetType(cari.TypeLegal).SetRole(roles[i%3]). // there are none of the last role
			SetCreatedAt(time.Date(2026, 3, 1, 0, 0, 0, i/4%5*1000, time.UTC))
	}
	return db.Cari.CreateBulk(creates...).SaveX(t.Context())
}

func TestWalksSeeEveryRowOnceAndInOrder(t *testing.T) {
	t.Parallel()
	codec := page.NewCodec([]byte("key"))
	role := func(roles ...any) func(*sql.Selector) {
		return func(s *sql.Selector) { s.Where(sql.In(s.C(cari.FieldRole), roles...)) }
	}
	orders := map[string]struct {
		page.Order
		at func(*ent.Cari) (any, int64)
	}{
		"by title": {page.Order{Name: "TITLE", Column: cari.FieldTitleFold, Kind: page.Text}, func(c *ent.Cari) (any, int64) { return c.TitleFold, c.ID }},
		"by time":  {page.Order{Name: "CREATED_AT", Column: cari.FieldCreatedAt, Kind: page.Time}, func(c *ent.Cari) (any, int64) { return c.CreatedAt, c.ID }},
	}
	arms := map[string]struct {
		arms  []func(*sql.Selector)
		holds func(*ent.Cari) bool
	}{
		"the whole table": {[]func(*sql.Selector){func(*sql.Selector) {}}, func(*ent.Cari) bool { return true }},
		"one range":       {[]func(*sql.Selector){role("SUPPLIER")}, func(c *ent.Cari) bool { return c.Role == cari.RoleSupplier }},
		"three ranges, one of them empty": {
			[]func(*sql.Selector){role("OTHER"), role("BOTH"), role("CUSTOMER")},
			func(c *ent.Cari) bool { return c.Role != cari.RoleSupplier },
		},
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all := fill(t, db)
		for orderName, o := range orders {
			for armName, a := range arms {
				for _, desc := range []bool{false, true} {
					o.Desc = desc
					want := slices.DeleteFunc(slices.Clone(all), func(c *ent.Cari) bool { return !a.holds(c) })
					slices.SortFunc(want, func(c, d *ent.Cari) int { return compare(o.at, c, d) })
					if desc {
						slices.Reverse(want)
					}
					read := func(args page.Args) *page.List[*ent.Cari] {
						p, err := codec.New(args, page.Limits{Default: 20, Max: 100}, o.Order, 1)
						if err != nil {
							t.Fatal(err)
						}
						return page.Read(p, db.Cari.Query().Where(p.Union(cari.Table, a.arms)).AllX(t.Context()), o.at, nil)
					}
					for _, size := range []int{1, 7, 60, 61} {
						name := fmt.Sprintf("%s, %s, descending %v, %d a page", armName, orderName, desc, size)
						same(t, name+", forward", walk(func(after *string) *page.List[*ent.Cari] {
							return read(page.Args{First: &size, After: after})
						}), want)
						same(t, name+", backward", walkBack(func(before *string) *page.List[*ent.Cari] {
							return read(page.Args{Last: &size, Before: before})
						}), want)
					}
				}
			}
		}
	})
}

func compare(at func(*ent.Cari) (any, int64), c, d *ent.Cari) int {
	a, id := at(c)
	b, other := at(d)
	if s, ok := a.(string); ok {
		return cmp.Or(cmp.Compare(s, b.(string)), cmp.Compare(id, other)) //nolint:errcheck,forcetypeassert // both are of one column
	}
	return cmp.Or(a.(time.Time).Compare(b.(time.Time)), cmp.Compare(id, other)) //nolint:errcheck,forcetypeassert // both are of one column
}

func walk(read func(after *string) *page.List[*ent.Cari]) (rows []*ent.Cari) {
	for list := read(nil); ; list = read(list.Info.EndCursor) {
		rows = append(rows, list.Nodes...)
		if !list.Info.HasNextPage {
			return rows
		}
	}
}

func walkBack(read func(before *string) *page.List[*ent.Cari]) (rows []*ent.Cari) {
	for list := read(nil); ; list = read(list.Info.StartCursor) {
		rows = append(slices.Clone(list.Nodes), rows...)
		if !list.Info.HasPreviousPage {
			return rows
		}
	}
}

func same(t *testing.T, name string, got, want []*ent.Cari) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(c, d *ent.Cari) bool { return c.ID == d.ID }) {
		t.Errorf("%s: got %v, want %v", name, ids(got), ids(want))
	}
}

func ids(rows []*ent.Cari) (ids []int64) {
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestRowsAddedDuringAWalkAreNeitherSkippedNorDoubled(t *testing.T) {
	t.Parallel()
	codec := page.NewCodec([]byte("key"))
	o := page.Order{Name: "CREATED_AT", Column: cari.FieldCreatedAt, Kind: page.Time, Desc: true}
	at := func(c *ent.Cari) (any, int64) { return c.CreatedAt, c.ID }
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		before := fill(t, db)
		seen, added := map[int64]int{}, 0
		for list, after := (*page.List[*ent.Cari])(nil), (*string)(nil); list == nil || list.Info.HasNextPage; after = list.Info.EndCursor {
			p, err := codec.New(page.Args{First: new(7), After: after}, page.Limits{Default: 20, Max: 100}, o, 1)
			if err != nil {
				t.Fatal(err)
			}
			list = page.Read(p, db.Cari.Query().Where(p.Apply).AllX(t.Context()), at, nil)
			for _, c := range list.Nodes {
				seen[c.ID]++
			}
			db.Cari.Create().SetCariCode(fmt.Sprintf("NEW%d", added)).SetTitle("yeni").SetTitleFold("yeni").SetSearchText("yeni").
				SetType(cari.TypeLegal).SetRole(cari.RoleOther).SaveX(t.Context())
			added++
		}
		for _, c := range before {
			if seen[c.ID] != 1 {
				t.Errorf("account %d was shown %d times", c.ID, seen[c.ID])
			}
		}
		if len(seen) != len(before) {
			t.Errorf("%d accounts were shown, want those %d that were there at the beginning", len(seen), len(before))
		}
	})
}

func TestContains(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		fill(t, db)
		for name, c := range map[string]struct {
			part string
			want int
		}{
			"a part of a word":                            {"gla", 12},
			"a part with a space":                         {"r g", 12},
			"a word that is not there":                    {"vinc", 0},
			"an underscore is itself, not any letter":     {"mis_", 6},
			"three signs that LIKE would take for others": {"s_%", 6},
			"a backslash is itself":                       {`mis\`, 0},
		} {
			where, err := page.Contains(cari.FieldSearchText, c.part)
			if err != nil {
				t.Fatal(err)
			}
			if got := db.Cari.Query().Where(where).CountX(t.Context()); got != c.want {
				t.Errorf("%s: %d rows, want %d", name, got, c.want)
			}
			if got := db.Cari.Query().Where(where).Aggregate(page.CountRows).IntX(t.Context()); got != c.want {
				t.Errorf("%s: counted %d rows, want %d", name, got, c.want)
			}
		}
	})
}

func TestSearchTextIsCountedInLetters(t *testing.T) {
	t.Parallel()
	for part, ok := range map[string]bool{"": false, "şğ": false, "şğü": true, "😀😀": false, "😀😀😀": true} {
		if _, err := page.Contains(cari.FieldSearchText, part); (err == nil) != ok || !ok && !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("%q: error %v", part, err)
		}
	}
}
