package notification

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/notificationdelivery"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// DeliveryFilter narrows the list of messages; those that were given up when it is empty.
type DeliveryFilter struct{ Status *notificationdelivery.Status }

// Deliveries returns one page of the messages that stand so, the newest first.
func (s *Service) Deliveries(ctx context.Context, f DeliveryFilter, a page.Args) (*page.List[*ent.NotificationDelivery], error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	status := notificationdelivery.StatusFailed
	if f.Status != nil {
		status = *f.Status
	}
	hash, err := page.Hash("notificationDeliveries", status)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "CREATED_AT", Column: notificationdelivery.FieldCreatedAt, Kind: page.Time, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	where := func(q *sql.Selector) { q.Where(sql.EQ(q.C(notificationdelivery.FieldStatus), status)) }
	rows, err := s.DB.NotificationDelivery.Query().Where(where, p.Apply).WithEvent().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	return page.Read(p, rows, func(d *ent.NotificationDelivery) (any, int64) { return d.CreatedAt, d.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.NotificationDelivery.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count messages: %w", err)
		}
		return n, nil
	}), nil
}

// DeliveriesByKeys reads messages with what they tell.
func DeliveriesByKeys(ctx context.Context, db *ent.Client, keys []int64) ([]*ent.NotificationDelivery, error) {
	return db.NotificationDelivery.Query().Where(store.KeysIn(notificationdelivery.FieldID, keys)).WithEvent().All(ctx)
}

// Retry gives messages that were given up another go, all of them when ids is nil, and
// returns how many they are.
func (s *Service) Retry(ctx context.Context, ids []*globalid.ID) (n int, err error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return 0, err
	}
	keys := make([]int64, 0, len(ids))
	for _, id := range ids {
		key, err := id.Of("NotificationDelivery")
		if err != nil {
			return 0, err
		}
		keys = append(keys, key)
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		u := tx.NotificationDelivery.Update().Where(notificationdelivery.StatusEQ(notificationdelivery.StatusFailed))
		if ids != nil {
			u.Where(store.KeysIn(notificationdelivery.FieldID, keys))
		}
		if n, err = u.SetStatus(notificationdelivery.StatusPending).SetAttempts(0).SetNextAt(s.Now()).ClearFinishedAt().Save(ctx); err != nil {
			return fmt.Errorf("retry messages: %w", err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.Delivery, Extra: map[string]any{"retried": n}})
	})
	return n, err
}
