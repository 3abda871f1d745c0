package gate_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/gatelog"
	"aliaport/ent/gatepin"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/gate"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// atOnce runs f for 0 … n-1, all let go together, and returns what each ended with.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			errs[i] = f(i)
		})
	}
	done.Wait()
	return errs
}

// oneWins fails unless one of them succeeded and all others were refused with the code.
func oneWins(t *testing.T, errs []error, code apperr.Code) {
	t.Helper()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !apperr.Is(err, code):
			t.Fatalf("lost with %v", err)
		}
	}
	if won != 1 {
		t.Fatalf("%d of %d won: %v", won, len(errs), errs)
	}
}

func TestOfTwoGatesOneLetsAPlateIn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		orders := []*ent.WorkOrder{p.order("APPROVED"), p.order("IN_PROGRESS")}
		for n := range rounds {
			typed := []string{fmt.Sprintf("34 A %04d", n), fmt.Sprintf("34-a-%04d", n)}
			oneWins(t, atOnce(2, func(i int) error {
				_, err := p.enter(orders[i], typed[i])
				return err
			}), apperr.GateLogInside)
		}
		if n := db.GateLog.Query().CountX(t.Context()); n != rounds {
			t.Errorf("%d logs after %d rounds", n, rounds)
		}
	})
}

func TestOfTwoGatesOneLetsAPersonIn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("APPROVED")
		for n := range rounds {
			person := p.person(wo, "APPROVED")
			plates := []*string{new(fmt.Sprintf("34 A %04d", n)), nil} // one drives, one walks
			oneWins(t, atOnce(2, func(i int) error {
				_, err := p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), PersonID: personID(person), VehiclePlate: plates[i]})
				return err
			}), apperr.GateLogInside)
		}
		if n := db.GateLog.Query().CountX(t.Context()); n != rounds {
			t.Errorf("%d logs after %d rounds", n, rounds)
		}
	})
}

func TestOfTwoGatesOneRecordsTheExit(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		for n := range rounds {
			wo, plate := p.order("APPROVED"), fmt.Sprintf("34 A %04d", n)
			l := p.mustEnter(wo, plate)
			ins := []gate.ExitInput{{ID: logID(l)}, {VehiclePlate: &plate}}
			oneWins(t, atOnce(2, func(i int) error {
				_, err := p.Exit(p.ctx(), ins[i])
				return err
			}), apperr.GateLogExited)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("gate_exit"), auditevent.OutcomeEQ(auditevent.OutcomeOk)).CountX(t.Context()); n != rounds {
			t.Errorf("%d exits in the trail after %d rounds", n, rounds)
		}
	})
}

func TestTheLastOfTwoWhoLeaveAtOnceIsNoted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		for n := range rounds {
			wo := p.order("APPROVED")
			logs := []*ent.GateLog{p.mustEnter(wo, fmt.Sprintf("34 A %04d", n)), p.mustEnter(wo, fmt.Sprintf("34 B %04d", n))}
			p.pass(time.Minute)
			for _, err := range atOnce(2, func(i int) error {
				_, err := p.Exit(p.ctx(), gate.ExitInput{ID: logID(logs[i])})
				return err
			}) {
				if err != nil {
					t.Fatal(err)
				}
			}
			if at := db.WorkOrder.GetX(t.Context(), wo.ID).SecurityExitAt; at == nil || !at.Equal(p.now()) {
				t.Fatalf("round %d: both left, and the order notes %v", n, at)
			}
		}
	})
}

func TestAnOrderIsNotClosedOverSomebodyWhoComesIn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		p.pin()
		for n := range rounds {
			wo, plate := p.order("INVOICED"), fmt.Sprintf("34 A %04d", n)
			errs := atOnce(2, func(i int) (err error) {
				if i == 0 {
					_, err = p.orders.Take(p.ctx(), workorder.Close, workorder.StepInput{ID: *orderID(wo)})
				} else {
					_, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Exception: &gate.ExceptionInput{Pin: "240611", Reason: "Amir onayladı"}})
				}
				return err
			})
			closed, in := errs[0] == nil, errs[1] == nil
			if closed == in || !closed && !apperr.Is(errs[0], apperr.WorkOrderInside) || !in && !apperr.Is(errs[1], apperr.GateLogNotApproved) {
				t.Fatalf("closing ended with %v, entering with %v", errs[0], errs[1])
			}
		}
	})
}

func TestACorrectionAndAnExitDoNotLoseEachOther(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("APPROVED")
		for n := range rounds {
			l, right := p.mustEnter(wo, fmt.Sprintf("34 A %04d", n)), fmt.Sprintf("34 B %04d", n)
			errs := atOnce(2, func(i int) (err error) {
				if i == 0 {
					_, err = p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(l), Reason: "Plaka yanlış", VehiclePlate: &right})
				} else {
					_, err = p.Exit(p.ctx(), gate.ExitInput{ID: logID(l)})
				}
				return err
			})
			if errs[0] != nil {
				t.Fatalf("the correction: %v", errs[0])
			}
			c := db.GateLog.Query().Where(gatelog.CorrectsID(l.ID)).OnlyX(t.Context())
			left := errs[1] == nil
			if left != (c.ExitAt != nil) {
				t.Fatalf("the exit ended with %v, the correction has %v", errs[1], c.ExitAt)
			}
			if !left && !apperr.Is(errs[1], apperr.GateLogCorrected) && !apperr.Is(errs[1], apperr.GateLogExited) {
				t.Fatalf("the exit: %v", errs[1])
			}
		}
	})
}

// pin gives the officer the PIN 240611.
func (p *port) pin() {
	p.t.Helper()
	p.DB.GatePin.Create().SetUserID(p.officer.ID).SetPinHash(p.hash("240611")).ExecX(p.t.Context())
}

func TestOfManyPINsSentAtOnceFiveAreJudged(t *testing.T) {
	t.Parallel()
	const sent = 12
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		p.pin()
		wo := p.order("DRAFT")
		for n := range min(rounds, 200) { // each is a hash
			db.GatePin.Update().SetFailedTries(0).ClearLockedUntil().ExecX(t.Context())
			// Five wrong ones are ahead of the right one, which must not help any more.
			wrong := atOnce(sent, func(i int) error {
				plate := fmt.Sprintf("34 A %04d", i)
				_, err := p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Exception: &gate.ExceptionInput{Pin: fmt.Sprint(100000 + i), Reason: "Deneme yanılma"}})
				return err
			})
			for _, err := range wrong {
				wants(t, err, apperr.GateLogPIN)
			}
			pin := db.GatePin.Query().Where(gatepin.UserID(p.officer.ID)).OnlyX(t.Context())
			if pin.FailedTries != 5 || pin.LockedUntil == nil || !pin.LockedUntil.Equal(p.now().Add(15*time.Minute)) {
				t.Fatalf("round %d: after %d wrong ones the PIN is %+v", n, sent, pin)
			}
			plate := "34 B 1234"
			in := gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Exception: &gate.ExceptionInput{Pin: "240611", Reason: "Amir onayladı"}}
			_, err := p.Enter(p.ctx(), in)
			wants(t, err, apperr.GateLogPIN)
			p.pass(15 * time.Minute)
			l, err := p.Enter(p.ctx(), in)
			wants(t, err, "")
			p.mustExit(l)
		}
	})
}

func TestSettingAPINNeedsThePassword(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wants(t, p.SetPIN(p.ctx(), gate.PinInput{Pin: "24061", Password: "Vardiya-2026"}), apperr.Validation, "pin")
		wants(t, p.SetPIN(p.ctx(), gate.PinInput{Pin: "24061a", Password: "Vardiya-2026"}), apperr.Validation, "pin")
		wants(t, p.SetPIN(p.ctx(), gate.PinInput{Pin: "240611", Password: "vardiya"}), apperr.InvalidCredentials, "password")
		wants(t, p.SetPIN(p.ctx(), gate.PinInput{Pin: "240611", Password: "Vardiya-2026"}), "")
		db.GatePin.Update().SetFailedTries(5).SetLockedUntil(now.Add(time.Minute)).ExecX(t.Context())
		wants(t, p.SetPIN(p.ctx(), gate.PinInput{Pin: "777777", Password: "Vardiya-2026"}), "")
		wo, plate := p.order("DRAFT"), "34 A 1234"
		for pin, want := range map[string]apperr.Code{"240611": apperr.GateLogPIN, "777777": ""} {
			_, err := p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Exception: &gate.ExceptionInput{Pin: pin, Reason: "Amir onayladı"}})
			wants(t, err, want)
		}
		if u := db.User.GetX(t.Context(), p.officer.ID); u.FailedLogins != 0 {
			t.Errorf("%d failures are left", u.FailedLogins)
		}
		if n := db.GatePin.Query().CountX(t.Context()); n != 1 {
			t.Errorf("%d PINs", n)
		}
	})
}
