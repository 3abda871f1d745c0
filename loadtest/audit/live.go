package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/trail"
)

const searching = `query AuditSearch($filter: AuditFilter) { auditEvents(filter: $filter) {
  pageInfo { hasNextPage endCursor }
  nodes { id createdAt action resource entityId outcome path requestId ip user { id fullName } changes { field old new } } } }`

// live searches over HTTP while events are written, each in a transaction of its own
// as those of changes are. Searches are recorded themselves.
func (b *bench) live(ctx context.Context, o options) (err error) {
	c, _, done, err := measure.Serve(ctx, b.DB, 1)
	if err != nil {
		return err
	}
	defer done()
	day := time.Now().AddDate(0, 0, -200)
	filters := []map[string]any{
		nil,
		{"createdAt": map[string]any{"from": day.Format(time.RFC3339)}},
		{"users": []string{user(trail.HeavyUser).String(), user(trail.RareUser).String()}},
		{"actions": []string{"update"}},
		{"resource": "work_order", "actions": []string{"approve", "cancel"}},
		{"entityId": (globalid.ID{Type: "WorkOrder", Key: 40_000}).String()},
		{"outcomes": []string{"DENIED", "FAILED"}},
		{"pathPrefix": "/graphql#C"},
	}
	var written, late atomic.Int64
	stop := time.Now().Add(o.lasting)
	pace := time.Second / time.Duration(o.rate)
	g, ctx := errgroup.WithContext(ctx)
	begun := time.Now()
	const writers = 4
	for w := range writers {
		g.Go(func() error {
			who := actor.With(ctx, actor.New(int64(2+w), "", "", []string{"OPERASYON"}, nil))
			who = actor.WithRequest(who, &actor.Request{ID: fmt.Sprintf("live-%d-0000", w), Method: "GRAPHQL", Path: "/graphql#UpdateWorkOrder", IP: "10.20.1.17"})
			for n := w; ; n += writers {
				due := begun.Add(time.Duration(n) * pace)
				if due.After(stop) {
					return nil
				}
				if wait := time.Until(due); wait > 0 {
					time.Sleep(wait)
				} else if wait < -time.Second {
					late.Add(1)
				}
				err := b.InTx(who, func(tx *ent.Tx) error {
					return audit.Record(who, tx, time.Now().UTC(), audit.Event{
						Action: audit.Update, Resource: audit.WorkOrder, EntityID: int64(40_000 + n%500),
						Changes: audit.Changes{"subject": {"Eski konu", "Yeni konu"}, "version": {1, 2}},
					})
				})
				if err != nil {
					return err
				}
				written.Add(1)
			}
		})
	}
	var took []time.Duration
	g.Go(func() error {
		for n := 0; time.Now().Before(stop); n++ {
			start := time.Now()
			if _, err := c.Post(ctx, searching, map[string]any{"filter": filters[n%len(filters)]}, nil); err != nil {
				return err
			}
			took = append(took, time.Since(start))
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	fmt.Printf("%s, %d events, %.0f written a second (%d asked for, %d more than a second late), %d searches over HTTP: p50 %s ms, p95 %s ms, p99 %s ms, longest %s ms; load average %s\n\n",
		b.name, o.events, float64(written.Load())/time.Since(begun).Seconds(), o.rate, late.Load(), len(took), at(took, 50), at(took, 95), at(took, 99), at(took, 100), load())
	return nil
}
