package graph_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/store"
)

// port is the API with what a story of money needs.
type port struct {
	*api.API

	t *testing.T
}

// must sends a mutation that must go through and returns what it answers under its
// name.
func (p port) must(role, document string, variables map[string]any) map[string]any {
	p.t.Helper()
	var data map[string]map[string]any
	p.Get(p.t, role, document, variables, &data)
	for name, answer := range data {
		if refused, _ := answer["userErrors"].([]any); len(refused) > 0 {
			p.t.Fatalf("%s: %v", name, refused)
		}
		return answer
	}
	p.t.Fatal("no answer")
	return nil
}

// at walks down an answer.
func at[T any](t *testing.T, answer map[string]any, path string) T {
	t.Helper()
	var v any = answer
	for step := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok {
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(list) {
				t.Fatalf("no %s in %v", path, answer)
			}
			v = list[i]
			continue
		}
		object, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("no %s in %v", path, answer)
		}
		v = object[step]
	}
	found, ok := v.(T)
	if !ok {
		t.Fatalf("%s is %v (%T) in %v", path, v, v, answer)
	}
	return found
}

// amounts checks decimals of an answer against those worked out by hand.
func amounts(t *testing.T, what string, answer map[string]any, want map[string]string) {
	t.Helper()
	for path, hand := range want {
		if got := at[string](t, answer, path); !decimal.RequireFromString(got).Equal(decimal.RequireFromString(hand)) {
			t.Errorf("%s: %s is %s, by hand %s", what, path, got, hand)
		}
	}
}

const priced = `{ id version netTotal vatTotal grandTotal
  items { id sequence unitPrice priceSource priceCurrency exchangeRate rateDate totalAmount vatAmount grandTotal amountTry
    calculation { source { kind priceListCode priceListVersion tierMin } sentenceTr rates { bulletinDate isFallback } } }
  adjustments { kind percent base amount vatRate source reason } }`

// An order from draft to close through the API alone: a tier of the tariff, two
// services in dollars at the rate of the day, time of the field, night, weekend and
// cabotage. Every amount was worked out by hand.
func TestTheMoneyOfAnOrderFromDraftToClose(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		p := port{api.New(t, db), t}
		const finance, office, gate, field = "FINANS", "OPERASYON", "GUVENLIK", "SAHA"

		// Rates. The one of Friday, 6 March, is not known yet when the order is made.
		rate := func(day, selling string) {
			p.must(finance, `mutation ($d: Date!, $s: Decimal!) { setExchangeRate(input: {currency: "USD", bulletinDate: $d, forexBuying: "31", forexSelling: $s, reason: "Bülten elle girildi"}) { userErrors { code message } } }`,
				map[string]any{"d": day, "s": selling})
		}
		rate("2026-02-27", "32")

		// Services and the tariff: towage by the hour in three tiers, HZM001.
		p.must(office, `mutation { createService(input: {code: "TMP.006", name: "Transpalet", unit: "SAAT", basePrice: "20", currency: "USD", vatRate: "20", calculationType: PER_UNIT}) { userErrors { code message } } }`, nil)
		p.must(office, `mutation { createService(input: {code: "TMP.020", name: "Forklift", unit: "ADET", basePrice: "80", currency: "USD", vatRate: "20", calculationType: PER_BLOCK, formulaParams: {baseWeightTon: "3", baseTimeMin: 30}}) { userErrors { code message } } }`, nil)
		list := p.must(finance, `mutation { createPriceList(input: {code: "T-2026", name: "2026 tarifesi", currency: "TRY", validFrom: "2026-01-01"}) { priceList { id revision } userErrors { code message } } }`, nil)
		items := p.must(finance, `mutation ($id: ID!, $r: Int!) { addPriceListItems(input: {priceListId: $id, revision: $r, items: [
			{serviceCode: "HZM001", unitPrice: "3000", vatRate: "20"}, {serviceCode: "HZM001", minQuantity: "6", unitPrice: "2800", vatRate: "20"}, {serviceCode: "HZM001", minQuantity: "11", unitPrice: "2500", vatRate: "20"}]}) { priceList { revision } userErrors { code message } } }`,
			map[string]any{"id": at[string](t, list, "priceList.id"), "r": at[float64](t, list, "priceList.revision")})
		p.must(finance, `mutation ($id: ID!, $r: Int!) { activatePriceList(input: {id: $id, revision: $r}) { userErrors { code message } } }`,
			map[string]any{"id": at[string](t, list, "priceList.id"), "r": at[float64](t, items, "priceList.revision")})

		// The draft, for Saturday 7 March, 23:30 in Istanbul. 8 h at 2800 = 22400. 3 h at
		// 20 USD = 60 USD × 32 = 1920. 80 USD × 5/3 × 2 = 266.666… USD × 32 = 8533.33.
		// Lines 32853.33; night × 1.25 = 41066.6625 → 41066.66; weekend × 1.875 =
		// 61599.99375 → 61599.99; cabotage 10 % = 6160.00 → 55439.99.
		lines := `{serviceCode: "HZM001", quantity: "8"}, {serviceCode: "TMP.006", quantity: "3"}, {serviceCode: "TMP.020", quantity: "1", weightKg: "5000", durationMinutes: 45}`
		order := p.must(office, `mutation { createWorkOrder(input: {cariCode: "C-100", subject: "Gece yükleme", plannedStart: "2026-03-07T20:30:00Z", plannedEnd: "2026-03-08T04:30:00Z",
			gateRequired: true, isCabotage: true, items: [`+lines+`]}) { workOrder `+priced+` userErrors { code message field } } }`, nil)
		amounts(t, "draft", order, map[string]string{
			"workOrder.items.0.totalAmount": "22400", "workOrder.items.0.vatAmount": "4480", "workOrder.items.0.unitPrice": "2800", "workOrder.items.0.amountTry": "22400",
			"workOrder.items.1.totalAmount": "1920", "workOrder.items.1.vatAmount": "384", "workOrder.items.1.unitPrice": "20", "workOrder.items.1.exchangeRate": "32",
			"workOrder.items.2.totalAmount": "8533.33", "workOrder.items.2.vatAmount": "1706.67", "workOrder.items.2.unitPrice": "80",
			"workOrder.adjustments.0.amount": "8213.33", "workOrder.adjustments.1.amount": "20533.33", "workOrder.adjustments.2.amount": "-6160",
			"workOrder.netTotal": "55439.99",
		})
		for path, want := range map[string]string{
			"workOrder.items.0.priceSource": "PRICE_LIST", "workOrder.items.0.calculation.source.priceListCode": "T-2026",
			"workOrder.items.1.priceSource": "SERVICE", "workOrder.items.1.priceCurrency": "USD", "workOrder.items.1.rateDate": "2026-02-27",
			"workOrder.adjustments.0.kind": "SURCHARGE_NIGHT", "workOrder.adjustments.1.kind": "SURCHARGE_WEEKEND", "workOrder.adjustments.2.kind": "CABOTAGE",
		} {
			if got := at[string](t, order, path); got != want {
				t.Errorf("%s is %q, want %q", path, got, want)
			}
		}
		if said := at[string](t, order, "workOrder.items.1.calculation.sentenceTr"); !strings.Contains(said, "TMP.006 hizmet kartına göre") || !strings.Contains(said, "1.920,00 TRY") {
			t.Errorf("it says: %s", said)
		}
		id := at[string](t, order, "workOrder.id")

		// A quote says the same as the order that was stored.
		quote := p.must(office, `{ priceQuote(input: {currency: "TRY", start: "2026-03-07T20:30:00Z", isCabotage: true, lines: [
			{serviceCode: "HZM001", quantity: "8"}, {serviceCode: "TMP.006", quantity: "3"}, {serviceCode: "TMP.020", weightKg: "5000", minutes: 45}]}) {
			quote { net vat gross lines { net vat gross } sentence } userErrors { code message field } } }`, nil)
		for _, pair := range [][2]string{{"quote.net", "workOrder.netTotal"}, {"quote.vat", "workOrder.vatTotal"}, {"quote.gross", "workOrder.grandTotal"}, {"quote.lines.2.gross", "workOrder.items.2.grandTotal"}} {
			if q, o := at[string](t, quote, pair[0]), at[string](t, order, pair[1]); q != o {
				t.Errorf("%s is %s, but %s is %s", pair[0], q, pair[1], o)
			}
		}

		step := func(role, name, more string) map[string]any {
			t.Helper()
			return p.must(role, `mutation ($id: ID!) { `+name+`(input: {id: $id`+more+`}) { workOrder `+priced+` userErrors { code message } } }`, map[string]any{"id": id})
		}
		step(office, "submitWorkOrder", "")
		step(api.Admin, "approveWorkOrder", "") // not the requester

		// A person is announced and approved, and comes in with a lorry on Saturday night.
		persons := p.must(office, `mutation ($id: ID!) { addWorkOrderPerson(input: {workOrderId: $id, persons: [{fullName: "Deniz Kaya", nationalId: "10000000146"}]}) { persons { id } userErrors { code message } } }`, map[string]any{"id": id})
		p.must(gate, `mutation ($ids: [ID!]!) { approveWorkOrderPersons(input: {ids: $ids}) { userErrors { code message } } }`, map[string]any{"ids": []string{at[string](t, persons, "persons.0.id")}})
		p.Clock.Move(time.Date(2026, 3, 7, 20, 0, 0, 0, time.UTC).Sub(p.Clock.Now()))
		rate("2026-03-06", "32.5")
		var points struct{ GateChecklist []struct{ ID string } }
		p.Get(t, gate, `{ gateChecklist(woType: SERVICE) { id } }`, nil, &points)
		var ticked []string
		for _, c := range points.GateChecklist {
			ticked = append(ticked, c.ID)
		}
		p.must(gate, `mutation ($id: ID!, $person: ID!, $ticked: [ID!]!) { gateEntry(input: {workOrderId: $id, personId: $person, vehiclePlate: "35 abc 12", vehicleType: TRUCK, ticked: $ticked}) { userErrors { code message } } }`,
			map[string]any{"id": id, "person": at[string](t, persons, "persons.0.id"), "ticked": ticked})

		// The work begins at 23:30. The tariff rises meanwhile: what is stored stays.
		p.Clock.Move(30 * time.Minute)
		started := step(field, "startWorkOrder", "")
		amounts(t, "started", started, map[string]string{"workOrder.items.1.totalAmount": "1920", "workOrder.netTotal": "55439.99"})

		// Priced anew it goes by Friday's rate: 60 × 32.5 = 1950; 266.666… × 32.5 = 8666.67.
		again := p.must(office, `mutation ($id: ID!, $v: Int!) { recalculateWorkOrder(input: {id: $id, version: $v}) { workOrder `+priced+` userErrors { code message } } }`,
			map[string]any{"id": id, "v": at[float64](t, started, "workOrder.version")})
		amounts(t, "priced anew", again, map[string]string{"workOrder.items.0.totalAmount": "22400", "workOrder.items.1.totalAmount": "1950", "workOrder.items.2.totalAmount": "8666.67"})
		twice := p.must(office, `mutation ($id: ID!, $v: Int!) { recalculateWorkOrder(input: {id: $id, version: $v}) { workOrder `+priced+` userErrors { code message } } }`,
			map[string]any{"id": id, "v": at[float64](t, again, "workOrder.version")})
		for _, path := range []string{"netTotal", "vatTotal", "grandTotal", "items.2.grandTotal", "adjustments.1.amount"} {
			if a, b := at[string](t, again, "workOrder."+path), at[string](t, twice, "workOrder."+path); a != b {
				t.Errorf("priced anew twice, %s went from %s to %s", path, a, b)
			}
		}

		// Two and a half hours of the field, approved, become a line: 2.5 × 400 = 1000.
		p.Clock.Move(3 * time.Hour)
		work := p.must(field, `mutation ($id: ID!) { createWorkLog(input: {workOrderId: $id, personnelName: "Ege Su", kind: TRANSFER, timeStart: "2026-03-07T20:30:00Z", timeEnd: "2026-03-07T23:00:00Z"}) { workLog { id durationMinutes } userErrors { code message } } }`, map[string]any{"id": id})
		if n := at[float64](t, work, "workLog.durationMinutes"); n != 150 {
			t.Errorf("the work took %v minutes", n)
		}
		log := map[string]any{"id": at[string](t, work, "workLog.id")}
		p.must(office, `mutation ($id: ID!) { approveWorkLog(input: {id: $id}) { userErrors { code message } } }`, log)
		p.must(office, `mutation ($id: ID!) { processWorkLog(input: {id: $id, unitPrice: "400", vatRate: "20"}) { userErrors { code message } } }`, log)

		// Lines 22400 + 1950 + 8666.67 + 1000 = 34016.67.
		// Night: × 1.25 = 42520.8375 → 42520.84, so 8504.17.
		// Weekend: × 1.875 = 63781.25625 → 63781.26, so 21260.42.
		// Cabotage: 10 % of 63781.26 = 6378.126 → 6378.13, net 57403.13.
		// VAT: 4480 + 390 + 1733.33 + 200 + 1700.83 + 4252.08 − 1275.63 = 11480.61.
		done := step(field, "completeWorkOrder", `, completionNote: "Yükleme bitti"`)
		amounts(t, "completed", done, map[string]string{
			"workOrder.items.3.totalAmount": "1000", "workOrder.items.2.vatAmount": "1733.33",
			"workOrder.adjustments.0.base": "34016.67", "workOrder.adjustments.0.amount": "8504.17",
			"workOrder.adjustments.1.amount": "21260.42", "workOrder.adjustments.2.base": "63781.26", "workOrder.adjustments.2.amount": "-6378.13",
			"workOrder.netTotal": "57403.13", "workOrder.vatTotal": "11480.61", "workOrder.grandTotal": "68883.74",
		})

		// Out, invoiced, closed; nothing moves any more.
		p.must(gate, `mutation { gateExit(input: {vehiclePlate: "35ABC12"}) { userErrors { code message } } }`, nil)
		step(finance, "invoiceWorkOrder", `, invoiceNo: "FT-2026-00001"`)
		closed := step(finance, "closeWorkOrder", "")
		amounts(t, "closed", closed, map[string]string{"workOrder.grandTotal": "68883.74"})
		refused := p.Do(t, office, `mutation ($id: ID!, $v: Int!) { recalculateWorkOrder(input: {id: $id, version: $v}) { userErrors { code } } }`,
			map[string]any{"id": id, "v": at[float64](t, closed, "workOrder.version")})
		if !strings.Contains(string(refused.Body), "WO_LOCKED") {
			t.Errorf("a closed order is priced anew: %s", refused.Body)
		}
	})
}
