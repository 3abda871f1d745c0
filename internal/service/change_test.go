package service_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	entservice "aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/pricing"
	"aliaport/internal/service"
	"aliaport/internal/store"
)

var now = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func writing(db *store.DB) *service.Service {
	s := newService(db)
	s.Now, s.IdempotencyTTL = func() time.Time { return now }, time.Hour
	return s
}

func idOf(s *ent.Service) globalid.ID { return globalid.ID{Type: "Service", Key: s.ID} }

// TestStoredParametersAreThoseOfTheFormulas saves every type, reads it back and lets
// the formulas read it.
func TestStoredParametersAreThoseOfTheFormulas(t *testing.T) {
	t.Parallel()
	of := func(s string) *decimal.Decimal { return new(decimal.RequireFromString(s)) }
	kg, ton, ceil := service.WeightUnit("KG"), service.WeightUnit("TON"), service.WeightRounding("CEIL")
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := writing(db), actor.With(t.Context(), actor.System("test"))
		for name, c := range map[string]struct {
			typ   entservice.CalculationType
			given *service.Params
			want  pricing.Params
			shown string // what the API shows, as JSON
		}{
			"fixed":    {"FIXED", nil, pricing.FixedParams{}, `null`},
			"a unit":   {"PER_UNIT", &service.Params{}, pricing.PerUnitParams{}, `null`},
			"measures": {"X_SECONDARY", &service.Params{WeightUnit: &ton}, pricing.XSecondaryParams{Primary: pricing.Weight, Secondary: pricing.Days, WeightUnit: pricing.Ton}, `{"primary":"WEIGHT","secondary":"DAYS","secondary_round_up":false,"weight_unit":"t"}`},
			"measures without weight": {
				"X_SECONDARY", &service.Params{Primary: new("GRT"), Secondary: new("PERSONS"), SecondaryRoundUp: new(true)},
				pricing.XSecondaryParams{Primary: "GRT", Secondary: pricing.Persons, SecondaryRoundUp: true},
				`{"primary":"GRT","secondary":"PERSONS","secondary_round_up":true}`,
			},
			"blocks": {
				"PER_BLOCK", &service.Params{BaseWeightTon: of("2.5"), BaseTimeMin: new(30), WeightRounding: &ceil},
				pricing.PerBlockParams{BaseWeightTon: *of("2.5"), BaseTimeMin: 30, WeightRounding: pricing.RoundCeil},
				`{"base_weight_ton":"2.5","base_time_min":30,"weight_rounding":"CEIL"}`,
			},
			"an increment": {
				"BASE_PLUS_INCREMENT", &service.Params{Measure: new("WEIGHT"), Rate: of("0.000001"), WeightUnit: &kg},
				pricing.BasePlusIncrementParams{Measure: pricing.Weight, Rate: *of("0.000001"), WeightUnit: pricing.Kilogram},
				`{"weight_unit":"kg","measure":"WEIGHT","rate":"0.000001"}`,
			},
			"a stay": {"VEHICLE_4H_RULE", &service.Params{BaseMinutes: new(240)}, pricing.Vehicle4HParams{BaseMinutes: 240}, `{"base_minutes":240}`},
		} {
			code := "T." + strings.ToUpper(strings.ReplaceAll(name, " ", "-"))
			made, err := s.Create(ctx, service.CreateInput{Code: code, Name: name, Unit: "ADET", Currency: "TRY", CalculationType: c.typ, FormulaParams: c.given})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			parsed, err := pricing.ParseParams(pricing.Type(made.CalculationType), made.FormulaParams)
			if err != nil || fmt.Sprint(parsed) != fmt.Sprint(c.want) {
				t.Errorf("%s: stored %s, which is read as %v (%v), want %v", name, made.FormulaParams, parsed, err, c.want)
			}
			shown, err := service.ParamsOf(made.FormulaParams)
			if text, e := json.Marshal(shown); err != nil || e != nil || string(text) != c.shown {
				t.Errorf("%s: shown as %s (%v), want %s", name, text, err, c.shown)
			}
			// Saved as it was shown it is the same again.
			again, err := s.Update(ctx, service.UpdateInput{ID: idOf(made), Version: 1, FormulaParams: input.Change[service.Params]{Given: true, To: shown}})
			if err != nil || string(again.FormulaParams) != string(made.FormulaParams) {
				t.Errorf("%s: saved again it is %v (%v)", name, again, err)
			}
		}
	})
	if _, err := service.ParamsOf(json.RawMessage(`{"weight_unit":"stone"}`)); err == nil {
		t.Error("a unit of weight that nobody knows was shown")
	}
}

func TestOfServicesMadeAtOnceUnderOneCodeOneStays(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := writing(db), actor.With(t.Context(), actor.System("test"))
		for n := range 10 {
			errs := make([]error, 6)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() {
					_, errs[i] = s.Create(ctx, service.CreateInput{Code: fmt.Sprintf("HZM%03d", n), Name: fmt.Sprint("Hizmet ", i), Unit: "ADET", Currency: "TRY", CalculationType: "FIXED"})
				})
			}
			wg.Wait()
			made := 0
			for _, err := range errs {
				switch {
				case err == nil:
					made++
				case !apperr.Is(err, apperr.ServiceDuplicate):
					t.Fatal(err)
				}
			}
			if made != 1 || db.Service.Query().CountX(ctx) != n+1 {
				t.Fatalf("round %d: %d were made, there are %d", n, made, db.Service.Query().CountX(ctx))
			}
		}
	})
}

// TestWhatFreezesAService uses a service in each of the ways that there are.
func TestWhatFreezesAService(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s, ctx := writing(db), actor.With(t.Context(), actor.System("test"))
		who := db.User.Create().SetEmail("a@aliaport.example").SetFullName("A").SetPasswordHash("").SaveX(ctx)
		customer := db.Cari.Create().SetCariCode("C-1").SetTitle("Deneme").SetTitleFold("deneme").SetSearchText("deneme").SetType("LEGAL").SetRole("CUSTOMER").SaveX(ctx)
		order := db.WorkOrder.Create().SetWoNumber("WO-2026-00001").SetCariID(customer.ID).SetCariCode("C-1").SetCariTitle("Deneme").SetRequesterID(who.ID).SetRequesterName("A").
			SetType("SERVICE").SetSubject("Deneme").SetSearchText("deneme").SetCreatedBy(who.ID).SetUpdatedBy(who.ID).SaveX(ctx)
		boat := db.Motorbot.Create().SetMBCode("MB001").SetName("Tekne").SetNameFold("tekne").SetSearchText("tekne").SaveX(ctx)
		one := decimal.NewFromInt(1)
		listed := func(status pricelist.Status) func(int64) {
			return func(id int64) {
				l := db.PriceList.Create().SetCode("L-" + string(status)).SetName("Liste").SetCurrency("TRY").SetStatus(status).
					SetValidFrom(calendar.DateOf(now)).SetCreatedBy(who.ID).SetUpdatedBy(who.ID).SaveX(ctx)
				db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(id).SetVatRate(one).ExecX(ctx)
			}
		}
		for name, c := range map[string]struct {
			use    func(id int64)
			frozen bool
		}{
			"nothing":                           {func(int64) {}, false},
			"a draft":                           {listed(pricelist.StatusDraft), false},
			"a list in force":                   {listed(pricelist.StatusActive), true},
			"a list that is no longer in force": {listed(pricelist.StatusPassive), true},
			"a line of an order": {func(id int64) {
				db.WorkOrderItem.Create().SetWorkOrderID(order.ID).SetSequence(1).SetServiceID(id).SetQuantity(one).SetUnit("ADET").SetCurrency("TRY").SetVatRate(one).ExecX(ctx)
			}, true},
			"a trip": {func(id int64) {
				db.Trip.Create().SetTripNo("SF-1").SetMotorbotID(boat.ID).SetTripDate(calendar.DateOf(now)).SetPlannedDepartureAt(now).SetStartsAt(now).SetServiceID(id).
					SetCreatedBy(who.ID).SetUpdatedBy(who.ID).ExecX(ctx)
			}, true},
			"a work log": {func(id int64) {
				db.WorkLog.Create().SetWorkOrderID(order.ID).SetPersonnelName("A").SetTimeStart(now).SetTimeEnd(now.Add(time.Hour)).SetDurationMinutes(60).SetQuantity(one).
					SetServiceID(id).SetCreatedBy(who.ID).ExecX(ctx)
			}, true},
		} {
			made, err := s.Create(ctx, service.CreateInput{Code: "T." + strings.ToUpper(strings.ReplaceAll(name, " ", "-")), Name: name, Unit: "ADET", Currency: "TRY", CalculationType: "FIXED"})
			if err != nil {
				t.Fatal(err)
			}
			c.use(made.ID)
			for field, change := range map[string]service.UpdateInput{
				"unit": {Unit: new("SAAT")}, "groupCode": {GroupCode: input.Change[string]{Given: true, To: new("BAKIM")}}, "calculationType": {CalculationType: new(entservice.CalculationTypePerUnit)},
			} {
				current := db.Service.GetX(ctx, made.ID)
				change.ID, change.Version = idOf(current), current.Version
				_, err := s.Update(ctx, change)
				refused, _ := apperr.All(err)
				if c.frozen && (len(refused) != 1 || refused[0].Code != apperr.ServiceLocked || refused[0].Field[0] != field) || !c.frozen && err != nil {
					t.Errorf("%s, %s: %v", name, field, err)
				}
			}
		}
	})
}

// TestWhoMayChangeServices calls every method as every role: the right is asked for
// here as well as in the API.
func TestWhoMayChangeServices(t *testing.T) {
	t.Parallel()
	s := writing(aliatest.Open(t, dialect.SQLite))
	for name, c := range map[string]struct {
		needs actor.Permission
		call  func(context.Context) error
	}{
		"create":     {actor.ServiceWrite, func(ctx context.Context) error { _, err := s.Create(ctx, service.CreateInput{}); return err }},
		"update":     {actor.ServiceWrite, func(ctx context.Context) error { _, err := s.Update(ctx, service.UpdateInput{}); return err }},
		"deactivate": {actor.ServiceDelete, func(ctx context.Context) error { _, err := s.Deactivate(ctx, service.ActivityInput{}); return err }},
		"activate":   {actor.ServiceWrite, func(ctx context.Context) error { _, err := s.Activate(ctx, service.ActivityInput{}); return err }},
		"find":       {actor.ServiceRead, func(ctx context.Context) error { _, err := s.Find(ctx, nil, new("YOK")); return err }},
		"list":       {actor.ServiceRead, func(ctx context.Context) error { _, err := s.List(ctx, service.Filter{}, nil, page.Args{}); return err }},
	} {
		for _, role := range actor.RoleNames {
			who := actor.New(7, "biri@aliaport.example", "Biri", []string{role}, actor.RolePermissions[role])
			if err := c.call(actor.With(t.Context(), who)); apperr.Is(err, apperr.Forbidden) == who.Can(c.needs) {
				t.Errorf("%s as %s, who may %s: %t: %v", name, role, c.needs, who.Can(c.needs), err)
			}
		}
	}
}
