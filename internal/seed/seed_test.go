package seed_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/gate"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/seed"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	"aliaport/internal/user"
	rules "aliaport/internal/workorder"
)

var now = time.Date(2026, time.September, 15, 11, 40, 0, 0, time.UTC)

func usersOf(db *store.DB) *user.Service {
	return &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
}

func run(t *testing.T, db *store.DB, o seed.Options) seed.Report {
	t.Helper()
	r, err := seed.Run(t.Context(), db, usersOf(db), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// digest is of every value of every row, secrets included, as ent reads them.
func digest(t *testing.T, db *store.DB) string {
	t.Helper()
	ctx := t.Context()
	h := sha256.New()
	enc := json.NewEncoder(h)
	put := func(v any) {
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range db.Cari.Query().Order(ent.Asc("id")).AllX(ctx) {
		put([]any{c, c.Iban, c.NationalID})
	}
	for _, s := range db.Service.Query().Order(ent.Asc("id")).AllX(ctx) {
		params := s.FormulaParams // databases may space and order it differently
		s.FormulaParams = nil
		var v any
		if params != nil {
			if err := json.Unmarshal(params, &v); err != nil {
				t.Fatal(err)
			}
		}
		put([]any{s, v})
	}
	put(db.PriceList.Query().Order(ent.Asc("id")).AllX(ctx))
	put(db.PriceListItem.Query().Order(ent.Asc("id")).AllX(ctx))
	put(db.ServiceOverride.Query().Order(ent.Asc("id")).AllX(ctx))
	put(db.ExchangeRate.Query().Order(ent.Asc("id")).AllX(ctx))
	for _, u := range db.User.Query().Order(ent.Asc("id")).WithRoles().AllX(ctx) {
		put([]any{u.ID, u.Email, u.FullName, u.CreatedAt, u.Edges.Roles[0].Name})
	}
	put(db.WorkOrder.Query().Order(ent.Asc("id")).AllX(ctx))
	put(db.WorkOrderItem.Query().Order(ent.Asc("id")).AllX(ctx))
	put(db.WorkOrderStatusHistory.Query().Order(ent.Asc("id")).AllX(ctx))
	for _, p := range db.WorkOrderPerson.Query().Order(ent.Asc("id")).AllX(ctx) {
		put([]any{p, p.NationalID, p.PassportNo})
	}
	put(db.WorkLog.Query().Order(ent.Asc("id")).AllX(ctx))
	for _, l := range db.GateLog.Query().Order(ent.Asc("id")).AllX(ctx) {
		ticks, err := gate.Ticks(l) // databases may space it differently
		if err != nil {
			t.Fatal(err)
		}
		l.Checklist = nil
		put([]any{l, ticks})
	}
	put(db.Motorbot.Query().Order(ent.Asc("id")).AllX(ctx))
	put(db.WorkOrderAdjustment.Query().Order(ent.Asc("id")).AllX(ctx))
	for _, s := range db.Trip.Query().Order(ent.Asc("id")).AllX(ctx) {
		var how any // databases may space it differently
		if s.Calculation != nil {
			if err := json.Unmarshal(s.Calculation, &how); err != nil {
				t.Fatal(err)
			}
		}
		s.Calculation = nil
		put([]any{s, how})
	}
	put(db.NumberSequence.Query().Order(ent.Asc("id")).AllX(ctx))
	return hex.EncodeToString(h.Sum(nil))
}

func TestTheSameSeedGivesTheSameRows(t *testing.T) {
	t.Parallel()
	made := func(t *testing.T, dialectName string, o seed.Options) string {
		t.Helper()
		db := aliatest.Open(t, dialectName)
		run(t, db, o)
		return digest(t, db)
	}
	o := seed.Options{WorkOrders: 1100, Cari: 60, Services: 40, Motorbots: 30, Trips: 1100, Seed: 7, Now: now} // more than a batch
	first := made(t, dialect.SQLite, o)
	other, later := o, o
	other.Seed++
	later.Now = now.Add(time.Hour)
	for name, tt := range map[string]struct {
		dialect string
		o       seed.Options
		same    bool
	}{
		"again on SQLite":         {dialect.SQLite, o, true},
		"again on PostgreSQL":     {dialect.Postgres, o, true},
		"another seed is another": {dialect.SQLite, other, false},
		"another hour is another": {dialect.SQLite, later, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := made(t, tt.dialect, tt.o); (got == first) != tt.same {
				t.Errorf("same rows: %v, want %v", got == first, tt.same)
			}
		})
	}
}

func TestOnlyAnEmptyDatabaseIsFilled(t *testing.T) {
	t.Parallel()
	few := seed.Options{WorkOrders: 20, Cari: 5, Services: 3, Seed: 1, Now: now}
	for name, fill := range map[string]func(*testing.T, *store.DB){
		"work orders": func(t *testing.T, db *store.DB) { run(t, db, few) },
		"a customer": func(t *testing.T, db *store.DB) {
			run(t, db, seed.Options{Cari: 1, Now: now})
		},
		"a service": func(t *testing.T, db *store.DB) {
			run(t, db, seed.Options{Services: 1, Now: now})
		},
		"a motorboat": func(t *testing.T, db *store.DB) {
			run(t, db, seed.Options{Motorbots: 1, Now: now})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				fill(t, db)
				before := digest(t, db)
				if _, err := seed.Run(t.Context(), db, usersOf(db), few); !errors.Is(err, seed.ErrNotEmpty) {
					t.Errorf("error %v, want ErrNotEmpty", err)
				}
				if r, err := seed.Demo(t.Context(), db, usersOf(db), now); err != nil || r.WorkOrders != 0 {
					t.Errorf("demo made %d work orders, error %v", r.WorkOrders, err)
				}
				if digest(t, db) != before {
					t.Error("rows changed")
				}
			})
		})
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	for name, o := range map[string]seed.Options{
		"less than nothing":            {WorkOrders: -1, Cari: 1, Services: 1, Now: now},
		"work orders without customer": {WorkOrders: 1, Services: 1, Now: now},
		"work orders without service":  {WorkOrders: 1, Cari: 1, Now: now},
		"trips without boats":          {Trips: 1, Now: now},
		"more trips than a boat makes": {Trips: 1501, Motorbots: 1, Now: now},
		"no moment":                    {WorkOrders: 1, Cari: 1, Services: 1},
	} {
		if _, err := seed.Run(t.Context(), db, usersOf(db), o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if db.User.Query().ExistX(t.Context()) {
		t.Error("a refusal left users behind")
	}
}

func TestTheSmallestOrdersWork(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]seed.Options{
		"one of each":             {WorkOrders: 1, Cari: 1, Services: 1, Now: now},
		"more orders than others": {WorkOrders: 300, Cari: 2, Services: 2, Now: now},
		"shortly after midnight":  {WorkOrders: 300, Cari: 9, Services: 20, Now: calendar.Day(now).Add(time.Microsecond)},
		"in a leap year":          {WorkOrders: 300, Cari: 9, Services: 20, Now: time.Date(2028, time.February, 29, 20, 59, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := aliatest.Open(t, dialect.SQLite)
			if r := run(t, db, o); r.WorkOrders != o.WorkOrders || r.Cari != o.Cari || r.Services != o.Services {
				t.Errorf("made %+v", r)
			}
			if late := db.WorkOrder.Query().Where(workorder.UpdatedAtGT(o.Now)).CountX(t.Context()); late > 0 {
				t.Errorf("%d orders changed in the future", late)
			}
		})
	}
}

func TestAnInterruptedSeedLeavesNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		o := seed.Options{WorkOrders: 3000, Cari: 20, Services: 20, Now: now, Progress: func(int, int, float64) { cancel() }}
		if _, err := seed.Run(ctx, db, usersOf(db), o); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
		o.WorkOrders, o.Progress = 10, nil
		if db.User.Query().ExistX(t.Context()) {
			t.Error("users are left")
		}
		run(t, db, o) // as if nothing had been
	})
}

func TestProgressIsToldToTheEnd(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	var told []int
	run(t, db, seed.Options{WorkOrders: 2500, Cari: 20, Services: 20, Now: now, Progress: func(done, total int, perSecond float64) {
		if told = append(told, done); total != 2500 || perSecond <= 0 {
			t.Errorf("told %d of %d, %f a second", done, total, perSecond)
		}
	}})
	if len(told) != 3 || told[2] != 2500 {
		t.Errorf("told %v", told)
	}
}

func TestUsersSignInOnlyWithAGivenPassword(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		users := usersOf(db)
		if err := users.EnsureRights(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := users.Add(t.Context(), seed.Admin, "Önceki", "Eski-Parola1", actor.RoleReadOnly); err != nil {
			t.Fatal(err)
		}
		run(t, db, seed.Options{Now: now, Password: "Rihtim-35"})
		roles := map[string]bool{}
		hashes := map[string]bool{}
		for _, u := range db.User.Query().WithRoles().AllX(t.Context()) {
			if !strings.HasSuffix(u.Email, "@aliaport.example") || len(u.Edges.Roles) != 1 {
				t.Errorf("user %s has %d roles", u.Email, len(u.Edges.Roles))
			}
			if u.Email == seed.Admin {
				if u.FullName != "Önceki" || u.Edges.Roles[0].Name != actor.RoleReadOnly {
					t.Error("a user who existed was changed")
				}
				continue
			}
			hashes[u.PasswordHash] = true
			roles[u.Edges.Roles[0].Name] = true
		}
		if len(roles) != len(actor.RoleNames)-1 || len(hashes) != 1 {
			t.Errorf("roles %v, %d hashes", roles, len(hashes))
		}
		for hash := range hashes {
			if ok, err := users.Hasher.Verify(t.Context(), "Rihtim-35", hash); !ok || err != nil {
				t.Errorf("the password does not fit: %v", err)
			}
		}
	})
}

func TestWorkGoesOnAfterTheSeed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		run(t, db, seed.Options{WorkOrders: 400, Cari: 30, Services: 20, Seed: 3, Now: now})
		last := db.WorkOrder.Query().Order(ent.Desc("id")).FirstX(t.Context())
		year := calendar.Year(now)
		soFar := db.NumberSequence.Query().Order(ent.Desc("year")).FirstX(t.Context())
		if soFar.Year != year {
			t.Fatalf("numbers end in %d", soFar.Year)
		}
		clock := func() time.Time { return now }
		svc := &rules.Service{
			DB: db, Now: clock, IdempotencyTTL: time.Hour,
			Quotes: &quote.Service{DB: db, Now: clock, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: clock}},
		}
		clerk := db.User.Query().FirstX(t.Context())
		ctx := actor.With(t.Context(), actor.New(clerk.ID, clerk.Email, clerk.FullName, nil, actor.Permissions))
		customer, code := db.Cari.Query().Order(ent.Asc("id")).FirstX(ctx).CariCode, "HZM001"
		for i := 1; i <= 2; i++ {
			currency := "TRY"
			wo, err := svc.Create(ctx, rules.CreateInput{
				CariCode: &customer, Type: workorder.TypeService, Priority: workorder.PriorityLow, Subject: "Sonraki iş", Currency: &currency,
				Items: []rules.ItemInput{{ItemType: workorderitem.ItemTypeService, ServiceCode: &code, Quantity: decimal.NewFromInt(1)}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := sequence.Format(sequence.WorkOrder, year, soFar.Last+i); wo.WoNumber != want || wo.ID != last.ID+int64(i) {
				t.Errorf("%s with id %d, want %s with %d", wo.WoNumber, wo.ID, want, last.ID+int64(i))
			}
		}
		fold := "x"
		db.Cari.Create().SetCariCode("YENI").SetTitle(fold).SetTitleFold(fold).SetSearchText(fold).SetType("LEGAL").SetRole("BOTH").ExecX(ctx)
		db.Service.Create().SetCode("YENI").SetName(fold).SetNameFold(fold).SetSearchText(fold).SetUnit("ADET").
			SetBasePrice(decimal.NewFromInt(1)).SetVatRate(decimal.NewFromInt(20)).ExecX(ctx)
	})
}
