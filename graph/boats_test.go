package graph_test

import (
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/store"
)

const boats = `query Fleet($first: Int!) { motorbots(first: $first) { nodes { mbCode name activeTripCount lastTrip { tripNo status } } } }`

// TestCountsAndLastTripsOfBoatsTakeAStatementEach compares them with what each boat
// says alone.
func TestCountsAndLastTripsOfBoatsTakeAStatementEach(t *testing.T) {
	t.Parallel()
	type boat struct {
		MbCode          string
		ActiveTripCount int
		LastTrip        *struct{ TripNo, Status string }
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		for _, first := range []int{2, 50, 100} {
			var answer struct{ Motorbots struct{ Nodes []boat } }
			a := server.Get(t, api.Admin, boats, map[string]any{"first": first}, &answer)
			if n := a.Extensions.Profile.StatementCount; n != 3 {
				t.Errorf("first: %d takes %d statements: %v", first, n, a.Extensions.Profile.Statements)
			}
			if first < 100 {
				continue
			}
			active, sailed := 0, 0
			for _, m := range answer.Motorbots.Nodes {
				var alone struct {
					Trips struct{ TotalCount int }
					Gone  struct {
						Nodes []struct{ TripNo, Status string }
					}
				}
				server.Get(t, api.Admin, `query Alone($mbCode: String!) { trips(filter: {mbCode: $mbCode, status: [PLANNED, UNDERWAY]}) { totalCount }
					gone: trips(first: 1, filter: {mbCode: $mbCode, status: [UNDERWAY, COMPLETED]}) { nodes { tripNo status } } }`, map[string]any{"mbCode": m.MbCode}, &alone)
				if m.ActiveTripCount != alone.Trips.TotalCount || (m.LastTrip != nil) != (len(alone.Gone.Nodes) == 1) || m.LastTrip != nil && *m.LastTrip != alone.Gone.Nodes[0] {
					t.Errorf("%s has %d active trips and the last %v, alone %+v", m.MbCode, m.ActiveTripCount, m.LastTrip, alone)
				}
				active += m.ActiveTripCount
				if m.LastTrip != nil {
					sailed++
				}
			}
			if active == 0 || sailed < 50 {
				t.Errorf("%d active trips, %d boats that sailed: not enough data to tell", active, sailed)
			}
		}
	})
}
