// Package user lets people in: users, their roles, passwords and tokens.
package user

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/limit"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service signs users in and tells what they may do.
type Service struct {
	DB     *store.DB
	Now    func() time.Time
	Hasher *Hasher
	Tokens *Tokens
	// RefreshLifetime is how long a session lasts without being used.
	RefreshLifetime time.Duration
	// Refusals takes note of logins that were refused; nil: nobody does.
	Refusals *audit.Tally
	// PerAddress and PerAccount hold off floods of sign-ins; nil: nothing does.
	PerAddress, PerAccount *limit.Limiter
	// Pages makes cursors; PageLimits bound the list of users.
	Pages      *page.Codec
	PageLimits page.Limits
}

// Actor returns whose token it is, with the rights they hold now. A session that
// was ended ends its access tokens too.
func (s *Service) Actor(ctx context.Context, token string) (*actor.Actor, error) {
	owner, err := s.Tokens.Read(token)
	if err != nil {
		return nil, err
	}
	a, err := s.load(store.Uncounted(ctx), owner.User, owner.Session)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, apperr.New(apperr.Unauthenticated)
	}
	return a, nil
}

// load reads an active user with roles and rights in one statement; nil if the user
// or the session is no more.
func (s *Service) load(ctx context.Context, id int64, session string) (a *actor.Actor, err error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT u.email, u.full_name, COALESCE(r.name, ''), COALESCE(p.name, '')
		FROM users u
		LEFT JOIN user_roles ur ON ur.user_id = u.id LEFT JOIN roles r ON r.id = ur.role_id
		LEFT JOIN role_permissions rp ON rp.role_id = r.id LEFT JOIN permissions p ON p.id = rp.permission_id
		WHERE u.id = $1 AND u.is_active
			AND EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family = $2 AND t.user_id = u.id AND t.revoked_at IS NULL)
		ORDER BY r.name`, id, session)
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
	a = actor.New(id, email, name, roles, permissions)
	a.Session = session
	return a, nil
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// maxEmail is the length of the longest e-mail address.
const maxEmail = 100

// looksLikeEmail is a rough check: one @ with something before it and a dot after it.
func looksLikeEmail(s string) bool {
	name, host, ok := strings.Cut(s, "@")
	return ok && name != "" && !strings.Contains(host, "@") && strings.Contains(strings.Trim(host, "."), ".") &&
		!strings.ContainsAny(s, " \t\r\n<>\"") && len(s) <= maxEmail
}

// shownAccount is the account as the trail shows it. What is no e-mail address may
// be a password in the wrong field, and is not kept.
func shownAccount(email string) string {
	email = normalEmail(email)
	if !looksLikeEmail(email) {
		return "***"
	}
	return email
}
