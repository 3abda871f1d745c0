package workorder

import (
	"context"
	"fmt"

	"aliaport/ent"
)

// AddLogItem puts a work log on the bill of its order, in the transaction that
// processes the log, and returns the line. The rules are those of any other line.
func (s *Service) AddLogItem(ctx context.Context, tx *ent.Tx, log *ent.WorkLog, in ItemInput) (item int64, err error) {
	if err := in.clean().OrNil(); err != nil {
		return 0, err
	}
	err = s.changeItems(ctx, tx, log.WorkOrderID, func(wo *ent.WorkOrder, items []*ent.WorkOrderItem) error {
		if item, err = s.addItem(ctx, tx, wo, items, in); err != nil {
			return err
		}
		if err := tx.WorkOrderItem.UpdateOneID(item).SetWorkLogID(log.ID).Exec(ctx); err != nil {
			return fmt.Errorf("tie item %d to work log %d: %w", item, log.ID, err)
		}
		return nil
	})
	return item, err
}
