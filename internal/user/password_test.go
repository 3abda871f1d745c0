package user

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"aliaport/internal/apperr"
)

// shipped is the cost that the server hashes with.
var shipped = cost

// TestMain makes hashes cheap: most tests are not about their cost.
func TestMain(m *testing.M) {
	cost = params{memory: 64, passes: 1, lanes: 1}
	os.Exit(m.Run())
}

func TestHashesCostWhatIsRecommended(t *testing.T) {
	t.Parallel()
	if want := (params{memory: 19 * 1024, passes: 2, lanes: 1}); shipped != want {
		t.Errorf("a hash costs %+v, want %+v", shipped, want)
	}
}

func hashed(t *testing.T, h *Hasher, password string) string {
	t.Helper()
	encoded, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestVerify(t *testing.T) {
	t.Parallel()
	h := NewHasher()
	for name, c := range map[string]struct {
		password, shown string
		want            bool
	}{
		"the password":                      {"Rıhtım-35", "Rıhtım-35", true},
		"another case":                      {"Rıhtım-35", "rıhtım-35", false},
		"another i":                         {"Rıhtım-35", "Rihtim-35", false},
		"a blank behind":                    {"Rıhtım-35", "Rıhtım-35 ", false},
		"a NUL behind":                      {"Rıhtım-35", "Rıhtım-35\x00", false},
		"the beginning":                     {"Rıhtım-35", "Rıhtım", false},
		"nothing":                           {"Rıhtım-35", "", false},
		"an empty password is one too":      {"", "", true},
		"a long password":                   {strings.Repeat("ş", 1000), strings.Repeat("ş", 1000), true},
		"a long password counts to its end": {strings.Repeat("a", 1000) + "b", strings.Repeat("a", 1000) + "c", false},
		"bytes that are no text":            {"\xff\xfe", "\xff\xfe", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			encoded := hashed(t, h, c.password)
			if c.password != "" && strings.Contains(encoded, c.password) {
				t.Errorf("the hash shows the password: %s", encoded)
			}
			if ok, err := h.Verify(t.Context(), c.shown, encoded); ok != c.want || err != nil {
				t.Errorf("got %v, error %v; want %v", ok, err, c.want)
			}
			if ok, err := h.Verify(t.Context(), encoded, encoded); ok || err != nil {
				t.Errorf("the hash passes as the password: %v, error %v", ok, err)
			}
		})
	}
}

func TestEveryHashHasASaltOfItsOwn(t *testing.T) {
	t.Parallel()
	h := NewHasher()
	if one, two := hashed(t, h, "Rıhtım-35"), hashed(t, h, "Rıhtım-35"); one == two {
		t.Errorf("twice the same: %s", one)
	}
}

func TestEmptyHashBelongsToNoPassword(t *testing.T) {
	t.Parallel()
	h := NewHasher()
	for _, password := range []string{"", "Rıhtım-35"} {
		if ok, err := h.Verify(t.Context(), password, ""); ok || err != nil {
			t.Errorf("%q: got %v, error %v", password, ok, err)
		}
	}
}

// phc writes a hash of the password that was made at another cost.
func phc(t *testing.T, h *Hasher, password string, p params) string {
	t.Helper()
	salt := []byte("0123456789abcdef")
	sum, err := h.sum(t.Context(), password, salt, p)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", p.memory, p.passes, p.lanes, b64(salt), b64(sum))
}

func TestHashesRememberTheCostTheyWereMadeWith(t *testing.T) {
	t.Parallel()
	h := NewHasher()
	for _, p := range []params{{8, 1, 1}, {32, 3, 4}, shipped} {
		old := phc(t, h, "Rıhtım-35", p)
		for password, want := range map[string]bool{"Rıhtım-35": true, "Rıhtım-36": false} {
			if ok, err := h.Verify(t.Context(), password, old); ok != want || err != nil {
				t.Errorf("%+v: %s: got %v, error %v", p, password, ok, err)
			}
		}
	}
}

func TestBrokenHashesAreErrors(t *testing.T) {
	t.Parallel()
	h := NewHasher()
	good := phc(t, h, "Rıhtım-35", params{8, 1, 1})
	change := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("no %q in %s", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	sum := good[strings.LastIndex(good, "$")+1:]
	for name, encoded := range map[string]string{
		"words":                         "not a hash",
		"a dollar":                      "$",
		"five dollars":                  "$$$$$",
		"the password in clear":         "Rıhtım-35",
		"another kind of argon2":        change("argon2id", "argon2i"),
		"bcrypt":                        "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"another version":               change("v=19", "v=16"),
		"no version":                    change("v=19", ""),
		"no parameters":                 change("m=8,t=1,p=1", ""),
		"parameters in another order":   change("m=8,t=1", "t=1,m=8"),
		"no memory":                     change("m=8", "m="),
		"negative memory":               change("m=8", "m=-8"),
		"more memory than there is":     change("m=8", "m=4294967295"),
		"memory beyond any number":      change("m=8", "m=99999999999999999999"),
		"no passes":                     change("t=1", "t=0"),
		"more passes than anyone waits": change("t=1", "t=4294967295"),
		"no lanes":                      change("p=1", "p=0"),
		"more lanes than there can be":  change("p=1", "p=256"),
		"something after the lanes":     change("p=1", "p=1,x"),
		"a salt that is no base64":      change("$MDEy", "$!!!!"),
		"no sum":                        change(sum, ""),
		"a sum that is no base64":       change(sum, "!"+sum[1:]),
		"half a sum":                    change(sum, sum[:20]),
		"a sum with padding":            change(sum, sum+"="),
		"a part more":                   good + "$",
		"a blank in front":              " " + good,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, password := range []string{"Rıhtım-35", ""} {
				if ok, err := h.Verify(t.Context(), password, encoded); ok || !errors.Is(err, errHash) {
					t.Errorf("%q: got %v, error %v", password, ok, err)
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY")
	f.Add("$argon2id$v=19$m=0,t=0,p=0$$")
	f.Fuzz(func(t *testing.T, encoded string) {
		p, _, sum, err := decode(encoded)
		if err != nil {
			return
		}
		if !p.bearable() || len(sum) != hashSize {
			t.Errorf("%q would panic or never end: %+v", encoded, p)
		}
	})
}

// TestBusyHasherSendsAway takes all slots, so that nobody gets a turn.
func TestBusyHasherSendsAway(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		hasher *Hasher
		ctx    context.Context //nolint:containedctx // one of the cases
		want   error
	}{
		"when nobody may wait":           {&Hasher{slots: semaphore.NewWeighted(0), MaxWaiting: 0, MaxWait: time.Hour}, t.Context(), apperr.New(apperr.RateLimited)},
		"when the wait is over":          {&Hasher{slots: semaphore.NewWeighted(0), MaxWaiting: 1, MaxWait: time.Millisecond}, t.Context(), apperr.New(apperr.RateLimited)},
		"when the one who waits is gone": {&Hasher{slots: semaphore.NewWeighted(0), MaxWaiting: 1, MaxWait: time.Hour}, ended, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, hashErr := c.hasher.Hash(c.ctx, "Rıhtım-35")
			_, verifyErr := c.hasher.Verify(c.ctx, "Rıhtım-35", phc(t, NewHasher(), "Rıhtım-35", cost))
			_, nobodyErr := c.hasher.Verify(c.ctx, "Rıhtım-35", "")
			for _, err := range []error{hashErr, verifyErr, nobodyErr} {
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if refused, ok := errors.AsType[*apperr.Error](err); ok && refused.RetryAfter != c.hasher.MaxWait {
					t.Errorf("come back after %v, want %v", refused.RetryAfter, c.hasher.MaxWait)
				}
			}
			if n := c.hasher.waiting.Load(); n != 0 {
				t.Errorf("%d still wait", n)
			}
		})
	}
}

func TestWaitersGetTheirTurn(t *testing.T) {
	t.Parallel()
	h := &Hasher{slots: semaphore.NewWeighted(1), MaxWaiting: 8, MaxWait: time.Hour}
	if err := h.slots.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 8)
	for range cap(done) {
		go func() {
			_, err := h.Hash(t.Context(), "Rıhtım-35")
			done <- err
		}()
	}
	h.slots.Release(1)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		password string
		want     apperr.Text // none: good enough
	}{
		"eight characters of three kinds":   {"Abcdefg1", apperr.Text{}},
		"Turkish letters have a case too":   {"Şğğğğğı9", apperr.Text{}},
		"blanks and signs":                  {"Uzun bir cümle, 7 kelime.", apperr.Text{}},
		"a hundred characters of two bytes": {"Ş1" + strings.Repeat("ş", 98), apperr.Text{}},
		"seven characters":                  {"Abcdef1", apperr.Length},
		"seven characters of two bytes":     {"Şşşşşş1", apperr.Length},
		"a hundred and one":                 {"A1" + strings.Repeat("b", 99), apperr.Length},
		"nothing":                           {"", apperr.Length},
		"a control character":               {"Abcdefg1\x00", apperr.Length},
		"broken letters":                    {"Abcdefg1\xff", apperr.Length},
		"no upper-case letter":              {"abcdefg1", apperr.WeakPassword},
		"no lower-case letter":              {"ABCDEFG1", apperr.WeakPassword},
		"no digit":                          {"Abcdefgh", apperr.WeakPassword},
		"digits only":                       {"12345678", apperr.WeakPassword},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := checkPassword("newPassword", c.password)
			if c.want == (apperr.Text{}) {
				if e != nil {
					t.Errorf("refused: %v", e)
				}
				return
			}
			if e == nil || e.Text != c.want || e.Field[0] != "newPassword" {
				t.Errorf("got %v, want %q", e, c.want.EN)
			}
		})
	}
}
