package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"aliaport/ent/pricelist"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/server"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

func TestServersOutliveARestartOfTheirDatabase(t *testing.T) {
	t.Parallel()
	pg, err := server.NewPostgres(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pg.Close(); err != nil {
			t.Error(err)
		}
	})
	db := aliatest.OpenURL(t, pg.URL())
	if _, err := migrate.Up(t.Context(), db.Writer(), db.Dialect(), migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	f := newFleetOn(t, pg.URL(), 2, redisAt+startRedis(t))
	defer f.end(t)
	// The test's own connections would be found dead when they are closed.
	for _, mine := range []*store.DB{db, f.db} {
		mine.Reader().SetMaxIdleConns(0)
		mine.Writer().SetMaxIdleConns(0)
	}
	h := newHistory()
	var enough atomic.Bool
	var asking sync.WaitGroup
	asking.Go(func() { f.exercise(t.Context(), h, f.deeds(), func() bool { return !enough.Load() }) })
	defer enough.Store(true)
	type outage struct{ from, to time.Duration }
	var away []outage
	for range outages {
		time.Sleep(time.Second)
		from := time.Since(h.begin)
		if err := pg.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, p := range f.servers {
			if status, body := visit(t, "http://"+p.address+"/readyz"); status != 503 {
				t.Errorf("/readyz: %d %s", status, body)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if err := pg.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		away = append(away, outage{from, time.Since(h.begin)})
	}
	time.Sleep(2 * time.Second)
	enough.Store(true)
	asking.Wait()
	h.report(t)
	h.quiet(t, "UNAVAILABLE")
	h.linear(t)
	if h.troubles() == 0 {
		t.Error("nobody noticed the outage")
	}
	for _, q := range h.took {
		meanwhile := false
		for _, a := range away {
			meanwhile = meanwhile || q.at < a.to && a.from < q.at+q.d
		}
		if q.fault != "" && !meanwhile {
			t.Errorf("%s at %s, while the database was there: it was away %v", q.fault, q.at, away)
		}
	}
}

const signIn = `mutation M($i: LoginInput!) { r: login(input: $i) { accessToken userErrors { code } } }`

func credentials(email, password string) map[string]any {
	return map[string]any{"i": map[string]any{"email": email, "password": password}}
}

func TestASessionThatEndsOnOneServerEndsOnAll(t *testing.T) {
	t.Parallel()
	const question = `{ parameter(category: "SEYIR_A", code: "X") { value } }`
	f := newFleet(t, redisAt+startRedis(t), "ALIAPORT_RATE_LOGINS=0")
	defer f.end(t)
	for round := range 4 {
		here, there := f.servers[round%2], f.servers[1-round%2]
		token := must[struct{ AccessToken string }](t, f, signIn, credentials("admin@aliaport.example", killPassword)).AccessToken
		for _, p := range f.servers { // so that each has seen it, and kept what it keeps
			if err := p.ask(t.Context(), token, "", question, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := payload[nothing](t.Context(), here, token, `mutation { r: logout { userErrors { code } } }`, nil); err != nil {
			t.Fatal(err)
		}
		err := there.ask(t.Context(), token, "", question, nil, nil)
		if r, ok := errors.AsType[*refusedError](err); !ok || r.code != "UNAUTHENTICATED" {
			t.Errorf("after the logout on the other server: %v", err)
		}
	}
}

func TestServersHoldOffSignInsTogether(t *testing.T) {
	t.Parallel()
	// Ten at once and ten more over the minute; getting ready takes some of them.
	f := newFleet(t, redisAt+startRedis(t), "ALIAPORT_RATE_LOGINS=20", "ALIAPORT_REDIS_TIMEOUT=10s")
	defer f.end(t)
	const tries, most = 24, 14
	let := 0
	for i := range tries {
		_, err := payload[nothing](t.Context(), f.servers[i%2], "", signIn, credentials(fmt.Sprintf("yok%d@aliaport.example", i), "Yanlış-parola-1"))
		if _, tried := errors.AsType[*declinedError](err); tried {
			let++
		} else if r, ok := errors.AsType[*refusedError](err); !ok || r.code != "RATE_LIMITED" {
			t.Errorf("a wrong password: %v", err)
		}
	}
	if let == 0 || let > most {
		t.Errorf("%d of %d wrong sign-ins were let through by two servers", let, tries)
	}
}

func TestAKeyOnBothServersAtOnceMakesOneRecord(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	defer f.end(t)
	type made struct{ PriceList struct{ ID string } }
	const rounds, atOnce = 10, 6
	for round := range rounds {
		code := fmt.Sprintf("TEK-%d", round)
		var ids [atOnce]string
		var g errgroup.Group
		for i := range atOnce {
			g.Go(func() error {
				m, err := payload[made](t.Context(), f.servers[i%2], f.admin, `mutation M($i: CreatePriceListInput!) { r: createPriceList(input: $i) { priceList { id } userErrors { code } } }`,
					map[string]any{"i": map[string]any{"code": code, "name": "Tek tarife", "currency": "EUR", "validFrom": "2026-01-01", "idempotencyKey": code}})
				ids[i] = m.PriceList.ID
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Errorf("they were told of %v", ids)
			}
		}
		if n := f.db.PriceList.Query().Where(pricelist.Code(code)).CountX(t.Context()); n != 1 {
			t.Errorf("%d records of one key", n)
		}
	}
}
