package trip_test

import (
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	entmotorbot "aliaport/ent/motorbot"
	enttrip "aliaport/ent/trip"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/input"
	"aliaport/internal/motorbot"
	"aliaport/internal/store"
	"aliaport/internal/trip"
)

// hours are those of a trip, as 22, 26 for 22:00 to 02:00 of the next day; no end is -1.
type hours struct{ from, fromMinute, to, toMinute int }

func (h hours) start() time.Time { return at(h.from, h.fromMinute) }

func (h hours) end() *time.Time {
	if h.to < 0 {
		return nil
	}
	return new(at(h.to, h.toMinute))
}

// TestTheTableOfConflicts has every row of the rule: what one trip leaves of the boat
// for another, however that one comes there.
func TestTheTableOfConflicts(t *testing.T) {
	t.Parallel()
	nine := hours{9, 0, 12, 0}
	for name, row := range map[string]struct {
		there   hours
		status  enttrip.Status
		wanted  hours
		other   bool // boat
		refused bool
	}{
		"touching at the end is fine":          {nine, enttrip.StatusPlanned, hours{12, 0, 13, 0}, false, false},
		"a minute too early":                   {nine, enttrip.StatusPlanned, hours{11, 59, 13, 0}, false, true},
		"touching at the start is fine":        {nine, enttrip.StatusPlanned, hours{8, 0, 9, 0}, false, false},
		"one contains the other":               {nine, enttrip.StatusPlanned, hours{8, 0, 13, 0}, false, true},
		"across midnight":                      {hours{22, 0, 26, 0}, enttrip.StatusPlanned, hours{25, 0, 27, 0}, false, true},
		"at sea with an open end":              {hours{9, 0, -1, 0}, enttrip.StatusUnderway, hours{15, 0, 16, 0}, false, true},
		"a cancelled trip is in nobody's way":  {nine, enttrip.StatusCancelled, hours{10, 0, 11, 0}, false, false},
		"another boat":                         {nine, enttrip.StatusPlanned, hours{10, 0, 11, 0}, true, false},
		"at sea, back in time":                 {nine, enttrip.StatusUnderway, hours{12, 0, 13, 0}, false, false},
		"at sea, not back in time":             {nine, enttrip.StatusUnderway, hours{11, 0, 13, 0}, false, true},
		"a completed trip is in nobody's way":  {hours{7, 0, 8, 0}, enttrip.StatusCompleted, hours{7, 0, 8, 0}, false, false},
		"within the usual hours of one":        {hours{9, 0, -1, 0}, enttrip.StatusPlanned, hours{16, 59, 18, 0}, false, true},
		"after the usual hours of one":         {hours{9, 0, -1, 0}, enttrip.StatusPlanned, hours{17, 0, 18, 0}, false, false},
		"its own usual hours reach the other":  {nine, enttrip.StatusPlanned, hours{1, 1, -1, 0}, false, true},
		"its own usual hours end at the other": {nine, enttrip.StatusPlanned, hours{1, 0, -1, 0}, false, false},
		"the same hours":                       {nine, enttrip.StatusPlanned, nine, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				p := open(t, db)
				boat, second := p.boat(t, "MB001"), p.boat(t, "MB002")
				there := p.plan(t, boat, row.there.start(), row.there.end())
				switch row.status {
				case enttrip.StatusPlanned:
				case enttrip.StatusCancelled:
					mustDo(t)(p.Cancel(p.ctx, trip.CancelInput{ID: id(there), Reason: "Hava muhalefeti"}))
				case enttrip.StatusUnderway, enttrip.StatusCompleted:
					mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(there), DepartureAt: new(row.there.start())}))
					if row.status == enttrip.StatusCompleted {
						mustDo(t)(p.Return(p.ctx, trip.ReturnInput{ID: id(there), ReturnAt: row.there.end()}))
					}
				}
				on := boat
				if row.other {
					on = second
				}
				judge := func(what string, r *trip.Result, err error) {
					t.Helper()
					switch {
					case row.refused:
						conflicts(t, what, err, there)
					case err != nil:
						t.Errorf("%s: %v", what, err)
					}
					if (r == nil) != row.refused {
						t.Errorf("%s: result %v", what, r)
					}
				}
				next := p.plan(t, on, at(-24, 0), new(at(-23, 0)))
				update := trip.UpdateInput{ID: id(next), Version: 1, PlannedDepartureAt: new(row.wanted.start()), PlannedReturnAt: input.Change[time.Time]{Given: true, To: row.wanted.end()}}
				r, err := p.Update(p.ctx, update)
				judge("moved to these hours", r, err)
				if r != nil {
					mustDo(t)(p.Delete(p.ctx, trip.DeleteInput{ID: id(next), Version: 2}))
				}

				spare := p.boat(t, "MB003")
				guest := p.plan(t, spare, row.wanted.start(), row.wanted.end())
				r, err = p.Update(p.ctx, trip.UpdateInput{ID: id(guest), Version: 1, MotorbotID: boatID(on)})
				judge("moved to the boat", r, err)
				if r != nil {
					mustDo(t)(p.Delete(p.ctx, trip.DeleteInput{ID: id(guest), Version: 2}))
				}
				r, err = p.Plan(p.ctx, planned(on, row.wanted.start(), row.wanted.end()))
				judge("planned", r, err)
			})
		})
	}
}

// mustDo wants a step to work out.
func mustDo(t testing.TB) func(*trip.Result, error) *ent.Trip {
	t.Helper()
	return func(r *trip.Result, err error) *ent.Trip {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r.Trip
	}
}

func TestATripIsNotInItsOwnWay(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		made := p.plan(t, p.boat(t, "MB001"), at(9, 0), new(at(12, 0)))
		moved := mustDo(t)(p.Update(p.ctx, trip.UpdateInput{ID: id(made), Version: 1, PlannedDepartureAt: new(at(10, 0))}))
		if !moved.StartsAt.Equal(at(10, 0)) || !moved.EndsAt.Equal(at(12, 0)) {
			t.Errorf("moved to %v – %v", moved.StartsAt, moved.EndsAt)
		}
		if left := mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(made)})); !left.StartsAt.Equal(at(9, 0)) || !left.EndsAt.Equal(at(12, 0)) {
			t.Errorf("left for %v – %v", left.StartsAt, left.EndsAt)
		}
	})
}

func TestABoatThatIsOverdueStaysBusyUntilItIsBack(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		out := p.plan(t, boat, at(9, 0), new(at(12, 0)))
		mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(out)}))
		evening := planned(boat, at(20, 0), new(at(21, 0)))
		free := func(hour, minute int, want bool) {
			t.Helper()
			p.now = at(hour, minute)
			r, err := p.Plan(p.ctx, evening)
			if want {
				mustDo(t)(p.Delete(p.ctx, trip.DeleteInput{ID: id(mustDo(t)(r, err)), Version: 1}))
				return
			}
			conflicts(t, "in the evening", err, out)
			if all, _ := apperr.All(err); all[0].Text != apperr.NotBackYet {
				t.Errorf("said %v", all[0])
			}
		}
		free(11, 59, true)
		free(12, 0, true)
		free(12, 1, false)
		free(20, 30, false)
		mustDo(t)(p.Return(p.ctx, trip.ReturnInput{ID: id(out)}))
		p.now = at(12, 1)
		free(20, 30, true)
	})
}

func TestABoatAtSeaDepartsOnNoOtherTrip(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		first, second := p.plan(t, boat, at(9, 0), new(at(12, 0))), p.plan(t, boat, at(12, 0), new(at(14, 0)))
		mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(first)}))
		p.now = at(11, 58) // the planned hours do not meet, but the boat is not here
		_, err := p.Depart(p.ctx, trip.DepartInput{ID: id(second), DepartureAt: new(at(12, 0))})
		conflicts(t, "departure", err, first)
		mustDo(t)(p.Return(p.ctx, trip.ReturnInput{ID: id(first)}))
		mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(second), DepartureAt: new(at(12, 0))}))
	})
}

func TestADepartureWithoutAPlannedReturnLeavesNothingFree(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		open, later := p.plan(t, boat, at(9, 0), nil), p.plan(t, boat, at(20, 0), new(at(21, 0)))
		_, err := p.Depart(p.ctx, trip.DepartInput{ID: id(open)})
		conflicts(t, "an open end", err, later)
		_, err = p.Depart(p.ctx, trip.DepartInput{ID: id(open), PlannedReturnAt: new(at(20, 1))})
		conflicts(t, "an end too late", err, later)
		left := mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(open), PlannedReturnAt: new(at(20, 0))}))
		if !left.EndsAt.Equal(at(20, 0)) || !left.PlannedReturnAt.Equal(at(20, 0)) {
			t.Errorf("until %v, planned %v", left.EndsAt, left.PlannedReturnAt)
		}
	})
}

func TestADepartureAfterThePlannedReturnIsOpen(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		late := p.plan(t, p.boat(t, "MB001"), at(6, 0), new(at(9, 0)))
		left := mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(late)}))
		if left.EndsAt != nil || !left.StartsAt.Equal(at(9, 0)) || left.TripDate != today {
			t.Errorf("%v – %v", left.StartsAt, left.EndsAt)
		}
	})
}

func TestTheDayOfATripIsThatOfItsStart(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		made := p.plan(t, p.boat(t, "MB001"), at(23, 59), new(at(26, 0)))
		if made.TripDate != today {
			t.Errorf("planned for %v", made.TripDate)
		}
		p.now = at(24, 1)
		if left := mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(made)})); left.TripDate != today.AddDays(1) {
			t.Errorf("departed on %v", left.TripDate)
		}
	})
}

func TestTheUsualHoursAreAParameter(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		if made := p.plan(t, boat, at(9, 0), nil); !made.EndsAt.Equal(at(17, 0)) {
			t.Errorf("eight hours end at %v", made.EndsAt)
		}
		db.Parameter.Create().SetCategory("TRIP").SetCode("TRIP_DEFAULT_HOURS").SetName("Süre").SetValue("0.75").SetDataType("NUMBER").ExecX(p.ctx)
		if made := p.plan(t, boat, at(17, 0), nil); !made.EndsAt.Equal(at(17, 45)) {
			t.Errorf("three quarters of an hour end at %v", made.EndsAt)
		}
	})
}

// TestHistoryOnlyWarns enters what has been: completed trips may overlap.
func TestHistoryOnlyWarns(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat, other := p.boat(t, "MB001"), p.boat(t, "MB002")
		been := p.stored(t, boat, enttrip.StatusCompleted, at(6, 0), new(at(8, 0)))
		p.stored(t, boat, enttrip.StatusCancelled, at(6, 0), new(at(8, 0)))
		p.stored(t, other, enttrip.StatusCompleted, at(6, 0), new(at(8, 0)))
		warned := func(what string, want bool, r *trip.Result, err error) *ent.Trip {
			t.Helper()
			if err != nil || (len(r.Past) == 1 && r.Past[0].ID == been.ID) != want || len(r.Past) > 1 {
				t.Fatalf("%s: %+v, error %v", what, r, err)
			}
			return r.Trip
		}
		plan := func(from, to int) (*trip.Result, error) {
			return p.Plan(p.ctx, planned(boat, at(from, 0), new(at(to, 0))))
		}
		r, err := plan(5, 6)
		warned("touching its start", false, r, err)
		r, err = plan(8, 9)
		made := warned("touching its end", false, r, err)
		r, err = p.Update(p.ctx, trip.UpdateInput{ID: id(made), Version: 1, PlannedDepartureAt: new(at(7, 59))})
		made = warned("moved into it", true, r, err)
		r, err = p.Depart(p.ctx, trip.DepartInput{ID: id(made), DepartureAt: new(at(7, 30)), PlannedReturnAt: new(at(10, 0))})
		made = warned("departed within it", true, r, err)
		r, err = p.Return(p.ctx, trip.ReturnInput{ID: id(made)})
		warned("back", true, r, err)
		r, err = plan(20, 21)
		warned("in the future", false, r, err)
	})
}

// TestTheConstraintIsTheNet lets a writer that locks nothing slip in between the
// check and the write. The loser is told the same as by the check.
func TestTheConstraintIsTheNet(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	p := open(t, db)
	boat := p.boat(t, "MB001")
	mine := p.plan(t, boat, at(9, 0), new(at(10, 0)))
	raw := p.plan(t, boat, at(14, 0), new(at(15, 0)))
	for name, do := range map[string]func() error{
		"a plan": func() error { _, err := p.Plan(p.ctx, planned(boat, at(11, 0), new(at(12, 0)))); return err },
		"a move": func() error {
			_, err := p.Update(p.ctx, trip.UpdateInput{ID: id(mine), Version: 1, PlannedDepartureAt: new(at(11, 0)), PlannedReturnAt: input.Change[time.Time]{Given: true, To: new(at(12, 0))}})
			return err
		},
		"a departure": func() error {
			_, err := p.Depart(p.ctx, trip.DepartInput{ID: id(mine), PlannedReturnAt: new(at(12, 0))})
			return err
		},
	} {
		tx, err := db.Writer().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		move := func(from, to time.Time) {
			t.Helper()
			if _, err := tx.ExecContext(t.Context(), "UPDATE trips SET starts_at = $1, ends_at = $2 WHERE id = $3", from, to, raw.ID); err != nil {
				t.Fatal(err)
			}
		}
		move(at(11, 30), at(12, 30))
		lost := make(chan error, 1)
		go func() { lost <- do() }()
		waiting(t, db)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		conflicts(t, name, <-lost, raw)
		if _, err := db.Writer().ExecContext(t.Context(), "UPDATE trips SET starts_at = $1, ends_at = $2 WHERE id = $3", at(14, 0), at(15, 0), raw.ID); err != nil {
			t.Fatal(err)
		}
	}
	// Without the domain in between the constraint says so itself.
	err := db.Trip.UpdateOneID(raw.ID).SetStartsAt(at(9, 30)).Exec(t.Context())
	if f := store.Classify(err); f.Kind != store.Exclusion || !f.Is("trips_no_overlap") {
		t.Errorf("%v is %+v", err, f)
	}
}

// waiting returns when a statement of the database waits for a lock.
func waiting(t *testing.T, db *store.DB) {
	t.Helper()
	for range 1000 {
		if aliatest.Rows(t, db.Reader(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")[0][0] != "0" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("nobody waits")
}

func TestANumberThatIsTakenIsADuplicate(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		p.plan(t, boat, at(9, 0), new(at(10, 0)))
		db.NumberSequence.Update().SetLast(0).ExecX(p.ctx)
		if _, err := p.Plan(p.ctx, planned(boat, at(10, 0), nil)); !apperr.Is(err, apperr.TripDuplicate) {
			t.Errorf("got %v", err)
		}
	})
}

// TestSwappingBoatsAtOnceEndsWell lets two changes lock the boats of each other.
func TestSwappingBoatsAtOnceEndsWell(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boats := []*ent.Motorbot{p.boat(t, "MB001"), p.boat(t, "MB002")}
		trips := []*ent.Trip{p.plan(t, boats[0], at(9, 0), new(at(10, 0))), p.plan(t, boats[1], at(11, 0), new(at(12, 0)))}
		for round := range 20 {
			done := make(chan error, 2)
			for i := range 2 {
				go func() {
					_, err := p.Update(p.ctx, trip.UpdateInput{ID: id(trips[i]), Version: round + 1, MotorbotID: boatID(boats[(i+round+1)%2])})
					done <- err
				}()
			}
			for range 2 {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestWhatBoatsAndDaysAreAskedFor(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		made := p.plan(t, boat, at(9, 0), new(at(10, 0)))
		if _, err := p.boats.SetStatus(p.ctx, motorbot.StatusInput{ID: *boatID(boat), Version: 1, Status: entmotorbot.StatusOutOfService}); err != nil {
			t.Fatal(err)
		}
		// A boat that was laid up since keeps its plans, and they may be worded anew.
		mustDo(t)(p.Update(p.ctx, trip.UpdateInput{ID: id(made), Version: 1, MotorbotID: boatID(boat), Notes: input.Change[string]{Given: true, To: new("Beklemede")}}))
		if _, err := p.Depart(p.ctx, trip.DepartInput{ID: id(made)}); !apperr.Is(err, apperr.MotorbotUnavailable) {
			t.Errorf("departure of a boat that is laid up: %v", err)
		}
		if made.TripDate != calendar.DateOf(made.StartsAt) {
			t.Errorf("on %v", made.TripDate)
		}
	})
}
