package workorder_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/service"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/quote"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// market is an office with services of all six types, a tariff with tiers, dated
// prices and rates of exchange, and dice to order with.
type market struct {
	*office
	*rand.Rand

	ctx      context.Context //nolint:containedctx // that of the test, as a clerk
	services []int64
}

func newMarket(t *testing.T, db *store.DB) *market {
	t.Helper()
	const seed = 41
	o := newOffice(t, db)
	m := &market{office: o, Rand: rand.New(rand.NewPCG(seed, seed)), ctx: o.as(actor.WorkOrderWrite, actor.ServiceRead)}
	sold := func(code, price, currency string, typ service.CalculationType, params string) int64 {
		id := aliatest.Service(t, db, code, "ADET", price, currency, typ, params)
		m.services = append(m.services, id)
		return id
	}
	sold("FIX", "1250.5", "TRY", service.CalculationTypeFixed, "")
	tiers := sold("UNIT", "20.0001", "USD", service.CalculationTypePerUnit, "")
	sold("CROSS", "0.0303", "USD", service.CalculationTypeXSecondary, `{"primary": "WEIGHT", "secondary": "DAYS", "weight_unit": "kg", "secondary_round_up": true}`)
	sold("BLOCK", "80", "EUR", service.CalculationTypePerBlock, `{"base_weight_ton": 3, "base_time_min": 30}`)
	sold("GRT", "950", "TRY", service.CalculationTypeBasePlusIncrement, `{"measure": "GRT", "rate": 0.0333}`)
	dated := sold("STAY", "15", "USD", service.CalculationTypeVehicle4hRule, `{"base_minutes": 240}`)
	for i, rate := range []int64{10, 1, 0} {
		db.Service.UpdateOneID(m.services[2*i]).SetVatRate(decimal.NewFromInt(rate)).ExecX(m.ctx)
	}
	db.Service.UpdateOneID(m.services[4]).SetVatExemption("17/4-G").ExecX(m.ctx)

	year := calendar.DateOf(now).AddDays(-200)
	list := db.PriceList.Create().SetCode("T-2026").SetName("2026").SetCurrency("TRY").SetStatus(pricelist.StatusActive).SetValidFrom(year).SetCreatedBy(1).SetUpdatedBy(1).SaveX(m.ctx)
	for _, tier := range [][2]string{{"0", "650.25"}, {"10", "600.1234"}, {"50", "550"}} {
		db.PriceListItem.Create().SetPriceListID(list.ID).SetServiceID(tiers).SetMinQuantity(amount(tier[0])).SetUnitPrice(amount(tier[1])).SetVatRate(amount("20")).ExecX(m.ctx)
	}
	db.ServiceOverride.Create().SetServiceID(dated).SetValidFrom(calendar.DateOf(now).AddDays(2)).SetPrice(amount("17.33")).SetCurrency("EUR").SetCreatedBy(1).SetUpdatedBy(1).ExecX(m.ctx)
	aliatest.Rate(t, db, "USD", calendar.DateOf(now).AddDays(-1), "34.567891")
	aliatest.Rate(t, db, "EUR", calendar.DateOf(now).AddDays(-1), "37.800001")
	return m
}

func (m *market) some(below int64, places int32) *decimal.Decimal {
	return new(decimal.New(1+m.Int64N(below*decimal.New(1, places).IntPart()), -places))
}

// line draws a line, and the question for the same.
func (m *market) line(code string) (workorder.ItemInput, quote.QuestionLine) {
	i := workorder.ItemInput{
		ItemType: workorderitem.ItemTypeService, ServiceCode: &code, Quantity: *m.some(80, 4), WeightKg: m.some(20_000, 2),
		DurationMinutes: new(m.IntN(900)), Days: m.some(9, 1), Measure: m.some(9_000, 3), PersonCount: new(m.IntN(9)),
	}
	if m.IntN(5) == 0 {
		i.UnitPrice = m.some(500, 4)
	}
	return i, quote.QuestionLine{
		ServiceCode: code, Quantity: &i.Quantity, WeightKg: i.WeightKg, Minutes: i.DurationMinutes, Days: i.Days, Measure: i.Measure, PersonCount: i.PersonCount, UnitPrice: i.UnitPrice,
	}
}

// order draws an order, and the question for the same.
func (m *market) draw() (workorder.CreateInput, quote.Question) {
	start := now.Add(time.Duration(m.IntN(8*24)) * time.Hour)
	in := workorder.CreateInput{
		CariCode: new("C-1"), Type: entworkorder.TypeService, Subject: "Çekilen iş", PlannedStart: &start, Currency: new([]string{"TRY", "USD", "EUR"}[m.IntN(3)]),
		Priority: []entworkorder.Priority{entworkorder.PriorityUrgent, entworkorder.PriorityLow}[m.IntN(2)], IsCabotage: m.IntN(2) == 0, ApplyRuleAddons: m.IntN(4) > 0,
	}
	q := quote.Question{Currency: *in.Currency, Start: &start, Priority: in.Priority, IsCabotage: in.IsCabotage, ApplyRuleAddons: in.ApplyRuleAddons}
	for range 1 + m.IntN(6) {
		i, l := m.line([]string{"FIX", "UNIT", "CROSS", "BLOCK", "GRT", "STAY"}[m.IntN(6)])
		in.Items, q.Lines = append(in.Items, i), append(q.Lines, l)
	}
	return in, q
}

// sheet is an order with its lines and adjustments, as they are stored.
type sheet struct {
	*ent.WorkOrder

	items []*ent.WorkOrderItem
	rows  []*ent.WorkOrderAdjustment
}

func (m *market) sheet(id int64) sheet {
	return sheet{
		m.DB.WorkOrder.GetX(m.ctx, id),
		m.DB.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(id)).Order(workorderitem.BySequence()).AllX(m.ctx),
		m.DB.WorkOrderAdjustment.Query().Where(workorderadjustment.WorkOrderID(id)).Order(workorderadjustment.ByID()).AllX(m.ctx),
	}
}

// text is all that may not change.
func (s sheet) text() string {
	t := fmt.Sprint(s.NetTotal, s.VatTotal, s.GrandTotal)
	for _, i := range s.items {
		t += fmt.Sprint("\n", i.UnitPrice, i.TotalAmount, i.VatRate, i.VatAmount, i.GrandTotal, *i.PriceSource, i.AmountTry, i.ExchangeRate, string(i.Calculation))
	}
	for _, r := range s.rows {
		t += fmt.Sprint("\n", r.Kind, r.VatRate, r.Percent, r.Base, r.Amount, r.Source)
	}
	return t
}

func same(t *testing.T, what string, got, want decimal.Decimal) {
	t.Helper()
	if !got.Equal(want) {
		t.Fatalf("%s: %v is not %v", what, got, want)
	}
}

// answers wants a stored order to be what the question for it was answered with.
func (s sheet) answers(t *testing.T, what string, a *quote.Answer) {
	t.Helper()
	if len(a.Priced) != len(s.items) || len(a.Adjustments) != len(s.rows) {
		t.Fatalf("%s: %d lines and %d adjustments are %d and %d", what, len(a.Priced), len(a.Adjustments), len(s.items), len(s.rows))
	}
	for n, i := range s.items {
		l := a.Priced[n]
		same(t, what+": net of a line", i.TotalAmount, l.Net)
		same(t, what+": VAT of a line", i.VatAmount, l.VAT)
		same(t, what+": gross of a line", i.GrandTotal, l.Gross)
		same(t, what+": a line in TRY", *i.AmountTry, *l.TRY)
		if stored, err := l.Trace.IsStoredAs(i.Calculation); !stored || err != nil {
			t.Fatalf("%s: line %d is explained by %s (%v)", what, n, i.Calculation, err)
		}
	}
	for n, r := range s.rows {
		same(t, what+": an adjustment", r.Amount, a.Adjustments[n].Amount)
	}
	same(t, what+": net", s.NetTotal, a.Net)
	same(t, what+": VAT", s.VatTotal, a.VAT)
	same(t, what+": gross", s.GrandTotal, a.Gross)
}

// addsUp wants the parts of a stored order to be its totals, and by VAT rate the
// groups of the answer.
func (s sheet) addsUp(t *testing.T, what string, a *quote.Answer) {
	t.Helper()
	var net, vat decimal.Decimal
	groups := map[string][2]decimal.Decimal{}
	add := func(rate, n, v decimal.Decimal) {
		net, vat = net.Add(n), vat.Add(v)
		g := groups[rate.String()]
		groups[rate.String()] = [2]decimal.Decimal{g[0].Add(n), g[1].Add(v)}
	}
	for _, i := range s.items {
		same(t, what+": a line", i.TotalAmount.Add(i.VatAmount), i.GrandTotal)
		add(i.VatRate, i.TotalAmount, i.VatAmount)
	}
	for _, r := range s.rows {
		add(r.VatRate, r.Amount, r.Amount.Mul(r.VatRate).Shift(-2).Round(2))
	}
	same(t, what+": net", net, s.NetTotal)
	same(t, what+": VAT", vat, s.VatTotal)
	same(t, what+": gross", s.NetTotal.Add(s.VatTotal), s.GrandTotal)
	if len(groups) != len(a.Groups) {
		t.Fatalf("%s: %d rates of VAT, %d groups", what, len(groups), len(a.Groups))
	}
	for _, g := range a.Groups {
		same(t, what+": net at a rate", groups[g.VATRate.String()][0], g.Net)
		same(t, what+": VAT at a rate", groups[g.VATRate.String()][1], g.VAT)
	}
}

// TestDrawnOrdersCostWhatWasQuoted: an order costs what the question for it answered,
// line by line and with the same explanation; its parts add up to its totals; and
// pricing it anew changes nothing, until something has changed.
func TestDrawnOrdersCostWhatWasQuoted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		m := newMarket(t, db)
		adjusted, groups := 0, 0
		var last sheet
		for n := range 40 {
			what := fmt.Sprintf("order %d", n)
			in, q := m.draw()
			a, err := m.Quotes.Ask(m.ctx, q)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			wo, err := m.Create(m.ctx, in)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			s := m.sheet(wo.ID)
			s.answers(t, what, a)
			s.addsUp(t, what, a)

			i, l := m.line("UNIT")
			q.Lines = append(q.Lines, l)
			if a, err = m.Quotes.Ask(m.ctx, q); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if _, err := m.AddItem(m.ctx, workorder.AddItemInput{WorkOrderID: globalid.ID{Type: "WorkOrder", Key: wo.ID}, Item: i}); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			s = m.sheet(wo.ID)
			s.answers(t, what+" with a line more", a)
			s.addsUp(t, what+" with a line more", a)

			if _, err := m.Recalculate(m.ctx, workorder.RecalculateInput{ID: globalid.ID{Type: "WorkOrder", Key: wo.ID}, Version: s.Version}); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if again := m.sheet(wo.ID); again.text() != s.text() {
				t.Fatalf("%s priced anew:\n%s\nwas\n%s", what, again.text(), s.text())
			}
			adjusted, groups, last = adjusted+len(s.rows), max(groups, len(a.Groups)), m.sheet(wo.ID)
		}
		if adjusted < 40 || groups < 3 {
			t.Errorf("only %d adjustments and %d groups were drawn", adjusted, groups)
		}
		// Tariffs and rates that change later leave what is stored.
		db.Service.Update().SetBasePrice(amount("1")).ExecX(m.ctx)
		db.ExchangeRate.Update().SetForexSelling(amount("99")).ExecX(m.ctx)
		if now := m.sheet(last.ID); now.text() != last.text() {
			t.Errorf("the last order changed by itself:\n%s\nwas\n%s", now.text(), last.text())
		}
	})
}
