package trip_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	enttrip "aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/store"
	"aliaport/internal/trip"
)

// states are all that a trip can be in.
var states = []struct {
	status  enttrip.Status
	invoice enttrip.InvoiceStatus
	priced  bool
}{
	{"PLANNED", "NONE", false},
	{"UNDERWAY", "NONE", false},
	{"COMPLETED", "NONE", false},
	{"COMPLETED", "PENDING", false},
	{"COMPLETED", "PENDING", true},
	{"COMPLETED", "INVOICED", true},
	{"CANCELLED", "NONE", false},
}

// steps take each step by its method.
func (p *port) steps() map[trip.Action]func(context.Context, globalid.ID) (*trip.Result, error) {
	return map[trip.Action]func(context.Context, globalid.ID) (*trip.Result, error){
		trip.Depart: func(ctx context.Context, id globalid.ID) (*trip.Result, error) {
			return p.Depart(ctx, trip.DepartInput{ID: id})
		},
		trip.Return: func(ctx context.Context, id globalid.ID) (*trip.Result, error) {
			return p.Return(ctx, trip.ReturnInput{ID: id})
		},
		trip.Cancel: func(ctx context.Context, id globalid.ID) (*trip.Result, error) {
			return p.Cancel(ctx, trip.CancelInput{ID: id, Reason: "Hava muhalefeti"})
		},
		trip.Invoice: func(ctx context.Context, id globalid.ID) (*trip.Result, error) {
			return p.MarkInvoiced(ctx, trip.InvoiceInput{ID: id, InvoiceNo: "FT-2026-00001"})
		},
		trip.Price: func(ctx context.Context, id globalid.ID) (*trip.Result, error) {
			return p.Price(ctx, trip.PriceInput{ID: id})
		},
	}
}

// TestEveryStepFromEveryState takes all steps from all states as every role. What is
// offered works, and what is not is refused with its code.
func TestEveryStepFromEveryState(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		aliatest.Rate(t, db, "USD", today, "32.5")
		customer := p.customer(t)
		worked := map[string]bool{}
		n := 0
		for _, state := range states {
			for action, take := range p.steps() {
				for _, role := range actor.RoleNames {
					n++
					boat := p.boat(t, fmt.Sprintf("MB%03d", n))
					made := p.stored(t, boat, state.status, at(8, 0), new(at(8, 30)))
					u := db.Trip.UpdateOne(made).SetInvoiceStatus(state.invoice).SetCariID(customer.ID)
					if state.priced {
						u.SetGrandTotal(decimal.NewFromInt(7)).SetCurrency("USD")
					}
					made = u.SaveX(p.ctx)
					ctx := actor.With(t.Context(), actor.New(7, "", "", []string{role}, actor.RolePermissions[role]))
					offered := slices.ContainsFunc(p.Transitions(ctx, made), func(tr trip.Transition) bool { return tr.Action == action })
					possible := slices.ContainsFunc(p.Transitions(p.ctx, made), func(tr trip.Transition) bool { return tr.Action == action })
					what := fmt.Sprintf("%s from %v as %s", action, state, role)
					r, err := take(ctx, id(made))
					switch {
					case offered:
						if err != nil || r.Trip.Version != 2 || r.Trip.UpdatedBy != 7 {
							t.Errorf("%s: %+v, error %v", what, r, err)
						}
						worked[fmt.Sprintf("%s %s %s", state.status, action, r.Trip.Status)] = true
						continue
					case possible: // for others
						if !apperr.Is(err, apperr.Forbidden) {
							t.Errorf("%s: %v", what, err)
						}
					case apperr.Is(err, apperr.Forbidden): // for nobody, and this one may not even try
					case state.invoice == enttrip.InvoiceStatusPending && action == trip.Invoice:
						if !apperr.Is(err, apperr.TripNotPriced) {
							t.Errorf("%s: %v", what, err)
						}
					case state.status == enttrip.StatusCompleted && action != trip.Invoice && action != trip.Price:
						if !apperr.Is(err, apperr.TripCompleted) {
							t.Errorf("%s: %v", what, err)
						}
					default:
						all, _ := apperr.All(err)
						if len(all) != 1 || all[0].Code != apperr.TripTransition || !strings.HasPrefix(fmt.Sprint(all[0].Params["from"]), string(state.status)) || all[0].Params["action"] != action {
							t.Errorf("%s: %v", what, err)
						}
					}
					if now := db.Trip.GetX(p.ctx, made.ID); now.Version != 1 || now.Status != state.status {
						t.Errorf("%s was refused and left %v", what, now)
					}
				}
			}
		}
		want := []string{"COMPLETED INVOICE COMPLETED", "COMPLETED PRICE COMPLETED", "PLANNED CANCEL CANCELLED", "PLANNED DEPART UNDERWAY", "UNDERWAY CANCEL CANCELLED", "UNDERWAY RETURN COMPLETED"}
		var got []string
		for w := range worked {
			got = append(got, w)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("worked: %q", got)
		}
	})
}

func TestOnlyPlansAreChangedAndDeleted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		for i, state := range states {
			made := p.stored(t, p.boat(t, fmt.Sprintf("MB%03d", i)), state.status, at(8, 0), new(at(8, 30)))
			_, updated := p.Update(p.ctx, trip.UpdateInput{ID: id(made), Version: 1, Notes: input.Change[string]{Given: true, To: new("Not")}})
			_, deleted := p.Delete(p.ctx, trip.DeleteInput{ID: id(made), Version: 2})
			want, wantDeleted := apperr.TripTransition, apperr.TripCannotDelete
			switch state.status {
			case enttrip.StatusPlanned:
				if updated != nil || deleted != nil {
					t.Errorf("a plan: %v, %v", updated, deleted)
				}
				continue
			case enttrip.StatusCompleted:
				want = apperr.TripCompleted
			case enttrip.StatusUnderway, enttrip.StatusCancelled:
			}
			if !apperr.Is(updated, want) || !apperr.Is(deleted, wantDeleted) {
				t.Errorf("%s: %v, %v", state.status, updated, deleted)
			}
		}
	})
}

func TestTimesOfDeparturesAndReturns(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		customer := p.customer(t)
		for i, c := range []struct {
			name             string
			departs, returns time.Time
			departure, back  apperr.Code
			customer         bool
		}{
			{"now and now is no time at all", p.now, p.now, "", apperr.TripDate, false},
			{"an hour", p.now.Add(-time.Hour), p.now, "", "", false},
			{"of a customer", p.now.Add(-time.Hour), p.now, "", "", true},
			{"a microsecond", p.now.Add(-time.Microsecond), p.now, "", "", false},
			{"five minutes ahead", p.now.Add(5 * time.Minute), p.now, "", apperr.TripDate, false},
			{"more than five minutes ahead", p.now.Add(5*time.Minute + time.Microsecond), p.now, apperr.TripDate, apperr.TripTransition, false},
			{"back five minutes from now", p.now.Add(-time.Hour), p.now.Add(5 * time.Minute), "", "", false},
			{"back later than that", p.now.Add(-time.Hour), p.now.Add(5*time.Minute + time.Microsecond), "", apperr.TripDate, false},
			{"back before it left", p.now.Add(-time.Hour), p.now.Add(-2 * time.Hour), "", apperr.TripDate, false},
		} {
			in := planned(p.boat(t, fmt.Sprintf("MB%03d", i)), p.now.Add(-2*time.Hour), nil)
			if c.customer {
				in.CariCode = &customer.CariCode
			}
			made := mustDo(t)(p.Plan(p.ctx, in))
			_, departed := p.Depart(p.ctx, trip.DepartInput{ID: id(made), DepartureAt: &c.departs})
			r, returned := p.Return(p.ctx, trip.ReturnInput{ID: id(made), ReturnAt: &c.returns})
			for what, e := range map[string]struct {
				err  error
				want apperr.Code
			}{"departure": {departed, c.departure}, "return": {returned, c.back}} {
				if e.want == "" && e.err != nil || e.want != "" && !apperr.Is(e.err, e.want) {
					t.Errorf("%s: %s %v, want %q", c.name, what, e.err, e.want)
				}
			}
			if returned != nil {
				continue
			}
			bill := enttrip.InvoiceStatusNone
			if c.customer {
				bill = enttrip.InvoiceStatusPending
			}
			if got := r.Trip; got.InvoiceStatus != bill || *trip.DurationMinutes(got) != int(c.returns.Sub(c.departs).Minutes()) || !got.EndsAt.Equal(c.returns) || !got.StartsAt.Equal(c.departs) {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	})
}

func TestWhatIsLate(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		plan := p.plan(t, p.boat(t, "MB001"), at(9, 0), new(at(12, 0)))
		out := mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(p.plan(t, p.boat(t, "MB002"), at(8, 0), new(at(9, 0))))}))
		endless := mustDo(t)(p.Depart(p.ctx, trip.DepartInput{ID: id(p.plan(t, p.boat(t, "MB003"), at(8, 0), nil))}))
		done := mustDo(t)(p.Return(p.ctx, trip.ReturnInput{ID: id(mustDo(t)(p.Depart(p.ctx, trip.DepartInput{
			ID: id(p.plan(t, p.boat(t, "MB004"), at(5, 0), new(at(6, 0)))), DepartureAt: new(at(5, 0)),
		})))}))
		cancelled := mustDo(t)(p.Cancel(p.ctx, trip.CancelInput{ID: id(p.plan(t, p.boat(t, "MB005"), at(5, 0), new(at(6, 0)))), Reason: "Hava muhalefeti"}))
		check := func(now time.Time, delay time.Duration, want ...int64) {
			t.Helper()
			p.now = now
			for _, tr := range []struct {
				id   int64
				late bool
			}{
				{plan.ID, p.IsLate(plan, delay)},
				{out.ID, p.IsLate(out, delay)},
				{endless.ID, p.IsLate(endless, delay)},
				{done.ID, p.IsLate(done, delay)},
				{cancelled.ID, p.IsLate(cancelled, delay)},
			} {
				if tr.late != slices.Contains(want, tr.id) {
					t.Errorf("at %s trip %d is late: %t", now, tr.id, tr.late)
				}
			}
			list, err := p.List(p.ctx, trip.Filter{Late: new(true)}, nil, pageOf(50))
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, n := range list.Nodes {
				got = append(got, n.ID)
			}
			slices.Sort(got)
			if total, err := list.Count(p.ctx); !slices.Equal(got, want) || total != len(want) || err != nil {
				t.Errorf("at %s the list has %v, counts %d (%v), want %v", now, got, total, err, want)
			}
		}
		check(at(9, 30), 30*time.Minute)
		check(at(9, 30).Add(time.Microsecond), 30*time.Minute, plan.ID, out.ID)
		db.Parameter.Create().SetCategory("TRIP").SetCode("TRIP_DELAY_MINUTES").SetName("Gecikme").SetValue("90").SetDataType("NUMBER").ExecX(p.ctx)
		check(at(10, 30), 90*time.Minute)
		check(at(10, 31), 90*time.Minute, plan.ID, out.ID)
	})
}

func TestStrangersAndReadersChangeNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		made := p.plan(t, boat, at(9, 0), nil)
		reader := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.TripRead, actor.MotorbotRead}))
		for name, want := range map[string]apperr.Code{"a stranger": apperr.Unauthenticated, "a reader": apperr.Forbidden} {
			ctx := t.Context()
			if want == apperr.Forbidden {
				ctx = reader
			}
			_, plan := p.Plan(ctx, planned(boat, at(20, 0), nil))
			_, update := p.Update(ctx, trip.UpdateInput{ID: id(made), Version: 1})
			_, remove := p.Delete(ctx, trip.DeleteInput{ID: id(made), Version: 1})
			errs := []error{plan, update, remove}
			for _, take := range p.steps() {
				_, err := take(ctx, id(made))
				errs = append(errs, err)
			}
			for i, err := range errs {
				if !apperr.Is(err, want) {
					t.Errorf("%s, change %d: %v", name, i, err)
				}
			}
		}
		if _, err := p.List(t.Context(), trip.Filter{}, nil, pageOf(1)); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger lists: %v", err)
		}
		if _, err := p.Find(t.Context(), nil, &made.TripNo); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger finds: %v", err)
		}
		if got, err := p.Find(reader, nil, &made.TripNo); err != nil || got.ID != made.ID {
			t.Errorf("a reader finds %v, error %v", got, err)
		}
		if n := db.AuditEvent.Query().CountX(p.ctx); n != 2 {
			t.Errorf("%d lines in the trail, want those of the boat and of its trip", n)
		}
	})
}

func TestIdsOfOtherRecordsAreRefused(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		boat := p.boat(t, "MB001")
		wrong := globalid.ID{Type: "Cari", Key: boat.ID}
		for action, take := range p.steps() {
			if _, err := take(p.ctx, wrong); !apperr.Is(err, apperr.BadUserInput) {
				t.Errorf("%s: %v", action, err)
			}
			if _, err := take(p.ctx, globalid.ID{Type: "Trip", Key: 1 << 40}); !apperr.Is(err, apperr.TripNotFound) {
				t.Errorf("%s of no trip: %v", action, err)
			}
		}
		in := planned(boat, at(9, 0), nil)
		in.MBCode, in.MotorbotID = nil, &wrong
		if _, err := p.Plan(p.ctx, in); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("a plan for a customer's id: %v", err)
		}
		in = planned(boat, at(9, 0), nil)
		in.WorkOrderID = &wrong
		if _, err := p.Plan(p.ctx, in); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("a plan of an order with a customer's id: %v", err)
		}
		if _, err := p.Find(p.ctx, &wrong, nil); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("find: %v", err)
		}
		if _, err := p.Find(p.ctx, nil, nil); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("find nothing: %v", err)
		}
	})
}
