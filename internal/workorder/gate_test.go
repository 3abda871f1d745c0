package workorder_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/worklog"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// TestStepsAskTheGateAndTheField: what the gate and the field have on record decides
// whether an order starts, is completed and is closed.
func TestStepsAskTheGateAndTheField(t *testing.T) {
	t.Parallel()
	checked := func(c *ent.WorkOrderCreate) { c.SetGateRequired(true) }
	person := func(status workorderperson.Status, active bool) func(*office, *ent.WorkOrder) {
		return func(o *office, wo *ent.WorkOrder) {
			o.DB.WorkOrderPerson.Create().SetWorkOrder(wo).SetFullName("x").SetPassportNo("U1234567").SetStatus(status).SetIsActive(active).
				SetCreatedBy(o.clerk.ID).ExecX(o.t.Context())
		}
	}
	stay := func(left, superseded bool) func(*office, *ent.WorkOrder) {
		return func(o *office, wo *ent.WorkOrder) {
			c := o.DB.GateLog.Create().SetWorkOrder(wo).SetWoNumber(wo.WoNumber).SetWoStatus("APPROVED").SetSubject("VEHICLE").SetPlateNorm("34A1234").
				SetEntryAt(now.Add(-time.Hour)).SetEntryBy(o.clerk.ID).SetEntryByName("x").SetBaseMinutes(240).SetIsSuperseded(superseded)
			if left {
				c.SetExitAt(now).SetDurationMinutes(60).SetOverrunMinutes(0)
			}
			o.made++
			c.SetPlateNorm(fmt.Sprintf("34A%d", o.made)).ExecX(o.t.Context())
		}
	}
	log := func(status worklog.Status) func(*office, *ent.WorkOrder) {
		return func(o *office, wo *ent.WorkOrder) {
			o.DB.WorkLog.Create().SetWorkOrder(wo).SetPersonnelName("x").SetTimeStart(now.Add(-time.Hour)).SetTimeEnd(now).SetDurationMinutes(60).
				SetQuantity(decimal.NewFromInt(1)).SetStatus(status).SetCreatedBy(o.clerk.ID).ExecX(o.t.Context())
		}
	}
	cases := map[string]struct {
		from   entworkorder.Status
		action workorder.Action
		gate   bool // required
		first  func(*office, *ent.WorkOrder)
		want   apperr.Code
	}{
		"start without the gate":                    {"APPROVED", "START", false, nil, ""},
		"start with nobody let in":                  {"APPROVED", "START", true, nil, apperr.WorkOrderMissing},
		"start with somebody announced":             {"APPROVED", "START", true, person("ANNOUNCED", true), apperr.WorkOrderMissing},
		"start with somebody refused":               {"APPROVED", "START", true, person("REFUSED", true), apperr.WorkOrderMissing},
		"start with somebody taken off":             {"APPROVED", "START", true, person("APPROVED", false), apperr.WorkOrderMissing},
		"start with somebody approved":              {"APPROVED", "START", true, person("APPROVED", true), ""},
		"start with somebody who was there":         {"APPROVED", "START", true, person("EXITED", true), ""},
		"start with a vehicle inside":               {"APPROVED", "START", true, stay(false, false), ""},
		"start with a vehicle that was there":       {"APPROVED", "START", true, stay(true, false), ""},
		"start with an entry that was a mistake":    {"APPROVED", "START", true, stay(true, true), apperr.WorkOrderMissing},
		"complete with work that waits":             {"IN_PROGRESS", "COMPLETE", false, log("PENDING"), apperr.WorkOrderPendingLogs},
		"complete with work that was approved":      {"IN_PROGRESS", "COMPLETE", false, log("APPROVED"), ""},
		"complete with work that was rejected":      {"IN_PROGRESS", "COMPLETE", false, log("REJECTED"), ""},
		"complete with work on the bill":            {"IN_PROGRESS", "COMPLETE", false, log("PROCESSED"), ""},
		"complete with a vehicle inside":            {"IN_PROGRESS", "COMPLETE", false, stay(false, false), ""},
		"close with a vehicle inside":               {"INVOICED", "CLOSE", false, stay(false, false), apperr.WorkOrderInside},
		"close with a vehicle that left":            {"INVOICED", "CLOSE", false, stay(true, false), ""},
		"close with an entry that was a mistake":    {"INVOICED", "CLOSE", false, stay(false, true), ""},
		"cancel with a vehicle inside is no matter": {"APPROVED", "CANCEL", false, stay(false, false), ""},
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		for name, c := range cases {
			var change []func(*ent.WorkOrderCreate)
			if c.gate {
				change = append(change, checked)
			}
			wo := o.order(c.from, change...)
			if c.first != nil {
				c.first(o, wo)
			}
			_, err := o.take(o.as(actor.Permissions...), wo, c.action, reason)
			if c.want == "" && err != nil || c.want != "" && !apperr.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestRequestersTakeBackWhatTheySubmitted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		mine := func() *ent.WorkOrder {
			return o.order("SUBMITTED", func(c *ent.WorkOrderCreate) { c.SetRequester(o.clerk) })
		}
		reader := o.as(actor.WorkOrderRead)
		if steps := o.Transitions(reader, mine()); len(steps) != 1 || steps[0].Action != workorder.Withdraw {
			t.Errorf("offered %v", steps)
		}
		if steps := o.Transitions(reader, o.order("SUBMITTED")); len(steps) != 0 {
			t.Errorf("offered %v for the order of another", steps)
		}
		if got, err := o.take(reader, mine(), workorder.Withdraw, ""); err != nil || got.Status != "DRAFT" {
			t.Errorf("%v: %+v", err, got)
		}
		if _, err := o.take(reader, o.order("SUBMITTED"), workorder.Withdraw, ""); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("took back the order of another: %v", err)
		}
		if _, err := o.take(reader, mine(), workorder.Approve, ""); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("approved: %v", err)
		}
	})
}
