//go:build long

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/notificationdelivery"
	"aliaport/ent/notificationevent"
	"aliaport/ent/user"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/notification"
	"aliaport/internal/seed"
)

// TestTenThousandNotificationsAreDeliveredWhileOthersWork tells 5,000 events, each in a
// transaction of its own and each to two users: 10,000 e-mails over SMTP and 5,000
// signed posts, while four clients use the API.
func TestTenThousandNotificationsAreDeliveredWhileOthersWork(t *testing.T) { //nolint:paralleltest // it measures
	for _, kind := range []string{"sqlite3", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			mail, posts := aliatest.NewMailServer(t), atomic.Int64{}
			hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				posts.Add(1)
			}))
			defer hook.Close()
			db := aliatest.Open(t, kind)
			server := api.New(t, db, func(c *config.Config) {
				c.SMTPURL, c.WebhookURL, c.WebhookSecret = config.Secret(mail.URL), config.Secret(hook.URL), "a secret of the receiver"
			})
			last := db.User.Query().Aggregate(ent.Max("id")).IntX(t.Context())
			if _, err := seed.Run(t.Context(), db, server.Server.Users(), seed.Options{WorkOrders: 5000, Cari: 100, Services: 50, Seed: 1, Now: api.Start}); err != nil {
				t.Fatal(err)
			}
			db.User.Update().Where(user.IDGT(int64(last))).SetIsActive(false).ExecX(t.Context()) // two are left who may approve
			alone := used(t.Context(), t, server, 5*time.Second)

			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var running sync.WaitGroup
			running.Go(func() { server.Server.Outbox().Run(ctx) })
			busy, calm := context.WithCancel(t.Context())
			var meanwhile []time.Duration
			running.Go(func() { meanwhile = used(busy, t, server, 5*time.Minute) })

			const events = 5000
			begun := time.Now()
			var g errgroup.Group
			g.SetLimit(4)
			for i := range events {
				g.Go(func() error {
					return db.InTx(t.Context(), func(tx *ent.Tx) error {
						_, err := notification.Publish(t.Context(), tx, server.Clock.Now(), notification.Event{
							Kind: notificationevent.KindWorkOrderSubmitted, Key: fmt.Sprint("load", i), Entity: "WorkOrder", EntityID: int64(i%5000 + 1),
							Data: map[string]any{"woNumber": fmt.Sprintf("WO-2026-%05d", i), "subject": "Römorkaj", "cariTitle": "Özgür Gemicilik", "by": "Deniz"},
						})
						return err
					})
				})
			}
			if err := g.Wait(); err != nil {
				t.Fatal(err)
			}
			queued := time.Since(begun)
			for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				if len(mail.Letters()) >= 2*events && posts.Load() >= events {
					break
				}
			}
			delivered := time.Since(begun)
			calm()
			time.Sleep(time.Second) // what was sent is written down
			stop()
			running.Wait()
			ids := map[string]bool{}
			for _, l := range mail.Letters() {
				ids[l.Header.Get("Message-Id")] = true
			}
			if len(ids) != 2*events || len(mail.Letters()) != 2*events || posts.Load() != events {
				t.Errorf("%d letters, %d different, %d posts", len(mail.Letters()), len(ids), posts.Load())
			}
			if n := db.NotificationDelivery.Query().Where(notificationdelivery.StatusNEQ(notificationdelivery.StatusSent)).CountX(t.Context()); n != 0 {
				t.Errorf("%d deliveries are not sent", n)
			}
			t.Logf("%s: queued in %s, delivered in %s; API alone p50 %s p95 %s (%d), meanwhile p50 %s p95 %s (%d)", kind, queued.Round(time.Millisecond), delivered.Round(time.Millisecond),
				percentile(alone, 50), percentile(alone, 95), len(alone), percentile(meanwhile, 50), percentile(meanwhile, 95), len(meanwhile))
			if p := percentile(meanwhile, 95); p > 400*time.Millisecond {
				t.Errorf("p95 meanwhile is %s", p)
			}
		})
	}
}

// used has four clients ask for lists and change an order until the time is up.
func used(ctx context.Context, t *testing.T, server *api.API, most time.Duration) (took []time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(ctx, most)
	defer stop()
	var mu sync.Mutex
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				query := `{ workOrders(first: 20) { nodes { woNumber status subject cari { title } items { quantity unitPrice } } } }`
				switch i % 4 {
				case 1:
					query = `{ unreadNotificationCount notifications(first: 20) { nodes { title message readAt } } }`
				case 2:
					query = `mutation { markAllNotificationsRead { marked } }`
				}
				begun := time.Now()
				a := server.Do(t, api.Admin, query, nil)
				d := time.Since(begun)
				if len(a.Errors) > 0 {
					t.Errorf("%s", a.Body)
					return
				}
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
				time.Sleep(20 * time.Millisecond) // a client reads, too
			}
		})
	}
	clients.Wait()
	return took
}

func percentile(took []time.Duration, p int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)].Round(100 * time.Microsecond)
}
