package workorder_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	entworkorder "aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

// offered are the combinations of filters that the API promises, each with the only
// order that goes with it. A customer is given by id or by code.
var offered = func() map[string]workorder.OrderField {
	all := map[string]workorder.OrderField{
		"plannedStart": workorder.ByPlannedStart, "plannedStart status": workorder.ByPlannedStart,
		"overdue": workorder.ByPlannedEnd,
	}
	for _, with := range []string{"", "createdAt "} {
		for _, names := range []string{"", "status", "type", "priority", "status type", "priority status", "cari", "cari status"} {
			all[sorted(with+names)] = workorder.ByCreatedAt
		}
	}
	// A search goes with everything that is not about plans.
	for set := range 1 << 5 {
		names := "search"
		for i, name := range []string{"status", "cari", "type", "priority", "createdAt"} {
			if set>>i&1 == 1 {
				names += " " + name
			}
		}
		all[sorted(names)] = workorder.ByCreatedAt
	}
	return all
}()

func sorted(names string) string { return strings.Join(slices.Sorted(strings.FieldsSeq(names)), " ") }

// fields set one field of a filter each. What must be refused for its value, not
// for its company, has another name than in the table above.
var fields = []choice[workorder.Filter]{
	{"status", func(f *workorder.Filter) { f.Status = []entworkorder.Status{"SUBMITTED", "DRAFT", "SUBMITTED"} }},
	{"cari", func(f *workorder.Filter) { f.Cari = &globalid.ID{Type: "Cari", Key: 1} }},
	{"cariCode", func(f *workorder.Filter) { f.CariCode = new("MST00001") }},
	{"type", func(f *workorder.Filter) { f.Type = new(entworkorder.TypeService) }},
	{"priority", func(f *workorder.Filter) { f.Priority = new(entworkorder.PriorityHigh) }},
	{"createdAt", func(f *workorder.Filter) { f.CreatedAt = &page.Range{From: new(now.AddDate(-1, 0, 0)), To: &now} }},
	{"plannedStart", func(f *workorder.Filter) { f.PlannedStart = &page.Range{From: new(now.AddDate(0, -6, 0))} }},
	{"overdue", func(f *workorder.Filter) { f.Overdue = new(true) }},
	{"not overdue", func(f *workorder.Filter) { f.Overdue = new(false) }},
	{"search", func(f *workorder.Filter) { f.Search = new("vinc") }},
}

// expected is what the promise above says about a set of fields and an order.
func expected(names []string, o *workorder.Order) apperr.Code {
	if slices.Contains(names, "overdue") && slices.Contains(names, "not overdue") {
		names = slices.DeleteFunc(names, func(n string) bool { return n == "overdue" }) // set later, it stays
	}
	both := slices.Contains(names, "cari") && slices.Contains(names, "cariCode")
	distinct := map[string]bool{}
	for _, n := range names {
		distinct[strings.TrimSuffix(n, "Code")] = true
	}
	var key []string
	for n := range distinct {
		key = append(key, strings.ReplaceAll(n, " ", "-"))
	}
	slices.Sort(key)
	order, ok := offered[strings.Join(key, " ")]
	switch {
	case !ok || o != nil && o.Field != order:
		return apperr.FilterNotIndexed
	case both:
		return apperr.BadUserInput
	}
	return ""
}

// TestFiltersThatNoIndexAnswersAreRefused tries every subset of the fields with
// every order.
func TestFiltersThatNoIndexAnswersAreRefused(t *testing.T) {
	t.Parallel()
	s := &workorder.Service{
		DB: aliatest.Open(t, dialect.SQLite), Now: func() time.Time { return now },
		Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100},
	}
	ctx := actor.With(t.Context(), actor.System("test"))
	orders := []*workorder.Order{nil}
	for _, field := range []workorder.OrderField{workorder.ByCreatedAt, workorder.ByPlannedStart, workorder.ByPlannedEnd} {
		for _, d := range directions {
			orders = append(orders, &workorder.Order{Field: field, Direction: d})
		}
	}
	answered := 0
	for set := range 1 << len(fields) {
		var f workorder.Filter
		var names []string
		for i, c := range fields {
			if set>>i&1 == 1 {
				c.set(&f)
				names = append(names, c.name)
			}
		}
		for _, o := range orders {
			_, err := s.List(ctx, f, o, page.Args{})
			want := expected(slices.Clone(names), o)
			switch {
			case want == "" && err != nil, want != "" && !apperr.Is(err, want):
				t.Errorf("%v by %v: got %v, want %q", names, o, err, want)
			case err == nil:
				answered++
			}
		}
	}
	// 19 without a search and 32 with one; 4 and 16 of them with a customer, who can
	// be named in two ways; each by default and in two directions.
	if want := (19 + 32 + 4 + 16) * 3; answered != want {
		t.Errorf("%d combinations were answered, want %d", answered, want)
	}
}

func TestRefusedFiltersSayWhatIsPossible(t *testing.T) {
	t.Parallel()
	s := &workorder.Service{DB: aliatest.Open(t, dialect.SQLite), Now: time.Now, Pages: page.NewCodec(nil), PageLimits: page.Limits{Default: 20, Max: 100}}
	_, err := s.List(actor.With(t.Context(), actor.System("test")), workorder.Filter{Overdue: new(false)}, nil, page.Args{})
	all, _ := apperr.All(err)
	if len(all) != 1 || all[0].Code != apperr.FilterNotIndexed || all[0].Params["possible"] == "" {
		t.Fatalf("got %v", err)
	}
	said := fmt.Sprint(all[0].Params["possible"])
	for _, c := range fields {
		if name := strings.TrimPrefix(strings.TrimSuffix(c.name, "Code"), "not "); !strings.Contains(said, name) {
			t.Errorf("%q does not mention %s", said, name)
		}
	}
}

func TestListsAreForThoseWhoMayRead(t *testing.T) {
	t.Parallel()
	s := &workorder.Service{}
	if _, err := s.List(t.Context(), workorder.Filter{}, nil, page.Args{}); !apperr.Is(err, apperr.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
	ctx := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.WorkOrderWrite}))
	if _, err := s.List(ctx, workorder.Filter{}, nil, page.Args{}); !apperr.Is(err, apperr.Forbidden) {
		t.Errorf("one who may only write: %v", err)
	}
	if _, err := s.Find(ctx, nil, new("WO-2026-00001")); !apperr.Is(err, apperr.Forbidden) {
		t.Errorf("one who may only write finds: %v", err)
	}
}

func TestValuesOfFiltersAreChecked(t *testing.T) {
	t.Parallel()
	s := &workorder.Service{DB: aliatest.Open(t, dialect.SQLite), Now: time.Now, Pages: page.NewCodec(nil), PageLimits: page.Limits{Default: 20, Max: 100}}
	ctx := actor.With(t.Context(), actor.System("test"))
	for name, f := range map[string]workorder.Filter{
		"a customer's id that is another's": {Cari: &globalid.ID{Type: "WorkOrder", Key: 1}},
		"a search for two letters":          {Search: new("vi")},
		"a search for marks only":           {Search: new("\u0301\u0301\u0301")},
		"a search for blanks":               {Search: new("     ")},
	} {
		if _, err := s.List(ctx, f, nil, page.Args{}); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.List(ctx, workorder.Filter{Cari: &globalid.ID{Type: "Cari", Key: 1 << 40}}, nil, page.Args{}); err != nil {
		t.Errorf("a customer that is not there has no orders, but: %v", err)
	}
}

// TestListsAnswerWhatWasAsked walks every offered combination to its end and
// compares it with the orders that meet the filter one by one.
func TestListsAnswerWhatWasAsked(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
		if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 400, Cari: 12, Services: 10, Seed: 3, Now: now}); err != nil {
			t.Fatal(err)
		}
		all := db.WorkOrder.Query().AllX(t.Context())
		codes := map[int64]string{}
		for _, c := range db.Cari.Query().AllX(t.Context()) {
			codes[c.ID] = c.CariCode
		}
		s := &workorder.Service{DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100}}
		ctx := actor.With(t.Context(), actor.System("test"))
		found := 0
		for set := range 1 << len(fields) {
			var f workorder.Filter
			var names []string
			for i, c := range fields {
				if set>>i&1 == 1 {
					c.set(&f)
					names = append(names, c.name)
				}
			}
			if expected(slices.Clone(names), nil) != "" {
				continue
			}
			order := offered[sorted(strings.ReplaceAll(strings.Join(names, " "), "cariCode", "cari"))]
			for _, d := range directions {
				want := meeting(all, f, codes, order, d)
				got, count := walked(t, func(a page.Args) (*page.List[*ent.WorkOrder], error) {
					return s.List(ctx, f, &workorder.Order{Field: order, Direction: d}, a)
				})
				if !slices.Equal(got, want) || count != len(want) {
					t.Errorf("%v %s: got %d orders and a count of %d, want %d: %v, want %v", names, d, len(got), count, len(want), got, want)
				}
				found += len(want)
			}
		}
		if found < 2000 {
			t.Errorf("only %d orders were found in all", found)
		}
	})
}

// walked reads a list to its end.
func walked(t *testing.T, read func(page.Args) (*page.List[*ent.WorkOrder], error)) (ids []int64, count int) {
	t.Helper()
	args := page.Args{First: new(67)}
	for {
		list, err := read(args)
		if err != nil {
			t.Fatal(err)
		}
		for _, wo := range list.Nodes {
			ids = append(ids, wo.ID)
		}
		if args.After = list.Info.EndCursor; !list.Info.HasNextPage {
			if count, err = list.Count(actor.With(t.Context(), actor.System("test"))); err != nil {
				t.Fatal(err)
			}
			return ids, count
		}
	}
}

// meeting are the ids of the orders that meet the filter, in order.
func meeting(all []*ent.WorkOrder, f workorder.Filter, codes map[int64]string, order workorder.OrderField, d page.Direction) (ids []int64) {
	within := func(t *time.Time, r *page.Range) bool {
		return t != nil && (r.From == nil || !t.Before(*r.From)) && (r.To == nil || t.Before(*r.To))
	}
	open := []entworkorder.Status{"SUBMITTED", "APPROVED", "IN_PROGRESS"}
	var rows []*ent.WorkOrder
	for _, wo := range all {
		if wo.IsActive &&
			(len(f.Status) == 0 || slices.Contains(f.Status, wo.Status)) &&
			(f.Cari == nil || codes[f.Cari.Key] == wo.CariCode) &&
			(f.CariCode == nil || *f.CariCode == wo.CariCode) &&
			(f.Type == nil || *f.Type == wo.Type) &&
			(f.Priority == nil || *f.Priority == wo.Priority) &&
			(f.CreatedAt == nil || within(&wo.CreatedAt, f.CreatedAt)) &&
			(f.PlannedStart == nil || within(wo.PlannedStart, f.PlannedStart)) &&
			(f.Overdue == nil || slices.Contains(open, wo.Status) && wo.PlannedEnd != nil && wo.PlannedEnd.Before(now)) &&
			(f.Search == nil || strings.Contains(turkish.Fold(wo.WoNumber+" "+wo.Subject), turkish.Fold(*f.Search))) {
			rows = append(rows, wo)
		}
	}
	at := func(wo *ent.WorkOrder) time.Time {
		switch order {
		case workorder.ByPlannedStart:
			return *wo.PlannedStart
		case workorder.ByPlannedEnd:
			return *wo.PlannedEnd
		case workorder.ByCreatedAt:
		}
		return wo.CreatedAt
	}
	slices.SortFunc(rows, func(a, b *ent.WorkOrder) int { return cmp.Or(at(a).Compare(at(b)), cmp.Compare(a.ID, b.ID)) })
	if d == page.Desc {
		slices.Reverse(rows)
	}
	for _, wo := range rows {
		ids = append(ids, wo.ID)
	}
	return ids
}
