package graph_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/ent"
	"aliaport/ent/jobrun"
	"aliaport/ent/notificationdelivery"
	"aliaport/ent/notificationevent"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/graph/gen"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/notification"
	"aliaport/internal/seed"
	"aliaport/internal/store"
)

// sdl is the schema as the server has it.
func sdl() *ast.Schema { return gen.NewExecutableSchema(gen.Config{}).Schema() }

// deepest is how far the walk follows objects below a list.
const deepest = 4

// required tells whether an argument must be given.
func required(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }

// everything selects every field of an object that needs no arguments.
func everything(s *ast.Schema, typ *ast.Definition, depth int) string {
	var b strings.Builder
	b.WriteString("{ __typename")
	for _, f := range typ.Fields {
		of := s.Types[f.Type.Name()]
		switch {
		case strings.HasPrefix(f.Name, "__") || slices.ContainsFunc(f.Arguments, required):
		case of.IsLeafType():
			b.WriteString(" " + f.Name)
		case depth < deepest:
			b.WriteString(" " + f.Name + " " + everything(s, of, depth+1))
		}
	}
	b.WriteString(" }")
	return b.String()
}

// connections are the fields of Query that are lists.
func connections(s *ast.Schema) []*ast.FieldDefinition {
	return slices.DeleteFunc(slices.Clone([]*ast.FieldDefinition(s.Query.Fields)), func(f *ast.FieldDefinition) bool {
		return !strings.HasSuffix(f.Type.Name(), "Connection")
	})
}

// seeded fills a database with enough rows for full pages.
func seeded(t *testing.T, db *store.DB) *api.API {
	t.Helper()
	// The walk asks for more than a screen would.
	server := api.New(t, db, api.Uncached, func(c *config.Config) { c.LimitNodes, c.LimitFields, c.LimitTokens = 0, 0, 100_000 })
	if _, err := seed.Run(t.Context(), db, server.Server.Users(), seed.Options{WorkOrders: 400, Cari: 150, Services: 150, Seed: 1, Now: api.Start}); err != nil {
		t.Fatal(err)
	}
	uninvoiced(t, db)
	for i := range 100 {
		u, err := server.Server.Users().Add(t.Context(), fmt.Sprintf("user%d@aliaport.example", i), "Kullanıcı", "", actor.RoleNames[i%len(actor.RoleNames)])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Server.Users().SignIn(t.Context(), u, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	fleet(t, db, 100)
	field(t, db)
	tariffs(t, db, 100)
	archives(t, db, 100)
	notifications(t, db, 100)
	jobs(t, db, 100)
	return server
}

// notifications tell everybody with rights of n things.
func notifications(t *testing.T, db *store.DB, n int) {
	t.Helper()
	wo := db.WorkOrder.Query().Where(workorder.IsActive(true)).FirstIDX(t.Context())
	var events []notification.Event
	for i := range n {
		events = append(events, notification.Event{Kind: notificationevent.KindWorkOrderSubmitted, Key: fmt.Sprint("walk", i), Entity: "WorkOrder", EntityID: wo})
	}
	err := db.InTx(t.Context(), func(tx *ent.Tx) error {
		_, err := notification.Publish(t.Context(), tx, api.Start, events...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range db.NotificationEvent.Query().AllX(t.Context()) {
		db.NotificationDelivery.Create().SetEvent(e).SetChannel(notificationdelivery.ChannelWebhook).SetStatus(notificationdelivery.StatusFailed).SetNextAt(api.Start).
			SetAttempts(5).SetLastError("503").SetFinishedAt(api.Start).ExecX(t.Context())
	}
}

// jobs makes n runs, each a repetition of the one before, and n reports.
func jobs(t *testing.T, db *store.DB, n int) {
	t.Helper()
	ctx := t.Context()
	for i := range n {
		at := api.Start.Add(time.Duration(i-n) * time.Hour)
		c := db.JobRun.Create().SetJob("rates").SetScheduledFor(at).SetSlot(at).SetTrigger(jobrun.TriggerRetry).SetState(jobrun.StateFailed).
			SetAttempts(4).SetMaxAttempts(4).SetStartedAt(at).SetFinishedAt(at.Add(time.Second)).SetError("no answer").SetLog("WARN no answer\n").SetServer("port/1")
		if i > 0 {
			c.SetRetryOf(db.JobRun.Query().Order(jobrun.ByID(sql.OrderDesc())).FirstIDX(ctx))
		}
		c.ExecX(ctx)
		db.MonthlyReport.Create().SetMonth(api.Start.AddDate(0, i-n, 0).Format("2006-01")).SetVersion(1).SetContent("{}").SetSha256("0").SetDurationMs(5).ExecX(ctx)
	}
}

// fleet makes boats with two trips each.
func fleet(t *testing.T, db *store.DB, n int) {
	t.Helper()
	planner, customer, order := db.User.Query().FirstIDX(t.Context()), db.Cari.Query().FirstX(t.Context()), db.WorkOrder.Query().Where(workorder.IsActive(true)).FirstIDX(t.Context())
	var trips []*ent.TripCreate
	for i := range n {
		code := fmt.Sprintf("MB%03d", i)
		boat := db.Motorbot.Create().SetMBCode(code).SetName("Tekne " + code).SetNameFold("tekne " + code).SetSearchText(code).SetOwnerCariID(customer.ID).SaveX(t.Context())
		for j, status := range []trip.Status{trip.StatusCompleted, trip.StatusPlanned} {
			start := api.Start.AddDate(0, 0, 2*j-1)
			c := db.Trip.Create().SetTripNo(fmt.Sprintf("SF-2020-%05d", 2*i+j)).SetMotorbotID(boat.ID).SetTripDate(calendar.DateOf(start)).SetPlannedDepartureAt(start).
				SetStartsAt(start).SetEndsAt(start.Add(time.Hour)).SetStatus(status).SetCariID(customer.ID).SetCariCode(customer.CariCode).SetWorkOrderID(order).
				SetCreatedBy(planner).SetUpdatedBy(planner)
			if status == trip.StatusCompleted {
				c.SetDepartureAt(start).SetReturnAt(start.Add(time.Hour))
			}
			trips = append(trips, c)
		}
	}
	db.Trip.CreateBulk(trips...).ExecX(t.Context())
}

// field gives every order a person, work on the bill and two stays, each of which
// corrects another one. They come first in all lists, so that short pages lead to as
// much as long ones.
func field(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	who, work, sailed := db.User.Query().FirstIDX(ctx), db.Service.Query().FirstIDX(ctx), db.Trip.Query().FirstX(ctx)
	orders := db.WorkOrder.Query().Where(workorder.IsActive(true)).WithItems().AllX(ctx)
	for i, wo := range orders {
		p := db.WorkOrderPerson.Create().SetWorkOrderID(wo.ID).SetFullName("Kaptan").SetPassportNo("U1234567").SetStatus("APPROVED").
			SetDecidedBy(who).SetDecidedByName("Nöbetçi").SetDecidedAt(api.Start).SetCreatedBy(who).SaveX(ctx)
		l := db.WorkLog.Create().SetWorkOrderID(wo.ID).SetTripID(sailed.ID).SetMotorbotID(sailed.MotorbotID).SetServiceID(work).SetPersonnelName("Usta").
			SetTimeStart(api.Start.Add(time.Hour)).SetTimeEnd(api.Start.Add(2 * time.Hour)).SetDurationMinutes(60).SetQuantity(decimal.NewFromInt(1)).
			SetStatus("PROCESSED").SetDecidedBy(who).SetCreatedBy(who).SaveX(ctx)
		db.WorkOrderItem.UpdateOne(wo.Edges.Items[0]).SetWorkLogID(l.ID).ExecX(ctx)
		stay := func(at time.Time, corrects *ent.GateLog) *ent.GateLogCreate {
			c := db.GateLog.Create().SetWorkOrderID(wo.ID).SetWoNumber(wo.WoNumber).SetWoStatus("APPROVED").SetSubject("VEHICLE").SetPersonID(p.ID).
				SetMotorbotID(sailed.MotorbotID).SetVehiclePlate("34 T").SetPlateNorm(fmt.Sprintf("34T%d", i)).SetEntryAt(at).SetEntryBy(who).SetEntryByName("Nöbetçi").
				SetBaseMinutes(240).SetChecklist(json.RawMessage(`[{"id":1,"label":"Belge","required":true,"ticked":true}]`))
			if corrects != nil {
				c.SetCorrectsID(corrects.ID).SetCorrectionReason("Plaka yanlış")
			}
			return c
		}
		exit := func(c *ent.GateLogCreate, at time.Time) *ent.GateLogCreate {
			return c.SetExitAt(at).SetExitBy(who).SetExitByName("Nöbetçi").SetDurationMinutes(60).SetOverrunMinutes(0)
		}
		old, young := api.Start.AddDate(-3, 0, 0), api.Start.Add(time.Hour)
		stay(old, exit(stay(old, nil), old.Add(time.Hour)).SetIsSuperseded(true).SaveX(ctx)).ExecX(ctx)
		exit(stay(young, exit(stay(young, nil), young.Add(time.Hour)).SetIsSuperseded(true).SaveX(ctx)), young.Add(time.Hour)).ExecX(ctx)
	}
}

// uninvoiced gives each of 120 customers a completed order with a line.
func uninvoiced(t *testing.T, db *store.DB) {
	t.Helper()
	by := db.User.Query().FirstIDX(t.Context())
	for i, c := range db.Cari.Query().Limit(120).AllX(t.Context()) {
		number := fmt.Sprintf("WO-2020-%05d", i+1)
		wo := db.WorkOrder.Create().SetWoNumber(number).SetCari(c).SetCariCode(c.CariCode).SetCariTitle(c.Title).SetRequesterID(by).SetRequesterName("x").
			SetType(workorder.TypeService).SetSubject("Vinç").SetSearchText("vinc").SetStatus(workorder.StatusCompleted).SetCreatedAt(api.Start.AddDate(-6, 0, 0)).SetActualEnd(api.Start).
			SetCreatedBy(by).SetUpdatedBy(by).SaveX(t.Context())
		db.WorkOrderItem.Create().SetWorkOrder(wo).SetSequence(1).SetQuantity(decimal.NewFromInt(1)).SetUnit("SAAT").SetUnitPrice(decimal.NewFromInt(1)).
			SetCurrency("TRY").SetVatRate(decimal.NewFromInt(20)).SaveX(t.Context())
	}
}

func TestNoListSendsMoreStatementsForMoreRows(t *testing.T) {
	t.Parallel()
	s := sdl()
	lists := connections(s)
	if len(lists) < 3 {
		t.Fatalf("only %d lists found", len(lists))
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		for _, f := range lists {
			query := fmt.Sprintf("query Walk($first: Int) { %s(first: $first) %s }", f.Name, everything(s, s.Types[f.Type.Name()], 0))
			counts := map[int]int{}
			for _, first := range []int{2, 100} {
				var page map[string]struct{ Nodes []struct{ ID string } }
				a := server.Get(t, api.Admin, query, map[string]any{"first": first}, &page)
				if n := len(page[f.Name].Nodes); n != first {
					t.Fatalf("%s(first: %d) has %d rows: not enough data to tell", f.Name, first, n)
				}
				counts[first] = a.Extensions.Profile.StatementCount
			}
			if counts[2] != counts[100] || counts[2] == 0 {
				t.Errorf("%s sends %d statements for 2 rows and %d for 100", f.Name, counts[2], counts[100])
			}
		}
	})
}

const board = `query Board($first: Int!, $after: String) { workOrders(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: DESC}) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { cursor node { id woNumber status subject priority createdAt cari { id cariCode title }
    items { id quantity unitPrice service { id code name unit } } } } } }`

func TestTheBoardTakesFiveStatements(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		for _, first := range []int{2, 100} {
			var answer any
			a := server.Get(t, api.Admin, board, map[string]any{"first": first}, &answer)
			if n := a.Extensions.Profile.StatementCount; n != 5 {
				t.Errorf("first: %d takes %d statements: %v", first, n, a.Extensions.Profile.Statements)
			}
		}
	})
}

func TestRecordsByIDTakeAStatementATypeAndALevel(t *testing.T) {
	t.Parallel()
	const (
		what = `... on WorkOrder { woNumber cari { title } items { service { code } } } ... on Trip { motorbot { name } }`
		many = `query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id ` + what + ` } }`
	)
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		var page struct {
			WorkOrders, Trips struct{ Nodes []struct{ ID string } }
		}
		server.Get(t, api.Admin, `{ workOrders(first: 20) { nodes { id } } trips(first: 20) { nodes { id } } }`, nil, &page)
		var orders, all []string
		for i, o := range page.WorkOrders.Nodes {
			orders = append(orders, o.ID)
			all = append(all, o.ID, page.Trips.Nodes[i].ID)
		}
		var found struct{ Nodes []struct{ ID string } }
		for _, c := range []struct {
			ids  []string
			want int // orders, customers, items, services; trips, boats
		}{{orders[:1], 4}, {orders, 4}, {all, 6}} {
			a := server.Get(t, api.Admin, many, map[string]any{"ids": c.ids}, &found)
			if n := a.Extensions.Profile.StatementCount; n != c.want {
				t.Errorf("%d ids take %d statements, want %d: %v", len(c.ids), n, c.want, a.Extensions.Profile.Statements)
			}
			for i, id := range c.ids {
				if found.Nodes[i].ID != id {
					t.Errorf("%d. is %s, want %s", i, found.Nodes[i].ID, id)
				}
			}
		}
		var one any
		a := server.Get(t, api.Admin, `query Node($id: ID!) { node(id: $id) { `+what+` } }`, map[string]any{"id": orders[0]}, &one)
		if n := a.Extensions.Profile.StatementCount; n != 4 {
			t.Errorf("one takes %d statements: %v", n, a.Extensions.Profile.Statements)
		}
		// Each by a field of its own: the orders together, then what is below each.
		a = server.Get(t, api.Admin, `query Nodes($a: ID!, $b: ID!, $c: ID!) { a: node(id: $a) { `+what+` } b: node(id: $b) { `+what+` } c: node(id: $c) { `+what+` } }`,
			map[string]any{"a": orders[0], "b": orders[1], "c": orders[2]}, &one)
		if n := a.Extensions.Profile.StatementCount; n > 1+3*3 {
			t.Errorf("three fields take %d statements: %v", n, a.Extensions.Profile.Statements)
		}
	})
}

func TestTheDashboardTakesNineStatements(t *testing.T) {
	t.Parallel()
	const dashboard = `{ dashboard { workOrders { status count } dueToday overdue boatsAtSea vehiclesInside
		newestGateEvents { direction at log { id vehiclePlate workOrder { woNumber cari { title } } } } } }`
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := seeded(t, db)
		var answer struct {
			Dashboard struct {
				WorkOrders []struct{ Count int }
			}
		}
		a := server.Get(t, api.Admin, dashboard, nil, &answer)
		if n := a.Extensions.Profile.StatementCount; n != 9 { // two for the gate, and one for each relation below
			t.Errorf("%d statements: %v", n, a.Extensions.Profile.Statements)
		}
		sum := 0
		for _, c := range answer.Dashboard.WorkOrders {
			sum += c.Count
		}
		if all := db.WorkOrder.Query().Where(workorder.IsActive(true)).CountX(t.Context()); sum != all {
			t.Errorf("%d work orders of %d", sum, all)
		}
	})
}

func TestEveryPartOfTheSchemaIsDescribed(t *testing.T) {
	t.Parallel()
	for name, d := range sdl().Types {
		if d.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		missing := func(what, description string) {
			if strings.TrimSpace(description) == "" {
				t.Errorf("%s has no description", what)
			}
		}
		if name != "Mutation" && name != "Query" {
			missing(name, d.Description)
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			missing(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				missing(name+"."+f.Name+"("+a.Name+")", a.Description)
			}
		}
		for _, v := range d.EnumValues {
			missing(name+"."+v.Name, v.Description)
		}
	}
}

func TestEveryRootFieldSaysWhoMayCallIt(t *testing.T) {
	t.Parallel()
	s := sdl()
	for _, root := range []*ast.Definition{s.Query, s.Mutation} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			guards := 0
			for _, d := range f.Directives {
				switch d.Name {
				case "can":
					guards++
					if p := actor.Permission(d.Arguments.ForName("permission").Value.Raw); !slices.Contains(actor.Permissions, p) {
						t.Errorf("%s.%s asks for %q, which is no permission", root.Name, f.Name, p)
					}
				case "signedIn", "public":
					guards++
				}
			}
			if guards != 1 {
				t.Errorf("%s.%s has %d guards, not one", root.Name, f.Name, guards)
			}
		}
	}
}

func TestEveryNodeIsFoundByItsID(t *testing.T) {
	t.Parallel()
	s := sdl()
	server := seeded(t, aliatest.Open(t, "sqlite3"))
	var page struct {
		WorkOrders struct {
			Nodes []struct {
				ID        string
				Cari      struct{ ID string }
				Requester struct{ ID string }
				Items     []struct {
					ID      string
					Service *struct{ ID string }
				}
				History []struct{ ID string }
			}
		}
	}
	server.Get(t, api.Admin, `{ workOrders(first: 100) { nodes { id cari { id } requester { id } items { id service { id } } history { id } } } }`, nil, &page)
	var users struct {
		Users struct {
			Nodes []struct{ Roles []struct{ ID string } }
		}
	}
	server.Get(t, api.Admin, `{ users(first: 100) { nodes { roles { id } } } }`, nil, &users)
	ids := map[string]string{}
	for _, u := range users.Users.Nodes {
		for _, r := range u.Roles {
			ids["Role"] = r.ID
		}
	}
	var parameter struct {
		Parameter struct {
			ID      string
			History []struct{ ID string }
		}
	}
	server.Get(t, api.Admin, `{ parameter(category: "BIRIM", code: "TON") { id history { id } } }`, nil, &parameter)
	ids["Parameter"], ids["ParameterHistory"] = parameter.Parameter.ID, parameter.Parameter.History[0].ID
	var trail struct {
		AuditEvents struct{ Nodes []struct{ ID string } }
	}
	server.Get(t, api.Admin, `{ auditEvents(first: 1) { nodes { id } } }`, nil, &trail)
	for _, e := range trail.AuditEvents.Nodes {
		ids["AuditEvent"] = e.ID
	}
	var archive struct {
		AuditArchives struct{ Nodes []struct{ ID string } }
	}
	server.Get(t, api.Admin, `{ auditArchives(first: 1) { nodes { id } } }`, nil, &archive)
	for _, a := range archive.AuditArchives.Nodes {
		ids["AuditArchive"] = a.ID
	}
	var told struct {
		Notifications struct{ Nodes []struct{ ID string } }
	}
	server.Get(t, api.Admin, `{ notifications(first: 1) { nodes { id } } }`, nil, &told)
	ids["Notification"] = told.Notifications.Nodes[0].ID
	var done struct {
		JobRuns        struct{ Nodes []struct{ ID string } }
		MonthlyReports struct{ Nodes []struct{ ID string } }
	}
	server.Get(t, api.Admin, `{ jobRuns(first: 1) { nodes { id } } monthlyReports(first: 1) { nodes { id } } }`, nil, &done)
	ids["JobRun"], ids["MonthlyReport"] = done.JobRuns.Nodes[0].ID, done.MonthlyReports.Nodes[0].ID
	var letters struct {
		NotificationDeliveries struct{ Nodes []struct{ ID string } }
	}
	server.Get(t, api.Admin, `{ notificationDeliveries(first: 1) { nodes { id } } }`, nil, &letters)
	ids["NotificationDelivery"] = letters.NotificationDeliveries.Nodes[0].ID
	var rates struct {
		LatestExchangeRates []struct{ ID string }
	}
	server.Get(t, api.Admin, `{ latestExchangeRates { id } }`, nil, &rates)
	for _, r := range rates.LatestExchangeRates {
		ids["ExchangeRate"] = r.ID
	}
	for _, wo := range page.WorkOrders.Nodes {
		ids["WorkOrder"], ids["Cari"], ids["User"] = wo.ID, wo.Cari.ID, wo.Requester.ID
		for _, i := range wo.Items {
			ids["WorkOrderItem"] = i.ID
			if i.Service != nil {
				ids["Service"] = i.Service.ID
			}
		}
		for _, h := range wo.History {
			ids["WorkOrderStatusHistory"] = h.ID
		}
	}
	var boats struct {
		Motorbots struct {
			Nodes []struct {
				ID       string
				LastTrip struct{ ID string }
			}
		}
	}
	server.Get(t, api.Admin, `{ motorbots(first: 1) { nodes { id lastTrip { id } } } }`, nil, &boats)
	for _, m := range boats.Motorbots.Nodes {
		ids["Motorbot"], ids["Trip"] = m.ID, m.LastTrip.ID
	}
	var field struct {
		InsideNow struct {
			Nodes []struct {
				ID     string
				Person struct{ ID string }
			}
		}
		WorkLogs      struct{ Nodes []struct{ ID string } }
		GateChecklist []struct{ ID string }
	}
	server.Get(t, api.Admin, `{ insideNow(first: 1) { nodes { id person { id } } } workLogs(first: 1) { nodes { id } } gateChecklist(woType: SERVICE) { id } }`, nil, &field)
	ids["GateLog"], ids["WorkOrderPerson"] = field.InsideNow.Nodes[0].ID, field.InsideNow.Nodes[0].Person.ID
	ids["WorkLog"], ids["GateChecklistItem"] = field.WorkLogs.Nodes[0].ID, field.GateChecklist[0].ID
	var lists struct {
		PriceLists struct {
			Nodes []struct {
				ID    string
				Items struct {
					Nodes []struct {
						ID      string
						Service struct {
							Overrides struct{ Nodes []struct{ ID string } }
						}
					}
				}
			}
		}
	}
	server.Get(t, api.Admin, `{ priceLists(filter: {code: "LISTE-000"}) { nodes { id items { nodes { id service { overrides { nodes { id } } } } } } } }`, nil, &lists)
	list := lists.PriceLists.Nodes[0]
	ids["PriceList"], ids["PriceListItem"], ids["ServiceOverride"] = list.ID, list.Items.Nodes[0].ID, list.Items.Nodes[0].Service.Overrides.Nodes[0].ID
	for _, d := range s.PossibleTypes["Node"] {
		var found struct {
			Node struct {
				Typename string `json:"__typename"`
				ID       string
			}
		}
		server.Get(t, api.Admin, `query Node($id: ID!) { node(id: $id) { __typename id } }`, map[string]any{"id": ids[d.Name]}, &found)
		if found.Node.Typename != d.Name || found.Node.ID != ids[d.Name] {
			t.Errorf("node(%q) is %+v, not a %s", ids[d.Name], found.Node, d.Name)
		}
	}
}
