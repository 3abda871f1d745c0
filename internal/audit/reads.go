package audit

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/store"
)

// ReadsKept says which reads the trail keeps.
type ReadsKept string

// What may be kept.
const (
	KeepNone      ReadsKept = "none"
	KeepSensitive ReadsKept = "sensitive" // searches of the trail, exports, personal data
	KeepAll       ReadsKept = "all"
)

// Reads writes the lines of reads: together, soon after the answer, so that reading
// stays fast. It holds a bounded number of lines. When they cannot be written as fast
// as they come, readers wait; no line is dropped. Lines that wait are lost only when
// the process is killed: those of the last Delay.
type Reads struct {
	DB    *store.DB
	Now   func() time.Time
	Log   *slog.Logger
	Keep  ReadsKept
	Queue int           // lines that may wait
	Batch int           // lines written together at most
	Delay time.Duration // how long a line waits for others

	once  sync.Once
	lines chan queued
	hurry chan struct{} // closed when the server stops: wait for nobody

	mu      sync.Mutex    // protects the fields below
	writing chan struct{} // closed when the writer has written all; nil while there is none
	hurried bool
	held    []queued // by the writer

	pending, written, waited, failures atomic.Int64

	waiting atomic.Bool // the database is read only
}

// queued is an event ready to be written.
type queued struct {
	event Event
	fill  func(*ent.AuditEventCreate)
	// Who read, and with which request: for the log.
	user    int64
	request string
}

func (r *Reads) init() {
	r.once.Do(func() {
		r.Queue, r.Batch = max(r.Queue, 1), max(r.Batch, 1)
		r.lines, r.hurry = make(chan queued, r.Queue), make(chan struct{})
	})
}

// Note keeps the event. It returns once there is room for it; an error means that it
// was not kept because the request ended first, and that its answer must not be given.
func (r *Reads) Note(ctx context.Context, e Event) error {
	r.init()
	e.Action = Read
	fill, err := e.fill(ctx, r.Now())
	if err != nil {
		return err
	}
	l := queued{event: e, fill: fill, request: actor.RequestFrom(ctx).ID}
	if who := actor.From(ctx); who != nil {
		l.user = who.ID
	}
	select {
	case r.lines <- l:
	default:
		r.waited.Add(1)
		select {
		case r.lines <- l:
		case <-ctx.Done():
			return fmt.Errorf("record a read of %s: %w", e.Resource, ctx.Err())
		}
	}
	r.pending.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writing == nil {
		r.writing = make(chan struct{})
		go r.write(context.WithoutCancel(ctx))
	}
	return nil
}

// write writes lines until there are none.
func (r *Reads) write(ctx context.Context) {
	for {
		batch := r.collect()
		r.hold(batch)
		for pause := 50 * time.Millisecond; len(batch) > 0; pause = min(2*pause, time.Second) {
			err := r.insert(ctx, batch)
			if err == nil {
				r.waiting.Store(false)
				break
			}
			if store.Classify(err).Kind == store.ReadOnly {
				r.await(ctx, len(batch))
				continue
			}
			r.failures.Add(1)
			r.Log.ErrorContext(ctx, "reads not recorded, trying again", "count", len(batch), "err", err)
			time.Sleep(pause)
		}
		r.hold(nil)
		r.written.Add(int64(len(batch)))
		r.pending.Add(-int64(len(batch)))
		r.mu.Lock()
		if len(r.lines) == 0 { // whoever comes now starts another writer
			close(r.writing)
			r.writing = nil
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

func (r *Reads) hold(batch []queued) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = batch
}

// readOnlyPause is between tries to write while the database is read only.
const readOnlyPause = 200 * time.Millisecond

// await lets time pass: what was read before the database became read only is written
// when it is not any more.
func (r *Reads) await(ctx context.Context, lines int) {
	if !r.waiting.Swap(true) {
		r.Log.InfoContext(ctx, "reads wait to be recorded: the database is read only", "count", lines)
	}
	time.Sleep(readOnlyPause)
}

// collect takes the lines that are to be written together.
func (r *Reads) collect() []queued {
	batch := make([]queued, 0, r.Batch)
	over := time.NewTimer(r.Delay)
	defer over.Stop()
	for len(batch) < r.Batch {
		select {
		case l := <-r.lines:
			batch = append(batch, l)
			continue
		default:
		}
		select {
		case l := <-r.lines:
			batch = append(batch, l)
		case <-over.C:
			return batch
		case <-r.hurry:
			return batch
		}
	}
	return batch
}

func (r *Reads) insert(ctx context.Context, batch []queued) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return r.DB.InTx(ctx, func(tx *ent.Tx) error {
		creates := make([]*ent.AuditEventCreate, len(batch))
		for i, l := range batch {
			creates[i] = tx.AuditEvent.Create()
			l.fill(creates[i])
		}
		return tx.AuditEvent.CreateBulk(creates...).Exec(ctx)
	})
}

// Flush writes what waits, without waiting for more, and returns when all is written:
// the last thing before the server stops. What cannot be written until ctx ends goes
// to the log.
func (r *Reads) Flush(ctx context.Context) {
	r.init()
	r.mu.Lock()
	if !r.hurried {
		r.hurried = true
		close(r.hurry)
	}
	writing := r.writing
	r.mu.Unlock()
	if writing == nil {
		return
	}
	select {
	case <-writing:
	case <-ctx.Done():
		r.Log.ErrorContext(ctx, "reads lost: the database took none until the server stopped", "count", r.Waiting())
		r.mu.Lock()
		held := r.held
		r.mu.Unlock()
		for _, l := range held {
			r.lost(ctx, l)
		}
		for {
			select {
			case l := <-r.lines:
				r.lost(ctx, l)
			default:
				return
			}
		}
	}
}

// lost leaves in the log what the trail does not get.
func (r *Reads) lost(ctx context.Context, l queued) {
	r.Log.ErrorContext(ctx, "read lost", "user", l.user, "read_by_request", l.request, "resource", l.event.Resource, "entity", l.event.EntityID, "extra", l.event.Extra)
}

// Waiting is how many lines are not written yet.
func (r *Reads) Waiting() int { return int(r.pending.Load()) }

// Written is how many lines were written.
func (r *Reads) Written() int { return int(r.written.Load()) }

// Waited is how often a reader had to wait because too many lines did.
func (r *Reads) Waited() int { return int(r.waited.Load()) }

// Failures is how often lines could not be written and were tried again.
func (r *Reads) Failures() int { return int(r.failures.Load()) }
