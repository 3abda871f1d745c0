package workorder_test

import (
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

func TestOnlyWhatIsFreeIsInvoicedWithoutAPrice(t *testing.T) {
	t.Parallel()
	price, list := decimal.NewFromInt(5), workorderitem.PriceSourcePriceList
	for name, c := range map[string]struct {
		price  decimal.Decimal
		card   *decimal.Decimal // of the service; nil: a line without one
		source *workorderitem.PriceSource
		ok     bool
	}{
		"a line with a price":                 {price, nil, nil, true},
		"a line without a price":              {decimal.Zero, nil, nil, false},
		"a service that costs something":      {decimal.Zero, &price, nil, false},
		"a service that is free":              {decimal.Zero, new(decimal.Zero), nil, true},
		"a service that a price list gives":   {decimal.Zero, &price, &list, true},
		"a service that somebody set to zero": {decimal.Zero, &price, new(workorderitem.PriceSourceManual), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				o := newOffice(t, db)
				wo := o.order("COMPLETED") // with one line that has a price
				line := db.WorkOrderItem.Create().SetWorkOrder(wo).SetSequence(2).SetQuantity(decimal.NewFromInt(1)).SetUnit("SAAT").
					SetUnitPrice(c.price).SetCurrency("TRY").SetVatRate(decimal.NewFromInt(20)).SetNillablePriceSource(c.source)
				if c.card != nil {
					line.SetService(db.Service.Create().SetCode("S-1").SetName("x").SetNameFold("x").SetSearchText("x").SetUnit("SAAT").
						SetBasePrice(*c.card).SetVatRate(decimal.NewFromInt(20)).SaveX(t.Context()))
				}
				line.SaveX(t.Context())
				_, err := o.take(o.as(actor.WorkOrderInvoice), wo, workorder.Invoice, "")
				if c.ok && err != nil || !c.ok && !apperr.Is(err, apperr.WorkOrderMissing) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}
