package workorder

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/notificationevent"
	"aliaport/internal/actor"
	"aliaport/internal/notification"
)

// news are the steps that people are told of. All but the first concern the requester.
var news = map[Action]notificationevent.Kind{
	Submit:   notificationevent.KindWorkOrderSubmitted,
	Approve:  notificationevent.KindWorkOrderApproved,
	Reject:   notificationevent.KindWorkOrderRejected,
	Start:    notificationevent.KindWorkOrderStarted,
	Complete: notificationevent.KindWorkOrderCompleted,
	Invoice:  notificationevent.KindWorkOrderInvoiced,
}

// tell tells those whom a step concerns.
func tell(ctx context.Context, tx *ent.Tx, now time.Time, wo *ent.WorkOrder, step Action, note *string) error {
	kind, ok := news[step]
	if !ok {
		return nil
	}
	requester := wo.RequesterID
	if step == Submit {
		requester = 0
	}
	return told(ctx, tx, now, kind, wo, wo.Version+1, requester, note)
}

// told tells of what gave the order its version.
func told(ctx context.Context, tx *ent.Tx, now time.Time, kind notificationevent.Kind, wo *ent.WorkOrder, version int, requester int64, note *string) error {
	data := map[string]any{"woNumber": wo.WoNumber, "subject": wo.Subject, "cariTitle": wo.CariTitle, "by": actor.From(ctx).Name}
	if note != nil {
		data["note"] = *note
	}
	_, err := notification.Publish(ctx, tx, now, notification.Event{
		Kind: kind, Key: fmt.Sprintf("%d:%d", wo.ID, version), Entity: "WorkOrder", EntityID: wo.ID, Data: data, User: requester,
	})
	return err
}
