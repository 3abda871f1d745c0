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
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
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
	// What the formula of the service asks for.
	DurationMinutes *int
	WeightKg        *decimal.Decimal
	PersonCount     *int
	Measure         *decimal.Decimal
	Days            *decimal.Decimal
	UnitPrice       *decimal.Decimal // by hand, in the currency of the order; nil: as the tariffs say
	VatRate         *decimal.Decimal // percent; 0 is 0
	Notes           *string
}

func (in *ItemInput) clean() apperr.Errors {
	var faults apperr.Errors
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode, 50))
	faults.Add(input.OptionalText("resourceCode", &in.ResourceCode, 50))
	if in.ResourceCode != nil && *in.ResourceCode == OvertimeCode {
		faults.Add(apperr.Invalid("resourceCode", apperr.ReservedCode))
	}
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
		if in.UnitPrice == nil && in.ServiceCode == nil {
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
	for field, n := range map[string]*int{"durationMinutes": in.DurationMinutes, "personCount": in.PersonCount} {
		if n != nil && *n < 0 {
			faults.Add(apperr.Invalid(field, apperr.NotNegative))
		}
	}
	for field, d := range map[string]*decimal.Decimal{"weightKg": in.WeightKg, "measure": in.Measure, "days": in.Days} {
		faults.Add(checkMeasure(field, d))
	}
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

func checkPrice(p *decimal.Decimal) *apperr.Error { return checkMeasure("unitPrice", p) }

func checkMeasure(field string, d *decimal.Decimal) *apperr.Error {
	if d == nil {
		return nil
	}
	if e := money.Check(field, *d, money.PricePlaces); e != nil {
		return e
	}
	if d.IsNegative() {
		return apperr.Invalid(field, apperr.NotNegative)
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
	pricing.Line

	service *ent.Service
	unit    string
}

// price looks up the services of all lines and prices the lines, in a number of
// statements that does not depend on how many there are.
func (s *Service) price(ctx context.Context, tx *ent.Tx, inputs []ItemInput, b quote.Basis) ([]line, error) {
	services, err := servicesOf(ctx, tx, inputs)
	if err != nil {
		return nil, err
	}
	t, err := offerOf(ctx, tx, inputs)
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	lines, asked := make([]line, len(inputs)), make([]quote.Line, len(inputs))
	for i, in := range inputs {
		l := line{ItemInput: in}
		if e := t.offered(in.Unit, in.VatRate); e != nil {
			faults.Add(e.At("items", strconv.Itoa(i)))
		}
		if in.ServiceCode != nil {
			switch l.service = services[*in.ServiceCode]; {
			case l.service == nil:
				faults.Add(apperr.New(apperr.ServiceNotFound).At("items", strconv.Itoa(i), "serviceCode"))
			case !l.service.IsActive:
				faults.Add(apperr.New(apperr.ServiceInactive, "code", l.service.Code).At("items", strconv.Itoa(i), "serviceCode"))
			default:
				l.unit = l.service.Unit
			}
		}
		if in.Unit != nil {
			l.unit = *in.Unit
		}
		lines[i], asked[i] = l, quote.Line{Service: l.service, UnitPrice: in.UnitPrice, VATRate: in.VatRate, Inputs: in.measured()}
		if l.service == nil && in.VatRate == nil {
			asked[i].VATRate = &t.vatRate
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	priced, err := s.Quotes.Lines(ctx, tx.Client(), b, asked)
	if err != nil {
		return nil, err
	}
	for i := range lines {
		lines[i].Line = priced[i]
	}
	return lines, nil
}

// measured is what the formula of the service works on.
func (in ItemInput) measured() pricing.Inputs {
	return pricing.Inputs{
		Quantity: &in.Quantity, WeightKg: in.WeightKg, Minutes: quote.Whole(in.minutes()), Days: in.Days,
		Persons: quote.Whole(in.PersonCount), Measure: in.Measure,
	}
}

// minutes are those given, else those from start to end.
func (in ItemInput) minutes() *int {
	if in.DurationMinutes == nil && in.StartTime != nil && in.EndTime != nil {
		n := int(in.EndTime.Sub(*in.StartTime) / time.Minute)
		return &n
	}
	return in.DurationMinutes
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

// offer is what the parameters let lines name.
type offer struct {
	choices parameter.Choices // units and rates of VAT that may be named
	vatRate decimal.Decimal   // of a line that names neither a service nor a rate
}

func offerOf(ctx context.Context, tx *ent.Tx, inputs []ItemInput) (o offer, err error) {
	if slices.ContainsFunc(inputs, func(in ItemInput) bool { return in.Unit != nil || in.VatRate != nil }) {
		if o.choices, err = parameter.ChoicesOf(ctx, tx.Client(), parameter.Units, parameter.VATRates); err != nil {
			return o, err
		}
	}
	if slices.ContainsFunc(inputs, func(in ItemInput) bool { return in.ServiceCode == nil && in.VatRate == nil }) {
		o.vatRate, err = parameter.Get(ctx, tx.Client(), parameter.ItemVATRate)
	}
	return o, err
}

// offered refuses a unit or a rate of VAT that the port does not use.
func (o offer) offered(unit *string, vatRate *decimal.Decimal) *apperr.Error {
	if unit != nil {
		if e := o.choices.Unit("unit", *unit); e != nil {
			return e
		}
	}
	if vatRate != nil {
		return o.choices.VATRate("vatRate", *vatRate)
	}
	return nil
}

func (l line) create(tx *ent.Tx, order int64, sequence int, now time.Time) (*ent.WorkOrderItemCreate, error) {
	c := tx.WorkOrderItem.Create().SetWorkOrderID(order).SetSequence(sequence).SetItemType(l.ItemType).
		SetNillableResourceCode(l.ResourceCode).SetNillableResourceName(l.ResourceName).
		SetNillableStartTime(utc(l.StartTime)).SetNillableEndTime(utc(l.EndTime)).SetNillableDurationMinutes(l.minutes()).
		SetNillableWeightKg(l.WeightKg).SetNillablePersonCount(l.PersonCount).SetNillableMeasure(l.Measure).SetNillableDays(l.Days).
		SetQuantity(l.Quantity).SetUnit(l.unit).SetCurrency(l.Currency).
		SetNillableNotes(l.Notes).SetCreatedAt(now).SetUpdatedAt(now)
	if l.service != nil {
		c.SetServiceID(l.service.ID).SetServiceCode(l.service.Code).SetServiceName(l.service.Name)
	}
	return c, setPrice(c.Mutation(), l.Line)
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
	lines, err := s.price(ctx, tx, []ItemInput{in}, s.basis(wo))
	if err != nil {
		return 0, apperr.Moved(err, []string{"items", "0"}, "item")
	}
	l := lines[0]
	sequence := 1
	if len(items) > 0 {
		sequence = items[len(items)-1].Sequence + 1
	}
	c, err := l.create(tx, wo.ID, sequence, s.Now())
	if err != nil {
		return 0, err
	}
	item, err := c.Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("add item to work order %d: %w", wo.ID, err)
	}
	return item.ID, audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: audit.Create, Resource: audit.WorkOrderItem, EntityID: item.ID,
		Changes: audit.Changes{"work_order_id": {nil, wo.ID}, "quantity": {nil, l.Quantity}, "total_amount": {nil, l.Net}},
	})
}

// UpdateItemInput changes a line. Nil fields stay.
type UpdateItemInput struct {
	ID        globalid.ID
	Version   int // of the line, as it was read
	Quantity  *decimal.Decimal
	Unit      *string
	UnitPrice *decimal.Decimal
	VatRate   *decimal.Decimal
	Notes     input.Change[string]
}

// UpdateItem changes a line that is not invoiced. On VERSION_CONFLICT the order as it
// stands comes back with the refusal.
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
	return s.changeItem(ctx, in.ID, in.Version, func(tx *ent.Tx, wo *ent.WorkOrder, item *ent.WorkOrderItem) error {
		if err := named(ctx, tx, item, in); err != nil {
			return err
		}
		l, err := s.changed(ctx, tx, wo, item, in)
		if err != nil {
			return err
		}
		quantity := or(in.Quantity, item.Quantity)
		u := tx.WorkOrderItem.UpdateOne(item).SetQuantity(quantity).SetUnit(or(in.Unit, item.Unit)).AddVersion(1).SetUpdatedAt(s.Now())
		if l != nil {
			if err := setPrice(u.Mutation(), *l); err != nil {
				return err
			}
		}
		changes := audit.Changes{}
		changes.Set("quantity", item.Quantity, quantity)
		if l != nil {
			changes.Set("unit_price", item.UnitPrice, l.Trace.Price.Amount)
			changes.Set("vat_rate", item.VatRate, l.VATRate)
			changes.Set("total_amount", item.TotalAmount, l.Net)
		}
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

// changed prices a line whose figures change; nil when the price stays. A price given
// by hand stays one, and one of the tariffs is asked for anew.
func (s *Service) changed(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, item *ent.WorkOrderItem, in UpdateItemInput) (*pricing.Line, error) {
	if in.Quantity == nil && in.UnitPrice == nil && in.VatRate == nil {
		return nil, nil //nolint:nilnil // nothing to price
	}
	l := quote.Line{UnitPrice: in.UnitPrice, VATRate: in.VatRate, Inputs: inputsOf(item)}
	if in.Quantity != nil {
		l.Inputs.Quantity = in.Quantity
	}
	byHand := item.PriceSource == nil || *item.PriceSource == workorderitem.PriceSourceManual
	if l.UnitPrice == nil && byHand {
		l.UnitPrice = &item.UnitPrice
	}
	if l.VATRate == nil && (byHand || item.ServiceID == nil) { // nothing else says it
		l.VATRate = &item.VatRate
	}
	if item.PriceSource != nil && *item.PriceSource == workorderitem.PriceSourceParameter && l.UnitPrice == nil {
		t, err := pricing.DecodeTrace(item.Calculation)
		if err != nil {
			return nil, fmt.Errorf("calculation of item %d: %w", item.ID, err)
		}
		l.Setting = &quote.Setting{Code: t.Source.Parameter, Price: t.Price.Amount, Currency: t.Price.Currency, VATRate: item.VatRate}
	}
	if item.ServiceID != nil {
		var err error
		if l.Service, err = tx.Service.Get(ctx, *item.ServiceID); err != nil {
			return nil, fmt.Errorf("service of item %d: %w", item.ID, err)
		}
	}
	priced, err := s.Quotes.Line(ctx, tx.Client(), s.basis(wo), l)
	if err != nil {
		return nil, err
	}
	return &priced, nil
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
	if e := (offer{choices: choices}).offered(unit, rate); e != nil {
		return e
	}
	return nil
}

// RemoveItemInput names a line to be removed.
type RemoveItemInput struct {
	ID      globalid.ID
	Version int // of the line, as it was read
}

// RemoveItem takes a line that is not invoiced out of its order. On VERSION_CONFLICT
// the order as it stands comes back with the refusal.
func (s *Service) RemoveItem(ctx context.Context, in RemoveItemInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	return s.changeItem(ctx, in.ID, in.Version, func(tx *ent.Tx, _ *ent.WorkOrder, item *ent.WorkOrderItem) error {
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
func (s *Service) changeItem(ctx context.Context, id globalid.ID, version int, change func(*ent.Tx, *ent.WorkOrder, *ent.WorkOrderItem) error) (*ent.WorkOrder, error) {
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
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		return s.changeItems(ctx, tx, int64(order), func(wo *ent.WorkOrder, items []*ent.WorkOrderItem) error {
			i := slices.IndexFunc(items, func(item *ent.WorkOrderItem) bool { return item.ID == key })
			if i < 0 {
				return apperr.New(apperr.WorkOrderItemNotFound).At("id")
			}
			if items[i].IsInvoiced {
				return apperr.New(apperr.WorkOrderInvoiced).At("id")
			}
			if items[i].Version != version {
				return apperr.New(apperr.VersionConflict, "current", items[i].Version, "expected", version)
			}
			return change(tx, wo, items[i])
		})
	})
	return s.afterVersion(ctx, int64(order), err)
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
	u := tx.WorkOrder.UpdateOne(wo).AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID)
	if err := s.total(ctx, tx, wo, u.Mutation()); err != nil {
		return err
	}
	if err := u.Exec(ctx); err != nil {
		return fmt.Errorf("change work order %d: %w", order, err)
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
