package graph_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// walk is a way through a list, page by page.
type walk struct {
	list      string // field of the query
	filter    string // as in the document
	field     string // to order by
	direction string
	size      int
	backward  bool
}

func (w walk) String() string {
	way := "forward"
	if w.backward {
		way = "backward"
	}
	return strings.Join([]string{w.list, w.filter, w.field, w.direction, fmt.Sprint(w.size), way}, " ")
}

// page is what is read of a connection.
type page struct {
	TotalCount int
	PageInfo   struct {
		HasNextPage, HasPreviousPage bool
		StartCursor, EndCursor       *string
	}
	Edges []struct {
		Cursor string
		Node   struct{ ID string }
	}
	Nodes []struct{ ID string }
}

func (p *page) ids() []string {
	ids := make([]string, len(p.Edges))
	for i, e := range p.Edges {
		ids[i] = e.Node.ID
	}
	return ids
}

// more tells whether the walk goes on, from where.
func (p *page) more(backward bool) (cursor *string, ok bool) {
	if backward {
		return p.PageInfo.StartCursor, p.PageInfo.HasPreviousPage
	}
	return p.PageInfo.EndCursor, p.PageInfo.HasNextPage
}

// read reads the page beyond the cursor.
func (w walk) read(c *client, cursor *string) (*page, error) {
	document := fmt.Sprintf(`query Walk($first: Int, $after: String, $last: Int, $before: String) {
		page: %s(filter: %s, orderBy: {field: %s, direction: %s}, first: $first, after: $after, last: $last, before: $before) {
			totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } nodes { id } } }`,
		w.list, w.filter, w.field, w.direction)
	variables := map[string]any{"first": w.size, "after": cursor}
	if w.backward {
		variables = map[string]any{"last": w.size, "before": cursor}
	}
	var data struct{ Page page }
	if err := c.ask(document, variables, &data); err != nil {
		return nil, fmt.Errorf("%s: %w", w, err)
	}
	return &data.Page, nil
}

// ids walks to the end and returns what was met, in the order of the list. Every
// page is shown to look.
func (w walk) ids(c *client, look func(number int, p *page) error) ([]string, error) {
	var ids []string
	var cursor *string
	for number := range 1000 {
		p, err := w.read(c, cursor)
		if err != nil {
			return nil, err
		}
		if err := look(number, p); err != nil {
			return nil, fmt.Errorf("%s, page %d: %w", w, number, err)
		}
		if w.backward {
			ids = append(p.ids(), ids...)
		} else {
			ids = append(ids, p.ids()...)
		}
		var ok bool
		if cursor, ok = p.more(w.backward); !ok {
			return ids, nil
		}
	}
	return nil, fmt.Errorf("%s: does not end", w)
}

// exact checks a page of a table that nobody changes.
func (w walk) exact(all []string) func(number int, p *page) error {
	return func(number int, p *page) error {
		from, to := number*w.size, min((number+1)*w.size, len(all))
		before, after := from > 0, to < len(all)
		if w.backward {
			from, to = max(0, len(all)-(number+1)*w.size), len(all)-number*w.size
			before, after = from > 0, to < len(all)
		}
		if from > to {
			return fmt.Errorf("the list ended before it, with %d rows", len(all))
		}
		switch info := p.PageInfo; {
		case !slices.Equal(p.ids(), all[from:to]):
			return fmt.Errorf("has %q, want %q", p.ids(), all[from:to])
		case info.HasPreviousPage != before || info.HasNextPage != after:
			return fmt.Errorf("rows %d to %d of %d: hasPreviousPage %t, hasNextPage %t", from, to, len(all), info.HasPreviousPage, info.HasNextPage)
		case p.TotalCount != len(all):
			return fmt.Errorf("totalCount %d, want %d", p.TotalCount, len(all))
		case len(p.Nodes) != len(p.Edges):
			return fmt.Errorf("%d nodes beside %d edges", len(p.Nodes), len(p.Edges))
		case len(p.Edges) > 0 && (*info.StartCursor != p.Edges[0].Cursor || *info.EndCursor != p.Edges[len(p.Edges)-1].Cursor):
			return fmt.Errorf("cursors %s and %s beside %+v", *info.StartCursor, *info.EndCursor, p.Edges)
		}
		for i, n := range p.Nodes {
			if n.ID != p.Edges[i].Node.ID {
				return fmt.Errorf("node %d is %s beside the edge of %s", i, n.ID, p.Edges[i].Node.ID)
			}
		}
		return nil
	}
}

// walks are the ways through one list, with what they must meet: forwards and
// backwards, by pages of one row, of seven, and of fifty.
func walks(list, filter, field string, ascending []string, each func(w walk, want []string)) {
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	for direction, want := range map[string][]string{"ASC": ascending, "DESC": descending} {
		for _, size := range []int{1, 7, 50} {
			for _, backward := range []bool{false, true} {
				each(walk{list, filter, field, direction, size, backward}, want)
			}
		}
	}
}

// orderLists are the lists of work orders that are walked. holds and at are filter
// and order in Go.
var orderLists = []struct {
	filter, field string
	holds         func(*ent.WorkOrder) bool
	at            func(*ent.WorkOrder) time.Time
}{
	{"{}", "CREATED_AT", func(*ent.WorkOrder) bool { return true }, createdAt},
	{"{status: [DRAFT]}", "CREATED_AT", in("DRAFT"), createdAt},
	{"{status: [SUBMITTED, DRAFT, CLOSED, APPROVED]}", "CREATED_AT", in("DRAFT", "SUBMITTED", "APPROVED", "CLOSED"), createdAt},
	{"{type: BERTHING}", "CREATED_AT", func(wo *ent.WorkOrder) bool { return wo.Type == workorder.TypeBerthing }, createdAt},
	{
		`{cariCode: "C-100", status: [DRAFT, SUBMITTED, REJECTED]}`, "CREATED_AT",
		func(wo *ent.WorkOrder) bool {
			return wo.CariCode == "C-100" && in("DRAFT", "SUBMITTED", "REJECTED")(wo)
		}, createdAt,
	},
	{`{search: "ÇEKİCİ"}`, "CREATED_AT", func(wo *ent.WorkOrder) bool { return strings.Contains(wo.Subject, "çekici") }, createdAt},
	{
		`{createdAt: {from: "2026-03-02T06:00:00Z", to: "2026-03-02T06:00:00.00001Z"}, status: [DRAFT, APPROVED]}`, "CREATED_AT",
		func(wo *ent.WorkOrder) bool {
			return in("DRAFT", "APPROVED")(wo) && !wo.CreatedAt.Before(api.Start) && wo.CreatedAt.Before(api.Start.Add(10*time.Microsecond))
		}, createdAt,
	},
	{
		`{plannedStart: {from: "2026-01-01T00:00:00Z"}, status: [SUBMITTED, DRAFT]}`, "PLANNED_START",
		func(wo *ent.WorkOrder) bool { return in("DRAFT", "SUBMITTED")(wo) && wo.PlannedStart != nil },
		func(wo *ent.WorkOrder) time.Time { return *wo.PlannedStart },
	},
	{
		"{overdue: true}", "PLANNED_END",
		func(wo *ent.WorkOrder) bool {
			return in("SUBMITTED", "APPROVED", "IN_PROGRESS")(wo) && wo.PlannedEnd != nil
		},
		func(wo *ent.WorkOrder) time.Time { return *wo.PlannedEnd },
	},
}

func createdAt(wo *ent.WorkOrder) time.Time { return wo.CreatedAt }

func in(statuses ...workorder.Status) func(*ent.WorkOrder) bool {
	return func(wo *ent.WorkOrder) bool { return slices.Contains(statuses, wo.Status) }
}

// pagedOrders makes work orders of every status, in batches that share an instant
// and alone in their microsecond; ids and instants do not run alike.
func pagedOrders(t *testing.T, db *store.DB) []*ent.WorkOrder {
	t.Helper()
	const n = 56 // pages of 7 come out even, pages of 50 do not
	statuses := []workorder.Status{"DRAFT", "SUBMITTED", "DRAFT", "APPROVED", "IN_PROGRESS", "COMPLETED", "INVOICED", "CLOSED", "REJECTED", "CANCELLED"}
	other := db.Cari.Query().Where(cari.CariCode("C-300")).OnlyX(t.Context())
	return standing(t, db, n, func(i int, c *ent.WorkOrderCreate) {
		c.SetStatus(statuses[i%len(statuses)])
		place := i * 23 % n // each once, far from the order of the ids
		switch {
		case place < 26: // one instant
		case place < 42:
			c.SetCreatedAt(api.Start.Add(time.Duration(place-34) * time.Microsecond))
		case place < 48:
			c.SetCreatedAt(api.Start.Add(-time.Hour))
		default:
			c.SetCreatedAt(api.Start.Add(time.Duration(place-52) * 20 * time.Minute))
		}
		if i%3 == 0 {
			c.SetSubject("Kıyıda çekici").SetSearchText(turkish.Fold("Kıyıda çekici"))
		}
		if i%4 == 1 {
			c.SetType(workorder.TypeBerthing)
		}
		if i%5 > 2 {
			c.SetCariID(other.ID).SetCariCode(other.CariCode).SetCariTitle(other.Title)
		}
		if i%2 == 1 { // long over, whatever the clock
			start := api.Start.Add(-24 * time.Hour).Add(time.Duration(i%8) * time.Microsecond)
			c.SetPlannedStart(start).SetPlannedEnd(start.Add(time.Hour))
		}
	})
}

// pagedCari makes customers, many of whom share a title once it is folded.
func pagedCari(t *testing.T, db *store.DB) []*ent.Cari {
	t.Helper()
	titles := []string{"Çeşme Yat", "CESME YAT", "Zeytinburnu 2", "Zeytinburnu 10", "zeytinburnu-10", "Şile", "Sile", "Işık", "İşik", "_Alt", "Öz", "Ozan", "99 Deniz", "A.Ş.", "AŞ"}
	for i := range 2 * len(titles) {
		addCari(t, db, fmt.Sprintf("P-%02d", i), titles[i%len(titles)], i%4 > 0)
	}
	return db.Cari.Query().AllX(t.Context())
}

func addCari(t testing.TB, db *store.DB, code, title string, active bool) {
	t.Helper()
	err := db.Cari.Create().SetCariCode(code).SetTitle(title).SetTitleFold(turkish.Fold(title)).SetSearchText(turkish.Fold(code + " " + title)).
		SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SetIsActive(active).SetCreatedAt(api.Start).SetUpdatedAt(api.Start).Exec(t.Context())
	if err != nil {
		t.Error(err)
	}
}

// everyWalk names each walk with the ids that it must meet.
func everyWalk(orders []*ent.WorkOrder, customers []*ent.Cari, each func(w walk, want []string)) {
	for _, l := range orderLists {
		rows := slices.DeleteFunc(slices.Clone(orders), func(wo *ent.WorkOrder) bool { return !l.holds(wo) })
		slices.SortFunc(rows, func(a, b *ent.WorkOrder) int { return cmp.Or(l.at(a).Compare(l.at(b)), cmp.Compare(a.ID, b.ID)) })
		walks("workOrders", l.filter, l.field, globalIDs(rows), each)
	}
	for filter, holds := range map[string]func(*ent.Cari) bool{
		"{}":               func(*ent.Cari) bool { return true },
		"{isActive: true}": func(c *ent.Cari) bool { return c.IsActive },
		`{search: "yat"}`:  func(c *ent.Cari) bool { return strings.Contains(c.SearchText, "yat") },
	} {
		rows := slices.DeleteFunc(slices.Clone(customers), func(c *ent.Cari) bool { return !holds(c) })
		slices.SortFunc(rows, func(a, b *ent.Cari) int {
			return cmp.Or(strings.Compare(a.TitleFold, b.TitleFold), cmp.Compare(a.ID, b.ID))
		})
		walks("cariAccounts", filter, "TITLE", globalIDs(rows), each)
	}
}

func globalIDs[N interface{ GlobalID() string }](rows []N) []string {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.GlobalID()
	}
	return ids
}

func TestAWalkOverAQuietTableMeetsEveryRowInItsPlace(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		c := newClient(t, api.New(t, db), "Okan", actor.RoleReadOnly)
		var g errgroup.Group
		g.SetLimit(4)
		everyWalk(pagedOrders(t, db), pagedCari(t, db), func(w walk, want []string) {
			if len(want) < 4 {
				t.Errorf("%s has only %d rows", w, len(want))
			}
			g.Go(func() error {
				ids, err := w.ids(c, w.exact(want))
				if err == nil && !slices.Equal(ids, want) {
					err = fmt.Errorf("%s: met %q, want %q", w, ids, want)
				}
				return err
			})
		})
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestAPageBeyondTheEndIsEmpty(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		c := newClient(t, api.New(t, db), "Okan", actor.RoleReadOnly)
		pagedOrders(t, db)
		w := walk{"workOrders", "{status: [DRAFT, SUBMITTED]}", "CREATED_AT", "ASC", 50, false}
		p, err := w.read(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for backward, cursor := range map[bool]*string{false: p.PageInfo.EndCursor, true: p.PageInfo.StartCursor} {
			w.backward = backward
			beyond, err := w.read(c, cursor)
			if err != nil {
				t.Fatal(err)
			}
			info := beyond.PageInfo
			if len(beyond.Edges) > 0 || info.HasNextPage != backward || info.HasPreviousPage == backward || info.StartCursor != nil || info.EndCursor != nil {
				t.Errorf("%s: %+v", w, beyond)
			}
		}
	})
}

func TestAWalkBesideAnotherClientMissesNothingAndMeetsNothingTwice(t *testing.T) {
	t.Parallel()
	const least, most = 20, 100 // rows that the other client makes
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		reader, writer := newClient(t, a, "Okan", actor.RoleReadOnly), newClient(t, a, "Ayşe", actor.RoleOperations)
		type result struct {
			walk walk
			met  [][]string // by one walk after the other
			want []string
		}
		var results []*result
		everyWalk(pagedOrders(t, db), pagedCari(t, db), func(w walk, want []string) { results = append(results, &result{walk: w, want: want}) })

		walked := make(chan struct{})
		var g errgroup.Group
		g.Go(func() error {
			// New rows come before, between and after those that are there, many of
			// them in one instant.
			moves := []time.Duration{0, 0, time.Microsecond, 0, -time.Hour, 0, 3 * time.Hour, 0, -2*time.Hour - time.Microsecond, 0}
			for i := range most {
				select {
				case <-walked:
					if i >= least {
						return nil
					}
				default:
				}
				a.Clock.Move(moves[i%len(moves)])
				p, err := writer.create(fmt.Sprint("Yeni çekici ", i), map[string]any{
					"type": []string{"SERVICE", "BERTHING"}[i%2], "plannedStart": "2026-03-05T08:00:00Z",
				})
				if err == nil && p.WorkOrder == nil {
					err = fmt.Errorf("refused: %+v", p.UserErrors)
				}
				if err != nil {
					return err
				}
				if i%3 == 0 {
					addCari(t, db, fmt.Sprintf("Q-%03d", i), []string{"Çeşme Yat", "Zeytinburnu 2", "Öz"}[i/3%3], true)
				}
			}
			return nil
		})
		g.Go(func() error {
			defer close(walked)
			return atOnce(len(results), func(i int) error {
				for pages := 0; pages < 10; {
					ids, err := results[i].walk.ids(reader, func(int, *page) error { pages++; return nil })
					if err != nil {
						return err
					}
					results[i].met = append(results[i].met, ids)
				}
				return nil
			})
		})
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		places := map[walk]map[string]int{} // of the rows in the list as it is now
		for _, r := range results {
			whole := r.walk
			whole.size, whole.backward = 100, false
			if places[whole] == nil {
				ids, err := whole.ids(reader, func(int, *page) error { return nil })
				if err != nil {
					t.Fatal(err)
				}
				places[whole] = map[string]int{}
				for i, id := range ids {
					places[whole][id] = i
				}
			}
			for _, met := range r.met {
				if old := slices.DeleteFunc(slices.Clone(met), func(id string) bool { return !slices.Contains(r.want, id) }); !slices.Equal(old, r.want) {
					t.Fatalf("%s: of what was there before it met %q, want %q", r.walk, old, r.want)
				}
				// New rows too stand once and in their place.
				for i := 1; i < len(met); i++ {
					if places[whole][met[i-1]] >= places[whole][met[i]] {
						t.Fatalf("%s: met %s before %s", r.walk, met[i-1], met[i])
					}
				}
			}
		}
	})
}
