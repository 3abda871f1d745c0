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
		var id, number string
		for round := range 2 { // the first fills the cache
			for _, step := range []struct {
				name, document string
				input          map[string]any
				want           int
			}{
				{"create", `mutation ($input: CreateWorkOrderInput!) { r: createWorkOrder(input: $input) { record: workOrder { id woNumber items { id } } userErrors { code field message } } }`,
					map[string]any{"cariCode": some.CariAccounts.Nodes[0].CariCode, "subject": "Vinç", "items": lines}, 0},
				{"submit", `mutation ($input: WorkOrderStepInput!) { r: submitWorkOrder(input: $input) { record: workOrder { id woNumber } userErrors { code field message } } }`, map[string]any{}, 0},
				{"approve", `mutation ($input: WorkOrderStepInput!) { r: approveWorkOrder(input: $input) { record: workOrder { id woNumber } userErrors { code field message } } }`, map[string]any{}, 0},
				{"gate entry", `mutation ($input: GateEntryInput!) { r: gateEntry(input: $input) { record: gateLog { id woNumber } userErrors { code field message } } }`,
					map[string]any{"vehiclePlate": fmt.Sprintf("34 ZZ %d", 100+round), "idempotencyKey": fmt.Sprint("entry ", round)}, 0},
				{"gate exit", `mutation ($input: GateExitInput!) { r: gateExit(input: $input) { record: gateLog { id woNumber } userErrors { code field message } } }`,
					map[string]any{"vehiclePlate": fmt.Sprintf("34 ZZ %d", 100+round), "idempotencyKey": fmt.Sprint("exit ", round)}, 0},
			} {
				switch step.name {
				case "submit", "approve":
					step.input["id"] = id
				case "gate entry":
					step.input["woNumber"] = number
				}
				var data struct {
					R struct {
						Record     *struct{ ID, WoNumber string }
						UserErrors []any
					}
				}
				who := api.Admin
				if step.name == "submit" || step.name == "create" { // who asks for it does not approve
					who = "OPERASYON"
				}
				a := server.Get(t, who, step.document, map[string]any{"input": step.input}, &data)
				if data.R.Record == nil {
					t.Fatalf("%s: %v", step.name, data.R.UserErrors)
				}
				if step.name == "create" {
					id, number = data.R.Record.ID, data.R.Record.WoNumber
				}
				if round == 1 {
					n := a.Extensions.Profile.StatementCount
					t.Logf("%s takes %d statements", step.name, n)
					for _, s := range a.Extensions.Profile.Statements {
						t.Logf("    %.180s", s.Text)
					}
				}
			}
		}
	})
}
