package user

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"aliaport/ent"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/limit"
)

// An account is locked for lockTime after maxFailures wrong passwords in a row.
const (
	maxFailures = 10
	lockTime    = 15 * time.Minute
)

// Login checks e-mail and password. Whether the user is unknown, deactivated or
// locked or the password wrong, the answer is AUTH_INVALID_CREDENTIALS after the
// same hashing: it tells neither which accounts exist nor, while one is locked,
// whether a guess was right.
func (s *Service) Login(ctx context.Context, email, password string) (*Session, error) {
	session, err := s.login(ctx, email, password)
	if s.LoggedIn != nil {
		s.LoggedIn(err)
	}
	return session, err
}

func (s *Service) login(ctx context.Context, email, password string) (*Session, error) {
	if err := s.admit(ctx, email); err != nil {
		return nil, err
	}
	g, err := s.guess(ctx, normalEmail(email))
	if err != nil {
		return nil, err
	}
	ok, err := s.Hasher.Verify(ctx, password, g.hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		s.Refusals.Note(ctx, shownAccount(email), audit.Event{
			Action: audit.LoginFailed, Resource: audit.Auth, Outcome: audit.Denied, Code: apperr.InvalidCredentials,
			Extra: map[string]any{"account": shownAccount(email)},
		})
		return nil, s.wrong(ctx, g)
	}
	return s.signIn(ctx, g.user, &g.hash, s.Tokens.Lifetime)
}

// admit holds off floods before anything is hashed: from one address, and to one
// account, whether or not it exists.
func (s *Service) admit(ctx context.Context, email string) error {
	account := sha256.Sum256([]byte(normalEmail(email)))
	for _, by := range []struct {
		limiter *limit.Limiter
		key     string
	}{
		{s.PerAddress, limit.AddressKey(actor.RequestFrom(ctx).IP)},
		{s.PerAccount, "account:" + hex.EncodeToString(account[:])},
	} {
		if r := by.limiter.Take(ctx, by.key, 1); r.Refused {
			s.Refusals.Note(ctx, "limit "+shownAccount(email), audit.Event{
				Action: audit.RateLimited, Resource: audit.Auth, Outcome: audit.Denied, Code: apperr.RateLimited,
				Extra: map[string]any{"account": shownAccount(email)},
			})
			return r.Error()
		}
	}
	return nil
}

// guess is an attempt that was counted before it was judged.
type guess struct {
	user  int64
	hash  string // empty: nobody, or nobody who may try now
	locks bool   // it was the last one allowed
}

// guess counts an attempt as failed; success sets the count back. Counting comes
// first, in one statement, so that guesses sent at once are all counted before any
// is judged, and the tenth of them locks the others out.
func (s *Service) guess(ctx context.Context, email string) (g guess, err error) {
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		rows, err := tx.QueryContext(ctx, `UPDATE users SET
			failed_logins = CASE WHEN locked_until IS NULL THEN failed_logins + 1 ELSE 1 END,
			locked_until = CASE WHEN locked_until IS NOT NULL THEN NULL WHEN failed_logins + 1 < $1 THEN locked_until ELSE $2 END
			WHERE email = $3 AND is_active AND (locked_until IS NULL OR locked_until <= $4)
			RETURNING id, password_hash, locked_until IS NOT NULL`, maxFailures, now.Add(lockTime), email, now)
		if err != nil {
			return fmt.Errorf("count a login: %w", err)
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		g = guess{}
		if rows.Next() {
			if err := rows.Scan(&g.user, &g.hash, &g.locks); err != nil {
				return fmt.Errorf("count a login: %w", err)
			}
		}
		return rows.Err()
	})
	return g, err
}

// wrong is the answer to a wrong password. It stays counted even when the client
// has gone.
func (s *Service) wrong(ctx context.Context, g guess) error {
	refused := apperr.New(apperr.InvalidCredentials)
	if !g.locks {
		return refused
	}
	ctx = context.WithoutCancel(ctx)
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Lock, Resource: audit.User, EntityID: g.user, Extra: map[string]any{"minutes": lockTime.Minutes()}})
	})
	if err != nil {
		return err
	}
	return refused
}

// SignIn opens a session for a user whose identity is proven otherwise. The first
// access token lives for lifetime.
func (s *Service) SignIn(ctx context.Context, u *ent.User, lifetime time.Duration) (*Session, error) {
	return s.signIn(ctx, u.ID, nil, lifetime)
}

// signIn opens a session for an active user, if the password that was verified is
// still theirs.
func (s *Service) signIn(ctx context.Context, id int64, verified *string, lifetime time.Duration) (*Session, error) {
	var session *Session
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		now := s.Now()
		// The UPDATE also holds off everybody who would end the user's sessions meanwhile.
		c := tx.User.Update().Where(entuser.ID(id), entuser.IsActive(true)).SetLastLoginAt(now).SetFailedLogins(0).ClearLockedUntil()
		if verified != nil {
			c.Where(entuser.PasswordHash(*verified))
		}
		n, err := c.Save(ctx)
		if err != nil {
			return fmt.Errorf("note login of user %d: %w", id, err)
		}
		if n == 0 {
			return apperr.New(apperr.InvalidCredentials)
		}
		u, err := tx.User.Get(ctx, id)
		if err != nil {
			return fmt.Errorf("read user %d: %w", id, err)
		}
		if session, err = s.open(ctx, tx, id, newFamily(), lifetime); err != nil {
			return err
		}
		return audit.Record(actor.With(ctx, actor.New(id, u.Email, u.FullName, nil, nil)), tx, now,
			audit.Event{Action: audit.Login, Resource: audit.Auth, EntityID: id})
	})
	if err != nil {
		return nil, err
	}
	// The rights are read anew: they are the viewer's.
	if session.Viewer, err = s.load(ctx, id, session.family); err != nil {
		return nil, err
	}
	return session, nil
}
