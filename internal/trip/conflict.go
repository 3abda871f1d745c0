package trip

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/predicate"
	"aliaport/ent/trip"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
)

// hours are when a boat is busy: from ≤ t < to. Without an end they are open.
type hours struct {
	from time.Time
	to   *time.Time
}

func (h hours) overlaps(o hours) bool {
	return (o.to == nil || h.from.Before(*o.to)) && (h.to == nil || o.from.Before(*h.to))
}

// planned are the hours of a plan. One without a return takes the usual time.
func planned(departure time.Time, back *time.Time, usual time.Duration) hours {
	if back == nil {
		back = new(departure.Add(usual))
	}
	return hours{departure, back}
}

// underway are the hours of a trip that departs. Without a planned return, or if that
// came before the departure, nobody knows when it will be back.
func underway(departure time.Time, back *time.Time) hours {
	if back != nil && !back.After(departure) {
		back = nil
	}
	return hours{departure, back}
}

// orBack opens the hours of a trip underway whose planned return has passed: it keeps
// its boat until it is back.
func (h hours) orBack(now time.Time) hours {
	if h.to != nil && now.After(*h.to) {
		h.to = nil
	}
	return h
}

// busy are the hours for which a trip keeps its boat as of now.
func busy(t *ent.Trip, now time.Time) hours {
	h := hours{t.StartsAt, t.EndsAt}
	if t.Status == trip.StatusUnderway {
		h = h.orBack(now)
	}
	return h
}

// claim is what a trip asks of its boat.
type claim struct {
	boat  int64
	trip  int64 // 0: a new one
	hours hours
	// departs: the boat leaves now, so it must be back from everywhere else, whatever
	// was planned.
	departs bool
}

// free refuses a claim on a boat that another trip keeps busy. The boat must be
// locked, or another claim could come between this and the write. PostgreSQL's
// constraint trips_no_overlap is the net below.
func (s *Service) free(ctx context.Context, tx *ent.Tx, c claim) error {
	others, err := tx.Trip.Query().
		Where(occupying, trip.MotorbotID(c.boat), trip.IDNEQ(c.trip), c.candidates()).
		Order(trip.ByStartsAt(), trip.ByID()).All(ctx)
	if err != nil {
		return fmt.Errorf("look for trips of motorboat %d: %w", c.boat, err)
	}
	for _, o := range others {
		if theirs, meet := c.meets(o, s.Now()); meet {
			return conflict(o, theirs)
		}
	}
	return nil
}

// meets tells whether the other trip is in the way, and its hours.
func (c claim) meets(o *ent.Trip, now time.Time) (hours, bool) {
	theirs := busy(o, now)
	if c.departs && o.Status == trip.StatusUnderway {
		theirs.to = nil
	}
	return theirs, c.hours.overlaps(theirs)
}

// candidates narrows the search to trips that may be in the way; meets has the last
// word.
func (c claim) candidates() predicate.Trip {
	return func(s *sql.Selector) {
		if c.hours.to != nil {
			s.Where(sql.LT(s.C(trip.FieldStartsAt), *c.hours.to))
		}
		s.Where(sql.Or(sql.IsNull(s.C(trip.FieldEndsAt)), sql.GT(s.C(trip.FieldEndsAt), c.hours.from), sql.EQ(s.C(trip.FieldStatus), trip.StatusUnderway)))
	}
}

// conflict names the other trip, for people in the port's time.
func conflict(other *ent.Trip, theirs hours) error {
	const layout = "02.01.2006 15:04"
	to := ""
	if theirs.to != nil {
		to = theirs.to.In(calendar.Istanbul).Format(layout)
	}
	e := apperr.New(apperr.TripConflict, "id", other.GlobalID(), "tripNo", other.TripNo, "from", theirs.from.In(calendar.Istanbul).Format(layout), "to", to)
	if theirs.to == nil {
		return e.Saying(apperr.NotBackYet)
	}
	return e
}

// InTheWay is the key of the trip that a SEFER_CONFLICT names.
func InTheWay(err error) (key int64, ok bool) {
	refused, _ := apperr.All(err)
	for _, e := range refused {
		if text, named := e.Params["id"].(string); named && e.Code == apperr.TripConflict {
			id, err := globalid.Parse(text)
			return id.Key, err == nil
		}
	}
	return 0, false
}

// noOverlap is PostgreSQL's exclusion constraint.
const noOverlap = "trips_no_overlap"

// inTx runs a change. One that the constraint stops lost against a writer that did
// not lock the boat; run again it finds that writer's trip and can name it.
func (s *Service) inTx(ctx context.Context, do func(tx *ent.Tx) error) (err error) {
	const attempts = 3
	for range attempts {
		if err = s.DB.InTx(ctx, do); !store.Classify(err).Is(noOverlap) {
			break
		}
	}
	return err
}

// past are the completed trips of the boat in the same hours. History that is entered
// late may overlap; whoever enters it is told.
func (s *Service) past(ctx context.Context, t *ent.Trip) ([]*ent.Trip, error) {
	const (
		shown   = 10
		longest = 31 * 24 * time.Hour // so that not all of the boat's history is read
	)
	h := busy(t, s.Now())
	if h.from.After(s.Now()) { // nothing is completed there
		return nil, nil
	}
	trips, err := s.DB.Trip.Query().Where(trip.MotorbotID(t.MotorbotID), trip.IsActive(true), trip.StatusEQ(trip.StatusCompleted), trip.IDNEQ(t.ID), trip.EndsAtGT(h.from), trip.StartsAtGT(h.from.Add(-longest)),
		func(s *sql.Selector) {
			if h.to != nil {
				s.Where(sql.LT(s.C(trip.FieldStartsAt), *h.to))
			}
		}).Order(trip.ByStartsAt(sql.OrderDesc()), trip.ByID(sql.OrderDesc())).Limit(shown).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for completed trips beside %s: %w", t.TripNo, err)
	}
	return trips, nil
}
