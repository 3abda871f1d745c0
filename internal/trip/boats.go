package trip

import (
	"context"
	"encoding/json"
	"fmt"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/schema"
	"aliaport/ent/trip"
	"aliaport/internal/store"
)

// ActiveCount is how many trips of a boat are planned or underway.
type ActiveCount struct {
	MotorbotID int64 `json:"motorbot_id"`
	Count      int   `json:"count"`
}

// ActiveCounts counts for many boats at once: one grouped statement, answered by the
// partial index of the trips that keep boats busy. Boats without any are left out.
// docs/FAZ5_INDEXES.md has the other ways and what they cost.
func ActiveCounts(ctx context.Context, c *ent.Client, boats []int64) (counts []ActiveCount, err error) {
	err = c.Trip.Query().Where(occupying, store.KeysIn(trip.FieldMotorbotID, boats)).
		GroupBy(trip.FieldMotorbotID).Aggregate(ent.Count()).Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("count active trips of %d boats: %w", len(boats), err)
	}
	return counts, nil
}

// occupying holds for trips that keep their boat busy. It is written out, so that
// the databases see that the partial index holds these rows.
func occupying(s *sql.Selector) { s.Where(sql.ExprP(schema.TripOccupiesCondition)) }

// LastTrips returns for each boat the newest trip that departed and was not
// cancelled: for each an end of an index, where it steps over what is planned.
func LastTrips(ctx context.Context, c *ent.Client, boats []int64) ([]*ent.Trip, error) {
	trips, err := c.Trip.Query().Where(newestOf(boats)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("last trips of %d boats: %w", len(boats), err)
	}
	return trips, nil
}

func newestOf(boats []int64) func(*sql.Selector) {
	return func(s *sql.Selector) {
		id := s.C(trip.FieldID)
		s.Where(sql.P(func(b *sql.Builder) {
			b.Ident(id).WriteString(` IN (SELECT (SELECT t.id FROM trips t WHERE t.motorbot_id = boat.key AND t.is_active = true
				AND t.status IN ('UNDERWAY', 'COMPLETED') ORDER BY t.starts_at DESC, t.id DESC LIMIT 1) FROM `)
			if b.Dialect() == dialect.Postgres {
				b.WriteString("unnest(").Arg(boats).WriteString("::bigint[]) boat(key))")
				return
			}
			list, err := json.Marshal(boats)
			if err != nil {
				b.AddError(err)
				return
			}
			b.WriteString("(SELECT value AS key FROM json_each(").Arg(string(list)).WriteString(")) boat)")
		}))
	}
}
