package idempotency_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/idempotency"
	"aliaport/internal/store"
)

// ttl is how long a key is kept.
const ttl = 24 * time.Hour

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key  = "2f6c1a"
)

// request is one create that a client sends.
type request struct {
	user      int64
	at        time.Time
	key       *string
	operation string
	input     any
}

// first is what the others repeat.
var first = request{7, noon, &key, "createWorkOrder", map[string]any{"subject": "vinç"}}

func (r request) send(ctx context.Context, db *store.DB, create func() (int64, error)) (id int64, err error) {
	ctx = actor.With(ctx, actor.New(r.user, "", "", nil, nil))
	err = db.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, r.at, ttl, r.key, r.operation, r.input, create)
		return err
	})
	return id, err
}

func TestOnce(t *testing.T) {
	t.Parallel()
	with := func(change func(*request)) request {
		r := first
		change(&r)
		return r
	}
	for name, c := range map[string]struct {
		again   request
		want    int64 // 1: the first result, 2: one of its own
		refused apperr.Code
	}{
		"the same again gives the first result":        {first, 1, ""},
		"the same a second before the end of the time": {with(func(r *request) { r.at = noon.Add(ttl - time.Second) }), 1, ""},
		"the same at the very end of the time":         {with(func(r *request) { r.at = noon.Add(ttl) }), 1, ""},
		"the same after the time makes another":        {with(func(r *request) { r.at = noon.Add(ttl + time.Microsecond) }), 2, ""},
		"another input after the time makes another":   {with(func(r *request) { r.at, r.input = noon.Add(2*ttl), "other" }), 2, ""},
		"an equal input in another form": {with(func(r *request) {
			r.input = struct {
				Subject string `json:"subject"`
			}{"vinç"}
		}), 1, ""},
		"another input is refused":          {with(func(r *request) { r.input = map[string]any{"subject": "Vinç"} }), 0, apperr.IdempotencyKeyReused},
		"no input is another input":         {with(func(r *request) { r.input = nil }), 0, apperr.IdempotencyKeyReused},
		"another operation is refused":      {with(func(r *request) { r.operation = "addWorkOrderItem" }), 0, apperr.IdempotencyKeyReused},
		"another user may use the same key": {with(func(r *request) { r.user = 8 }), 2, ""},
		"another key makes another":         {with(func(r *request) { r.key = new("2f6c1b") }), 2, ""},
		"no key makes another":              {with(func(r *request) { r.key = nil }), 2, ""},
		"keys differ in case":               {with(func(r *request) { r.key = new("2F6C1A") }), 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				var made int64
				create := func() (int64, error) { made++; return made, nil }
				if id, err := first.send(t.Context(), db, create); id != 1 || err != nil {
					t.Fatalf("the first: %d, error %v", id, err)
				}
				id, err := c.again.send(t.Context(), db, create)
				if id != c.want || made != max(1, c.want) {
					t.Errorf("got %d, made %d; want %d", id, made, c.want)
				}
				if c.refused != "" && !apperr.Is(err, c.refused) || c.refused == "" && err != nil {
					t.Errorf("error %v, want %q", err, c.refused)
				}
				if c.want != 2 || c.again.key == nil {
					return
				}
				if id, err := c.again.send(t.Context(), db, create); id != 2 || err != nil {
					t.Errorf("the second result is not kept: %d, error %v", id, err)
				}
			})
		})
	}
}

func TestFailedCreateLeavesTheKeyFree(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		refused := errors.New("refused")
		if _, err := first.send(t.Context(), db, func() (int64, error) { return 0, refused }); !errors.Is(err, refused) {
			t.Fatalf("error %v", err)
		}
		other := first
		other.input = "mended"
		if id, err := other.send(t.Context(), db, func() (int64, error) { return 5, nil }); id != 5 || err != nil {
			t.Errorf("after the failure: %d, error %v", id, err)
		}
		if n := db.IdempotencyKey.Query().CountX(t.Context()); n != 1 {
			t.Errorf("%d keys are kept", n)
		}
	})
}

func TestWithoutAKeyNothingIsKept(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := first
		r.key, r.input = nil, make(chan int) // not even looked at
		if id, err := r.send(t.Context(), db, func() (int64, error) { return 5, nil }); id != 5 || err != nil {
			t.Errorf("got %d, error %v", id, err)
		}
		if n := db.IdempotencyKey.Query().CountX(t.Context()); n != 0 {
			t.Errorf("%d keys are kept", n)
		}
	})
}

func TestInputThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		r := first
		r.input = make(chan int)
		_, err := r.send(t.Context(), db, func() (int64, error) { t.Error("created all the same"); return 0, nil })
		if _, refusal := apperr.All(err); err == nil || refusal {
			t.Errorf("error %v, want one that is no refusal", err)
		}
	})
}

func TestOfManyAtOnceOneCreates(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		var made atomic.Int64
		var g errgroup.Group
		ids := make([]int64, 12)
		for i := range ids {
			g.Go(func() (err error) {
				ids[i], err = first.send(t.Context(), db, func() (int64, error) { return made.Add(1), nil })
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		if made.Load() != 1 {
			t.Errorf("created %d times", made.Load())
		}
		for _, id := range ids {
			if id != 1 {
				t.Errorf("the requests got %v", ids)
				break
			}
		}
	})
}
