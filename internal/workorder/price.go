package workorder

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
)

// basis is what the lines of an order are priced on.
func (s *Service) basis(wo *ent.WorkOrder) quote.Basis {
	return quote.Basis{Day: pricing.Day(wo.ActualStart, wo.PlannedStart, s.Now()), Currency: wo.Currency, ListID: wo.PriceListID}
}

// SurchargeChoice are surcharges set by hand, as they are stored with the order.
type SurchargeChoice struct {
	Night   bool   `json:"night"`
	Weekend bool   `json:"weekend"`
	Urgent  bool   `json:"urgent"`
	Reason  string `json:"reason"`
}

// ChoiceOf are the surcharges of an order that were set by hand; nil if they follow
// from time, calendar and priority.
func ChoiceOf(wo *ent.WorkOrder) (*SurchargeChoice, error) {
	if wo.SurchargeChoice == nil {
		return nil, nil //nolint:nilnil // the rule decides
	}
	var c SurchargeChoice
	if err := json.Unmarshal(wo.SurchargeChoice, &c); err != nil {
		return nil, fmt.Errorf("surcharges of work order %d: %w", wo.ID, err)
	}
	return &c, nil
}

func terms(wo *ent.WorkOrder) (quote.Terms, error) {
	t := quote.Terms{Allowed: wo.ApplyRuleAddons, Start: wo.ActualStart, Urgent: wo.Priority == workorder.PriorityUrgent, Cabotage: wo.IsCabotage}
	if t.Start == nil {
		t.Start = wo.PlannedStart
	}
	c, err := ChoiceOf(wo)
	if err != nil || c == nil || !wo.ApplyRuleAddons {
		return t, err
	}
	t.Choice = &pricing.Choice{Flags: pricing.Flags{Night: c.Night, Weekend: c.Weekend, Urgent: c.Urgent}, Reason: c.Reason}
	return t, nil
}

// total adds the order up from its lines as they are stored: surcharges and discount
// are written anew, the prices of the lines stay what they are. So it changes nothing
// when it is done twice.
func (s *Service) total(ctx context.Context, tx *ent.Tx, id int64) error {
	wo, err := tx.WorkOrder.Get(ctx, id)
	if err != nil {
		return fmt.Errorf("read work order %d: %w", id, err)
	}
	items, err := itemsOf(ctx, tx, id)
	if err != nil {
		return err
	}
	lines := make([]pricing.Charge, len(items))
	for i, item := range items {
		lines[i] = pricing.Charge{Net: item.TotalAmount, VAT: item.VatAmount, VATRate: item.VatRate, TRY: item.AmountTry}
	}
	if _, err := tx.WorkOrderAdjustment.Delete().Where(workorderadjustment.WorkOrderID(id)).Exec(ctx); err != nil {
		return fmt.Errorf("drop adjustments of work order %d: %w", id, err)
	}
	_, err = s.addUp(ctx, tx, wo, lines)
	return err
}

// charges are priced lines as a document adds them up.
func charges(lines []line) []pricing.Charge {
	cs := make([]pricing.Charge, len(lines))
	for i, l := range lines {
		cs[i] = pricing.Charge{Net: l.Net, VAT: l.VAT, VATRate: l.VATRate, TRY: l.TRY}
	}
	return cs
}

// addUp writes surcharges, discount and totals of an order that has none.
func (s *Service) addUp(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, lines []pricing.Charge) (pricing.Document, error) {
	t, err := terms(wo)
	if err != nil {
		return pricing.Document{}, err
	}
	d, err := s.Quotes.Total(ctx, tx.Client(), lines, t)
	if err != nil {
		return pricing.Document{}, err
	}
	creates := make([]*ent.WorkOrderAdjustmentCreate, len(d.Adjustments))
	for i, a := range d.Adjustments {
		creates[i] = tx.WorkOrderAdjustment.Create().SetWorkOrderID(wo.ID).SetKind(workorderadjustment.Kind(a.Kind)).SetVatRate(a.VATRate).
			SetPercent(a.Percent).SetBase(a.Base).SetAmount(a.Amount).SetSource(workorderadjustment.Source(a.Source)).SetCreatedAt(s.Now())
		if a.Reason != "" {
			creates[i].SetReason(a.Reason)
		}
	}
	if len(creates) > 0 {
		if err := tx.WorkOrderAdjustment.CreateBulk(creates...).Exec(ctx); err != nil {
			return pricing.Document{}, fmt.Errorf("adjust work order %d: %w", wo.ID, err)
		}
	}
	u := tx.WorkOrder.UpdateOneID(wo.ID).SetNetTotal(d.Net).SetVatTotal(d.VAT).SetGrandTotal(d.Gross).SetUpdatedAt(s.Now())
	if d.TRY != nil {
		u.SetNetTotalTry(d.TRY.Net).SetGrandTotalTry(d.TRY.Gross)
	} else {
		u.ClearNetTotalTry().ClearGrandTotalTry()
	}
	if err := u.Exec(ctx); err != nil {
		return pricing.Document{}, fmt.Errorf("total work order %d: %w", wo.ID, err)
	}
	return d, nil
}

// RecalculateInput names an order whose lines are to be priced anew.
type RecalculateInput struct {
	ID      globalid.ID
	Version int
}

// Recalculate prices the lines of an order anew, by the tariffs, rates and settings of
// now for the day of the order. Prices given by hand stay, and so do lines that are
// invoiced. Nothing else ever changes the price of a line.
func (s *Service) Recalculate(ctx context.Context, in RecalculateInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		wo, err := s.priceable(ctx, tx, id, in.Version)
		if err != nil {
			return err
		}
		if err := s.reprice(ctx, tx, wo); err != nil {
			return err
		}
		return s.totalled(ctx, tx, wo, audit.PriceCalc, nil)
	})
	return s.afterVersion(ctx, id, err)
}

// priceable locks an order whose prices may still change.
func (s *Service) priceable(ctx context.Context, tx *ent.Tx, id int64, version int) (*ent.WorkOrder, error) {
	wo, err := Lock(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := conflict(wo, version); err != nil {
		return nil, err
	}
	if !itemsMayChange(wo.Status) {
		return nil, apperr.New(apperr.WorkOrderLocked, "status", wo.Status)
	}
	return wo, nil
}

func (s *Service) reprice(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) error {
	items, err := tx.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID), workorderitem.IsInvoiced(false), workorderitem.ServiceIDNotNil(),
		workorderitem.Or(workorderitem.PriceSourceIsNil(), workorderitem.PriceSourceNEQ(workorderitem.PriceSourceManual))).
		WithService().Order(workorderitem.BySequence()).All(ctx)
	if err != nil {
		return fmt.Errorf("read items of work order %d: %w", wo.ID, err)
	}
	lines := make([]quote.Line, len(items))
	for i, item := range items {
		lines[i] = quote.Line{Service: item.Edges.Service, Inputs: inputsOf(item)}
	}
	priced, err := s.Quotes.Lines(ctx, tx.Client(), s.basis(wo), lines)
	if err != nil {
		return err
	}
	for i, item := range items {
		m := tx.WorkOrderItem.UpdateOne(item).AddVersion(1).SetUpdatedAt(s.Now())
		if err := setPrice(m.Mutation(), priced[i]); err != nil {
			return err
		}
		if err := m.Exec(ctx); err != nil {
			return fmt.Errorf("price item %d: %w", item.ID, err)
		}
	}
	return nil
}

// totalled adds up an order under its lock, counts the change and tells the trail.
func (s *Service) totalled(ctx context.Context, tx *ent.Tx, before *ent.WorkOrder, action audit.Action, changes audit.Changes) error {
	if err := tx.WorkOrder.UpdateOneID(before.ID).AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID).Exec(ctx); err != nil {
		return fmt.Errorf("change work order %d: %w", before.ID, err)
	}
	if err := s.total(ctx, tx, before.ID); err != nil {
		return err
	}
	after, err := tx.WorkOrder.Get(ctx, before.ID)
	if err != nil {
		return fmt.Errorf("read work order %d: %w", before.ID, err)
	}
	if changes == nil {
		changes = audit.Changes{}
	}
	changes.Set("net_total", before.NetTotal, after.NetTotal)
	changes.Set("grand_total", before.GrandTotal, after.GrandTotal)
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.WorkOrder, EntityID: before.ID, Changes: changes})
}

// SurchargesInput sets the surcharges of an order by hand, or gives them back to the
// rule.
type SurchargesInput struct {
	ID         globalid.ID
	Version    int
	Surcharges *SurchargeFlags // nil: by time, calendar and priority
	Reason     *string         // required with Surcharges
}

// SurchargeFlags are the surcharges that shall apply.
type SurchargeFlags struct{ Night, Weekend, Urgent bool }

// SetSurcharges replaces the surcharges that follow from time, calendar and priority
// by a choice with a reason. An order that takes none refuses a choice.
func (s *Service) SetSurcharges(ctx context.Context, in SurchargesInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderApprove); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	var choice json.RawMessage
	if in.Surcharges != nil {
		reason := or(in.Reason, "")
		if e := input.Text("reason", &reason, minReason, maxNote); e != nil {
			return nil, apperr.Errors{e}
		}
		if choice, err = json.Marshal(SurchargeChoice{in.Surcharges.Night, in.Surcharges.Weekend, in.Surcharges.Urgent, reason}); err != nil {
			return nil, fmt.Errorf("write surcharges: %w", err)
		}
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		wo, err := s.priceable(ctx, tx, id, in.Version)
		if err != nil {
			return err
		}
		if choice != nil && !wo.ApplyRuleAddons {
			return apperr.Invalid("surcharges", apperr.NoSurcharges)
		}
		u := tx.WorkOrder.UpdateOneID(id).SetUpdatedAt(s.Now())
		if choice == nil {
			u.ClearSurchargeChoice()
		} else {
			u.SetSurchargeChoice(choice)
		}
		if err := u.Exec(ctx); err != nil {
			return fmt.Errorf("set surcharges of work order %d: %w", id, err)
		}
		return s.totalled(ctx, tx, wo, audit.SurchargeApply, audit.Changes{"surcharges": {shownJSON(wo.SurchargeChoice), shownJSON(choice)}})
	})
	return s.afterVersion(ctx, id, err)
}

func shownJSON(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// inputsOf are what the formula of a stored line works on.
func inputsOf(i *ent.WorkOrderItem) pricing.Inputs {
	return pricing.Inputs{
		Quantity: &i.Quantity, WeightKg: i.WeightKg, Minutes: quote.Whole(i.DurationMinutes), Days: i.Days, Persons: quote.Whole(i.PersonCount), Measure: i.Measure,
	}
}

// setPrice writes a priced line and how it came about into a row.
func setPrice(m *ent.WorkOrderItemMutation, l pricing.Line) error {
	calculation, err := json.Marshal(l.Trace)
	if err != nil {
		return fmt.Errorf("write calculation: %w", err)
	}
	t := l.Trace
	m.SetUnitPrice(t.Price.Amount)
	m.SetTotalAmount(l.Net)
	m.SetVatRate(l.VATRate)
	m.SetVatAmount(l.VAT)
	m.SetGrandTotal(l.Gross)
	m.SetPriceSource(workorderitem.PriceSource(t.Source.Kind))
	m.SetCalculation(calculation)
	setOrClear(t.Source.PriceListItemID != 0, t.Source.PriceListItemID, m.SetPriceListItemID, m.ClearPriceListItemID)
	setOrClear(t.Source.OverrideID != 0, t.Source.OverrideID, m.SetServiceOverrideID, m.ClearServiceOverrideID)
	setOrClear(l.TRY != nil, or(l.TRY, decimal.Zero), m.SetAmountTry, m.ClearAmountTry)

	converted := l.ExchangeRate != nil
	var used pricing.Rate
	if converted {
		used = t.Rates[0]
	}
	setOrClear(converted, t.Price.Currency, m.SetPriceCurrency, m.ClearPriceCurrency)
	setOrClear(converted, t.Exact.Amount.Round(money.PricePlaces), m.SetNetAmount, m.ClearNetAmount)
	setOrClear(converted, or(l.ExchangeRate, decimal.Zero), m.SetExchangeRate, m.ClearExchangeRate)
	setOrClear(converted, used.Kind, m.SetRateKind, m.ClearRateKind)
	setOrClear(converted, used.BulletinDate, m.SetRateDate, m.ClearRateDate)
	return nil
}

func setOrClear[T any](there bool, v T, set func(T), drop func()) {
	if there {
		set(v)
	} else {
		drop()
	}
}
