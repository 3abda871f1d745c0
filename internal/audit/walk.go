package audit

import (
	"context"
	stdsql "database/sql"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/store"
)

// batchSize is how many events are in memory at once when many are read.
const batchSize = 1000

// Walk reads the events that where holds for, oldest first and so many at a time
// that memory stays bounded, all of one moment: what is written meanwhile is not
// seen. It holds a connection for reading until it returns.
func Walk(ctx context.Context, db *store.DB, where func(*sql.Selector), each func(*ent.AuditEvent) error) (err error) {
	tx, err := db.BeginTx(ctx, &stdsql.TxOptions{ReadOnly: true, Isolation: stdsql.LevelRepeatableRead})
	if err != nil {
		return fmt.Errorf("begin to read the trail: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return Batches(ctx, tx.AuditEvent, where, func(batch []*ent.AuditEvent) error {
		for _, e := range batch {
			if err := each(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// Batches hands over events in the order of Walk, a batch at a time.
func Batches(ctx context.Context, c *ent.AuditEventClient, where func(*sql.Selector), each func([]*ent.AuditEvent) error) error {
	return batches(ctx, c, func(shape func(*sql.Selector)) func(*sql.Selector) {
		return func(s *sql.Selector) {
			where(s)
			shape(s)
		}
	}, each)
}

func batches(ctx context.Context, c *ent.AuditEventClient, where shaped, each func([]*ent.AuditEvent) error) error {
	var last *ent.AuditEvent
	for {
		batch, err := c.Query().Where(where(after(last))).All(ctx)
		if err != nil {
			return fmt.Errorf("read the trail: %w", err)
		}
		if len(batch) == 0 {
			return nil
		}
		if err := each(batch); err != nil {
			return err
		}
		if len(batch) < batchSize {
			return nil
		}
		last = batch[len(batch)-1]
	}
}

// after is the next batch behind an event, in order.
func after(e *ent.AuditEvent) func(*sql.Selector) {
	return func(s *sql.Selector) {
		at, id := s.C(auditevent.FieldCreatedAt), s.C(auditevent.FieldID)
		if e != nil {
			// The row comparison seeks in an index; the other spares PostgreSQL the
			// partitions of the months before.
			s.Where(sql.And(sql.GTE(at, e.CreatedAt), sql.CompositeGT([]string{at, id}, e.CreatedAt, e.ID)))
		}
		s.OrderBy(at, id).Limit(batchSize)
	}
}
