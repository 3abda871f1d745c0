package motorbot_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	entmotorbot "aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/motorbot"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

var now = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func service(t testing.TB, db *store.DB) (*motorbot.Service, context.Context) {
	t.Helper()
	return &motorbot.Service{
		DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100}, IdempotencyTTL: time.Hour,
	}, actor.With(t.Context(), actor.System("test"))
}

func number(s string) *decimal.Decimal { return new(decimal.RequireFromString(s)) }

func id(m *ent.Motorbot) globalid.ID { return globalid.ID{Type: "Motorbot", Key: m.ID} }

func TestWhatABoatIsHeldTo(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		n := 0
		for name, c := range map[string]struct {
			set   func(*motorbot.CreateInput)
			field string
			code  apperr.Code
		}{
			"the shortest code":                  {func(in *motorbot.CreateInput) { in.MBCode = "A-1" }, "", ""},
			"the longest code":                   {func(in *motorbot.CreateInput) { in.MBCode = strings.Repeat("A", 50) }, "", ""},
			"a code of two":                      {func(in *motorbot.CreateInput) { in.MBCode = "A1" }, "mbCode", apperr.Validation},
			"a code of 51":                       {func(in *motorbot.CreateInput) { in.MBCode = strings.Repeat("A", 51) }, "mbCode", apperr.Validation},
			"a code in small letters":            {func(in *motorbot.CreateInput) { in.MBCode = "mb001" }, "mbCode", apperr.Validation},
			"a Turkish letter in a code":         {func(in *motorbot.CreateInput) { in.MBCode = "MBİ01" }, "mbCode", apperr.Validation},
			"a code with a line break":           {func(in *motorbot.CreateInput) { in.MBCode = "MB001\n" }, "mbCode", apperr.Validation},
			"a name of one letter":               {func(in *motorbot.CreateInput) { in.Name = " x " }, "name", apperr.Validation},
			"the largest capacity":               {func(in *motorbot.CreateInput) { in.CapacityTon = number("1000.00") }, "", ""},
			"more than that":                     {func(in *motorbot.CreateInput) { in.CapacityTon = number("1000.01") }, "capacityTon", apperr.MotorbotCapacity},
			"no capacity at all":                 {func(in *motorbot.CreateInput) { in.CapacityTon = number("0") }, "capacityTon", apperr.MotorbotCapacity},
			"less than none":                     {func(in *motorbot.CreateInput) { in.CapacityTon = number("-0.01") }, "capacityTon", apperr.MotorbotCapacity},
			"grams":                              {func(in *motorbot.CreateInput) { in.CapacityTon = number("1.001") }, "capacityTon", apperr.MotorbotCapacity},
			"a capacity that fills the memory":   {func(in *motorbot.CreateInput) { in.CapacityTon = number("1e999999") }, "capacityTon", apperr.MotorbotCapacity},
			"the highest speed":                  {func(in *motorbot.CreateInput) { in.MaxSpeedKnot = number("100") }, "", ""},
			"faster than that":                   {func(in *motorbot.CreateInput) { in.MaxSpeedKnot = number("100.01") }, "maxSpeedKnot", apperr.Validation},
			"standing still":                     {func(in *motorbot.CreateInput) { in.MaxSpeedKnot = number("0") }, "maxSpeedKnot", apperr.Validation},
			"a flag of three letters":            {func(in *motorbot.CreateInput) { in.Flag = new("TUR") }, "flag", apperr.Validation},
			"a plate of 21":                      {func(in *motorbot.CreateInput) { in.Plate = new(strings.Repeat("1", 21)) }, "plate", apperr.Validation},
			"notes with a NUL":                   {func(in *motorbot.CreateInput) { in.Notes = new("a\x00b") }, "notes", apperr.Validation},
			"an owner's id that is another's":    {func(in *motorbot.CreateInput) { in.OwnerID = &globalid.ID{Type: "Trip", Key: 1} }, "", apperr.BadUserInput},
			"an owner who is not there":          {func(in *motorbot.CreateInput) { in.OwnerID = &globalid.ID{Type: "Cari", Key: 9} }, "ownerId", apperr.CariNotFound},
			"blanks where texts may be left out": {func(in *motorbot.CreateInput) { in.Plate, in.Notes = new("  "), new("\t") }, "", ""},
		} {
			n++
			in := motorbot.CreateInput{MBCode: fmt.Sprintf("MB%03d", n), Name: "Çınar", Status: entmotorbot.StatusActive}
			c.set(&in)
			m, err := s.Create(ctx, in)
			if c.code == "" {
				if err != nil || m.Version != 1 || m.NameFold != "cinar" || m.Plate != nil || m.Notes != nil {
					t.Errorf("%s: %v, error %v", name, m, err)
				}
				continue
			}
			all, _ := apperr.All(err)
			if len(all) != 1 || all[0].Code != c.code || strings.Join(all[0].Field, ".") != c.field {
				t.Errorf("%s: %v, want %s at %s", name, err, c.code, c.field)
			}
		}
	})
}

// TestStatesLeadThroughService tries every change of state.
func TestStatesLeadThroughService(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		states := []entmotorbot.Status{"ACTIVE", "MAINTENANCE", "OUT_OF_SERVICE"}
		for i, from := range states {
			for j, to := range states {
				m, err := s.Create(ctx, motorbot.CreateInput{MBCode: fmt.Sprintf("MB-%d-%d", i, j), Name: "Çınar", Status: from})
				if err != nil {
					t.Fatal(err)
				}
				after, err := s.SetStatus(ctx, motorbot.StatusInput{ID: id(m), Version: 1, Status: to})
				switch {
				case from == to:
					if err != nil || after.Version != 1 {
						t.Errorf("%s again: version %v, error %v", from, after, err)
					}
				case from == "ACTIVE" || to == "ACTIVE":
					if err != nil || after.Status != to || after.Version != 2 {
						t.Errorf("%s to %s: %v, error %v", from, to, after, err)
					}
				default:
					if !apperr.Is(err, apperr.Validation) {
						t.Errorf("%s to %s: %v", from, to, err)
					}
				}
			}
		}
	})
}

func TestABoatThatIsReferredToStays(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		u := db.User.Create().SetEmail("u@aliaport.example").SetFullName("Deniz").SetPasswordHash("").SaveX(ctx)
		c := db.Cari.Create().SetCariCode("C-100").SetTitle("x").SetTitleFold("x").SetSearchText("x").SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SaveX(ctx)
		wo := db.WorkOrder.Create().SetWoNumber("WO-2026-00001").SetCari(c).SetCariCode("C-100").SetCariTitle("x").SetRequester(u).SetRequesterName("x").
			SetType("MOTORBOT").SetSubject("x").SetSearchText("x").SetCreatedBy(u.ID).SetUpdatedBy(u.ID).SaveX(ctx)
		for i, refer := range []func(boat int64){
			nil,
			func(boat int64) {
				db.Trip.Create().SetTripNo("SF-1").SetMotorbotID(boat).SetTripDate(calendar.DateOf(now)).SetPlannedDepartureAt(now).SetStartsAt(now).SetCreatedBy(1).SetUpdatedBy(1).ExecX(ctx)
			},
			func(boat int64) {
				db.WorkLog.Create().SetWorkOrderID(wo.ID).SetMotorbotID(boat).SetPersonnelName("Usta").SetTimeStart(now).SetTimeEnd(now.Add(time.Hour)).SetDurationMinutes(60).
					SetQuantity(decimal.NewFromInt(1)).SetCreatedBy(u.ID).ExecX(ctx)
			},
			func(boat int64) {
				db.GateLog.Create().SetWorkOrderID(wo.ID).SetWoNumber("x").SetWoStatus("APPROVED").SetSubject("VEHICLE").SetVehiclePlate("35 A 1").SetPlateNorm("35A1").SetMotorbotID(boat).SetEntryAt(now).SetEntryBy(u.ID).SetEntryByName("x").SetBaseMinutes(240).ExecX(ctx)
			},
			func(boat int64) { // was planned by mistake, and is gone
				db.Trip.Create().SetTripNo("SF-2").SetMotorbotID(boat).SetTripDate(calendar.DateOf(now)).SetPlannedDepartureAt(now).SetStartsAt(now).SetIsActive(false).SetCreatedBy(1).SetUpdatedBy(1).ExecX(ctx)
			},
		} {
			m, err := s.Create(ctx, motorbot.CreateInput{MBCode: fmt.Sprintf("MB%03d", i), Name: "Çınar", Status: entmotorbot.StatusActive, CapacityTon: number("10")})
			if err != nil {
				t.Fatal(err)
			}
			if refer != nil {
				refer(m.ID)
			}
			stays := i >= 1 && i <= 3
			_, capacity := s.Update(ctx, motorbot.UpdateInput{ID: id(m), Version: 1, CapacityTon: input.Change[decimal.Decimal]{Given: true}})
			if frozen := apperr.Is(capacity, apperr.MotorbotInUse); frozen != (i == 1) {
				t.Errorf("case %d: capacity %v", i, capacity)
			}
			version := db.Motorbot.GetX(ctx, m.ID).Version
			gone, err := s.Delete(ctx, motorbot.DeleteInput{ID: id(m), Version: version})
			if stays != apperr.Is(err, apperr.MotorbotInUse) || !stays && (err != nil || gone.IsActive) {
				t.Errorf("case %d: %v, error %v", i, gone, err)
			}
			if found, err := s.Find(ctx, nil, &m.MBCode); err != nil || (found != nil) != stays {
				t.Errorf("case %d: found %v, error %v", i, found, err)
			}
		}
	})
}

func TestABoatAtSeaStaysInService(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		for i, c := range []struct {
			status  trip.Status
			active  bool
			refused bool
		}{{"UNDERWAY", true, true}, {"PLANNED", true, false}, {"COMPLETED", true, false}, {"CANCELLED", true, false}, {"UNDERWAY", false, false}} {
			m, err := s.Create(ctx, motorbot.CreateInput{MBCode: fmt.Sprintf("MB%03d", i), Name: "Çınar", Status: entmotorbot.StatusActive})
			if err != nil {
				t.Fatal(err)
			}
			db.Trip.Create().SetTripNo(fmt.Sprintf("SF-%d", i)).SetMotorbotID(m.ID).SetTripDate(calendar.DateOf(now)).SetPlannedDepartureAt(now).SetStartsAt(now).
				SetStatus(c.status).SetIsActive(c.active).SetCreatedBy(1).SetUpdatedBy(1).ExecX(ctx)
			for _, to := range []entmotorbot.Status{"MAINTENANCE", "OUT_OF_SERVICE"} {
				after, err := s.SetStatus(ctx, motorbot.StatusInput{ID: id(m), Version: db.Motorbot.GetX(ctx, m.ID).Version, Status: to})
				if apperr.Is(err, apperr.MotorbotInUse) != c.refused || !c.refused && err != nil {
					t.Errorf("%s, %t to %s: %v, error %v", c.status, c.active, to, after, err)
				}
				if !c.refused {
					break
				}
			}
		}
	})
}

func TestAnOwnerMustBeActiveWhenNamed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		owner := func(code string, active bool) *ent.Cari {
			return db.Cari.Create().SetCariCode(code).SetTitle("x").SetTitleFold("x").SetSearchText("x").SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SetIsActive(active).SaveX(ctx)
		}
		first, gone := owner("C-1", true), owner("C-2", false)
		m, err := s.Create(ctx, motorbot.CreateInput{MBCode: "MB001", Name: "Çınar", Status: entmotorbot.StatusActive, OwnerCode: &first.CariCode})
		if err != nil || *m.OwnerCariID != first.ID {
			t.Fatalf("%v, error %v", m, err)
		}
		change := func(version int, to *ent.Cari) error {
			in := motorbot.UpdateInput{ID: id(m), Version: version, OwnerID: input.Change[globalid.ID]{Given: true}}
			if to != nil {
				in.OwnerID.To = &globalid.ID{Type: "Cari", Key: to.ID}
			}
			_, err := s.Update(ctx, in)
			return err
		}
		if err := change(1, gone); !apperr.Is(err, apperr.CariInactive) {
			t.Errorf("to one who is inactive: %v", err)
		}
		db.Cari.UpdateOne(first).SetIsActive(false).ExecX(ctx)
		if err := change(1, first); err != nil { // the one it has, deactivated since
			t.Errorf("the same: %v", err)
		}
		if err := change(2, nil); err != nil || db.Motorbot.GetX(ctx, m.ID).OwnerCariID != nil {
			t.Errorf("to nobody: %v", err)
		}
	})
}

// TestListsAnswerWhatWasAsked walks every offered combination to its end and compares
// it with the boats that meet the filter one by one.
func TestListsAnswerWhatWasAsked(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		owner := db.Cari.Create().SetCariCode("C-1").SetTitle("x").SetTitleFold("x").SetSearchText("x").SetType(cari.TypeLegal).SetRole(cari.RoleCustomer).SaveX(ctx)
		var all []*ent.Motorbot
		for i := range 90 {
			in := motorbot.CreateInput{
				MBCode: fmt.Sprintf("MB%03d", (i*37)%90), Name: []string{"Çınar", "İğde", "Ilgaz", "Şahin"}[i%4], Plate: new(fmt.Sprintf("35-%d", i%7)),
				Status: []entmotorbot.Status{"ACTIVE", "ACTIVE", "MAINTENANCE", "OUT_OF_SERVICE", "ACTIVE"}[i%5],
			}
			if i%3 == 0 {
				in.OwnerCode = &owner.CariCode
			}
			m, err := s.Create(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			if i%11 == 0 {
				if _, err := s.Delete(ctx, motorbot.DeleteInput{ID: id(m), Version: 1}); err != nil {
					t.Fatal(err)
				}
				continue
			}
			all = append(all, m)
		}
		statuses := [][]entmotorbot.Status{nil, {"MAINTENANCE"}, {"OUT_OF_SERVICE", "ACTIVE", "ACTIVE"}}
		owners := []*globalid.ID{nil, {Type: "Cari", Key: owner.ID}}
		searches := []*string{nil, new("çınar"), new("IĞDE 35-3"), new("b04")}
		answered, refused := 0, 0
		for _, status := range statuses {
			for _, of := range owners {
				for _, search := range searches {
					for _, field := range []motorbot.OrderField{motorbot.ByName, motorbot.ByCode} {
						f := motorbot.Filter{Status: status, Owner: of, Search: search}
						if search == nil && (len(status) > 0 && of != nil || field == motorbot.ByCode && (len(status) > 0 || of != nil)) {
							refused++
							if _, err := s.List(ctx, f, &motorbot.Order{Field: field}, page.Args{}); !apperr.Is(err, apperr.FilterNotIndexed) {
								t.Errorf("%+v by %s: %v", f, field, err)
							}
							continue
						}
						for _, d := range []page.Direction{page.Asc, page.Desc} {
							answered++
							want := meeting(all, f, field, d)
							got, total := walked(t, func(a page.Args) (*page.List[*ent.Motorbot], error) {
								return s.List(ctx, f, &motorbot.Order{Field: field, Direction: d}, a)
							})
							if !slices.Equal(got, want) || total != len(want) {
								t.Errorf("%+v by %s %s: %v, counted %d, want %v", f, field, d, got, total, want)
							}
						}
					}
				}
			}
		}
		if answered < 70 || refused != 7 {
			t.Errorf("%d lists answered, %d refused", answered, refused)
		}
		for name, f := range map[string]motorbot.Filter{"two letters": {Search: new("çı")}, "an owner who is a boat": {Owner: &globalid.ID{Type: "Motorbot", Key: 1}}} {
			if _, err := s.List(ctx, f, nil, page.Args{}); !apperr.Is(err, apperr.BadUserInput) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func walked(t *testing.T, read func(page.Args) (*page.List[*ent.Motorbot], error)) (ids []int64, count int) {
	t.Helper()
	args := page.Args{First: new(13)}
	for {
		list, err := read(args)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list.Nodes {
			ids = append(ids, n.ID)
		}
		if args.After = list.Info.EndCursor; !list.Info.HasNextPage {
			if count, err = list.Count(t.Context()); err != nil {
				t.Fatal(err)
			}
			return ids, count
		}
	}
}

func meeting(all []*ent.Motorbot, f motorbot.Filter, field motorbot.OrderField, d page.Direction) (ids []int64) {
	var rows []*ent.Motorbot
	for _, m := range all {
		if (len(f.Status) == 0 || slices.Contains(f.Status, m.Status)) && (f.Owner == nil || m.OwnerCariID != nil && *m.OwnerCariID == f.Owner.Key) &&
			(f.Search == nil || strings.Contains(turkish.Fold(m.MBCode+" "+m.Name+" "+*m.Plate), turkish.Fold(*f.Search))) {
			rows = append(rows, m)
		}
	}
	key := func(m *ent.Motorbot) string {
		if field == motorbot.ByCode {
			return m.MBCode
		}
		return turkish.Fold(m.Name)
	}
	slices.SortFunc(rows, func(a, b *ent.Motorbot) int {
		if c := strings.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return int(a.ID - b.ID)
	})
	if d == page.Desc {
		slices.Reverse(rows)
	}
	for _, m := range rows {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestStrangersAndReadersChangeNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := service(t, db)
		m, err := s.Create(ctx, motorbot.CreateInput{MBCode: "MB001", Name: "Çınar", Status: entmotorbot.StatusActive})
		if err != nil {
			t.Fatal(err)
		}
		reader := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.MotorbotRead}))
		for who, want := range map[context.Context]apperr.Code{t.Context(): apperr.Unauthenticated, reader: apperr.Forbidden} {
			_, create := s.Create(who, motorbot.CreateInput{MBCode: "MB002", Name: "Çınar"})
			_, update := s.Update(who, motorbot.UpdateInput{ID: id(m), Version: 1})
			_, status := s.SetStatus(who, motorbot.StatusInput{ID: id(m), Version: 1, Status: "MAINTENANCE"})
			_, remove := s.Delete(who, motorbot.DeleteInput{ID: id(m), Version: 1})
			for i, err := range []error{create, update, status, remove} {
				if !apperr.Is(err, want) {
					t.Errorf("change %d: %v, want %s", i, err, want)
				}
			}
		}
		if _, err := s.Find(t.Context(), nil, &m.MBCode); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger finds: %v", err)
		}
		if _, err := s.List(t.Context(), motorbot.Filter{}, nil, page.Args{}); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger lists: %v", err)
		}
		if got, err := s.Find(reader, nil, &m.MBCode); err != nil || got.ID != m.ID {
			t.Errorf("a reader finds %v, error %v", got, err)
		}
	})
}
