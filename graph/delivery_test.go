package graph_test

import (
	"testing"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/notificationdelivery"
	"aliaport/ent/notificationevent"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/notification"
	"aliaport/internal/store"
)

func TestMessagesThatWereGivenUpAreListedAndSentAgain(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db)
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			_, err := notification.Publish(t.Context(), tx, api.Start, notification.Event{
				Kind: notificationevent.KindMonthlyReportReady, Key: "1", Data: map[string]any{"month": "2026-02"},
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		event := db.NotificationEvent.Query().OnlyX(t.Context())
		for range 3 {
			db.NotificationDelivery.Create().SetEvent(event).SetChannel(notificationdelivery.ChannelWebhook).SetStatus(notificationdelivery.StatusFailed).
				SetAttempts(5).SetNextAt(api.Start).SetLastError("503 Service Unavailable").SetFinishedAt(api.Start).ExecX(t.Context())
		}
		type page struct {
			NotificationDeliveries struct {
				TotalCount int
				Nodes      []struct {
					ID, Channel, Status, Kind, Title, LastError string
					Attempts                                    int
					FinishedAt                                  *string
				}
			}
		}
		const list = `query Messages($filter: NotificationDeliveryFilter) { notificationDeliveries(filter: $filter) {
			totalCount nodes { id channel status kind title attempts lastError finishedAt } } }`
		var failed page
		server.Get(t, api.Admin, list, nil, &failed)
		if d := failed.NotificationDeliveries; d.TotalCount != 3 || d.Nodes[0].Channel != "WEBHOOK" || d.Nodes[0].Kind != "MONTHLY_REPORT_READY" ||
			d.Nodes[0].Title != "Monthly report ready: 2026-02" || d.Nodes[0].Attempts != 5 || d.Nodes[0].LastError != "503 Service Unavailable" {
			t.Fatalf("listed %+v", d)
		}
		var retried struct{ RetryNotificationDeliveries struct{ Retried int } }
		const again = `mutation Again($input: RetryNotificationDeliveriesInput) { retryNotificationDeliveries(input: $input) { retried userErrors { code } } }`
		one := failed.NotificationDeliveries.Nodes[0].ID
		for _, want := range []int{1, 0} { // what waits is not given up any more
			server.Get(t, api.Admin, again, map[string]any{"input": map[string]any{"ids": []string{one}}}, &retried)
			if n := retried.RetryNotificationDeliveries.Retried; n != want {
				t.Errorf("%d are sent again, want %d", n, want)
			}
		}
		var waiting page
		server.Get(t, api.Admin, list, map[string]any{"filter": map[string]any{"status": "PENDING"}}, &waiting)
		if d := waiting.NotificationDeliveries; d.TotalCount != 1 || d.Nodes[0].ID != one || d.Nodes[0].Attempts != 0 || d.Nodes[0].FinishedAt != nil {
			t.Errorf("waiting are %+v", d)
		}
		if server.Get(t, api.Admin, again, nil, &retried); retried.RetryNotificationDeliveries.Retried != 2 {
			t.Errorf("%d of the others are sent again", retried.RetryNotificationDeliveries.Retried)
		}
		if a := server.Do(t, api.Admin, again, map[string]any{"input": map[string]any{"ids": []string{"Q2FyaTox"}}}); len(a.Errors) == 0 {
			t.Errorf("a customer is sent again: %s", a.Body)
		}
		for _, document := range []string{list, again} {
			if a := server.Do(t, "FINANS", document, nil); len(a.Errors) == 0 || a.Errors[0].Extensions.Code != "FORBIDDEN" {
				t.Errorf("who may not is answered %s", a.Body)
			}
		}
		if n := db.AuditEvent.Query().Where(auditevent.Resource("notification_delivery"), auditevent.OutcomeEQ(auditevent.OutcomeOk)).CountX(t.Context()); n != 3 {
			t.Errorf("%d lines of the trail", n)
		}
	})
}
