package trip

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/money"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
)

// IsPriced tells whether a trip has a price.
func IsPriced(t *ent.Trip) bool { return t.GrandTotal != nil }

// Measures are what the formula of a service asks for and a trip does not tell.
type Measures struct {
	Quantity    *decimal.Decimal // nil: one trip, or its hours where the service is sold by the hour
	WeightKg    *decimal.Decimal
	PersonCount *int
	Days        *decimal.Decimal
	Measure     *decimal.Decimal
}

func (m Measures) check() error {
	var faults apperr.Errors
	for _, v := range []struct {
		field string
		value *decimal.Decimal
	}{{"quantity", m.Quantity}, {"weightKg", m.WeightKg}, {"days", m.Days}, {"measure", m.Measure}} {
		if v.value == nil {
			continue
		}
		switch e := money.Check(v.field, *v.value, money.PricePlaces); {
		case e != nil:
			faults.Add(e)
		case v.field == "quantity" && !v.value.IsPositive():
			faults.Add(apperr.Invalid(v.field, apperr.Positive))
		case v.value.IsNegative():
			faults.Add(apperr.Invalid(v.field, apperr.NotNegative))
		}
	}
	if m.PersonCount != nil && *m.PersonCount < 0 {
		faults.Add(apperr.Invalid("personCount", apperr.NotNegative))
	}
	return faults.OrNil()
}

// PriceInput names a trip that is to be priced, with what its service asks for.
type PriceInput struct {
	ID globalid.ID
	Measures
}

// Price prices a trip that is back and not invoiced: one that could not be priced when
// it returned, or anew by the tariffs, rates and settings of now for the day of the
// departure. Where nothing has changed it changes nothing.
func (s *Service) Price(ctx context.Context, in PriceInput) (*Result, error) {
	if err := actor.Require(ctx, actor.WorkOrderInvoice); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, func(tx *ent.Tx) error {
		t, _, err := s.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		tr, ok := step(t, Price)
		if !ok {
			return refuse(t, Price)
		}
		l, err := s.price(ctx, tx, t, *t.ReturnAt, in.Measures)
		if err != nil {
			return err
		}
		if same, err := l.Trace.IsStoredAs(t.Calculation); err != nil || same {
			return err
		}
		u := tx.Trip.Update().Where(trip.ID(id), trip.StatusEQ(tr.From), trip.InvoiceStatusEQ(t.InvoiceStatus))
		e := audit.Event{Action: tr.trail, Changes: audit.Changes{}}
		if IsPriced(t) {
			e.Extra = map[string]any{"before": t.GrandTotal.String() + " " + *t.Currency}
		}
		if err := setPrice(u.Mutation(), l, e.Changes); err != nil {
			return err
		}
		return s.save(ctx, tx, t, u, e)
	})
	return s.after(ctx, id, err)
}

// price works out what a trip of a customer costs that came back at the given time:
// by its service, else by the parameters of trips. It is refused where there is no
// price, or no rate for the value in TRY.
func (s *Service) price(ctx context.Context, tx *ent.Tx, t *ent.Trip, back time.Time, m Measures) (pricing.Line, error) {
	customer, err := tx.Cari.Get(ctx, *t.CariID)
	if err != nil {
		return pricing.Line{}, fmt.Errorf("customer of trip %d: %w", t.ID, err)
	}
	basis := quote.Basis{Day: calendar.DateOf(*t.DepartureAt), Currency: customer.Currency, AsPriced: true, InTRY: true}
	minutes := int(back.Sub(*t.DepartureAt) / time.Minute)
	l := quote.Line{Inputs: pricing.Inputs{
		Quantity: m.Quantity, WeightKg: m.WeightKg, Minutes: quote.Whole(&minutes), Days: m.Days, Persons: quote.Whole(m.PersonCount), Measure: m.Measure,
	}}
	unit := ""
	if t.ServiceID == nil {
		if l.Setting, err = UsualPrice(ctx, tx.Client()); err != nil {
			return pricing.Line{}, err
		}
	} else {
		if l.Service, err = tx.Service.Get(ctx, *t.ServiceID); err != nil {
			return pricing.Line{}, fmt.Errorf("service of trip %d: %w", t.ID, err)
		}
		unit = l.Service.Unit
	}
	if l.Inputs.Quantity == nil {
		l.Inputs.Quantity = new(quantity(unit, minutes))
	}
	return s.Quotes.Line(ctx, tx.Client(), basis, l)
}

// quantity is one trip, or its hours to 2 places where they are what is sold.
func quantity(unit string, minutes int) decimal.Decimal {
	const hour, perHour = "SAAT", 60
	if unit == hour {
		return decimal.NewFromInt(int64(minutes)).DivRound(decimal.NewFromInt(perHour), money.AmountPlaces)
	}
	return decimal.NewFromInt(1)
}

// UsualPrice is that of a trip without a service.
func UsualPrice(ctx context.Context, c *ent.Client) (*quote.Setting, error) {
	values, err := parameter.Read(ctx, c, parameter.TripCategory)
	if err != nil {
		return nil, err
	}
	amount, err1 := parameter.Of(values, parameter.TripUnitPrice)
	vat, err2 := parameter.Of(values, parameter.TripVATRate)
	return &quote.Setting{Code: parameter.TripUnitPrice.Code, Price: amount, Currency: "USD", VATRate: vat}, errors.Join(err1, err2)
}

// mendable takes from an error what somebody can mend later. Anything else stays one.
func mendable(err error) (apperr.Errors, error) {
	all, ok := apperr.All(err)
	if !ok {
		return nil, err
	}
	for _, e := range all {
		if !e.Code.IsUser() {
			return nil, err
		}
	}
	return all, nil
}

// setPrice writes a price and how it came about into a row, and notes the change.
func setPrice(m *ent.TripMutation, l pricing.Line, changes audit.Changes) error {
	calculation, err := json.Marshal(l.Trace)
	if err != nil {
		return fmt.Errorf("write calculation: %w", err)
	}
	m.SetUnitPrice(l.Trace.Price.Amount)
	m.SetCurrency(l.Currency)
	m.SetVatRate(l.VATRate)
	m.SetNetAmount(l.Net)
	m.SetVatAmount(l.VAT)
	m.SetGrandTotal(l.Gross)
	m.SetAmountTry(*l.TRY)
	m.SetCalculation(calculation)
	if h := l.Trace.Home; h != nil {
		m.SetExchangeRate(h.Rate.Value)
		m.SetRateKind(h.Rate.Kind)
		m.SetRateDate(h.Rate.BulletinDate)
	} else {
		m.ClearExchangeRate()
		m.ClearRateKind()
		m.ClearRateDate()
	}
	changes.Set("grand_total", nil, l.Gross)
	changes.Set("currency", nil, l.Currency)
	return nil
}

// sold is the key of a service that is sold.
func sold(ctx context.Context, tx *ent.Tx, code string) (int64, error) {
	found, err := tx.Service.Query().Where(service.Code(code)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return 0, apperr.New(apperr.ServiceNotFound).At("serviceCode")
	case err != nil:
		return 0, fmt.Errorf("find service %s: %w", code, err)
	case !found.IsActive:
		return 0, apperr.New(apperr.ServiceInactive, "code", code).At("serviceCode")
	}
	return found.ID, nil
}
