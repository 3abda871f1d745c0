package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"aliaport/ent/gatelog"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/config"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/server/playground"
)

// scrape reads /metrics as Prometheus does.
func scrape(t testing.TB, a *api.API) (families map[string]*dto.MetricFamily, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	a.Server.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", w.Code, w.Body)
	}
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return families, w.Body.String()
}

// value is that of the series with the labels, written name="value" in the order of names.
func value(t testing.TB, families map[string]*dto.MetricFamily, name, labels string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		var got []string
		for _, l := range m.GetLabel() {
			got = append(got, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
		if slices.Sort(got); strings.Join(got, ",") == labels {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Errorf("no %s{%s}", name, labels)
	return -1
}

// firstExample is the board, which consoles show first.
func firstExample(t testing.TB) string {
	t.Helper()
	examples, err := playground.Examples()
	if err != nil || !strings.Contains(examples[0].Query, "query Board") {
		t.Fatalf("the first example is not the board: %v", err)
	}
	return examples[0].Query
}

func TestMetricsAreAsPrometheusWantsThem(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite), nowhere)
	a.Do(t, api.Admin, firstExample(t), map[string]any{"first": 1})
	_, text := scrape(t, a)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// nowhere has a Redis that is not there, so that its metrics are.
func nowhere(c *config.Config) { c.RedisURL = "redis://127.0.0.1:1/0" }

func TestClientsMakeNoSeries(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite))
	a.Do(t, api.Admin, firstExample(t), map[string]any{"first": 1})
	a.Do(t, api.Admin, whoAmI, nil)
	a.Do(t, api.Admin, "query first "+whoAmI, nil)
	before, _ := scrape(t, a)
	for i := range 50 {
		a.Do(t, api.Admin, fmt.Sprintf("query mine%d %s", i, whoAmI), nil)
		a.Send(t, httptest.NewRequestWithContext(t.Context(), fmt.Sprintf("BREW%d", i), fmt.Sprintf("/graphql/%d", i), http.NoBody))
	}
	after, text := scrape(t, a)
	for name, family := range after {
		if was := before[name]; len(family.GetMetric()) > len(was.GetMetric())+2 && strings.HasPrefix(name, "aliaport_") {
			t.Errorf("%s has %d series, before it had %d", name, len(family.GetMetric()), len(was.GetMetric()))
		}
	}
	if strings.Contains(text, "mine") || strings.Contains(text, "BREW") {
		t.Errorf("a client's word is in the metrics:\n%s", grep(text, ".*(mine|BREW)"))
	}
	const operations, took = "aliaport_graphql_operations_total", "aliaport_graphql_operation_duration_seconds"
	for labels, want := range map[string]float64{
		`code="OK",operation="Board",type="query"`: 1, `code="OK",operation="anonymous",type="query"`: 1, `code="OK",operation="other",type="query"`: 51,
	} {
		if got := value(t, after, operations, labels); got != want {
			t.Errorf("%s{%s} is %g, want %g", operations, labels, got, want)
		}
	}
	if got := value(t, after, took, `operation="Board",type="query"`); got != 1 {
		t.Errorf("the board was timed %g times, want 1", got)
	}
}

func TestStatementsBatchesAndSignInsAreCounted(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.RateLogins = 4 })
	if _, err := seed.Run(t.Context(), a.DB, a.Server.Users(), seed.Options{WorkOrders: 20, Cari: 5, Services: 5, Seed: 1, Now: api.Start}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Server.Users().Add(t.Context(), "liman@aliaport.example", "Liman", "Vardiya-2026-x", "OPERASYON"); err != nil {
		t.Fatal(err)
	}
	before, _ := scrape(t, a)
	a.Do(t, api.Admin, firstExample(t), map[string]any{"first": 20})
	login := func(email, password string) {
		a.Do(t, "", `mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken userErrors { code } } }`, map[string]any{"e": email, "p": password})
	}
	login("liman@aliaport.example", "Vardiya-2026-x")
	const guesses = 10
	for range guesses {
		login("kimse@aliaport.example", "yanlış parola")
	}
	after, _ := scrape(t, a)
	ended := map[string]float64{}
	for _, result := range []string{"success", "invalid", "limited", "error"} {
		ended[result] = value(t, after, "aliaport_login_total", `result="`+result+`"`)
	}
	if ended["success"] != 1 || ended["error"] != 0 || ended["invalid"] == 0 || ended["limited"] == 0 || ended["invalid"]+ended["limited"] != guesses {
		t.Errorf("a sign-in and %d guesses ended as %v", guesses, ended)
	}
	for name, labels := range map[string]string{
		"aliaport_graphql_resolver_batch_size": "", "aliaport_db_query_duration_seconds": `kind="SELECT"`,
	} {
		if was, is := value(t, before, name, labels), value(t, after, name, labels); is <= was {
			t.Errorf("%s counted %g before and %g after", name, was, is)
		}
	}
	if got := value(t, after, "aliaport_db_query_duration_seconds", `kind="COMMIT"`); got == 0 {
		t.Error("no commit was counted")
	}
}

func TestFiguresOfThePortAreInTheMetrics(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db)
		if _, err := seed.Run(t.Context(), db, a.Server.Users(), seed.Options{WorkOrders: 200, Cari: 20, Services: 20, Seed: 1, Now: api.Start}); err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			t.Helper()
			got, _ := scrape(t, a)
			if value(t, got, "aliaport_figures_up", "") != 1 {
				t.Fatal(when + ": the figures could not be read")
			}
			for _, status := range []workorder.Status{workorder.StatusDraft, workorder.StatusInProgress, workorder.StatusClosed} {
				want := db.WorkOrder.Query().Where(workorder.StatusEQ(status), workorder.IsActive(true)).CountX(t.Context())
				if n := value(t, got, "aliaport_work_orders", fmt.Sprintf("status=%q", status)); n != float64(want) {
					t.Errorf("%s: %g work orders are %s, want %d", when, n, status, want)
				}
			}
			if n, want := value(t, got, "aliaport_trips_underway", ""), db.Trip.Query().Where(trip.StatusEQ(trip.StatusUnderway), trip.IsActive(true)).CountX(t.Context()); n != float64(want) {
				t.Errorf("%s: %g trips are underway, want %d", when, n, want)
			}
			if n, want := value(t, got, "aliaport_gate_open_entries", ""), db.GateLog.Query().Where(gatelog.ExitAtIsNil(), gatelog.IsSuperseded(false)).CountX(t.Context()); n != float64(want) {
				t.Errorf("%s: %g are inside, want %d", when, n, want)
			}
		}
		check("at first")
		order := db.WorkOrder.Query().Where(workorder.StatusEQ(workorder.StatusDraft), workorder.IsActive(true)).FirstX(t.Context())
		first, _ := scrape(t, a)
		db.WorkOrder.UpdateOne(order).SetIsActive(false).ExecX(t.Context())
		again, _ := scrape(t, a)
		drafts := func(from map[string]*dto.MetricFamily) float64 {
			return value(t, from, "aliaport_work_orders", `status="DRAFT"`)
		}
		if drafts(first) != drafts(again) {
			t.Error("the figures were read anew at once")
		}
		a.Clock.Move(6 * time.Second)
		check("six seconds later")
		later, _ := scrape(t, a)
		if drafts(later) != drafts(first)-1 {
			t.Errorf("%g drafts after one of %g was deleted", drafts(later), drafts(first))
		}
	})
}

func TestTheAgeOfTheNewestBulletinIsInTheMetrics(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite))
	const age = "aliaport_rate_bulletin_age_seconds"
	none, _ := scrape(t, a)
	if none[age] != nil {
		t.Errorf("%s is there without a bulletin", age)
	}
	entry := func(day, currency, source string) {
		t.Helper()
		if _, err := a.DB.Writer().ExecContext(t.Context(), `INSERT INTO exchange_rates
			(bulletin_date, valid_from, currency_from, currency_to, unit, forex_buying, forex_selling, source, needs_review, version, created_at, updated_at)
			VALUES ($1, $1, $2, 'TRY', 1, 40, 41, $3, false, 1, $4, $4)`, day, currency, source, api.Start); err != nil {
			t.Fatal(err)
		}
	}
	entry("2026-02-26", "USD", "TCMB")
	entry("2026-03-02", "EUR", "MANUAL") // by hand: not what the bank published
	a.Clock.Move(6 * time.Second)
	got, _ := scrape(t, a)
	midnight := time.Date(2026, 2, 25, 21, 0, 0, 0, time.UTC) // in Istanbul
	if n, want := value(t, got, age, ""), a.Clock.Now().Sub(midnight).Seconds(); n != want {
		t.Errorf("the bulletin is %g s old, want %g", n, want)
	}
}

func TestMetricsAreThereWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite))
	if err := a.DB.Reader().Close(); err != nil {
		t.Fatal(err)
	}
	got, _ := scrape(t, a)
	if value(t, got, "aliaport_figures_up", "") != 0 || got["aliaport_work_orders"] != nil {
		t.Error("figures of a database that is away")
	}
	if got["aliaport_http_requests_total"] == nil && got["go_goroutines"] == nil {
		t.Error("the other metrics are gone too")
	}
}
