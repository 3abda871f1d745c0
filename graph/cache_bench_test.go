package graph_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/seed"
)

// What the cache gains: requests through the whole handler, as many at once as there
// are cores, by where answers are kept. Compare the lines of one run.
//
//	go test ./graph -run '^$' -bench Cache -benchtime 3s
func BenchmarkCache(b *testing.B) {
	queries := []struct{ name, text string }{
		{"parameters", `{ parametersByCategory(category: "BIRIM") { id category code name value sortNo isActive } }`},
		{"rates", `{ latestExchangeRates { currencyFrom validFrom forexBuying forexSelling } }`},
		{"convert", `{ convertCurrency(amount: "100", from: "EUR", to: "USD") { result rate } }`},
		{"tariff", `{ activePriceList(currency: "TRY") { id code version validFrom validTo } }`},
		{"board", `{ workOrders(first: 50) { totalCount nodes { id woNumber status cari { cariCode title } items { id quantity unitPrice service { code name } } } } }`},
	}
	for _, db := range []string{dialect.SQLite, dialect.Postgres} {
		for _, mode := range []string{"off", "memory", "redis", "auto"} {
			b.Run(db+"/"+mode, func(b *testing.B) {
				server := api.New(b, aliatest.Open(b, db), func(c *config.Config) {
					c.Cache = mode
					if mode == "redis" || mode == "auto" {
						c.RedisURL = config.Secret("redis://" + aliatest.RedisAddr(b) + "/8")
					}
				})
				if _, err := seed.Run(b.Context(), server.DB, server.Server.Users(), seed.Options{WorkOrders: 2000, Cari: 500, Services: 100, Seed: 1, Now: api.Start}); err != nil {
					b.Fatal(err)
				}
				for _, q := range queries {
					b.Run(q.name, func(b *testing.B) { ask(b, server, q.text) })
				}
			})
		}
	}
}

// ask sends the query as often as it can and reports requests and statements.
func ask(b *testing.B, server *api.API, query string) {
	b.Helper()
	// An administrator holds the most rights.
	server.Get(b, actor.RoleAdmin, query, nil, &struct{}{})
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		b.Fatal(err)
	}
	handler, token := server.Server.Handler(), "Bearer "+server.Token(actor.RoleAdmin)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", token)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != http.StatusOK || bytes.Contains(w.Body.Bytes(), []byte(`"errors"`)) {
				b.Errorf("%d: %s", w.Code, w.Body)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(server.Get(b, actor.RoleAdmin, query, nil, &struct{}{}).Extensions.Profile.StatementCount), "statements")
}
