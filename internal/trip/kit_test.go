package trip_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/cari"
	entmotorbot "aliaport/ent/motorbot"
	enttrip "aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/motorbot"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	"aliaport/internal/trip"
)

// today is a Monday at the port; every test begins with its sixth hour in Greenwich.
var today = calendar.Date{Year: 2026, Month: time.March, Day: 2}

// at is a time of today at the port; hours beyond 24 are tomorrow's.
func at(hour, minute int) time.Time {
	return today.At(0, 0).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute).UTC()
}

// port is a database with boats and the services over it, whose clock the test moves.
type port struct {
	*trip.Service

	boats *motorbot.Service
	db    *store.DB
	ctx   context.Context //nolint:containedctx // that of the test, as a system user
	now   time.Time
}

func open(t testing.TB, db *store.DB) *port {
	t.Helper()
	p := &port{db: db, ctx: actor.With(t.Context(), actor.System("test")), now: at(9, 0)}
	clock := func() time.Time { return p.now }
	pages, limits := page.NewCodec([]byte("key")), page.Limits{Default: 20, Max: 100}
	p.Service = &trip.Service{
		DB: db, Now: clock, Pages: pages, PageLimits: limits, IdempotencyTTL: 24 * time.Hour,
		Quotes: &quote.Service{DB: db, Now: clock, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: clock}},
	}
	p.boats = &motorbot.Service{DB: db, Now: clock, Pages: pages, PageLimits: limits, IdempotencyTTL: 24 * time.Hour}
	return p
}

// boat makes a boat in service.
func (p *port) boat(t testing.TB, code string) *ent.Motorbot {
	t.Helper()
	m, err := p.boats.Create(p.ctx, motorbot.CreateInput{MBCode: code, Name: code, Status: entmotorbot.StatusActive})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// customer makes one who pays, C-100.
func (p *port) customer(t testing.TB) *ent.Cari {
	t.Helper()
	const code = "C-100"
	return p.db.Cari.Create().SetCariCode(code).SetTitle(code).SetTitleFold(code).SetSearchText(code).
		SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SaveX(p.ctx)
}

// plan plans a trip and wants it to work out.
func (p *port) plan(t testing.TB, m *ent.Motorbot, from time.Time, to *time.Time) *ent.Trip {
	t.Helper()
	r, err := p.Plan(p.ctx, planned(m, from, to))
	if err != nil {
		t.Fatalf("plan %s from %s: %v", m.MBCode, from, err)
	}
	return r.Trip
}

func planned(m *ent.Motorbot, from time.Time, to *time.Time) trip.PlanInput {
	return trip.PlanInput{MBCode: &m.MBCode, PlannedDepartureAt: from, PlannedReturnAt: to, DeparturePier: new("A")}
}

func id(t *ent.Trip) globalid.ID { return globalid.ID{Type: "Trip", Key: t.ID} }

func boatID(m *ent.Motorbot) *globalid.ID { return &globalid.ID{Type: "Motorbot", Key: m.ID} }

// conflicts wants a SEFER_CONFLICT that names the trip.
func conflicts(t testing.TB, what string, err error, with *ent.Trip) {
	t.Helper()
	key, ok := trip.InTheWay(err)
	if !apperr.Is(err, apperr.TripConflict) || !ok || key != with.ID {
		t.Errorf("%s: %v, want a conflict with %s", what, err, with.TripNo)
		return
	}
	all, _ := apperr.All(err)
	if all[0].Params["tripNo"] != with.TripNo || all[0].Params["id"] != with.GlobalID() || len(all[0].Field) != 1 {
		t.Errorf("%s: %v", what, all[0].Params)
	}
}

// stored makes a trip past the rules, as history or another program would leave it.
func (p *port) stored(t testing.TB, m *ent.Motorbot, s enttrip.Status, from time.Time, to *time.Time) *ent.Trip {
	t.Helper()
	n := p.db.Trip.Query().CountX(p.ctx)
	c := p.db.Trip.Create().SetTripNo(fmt.Sprintf("SF-2020-%05d", n+1)).SetMotorbotID(m.ID).SetTripDate(calendar.DateOf(from)).SetPlannedDepartureAt(from).
		SetStartsAt(from).SetNillableEndsAt(to).SetDeparturePier("A").SetStatus(s).SetCreatedBy(0).SetUpdatedBy(0)
	if s != enttrip.StatusPlanned {
		c.SetDepartureAt(from)
	}
	if s == enttrip.StatusCompleted {
		c.SetReturnAt(*to)
	}
	made, err := c.Save(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func pageOf(n int) page.Args { return page.Args{First: &n} }
