package trip_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/service"
	enttrip "aliaport/ent/trip"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
	"aliaport/internal/trip"
)

// back brings home a trip of the customer that left so many minutes ago.
func (p *port) back(t testing.TB, m *ent.Motorbot, customer *ent.Cari, minutes int, serviceCode *string) *trip.Result {
	t.Helper()
	in := planned(m, p.now.Add(-time.Duration(minutes)*time.Minute), nil)
	if customer != nil {
		in.CariCode = &customer.CariCode
	}
	in.ServiceCode = serviceCode
	made := mustDo(t)(p.Plan(p.ctx, in))
	mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(made), DepartureAt: &in.PlannedDepartureAt}))
	r, err := p.Return(p.ctx, trip.ReturnInput{ID: id(made)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// costs wants the amounts of a trip, and its explanation to say the same.
func costs(t testing.TB, what string, got *ent.Trip, currency, net, vat, gross, try string) {
	t.Helper()
	if !trip.IsPriced(got) {
		t.Errorf("%s has no price", what)
		return
	}
	trace, err := pricing.DecodeTrace(got.Calculation)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Currency != currency || trace.Currency != currency {
		t.Errorf("%s is priced in %s (%s), want %s", what, *got.Currency, trace.Currency, currency)
	}
	for name, v := range map[string]struct {
		got  *decimal.Decimal
		want string
	}{"net": {got.NetAmount, net}, "VAT": {got.VatAmount, vat}, "gross": {got.GrandTotal, gross}, "TRY": {got.AmountTry, try}, "explained net": {&trace.Net, net}, "explained gross": {&trace.Gross, gross}} {
		if v.got == nil || !v.got.Equal(decimal.RequireFromString(v.want)) {
			t.Errorf("%s: %s is %v, by hand %s", what, name, v.got, v.want)
		}
	}
}

func TestTripsArePricedWhenTheyReturn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		aliatest.Rate(t, db, "USD", today, "32.5")
		aliatest.Service(t, db, "SFR.001", "SEFER", "1500", "TRY", service.CalculationTypePerUnit, "")
		aliatest.Service(t, db, "SFR.002", "SAAT", "20", "USD", service.CalculationTypePerUnit, "")
		aliatest.Service(t, db, "SFR.003", "ADET", "15", "USD", service.CalculationTypeVehicle4hRule, `{"base_minutes": 240}`)
		customer := p.customer(t)

		plain := p.back(t, p.boat(t, "MB001"), customer, 90, nil).Trip
		costs(t, "one by the parameters", plain, "USD", "10", "2", "12", "325")
		if *plain.RateKind != "FOREX_SELLING" || *plain.RateDate != today.AddDays(-1) || !plain.ExchangeRate.Equal(decimal.RequireFromString("32.5")) || !plain.UnitPrice.Equal(decimal.NewFromInt(10)) {
			t.Errorf("its rate is %v, %v, %v, its price %v", plain.RateKind, plain.RateDate, plain.ExchangeRate, plain.UnitPrice)
		}
		trace, err := pricing.DecodeTrace(plain.Calculation)
		if err != nil {
			t.Fatal(err)
		}
		if s := trace.Sentence(apperr.Turkish); trace.Source.Kind != pricing.FromParameter || !strings.HasPrefix(s, "DEFAULT_UNIT_PRICE parametresine göre") || !strings.Contains(s, "net 325,00 TRY") {
			t.Errorf("it says: %s", s)
		}
		one := p.back(t, p.boat(t, "MB002"), customer, 90, new("SFR.001")).Trip
		costs(t, "one by a service", one, "TRY", "1500", "300", "1800", "1500")
		if one.ExchangeRate != nil || one.RateKind != nil || one.RateDate != nil {
			t.Errorf("lira at the rate of %v", one.ExchangeRate)
		}
		// 100 minutes are 1.67 hours: 33.40, 6.68, and 33.40 × 32.5 = 1085.50.
		costs(t, "one by the hour", p.back(t, p.boat(t, "MB003"), customer, 100, new("SFR.002")).Trip, "USD", "33.4", "6.68", "40.08", "1085.5")
		// 450 minutes: 28.125 → 28.13, 5.63, and 28.13 × 32.5 = 914.225 → 914.23.
		costs(t, "one by minutes", p.back(t, p.boat(t, "MB004"), customer, 450, new("SFR.003")).Trip, "USD", "28.13", "5.63", "33.76", "914.23")

		if own := p.back(t, p.boat(t, "MB005"), nil, 90, nil); trip.IsPriced(own.Trip) || own.Trip.InvoiceStatus != enttrip.InvoiceStatusNone || len(own.Warnings) > 0 {
			t.Errorf("the port's own trip: %+v", own)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("complete"), auditevent.EntityID(strconv.FormatInt(plain.ID, 10))).OnlyX(p.ctx); !strings.Contains(string(n.Changes), `"grand_total"`) {
			t.Errorf("the trail has %s", n.Changes)
		}
	})
}

// TestABoatThatIsBackIsBack: no missing price keeps a return from being recorded, and
// once the cause is mended the trip is priced.
func TestABoatThatIsBackIsBack(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		customer := p.customer(t)
		old := aliatest.Service(t, db, "SFR.001", "SEFER", "1500", "TRY", service.CalculationTypePerUnit, "")
		free := aliatest.Service(t, db, "SFR.002", "SEFER", "0", "TRY", service.CalculationTypePerUnit, "")
		aliatest.Service(t, db, "SFR.003", "SEFER", "0.5", "TRY", service.CalculationTypeXSecondary, `{"primary": "WEIGHT", "secondary": "PERSONS", "weight_unit": "kg"}`)
		aliatest.Rate(t, db, "USD", today.AddDays(-20), "30") // too old

		inactive := planned(p.boat(t, "MB000"), p.now.Add(-time.Hour), nil)
		inactive.CariCode, inactive.ServiceCode = &customer.CariCode, new("SFR.001")
		laid := mustDo(t)(p.Plan(p.ctx, inactive))
		mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(laid)}))
		db.Service.UpdateOneID(old).SetIsActive(false).ExecX(p.ctx)
		p.now = p.now.Add(time.Minute)
		first, err := p.Return(p.ctx, trip.ReturnInput{ID: id(laid)})
		if err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			r      *trip.Result
			want   apperr.Code
			mend   func()
			with   trip.Measures
			amount string
		}{
			"a rate that is too old": {p.back(t, p.boat(t, "MB001"), customer, 60, nil), apperr.RateMissing, func() { aliatest.Rate(t, db, "USD", today, "32.5") }, trip.Measures{}, "12"},
			"a service that was given up": {first, apperr.ServiceInactive, func() {
				db.Service.UpdateOneID(old).SetIsActive(true).ExecX(p.ctx)
			}, trip.Measures{}, "1800"},
			"a service without a price": {p.back(t, p.boat(t, "MB002"), customer, 60, new("SFR.002")), apperr.ServicePrice, func() {
				db.Service.UpdateOneID(free).SetBasePrice(decimal.NewFromInt(50)).ExecX(p.ctx)
			}, trip.Measures{}, "60"},
			"a formula that wants more": {p.back(t, p.boat(t, "MB003"), customer, 60, new("SFR.003")), apperr.PriceMissing, func() {}, trip.Measures{WeightKg: new(decimal.NewFromInt(100)), PersonCount: new(3)}, "180"},
		} {
			got := c.r.Trip
			if got.Status != enttrip.StatusCompleted || got.InvoiceStatus != enttrip.InvoiceStatusPending || trip.IsPriced(got) || got.Calculation != nil || len(c.r.Warnings) == 0 || c.r.Warnings[0].Code != c.want {
				t.Errorf("%s: %+v warns %v", what, got, c.r.Warnings)
				continue
			}
			if _, err := p.MarkInvoiced(p.ctx, trip.InvoiceInput{ID: id(got), InvoiceNo: "FT-1"}); !apperr.Is(err, apperr.TripNotPriced) {
				t.Errorf("%s: invoiced: %v", what, err)
			}
			if _, err := p.Price(p.ctx, trip.PriceInput{ID: id(got)}); !apperr.Is(err, c.want) {
				t.Errorf("%s: priced too early: %v", what, err)
			}
			c.mend()
			r, err := p.Price(p.ctx, trip.PriceInput{ID: id(got), Measures: c.with})
			if err != nil {
				t.Errorf("%s: mended: %v", what, err)
				continue
			}
			if !r.Trip.GrandTotal.Equal(decimal.RequireFromString(c.amount)) {
				t.Errorf("%s: it costs %v, want %s", what, r.Trip.GrandTotal, c.amount)
			}
			if r, err = p.MarkInvoiced(p.ctx, trip.InvoiceInput{ID: id(got), InvoiceNo: "FT-1"}); err != nil || r.Trip.InvoiceStatus != enttrip.InvoiceStatusInvoiced {
				t.Errorf("%s: invoiced: %v", what, err)
			}
		}
	})
}

func TestPricingAgainChangesNothingUntilSomethingHasChanged(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		aliatest.Rate(t, db, "USD", today, "32.5")
		was := p.back(t, p.boat(t, "MB001"), p.customer(t), 60, nil).Trip
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if r, err := p.Price(p.ctx, trip.PriceInput{ID: id(was)}); err != nil || r.Trip.Version != was.Version {
					t.Errorf("priced again: %+v, %v", r, err)
				}
			})
		}
		wg.Wait()
		if n := db.AuditEvent.Query().Where(auditevent.Action("price_calc")).CountX(p.ctx); n != 0 {
			t.Errorf("%d lines in the trail for nothing", n)
		}
		db.Parameter.Create().SetCategory("TRIP").SetCode("DEFAULT_UNIT_PRICE").SetName("Fiyat").SetValue("12.5").SetDataType("NUMBER").SetIsSystem(true).ExecX(p.ctx)
		r, err := p.Price(p.ctx, trip.PriceInput{ID: id(was)})
		if err != nil || r.Trip.Version != was.Version+1 {
			t.Fatalf("priced by another parameter: %+v, %v", r, err)
		}
		costs(t, "the trip", r.Trip, "USD", "12.5", "2.5", "15", "406.25")
		if e := db.AuditEvent.Query().Where(auditevent.Action("price_calc")).OnlyX(p.ctx); !strings.Contains(string(e.Changes), "15") || !strings.Contains(string(e.Extra), "12 USD") {
			t.Errorf("the trail has %s, %s", e.Changes, e.Extra)
		}
		invoiced := mustDo(t)(p.MarkInvoiced(p.ctx, trip.InvoiceInput{ID: id(was), InvoiceNo: "FT-1"}))
		db.Parameter.Update().SetValue("99").ExecX(p.ctx)
		if _, err := p.Price(p.ctx, trip.PriceInput{ID: id(was)}); !apperr.Is(err, apperr.TripTransition) {
			t.Errorf("an invoiced trip is priced: %v", err)
		}
		if now := db.Trip.GetX(p.ctx, was.ID); now.Version != invoiced.Version || !now.GrandTotal.Equal(decimal.NewFromInt(15)) {
			t.Errorf("an invoiced trip changed: %v", now)
		}
	})
}

func TestMeasuresOfATripAreJudged(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		made := p.plan(t, p.boat(t, "MB001"), at(10, 0), nil)
		_, err := p.Price(p.ctx, trip.PriceInput{ID: id(made), Measures: trip.Measures{
			Quantity: new(decimal.Zero), WeightKg: new(decimal.NewFromInt(-1)), Days: new(decimal.RequireFromString("0.00001")), PersonCount: new(-1),
		}})
		all, _ := apperr.All(err)
		if len(all) != 4 {
			t.Errorf("refused with %v", err)
		}
		if _, err := p.Price(p.ctx, trip.PriceInput{ID: id(made)}); !apperr.Is(err, apperr.TripTransition) {
			t.Errorf("a plan is priced: %v", err)
		}
		for code, want := range map[string]apperr.Code{"YOK": apperr.ServiceNotFound, "ESKI": apperr.ServiceInactive} {
			if code == "ESKI" {
				db.Service.UpdateOneID(aliatest.Service(t, db, code, "SEFER", "1", "TRY", service.CalculationTypePerUnit, "")).SetIsActive(false).ExecX(p.ctx)
			}
			in := planned(p.boat(t, code), at(10, 0), nil)
			in.ServiceCode = &code
			if _, err := p.Plan(p.ctx, in); !apperr.Is(err, want) {
				t.Errorf("planned with the service %s: %v", code, err)
			}
		}
	})
}

// TestWhatIsInvoicedKeepsItsPrice: of pricing anew and invoicing at once either the
// new price is invoiced, or pricing comes too late.
func TestWhatIsInvoicedKeepsItsPrice(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		aliatest.Rate(t, db, "USD", today, "32.5")
		customer := p.customer(t)
		setting := db.Parameter.Create().SetCategory("TRIP").SetCode("DEFAULT_UNIT_PRICE").SetName("Fiyat").SetValue("10").SetDataType("NUMBER").SetIsSystem(true).SaveX(p.ctx)
		for n := range 8 {
			was := p.back(t, p.boat(t, fmt.Sprintf("MB%03d", n)), customer, 60, nil).Trip
			db.Parameter.UpdateOne(setting).SetValue(strconv.Itoa(20 + n)).ExecX(p.ctx)
			var priced, invoiced error
			var wg sync.WaitGroup
			wg.Go(func() { _, priced = p.Price(p.ctx, trip.PriceInput{ID: id(was)}) })
			wg.Go(func() { _, invoiced = p.MarkInvoiced(p.ctx, trip.InvoiceInput{ID: id(was), InvoiceNo: "FT-1"}) })
			wg.Wait()
			want := was.UnitPrice
			if priced == nil {
				want = new(decimal.NewFromInt(int64(20 + n)))
			}
			now := db.Trip.GetX(p.ctx, was.ID)
			if invoiced != nil || priced != nil && !apperr.Is(priced, apperr.TripTransition) || now.InvoiceStatus != enttrip.InvoiceStatusInvoiced || !now.UnitPrice.Equal(*want) {
				t.Fatalf("round %d: priced %v, invoiced %v: %v", n, priced, invoiced, now)
			}
			db.Parameter.UpdateOne(setting).SetValue("10").ExecX(p.ctx)
		}
	})
}
