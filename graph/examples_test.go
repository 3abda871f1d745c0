package graph_test

import (
	"encoding/json"
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/store"
	"aliaport/server/playground"
)

func TestEveryExampleOfThePlaygroundWorks(t *testing.T) {
	t.Parallel()
	examples, err := playground.Examples()
	if err != nil || len(examples) < 8 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		for _, e := range examples {
			var variables map[string]any
			if e.Variables != nil {
				if err := json.Unmarshal(e.Variables, &variables); err != nil {
					t.Fatalf("%s: %v", e.Name, err)
				}
			}
			if a := server.Do(t, api.Admin, e.Query, variables); len(a.Errors) > 0 || len(a.Data) < 20 {
				t.Errorf("%s: %s", e.Name, a.Body)
			}
		}
		// One of them creates an order; the refusals of others are data.
		var made struct{ WorkOrders struct{ TotalCount int } }
		server.Get(t, api.Admin, `{ workOrders(filter: {search: "İskele bağlama ve su"}) { totalCount } }`, nil, &made)
		if made.WorkOrders.TotalCount == 0 {
			t.Error("the example that creates a work order made none")
		}
		var planned struct{ Trips struct{ TotalCount int } }
		server.Get(t, api.Admin, `{ trips(filter: {mbCode: "MB005", tripDate: {from: "2031-05-19", to: "2031-05-20"}}) { totalCount } }`, nil, &planned)
		if planned.Trips.TotalCount != 1 {
			t.Error("the example that plans a trip planned none")
		}
	})
}
