package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/gatelog"
	"aliaport/ent/jobrun"
	"aliaport/ent/motorbot"
	"aliaport/ent/service"
	"aliaport/ent/trip"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
)

// boat makes a motorboat that nobody sails.
func (w *world) boat(t *testing.T, status motorbot.Status) *ent.Motorbot {
	t.Helper()
	w.made++
	return w.DB.Motorbot.Create().SetMBCode(fmt.Sprint("H-", w.made)).SetName("Hedef").SetNameFold("hedef").SetSearchText("hedef").SetStatus(status).SaveX(t.Context())
}

func boat(status motorbot.Status) target {
	return func(t *testing.T, w *world) string { t.Helper(); return w.boat(t, status).GlobalID() }
}

// sailing makes a trip of a boat of its own, from two hours ago to one hour ahead.
func sailing(status trip.Status) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		m := w.boat(t, motorbot.StatusActive)
		from, to := api.Start.Add(-2*time.Hour), api.Start.Add(time.Hour)
		c := w.DB.Trip.Create().SetTripNo(fmt.Sprintf("SF-2020-%05d", w.made)).SetMotorbotID(m.ID).SetTripDate(calendar.DateOf(from)).
			SetPlannedDepartureAt(from).SetPlannedReturnAt(to).SetStartsAt(from).SetEndsAt(to).SetDeparturePier("A").SetStatus(status).SetCreatedBy(1).SetUpdatedBy(1)
		if status != trip.StatusPlanned {
			c.SetDepartureAt(from)
		}
		if status == trip.StatusCompleted { // by a service in lira, and at a price of before
			payer, sold := w.DB.Cari.Query().Where(cari.CariCode("C-100")).OnlyX(t.Context()), w.DB.Service.Query().Where(service.Code("HZM001")).OnlyX(t.Context())
			c.SetReturnAt(from.Add(time.Hour)).SetInvoiceStatus(trip.InvoiceStatusPending).SetCari(payer).SetService(sold).
				SetGrandTotal(decimal.NewFromInt(12)).SetCurrency("USD")
		}
		return c.SaveX(t.Context()).GlobalID()
	}
}

// inOrder makes something that belongs to a new order of the status.
func inOrder(status workorder.Status, add func(t *testing.T, w *world, wo *ent.WorkOrder) string) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		var of *ent.WorkOrder
		order(status, func(wo *ent.WorkOrder, _ *ent.WorkOrderItem) string { of = wo; return "" })(t, w)
		return add(t, w, of)
	}
}

func announced(status workorderperson.Status) target {
	return inOrder(workorder.StatusApproved, func(t *testing.T, w *world, wo *ent.WorkOrder) string {
		t.Helper()
		return w.DB.WorkOrderPerson.Create().SetWorkOrderID(wo.ID).SetFullName("Hedef").SetPassportNo("U1234567").SetStatus(status).SetCreatedBy(1).SaveX(t.Context()).GlobalID()
	})
}

func logged(status worklog.Status) target {
	return inOrder(workorder.StatusInProgress, func(t *testing.T, w *world, wo *ent.WorkOrder) string {
		t.Helper()
		return w.DB.WorkLog.Create().SetWorkOrderID(wo.ID).SetPersonnelName("Hedef").SetTimeStart(api.Start.Add(-5 * time.Hour)).SetTimeEnd(api.Start.Add(-4 * time.Hour)).
			SetDurationMinutes(60).SetQuantity(decimal.NewFromInt(1)).SetStatus(status).SetCreatedBy(1).SaveX(t.Context()).GlobalID()
	})
}

func inside(t *testing.T, w *world) string {
	t.Helper()
	return inOrder(workorder.StatusApproved, func(t *testing.T, w *world, wo *ent.WorkOrder) string {
		t.Helper()
		plate := fmt.Sprintf("HEDEF%d", w.made)
		return w.DB.GateLog.Create().SetWorkOrderID(wo.ID).SetWoNumber(wo.WoNumber).SetWoStatus("APPROVED").SetSubject(gatelog.SubjectVehicle).SetVehicleType("TRUCK").
			SetVehiclePlate(plate).SetPlateNorm(plate).SetIsForeignPlate(true).SetEntryAt(api.Start.Add(-time.Hour)).SetEntryBy(1).SetEntryByName("Hedef").SetBaseMinutes(240).
			SaveX(t.Context()).GlobalID()
	})(t, w)
}

// jobRun makes a run in the state.
func jobRun(state jobrun.State) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		w.made++
		at := api.Start.Add(-time.Duration(w.made) * time.Minute) // a run of each slot
		c := w.DB.JobRun.Create().SetJob("watch").SetScheduledFor(at).SetSlot(at).
			SetTrigger(jobrun.TriggerManual).SetState(state).SetMaxAttempts(1)
		if state == jobrun.StateFailed {
			c.SetStartedAt(api.Start).SetFinishedAt(api.Start)
		}
		return c.SaveX(t.Context()).GlobalID()
	}
}

// left makes an order whose people stayed long after its work was done.
func left(t *testing.T, w *world) string {
	t.Helper()
	return inOrder(workorder.StatusCompleted, func(t *testing.T, w *world, wo *ent.WorkOrder) string {
		t.Helper()
		end := api.Start.Add(-9 * time.Hour)
		return w.DB.WorkOrder.UpdateOne(wo).SetActualEnd(end).SetSecurityExitAt(end.Add(8 * time.Hour)).SaveX(t.Context()).GlobalID()
	})(t, w)
}

func point(t *testing.T, w *world) string {
	t.Helper()
	w.made++
	return w.DB.GateChecklistItem.Create().SetWoType("OTHER").SetLabel(fmt.Sprint("Hedef ", w.made)).SaveX(t.Context()).GlobalID()
}

func setting(active bool) target {
	return func(t *testing.T, w *world) string {
		t.Helper()
		w.made++
		return w.DB.Parameter.Create().SetCategory("HEDEF").SetCode(fmt.Sprint("H-", w.made)).SetName("Hedef").SetValue("1").SetIsActive(active).SaveX(t.Context()).GlobalID()
	}
}

// portTargets are what the calls of boats, trips, the gate, the field and parameters
// name.
func portTargets() []target {
	return []target{
		boat(motorbot.StatusMaintenance), boat(motorbot.StatusActive),
		sailing(trip.StatusPlanned), sailing(trip.StatusUnderway), sailing(trip.StatusCompleted),
		announced(workorderperson.StatusAnnounced), announced(workorderperson.StatusApproved),
		logged(worklog.StatusPending), logged(worklog.StatusApproved), inside, left, point, setting(true), setting(false),
	}
}
