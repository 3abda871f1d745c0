package server_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/goccy/go-yaml"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/shopspring/decimal"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/seed"
)

// rulesFile is ops/prometheus/alerts.yml.
type rulesFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

// panel is one of a dashboard of Grafana.
type panel struct {
	Title, Type string
	Targets     []struct{ Expr string }
}

func readOps(t *testing.T, name string, decode func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile("../ops/" + name)
	if err == nil {
		err = decode(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// exposed tells whether the server has the metric, with the labels that are asked for.
func exposed(families map[string]*dto.MetricFamily, s *parser.VectorSelector) bool {
	family := families[s.Name]
	for _, end := range []string{"_bucket", "_count", "_sum"} {
		if base, cut := strings.CutSuffix(s.Name, end); cut && family == nil && families[base].GetType() == dto.MetricType_HISTOGRAM {
			family = families[base]
		}
	}
	if family == nil {
		return false
	}
	for _, m := range s.LabelMatchers {
		switch m.Name {
		case "__name__", "instance", "job", "le": // Prometheus adds them
			continue
		}
		found := false
		for _, l := range family.GetMetric()[0].GetLabel() {
			found = found || l.GetName() == m.Name
		}
		if !found {
			return false
		}
	}
	return true
}

func TestDashboardAndAlertsAskForMetricsThatAreThere(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite), nowhere, func(c *config.Config) { c.RateOperations, c.RateMeasureOnly = 1, true })
	if _, err := seed.Run(t.Context(), a.DB, a.Server.Users(), seed.Options{WorkOrders: 20, Cari: 5, Services: 5, Seed: 1, Now: api.Start}); err != nil {
		t.Fatal(err)
	}
	day := calendar.DateOf(api.Start)
	a.DB.ExchangeRate.Create().SetBulletinDate(day).SetValidFrom(day).SetCurrencyFrom("USD").SetCurrencyTo("TRY").SetUnit(1).
		SetSource("TCMB").SetForexBuying(decimal.NewFromInt(40)).SetCreatedAt(api.Start).SetUpdatedAt(api.Start).ExecX(t.Context())
	a.Do(t, api.Admin, firstExample(t), map[string]any{"first": 1})
	a.Do(t, api.Admin, whoAmI, nil) // one too many, which a limit counts
	families, _ := scrape(t, a)

	var rules rulesFile
	readOps(t, "prometheus/alerts.yml", func(b []byte, v any) error { return yaml.UnmarshalWithOptions(b, v, yaml.Strict()) }, &rules)
	var dashboard struct{ Panels []panel }
	readOps(t, "grafana/aliaport.json", json.Unmarshal, &dashboard)

	asked := map[string]bool{}
	ask := func(where, expr string) {
		t.Helper()
		expr = strings.ReplaceAll(strings.ReplaceAll(expr, "$__rate_interval", "5m"), "$instance", ".*")
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return
		}
		parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.VectorSelector); ok {
				asked[s.Name] = true
				if !exposed(families, s) && s.Name != "up" { // which Prometheus makes itself
					t.Errorf("%s: no server has %s", where, s)
				}
			}
			return nil
		})
	}
	alerts := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			alerts++
			ask(r.Alert, r.Expr)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || !strings.HasPrefix(r.Alert, "Aliaport") {
				t.Errorf("%s has no severity or summary, or a name without the program's", r.Alert)
			}
			if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
				t.Errorf("%s: %v", r.Alert, err)
			}
		}
	}
	queries := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries++
			ask(p.Title, target.Expr)
		}
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %s asks for nothing", p.Title)
		}
	}
	if alerts < 10 || queries < 30 {
		t.Errorf("only %d alerts and %d queries found", alerts, queries)
	}
	for name := range families {
		base := strings.HasPrefix(name, "aliaport_") && !asked[name] && !asked[name+"_bucket"] && !asked[name+"_count"]
		if base {
			t.Errorf("neither dashboard nor alerts show %s", name)
		}
	}
}
