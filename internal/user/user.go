// Package user lets people in: users, their roles, passwords and tokens.
package user

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"aliaport/ent"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// Service signs users in and tells what they may do.
type Service struct {
	DB     *store.DB
	Now    func() time.Time
	Hasher *Hasher
	Tokens *Tokens
}

// Session is a successful sign-in.
type Session struct {
	User        *ent.User
	AccessToken string
	ExpiresAt   time.Time
}

// Login checks e-mail and password. Whether the user is unknown, deactivated or the
// password wrong, the answer is AUTH_INVALID_CREDENTIALS after the same work.
func (s *Service) Login(ctx context.Context, email, password string) (*Session, error) {
	u, err := s.DB.User.Query().Where(entuser.Email(normalEmail(email))).Only(ctx)
	if err != nil && !ent.IsNotFound(err) {
		return nil, fmt.Errorf("find user: %w", err)
	}
	hash := ""
	if u != nil && u.IsActive {
		hash = u.PasswordHash
	}
	ok, err := s.Hasher.Verify(ctx, password, hash)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, apperr.New(apperr.InvalidCredentials)
	}
	now := s.Now()
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		if err := tx.User.UpdateOneID(u.ID).SetLastLoginAt(now).Exec(ctx); err != nil {
			return fmt.Errorf("note login of user %d: %w", u.ID, err)
		}
		return audit.Record(actor.With(ctx, actor.New(u.ID, u.Email, u.FullName, nil, nil)), tx, now,
			audit.Event{Action: audit.Login, Resource: audit.Auth, EntityID: u.ID})
	})
	if err != nil {
		return nil, err
	}
	token, expires, err := s.Tokens.Sign(u.ID, s.Tokens.Lifetime)
	if err != nil {
		return nil, err
	}
	return &Session{User: u, AccessToken: token, ExpiresAt: expires}, nil
}

// Actor returns whose token it is, with the rights they hold now.
func (s *Service) Actor(ctx context.Context, token string) (*actor.Actor, error) {
	id, err := s.Tokens.Read(token)
	if err != nil {
		return nil, err
	}
	a, err := s.load(store.Uncounted(ctx), id)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, apperr.New(apperr.Unauthenticated)
	}
	return a, nil
}

// load reads an active user with roles and rights in one statement.
func (s *Service) load(ctx context.Context, id int64) (a *actor.Actor, err error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT u.email, u.full_name, COALESCE(r.name, ''), COALESCE(p.name, '')
		FROM users u
		LEFT JOIN user_roles ur ON ur.user_id = u.id LEFT JOIN roles r ON r.id = ur.role_id
		LEFT JOIN role_permissions rp ON rp.role_id = r.id LEFT JOIN permissions p ON p.id = rp.permission_id
		WHERE u.id = $1 AND u.is_active ORDER BY r.name`, id)
	if err != nil {
		return nil, fmt.Errorf("read rights of user %d: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var (
		found       bool
		email, name string
		roles       []string
		permissions []actor.Permission
	)
	for rows.Next() {
		var role, permission string
		if err := rows.Scan(&email, &name, &role, &permission); err != nil {
			return nil, fmt.Errorf("read rights of user %d: %w", id, err)
		}
		found = true
		if role != "" && (len(roles) == 0 || roles[len(roles)-1] != role) {
			roles = append(roles, role)
		}
		if permission != "" {
			permissions = append(permissions, actor.Permission(permission))
		}
	}
	if err := rows.Err(); err != nil || !found {
		return nil, err
	}
	return actor.New(id, email, name, roles, permissions), nil
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
