package audit_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

var (
	firstDay = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	lastDay  = firstDay.AddDate(0, 0, 90)
)

// made are events of a busy port, many of them in the same microsecond.
func made(t *testing.T, db *store.DB, n int) []*ent.AuditEvent {
	t.Helper()
	dice := rand.New(rand.NewPCG(uint64(n), 2))
	pick := func(of ...string) string { return of[int(float64(len(of))*dice.Float64()*dice.Float64())] }
	columns := []string{
		auditevent.FieldUserID, auditevent.FieldRoles, auditevent.FieldMethod, auditevent.FieldPath, auditevent.FieldAction, auditevent.FieldResource,
		auditevent.FieldEntityID, auditevent.FieldOutcome, auditevent.FieldStatusCode, auditevent.FieldDurationMs, auditevent.FieldRequestID,
		auditevent.FieldIP, auditevent.FieldCreatedAt,
	}
	step := lastDay.Sub(firstDay) / time.Duration(n/2)
	_, err := db.BulkInsert(t.Context(), auditevent.Table, columns, func(yield func([]any, error) bool) {
		for i := range n {
			var user, entity, ip any
			if dice.IntN(20) > 0 {
				user = 1 + int64(12*dice.Float64()*dice.Float64())
			}
			if dice.IntN(10) > 0 {
				entity = strconv.Itoa(1 + dice.IntN(40))
			}
			if dice.IntN(10) > 0 {
				ip = pick("10.0.0.1", "10.0.0.2", "10.0.0.3")
			}
			path := pick("UpdateWorkOrder", "CreateWorkOrder", "UpdateCari", "Login", "ApproveWorkOrder", "ApproveWorkLog", "ışık", "AŞ")
			if !yield([]any{
				user, "", "GRAPHQL", "/graphql#" + path, pick("update", "create", "approve", "login", "delete"),
				pick("work_order", "cari", "trip", "auth"), entity, pick("OK", "OK", "OK", "OK", "FAILED", "DENIED"), 200, 1,
				fmt.Sprintf("request-%d", dice.IntN(n/3)), ip, firstDay.Add(time.Duration(i/2) * step).Truncate(time.Microsecond),
			}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := db.AuditEvent.Query().All(t.Context())
	if err != nil || len(all) != n {
		t.Fatalf("%d events, error %v", len(all), err)
	}
	slices.SortFunc(all, func(a, b *ent.AuditEvent) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return all
}

func trail(db *store.DB) *audit.Trail {
	return &audit.Trail{
		DB: db, Now: func() time.Time { return lastDay }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 50, Max: 100},
	}
}

func administrator(t *testing.T) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.New(1, "admin@aliaport.example", "Admin", nil, []actor.Permission{actor.AuditRead}))
}

func user(key int64) *globalid.ID { return &globalid.ID{Type: "User", Key: key} }

// field is a field of the filter with what it means.
type field struct {
	name  string
	set   func(*audit.Filter)
	holds func(*ent.AuditEvent) bool
}

var fields = []field{
	{"users", func(f *audit.Filter) { f.Users = []*globalid.ID{user(1), user(7), user(1), user(99)} }, func(e *ent.AuditEvent) bool { return e.UserID != nil && (*e.UserID == 1 || *e.UserID == 7) }},
	{"actions", func(f *audit.Filter) { f.Actions = []string{"delete", "approve"} }, func(e *ent.AuditEvent) bool { return e.Action == "delete" || e.Action == "approve" }},
	{"resource", func(f *audit.Filter) { f.Resource = new("cari") }, func(e *ent.AuditEvent) bool { return e.Resource == "cari" }},
	{"entityId", func(f *audit.Filter) { f.EntityID = &globalid.ID{Type: "Cari", Key: 7} }, func(e *ent.AuditEvent) bool {
		return e.Resource == "cari" && e.EntityID != nil && *e.EntityID == "7"
	}},
	{"outcomes", func(f *audit.Filter) { f.Outcomes = []auditevent.Outcome{audit.Failed, audit.Denied} }, func(e *ent.AuditEvent) bool { return e.Outcome != audit.OK }},
	{"path", func(f *audit.Filter) { f.Path = new("/graphql#Login") }, func(e *ent.AuditEvent) bool { return e.Path == "/graphql#Login" }},
	{"pathPrefix", func(f *audit.Filter) { f.PathPrefix = new("/graphql#A") }, func(e *ent.AuditEvent) bool { return strings.HasPrefix(e.Path, "/graphql#A") }},
	{"requestId", func(f *audit.Filter) { f.RequestID = new("request-17") }, func(e *ent.AuditEvent) bool { return e.RequestID == "request-17" }},
	{"ip", func(f *audit.Filter) { f.IP = new("10.0.0.2") }, func(e *ent.AuditEvent) bool { return e.IP != nil && *e.IP == "10.0.0.2" }},
}

// served are the combinations that are offered, by the numbers of their fields.
var served = map[string]bool{
	"": true, "users": true, "actions": true, "users actions": true, "resource": true, "actions resource": true, "entityId": true, "resource entityId": true,
	"outcomes": true, "users outcomes": true, "actions outcomes": true, "outcomes ip": true, "path": true, "pathPrefix": true, "requestId": true, "ip": true,
}

// combinations are all sets of fields.
func combinations(each func(name string, of []field)) {
	for bits := range 1 << len(fields) {
		var of []field
		var names []string
		for i, f := range fields {
			if bits&(1<<i) != 0 {
				of, names = append(of, f), append(names, f.name)
			}
		}
		each(strings.Join(names, " "), of)
	}
}

func TestEverySearchFindsWhatItMeans(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all, s, ctx := made(t, db, 3000), trail(db), administrator(t)
		from, to := firstDay.AddDate(0, 0, 20), firstDay.AddDate(0, 0, 50)
		answered := 0
		combinations(func(name string, of []field) {
			for _, ranged := range []bool{false, true} {
				f := audit.Filter{}
				for _, c := range of {
					c.set(&f)
				}
				if ranged {
					f.CreatedAt = &page.Range{From: &from, To: &to}
				}
				want := slices.DeleteFunc(slices.Clone(all), func(e *ent.AuditEvent) bool {
					return ranged && (e.CreatedAt.Before(from) || !e.CreatedAt.Before(to)) ||
						slices.ContainsFunc(of, func(c field) bool { return !c.holds(e) })
				})
				got, total, err := walked(ctx, s, f, 37)
				if !served[name] {
					if !apperr.Is(err, apperr.FilterNotIndexed) {
						t.Errorf("%q: got %d rows, error %v; want FILTER_NOT_INDEXED", name, len(got), err)
					}
					continue
				}
				answered++
				if err != nil {
					t.Fatalf("%q: %v", name, err)
				}
				if !slices.Equal(ids(got), ids(want)) {
					t.Errorf("%q, ranged %t: %d rows, want %d", name, ranged, len(got), len(want))
				}
				if total != len(want) {
					t.Errorf("%q, ranged %t: counted %d, want %d", name, ranged, total, len(want))
				}
				if len(want) == 0 {
					t.Errorf("%q, ranged %t: there is nothing to be found", name, ranged)
				}
			}
		})
		if answered != 2*len(served) {
			t.Errorf("%d searches were answered, want %d", answered, 2*len(served))
		}
	})
}

func ids(rows []*ent.AuditEvent) []int64 {
	list := make([]int64, len(rows))
	for i, r := range rows {
		list[i] = r.ID
	}
	return list
}

// walked reads a list to its end and back again and counts it.
func walked(ctx context.Context, s *audit.Trail, f audit.Filter, size int) (rows []*ent.AuditEvent, total int, err error) {
	a := page.Args{First: &size}
	for {
		l, err := s.List(ctx, f, a)
		if err != nil {
			return nil, 0, err
		}
		if a.After == nil {
			if total, err = l.Count(ctx); err != nil {
				return nil, 0, err
			}
		}
		rows = append(rows, l.Nodes...)
		if !l.Info.HasNextPage {
			break
		}
		a.After = l.Info.EndCursor
	}
	var back []*ent.AuditEvent
	a = page.Args{Last: &size}
	for {
		l, err := s.List(ctx, f, a)
		if err != nil {
			return nil, 0, err
		}
		back = append(slices.Clone(l.Nodes), back...)
		if !l.Info.HasPreviousPage {
			break
		}
		a.Before = l.Info.StartCursor
	}
	if !slices.Equal(ids(rows), ids(back)) {
		return nil, 0, fmt.Errorf("forward %d rows, backward %d", len(rows), len(back)) //nolint:err113 // fails the test
	}
	return rows, total, nil
}

func TestASearchThatIsNotOfferedSaysWhatIs(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		made(t, db, 300)
		s, ctx := trail(db), administrator(t)
		s.Limits.Ranges = 4
		for name, c := range map[string]struct {
			filter audit.Filter
			want   apperr.Code // "": answered
		}{
			"what went well":                  {audit.Filter{Outcomes: []auditevent.Outcome{audit.OK}}, apperr.FilterNotIndexed},
			"what went well or was refused":   {audit.Filter{Outcomes: []auditevent.Outcome{audit.OK, audit.Denied}}, apperr.FilterNotIndexed},
			"all outcomes are none":           {audit.Filter{Outcomes: []auditevent.Outcome{audit.OK, audit.Denied, audit.Failed}, IP: new("10.0.0.1")}, ""},
			"path and its prefix":             {audit.Filter{Path: new("/graphql#Login"), PathPrefix: new("/graphql")}, apperr.FilterNotIndexed},
			"as many values as may be":        {audit.Filter{Users: []*globalid.ID{user(1), user(2)}, Actions: []string{"a", "b"}}, ""},
			"one value too many":              {audit.Filter{Users: []*globalid.ID{user(1), user(2), user(3)}, Actions: []string{"a", "b"}}, apperr.BadUserInput},
			"a value twice counts once":       {audit.Filter{Users: []*globalid.ID{user(1), user(2), user(2)}, Actions: []string{"a", "b", "b"}}, ""},
			"a prefix of too many paths":      {audit.Filter{PathPrefix: new("/")}, apperr.BadUserInput},
			"a prefix of two paths":           {audit.Filter{PathPrefix: new("/graphql#Approve")}, ""},
			"a prefix of none":                {audit.Filter{PathPrefix: new("/rest")}, ""},
			"an empty prefix":                 {audit.Filter{PathPrefix: new("")}, apperr.BadUserInput},
			"a user that is none":             {audit.Filter{Users: []*globalid.ID{{Type: "Cari", Key: 1}}}, apperr.BadUserInput},
			"a record of the wrong kind":      {audit.Filter{Resource: new("trip"), EntityID: &globalid.ID{Type: "Cari", Key: 1}}, apperr.BadUserInput},
			"a record that has no trail":      {audit.Filter{EntityID: &globalid.ID{Type: "AuditEvent", Key: 1}}, apperr.BadUserInput},
			"no values at all are no filter":  {audit.Filter{Users: []*globalid.ID{}, Actions: []string{}, Outcomes: []auditevent.Outcome{}}, ""},
			"an address and an exact request": {audit.Filter{IP: new("10.0.0.1"), RequestID: new("request-1")}, apperr.FilterNotIndexed},
		} {
			_, err := s.List(ctx, c.filter, page.Args{})
			if _, facets := s.Facets(ctx, audit.FacetIP, c.filter, nil); (facets == nil) != (err == nil) {
				t.Errorf("%s: a list answers %v, facets %v", name, err, facets)
			}
			if c.want == "" && err != nil || c.want != "" && !apperr.Is(err, c.want) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
			if c.want == apperr.FilterNotIndexed && !strings.Contains(err.Error(), "outcomes+ip") {
				t.Errorf("%s: %v does not say what is offered", name, err)
			}
		}
		if _, err := s.List(t.Context(), audit.Filter{}, page.Args{}); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger gets %v", err)
		}
		if _, err := s.Facets(t.Context(), audit.FacetUser, audit.Filter{}, nil); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger gets %v", err)
		}
	})
}

func TestACursorFitsItsFilterOnlyAndNewEventsDoNotShiftIt(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all, s, ctx := made(t, db, 300), trail(db), administrator(t)
		first, err := s.List(ctx, audit.Filter{}, page.Args{First: new(20)})
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			err := db.InTx(ctx, func(tx *ent.Tx) error {
				return audit.Record(ctx, tx, lastDay.Add(time.Hour), audit.Event{Action: audit.Update, Resource: audit.Cari, EntityID: 1})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		second, err := s.List(ctx, audit.Filter{}, page.Args{First: new(20), After: first.Info.EndCursor})
		if err != nil || !slices.Equal(ids(second.Nodes), ids(all[20:40])) {
			t.Errorf("error %v, the second page is %v, want %v", err, ids(second.Nodes), ids(all[20:40]))
		}
		_, err = s.List(ctx, audit.Filter{Actions: []string{"create"}}, page.Args{First: new(20), After: first.Info.EndCursor})
		if !apperr.Is(err, apperr.BadCursor) {
			t.Errorf("a cursor of another filter: %v", err)
		}
	})
}

func TestTheTrailIsCountedOnlySoFar(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		made(t, db, 24_000)
		s, ctx := trail(db), administrator(t)
		count := func(f audit.Filter) int {
			l, err := s.List(ctx, f, page.Args{First: new(1)})
			if err != nil {
				t.Fatal(err)
			}
			n, err := l.Count(ctx)
			if err != nil {
				t.Fatal(err)
			}
			again, err := l.Count(ctx)
			if err != nil || again != n {
				t.Fatalf("counted %d, then %d, error %v", n, again, err)
			}
			return n
		}
		exact := db.AuditEvent.Query().Where(auditevent.Action("delete")).CountX(ctx)
		for name, c := range map[string]struct {
			filter audit.Filter
			want   int
		}{
			"everything":           {audit.Filter{}, audit.MaxCount},
			"several users":        {audit.Filter{Users: []*globalid.ID{user(1), user(2), user(3), user(4), user(5)}}, audit.MaxCount},
			"what there is little": {audit.Filter{Actions: []string{"delete"}}, exact},
		} {
			if got := count(c.filter); got != c.want || exact == 0 || exact > 10_000 {
				t.Errorf("%s: counted %d, want %d", name, got, c.want)
			}
		}
	})
}

func TestFacetsCountTheNewestEvents(t *testing.T) {
	t.Parallel()
	value := map[audit.Facet]func(*ent.AuditEvent) string{
		audit.FacetUser: func(e *ent.AuditEvent) string {
			if e.UserID == nil {
				return "none"
			}
			return fmt.Sprint("user ", *e.UserID)
		},
		audit.FacetAction:   func(e *ent.AuditEvent) string { return e.Action },
		audit.FacetResource: func(e *ent.AuditEvent) string { return e.Resource },
		audit.FacetOutcome:  func(e *ent.AuditEvent) string { return string(e.Outcome) },
		audit.FacetPath:     func(e *ent.AuditEvent) string { return e.Path },
		audit.FacetIP: func(e *ent.AuditEvent) string {
			if e.IP == nil {
				return "none"
			}
			return *e.IP
		},
	}
	shown := func(v *audit.FacetValue) string {
		switch {
		case v.UserID != nil:
			return fmt.Sprint("user ", *v.UserID)
		case v.Value != nil:
			return *v.Value
		}
		return "none"
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		all, s, ctx := made(t, db, 3000), trail(db), administrator(t)
		from, to := firstDay.AddDate(0, 0, 40), firstDay.AddDate(0, 0, 60)
		for name, c := range map[string]struct {
			filter     audit.Filter
			limits     audit.FacetLimits
			begin, end time.Time
			holds      func(*ent.AuditEvent) bool
		}{
			"the last 30 days when nothing is said": {audit.Filter{}, audit.FacetLimits{}, lastDay.AddDate(0, 0, -30), lastDay, func(*ent.AuditEvent) bool { return true }},
			"the last days that are set":            {audit.Filter{}, audit.FacetLimits{Window: 48 * time.Hour}, lastDay.Add(-48 * time.Hour), lastDay, func(*ent.AuditEvent) bool { return true }},
			"a range":                               {audit.Filter{CreatedAt: &page.Range{From: &from, To: &to}}, audit.FacetLimits{}, from, to, func(*ent.AuditEvent) bool { return true }},
			"a range with a beginning":              {audit.Filter{CreatedAt: &page.Range{From: &from}}, audit.FacetLimits{}, from, lastDay, func(*ent.AuditEvent) bool { return true }},
			"two users":                             {audit.Filter{Users: []*globalid.ID{user(1), user(7)}}, audit.FacetLimits{}, lastDay.AddDate(0, 0, -30), lastDay, fields[0].holds},
			"only so many rows":                     {audit.Filter{CreatedAt: &page.Range{From: &from}}, audit.FacetLimits{Rows: 100}, from, lastDay, func(*ent.AuditEvent) bool { return true }},
			"only so many rows of two users":        {audit.Filter{Users: []*globalid.ID{user(1), user(7)}}, audit.FacetLimits{Rows: 100}, lastDay.AddDate(0, 0, -30), lastDay, fields[0].holds},
		} {
			s.Limits.Facets = c.limits
			rows := slices.DeleteFunc(slices.Clone(all), func(e *ent.AuditEvent) bool {
				return e.CreatedAt.Before(c.begin) || !e.CreatedAt.Before(c.end) || !c.holds(e)
			})
			capped := c.limits.Rows > 0 && len(rows) >= c.limits.Rows
			for facet, of := range value {
				got, err := s.Facets(ctx, facet, c.filter, new(100))
				if err != nil {
					t.Fatalf("%s by %s: %v", name, facet, err)
				}
				if !got.From.Equal(c.begin) || !got.To.Equal(c.end) || got.Capped != capped {
					t.Errorf("%s by %s: %s to %s, capped %t; want %s to %s, %t", name, facet, got.From, got.To, got.Capped, c.begin, c.end, capped)
				}
				want := map[string]int{}
				counted := rows
				if capped {
					counted = rows[:c.limits.Rows]
					if got.Rows != c.limits.Rows {
						t.Errorf("%s by %s: %d rows, want %d", name, facet, got.Rows, c.limits.Rows)
					}
				} else if got.Rows != len(rows) {
					t.Errorf("%s by %s: %d rows, want %d", name, facet, got.Rows, len(rows))
				}
				for _, e := range counted {
					want[of(e)]++
				}
				last := len(all) + 1
				for _, v := range got.Values {
					if want[shown(v)] != v.Count || v.Count > last {
						t.Errorf("%s by %s: %s %d times, want %d", name, facet, shown(v), v.Count, want[shown(v)])
					}
					last = v.Count
					delete(want, shown(v))
				}
				if len(want) > 0 {
					t.Errorf("%s by %s: missing %v", name, facet, want)
				}
			}
		}
		top, err := s.Facets(ctx, audit.FacetPath, audit.Filter{}, new(2))
		if err != nil || len(top.Values) != 2 {
			t.Errorf("the first two are %v, error %v", top, err)
		}
		for _, n := range []int{0, -1, 101} {
			if _, err := s.Facets(ctx, audit.FacetPath, audit.Filter{}, &n); !apperr.Is(err, apperr.PageSizeExceeded) {
				t.Errorf("first %d: %v", n, err)
			}
		}
	})
}
