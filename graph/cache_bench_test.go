package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent/workorderitem"
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

// What stored explanations of prices cost a list that does not show them, and one that
// does: every line has the explanation of a tariff in a foreign currency.
//
//	go test ./graph -run '^$' -bench ExplainedLines -benchtime 3s
func BenchmarkExplainedLines(b *testing.B) {
	const lines = `{ workOrders(first: 50) { nodes { id woNumber items { id quantity unitPrice %s } } } }`
	for _, db := range []string{dialect.SQLite, dialect.Postgres} {
		b.Run(db, func(b *testing.B) {
			server := api.New(b, aliatest.Open(b, db))
			if _, err := seed.Run(b.Context(), server.DB, server.Server.Users(), seed.Options{WorkOrders: 2000, Cari: 500, Services: 100, Seed: 1, Now: api.Start}); err != nil {
				b.Fatal(err)
			}
			trace := explainedLine(b, server)
			if _, err := server.DB.Writer().ExecContext(b.Context(), "UPDATE work_order_items SET calculation = $1", trace); err != nil {
				b.Fatal(err)
			}
			b.Logf("an explanation has %d bytes", len(trace))
			b.Run("hidden", func(b *testing.B) { ask(b, server, fmt.Sprintf(lines, "")) })
			b.Run("shown", func(b *testing.B) { ask(b, server, fmt.Sprintf(lines, "calculation { sentence }")) })
		})
	}
}

// explainedLine is how the explanation of a line is stored.
func explainedLine(b *testing.B, server *api.API) string {
	b.Helper()
	var made struct {
		CreateWorkOrder struct{ WorkOrder *struct{ ID string } }
	}
	customer := server.DB.Cari.Query().FirstX(b.Context()).CariCode
	a := server.Get(b, actor.RoleOperations, `mutation { createWorkOrder(input: {cariCode: "`+customer+`", subject: "Vinç", items: [{serviceCode: "HZM001", quantity: "2"}]}) { workOrder { id } userErrors { code message } } }`, nil, &made)
	if made.CreateWorkOrder.WorkOrder == nil {
		b.Fatalf("%s", a.Body)
	}
	item := server.DB.WorkOrderItem.Query().Order(workorderitem.ByID(sql.OrderDesc())).FirstX(b.Context())
	if item.Calculation == nil {
		b.Fatal("the line has no explanation")
	}
	return string(item.Calculation)
}
