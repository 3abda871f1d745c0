package workorder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
)

// OvertimeCode is the resource code of the line that bills overtime (mesai aşımı). An
// order has at most one such line, and nobody makes it by hand.
const OvertimeCode = "OVERTIME_4H"

const (
	overtimeName = "Mesai aşımı"
	hour         = "SAAT" // of the category BIRIM
)

// OvertimeInput names an order whose overtime is to be billed.
type OvertimeInput struct {
	ID globalid.ID
}

// CalculateOvertime bills how long the people of an order stayed after its work was
// done: it writes the one line of overtime, brings it up to date, or removes it when
// nothing is owed. Doing it again changes nothing.
func (s *Service) CalculateOvertime(ctx context.Context, in OvertimeInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	id, err := keyOf(in.ID)
	if err != nil {
		return nil, err
	}
	return s.inOrder(ctx, id, func(tx *ent.Tx) error {
		wo, err := Lock(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case !itemsMayChange(wo.Status):
			return apperr.New(apperr.WorkOrderLocked, "status", wo.Status)
		}
		if err := nobodyInside(ctx, tx, wo); err != nil { // the last exit is yet to come
			return err
		}
		if wo.ActualEnd == nil || wo.SecurityExitAt == nil {
			return apperr.New(apperr.WorkOrderOvertime)
		}
		items, err := itemsOf(ctx, tx, id)
		if err != nil {
			return err
		}
		due, err := s.overtime(ctx, tx, wo)
		if err != nil {
			return err
		}
		changes, err := s.bill(ctx, tx, wo, items, due)
		if err != nil || changes == nil {
			return err
		}
		return s.totalled(ctx, tx, wo, tx.WorkOrder.UpdateOne(wo), audit.PriceCalc, changes)
	})
}

// overtime is the line that is owed, nil if none is. Its hours and its price are
// those of pricing.OvertimeOf; an order in another currency gets them converted.
func (s *Service) overtime(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder) (*line, error) {
	if wo.SecurityExitAt.Before(*wo.ActualEnd) {
		return nil, nil //nolint:nilnil // they left before it was done
	}
	values, err := parameter.Read(ctx, tx.Client(), parameter.BusinessRule, parameter.Invoicing)
	if err != nil {
		return nil, err
	}
	threshold, err1 := parameter.Of(values, parameter.OvertimeAfter)
	hourly, err2 := parameter.Of(values, parameter.OvertimeHourly)
	vat, err3 := parameter.Of(values, parameter.ItemVATRate)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	o, err := pricing.OvertimeOf(*wo.ActualEnd, *wo.SecurityExitAt, threshold, hourly, vat)
	if o == nil || err != nil || hourly.IsZero() { // a port that charges nothing has no line of nothing
		return nil, err
	}
	priced, err := s.Quotes.Line(ctx, tx.Client(), s.basis(wo), quote.Line{
		Setting: &quote.Setting{Code: parameter.OvertimeHourly.Code, Price: hourly, Currency: pricing.Home, VATRate: vat},
		Inputs:  pricing.Inputs{Quantity: &o.Hours},
	})
	if err != nil {
		return nil, err
	}
	code, name, unit := OvertimeCode, overtimeName, hour
	return &line{
		ItemInput: ItemInput{
			ItemType: workorderitem.ItemTypeWorklog, ResourceCode: &code, ResourceName: &name, Unit: &unit,
			StartTime: wo.ActualEnd, EndTime: wo.SecurityExitAt, Quantity: o.Hours,
		},
		Line: priced, unit: unit,
	}, nil
}

// bill makes the line of overtime among the items what is due. It returns what has
// changed, nil if nothing has.
func (s *Service) bill(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, items []*ent.WorkOrderItem, due *line) (audit.Changes, error) {
	i := slices.IndexFunc(items, func(item *ent.WorkOrderItem) bool {
		return item.ResourceCode != nil && *item.ResourceCode == OvertimeCode
	})
	if i < 0 {
		if due == nil {
			return nil, nil
		}
		return s.addOvertime(ctx, tx, wo, items, *due)
	}
	old := items[i]
	same, err := due.is(old)
	switch {
	case err != nil || same:
		return nil, err
	case old.IsInvoiced:
		return nil, apperr.New(apperr.WorkOrderInvoiced).At("id")
	}
	before := overtimeOf(old.Quantity, old.TotalAmount)
	if due == nil {
		if err := tx.WorkOrderItem.DeleteOne(old).Exec(ctx); err != nil {
			return nil, fmt.Errorf("remove overtime of work order %d: %w", wo.ID, err)
		}
		return s.noted(ctx, tx, audit.Delete, old.ID, before, [2]any{})
	}
	u := tx.WorkOrderItem.UpdateOne(old).SetQuantity(due.Quantity).SetStartTime(*utc(due.StartTime)).SetEndTime(*utc(due.EndTime)).
		SetDurationMinutes(*due.minutes()).AddVersion(1).SetUpdatedAt(s.Now())
	if err := setPrice(u.Mutation(), due.Line); err != nil {
		return nil, err
	}
	if err := u.Exec(ctx); err != nil {
		return nil, fmt.Errorf("change overtime of work order %d: %w", wo.ID, err)
	}
	return s.noted(ctx, tx, audit.Update, old.ID, before, overtimeOf(due.Quantity, due.Net))
}

func (s *Service) addOvertime(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, items []*ent.WorkOrderItem, due line) (audit.Changes, error) {
	sequence := 1
	if n := len(items); n >= MaxItems {
		return nil, apperr.Invalid("id", apperr.TooMany, "max", MaxItems)
	} else if n > 0 {
		sequence = items[n-1].Sequence + 1
	}
	c, err := due.create(tx, wo.ID, sequence, s.Now())
	if err != nil {
		return nil, err
	}
	item, err := c.Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("add overtime to work order %d: %w", wo.ID, err)
	}
	return s.noted(ctx, tx, audit.Create, item.ID, [2]any{}, overtimeOf(due.Quantity, due.Net))
}

// is tells whether the item says what is due.
func (l *line) is(item *ent.WorkOrderItem) (bool, error) {
	if l == nil {
		return false, nil
	}
	if !item.Quantity.Equal(l.Quantity) || !sameTime(item.StartTime, l.StartTime) || !sameTime(item.EndTime, l.EndTime) {
		return false, nil
	}
	return l.Trace.IsStoredAs(item.Calculation)
}

func sameTime(a, b *time.Time) bool { return a != nil && b != nil && a.Equal(*b) }

// overtimeOf are hours and amount, as the trail has them.
func overtimeOf(hours, net decimal.Decimal) [2]any { return [2]any{hours, net} }

// noted tells the trail what became of the line, and returns the same for the order.
func (s *Service) noted(ctx context.Context, tx *ent.Tx, action audit.Action, item int64, before, after [2]any) (audit.Changes, error) {
	err := audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: action, Resource: audit.WorkOrderItem, EntityID: item,
		Changes: audit.Changes{"quantity": {before[0], after[0]}, "total_amount": {before[1], after[1]}},
	})
	return audit.Changes{"overtime_hours": {before[0], after[0]}, "overtime_amount": {before[1], after[1]}}, err
}
