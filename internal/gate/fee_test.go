package gate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/gate"
	"aliaport/internal/globalid"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
)

// stay is that of a lorry which came in at eight and left so many minutes later, or
// is still inside.
func (p *port) stay(wo *ent.WorkOrder, minutes int) *ent.GateLog {
	p.t.Helper()
	p.made++
	plate := fmt.Sprintf("34A%d", p.made)
	c := p.DB.GateLog.Create().SetWorkOrder(wo).SetWoNumber(wo.WoNumber).SetWoStatus("APPROVED").SetSubject("VEHICLE").SetVehicleType("TRUCK").SetVehiclePlate(plate).SetPlateNorm(plate).
		SetEntryAt(now).SetEntryBy(p.officer.ID).SetEntryByName("x").SetBaseMinutes(240)
	if minutes > 0 {
		c.SetExitAt(now.Add(time.Duration(minutes) * time.Minute)).SetDurationMinutes(minutes).SetOverrunMinutes(max(0, minutes-240))
	}
	return c.SaveX(p.t.Context())
}

// TestTheFeeOfAStay has the figures of the rule of four hours: 15 USD cover 240
// minutes, each one more costs 0.0625.
func TestTheFeeOfAStay(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		ctx := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.GateRead}))
		wo := p.order("APPROVED")
		if _, err := p.StayFee(ctx, *logID(p.stay(wo, 10))); !apperr.Is(err, apperr.ServiceNotFound) {
			t.Errorf("without the service: %v", err)
		}
		card := aliatest.Service(t, db, gate.StayService, "ADET", "15", "USD", service.CalculationTypeVehicle4hRule, `{"base_minutes": 240}`)
		check := func(what string, f *gate.Fee, err error, minutes, over int, exact, net, gross string) {
			t.Helper()
			if err != nil || f == nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			if f.Minutes != minutes || f.OverrunMinutes != over || f.Currency != "USD" || !f.Exact.Decimal().Equal(decimal.RequireFromString(exact)) ||
				!f.Net.Equal(decimal.RequireFromString(net)) || !f.Gross.Equal(decimal.RequireFromString(gross)) || f.Trace.Source.Kind != pricing.FromService {
				t.Errorf("%s: %d minutes, %d over: %v, %v + %v = %v %s", what, f.Minutes, f.OverrunMinutes, f.Exact.Decimal(), f.Net, f.VAT, f.Gross, f.Currency)
			}
		}
		for _, c := range []struct {
			minutes, over     int
			exact, net, gross string
		}{{180, 0, "15", "15", "18"}, {240, 0, "15", "15", "18"}, {241, 1, "15.0625", "15.06", "18.07"}, {450, 210, "28.125", "28.13", "33.76"}} {
			f, err := p.StayFee(ctx, *logID(p.stay(wo, c.minutes)))
			check("one that is over", f, err, c.minutes, c.over, c.exact, c.net, c.gross)
			if f != nil && (!f.IsFinal() || f.TRY != nil) {
				t.Errorf("final %t, in TRY %v", f.IsFinal(), f.TRY)
			}
		}
		aliatest.Rate(t, db, "USD", calendar.DateOf(now), "32.5")
		inside := p.stay(wo, 0)
		p.pass(241*time.Minute + 59*time.Second)
		f, err := p.StayFee(ctx, *logID(inside))
		check("one that goes on", f, err, 241, 1, "15.0625", "15.06", "18.07")
		if f.IsFinal() || !f.TRY.Equal(decimal.RequireFromString("489.45")) {
			t.Errorf("final %t, in TRY %v", f.IsFinal(), f.TRY)
		}
		// Another rule of the service counts, not what the gate noted at the entry.
		db.Service.UpdateOneID(card).SetFormulaParams([]byte(`{"base_minutes": 120}`)).ExecX(ctx)
		f, err = p.StayFee(ctx, *logID(inside))
		check("by another rule", f, err, 241, 121, "30.125", "30.13", "36.16")
		db.Service.UpdateOneID(card).SetIsActive(false).ExecX(ctx)
		if _, err := p.StayFee(ctx, *logID(inside)); !apperr.Is(err, apperr.ServiceInactive) {
			t.Errorf("by a service that was given up: %v", err)
		}
	})
}

func TestWhatHasNoFee(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		ctx := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.GateRead}))
		wo := p.order("APPROVED")
		person, corrected := p.stay(wo, 10), p.stay(wo, 10)
		person = db.GateLog.UpdateOne(person).SetIsSuperseded(false).SaveX(ctx)
		person.Subject = "PERSON"
		if _, err := p.FeeOf(ctx, person); !apperr.Is(err, apperr.Validation) {
			t.Errorf("a person: %v", err)
		}
		db.GateLog.UpdateOne(corrected).SetIsSuperseded(true).ExecX(ctx)
		if _, err := p.StayFee(ctx, *logID(corrected)); !apperr.Is(err, apperr.GateLogCorrected) {
			t.Errorf("what was corrected: %v", err)
		}
		if f, err := p.StayFee(ctx, globalid.ID{Type: "GateLog", Key: 999}); f != nil || err != nil {
			t.Errorf("what is not there: %v, %v", f, err)
		}
		if _, err := p.StayFee(actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.WorkOrderRead})), *logID(person)); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("by one who may not look: %v", err)
		}
	})
}
