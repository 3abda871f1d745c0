package graph_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	entuser "aliaport/ent/user"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// client is a user who may ask from any goroutine: faults come back as errors. The
// token outlives every move of the clock.
type client struct {
	t     testing.TB
	api   *api.API
	name  string
	token string
}

// newClient signs a new user in.
func newClient(t testing.TB, a *api.API, name, role string) *client {
	t.Helper()
	u, err := a.Server.Users().Add(t.Context(), name+"@client.example", name, "", role)
	if err != nil {
		t.Fatal(err)
	}
	session, err := a.Server.Users().SignIn(t.Context(), u, 10*365*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, a, name, session.AccessToken}
}

// ask sends a document; any error in the answer is an error.
func (c *client) ask(document string, variables map[string]any, into any) error {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return err
	}
	r := httptest.NewRequestWithContext(c.t.Context(), http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.token)
	w := httptest.NewRecorder()
	c.api.Server.Handler().ServeHTTP(w, r)
	var answer struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		return fmt.Errorf("status %d: %w: %s", w.Code, err, w.Body)
	}
	if w.Code != http.StatusOK || len(answer.Errors) > 0 {
		return fmt.Errorf("status %d: %s", w.Code, w.Body)
	}
	return json.Unmarshal(answer.Data, into)
}

// order is a work order as the tests look at it.
type order struct {
	ID, WoNumber, Status, Subject string
	Version                       int
	CreatedAt                     time.Time
	Items                         []struct{ Sequence int }
	History                       []struct{ ToStatus, UserName string }
}

// payload is the answer to a change.
type payload struct {
	WorkOrder  *order
	UserErrors []struct {
		Code  string
		Field []string
	}
}

func (p *payload) code() string {
	if len(p.UserErrors) == 0 {
		return ""
	}
	return p.UserErrors[0].Code
}

// change sends one mutation on work orders.
func (c *client) change(mutation, inputType string, input map[string]any) (*payload, error) {
	document := fmt.Sprintf(`mutation Change($input: %s!) { change: %s(input: $input) {
		workOrder { id woNumber status subject version createdAt items { sequence } history { toStatus userName } }
		userErrors { code field } } }`, inputType, mutation)
	var data struct{ Change payload }
	if err := c.ask(document, map[string]any{"input": input}, &data); err != nil {
		return nil, fmt.Errorf("%s: %w", mutation, err)
	}
	return &data.Change, nil
}

// create makes a work order with one item; more fields may be given.
func (c *client) create(subject string, more ...map[string]any) (*payload, error) {
	input := map[string]any{
		"cariCode": "C-100", "subject": subject,
		"items": []any{map[string]any{"serviceCode": "HZM001", "quantity": "1.5"}},
	}
	for _, m := range more {
		maps.Copy(input, m)
	}
	return c.change("createWorkOrder", "CreateWorkOrderInput", input)
}

// atOnce runs f for 0 … n-1, all let go together.
func atOnce(n int, f func(i int) error) error {
	var g errgroup.Group
	var ready sync.WaitGroup
	ready.Add(n)
	for i := range n {
		g.Go(func() error {
			ready.Done()
			ready.Wait()
			return f(i)
		})
	}
	return g.Wait()
}

// standing writes work orders past the API, which lets them only begin as drafts.
// Numbers of an old year keep out of the way of those the API gives.
func standing(t testing.TB, db *store.DB, n int, set func(i int, c *ent.WorkOrderCreate)) []*ent.WorkOrder {
	t.Helper()
	customer := db.Cari.Query().Where(cari.CariCode("C-100")).OnlyX(t.Context())
	requester := db.User.Query().Where(entuser.Email("operasyon@aliaport.example")).OnlyX(t.Context())
	have := db.WorkOrder.Query().Where(workorder.WoNumberHasPrefix("WO-2020-")).CountX(t.Context())
	creates := make([]*ent.WorkOrderCreate, n)
	for i := range creates {
		number := sequence.Format(sequence.WorkOrder, 2020, have+i+1)
		creates[i] = db.WorkOrder.Create().SetWoNumber(number).
			SetCariID(customer.ID).SetCariCode(customer.CariCode).SetCariTitle(customer.Title).
			SetRequesterID(requester.ID).SetRequesterName(requester.FullName).SetCreatedBy(requester.ID).SetUpdatedBy(requester.ID).
			SetType(workorder.TypeService).SetSubject("Römorkaj").SetSearchText(turkish.Fold(number + " Römorkaj")).
			SetNetTotal(decimal.Zero).SetVatTotal(decimal.Zero).SetGrandTotal(decimal.Zero).SetCreatedAt(api.Start).SetUpdatedAt(api.Start)
		set(i, creates[i])
	}
	made := make([]*ent.WorkOrder, 0, n)
	for chunk := range slices.Chunk(creates, 100) {
		part, err := db.WorkOrder.CreateBulk(chunk...).Save(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, part...)
	}
	return made
}

// withItem gives each order an item, so that nothing but its status decides what
// may happen to it.
func withItem(t testing.TB, db *store.DB, orders []*ent.WorkOrder) {
	t.Helper()
	for chunk := range slices.Chunk(orders, 100) {
		items := make([]*ent.WorkOrderItemCreate, len(chunk))
		for i, wo := range chunk {
			items[i] = db.WorkOrderItem.Create().SetWorkOrderID(wo.ID).SetSequence(1).SetItemType("RESOURCE").SetResourceCode("FORKLIFT").
				SetQuantity(decimal.NewFromInt(1)).SetUnit("SAAT").SetUnitPrice(decimal.NewFromInt(1)).SetCurrency("TRY").
				SetTotalAmount(decimal.Zero).SetVatRate(decimal.Zero).SetVatAmount(decimal.Zero).SetGrandTotal(decimal.Zero)
		}
		if err := db.WorkOrderItem.CreateBulk(items...).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// gapFree fails unless the numbers, in any order, are 1, 2, 3 … of the year.
func gapFree(t testing.TB, year int, numbers []string) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(numbers))
	for i, number := range sorted {
		if want := sequence.Format(sequence.WorkOrder, year, i+1); number != want {
			t.Errorf("number %d of %d is %s, want %s", i+1, len(sorted), number, want)
			return
		}
	}
}

func TestFiftyClientsCreateWithoutGapOrDuplicate(t *testing.T) {
	t.Parallel()
	const clients, each = 50, 4
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		all := make([]*client, clients)
		for i := range all {
			all[i] = newClient(t, a, fmt.Sprintf("istemci%d", i), actor.RoleField)
		}
		numbers := make([]string, clients*each)
		err := atOnce(clients, func(i int) error {
			for n := range each {
				p, err := all[i].create(fmt.Sprintf("Römorkaj %d", n))
				if err != nil {
					return err
				}
				if p.WorkOrder == nil || len(p.WorkOrder.Items) != 1 {
					return fmt.Errorf("client %d was answered %+v", i, p)
				}
				numbers[i*each+n] = p.WorkOrder.WoNumber
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		gapFree(t, 2026, numbers)
		if last := db.NumberSequence.Query().OnlyX(t.Context()).Last; last != clients*each {
			t.Errorf("the sequence stands at %d, want %d", last, clients*each)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("create"), auditevent.Resource("work_order")).CountX(t.Context()); n != clients*each {
			t.Errorf("%d audit rows, want %d", n, clients*each)
		}
	})
}

func TestNumbersBeginAnewWithTheYearInIstanbul(t *testing.T) {
	t.Parallel()
	const clients, each = 10, 6
	newYear := time.Date(2026, 12, 31, 21, 0, 0, 0, time.UTC)
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		all := make([]*client, clients)
		for i := range all {
			all[i] = newClient(t, a, fmt.Sprintf("istemci%d", i), actor.RoleField)
		}
		a.Clock.Move(newYear.Sub(a.Clock.Now()) - time.Microsecond)
		var made atomic.Int32
		var mu sync.Mutex
		byYear := map[int][]string{}
		err := atOnce(clients, func(i int) error {
			for range each {
				p, err := all[i].create("Pilotaj")
				if err != nil {
					return err
				}
				if p.WorkOrder == nil {
					return fmt.Errorf("refused: %+v", p.UserErrors)
				}
				year := calendar.Year(p.WorkOrder.CreatedAt)
				if !strings.HasPrefix(p.WorkOrder.WoNumber, fmt.Sprintf("WO-%d-", year)) {
					return fmt.Errorf("%s was made at %s", p.WorkOrder.WoNumber, p.WorkOrder.CreatedAt)
				}
				mu.Lock()
				byYear[year] = append(byYear[year], p.WorkOrder.WoNumber)
				mu.Unlock()
				if made.Add(1) == clients*each/2 {
					a.Clock.Move(time.Microsecond) // the fireworks
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(byYear) != 2 || len(byYear[2026]) < clients*each/2 || len(byYear[2027]) == 0 {
			t.Errorf("%d orders in 2026, %d in 2027", len(byYear[2026]), len(byYear[2027]))
		}
		gapFree(t, 2026, byYear[2026])
		gapFree(t, 2027, byYear[2027])
	})
}

// steps is the life of a work order: every transition with its mutation.
var steps = []struct {
	from, to                    workorder.Status
	action, mutation, inputType string
	input                       map[string]any
}{
	{"DRAFT", "SUBMITTED", "SUBMIT", "submitWorkOrder", "WorkOrderStepInput", nil},
	{"DRAFT", "APPROVED", "APPROVE", "approveWorkOrder", "WorkOrderStepInput", nil},
	{"DRAFT", "CANCELLED", "CANCEL", "cancelWorkOrder", "WorkOrderOptionalReasonInput", nil},
	{"SUBMITTED", "APPROVED", "APPROVE", "approveWorkOrder", "WorkOrderStepInput", nil},
	{"SUBMITTED", "REJECTED", "REJECT", "rejectWorkOrder", "WorkOrderReasonInput", map[string]any{"reason": "Belgeler eksik geldi"}},
	{"SUBMITTED", "DRAFT", "WITHDRAW", "withdrawWorkOrder", "WorkOrderStepInput", nil},
	{"REJECTED", "DRAFT", "REOPEN", "reopenWorkOrder", "WorkOrderOptionalReasonInput", nil},
	{"APPROVED", "IN_PROGRESS", "START", "startWorkOrder", "WorkOrderStepInput", nil},
	{"APPROVED", "REJECTED", "REJECT", "rejectWorkOrder", "WorkOrderReasonInput", map[string]any{"reason": "Belgeler eksik geldi"}},
	{"APPROVED", "CANCELLED", "CANCEL", "cancelWorkOrder", "WorkOrderOptionalReasonInput", map[string]any{"reason": "Gemi limana gelmedi"}},
	{"IN_PROGRESS", "COMPLETED", "COMPLETE", "completeWorkOrder", "CompleteWorkOrderInput", map[string]any{"completionNote": "Bitti"}},
	{"COMPLETED", "IN_PROGRESS", "REOPEN", "reopenWorkOrder", "WorkOrderOptionalReasonInput", map[string]any{"reason": "Ölçüm yenilenecek"}},
	{"COMPLETED", "INVOICED", "INVOICE", "invoiceWorkOrder", "InvoiceWorkOrderInput", nil},
	{"INVOICED", "CLOSED", "CLOSE", "closeWorkOrder", "WorkOrderStepInput", nil},
}

func TestTheRacedStepsAreTheWholeLife(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	api.Fixture(t, db)
	a := api.New(t, db)
	statuses := []workorder.Status{"DRAFT", "SUBMITTED", "APPROVED", "IN_PROGRESS", "COMPLETED", "INVOICED", "CLOSED", "REJECTED", "CANCELLED"}
	standing(t, db, len(statuses), func(i int, c *ent.WorkOrderCreate) { c.SetStatus(statuses[i]) })
	var data struct {
		WorkOrders struct {
			Nodes []struct {
				Status             string
				AllowedTransitions []struct{ Action, To string }
			}
		}
	}
	a.Get(t, api.Admin, `{ workOrders { nodes { status allowedTransitions { action to } } } }`, nil, &data)
	var offered, raced []string
	for _, wo := range data.WorkOrders.Nodes {
		for _, to := range wo.AllowedTransitions {
			offered = append(offered, wo.Status+" "+to.Action+" "+to.To)
		}
	}
	for _, s := range steps {
		raced = append(raced, fmt.Sprint(s.from, " ", s.action, " ", s.to))
	}
	slices.Sort(offered)
	slices.Sort(raced)
	if !slices.Equal(offered, raced) {
		t.Errorf("offered %q\nraced %q", offered, raced)
	}
}

func TestOfTwoClientsTakingTheSameStepOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		rivals := []*client{newClient(t, a, "Ayşe", actor.RoleAdmin), newClient(t, a, "Barış", actor.RoleAdmin)}
		for _, s := range steps {
			orders := standing(t, db, rounds, func(_ int, c *ent.WorkOrderCreate) { c.SetStatus(s.from) })
			withItem(t, db, orders)
			for _, wo := range orders {
				input := map[string]any{"id": wo.GlobalID()}
				maps.Copy(input, s.input)
				answers := make([]*payload, len(rivals))
				err := atOnce(len(rivals), func(i int) (err error) {
					answers[i], err = rivals[i].change(s.mutation, s.inputType, input)
					return err
				})
				if err != nil {
					t.Fatalf("%s → %s: %v", s.from, s.to, err)
				}
				winner := slices.IndexFunc(answers, func(p *payload) bool { return p.WorkOrder != nil && len(p.UserErrors) == 0 })
				if winner < 0 || answers[1-winner].WorkOrder != nil || answers[1-winner].code() != "WO_INVALID_STATUS_TRANSITION" {
					t.Fatalf("%s → %s: %+v and %+v", s.from, s.to, answers[0], answers[1])
				}
				won := answers[winner].WorkOrder
				if won.Status != string(s.to) || won.Version != wo.Version+1 || len(won.History) != 1 ||
					won.History[0].ToStatus != string(s.to) || won.History[0].UserName != rivals[winner].name {
					t.Fatalf("%s → %s: client %d won and got %+v", s.from, s.to, winner, won)
				}
			}
			ids := make([]int64, len(orders))
			keys := make([]string, len(orders))
			for i, wo := range orders {
				ids[i], keys[i] = wo.ID, fmt.Sprint(wo.ID)
			}
			if n := db.WorkOrderStatusHistory.Query().Where(workorderstatushistory.WorkOrderIDIn(ids...)).CountX(t.Context()); n != rounds {
				t.Errorf("%s → %s: %d rows of history after %d rounds", s.from, s.to, n, rounds)
			}
			if n := db.AuditEvent.Query().Where(auditevent.OutcomeEQ(auditevent.OutcomeOk), auditevent.Resource("work_order"), auditevent.EntityIDIn(keys...)).CountX(t.Context()); n != rounds {
				t.Errorf("%s → %s: %d audit rows after %d rounds", s.from, s.to, n, rounds)
			}
		}
	})
}

func TestOfTwoClientsUpdatingTheSameVersionOneWins(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		rivals := []*client{newClient(t, a, "Ayşe", actor.RoleAdmin), newClient(t, a, "Barış", actor.RoleAdmin)}
		wo := standing(t, db, 1, func(int, *ent.WorkOrderCreate) {})[0]
		for version := wo.Version; version < wo.Version+rounds; version++ {
			answers := make([]*payload, len(rivals))
			err := atOnce(len(rivals), func(i int) (err error) {
				answers[i], err = rivals[i].change("updateWorkOrder", "UpdateWorkOrderInput",
					map[string]any{"id": wo.GlobalID(), "version": version, "subject": fmt.Sprintf("Konu %d/%d", version, i)})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			won := slices.IndexFunc(answers, func(p *payload) bool { return len(p.UserErrors) == 0 })
			if won < 0 || answers[1-won].code() != "VERSION_CONFLICT" {
				t.Fatalf("version %d: %+v and %+v", version, answers[0], answers[1])
			}
			// The loser sees what the winner wrote.
			for _, p := range answers {
				if p.WorkOrder == nil || p.WorkOrder.Version != version+1 || p.WorkOrder.Subject != fmt.Sprintf("Konu %d/%d", version, won) {
					t.Fatalf("version %d: %+v after client %d won", version, p.WorkOrder, won)
				}
			}
		}
		n := db.AuditEvent.Query().Where(auditevent.OutcomeEQ(auditevent.OutcomeOk), auditevent.Resource("work_order"), auditevent.Action("update")).CountX(t.Context())
		if n != rounds {
			t.Errorf("%d audit rows after %d updates", n, rounds)
		}
	})
}

func TestItemsAddedAtOnceAreAllThereAndInTheTotal(t *testing.T) {
	t.Parallel()
	const clients, each = 10, 5
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		c := newClient(t, api.New(t, db), "Ayşe", actor.RoleOperations)
		wo := standing(t, db, 1, func(int, *ent.WorkOrderCreate) {})[0]
		err := atOnce(clients, func(int) error {
			for range each {
				p, err := c.change("addWorkOrderItem", "AddWorkOrderItemInput", map[string]any{
					"workOrderId": wo.GlobalID(), "item": map[string]any{"serviceCode": "HZM001", "quantity": "0.5"},
				})
				if err != nil {
					return err
				}
				if len(p.UserErrors) > 0 {
					return fmt.Errorf("refused: %+v", p.UserErrors)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		after := db.WorkOrder.GetX(t.Context(), wo.ID)
		if want := decimal.NewFromInt(clients * each * 750); !after.NetTotal.Equal(want) || after.Version != wo.Version+clients*each {
			t.Errorf("net total %s at version %d, want %s at version %d", after.NetTotal, after.Version, want, wo.Version+clients*each)
		}
		items := db.WorkOrderItem.Query().AllX(t.Context())
		slices.SortFunc(items, func(a, b *ent.WorkOrderItem) int { return cmp.Compare(a.Sequence, b.Sequence) })
		for i, item := range items {
			if item.Sequence != i+1 {
				t.Fatalf("item %d has the place %d", i+1, item.Sequence)
			}
		}
	})
}

func TestAKeySentTenTimesAtOnceMakesOneRecord(t *testing.T) {
	t.Parallel()
	const copies = 10
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		c := newClient(t, a, "Ayşe", actor.RoleOperations)
		// repeated sends the same create often and returns the one number.
		repeated := func(key string) string {
			t.Helper()
			answers := make([]*payload, copies)
			err := atOnce(copies, func(i int) (err error) {
				answers[i], err = c.create("Atık alımı "+key, map[string]any{"idempotencyKey": key})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range answers {
				if p.WorkOrder == nil || p.WorkOrder.WoNumber != answers[0].WorkOrder.WoNumber {
					t.Fatalf("key %s: %+v and %+v", key, answers[0], p)
				}
			}
			return answers[0].WorkOrder.WoNumber
		}
		const keys = 20
		numbers := make([]string, keys)
		for i := range numbers {
			numbers[i] = repeated(fmt.Sprint("anahtar ", i))
		}
		gapFree(t, 2026, numbers)

		a.Clock.Move(24*time.Hour - time.Microsecond)
		if again := repeated("anahtar 0"); again != numbers[0] {
			t.Errorf("a microsecond before 24 hours the key answers %s, want %s", again, numbers[0])
		}
		a.Clock.Move(2 * time.Microsecond)
		for i := range numbers {
			numbers = append(numbers, repeated(fmt.Sprint("anahtar ", i)))
		}
		gapFree(t, 2026, numbers)
		if n := db.IdempotencyKey.Query().CountX(t.Context()); n != keys {
			t.Errorf("%d keys are kept, want %d", n, keys)
		}
	})
}

func TestAnItemSentTenTimesAtOnceIsAddedOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		c := newClient(t, api.New(t, db), "Ayşe", actor.RoleOperations)
		for i, wo := range standing(t, db, rounds/5, func(int, *ent.WorkOrderCreate) {}) {
			err := atOnce(10, func(int) error {
				p, err := c.change("addWorkOrderItem", "AddWorkOrderItemInput", map[string]any{
					"workOrderId": wo.GlobalID(), "item": map[string]any{"serviceCode": "HZM001", "quantity": "2"}, "idempotencyKey": fmt.Sprint("kalem ", i),
				})
				if err == nil && (p.WorkOrder == nil || len(p.WorkOrder.Items) != 1) {
					err = fmt.Errorf("answered %+v", p)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// counts is how many rows a create would leave behind, and where the numbers stand.
func counts(t testing.TB, db *store.DB) string {
	t.Helper()
	ctx := t.Context()
	last := 0
	for _, s := range db.NumberSequence.Query().AllX(ctx) {
		last += s.Last
	}
	return fmt.Sprintf("orders %d items %d history %d audit %d keys %d number %d",
		db.WorkOrder.Query().CountX(ctx), db.WorkOrderItem.Query().CountX(ctx), db.WorkOrderStatusHistory.Query().CountX(ctx),
		// Attempts and logins have lines of their own; a create that was refused has none.
		db.AuditEvent.Query().Where(auditevent.ActionEQ("create"), auditevent.OutcomeEQ(auditevent.OutcomeOk)).CountX(ctx), db.IdempotencyKey.Query().CountX(ctx), last)
}

func TestARefusedCreateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		api.Fixture(t, db)
		a := api.New(t, db)
		c := newClient(t, a, "Ayşe", actor.RoleOperations)
		if p, err := c.create("Römorkaj"); err != nil || p.WorkOrder == nil {
			t.Fatalf("%+v, error %v", p, err)
		}
		before := counts(t, db)
		item := func(fields map[string]any) map[string]any { return map[string]any{"items": []any{fields}} }
		for name, tt := range map[string]struct {
			more map[string]any
			code string
		}{
			"unknown customer":           {map[string]any{"cariCode": "C-999"}, "CARI_NOT_FOUND"},
			"inactive customer":          {map[string]any{"cariCode": "C-200"}, "CARI_INACTIVE"},
			"unknown service":            {item(map[string]any{"serviceCode": "HZM998", "quantity": "1"}), "HIZMET_NOT_FOUND"},
			"inactive service":           {item(map[string]any{"serviceCode": "HZM099", "quantity": "1"}), "HIZMET_INACTIVE"},
			"price in another currency":  {item(map[string]any{"serviceCode": "HZM005", "quantity": "1"}), "KUR_RATE_NOT_AVAILABLE"},
			"no quantity":                {item(map[string]any{"serviceCode": "HZM001", "quantity": "0"}), "VALIDATION_ERROR"},
			"amount too large":           {item(map[string]any{"serviceCode": "HZM001", "quantity": "99999999999", "unitPrice": "99999999999"}), "VALIDATION_ERROR"},
			"subject too short":          {map[string]any{"subject": "ab"}, "VALIDATION_ERROR"},
			"planned to end before then": {map[string]any{"plannedStart": "2026-04-01T08:00:00Z", "plannedEnd": "2026-04-01T08:00:00Z"}, "VALIDATION_ERROR"},
		} {
			tt.more["idempotencyKey"] = "ret " + name
			err := atOnce(5, func(int) error {
				p, err := c.create("Pilotaj", tt.more)
				if err == nil && (p.code() != tt.code || p.WorkOrder != nil) {
					err = fmt.Errorf("answered %+v, want %s", p, tt.code)
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if after := counts(t, db); after != before {
				t.Fatalf("%s: before %s, after %s", name, before, after)
			}
		}
		reader := newClient(t, a, "Okan", actor.RoleReadOnly)
		if _, err := reader.create("Pilotaj", map[string]any{"idempotencyKey": "izinsiz"}); err == nil || !strings.Contains(err.Error(), "FORBIDDEN") {
			t.Errorf("without the right: error %v", err)
		}
		if after := counts(t, db); after != before {
			t.Fatalf("without the right: before %s, after %s", before, after)
		}
		// A key of a refused create is free for the mended one.
		if p, err := c.create("Pilotaj", map[string]any{"idempotencyKey": "ret no quantity"}); err != nil || p.WorkOrder == nil || p.WorkOrder.WoNumber != "WO-2026-00002" {
			t.Errorf("the mended create: %+v, error %v", p, err)
		}
	})
}

func TestACreateThatFailsHalfwayLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	// What is written after the number was taken.
	for _, table := range []string{"work_order_items", "work_order_status_history", "audit_events"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				api.Fixture(t, db)
				c := newClient(t, api.New(t, db), "Ayşe", actor.RoleOperations)
				before := counts(t, db)
				block, unblock := "ALTER TABLE "+table+" ADD CONSTRAINT blocked CHECK (false) NOT VALID", "ALTER TABLE "+table+" DROP CONSTRAINT blocked"
				if db.Dialect() == dialect.SQLite {
					block, unblock = "CREATE TRIGGER blocked BEFORE INSERT ON "+table+" BEGIN SELECT RAISE(ABORT, 'blocked'); END", "DROP TRIGGER blocked"
				}
				if _, err := db.Writer().ExecContext(t.Context(), block); err != nil {
					t.Fatal(err)
				}
				_, err := c.create("Pilotaj", map[string]any{"idempotencyKey": "yarım"})
				if err == nil || !strings.Contains(err.Error(), `"code":"INTERNAL"`) || strings.Contains(err.Error(), "blocked") {
					t.Errorf("error %v", err)
				}
				if after := counts(t, db); after != before {
					t.Errorf("before %s, after %s", before, after)
				}
				if _, err := db.Writer().ExecContext(t.Context(), unblock); err != nil {
					t.Fatal(err)
				}
				if p, err := c.create("Pilotaj", map[string]any{"idempotencyKey": "yarım"}); err != nil || p.WorkOrder == nil || p.WorkOrder.WoNumber != "WO-2026-00001" {
					t.Errorf("afterwards: %+v, error %v", p, err)
				}
			})
		})
	}
}
