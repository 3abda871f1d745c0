package watch_test

import (
	"context"
	"testing"
	"time"

	"aliaport/ent/exchangerate"
	"aliaport/ent/notificationevent"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/notification"
	"aliaport/internal/parameter"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/watch"
)

func TestEachAlarmIsToldOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), api.Start
		users := &user.Service{DB: db, Now: func() time.Time { return now }, Hasher: user.NewHasher()}
		if err := users.EnsureRights(ctx); err != nil {
			t.Fatal(err)
		}
		planner, err := users.Add(ctx, "deniz@aliaport.example", "Deniz", "", actor.RoleAdmin)
		if err != nil {
			t.Fatal(err)
		}
		if err := parameter.Ensure(ctx, db, now); err != nil {
			t.Fatal(err)
		}
		if _, err := seed.Run(ctx, db, users, seed.Options{WorkOrders: 100, Cari: 20, Services: 20, Seed: 1, Now: now}); err != nil {
			t.Fatal(err)
		}
		w := &watch.Service{DB: db, Now: func() time.Time { return now }}
		looks := map[notificationevent.Kind]func(context.Context) (int, error){
			notificationevent.KindTripDelayed: w.TripsLate, notificationevent.KindVehicleOver4h: w.VehiclesInside, notificationevent.KindWorkOrderOverdue: w.OrdersOverdue,
			notificationevent.KindPriceListExpiring: w.PriceListsEnding, notificationevent.KindRateJump: w.RatesJumped, notificationevent.KindRateSyncFailed: w.RatesOld,
		}
		look := func() map[notificationevent.Kind]int {
			told := map[notificationevent.Kind]int{}
			for kind, f := range looks {
				n, err := f(ctx)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				told[kind] = n
			}
			return told
		}
		look() // what the seed has of it
		for kind, n := range look() {
			if n != 0 {
				t.Errorf("%s is told again, %d times", kind, n)
			}
		}

		sail := func(no string, status trip.Status, departs, returns time.Time) {
			boat := db.Motorbot.Create().SetMBCode("MB-" + no).SetName("Şimşek").SetNameFold("simsek").SetSearchText("x").SaveX(ctx)
			c := db.Trip.Create().SetTripNo(no).SetMotorbotID(boat.ID).SetTripDate(calendar.DateOf(departs)).SetPlannedDepartureAt(departs).SetPlannedReturnAt(returns).
				SetStartsAt(departs).SetEndsAt(returns).SetStatus(status).SetCreatedBy(planner.ID).SetUpdatedBy(planner.ID)
			if status == trip.StatusUnderway {
				c.SetDepartureAt(departs)
			}
			c.ExecX(ctx)
		}
		sail("SF-1", trip.StatusPlanned, now.Add(-31*time.Minute), now.Add(time.Hour))     // late
		sail("SF-2", trip.StatusPlanned, now.Add(-29*time.Minute), now.Add(time.Hour))     // not yet
		sail("SF-3", trip.StatusUnderway, now.Add(-5*time.Hour), now.Add(-31*time.Minute)) // late
		sail("SF-4", trip.StatusUnderway, now.Add(-5*time.Hour), now.Add(-29*time.Minute)) // not yet
		wo := db.WorkOrder.Query().Where(workorder.StatusEQ(workorder.StatusApproved), workorder.IsActive(true)).FirstX(ctx)
		db.NotificationEvent.Delete().Where(notificationevent.DedupeKey("WORK_ORDER_OVERDUE:" + itoa(wo.ID))).ExecX(ctx)
		db.WorkOrder.UpdateOne(wo).SetPlannedStart(now.Add(-2 * time.Hour)).SetPlannedEnd(now.Add(-time.Hour)).ExecX(ctx)
		for i, entry := range []time.Time{now.Add(-241 * time.Minute), now.Add(-239 * time.Minute)} {
			db.GateLog.Create().SetWorkOrderID(wo.ID).SetWoNumber(wo.WoNumber).SetWoStatus("APPROVED").SetSubject("VEHICLE").SetVehiclePlate("35 ALP " + itoa(int64(900+i))).
				SetPlateNorm("35ALP" + itoa(int64(900+i))).SetEntryAt(entry).SetEntryBy(planner.ID).SetEntryByName("x").SetBaseMinutes(240).ExecX(ctx)
		}
		today := calendar.DateOf(now)
		for code, last := range map[string]calendar.Date{"CHF": today.AddDays(7), "JPY": today.AddDays(8), "SEK": today} {
			db.PriceList.Create().SetCode(code).SetName(code).SetVersion(1).SetCurrency(code).SetStatus("ACTIVE").SetValidFrom(today.AddDays(-300)).SetValidTo(last).SetCreatedBy(planner.ID).SetUpdatedBy(planner.ID).SaveX(ctx)
		}
		aliatest.Rate(t, db, "SEK", today.AddDays(1), "3.5")
		db.ExchangeRate.Update().Where(exchangerate.CurrencyFrom("SEK")).SetNeedsReview(true).ExecX(ctx)

		want := map[notificationevent.Kind]int{
			notificationevent.KindTripDelayed: 2, notificationevent.KindVehicleOver4h: 1, notificationevent.KindWorkOrderOverdue: 1,
			notificationevent.KindPriceListExpiring: 1, notificationevent.KindRateJump: 1, notificationevent.KindRateSyncFailed: 0,
		}
		for kind, n := range look() {
			if n != want[kind] {
				t.Errorf("%s is told %d times, not %d", kind, n, want[kind])
			}
		}
		for kind, n := range look() {
			if n != 0 {
				t.Errorf("%s is told again, %d times", kind, n)
			}
		}
		now = now.Add(5 * 24 * time.Hour)
		if n, err := w.RatesOld(ctx); n != 1 || err != nil {
			t.Errorf("old rates are told %d times: %v", n, err)
		}
		e := db.NotificationEvent.Query().Where(notificationevent.KindEQ(notificationevent.KindTripDelayed)).Order(notificationevent.ByID()).AllX(ctx)
		if text := notification.Text(e[len(e)-1], "tr"); text != "MB-SF-3 Şimşek 02.03.2026 08:29 saatinde dönecekti, hâlâ seferde." {
			t.Errorf("told as %q", text)
		}
	})
}
