//go:build long

package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/seed"
)

// TestLoginsDoNotHoldUpOthers sends 30 logins a second for a minute, from eight
// addresses, a third of them wrong, and looks at a client that asks for the board
// meanwhile. How long that one waits is reported: it depends on the machine.
func TestLoginsDoNotHoldUpOthers(t *testing.T) {
	for _, name := range []string{dialect.SQLite, dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			const (
				perSecond, duration = 30, time.Minute
				users, addresses    = 40, 8
				goal                = 300 * time.Millisecond
			)
			a := api.New(t, aliatest.Open(t, name))
			if _, err := seed.Run(t.Context(), a.DB, a.Server.Users(), seed.Options{WorkOrders: 2000, Cari: 50, Services: 50, Seed: 1, Now: api.Start}); err != nil {
				t.Fatal(err)
			}
			for i := range users {
				if _, err := a.Server.Users().Add(t.Context(), fmt.Sprintf("kullanici%d@aliaport.example", i), "Deniz Kaya", right, actor.RoleField); err != nil {
					t.Fatal(err)
				}
			}
			s := listen(t, a)
			clients := make([]*http.Client, addresses)
			for i := range clients {
				d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))}}
				clients[i] = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DialContext: d.DialContext, MaxIdleConnsPerHost: perSecond}}
				defer clients[i].CloseIdleConnections()
			}
			quiet, stop := context.WithTimeout(t.Context(), 5*time.Second)
			defer stop()
			alone := s.boards(quiet, t)

			ctx, stop := context.WithTimeout(t.Context(), duration)
			defer stop()
			var mu sync.Mutex
			answered, took := map[string]int{}, []time.Duration{}
			var logins sync.WaitGroup
			logins.Go(func() {
				tick := time.NewTicker(time.Second / perSecond)
				defer tick.Stop()
				for n := 0; ; n++ {
					select {
					case <-ctx.Done():
						return
					case <-tick.C:
					}
					email, password := fmt.Sprintf("kullanici%d@aliaport.example", n%users), right
					switch n % 6 {
					case 2:
						password = wrong
					case 5:
						email = fmt.Sprintf("yok%d@aliaport.example", n)
					}
					logins.Go(func() {
						began := time.Now()
						got, err := s.loginFrom(t, clients[n%addresses], email, password)
						mu.Lock()
						defer mu.Unlock()
						took = append(took, time.Since(began))
						answered[got]++
						if err != nil {
							t.Error(err)
						}
					})
				}
			})
			beside := s.boards(ctx, t)
			logins.Wait()
			total := 0
			for _, n := range answered {
				total += n
			}
			t.Logf("%d logins: %v; p50 %s, p95 %s", total, answered, share(took, 50), share(took, 95))
			t.Logf("the board alone: %d times, p50 %s, p95 %s; beside the logins: %d times, p50 %s, p95 %s, at most %s (the goal is a p95 of %s)",
				len(alone), share(alone, 50), share(alone, 95), len(beside), share(beside, 50), share(beside, 95), share(beside, 100), goal)
			if want := perSecond * int(duration/time.Second); total < want*9/10 || answered["OK"] == 0 || answered[invalid] == 0 {
				t.Errorf("%d logins were sent, want %d: %v", total, want, answered)
			}
			s.quiet(t)
		})
	}
}

// boards asks for the board until ctx ends and returns how long each answer took.
func (s *site) boards(ctx context.Context, t *testing.T) (took []time.Duration) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return took
		case <-tick.C:
		}
		began := time.Now()
		if err := ask(client, s.request(api.Admin, posted(board, map[string]any{"first": 50}))); err != nil {
			t.Error(err)
		}
		took = append(took, time.Since(began))
	}
}

// loginFrom signs in and returns the code of the answer. To be sent away is no fault.
func (s *site) loginFrom(t *testing.T, client *http.Client, email, password string) (string, error) {
	t.Helper()
	resp, err := client.Do(s.request("", posted("mutation Login($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken userErrors { code } } }",
		map[string]any{"e": email, "p": password})))
	if err != nil {
		return "no answer", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "half an answer", err
	}
	a, err := answerOf(resp, body)
	if err != nil {
		return "no JSON", err
	}
	switch got := verdict(t, a); {
	case a.Status >= http.StatusInternalServerError, got != "OK" && got != invalid && got != "RATE_LIMITED":
		return got, fmt.Errorf("a login is answered %d: %s", a.Status, a.Body)
	default:
		return got, nil
	}
}

func share(took []time.Duration, percent int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(time.Millisecond)
}
