package main

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/loadtest/trail"
)

// question is a search as the API takes it.
type question struct {
	name   string
	filter audit.Filter
}

func user(key int64) *globalid.ID { return &globalid.ID{Type: "User", Key: key} }

// questions has every combination that is served.
func questions(request string) []question {
	from, to := end.AddDate(0, -1, 0), end.AddDate(0, 0, -10)
	within := &page.Range{From: &from, To: &to}
	day := from.AddDate(0, 0, 1)
	order := &globalid.ID{Type: "WorkOrder", Key: 40_000}
	return []question{
		{"newest", audit.Filter{}},
		{"one day", audit.Filter{CreatedAt: &page.Range{From: &from, To: &day}}},
		{"heavy user", audit.Filter{Users: []*globalid.ID{user(trail.HeavyUser)}}},
		{"heavy user, three weeks", audit.Filter{Users: []*globalid.ID{user(trail.HeavyUser)}, CreatedAt: within}},
		{"rare user", audit.Filter{Users: []*globalid.ID{user(trail.RareUser)}}},
		{"three users, three weeks", audit.Filter{Users: []*globalid.ID{user(trail.HeavyUser), user(40), user(trail.RareUser)}, CreatedAt: within}},
		{"ten users and five actions", audit.Filter{
			Users:   []*globalid.ID{user(1), user(2), user(3), user(5), user(8), user(13), user(21), user(34), user(55), user(89)},
			Actions: []string{"approve", "cancel", "delete", "invoice", "role_assign"},
		}},
		{"frequent action", audit.Filter{Actions: []string{"update"}}},
		{"rare action, three weeks", audit.Filter{Actions: []string{"role_assign"}, CreatedAt: within}},
		{"user and rare action", audit.Filter{Users: []*globalid.ID{user(trail.HeavyUser)}, Actions: []string{"role_assign"}}},
		{"frequent kind of record", audit.Filter{Resource: new("work_order")}},
		{"rare kind of record", audit.Filter{Resource: new("user")}},
		{"kind of record and action", audit.Filter{Resource: new("work_order"), Actions: []string{"delete", "cancel"}}},
		{"one record", audit.Filter{EntityID: order}},
		{"denied and failed", audit.Filter{Outcomes: []auditevent.Outcome{audit.Denied, audit.Failed}}},
		{"denied to a user", audit.Filter{Users: []*globalid.ID{user(trail.HeavyUser)}, Outcomes: []auditevent.Outcome{audit.Denied}}},
		{"failed approvals", audit.Filter{Actions: []string{"approve"}, Outcomes: []auditevent.Outcome{audit.Failed}}},
		{"denied to an address", audit.Filter{IP: new("10.20.1.17"), Outcomes: []auditevent.Outcome{audit.Denied}}},
		{"frequent path", audit.Filter{Path: new("/graphql#UpdateWorkOrderItem")}},
		{"prefix of three paths", audit.Filter{PathPrefix: new("/graphql#C")}},
		{"prefix of all paths", audit.Filter{PathPrefix: new("/graphql#")}},
		{"request", audit.Filter{RequestID: &request}},
		{"address", audit.Filter{IP: new("10.20.1.17")}},
	}
}

func (b *bench) trail() *audit.Trail {
	return &audit.Trail{
		DB: b.DB, Now: func() time.Time { return end }, Pages: page.NewCodec([]byte("only for measuring")), PageLimits: page.Limits{Default: 50, Max: 100},
	}
}

// asked are how often a page is read to be measured.
const asked = 60

// pages measures every search through the package that the API calls: the first page,
// and for long lists the deep one, reached by walking there page by page.
func (b *bench) pages(ctx context.Context, o options) error {
	var request string
	if err := b.Reader().QueryRowContext(ctx, "SELECT request_id FROM audit_events WHERE id = (SELECT max(id) / 2 FROM audit_events)").Scan(&request); err != nil {
		return err
	}
	s, ctx := b.trail(), actor.With(ctx, actor.System("measuring"))
	fmt.Printf("%s, %d events, 50 rows a page, milliseconds; load average %s\n\n", b.name, o.events, load())
	fmt.Printf("| search | rows | first p50 | p95 | page %d p50 | p95 | count p50 | facet p50 |\n|---|---|---|---|---|---|---|---|\n", o.deep)
	for _, q := range questions(request) {
		first, err := b.repeated(func() error { return listed(s.List(ctx, q.filter, page.Args{})) })
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		total := 0
		counts, err := b.repeated(func() error {
			l, err := s.List(ctx, q.filter, page.Args{First: new(1)})
			if err == nil {
				total, err = l.Count(ctx)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		facets, err := b.repeated(func() error {
			_, err := s.Facets(ctx, audit.FacetAction, q.filter, nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		deep := "– | –"
		if total >= audit.MaxCount {
			if deep, err = b.deep(ctx, s, q, o.deep); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
		}
		fmt.Printf("| %s | %d | %s | %s | %s | %s | %s |\n", q.name, total, at(first, 50), at(first, 95), deep, at(counts, 50), at(facets, 50))
	}
	fmt.Println()
	return nil
}

func listed(_ *page.List[*ent.AuditEvent], err error) error { return err }

// repeated measures something often.
func (*bench) repeated(do func() error) ([]time.Duration, error) {
	took := make([]time.Duration, 0, asked)
	for range asked + 1 {
		start := time.Now()
		if err := do(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took[1:], nil // the first one warms up
}

// deep walks to the page and measures it and the ones around it.
func (b *bench) deep(ctx context.Context, s *audit.Trail, q question, wanted int) (string, error) {
	a := page.Args{First: new(100)}
	var end *string
	for range (wanted - 1) / 2 { // a hundred rows are two pages
		l, err := s.List(ctx, q.filter, a)
		if err != nil {
			return "", err
		}
		if !l.Info.HasNextPage {
			return "shorter | –", nil
		}
		end, a.After = l.Info.EndCursor, l.Info.EndCursor
	}
	took, err := b.repeated(func() error { return listed(s.List(ctx, q.filter, page.Args{After: end})) })
	if err != nil {
		return "", err
	}
	return at(took, 50) + " | " + at(took, 95), nil
}
