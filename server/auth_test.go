package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/crypto/argon2"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/ent/jobrun"
	"aliaport/ent/motorbot"
	"aliaport/ent/parameter"
	"aliaport/ent/permission"
	"aliaport/ent/pricelist"
	"aliaport/ent/refreshtoken"
	"aliaport/ent/trip"
	entuser "aliaport/ent/user"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/graph"
	"aliaport/graph/gen"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/config"
	"aliaport/internal/globalid"
	"aliaport/internal/store"
	"aliaport/server"
)

// right is the password of everybody in these tests.
const right, wrong = "Deniz-2026x", "Deniz-2026y"

// door is an API to whose users others try to sign in.
type door struct{ *api.API }

func newDoor(t testing.TB, db *store.DB, adjust ...func(*config.Config)) *door {
	t.Helper()
	d := &door{api.New(t, db, adjust...)}
	d.Server.Users().Hasher.MaxWait = time.Minute // the machine may be busy
	return d
}

// user makes somebody with the right password, of which a cheap hash is stored.
func (d *door) user(t testing.TB, email, role string) *ent.User {
	t.Helper()
	u, err := d.Server.Users().Add(t.Context(), email, "Deniz Kaya", "", role)
	if err != nil {
		t.Fatal(err)
	}
	return d.DB.User.UpdateOne(u).SetPasswordHash(cheap(right)).SaveX(t.Context())
}

// cheap is a hash that takes no time to compare with. Its cost stands in it.
func cheap(password string) string {
	salt := []byte("0123456789abcdef")
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=8,t=1,p=1$%s$%s", argon2.Version, b64(salt), b64(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32)))
}

// ask sends a document with a token.
func (d *door) ask(t testing.TB, token, query string, variables map[string]any) *api.Answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(posted(query, variables)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("User-Agent", "konsol/1")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return d.Send(t, r)
}

// session is what a login or a refresh answers.
type session struct {
	AccessToken, RefreshToken string
	ExpiresAt                 time.Time
	UserErrors                []struct {
		Code  string
		Field []string
	}
	answer *api.Answer
}

func (s *session) code() string {
	if len(s.UserErrors) > 0 {
		return s.UserErrors[0].Code
	}
	if len(s.answer.Errors) > 0 {
		return s.answer.Errors[0].Extensions.Code
	}
	return "OK"
}

const sessionFields = " { accessToken refreshToken expiresAt user { email permissions } userErrors { code message field } }"

func (d *door) session(t testing.TB, query string, variables map[string]any) *session {
	t.Helper()
	var data struct{ Session session }
	a := d.ask(t, "", query, variables)
	if len(a.Errors) == 0 {
		if err := json.Unmarshal(a.Data, &data); err != nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
	}
	data.Session.answer = a
	return &data.Session
}

func (d *door) login(t testing.TB, email, password string) *session {
	t.Helper()
	return d.session(t, "mutation Login($e: String!, $p: String!) { session: login(input: {email: $e, password: $p})"+sessionFields+" }", map[string]any{"e": email, "p": password})
}

func (d *door) refresh(t testing.TB, token string) *session {
	t.Helper()
	return d.session(t, "mutation Refresh($t: String!) { session: refreshToken(input: {refreshToken: $t})"+sessionFields+" }", map[string]any{"t": token})
}

// in signs in, which must succeed.
func (d *door) in(t testing.TB, email string) *session {
	t.Helper()
	s := d.login(t, email, right)
	if s.AccessToken == "" || s.RefreshToken == "" {
		t.Fatalf("%s cannot sign in: %s", email, s.answer.Body)
	}
	return s
}

// opens tells whether an access token is good, as OK or the code of its refusal.
func (d *door) opens(t testing.TB, token string) string {
	t.Helper()
	return verdict(t, d.ask(t, token, "{ sessions { id } }", nil))
}

// holds fails unless the access token is answered so.
func (d *door) holds(t testing.TB, what, token, want string) {
	t.Helper()
	if got := d.opens(t, token); got != want {
		t.Errorf("%s is answered %s, not %s", what, got, want)
	}
}

// do runs a mutation that answers userErrors.
func (d *door) do(t testing.TB, token, query string, variables map[string]any) string {
	t.Helper()
	return verdict(t, d.ask(t, token, query, variables))
}

// together runs f for 0 … n-1, all let go at once.
func together(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			f(i)
		})
	}
	done.Wait()
}

const invalid = "AUTH_INVALID_CREDENTIALS"

func TestTenWrongPasswordsLockAnAccountForAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		u := d.user(t, "kapi@aliaport.example", actor.RoleGate)
		guess := func(n int) {
			t.Helper()
			for range n {
				if got := d.login(t, u.Email, wrong).code(); got != invalid {
					t.Fatalf("a wrong password is answered %s", got)
				}
			}
		}
		for range 2 { // success sets the count back
			guess(9)
			d.in(t, u.Email)
		}
		guess(10)
		refused := d.login(t, u.Email, wrong).answer.Body
		if got := d.login(t, u.Email, right).answer.Body; !bytes.Equal(got, refused) {
			t.Errorf("the right password of a locked account is answered\n%s and a wrong one\n%s", got, refused)
		}
		if e := db.AuditEvent.Query().Where(auditevent.Action("lock")).AllX(t.Context()); len(e) != 1 || e[0].EntityID == nil || *e[0].EntityID != fmt.Sprint(u.ID) {
			t.Errorf("the lock is in the trail as %v", e)
		}
		d.Clock.Move(15*time.Minute - time.Microsecond)
		if got := d.login(t, u.Email, right).code(); got != invalid {
			t.Errorf("a microsecond before its end the lock answers %s", got)
		}
		d.Clock.Move(time.Microsecond)
		d.in(t, u.Email)
		guess(9)
		d.in(t, u.Email)

		guess(10)
		admin := d.Token(api.Admin)
		if got := d.do(t, admin, `mutation($id: ID!) { unlockUser(input: {id: $id}) { userErrors { code } } }`, map[string]any{"id": u.GlobalID()}); got != "OK" {
			t.Fatal(got)
		}
		d.in(t, u.Email)
	})
}

func TestGuessesSentAtOnceAreAllCounted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		for round := range 2 {
			u := d.user(t, fmt.Sprintf("kapi%d@aliaport.example", round), actor.RoleGate)
			together(12, func(int) {
				if got := d.login(t, u.Email, wrong).code(); got != invalid {
					t.Errorf("a guess is answered %s", got)
				}
			})
			if got := d.login(t, u.Email, right).code(); got != invalid {
				t.Errorf("after 12 guesses at once the right password is answered %s", got)
			}
			d.Clock.Move(15 * time.Minute)
			d.in(t, u.Email)
		}
	})
}

// TestRefusedLoginsAreAlikeInAnswerAndWork looks at what is allocated, of which a
// hash is nearly all; so it does not run beside other tests.
func TestRefusedLoginsAreAlikeInAnswerAndWork(t *testing.T) {
	d := newDoor(t, aliatest.Open(t, dialect.SQLite))
	add := func(email string) *ent.User {
		u, err := d.Server.Users().Add(t.Context(), email, "Deniz Kaya", right, actor.RoleGate)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	add("acik@aliaport.example")
	d.DB.User.UpdateOne(add("pasif@aliaport.example")).SetIsActive(false).ExecX(t.Context())
	d.DB.User.UpdateOne(add("kilitli@aliaport.example")).SetLockedUntil(api.Start.Add(time.Hour)).ExecX(t.Context())
	const hash = 19 << 20
	var first []byte
	for name, c := range map[string]struct{ email, password string }{
		"a wrong password":              {"acik@aliaport.example", wrong},
		"an unknown user":               {"yok@aliaport.example", right},
		"no user":                       {"", right},
		"no password":                   {"acik@aliaport.example", ""},
		"an inactive user":              {"pasif@aliaport.example", right},
		"an inactive user, wrong":       {"pasif@aliaport.example", wrong},
		"a locked user":                 {"kilitli@aliaport.example", right},
		"a locked user, wrong":          {"kilitli@aliaport.example", wrong},
		"a user without a password":     {"saha@aliaport.example", ""},
		"a user with none, a right one": {"saha@aliaport.example", right},
		"an e-mail of 100 KB":           {rep("a", 100_000) + "@aliaport.example", right},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := d.login(t, c.email, c.password)
		runtime.ReadMemStats(&after)
		if work := after.TotalAlloc - before.TotalAlloc; work < hash || work > 2*hash {
			t.Errorf("%s takes %d KB, which is not that of one hash", name, work>>10)
		}
		if first == nil {
			first = s.answer.Body
		}
		if s.code() != invalid || !bytes.Equal(s.answer.Body, first) {
			t.Errorf("%s is answered\n%s not\n%s", name, s.answer.Body, first)
		}
		for _, header := range []string{"Content-Length", "Content-Type", "Cache-Control", "Retry-After"} {
			if got := s.answer.Header.Values(header); header == "Retry-After" && len(got) > 0 || header != "Retry-After" && len(got) != 1 {
				t.Errorf("%s has the headers %s: %q", name, header, got)
			}
		}
	}
}

// hashing counts the goroutines that hash a password right now.
func hashing() int {
	buf := make([]byte, 1<<20)
	return bytes.Count(buf[:runtime.Stack(buf, true)], []byte("argon2.IDKey("))
}

// TestABurstOfLoginsIsBounded looks at all goroutines, so it does not run beside
// other tests.
func TestABurstOfLoginsIsBounded(t *testing.T) {
	d := newDoor(t, aliatest.Open(t, dialect.SQLite))
	const waiting, burst = 4, 60
	d.Server.Users().Hasher.MaxWaiting, d.Server.Users().Hasher.MaxWait = waiting, 3*time.Second
	ended, peak := make(chan struct{}), make(chan int)
	go func() {
		most := 0
		for {
			select {
			case <-ended:
				peak <- most
				return
			default:
				most = max(most, hashing())
			}
		}
	}()
	var mu sync.Mutex
	count := map[string]int{}
	together(burst, func(i int) {
		s := d.login(t, fmt.Sprintf("yok%d@aliaport.example", i), right)
		mu.Lock()
		defer mu.Unlock()
		count[s.code()]++
		if s.code() != "RATE_LIMITED" {
			return
		}
		var told struct {
			Errors []struct {
				Extensions struct {
					Retryable    bool
					RetryAfterMs int
				}
			}
		}
		if err := json.Unmarshal(s.answer.Body, &told); err != nil {
			t.Error(err)
			return
		}
		if e := told.Errors[0].Extensions; s.answer.Status != http.StatusTooManyRequests || s.answer.Header.Get("Retry-After") != "3" || !e.Retryable || e.RetryAfterMs != 3000 {
			t.Errorf("sent away with status %d, Retry-After %q: %s", s.answer.Status, s.answer.Header.Get("Retry-After"), s.answer.Body)
		}
	})
	close(ended)
	if most := <-peak; most == 0 || most > runtime.NumCPU() {
		t.Errorf("%d passwords were hashed at once, on %d cores", most, runtime.NumCPU())
	}
	if count[invalid]+count["RATE_LIMITED"] != burst || count[invalid] < runtime.NumCPU()+waiting || count["RATE_LIMITED"] == 0 {
		t.Errorf("of %d logins at once %v", burst, count)
	}
	t.Logf("of %d logins at once %v", burst, count)
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		u := d.user(t, "kapi@aliaport.example", actor.RoleGate)
		other := d.in(t, u.Email)
		first := d.in(t, u.Email)
		second := d.refresh(t, first.RefreshToken)
		if second.code() != "OK" || second.RefreshToken == first.RefreshToken || second.RefreshToken == "" {
			t.Fatalf("refreshed: %s", second.answer.Body)
		}
		d.holds(t, "the new access token", second.AccessToken, "OK")
		third := d.refresh(t, second.RefreshToken)
		d.holds(t, "the access token after that", third.AccessToken, "OK")

		if got := d.refresh(t, first.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
			t.Errorf("a token shown again is answered %s", got)
		}
		for name, s := range map[string]*session{"first": first, "second": second, "third": third} {
			d.holds(t, "the access token of the "+name, s.AccessToken, "UNAUTHENTICATED")
			if got := d.refresh(t, s.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
				t.Errorf("the refresh token of the %s is answered %s", name, got)
			}
		}
		d.holds(t, "another session of the user", other.AccessToken, "OK")
		e := db.AuditEvent.Query().Where(auditevent.Action("token_reuse")).AllX(t.Context())
		if len(e) != 1 || e[0].Outcome != auditevent.OutcomeDenied || e[0].UserID == nil || *e[0].UserID != u.ID || e[0].StatusCode != http.StatusUnauthorized {
			t.Errorf("the theft is in the trail as %v", e)
		}
	})
}

func TestOfTwoRefreshesAtOnceOneWinsAndTheFamilyEnds(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		u := d.user(t, "kapi@aliaport.example", actor.RoleGate)
		for range 10 {
			s := d.in(t, u.Email)
			both := make([]*session, 2)
			together(2, func(i int) { both[i] = d.refresh(t, s.RefreshToken) })
			got := []string{both[0].code(), both[1].code()}
			slices.Sort(got)
			if !slices.Equal(got, []string{"AUTH_TOKEN_INVALID", "OK"}) {
				t.Fatalf("two refreshes are answered %v", got)
			}
			for _, won := range both {
				if won.code() == "OK" {
					d.holds(t, "the winner's access token", won.AccessToken, "UNAUTHENTICATED")
					if got := d.refresh(t, won.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
						t.Errorf("the winner's refresh token is answered %s", got)
					}
				}
			}
			d.holds(t, "the access token of before", s.AccessToken, "UNAUTHENTICATED")
		}
	})
}

// TestNothingOutlivesTheEndOfASession ends sessions while they are refreshed, and
// while others are opened.
func TestNothingOutlivesTheEndOfASession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"logout":               "mutation { logout { userErrors { code } } }",
		"logout everywhere":    "mutation { logoutEverywhere { userErrors { code } } }",
		"a change of password": `mutation { setUserPassword(input: {id: "%s", newPassword: "Deniz-2026z"}) { userErrors { code } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
				d := newDoor(t, db)
				for round := range 6 {
					u := d.user(t, fmt.Sprintf("kapi%d@aliaport.example", round), actor.RoleGate)
					s := d.in(t, u.Email)
					token, query := s.AccessToken, end
					reset := strings.Contains(query, "%s")
					if reset {
						token, query = d.Token(api.Admin), fmt.Sprintf(query, u.GlobalID())
					}
					var ended string
					var refreshed, opened *session
					together(3, func(i int) {
						switch i {
						case 0:
							ended = d.do(t, token, query, nil)
						case 1:
							refreshed = d.refresh(t, s.RefreshToken)
						case 2:
							opened = d.login(t, u.Email, right)
						}
					})
					if ended != "OK" {
						t.Fatalf("ending the session is answered %s", ended)
					}
					d.holds(t, "the access token", s.AccessToken, "UNAUTHENTICATED")
					if refreshed.code() == "OK" {
						d.holds(t, "the access token that was refreshed meanwhile", refreshed.AccessToken, "UNAUTHENTICATED")
						if got := d.refresh(t, refreshed.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
							t.Errorf("the token refreshed meanwhile is answered %s", got)
						}
					}
					if reset && opened.code() == "OK" {
						d.holds(t, "a session opened with the old password", opened.AccessToken, "UNAUTHENTICATED")
					}
				}
			})
		})
	}
}

func TestRefreshTokensEnd(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		const week = 7 * 24 * time.Hour
		used, unused := d.user(t, "bir@aliaport.example", actor.RoleGate), d.user(t, "iki@aliaport.example", actor.RoleGate)
		gone := d.user(t, "uc@aliaport.example", actor.RoleGate)
		a, b, c := d.in(t, used.Email), d.in(t, unused.Email), d.in(t, gone.Email)
		db.User.UpdateOne(gone).SetIsActive(false).ExecX(t.Context())
		d.Clock.Move(week - time.Microsecond)
		if a = d.refresh(t, a.RefreshToken); a.code() != "OK" {
			t.Errorf("a microsecond before its end a token is answered %s", a.code())
		}
		if got := d.refresh(t, c.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
			t.Errorf("the token of a deactivated user is answered %s", got)
		}
		d.Clock.Move(time.Microsecond)
		if got := d.refresh(t, b.RefreshToken).code(); got != "AUTH_TOKEN_EXPIRED" {
			t.Errorf("an expired token is answered %s", got)
		}
		if a = d.refresh(t, a.RefreshToken); a.code() != "OK" {
			t.Errorf("a session in use is answered %s", a.code())
		}
		d.Clock.Move(week)
		if got := d.refresh(t, a.RefreshToken).code(); got != "AUTH_TOKEN_EXPIRED" {
			t.Errorf("a session out of use is answered %s", got)
		}
		db.User.UpdateOne(gone).SetIsActive(true).ExecX(t.Context())
		for name, token := range map[string]string{"words": "not a token", "nothing": "", "an access token": a.AccessToken, "a hash": db.RefreshToken.Query().FirstX(t.Context()).TokenHash} {
			if got := d.refresh(t, token).code(); got != "AUTH_TOKEN_INVALID" {
				t.Errorf("%s for a refresh token is answered %s", name, got)
			}
		}
		for _, row := range db.RefreshToken.Query().AllX(t.Context()) {
			if len(row.TokenHash) != 64 {
				t.Errorf("stored is %q, no hash", row.TokenHash)
			}
		}
	})
}

func TestAccessTokensEndAfterAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		s := d.in(t, d.user(t, "kapi@aliaport.example", actor.RoleGate).Email)
		if want := api.Start.Add(15 * time.Minute); !s.ExpiresAt.Equal(want) {
			t.Errorf("it is said to end %s, want %s", s.ExpiresAt, want)
		}
		stranger := newDoor(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { c.JWTKey = "the key of another server, long enough too" })
		foreign := stranger.in(t, stranger.user(t, "kapi@aliaport.example", actor.RoleGate).Email)
		d.holds(t, "a token of another server", foreign.AccessToken, "UNAUTHENTICATED")
		d.holds(t, "a refresh token", s.RefreshToken, "UNAUTHENTICATED")
		d.Clock.Move(15*time.Minute - time.Second)
		d.holds(t, "a token a second before its end", s.AccessToken, "OK")
		d.Clock.Move(time.Second)
		d.holds(t, "a token at its end", s.AccessToken, "TOKEN_EXPIRED")
		// It does not keep anybody from signing in anew.
		a := d.ask(t, s.AccessToken, "mutation($t: String!) { refreshToken(input: {refreshToken: $t}) { accessToken userErrors { code } } }", map[string]any{"t": s.RefreshToken})
		if verdict(t, a) != "OK" {
			t.Errorf("a refresh that shows the old token is answered %s", a.Body)
		}
	})
}

// open lists the caller's sessions: their ids, and which is the current one.
func (d *door) open(t testing.TB, token string) (ids []string, current string) {
	t.Helper()
	var data struct {
		Sessions []struct {
			ID        string
			IsCurrent bool
			UserAgent *string
		}
	}
	a := d.ask(t, token, "{ sessions { id isCurrent userAgent createdAt lastUsedAt expiresAt ip } }", nil)
	if err := json.Unmarshal(a.Data, &data); err != nil {
		t.Fatalf("%v: %s", err, a.Body)
	}
	for _, s := range data.Sessions {
		ids = append(ids, s.ID)
		if s.IsCurrent {
			current += s.ID
		}
		if s.UserAgent == nil || *s.UserAgent != "konsol/1" {
			t.Errorf("a session without its program: %s", a.Body)
		}
	}
	return ids, current
}

const revoking = "mutation($id: ID!) { revokeSession(input: {id: $id}) { userErrors { code } } }"

func TestEverybodyEndsTheirOwnSessionsOnly(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		ayse, baris := d.user(t, "ayse@aliaport.example", actor.RoleGate), d.user(t, "baris@aliaport.example", actor.RoleAdmin)
		desk, phone, tablet, foreign := d.in(t, ayse.Email), d.in(t, ayse.Email), d.in(t, ayse.Email), d.in(t, baris.Email)
		ids, current := d.open(t, phone.AccessToken)
		_, other := d.open(t, desk.AccessToken)
		if len(ids) != 3 || current == "" || other == "" || current == other || !slices.Contains(ids, other) {
			t.Fatalf("sessions %v, current %s and %s", ids, current, other)
		}
		d.Clock.Move(time.Minute)
		desk = d.refresh(t, desk.RefreshToken)
		if again, name := d.open(t, desk.AccessToken); name != other || again[0] != other || len(again) != 3 {
			t.Errorf("after a refresh the session is %s among %v, before it was %s", name, again, other)
		}

		_, theirs := d.open(t, foreign.AccessToken)
		for name, id := range map[string]string{
			"another user's session": theirs, "no session": globalid.ID{Type: "Session", Key: 1 << 40}.String(),
		} {
			for who, token := range map[string]string{"ayse": phone.AccessToken, "an administrator": d.Token(api.Admin)} {
				if got := d.do(t, token, revoking, map[string]any{"id": id}); got != "AUTH_SESSION_NOT_FOUND" {
					t.Errorf("%s ends %s: %s", who, name, got)
				}
			}
		}
		d.holds(t, "the other user's session", foreign.AccessToken, "OK")
		if got := d.do(t, phone.AccessToken, revoking, map[string]any{"id": ayse.GlobalID()}); got != "BAD_USER_INPUT" {
			t.Errorf("a user for a session: %s", got)
		}

		if got := d.do(t, phone.AccessToken, revoking, map[string]any{"id": other}); got != "OK" {
			t.Errorf("ending another session of one's own: %s", got)
		}
		d.holds(t, "the session that was ended", desk.AccessToken, "UNAUTHENTICATED")
		if got := d.refresh(t, desk.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
			t.Errorf("its refresh token is answered %s", got)
		}
		if got := d.do(t, phone.AccessToken, revoking, map[string]any{"id": other}); got != "AUTH_SESSION_NOT_FOUND" {
			t.Errorf("ending it twice: %s", got)
		}

		if got := d.do(t, phone.AccessToken, "mutation { logout { userErrors { code } } }", nil); got != "OK" {
			t.Errorf("logging out: %s", got)
		}
		d.holds(t, "the access token after logging out", phone.AccessToken, "UNAUTHENTICATED")
		d.holds(t, "the session on the tablet", tablet.AccessToken, "OK")
		again := d.in(t, ayse.Email)
		if got := d.do(t, tablet.AccessToken, "mutation { logoutEverywhere { userErrors { code } } }", nil); got != "OK" {
			t.Errorf("logging out everywhere: %s", got)
		}
		for name, s := range map[string]*session{"tablet": tablet, "desk": again} {
			d.holds(t, "the access token of the "+name, s.AccessToken, "UNAUTHENTICATED")
			if got := d.refresh(t, s.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
				t.Errorf("the refresh token of the %s is answered %s", name, got)
			}
		}
		d.holds(t, "the other user's session", foreign.AccessToken, "OK")
		if n := db.RefreshToken.Query().Where(refreshtoken.UserID(ayse.ID), refreshtoken.RevokedAtIsNil()).CountX(t.Context()); n > 0 {
			t.Errorf("%d tokens are still good", n)
		}
	})
}

func TestChangingThePassword(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		u := d.user(t, "kapi@aliaport.example", actor.RoleGate)
		here, there := d.in(t, u.Email), d.in(t, u.Email)
		change := func(current, next string) string {
			t.Helper()
			return verdict(t, d.ask(t, here.AccessToken, "mutation($c: String!, $n: String!) { changePassword(input: {currentPassword: $c, newPassword: $n}) { userErrors { code field } } }",
				map[string]any{"c": current, "n": next}))
		}
		for name, c := range map[string]struct{ current, next, want string }{
			"a wrong present one": {wrong, "Rıhtım-35x", invalid},
			"none":                {"", "Rıhtım-35x", invalid},
			"a short new one":     {right, "Ab1", "VALIDATION_ERROR"},
			"a weak new one":      {right, "yalnizkucuk", "VALIDATION_ERROR"},
			"a long new one":      {right, "Aa1" + rep("x", 98), "VALIDATION_ERROR"},
			"no new one":          {right, "", "VALIDATION_ERROR"},
		} {
			if got := change(c.current, c.next); got != c.want {
				t.Errorf("%s is answered %s, not %s", name, got, c.want)
			}
		}
		d.holds(t, "the session elsewhere, while nothing has changed", there.AccessToken, "OK")
		if got := change(right, "Rıhtım-35x"); got != "OK" {
			t.Fatalf("the change is answered %s", got)
		}
		d.holds(t, "this session", here.AccessToken, "OK")
		if here = d.refresh(t, here.RefreshToken); here.code() != "OK" {
			t.Errorf("this session cannot be refreshed: %s", here.code())
		}
		d.holds(t, "the session elsewhere", there.AccessToken, "UNAUTHENTICATED")
		if got := d.refresh(t, there.RefreshToken).code(); got != "AUTH_TOKEN_INVALID" {
			t.Errorf("the refresh token elsewhere is answered %s", got)
		}
		if got := d.login(t, u.Email, right).code(); got != invalid {
			t.Errorf("the old password is answered %s", got)
		}
		if got := d.login(t, u.Email, "Rıhtım-35x").code(); got != "OK" {
			t.Errorf("the new password is answered %s", got)
		}

		// Whoever has found a session cannot guess the password with it.
		db.User.UpdateOne(u).SetPasswordHash(cheap("Rıhtım-35x")).ExecX(t.Context())
		for range 10 {
			if got := change(wrong, "Rıhtım-36x"); got != invalid {
				t.Fatalf("a guess is answered %s", got)
			}
		}
		if got := change("Rıhtım-35x", "Rıhtım-36x"); got != invalid {
			t.Errorf("after ten guesses the right one is answered %s", got)
		}
		if got := d.login(t, u.Email, "Rıhtım-35x").code(); got != invalid {
			t.Errorf("after ten guesses the login is answered %s", got)
		}
		if n := db.AuditEvent.Query().Where(auditevent.Action("password_change"), auditevent.OutcomeEQ(auditevent.OutcomeOk)).CountX(t.Context()); n != 1 {
			t.Errorf("%d changes in the trail", n)
		}
	})
}

func TestRightsHoldFromTheNextRequestOn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		api.Fixture(t, db)
		u := d.user(t, "kapi@aliaport.example", actor.RoleGate)
		token := d.in(t, u.Email).AccessToken
		version := 1
		admin := func(query string, variables map[string]any) {
			t.Helper()
			if got := d.do(t, d.Token(api.Admin), query, variables); got != "OK" {
				t.Fatalf("%s is answered %s", query, got)
			}
		}
		roles := func(names []string) {
			t.Helper()
			admin("mutation($id: ID!, $v: Int!, $r: [String!]) { updateUser(input: {id: $id, version: $v, roles: $r}) { userErrors { code } } }",
				map[string]any{"id": u.GlobalID(), "v": version, "r": names})
			version++
		}
		may := func(when, want string) {
			t.Helper()
			if got := verdict(t, d.ask(t, token, "{ cariAccounts { totalCount } }", nil)); got != want {
				t.Errorf("%s cariAccounts is answered %s, not %s", when, got, want)
			}
			var data struct {
				Viewer *struct{ Permissions []string }
			}
			a := d.ask(t, token, "{ viewer { permissions } }", nil)
			if err := json.Unmarshal(a.Data, &data); err != nil {
				t.Fatal(err)
			}
			if shown := data.Viewer != nil && slices.Contains(data.Viewer.Permissions, "cari:read"); shown != (want == "OK") {
				t.Errorf("%s the viewer is told %s", when, a.Body)
			}
		}
		may("as it was", "OK")
		roles([]string{})
		may("without a role", "FORBIDDEN")
		admin(`mutation { saveRole(input: {name: "KANTAR", permissions: ["cari:read"]}) { userErrors { code } } }`, nil)
		roles([]string{"KANTAR"})
		may("with a new role", "OK")
		admin(`mutation { saveRole(input: {name: "KANTAR", permissions: ["workorder:read"]}) { userErrors { code } } }`, nil)
		may("with the right taken from the role", "FORBIDDEN")
		admin(`mutation { saveRole(input: {name: "KANTAR", permissions: ["workorder:read", "cari:read"]}) { userErrors { code } } }`, nil)
		may("with the right given back", "OK")
		admin("mutation($id: ID!, $v: Int!) { updateUser(input: {id: $id, version: $v, isActive: false}) { userErrors { code } } }", map[string]any{"id": u.GlobalID(), "v": version})
		may("deactivated", "UNAUTHENTICATED")
	})
}

// only makes a user who may do nothing but what is listed, and returns a token.
func (d *door) only(t *testing.T, permissions ...actor.Permission) string {
	t.Helper()
	names := make([]string, len(permissions))
	for i, p := range permissions {
		names[i] = string(p)
	}
	n := d.DB.Role.Query().CountX(t.Context())
	role := d.DB.Role.Create().SetName(fmt.Sprint("OZEL_", n)).
		AddPermissionIDs(d.DB.Permission.Query().Where(permission.NameIn(names...)).IDsX(t.Context())...).SaveX(t.Context())
	u := d.user(t, fmt.Sprintf("ozel%d@aliaport.example", n), role.Name)
	return d.in(t, u.Email).AccessToken
}

// TestAnIDOpensNothingWithoutTheRight asks by id for a record of every type, as
// users who lack a right that it or one of its fields needs, and no other.
func TestAnIDOpensNothingWithoutTheRight(t *testing.T) {
	t.Parallel()
	d := newDoor(t, aliatest.Open(t, dialect.SQLite))
	api.Fixture(t, d.DB)
	w := &world{API: d.API}
	ids := map[string]string{
		"Cari": customer(true)(t, w), "Service": d.DB.Service.Query().FirstX(t.Context()).GlobalID(), "Role": d.DB.Role.Query().FirstX(t.Context()).GlobalID(),
		"User": d.DB.User.Query().FirstX(t.Context()).GlobalID(), "AuditEvent": d.DB.AuditEvent.Query().FirstX(t.Context()).GlobalID(),
		"ExchangeRate": jumped(t, w),
	}
	order(workorder.StatusDraft, func(wo *ent.WorkOrder, item *ent.WorkOrderItem) string {
		step := d.DB.WorkOrderStatusHistory.Create().SetWorkOrderID(wo.ID).SetToStatus("DRAFT").SetUserName("x").SetUserID(wo.CreatedBy).SaveX(t.Context())
		ids["WorkOrder"], ids["WorkOrderItem"], ids["WorkOrderStatusHistory"] = wo.GlobalID(), item.GlobalID(), step.GlobalID()
		return ""
	})(t, w)
	for typ, target := range map[string]target{
		"Motorbot": boat(motorbot.StatusActive), "Trip": sailing(trip.StatusPlanned), "WorkOrderPerson": announced(workorderperson.StatusAnnounced),
		"WorkLog": logged(worklog.StatusPending), "GateLog": inside, "GateChecklistItem": point, "Parameter": setting(true),
	} {
		ids[typ] = target(t, w)
	}
	ids["AuditArchive"] = d.DB.AuditArchive.Create().SetPosition(1).SetMonth("2025-01").SetPart(1).SetRows(1).SetFirstEventID(1).SetLastEventID(1).
		SetFirstEventAt(api.Start).SetLastEventAt(api.Start).SetSha256(strings.Repeat("0", 64)).SetFileName("audit-2025-01.jsonl.zst").SetFileBytes(1).
		SetFileSha256(strings.Repeat("0", 64)).SetPreviousSeal("").SetSeal(strings.Repeat("0", 64)).SetSealedAt(api.Start).SaveX(t.Context()).GlobalID()
	w.DB.ParameterHistory.Create().SetParameterID(w.DB.Parameter.Query().Order(parameter.ByID(sql.OrderDesc())).FirstIDX(t.Context())).SetNewValue("1").SetIsActive(true).SetUserName("x").ExecX(t.Context())
	ids["ParameterHistory"] = w.DB.ParameterHistory.Query().FirstX(t.Context()).GlobalID()
	ids["PriceList"] = priceList(pricelist.StatusDraft, func(l *ent.PriceList, item *ent.PriceListItem) string {
		ids["PriceListItem"] = item.GlobalID()
		return l.GlobalID()
	})(t, w)
	ids["ServiceOverride"] = override(t, w)
	told := d.DB.NotificationEvent.Create().SetDedupeKey("x").SetUID("x").SetKind("WORK_ORDER_SUBMITTED").SetSeverity("INFO").SaveX(t.Context())
	ids["Notification"] = d.DB.Notification.Create().SetEventID(told.ID).SetUserID(d.DB.User.Query().FirstIDX(t.Context())).SetKind("WORK_ORDER_SUBMITTED").SaveX(t.Context()).GlobalID()
	ids["NotificationDelivery"] = d.DB.NotificationDelivery.Create().SetEventID(told.ID).SetChannel("EMAIL").SetStatus("FAILED").SetNextAt(api.Start).SaveX(t.Context()).GlobalID()
	ids["JobRun"] = jobRun(jobrun.StateFailed)(t, w)
	ids["MonthlyReport"] = d.DB.MonthlyReport.Create().SetMonth("2026-01").SetVersion(1).SetContent("{}").SetSha256(strings.Repeat("0", 64)).SetDurationMs(1).SaveX(t.Context()).GlobalID()
	opens := map[string]actor.Permission{
		"JobRun": actor.JobRun, "MonthlyReport": actor.ReportRead, "NotificationDelivery": actor.JobRun,
		"Cari": actor.CariRead, "Service": actor.ServiceRead, "Role": actor.UserAdmin, "AuditEvent": actor.AuditRead, "AuditArchive": actor.AuditRead, "ExchangeRate": actor.RateRead,
		"WorkOrder": actor.WorkOrderRead, "WorkOrderItem": actor.WorkOrderRead, "WorkOrderStatusHistory": actor.WorkOrderRead,
		"Motorbot": actor.MotorbotRead, "Trip": actor.TripRead, "WorkOrderPerson": actor.WorkOrderRead, "WorkLog": actor.FieldRead, "GateLog": actor.GateRead,
		"GateChecklistItem": actor.GateRead, "Parameter": actor.ParameterRead, "ParameterHistory": actor.ParameterRead,
		"PriceList": actor.TariffRead, "PriceListItem": actor.TariffRead, "ServiceOverride": actor.TariffRead,
	}
	without := map[actor.Permission]string{}
	tried := 0
	schema := gen.NewExecutableSchema(gen.Config{}).Schema()
	for _, typ := range schema.PossibleTypes["Node"] {
		needs := map[string]actor.Permission{"id": opens[typ.Name]}
		for _, f := range typ.Fields {
			if p := actor.Permission(strings.Trim(graph.Needs(f), "`")); p != "" {
				needs[f.Name] = p
			}
		}
		for field, p := range needs {
			selection := field
			if f := typ.Fields.ForName(field); !schema.Types[f.Type.Name()].IsLeafType() {
				selection += " { __typename }"
			}
			if p == "" { // everybody sees the name of a user, and only what he was told himself
				if got := verdict(t, d.ask(t, d.only(t), "query($id: ID!) { node(id: $id) { id } }", map[string]any{"id": ids[typ.Name]})); got != "OK" {
					t.Errorf("%s is answered %s", typ.Name, got)
				}
				continue
			}
			if without[p] == "" {
				without[p] = d.only(t, slices.DeleteFunc(slices.Clone(actor.Permissions), func(q actor.Permission) bool { return q == p })...)
			}
			for query, args := range map[string]map[string]any{
				"query($id: ID!) { node(id: $id) { ... on " + typ.Name + " { value: " + selection + " } } }":      {"id": ids[typ.Name]},
				"query($id: [ID!]!) { nodes(ids: $id) { ... on " + typ.Name + " { value: " + selection + " } } }": {"id": []string{ids[typ.Name]}},
			} {
				tried++
				if got := verdict(t, d.ask(t, d.Token(api.Admin), query, args)); got != "OK" {
					t.Errorf("%s.%s is answered %s to one who may", typ.Name, field, got)
				}
				a := d.ask(t, without[p], query, args)
				if got := verdict(t, a); got != "FORBIDDEN" || !regexp.MustCompile(`"node":null|"nodes":\[null\]|"value":null`).Match(a.Data) {
					t.Errorf("%s.%s without %s is answered %s", typ.Name, field, p, a.Body)
				}
			}
		}
	}
	if tried < 30 {
		t.Errorf("only %d fields tried", tried)
	}
	// Of a hundred refusals twenty are told.
	a := d.ask(t, without[actor.ServiceRead], "query($id: [ID!]!) { nodes(ids: $id) { id } }", map[string]any{"id": slices.Repeat([]string{ids["Service"]}, 100)})
	if got := codes(a); len(got) != 20 || bytes.Contains(a.Data, []byte(`"id"`)) {
		t.Errorf("%d refusals: %s", len(got), a.Body)
	}
}

// refusals are the lines that refused logins have left: account → counts.
func refusals(t *testing.T, db *store.DB) map[string][]int {
	t.Helper()
	all := map[string][]int{}
	for _, e := range db.AuditEvent.Query().Where(auditevent.Action("login_failed")).Order(auditevent.ByID()).AllX(t.Context()) {
		var extra struct {
			Account string
			Count   int
		}
		if err := json.Unmarshal(e.Extra, &extra); err != nil {
			t.Fatal(err)
		}
		if e.Outcome != auditevent.OutcomeDenied || e.StatusCode != http.StatusUnauthorized || e.Path != "/graphql#Login" {
			t.Errorf("a refused login left %v", e)
		}
		all[extra.Account] = append(all[extra.Account], extra.Count)
	}
	return all
}

func TestRefusedLoginsShareLines(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		u := d.user(t, "kapi@aliaport.example", actor.RoleGate)
		try := func(n int, email string) {
			for range n {
				d.login(t, email, wrong)
			}
		}
		try(9, u.Email)
		try(1, "yok@aliaport.example")
		try(2, "Parola-2026 yanlış yere") // no e-mail address, perhaps the password
		// Those who are signed in already are counted alike.
		for range 2 {
			d.ask(t, d.Token(api.Admin), "mutation Login($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { userErrors { code } } }", map[string]any{"e": "yine@aliaport.example", "p": wrong})
		}
		same := func(when string, want map[string][]int) {
			t.Helper()
			if got := refusals(t, db); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s the trail has %v, not %v", when, got, want)
			}
		}
		same("within the minute", map[string][]int{u.Email: {1}, "yok@aliaport.example": {1}, "***": {1}, "yine@aliaport.example": {1}})
		d.Clock.Move(time.Minute)
		try(1, "yok@aliaport.example")
		same("in the next minute", map[string][]int{u.Email: {1, 8}, "yok@aliaport.example": {1, 1}, "***": {1, 1}, "yine@aliaport.example": {1, 1}})
	})
}

func TestAFloodOfRefusalsDoesNotFillTheTrail(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		clock := api.Start
		tally := &audit.Tally{DB: db, Now: func() time.Time { return clock }, Log: slog.New(slog.DiscardHandler)}
		ctx := actor.WithRequest(t.Context(), &actor.Request{ID: "istek-1", Method: "GRAPHQL", Path: "/graphql#Login", IP: "192.0.2.1"})
		note := func(account string) {
			tally.Note(ctx, account, audit.Event{
				Action: audit.LoginFailed, Resource: audit.Auth, Outcome: audit.Denied, Code: apperr.InvalidCredentials, Extra: map[string]any{"account": account},
			})
		}
		together(10, func(int) {
			for range 100 {
				note("kapi@aliaport.example")
			}
		})
		tally.Flush()
		if got := refusals(t, db); len(got) != 1 || fmt.Sprint(got["kapi@aliaport.example"]) != "[1 999]" {
			t.Errorf("1,000 refusals of one account left %v", got)
		}
		clock = clock.Add(time.Minute)
		for i := range 5000 {
			note(fmt.Sprintf("%d@aliaport.example", i))
		}
		tally.Flush()
		lines, total := 0, 0
		for _, counts := range refusals(t, db) {
			lines += len(counts)
			for _, n := range counts {
				total += n
			}
		}
		if lines > 2+1002 || total != 1000+5000 {
			t.Errorf("5,000 accounts left %d lines that count %d", lines-2, total-1000)
		}
	})
}

// deeds makes the calls that change something, each by somebody who has just signed
// in.
type deeds struct {
	*door
	*builder

	world *world
}

func newDeeds(t *testing.T, db *store.DB) *deeds {
	t.Helper()
	d := newDoor(t, db)
	api.Fixture(t, db)
	return &deeds{door: d, builder: &builder{schema: gen.NewExecutableSchema(gen.Config{}).Schema()}, world: &world{API: d.API}}
}

// deed is one call, ready to be sent.
type deed struct {
	who       *ent.User
	token     string
	query     string
	arguments map[string]any
}

// ready prepares a call of the field, by a new administrator and for the target.
func (d *deeds) ready(t *testing.T, f *ast.FieldDefinition, fresh target) deed {
	t.Helper()
	d.n++
	who := d.user(t, fmt.Sprintf("yonetici%d@aliaport.example", d.n), actor.RoleAdmin)
	s := d.in(t, who.Email)
	d.id = fresh(t, d.world)
	args := d.arguments(f)
	switch f.Name {
	case "login":
		args = map[string]any{"input": map[string]any{"email": who.Email, "password": right}}
	case "refreshToken":
		args = map[string]any{"input": map[string]any{"refreshToken": s.RefreshToken}}
	case "changePassword":
		args = map[string]any{"input": map[string]any{"currentPassword": right, "newPassword": "Rıhtım-35x"}}
	case "setGatePin":
		args = map[string]any{"input": map[string]any{"pin": "731946", "password": right}}
	case "revokeSession":
		_, current := d.open(t, s.AccessToken)
		args = map[string]any{"input": map[string]any{"id": current}}
	case "runJob":
		args = map[string]any{"input": map[string]any{"job": "watch"}}
	case "generateMonthlyReport":
		args = map[string]any{"input": map[string]any{"month": "2026-01"}}
	case "deleteRole":
		name := fmt.Sprint("SILINECEK_", d.n)
		d.DB.Role.Create().SetName(name).ExecX(t.Context())
		args = map[string]any{"input": map[string]any{"name": name}}
	}
	return deed{who, s.AccessToken, strings.Replace(d.call("mutation", f), "Hostile", "Is_"+f.Name, 1), args}
}

// apart are the mutations that leave no line of their own, or are not called by somebody
// who is signed in.
var apart = map[string]string{
	"markNotificationRead":     "what one has read of one's own messages concerns nobody else",
	"markAllNotificationsRead": "likewise",
	"requestPasswordReset":     "strangers ask, and share lines: TestStrangersGetNothing",
	"resetPassword":            "the right is in a letter: internal/user looks at its line",
}

// each calls f with every mutation and a target with which it succeeds.
func (d *deeds) each(t *testing.T, do func(f *ast.FieldDefinition, fresh target)) {
	t.Helper()
	for _, f := range d.schema.Mutation.Fields {
		if strings.HasPrefix(f.Name, "__") || apart[f.Name] != "" {
			continue
		}
		found := slices.ContainsFunc(targets(), func(fresh target) bool {
			c := d.ready(t, f, fresh)
			if got := verdict(t, d.ask(t, c.token, c.query, c.arguments)); got != "OK" {
				return false
			}
			do(f, fresh)
			return true
		})
		if !found {
			t.Errorf("no call of %s succeeds", f.Name)
		}
	}
}

// trail are the lines that a request has left.
func (d *deeds) trail(t *testing.T, a *api.Answer) []*ent.AuditEvent {
	t.Helper()
	return d.DB.AuditEvent.Query().Where(auditevent.RequestID(a.Header.Get("X-Request-Id"))).AllX(t.Context())
}

func TestEveryMutationLeavesItsLine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDeeds(t, db)
		reader := d.user(t, "okur@aliaport.example", actor.RoleReadOnly)
		reading := d.in(t, reader.Email)
		failures := 0
		d.each(t, func(f *ast.FieldDefinition, fresh target) {
			c := d.ready(t, f, fresh)
			same := func(e *ent.AuditEvent, who *ent.User, roles string, outcome auditevent.Outcome) {
				t.Helper()
				if e.UserID == nil || *e.UserID != who.ID || e.Roles != roles || e.Path != "/graphql#Is_"+f.Name || e.Method != "GRAPHQL" || e.Outcome != outcome ||
					e.IP == nil || *e.IP != "192.0.2.1" || e.UserAgent == nil || *e.UserAgent != "konsol/1" || e.DurationMs < 0 || !e.CreatedAt.Equal(api.Start) {
					t.Errorf("%s left %v, want the user %d, roles %q, %s", f.Name, e, who.ID, roles, outcome)
				}
			}
			done := d.ask(t, c.token, c.query, c.arguments)
			roles := actor.RoleAdmin
			if f.Name == "login" || f.Name == "refreshToken" { // nobody was signed in yet
				roles = ""
			}
			lines := d.trail(t, done)
			if len(lines) == 0 || verdict(t, done) != "OK" {
				t.Errorf("%s left nothing: %s", f.Name, done.Body)
			}
			for _, e := range lines {
				same(e, c.who, roles, auditevent.OutcomeOk)
			}

			again := d.ask(t, c.token, c.query, c.arguments) // what was done cannot always be done twice
			if got := verdict(t, again); got != "OK" && got != "UNAUTHENTICATED" && f.Name != "refreshToken" {
				failures++
				if lines := d.trail(t, again); len(lines) != 1 {
					t.Errorf("%s failed with %s and left %v", f.Name, got, lines)
				} else {
					same(lines[0], c.who, roles, auditevent.OutcomeFailed)
				}
			}

			denied := d.ask(t, reading.AccessToken, c.query, c.arguments)
			if verdict(t, denied) == "FORBIDDEN" {
				if lines := d.trail(t, denied); len(lines) != 1 || lines[0].Action != "access_denied" || lines[0].StatusCode != http.StatusForbidden {
					t.Errorf("%s was denied and left %v", f.Name, lines)
				} else {
					same(lines[0], reader, actor.RoleReadOnly, auditevent.OutcomeDenied)
				}
			}
		})
		if failures < 15 {
			t.Errorf("only %d calls failed", failures)
		}
	})
}

func TestNoMutationGoesThroughWithoutItsLine(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		d := newDeeds(t, db)
		run := func(statement string) {
			t.Helper()
			if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		var settings *config.Config
		api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { settings = c })
		// The failures that follow are meant and not worth a line.
		srv, err := server.New(server.Deps{Config: settings, DB: db, Log: slog.New(slog.DiscardHandler), Version: "test", Now: d.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		d.Server = srv
		d.each(t, func(f *ast.FieldDefinition, fresh target) {
			c := d.ready(t, f, fresh)
			before := d.rowsBut(t, c.who)
			run("ALTER TABLE audit_events RENAME TO hidden_events")
			got := verdict(t, d.ask(t, c.token, c.query, c.arguments))
			run("ALTER TABLE hidden_events RENAME TO audit_events")
			after := d.rowsBut(t, c.who)
			if got != "INTERNAL" {
				t.Errorf("%s without a trail is answered %s", f.Name, got)
			}
			for table, rows := range before {
				if f.Name == "setGatePin" && table == "users" {
					continue // the guess at the password is counted before it is judged
				}
				if fmt.Sprint(after[table]) != fmt.Sprint(rows) {
					t.Errorf("%s without a trail changed %s", f.Name, table)
				}
			}
		})
	})
}

// rowsBut are the rows of all tables. That a password was tried is counted before
// it is judged, whatever comes of it.
func (d *deeds) rowsBut(t *testing.T, who *ent.User) map[string][][]string {
	t.Helper()
	if _, err := d.DB.Writer().ExecContext(t.Context(), fmt.Sprintf("UPDATE users SET failed_logins = 0 WHERE id = %d", who.ID)); err != nil {
		t.Fatal(err)
	}
	return d.world.rows(t, map[string]int64{})
}

// refuge collects what must hold no secret.
type refuge struct {
	*door

	log  *journal
	told []string // answers that refuse
}

// TestSecretsAreNeitherInTheTrailNorInLogsNorInErrors plants passwords, tokens and
// personal numbers in every way of going wrong, and looks for them.
func TestSecretsAreNeitherInTheTrailNorInLogsNorInErrors(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		const (
			first, second, mistyped = "Gizli-Parola-7741", "Gizli-Parola-7742", "Gizli-Parola-7743"
			national, iban, phone   = "10000000146", "TR330006100519786457841326", "05321234567"
			other, foreign          = "10000000078", "TR180006200119000006672315"
		)
		d := &refuge{door: newDoor(t, db), log: &journal{}}
		api.Fixture(t, db)
		var settings *config.Config
		api.New(t, aliatest.Open(t, dialect.SQLite), func(c *config.Config) { settings = c })
		srv, err := server.New(server.Deps{
			Config: settings, DB: db, Version: "test", Now: d.Clock.Now,
			Log: slog.New(slog.NewJSONHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Server = srv
		planted := map[string]string{
			"the first password": first, "the second password": second, "a mistyped password": mistyped, "half a password": "Gizli-Parola",
			"a national id": national, "another national id": other, "an IBAN": iban, "another IBAN": foreign, "a phone number": phone[1:], "the key": settings.JWTKey.Reveal(),
		}
		send := func(token, query string, variables map[string]any) *api.Answer {
			t.Helper()
			a := d.ask(t, token, query, variables)
			d.note(t, a)
			return a
		}
		must := func(token, query string, variables map[string]any) *api.Answer {
			t.Helper()
			a := send(token, query, variables)
			if got := verdict(t, a); got != "OK" {
				t.Fatalf("%s is answered %s: %s", query, got, a.Body)
			}
			return a
		}
		admin := d.Token(api.Admin)
		must(admin, "mutation($p: String!) { createUser(input: {email: \"kapi@aliaport.example\", fullName: \"Kapı\", password: $p, roles: [\"SISTEM_YONETICISI\"]}) { userErrors { code } } }", map[string]any{"p": first})
		cheapen := func(password string) {
			t.Helper()
			db.User.Update().Where(entuser.Email("kapi@aliaport.example")).SetPasswordHash(cheap(password)).ExecX(t.Context())
		}
		s := d.login(t, "kapi@aliaport.example", first)
		cheapen(first)
		planted["an access token"], planted["a refresh token"] = s.AccessToken, s.RefreshToken
		planted["the seal of an access token"] = s.AccessToken[strings.LastIndex(s.AccessToken, ".")+1:]
		next := d.refresh(t, s.RefreshToken)
		planted["the next access token"], planted["the next refresh token"] = next.AccessToken, next.RefreshToken

		// Wrong passwords, and right ones in the wrong place.
		for _, in := range []map[string]any{
			{"email": "kapi@aliaport.example", "password": mistyped},
			{"email": mistyped, "password": mistyped},
			{"email": "x", "passwort": mistyped},
			{"email": "kapi@aliaport.example " + mistyped, "password": ""},
			{"email": "x", "password": []string{mistyped}},
			{"email": "x", "password": map[string]any{mistyped: mistyped}},
		} {
			send("", "mutation Login($in: LoginInput!) { login(input: $in) { userErrors { code message } } }", map[string]any{"in": in})
		}
		for _, query := range []string{
			`mutation { login(input: {email: "x", password: "PASSWORD}) { accessToken } }`,
			`mutation { login(input: {email: "x", password: "x" "PASSWORD"}) { accessToken } }`,
			`mutation { login(input: {email: "x", password "PASSWORD"}) { accessToken } }`,
			`mutation { login(input: {email: "x", password: """PASSWORD"""} """PASSWORD""") { accessToken } }`,
			`mutation { login(input: "PASSWORD") { accessToken } }`,
			`mutation { login(input: ["PASSWORD"]) { accessToken } }`,
			`mutation { login(password: "PASSWORD") { accessToken } }`,
			`mutation { login(input: {email: "x", password: 10000000146}) { accessToken } }`,
			`mutation { login(input: {email: "x", password: 10000000146.5}) { accessToken } }`,
			`mutation { login(input: {email: "x", password: TR330006100519786457841326}) { accessToken } }`,
			`"PASSWORD" query { viewer { id } }`,
			`{ viewer { id } } "PASSWORD"`,
			`{ viewer { id } } 10000000146`,
			`query ($p: String = "PASSWORD" "PASSWORD") { viewer { id } }`,
			`query ($p: Int = "PASSWORD") { workOrders(first: $p) { nodes { id } } }`,
			`{ workOrders(first: "PASSWORD") { nodes { id } } }`,
			`{ workOrders(first: 10000000146) { nodes { id } } }`,
			`{ workOrders(filter: {type: "PASSWORD"}) { nodes { id } } }`,
			`{ workOrders(after: "PASSWORD") { nodes { id } } }`,
			`{ workOrders(filter: {createdAt: {from: "PASSWORD"}}) { nodes { id } } }`,
			`{ node(id: "PASSWORD") { id } }`,
			`{ viewer @include(if: "PASSWORD") { id } }`,
			`mutation { createUser(input: {email: "PASSWORD", fullName: "PASSWORD", password: "PASSWORD", roles: []}) { user { id } userErrors { code message } } }`,
			`mutation { setUserPassword(input: {id: "PASSWORD", newPassword: "PASSWORD"}) { userErrors { code message } } }`,
			`mutation { refreshToken(input: {refreshToken: "PASSWORD"}) { userErrors { code message } } }`,
		} {
			query = strings.ReplaceAll(query, "PASSWORD", mistyped)
			send("", query, nil)
			send(admin, query, nil)
		}
		for _, v := range []any{mistyped, 5, []string{mistyped}, map[string]any{"a": mistyped}, mistyped + "\x00"} {
			for _, query := range []string{
				"query($v: Int) { workOrders(first: $v) { nodes { id } } }", "query($v: ID!) { node(id: $v) { id } }",
				"query($v: WorkOrderType) { workOrders(filter: {type: $v}) { nodes { id } } }", "query($v: DateTime) { workOrders(filter: {createdAt: {from: $v}}) { nodes { id } } }",
				"query($v: String) { workOrders(after: $v) { nodes { id } } }", "query($v: Boolean!) { viewer @include(if: $v) { id } }",
				"mutation($v: RefreshTokenInput!) { refreshToken(input: $v) { userErrors { code } } }",
			} {
				send(admin, query, map[string]any{"v": v})
			}
		}

		// What no GraphQL request is.
		for _, change := range []func(*http.Request){
			func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+mistyped) },
			func(r *http.Request) { r.Header.Set("Authorization", "Basic "+mistyped) },
			func(r *http.Request) { r.Header.Set("Authorization", s.AccessToken) },
			func(r *http.Request) { r.Header.Set("Cookie", "token="+s.AccessToken) },
			func(r *http.Request) { r.Header.Set("X-Request-Id", s.AccessToken) },
			func(r *http.Request) { r.Header.Set("Accept-Language", mistyped) },
			func(r *http.Request) { r.Header.Set("Content-Type", mistyped) },
			func(r *http.Request) { r.Header.Set("Accept", mistyped) },
			func(r *http.Request) {
				r.Method, r.URL.RawQuery = http.MethodGet, "token="+s.AccessToken+"&query="+mistyped
			},
			func(r *http.Request) {
				r.Method, r.URL.RawQuery = http.MethodGet, "query={viewer{id}}&variables="+mistyped
			},
			func(r *http.Request) { r.Method = "GIZLI" },
			func(r *http.Request) { r.Body = http.NoBody },
			func(r *http.Request) { r.Body = readCloser(`{"query": "` + mistyped) },
			func(r *http.Request) { r.Body = readCloser(`[{"query": "` + mistyped + `"}]`) },
			func(r *http.Request) {
				r.Body = readCloser(`{"query": 1, "variables": {"password": "` + mistyped + `"}}`)
			},
			func(r *http.Request) {
				r.Body = readCloser(`{"query": "{ viewer { id } }", "operationName": "` + mistyped + `"}`)
			},
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(posted("{ sessions { id } }", nil)))
			r.Header.Set("Content-Type", "application/json")
			change(r)
			d.note(t, d.Send(t, r))
		}

		// Personal numbers: kept in the record, masked in the trail, not quoted when refused.
		const creating = "mutation($in: CreateCariInput!) { createCari(input: $in) { cari { id version } userErrors { code message field } } }"
		person := map[string]any{"cariCode": "GIZLI-1", "title": "Gizli Kişi", "type": "NATURAL", "nationalId": national, "iban": iban, "phone": phone, "idempotencyKey": "bir kez"}
		var made struct {
			CreateCari struct {
				Cari struct {
					ID      string
					Version int
				}
			}
		}
		if err := json.Unmarshal(must(admin, creating, map[string]any{"in": person}).Data, &made); err != nil {
			t.Fatal(err)
		}
		send(admin, creating, map[string]any{"in": map[string]any{"cariCode": "GIZLI-1", "title": "Gizli Kişi", "type": "NATURAL", "nationalId": national, "iban": iban, "phone": phone}})
		for field, value := range map[string]string{"nationalId": national + "0", "iban": iban + "0", "phone": phone + "000000000000000", "taxNumber": national} {
			send(admin, creating, map[string]any{"in": map[string]any{"cariCode": "GIZLI-2", "title": "Gizli Kişi", "type": "NATURAL", field: value}})
		}
		must(admin, "mutation($in: UpdateCariInput!) { updateCari(input: $in) { userErrors { code message } } }", map[string]any{"in": map[string]any{
			"id": made.CreateCari.Cari.ID, "version": made.CreateCari.Cari.Version, "nationalId": other, "iban": foreign, "phone": "+49" + phone[1:], "notes": "Değişti",
		}})
		send(admin, "query($s: String) { cariAccounts(filter: {search: $s}) { nodes { id } } }", map[string]any{"s": national})

		// Passwords that change, tokens that are stolen.
		must(next.AccessToken, "mutation($c: String!, $n: String!) { changePassword(input: {currentPassword: $c, newPassword: $n}) { userErrors { code } } }", map[string]any{"c": first, "n": second})
		send(next.AccessToken, "mutation($c: String!, $n: String!) { changePassword(input: {currentPassword: $c, newPassword: $n}) { userErrors { code message } } }", map[string]any{"c": mistyped, "n": first})
		send("", "mutation($t: String!) { refreshToken(input: {refreshToken: $t}) { userErrors { code message } } }", map[string]any{"t": s.RefreshToken})
		send(next.AccessToken, "{ sessions { id } }", nil)
		cheapen(second)
		d.Clock.Move(time.Hour)
		send(s.AccessToken, "{ sessions { id } }", nil)
		for range 11 {
			d.login(t, "kapi@aliaport.example", mistyped)
		}

		// A database that fails quotes what it is given.
		for _, table := range []string{"users", "cari", "refresh_tokens"} {
			for _, statement := range []string{"ALTER TABLE " + table + " RENAME TO hidden", "ALTER TABLE hidden RENAME TO " + table} {
				if _, err := db.Writer().ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
				send(admin, creating, map[string]any{"in": map[string]any{"cariCode": "GIZLI-3", "title": "Gizli Kişi", "type": "NATURAL", "nationalId": national, "iban": iban, "phone": phone}})
				d.note(t, d.login(t, "kapi@aliaport.example", second).answer)
				d.note(t, d.refresh(t, next.RefreshToken).answer)
			}
		}

		for what, text := range d.texts(t) {
			for name, value := range planted {
				if i := strings.Index(text, value); i >= 0 {
					t.Errorf("%s is in %s: …%.300s", name, what, text[max(0, i-200):])
				}
			}
		}
	})
}

func readCloser(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

// note keeps an answer that refuses something.
func (d *refuge) note(t *testing.T, a *api.Answer) {
	t.Helper()
	if a.Status != http.StatusOK || verdict(t, a) != "OK" {
		d.told = append(d.told, string(a.Body), fmt.Sprint(a.Header))
	}
}

// texts are the trail, the log, the metrics and all refusals.
func (d *refuge) texts(t *testing.T) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	d.Server.AdminHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	trail := aliatest.Rows(t, d.DB.Reader(), "SELECT * FROM audit_events")
	log := fmt.Sprint(d.log.lines, d.log.bad)
	all := map[string]string{"the metrics": w.Body.String(), "the trail": fmt.Sprint(trail), "the log": log, "an error": strings.Join(d.told, "\n")}
	if len(trail) < 20 || len(d.log.lines) < 100 || len(d.told) < 100 || !strings.Contains(log, "field failed") || !strings.Contains(all["the trail"], "****") {
		t.Errorf("%d lines of the trail, %d of the log and %d refusals are too few to look at", len(trail), len(d.log.lines), len(d.told)/2)
	}
	return all
}
