package workorder_test

import (
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// TestLongestTextsAreCountedInLetters stores texts of two bytes a letter, each as
// long as it may be.
func TestLongestTextsAreCountedInLetters(t *testing.T) {
	t.Parallel()
	of := func(n int) *string { return new(strings.Repeat("ş", n)) }
	order := func(longer int) workorder.CreateInput {
		one := decimal.NewFromInt(1)
		return workorder.CreateInput{
			CariCode: new("C-1"), Type: entworkorder.TypeService, Priority: entworkorder.PriorityMedium,
			Subject: *of(120 + longer), Description: of(500 + longer), ServiceCode: of(50 + longer), Action: of(100 + longer), Notes: of(1000 + longer), IdempotencyKey: of(100 + longer),
			Items: []workorder.ItemInput{{
				ItemType: workorderitem.ItemTypeResource, ResourceCode: of(50 + longer), ResourceName: of(100 + longer), Quantity: one, UnitPrice: &one, Unit: of(20 + longer), Notes: of(500 + longer),
			}},
		}
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		db.Service.Create().SetCode(*of(50)).SetName("Vinç").SetNameFold("vinc").SetSearchText("vinc").SetUnit("SAAT").
			SetVatRate(decimal.NewFromInt(20)).SaveX(t.Context())
		db.Parameter.Create().SetCategory(parameter.Units).SetCode(*of(20)).SetName("Birim").SetValue("1").SaveX(t.Context())
		ctx := o.as(actor.WorkOrderWrite)
		wo, err := o.Create(ctx, order(0))
		if err != nil {
			t.Fatal(err)
		}
		if wo.Subject != *of(120) || *wo.Notes != *of(1000) {
			t.Errorf("stored %v", wo)
		}
		in := order(0)
		change := func(s *string) input.Change[string] { return input.Change[string]{Given: true, To: s} }
		_, err = o.Update(ctx, workorder.UpdateInput{
			ID: globalid.ID{Type: "WorkOrder", Key: wo.ID}, Version: 1, Subject: &in.Subject, Description: change(in.Description),
			ServiceCode: change(in.ServiceCode), Action: change(in.Action), Notes: change(in.Notes),
		})
		if err != nil {
			t.Error(err)
		}
		if _, err := o.take(ctx, wo, workorder.Submit, *of(500)); err != nil {
			t.Error(err)
		}
		_, err = o.Create(ctx, order(1))
		all, only := apperr.All(err)
		if !only || len(all) != 10 {
			t.Errorf("%d of ten texts with a letter more are refused: %v", len(all), err)
		}
		for _, e := range all {
			if e.Code != apperr.Validation || e.Text != apperr.TooLong && e.Text != apperr.Length {
				t.Errorf("got %v", e)
			}
		}
	})
}
