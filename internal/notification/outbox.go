package notification

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"github.com/google/uuid"

	"aliaport/ent"
	"aliaport/ent/notificationdelivery"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
)

// Message is what a sender takes out of the house.
type Message struct {
	ID      string // stays the same however often it is sent
	To      string // address of an e-mail
	Name    string // of its recipient
	Subject string
	Body    string
	// Err is what the sender notes: nil when it has arrived.
	Err error
}

// Sender takes messages out of the house and notes with each how it went.
type Sender interface {
	Send(ctx context.Context, batch []*Message)
}

// RefusedError is an answer that no repetition will change.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

func (e *RefusedError) Unwrap() error { return e.Err }

// UnreachableError means that nobody answered: no try of the message itself.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return e.Err.Error() }

func (e *UnreachableError) Unwrap() error { return e.Err }

const (
	// maxTries is how often a message is tried before it is given up.
	maxTries = 5
	// maxAge is for how long an address that cannot be reached is tried.
	maxAge = 3 * 24 * time.Hour
	// lease is how long a server may take to send a batch before another takes it up;
	// sendTime is shorter.
	lease    = 2 * time.Minute
	sendTime = 90 * time.Second
	// finishTime is how long writing down what became of a batch may take, even when the
	// server is stopping.
	finishTime = 10 * time.Second
	// batchSize is how many messages are claimed together.
	batchSize = 100
	// Poll is how often an idle server looks for new messages.
	Poll = 500 * time.Millisecond
	// sulk is how long a channel rests when nobody answers.
	sulk = 5 * time.Second
	// workers send at once on each channel, in this server.
	workers = 2
)

// Outbox sends what is to leave the house. Any number of servers may do so at once:
// a message belongs to the one that claimed it, for the time of the lease. What a
// killed server had claimed is sent again, under the same id.
//
// It is a loop of its own and no job of the queue: that looks once a second and does
// about 50 jobs a second, a statement or more for each; this claims and finishes a
// hundred messages with two statements, and sends them over one connection.
type Outbox struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger
	// Mail and Webhook are the ways out; nil: there is none.
	Mail, Webhook Sender
	// MailKinds are the kinds that are sent by e-mail; empty: all of them.
	MailKinds []string
	Lang      apperr.Lang // of e-mails
	// Reset writes the e-mail of a password reset.
	Reset func(*ent.PasswordReset, apperr.Lang) (subject, body string)
	// Sent, unless nil, is told what became of each message.
	Sent func(channel notificationdelivery.Channel, result string)
}

// Results that Sent is told.
const (
	ResultSent   = "sent"
	ResultRetry  = "retry"
	ResultFailed = "failed"
)

// Run sends until ctx ends.
func (o *Outbox) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { o.loop(ctx, o.Dispatch) })
	for channel, sender := range map[notificationdelivery.Channel]Sender{notificationdelivery.ChannelEmail: o.Mail, notificationdelivery.ChannelWebhook: o.Webhook} {
		if sender == nil {
			continue
		}
		for range workers {
			all.Go(func() { o.loop(ctx, func(ctx context.Context) (int, error) { return o.Deliver(ctx, channel) }) })
		}
	}
	all.Wait()
}

// loop works as long as there is something, and looks again after a while.
func (o *Outbox) loop(ctx context.Context, work func(context.Context) (int, error)) {
	for ctx.Err() == nil {
		n, err := work(ctx)
		pause := Poll
		switch _, away := errors.AsType[*UnreachableError](err); {
		case away:
			o.Log.WarnContext(ctx, "notifications not delivered", "err", err)
			pause = sulk
		case store.Classify(err).Kind == store.ReadOnly: // they wait
			pause = sulk
		case err != nil && ctx.Err() == nil:
			o.Log.ErrorContext(ctx, "notifications not delivered", "err", err)
			pause = sulk
		case n > 0:
			continue
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter is no secret
		case <-ctx.Done():
		}
	}
}

// dispatchBatch is how many events get their deliveries in one transaction.
const dispatchBatch = 200

// Dispatch writes the deliveries of events that have none yet, and returns for how many
// events it did.
func (o *Outbox) Dispatch(ctx context.Context) (n int, err error) {
	some, err := o.any(ctx, "SELECT EXISTS (SELECT 1 FROM notification_events WHERE dispatched_at IS NULL)")
	if err != nil || !some {
		return 0, err
	}
	err = o.DB.InTx(ctx, func(tx *ent.Tx) error {
		now := o.Now()
		ids, err := keysOf(tx.QueryContext(ctx, "SELECT id FROM notification_events WHERE dispatched_at IS NULL ORDER BY id LIMIT $1"+o.skipLocked(), dispatchBatch))
		if n = len(ids); err != nil || n == 0 {
			return err
		}
		args, marks := marked([]any{now}, ids)
		write := func(text string, args ...any) {
			if err == nil {
				_, err = tx.ExecContext(ctx, text, args...)
			}
		}
		if o.Mail != nil {
			kinds, all := "", args
			if len(o.MailKinds) > 0 {
				var list string
				all, list = marked(args, o.MailKinds)
				kinds = " AND kind IN (" + list + ")"
			}
			write(`INSERT INTO notification_deliveries (event_id, user_id, channel, status, attempts, next_at, created_at)
				SELECT event_id, user_id, 'EMAIL', 'PENDING', 0, CAST($1 AS `+o.instant()+`), CAST($1 AS `+o.instant()+`)
				FROM notifications WHERE event_id IN (`+marks+`)`+kinds, all...)
		}
		if o.Webhook != nil {
			write(`INSERT INTO notification_deliveries (event_id, channel, status, attempts, next_at, created_at)
				SELECT id, 'WEBHOOK', 'PENDING', 0, CAST($1 AS `+o.instant()+`), CAST($1 AS `+o.instant()+`)
				FROM notification_events WHERE id IN (`+marks+`)`, args...)
		}
		write("UPDATE notification_events SET dispatched_at = $1 WHERE id IN ("+marks+")", args...)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("dispatch notifications: %w", err)
	}
	return n, nil
}

// instant is the type of an instant in a cast. SQLite keeps the text that it is given.
func (o *Outbox) instant() string {
	if o.DB.Dialect() == dialect.Postgres {
		return "timestamptz"
	}
	return "TEXT"
}

// skipLocked leaves to others what they hold. On SQLite there is one writer.
func (o *Outbox) skipLocked() string {
	if o.DB.Dialect() == dialect.Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

func (o *Outbox) any(ctx context.Context, query string, args ...any) (some bool, err error) {
	if err := o.DB.Reader().QueryRowContext(ctx, query, args...).Scan(&some); err != nil {
		return false, fmt.Errorf("look for notifications: %w", err)
	}
	return some, nil
}

// Deliver claims a batch of messages that are due on a channel, sends them, and returns
// how many they were. The error is that of the batch: messages have their own.
func (o *Outbox) Deliver(ctx context.Context, channel notificationdelivery.Channel) (n int, err error) {
	some, err := o.any(ctx, "SELECT EXISTS (SELECT 1 FROM notification_deliveries WHERE status = 'PENDING' AND channel = $1 AND next_at <= $2)", string(channel), o.Now())
	if err != nil || !some {
		return 0, err
	}
	claimed, err := o.claim(ctx, channel)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	messages := make([]*Message, len(claimed))
	var batch []*Message
	for i, d := range claimed {
		messages[i] = o.compose(d)
		if messages[i].Err == nil {
			batch = append(batch, messages[i])
		}
	}
	if len(batch) > 0 {
		sending, cancel := context.WithTimeout(ctx, sendTime)
		o.sender(channel).Send(sending, batch)
		cancel()
	}
	return len(claimed), o.finish(ctx, claimed, messages)
}

func (o *Outbox) sender(channel notificationdelivery.Channel) Sender {
	if channel == notificationdelivery.ChannelWebhook {
		return o.Webhook
	}
	return o.Mail
}

// claim takes messages for the time of the lease.
func (o *Outbox) claim(ctx context.Context, channel notificationdelivery.Channel) (claimed []*ent.NotificationDelivery, err error) {
	var ids []int64
	err = o.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		now := o.Now()
		ids, err = keysOf(tx.QueryContext(ctx, `UPDATE notification_deliveries SET next_at = $1, attempts = attempts + 1 WHERE id IN (
			SELECT id FROM notification_deliveries WHERE status = 'PENDING' AND channel = $2 AND next_at <= $3
			ORDER BY next_at, id LIMIT $4`+o.skipLocked()+`) RETURNING id`, now.Add(lease), string(channel), now, batchSize))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim notifications: %w", err)
	}
	claimed, err = o.DB.NotificationDelivery.Query().Where(store.KeysIn(notificationdelivery.FieldID, ids)).
		WithEvent().WithUser().WithReset().Order(notificationdelivery.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read claimed notifications: %w", err)
	}
	return claimed, nil
}

var (
	errGone    = errors.New("the user is no longer active")
	errUseless = errors.New("the password reset was used or is over")
)

// resets is the name space of the ids of e-mails that carry a token.
var resets = uuid.NewSHA1(uuid.NameSpaceURL, []byte("aliaport:password-reset"))

// compose writes the message. What it notes as refused need not be sent.
func (o *Outbox) compose(d *ent.NotificationDelivery) *Message {
	m := &Message{}
	if u := d.Edges.User; d.Channel == notificationdelivery.ChannelEmail {
		if u == nil || !u.IsActive {
			m.Err = &RefusedError{errGone}
			return m
		}
		m.To, m.Name = u.Email, u.FullName
	}
	if r := d.Edges.Reset; r != nil {
		if r.UsedAt != nil || !r.ExpiresAt.After(o.Now()) {
			m.Err = &RefusedError{errUseless}
			return m
		}
		m.ID = uuid.NewSHA1(resets, []byte(r.TokenHash)).String()
		m.Subject, m.Body = o.Reset(r, o.Lang)
		return m
	}
	e := d.Edges.Event
	space, err := uuid.Parse(e.UID)
	if err != nil {
		m.Err = &RefusedError{fmt.Errorf("event %d: %w", e.ID, err)}
		return m
	}
	user := int64(0)
	if d.UserID != nil {
		user = *d.UserID
	}
	m.ID = uuid.NewSHA1(space, fmt.Appendf(nil, "%s:%d", d.Channel, user)).String()
	if d.Channel == notificationdelivery.ChannelWebhook {
		m.Body, m.Err = payload(m.ID, e)
		return m
	}
	m.Subject = Title(e, o.Lang)
	m.Body = letter(e, o.Lang)
	return m
}

// letter is the body of the e-mail about an event.
func letter(e *ent.NotificationEvent, lang apperr.Lang) string {
	closing := map[apperr.Lang]string{
		apperr.Turkish: "Bu e-posta Aliaport tarafından gönderilmiştir; yanıtlamayın.",
		apperr.English: "This e-mail was sent by Aliaport; please do not answer it.",
	}[lang]
	return Text(e, lang) + "\n\n-- \n" + closing + "\n"
}

// payload is the body of a webhook.
func payload(id string, e *ent.NotificationEvent) (string, error) {
	type texts struct {
		TR string `json:"tr"`
		EN string `json:"en"`
	}
	type entity struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	body := struct {
		ID         string          `json:"id"`
		Event      string          `json:"event"`
		Kind       string          `json:"kind"`
		Severity   string          `json:"severity"`
		OccurredAt time.Time       `json:"occurredAt"`
		Entity     *entity         `json:"entity"`
		Title      texts           `json:"title"`
		Message    texts           `json:"message"`
		Data       json.RawMessage `json:"data"`
	}{
		ID: id, Event: e.UID, Kind: string(e.Kind), Severity: string(e.Severity), OccurredAt: e.CreatedAt.UTC(),
		Title:   texts{Title(e, apperr.Turkish), Title(e, apperr.English)},
		Message: texts{Text(e, apperr.Turkish), Text(e, apperr.English)},
		Data:    e.Data,
	}
	if len(body.Data) == 0 {
		body.Data = json.RawMessage("{}")
	}
	if key := EntityOf(e); key != nil {
		body.Entity = &entity{key.Type, key.String()}
	}
	text, err := json.Marshal(body)
	return string(text), err
}

// EntityOf is the record that the event is about; nil if there is none.
func EntityOf(e *ent.NotificationEvent) *globalid.ID {
	if e.EntityType == nil || e.EntityID == nil {
		return nil
	}
	return &globalid.ID{Type: *e.EntityType, Key: *e.EntityID}
}

// backOff are the pauses after the first, second … try, give or take a quarter.
var backOff = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute}

func after(tries int) time.Duration {
	pause := backOff[min(max(tries, 1), len(backOff))-1]
	return pause*3/4 + rand.N(pause/2) //nolint:gosec // jitter is no secret
}

// finish writes down what became of a batch.
func (o *Outbox) finish(ctx context.Context, claimed []*ent.NotificationDelivery, messages []*Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	now := o.Now()
	var away error
	results := make([]string, len(claimed))
	err := o.DB.InTx(ctx, func(tx *ent.Tx) error {
		away = nil
		var sent []int64
		for i, d := range claimed {
			err := messages[i].Err
			if err == nil {
				sent, results[i] = append(sent, d.ID), ResultSent
				continue
			}
			u := tx.NotificationDelivery.Update().Where(notificationdelivery.ID(d.ID), notificationdelivery.StatusEQ(notificationdelivery.StatusPending)).
				SetLastError(audit.Clip(strings.ToValidUTF8(err.Error(), "?"), 500))
			_, refused := errors.AsType[*RefusedError](err)
			unreachable, isAway := errors.AsType[*UnreachableError](err)
			switch {
			case refused, !isAway && d.Attempts >= maxTries, isAway && now.Sub(d.CreatedAt) > maxAge:
				results[i] = ResultFailed
				u.SetStatus(notificationdelivery.StatusFailed).SetFinishedAt(now)
			case isAway:
				results[i], away = ResultRetry, unreachable
				u.SetNextAt(now.Add(after(1))).SetAttempts(d.Attempts - 1)
			default:
				results[i] = ResultRetry
				u.SetNextAt(now.Add(after(d.Attempts)))
			}
			if err := u.Exec(ctx); err != nil {
				return err
			}
		}
		return tx.NotificationDelivery.Update().Where(store.KeysIn(notificationdelivery.FieldID, sent)).
			SetStatus(notificationdelivery.StatusSent).SetFinishedAt(now).ClearLastError().Exec(ctx)
	})
	if err != nil {
		return fmt.Errorf("note what became of %d notifications: %w", len(claimed), err)
	}
	for i, d := range claimed {
		if o.Sent != nil {
			o.Sent(d.Channel, results[i])
		}
		if results[i] == ResultFailed {
			o.Log.ErrorContext(ctx, "notification given up", "channel", d.Channel, "delivery", d.ID, "attempts", d.Attempts, "err", messages[i].Err)
		}
	}
	return away
}

// Waiting is how many messages of a channel are still to be delivered.
func Waiting(ctx context.Context, db *store.DB) (counts map[string]int, err error) {
	rows, err := db.Reader().QueryContext(ctx, "SELECT channel, COUNT(*) FROM notification_deliveries WHERE status = 'PENDING' GROUP BY channel")
	if err != nil {
		return nil, fmt.Errorf("count waiting notifications: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	counts = map[string]int{string(notificationdelivery.ChannelEmail): 0, string(notificationdelivery.ChannelWebhook): 0}
	for rows.Next() {
		var channel string
		var n int
		if err := rows.Scan(&channel, &n); err != nil {
			return nil, fmt.Errorf("count waiting notifications: %w", err)
		}
		counts[channel] = n
	}
	return counts, rows.Err()
}

// sweepBatch keeps each removal short for those who wait to write.
const sweepBatch = 500

// Sweep removes what was told before a moment, with its notifications and deliveries,
// and returns how many events these were.
func Sweep(ctx context.Context, db *store.DB, before time.Time) (removed int, err error) {
	for {
		n := int64(0)
		err := db.InTx(ctx, func(tx *ent.Tx) error {
			res, err := tx.ExecContext(ctx, `DELETE FROM notification_events WHERE id IN (
				SELECT id FROM notification_events WHERE created_at < $1 ORDER BY created_at LIMIT $2)`, before, sweepBatch)
			if err == nil {
				n, err = res.RowsAffected()
			}
			return err
		})
		removed += int(n)
		if err != nil || n < sweepBatch {
			return removed, err
		}
	}
}

// marked appends values to the arguments and returns their marks.
func marked[T any](args []any, values []T) (all []any, marks string) {
	all = append([]any{}, args...)
	list := make([]string, len(values))
	for i, v := range values {
		all = append(all, v)
		list[i] = fmt.Sprintf("$%d", len(all))
	}
	return all, strings.Join(list, ", ")
}
