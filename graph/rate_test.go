package graph_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
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

// bank is the site of a central bank that publishes made-up figures: a bulletin on
// Thursday and one on Friday before the tests begin, and on Wednesday a page instead.
type bank struct {
	site *httptest.Server

	mu    sync.Mutex // protects files and asked
	files map[string][]byte
	asked []string
}

var (
	thursday = calendar.Date{Year: 2026, Month: 2, Day: 26}
	friday   = calendar.Date{Year: 2026, Month: 2, Day: 27}
)

func newBank(t testing.TB) *bank {
	t.Helper()
	sample, err := os.ReadFile("../internal/rate/testdata/27022026.xml")
	if err != nil {
		t.Fatal(err)
	}
	b := &bank{files: map[string][]byte{}}
	b.publish(thursday, edition(t, sample, "27.02.2026", "26.02.2026", "02/27/2026", "02/26/2026", "2026/41", "2026/40", ">34.5000<", ">34.4000<"))
	b.publish(friday, sample)
	b.files["/kurlar/202602/25022026.xml"] = []byte("<!DOCTYPE html><html><body>Site bakımda</body></html>")
	b.site = httptest.NewServer(b)
	t.Cleanup(b.site.Close)
	return b
}

// edition is a file with some texts replaced.
func edition(t testing.TB, file []byte, replace ...string) []byte {
	t.Helper()
	for pair := range slices.Chunk(replace, 2) {
		if !bytes.Contains(file, []byte(pair[0])) {
			t.Fatalf("the file has no %s", pair[0])
		}
		file = bytes.ReplaceAll(file, []byte(pair[0]), []byte(pair[1]))
	}
	return file
}

// publish makes a file the newest.
func (b *bank) publish(day calendar.Date, file []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files["/kurlar/today.xml"] = file
	b.files["/kurlar/"+day.Start().Format("200601/02012006")+".xml"] = file
}

func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	file, ok := b.files[r.URL.Path]
	b.asked = append(b.asked, r.URL.Path)
	b.mu.Unlock()
	if !ok {
		http.Error(w, "<html>404</html>", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(file)
}

// source makes a server fetch from the bank.
func (b *bank) source(c *config.Config) { c.RateSourceURL = b.site.URL + "/kurlar" }

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
		b := newBank(t)
		server := api.New(t, db, b.source)
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
		if want := []string{"/kurlar/today.xml", "/kurlar/202602/26022026.xml"}; !slices.Equal(b.asked, want) {
			t.Errorf("asked for %s", b.asked)
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
		monday := edition(t, b.files["/kurlar/today.xml"], "27.02.2026", "02.03.2026", "02/27/2026", "03/02/2026", "2026/41", "2026/42", ">34.5000<", ">34.5500<")
		b.publish(friday.AddDays(3), monday)
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
func another(t *testing.T, db *store.DB, clock *api.Clock, adjust func(*config.Config)) *server.Server {
	t.Helper()
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		t.Fatal(err)
	}
	cfg.JWTKey = "a key for tests that is long enough"
	adjust(cfg)
	s, err := server.New(server.Deps{Config: cfg, DB: db, Log: slog.New(slog.DiscardHandler), Version: "test", Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTwoServersThatFetchAtOnceStoreOnce(t *testing.T) {
	t.Parallel()
	const rounds = 10
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		b := newBank(t)
		first := api.New(t, db, b.source)
		servers := []*client{newClient(t, first, "Ayşe", "FINANS"), newClient(t, first, "Barış", "FINANS")}
		servers[1].api = &api.API{Server: another(t, db, first.Clock, b.source), DB: db}
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
		b := newBank(t)
		server := api.New(t, db, b.source, func(c *config.Config) { c.RateSourceMaxBytes = 20_000 })
		var f fetched
		server.Get(t, "FINANS", fetchRates, nil, &f)
		sample := b.files["/kurlar/today.xml"]
		for name, file := range map[string][]byte{
			"page":                   []byte("<html><body>Erişim engellendi</body></html>"),
			"half a file":            sample[:len(sample)/2],
			"entities":               edition(t, sample, "<Tarih_Date ", `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Tarih_Date `),
			"two dates":              edition(t, sample, "02/27/2026", "02/26/2026"),
			"a bulletin of tomorrow": edition(t, sample, "27.02.2026", "03.03.2026", "02/27/2026", "03/03/2026"),
			"every number a comma":   []byte(strings.NewReplacer("ing>34.", "ing>34,", "ing>37.", "ing>37,", "ing>45.", "ing>45,", "ing>40.", "ing>40,", "ing>23.", "ing>23,").Replace(string(sample))),
			"too much":               append(slices.Clone(sample), bytes.Repeat([]byte(" "), 20_000)...),
		} {
			b.publish(friday, file)
			a := server.Do(t, "FINANS", fetchRates, nil)
			if len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "KUR_FETCH_ERROR" || !a.Errors[0].Extensions.Retryable || a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		b.site.Close()
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
