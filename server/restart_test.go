package server_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	pgserver "aliaport/internal/aliatest/server"
	"aliaport/internal/config"
	"aliaport/internal/migrate"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
	"aliaport/server"
)

// outage is a server over a PostgreSQL of its own, which goes away and comes back.
type outage struct {
	*api.API
	pg *pgserver.Postgres
}

func newOutage(t *testing.T) *outage {
	t.Helper()
	pg, err := pgserver.NewPostgres(t.Context())
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
	api.Fixture(t, db)
	var settings *config.Config
	a := api.New(t, db, func(c *config.Config) { settings = c })
	// Of the thousands of faults that an outage is made of, none is worth a line.
	quiet, err := server.New(server.Deps{Config: settings, DB: db, Log: slog.New(slog.DiscardHandler), Version: "test", Now: a.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	a.Server = quiet
	return &outage{a, pg}
}

func (o *outage) stop(t *testing.T) {
	t.Helper()
	if err := o.pg.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (o *outage) start(t *testing.T) {
	t.Helper()
	if err := o.pg.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

const (
	listing = `{ workOrders(first: 5) { totalCount nodes { id woNumber cari { title } items { service { code } } } } }`
	making  = `mutation { createWorkOrder(input: {cariCode: "C-100", subject: "Römorkaj", items: [{serviceCode: "HZM001", quantity: "1"}]}) { workOrder { woNumber } userErrors { code } } }`
)

// errDown is that the answer was UNAVAILABLE.
var errDown = errors.New("the database is away")

// try asks once. UNAVAILABLE is errDown, anything else that is no success a fault.
func (o *outage) try(t testing.TB, document string) error {
	t.Helper()
	a := o.Do(t, api.Admin, document, nil)
	switch {
	case len(a.Errors) == 0 && a.Status == http.StatusOK && !strings.Contains(string(a.Body), `"userErrors":[{`):
		return nil
	case len(a.Errors) > 0 && a.Errors[0].Extensions.Code == "UNAVAILABLE":
		return errDown
	}
	return fmt.Errorf("status %d: %s", a.Status, a.Body)
}

// crowd asks from eight clients at once, which is as many as there are connections.
func (o *outage) crowd(t *testing.T, document string) error {
	t.Helper()
	var g errgroup.Group
	var ready sync.WaitGroup
	ready.Add(8)
	for range 8 {
		g.Go(func() error {
			ready.Done()
			ready.Wait()
			return o.try(t, document)
		})
	}
	return g.Wait()
}

// up checks that everything is answered.
func (o *outage) up(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/healthz", "/readyz"} {
		if w := visit(t, o.API, path); w.Code != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, w.Code, w.Body)
		}
	}
	for _, document := range []string{listing, making} {
		if err := o.crowd(t, document); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// driverWords betray what is behind the API.
var driverWords = []string{
	"pq:", "sql", "dial", "tcp", "127.0.0.1", "localhost", "refused", "connection", "driver", "EOF", "SELECT", "INSERT", "FROM", "terminat",
	"shutting", "starting", "postgres", "57P", "relation", "work_orders", "constraint", "closed", "no such",
}

// discreet fails when a body says more than it may.
func discreet(t *testing.T, body string) {
	t.Helper()
	for _, word := range driverWords {
		if strings.Contains(strings.ToLower(body), strings.ToLower(word)) {
			t.Errorf("the answer says %q: %s", word, body)
		}
	}
}

// down checks how requests are refused meanwhile.
func (o *outage) down(t *testing.T) {
	t.Helper()
	for name, document := range map[string]string{
		"list": listing, "create": making,
		"node":   `{ node(id: "V29ya09yZGVyOjE") { id } }`,
		"viewer": `{ viewer { id } }`,
		"login":  `mutation { login(input: {email: "admin@aliaport.example", password: "yanlış parola"}) { accessToken userErrors { code } } }`,
	} {
		a := o.Do(t, api.Admin, document, nil)
		if a.Status != http.StatusOK || len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "UNAVAILABLE" ||
			!a.Errors[0].Extensions.Retryable || a.Errors[0].Extensions.RequestID == "" {
			t.Errorf("%s: status %d: %s", name, a.Status, a.Body)
		}
		discreet(t, string(a.Body))
	}
	if w := visit(t, o.API, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("/healthz: status %d: %s", w.Code, w.Body)
	}
	w := visit(t, o.API, "/readyz")
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("/readyz: status %d: %s", w.Code, w.Body)
	}
	discreet(t, w.Body.String())
}

// whole checks that the numbers are without gap.
func (o *outage) whole(t *testing.T) {
	t.Helper()
	last := o.DB.NumberSequence.Query().OnlyX(t.Context()).Last
	numbers := map[string]bool{}
	for _, wo := range o.DB.WorkOrder.Query().AllX(t.Context()) {
		numbers[wo.WoNumber] = true
	}
	for n := 1; n <= last; n++ {
		if number := sequence.Format(sequence.WorkOrder, 2026, n); !numbers[number] {
			t.Errorf("%s is missing", number)
		}
	}
	if len(numbers) != last {
		t.Errorf("%d orders and a sequence at %d", len(numbers), last)
	}
}

func TestAServerOutlivesRestartsOfPostgreSQL(t *testing.T) {
	t.Parallel()
	t.Run("that its connections were idle in", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		for round := range 3 {
			o.up(t)
			o.stop(t)
			o.down(t)
			o.start(t)
			if err := o.try(t, []string{listing, making}[round%2]); err != nil {
				t.Errorf("first request after the outage: %v", err)
			}
		}
		o.up(t)
		o.whole(t)
	})
	t.Run("that nobody noticed", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		for round := range 3 {
			o.up(t)
			o.stop(t)
			o.start(t)
			// Every connection in the pool is dead now.
			if err := o.crowd(t, []string{making, listing}[round%2]); err != nil {
				t.Errorf("first requests after the outage: %v", err)
			}
		}
		o.whole(t)
	})
	t.Run("in the middle of its work", func(t *testing.T) {
		t.Parallel()
		o := newOutage(t)
		for range 3 {
			o.up(t)
			o.interrupted(t)
		}
		o.up(t)
		o.whole(t)
	})
}

// interrupted stops PostgreSQL while transactions are open and clients ask, and
// starts it while they go on asking.
func (o *outage) interrupted(t *testing.T) {
	t.Helper()
	const holders, clients = 3, 2
	var begun, asked sync.WaitGroup
	var back, done atomic.Bool
	stopped := make(chan struct{})
	var g errgroup.Group
	begun.Add(holders)
	asked.Add(clients)
	for i := range holders {
		g.Go(func() error {
			var once sync.Once
			err := o.DB.InTx(t.Context(), func(tx *ent.Tx) error {
				err := tx.Cari.Update().Where(cari.CariCode([]string{"C-100", "C-200", "C-300"}[i])).SetNotes("yarım kaldı").Exec(t.Context())
				once.Do(begun.Done)
				<-stopped
				return err
			})
			if store.Classify(err).Kind != store.Unavailable {
				return fmt.Errorf("a transaction cut off ends with: %w", err)
			}
			return nil
		})
	}
	for i := range clients {
		g.Go(func() error {
			var once sync.Once
			for !done.Load() {
				mustWork := back.Load()
				err := o.try(t, []string{listing, making}[i%2])
				if err != nil && (mustWork || !errors.Is(err, errDown)) {
					once.Do(asked.Done)
					return fmt.Errorf("while it was back: %t: %w", mustWork, err)
				}
				once.Do(asked.Done)
			}
			return nil
		})
	}
	begun.Wait()
	asked.Wait()
	o.stop(t)
	close(stopped)
	o.down(t)
	o.start(t)
	back.Store(true)
	for _, document := range []string{making, listing} {
		if err := o.try(t, document); err != nil {
			t.Errorf("first request after the outage: %v", err)
		}
	}
	done.Store(true)
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n := o.DB.Cari.Query().Where(cari.Notes("yarım kaldı")).CountX(t.Context()); n > 0 {
		t.Errorf("%d changes that were cut off are there", n)
	}
}
