package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

// refused is the answer to a change as races look at it: what was refused, what is
// there now and which trip was in the way.
type refused struct {
	Trip            *struct{ ID, Status, TripNo string }
	Motorbot        *struct{ ID, Status string }
	ConflictingTrip *struct{ ID string }
	UserErrors      []struct{ Code string }
}

func (r *refused) code() string {
	if len(r.UserErrors) == 0 {
		return ""
	}
	return r.UserErrors[0].Code
}

// send sends one mutation on trips or boats.
func (c *client) send(m move) (*refused, error) {
	selection := "trip { id status tripNo } conflictingTrip { id }"
	if slices.Contains([]string{"setMotorbotStatus", "deleteMotorbot", "updateMotorbot", "createMotorbot"}, m.mutation) {
		selection = "motorbot { id status }"
	}
	document := fmt.Sprintf(`mutation Race($input: %s%sInput!) { change: %s(input: $input) { %s userErrors { code } } }`,
		string(m.mutation[0]-'a'+'A'), m.mutation[1:], m.mutation, selection)
	var data struct{ Change refused }
	if err := c.ask(document, map[string]any{"input": m.input}, &data); err != nil {
		return nil, fmt.Errorf("%s: %w", m.mutation, err)
	}
	return &data.Change, nil
}

// move is a mutation with its input.
type move struct {
	mutation string
	input    map[string]any
}

// harbour has a boat for every round of a race, each with a trip.
type harbour struct {
	boats []*ent.Motorbot
	trips []*ent.Trip
}

// harbours are numbered, so that each has codes of its own.
func newHarbour(t testing.TB, db *store.DB, number, n int, status trip.Status, set func(*ent.TripCreate)) (h harbour) {
	t.Helper()
	ctx := t.Context()
	boats := make([]*ent.MotorbotCreate, n)
	for i := range boats {
		code := fmt.Sprintf("MB%02d-%04d", number, i)
		boats[i] = db.Motorbot.Create().SetMBCode(code).SetName(code).SetNameFold(code).SetSearchText(code)
	}
	for chunk := range slices.Chunk(boats, 100) {
		h.boats = append(h.boats, db.Motorbot.CreateBulk(chunk...).SaveX(ctx)...)
	}
	trips := make([]*ent.TripCreate, n)
	for i := range trips {
		trips[i] = db.Trip.Create().SetTripNo(fmt.Sprintf("SF-20%02d-%05d", number, i)).SetMotorbotID(h.boats[i].ID).SetTripDate(calendar.DateOf(api.Start)).
			SetPlannedDepartureAt(api.Start).SetPlannedReturnAt(api.Start.Add(time.Hour)).SetStartsAt(api.Start).SetEndsAt(api.Start.Add(time.Hour)).
			SetDeparturePier("A").SetStatus(status).SetCreatedBy(1).SetUpdatedBy(1)
		if status == trip.StatusUnderway || status == trip.StatusCompleted {
			trips[i].SetStartsAt(api.Start.Add(-time.Hour)).SetDepartureAt(api.Start.Add(-time.Hour))
		}
		if status == trip.StatusCompleted {
			trips[i].SetEndsAt(api.Start).SetReturnAt(api.Start)
		}
		set(trips[i])
	}
	for chunk := range slices.Chunk(trips, 100) {
		h.trips = append(h.trips, db.Trip.CreateBulk(chunk...).SaveX(ctx)...)
	}
	return h
}

// tripRace lets two clients do something to one boat at once. Exactly one of them
// must win; the other is refused with the code that belongs to its move.
type tripRace struct {
	name   string
	status trip.Status // of the trip that is there
	moves  func(*ent.Motorbot, *ent.Trip) [2]move
	lost   [2]string // what either is refused with when the other wins
	// conflicts says that the loser must be told of the winner's trip.
	conflicts bool
	prepare   func(*ent.TripCreate)
}

// both is a race of two clients doing the same.
func both(mutation, lost string, input map[string]any) (func(*ent.Motorbot, *ent.Trip) [2]move, [2]string) {
	return func(_ *ent.Motorbot, t *ent.Trip) [2]move {
		with := map[string]any{"id": t.GlobalID()}
		maps.Copy(with, input)
		return [2]move{{mutation, with}, {mutation, with}}
	}, [2]string{lost, lost}
}

func tripRaces() []tripRace {
	step := func(name string, status trip.Status, mutation, lost string, input map[string]any, prepare func(*ent.TripCreate)) tripRace {
		moves, codes := both(mutation, lost, input)
		return tripRace{name: name, status: status, moves: moves, lost: codes, prepare: prepare}
	}
	// The second day is free on every boat.
	hours := func(from, to int) map[string]any {
		day := api.Start.AddDate(0, 0, 1)
		return map[string]any{"plannedDepartureAt": day.Add(time.Duration(from) * time.Hour), "plannedReturnAt": day.Add(time.Duration(to) * time.Hour)}
	}
	plan := func(m *ent.Motorbot, from, to int) move {
		in := hours(from, to)
		in["motorbotId"], in["departurePier"] = m.GlobalID(), "A"
		return move{"planTrip", in}
	}
	moved := func(t *ent.Trip, from, to int) move {
		in := hours(from, to)
		in["id"], in["version"] = t.GlobalID(), t.Version
		return move{"updateTrip", in}
	}
	reason := map[string]any{"reason": "Hava muhalefeti"}
	return []tripRace{
		step("depart", "PLANNED", "departTrip", "SEFER_INVALID_STATUS_TRANSITION", nil, nil),
		step("return", "UNDERWAY", "returnTrip", "SEFER_ALREADY_COMPLETED", nil, nil),
		step("cancel a plan", "PLANNED", "cancelTrip", "SEFER_INVALID_STATUS_TRANSITION", reason, nil),
		step("cancel at sea", "UNDERWAY", "cancelTrip", "SEFER_INVALID_STATUS_TRANSITION", reason, nil),
		step("invoice", "COMPLETED", "markTripInvoiced", "SEFER_INVALID_STATUS_TRANSITION", map[string]any{"invoiceNo": "FT-1"},
			func(c *ent.TripCreate) {
				c.SetInvoiceStatus(trip.InvoiceStatusPending).SetGrandTotal(decimal.NewFromInt(12)).SetCurrency("USD")
			}),
		step("delete", "PLANNED", "deleteTrip", "SEFER_NOT_FOUND", map[string]any{"version": 1}, nil),
		step("update", "PLANNED", "updateTrip", "VERSION_CONFLICT", map[string]any{"version": 1, "notes": "Acele"}, nil),
		{
			name: "one slot", status: "PLANNED", conflicts: true, lost: [2]string{"SEFER_CONFLICT", "SEFER_CONFLICT"},
			moves: func(m *ent.Motorbot, _ *ent.Trip) [2]move { return [2]move{plan(m, 0, 4), plan(m, 3, 6)} },
		},
		{
			name: "a plan against a move", status: "PLANNED", conflicts: true, lost: [2]string{"SEFER_CONFLICT", "SEFER_CONFLICT"},
			moves: func(m *ent.Motorbot, t *ent.Trip) [2]move { return [2]move{plan(m, 0, 4), moved(t, 3, 6)} },
		},
		{
			name: "departure against maintenance", status: "PLANNED", lost: [2]string{"MOTORBOT_UNAVAILABLE", "MOTORBOT_IN_USE"},
			moves: func(m *ent.Motorbot, t *ent.Trip) [2]move {
				return [2]move{{"departTrip", map[string]any{"id": t.GlobalID()}}, {"setMotorbotStatus", map[string]any{"id": m.GlobalID(), "version": 1, "status": "MAINTENANCE"}}}
			},
		},
		{
			name: "return against cancelling", status: "UNDERWAY", lost: [2]string{"SEFER_INVALID_STATUS_TRANSITION", "SEFER_ALREADY_COMPLETED"},
			moves: func(_ *ent.Motorbot, t *ent.Trip) [2]move {
				return [2]move{{"returnTrip", map[string]any{"id": t.GlobalID()}}, {"cancelTrip", map[string]any{"id": t.GlobalID(), "reason": "Hava muhalefeti"}}}
			},
		},
		{
			name: "a plan against the end of its boat", status: "CANCELLED", lost: [2]string{"MOTORBOT_NOT_FOUND", "MOTORBOT_IN_USE"},
			prepare: func(c *ent.TripCreate) { c.SetIsActive(false) },
			moves: func(m *ent.Motorbot, _ *ent.Trip) [2]move {
				return [2]move{plan(m, 0, 4), {"deleteMotorbot", map[string]any{"id": m.GlobalID(), "version": 1}}}
			},
		},
	}
}

func TestOfTwoClientsAtOneBoatOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db)
		rivals := []*client{newClient(t, a, "Ayşe", actor.RoleAdmin), newClient(t, a, "Barış", actor.RoleAdmin)}
		for n, race := range tripRaces() {
			if race.prepare == nil {
				race.prepare = func(*ent.TripCreate) {}
			}
			h := newHarbour(t, db, n, tripRounds, race.status, race.prepare)
			wins := [2]int{}
			for i := range tripRounds {
				moves := race.moves(h.boats[i], h.trips[i])
				answers := make([]*refused, 2)
				err := atOnce(2, func(k int) (err error) {
					answers[k], err = rivals[k].send(moves[(k+i)%2]) // each is the first now and then
					return err
				})
				if err != nil {
					t.Fatalf("%s: %v", race.name, err)
				}
				if i%2 == 1 {
					answers[0], answers[1] = answers[1], answers[0]
				}
				winner := slices.IndexFunc(answers, func(r *refused) bool { return len(r.UserErrors) == 0 })
				if winner < 0 || answers[1-winner].code() != race.lost[1-winner] {
					t.Fatalf("%s, round %d: %+v and %+v", race.name, i, answers[0], answers[1])
				}
				wins[winner]++
				loser := answers[1-winner]
				if race.conflicts && (loser.ConflictingTrip == nil || loser.ConflictingTrip.ID != answers[winner].Trip.ID) {
					t.Fatalf("%s, round %d: the loser was told of %+v, not of %+v", race.name, i, loser.ConflictingTrip, answers[winner].Trip)
				}
			}
			if wins[0]+wins[1] != tripRounds {
				t.Errorf("%s: %v wins in %d rounds", race.name, wins, tripRounds)
			}
			t.Logf("%s: %v", race.name, wins)
		}
		nothingOverlaps(t, db)
		changed := 0
		for _, r := range []string{"trip", "motorbot"} {
			changed += db.AuditEvent.Query().Where(auditevent.OutcomeEQ(auditevent.OutcomeOk), auditevent.Resource(r)).CountX(t.Context())
		}
		if want := len(tripRaces()) * tripRounds; changed != want {
			t.Errorf("%d changes stand in the trail, want %d: one a round", changed, want)
		}
	})
}

// nothingOverlaps looks at the boats as the table has them.
func nothingOverlaps(t *testing.T, db *store.DB) {
	t.Helper()
	n := aliatest.Rows(t, db.Reader(), `SELECT count(*) FROM trips a JOIN trips b ON a.motorbot_id = b.motorbot_id AND a.id < b.id
		WHERE a.is_active AND b.is_active AND a.status IN ('PLANNED', 'UNDERWAY') AND b.status IN ('PLANNED', 'UNDERWAY')
		AND (b.ends_at IS NULL OR a.starts_at < b.ends_at) AND (a.ends_at IS NULL OR b.starts_at < a.ends_at)`)[0][0]
	if n != "0" {
		t.Errorf("%s pairs of trips overlap", n)
	}
}

// TestManyClientsShareADay lets ten clients plan hours of one boat at once, some of
// which meet. What was accepted must be all that there is, apart from each other, and
// numbered without gaps.
func TestManyClientsShareADay(t *testing.T) {
	t.Parallel()
	const clients, each = 10, 12
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db)
		boat := db.Motorbot.Create().SetMBCode("MB001").SetName("Çınar").SetNameFold("cinar").SetSearchText("mb001 cinar").SaveX(t.Context())
		all := make([]*client, clients)
		for i := range all {
			all[i] = newClient(t, a, fmt.Sprintf("kaptan%d", i), actor.RoleField)
		}
		accepted := make([]int, clients)
		err := atOnce(clients, func(i int) error {
			for n := range each {
				start := api.Start.Add(time.Duration((i*7+n*11)%40) * 30 * time.Minute)
				r, err := all[i].send(move{"planTrip", map[string]any{
					"mbCode": "MB001", "plannedDepartureAt": start, "plannedReturnAt": start.Add(time.Hour), "departurePier": "A",
				}})
				switch {
				case err != nil:
					return err
				case r.Trip != nil:
					accepted[i]++
				case r.code() != "SEFER_CONFLICT" || r.ConflictingTrip == nil:
					return fmt.Errorf("refused: %+v", r)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		nothingOverlaps(t, db)
		total := 0
		for _, n := range accepted {
			total += n
		}
		trips := db.Trip.Query().Where(trip.MotorbotID(boat.ID)).AllX(t.Context())
		numbers := make([]string, len(trips))
		for i, made := range trips {
			numbers[i] = made.TripNo
		}
		slices.Sort(numbers)
		if total < 10 || len(numbers) != total || numbers[total-1] != fmt.Sprintf("SF-2026-%05d", total) {
			t.Errorf("%d accepted, stored %v", total, numbers)
		}
		if db.Motorbot.Query().Where(motorbot.ID(boat.ID)).OnlyX(t.Context()).Version != 1 {
			t.Error("planning changed the boat")
		}
	})
}
