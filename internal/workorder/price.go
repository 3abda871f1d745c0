package workorder

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

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

// total adds an order up from its lines as they are stored: surcharges and discount are
// written anew, the sums go into the change to the order that the caller is about to
// make, and the prices of the lines stay what they are. So it changes nothing when it is
// done twice. wo is the order as it will be after that change.
func (s *Service) total(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, change *ent.WorkOrderMutation) error {
	items, err := itemsOf(ctx, tx, wo.ID)
	if err != nil {
		return err
	}
	lines := make([]pricing.Charge, len(items))
	for i, item := range items {
		lines[i] = pricing.Charge{Net: item.TotalAmount, VAT: item.VatAmount, VATRate: item.VatRate, TRY: item.AmountTry}
	}
	t, err := terms(wo)
	if err != nil {
		return err
	}
	d, err := s.Quotes.Total(ctx, tx.Client(), lines, t)
	if err != nil {
		return err
	}
	if _, err := tx.WorkOrderAdjustment.Delete().Where(workorderadjustment.WorkOrderID(wo.ID)).Exec(ctx); err != nil {
		return fmt.Errorf("drop adjustments of work order %d: %w", wo.ID, err)
	}
	setTotals(change, d)
	return adjust(ctx, tx, wo.ID, d.Adjustments, s.Now())
}

// charges are priced lines as a document adds them up.
func charges(lines []line) []pricing.Charge {
	cs := make([]pricing.Charge, len(lines))
	for i, l := range lines {
		cs[i] = pricing.Charge{Net: l.Net, VAT: l.VAT, VATRate: l.VATRate, TRY: l.TRY}
	}
	return cs
}

// setTotals writes what an order adds up to into its row.
func setTotals(m *ent.WorkOrderMutation, d pricing.Document) {
	m.SetNetTotal(d.Net)
	m.SetVatTotal(d.VAT)
	m.SetGrandTotal(d.Gross)
	worth := or(d.TRY, pricing.Worth{})
	setOrClear(d.TRY != nil, worth.Net, m.SetNetTotalTry, m.ClearNetTotalTry)
	setOrClear(d.TRY != nil, worth.Gross, m.SetGrandTotalTry, m.ClearGrandTotalTry)
}

// adjust writes surcharges and discount of an order that has none.
func adjust(ctx context.Context, tx *ent.Tx, order int64, adjustments []pricing.Adjustment, now time.Time) error {
	if len(adjustments) == 0 {
		return nil
	}
	creates := make([]*ent.WorkOrderAdjustmentCreate, len(adjustments))
	for i, a := range adjustments {
		creates[i] = tx.WorkOrderAdjustment.Create().SetWorkOrderID(order).SetKind(workorderadjustment.Kind(a.Kind)).SetVatRate(a.VATRate).
			SetPercent(a.Percent).SetBase(a.Base).SetAmount(a.Amount).SetSource(workorderadjustment.Source(a.Source)).SetCreatedAt(now)
		if a.Reason != "" {
			creates[i].SetReason(a.Reason)
		}
	}
	if err := tx.WorkOrderAdjustment.CreateBulk(creates...).Exec(ctx); err != nil {
		return fmt.Errorf("adjust work order %d: %w", order, err)
	}
	return nil
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
		return s.totalled(ctx, tx, wo, tx.WorkOrder.UpdateOne(wo), audit.PriceCalc, audit.Changes{})
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

// totalled adds up an order under its lock, makes the change and tells the trail. wo is
// the order as it will be, but for its sums.
func (s *Service) totalled(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, u *ent.WorkOrderUpdateOne, action audit.Action, changes audit.Changes) error {
	if err := s.total(ctx, tx, wo, u.Mutation()); err != nil {
		return err
	}
	after, err := u.AddVersion(1).SetUpdatedAt(s.Now()).SetUpdatedBy(actor.From(ctx).ID).Save(ctx)
	if err != nil {
		return fmt.Errorf("change work order %d: %w", wo.ID, err)
	}
	changes.Set("net_total", wo.NetTotal, after.NetTotal)
	changes.Set("grand_total", wo.GrandTotal, after.GrandTotal)
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.WorkOrder, EntityID: wo.ID, Changes: changes})
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
		changes := audit.Changes{"surcharges": {shownJSON(wo.SurchargeChoice), shownJSON(choice)}}
		u := tx.WorkOrder.UpdateOne(wo)
		setOrClear(choice != nil, choice, u.Mutation().SetSurchargeChoice, u.Mutation().ClearSurchargeChoice)
		wo.SurchargeChoice = choice
		return s.totalled(ctx, tx, wo, u, audit.SurchargeApply, changes)
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
