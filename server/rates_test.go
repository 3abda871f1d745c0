package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/redis/go-redis/v9"

	"aliaport/ent/auditevent"
	entuser "aliaport/ent/user"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/audit"
	"aliaport/internal/config"
	"aliaport/internal/store"
)

// from sends a document from an address, by way of a proxy if forwarded is not
// empty.
func from(t testing.TB, a *api.API, address, forwarded, token, query string, variables map[string]any) *api.Answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(string(body)))
	r.RemoteAddr = address + ":40000"
	r.Header.Set("Content-Type", "application/json")
	if forwarded != "" {
		r.Header.Set("X-Forwarded-For", forwarded)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return a.Send(t, r)
}

const (
	whoAmI  = `{ viewer { fullName } }`
	asking  = `{ rateLimit { measureOnly operations { limit remaining resetAt } cost { limit remaining } } }`
	signIn  = `mutation ($email: String!, $password: String!) { login(input: {email: $email, password: $password}) { accessToken userErrors { code } } }`
	tooMany = "RATE_LIMITED"
)

func allCodes(a *api.Answer) string {
	var all []string
	for _, e := range a.Errors {
		all = append(all, e.Extensions.Code)
	}
	return strings.Join(all, " ")
}

// limited checks that an answer refuses the whole request and says when to come again.
func limited(t *testing.T, a *api.Answer) {
	t.Helper()
	after, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if a.Status != http.StatusTooManyRequests || allCodes(a) != tooMany || err != nil || after < 1 || after > 60 {
		t.Errorf("status %d, Retry-After %q, %s", a.Status, a.Header.Get("Retry-After"), a.Body)
	}
}

func TestAUserWhoAsksTooOftenIsHeldOff(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		a := api.New(t, db, func(c *config.Config) { c.RateOperations = 6 })
		for i := range 5 {
			if got := a.Do(t, "OPERASYON", whoAmI, nil); got.Status != http.StatusOK || len(got.Errors) > 0 {
				t.Fatalf("the %d. is answered with %d, %s", i+1, got.Status, got.Body)
			}
		}
		var left struct {
			RateLimit struct {
				Operations struct {
					Limit, Remaining int
					ResetAt          time.Time
				}
				Cost *struct{ Limit int }
			}
		}
		a.Get(t, "OPERASYON", asking, nil, &left)
		if o := left.RateLimit.Operations; o.Limit != 6 || o.Remaining != 0 || !o.ResetAt.Equal(a.Clock.Now().Add(time.Minute)) || left.RateLimit.Cost != nil {
			t.Errorf("told %+v", left)
		}
		limited(t, a.Do(t, "OPERASYON", whoAmI, nil))
		if got := a.Do(t, "FINANS", whoAmI, nil); got.Status != http.StatusOK {
			t.Errorf("another user is answered with %d", got.Status)
		}
		// Before signing in it is the address that counts.
		for range 6 {
			from(t, a, "192.0.2.1", "", "", whoAmI, nil)
		}
		limited(t, from(t, a, "192.0.2.1", "", "", whoAmI, nil))
		if got := from(t, a, "192.0.2.2", "", "", whoAmI, nil); got.Status != http.StatusOK {
			t.Errorf("another address is answered with %d", got.Status)
		}
		a.Clock.Move(10 * time.Second)
		if got := a.Do(t, "OPERASYON", whoAmI, nil); got.Status != http.StatusOK {
			t.Errorf("ten seconds later: %d, %s", got.Status, got.Body)
		}
		limited(t, a.Do(t, "OPERASYON", whoAmI, nil))
	})
}

func TestAUserWhoAsksForTooMuchIsHeldOff(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.LimitNodes, c.RateCost = 250, 250 })
	const hundred = `{ workOrders(first: 100) { nodes { id } } }`
	for i := range 2 {
		if got := a.Do(t, "OPERASYON", hundred, nil); got.Status != http.StatusOK || len(got.Errors) > 0 {
			t.Fatalf("the %d. is answered with %d, %s", i+1, got.Status, got.Body)
		}
	}
	limited(t, a.Do(t, "OPERASYON", hundred, nil))
	if got := a.Do(t, "OPERASYON", whoAmI, nil); got.Status != http.StatusOK {
		t.Errorf("something cheap is answered with %d", got.Status)
	}
	a.Clock.Move(time.Minute)
	if got := a.Do(t, "OPERASYON", hundred, nil); got.Status != http.StatusOK {
		t.Errorf("a minute later: %d", got.Status)
	}
}

func TestMeasuringRefusesNothing(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.RateOperations, c.RateMeasureOnly = 2, true })
	for range 5 {
		if got := a.Do(t, "OPERASYON", whoAmI, nil); got.Status != http.StatusOK || len(got.Errors) > 0 {
			t.Fatalf("answered with %d, %s", got.Status, got.Body)
		}
	}
	w := httptest.NewRecorder()
	a.Server.AdminHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if want := `aliaport_rate_limited_total{policy="operations"} 3`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("the metrics lack %s", want)
	}
}

func TestSignInsAreHeldOffBeforeTheyAreHashed(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db, func(c *config.Config) { c.RateLogins, c.TrustedProxies = 10, []string{"10.0.0.0/8"} })
		somebody := d.user(t, "deniz@aliaport.example", "OPERASYON")
		try := func(address, email string) *api.Answer {
			t.Helper()
			return from(t, d.API, address, "", "", signIn, map[string]any{"email": email, "password": wrong})
		}
		// From one address, whatever the account: half at once, the others over the minute.
		passed := 0
		for second := range 61 { // both ends of a minute
			for range 3 {
				a := try("192.0.2.1", fmt.Sprintf("user%d@aliaport.example", second))
				if allCodes(a) != tooMany {
					passed++
					continue
				}
				limited(t, a)
			}
			d.Clock.Move(time.Second)
		}
		if passed != 10 {
			t.Errorf("%d sign-ins of one address passed in a minute, want 10", passed)
		}
		// To one account, from wherever, whether or not it exists.
		for i, email := range []string{"deniz@aliaport.example", "nobody@aliaport.example"} {
			for n := range 5 {
				if a := try(fmt.Sprintf("198.51.%d.%d", i, n), email); allCodes(a) == tooMany {
					t.Fatalf("%s: the %d. is held off", email, n+1)
				}
			}
			limited(t, try(fmt.Sprintf("198.51.%d.99", i), strings.ToUpper(email)))
		}
		if n := db.User.Query().Where(entuser.ID(somebody.ID)).OnlyX(t.Context()).FailedLogins; n != 5 {
			t.Errorf("%d guesses were judged, want the 5 that were not held off", n)
		}
		d.Server.Users().Refusals.Flush()
		lines := db.AuditEvent.Query().Where(auditevent.Action(string(audit.RateLimited))).AllX(t.Context())
		held := 0
		for _, l := range lines {
			var extra struct{ Count int }
			if err := json.Unmarshal(l.Extra, &extra); err != nil {
				t.Fatal(err)
			}
			held += extra.Count
		}
		if held != 183-10+2 {
			t.Errorf("the trail counts %d held off, want %d", held, 183-10+2)
		}
	})
}

func TestTheAddressIsThatOfTheClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ peer, forwarded, want string }{
		"without a proxy":                            {"192.0.2.7", "", "192.0.2.7"},
		"a client that says it is another":           {"192.0.2.7", "203.0.113.9", "192.0.2.7"},
		"behind a proxy":                             {"10.1.1.1", "192.0.2.7", "192.0.2.7"},
		"behind two proxies":                         {"10.1.1.1", "192.0.2.7, 10.2.2.2", "192.0.2.7"},
		"a client behind a proxy that lies":          {"10.1.1.1", "203.0.113.9, 192.0.2.7", "192.0.2.7"},
		"a proxy that says nothing":                  {"10.1.1.1", "", "10.1.1.1"},
		"a proxy that says nonsense":                 {"10.1.1.1", "unknown", "10.1.1.1"},
		"nonsense before a proxy":                    {"10.1.1.1", "zzz, 10.2.2.2", "10.2.2.2"},
		"a request of the proxy itself":              {"10.1.1.1", "10.3.3.3", "10.3.3.3"},
		"an address of the new kind behind a proxy":  {"10.1.1.1", "2001:db8::1", "2001:db8::1"},
		"an address that maps an old one to the new": {"10.1.1.1", "::ffff:192.0.2.7", "::ffff:192.0.2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.TrustedProxies = []string{"10.0.0.0/8"} })
			const create = `mutation { createCari(input: {cariCode: "MST900", title: "Deneme", type: LEGAL, role: CUSTOMER, taxOffice: "Konak", taxNumber: "1234567890"}) { userErrors { code message } } }`
			if got := from(t, a, c.peer, c.forwarded, a.Token("OPERASYON"), create, nil); len(got.Errors) > 0 || strings.Contains(string(got.Body), "code") {
				t.Fatalf("%s", got.Body)
			}
			line := a.DB.AuditEvent.Query().Where(auditevent.Action(string(audit.Create))).OnlyX(t.Context())
			if line.IP == nil || *line.IP != c.want {
				t.Errorf("the trail has %v, want %s", line.IP, c.want)
			}
		})
	}
}

func TestServersShareLimitsThroughRedis(t *testing.T) {
	t.Parallel()
	url := "redis://" + aliatest.RedisAddr(t) + "/7" // no other test uses this one
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer client.Close()
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) {
		c.RateOperations, c.RedisURL, c.RedisTimeout = 20, config.Secret(url), 10*time.Second
	})
	b := *a
	b.Server = another(t, a, func(c *config.Config) {
		c.RateOperations, c.RedisURL, c.RedisTimeout = 20, config.Secret(url), 10*time.Second
	})
	answered := map[int]int{}
	for i := range 30 {
		answered[[]*api.API{a, &b}[i%2].Do(t, "OPERASYON", whoAmI, nil).Status]++
	}
	// Redis has a clock of its own; a token comes back every three seconds.
	if n := answered[http.StatusOK]; n < 20 || n > 22 || n+answered[http.StatusTooManyRequests] != 30 {
		t.Errorf("answered %v, want 20 of 30", answered)
	}
}

func TestWithoutRedisEachServerCountsForItself(t *testing.T) {
	t.Parallel()
	away := config.Secret("redis://127.0.0.1:1/0") // nobody listens there
	a := api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.RateOperations, c.RedisURL = 3, away })
	for range 3 {
		if got := a.Do(t, "OPERASYON", whoAmI, nil); got.Status != http.StatusOK || len(got.Errors) > 0 {
			t.Fatalf("answered with %d, %s", got.Status, got.Body)
		}
	}
	limited(t, a.Do(t, "OPERASYON", whoAmI, nil))
}

func TestRequestsForANewPasswordAreHeldOff(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db, func(c *config.Config) { c.RateResets, c.SMTPURL = 5, "smtp+plain://127.0.0.1:1" })
		d.user(t, "deniz@aliaport.example", "OPERASYON")
		const (
			request = `mutation ($email: String!) { requestPasswordReset(input: {email: $email}) { userErrors { code } } }`
			try     = `mutation { resetPassword(input: {token: "none", newPassword: "Yeni-Parola-1"}) { userErrors { code } } }`
		)
		// judged tells how many of those of one hour are not held off.
		judged := func(each func(i int) *api.Answer) (passed int) {
			for i := range 61 {
				switch a := each(i); {
				case allCodes(a) == tooMany:
					if after, err := strconv.Atoi(a.Header.Get("Retry-After")); a.Status != http.StatusTooManyRequests || err != nil || after < 1 || after > 3600 {
						t.Errorf("status %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
					}
				case a.Status == http.StatusOK:
					passed++
				default:
					t.Fatalf("status %d, %s", a.Status, a.Body)
				}
				d.Clock.Move(time.Minute)
			}
			return passed
		}
		if n := judged(func(i int) *api.Answer {
			return from(t, d.API, "192.0.2.1", "", "", request, map[string]any{"email": fmt.Sprintf("user%d@aliaport.example", i)})
		}); n != 5 {
			t.Errorf("%d requests of one address passed in an hour, want 5", n)
		}
		for i, email := range []string{"deniz@aliaport.example", "nobody@aliaport.example"} { // and no difference tells who has an account
			if n := judged(func(at int) *api.Answer {
				return from(t, d.API, fmt.Sprintf("198.51.%d.%d", i, at), "", "", request, map[string]any{"email": email})
			}); n != 5 {
				t.Errorf("%d requests for %s passed in an hour, want 5", n, email)
			}
		}
		if n := judged(func(int) *api.Answer { return from(t, d.API, "192.0.2.9", "", "", try, nil) }); n != 10 {
			t.Errorf("%d tokens of one address were tried in an hour, want 10", n)
		}
	})
}
