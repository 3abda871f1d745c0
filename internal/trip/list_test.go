package trip_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"aliaport/ent"
	enttrip "aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/trip"
	"aliaport/internal/user"
)

// ends is when the seeded trips end: a Tuesday afternoon.
var ends = time.Date(2026, 9, 15, 11, 40, 0, 0, time.UTC)

func seeded(t testing.TB, db *store.DB, o seed.Options) {
	t.Helper()
	o.Seed, o.Now = 1, ends
	users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
	if _, err := seed.Run(t.Context(), db, users, o); err != nil {
		t.Fatal(err)
	}
}

// choice is one way to set a field of a filter.
type choice struct {
	field, name string
	set         func(*trip.Filter)
}

// choices are those of a database whose largest boat and customer are known.
func choices(boat, customer *ent.Trip, mbCode string) []choice {
	from, to := ends.AddDate(0, -1, 0), ends.AddDate(0, 0, 1)
	day := calendar.DateOf(ends)
	return []choice{
		{"status", "one status", func(f *trip.Filter) { f.Status = []enttrip.Status{"CANCELLED"} }},
		{"status", "two statuses", func(f *trip.Filter) { f.Status = []enttrip.Status{"UNDERWAY", "COMPLETED", "UNDERWAY"} }},
		{"boat", "boat", func(f *trip.Filter) { f.Motorbot = &globalid.ID{Type: "Motorbot", Key: boat.MotorbotID} }},
		{"boat", "boat by code", func(f *trip.Filter) { f.MbCode = &mbCode }},
		{"cari", "customer", func(f *trip.Filter) { f.Cari = &globalid.ID{Type: "Cari", Key: *customer.CariID} }},
		{"cari", "customer by code", func(f *trip.Filter) { f.CariCode = customer.CariCode }},
		{"startsAt", "startsAt", func(f *trip.Filter) { f.StartsAt = &page.Range{From: &from, To: &to} }},
		{"tripDate", "tripDate", func(f *trip.Filter) {
			f.TripDate = &page.DateRange{From: new(day.AddDays(-20)), To: new(day.AddDays(1))}
		}},
		{"uninvoiced", "uninvoiced", func(f *trip.Filter) { f.Uninvoiced = new(true) }},
		{"late", "late", func(f *trip.Filter) { f.Late = new(true) }},
	}
}

// offered are the combinations that are answered, as sets of fields.
func offered(fields map[string]bool) bool {
	left := maps.Clone(fields)
	if left["late"] {
		return len(left) == 1
	}
	delete(left, "startsAt")
	delete(left, "tripDate")
	names := slices.Sorted(maps.Keys(left))
	return slices.Contains([]string{"", "status", "boat", "boat status", "cari", "cari uninvoiced"}, strings.Join(names, " "))
}

// combinations calls f with every combination of at most one choice a field.
func combinations(all []choice, f func(name string, fields map[string]bool, filter trip.Filter)) {
	for set := range 1 << len(all) {
		var filter trip.Filter
		var names []string
		fields := map[string]bool{}
		twice := false
		for i, c := range all {
			if set>>i&1 == 1 {
				twice = twice || fields[c.field]
				fields[c.field] = true
				names = append(names, c.name)
				c.set(&filter)
			}
		}
		if !twice {
			f(strings.Join(names, ", "), fields, filter)
		}
	}
}

// TestListsAnswerWhatWasAsked walks every offered combination to its end, in both
// directions, and compares it with the trips that meet the filter one by one. All
// others are refused.
func TestListsAnswerWhatWasAsked(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		seeded(t, db, seed.Options{Cari: 12, Motorbots: 6, Trips: 500})
		all := db.Trip.Query().AllX(t.Context())
		boat, customer := all[0], all[slices.IndexFunc(all, func(t *ent.Trip) bool { return t.InvoiceStatus == enttrip.InvoiceStatusPending })]
		mbCode := db.Motorbot.GetX(t.Context(), boat.MotorbotID).MBCode
		s := &trip.Service{DB: db, Now: func() time.Time { return ends }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100}}
		ctx := actor.With(t.Context(), actor.System("test"))
		found, refused := 0, 0
		combinations(choices(boat, customer, mbCode), func(name string, fields map[string]bool, f trip.Filter) {
			if !offered(fields) {
				refused++
				if _, err := s.List(ctx, f, nil, page.Args{}); !apperr.Is(err, apperr.FilterNotIndexed) {
					t.Errorf("%s: %v, want FILTER_NOT_INDEXED", name, err)
				}
				return
			}
			for _, d := range []page.Direction{page.Asc, page.Desc} {
				want := meeting(all, f, boat.MotorbotID, *customer.CariID, d)
				got, total := walked(t, func(a page.Args) (*page.List[*ent.Trip], error) {
					return s.List(ctx, f, &trip.Order{Field: trip.ByStart, Direction: d}, a)
				})
				if !slices.Equal(got, want) || total != len(want) {
					t.Errorf("%s %s: got %d and a count of %d, want %d: %v, want %v", name, d, len(got), total, len(want), got, want)
				}
				found += len(want)
			}
		})
		if found < 3000 || refused < 50 {
			t.Errorf("only %d trips found, %d combinations refused", found, refused)
		}
		for name, f := range map[string]trip.Filter{
			"not uninvoiced":                      {CariCode: customer.CariCode, Uninvoiced: new(false)},
			"uninvoiced of nobody":                {Uninvoiced: new(true)},
			"not late":                            {Late: new(false)},
			"a boat and its customer":             {MbCode: &mbCode, CariCode: customer.CariCode},
			"uninvoiced of a customer in a state": {CariCode: customer.CariCode, Uninvoiced: new(true), Status: []enttrip.Status{"COMPLETED"}},
		} {
			if _, err := s.List(ctx, f, nil, page.Args{}); !apperr.Is(err, apperr.FilterNotIndexed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// walked reads a list to its end.
func walked(t *testing.T, read func(page.Args) (*page.List[*ent.Trip], error)) (ids []int64, count int) {
	t.Helper()
	args := page.Args{First: new(67)}
	for {
		list, err := read(args)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list.Nodes {
			ids = append(ids, n.ID)
		}
		if args.After = list.Info.EndCursor; !list.Info.HasNextPage {
			if count, err = list.Count(t.Context()); err != nil {
				t.Fatal(err)
			}
			return ids, count
		}
	}
}

// meeting are the ids of the trips that meet the filter, in order.
func meeting(all []*ent.Trip, f trip.Filter, boat, customer int64, d page.Direction) (ids []int64) {
	delay := 30 * time.Minute
	var rows []*ent.Trip
	for _, t := range all {
		isLate := t.Status == enttrip.StatusPlanned && ends.After(t.PlannedDepartureAt.Add(delay)) ||
			t.Status == enttrip.StatusUnderway && t.PlannedReturnAt != nil && ends.After(t.PlannedReturnAt.Add(delay))
		if t.IsActive &&
			(len(f.Status) == 0 || slices.Contains(f.Status, t.Status)) &&
			(f.Motorbot == nil && f.MbCode == nil || t.MotorbotID == boat) &&
			(f.Cari == nil && f.CariCode == nil || t.CariID != nil && *t.CariID == customer) &&
			(f.StartsAt == nil || !t.StartsAt.Before(*f.StartsAt.From) && t.StartsAt.Before(*f.StartsAt.To)) &&
			(f.TripDate == nil || !t.TripDate.Before(*f.TripDate.From) && t.TripDate.Before(*f.TripDate.To)) &&
			(f.Uninvoiced == nil || t.InvoiceStatus == enttrip.InvoiceStatusPending) &&
			(f.Late == nil || isLate) {
			rows = append(rows, t)
		}
	}
	slices.SortFunc(rows, func(a, b *ent.Trip) int { return cmp.Or(a.StartsAt.Compare(b.StartsAt), cmp.Compare(a.ID, b.ID)) })
	if d == page.Desc {
		slices.Reverse(rows)
	}
	for _, t := range rows {
		ids = append(ids, t.ID)
	}
	return ids
}

func TestValuesOfFiltersAreChecked(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		for name, f := range map[string]trip.Filter{
			"a boat's id that is another's":     {Motorbot: &globalid.ID{Type: "Trip", Key: 1}},
			"a customer's id that is another's": {Cari: &globalid.ID{Type: "Trip", Key: 1}},
			"a boat named twice":                {Motorbot: &globalid.ID{Type: "Motorbot", Key: 1}, MbCode: new("MB001")},
			"a customer named twice":            {Cari: &globalid.ID{Type: "Cari", Key: 1}, CariCode: new("C-100")},
		} {
			if _, err := p.List(p.ctx, f, nil, page.Args{}); !apperr.Is(err, apperr.BadUserInput) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, f := range map[string]trip.Filter{
			"a boat that is not there":     {MbCode: new("MB999")},
			"a customer that is not there": {CariCode: new("C-999"), Uninvoiced: new(true)},
			"open ranges":                  {StartsAt: &page.Range{}, TripDate: &page.DateRange{}},
		} {
			if list, err := p.List(p.ctx, f, nil, page.Args{}); err != nil || len(list.Nodes) != 0 {
				t.Errorf("%s: %v, %v", name, list, err)
			}
		}
		if _, err := p.List(p.ctx, trip.Filter{}, nil, pageOf(101)); !apperr.Is(err, apperr.PageSizeExceeded) {
			t.Errorf("too many rows: %v", err)
		}
		if _, err := p.List(p.ctx, trip.Filter{}, nil, page.Args{After: new("x")}); !apperr.Is(err, apperr.BadCursor) {
			t.Errorf("no cursor: %v", err)
		}
	})
}
