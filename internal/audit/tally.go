package audit

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/store"
)

// maxTallied bounds what is remembered within a minute; what goes beyond shares one
// line.
const maxTallied = 1000

// writeTimeout is how long a line may take that is written after the request.
const writeTimeout = 5 * time.Second

// Tally writes lines that may come in floods, refused logins and denied fields: the
// first of its kind in a minute at once, the others of that minute as one line with
// their number, so that a flood neither fills the table nor is lost.
type Tally struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger

	mu      sync.Mutex // protects all fields below
	minute  time.Time
	counted map[kind]*tallied
}

// kind is what is counted together.
type kind struct {
	user     int64
	ip, what string
}

// tallied is how often something came after its first time, and how it came first.
type tallied struct {
	ctx   context.Context //nolint:containedctx // who asked and how, without the request's end
	event Event
	more  int
}

// Note counts the event under the words that tell it from others of the same user
// and address. What cannot be written is logged and tried again with the next minute.
func (t *Tally) Note(ctx context.Context, what string, e Event) {
	if t == nil {
		return
	}
	k := kind{ip: actor.RequestFrom(ctx).IP, what: what}
	if who := actor.From(ctx); who != nil {
		k.user = who.ID
	}
	ctx = context.WithoutCancel(ctx)
	due, first := t.count(k, ctx, e)
	t.write(due)
	if first {
		t.write(map[kind]*tallied{k: {ctx, e, 1}})
	}
}

// count adds to the minute. It returns what is due from the minute before, and
// whether this is the first of its kind.
func (t *Tally) count(k kind, ctx context.Context, e Event) (due map[kind]*tallied, first bool) { //nolint:revive // the context is kept, not used
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.Now().Truncate(time.Minute); !now.Equal(t.minute) {
		due, t.minute = t.take(), now
		t.counted = map[kind]*tallied{}
	}
	if _, seen := t.counted[k]; !seen && len(t.counted) >= maxTallied {
		k = kind{what: "others"}
	}
	if c, seen := t.counted[k]; seen {
		c.more++
		return due, false
	}
	t.counted[k] = &tallied{ctx: ctx, event: e}
	return due, true
}

// take empties the counts but not the kinds of the minute. The caller holds mu.
func (t *Tally) take() map[kind]*tallied {
	due := map[kind]*tallied{}
	for k, c := range t.counted {
		if c.more > 0 {
			copied := *c
			due[k], c.more = &copied, 0
		}
	}
	return due
}

// Flush writes what has been counted so far: once a minute, and before the server
// stops.
func (t *Tally) Flush() {
	t.mu.Lock()
	due := t.take()
	t.mu.Unlock()
	t.write(due)
}

func (t *Tally) write(due map[kind]*tallied) {
	for k, c := range due {
		ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
		e := c.event
		e.Extra = maps.Clone(e.Extra)
		if e.Extra == nil {
			e.Extra = map[string]any{}
		}
		e.Extra["count"] = c.more
		err := t.DB.InTx(ctx, func(tx *ent.Tx) error { return Record(ctx, tx, t.Now(), e) })
		switch {
		case err == nil:
		case store.Classify(err).Kind == store.ReadOnly: // it waits until it can be written
			t.Log.InfoContext(ctx, "event waits to be recorded: the database is read only", "action", e.Action, "what", k.what, "user", k.user, "count", c.more)
			t.putBack(k, c)
		default:
			t.Log.ErrorContext(ctx, "event not recorded", "action", e.Action, "what", k.what, "count", c.more, "err", err)
			t.putBack(k, c)
		}
		cancel()
	}
}

// putBack counts again what could not be written.
func (t *Tally) putBack(k kind, c *tallied) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted == nil {
		t.counted = map[kind]*tallied{}
	}
	if now, ok := t.counted[k]; ok {
		now.more += c.more
		return
	}
	t.counted[k] = c
}
