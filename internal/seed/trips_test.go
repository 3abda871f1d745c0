package seed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/seed"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	trips "aliaport/internal/trip"
)

// TestSeededTripsGoByTheRules looks at every trip of the demo as the rules would have
// left it.
func TestSeededTripsGoByTheRules(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := run(t, db, seed.Options{Cari: 200, Motorbots: 20, Trips: 1200, Seed: 1, Now: now})
		boats := map[int64]*ent.Motorbot{}
		for _, m := range db.Motorbot.Query().AllX(t.Context()) {
			boats[m.ID] = m
		}
		all := db.Trip.Query().Order(ent.Asc("id")).WithCari().AllX(t.Context())
		if r.Motorbots != 20 || r.Trips != 1200 || len(boats) != 20 || len(all) != 1200 {
			t.Fatalf("%+v, %d boats, %d trips", r, len(boats), len(all))
		}
		n, last := map[string]int{}, map[int]int{}
		var before time.Time
		for _, s := range all {
			year := calendar.Year(s.CreatedAt)
			last[year]++
			if s.TripNo != sequence.Format(sequence.Trip, year, last[year]) || s.CreatedAt.Before(before) || s.CreatedAt.After(now) || s.UpdatedAt.After(now) || s.UpdatedAt.Before(s.CreatedAt) {
				t.Fatalf("trip %d of %s, changed %s, is %s", s.ID, s.CreatedAt, s.UpdatedAt, s.TripNo)
			}
			before = s.CreatedAt
			if err := fits(s, boats[s.MotorbotID]); err != nil {
				t.Fatalf("%s: %v: %v", s.TripNo, err, s)
			}
			n[string(s.Status)]++
			n[string(s.InvoiceStatus)]++
			if s.CariID != nil {
				n["paid by a customer"]++
			}
			if !s.IsActive {
				n["deleted"]++
			}
		}
		for what, least := range map[string]int{
			"COMPLETED": 1000, "CANCELLED": 30, "PLANNED": 4, "UNDERWAY": 2, "INVOICED": 800, "PENDING": 10, "NONE": 100, "paid by a customer": 900, "deleted": 3,
		} {
			if n[what] < least {
				t.Errorf("%d trips are %s, want at least %d", n[what], what, least)
			}
		}
		for _, s := range db.NumberSequence.Query().AllX(t.Context()) {
			if last[s.Year] != s.Last {
				t.Errorf("numbers of %d end with %d, noted %d", s.Year, last[s.Year], s.Last)
			}
		}
		apart(t, all)
	})
}

// TestSeededTripsCostWhatTheRulesSay prices them anew: nothing changes.
func TestSeededTripsCostWhatTheRulesSay(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		run(t, db, seed.Options{Cari: 200, Motorbots: 20, Trips: 1200, Seed: 1, Now: now})
		clock := func() time.Time { return now }
		svc := &trips.Service{DB: db, Now: clock, Quotes: &quote.Service{DB: db, Now: clock, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: clock}}}
		ctx := actor.With(t.Context(), actor.System("test"))
		unpriced, pending := 0, 0
		for _, s := range db.Trip.Query().Where(trip.InvoiceStatusNEQ(trip.InvoiceStatusNone)).AllX(ctx) {
			if !trips.IsPriced(s) {
				if unpriced++; s.InvoiceStatus == trip.InvoiceStatusInvoiced {
					t.Errorf("%s is invoiced without a price", s.TripNo)
				}
				continue
			}
			if s.Currency == nil || *s.Currency != "USD" || !s.GrandTotal.Equal(decimal.NewFromInt(12)) || !s.AmountTry.Equal(s.NetAmount.Mul(*s.ExchangeRate).Round(2)) || s.RateDate.After(calendar.DateOf(*s.DepartureAt)) {
				t.Fatalf("%s costs %v", s.TripNo, s)
			}
			if s.InvoiceStatus != trip.InvoiceStatusPending {
				continue
			}
			pending++
			r, err := svc.Price(ctx, trips.PriceInput{ID: globalid.ID{Type: "Trip", Key: s.ID}})
			if err != nil || r.Trip.Version != s.Version {
				t.Fatalf("%s priced anew: %+v, %v", s.TripNo, r, err)
			}
		}
		if unpriced > 10 || pending < 10 {
			t.Errorf("%d trips have no price, %d were priced anew", unpriced, pending)
		}
	})
}

// fits holds one trip to what the rules leave.
func fits(s *ent.Trip, boat *ent.Motorbot) error {
	end := s.EndsAt
	switch {
	case s.TripDate != calendar.DateOf(s.StartsAt):
		return fmt.Errorf("on %s", s.TripDate)
	case s.DeparturePier == nil && s.ArrivalPier == nil:
		return fmt.Errorf("no pier")
	case s.CariID != nil && (s.Edges.Cari.CariCode != *s.CariCode || !s.Edges.Cari.CreatedAt.Before(s.CreatedAt)):
		return fmt.Errorf("customer %v", s.Edges.Cari)
	case (s.InvoiceStatus == trip.InvoiceStatusInvoiced) != (s.InvoicedAt != nil && s.InvoiceNo != nil):
		return fmt.Errorf("the bill")
	case (s.Status == trip.StatusCancelled) != (s.CancelReason != nil) || s.CancelReason != nil && len([]rune(*s.CancelReason)) < 10:
		return fmt.Errorf("the reason")
	case s.DepartureAt == nil && !s.StartsAt.Equal(s.PlannedDepartureAt) || s.DepartureAt != nil && !s.StartsAt.Equal(*s.DepartureAt):
		return fmt.Errorf("the start")
	case s.DepartureAt != nil && s.DepartureAt.After(now) || s.ReturnAt != nil && s.ReturnAt.After(now):
		return fmt.Errorf("in the future")
	}
	switch s.Status {
	case trip.StatusPlanned, trip.StatusCancelled:
		if s.DepartureAt != nil || s.IsActive && s.Status == trip.StatusPlanned && s.PlannedDepartureAt.Before(now.Add(-time.Second)) || end == nil ||
			s.PlannedReturnAt != nil && !end.Equal(*s.PlannedReturnAt) || s.PlannedReturnAt == nil && end.Sub(s.StartsAt) != 8*time.Hour {
			return fmt.Errorf("a plan")
		}
	case trip.StatusUnderway:
		if s.DepartureAt == nil || s.ReturnAt != nil || s.PlannedReturnAt == nil || !end.Equal(*s.PlannedReturnAt) || boat.Status != motorbot.StatusActive {
			return fmt.Errorf("at sea")
		}
	case trip.StatusCompleted:
		if s.ReturnAt == nil || !end.Equal(*s.ReturnAt) || (s.CariID == nil) != (s.InvoiceStatus == trip.InvoiceStatusNone) {
			return fmt.Errorf("back")
		}
	}
	if boat.Status != motorbot.StatusActive && s.StartsAt.After(boat.UpdatedAt) {
		return fmt.Errorf("of a boat that was %s", boat.Status)
	}
	return nil
}

// apart holds the trips of each boat to lie apart from each other.
func apart(t *testing.T, all []*ent.Trip) {
	t.Helper()
	byBoat := map[int64][]*ent.Trip{}
	for _, s := range all {
		if s.IsActive && s.Status != trip.StatusCancelled {
			byBoat[s.MotorbotID] = append(byBoat[s.MotorbotID], s)
		}
	}
	for boat, list := range byBoat {
		slices.SortFunc(list, func(a, b *ent.Trip) int { return a.StartsAt.Compare(b.StartsAt) })
		for i := 1; i < len(list); i++ {
			if list[i].StartsAt.Before(*list[i-1].EndsAt) {
				t.Errorf("boat %d: %s and %s meet", boat, list[i-1].TripNo, list[i].TripNo)
			}
		}
	}
}

// TestTheDemoTellsAStory looks for what a visitor is to find.
func TestTheDemoTellsAStory(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Time{
		"before noon":             time.Date(2026, time.September, 15, 7, 12, 0, 0, time.UTC),
		"in the evening":          time.Date(2026, time.September, 15, 18, 3, 0, 0, time.UTC),
		"just after New Year":     time.Date(2025, time.December, 31, 21, 0, 1, 0, time.UTC),
		"on the last day of June": time.Date(2026, time.June, 30, 20, 59, 59, 0, time.UTC),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := aliatest.Open(t, dialect.SQLite)
			run(t, db, seed.Options{Cari: 50, Motorbots: 20, Trips: 400, Seed: 5, Now: at})
			s := &trips.Service{DB: db, Now: func() time.Time { return at }, Pages: page.NewCodec(nil), PageLimits: page.Limits{Default: 20, Max: 100}}
			ctx := actor.With(t.Context(), actor.System("test"))
			late, err := s.List(ctx, trips.Filter{Late: new(true)}, nil, page.Args{})
			if err != nil || len(late.Nodes) != 1 || !strings.HasPrefix(*late.Nodes[0].Notes, "Gecikti") {
				t.Errorf("late are %v, error %v", late, err)
			}
			of := func(boat int64) []*ent.Trip {
				list, err := s.List(ctx, trips.Filter{Motorbot: &globalid.ID{Type: "Motorbot", Key: boat}, Status: []trip.Status{"PLANNED", "UNDERWAY"}}, nil, page.Args{})
				if err != nil {
					t.Fatal(err)
				}
				return list.Nodes
			}
			for boat, want := range map[int64]trip.Status{1: trip.StatusUnderway, 2: trip.StatusUnderway, 3: trip.StatusPlanned} {
				if got := of(boat); len(got) != 1 || got[0].Status != want {
					t.Errorf("boat %d has %v", boat, got)
				}
			}
			if soon := of(3)[0]; !soon.StartsAt.After(at) || soon.StartsAt.Sub(at) > 16*time.Hour {
				t.Errorf("this afternoon is %s", soon.StartsAt)
			}
			if m := db.Motorbot.GetX(ctx, 4); m.Status != motorbot.StatusMaintenance || len(of(4)) != 0 {
				t.Errorf("boat 4 is %s", m.Status)
			}
		})
	}
}

func TestBoatsGoOnSailingAfterTheSeed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		run(t, db, seed.Options{Motorbots: 5, Trips: 60, Seed: 3, Now: now})
		s := &trips.Service{DB: db, Now: func() time.Time { return now }, IdempotencyTTL: time.Hour}
		ctx := actor.With(t.Context(), actor.System("test"))
		in := trips.PlanInput{MBCode: new("MB005"), PlannedDepartureAt: now.AddDate(0, 1, 0), DeparturePier: new("A")}
		made, err := s.Plan(ctx, in)
		if err != nil || made.Trip.ID != 61 {
			t.Fatalf("%+v, error %v", made, err)
		}
		var number int
		if _, err := fmt.Sscanf(made.Trip.TripNo, "SF-2026-%05d", &number); err != nil || number < 2 {
			t.Errorf("its number is %s", made.Trip.TripNo)
		}
		boat := db.Motorbot.Create().SetMBCode("MB006").SetName("Altı").SetNameFold("alti").SetSearchText("alti").SaveX(ctx)
		if boat.ID != 6 {
			t.Errorf("the next boat is %d", boat.ID)
		}
	})
}

func TestTheSmallestFleetsWork(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]seed.Options{
		"one boat":             {Motorbots: 1, Trips: 700, Now: now},
		"four boats":           {Motorbots: 4, Trips: 100, Now: now},
		"five boats":           {Motorbots: 5, Trips: 1500, Now: now},
		"boats without trips":  {Motorbots: 3, Now: now},
		"less than a story":    {Motorbots: 9, Trips: 2, Now: now},
		"at midnight":          {Motorbots: 9, Trips: 200, Now: calendar.Day(now)},
		"as many as there can": {Motorbots: 2, Trips: 3000, Now: now},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := aliatest.Open(t, dialect.Postgres) // whose constraint watches
			if r := run(t, db, o); r.Motorbots != o.Motorbots || r.Trips != o.Trips {
				t.Errorf("made %+v", r)
			}
			apart(t, db.Trip.Query().AllX(t.Context()))
		})
	}
}
