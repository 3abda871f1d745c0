package notification

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"aliaport/ent"
	"aliaport/ent/notificationevent"
	"aliaport/internal/actor"
)

// Event is what is to be told. Who is told by right, and how urgently, its kind says.
type Event struct {
	Kind notificationevent.Kind
	// Key tells the event from others of its kind: what has been told under it is not
	// told again.
	Key string
	// Entity and EntityID name the record that it is about, as in global ids.
	Entity   string
	EntityID int64
	// Data fills the texts. Instants are written with Instant, under names that end in At.
	Data map[string]any
	// User is told whatever their rights; 0: nobody but those with the right.
	User int64
}

// maxTogether bounds the parameters of a statement.
const maxTogether = 200

// Publish tells the events in the caller's transaction, those that have not been told
// before, and returns how many these were. Never told is the one who did it: they
// know. The number of statements does not depend on the number of recipients.
func Publish(ctx context.Context, tx *ent.Tx, now time.Time, events ...Event) (told int, err error) {
	for len(events) > 0 {
		n := min(len(events), maxTogether)
		m, err := publish(ctx, tx, now, events[:n])
		if err != nil {
			return told, fmt.Errorf("notify of %s: %w", events[0].Kind, err)
		}
		told, events = told+m, events[n:]
	}
	return told, nil
}

func publish(ctx context.Context, tx *ent.Tx, now time.Time, events []Event) (told int, err error) {
	fresh, err := insertEvents(ctx, tx, now, events)
	if err != nil {
		return 0, err
	}
	// Events of one right, and of one user, are handed out together.
	byRight, byUser := map[actor.Permission][]int64{}, map[int64][]int64{}
	for _, e := range events {
		id, ok := fresh[dedupeKey(e)]
		if !ok {
			continue
		}
		delete(fresh, dedupeKey(e)) // the same event twice in one call
		told++
		if to := kinds[e.Kind].to; to != "" {
			byRight[to] = append(byRight[to], id)
		}
		if e.User != 0 {
			byUser[e.User] = append(byUser[e.User], id)
		}
	}
	for right, ids := range byRight {
		err := handOut(ctx, tx, ids, `u.id <> $1 AND EXISTS (SELECT 1 FROM user_roles ur
			JOIN role_permissions rp ON rp.role_id = ur.role_id JOIN permissions p ON p.id = rp.permission_id
			WHERE ur.user_id = u.id AND p.name = $2)`, who(ctx), string(right))
		if err != nil {
			return 0, err
		}
	}
	for user, ids := range byUser {
		if user == who(ctx) {
			continue
		}
		if err := handOut(ctx, tx, ids, "u.id = $1", user); err != nil {
			return 0, err
		}
	}
	return told, nil
}

// who is the user who asks; 0 for the system.
func who(ctx context.Context) int64 {
	if a := actor.From(ctx); a != nil {
		return a.ID
	}
	return 0
}

// insertEvents stores the events whose keys are new, and returns their ids by key.
func insertEvents(ctx context.Context, tx *ent.Tx, now time.Time, events []Event) (fresh map[string]int64, err error) {
	var b strings.Builder
	b.WriteString("INSERT INTO notification_events (dedupe_key, uid, kind, severity, data, entity_type, entity_id, created_at) VALUES ")
	const width = 8
	args := make([]any, 0, width*len(events))
	for i, e := range events {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(")
		for j := range width {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", i*width+j+1)
		}
		b.WriteString(")")
		var data, entity, id any
		if len(e.Data) > 0 {
			text, err := json.Marshal(e.Data)
			if err != nil {
				return nil, err
			}
			data = string(text) // bytes would be a blob on SQLite
		}
		if e.Entity != "" {
			entity, id = e.Entity, e.EntityID
		}
		args = append(args, dedupeKey(e), uuid.NewString(), string(e.Kind), string(kinds[e.Kind].severity), data, entity, id, now)
	}
	b.WriteString(" ON CONFLICT (dedupe_key) DO NOTHING RETURNING id, dedupe_key")
	rows, err := tx.QueryContext(ctx, b.String(), args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	fresh = map[string]int64{}
	for rows.Next() {
		var id int64
		var key string
		if err := rows.Scan(&id, &key); err != nil {
			return nil, err
		}
		fresh[key] = id
	}
	return fresh, rows.Err()
}

// handOut puts events into the lists of the active users of whom the condition holds.
// A user who is found twice keeps the first. SQLite counts marks in the order of the
// text: those of the condition come first.
func handOut(ctx context.Context, tx *ent.Tx, ids []int64, condition string, args ...any) error {
	args, marks := marked(args, ids)
	_, err := tx.ExecContext(ctx, `INSERT INTO notifications (event_id, user_id, kind, created_at)
		SELECT e.id, u.id, e.kind, e.created_at FROM notification_events e CROSS JOIN users u
		WHERE u.is_active AND `+condition+` AND e.id IN (`+marks+`) ORDER BY e.id, u.id
		ON CONFLICT (event_id, user_id) DO NOTHING`, args...)
	return err
}

// keysOf reads a column of keys.
func keysOf(rows *sql.Rows, err error) (keys []int64, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var key int64
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}
