package graph

import (
	"context"
	"time"

	"aliaport/ent"
	entnotification "aliaport/ent/notification"
	"aliaport/ent/notificationevent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/notification"
	"aliaport/internal/page"
)

func (r *mutationResolver) MarkNotificationRead(ctx context.Context, input gen.MarkNotificationReadInput) (*gen.NotificationPayload, error) {
	n, err := r.Notes.MarkRead(ctx, input.ID)
	refused, err := userErrors(ctx, err)
	if err != nil {
		return nil, err
	}
	return &gen.NotificationPayload{Notification: n, UserErrors: refused}, nil
}

func (r *mutationResolver) MarkAllNotificationsRead(ctx context.Context, input *gen.MarkAllNotificationsReadInput) (*gen.MarkAllNotificationsReadPayload, error) {
	var until *time.Time
	if input != nil {
		until = input.Until
	}
	n, err := r.Notes.MarkAllRead(ctx, until)
	refused, err := userErrors(ctx, err)
	if err != nil {
		return nil, err
	}
	return &gen.MarkAllNotificationsReadPayload{Marked: n, UserErrors: refused}, nil
}

func (r *mutationResolver) RequestPasswordReset(ctx context.Context, input gen.RequestPasswordResetInput) (*gen.AuthPayload, error) {
	return authPayload(ctx, r.Users.RequestReset(ctx, input.Email))
}

func (r *mutationResolver) ResetPassword(ctx context.Context, input gen.ResetPasswordInput) (*gen.AuthPayload, error) {
	return authPayload(ctx, r.Users.ResetPassword(ctx, input.Token, input.NewPassword))
}

func (r *mutationResolver) RetryNotificationDeliveries(ctx context.Context, input *gen.RetryNotificationDeliveriesInput) (*gen.RetryNotificationDeliveriesPayload, error) {
	var ids []*globalid.ID
	if input != nil {
		ids = input.Ids
	}
	n, err := r.Notes.Retry(ctx, ids)
	refused, err := userErrors(ctx, err)
	if err != nil {
		return nil, err
	}
	return &gen.RetryNotificationDeliveriesPayload{Retried: n, UserErrors: refused}, nil
}

func (r *notificationResolver) Severity(ctx context.Context, obj *ent.Notification) (notificationevent.Severity, error) {
	return obj.Edges.Event.Severity, nil
}

func (r *notificationResolver) Title(ctx context.Context, obj *ent.Notification) (string, error) {
	return notification.Title(obj.Edges.Event, apperr.LangFrom(ctx)), nil
}

func (r *notificationResolver) Message(ctx context.Context, obj *ent.Notification) (string, error) {
	return notification.Text(obj.Edges.Event, apperr.LangFrom(ctx)), nil
}

func (r *notificationResolver) EntityType(ctx context.Context, obj *ent.Notification) (*string, error) {
	return obj.Edges.Event.EntityType, nil
}

func (r *notificationResolver) EntityID(ctx context.Context, obj *ent.Notification) (*globalid.ID, error) {
	return notification.EntityOf(obj.Edges.Event), nil
}

func (r *notificationDeliveryResolver) Kind(ctx context.Context, obj *ent.NotificationDelivery) (*entnotification.Kind, error) {
	if obj.Edges.Event == nil {
		return nil, nil
	}
	kind := entnotification.Kind(obj.Edges.Event.Kind)
	return &kind, nil
}

func (r *notificationDeliveryResolver) Title(ctx context.Context, obj *ent.NotificationDelivery) (*string, error) {
	if obj.Edges.Event == nil {
		return nil, nil
	}
	title := notification.Title(obj.Edges.Event, apperr.LangFrom(ctx))
	return &title, nil
}

func (r *queryResolver) Notifications(ctx context.Context, first *int, after *string, last *int, before *string, filter *notification.Filter) (*gqlmodel.Connection[*ent.Notification], error) {
	return connection(r.Notes.List(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *queryResolver) UnreadNotificationCount(ctx context.Context) (int, error) {
	return r.Notes.UnreadCount(ctx)
}

func (r *queryResolver) NotificationDeliveries(ctx context.Context, filter *notification.DeliveryFilter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.NotificationDelivery], error) {
	return connection(r.Notes.Deliveries(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *Resolver) Notification() gen.NotificationResolver { return &notificationResolver{r} }

func (r *Resolver) NotificationDelivery() gen.NotificationDeliveryResolver {
	return &notificationDeliveryResolver{r}
}

type (
	notificationResolver         struct{ *Resolver }
	notificationDeliveryResolver struct{ *Resolver }
)
