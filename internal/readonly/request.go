package readonly

import (
	"context"
	"sync"
	"time"

	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

// retryAfter is when clients are told to try again: a switch is meant for seconds.
const retryAfter = 2 * time.Second

// Refusal is the error of what cannot be done while the database is read only.
func Refusal() *apperr.Error {
	e := apperr.New(apperr.ReadOnly)
	e.RetryAfter = retryAfter
	return e
}

// moment is what a request knows of the state: as it was when the request began.
type moment struct {
	mu        sync.Mutex // protects the fields below
	known, on bool
}

type momentKey struct{}

// With lets a request remember the state.
func With(ctx context.Context) context.Context {
	return context.WithValue(ctx, momentKey{}, &moment{})
}

// Seen tells the request the state that was read with something else.
func Seen(ctx context.Context, on bool) {
	if m, ok := ctx.Value(momentKey{}).(*moment); ok {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.known, m.on = true, on
	}
}

// Refuse is a Refusal when the database is read only. It asks the database unless the
// request knows.
func Refuse(ctx context.Context, db *store.DB) error {
	m, ok := ctx.Value(momentKey{}).(*moment)
	if !ok {
		m = &moment{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known {
		s, err := Get(ctx, db)
		if err != nil {
			return err
		}
		m.known, m.on = true, s.On
	}
	if m.on {
		return Refusal()
	}
	return nil
}
