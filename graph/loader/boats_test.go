package loader_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/graph/loader"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// fleet makes six boats. The one at index i has i planned trips ahead of a completed
// one, which is newer than a trip that was cancelled at sea; the first has none at
// all, the last is deleted with all its trips.
func fleet(t *testing.T, db *store.DB, user int64) (boats, last []int64) {
	t.Helper()
	noon := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range many {
		code := fmt.Sprintf("MB%03d", i)
		boat := db.Motorbot.Create().SetMBCode(code).SetName(code).SetNameFold(code).SetSearchText(code).SetIsActive(i < many-1).SaveX(t.Context())
		boats = append(boats, boat.ID)
		if i == 0 {
			last = append(last, 0)
			continue
		}
		made := func(n, days int, s trip.Status, active bool) *ent.Trip {
			at := noon.AddDate(0, 0, days)
			c := db.Trip.Create().SetTripNo(fmt.Sprintf("SF-2026-%d%d", i, n)).SetMotorbotID(boat.ID).SetTripDate(calendar.DateOf(at)).SetPlannedDepartureAt(at).
				SetStartsAt(at).SetEndsAt(at.Add(time.Hour)).SetStatus(s).SetIsActive(active).SetCreatedBy(user).SetUpdatedBy(user)
			if s != trip.StatusPlanned {
				c.SetDepartureAt(at)
			}
			return c.SaveX(t.Context())
		}
		live := i < many-1
		made(10, -9, trip.StatusCompleted, live)
		newest := made(11, -2, trip.StatusCompleted, live).ID
		made(12, -1, trip.StatusCancelled, live)
		made(13, 0, trip.StatusCompleted, false)
		made(14, 20, trip.StatusPlanned, false)
		for n := range i {
			made(n, 1+n, trip.StatusPlanned, live)
		}
		last = append(last, newest)
	}
	last[many-1] = 0
	return boats, last
}

func TestWhatBoatsAreAskedForIsOneStatementEach(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := fill(t, db)
		boats, last := fleet(t, db, r.users[0])
		one(t, db, "boats", func(s *loader.Set) *loader.Loader[*ent.Motorbot] { return s.Motorbot }, func(m *ent.Motorbot) int64 { return m.ID }, boats[:many-1])
		trips := db.Trip.Query().Where(trip.IsActive(true)).IDsX(t.Context())
		one(t, db, "trips", func(s *loader.Set) *loader.Loader[*ent.Trip] { return s.Trip }, func(t *ent.Trip) int64 { return t.ID }, trips)

		asked := append(slices.Clone(boats), missing)
		set, stats := counted(t, db, len(asked))
		counts, err := loadAll(t.Context(), set.ActiveTripsOfMotorbot, asked...)
		if err != nil || fmt.Sprint(counts) != "[0 1 2 3 4 0 0]" {
			t.Errorf("counts %v, error %v", counts, err)
		}
		newest, err := loadAll(t.Context(), set.LastTripOfMotorbot, asked...)
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range newest {
			if want := append(last, 0)[i]; (n == nil) != (want == 0) || n != nil && n.ID != want {
				t.Errorf("last trip of boat %d: %v, want %d", i, n, want)
			}
		}
		if stats.Count() != 2 {
			t.Errorf("%d statements: %v", stats.Count(), stats.Statements())
		}
		if deleted, err := set.Motorbot.Prime(t.Context(), boats[many-1:]); err != nil || deleted[boats[many-1]] != nil {
			t.Errorf("a deleted boat: %v, error %v", deleted, err)
		}
	})
}

func TestTheDelayIsReadOnceARequest(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		set, stats := counted(t, db, 1)
		for range 3 {
			if d, err := set.TripDelay.Load(t.Context(), loader.Once); d != 30*time.Minute || err != nil {
				t.Errorf("delay %v, error %v", d, err)
			}
		}
		if stats.Count() != 1 {
			t.Errorf("%d statements", stats.Count())
		}
		db.Parameter.Create().SetCategory("TRIP").SetCode("TRIP_DELAY_MINUTES").SetName("Gecikme").SetValue("45").SetDataType("NUMBER").SaveX(t.Context())
		set.Clear()
		if d, err := set.TripDelay.Load(t.Context(), loader.Once); d != 45*time.Minute || err != nil {
			t.Errorf("delay %v, error %v", d, err)
		}
	})
}

func TestClearForgetsBoatsAndTrips(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		boats, last := fleet(t, db, fill(t, db).users[0])
		set, stats := counted(t, db, 1)
		load := func() {
			for name, err := range map[string]error{
				"boats": ignore(set.Motorbot.Load(t.Context(), boats[1])), "trips": ignore(set.Trip.Load(t.Context(), last[1])),
				"counts": ignore(set.ActiveTripsOfMotorbot.Load(t.Context(), boats[1])), "last trips": ignore(set.LastTripOfMotorbot.Load(t.Context(), boats[1])),
				"the delay": ignore(set.TripDelay.Load(t.Context(), loader.Once)),
			} {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		load()
		if load(); stats.Count() != 5 {
			t.Errorf("%d statements", stats.Count())
		}
		set.Clear()
		if load(); stats.Count() != 10 {
			t.Errorf("after Clear %d statements in all", stats.Count())
		}
	})
}
