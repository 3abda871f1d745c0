package cari_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	entcari "aliaport/ent/cari"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

func newService(db *store.DB) *cari.Service {
	return &cari.Service{DB: db, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100}}
}

// fill adds accounts with the letters that are searched for and sorted in ways of
// their own. Codes, titles and times are in different orders.
func fill(t *testing.T, db *store.DB) []*ent.Cari {
	t.Helper()
	titles := []string{"Çağlar Gemi", "caglar gemi", "ŞAHİN Lojistik", "Iğdır Deniz", "İzmir Deniz", "ısparta", "Ödemiş", "Zeytin Deniz", "Üçgen", "denizci"}
	creates := make([]*ent.CariCreate, 50)
	for i := range creates {
		code, title := fmt.Sprintf("C-%03d", i*37%50), titles[i%len(titles)]
		creates[i] = db.Cari.Create().SetCariCode(code).SetTitle(title).SetTitleFold(turkish.Fold(title)).SetSearchText(turkish.Fold(code + " " + title)).
			SetType(entcari.TypeLegal).SetRole(entcari.RoleCustomer).SetIsActive(i%3 != 0).
			SetCreatedAt(time.Date(2026, 3, 1, 0, i*11%50/2, 0, 0, time.UTC))
	}
	return db.Cari.CreateBulk(creates...).SaveX(t.Context())
}

// TestList tries every filter with every order, and compares what is offered with
// the accounts that meet the filter one by one.
func TestList(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all := fill(t, db)
		s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
		orders := map[cari.OrderField]func(a, b *ent.Cari) int{
			cari.ByTitle:     func(a, b *ent.Cari) int { return cmp.Compare(a.TitleFold, b.TitleFold) },
			cari.ByCode:      func(a, b *ent.Cari) int { return cmp.Compare(a.CariCode, b.CariCode) },
			cari.ByCreatedAt: func(a, b *ent.Cari) int { return a.CreatedAt.Compare(b.CreatedAt) },
		}
		for _, active := range []*bool{nil, new(true), new(false)} {
			for _, search := range []*string{nil, new("DENİZ"), new("çağlar"), new("c-04"), new("yok")} {
				for field, compare := range orders {
					for _, d := range []page.Direction{page.Asc, page.Desc} {
						name := fmt.Sprintf("active %v, search %v, by %s %s", text(active), text(search), field, d)
						want := slices.DeleteFunc(slices.Clone(all), func(c *ent.Cari) bool {
							return active != nil && c.IsActive != *active || search != nil && !strings.Contains(c.SearchText, turkish.Fold(*search))
						})
						slices.SortFunc(want, func(a, b *ent.Cari) int { return cmp.Or(compare(a, b), cmp.Compare(a.ID, b.ID)) })
						if d == page.Desc {
							slices.Reverse(want)
						}
						got, count, err := walk(ctx, func(a page.Args) (*page.List[*ent.Cari], error) {
							return s.List(ctx, cari.Filter{IsActive: active, Search: search}, &cari.Order{Field: field, Direction: d}, a)
						})
						if active != nil && search == nil && field != cari.ByTitle { // there is no index for these
							if !apperr.Is(err, apperr.FilterNotIndexed) {
								t.Errorf("%s: error %v, want FILTER_NOT_INDEXED", name, err)
							}
							continue
						}
						if err != nil || !slices.Equal(got, ids(want)) || count != len(want) {
							t.Errorf("%s: got %v and a count of %d, error %v; want %v", name, got, count, err, ids(want))
						}
					}
				}
			}
		}
		list, err := s.List(ctx, cari.Filter{}, nil, page.Args{})
		if err != nil || len(list.Nodes) != 20 || !slices.IsSortedFunc(list.Nodes, orders[cari.ByTitle]) {
			t.Errorf("without an order: %v, error %v", list, err)
		}
	})
}

func text[T any](v *T) any {
	if v == nil {
		return "any"
	}
	return *v
}

func ids(rows []*ent.Cari) (ids []int64) {
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

// walk reads a list to its end.
func walk(ctx context.Context, read func(page.Args) (*page.List[*ent.Cari], error)) (got []int64, count int, err error) {
	args := page.Args{First: new(7)}
	for {
		list, err := read(args)
		if err != nil {
			return nil, 0, err
		}
		got = append(got, ids(list.Nodes)...)
		if args.After = list.Info.EndCursor; !list.Info.HasNextPage {
			count, err = list.Count(ctx)
			return got, count, err
		}
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	s := newService(aliatest.Open(t, dialect.SQLite))
	system := actor.With(t.Context(), actor.System("test"))
	foreign, err := s.Pages.New(page.Args{}, s.PageLimits, page.Order{Name: "TITLE", Kind: page.Text}, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := func(ctx context.Context, f cari.Filter, a page.Args) error {
		_, err := s.List(ctx, f, nil, a)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want apperr.Code
	}{
		"nobody":                     {list(t.Context(), cari.Filter{}, page.Args{}), apperr.Unauthenticated},
		"one without the right":      {list(actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.CariWrite})), cari.Filter{}, page.Args{}), apperr.Forbidden},
		"two letters to search for":  {list(system, cari.Filter{Search: new("ab")}, page.Args{}), apperr.BadUserInput},
		"two letters between blanks": {list(system, cari.Filter{Search: new("  ab  ")}, page.Args{}), apperr.BadUserInput},
		"too many rows":              {list(system, cari.Filter{}, page.Args{First: new(101)}), apperr.PageSizeExceeded},
		"a cursor of another filter": {list(system, cari.Filter{Search: new("abc")}, page.Args{After: new(foreign.Cursor("x", 1))}), apperr.BadCursor},
		"a cursor of no list":        {list(system, cari.Filter{}, page.Args{After: new("x")}), apperr.BadCursor},
	} {
		if !apperr.Is(c.err, c.want) {
			t.Errorf("%s: %v, want %s", name, c.err, c.want)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all := fill(t, db)
		s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
		inactive := all[0] // found all the same: old orders refer to it
		for name, c := range map[string]struct {
			id   *globalid.ID
			code *string
			want *ent.Cari
			err  apperr.Code
		}{
			"by id":                {&globalid.ID{Type: "Cari", Key: inactive.ID}, nil, inactive, ""},
			"by code":              {nil, new("C-037"), all[1], ""},
			"an unknown id":        {&globalid.ID{Type: "Cari", Key: 1 << 40}, nil, nil, ""},
			"an unknown code":      {nil, new("C-999"), nil, ""},
			"a code in lower case": {nil, new("c-037"), nil, ""},
			"the id of a service":  {&globalid.ID{Type: "Service", Key: inactive.ID}, nil, nil, apperr.BadUserInput},
			"neither":              {nil, nil, nil, apperr.BadUserInput},
			"both":                 {&globalid.ID{Type: "Cari", Key: inactive.ID}, new("C-000"), nil, apperr.BadUserInput},
		} {
			got, err := s.Find(ctx, c.id, c.code)
			if c.err != "" && !apperr.Is(err, c.err) || c.err == "" && err != nil || (got == nil) != (c.want == nil) || got != nil && got.ID != c.want.ID {
				t.Errorf("%s: got %v, error %v", name, got, err)
			}
		}
		if _, err := s.Find(t.Context(), nil, new("C-037")); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("nobody: %v", err)
		}
	})
}
