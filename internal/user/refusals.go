package user

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// maxRefusals bounds what is remembered within a minute; what goes beyond shares
// one line.
const maxRefusals = 1000

// Refusals writes refused logins to the trail: the first of an address and account
// in a minute at once, the others of that minute as one line with their number, so
// that a flood of guesses cannot fill the table.
type Refusals struct {
	DB  *store.DB
	Now func() time.Time
	Log *slog.Logger

	mu      sync.Mutex // protects all fields below
	minute  time.Time
	counted map[refusal]int // after the first
}

// refusal is what is counted together.
type refusal struct{ ip, account string }

// others stands for the accounts beyond maxRefusals.
var others = refusal{account: "others"}

// Note takes note of a refused login. What cannot be written is logged: the login
// is refused all the same.
func (r *Refusals) Note(ctx context.Context, email string) {
	if r == nil {
		return
	}
	k := refusal{actor.RequestFrom(ctx).IP, shownAccount(email)}
	if due, first := r.count(k); len(due) > 0 || first {
		if first {
			due[k]++
		}
		r.write(ctx, due)
	}
}

// count adds to the minute. It returns what is due from the minute before, and
// whether this is the first of its kind.
func (r *Refusals) count(k refusal) (due map[refusal]int, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	due = map[refusal]int{}
	if now := r.Now().Truncate(time.Minute); !now.Equal(r.minute) {
		due = r.take()
		r.minute = now
	}
	if _, seen := r.counted[k]; !seen && len(r.counted) >= maxRefusals {
		k = others
	}
	if _, seen := r.counted[k]; !seen {
		r.counted[k] = 0
		return due, true
	}
	r.counted[k]++
	return due, false
}

// take empties the minute. The caller holds mu.
func (r *Refusals) take() map[refusal]int {
	due := map[refusal]int{}
	for k, n := range r.counted {
		if n > 0 {
			due[k] = n
		}
	}
	r.counted = map[refusal]int{}
	return due
}

// Flush writes what has been counted so far; before the server stops, and once a
// minute.
func (r *Refusals) Flush(ctx context.Context) {
	r.mu.Lock()
	due := r.take()
	r.mu.Unlock()
	r.write(ctx, due)
}

func (r *Refusals) write(ctx context.Context, due map[refusal]int) {
	if len(due) == 0 {
		return
	}
	err := r.DB.InTx(ctx, func(tx *ent.Tx) error {
		for k, n := range due {
			req := *actor.RequestFrom(ctx)
			req.IP = k.ip
			err := audit.Record(actor.WithRequest(ctx, &req), tx, r.Now(), audit.Event{
				Action: audit.LoginFailed, Resource: audit.Auth, Outcome: audit.Denied, Code: apperr.InvalidCredentials,
				Extra: map[string]any{"account": k.account, "count": n},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.Log.ErrorContext(ctx, "refused logins not recorded", "kinds", len(due), "err", err)
	}
}

// shownAccount is the account as the trail shows it. What is no e-mail address may
// be a password in the wrong field, and is not kept.
func shownAccount(email string) string {
	email = normalEmail(email)
	if !looksLikeEmail(email) {
		return "***"
	}
	return audit.Clip(email, maxEmail)
}

const maxEmail = 100

// looksLikeEmail is a rough check: one @ with something before it and a dot after it.
func looksLikeEmail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	return ok && name != "" && !strings.Contains(host, "@") && strings.Contains(strings.Trim(host, "."), ".") &&
		!strings.ContainsAny(s, " \t\r\n<>\"") && len(s) <= maxEmail
}
