package person_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	entcari "aliaport/ent/cari"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/person"
	"aliaport/internal/store"
)

var now = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// desk is the service with a clerk who may do everything there.
type desk struct {
	*person.Service

	t     *testing.T
	clerk *ent.User
	cari  *ent.Cari
	made  int
}

func newDesk(t *testing.T, db *store.DB) *desk {
	t.Helper()
	return &desk{
		Service: &person.Service{DB: db, Now: func() time.Time { return now }, IdempotencyTTL: time.Hour},
		t:       t,
		clerk:   db.User.Create().SetEmail("memur@aliaport.example").SetFullName("Memur").SetPasswordHash("").SaveX(t.Context()),
		cari: db.Cari.Create().SetCariCode("C-1").SetTitle("Şahin").SetTitleFold("sahin").SetSearchText("sahin").
			SetType(entcari.TypeLegal).SetRole(entcari.RoleCustomer).SaveX(t.Context()),
	}
}

func (d *desk) ctx() context.Context { return d.as(actor.WorkOrderWrite, actor.GateWrite) }

func (d *desk) as(permissions ...actor.Permission) context.Context {
	return actor.With(d.t.Context(), actor.New(d.clerk.ID, d.clerk.Email, d.clerk.FullName, nil, permissions))
}

func (d *desk) order(status entworkorder.Status) globalid.ID {
	d.t.Helper()
	d.made++
	wo := d.DB.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2026-%05d", d.made)).SetCari(d.cari).SetCariCode("C-1").SetCariTitle("Şahin").
		SetRequester(d.clerk).SetRequesterName("x").SetType(entworkorder.TypeService).SetSubject("vinç").SetSearchText("vinc").
		SetStatus(status).SetCreatedBy(d.clerk.ID).SetUpdatedBy(d.clerk.ID).SaveX(d.t.Context())
	return globalid.ID{Type: "WorkOrder", Key: wo.ID}
}

func somebody(passport string) person.Input {
	return person.Input{FullName: "John Doe", PassportNo: &passport, Nationality: "GBR"}
}

func (d *desk) add(order globalid.ID, passports ...string) ([]*ent.WorkOrderPerson, error) {
	in := person.AddInput{WorkOrderID: order}
	for _, p := range passports {
		in.Persons = append(in.Persons, somebody(p))
	}
	return d.Add(d.ctx(), in)
}

func (d *desk) added(order globalid.ID, passport string) *ent.WorkOrderPerson {
	d.t.Helper()
	ps, err := d.add(order, passport)
	if err != nil {
		d.t.Fatal(err)
	}
	return ps[0]
}

func id(p *ent.WorkOrderPerson) globalid.ID {
	return globalid.ID{Type: "WorkOrderPerson", Key: p.ID}
}

func wants(t *testing.T, err error, want apperr.Code, field ...string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	all, ok := apperr.All(err)
	if !ok || len(all) != 1 || all[0].Code != want || len(field) > 0 && strings.Join(all[0].Field, ".") != strings.Join(field, ".") {
		t.Errorf("got %v, want %s at %v", err, want, field)
	}
}

func TestWhoCanBeAnnounced(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		order := d.order("DRAFT")
		for name, c := range map[string]struct {
			in    person.Input
			want  apperr.Code
			field string
		}{
			"a citizen":                          {person.Input{FullName: "Ali", NationalID: new("10000000146"), Nationality: "TUR"}, "", ""},
			"a citizen with a passport":          {person.Input{FullName: "Ali", PassportNo: new("U1234567"), Nationality: "TUR"}, "", ""},
			"a foreigner with an id of theirs":   {person.Input{FullName: "Ali", NationalID: new("12345678901"), Nationality: "DEU"}, "", ""},
			"a citizen with a wrong check digit": {person.Input{FullName: "Ali", NationalID: new("10000000147"), Nationality: "TUR"}, apperr.Validation, "nationalId"},
			"nobody in particular":               {person.Input{FullName: "Ali", Nationality: "TUR"}, apperr.Validation, "nationalId"},
			"blanks for numbers":                 {person.Input{FullName: "Ali", NationalID: new(" "), PassportNo: new(""), Nationality: "TUR"}, apperr.Validation, "nationalId"},
			"a passport too short":               {person.Input{FullName: "Ali", PassportNo: new("U1234"), Nationality: "TUR"}, apperr.Validation, "passportNo"},
			"a country of two letters":           {person.Input{FullName: "Ali", PassportNo: new("U7654321"), Nationality: "TR"}, apperr.Validation, "nationality"},
			"a telephone that is none":           {person.Input{FullName: "Ali", PassportNo: new("U7654321"), Nationality: "TUR", Phone: new("123")}, apperr.Validation, "phone"},
			"a name of one letter":               {person.Input{FullName: "A", PassportNo: new("U7654321"), Nationality: "TUR"}, apperr.Validation, "fullName"},
		} {
			ps, err := d.Add(d.ctx(), person.AddInput{WorkOrderID: order, Persons: []person.Input{c.in}})
			if c.want == "" {
				wants(t, err, "")
				continue
			}
			wants(t, err, c.want, "persons", "0", c.field)
			if len(ps) > 0 {
				t.Errorf("%s: announced", name)
			}
		}
		if n := db.WorkOrderPerson.Query().CountX(t.Context()); n != 3 {
			t.Errorf("%d were announced", n)
		}
	})
}

func TestAListIsAnnouncedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		order := d.order("APPROVED")
		_, err := d.add(order, "U0000001", "U0000002")
		wants(t, err, "")
		_, err = d.add(order, "U0000003", "U0000001")
		wants(t, err, apperr.Duplicate, "persons", "1", "passportNo")
		_, err = d.add(order, "U0000003", "U0000004", "u000 0003")
		wants(t, err, apperr.Duplicate, "persons", "2", "passportNo")
		many := make([]string, person.Max-1)
		for i := range many {
			many[i] = fmt.Sprintf("X%07d", i)
		}
		_, err = d.add(order, many...)
		wants(t, err, apperr.Validation, "persons")
		if n := db.WorkOrderPerson.Query().CountX(t.Context()); n != 2 {
			t.Errorf("%d were announced", n)
		}
		_, err = d.add(order, many[1:]...)
		wants(t, err, "")
		_, err = d.add(d.order("DRAFT"), "U0000001")
		wants(t, err, "") // for another order
	})
}

func TestPersonsOfWhichOrdersChange(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		for status, want := range map[entworkorder.Status]apperr.Code{
			"DRAFT": "", "SUBMITTED": "", "APPROVED": "", "IN_PROGRESS": "", "REJECTED": "",
			"COMPLETED": apperr.WorkOrderLocked, "INVOICED": apperr.WorkOrderLocked, "CLOSED": apperr.WorkOrderLocked, "CANCELLED": apperr.WorkOrderLocked,
		} {
			order := d.order("DRAFT")
			a, b, c := d.added(order, "U0000001"), d.added(order, "U0000002"), d.added(order, "U0000003")
			db.WorkOrder.UpdateOneID(order.Key).SetStatus(status).ExecX(t.Context())
			_, err := d.add(order, "U0000004")
			wants(t, err, want)
			_, err = d.Update(d.ctx(), person.UpdateInput{ID: id(a), Version: 1, FullName: new("Jane Doe")})
			wants(t, err, want)
			_, err = d.Remove(d.ctx(), id(b))
			wants(t, err, want)
			_, err = d.Approve(d.ctx(), person.ApproveInput{IDs: []globalid.ID{id(c)}})
			wants(t, err, want)
		}
	})
}

func TestPersonsGoFromStatusToStatus(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		order := d.order("APPROVED")
		steps := map[string]func(p *ent.WorkOrderPerson) error{
			"update": func(p *ent.WorkOrderPerson) error {
				return second(d.Update(d.ctx(), person.UpdateInput{ID: id(p), Version: p.Version}))
			},
			"remove": func(p *ent.WorkOrderPerson) error { return second(d.Remove(d.ctx(), id(p))) },
			"approve": func(p *ent.WorkOrderPerson) error {
				return second(d.Approve(d.ctx(), person.ApproveInput{IDs: []globalid.ID{id(p)}}))
			},
			"refuse": func(p *ent.WorkOrderPerson) error {
				return second(d.Refuse(d.ctx(), person.RefuseInput{ID: id(p), Reason: "Kimlik geçersiz"}))
			},
		}
		n := 0
		for status, c := range map[workorderperson.Status]map[string]apperr.Code{
			"ANNOUNCED": {},
			"REFUSED":   {},
			"APPROVED":  {"update": apperr.PersonApproved, "remove": apperr.PersonApproved, "approve": apperr.PersonApproved},
			"ENTERED":   {"update": apperr.PersonApproved, "remove": apperr.PersonApproved, "approve": apperr.PersonApproved, "refuse": apperr.GateLogInside},
			"EXITED":    {"update": apperr.PersonApproved, "remove": apperr.PersonApproved, "approve": apperr.PersonApproved},
		} {
			for name, take := range steps {
				n++
				p := db.WorkOrderPerson.UpdateOne(d.added(order, fmt.Sprintf("U%07d", n))).SetStatus(status).SaveX(t.Context())
				wants(t, take(p), c[name])
			}
		}
		for name, take := range steps {
			field := []string{"id"}
			if name == "approve" {
				field = []string{"ids", "0"}
			}
			wants(t, take(&ent.WorkOrderPerson{ID: 9999}), apperr.PersonNotFound, field...)
		}
		p := d.added(order, "U9000001")
		_, err := d.Update(d.ctx(), person.UpdateInput{ID: id(p), Version: 1, PassportNo: input.Change[string]{Given: true}})
		wants(t, err, apperr.Validation, "nationalId")
	})
}

func second[T any](_ T, err error) error { return err }

// atOnce runs f for 0 … n-1, all let go together, and returns what each ended with.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			errs[i] = f(i)
		})
	}
	done.Wait()
	return errs
}

func TestOfTwoWhoAnnounceSomebodyOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		for range rounds {
			order := d.order("APPROVED")
			errs := atOnce(2, func(int) error { return second(d.add(order, "U0000001")) })
			if (errs[0] == nil) == (errs[1] == nil) || !apperr.Is(errs[0], apperr.Duplicate) && !apperr.Is(errs[1], apperr.Duplicate) {
				t.Fatalf("ended with %v", errs)
			}
		}
	})
}

func TestAnApprovedPersonWasNotChangedMeanwhile(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		for range rounds {
			p := d.added(d.order("APPROVED"), "U0000001")
			errs := atOnce(2, func(i int) error {
				if i == 0 {
					return second(d.Approve(d.ctx(), person.ApproveInput{IDs: []globalid.ID{id(p)}}))
				}
				return second(d.Update(d.ctx(), person.UpdateInput{ID: id(p), Version: 1, FullName: new("Jane Doe")}))
			})
			after := db.WorkOrderPerson.GetX(t.Context(), p.ID)
			// The officer may approve what was changed just before; nobody changes what was approved.
			if errs[0] != nil || after.Status != "APPROVED" || errs[1] != nil && !apperr.Is(errs[1], apperr.PersonApproved) || (errs[1] == nil) != (after.FullName == "Jane Doe") {
				t.Fatalf("ended with %v: %+v", errs, after)
			}
		}
	})
}

func TestOfficersWhoApproveInAnotherOrderDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		for n := range rounds {
			ps, err := d.add(d.order("APPROVED"), "U0000001", "U0000002", "U0000003")
			if err != nil {
				t.Fatal(err)
			}
			ids := [][]globalid.ID{{id(ps[0]), id(ps[1]), id(ps[2])}, {id(ps[2]), id(ps[1]), id(ps[0])}}
			errs := atOnce(2, func(i int) error { return second(d.Approve(d.ctx(), person.ApproveInput{IDs: ids[i]})) })
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("round %d ended with %v", n, errs)
			}
		}
	})
}

func TestNumbersAreShownToTheGateOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, aliatest.Open(t, dialect.SQLite))
	number := "10000000146"
	for right, want := range map[actor.Permission]string{actor.GateRead: number, actor.WorkOrderRead: "*********46", actor.GateWrite: "*********46"} {
		if got := person.Shown(d.as(right), &number); *got != want {
			t.Errorf("with %s it is %s", right, *got)
		}
	}
	if person.Shown(d.ctx(), nil) != nil || *person.Shown(t.Context(), &number) == number {
		t.Error("shown to anybody")
	}
}

func TestOnlyTheRightsOpenIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, aliatest.Open(t, dialect.SQLite))
	some := globalid.ID{Type: "WorkOrderPerson", Key: 1}
	gate, office := d.as(actor.GateWrite), d.as(actor.WorkOrderWrite)
	for name, err := range map[string]error{
		"add":     second(d.Add(gate, person.AddInput{})),
		"update":  second(d.Update(gate, person.UpdateInput{ID: some})),
		"remove":  second(d.Remove(gate, some)),
		"approve": second(d.Approve(office, person.ApproveInput{})),
		"refuse":  second(d.Refuse(office, person.RefuseInput{ID: some})),
	} {
		if !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
