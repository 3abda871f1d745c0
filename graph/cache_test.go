package graph_test

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/cache"
	"aliaport/internal/config"
	"aliaport/internal/seed"
	"aliaport/internal/store"
)

// read finds the tables of a statement.
var read = regexp.MustCompile("(?:FROM|JOIN) [\"`]?(\\w+)")

// texts are the statements of an answer.
func texts(a *api.Answer) (list []string) {
	for _, s := range a.Extensions.Profile.Statements {
		list = append(list, s.Text)
	}
	return list
}

// cached asks again up to so many times and returns the tables that the second answer did without.
func cached(t *testing.T, server *api.API, query string, again int) []string {
	t.Helper()
	server.Get(t, api.Admin, "mutation { flushCache(input: {}) { userErrors { code } } }", nil, &struct{}{})
	left := texts(server.Get(t, api.Admin, query, nil, &struct{}{}))
	for range again { // what is kept is there a little later
		time.Sleep(5 * time.Millisecond)
		for _, text := range texts(server.Get(t, api.Admin, query, nil, &struct{}{})) {
			if i := slices.Index(left, text); i >= 0 {
				left = slices.Delete(left, i, i+1)
			}
		}
		if len(left) > 0 {
			break
		}
	}
	var tables []string
	for _, statement := range left {
		for _, m := range read.FindAllStringSubmatch(statement, -1) {
			if m[1] != "part" && m[1] != "json_each" { // the rows of a sub-query, and keys
				tables = append(tables, m[1])
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// What comes from the cache must have been read from tables whose changes it notices.
// A read that is cached with a table too many fails here.
func TestWhatIsCachedIsReadFromTheTablesThatFeedIt(t *testing.T) {
	t.Parallel()
	s := sdl()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db, func(c *config.Config) { c.LimitNodes, c.LimitFields, c.LimitTokens = 0, 0, 100_000 })
		if _, err := seed.Run(t.Context(), db, server.Server.Users(), seed.Options{WorkOrders: 60, Cari: 20, Services: 20, Seed: 1, Now: api.Start}); err != nil {
			t.Fatal(err)
		}
		for query, namespaces := range map[string][]*cache.Namespace{
			`{ parametersByCategory(category: "BIRIM") { code } }`:                              {cache.Parameters},
			`{ parameter(category: "PARA_BIRIMI", code: "TRY") { name } }`:                      {cache.Parameters},
			`{ latestExchangeRates { forexSelling } }`:                                          {cache.Rates},
			`{ exchangeRate(currency: "USD") { value } }`:                                       {cache.Rates},
			`{ convertCurrency(amount: "1", from: "EUR", to: "USD") { result } }`:               {cache.Rates},
			`{ activePriceList(currency: "TRY") { code } }`:                                     {cache.Tariffs},
			`{ workOrders(first: 20) { nodes { cari { title } items { service { name } } } } }`: {cache.Customers, cache.Services},
		} {
			var want []string
			for _, ns := range namespaces {
				want = append(want, ns.Tables...)
			}
			got := cached(t, server, query, 50)
			if len(got) == 0 || slices.ContainsFunc(got, func(table string) bool { return !slices.Contains(want, table) }) {
				t.Errorf("%s\nhas %v from the cache, its namespace is fed by %v", query, got, want)
			}
		}
		var fed []string
		for _, ns := range cache.Namespaces {
			fed = append(fed, ns.Tables...)
		}
		for _, f := range connections(s) {
			query := fmt.Sprintf("{ %s(first: 10) %s }", f.Name, everything(s, s.Types[f.Type.Name()], 0))
			for _, table := range cached(t, server, query, 2) {
				if !slices.Contains(fed, table) {
					t.Errorf("%s has rows of %s from the cache, whose changes nobody notices", f.Name, table)
				}
			}
		}
	})
}
