package notification_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	entnotification "aliaport/ent/notification"
	"aliaport/ent/notificationdelivery"
	"aliaport/ent/notificationevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/notification"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

var noon = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// people are a user a role, by the role's name, and one who has left.
func people(t *testing.T, db *store.DB) map[string]int64 {
	t.Helper()
	users := &user.Service{DB: db, Now: func() time.Time { return noon }, Hasher: user.NewHasher()}
	if err := users.EnsureRights(t.Context()); err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	for _, role := range actor.RoleNames {
		u, err := users.Add(t.Context(), strings.ToLower(role)+"@aliaport.example", "Ş "+role, "", role)
		if err != nil {
			t.Fatal(err)
		}
		ids[role] = u.ID
	}
	gone, err := users.Add(t.Context(), "gone@aliaport.example", "Ayrılan", "", actor.RoleAdmin)
	if err != nil {
		t.Fatal(err)
	}
	db.User.UpdateOne(gone).SetIsActive(false).ExecX(t.Context())
	return ids
}

func as(ctx context.Context, id int64) context.Context {
	return actor.With(ctx, actor.New(id, "", "Deniz", nil, nil))
}

func publish(ctx context.Context, t testing.TB, db *store.DB, events ...notification.Event) (told int) {
	t.Helper()
	err := db.InTx(ctx, func(tx *ent.Tx) (err error) {
		told, err = notification.Publish(ctx, tx, noon, events...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func submitted(key string, n int64) notification.Event {
	return notification.Event{
		Kind: notificationevent.KindWorkOrderSubmitted, Key: key, Entity: "WorkOrder", EntityID: n,
		Data: map[string]any{"woNumber": "WO-2026-00001", "subject": "Vinç & <kaldırma>", "cariTitle": "Özgür Gemicilik", "by": "Deniz"},
	}
}

func TestEveryKindHasItsWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, "sqlite3")
	people(t, db)
	for _, kind := range allKinds(t) {
		publish(t.Context(), t, db, notification.Event{Kind: kind, Key: "1", Data: map[string]any{"plannedAt": notification.Instant(noon), "day": "2026-03-01"}})
	}
	for _, e := range db.NotificationEvent.Query().AllX(t.Context()) {
		for _, lang := range []apperr.Lang{apperr.Turkish, apperr.English} {
			title, text := notification.Title(e, lang), notification.Text(e, lang)
			if title == "" || text == "" || strings.ContainsAny(title+text, "{}") {
				t.Errorf("%s is told as %q, %q", e.Kind, title, text)
			}
		}
		if strings.Contains(notification.Text(e, apperr.Turkish), "2026-03-02T") {
			t.Errorf("%s tells an instant as %q", e.Kind, notification.Text(e, apperr.Turkish))
		}
	}
	// A blob could neither be proven nor copied to another database.
	if kept := aliatest.Rows(t, db.Reader(), "SELECT DISTINCT typeof(data) FROM notification_events"); fmt.Sprint(kept) != "[[text]]" {
		t.Errorf("data are kept as %v", kept)
	}
	late := db.NotificationEvent.Query().Where(notificationevent.KindEQ(notificationevent.KindTripDelayed)).OnlyX(t.Context())
	if text := notification.Text(late, apperr.Turkish); !strings.Contains(text, "02.03.2026 12:00") {
		t.Errorf("the time of the port is missing: %q", text)
	}
}

func allKinds(t *testing.T) (all []notificationevent.Kind) {
	t.Helper()
	for _, name := range []string{
		"WORK_ORDER_CREATED", "WORK_ORDER_SUBMITTED", "WORK_ORDER_APPROVED", "WORK_ORDER_REJECTED", "WORK_ORDER_STARTED", "WORK_ORDER_COMPLETED",
		"WORK_ORDER_INVOICED", "WORK_ORDER_OVERDUE", "TRIP_DELAYED", "TRIP_NOT_DEPARTED", "VEHICLE_OVER_4H", "GATE_EXCEPTION", "RATE_SYNC_FAILED",
		"RATE_JUMP", "PRICE_LIST_EXPIRING", "BACKUP_FAILED", "JOB_FAILED", "MONTHLY_REPORT_READY",
	} {
		if err := notificationevent.KindValidator(notificationevent.Kind(name)); err != nil || !notification.IsKind(name) {
			t.Errorf("%s: %v", name, err)
		}
		all = append(all, notificationevent.Kind(name))
	}
	return all
}

// toldOf are the users in whose lists an event is.
func toldOf(t *testing.T, db *store.DB, key string) (users []int64) {
	t.Helper()
	for _, n := range db.Notification.Query().Where(entnotification.HasEventWith(notificationevent.DedupeKey(key))).AllX(t.Context()) {
		users = append(users, n.UserID)
	}
	slices.Sort(users)
	return users
}

func TestThoseAreToldWhomItConcernsAndOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ids := people(t, db)
		ctx := as(t.Context(), ids[actor.RoleOperations])
		if n := publish(ctx, t, db, submitted("1", 1), submitted("2", 2), submitted("1", 1)); n != 2 {
			t.Errorf("%d of two events were told", n)
		}
		// Those who may approve, but not the one who did it, nor the one who has left.
		if got := toldOf(t, db, "WORK_ORDER_SUBMITTED:1"); !slices.Equal(got, []int64{ids[actor.RoleAdmin]}) {
			t.Errorf("told are %v of %v", got, ids)
		}
		if n := publish(t.Context(), t, db, submitted("1", 1)); n != 0 {
			t.Error("told again")
		}
		done := notification.Event{Kind: notificationevent.KindWorkOrderCompleted, Key: "3", User: ids[actor.RoleFinance]}
		publish(t.Context(), t, db, done)
		if got := toldOf(t, db, "WORK_ORDER_COMPLETED:3"); !slices.Equal(got, []int64{ids[actor.RoleAdmin], ids[actor.RoleFinance]}) {
			t.Errorf("one who is told for two reasons: %v of %v", got, ids)
		}
		own := notification.Event{Kind: notificationevent.KindWorkOrderApproved, Key: "4", User: ids[actor.RoleOperations]}
		publish(ctx, t, db, own)
		if got := toldOf(t, db, "WORK_ORDER_APPROVED:4"); len(got) != 0 {
			t.Errorf("one's own deed is told: %v", got)
		}
		errUndone := errors.New("undone")
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			if _, err := notification.Publish(t.Context(), tx, noon, submitted("5", 5)); err != nil {
				return err
			}
			return errUndone
		})
		if !errors.Is(err, errUndone) || db.NotificationEvent.Query().Where(notificationevent.DedupeKey("WORK_ORDER_SUBMITTED:5")).ExistX(t.Context()) {
			t.Errorf("what was undone is told: %v", err)
		}
	})
}

func TestTheNumberOfStatementsDoesNotGrow(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		counts := map[int]int{}
		for round, n := range []int{1, 150} {
			var events []notification.Event
			for i := range n {
				events = append(events, submitted(fmt.Sprintf("%d-%d", round, i), int64(i)))
			}
			stats := &store.Stats{}
			publish(store.WithStats(t.Context(), stats), t, db, events...)
			counts[n] = stats.Count()
		}
		if counts[1] != 2 || counts[150] != 2 {
			t.Errorf("statements by events: %v", counts)
		}
	})
}

func TestEverybodySeesTheirOwn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ids := people(t, db)
		for i := range 7 {
			publish(t.Context(), t, db, submitted(fmt.Sprint(i), int64(i)))
		}
		publish(t.Context(), t, db, notification.Event{Kind: notificationevent.KindRateJump, Key: "USD"})
		s := &notification.Service{DB: db, Now: func() time.Time { return noon }, Pages: page.NewCodec(make([]byte, 32)), PageLimits: page.Limits{Default: 50, Max: 100}}
		ctx := as(t.Context(), ids[actor.RoleOperations])
		list, err := s.List(ctx, notification.Filter{}, page.Args{})
		if err != nil || len(list.Nodes) != 7 {
			t.Fatalf("%d notifications: %v", len(list.Nodes), err)
		}
		first := globalid.ID{Type: "Notification", Key: list.Nodes[0].ID}
		if _, err := s.MarkRead(as(t.Context(), ids[actor.RoleField]), first); !apperr.Is(err, apperr.NotificationNotFound) {
			t.Errorf("somebody else marks it: %v", err)
		}
		if n, err := s.MarkRead(ctx, first); err != nil || n.ReadAt == nil {
			t.Errorf("marked: %v %v", n, err)
		}
		unread, jump := true, entnotification.KindRateJump
		for name, c := range map[string]struct {
			f    notification.Filter
			want int
		}{"unread": {notification.Filter{UnreadOnly: &unread}, 6}, "kind": {notification.Filter{Kind: &jump}, 0}} {
			list, err := s.List(ctx, c.f, page.Args{})
			if err != nil || len(list.Nodes) != c.want {
				t.Errorf("%s: %d, %v", name, len(list.Nodes), err)
				continue
			}
			if n, err := list.Count(ctx); err != nil || n != c.want {
				t.Errorf("%s: counted %d, %v", name, n, err)
			}
		}
		if _, err := s.List(ctx, notification.Filter{UnreadOnly: &unread, Kind: &jump}, page.Args{}); !apperr.Is(err, apperr.FilterNotIndexed) {
			t.Errorf("both: %v", err)
		}
		if n, err := s.UnreadCount(ctx); err != nil || n != 6 {
			t.Errorf("unread: %d %v", n, err)
		}
		before := noon.Add(-time.Second)
		if n, err := s.MarkAllRead(ctx, &before); err != nil || n != 0 {
			t.Errorf("marked before: %d %v", n, err)
		}
		if n, err := s.MarkAllRead(ctx, nil); err != nil || n != 6 {
			t.Errorf("marked: %d %v", n, err)
		}
		if n, err := s.UnreadCount(as(t.Context(), ids[actor.RoleAdmin])); err != nil || n != 8 {
			t.Errorf("those of others: %d %v", n, err)
		}
		if _, err := s.UnreadCount(t.Context()); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger: %v", err)
		}
	})
}

// post is a sender that keeps what it gets.
type post struct {
	mu   sync.Mutex
	got  map[string]int
	last *notification.Message
	// fail decides what becomes of a message.
	fail func(m *notification.Message) error
}

func (p *post) Send(_ context.Context, batch []*notification.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range batch {
		if p.fail != nil {
			m.Err = p.fail(m)
		}
		if p.got == nil {
			p.got = map[string]int{}
		}
		p.got[m.ID]++
		p.last = m
	}
}

// clock is moved by the test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func outbox(db *store.DB, c *clock, mail, hook notification.Sender) *notification.Outbox {
	return &notification.Outbox{DB: db, Now: c.now, Log: slog.New(slog.DiscardHandler), Mail: mail, Webhook: hook, Lang: apperr.Turkish}
}

func deliver(t *testing.T, o *notification.Outbox, channel notificationdelivery.Channel) int {
	t.Helper()
	if _, err := o.Dispatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	n, err := o.Deliver(t.Context(), channel)
	if _, away := errors.AsType[*notification.UnreachableError](err); err != nil && !away {
		t.Fatal(err)
	}
	return n
}

const (
	email = notificationdelivery.ChannelEmail
	hook  = notificationdelivery.ChannelWebhook
)

func TestServersShareTheWorkAndSendNothingTwice(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		const events = 450
		var all []notification.Event
		for i := range events {
			all = append(all, submitted(fmt.Sprint(i), int64(i)))
		}
		publish(t.Context(), t, db, all...)
		p, c := &post{}, &clock{at: noon}
		var g errgroup.Group
		for range 4 {
			g.Go(func() error {
				o := outbox(db, c, p, p)
				for {
					a, err := o.Dispatch(t.Context())
					b, err2 := o.Deliver(t.Context(), email)
					d, err3 := o.Deliver(t.Context(), hook)
					if err := errors.Join(err, err2, err3); err != nil || a+b+d == 0 {
						return err
					}
				}
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if want := 3 * events; len(p.got) != want { // two who may approve, and the webhook
			t.Errorf("%d messages of %d", len(p.got), want)
		}
		for id, n := range p.got {
			if n != 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
		if n := db.NotificationDelivery.Query().Where(notificationdelivery.StatusNEQ(notificationdelivery.StatusSent)).CountX(t.Context()); n != 0 {
			t.Errorf("%d are not sent", n)
		}
	})
}

func TestAMessageIsTriedFiveTimesUnderOneIDAndThenGivenUp(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		publish(t.Context(), t, db, submitted("1", 7))
		errNo := errors.New("the receiver answered 500")
		p, c := &post{fail: func(*notification.Message) error { return errNo }}, &clock{at: noon}
		o := outbox(db, c, nil, p)
		results := map[string]int{}
		o.Sent = func(_ notificationdelivery.Channel, result string) { results[result]++ }
		for range 20 {
			deliver(t, o, hook)
			deliver(t, o, hook) // not due
			c.move(time.Hour)
		}
		d := db.NotificationDelivery.Query().OnlyX(t.Context())
		if len(p.got) != 1 || p.got[p.last.ID] != 5 || d.Status != notificationdelivery.StatusFailed || d.LastError == nil || *d.LastError != errNo.Error() || d.FinishedAt == nil {
			t.Errorf("sent %v, kept as %v", p.got, d)
		}
		if results[notification.ResultRetry] != 4 || results[notification.ResultFailed] != 1 {
			t.Errorf("results %v", results)
		}
		var body struct {
			ID, Kind string
			Entity   struct{ Type string }
			Title    map[string]string
		}
		if err := json.Unmarshal([]byte(p.last.Body), &body); err != nil || body.ID != p.last.ID || body.Entity.Type != "WorkOrder" || body.Title["tr"] == "" {
			t.Errorf("posted %s: %v", p.last.Body, err)
		}
		// Somebody has mended the receiver.
		p.fail = nil
		s := &notification.Service{DB: db, Now: c.now}
		if _, err := s.Retry(as(t.Context(), 1), nil); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("retried by somebody: %v", err)
		}
		system := actor.With(t.Context(), actor.System("test"))
		other := &globalid.ID{Type: "NotificationDelivery", Key: d.ID + 1}
		if n, err := s.Retry(system, []*globalid.ID{other}); err != nil || n != 0 {
			t.Errorf("retried %d that are not there: %v", n, err)
		}
		if n, err := s.Retry(system, []*globalid.ID{other, {Type: "NotificationDelivery", Key: d.ID}}); err != nil || n != 1 {
			t.Errorf("retried %d: %v", n, err)
		}
		if n := deliver(t, o, hook); n != 1 || db.NotificationDelivery.Query().OnlyX(t.Context()).Status != notificationdelivery.StatusSent {
			t.Error("not sent after all")
		}
	})
}

func TestAReceiverThatIsAwayCostsNoTries(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		publish(t.Context(), t, db, submitted("1", 7))
		away := true
		p, c := &post{}, &clock{at: noon}
		p.fail = func(*notification.Message) error {
			if away {
				return &notification.UnreachableError{Err: errors.New("connection refused")}
			}
			return nil
		}
		o := outbox(db, c, nil, p)
		for range 30 {
			deliver(t, o, hook)
			c.move(time.Hour)
		}
		d := db.NotificationDelivery.Query().OnlyX(t.Context())
		if d.Status != notificationdelivery.StatusPending || d.Attempts != 0 {
			t.Fatalf("after a day: %v", d)
		}
		away = false
		deliver(t, o, hook)
		if d = db.NotificationDelivery.Query().OnlyX(t.Context()); d.Status != notificationdelivery.StatusSent {
			t.Errorf("when it is back: %v", d)
		}
	})
}

func TestWhatAKilledServerHeldIsSentByAnother(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		publish(t.Context(), t, db, submitted("1", 7))
		p, c := &post{}, &clock{at: noon}
		killed := outbox(db, c, nil, dying{})
		if _, err := killed.Dispatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			_, _ = killed.Deliver(t.Context(), hook)
		}()
		other := outbox(db, c, nil, p)
		if n := deliver(t, other, hook); n != 0 {
			t.Error("taken from a server that may still be sending")
		}
		c.move(3 * time.Minute)
		if n := deliver(t, other, hook); n != 1 || len(p.got) != 1 {
			t.Errorf("%d sent: %v", n, p.got)
		}
	})
}

// dying ends in the middle of sending.
type dying struct{}

func (dying) Send(context.Context, []*notification.Message) { panic("killed") }

func TestOnlyTheKindsThatWereChosenAreSentByMail(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ids := people(t, db)
		publish(t.Context(), t, db, submitted("1", 7), notification.Event{Kind: notificationevent.KindRateJump, Key: "USD"})
		db.User.UpdateOneID(ids[actor.RoleFinance]).SetIsActive(false).ExecX(t.Context())
		p, c := &post{}, &clock{at: noon}
		o := outbox(db, c, p, nil)
		o.MailKinds = []string{"RATE_JUMP"}
		deliver(t, o, email)
		if len(p.got) != 1 || p.last.To != "sistem_yoneticisi@aliaport.example" || p.last.Subject != "Kur sıçradı: –" {
			t.Errorf("sent %v, the last %+v", p.got, p.last)
		}
		if n := db.NotificationDelivery.Query().Where(notificationdelivery.StatusEQ(notificationdelivery.StatusFailed)).CountX(t.Context()); n != 1 {
			t.Errorf("%d to one who has left", n)
		}
	})
}

func TestLettersReachARealServer(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		publish(t.Context(), t, db, submitted("1", 7))
		server := aliatest.NewMailServer(t)
		ctx, stop := context.WithCancel(t.Context())
		o := outbox(db, &clock{at: noon}, realMail(t, server.URL), nil)
		done := make(chan struct{})
		go func() { defer close(done); o.Run(ctx) }()
		for range 1000 {
			if len(server.Letters()) == 2 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		<-done
		letters := server.Letters()
		if len(letters) != 2 {
			t.Fatalf("%d letters", len(letters))
		}
		if l := letters[0]; l.Subject != "Onay bekleyen iş emri: WO-2026-00001" || !strings.HasPrefix(l.Text, "Deniz, Özgür Gemicilik için bir iş emrini onaya gönderdi: Vinç & <kaldırma>\n") {
			t.Errorf("a letter says %q %q", l.Subject, l.Text)
		}
	})
}

func TestOldNewsIsSweptWithAllThatBelongsToIt(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		people(t, db)
		publish(t.Context(), t, db, submitted("1", 7), submitted("2", 8))
		db.NotificationEvent.Create().SetDedupeKey("old").SetUID("x").SetKind(notificationevent.KindRateJump).SetSeverity(notificationevent.SeverityInfo).SetCreatedAt(noon.AddDate(-1, 0, 0)).ExecX(t.Context())
		deliver(t, outbox(db, &clock{at: noon}, nil, &post{}), hook)
		if n, err := notification.Sweep(t.Context(), db, noon.AddDate(0, 0, -90)); n != 1 || err != nil {
			t.Errorf("%d swept: %v", n, err)
		}
		if n, err := notification.Sweep(t.Context(), db, noon.Add(time.Second)); n != 2 || err != nil {
			t.Errorf("%d swept: %v", n, err)
		}
		if a, b := db.Notification.Query().CountX(t.Context()), db.NotificationDelivery.Query().CountX(t.Context()); a+b != 0 {
			t.Errorf("%d notifications and %d deliveries are left", a, b)
		}
	})
}
