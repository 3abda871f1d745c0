package graph_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/exchangerate"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/store"
	"aliaport/server"
)

// friday is the day of the bank's newest bulletin; it is Monday morning.
var friday = calendar.Date{Year: 2026, Month: 2, Day: 27}

const fetchRates = `mutation Fetch($date: Date) { fetchExchangeRates(input: {date: $date}) {
  bulletinDate bulletinNumber created updated unchanged exchangeRates { currencyFrom unit forexBuying banknoteSelling } skipped { currency reason } userErrors { code } } }`

type fetched struct {
	FetchExchangeRates struct {
		BulletinDate, BulletinNumber string
		Created, Updated, Unchanged  int
		ExchangeRates                []struct {
			CurrencyFrom    string
			Unit            int
			ForexBuying     decimal.Decimal
			BanknoteSelling *decimal.Decimal
		}
		Skipped    []struct{ Currency, Reason string }
		UserErrors []struct{ Code string }
	}
}

func TestABulletinComesFromTheBankIntoAPrice(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db)
		var f fetched
		server.Get(t, "FINANS", fetchRates, nil, &f)
		var got []string
		for _, r := range f.FetchExchangeRates.ExchangeRates {
			got = append(got, fmt.Sprint(r.CurrencyFrom, " ", r.Unit, " ", r.ForexBuying, " ", r.BanknoteSelling))
		}
		want := []string{"CHF 1 40.2155 40.5344", "EUR 1 37.8 37.9249", "GBP 1 45.123 45.4263", "JPY 100 0.231234 0.23365", "USD 1 34.5 34.614"}
		if p := f.FetchExchangeRates; p.BulletinDate != "2026-02-27" || p.BulletinNumber != "2026/41" || p.Created != 5 || p.Updated+p.Unchanged != 0 || !slices.Equal(got, want) {
			t.Errorf("%+v", p)
		}
		server.Get(t, "FINANS", fetchRates, map[string]any{"date": "2026-02-26"}, &f)
		if p := f.FetchExchangeRates; p.BulletinDate != "2026-02-26" || p.BulletinNumber != "2026/40" || p.Created != 5 {
			t.Errorf("%+v", p)
		}
		if want := []string{"/kurlar/today.xml", "/kurlar/202602/26022026.xml"}; !slices.Equal(server.Bank.Asked(), want) {
			t.Errorf("asked for %s", server.Bank.Asked())
		}
		var golden struct {
			Euros, Yen, Lira struct{ Result decimal.Decimal }
		}
		server.Get(t, "READONLY", `{
			euros: convertCurrency(amount: "100", from: "EUR", to: "USD", kind: FOREX_BUYING) { result }
			yen: convertCurrency(amount: "100", from: "USD", to: "JPY", kind: FOREX_BUYING) { result }
			lira: convertCurrency(amount: "127.50", from: "USD", to: "TRY", kind: FOREX_BUYING) { result } }`, nil, &golden)
		if got := fmt.Sprint(golden.Euros.Result, golden.Yen.Result, golden.Lira.Result); got != "109.57 14920 4398.75" {
			t.Errorf("converted %s", got)
		}
		// In the afternoon Monday's bulletin is out; it is Tuesday's rate.
		monday := aliatest.Edition(t, aliatest.Bulletin(), "27.02.2026", "02.03.2026", "02/27/2026", "03/02/2026", "2026/41", "2026/42", ">34.5000<", ">34.5500<")
		server.Bank.Publish(friday.AddDays(3), monday)
		server.Get(t, "FINANS", fetchRates, nil, &f)
		var days map[string]struct {
			Value        decimal.Decimal
			UsedRateDate string
			IsFallback   bool
		}
		server.Get(t, "READONLY", `{
			fri: exchangeRate(currency: "USD", asOf: "2026-02-27", kind: FOREX_BUYING) { value usedRateDate isFallback }
			sat: exchangeRate(currency: "USD", asOf: "2026-02-28", kind: FOREX_BUYING) { value usedRateDate isFallback }
			sun: exchangeRate(currency: "USD", asOf: "2026-03-01", kind: FOREX_BUYING) { value usedRateDate isFallback }
			mon: exchangeRate(currency: "USD", asOf: "2026-03-02", kind: FOREX_BUYING) { value usedRateDate isFallback }
			tue: exchangeRate(currency: "USD", asOf: "2026-03-03", kind: FOREX_BUYING) { value usedRateDate isFallback } }`, nil, &days)
		for name, want := range map[string]string{
			"fri": "{34.4 2026-02-26 false}", "sat": "{34.5 2026-02-27 false}", "sun": "{34.5 2026-02-27 true}",
			"mon": "{34.5 2026-02-27 true}", "tue": "{34.55 2026-03-02 false}",
		} {
			if got := fmt.Sprint(days[name]); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	})
}

// another is a second server over the same database, whose tokens are good for both.
func another(t *testing.T, db *store.DB, beside *api.API) *server.Server {
	t.Helper()
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.JWTKey = "a key for tests that is long enough"
	cfg.RateSourceURL = beside.Bank.URL
	s, err := server.New(server.Deps{Config: cfg, DB: db, Log: slog.New(slog.DiscardHandler), Version: "test", Now: beside.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTwoServersThatFetchAtOnceStoreOnce(t *testing.T) {
	t.Parallel()
	const rounds = 10
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		first := api.New(t, db)
		servers := []*client{newClient(t, first, "Ayşe", "FINANS"), newClient(t, first, "Barış", "FINANS")}
		servers[1].api = &api.API{Server: another(t, db, first), DB: db}
		for range rounds {
			answers := make([]fetched, len(servers))
			err := atOnce(len(servers), func(i int) error { return servers[i].ask(fetchRates, nil, &answers[i]) })
			if err != nil {
				t.Fatal(err)
			}
			created, unchanged := 0, 0
			for _, a := range answers {
				created, unchanged = created+a.FetchExchangeRates.Created, unchanged+a.FetchExchangeRates.Unchanged
				if len(a.FetchExchangeRates.ExchangeRates) != 5 || a.FetchExchangeRates.Updated != 0 {
					t.Fatalf("%+v", a)
				}
			}
			if created != 5 || unchanged != 5 {
				t.Fatalf("%d created, %d unchanged", created, unchanged)
			}
			rows := db.ExchangeRate.Query().AllX(t.Context())
			if len(rows) != 5 || slices.ContainsFunc(rows, func(r *ent.ExchangeRate) bool { return r.Version != 1 }) {
				t.Fatalf("%d rows: %v", len(rows), rows)
			}
			db.ExchangeRate.Delete().ExecX(t.Context())
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("rate_fetch"), auditevent.OutcomeEQ(auditevent.OutcomeOk)).CountX(t.Context()); n != rounds*len(servers) {
			t.Errorf("%d lines in the trail", n)
		}
	})
}

func TestABankThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		server := api.New(t, db, func(c *config.Config) { c.RateSourceMaxBytes = 20_000 })
		var f fetched
		server.Get(t, "FINANS", fetchRates, nil, &f)
		sample := aliatest.Bulletin()
		for name, file := range map[string][]byte{
			"page":                   []byte("<html><body>Erişim engellendi</body></html>"),
			"half a file":            sample[:len(sample)/2],
			"entities":               aliatest.Edition(t, sample, "<Tarih_Date ", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Tarih_Date `),
			"two dates":              aliatest.Edition(t, sample, "02/27/2026", "02/26/2026"),
			"a bulletin of tomorrow": aliatest.Edition(t, sample, "27.02.2026", "03.03.2026", "02/27/2026", "03/03/2026"),
			"every number a comma":   []byte(strings.NewReplacer("ing>34.", "ing>34,", "ing>37.", "ing>37,", "ing>45.", "ing>45,", "ing>40.", "ing>40,", "ing>23.", "ing>23,").Replace(string(sample))),
			"too much":               append(slices.Clone(sample), bytes.Repeat([]byte(" "), 20_000)...),
		} {
			server.Bank.Publish(friday, file)
			a := server.Do(t, "FINANS", fetchRates, nil)
			if len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "KUR_FETCH_ERROR" || !a.Errors[0].Extensions.Retryable || a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		server.Bank.Close()
		if a := server.Do(t, "FINANS", fetchRates, nil); len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "KUR_FETCH_ERROR" || !strings.Contains(a.Errors[0].Message, "unreachable") {
			t.Errorf("nobody there: %s", a.Body)
		}
		rows := db.ExchangeRate.Query().Where(exchangerate.Version(1), exchangerate.BulletinDate(friday)).CountX(t.Context())
		failed := db.AuditEvent.Query().Where(auditevent.Action("rate_fetch"), auditevent.StatusCode(http.StatusServiceUnavailable)).CountX(t.Context())
		if rows != 5 || failed != 8 {
			t.Errorf("%d rows, %d failed attempts in the trail", rows, failed)
		}
	})
}
