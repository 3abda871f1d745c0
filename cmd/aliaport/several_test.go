package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/aliatest/server"
	"aliaport/internal/store"
)

// fleet is several servers, as processes of their own, over one database.
type fleet struct {
	url     string
	with    []string  // settings
	db      *store.DB // the test's own connections
	servers []*served
	admin   string // token
	watch   string // token of a user whose rights change
	// day is asked about, whatever the time; rates are of the bulletin of the day before.
	day, before string
	lists       [2]string // price lists of which at most one is in force
}

// newFleet starts two servers. Settings are NAME=value.
func newFleet(t *testing.T, settings ...string) *fleet {
	t.Helper()
	return newFleetOn(t, aliatest.MigratedURL(t, dialect.Postgres), 2, settings...)
}

func newFleetOn(t *testing.T, url string, servers int, settings ...string) *fleet {
	t.Helper()
	f := &fleet{url: url, with: settings, db: aliatest.OpenURL(t, url)}
	today := time.Now().UTC()
	f.day, f.before = today.Format(time.DateOnly), today.AddDate(0, 0, -1).Format(time.DateOnly)
	api.Fixture(t, f.db)
	for range servers {
		f.servers = append(f.servers, startOn(t, url, freePort(t), freePort(t), settings...))
	}
	f.admin = f.servers[0].login(t)
	f.prepare(t)
	return f
}

// restart kills a server and starts it again on its ports.
func (f *fleet) restart(t *testing.T, which int) {
	t.Helper()
	p := f.servers[which]
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.drained
	if err := p.cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	again := startOn(t, f.url, p.address, p.admin, f.with...)
	// Clients go on asking the address by what they have.
	p.cmd, p.drained = again.cmd, again.drained
}

// end lets all servers end in order, which they do not after a data race.
func (f *fleet) end(t *testing.T) {
	t.Helper()
	for _, p := range f.servers {
		p.end(t)
	}
}

// startRedis starts a Redis that nobody else counts in, and returns its host:port.
func startRedis(t *testing.T) string {
	t.Helper()
	address, stop, err := server.StartRedis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// redisAt begins the setting that uses it.
const redisAt = "ALIAPORT_REDIS_URL=redis://"

// watchedRights are the bits of the number that a role's rights are written as. The
// first is the one that requests of its users are tried with.
var watchedRights = []string{
	"parametre:read", "cari:read", "hizmet:read", "tarife:read", "kurlar:read", "saha:read", "rapor:read", "barinma:read",
	"motorbot:read", "sefer:read", "workorder:read", "guvenlik:read", "cari:write", "hizmet:write", "motorbot:write", "sefer:write",
}

const watchedRole = "NOBETCI"

func rightsOf(bits int) []string {
	names := []string{}
	for i, name := range watchedRights {
		if bits>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return names
}

func bitsOf(names []string) int {
	bits := 0
	for i, name := range watchedRights {
		if slices.Contains(names, name) {
			bits |= 1 << i
		}
	}
	return bits
}

// declinedError is a userError: nothing was changed.
type declinedError struct{ code string }

func (d *declinedError) Error() string { return d.code }

// payload sends a mutation whose only root field is called r, and decodes that.
func payload[P any](ctx context.Context, p *served, token, document string, variables map[string]any) (of P, err error) {
	var data struct{ R json.RawMessage }
	if err := p.ask(ctx, token, "", document, variables, &data); err != nil {
		return of, err
	}
	var declined struct{ UserErrors []struct{ Code string } }
	if err := json.Unmarshal(data.R, &declined); err != nil {
		return of, err
	}
	if len(declined.UserErrors) > 0 {
		return of, &declinedError{declined.UserErrors[0].Code}
	}
	return of, json.Unmarshal(data.R, &of)
}

// must sends a mutation that has to succeed.
func must[P any](t *testing.T, f *fleet, document string, variables map[string]any) P {
	t.Helper()
	of, err := payload[P](t.Context(), f.servers[0], f.admin, document, variables)
	if err != nil {
		t.Fatalf("%s: %v\n%s", document, err, f.servers[0].output.String())
	}
	return of
}

type nothing struct{}

// Parameters that are written to: two categories of two each.
var parameters = []struct{ category, code string }{{"SEYIR_A", "X"}, {"SEYIR_A", "Y"}, {"SEYIR_B", "X"}, {"SEYIR_B", "Y"}}

// prepare makes what the operations are about.
func (f *fleet) prepare(t *testing.T) {
	t.Helper()
	for _, p := range parameters {
		must[nothing](t, f, `mutation M($i: CreateParameterInput!) { r: createParameter(input: $i) { userErrors { code } } }`,
			map[string]any{"i": map[string]any{"category": p.category, "code": p.code, "name": "Seyir", "value": "0"}})
	}
	must[nothing](t, f, saveRole, roleOf(0))
	const password = "Poyraz-2026-esti"
	must[nothing](t, f, `mutation M($i: CreateUserInput!) { r: createUser(input: $i) { userErrors { code } } }`,
		map[string]any{"i": map[string]any{"email": "nobetci@aliaport.example", "fullName": "Deniz Kaya", "password": password, "roles": []string{watchedRole}}})
	f.watch = must[struct{ AccessToken string }](t, f, `mutation M($i: LoginInput!) { r: login(input: $i) { accessToken userErrors { code } } }`,
		map[string]any{"i": map[string]any{"email": "nobetci@aliaport.example", "password": password}}).AccessToken
	type made struct{ PriceList struct{ ID string } }
	for i := range f.lists {
		f.lists[i] = must[made](t, f, `mutation M($i: CreatePriceListInput!) { r: createPriceList(input: $i) { priceList { id } userErrors { code } } }`,
			map[string]any{"i": map[string]any{"code": fmt.Sprintf("SEYIR-%d", i), "name": "Seyir tarifesi", "currency": "USD", "validFrom": "2026-01-01"}}).PriceList.ID
		must[nothing](t, f, `mutation M($i: AddPriceListItemsInput!) { r: addPriceListItems(input: $i) { userErrors { code } } }`,
			map[string]any{"i": map[string]any{"priceListId": f.lists[i], "revision": 1, "items": []any{map[string]any{"serviceCode": "HZM005", "unitPrice": "10"}}}})
	}
}

const saveRole = `mutation M($i: SaveRoleInput!) { r: saveRole(input: $i) { userErrors { code } } }`

func roleOf(bits int) map[string]any {
	return map[string]any{"i": map[string]any{"name": watchedRole, "permissions": rightsOf(bits)}}
}
