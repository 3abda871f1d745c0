package job

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/jobrun"
)

// sweepBatch is how many rows are removed in one transaction.
const sweepBatch = 500

// Sweep removes runs that ended before a moment. Of each job the newest slot stays,
// from which the next ones are counted, and the newest success.
func (s *Service) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	old := func(sel *sql.Selector) {
		later := sql.Table(jobrun.Table).As("later")
		sel.Where(sql.And(
			sql.LT(sel.C(jobrun.FieldFinishedAt), before),
			sql.Or(
				sql.Not(sql.In(sel.C(jobrun.FieldTrigger), jobrun.TriggerSchedule)),
				sql.Exists(sql.Select(later.C(jobrun.FieldID)).From(later).Where(sql.And(
					sql.ColumnsEQ(later.C(jobrun.FieldJob), sel.C(jobrun.FieldJob)), sql.ColumnsGT(later.C(jobrun.FieldScheduledFor), sel.C(jobrun.FieldScheduledFor)),
					sql.EQ(later.C(jobrun.FieldTrigger), jobrun.TriggerSchedule),
				))),
			),
			sql.Or(
				sql.NEQ(sel.C(jobrun.FieldState), jobrun.StateSucceeded),
				sql.Exists(sql.Select(later.C(jobrun.FieldID)).From(later).Where(sql.And(
					sql.ColumnsEQ(later.C(jobrun.FieldJob), sel.C(jobrun.FieldJob)), sql.ColumnsGT(later.C(jobrun.FieldScheduledFor), sel.C(jobrun.FieldScheduledFor)),
					sql.EQ(later.C(jobrun.FieldState), jobrun.StateSucceeded),
				))),
			),
		))
	}
	for {
		n := 0
		err := s.o.DB.InTx(ctx, func(tx *ent.Tx) error {
			ids, err := tx.JobRun.Query().Where(old).Limit(sweepBatch).IDs(ctx)
			if err != nil {
				return err
			}
			n, err = tx.JobRun.Delete().Where(jobrun.IDIn(ids...)).Exec(ctx)
			return err
		})
		removed += n
		if err != nil {
			return removed, fmt.Errorf("remove old runs: %w", err)
		}
		if n < sweepBatch {
			return removed, nil
		}
	}
}
