package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
)

// StayService is the code of the service that says what a vehicle's stay costs.
const StayService = "TMP.030"

// Fee is what the stay of a vehicle comes to (araç kalış ücreti). It is a preview:
// what is billed is a line of the work order.
type Fee struct {
	pricing.Line // in the currency of the price; TRY is missing where there is no rate

	GateLog        *ent.GateLog
	Until          time.Time // the exit, or now
	Minutes        int       // inside until then
	OverrunMinutes int       // of those beyond what the price covers
}

// IsFinal holds once the vehicle has left.
func (f *Fee) IsFinal() bool { return f.GateLog.ExitAt != nil }

// StayFee is what the stay of a vehicle costs, or would if it left now; nil when there
// is no such log. It reads only.
func (s *Service) StayFee(ctx context.Context, id globalid.ID) (*Fee, error) {
	l, err := s.Find(ctx, id)
	if l == nil || err != nil {
		return nil, err
	}
	return s.FeeOf(ctx, l)
}

// FeeOf does the same for a log that was read.
func (s *Service) FeeOf(ctx context.Context, l *ent.GateLog) (*Fee, error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return nil, err
	}
	switch {
	case l.Subject != gatelog.SubjectVehicle:
		return nil, apperr.Invalid("gateLog", apperr.NotAVehicle)
	case l.IsSuperseded:
		return nil, apperr.New(apperr.GateLogCorrected).At("gateLog")
	}
	wo, err := s.DB.WorkOrder.Get(ctx, l.WorkOrderID)
	if err != nil {
		return nil, fmt.Errorf("work order of gate log %d: %w", l.ID, err)
	}
	card, err := s.DB.Service.Query().Where(service.Code(StayService)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.ServiceNotFound)
	case err != nil:
		return nil, fmt.Errorf("find service %s: %w", StayService, err)
	}
	f := &Fee{GateLog: l, Until: s.Now()}
	if l.ExitAt != nil {
		f.Until = *l.ExitAt
	}
	if f.Until.Before(l.EntryAt) { // the server's clock was put back
		f.Until = l.EntryAt
	}
	f.Minutes, f.OverrunMinutes = Stay(l.EntryAt, f.Until, l.BaseMinutes)
	once := decimal.NewFromInt(1)
	f.Line, err = s.Quotes.Line(ctx, s.DB.Client,
		quote.Basis{Day: calendar.DateOf(l.EntryAt), Currency: wo.Currency, ListID: wo.PriceListID, AsPriced: true},
		quote.Line{Service: card, Inputs: pricing.Inputs{Quantity: &once, Minutes: quote.Whole(&f.Minutes)}})
	if err != nil {
		return nil, err
	}
	return f, f.overrun()
}

// overrun counts the minutes beyond those that the price covers by its own rule, which
// may be another than the port had at the entry.
func (f *Fee) overrun() error {
	params, err := pricing.ParseParams(f.Trace.Calculation.Type, f.Trace.Calculation.Params)
	if err != nil {
		return fmt.Errorf("rule of the service %s: %w", StayService, err)
	}
	rule, ok := params.(pricing.Vehicle4HParams)
	if !ok {
		return nil // the port prices stays by something else
	}
	stay, err := pricing.VehicleStay(f.GateLog.EntryAt, f.Until, rule, f.Trace.Price.Amount)
	if err != nil {
		return err
	}
	f.OverrunMinutes = int(stay.Overrun.IntPart())
	return nil
}
