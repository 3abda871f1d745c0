package gate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	entcari "aliaport/ent/cari"
	"aliaport/ent/gatechecklistitem"
	"aliaport/ent/gatelog"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/gate"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

var now = time.Date(2026, 3, 2, 5, 0, 0, 0, time.UTC) // 08:00 in Istanbul

// port is a gate with an officer and a customer, and the clock in the test's hands.
type port struct {
	*gate.Service

	t       *testing.T
	orders  *workorder.Service
	officer *ent.User
	cari    *ent.Cari

	mu   sync.Mutex // protects at
	at   time.Time
	made int
}

func newPort(t *testing.T, db *store.DB) *port {
	t.Helper()
	p := &port{t: t, at: now}
	users := &user.Service{DB: db, Now: p.now, Hasher: user.NewHasher()}
	users.Hasher.MaxWait = time.Minute // the machine may be busy
	pages, limits := page.NewCodec([]byte("key")), page.Limits{Default: 50, Max: 100}
	p.Service = &gate.Service{DB: db, Now: p.now, Users: users, Pages: pages, PageLimits: limits, IdempotencyTTL: time.Hour}
	p.Quotes = &quote.Service{DB: db, Now: p.now, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: p.now}}
	p.orders = &workorder.Service{DB: db, Now: p.now, Pages: pages, PageLimits: limits}
	p.officer = db.User.Create().SetEmail("nobet@aliaport.example").SetFullName("Nöbetçi").SetPasswordHash(p.hash("Vardiya-2026")).SaveX(t.Context())
	p.cari = db.Cari.Create().SetCariCode("C-1").SetTitle("Şahin").SetTitleFold("sahin").SetSearchText("sahin").
		SetType(entcari.TypeLegal).SetRole(entcari.RoleCustomer).SaveX(t.Context())
	if err := gate.EnsureChecklist(t.Context(), db, now); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *port) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// pass lets time pass.
func (p *port) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = p.at.Add(d)
}

func (p *port) hash(secret string) string {
	p.t.Helper()
	h, err := p.hasher().Hash(p.t.Context(), secret)
	if err != nil {
		p.t.Fatal(err)
	}
	return h
}

func (p *port) hasher() *user.Hasher {
	if p.Service != nil {
		return p.Users.Hasher
	}
	return user.NewHasher()
}

// ctx is the officer at the gate, with all rights of the gate.
func (p *port) ctx() context.Context {
	return p.as(actor.GateRead, actor.GateWrite, actor.GateException, actor.GateChecklist, actor.WorkOrderRead, actor.WorkOrderClose)
}

func (p *port) as(permissions ...actor.Permission) context.Context {
	return actor.With(p.t.Context(), actor.New(p.officer.ID, p.officer.Email, p.officer.FullName, []string{actor.RoleGate}, permissions))
}

func (p *port) order(status entworkorder.Status, change ...func(*ent.WorkOrderCreate)) *ent.WorkOrder {
	p.t.Helper()
	p.made++
	c := p.DB.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2026-%05d", p.made)).SetCari(p.cari).SetCariCode("C-1").SetCariTitle("Şahin").
		SetRequester(p.officer).SetRequesterName("x").SetType(entworkorder.TypeService).SetSubject("vinç").SetSearchText("vinc").
		SetStatus(status).SetCreatedBy(p.officer.ID).SetUpdatedBy(p.officer.ID)
	for _, f := range change {
		f(c)
	}
	return c.SaveX(p.t.Context())
}

func checked(c *ent.WorkOrderCreate) { c.SetGateRequired(true) }

func (p *port) person(wo *ent.WorkOrder, status workorderperson.Status) *ent.WorkOrderPerson {
	p.t.Helper()
	p.made++
	return p.DB.WorkOrderPerson.Create().SetWorkOrder(wo).SetFullName("Kişi").SetPassportNo(fmt.Sprintf("U%07d", p.made)).SetStatus(status).
		SetCreatedBy(p.officer.ID).SaveX(p.t.Context())
}

func orderID(wo *ent.WorkOrder) *globalid.ID { return &globalid.ID{Type: "WorkOrder", Key: wo.ID} }

func personID(p *ent.WorkOrderPerson) *globalid.ID {
	return &globalid.ID{Type: "WorkOrderPerson", Key: p.ID}
}

func logID(l *ent.GateLog) *globalid.ID { return &globalid.ID{Type: "GateLog", Key: l.ID} }

func (p *port) enter(wo *ent.WorkOrder, plate string) (*ent.GateLog, error) {
	return p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate})
}

func (p *port) mustEnter(wo *ent.WorkOrder, plate string) *ent.GateLog {
	p.t.Helper()
	l, err := p.enter(wo, plate)
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

func (p *port) mustExit(l *ent.GateLog) *ent.GateLog {
	p.t.Helper()
	l, err := p.Exit(p.ctx(), gate.ExitInput{ID: logID(l)})
	if err != nil {
		p.t.Fatal(err)
	}
	return l
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

func TestStays(t *testing.T) {
	t.Parallel()
	entry := now
	for name, c := range map[string]struct {
		stay          time.Duration
		minutes, over int
	}{
		"half past three in the afternoon": {7*time.Hour + 30*time.Minute, 450, 210},
		"exactly four hours":               {4 * time.Hour, 240, 0},
		"a minute over":                    {4*time.Hour + time.Minute, 241, 1},
		"a second less than that":          {4*time.Hour + time.Minute - time.Second, 240, 0},
		"at once":                          {0, 0, 0},
		"two days":                         {48 * time.Hour, 2880, 2640},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if minutes, over := gate.Stay(entry, entry.Add(c.stay), 240); minutes != c.minutes || over != c.over {
				t.Errorf("%d minutes, %d over", minutes, over)
			}
		})
	}
}

func TestOvertimeMinutes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after         time.Duration
		elapsed, over int
	}{
		"390 minutes are 150 over":             {390 * time.Minute, 390, 150},
		"exactly the threshold is free":        {240 * time.Minute, 240, 0},
		"a minute more is one":                 {241 * time.Minute, 241, 1},
		"leaving before the work ends is none": {-time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if elapsed, over := gate.OvertimeMinutes(now, now.Add(c.after), 240); elapsed != c.elapsed || over != c.over {
				t.Errorf("%d elapsed, %d over", elapsed, over)
			}
		})
	}
}

// TestWhoComesInUnderWhichStatus is rules 1 and 3: with and without an exception.
func TestWhoComesInUnderWhichStatus(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		p.pin()
		for status, c := range map[entworkorder.Status]struct{ plain, exception apperr.Code }{
			"DRAFT":       {apperr.GateLogNotApproved, ""},
			"SUBMITTED":   {apperr.GateLogNotApproved, ""},
			"REJECTED":    {apperr.GateLogNotApproved, ""},
			"APPROVED":    {"", ""},
			"IN_PROGRESS": {"", ""},
			"COMPLETED":   {apperr.GateLogNotApproved, ""},
			"INVOICED":    {apperr.GateLogNotApproved, ""},
			"CLOSED":      {apperr.GateLogNotApproved, apperr.GateLogNotApproved},
			"CANCELLED":   {apperr.GateLogNotApproved, apperr.GateLogNotApproved},
		} {
			wo := p.order(status)
			l, err := p.enter(wo, "34 A "+fmt.Sprint(1000+wo.ID))
			wants(t, err, c.plain)
			if err == nil && (string(l.WoStatus) != string(status) || l.WoNumber != wo.WoNumber || l.IsException) {
				t.Errorf("%s: recorded %+v", status, l)
			}
			plate := "34 B " + fmt.Sprint(1000+wo.ID)
			l, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Exception: &gate.ExceptionInput{Pin: "240611", Reason: "Amir onayladı"}})
			wants(t, err, c.exception)
			if err == nil && l.IsException != (c.plain != "") {
				t.Errorf("%s: is exception %t", status, l.IsException)
			}
		}
		deleted := p.order("APPROVED", func(c *ent.WorkOrderCreate) { c.SetIsActive(false) })
		_, err := p.enter(deleted, "34 C 1234")
		wants(t, err, apperr.WorkOrderNotFound, "workOrderId")
		trail := db.AuditEvent.Query().Where(auditevent.Action("gate_exception")).AllX(t.Context())
		if len(trail) != 5 {
			t.Errorf("%d exceptions in the trail", len(trail))
		}
		for _, e := range db.AuditEvent.Query().AllX(t.Context()) {
			if text := fmt.Sprint(string(e.Changes), string(e.Extra)); strings.Contains(text, "240611") {
				t.Errorf("the PIN is in the trail: %s", text)
			}
		}
	})
}

// TestTheChecklist is rule 2.
func TestTheChecklist(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		p.pin()
		items := db.GateChecklistItem.Query().Where(gatechecklistitem.WoTypeEQ("SERVICE")).Order(gatechecklistitem.ByDisplayOrder()).AllX(t.Context())
		ids := func(which ...int) (ids []globalid.ID) {
			for _, i := range which {
				ids = append(ids, globalid.ID{Type: "GateChecklistItem", Key: items[i].ID})
			}
			return ids
		}
		db.GateChecklistItem.UpdateOne(items[1]).SetIsActive(false).ExecX(t.Context())
		wo := p.order("APPROVED", checked)
		for name, c := range map[string]struct {
			ticked  []globalid.ID
			except  bool
			want    apperr.Code
			missing string
		}{
			"all that is required":                 {ids(0, 2, 3), false, "", ""},
			"all, and what is not required":        {ids(0, 2, 3, 4), false, "", ""},
			"the same twice":                       {ids(0, 0, 2, 3), false, "", ""},
			"one is missing":                       {ids(0, 3), false, apperr.GateLogChecklist, "Sigorta Poliçesi"},
			"nothing":                              {nil, false, apperr.GateLogChecklist, "İş Emri Belgesi, Sigorta Poliçesi, Yetkili İmzası"},
			"an item that is not checked any more": {ids(0, 1, 2, 3), false, apperr.Validation, ""},
			"one is missing, by exception":         {ids(0, 3), true, "", ""},
		} {
			plate := fmt.Sprintf("34 A %d", 1000+db.GateLog.Query().CountX(t.Context()))
			in := gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Ticked: c.ticked}
			if c.except {
				in.Exception = &gate.ExceptionInput{Pin: "240611", Reason: "Belge yolda geliyor"}
			}
			l, err := p.Enter(p.ctx(), in)
			wants(t, err, c.want)
			if c.missing != "" && !strings.Contains(fmt.Sprint(err), ": "+c.missing+" ") {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil {
				continue
			}
			ticks, err := gate.Ticks(l)
			if err != nil || len(ticks) != 4 || l.ChecklistComplete == c.except || l.IsException != c.except {
				t.Errorf("%s: %v, recorded %+v with %v", name, err, l, ticks)
			}
		}
		// The words of the time stay.
		first := db.GateLog.Query().Order(ent.Asc(gatelog.FieldID)).FirstX(t.Context())
		db.GateChecklistItem.UpdateOne(items[0]).SetLabel("Başka bir belge").ExecX(t.Context())
		if ticks, err := gate.Ticks(first); err != nil || ticks[0].Label != "İş Emri Belgesi" {
			t.Errorf("%v: %v", err, ticks)
		}
	})
}

// TestPersons is rule 5.
func TestPersons(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo, other := p.order("APPROVED"), p.order("APPROVED")
		for name, c := range map[string]struct {
			person *ent.WorkOrderPerson
			want   apperr.Code
		}{
			"one who is approved":        {p.person(wo, "APPROVED"), ""},
			"one who was there before":   {p.person(wo, "EXITED"), ""},
			"one who waits":              {p.person(wo, "ANNOUNCED"), apperr.GateLogPerson},
			"one who was refused":        {p.person(wo, "REFUSED"), apperr.GateLogPerson},
			"one who is inside":          {p.person(wo, "ENTERED"), apperr.GateLogInside},
			"one of another order":       {p.person(other, "APPROVED"), apperr.Validation},
			"one who was taken off":      {p.gone(p.person(wo, "APPROVED")), apperr.PersonNotFound},
			"one who is nobody's so far": {&ent.WorkOrderPerson{ID: 9999}, apperr.PersonNotFound},
		} {
			before := db.GateLog.Query().CountX(t.Context())
			l, err := p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), PersonID: personID(c.person)})
			wants(t, err, c.want, "personId")
			if err != nil {
				if n := db.GateLog.Query().CountX(t.Context()); n != before {
					t.Errorf("%s: refused and recorded", name)
				}
				continue
			}
			in := db.WorkOrderPerson.GetX(t.Context(), c.person.ID)
			if l.Subject != gatelog.SubjectPerson || in.Status != "ENTERED" || !in.GateEntryAt.Equal(now) {
				t.Errorf("%s: recorded %+v, %+v", name, l, in)
			}
			p.mustExit(l)
			if out := db.WorkOrderPerson.GetX(t.Context(), c.person.ID); out.Status != "EXITED" || !out.GateExitAt.Equal(now) {
				t.Errorf("%s: left as %+v", name, out)
			}
		}
	})
}

func (p *port) gone(person *ent.WorkOrderPerson) *ent.WorkOrderPerson {
	return p.DB.WorkOrderPerson.UpdateOne(person).SetIsActive(false).SaveX(p.t.Context())
}

// TestExits is rule 6.
func TestExits(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		db.Parameter.Create().SetCategory(parameter.StayBaseMinutes.Category).SetCode(parameter.StayBaseMinutes.Code).SetName("x").SetValue("60").SetDataType("NUMBER").ExecX(t.Context())
		wo := p.order("APPROVED")
		a, b := p.mustEnter(wo, "34 A 1234"), p.mustEnter(wo, "34 B 1234")
		p.pass(90*time.Minute + 59*time.Second)
		db.WorkOrder.UpdateOne(wo).SetStatus("CANCELLED").ExecX(t.Context()) // whatever has become of the order
		db.Parameter.Update().SetValue("30").ExecX(t.Context())              // and of the fee
		a = p.mustExit(a)
		if *a.DurationMinutes != 90 || *a.OverrunMinutes != 30 || a.BaseMinutes != 60 || !a.ExitAt.Equal(p.now()) {
			t.Errorf("left with %+v", a)
		}
		if at := db.WorkOrder.GetX(t.Context(), wo.ID).SecurityExitAt; at != nil {
			t.Errorf("the first of two left, and the order notes %s", at)
		}
		_, err := p.Exit(p.ctx(), gate.ExitInput{ID: logID(a)})
		wants(t, err, apperr.GateLogExited, "id")
		p.pass(-2 * time.Hour) // the server's clock is put back
		b = p.mustExit(b)
		if *b.DurationMinutes != 0 || !b.ExitAt.Equal(b.EntryAt) {
			t.Errorf("left before it came: %+v", b)
		}
		after := db.WorkOrder.GetX(t.Context(), wo.ID)
		if after.SecurityExitAt == nil || after.Version != wo.Version {
			t.Errorf("the last left, and the order is %+v", after)
		}
		_, err = p.Exit(p.ctx(), gate.ExitInput{ID: &globalid.ID{Type: "GateLog", Key: 9999}})
		wants(t, err, apperr.GateLogNotFound, "id")
		c := p.mustEnter(p.order("APPROVED"), "34 A 1234") // a plate comes again
		if c.BaseMinutes != 30 {
			t.Errorf("the fee covers %d minutes", c.BaseMinutes)
		}
	})
}

// TestTimesByHand is rule 8.
func TestTimesByHand(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("APPROVED")
		plate := "34 A 1234"
		at := func(d time.Duration) *time.Time { return new(now.Add(d)) }
		_, err := p.Enter(p.as(actor.GateWrite), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, EntryAt: at(-time.Hour)})
		wants(t, err, apperr.Forbidden)
		_, err = p.Enter(p.as(actor.GateWrite), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, Exception: &gate.ExceptionInput{Pin: "1", Reason: "x"}})
		wants(t, err, apperr.Forbidden)
		for _, c := range []struct {
			at   *time.Time
			want apperr.Code
		}{
			{at(time.Microsecond), apperr.Validation},
			{at(-24*time.Hour - time.Microsecond), apperr.Validation},
			{at(-24 * time.Hour), ""},
		} {
			_, err := p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, EntryAt: c.at})
			wants(t, err, c.want)
		}
		_, err = p.Exit(p.as(actor.GateWrite), gate.ExitInput{VehiclePlate: &plate, ExitAt: at(-time.Hour)})
		wants(t, err, apperr.Forbidden)
		l, err := p.Exit(p.ctx(), gate.ExitInput{VehiclePlate: &plate, ExitAt: at(-12 * time.Hour), DeviceTime: at(time.Hour)})
		wants(t, err, "")
		if *l.DurationMinutes != 720 || !l.ExitIsManual || !l.EntryIsManual || !l.ExitDeviceAt.Equal(now.Add(time.Hour)) {
			t.Errorf("recorded %+v", l)
		}
		// No stay lies within another one.
		_, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, EntryAt: at(-13 * time.Hour)})
		wants(t, err, apperr.GateLogInside, "vehiclePlate")
		_, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, EntryAt: at(-12 * time.Hour)})
		wants(t, err, "")
		// Nor does one of a driver who was inside otherwise.
		walker, van := p.person(wo, "APPROVED"), "34 V 1234"
		l, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), PersonID: personID(walker), EntryAt: at(-3 * time.Hour)})
		wants(t, err, "")
		_, err = p.Exit(p.ctx(), gate.ExitInput{ID: logID(l), ExitAt: at(-time.Hour)})
		wants(t, err, "")
		_, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &van, PersonID: personID(walker), EntryAt: at(-2 * time.Hour)})
		wants(t, err, apperr.GateLogInside, "personId")
		_, err = p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &van, PersonID: personID(walker), EntryAt: at(-time.Hour)})
		wants(t, err, "")
	})
}

// TestCorrections is rule 7.
func TestCorrections(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("APPROVED")
		a, b := p.mustEnter(wo, "34 A 1234"), p.mustEnter(wo, "34 B 1234")
		p.pass(time.Hour)
		a, b = p.mustExit(a), p.mustExit(b)
		c, err := p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(b), Reason: "Saat yanlış", EntryAt: new(now.Add(-5 * time.Hour)), ExitAt: new(now)})
		wants(t, err, "")
		if *c.DurationMinutes != 300 || *c.OverrunMinutes != 60 || *c.CorrectsID != b.ID || *c.PlateNorm != "34B1234" || c.EntryByName != "Nöbetçi" {
			t.Errorf("recorded %+v", c)
		}
		if old := db.GateLog.GetX(t.Context(), b.ID); !old.IsSuperseded || *old.DurationMinutes != 60 {
			t.Errorf("the old one is %+v", old)
		}
		if at := db.WorkOrder.GetX(t.Context(), wo.ID).SecurityExitAt; !at.Equal(*a.ExitAt) {
			t.Errorf("the order notes %s", at)
		}
		_, err = p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(b), Reason: "Saat yanlış"})
		wants(t, err, apperr.GateLogCorrected, "id")
		_, err = p.Correct(p.as(actor.GateWrite), gate.CorrectInput{ID: *logID(a), Reason: "Saat yanlış"})
		wants(t, err, apperr.Forbidden)
		// A stay that goes on goes on under the right plate.
		open := p.mustEnter(wo, "34 C 1234")
		plate := "34 D 1234"
		_, err = p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(open), Reason: "Plaka yanlış", VehiclePlate: &plate})
		wants(t, err, "")
		_, err = p.enter(wo, plate)
		wants(t, err, apperr.GateLogInside, "vehiclePlate")
		p.mustEnter(wo, "34 C 1234")
		events, err := p.Newest(p.ctx(), 10)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range events {
			told = append(told, fmt.Sprint(e.Direction, " ", *e.Log.PlateNorm))
		}
		if got := strings.Join(told, ", "); got != "EXIT 34A1234, ENTRY 34C1234, ENTRY 34D1234, EXIT 34B1234, ENTRY 34A1234, ENTRY 34B1234" {
			t.Errorf("newest are %s", got)
		}
		if two, err := p.Newest(p.ctx(), 2); err != nil || len(two) != 2 {
			t.Errorf("%v: %v", err, two)
		}
	})
}

// TestACorrectionLeavesThePersonsNewestStay: an earlier stay may be corrected while the
// person is inside again.
func TestACorrectionLeavesThePersonsNewestStay(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("APPROVED")
		person := p.person(wo, "APPROVED")
		enter := func() *ent.GateLog {
			t.Helper()
			l, err := p.Enter(p.ctx(), gate.EntryInput{WorkOrderID: orderID(wo), PersonID: personID(person)})
			wants(t, err, "")
			return l
		}
		times := func(what string, entry, exit time.Time) {
			t.Helper()
			if got := db.WorkOrderPerson.GetX(t.Context(), person.ID); !got.GateEntryAt.Equal(entry) || !got.GateExitAt.Equal(exit) {
				t.Errorf("%s: from %s to %s, want from %s to %s", what, got.GateEntryAt, got.GateExitAt, entry, exit)
			}
		}
		first := enter()
		p.pass(time.Hour)
		first = p.mustExit(first)
		p.pass(time.Hour)
		second := enter()
		first, err := p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(first), Reason: "Saat yanlış", EntryAt: new(now.Add(-time.Hour))})
		wants(t, err, "")
		times("inside again", now.Add(2*time.Hour), now.Add(time.Hour))
		p.pass(time.Hour)
		second = p.mustExit(second)
		_, err = p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(first), Reason: "Saat yanlış", ExitAt: new(now.Add(30 * time.Minute))})
		wants(t, err, "")
		times("left again", now.Add(2*time.Hour), now.Add(3*time.Hour))
		_, err = p.Correct(p.ctx(), gate.CorrectInput{ID: *logID(second), Reason: "Saat yanlış", EntryAt: new(now.Add(90 * time.Minute))})
		wants(t, err, "")
		times("the newest is corrected", now.Add(90*time.Minute), now.Add(3*time.Hour))
	})
}

func TestScansAreRecordedOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo, plate, key := p.order("APPROVED"), "34 A 1234", "scan-1"
		in := gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, IdempotencyKey: &key}
		first, err := p.Enter(p.ctx(), in)
		wants(t, err, "")
		p.pass(time.Minute)
		again, err := p.Enter(p.ctx(), in)
		wants(t, err, "")
		if again.ID != first.ID || !again.EntryAt.Equal(now) {
			t.Errorf("recorded %+v and %+v", first, again)
		}
		out := "scan-2"
		exit := gate.ExitInput{VehiclePlate: &plate, IdempotencyKey: &out}
		left, err := p.Exit(p.ctx(), exit)
		wants(t, err, "")
		p.pass(time.Minute)
		leftAgain, err := p.Exit(p.ctx(), exit)
		wants(t, err, "")
		if leftAgain.ID != left.ID || *leftAgain.DurationMinutes != 1 {
			t.Errorf("left %+v and %+v", left, leftAgain)
		}
		if n := db.GateLog.Query().CountX(t.Context()); n != 1 {
			t.Errorf("%d logs", n)
		}
	})
}

func TestAScanTakesFewStatements(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("APPROVED", checked)
		var ids []globalid.ID
		for _, i := range db.GateChecklistItem.Query().Where(gatechecklistitem.WoTypeEQ("SERVICE")).AllX(t.Context()) {
			ids = append(ids, globalid.ID{Type: "GateChecklistItem", Key: i.ID})
		}
		person, plate, in, out := p.person(wo, "APPROVED"), "34 A 1234", "in", "out"
		counted := func(do func(context.Context) error) int {
			stats := &store.Stats{}
			if err := do(store.WithStats(p.ctx(), stats)); err != nil {
				t.Fatal(err)
			}
			return stats.Count()
		}
		entry := counted(func(ctx context.Context) error {
			_, err := p.Enter(ctx, gate.EntryInput{WorkOrderID: orderID(wo), VehiclePlate: &plate, PersonID: personID(person), Ticked: ids, IdempotencyKey: &in})
			return err
		})
		exit := counted(func(ctx context.Context) error {
			_, err := p.Exit(ctx, gate.ExitInput{VehiclePlate: &plate, IdempotencyKey: &out})
			return err
		})
		// Key twice, order, checklist, person twice, parameter, log, trail, and read again;
		// key twice, log twice, person, order, trail, and read again, on PostgreSQL the
		// order is held first.
		if limit := 10; entry > limit || exit > limit-1 {
			t.Errorf("an entry takes %d statements, an exit %d", entry, exit)
		}
	})
}

func TestOnlyTheRightsOfTheGateOpenIt(t *testing.T) {
	t.Parallel()
	p := newPort(t, aliatest.Open(t, dialect.SQLite))
	wo := p.order("APPROVED")
	l := p.mustEnter(wo, "34 A 1234")
	nobody := p.as(actor.CariRead)
	for name, err := range map[string]error{
		"entry":      second(p.Enter(nobody, gate.EntryInput{})),
		"exit":       second(p.Exit(nobody, gate.ExitInput{})),
		"correct":    second(p.Correct(nobody, gate.CorrectInput{})),
		"note":       second(p.Note(nobody, gate.NotesInput{})),
		"pin":        p.SetPIN(nobody, gate.PinInput{}),
		"list":       second(p.List(nobody, gate.Filter{}, nil, page.Args{})),
		"inside":     second(p.InsideNow(nobody, page.Args{})),
		"find":       second(p.Find(nobody, *logID(l))),
		"newest":     second(p.Newest(nobody, 1)),
		"checklist":  second(p.Checklist(nobody, "SERVICE", false)),
		"save":       second(p.SaveItem(nobody, gate.ItemInput{})),
		"deactivate": second(p.DeactivateItem(nobody, gate.ItemActivityInput{})),
		"overtime":   second(p.Overtime(nobody, *orderID(wo))),
	} {
		if !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestChecklistsAreMadeOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		if n := db.GateChecklistItem.Query().CountX(t.Context()); n != 14 {
			t.Errorf("%d items", n)
		}
		db.GateChecklistItem.Update().Where(gatechecklistitem.LabelEQ("Sertifika")).SetLabel("Denize Elverişlilik Belgesi").SetIsActive(false).ExecX(t.Context())
		if err := gate.EnsureChecklist(t.Context(), db, p.now()); err != nil {
			t.Fatal(err)
		}
		if n := db.GateChecklistItem.Query().CountX(t.Context()); n != 14 {
			t.Errorf("%d items after the second start", n)
		}
		for range 10 - 4 {
			if _, err := p.SaveItem(p.ctx(), gate.ItemInput{WoType: new(entworkorder.TypeOther), Label: fmt.Sprint("Madde ", db.GateChecklistItem.Query().CountX(t.Context()))}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOvertimeOfAnOrder(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		p := newPort(t, db)
		wo := p.order("COMPLETED", func(c *ent.WorkOrderCreate) {
			c.SetActualEnd(now).SetSecurityExitAt(now.Add(390 * time.Minute)).SetNetTotal(decimal.Zero)
		})
		o, err := p.Overtime(p.ctx(), *orderID(wo))
		if err != nil || *o.ElapsedMinutes != 390 || *o.OvertimeMinutes != 150 || o.ThresholdMinutes != 240 || o.InsideCount != 0 {
			t.Errorf("%v: %+v", err, o)
		}
		if none, err := p.Overtime(p.ctx(), globalid.ID{Type: "WorkOrder", Key: 9999}); none != nil || err != nil {
			t.Errorf("%v: %+v", err, none)
		}
	})
}
