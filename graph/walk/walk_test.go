package walk_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/99designs/gqlgen/graphql"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	"aliaport/ent/exchangerate"
	"aliaport/ent/jobrun"
	"aliaport/ent/service"
	"aliaport/ent/workorder"
	"aliaport/graph/walk"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/globalid"
	"aliaport/internal/plan"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/server"
)

// port is a database whose big tables have more rows than may be scanned, and a walk over it.
func port(t *testing.T, dialectName string) (*store.DB, *walk.Walk) {
	t.Helper()
	url := aliatest.MigratedURL(t, dialectName)
	filled(t, aliatest.OpenURL(t, url))
	// Connections of SQLite know the statistics of the time when they were opened.
	db := aliatest.OpenURL(t, url)
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.LimitTokens, cfg.LimitMeasureOnly, cfg.RateMeasureOnly, cfg.AuditReads, cfg.Cache = 0, true, true, "none", "off"
	cfg.JWTKey = "a key for tests that is long enough"
	srv, err := server.New(server.Deps{Config: cfg, DB: db, Log: slog.New(slog.DiscardHandler), Version: "test", Now: func() time.Time { return api.Start }})
	if err != nil {
		t.Fatal(err)
	}
	who := db.User.Query().FirstX(t.Context())
	as := actor.New(who.ID, who.Email, who.FullName, nil, actor.Permissions)
	return db, &walk.Walk{Schema: server.Schema(), Ask: func(ctx context.Context, query string, variables map[string]any) *graphql.Response {
		return srv.Ask(ctx, as, query, variables)
	}}
}

func filled(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	a := api.New(t, db) // with users and parameters
	if _, err := seed.Run(ctx, db, a.Server.Users(), seed.Options{WorkOrders: 1500, Cari: 1100, Services: 1100, Motorbots: 20, Trips: 1200, Seed: 1, Now: api.Start}); err != nil {
		t.Fatal(err)
	}
	rates := db.ExchangeRate.Query().Limit(20).IDsX(ctx)
	db.ExchangeRate.Update().Where(exchangerate.IDIn(rates...)).SetNeedsReview(true).SetReason("sıçrama").ExecX(ctx)
	users := db.User.Query().IDsX(ctx)
	var events []*ent.AuditEventCreate
	for i := range 2500 {
		outcome := map[bool]string{true: "DENIED", false: "OK"}[i%40 == 0]
		events = append(events, db.AuditEvent.Create().SetCreatedAt(api.Start.Add(-time.Duration(i)*time.Minute)).SetUserID(users[i%len(users)]).SetRoles("ADMIN").SetMethod("GRAPHQL").
			SetPath(fmt.Sprintf("/graphql#Is%d", i%9)).SetAction([]string{"create", "update", "status_change"}[i%3]).SetResource([]string{"WorkOrder", "Cari"}[i%2]).
			SetEntityID(globalid.ID{Type: "WorkOrder", Key: int64(i%50 + 1)}.String()).SetOutcome(auditevent.Outcome(outcome)).SetStatusCode(200).SetDurationMs(3).SetRequestID(fmt.Sprintf("istek-%05d", i)).SetIP(fmt.Sprintf("192.0.2.%d", i%30)))
	}
	for chunk := range slices.Chunk(events, 500) {
		db.AuditEvent.CreateBulk(chunk...).ExecX(ctx)
	}
	var runs []*ent.JobRunCreate
	for i := range 1500 {
		at := api.Start.Add(-time.Duration(i) * time.Hour)
		runs = append(runs, db.JobRun.Create().SetJob([]string{"rates", "watch", "cleanup"}[i%3]).SetScheduledFor(at).SetSlot(at).SetTrigger(jobrun.TriggerSchedule).
			SetState([]jobrun.State{jobrun.StateSucceeded, jobrun.StateFailed}[i%10/9]).SetAttempts(1).SetMaxAttempts(3).SetStartedAt(at).SetFinishedAt(at.Add(time.Second)))
	}
	for chunk := range slices.Chunk(runs, 500) {
		db.JobRun.CreateBulk(chunk...).ExecX(ctx)
	}
	run(t, db, "ANALYZE")
}

func run(t *testing.T, db *store.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Writer().ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func inspector(db *store.DB) *plan.Inspector {
	return &plan.Inspector{DB: db.Reader(), Dialect: db.Dialect(), Limits: plan.DefaultLimits}
}

// TestNothingThatCanBeAskedScansSortsOrGrows asks everything on both databases, and
// then plants what must be found.
func TestNothingThatCanBeAskedScansSortsOrGrows(t *testing.T) {
	t.Parallel()
	offered := map[string]bool{} // which combinations are offered does not depend on the database
	for _, dialectName := range []string{dialect.SQLite, dialect.Postgres} {
		db, w := port(t, dialectName)
		w.Offered = offered
		start := time.Now()
		r, err := w.Examine(t.Context(), inspector(db), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Faults() {
			t.Errorf("%s: %s", dialectName, f)
		}
		if r.Questions < 2000 || len(r.Statements) < 1000 || len(r.Nested) < 200 {
			t.Errorf("%s: only %d questions, %d statements, %d nested lists", dialectName, r.Questions, len(r.Statements), len(r.Nested))
		}
		t.Logf("%s: %d questions, %d statements, %d nested lists in %s", dialectName, r.Questions, len(r.Statements), len(r.Nested), time.Since(start))
		planted(t, db, w)
	}
}

// planted takes an index away, and then adds to a list what must not be there: each
// is found, with its place.
func planted(t *testing.T, db *store.DB, w *walk.Walk) {
	t.Helper()
	found := func(what string, r *walk.Report, words ...string) {
		t.Helper()
		faults := r.Faults()
		if !slices.ContainsFunc(faults, func(f string) bool {
			return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(f, word) })
		}) {
			t.Errorf("%s: %s is not found: %q", db.Dialect(), what, faults)
		}
	}
	examined := func(w walk.Walk, field string) *walk.Report {
		w.Only = []string{field}
		r, err := w.Examine(t.Context(), inspector(db), 1)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	w.Only = []string{"auditEvents", "services"}
	run(t, db, "DROP INDEX audit_events_request_id", "CREATE INDEX services_unit ON services (unit, currency)")
	run(t, db, "ANALYZE services")
	x, _, err := w.Indexes(t.Context(), inspector(db))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(x.Unused(), "services_unit") || slices.Contains(x.Unused(), "services_code") {
		t.Errorf("%s: unused are %q", db.Dialect(), x.Unused())
	}
	if !slices.ContainsFunc(x.Missing, func(m walk.Missing) bool { return strings.Contains(m.Question, "requestId") }) {
		t.Errorf("%s: missing are %v", db.Dialect(), x.Missing)
	}
	found("a missing index", examined(*w, "auditEvents"), "auditEvents requestId (auditEvents)", "audit_events")

	ask, asked, as := w.Ask, 0, db.User.Query().FirstIDX(t.Context())
	worse := *w
	worse.Ask = func(ctx context.Context, query string, variables map[string]any) *graphql.Response {
		resp := ask(ctx, query, variables)
		if !strings.Contains(query, "motorbots") {
			return resp
		}
		asked++
		if asked == 1 { // of the samples
			return resp
		}
		db.WorkOrder.Query().Where(workorder.Subject("Vinç")).AllX(ctx)
		db.Cari.Query().Where(cari.City("Van"), cari.Notes("yok")).Order(cari.ByTitleFold(), cari.ByID()).Limit(11).AllX(ctx)
		db.Service.Query().Order(service.ByDescription()).Limit(11).AllX(ctx)
		for range strings.Count(string(resp.Data), `"mbCode"`) {
			db.User.GetX(ctx, as)
		}
		return resp
	}
	r := examined(worse, "motorbots")
	found("a scan", r, "motorbots", "scan: scans work_orders")
	found("a filter without index", r, "motorbots", " cari")
	found("a sort", r, "motorbots", "sort: sorts more than")
	found("a statement a row", r, "motorbots > ", "20 for 20 rows", "users")
}
