package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/config"
	"aliaport/internal/globalid"
	"aliaport/server"
)

const searching = `query AuditSearch($filter: AuditFilter) { auditEvents(filter: $filter) {
  pageInfo { hasNextPage endCursor }
  nodes { id createdAt action resource entityId outcome path requestId ip user { id fullName } changes { field old new } } } }`

// live searches over HTTP while events are written, each in a transaction of its own
// as those of changes are. Searches are recorded themselves.
func (b *bench) live(ctx context.Context, o options) (err error) {
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		return err
	}
	cfg.JWTKey = "only for measuring, on a server that is thrown away"
	cfg.RateOperations, cfg.RateCost = 0, 0 // one user asks for all
	srv, err := server.New(server.Deps{Config: cfg, DB: b.DB, Log: slog.New(slog.DiscardHandler), Version: "bench"})
	if err != nil {
		return err
	}
	if err := srv.Users().EnsureRights(ctx); err != nil {
		return err
	}
	if _, err := srv.Users().EnsureAdmin(ctx, cfg.AdminEmail, ""); err != nil {
		return err
	}
	token, err := srv.Users().DemoToken(ctx, cfg.AdminEmail)
	if err != nil {
		return err
	}
	web := httptest.NewServer(srv.Handler())
	defer web.Close()
	day := time.Now().AddDate(0, 0, -200)
	filters := []map[string]any{
		nil,
		{"createdAt": map[string]any{"from": day.Format(time.RFC3339)}},
		{"users": []string{user(heavyUser).String(), user(rareUser).String()}},
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
			if err := ask(ctx, web.URL, token, filters[n%len(filters)]); err != nil {
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
	slices.Sort(took)
	fmt.Printf("%s, %d events, %.0f written a second (%d asked for, %d more than a second late), %d searches over HTTP: p50 %s ms, p95 %s ms, p99 %s ms, longest %s ms; load average %s\n\n",
		b.name, o.events, float64(written.Load())/time.Since(begun).Seconds(), o.rate, late.Load(), len(took), ms(at(took, .5)), ms(at(took, .95)), ms(at(took, .99)), ms(took[len(took)-1]), load())
	return nil
}

var errAnswer = errors.New("the server answered with errors")

func ask(ctx context.Context, url, token string, filter map[string]any) error {
	body, err := json.Marshal(map[string]any{"query": searching, "variables": map[string]any{"filter": filter}})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var a struct{ Errors []struct{ Message string } }
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	if len(a.Errors) > 0 {
		return fmt.Errorf("%w: %s", errAnswer, text)
	}
	return nil
}
