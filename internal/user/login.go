package user

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
)

// An account is locked for lockTime after maxFailures wrong passwords in a row.
const (
	maxFailures = 10
	lockTime    = 15 * time.Minute
)

// Login checks e-mail and password. Whether the user is unknown, deactivated or
// locked or the password wrong, the answer is AUTH_INVALID_CREDENTIALS after the
// same work: it tells neither which accounts exist nor, while one is locked,
// whether a guess was right.
func (s *Service) Login(ctx context.Context, email, password string) (*Session, error) {
	u, err := s.DB.User.Query().Where(entuser.Email(normalEmail(email))).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, fmt.Errorf("find user: %w", err)
	}
	hash := ""
	if u != nil && u.IsActive && (u.LockedUntil == nil || !u.LockedUntil.After(s.Now())) {
		hash = u.PasswordHash
	}
	ok, err := s.Hasher.Verify(ctx, password, hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		s.Refusals.Note(ctx, email)
		if hash != "" {
			if err := s.fail(ctx, u.ID); err != nil {
				return nil, err
			}
		}
		return nil, apperr.New(apperr.InvalidCredentials)
	}
	return s.SignIn(ctx, u, s.Tokens.Lifetime)
}

// fail counts a wrong password. The count is raised in the statement itself, so
// that guesses sent at once are all counted.
func (s *Service) fail(ctx context.Context, id int64) error {
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		u, err := tx.User.UpdateOneID(id).AddFailedLogins(1).Save(ctx)
		if err != nil {
			return fmt.Errorf("count a failed login of user %d: %w", id, err)
		}
		if u.FailedLogins < maxFailures {
			return nil
		}
		until := s.Now().Add(lockTime)
		if err := tx.User.UpdateOneID(id).SetFailedLogins(0).SetLockedUntil(until).Exec(ctx); err != nil {
			return fmt.Errorf("lock user %d: %w", id, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{
			Action: audit.Lock, Resource: audit.User, EntityID: id, Changes: audit.Changes{"locked_until": {nil, until}},
		})
	})
}

// SignIn opens a session for a user whose identity is proven. The first access
// token lives for lifetime.
func (s *Service) SignIn(ctx context.Context, u *ent.User, lifetime time.Duration) (*Session, error) {
	var session *Session
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		now := s.Now()
		if err := tx.User.UpdateOneID(u.ID).SetLastLoginAt(now).SetFailedLogins(0).ClearLockedUntil().Exec(ctx); err != nil {
			return fmt.Errorf("note login of user %d: %w", u.ID, err)
		}
		if session, err = s.open(ctx, tx, u.ID, newFamily(), lifetime); err != nil {
			return err
		}
		return audit.Record(actor.With(ctx, actor.New(u.ID, u.Email, u.FullName, nil, nil)), tx, now,
			audit.Event{Action: audit.Login, Resource: audit.Auth, EntityID: u.ID})
	})
	if err != nil {
		return nil, err
	}
	// The rights are read anew: they are the viewer's.
	if session.Viewer, err = s.load(ctx, u.ID, session.family); err != nil {
		return nil, err
	}
	return session, nil
}
