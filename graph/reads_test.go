package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
)

// readsOf are the recorded reads, oldest first, once there are n of them.
func readsOf(t *testing.T, db *store.DB, n int) []*ent.AuditEvent {
	t.Helper()
	var list []*ent.AuditEvent
	for range 1000 {
		list = db.AuditEvent.Query().Where(auditevent.Action("read")).Order(auditevent.ByID()).AllX(t.Context())
		if len(list) >= n {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(30 * time.Millisecond) // for those that should not come
	list = db.AuditEvent.Query().Where(auditevent.Action("read")).Order(auditevent.ByID()).AllX(t.Context())
	if len(list) != n {
		t.Fatalf("%d reads are recorded, want %d: %v", len(list), n, list)
	}
	return list
}

func keeping(kept string) func(*config.Config) {
	return func(c *config.Config) { c.AuditReads, c.AuditReadDelay = kept, time.Millisecond }
}

const newCustomer = `mutation { createCari(input: {cariCode: "C-1", title: "Ada Denizcilik", type: LEGAL, role: CUSTOMER, country: "DE",
	iban: "DE89370400440532013000", phone: "+90 232 555 12 34"}) { cari { id } userErrors { code message field } } }`

func TestReadsOfWhatIsSensitiveAreRecorded(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db, keeping("sensitive"))
		var made struct {
			CreateCari struct {
				Cari       struct{ ID string }
				UserErrors []struct{ Code, Message string }
			}
		}
		a.Get(t, api.Admin, newCustomer, nil, &made)
		id := made.CreateCari.Cari.ID
		if id == "" {
			t.Fatalf("no customer: %+v", made)
		}
		key, err := globalid.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		event := db.AuditEvent.Query().FirstX(t.Context())
		seen := 0
		for _, c := range []struct {
			name, role, query string
			resource, entity  string // "": nothing is recorded
			extra             string // is part of what else is known
		}{
			{"a list without personal data", api.Admin, `{ cariAccounts { nodes { title city } } }`, "", "", ""},
			{"a list with personal data", api.Admin, `{ cariAccounts { nodes { title iban phone email } } }`, "cari", fmt.Sprint(key.Key), `"personal":["iban","phone"]`},
			{"the details of a customer", actor.RoleOperations, `query Details { cari(cariCode: "C-1") { title } }`, "cari", fmt.Sprint(key.Key), `"field":"cari"`},
			{"a customer through node", api.Admin, `{ node(id: "` + id + `") { ... on Cari { iban } } }`, "cari", fmt.Sprint(key.Key), `"personal":["iban"]`},
			{"a customer that is not there", api.Admin, `{ cari(cariCode: "C-2") { title } }`, "", "", ""},
			{"a search of the trail", api.Admin, `{ auditEvents(filter: {resource: "cari"}) { nodes { action } } }`, "audit_event", "", `"resource":"cari"`},
			{"facets of the trail", api.Admin, `{ auditFacets(field: ACTION) { values { value count } } }`, "audit_event", "", `"field":"auditFacets"`},
			{"a line of the trail through node", api.Admin, `{ node(id: "` + event.GlobalID() + `") { ... on AuditEvent { action } } }`, "audit_event", fmt.Sprint(event.ID), ""},
			{"a search that is refused", api.Admin, `{ auditEvents(filter: {ip: "192.0.2.7", path: "/graphql"}) { nodes { action } } }`, "", "", ""},
			{"a search without the right", actor.RoleOperations, `{ auditEvents { nodes { action } } }`, "", "", ""},
			{"a list of services", api.Admin, `{ services { nodes { code } } }`, "", "", ""},
		} {
			a.Do(t, c.role, c.query, nil)
			if c.resource != "" {
				seen++
			}
			list := readsOf(t, db, seen)
			if c.resource == "" {
				continue
			}
			e := list[len(list)-1]
			entity := ""
			if e.EntityID != nil {
				entity = *e.EntityID
			}
			var extra any
			if err := json.Unmarshal(e.Extra, &extra); err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(extra)
			if err != nil || e.Resource != c.resource || entity != c.entity || !strings.Contains(string(text), c.extra) || e.UserID == nil {
				t.Errorf("%s: recorded %s %q %s, error %v", c.name, e.Resource, entity, text, err)
			}
			if strings.Contains(string(text), "DE89") {
				t.Errorf("%s: the trail keeps the value itself: %s", c.name, text)
			}
		}
	})
}

func TestNoReadIsRecordedWhenNoneIsKept(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db, keeping("none"))
		a.Do(t, api.Admin, `{ auditEvents { nodes { action } } cari(cariCode: "C-1") { iban } }`, nil)
		readsOf(t, db, 0)
	})
}

func TestEveryReadIsRecordedWhenAllAreKept(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db, keeping("all"))
		a.Do(t, api.Admin, `{ services { nodes { code } } cariAccounts { nodes { title } } __typename }`, nil)
		for _, e := range readsOf(t, db, 2) {
			if e.Resource != "query" {
				t.Errorf("recorded as %s", e.Resource)
			}
		}
	})
}

func TestManyRecordsReadTogetherMakeOneLine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db, keeping("sensitive"))
		for n := range 120 {
			a.Do(t, api.Admin, strings.Replace(newCustomer, "C-1", fmt.Sprint("C-", n), 1), nil)
		}
		a.Do(t, api.Admin, `{ cariAccounts(first: 100) { nodes { iban } } }`, nil)
		var extra struct {
			Count int
			IDs   []int64
		}
		if err := json.Unmarshal(readsOf(t, db, 1)[0].Extra, &extra); err != nil {
			t.Fatal(err)
		}
		if extra.Count != 100 || len(extra.IDs) != 100 {
			t.Errorf("recorded %d records, %d of them by name", extra.Count, len(extra.IDs))
		}
	})
}
