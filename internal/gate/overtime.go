package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/globalid"
	"aliaport/internal/parameter"
)

// Overtime is how long the vehicles and persons of an order stayed after its work
// was done (mesai aşımı).
type Overtime struct {
	WorkOrder        *ent.WorkOrder
	ActualEnd        *time.Time
	SecurityExitAt   *time.Time
	ThresholdMinutes int // free of charge
	ElapsedMinutes   *int
	OvertimeMinutes  *int
	InsideCount      int // who are still inside; the figures are not final then
}

// OvertimeMinutes is what of the time from the end of the work to the last exit lies
// above the threshold, in whole minutes, with that time. An exit before the end of
// the work is none.
func OvertimeMinutes(end, exit time.Time, threshold int) (elapsed, over int) {
	elapsed = max(0, int(exit.Sub(end)/time.Minute))
	return elapsed, max(0, elapsed-threshold)
}

// Threshold is how many minutes after the end of the work are free of charge.
func Threshold(ctx context.Context, c *ent.Client) (int, error) {
	hours, err := parameter.Get(ctx, c, parameter.OvertimeAfter)
	if err != nil {
		return 0, err
	}
	const perHour = 60
	return int(hours.Mul(decimal.NewFromInt(perHour)).IntPart()), nil
}

// Overtime works out the overtime of an order, nil when there is none such. It
// changes nothing.
func (s *Service) Overtime(ctx context.Context, id globalid.ID) (*Overtime, error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	key, err := id.Of("WorkOrder")
	if err != nil {
		return nil, err
	}
	wo, err := s.DB.WorkOrder.Query().Where(workorder.ID(key), workorder.IsActive(true)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find work order %d: %w", key, err)
	}
	o := &Overtime{WorkOrder: wo, ActualEnd: wo.ActualEnd, SecurityExitAt: wo.SecurityExitAt}
	if o.ThresholdMinutes, err = Threshold(ctx, s.DB.Client); err != nil {
		return nil, err
	}
	if o.InsideCount, err = s.DB.GateLog.Query().Where(gatelog.WorkOrderID(key), inside).Count(ctx); err != nil {
		return nil, fmt.Errorf("count who of work order %d is inside: %w", key, err)
	}
	if wo.ActualEnd != nil && wo.SecurityExitAt != nil {
		elapsed, over := OvertimeMinutes(*wo.ActualEnd, *wo.SecurityExitAt, o.ThresholdMinutes)
		o.ElapsedMinutes, o.OvertimeMinutes = &elapsed, &over
	}
	return o, nil
}
