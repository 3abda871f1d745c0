package graph_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// tariffs makes price lists of three items each, and for each of the services in them
// two overrides and one that never held.
func tariffs(t *testing.T, db *store.DB, n int) {
	t.Helper()
	writer := db.User.Query().FirstIDX(t.Context())
	sold := db.Service.Query().Order(service.ByID(sql.OrderDesc())).Limit(100).IDsX(t.Context())
	today := calendar.DateOf(api.Start)
	var items []*ent.PriceListItemCreate
	for i := range n {
		l := db.PriceList.Create().SetCode(fmt.Sprintf("LISTE-%03d", i)).SetName(fmt.Sprintf("Liste %d", i)).SetCurrency("TRY").
			SetValidFrom(today.AddDays(i / 3)).SetCreatedBy(writer).SetUpdatedBy(writer).SaveX(t.Context())
		for j := range 3 {
			items = append(items, db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(sold[(i+j)%len(sold)]).SetUnitPrice(decimal.NewFromInt(int64(100+i))).
				SetVatRate(decimal.NewFromInt(20)).SetSortNo(10*j))
		}
	}
	db.PriceListItem.CreateBulk(items...).ExecX(t.Context())
	var overrides []*ent.ServiceOverrideCreate
	for _, id := range sold {
		for j := range 3 {
			c := db.ServiceOverride.Create().SetServiceID(id).SetValidFrom(today.AddDays(100 * j)).SetPrice(decimal.NewFromInt(int64(j))).SetCurrency("TRY").
				SetIsActive(j < 2).SetCreatedBy(writer).SetUpdatedBy(writer)
			if j == 0 {
				c.SetValidTo(today.AddDays(50))
			}
			overrides = append(overrides, c)
		}
	}
	db.ServiceOverride.CreateBulk(overrides...).ExecX(t.Context())
}

// TestListsWithinRowsTakeOneStatement asks for pages within the rows of a page, under
// two names with different arguments, and for what those rows lead to.
func TestListsWithinRowsTakeOneStatement(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		for query, want := range map[string]int{
			// The lists, two pages of items, a count, their services, two pages of overrides and a count.
			`query Lists($first: Int, $two: Int) { page: priceLists(first: $first) { nodes { code
				head: items(first: $two) { totalCount edges { cursor node { unitPrice service { code overrides(first: 1) { totalCount nodes { price } } unused: overrides(isActive: false) { nodes { price } } } } } }
				tail: items(last: 1) { pageInfo { hasPreviousPage } nodes { sortNo priceList { code } } } } } }`: 9,
			`query Services($first: Int) { page: services(first: $first, filter: {isActive: true}) { nodes { code overrides { nodes { price service { name } } } } } }`: 3,
		} {
			for _, first := range []int{2, 90} {
				var answer struct {
					Page struct{ Nodes []map[string]json.RawMessage }
				}
				a := server.Get(t, api.Admin, query, map[string]any{"first": first, "two": 2}, &answer)
				if got := a.Extensions.Profile.StatementCount; len(answer.Page.Nodes) != first || got != want {
					t.Errorf("%s: %d rows take %d statements, want %d: %v", query, len(answer.Page.Nodes), got, want, a.Extensions.Profile.Statements)
				}
			}
		}
	})
}

// TestACursorWithinARowBelongsToThatRow also looks at pages that are asked for twice.
func TestACursorWithinARowBelongsToThatRow(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db, api.Uncached)
		api.Fixture(t, db)
		tariffs(t, db, 2)
		type items struct {
			PageInfo struct{ StartCursor, EndCursor string }
			Nodes    []struct{ SortNo int }
		}
		var lists struct {
			A, B struct{ ID string }
			Page struct {
				Nodes []struct{ One, Two items }
			}
		}
		server.Get(t, api.Admin, `{ a: priceList(code: "LISTE-000") { id } b: priceList(code: "LISTE-001") { id }
			page: priceLists { nodes { one: items(last: 2) { pageInfo { startCursor endCursor } nodes { sortNo } } two: items(last: 2) { nodes { sortNo } } } } }`, nil, &lists)
		for _, l := range lists.Page.Nodes {
			for _, i := range []items{l.One, l.Two} {
				if len(i.Nodes) != 2 || i.Nodes[0].SortNo != 10 || i.Nodes[1].SortNo != 20 {
					t.Errorf("the last two are %v", i.Nodes)
				}
			}
		}
		query := `query Next($id: ID!, $before: String) { priceList(id: $id) { items(last: 2, before: $before) { nodes { sortNo } } } }`
		ids := map[string]string{"own": lists.B.ID, "other": lists.A.ID} // the newest list comes first
		cursor := lists.Page.Nodes[0].One.PageInfo.StartCursor
		var next struct{ PriceList struct{ Items items } }
		server.Get(t, api.Admin, query, map[string]any{"id": ids["own"], "before": cursor}, &next)
		if n := next.PriceList.Items.Nodes; len(n) != 1 || n[0].SortNo != 0 {
			t.Errorf("before the last two is %v", n)
		}
		for name, vars := range map[string]map[string]any{
			"BAD_CURSOR":         {"id": ids["other"], "before": cursor},
			"PAGE_SIZE_EXCEEDED": {"id": ids["own"], "before": nil, "first": 101},
		} {
			q := query
			if _, ok := vars["first"]; ok {
				q = `query Next($id: ID!, $first: Int, $before: String) { priceList(id: $id) { items(first: $first, before: $before) { nodes { sortNo } } } }`
			}
			if a := server.Do(t, api.Admin, q, vars); len(a.Errors) != 1 || a.Errors[0].Extensions.Code != name {
				t.Errorf("want %s, answered %s", name, a.Body)
			}
		}
	})
}
