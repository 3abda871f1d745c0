package rate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/exchangerate"
	"aliaport/ent/parameter"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/rate"
	"aliaport/internal/store"
)

// bank publishes what a test hands to it.
type bank struct {
	mu        sync.Mutex // protects bulletins and fault
	bulletins []*rate.Bulletin
	fault     error
}

func (b *bank) publish(bulletins ...*rate.Bulletin) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bulletins = bulletins
}

func (b *bank) Latest(context.Context) (*rate.Bulletin, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault != nil {
		return nil, b.fault
	}
	return b.bulletins[len(b.bulletins)-1], nil
}

func (b *bank) Of(_ context.Context, day calendar.Date) (*rate.Bulletin, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.bulletins, func(one *rate.Bulletin) bool { return one.Date == day })
	if i < 0 {
		return nil, &rate.SourceError{Fault: rate.NoBulletin, Err: errors.New("not there")}
	}
	return b.bulletins[i], b.fault
}

// monday is 2 March 2026, 9:00 in Istanbul.
var monday = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func day(text string) calendar.Date {
	d, err := calendar.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func number(text string) *decimal.Decimal {
	if text == "" {
		return nil
	}
	d := decimal.RequireFromString(text)
	return &d
}

// bulletin has rows of code and forex buying, selling, banknote buying and selling,
// a value left out being empty.
func bulletin(date string, rows ...string) *rate.Bulletin {
	b := &rate.Bulletin{Date: day(date), Number: "2026/" + date[8:]}
	for _, row := range rows {
		f := append(strings.Split(row, " "), "", "", "", "")
		b.Currencies = append(b.Currencies, rate.Currency{Code: f[0], Unit: 1, Values: rate.Values{
			ForexBuying: number(f[1]), ForexSelling: number(f[2]), BanknoteBuying: number(f[3]), BanknoteSelling: number(f[4]),
		}})
	}
	return b
}

// five are rows of all tracked currencies, the others beside USD at fixed values.
func five(usd string) []string {
	return []string{usd, "EUR 37.80 37.87", "GBP 45.12 45.36", "CHF 40.22 40.47", "JPY 0.231234 0.232766"}
}

type kit struct {
	*rate.Service

	db   *store.DB
	bank *bank
	now  time.Time
}

func newKit(db *store.DB) *kit {
	k := &kit{db: db, bank: &bank{}, now: monday}
	k.Service = &rate.Service{
		DB: db, Now: func() time.Time { return k.now }, Source: k.bank, Log: slog.New(slog.DiscardHandler),
		Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100},
	}
	return k
}

func system(t *testing.T) context.Context {
	t.Helper()
	return actor.With(t.Context(), actor.System("test"))
}

// take fetches a bulletin.
func (k *kit) take(t *testing.T, b *rate.Bulletin) *rate.Fetched {
	t.Helper()
	k.bank.publish(b)
	f, err := k.Fetch(system(t), rate.FetchInput{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// set gives a parameter a value.
func (k *kit) set(t *testing.T, code, value string) {
	t.Helper()
	if k.db.Parameter.Query().Where(parameter.Code(code)).ExistX(t.Context()) {
		k.db.Parameter.Update().Where(parameter.Code(code)).SetValue(value).ExecX(t.Context())
		return
	}
	k.db.Parameter.Create().SetCategory("KUR").SetCode(code).SetName(code).SetValue(value).ExecX(t.Context())
}

// found is a rate as the tables of tests show it.
func found(u *rate.Used, err error) string {
	if all, ok := apperr.All(err); ok {
		return string(all[0].Code)
	}
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprintf("%s from %s", u.Value, u.UsedRateDate())
	if u.IsFallback() {
		s += fmt.Sprintf(", carried %d", u.AgeDays)
	}
	return s
}

func TestWhichRateAppliesToADay(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.now = day("2026-03-10").At(9, 0)
		for _, b := range []*rate.Bulletin{
			bulletin("2026-02-26", five("USD 34.40 34.46 34.38 34.51")...), // Thursday
			bulletin("2026-02-27", five("USD 34.50 34.56 34.48 34.61")...), // Friday
			bulletin("2026-03-02", five("USD 34.60 34.66")...),             // Monday, without banknotes
			bulletin("2026-03-03", "USD 34.70", "EUR 37.90 37.99"),         // Tuesday, no selling
		} {
			k.take(t, b)
		}
		buying, selling, cash := rate.ForexBuying, rate.ForexSelling, rate.BanknoteBuying
		for name, c := range map[string]struct {
			policy, currency, on string
			kind                 rate.Kind
			want                 string
		}{
			"Friday goes by Thursday's": {"", "USD", "2026-02-27", buying, "34.4 from 2026-02-26"},
			"Saturday goes by Friday's": {"", "USD", "2026-02-28", buying, "34.5 from 2026-02-27"},
			"Sunday too":                {"", "USD", "2026-03-01", buying, "34.5 from 2026-02-27, carried 1"},
			"Monday too":                {"", "USD", "2026-03-02", buying, "34.5 from 2026-02-27, carried 2"},
			"Tuesday goes by Monday's":  {"", "USD", "2026-03-03", buying, "34.6 from 2026-03-02"},
			"selling":                   {"", "USD", "2026-03-03", selling, "34.66 from 2026-03-02"},
			"banknotes":                 {"", "USD", "2026-03-02", cash, "34.48 from 2026-02-27, carried 2"},
			"banknotes that the bulletin lacks are not made": {"", "USD", "2026-03-03", cash, "KUR_RATE_NOT_AVAILABLE"},
			"nor selling out of buying":                      {"", "USD", "2026-03-04", selling, "KUR_RATE_NOT_AVAILABLE"},
			"a currency that one bulletin lacks is carried":  {"", "JPY", "2026-03-04", buying, "0.231234 from 2026-03-02, carried 1"},
			"holidays":                       {"", "USD", "2026-03-10", buying, "34.7 from 2026-03-03, carried 6"},
			"before the first bulletin":      {"", "USD", "2026-02-26", buying, "KUR_RATE_NOT_AVAILABLE"},
			"long before it":                 {"", "USD", "1999-01-01", buying, "KUR_RATE_NOT_AVAILABLE"},
			"the next business day":          {"", "USD", "2026-03-11", buying, "34.7 from 2026-03-03, carried 7"},
			"the one after that":             {"", "USD", "2026-03-12", buying, "KUR_INVALID_DATE"},
			"a currency that is not tracked": {"", "NOK", "2026-03-03", buying, "KUR_RATE_NOT_AVAILABLE"},
			"the lira":                       {"", "TRY", "2026-03-03", buying, "VALIDATION_ERROR"},
			"no currency":                    {"", "usd", "2026-03-03", buying, "VALIDATION_ERROR"},

			"by the day's own bulletin Friday goes by Friday's": {"SAME_DAY", "USD", "2026-02-27", buying, "34.5 from 2026-02-27"},
			"and so does Saturday":                              {"SAME_DAY", "USD", "2026-02-28", buying, "34.5 from 2026-02-27, carried 1"},
			"and Monday by Monday's":                            {"SAME_DAY", "USD", "2026-03-02", buying, "34.6 from 2026-03-02"},
			"and the first day by the first":                    {"SAME_DAY", "USD", "2026-02-26", buying, "34.4 from 2026-02-26"},
			"and the day before it by none":                     {"SAME_DAY", "USD", "2026-02-25", buying, "KUR_RATE_NOT_AVAILABLE"},
		} {
			policy := c.policy
			if policy == "" {
				policy = "PREVIOUS_BULLETIN"
			}
			k.set(t, "RATE_DATE_POLICY", policy)
			on := day(c.on)
			if got := found(k.Find(system(t), c.currency, &on, &c.kind)); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
	})
}

func TestOldRatesAreRefused(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.take(t, bulletin("2026-02-27", five("USD 34.50 34.56")...))
		kind := rate.ForexBuying
		for days, want := range map[int]string{
			0:  "34.5 from 2026-02-27",
			10: "34.5 from 2026-02-27, carried 10",
			11: "KUR_RATE_NOT_AVAILABLE",
		} {
			k.now = day("2026-02-28").AddDays(days).At(23, 59)
			if got := found(k.Find(system(t), "USD", nil, &kind)); got != want {
				t.Errorf("after %d days: %s, want %s", days, got, want)
			}
		}
		k.set(t, "RATE_MAX_FALLBACK_DAYS", "0")
		k.now = day("2026-02-28").At(0, 0)
		if got := found(k.Find(system(t), "USD", nil, &kind)); got != "34.5 from 2026-02-27" {
			t.Errorf("with nothing carried over, Saturday: %s", got)
		}
		k.now = day("2026-03-01").At(0, 0) // not a minute later, though it is 21:00 in London
		if got := found(k.Find(system(t), "USD", nil, &kind)); got != "KUR_RATE_NOT_AVAILABLE" {
			t.Errorf("with nothing carried over, Sunday: %s", got)
		}
	})
}

func TestForPricing(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.take(t, bulletin("2026-02-27", five("USD 34.50 34.56 34.48")...))
		price := func(currency, on string) string {
			var got string
			err := db.InTx(t.Context(), func(tx *ent.Tx) error { // nobody has to be signed in
				u, err := k.ForPricing(t.Context(), tx.Client(), currency, day(on))
				got = found(&u, err)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		for _, c := range []struct{ kind, currency, on, want string }{
			{"", "USD", "2026-03-02", "34.56 from 2026-02-27, carried 2"}, // forex selling unless the port says otherwise
			{"forex_buying", "USD", "2026-03-02", "34.5 from 2026-02-27, carried 2"},
			{"banknote_buying", "USD", "2026-03-02", "34.48 from 2026-02-27, carried 2"},
			{"banknote_selling", "USD", "2026-03-02", "KUR_RATE_NOT_AVAILABLE"},
			{"forex_selling", "USD", "2026-03-10", "34.56 from 2026-02-27, carried 10"},
			{"forex_selling", "USD", "2026-03-11", "KUR_RATE_NOT_AVAILABLE"}, // too old
			{"forex_selling", "NOK", "2026-03-02", "KUR_RATE_NOT_AVAILABLE"},
			{"forex_selling", "TRY", "2026-03-02", "1 from 2026-03-02"},
			{"forex_selling", "TRY", "2036-03-02", "1 from 2036-03-02"},
		} {
			if c.kind != "" {
				k.set(t, "RATE_KIND_PRICING", c.kind)
			}
			if got := price(c.currency, c.on); got != c.want {
				t.Errorf("%+v: %s", c, got)
			}
		}
		k.set(t, "RATE_KIND_PRICING", "nonsense")
		if got := price("USD", "2026-03-02"); !strings.Contains(got, "RATE_KIND_PRICING") {
			t.Errorf("with a broken parameter: %s", got)
		}
	})
}

func TestConversions(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.take(t, bulletin("2026-02-27", five("USD 34.50 34.56")...))
		buying, cash := rate.ForexBuying, rate.BanknoteBuying
		friday := day("2026-02-27")
		for name, c := range map[string]struct {
			amount, from, to string
			on               *calendar.Date
			kind             *rate.Kind
			want             string
		}{
			"dollars to lira":           {"100", "USD", "TRY", nil, &buying, "3450 at 34.5, 1 used"},
			"lira to dollars":           {"3450", "TRY", "USD", nil, &buying, "100 at 0.028986, 1 used"},
			"euros to dollars":          {"100", "EUR", "USD", nil, &buying, "109.57 at 1.095652, 2 used"},
			"yen":                       {"100", "USD", "JPY", nil, &buying, "14920 at 149.199512, 2 used"},
			"by the kind of prices":     {"100", "USD", "TRY", nil, nil, "3456 at 34.56, 1 used"},
			"lira to lira":              {"1.005", "TRY", "TRY", nil, &buying, "1.01 at 1, 0 used"},
			"dollars to dollars":        {"7", "USD", "USD", nil, &cash, "7 at 1, 0 used"},
			"unknown to itself":         {"7", "XXX", "XXX", &friday, &cash, "7 at 1, 0 used"},
			"back from a refund":        {"-100", "USD", "TRY", nil, &buying, "-3450 at 34.5, 1 used"},
			"a kind that is not there":  {"100", "USD", "TRY", nil, &cash, "KUR_RATE_NOT_AVAILABLE"},
			"a day without a rate":      {"100", "USD", "TRY", &friday, &buying, "KUR_RATE_NOT_AVAILABLE"},
			"one leg without a rate":    {"100", "USD", "NOK", nil, &buying, "KUR_RATE_NOT_AVAILABLE"},
			"a day in the future":       {"100", "USD", "TRY", new(day("2026-03-04")), &buying, "KUR_INVALID_DATE"},
			"no currency":               {"100", "USD", "₺", nil, &buying, "VALIDATION_ERROR"},
			"more places than there is": {"0.00001", "USD", "TRY", nil, &buying, "VALIDATION_ERROR"},
			"a number without end":      {"1e30", "USD", "TRY", nil, &buying, "VALIDATION_ERROR"},
		} {
			got := ""
			switch conversion, err := k.Convert(system(t), decimal.RequireFromString(c.amount), c.from, c.to, c.on, c.kind); {
			case err != nil:
				got = found(nil, err)
			default:
				got = fmt.Sprintf("%s at %s, %d used", conversion.Result, conversion.Rate, len(conversion.Used))
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
	})
}

// stored are the rows of a day as code, values, source, flag and version.
func (k *kit) stored(t *testing.T, on string) string {
	t.Helper()
	var lines []string
	for _, r := range k.db.ExchangeRate.Query().Where(exchangerate.BulletinDate(day(on))).Order(exchangerate.ByCurrencyFrom()).AllX(t.Context()) {
		line := fmt.Sprintf("%s %s %s v%d", r.CurrencyFrom, r.ForexBuying, r.Source, r.Version)
		if r.NeedsReview {
			line += " review"
		}
		if r.ValidFrom != r.BulletinDate.AddDays(1) {
			line += " valid from " + r.ValidFrom.String()
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

// trail are the actions on rates so far, with what came beside them.
func (k *kit) trail(t *testing.T) (lines []string) {
	t.Helper()
	for _, e := range k.db.AuditEvent.Query().Where(auditevent.Resource("exchange_rate")).Order(auditevent.ByID()).AllX(t.Context()) {
		line := e.Action
		if e.EntityID != nil {
			line += " of one"
		}
		if e.Extra != nil {
			var extra map[string]any
			if err := json.Unmarshal(e.Extra, &extra); err != nil {
				t.Fatal(err)
			}
			line += fmt.Sprint(" ", extra)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestABulletinIsStoredOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		b := bulletin("2026-02-27", append(five("USD 34.50 34.56"), "NOK 3.17 3.19")...)
		f := k.take(t, b)
		if f.BulletinDate != b.Date || f.BulletinNumber != "2026/27" || f.Created != 5 || f.Updated+f.Unchanged+len(f.Skipped) != 0 || len(f.Rates) != 5 || f.Rates[0].CurrencyFrom != "CHF" {
			t.Errorf("first: %+v", f)
		}
		want := "CHF 40.22 TCMB v1, EUR 37.8 TCMB v1, GBP 45.12 TCMB v1, JPY 0.231234 TCMB v1, USD 34.5 TCMB v1"
		if got := k.stored(t, "2026-02-27"); got != want {
			t.Errorf("stored %s", got)
		}
		first := db.ExchangeRate.Query().Where(exchangerate.CurrencyFrom("USD")).OnlyX(t.Context())
		k.now = k.now.Add(time.Hour)
		if f := k.take(t, b); f.Unchanged != 5 || f.Created+f.Updated != 0 || len(f.Rates) != 5 {
			t.Errorf("again: %+v", f)
		}
		if again := db.ExchangeRate.Query().Where(exchangerate.CurrencyFrom("USD")).OnlyX(t.Context()); !again.UpdatedAt.Equal(first.UpdatedAt) || again.Version != 1 {
			t.Errorf("fetching again made %+v of %+v", again, first)
		}
		// The bank corrects a figure.
		if f := k.take(t, bulletin("2026-02-27", five("USD 34.55 34.61")...)); f.Updated != 1 || f.Unchanged != 4 {
			t.Errorf("corrected: %+v", f)
		}
		if got := k.stored(t, "2026-02-27"); got != strings.Replace(want, "USD 34.5 TCMB v1", "USD 34.55 TCMB v2", 1) {
			t.Errorf("corrected: stored %s", got)
		}
		trail := k.trail(t)
		wantTrail := []string{
			"rate_fetch map[bulletin_date:2026-02-27 bulletin_no:2026/27 created:5 unchanged:0 updated:0]",
			"rate_fetch map[bulletin_date:2026-02-27 bulletin_no:2026/27 created:0 unchanged:5 updated:0]",
			"rate_fetch of one",
			"rate_fetch map[bulletin_date:2026-02-27 bulletin_no:2026/27 created:0 unchanged:4 updated:1]",
		}
		if !slices.Equal(trail, wantTrail) {
			t.Errorf("trail %q", trail)
		}
		changes := string(db.AuditEvent.Query().Where(auditevent.EntityIDNotNil(), auditevent.Resource("exchange_rate")).OnlyX(t.Context()).Changes)
		for _, part := range []string{`"34.5"`, `"34.55"`, `"34.56"`, `"34.61"`} {
			if !strings.Contains(changes, part) {
				t.Errorf("the trail of the correction lacks %s: %s", part, changes)
			}
		}
	})
}

func TestCurrenciesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		b := bulletin("2026-02-27", "USD 34.50 34.56", "JPY 1 1")
		b.Currencies[1] = rate.Currency{Code: "JPY", Fault: errors.New("JPY: unit \"0\"")}
		f := k.take(t, b)
		var skipped []string
		for _, s := range f.Skipped {
			skipped = append(skipped, s.Currency+" "+string(s.Reason))
		}
		if want := []string{"CHF NOT_IN_BULLETIN", "EUR NOT_IN_BULLETIN", "GBP NOT_IN_BULLETIN", "JPY UNREADABLE"}; f.Created != 1 || !slices.Equal(skipped, want) {
			t.Errorf("%+v, skipped %s", f, skipped)
		}
		if got := k.stored(t, "2026-02-27"); got != "USD 34.5 TCMB v1" {
			t.Errorf("stored %s", got)
		}
		if got := k.trail(t)[0]; !strings.Contains(got, `JPY:JPY: unit "0"`) || !strings.Contains(got, "EUR:NOT_IN_BULLETIN") {
			t.Errorf("trail %s", got)
		}
		// A file with nothing of use is no bulletin.
		k.bank.publish(bulletin("2026-03-02", "NOK 3.17"))
		if _, err := k.Fetch(system(t), rate.FetchInput{}); !apperr.Is(err, apperr.RateFetch) {
			t.Errorf("nothing of use: %v", err)
		}
		// The list is a parameter.
		k.set(t, "RATE_CURRENCIES", "NOK,TRY,USD,NOK")
		if f := k.take(t, bulletin("2026-03-02", "NOK 3.17", "USD 34.6", "EUR 38")); f.Created != 2 || len(f.Skipped) != 0 {
			t.Errorf("with other currencies: %+v", f)
		}
		k.set(t, "RATE_CURRENCIES", "USD;EUR")
		if _, err := k.Fetch(system(t), rate.FetchInput{}); err == nil || !strings.Contains(err.Error(), "RATE_CURRENCIES") {
			t.Errorf("with a broken parameter: %v", err)
		}
	})
}

func TestJumpsWaitForReview(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.take(t, bulletin("2026-02-24", five("USD 10 10.10 9.90 10.20")...))
		for name, c := range map[string]struct {
			percent, usd string
			review       bool
		}{
			"a little":                          {"15", "USD 10.2 10.3", false},
			"exactly the limit":                 {"15", "USD 11.5 11.6", false},
			"just above it":                     {"15", "USD 11.500001 11.6", true},
			"exactly the limit, down":           {"15", "USD 8.5 8.7", false},
			"just below it":                     {"15", "USD 8.499999 8.7", true},
			"only selling":                      {"15", "USD 10 11.7", true},
			"only banknotes":                    {"15", "USD 10 10.1 9.9 12", true},
			"a point in the wrong place":        {"15", "USD 100 101", true},
			"a value that is new":               {"15", "USD 10.1", false},
			"a smaller limit":                   {"1.5", "USD 10.16 10.2", true},
			"a smaller limit that is not met":   {"1.5", "USD 10.15 10.2", false},
			"nothing may change":                {"0", "USD 10.000001 10.10 9.90 10.20", true},
			"nothing may change and it did not": {"0", "USD 10 10.10 9.90 10.20", false},
		} {
			k.set(t, "RATE_JUMP_PERCENT", c.percent)
			k.take(t, bulletin("2026-02-27", five(c.usd)...))
			row := db.ExchangeRate.Query().Where(exchangerate.BulletinDate(day("2026-02-27")), exchangerate.CurrencyFrom("USD")).OnlyX(t.Context())
			if row.NeedsReview != c.review {
				t.Errorf("%s: review %t", name, row.NeedsReview)
			}
			kind := rate.ForexBuying
			if u, err := k.Find(system(t), "USD", nil, &kind); err != nil || !u.Value.Equal(*row.ForexBuying) { // it applies all the same
				t.Errorf("%s: %s", name, found(u, err))
			}
			db.ExchangeRate.Delete().Where(exchangerate.BulletinDate(day("2026-02-27"))).ExecX(t.Context())
		}
	})
}

func TestReview(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.take(t, bulletin("2026-02-26", five("USD 10")...))
		k.take(t, bulletin("2026-02-27", five("USD 20")...))
		row := db.ExchangeRate.Query().Where(exchangerate.NeedsReview(true)).OnlyX(t.Context())
		id := globalid.ID{Type: "ExchangeRate", Key: row.ID}
		if got, err := k.Review(system(t), rate.ReviewInput{ID: id, Version: 9}); !apperr.Is(err, apperr.VersionConflict) || got == nil || got.Version != 1 {
			t.Errorf("another version: %v, %v", got, err)
		}
		got, err := k.Review(system(t), rate.ReviewInput{ID: id, Version: 1})
		if err != nil || got.NeedsReview || got.Version != 2 || !got.ForexBuying.Equal(decimal.NewFromInt(20)) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := k.Review(system(t), rate.ReviewInput{ID: id, Version: 2}); err != nil || got.Version != 2 {
			t.Errorf("again: %+v, %v", got, err)
		}
		if f := k.take(t, bulletin("2026-02-27", five("USD 20")...)); f.Unchanged != 5 { // what was looked at stays so
			t.Errorf("fetched again: %+v", f)
		}
		if got := k.stored(t, "2026-02-27"); !strings.Contains(got, "USD 20 TCMB v2") || strings.Contains(got, "review") {
			t.Errorf("stored %s", got)
		}
		same := byHand("2026-02-27", "20")
		if got, err := k.Set(system(t), same); err != nil || got.NeedsReview || got.Version != 3 { // the same value from another hand
			t.Errorf("%+v, %v", got, err)
		}
		same.ForexBuying = number("21")
		if got, err := k.Set(system(t), same); err != nil || !got.NeedsReview || got.Version != 4 { // but not another value
			t.Errorf("%+v, %v", got, err)
		}
		k.bank.publish(bulletin("2026-02-27", five("USD 10")...)) // which the bank corrects
		if _, err := k.Fetch(system(t), rate.FetchInput{Force: true}); err != nil {
			t.Fatal(err)
		}
		if got := k.stored(t, "2026-02-27"); !strings.Contains(got, "USD 10 TCMB v5") || strings.Contains(got, "review") {
			t.Errorf("stored %s", got)
		}
		if _, err := k.Review(system(t), rate.ReviewInput{ID: globalid.ID{Type: "ExchangeRate", Key: 1 << 40}, Version: 1}); !apperr.Is(err, apperr.RateNotFound) {
			t.Errorf("an unknown rate: %v", err)
		}
		if _, err := k.Review(system(t), rate.ReviewInput{ID: globalid.ID{Type: "Cari", Key: row.ID}, Version: 1}); !apperr.Is(err, apperr.BadUserInput) {
			t.Errorf("no rate: %v", err)
		}
	})
}

// byHand is a rate entered by hand.
func byHand(on, buying string) rate.SetInput {
	return rate.SetInput{Currency: "USD", BulletinDate: day(on), Values: rate.Values{ForexBuying: number(buying)}, Reason: "Banka dekontu esas alındı"}
}

func TestRatesEnteredByHandStand(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		k.take(t, bulletin("2026-02-26", five("USD 34.40 34.46")...))
		got, err := k.Set(system(t), byHand("2026-02-27", "34.70"))
		if err != nil || got.Source != exchangerate.SourceManual || got.Version != 1 || got.ForexSelling != nil || got.BulletinNo != nil || got.ValidFrom != day("2026-02-28") || got.Unit != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		f := k.take(t, bulletin("2026-02-27", five("USD 34.50 34.56")...))
		if f.Created != 4 || len(f.Skipped) != 1 || *f.Skipped[0] != (rate.Skip{Currency: "USD", Reason: rate.ManualStays}) || len(f.Rates) != 5 {
			t.Errorf("%+v", f)
		}
		if got := k.stored(t, "2026-02-27"); !strings.HasSuffix(got, "USD 34.7 MANUAL v1") {
			t.Errorf("stored %s", got)
		}
		f, err = k.Fetch(system(t), rate.FetchInput{Force: true})
		if err != nil || f.Updated != 1 || f.Unchanged != 4 {
			t.Errorf("forced: %+v, %v", f, err)
		}
		row := db.ExchangeRate.Query().Where(exchangerate.BulletinDate(day("2026-02-27")), exchangerate.CurrencyFrom("USD")).OnlyX(t.Context())
		if row.Source != exchangerate.SourceTcmb || row.Reason != nil || row.BulletinNo == nil || !row.ForexSelling.Equal(decimal.RequireFromString("34.56")) || row.Version != 2 {
			t.Errorf("forced: %+v", row)
		}
		// It replaces one that is there, whole.
		jpy := rate.SetInput{Currency: "JPY", BulletinDate: day("2026-02-27"), Values: rate.Values{ForexSelling: number("0.24")}, Reason: "Düzeltme"}
		if got, err := k.Set(system(t), jpy); err != nil || got.ForexBuying != nil || !got.ForexSelling.Equal(decimal.RequireFromString("0.24")) || got.Version != 2 || got.BulletinNo != nil {
			t.Errorf("%+v, %v", got, err)
		}
		jpy.Version = new(1)
		jpy.ForexSelling = number("0.25")
		if got, err := k.Set(system(t), jpy); !apperr.Is(err, apperr.VersionConflict) || got == nil || got.Version != 2 {
			t.Errorf("an old version: %+v, %v", got, err)
		}
		jpy.Version = new(2)
		if got, err := k.Set(system(t), jpy); err != nil || got.Version != 3 {
			t.Errorf("the right version: %+v, %v", got, err)
		}
		jpy.Version = nil
		if got, err := k.Set(system(t), jpy); err != nil || got.Version != 3 {
			t.Errorf("the same once more: %+v, %v", got, err)
		}
		// A slip of the point waits for review like any jump.
		if got, err := k.Set(system(t), byHand("2026-03-02", "3.47")); err != nil || !got.NeedsReview {
			t.Errorf("a slip: %+v, %v", got, err)
		}
		manual := slices.DeleteFunc(k.trail(t), func(line string) bool { return !strings.HasPrefix(line, "rate_manual") })
		if len(manual) != 5 { // what changed nothing is told all the same
			t.Errorf("trail %q", manual)
		}
	})
}

func TestRatesThatCannotBeEntered(t *testing.T) {
	t.Parallel()
	k := newKit(aliatest.Open(t, dialect.SQLite))
	for name, c := range map[string]struct {
		change func(*rate.SetInput)
		want   string
	}{
		"nothing wrong":            {func(*rate.SetInput) {}, ""},
		"today's":                  {func(in *rate.SetInput) { in.BulletinDate = day("2026-03-02") }, ""},
		"the smallest":             {func(in *rate.SetInput) { in.ForexBuying = number("0.000001") }, ""},
		"the largest":              {func(in *rate.SetInput) { in.ForexBuying = number("999999999.999999") }, ""},
		"tomorrow's":               {func(in *rate.SetInput) { in.BulletinDate = day("2026-03-03") }, "KUR_INVALID_DATE bulletinDate"},
		"no currency":              {func(in *rate.SetInput) { in.Currency = "US" }, "VALIDATION_ERROR currency"},
		"the lira":                 {func(in *rate.SetInput) { in.Currency = "TRY" }, "VALIDATION_ERROR currency"},
		"no forex value":           {func(in *rate.SetInput) { in.Values = rate.Values{BanknoteBuying: number("34")} }, "VALIDATION_ERROR forexBuying"},
		"zero":                     {func(in *rate.SetInput) { in.ForexBuying = number("0") }, "VALIDATION_ERROR forexBuying"},
		"below zero":               {func(in *rate.SetInput) { in.BanknoteSelling = number("-1") }, "VALIDATION_ERROR banknoteSelling"},
		"seven places":             {func(in *rate.SetInput) { in.ForexBuying = number("0.0000001") }, "VALIDATION_ERROR forexBuying"},
		"too large":                {func(in *rate.SetInput) { in.ForexSelling = number("1000000000") }, "VALIDATION_ERROR forexSelling"},
		"a number without end":     {func(in *rate.SetInput) { in.ForexSelling = number("1e999999999") }, "VALIDATION_ERROR forexSelling"},
		"one next to zero":         {func(in *rate.SetInput) { in.ForexSelling = number("1e-999999999") }, "VALIDATION_ERROR forexSelling"},
		"selling below buying":     {func(in *rate.SetInput) { in.ForexSelling = number("34.69") }, "VALIDATION_ERROR forexSelling"},
		"banknotes the same way":   {func(in *rate.SetInput) { in.BanknoteBuying, in.BanknoteSelling = number("2"), number("1") }, "VALIDATION_ERROR banknoteSelling"},
		"no reason":                {func(in *rate.SetInput) { in.Reason = "    a   " }, "VALIDATION_ERROR reason"},
		"a reason of many words":   {func(in *rate.SetInput) { in.Reason = strings.Repeat("ğ", 501) }, "VALIDATION_ERROR reason"},
		"several faults, all told": {func(in *rate.SetInput) { in.Currency, in.Reason = "x", "" }, "VALIDATION_ERROR currency VALIDATION_ERROR reason"},
	} {
		in := byHand("2026-02-27", "34.70")
		c.change(&in)
		_, err := k.Set(system(t), in)
		all, _ := apperr.All(err)
		var got []string
		for _, e := range all {
			got = append(got, string(e.Code)+" "+strings.Join(e.Field, "."))
		}
		if strings.Join(got, " ") != c.want || err != nil && c.want == "" {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestFaultsOfTheSource(t *testing.T) {
	t.Parallel()
	k := newKit(aliatest.Open(t, dialect.SQLite))
	k.take(t, bulletin("2026-02-27", five("USD 34.50 34.56")...))
	kept := k.stored(t, "2026-02-27")
	saturday, tomorrow := day("2026-02-28"), day("2026-03-03")
	_, err := k.Fetch(system(t), rate.FetchInput{Date: &saturday})
	if !apperr.Is(err, apperr.RateNotFound) {
		t.Errorf("a day without a bulletin: %v", err)
	}
	if _, err = k.Fetch(system(t), rate.FetchInput{Date: &tomorrow}); !apperr.Is(err, apperr.RateDate) {
		t.Errorf("tomorrow: %v", err)
	}
	for _, fault := range []rate.SourceFault{rate.NoBulletin, rate.Unreachable, rate.TimedOut, rate.BadStatus, rate.Misled, rate.TooLarge, rate.Unreadable, rate.OtherDay} {
		k.bank.fault = &rate.SourceError{Fault: fault, Err: errors.New("secret detail")}
		_, err := k.Fetch(system(t), rate.FetchInput{})
		all, _ := apperr.All(err)
		if !apperr.Is(err, apperr.RateFetch) || !strings.Contains(all[0].Message(apperr.English), string(fault)) || strings.Contains(all[0].Message(apperr.English), "secret") {
			t.Errorf("%s: %v", fault, err)
		}
	}
	k.bank.fault = context.Canceled
	if _, err := k.Fetch(system(t), rate.FetchInput{}); !errors.Is(err, context.Canceled) || apperr.Is(err, apperr.RateFetch) {
		t.Errorf("given up: %v", err)
	}
	k.bank.fault = nil
	k.bank.publish(bulletin("2026-03-03", five("USD 34.50")...))
	if _, err := k.Fetch(system(t), rate.FetchInput{}); !apperr.Is(err, apperr.RateFetch) {
		t.Errorf("a bulletin of tomorrow: %v", err)
	}
	if got := k.stored(t, "2026-02-27"); got != kept || len(k.trail(t)) != 1 {
		t.Errorf("stored %s, trail %q", got, k.trail(t))
	}
}

func TestNobodyWithoutTheRight(t *testing.T) {
	t.Parallel()
	k := newKit(aliatest.Open(t, dialect.SQLite))
	reader := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.RateRead}))
	writer := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.RateWrite}))
	for name, call := range map[string]func(context.Context) error{
		"read list":   func(ctx context.Context) error { _, err := k.List(ctx, rate.Filter{}, page.Args{}); return err },
		"read find":   func(ctx context.Context) error { _, err := k.Find(ctx, "USD", nil, nil); return err },
		"read latest": func(ctx context.Context) error { _, err := k.Latest(ctx); return err },
		"read convert": func(ctx context.Context) error {
			_, err := k.Convert(ctx, decimal.Zero, "USD", "TRY", nil, nil)
			return err
		},
		"write fetch":  func(ctx context.Context) error { _, err := k.Fetch(ctx, rate.FetchInput{}); return err },
		"write set":    func(ctx context.Context) error { _, err := k.Set(ctx, rate.SetInput{}); return err },
		"write review": func(ctx context.Context) error { _, err := k.Review(ctx, rate.ReviewInput{}); return err },
	} {
		without := writer
		if strings.HasPrefix(name, "write") {
			without = reader
		}
		if err := call(without); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
		if err := call(t.Context()); !apperr.Is(err, apperr.Unauthenticated) {
			t.Errorf("%s by nobody: %v", name, err)
		}
	}
}

func TestSeveralWhoFetchStoreOnce(t *testing.T) {
	t.Parallel()
	const servers, rounds = 8, 6
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for round := range rounds {
			date := day("2026-02-02").AddDays(round).String()
			var wg sync.WaitGroup
			results := make([]*rate.Fetched, servers)
			errs := make([]error, servers)
			for i := range servers {
				k := newKit(db)
				k.bank.publish(bulletin(date, five("USD 34.50 34.56")...))
				wg.Go(func() { results[i], errs[i] = k.Fetch(system(t), rate.FetchInput{}) })
			}
			wg.Wait()
			created, unchanged := 0, 0
			for i, f := range results {
				if errs[i] != nil {
					t.Fatalf("%s: %v", date, errs[i])
				}
				created, unchanged = created+f.Created, unchanged+f.Unchanged
				if f.Updated != 0 || len(f.Rates) != 5 {
					t.Errorf("%s: %+v", date, f)
				}
			}
			if created != 5 || unchanged != 5*(servers-1) {
				t.Errorf("%s: %d created, %d unchanged", date, created, unchanged)
			}
		}
		if n := db.ExchangeRate.Query().Where(exchangerate.Version(1)).CountX(t.Context()); n != 5*rounds {
			t.Errorf("%d rows", n)
		}
	})
}

func TestOneWhoEntersARateAndOneWhoFetchesAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for round := range 20 {
			on := day("2026-01-05").AddDays(round)
			k := newKit(db)
			k.bank.publish(bulletin(on.String(), five("USD 34.50 34.56")...))
			var wg sync.WaitGroup
			errs := make([]error, 2)
			wg.Go(func() { _, errs[0] = k.Fetch(system(t), rate.FetchInput{}) })
			wg.Go(func() { _, errs[1] = k.Set(system(t), byHand(on.String(), "34.70")) })
			wg.Wait()
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			if got := k.stored(t, on.String()); !strings.Contains(got, "USD 34.7 MANUAL") { // whoever came first
				t.Fatalf("stored %s", got)
			}
		}
	})
}

func TestLatest(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		k := newKit(db)
		latest := func() string {
			rows, err := k.Latest(system(t))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, r := range rows {
				lines = append(lines, r.CurrencyFrom+" "+r.BulletinDate.String())
			}
			return strings.Join(lines, ", ")
		}
		if got := latest(); got != "" {
			t.Errorf("of nothing: %s", got)
		}
		k.take(t, bulletin("2026-02-26", five("USD 34.40")...))
		k.take(t, bulletin("2026-03-02", "USD 34.60", "EUR 38"))
		k.take(t, bulletin("2026-02-27", "USD 34.50", "JPY 0.23"))
		if got, want := latest(), "CHF 2026-02-26, EUR 2026-03-02, GBP 2026-02-26, JPY 2026-02-27, USD 2026-03-02"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		k.set(t, "RATE_CURRENCIES", "TRY")
		if got := latest(); got != "" {
			t.Errorf("of no currency: %s", got)
		}
	})
}
