package graph_test

import (
	"fmt"
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/store"
)

// A write's statements are as many round trips; begin and commit come on top.
func TestWritesTakeSoManyStatements(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		var some struct {
			CariAccounts, Services struct {
				Nodes []struct{ CariCode, Code string }
			}
		}
		server.Get(t, api.Admin, `{ cariAccounts(first: 1, filter: {isActive: true}) { nodes { cariCode } } services(first: 3, filter: {isActive: true}) { nodes { code } } }`, nil, &some)
		lines := make([]map[string]any, 0, 3)
		for _, s := range some.Services.Nodes {
			lines = append(lines, map[string]any{"serviceCode": s.Code, "quantity": "2"})
		}
		const step = `mutation Step($input: WorkOrderStepInput!) { r: %sWorkOrder(input: $input) { record: workOrder { id woNumber } userErrors { code field message } } }`
		opening := `mutation Create($input: CreateWorkOrderInput!) { r: createWorkOrder(input: $input) {
			record: workOrder { id woNumber items { id } } userErrors { code field message } } }`
		gate := `mutation Gate($input: Gate%sInput!) { r: gate%[1]s(input: $input) { record: gateLog { id woNumber } userErrors { code field message } } }`
		type record struct{ ID, WoNumber string }
		do := func(who, document string, input map[string]any) (record, int) {
			t.Helper()
			var data struct {
				R struct {
					Record     *record
					UserErrors []any
				}
			}
			a := server.Get(t, who, document, map[string]any{"input": input}, &data)
			if data.R.Record == nil {
				t.Fatalf("%s: %v", document, data.R.UserErrors)
			}
			return *data.R.Record, a.Extensions.Profile.StatementCount
		}
		order := map[string]any{"cariCode": some.CariAccounts.Nodes[0].CariCode, "subject": "Vinç", "items": lines}
		for round := range 2 { // the first fills the cache
			// Nobody approves what they asked for, and only the administrator sees statements.
			theirs, _ := do("OPERASYON", opening, order)
			do("OPERASYON", fmt.Sprintf(step, "submit"), map[string]any{"id": theirs.ID})
			_, approved := do(api.Admin, fmt.Sprintf(step, "approve"), map[string]any{"id": theirs.ID})
			ours, created := do(api.Admin, opening, order)
			_, submitted := do(api.Admin, fmt.Sprintf(step, "submit"), map[string]any{"id": ours.ID})
			plate := fmt.Sprintf("34 ZZ %d", 100+round)
			_, entered := do(api.Admin, fmt.Sprintf(gate, "Entry"), map[string]any{"vehiclePlate": plate, "woNumber": theirs.WoNumber, "idempotencyKey": "in " + plate})
			_, left := do(api.Admin, fmt.Sprintf(gate, "Exit"), map[string]any{"vehiclePlate": plate, "idempotencyKey": "out " + plate})
			if round == 0 {
				continue
			}
			most := map[string][2]int{"create": {created, 16}, "submit": {submitted, 9}, "approve": {approved, 9}, "gate entry": {entered, 7}, "gate exit": {left, 8}}
			for name, n := range most {
				if n[0] == 0 || n[0] > n[1] {
					t.Errorf("%s takes %d statements, not %d", name, n[0], n[1])
				}
			}
		}
	})
}
