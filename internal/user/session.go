package user

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"aliaport/ent"
	"aliaport/ent/predicate"
	"aliaport/ent/refreshtoken"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
)

// Session is what a client gets to act with: a short-lived access token and a
// refresh token that is good for one exchange.
type Session struct {
	Viewer       *actor.Actor
	AccessToken  string
	ExpiresAt    time.Time
	RefreshToken string

	family string
}

func newFamily() string { return uuid.NewString() }

// hashToken is what is stored of a refresh token. It has 160 random bits, so a
// plain hash is enough.
func hashToken(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// open adds a link to a family of refresh tokens and signs an access token for it.
func (s *Service) open(ctx context.Context, tx *ent.Tx, user int64, family string, lifetime time.Duration) (*Session, error) {
	req, now, token := actor.RequestFrom(ctx), s.Now(), rand.Text()+rand.Text()
	c := tx.RefreshToken.Create().SetUserID(user).SetFamily(family).SetTokenHash(hashToken(token)).
		SetCreatedAt(now).SetExpiresAt(now.Add(s.RefreshLifetime))
	if req.IP != "" {
		c.SetIP(audit.Clip(req.IP, 64))
	}
	if req.UserAgent != "" {
		c.SetUserAgent(audit.Clip(req.UserAgent, 300))
	}
	if err := c.Exec(ctx); err != nil {
		return nil, fmt.Errorf("store a refresh token of user %d: %w", user, err)
	}
	access, expires, err := s.Tokens.Sign(user, family, lifetime)
	if err != nil {
		return nil, err
	}
	return &Session{AccessToken: access, ExpiresAt: expires, RefreshToken: token, family: family}, nil
}

// Refresh exchanges a refresh token for the next one. A token shown a second time
// was stolen, by the first or by the second who showed it: the whole session ends.
func (s *Service) Refresh(ctx context.Context, token string) (*Session, error) {
	var (
		session *Session
		stolen  bool
		user    int64
	)
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		session, stolen = nil, false
		now := s.Now()
		// First the user's row: whoever ends their sessions holds it, and the token is
		// judged as they left it.
		if err := s.lockOwner(ctx, tx, refreshtoken.TokenHash(hashToken(token))); err != nil {
			return err
		}
		old, err := tx.RefreshToken.Query().Where(refreshtoken.TokenHash(hashToken(token))).WithUser().Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.TokenInvalid).At("refreshToken")
		case err != nil:
			return fmt.Errorf("find refresh token: %w", err)
		case old.RevokedAt != nil || !old.Edges.User.IsActive:
			return apperr.New(apperr.TokenInvalid).At("refreshToken")
		case old.UsedAt == nil && !old.ExpiresAt.After(now):
			return apperr.New(apperr.SessionExpired).At("refreshToken")
		}
		user = old.UserID
		// The test is part of the UPDATE: of two who show it at once, one is late.
		n, err := tx.RefreshToken.Update().Where(refreshtoken.ID(old.ID), refreshtoken.UsedAtIsNil()).SetUsedAt(now).Save(ctx)
		if err != nil {
			return fmt.Errorf("use refresh token %d: %w", old.ID, err)
		}
		who := actor.With(ctx, actor.New(user, old.Edges.User.Email, old.Edges.User.FullName, nil, nil))
		if n == 0 {
			stolen = true
			if err := s.revoke(ctx, tx, user, refreshtoken.Family(old.Family)); err != nil {
				return err
			}
			return audit.Record(who, tx, now, audit.Event{Action: audit.TokenReuse, Resource: audit.Auth, EntityID: user, Outcome: audit.Denied, Code: apperr.TokenInvalid})
		}
		if session, err = s.open(ctx, tx, user, old.Family, s.Tokens.Lifetime); err != nil {
			return err
		}
		return audit.Record(who, tx, now, audit.Event{Action: audit.TokenRefresh, Resource: audit.Auth, EntityID: user})
	})
	if err != nil {
		return nil, err
	}
	if stolen {
		return nil, apperr.New(apperr.TokenInvalid).At("refreshToken")
	}
	if session.Viewer, err = s.load(ctx, user, session.family); err != nil {
		return nil, err
	}
	return session, nil
}

// lockOwner holds the row of the user whose token matches until the transaction
// ends. On SQLite the transaction itself holds everything.
func (s *Service) lockOwner(ctx context.Context, tx *ent.Tx, which predicate.RefreshToken) error {
	if s.DB.Dialect() != dialect.Postgres {
		return nil
	}
	if _, err := tx.User.Query().Where(entuser.HasRefreshTokensWith(which)).ForUpdate().IDs(ctx); err != nil {
		return fmt.Errorf("lock the owner of a token: %w", err)
	}
	return nil
}

// lock holds the row of a user until the transaction ends: sessions are opened and
// ended under it.
func (s *Service) lock(ctx context.Context, tx *ent.Tx, user int64) error {
	if s.DB.Dialect() != dialect.Postgres {
		return nil
	}
	if _, err := tx.User.Query().Where(entuser.ID(user)).ForUpdate().IDs(ctx); err != nil {
		return fmt.Errorf("lock user %d: %w", user, err)
	}
	return nil
}

// revoke ends those sessions of the user whose tokens match.
func (s *Service) revoke(ctx context.Context, tx *ent.Tx, user int64, which ...func(*sql.Selector)) error {
	if err := s.lock(ctx, tx, user); err != nil {
		return err
	}
	u := tx.RefreshToken.Update().Where(refreshtoken.UserID(user), refreshtoken.RevokedAtIsNil()).SetRevokedAt(s.Now())
	for _, w := range which {
		u.Where(w)
	}
	if err := u.Exec(ctx); err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	return nil
}

// Logout ends the session of the one who asks.
func (s *Service) Logout(ctx context.Context) error {
	who := actor.From(ctx)
	if who == nil {
		return actor.NotSignedIn(ctx)
	}
	return s.end(ctx, audit.Event{Action: audit.Logout, Resource: audit.Auth, EntityID: who.ID}, refreshtoken.Family(who.Session))
}

// LogoutEverywhere ends all sessions of the one who asks.
func (s *Service) LogoutEverywhere(ctx context.Context) error {
	who := actor.From(ctx)
	if who == nil {
		return actor.NotSignedIn(ctx)
	}
	return s.end(ctx, audit.Event{Action: audit.Logout, Resource: audit.Auth, EntityID: who.ID, Extra: map[string]any{"everywhere": true}})
}

// end ends sessions of the user whom the event is about.
func (s *Service) end(ctx context.Context, e audit.Event, which ...func(*sql.Selector)) error {
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		if err := s.revoke(ctx, tx, e.EntityID, which...); err != nil {
			return err
		}
		return audit.Record(ctx, tx, s.Now(), e)
	})
}

// OpenSession is a session that has not ended, as its owner sees it.
type OpenSession struct {
	ID         globalid.ID
	CreatedAt  time.Time // when it was opened
	LastUsedAt time.Time // when it was last refreshed
	ExpiresAt  time.Time
	IP         *string
	UserAgent  *string
	IsCurrent  bool
}

// maxSessions is how many open sessions are shown.
const maxSessions = 100

// Sessions lists the open sessions of the one who asks, last used first.
func (s *Service) Sessions(ctx context.Context) (open []*OpenSession, err error) {
	who := actor.From(ctx)
	if who == nil {
		return nil, actor.NotSignedIn(ctx)
	}
	// A session is named by its first token; its newest one says how it stands.
	rows, err := s.DB.QueryContext(ctx, `SELECT f.first, b.created_at, n.created_at, n.expires_at, n.ip, n.user_agent, n.family
		FROM (SELECT MIN(id) AS first, MAX(id) AS newest FROM refresh_tokens WHERE user_id = $1 AND revoked_at IS NULL GROUP BY family) f
		JOIN refresh_tokens b ON b.id = f.first JOIN refresh_tokens n ON n.id = f.newest
		WHERE n.expires_at > $2 ORDER BY n.created_at DESC, n.id DESC LIMIT $3`, who.ID, s.Now(), maxSessions)
	if err != nil {
		return nil, fmt.Errorf("list sessions of user %d: %w", who.ID, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		o, family := &OpenSession{ID: globalid.ID{Type: "Session"}}, ""
		if err := rows.Scan(&o.ID.Key, &o.CreatedAt, &o.LastUsedAt, &o.ExpiresAt, &o.IP, &o.UserAgent, &family); err != nil {
			return nil, fmt.Errorf("list sessions of user %d: %w", who.ID, err)
		}
		o.IsCurrent = family == who.Session
		open = append(open, o)
	}
	return open, rows.Err()
}

// RevokeSession ends one session of the one who asks.
func (s *Service) RevokeSession(ctx context.Context, id globalid.ID) error {
	who := actor.From(ctx)
	if who == nil {
		return actor.NotSignedIn(ctx)
	}
	key, err := id.Of("Session")
	if err != nil {
		return err
	}
	t, err := s.DB.RefreshToken.Query().Where(refreshtoken.ID(key), refreshtoken.UserID(who.ID), refreshtoken.RevokedAtIsNil()).Only(ctx)
	if ent.IsNotFound(err) {
		return apperr.New(apperr.SessionNotFound).At("id")
	}
	if err != nil {
		return fmt.Errorf("find session %d: %w", key, err)
	}
	return s.end(ctx, audit.Event{Action: audit.Logout, Resource: audit.Auth, EntityID: who.ID, Extra: map[string]any{"session": key}}, refreshtoken.Family(t.Family))
}

// ChangePassword gives the one who asks a new password and ends all their other
// sessions.
func (s *Service) ChangePassword(ctx context.Context, current, next string) error {
	who := actor.From(ctx)
	if who == nil {
		return actor.NotSignedIn(ctx)
	}
	if e := checkPassword("newPassword", next); e != nil {
		return e
	}
	verified, err := s.confirm(ctx, who, "currentPassword", current)
	if err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		// Unless somebody else has given them another password meanwhile.
		n, err := tx.User.Update().Where(entuser.ID(who.ID), entuser.IsActive(true), entuser.PasswordHash(verified)).
			SetPasswordHash(hash).SetFailedLogins(0).ClearLockedUntil().SetUpdatedAt(s.Now()).AddVersion(1).Save(ctx)
		if err != nil {
			return fmt.Errorf("change password of user %d: %w", who.ID, err)
		}
		if n == 0 {
			return apperr.New(apperr.InvalidCredentials).At("currentPassword")
		}
		if err := s.revoke(ctx, tx, who.ID, refreshtoken.FamilyNEQ(who.Session)); err != nil {
			return err
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.PasswordChange, Resource: audit.User, EntityID: who.ID})
	})
}

// confirm checks the password of the one who asks, which came in the field, and
// returns its hash. A wrong one counts as at the door: a stolen access token must
// not guess.
func (s *Service) confirm(ctx context.Context, who *actor.Actor, field, password string) (hash string, err error) {
	g, err := s.guess(ctx, who.Email)
	if err != nil {
		return "", err
	}
	ok, err := s.Hasher.Verify(ctx, password, g.hash)
	if err != nil {
		return "", err
	}
	if !ok {
		err := s.wrong(ctx, g)
		if refused, is := errors.AsType[*apperr.Error](err); is {
			return "", refused.At(field)
		}
		return "", err
	}
	return g.hash, nil
}

// Confirm makes sure that it is the owner of the session who asks, by the password
// that came in the field.
func (s *Service) Confirm(ctx context.Context, field, password string) error {
	who := actor.From(ctx)
	if who == nil {
		return actor.NotSignedIn(ctx)
	}
	verified, err := s.confirm(ctx, who, field, password)
	if err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		err := tx.User.Update().Where(entuser.ID(who.ID), entuser.PasswordHash(verified)).SetFailedLogins(0).ClearLockedUntil().Exec(ctx)
		if err != nil {
			return fmt.Errorf("note that user %d gave the password: %w", who.ID, err)
		}
		return nil
	})
}

// sweepBatch keeps each removal short for those who wait to write.
const sweepBatch = 1000

// Sweep removes tokens that have expired. One that is shown again after that is
// simply unknown; its session has ended anyway.
func (s *Service) Sweep(ctx context.Context) (removed int, err error) {
	for {
		n := 0
		err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
			ids, err := tx.RefreshToken.Query().Where(refreshtoken.ExpiresAtLT(s.Now())).Limit(sweepBatch).IDs(ctx)
			if err != nil {
				return err
			}
			n, err = tx.RefreshToken.Delete().Where(refreshtoken.IDIn(ids...)).Exec(ctx)
			return err
		})
		removed += n
		if err != nil || n < sweepBatch {
			return removed, err
		}
	}
}
