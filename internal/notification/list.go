package notification

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/notification"
	"aliaport/ent/schema"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service answers users about their own notifications, and nobody about those of
// others.
type Service struct {
	DB         *store.DB
	Now        func() time.Time
	Pages      *page.Codec
	PageLimits page.Limits
}

// Filter narrows the list.
type Filter struct {
	UnreadOnly *bool
	Kind       *notification.Kind
}

const offered = "unreadOnly; kind"

func (f Filter) unread() bool { return f.UnreadOnly != nil && *f.UnreadOnly }

// List returns one page of the caller's notifications, the newest first.
func (s *Service) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.Notification], error) {
	who := actor.From(ctx)
	if who == nil {
		return nil, actor.NotSignedIn(ctx)
	}
	if f.unread() && f.Kind != nil {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	hash, err := page.Hash("notifications", struct {
		Filter

		User int64
	}{f, who.ID})
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "CREATED_AT", Column: notification.FieldCreatedAt, Kind: page.Time, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	where := f.condition(who.ID)
	rows, err := s.DB.Notification.Query().Where(where, p.Apply).WithEvent().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return page.Read(p, rows, func(n *ent.Notification) (any, int64) { return n.CreatedAt, n.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.Notification.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count notifications: %w", err)
		}
		return n, nil
	}), nil
}

func (f Filter) condition(user int64) func(*sql.Selector) {
	return func(s *sql.Selector) {
		s.Where(sql.EQ(s.C(notification.FieldUserID), user))
		if f.unread() {
			s.Where(sql.ExprP(schema.UnreadCondition))
		}
		if f.Kind != nil {
			s.Where(sql.EQ(s.C(notification.FieldKind), *f.Kind))
		}
	}
}

// ByKeys reads those of the notifications that are the caller's.
func ByKeys(ctx context.Context, db *ent.Client, keys []int64) ([]*ent.Notification, error) {
	return db.Notification.Query().Where(notification.UserID(who(ctx)), store.KeysIn(notification.FieldID, keys)).WithEvent().All(ctx)
}

// UnreadCount is how many notifications the caller has not read.
func (s *Service) UnreadCount(ctx context.Context) (int, error) {
	who := actor.From(ctx)
	if who == nil {
		return 0, actor.NotSignedIn(ctx)
	}
	unread := true
	n, err := s.DB.Notification.Query().Where(Filter{UnreadOnly: &unread}.condition(who.ID)).Aggregate(page.CountRows).Int(ctx)
	if err != nil {
		return 0, fmt.Errorf("count unread notifications: %w", err)
	}
	return n, nil
}

// MarkRead notes that the caller has read a notification. The first time counts.
func (s *Service) MarkRead(ctx context.Context, id globalid.ID) (*ent.Notification, error) {
	who := actor.From(ctx)
	if who == nil {
		return nil, actor.NotSignedIn(ctx)
	}
	key, err := id.Of("Notification")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		err := tx.Notification.Update().Where(notification.ID(key), notification.UserID(who.ID), notification.ReadAtIsNil()).SetReadAt(s.Now()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("mark notification %d: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n, err := s.DB.Notification.Query().Where(notification.ID(key), notification.UserID(who.ID)).WithEvent().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, apperr.New(apperr.NotificationNotFound).At("id")
	}
	return n, err
}

// MarkAllRead notes that the caller has read everything up to a moment, now unless
// given, and returns how many they had not.
func (s *Service) MarkAllRead(ctx context.Context, before *time.Time) (marked int, err error) {
	who := actor.From(ctx)
	if who == nil {
		return 0, actor.NotSignedIn(ctx)
	}
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		u := tx.Notification.Update().Where(notification.UserID(who.ID), notification.ReadAtIsNil()).SetReadAt(now)
		if before != nil {
			u.Where(notification.CreatedAtLTE(before.UTC()))
		}
		if marked, err = u.Save(ctx); err != nil {
			return fmt.Errorf("mark all notifications: %w", err)
		}
		return nil
	})
	return marked, err
}
