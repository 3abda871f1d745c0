package service_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/service"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

func newService(db *store.DB) *service.Service {
	return &service.Service{DB: db, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100}}
}

// fill adds services of two groups and of none, with the letters that are searched
// for and sorted in ways of their own.
func fill(t *testing.T, db *store.DB) []*ent.Service {
	t.Helper()
	names := []string{"Römorkaj", "romorkaj", "Vinç", "Iskarça", "İskele", "Pilotaj", "Çekici", "Şamandıra", "vinç operatörü"}
	creates := make([]*ent.ServiceCreate, 50)
	for i := range creates {
		code, name := fmt.Sprintf("HZM%03d", i*37%50), names[i%len(names)]
		creates[i] = db.Service.Create().SetCode(code).SetName(name).SetNameFold(turkish.Fold(name)).SetSearchText(turkish.Fold(code + " " + name)).
			SetUnit("SAAT").SetVatRate(decimal.NewFromInt(20)).SetIsActive(i%3 != 0)
		if i%4 > 0 {
			creates[i].SetGroupCode([]string{"LIMAN", "YAT"}[i%2])
		}
	}
	return db.Service.CreateBulk(creates...).SaveX(t.Context())
}

// TestList tries every filter with every order, and compares what is offered with
// the services that meet the filter one by one.
func TestList(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all := fill(t, db)
		s, ctx := newService(db), actor.With(t.Context(), actor.System("test"))
		var filters []service.Filter
		for _, active := range []*bool{nil, new(true), new(false)} {
			for _, group := range []*string{nil, new("LIMAN"), new("YOK")} {
				for _, search := range []*string{nil, new("VİNÇ"), new("isk"), new("zm04"), new("yok")} {
					filters = append(filters, service.Filter{Search: search, IsActive: active, GroupCode: group})
				}
			}
		}
		orders := map[service.OrderField]func(a, b *ent.Service) int{
			service.ByName: func(a, b *ent.Service) int { return cmp.Compare(a.NameFold, b.NameFold) },
			service.ByCode: func(a, b *ent.Service) int { return cmp.Compare(a.Code, b.Code) },
		}
		for _, f := range filters {
			for field, compare := range orders {
				for _, d := range []page.Direction{page.Asc, page.Desc} {
					name := fmt.Sprintf("active %v, group %v, search %v, by %s %s", text(f.IsActive), text(f.GroupCode), text(f.Search), field, d)
					want := slices.DeleteFunc(slices.Clone(all), func(s *ent.Service) bool {
						return f.IsActive != nil && s.IsActive != *f.IsActive ||
							f.GroupCode != nil && (s.GroupCode == nil || *s.GroupCode != *f.GroupCode) ||
							f.Search != nil && !strings.Contains(s.SearchText, turkish.Fold(*f.Search))
					})
					slices.SortFunc(want, func(a, b *ent.Service) int { return cmp.Or(compare(a, b), cmp.Compare(a.ID, b.ID)) })
					if d == page.Desc {
						slices.Reverse(want)
					}
					got, count, err := walk(ctx, func(a page.Args) (*page.List[*ent.Service], error) {
						return s.List(ctx, f, &service.Order{Field: field, Direction: d}, a)
					})
					flags := 0
					for _, given := range []bool{f.IsActive != nil, f.GroupCode != nil} {
						if given {
							flags++
						}
					}
					if f.Search == nil && (flags == 2 || flags == 1 && field != service.ByName) { // there is no index for these
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
		list, err := s.List(ctx, service.Filter{}, nil, page.Args{})
		if err != nil || len(list.Nodes) != 20 || !slices.IsSortedFunc(list.Nodes, orders[service.ByName]) {
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

func ids(rows []*ent.Service) (ids []int64) {
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	return ids
}

// walk reads a list to its end.
func walk(ctx context.Context, read func(page.Args) (*page.List[*ent.Service], error)) (got []int64, count int, err error) {
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
	foreign, err := s.Pages.New(page.Args{}, s.PageLimits, page.Order{Name: "NAME", Kind: page.Text}, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := func(ctx context.Context, f service.Filter, a page.Args) error {
		_, err := s.List(ctx, f, nil, a)
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want apperr.Code
	}{
		"nobody":                     {list(t.Context(), service.Filter{}, page.Args{}), apperr.Unauthenticated},
		"one without the right":      {list(actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.ServiceWrite})), service.Filter{}, page.Args{}), apperr.Forbidden},
		"two letters to search for":  {list(system, service.Filter{Search: new("ab")}, page.Args{}), apperr.BadUserInput},
		"too many rows":              {list(system, service.Filter{}, page.Args{First: new(101)}), apperr.PageSizeExceeded},
		"a cursor of another filter": {list(system, service.Filter{GroupCode: new("LIMAN")}, page.Args{After: new(foreign.Cursor("x", 1))}), apperr.BadCursor},
		"a cursor of no list":        {list(system, service.Filter{}, page.Args{After: new("x")}), apperr.BadCursor},
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
			want *ent.Service
			err  apperr.Code
		}{
			"by id":                {&globalid.ID{Type: "Service", Key: inactive.ID}, nil, inactive, ""},
			"by code":              {nil, new("HZM037"), all[1], ""},
			"an unknown id":        {&globalid.ID{Type: "Service", Key: 1 << 40}, nil, nil, ""},
			"an unknown code":      {nil, new("HZM999"), nil, ""},
			"a code in lower case": {nil, new("hzm037"), nil, ""},
			"the id of a customer": {&globalid.ID{Type: "Cari", Key: inactive.ID}, nil, nil, apperr.BadUserInput},
			"neither":              {nil, nil, nil, apperr.BadUserInput},
			"both":                 {&globalid.ID{Type: "Service", Key: inactive.ID}, new("HZM000"), nil, apperr.BadUserInput},
		} {
			got, err := s.Find(ctx, c.id, c.code)
			if c.err != "" && !apperr.Is(err, c.err) || c.err == "" && err != nil || (got == nil) != (c.want == nil) || got != nil && got.ID != c.want.ID {
				t.Errorf("%s: got %v, error %v", name, got, err)
			}
		}
		if _, err := s.Find(t.Context(), nil, new("HZM037")); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("nobody: %v", err)
		}
	})
}
