package workorder

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/parameter"
)

// ItemInput describes a line. Amounts are worked out here, never taken from a client.
type ItemInput struct {
	ItemType     workorderitem.ItemType
	ServiceCode  *string // required for SERVICE
	ResourceCode *string // required for RESOURCE and WORKLOG
	ResourceName *string
	StartTime    *time.Time
	EndTime      *time.Time
	Quantity     decimal.Decimal
	Unit         *string
	UnitPrice    *decimal.Decimal
	VatRate      *decimal.Decimal // percent; 0 is 0
	Notes        *string
}

func (in *ItemInput) clean() apperr.Errors {
	var faults apperr.Errors
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode, 50))
	faults.Add(input.OptionalText("resourceCode", &in.ResourceCode, 50))
	faults.Add(input.OptionalText("resourceName", &in.ResourceName, 100))
	faults.Add(input.OptionalText("unit", &in.Unit, 20))
	faults.Add(input.OptionalText("notes", &in.Notes, maxNote))
	switch in.ItemType {
	case workorderitem.ItemTypeService:
		if in.ServiceCode == nil {
			faults.Add(apperr.Invalid("serviceCode", apperr.Required))
		}
	case workorderitem.ItemTypeResource, workorderitem.ItemTypeWorklog:
		if in.ResourceCode == nil {
			faults.Add(apperr.Invalid("resourceCode", apperr.Required))
		}
		if in.UnitPrice == nil {
			faults.Add(apperr.Invalid("unitPrice", apperr.Required))
		}
		if in.Unit == nil {
			faults.Add(apperr.Invalid("unit", apperr.Required))
		}
	}
	if in.StartTime != nil && in.EndTime != nil && !in.EndTime.After(*in.StartTime) {
		faults.Add(apperr.Invalid("endTime", apperr.EndFirst))
	}
	faults.Add(checkQuantity(in.Quantity))
	faults.Add(checkPrice(in.UnitPrice))
	faults.Add(checkVAT(in.VatRate))
	return faults
}

func checkQuantity(q decimal.Decimal) *apperr.Error {
	if e := money.Check("quantity", q, money.PricePlaces); e != nil {
		return e
	}
	if !q.IsPositive() {
		return apperr.Invalid("quantity", apperr.Positive)
	}
	return nil
}

func checkPrice(p *decimal.Decimal) *apperr.Error {
	if p == nil {
		return nil
	}
	if e := money.Check("unitPrice", *p, money.PricePlaces); e != nil {
		return e
	}
	if p.IsNegative() {
		return apperr.Invalid("unitPrice", apperr.NotNegative)
	}
	return nil
}

func checkVAT(rate *decimal.Decimal) *apperr.Error {
	if rate == nil {
		return nil
	}
	if e := money.Check("vatRate", *rate, 2); e != nil {
		return e
	}
	if rate.IsNegative() || rate.GreaterThan(decimal.NewFromInt(100)) {
		return apperr.Invalid("vatRate", apperr.OutOfRange, "min", 0, "max", 100)
	}
	return nil
}

// line is an input with everything that was looked up and worked out.
type line struct {
	ItemInput
	service   *ent.Service
	unit      string
	unitPrice decimal.Decimal
	currency  string
	vatRate   decimal.Decimal
	amounts   money.Line
}

// priced looks up the services of all lines in one statement and prices the lines.
func priced(ctx context.Context, tx *ent.Tx, inputs []ItemInput, currency string) ([]line, error) {
	services, err := servicesOf(ctx, tx, inputs)
	if err != nil {
		return nil, err
	}
	terms, err := termsOf(ctx, tx, inputs)
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	lines := make([]line, len(inputs))
	for i, in := range inputs {
		l, e := terms.price(in, services, currency)
		if e != nil {
			faults.Add(e.At("items", strconv.Itoa(i)))
			continue
		}
		lines[i] = l
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	if e := money.Check("items", sum(lines).Gross, money.AmountPlaces); e != nil {
		return nil, apperr.Errors{e}
	}
	return lines, nil
}

func servicesOf(ctx context.Context, tx *ent.Tx, inputs []ItemInput) (map[string]*ent.Service, error) {
	var codes []string
	for _, in := range inputs {
		if in.ServiceCode != nil {
			codes = append(codes, *in.ServiceCode)
		}
	}
	if len(codes) == 0 {
		return map[string]*ent.Service{}, nil
	}
	rows, err := tx.Service.Query().Where(service.CodeIn(codes...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find services: %w", err)
	}
	byCode := make(map[string]*ent.Service, len(rows))
	for _, s := range rows {
		byCode[s.Code] = s
	}
	return byCode, nil
}

// terms are the parameters that lines are priced by.
type terms struct {
	choices parameter.Choices // units and rates of VAT that may be named
	vatRate decimal.Decimal   // of a line that names neither a service nor a rate
}

func termsOf(ctx context.Context, tx *ent.Tx, inputs []ItemInput) (t terms, err error) {
	if slices.ContainsFunc(inputs, func(in ItemInput) bool { return in.Unit != nil || in.VatRate != nil }) {
		if t.choices, err = parameter.ChoicesOf(ctx, tx.Client(), parameter.Units, parameter.VATRates); err != nil {
			return t, err
		}
	}
	if slices.ContainsFunc(inputs, func(in ItemInput) bool { return in.ServiceCode == nil && in.VatRate == nil }) {
		t.vatRate, err = parameter.Get(ctx, tx.Client(), parameter.ItemVATRate)
	}
	return t, err
}

// offered refuses a unit or a rate of VAT that the port does not use.
func (t terms) offered(unit *string, vatRate *decimal.Decimal) *apperr.Error {
	if unit != nil {
		if e := t.choices.Unit("unit", *unit); e != nil {
			return e
		}
	}
	if vatRate != nil {
		return t.choices.VATRate("vatRate", *vatRate)
	}
	return nil
}

func (t terms) price(in ItemInput, services map[string]*ent.Service, currency string) (line, *apperr.Error) {
	l := line{ItemInput: in, currency: currency, vatRate: t.vatRate}
	if e := t.offered(in.Unit, in.VatRate); e != nil {
		return l, e
	}
	if in.ServiceCode != nil {
		s, ok := services[*in.ServiceCode]
		switch {
		case !ok:
			return l, apperr.New(apperr.ServiceNotFound).At("serviceCode")
		case !s.IsActive:
			return l, apperr.New(apperr.ServiceInactive, "code", s.Code).At("serviceCode")
		case in.UnitPrice == nil && s.Currency != currency:
			return l, apperr.New(apperr.ServicePrice, "code", s.Code, "currency", currency).At("unitPrice")
		}
		l.service, l.unit, l.unitPrice, l.vatRate = s, s.Unit, s.BasePrice, s.VatRate
	}
	if in.Unit != nil {
		l.unit = *in.Unit
	}
	if in.UnitPrice != nil {
		l.unitPrice = *in.UnitPrice
	}
	if in.VatRate != nil {
		l.vatRate = *in.VatRate
	}
	l.amounts = money.PriceLine(in.Quantity, l.unitPrice, l.vatRate)
	return l, money.Check("quantity", l.amounts.Gross, money.AmountPlaces)
}

func sum(lines []line) money.Line {
	var t money.Line
	for _, l := range lines {
		t.Net, t.VAT, t.Gross = t.Net.Add(l.amounts.Net), t.VAT.Add(l.amounts.VAT), t.Gross.Add(l.amounts.Gross)
	}
	return t
}

func (l line) create(tx *ent.Tx, order int64, sequence int, now time.Time) *ent.WorkOrderItemCreate {
	c := tx.WorkOrderItem.Create().SetWorkOrderID(order).SetSequence(sequence).SetItemType(l.ItemType).
		SetNillableResourceCode(l.ResourceCode).SetNillableResourceName(l.ResourceName).
		SetNillableStartTime(utc(l.StartTime)).SetNillableEndTime(utc(l.EndTime)).
		SetQuantity(l.Quantity).SetUnit(l.unit).SetUnitPrice(l.unitPrice).SetCurrency(l.currency).
		SetTotalAmount(l.amounts.Net).SetVatRate(l.vatRate).SetVatAmount(l.amounts.VAT).SetGrandTotal(l.amounts.Gross).
		SetNillableNotes(l.Notes).SetCreatedAt(now).SetUpdatedAt(now)
	if l.service != nil {
		c.SetServiceID(l.service.ID).SetServiceCode(l.service.Code).SetServiceName(l.service.Name)
	}
	if l.StartTime != nil && l.EndTime != nil {
		c.SetDurationMinutes(int(l.EndTime.Sub(*l.StartTime) / time.Minute))
	}
	return c
}

// AddItemInput is a line for an order that exists.
type AddItemInput struct {
	WorkOrderID    globalid.ID
	Item           ItemInput
	IdempotencyKey *string
}

// AddItem appends a line.
func (s *Service) AddItem(ctx context.Context, in AddItemInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	order, err := keyOf(in.WorkOrderID)
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	for _, e := range in.Item.clean() {
		faults.Add(e.At("item"))
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.inOrder(ctx, order, func(tx *ent.Tx) error {
		_, err := idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "addWorkOrderItem", in, func() (id int64, err error) {
			err = s.changeItems(ctx, tx, order, func(wo *ent.WorkOrder, items []*ent.WorkOrderItem) (err error) {
				id, err = s.addItem(ctx, tx, wo, items, in.Item)
				return err
			})
			return id, err
		})
		return err
	})
}

// inOrder runs a change to the lines of an order in a transaction and returns the
// order as it stands then.
func (s *Service) inOrder(ctx context.Context, order int64, change func(tx *ent.Tx) error) (*ent.WorkOrder, error) {
	if err := s.DB.InTx(ctx, change); err != nil {
		return nil, err
	}
	return s.reread(ctx, order)
}

func (s *Service) addItem(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, items []*ent.WorkOrderItem, in ItemInput) (int64, error) {
	if len(items) >= MaxItems {
		return 0, apperr.Invalid("item", apperr.TooMany, "max", MaxItems)
	}
	services, err := servicesOf(ctx, tx, []ItemInput{in})
	if err != nil {
		return 0, err
	}
	terms, err := termsOf(ctx, tx, []ItemInput{in})
	if err != nil {
		return 0, err
	}
	l, refused := terms.price(in, services, wo.Currency)
	if refused != nil {
		return 0, refused.At("item")
	}
	sequence := 1
	if len(items) > 0 {
		sequence = items[len(items)-1].Sequence + 1
	}
	item, err := l.create(tx, wo.ID, sequence, s.Now()).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("add item to work order %d: %w", wo.ID, err)
	}
	return item.ID, audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: audit.Create, Resource: audit.WorkOrderItem, EntityID: item.ID,
		Changes: audit.Changes{"work_order_id": {nil, wo.ID}, "quantity": {nil, l.Quantity}, "total_amount": {nil, l.amounts.Net}},
	})
}

// UpdateItemInput changes a line. Nil fields stay.
type UpdateItemInput struct {
	ID        globalid.ID
	Quantity  *decimal.Decimal
	Unit      *string
	UnitPrice *decimal.Decimal
	VatRate   *decimal.Decimal
	Notes     input.Change[string]
}

// UpdateItem changes a line that is not invoiced.
func (s *Service) UpdateItem(ctx context.Context, in UpdateItemInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	if in.Quantity != nil {
		faults.Add(checkQuantity(*in.Quantity))
	}
	faults.Add(checkPrice(in.UnitPrice))
	faults.Add(checkVAT(in.VatRate))
	if in.Unit != nil {
		faults.Add(input.Text("unit", in.Unit, 1, 20))
	}
	faults.Add(input.OptionalText("notes", &in.Notes.To, maxNote))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.changeItem(ctx, in.ID, func(tx *ent.Tx, item *ent.WorkOrderItem) error {
		if err := named(ctx, tx, item, in); err != nil {
			return err
		}
		quantity, price, rate := or(in.Quantity, item.Quantity), or(in.UnitPrice, item.UnitPrice), or(in.VatRate, item.VatRate)
		amounts := money.PriceLine(quantity, price, rate)
		if e := money.Check("quantity", amounts.Gross, money.AmountPlaces); e != nil {
			return e
		}
		u := tx.WorkOrderItem.UpdateOne(item).SetQuantity(quantity).SetUnitPrice(price).SetVatRate(rate).
			SetTotalAmount(amounts.Net).SetVatAmount(amounts.VAT).SetGrandTotal(amounts.Gross).
			SetUnit(or(in.Unit, item.Unit)).SetUpdatedAt(s.Now())
		changes := audit.Changes{}
		changes.Set("quantity", item.Quantity, quantity)
		changes.Set("unit_price", item.UnitPrice, price)
		changes.Set("vat_rate", item.VatRate, rate)
		changes.Set("unit", item.Unit, or(in.Unit, item.Unit))
		if in.Notes.Given {
			changes.Set("notes", audit.Shown(item.Notes), audit.Shown(in.Notes.To))
			if in.Notes.To == nil {
				u.ClearNotes()
			} else {
				u.SetNotes(*in.Notes.To)
			}
		}
		if err := u.Exec(ctx); err != nil {
			return fmt.Errorf("change item %d: %w", item.ID, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.WorkOrderItem, EntityID: item.ID, Changes: changes})
	})
}

// named refuses a change to a unit or a rate of VAT that the port does not use. What
// the line has already may stay.
func named(ctx context.Context, tx *ent.Tx, item *ent.WorkOrderItem, in UpdateItemInput) error {
	unit, rate := in.Unit, in.VatRate
	if unit != nil && *unit == item.Unit {
		unit = nil
	}
	if rate != nil && rate.Equal(item.VatRate) {
		rate = nil
	}
	if unit == nil && rate == nil {
		return nil
	}
	choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.Units, parameter.VATRates)
	if err != nil {
		return err
	}
	if e := (terms{choices: choices}).offered(unit, rate); e != nil {
		return e
	}
	return nil
}

// RemoveItem takes a line that is not invoiced out of its order.
func (s *Service) RemoveItem(ctx context.Context, id globalid.ID) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	return s.changeItem(ctx, id, func(tx *ent.Tx, item *ent.WorkOrderItem) error {
		if err := tx.WorkOrderItem.DeleteOne(item).Exec(ctx); err != nil {
			return fmt.Errorf("remove item %d: %w", item.ID, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{
			Action: audit.Delete, Resource: audit.WorkOrderItem, EntityID: item.ID,
			Changes: audit.Changes{"work_order_id": {item.WorkOrderID, nil}, "quantity": {item.Quantity, nil}, "total_amount": {item.TotalAmount, nil}},
		})
	})
}

// changeItem finds the order of the line and changes the line under the order's lock.
func (s *Service) changeItem(ctx context.Context, id globalid.ID, change func(*ent.Tx, *ent.WorkOrderItem) error) (*ent.WorkOrder, error) {
	key, err := id.Of("WorkOrderItem")
	if err != nil {
		return nil, err
	}
	order, err := s.DB.WorkOrderItem.Query().Where(workorderitem.ID(key)).Select(workorderitem.FieldWorkOrderID).Int(ctx)
	if ent.IsNotFound(err) {
		return nil, apperr.New(apperr.WorkOrderItemNotFound).At("id")
	}
	if err != nil {
		return nil, fmt.Errorf("find item %d: %w", key, err)
	}
	return s.inOrder(ctx, int64(order), func(tx *ent.Tx) error {
		return s.changeItems(ctx, tx, int64(order), func(_ *ent.WorkOrder, items []*ent.WorkOrderItem) error {
			i := slices.IndexFunc(items, func(item *ent.WorkOrderItem) bool { return item.ID == key })
			if i < 0 {
				return apperr.New(apperr.WorkOrderItemNotFound).At("id")
			}
			if items[i].IsInvoiced {
				return apperr.New(apperr.WorkOrderInvoiced).At("id")
			}
			return change(tx, items[i])
		})
	})
}

// changeItems lets change alter the lines of an order and brings its totals up to
// date. The lines are locked with their order.
func (s *Service) changeItems(ctx context.Context, tx *ent.Tx, order int64, change func(*ent.WorkOrder, []*ent.WorkOrderItem) error) error {
	wo, err := Lock(ctx, tx, order)
	if err != nil {
		return err
	}
	if !itemsMayChange(wo.Status) {
		return apperr.New(apperr.WorkOrderLocked, "status", wo.Status)
	}
	items, err := itemsOf(ctx, tx, order)
	if err != nil {
		return err
	}
	if err := change(wo, items); err != nil {
		return err
	}
	if items, err = itemsOf(ctx, tx, order); err != nil {
		return err
	}
	var t money.Line
	for _, i := range items {
		t.Net, t.VAT, t.Gross = t.Net.Add(i.TotalAmount), t.VAT.Add(i.VatAmount), t.Gross.Add(i.GrandTotal)
	}
	if e := money.Check("item", t.Gross, money.AmountPlaces); e != nil {
		return e
	}
	if err := tx.WorkOrder.UpdateOneID(order).SetNetTotal(t.Net).SetVatTotal(t.VAT).SetGrandTotal(t.Gross).
		AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID).Exec(ctx); err != nil {
		return fmt.Errorf("total work order %d: %w", order, err)
	}
	return nil
}

func itemsOf(ctx context.Context, tx *ent.Tx, order int64) ([]*ent.WorkOrderItem, error) {
	items, err := tx.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(order)).Order(workorderitem.BySequence()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read items of work order %d: %w", order, err)
	}
	return items, nil
}

// itemsMayChange holds until the order is invoiced or out of the game.
func itemsMayChange(s workorder.Status) bool {
	switch s {
	case workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted:
		return true
	case workorder.StatusInvoiced, workorder.StatusClosed, workorder.StatusRejected, workorder.StatusCancelled:
	}
	return false
}
