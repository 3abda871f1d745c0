package user

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"aliaport/internal/apperr"
)

var noon = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// tokens are those of a server whose clock stands at noon.
func tokens() *Tokens {
	return &Tokens{Key: []byte("a key for tests that is long enough"), Lifetime: 15 * time.Minute, Now: func() time.Time { return noon }}
}

func TestTokensComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	ts := tokens()
	token, expires, err := ts.Sign(42, "a family", ts.Lifetime)
	if err != nil || !expires.Equal(noon.Add(15*time.Minute)) {
		t.Fatalf("expires %v, error %v", expires, err)
	}
	if got, err := ts.Read(token); err != nil || got != (Owner{42, "a family"}) {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	ts := tokens()
	// made is a token of ours, changed.
	made := func(change func(*claims, *jwt.SigningMethod, *any)) string {
		c := claims{RegisteredClaims: jwt.RegisteredClaims{
			Issuer: "aliaport", Subject: "42", IssuedAt: jwt.NewNumericDate(noon), ExpiresAt: jwt.NewNumericDate(noon.Add(time.Minute)),
		}, Session: "a family"}
		method, key := jwt.SigningMethod(jwt.SigningMethodHS256), any(ts.Key)
		change(&c, &method, &key)
		token, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	expire := func(c *claims, at time.Time) { c.ExpiresAt = jwt.NewNumericDate(at) }
	good := made(func(*claims, *jwt.SigningMethod, *any) {})
	parts := strings.Split(good, ".")
	other := strings.Split(made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.Subject = "1" }), ".")
	for name, c := range map[string]struct {
		token string
		want  apperr.Code // "": good
	}{
		"one of ours":               {good, ""},
		"one that ends in a second": {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { expire(c, noon.Add(time.Second)) }), ""},
		"one that ends now":         {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { expire(c, noon) }), apperr.TokenExpired},
		"one that ended yesterday":  {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { expire(c, noon.AddDate(0, 0, -1)) }), apperr.TokenExpired},
		"one without an end":        {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.ExpiresAt = nil }), apperr.Unauthenticated},
		"a forged one":              {made(func(_ *claims, _ *jwt.SigningMethod, key *any) { *key = []byte("another key") }), apperr.Unauthenticated},
		"a forged one that has ended": {made(func(c *claims, _ *jwt.SigningMethod, key *any) {
			expire(c, noon.AddDate(0, 0, -1))
			*key = []byte("another key")
		}), apperr.Unauthenticated},
		"one signed with an empty key": {made(func(_ *claims, _ *jwt.SigningMethod, key *any) { *key = []byte{} }), apperr.Unauthenticated},
		"one that is not signed": {made(func(_ *claims, m *jwt.SigningMethod, key *any) {
			*m, *key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
		}), apperr.Unauthenticated},
		"ours without its signature":             {parts[0] + "." + parts[1] + ".", apperr.Unauthenticated},
		"another algorithm with our key":         {made(func(_ *claims, m *jwt.SigningMethod, _ *any) { *m = jwt.SigningMethodHS512 }), apperr.Unauthenticated},
		"one of another issuer":                  {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.Issuer = "other" }), apperr.Unauthenticated},
		"one of no issuer":                       {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.Issuer = "" }), apperr.Unauthenticated},
		"one of another issuer that has ended":   {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.Issuer = "other"; expire(c, noon.AddDate(0, 0, -1)) }), apperr.Unauthenticated},
		"one that is not good yet":               {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.NotBefore = jwt.NewNumericDate(noon.Add(time.Second)) }), apperr.Unauthenticated},
		"one that names nobody":                  {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.Subject = "" }), apperr.Unauthenticated},
		"one that names no number":               {made(func(c *claims, _ *jwt.SigningMethod, _ *any) { c.Subject = "admin" }), apperr.Unauthenticated},
		"the claims of one, the seal of another": {parts[0] + "." + other[1] + "." + parts[2], apperr.Unauthenticated},
		"nothing":                                {"", apperr.Unauthenticated},
		"words":                                  {"not a token", apperr.Unauthenticated},
		"two dots":                               {"..", apperr.Unauthenticated},
		"a part more":                            {good + ".x", apperr.Unauthenticated},
		"half of one":                            {good[:len(good)/2], apperr.Unauthenticated},
		"a million letters":                      {strings.Repeat("a", 1_000_000), apperr.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ts.Read(c.token)
			if c.want == "" {
				if err != nil || got != (Owner{42, "a family"}) {
					t.Errorf("got %+v, error %v", got, err)
				}
				return
			}
			if !apperr.Is(err, c.want) || got != (Owner{}) {
				t.Errorf("got %+v, error %v; want %s", got, err, c.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	ts := tokens()
	good, _, err := ts.Sign(42, "a family", ts.Lifetime)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiIsImlzcyI6ImFsaWFwb3J0In0.")
	f.Fuzz(func(t *testing.T, token string) {
		// The last letter of a seal has bits that mean nothing.
		said := good[:strings.LastIndex(good, ".")+1]
		if got, err := ts.Read(token); err == nil && (!strings.HasPrefix(token, said) || got != (Owner{42, "a family"})) {
			t.Errorf("%q is taken for a token of %+v", token, got)
		}
	})
}
