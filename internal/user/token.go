package user

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"aliaport/internal/apperr"
)

// demoLifetime is that of the token in the link which a demo server prints.
const demoLifetime = 12 * time.Hour

const issuer = "aliaport"

// Tokens signs and reads access tokens.
type Tokens struct {
	Key      []byte
	Lifetime time.Duration
	Now      func() time.Time
}

// claims are what an access token says.
type claims struct {
	jwt.RegisteredClaims

	Session string `json:"sid"`
}

// Owner is whose token it is, and from which session.
type Owner struct {
	User    int64
	Session string
}

// Sign makes an access token for the user's session.
func (t *Tokens) Sign(user int64, session string, lifetime time.Duration) (token string, expires time.Time, err error) {
	now := t.Now()
	expires = now.Add(lifetime)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, claims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer: issuer, Subject: strconv.FormatInt(user, 10),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
	}, Session: session}).SignedString(t.Key)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign a token: %w", err)
	}
	return token, expires, nil
}

// Read returns whose token it is. TOKEN_EXPIRED means that it was good once; what
// was never good is UNAUTHENTICATED.
func (t *Tokens) Read(token string) (Owner, error) {
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return t.Key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(), jwt.WithTimeFunc(t.Now))
	if errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenInvalidIssuer) {
		return Owner{}, apperr.New(apperr.TokenExpired)
	}
	if err != nil {
		return Owner{}, apperr.New(apperr.Unauthenticated).Because(err)
	}
	user, err := strconv.ParseInt(c.Subject, 10, 64)
	if err != nil {
		return Owner{}, apperr.New(apperr.Unauthenticated).Because(err)
	}
	return Owner{user, c.Session}, nil
}
