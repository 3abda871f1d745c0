package workorder_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	entparameter "aliaport/ent/parameter"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// done is a completed order whose last vehicle left so many minutes after the work
// was done.
func (o *office) done(minutes int, change ...func(*ent.WorkOrderCreate)) *ent.WorkOrder {
	o.t.Helper()
	end := now.Add(-12 * time.Hour)
	return o.order("COMPLETED", append(change, func(c *ent.WorkOrderCreate) {
		c.SetApplyRuleAddons(false).SetActualStart(end.Add(-time.Hour)).SetActualEnd(end).SetSecurityExitAt(end.Add(time.Duration(minutes) * time.Minute))
	})...)
}

func (o *office) overtime(wo *ent.WorkOrder) (*ent.WorkOrder, error) {
	return o.CalculateOvertime(o.as(actor.WorkOrderWrite), workorder.OvertimeInput{ID: globalid.ID{Type: "WorkOrder", Key: wo.ID}})
}

// lines of overtime of an order.
func (o *office) lines(wo *ent.WorkOrder) []*ent.WorkOrderItem {
	return o.DB.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID), workorderitem.ResourceCode(workorder.OvertimeCode)).AllX(o.t.Context())
}

func amount(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// TestOvertimeIsOneLine: 390 minutes are 150 above the threshold, 2.5 hours of 100,
// 250 and 50 VAT. A later figure updates the line, one within the threshold removes it.
func TestOvertimeIsOneLine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		wo := o.done(390)
		was := db.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID)).OnlyX(t.Context())
		got, err := o.overtime(wo)
		if err != nil {
			t.Fatal(err)
		}
		l := o.lines(wo)
		if len(l) != 1 {
			t.Fatalf("%d lines", len(l))
		}
		i := l[0]
		for name, v := range map[string]struct{ got, want decimal.Decimal }{
			"hours": {i.Quantity, amount("2.5")}, "price": {i.UnitPrice, amount("100")}, "net": {i.TotalAmount, amount("250")}, "VAT": {i.VatAmount, amount("50")}, "gross": {i.GrandTotal, amount("300")},
			"the order's net": {got.NetTotal, was.TotalAmount.Add(amount("250"))},
		} {
			if !v.got.Equal(v.want) {
				t.Errorf("%s is %v, by hand %v", name, v.got, v.want)
			}
		}
		if i.ItemType != workorderitem.ItemTypeWorklog || i.Unit != "SAAT" || *i.PriceSource != workorderitem.PriceSourceParameter || *i.DurationMinutes != 390 || i.Sequence != 2 || !i.EndTime.Equal(*wo.SecurityExitAt) {
			t.Errorf("the line is %v", i)
		}
		trace, err := pricing.DecodeTrace(i.Calculation)
		if err != nil {
			t.Fatal(err)
		}
		if s := trace.Sentence(apperr.English); !strings.HasPrefix(s, "By the parameter OVERTIME_HOURLY, unit price × quantity: 100 × 2.5 = 250.00 TRY") {
			t.Errorf("it says: %s", s)
		}

		again, err := o.overtime(wo)
		if err != nil || again.Version != got.Version || o.lines(wo)[0].Version != i.Version {
			t.Errorf("again: %v, version %d after %d", err, again.Version, got.Version)
		}
		db.WorkOrder.UpdateOne(wo).SetSecurityExitAt(wo.ActualEnd.Add(241 * time.Minute)).ExecX(t.Context())
		if _, err := o.overtime(wo); err != nil {
			t.Fatal(err)
		}
		if l := o.lines(wo); len(l) != 1 || l[0].ID != i.ID || !l[0].TotalAmount.Equal(amount("2")) || l[0].Version != i.Version+1 || *l[0].DurationMinutes != 241 {
			t.Errorf("a minute over is %v", l)
		}
		for _, minutes := range []int{240, -5} {
			db.WorkOrder.UpdateOne(wo).SetSecurityExitAt(wo.ActualEnd.Add(time.Duration(minutes) * time.Minute)).ExecX(t.Context())
			none, err := o.overtime(wo)
			if err != nil {
				t.Fatal(err)
			}
			if l := o.lines(wo); len(l) != 0 || !none.NetTotal.Equal(was.TotalAmount) {
				t.Errorf("%d minutes leave %v, net %v", minutes, l, none.NetTotal)
			}
		}
		var actions []string
		for _, e := range db.AuditEvent.Query().Where(auditevent.Resource("work_order_item")).Order(auditevent.ByID()).AllX(t.Context()) {
			actions = append(actions, e.Action)
		}
		if got := strings.Join(actions, " "); got != "create update delete" {
			t.Errorf("the trail has %q", got)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Resource("work_order"), auditevent.Action("price_calc")).CountX(t.Context()); n != 3 {
			t.Errorf("%d lines in the trail of the order", n)
		}
	})
}

func TestOvertimeGoesByTheParametersAndTheCurrencyOfTheOrder(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		dollars := o.done(390, func(c *ent.WorkOrderCreate) { c.SetCurrency("USD") })
		if _, err := o.overtime(dollars); !apperr.Is(err, apperr.RateMissing) {
			t.Errorf("without a rate: %v", err)
		}
		aliatest.Rate(t, db, "USD", calendar.DateOf(now.AddDate(0, 0, -3)), "32")
		if _, err := o.overtime(dollars); err != nil {
			t.Fatal(err)
		}
		// 2.5 × 100 TRY ÷ 32 = 7.8125 → 7.81, 1.56, 9.37.
		i := o.lines(dollars)[0]
		if !i.TotalAmount.Equal(amount("7.81")) || !i.GrandTotal.Equal(amount("9.37")) || *i.PriceCurrency != "TRY" || !i.ExchangeRate.Equal(amount("0.03125")) {
			t.Errorf("in dollars: %v", i)
		}
		// By hand the hours may be others; the price stays that of the parameter.
		if _, err := o.UpdateItem(o.as(actor.WorkOrderWrite), workorder.UpdateItemInput{ID: globalid.ID{Type: "WorkOrderItem", Key: i.ID}, Version: i.Version, Quantity: new(amount("5"))}); err != nil {
			t.Fatal(err)
		}
		if i := o.lines(dollars)[0]; !i.TotalAmount.Equal(amount("15.63")) || !i.UnitPrice.Equal(amount("100")) || *i.PriceSource != workorderitem.PriceSourceParameter {
			t.Errorf("five hours by hand: %v", i)
		}
		set := func(category, code, value string) {
			db.Parameter.Create().SetCategory(category).SetCode(code).SetName(code).SetValue(value).SetDataType("NUMBER").SetIsSystem(true).ExecX(t.Context())
		}
		set("IS_KURALI", "SECURITY_EXIT_THRESHOLD_HOURS", "1.5")
		set("IS_KURALI", "OVERTIME_HOURLY", "80")
		set("INVOICE", "DEFAULT_VAT_RATE", "10")
		lira := o.done(100)
		if _, err := o.overtime(lira); err != nil {
			t.Fatal(err)
		}
		// 10 minutes are 0.17 hours: 13.60 and 1.36.
		if i := o.lines(lira)[0]; !i.TotalAmount.Equal(amount("13.6")) || !i.GrandTotal.Equal(amount("14.96")) || !i.VatRate.Equal(amount("10")) {
			t.Errorf("by other parameters: %v", i)
		}
		// Another price by hand leaves the rate of VAT.
		billed := globalid.ID{Type: "WorkOrderItem", Key: o.lines(lira)[0].ID}
		if _, err := o.UpdateItem(o.as(actor.WorkOrderWrite), workorder.UpdateItemInput{ID: billed, Version: 1, UnitPrice: new(amount("50"))}); err != nil {
			t.Fatal(err)
		}
		if i := o.lines(lira)[0]; !i.TotalAmount.Equal(amount("8.5")) || !i.VatRate.Equal(amount("10")) {
			t.Errorf("at another price by hand: %v", i)
		}
		db.Parameter.Update().Where(entparameter.Code("OVERTIME_HOURLY")).SetValue("0").ExecX(t.Context())
		if _, err := o.overtime(lira); err != nil || len(o.lines(lira)) != 0 {
			t.Errorf("an hour that costs nothing leaves %v, %v", o.lines(lira), err)
		}
	})
}

func TestOvertimeIsRefused(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		inside := o.done(390)
		db.GateLog.Create().SetWorkOrder(inside).SetWoNumber(inside.WoNumber).SetWoStatus("APPROVED").SetSubject("VEHICLE").SetPlateNorm("34A1234").
			SetEntryAt(now.Add(-time.Hour)).SetEntryBy(o.clerk.ID).SetEntryByName("x").SetBaseMinutes(240).ExecX(t.Context())
		for what, c := range map[string]struct {
			wo   *ent.WorkOrder
			want apperr.Code
		}{
			"while somebody is inside":      {inside, apperr.WorkOrderInside},
			"before the work is done":       {o.order("IN_PROGRESS"), apperr.WorkOrderOvertime},
			"before anybody has left":       {o.order("COMPLETED", func(c *ent.WorkOrderCreate) { c.SetActualEnd(now) }), apperr.WorkOrderOvertime},
			"of what is invoiced":           {o.order("INVOICED"), apperr.WorkOrderLocked},
			"of an order that is not there": {&ent.WorkOrder{ID: 999}, apperr.WorkOrderNotFound},
		} {
			if _, err := o.overtime(c.wo); !apperr.Is(err, c.want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := o.CalculateOvertime(o.as(actor.WorkOrderRead), workorder.OvertimeInput{ID: globalid.ID{Type: "WorkOrder", Key: inside.ID}}); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("by one who may only read: %v", err)
		}
		_, err := o.AddItem(o.as(actor.WorkOrderWrite), workorder.AddItemInput{WorkOrderID: globalid.ID{Type: "WorkOrder", Key: inside.ID}, Item: workorder.ItemInput{
			ItemType: workorderitem.ItemTypeWorklog, ResourceCode: new(workorder.OvertimeCode), Unit: new("SAAT"), Quantity: amount("1"), UnitPrice: new(amount("1")),
		}})
		if all, _ := apperr.All(err); len(all) != 1 || all[0].Code != apperr.Validation {
			t.Errorf("a line of overtime by hand: %v", err)
		}
	})
}

func TestManyCalculationsAtOnceLeaveOneLineOfOvertime(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		wo := o.done(390)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := o.overtime(wo); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if l := o.lines(wo); len(l) != 1 || l[0].Version != 1 {
			t.Errorf("%d lines: %v", len(l), l)
		}
		if got := db.WorkOrder.Query().Where(entworkorder.ID(wo.ID)).OnlyX(t.Context()); got.Version != wo.Version+1 {
			t.Errorf("version %d after %d", got.Version, wo.Version)
		}
	})
}
