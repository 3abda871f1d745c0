package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	entcari "aliaport/ent/cari"
	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
)

// perRound are the changes of a round, with the trail and without.
const perRound = 200

// writes measures what the line of the trail costs a change: the same updates of
// customers, in turns with the trail and with its insert left out. Leaving it out is
// a hook that only this program has.
func (b *bench) writes(ctx context.Context, o options) error {
	ctx = actor.With(ctx, actor.System("measuring"))
	ctx = actor.WithRequest(ctx, &actor.Request{ID: "writes-0000", Method: "GRAPHQL", Path: "/graphql#UpdateCari", IP: "192.0.2.7", UserAgent: "measuring"})
	if err := parameter.Ensure(ctx, b.DB, calendar.Now()); err != nil {
		return err
	}
	var without atomic.Bool
	b.AuditEvent.Use(func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if without.Load() {
				return &ent.AuditEvent{}, nil
			}
			return next.Mutate(ctx, m)
		})
	})
	defer without.Store(false)
	s := &cari.Service{DB: b.DB, Now: calendar.Now, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 50, Max: 100}}
	fmt.Printf("%s, updates of customers a second, median of %d rounds in turns; load average %s\n\n| clients | without the trail | with it | ratio |\n|---|---|---|---|\n", b.name, o.rounds, load())
	for _, clients := range []int{1, 8} {
		accounts := make([]*ent.Cari, clients)
		for i := range accounts {
			var err error
			accounts[i], err = s.Create(ctx, cari.CreateInput{
				CariCode: fmt.Sprintf("OLCUM-%d-%d", clients, i), Title: "Ölçüm", Type: entcari.TypeLegal, Role: entcari.RoleCustomer, Country: "DE",
			})
			if err != nil {
				return err
			}
		}
		rates := map[bool][]float64{}
		for round := range 2 * o.rounds {
			without.Store(round%2 == 0)
			begun := time.Now()
			g := errgroup.Group{}
			for i := range accounts {
				g.Go(func() error {
					for n := range perRound / clients {
						c, err := s.Update(ctx, cari.UpdateInput{
							ID: globalid.ID{Type: "Cari", Key: accounts[i].ID}, Version: accounts[i].Version,
							Title: new(fmt.Sprintf("Ölçüm %d %d", round, n)), City: input.Change[string]{Given: true, To: new(fmt.Sprintf("İzmir %d", n))},
						})
						if err != nil {
							return err
						}
						accounts[i] = c
					}
					return nil
				})
			}
			if err := g.Wait(); err != nil {
				return err
			}
			if round > 1 { // the first two warm up
				rates[without.Load()] = append(rates[without.Load()], float64(perRound)/time.Since(begun).Seconds())
			}
		}
		for _, r := range rates {
			slices.Sort(r)
		}
		off, on := rates[true][len(rates[true])/2], rates[false][len(rates[false])/2]
		fmt.Printf("| %d | %.0f | %.0f | %.2f |\n", clients, off, on, on/off)
	}
	fmt.Println()
	return nil
}
