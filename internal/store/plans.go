package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"

	"aliaport/internal/plan"
)

// Explain asks how a statement would be run, without running it. The plan holds no
// values of its arguments.
func (db *DB) Explain(ctx context.Context, text string, args []any) (*plan.Plan, error) {
	return explain(ctx, db.driver.reader, db.driver.dialect, text, args)
}

func explain(ctx context.Context, pool *sql.DB, dialectName, text string, args []any) (p *plan.Plan, err error) {
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			err = errors.Join(err, rerr)
		}
	}()
	return plan.Explain(ctx, tx, dialectName, text, args)
}

// Bounds of the search for the plans of slow statements: a database that is slow
// has enough to do.
const (
	planTime  = 5 * time.Second
	planEvery = 10 * time.Minute // of one text
	planTexts = 1000             // are remembered
)

// plans logs how slow statements are run: each text now and then, one at a time,
// and never while its request waits.
type plans struct {
	pool    *sql.DB
	dialect string
	log     *slog.Logger

	mu     sync.Mutex // protects all fields below
	busy   bool
	closed bool
	cancel context.CancelFunc
	done   sync.WaitGroup
	asked  map[string]time.Time // by hash
}

func newPlans(pool *sql.DB, dialectName string, log *slog.Logger) *plans {
	return &plans{pool: pool, dialect: dialectName, log: log, asked: map[string]time.Time{}}
}

func (p *plans) of(ctx context.Context, id, text string, args []any, field string) {
	if p == nil || !plan.Explainable(text) {
		return
	}
	now := time.Now() //nolint:forbidigo // measures a duration
	p.mu.Lock()
	defer p.mu.Unlock()
	if last, ok := p.asked[id]; p.busy || p.closed || ok && now.Sub(last) < planEvery {
		return
	}
	if len(p.asked) >= planTexts {
		clear(p.asked)
	}
	p.asked[id], p.busy = now, true
	// The request may be over before.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), planTime)
	p.cancel = cancel
	p.done.Go(func() {
		defer cancel()
		found, err := explain(ctx, p.pool, p.dialect, text, args)
		p.mu.Lock()
		p.busy = false
		p.mu.Unlock()
		if err != nil {
			p.log.DebugContext(ctx, "no plan of slow statement", "statement", id) // the error may show an argument
			return
		}
		p.log.WarnContext(ctx, "plan of slow statement", "statement", id, "field", field, "text", text, "plan", found.String())
	})
}

// close gives up what is being asked for.
func (p *plans) close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	p.closed = true
	if p.cancel != nil {
		p.cancel()
	}
	p.mu.Unlock()
	p.done.Wait()
}
