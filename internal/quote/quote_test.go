package quote_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/ent/service"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

var now = time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC) // a Tuesday, noon in Istanbul

func number(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// shop is a service with two services sold in dollars and one in lira.
type shop struct {
	*quote.Service

	ctx   context.Context //nolint:containedctx // that of the test, as a reader of services
	cards map[string]*ent.Service
}

func open(t *testing.T, db *store.DB) *shop {
	t.Helper()
	clock := func() time.Time { return now }
	s := &shop{
		Service: &quote.Service{DB: db, Now: clock, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: clock}},
		ctx:     actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.ServiceRead})), cards: map[string]*ent.Service{},
	}
	for code, key := range map[string]int64{
		"LIRA":   aliatest.Service(t, db, "LIRA", "SAAT", "1500", "TRY", service.CalculationTypePerUnit, ""),
		"DOLLAR": aliatest.Service(t, db, "DOLLAR", "SAAT", "20", "USD", service.CalculationTypePerUnit, ""),
		"WEIGHT": aliatest.Service(t, db, "WEIGHT", "TON", "0.03", "USD", service.CalculationTypeXSecondary, `{"primary": "WEIGHT", "secondary": "DAYS", "weight_unit": "kg"}`),
	} {
		s.cards[code] = db.Service.GetX(t.Context(), key)
	}
	return s
}

func quantity(s string) pricing.Inputs { return pricing.Inputs{Quantity: new(number(s))} }

// refused are the codes of an error with the fields that they are at.
func refused(err error) (list []string) {
	all, _ := apperr.All(err)
	for _, e := range all {
		list = append(list, string(e.Code)+" "+strings.Join(e.Field, "."))
	}
	return list
}

func TestLinesSayWhatIsWrongWithEachOfThem(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		lines := []quote.Line{
			{Service: s.cards["LIRA"], Inputs: quantity("2")},
			{Service: s.cards["DOLLAR"], Inputs: quantity("2")},
			{Service: s.cards["WEIGHT"], Inputs: quantity("2")},
			{},
		}
		basis := quote.Basis{Day: calendar.DateOf(now), Currency: "TRY"}
		_, err := s.Lines(s.ctx, db.Client, basis, lines)
		want := []string{"KUR_RATE_NOT_AVAILABLE items.1", "PRICE_MISSING_INPUT items.2.weightKg", "PRICE_MISSING_INPUT items.2.days", "VALIDATION_ERROR items.3.unitPrice"}
		if got := refused(err); len(got) < 3 || got[0] != want[0] || !strings.HasPrefix(got[1], "PRICE_MISSING_INPUT items.2") || got[len(got)-1] != want[3] {
			t.Errorf("refused with %q", got)
		}
		if _, err := s.Line(s.ctx, db.Client, basis, lines[3]); !slices.Equal(refused(err), []string{"VALIDATION_ERROR unitPrice"}) {
			t.Errorf("alone it is refused with %q", refused(err))
		}
		if _, err := s.Line(s.ctx, db.Client, basis, lines[1]); !slices.Equal(refused(err), []string{"KUR_RATE_NOT_AVAILABLE "}) {
			t.Errorf("alone it is refused with %q", refused(err))
		}
	})
}

// TestTheCurrencyOfALine is that of the document, or that of its price; a value in TRY
// that cannot be told is missing, or refused where it is wanted.
func TestTheCurrencyOfALine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		day := calendar.DateOf(now)
		dollars := quote.Line{Service: s.cards["DOLLAR"], Inputs: quantity("3")}
		setting := quote.Line{Setting: &quote.Setting{Code: "P", Price: number("10"), Currency: "USD", VATRate: number("20")}, Inputs: quantity("1")}
		check := func(what string, b quote.Basis, l quote.Line, want string, code apperr.Code) {
			t.Helper()
			b.Day = day
			p, err := s.Line(s.ctx, db.Client, b, l)
			if code != "" {
				if !apperr.Is(err, code) {
					t.Errorf("%s: %v", what, err)
				}
				return
			}
			if err != nil {
				t.Errorf("%s: %v", what, err)
				return
			}
			got := p.Net.String() + " " + p.Currency
			if p.TRY != nil {
				got += " = " + p.TRY.String() + " TRY"
			}
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		check("in lira, without a rate", quote.Basis{Currency: "TRY"}, dollars, "", apperr.RateMissing)
		check("in dollars, without a rate", quote.Basis{Currency: "USD"}, dollars, "60 USD", "")
		check("as priced, without a rate", quote.Basis{Currency: "TRY", AsPriced: true}, dollars, "60 USD", "")
		check("as priced, with its value in TRY", quote.Basis{Currency: "TRY", AsPriced: true, InTRY: true}, dollars, "", apperr.RateMissing)
		check("a setting, with its value in TRY", quote.Basis{Currency: "TRY", AsPriced: true, InTRY: true}, setting, "", apperr.RateMissing)
		aliatest.Rate(t, db, "USD", day, "32.5")
		check("in lira", quote.Basis{Currency: "TRY"}, dollars, "1950 TRY = 1950 TRY", "")
		check("in dollars", quote.Basis{Currency: "USD"}, dollars, "60 USD = 1950 TRY", "")
		check("as priced", quote.Basis{Currency: "EUR", AsPriced: true, InTRY: true}, dollars, "60 USD = 1950 TRY", "")
		check("a setting", quote.Basis{Currency: "TRY", AsPriced: true, InTRY: true}, setting, "10 USD = 325 TRY", "")
		check("a setting in lira", quote.Basis{Currency: "TRY"}, setting, "325 TRY = 325 TRY", "")
		check("by hand", quote.Basis{Currency: "USD"}, quote.Line{Service: s.cards["LIRA"], UnitPrice: new(number("7")), Inputs: quantity("2")}, "14 USD = 455 TRY", "")
	})
}

// TestVATOfALine: 0 is a rate, an exemption goes before that of the service.
func TestVATOfALine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		exempt := *s.cards["LIRA"]
		exempt.VatExemption = new("17/4-G")
		for what, c := range map[string]struct {
			line quote.Line
			want string
		}{
			"of the service":            {quote.Line{Service: s.cards["LIRA"]}, "20"},
			"of the line":               {quote.Line{Service: s.cards["LIRA"], VATRate: new(number("1"))}, "1"},
			"nothing of the line":       {quote.Line{Service: s.cards["LIRA"], VATRate: new(decimal.Zero)}, "0"},
			"by hand, of the service":   {quote.Line{Service: s.cards["LIRA"], UnitPrice: new(number("5"))}, "20"},
			"by hand, of an exempt one": {quote.Line{Service: &exempt, UnitPrice: new(number("5"))}, "0"},
			"of a setting":              {quote.Line{Setting: &quote.Setting{Code: "P", Price: number("5"), Currency: "TRY", VATRate: number("10")}}, "10"},
			"of a line with a setting":  {quote.Line{VATRate: new(number("1")), Setting: &quote.Setting{Code: "P", Price: number("5"), Currency: "TRY", VATRate: number("10")}}, "1"},
		} {
			c.line.Inputs = quantity("1")
			p, err := s.Line(s.ctx, db.Client, quote.Basis{Day: calendar.DateOf(now), Currency: "TRY"}, c.line)
			if err != nil || p.VATRate.String() != c.want {
				t.Errorf("%s: %v, %v, want %s", what, p.VATRate, err, c.want)
			}
		}
		_, err := s.Line(s.ctx, db.Client, quote.Basis{Day: calendar.DateOf(now), Currency: "TRY"}, quote.Line{UnitPrice: new(number("5")), Inputs: quantity("1")})
		if want := []string{"VALIDATION_ERROR vatRate"}; !slices.Equal(refused(err), want) {
			t.Errorf("by hand, of nothing: refused with %q (%v), want %q", refused(err), err, want)
		}
	})
}

func TestMoreLinesTakeNoMoreStatements(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		aliatest.Rate(t, db, "USD", calendar.DateOf(now), "32.5")
		count := func(n int) int {
			q := quote.Question{Currency: "TRY", IsCabotage: true, ApplyRuleAddons: true}
			for i := range n {
				q.Lines = append(q.Lines, quote.QuestionLine{ServiceCode: []string{"LIRA", "DOLLAR"}[i%2], Quantity: new(number("1"))})
			}
			stats := &store.Stats{Record: true}
			a, err := s.Ask(store.WithStats(s.ctx, stats), q)
			if err != nil || len(a.Priced) != n {
				t.Fatalf("%d lines: %v", n, err)
			}
			return len(stats.Statements())
		}
		if few, many := count(2), count(200); few != many || few > 14 {
			t.Errorf("2 lines take %d statements, 200 take %d", few, many)
		}
	})
}

func TestQuestionsAreJudged(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		db.Service.UpdateOne(s.cards["DOLLAR"]).SetIsActive(false).ExecX(s.ctx)
		line := func(code string) quote.QuestionLine {
			return quote.QuestionLine{ServiceCode: code, Quantity: new(number("1"))}
		}
		for what, c := range map[string]struct {
			q    quote.Question
			want []string
		}{
			"nothing":                  {quote.Question{Currency: "TRY"}, []string{"VALIDATION_ERROR lines"}},
			"too much":                 {quote.Question{Currency: "TRY", Lines: slices.Repeat([]quote.QuestionLine{line("LIRA")}, 201)}, []string{"VALIDATION_ERROR lines"}},
			"no currency and no code":  {quote.Question{Currency: "lira", Lines: []quote.QuestionLine{line(" ")}}, []string{"VALIDATION_ERROR currency", "VALIDATION_ERROR lines.0.serviceCode"}},
			"unknown and inactive":     {quote.Question{Currency: "TRY", Lines: []quote.QuestionLine{line("LIRA"), line("YOK"), line("DOLLAR")}}, []string{"HIZMET_NOT_FOUND lines.1.serviceCode", "HIZMET_INACTIVE lines.2.serviceCode"}},
			"a list of something else": {quote.Question{Currency: "TRY", Lines: []quote.QuestionLine{line("LIRA")}, PriceListID: &globalid.ID{Type: "PriceList", Key: 99}}, []string{"TARIFE_NOT_FOUND "}},
			"what a formula wants":     {quote.Question{Currency: "USD", Lines: []quote.QuestionLine{{ServiceCode: "LIRA"}}}, []string{"PRICE_MISSING_INPUT lines.0.quantity"}},
		} {
			if _, err := s.Ask(s.ctx, c.q); !slices.Equal(refused(err), c.want) {
				t.Errorf("%s: refused with %q (%v), want %q", what, refused(err), err, c.want)
			}
		}
		if _, err := s.Ask(t.Context(), quote.Question{}); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("a stranger: %v", err)
		}
	})
}

// TestSurchargesFollowTheSettings of the moment, and the clock of the port.
func TestSurchargesFollowTheSettings(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := open(t, db)
		saturday := time.Date(2026, 3, 7, 20, 0, 0, 0, time.UTC) // 23:00 in Istanbul
		q := quote.Question{
			Currency: "TRY", Start: &saturday, Priority: workorder.PriorityUrgent, IsCabotage: true, ApplyRuleAddons: true,
			Lines: []quote.QuestionLine{{ServiceCode: "LIRA", Quantity: new(number("2.4"))}},
		}
		check := func(what, net string, rows int) {
			t.Helper()
			a, err := s.Ask(s.ctx, q)
			if err != nil || !a.Net.Equal(number(net)) || len(a.Adjustments) != rows {
				t.Errorf("%s: %+v, %v, want %s", what, a, err, net)
			}
		}
		set := func(category, code, value string, typ string) {
			t.Helper()
			db.Parameter.Create().SetCategory(category).SetCode(code).SetName(code).SetValue(value).SetDataType(parameter.DataType(typ)).SetIsSystem(true).ExecX(s.ctx)
		}
		check("all three, and cabotage", "7897.5", 4) // 3600 × 2.4375 × 0.9
		set("IS_KURALI", "CABOTAGE_DISCOUNT_PERCENT", "0", "NUMBER")
		check("without a discount", "8775", 3)
		set("EK_UCRET", "SURCHARGE_MODE", "ADDITIVE", "STRING")
		check("added up", "7380", 3)
		set("EK_UCRET", "NIGHT_START", "23:30", "TIME")
		check("before the night", "6480", 2) // 3600 × 1.8
		q.ApplyRuleAddons = false
		check("none at all", "3600", 0)
	})
}
