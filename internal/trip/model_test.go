package trip_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"aliaport/ent"
	entmotorbot "aliaport/ent/motorbot"
	enttrip "aliaport/ent/trip"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/motorbot"
	"aliaport/internal/store"
	"aliaport/internal/trip"
)

// The model is the port once more, as simple as can be: hours are sets of quarters,
// two trips meet when their sets do, and every trip is looked at every time.
const (
	quarter  = 15 * time.Minute
	quarters = 4 * 24 * 4   // four days
	horizon  = 2 * quarters // where open hours end: after all that is planned, up to 73 quarters ahead
)

func instant(q int) time.Time { return at(0, 0).Add(time.Duration(q) * quarter) }

// set has the quarters from ≤ q < to.
func set(from, to int) *big.Int {
	s := new(big.Int)
	for q := from; q < to; q++ {
		s.SetBit(s, q, 1)
	}
	return s
}

// ever is an end that is not known.
const ever = -1

type modelTrip struct {
	id, version    int
	boat           int
	status         enttrip.Status
	departs, backs int // as planned; backs may be ever
	left, back     int
	deleted        bool
}

type model struct {
	trips  []*modelTrip
	states []entmotorbot.Status
	now    int
}

// busy are the quarters for which a trip keeps its boat.
func (m *model) busy(t *modelTrip, departing bool) *big.Int {
	switch {
	case t.deleted:
	case t.status == enttrip.StatusPlanned && t.backs == ever:
		return set(t.departs, t.departs+8*4)
	case t.status == enttrip.StatusPlanned:
		return set(t.departs, t.backs)
	case t.status == enttrip.StatusUnderway && (departing || t.backs == ever || t.backs <= t.left || m.now > t.backs):
		return set(t.left, horizon)
	case t.status == enttrip.StatusUnderway:
		return set(t.left, t.backs)
	}
	return new(big.Int)
}

// inTheWay tells whether any other trip keeps the trip's boat busy in its hours.
func (m *model) inTheWay(mine *modelTrip, departing bool) bool {
	for _, t := range m.trips {
		if t.id != mine.id && t.boat == mine.boat && new(big.Int).And(m.busy(t, departing), m.busy(mine, false)).Sign() != 0 {
			return true
		}
	}
	return false
}

// The rules, in the order in which they are asked. Each returns what is refused with.

func (m *model) plan(t *modelTrip) apperr.Code {
	switch {
	case t.backs != ever && t.backs <= t.departs:
		return apperr.TripDate
	case m.states[t.boat] == entmotorbot.StatusOutOfService:
		return apperr.MotorbotUnavailable
	case m.inTheWay(t, false):
		return apperr.TripConflict
	}
	m.trips = append(m.trips, t)
	return ""
}

func (m *model) update(t *modelTrip, boat, departs, backs int) apperr.Code {
	changed := *t
	changed.boat, changed.departs, changed.backs = boat, departs, backs
	switch {
	case t.deleted:
		return apperr.TripNotFound
	case boat != t.boat && m.states[boat] == entmotorbot.StatusOutOfService:
		return apperr.MotorbotUnavailable
	case t.status == enttrip.StatusCompleted:
		return apperr.TripCompleted
	case t.status != enttrip.StatusPlanned:
		return apperr.TripTransition
	case backs != ever && backs <= departs:
		return apperr.TripDate
	case (boat != t.boat || departs != t.departs || backs != t.backs) && m.inTheWay(&changed, false):
		return apperr.TripConflict
	}
	*t = changed
	t.version++
	return ""
}

func (m *model) depart(t *modelTrip, left, backs int) apperr.Code {
	gone := *t
	gone.status, gone.left = enttrip.StatusUnderway, left
	if backs != ever {
		gone.backs = backs
	}
	switch {
	case t.deleted:
		return apperr.TripNotFound
	case t.status == enttrip.StatusCompleted:
		return apperr.TripCompleted
	case t.status != enttrip.StatusPlanned:
		return apperr.TripTransition
	case left > m.now:
		return apperr.TripDate
	case m.states[t.boat] != entmotorbot.StatusActive:
		return apperr.MotorbotUnavailable
	case backs != ever && (backs <= left || backs <= t.departs):
		return apperr.TripDate
	case m.inTheWay(&gone, true):
		return apperr.TripConflict
	}
	*t = gone
	t.version++
	return ""
}

func (m *model) comeBack(t *modelTrip, back int) apperr.Code {
	switch {
	case t.deleted:
		return apperr.TripNotFound
	case t.status == enttrip.StatusCompleted:
		return apperr.TripCompleted
	case t.status != enttrip.StatusUnderway:
		return apperr.TripTransition
	case back > m.now || back <= t.left:
		return apperr.TripDate
	}
	t.status, t.back = enttrip.StatusCompleted, back
	t.version++
	return ""
}

func (m *model) cancel(t *modelTrip) apperr.Code {
	switch {
	case t.deleted:
		return apperr.TripNotFound
	case t.status == enttrip.StatusCompleted:
		return apperr.TripCompleted
	case t.status == enttrip.StatusCancelled:
		return apperr.TripTransition
	}
	t.status = enttrip.StatusCancelled
	t.version++
	return ""
}

func (m *model) remove(t *modelTrip) apperr.Code {
	switch {
	case t.deleted:
		return apperr.TripNotFound
	case t.status != enttrip.StatusPlanned:
		return apperr.TripCannotDelete
	}
	t.deleted = true
	return ""
}

func (m *model) put(boat int, to entmotorbot.Status) apperr.Code {
	from := m.states[boat]
	switch {
	case from == to:
		return ""
	case from != entmotorbot.StatusActive && to != entmotorbot.StatusActive:
		return apperr.Validation
	}
	for _, t := range m.trips {
		if t.boat == boat && t.status == enttrip.StatusUnderway {
			return apperr.MotorbotInUse
		}
	}
	m.states[boat] = to
	return ""
}

// active and last are what a boat is asked for.
func (m *model) active(boat int) (n int) {
	for _, t := range m.trips {
		if t.boat == boat && !t.deleted && (t.status == enttrip.StatusPlanned || t.status == enttrip.StatusUnderway) {
			n++
		}
	}
	return n
}

func (m *model) last(boat int) (newest *modelTrip) {
	for _, t := range m.trips {
		if t.boat == boat && (t.status == enttrip.StatusUnderway || t.status == enttrip.StatusCompleted) && (newest == nil || t.left > newest.left || t.left == newest.left && t.id > newest.id) {
			newest = t
		}
	}
	return newest
}

// walk drives the service and the model through the same random days.
type walk struct {
	*port
	*model

	dice  *rand.Rand
	ships []*ent.Motorbot
	codes map[string]int // what was answered, by the step
}

func (w *walk) optional(q int) *time.Time {
	if q == ever {
		return nil
	}
	return new(instant(q))
}

// pick chooses a trip; mostly one in the status if there is any.
func (w *walk) pick(s enttrip.Status) (*modelTrip, globalid.ID) {
	t := w.trips[w.dice.IntN(len(w.trips))]
	if s != "" && w.dice.IntN(4) > 0 {
		for _, i := range w.dice.Perm(len(w.trips)) {
			if w.trips[i].status == s && !w.trips[i].deleted {
				t = w.trips[i]
				break
			}
		}
	}
	return t, globalid.ID{Type: "Trip", Key: int64(t.id)}
}

// step does something at random and returns what it was, what the service answered
// and what the model says to it.
func (w *walk) step() (what string, want apperr.Code, err error) {
	q := 2 + w.dice.IntN(quarters-42)
	if w.dice.IntN(3) > 0 {
		q = max(2, w.model.now+w.dice.IntN(60)-10)
	}
	back := q + w.dice.IntN(14) - 1
	if w.dice.IntN(5) == 0 {
		back = ever
	}
	boat := w.dice.IntN(len(w.ships))
	do := w.dice.IntN(100)
	if len(w.trips) == 0 || do < 35 {
		t := &modelTrip{id: len(w.trips) + 1, version: 1, boat: boat, status: enttrip.StatusPlanned, departs: q, backs: back}
		_, err := w.Plan(w.ctx, planned(w.ships[boat], instant(q), w.optional(back)))
		return "plan", w.model.plan(t), err
	}
	t, key := w.pick("")
	switch {
	case do < 50:
		_, err := w.Update(w.ctx, trip.UpdateInput{
			ID: key, Version: t.version, MotorbotID: boatID(w.ships[boat]), PlannedDepartureAt: new(instant(q)),
			PlannedReturnAt: input.Change[time.Time]{Given: true, To: w.optional(back)},
		})
		return "update", w.update(t, boat, q, back), err
	case do < 68:
		t, key = w.pick(enttrip.StatusPlanned)
		left, back := w.model.now-w.dice.IntN(6)+1, ever
		if w.dice.IntN(3) == 0 {
			back = left + w.dice.IntN(20)
		}
		_, err := w.Depart(w.ctx, trip.DepartInput{ID: key, DepartureAt: new(instant(left)), PlannedReturnAt: w.optional(back)})
		return "depart", w.depart(t, left, back), err
	case do < 84:
		t, key = w.pick(enttrip.StatusUnderway)
		back := w.model.now - w.dice.IntN(3) + 1
		_, err := w.Return(w.ctx, trip.ReturnInput{ID: key, ReturnAt: new(instant(back))})
		return "return", w.comeBack(t, back), err
	case do < 90:
		_, err := w.Cancel(w.ctx, trip.CancelInput{ID: key, Reason: "Hava muhalefeti"})
		return "cancel", w.cancel(t), err
	case do < 94:
		_, err := w.Delete(w.ctx, trip.DeleteInput{ID: key, Version: t.version})
		return "delete", w.remove(t), err
	default:
		to := []entmotorbot.Status{"ACTIVE", "ACTIVE", "ACTIVE", "ACTIVE", "MAINTENANCE", "OUT_OF_SERVICE"}[w.dice.IntN(6)]
		version := w.db.Motorbot.GetX(w.ctx, w.ships[boat].ID).Version
		_, err := w.boats.SetStatus(w.ctx, motorbot.StatusInput{ID: *boatID(w.ships[boat]), Version: version, Status: to})
		return "state of a boat", w.put(boat, to), err
	}
}

func TestRandomDaysGoAsTheModelSays(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		p := open(t, db)
		w := &walk{port: p, model: &model{}, dice: rand.New(rand.NewPCG(seed, 1)), codes: map[string]int{}}
		for i := range 4 {
			w.ships = append(w.ships, p.boat(t, fmt.Sprintf("MB%03d", i)))
			w.states = append(w.states, entmotorbot.StatusActive)
		}
		for n := range modelSteps {
			w.model.now = 10 + n*(quarters-50)/modelSteps
			p.now = instant(w.model.now)
			what, want, err := w.step()
			if want == "" && err != nil || want != "" && !apperr.Is(err, want) {
				t.Fatalf("step %d, %s at %s: answered %v, the model says %q", n, what, p.now, err, want)
			}
			w.codes[what+" "+string(want)]++
		}
		t.Log(w.codes)
		for _, code := range []string{"plan ", "plan SEFER_CONFLICT", "update ", "update SEFER_CONFLICT", "depart ", "return ", "cancel ", "delete "} {
			if w.codes[code] == 0 {
				t.Errorf("%q never happened: %v", code, w.codes)
			}
		}
		w.compare(t)
	})
}

// compare looks at what is stored in the end.
func (w *walk) compare(t *testing.T) {
	t.Helper()
	for _, m := range w.trips {
		is := w.db.Trip.GetX(w.ctx, int64(m.id))
		if is.Status != m.status || is.IsActive == m.deleted || is.MotorbotID != w.ships[m.boat].ID || !is.PlannedDepartureAt.Equal(instant(m.departs)) {
			t.Errorf("trip %d is %v, the model says %+v", m.id, is, m)
		}
		if m.status == enttrip.StatusCompleted && (!is.ReturnAt.Equal(instant(m.back)) || *trip.DurationMinutes(is) != 15*(m.back-m.left)) {
			t.Errorf("trip %d came back at %v, the model says %d", m.id, is.ReturnAt, m.back)
		}
		if !is.StartsAt.Equal(is.PlannedDepartureAt) && is.DepartureAt == nil || is.DepartureAt != nil && !is.StartsAt.Equal(*is.DepartureAt) {
			t.Errorf("trip %d keeps its boat from %v", m.id, is.StartsAt)
		}
	}
	keys := make([]int64, len(w.ships))
	for i, m := range w.ships {
		keys[i] = m.ID
	}
	counts, err := trip.ActiveCounts(w.ctx, w.db.Client, keys)
	if err != nil {
		t.Fatal(err)
	}
	byBoat := map[int64]int{}
	for _, c := range counts {
		byBoat[c.MotorbotID] = c.Count
	}
	newest, err := trip.LastTrips(w.ctx, w.db.Client, keys)
	if err != nil {
		t.Fatal(err)
	}
	last := map[int64]int64{}
	for _, n := range newest {
		last[n.MotorbotID] = n.ID
	}
	for i, m := range w.ships {
		want := int64(0)
		if l := w.last(i); l != nil {
			want = int64(l.id)
		}
		if byBoat[m.ID] != w.active(i) || last[m.ID] != want {
			t.Errorf("boat %d has %d active trips and the last %d, the model says %d and %d", i, byBoat[m.ID], last[m.ID], w.active(i), want)
		}
	}
}
