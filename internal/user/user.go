// Package user lets people in: users, their roles, passwords and tokens.
package user

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/cache"
	"aliaport/internal/limit"
	"aliaport/internal/page"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// Service signs users in and tells what they may do.
type Service struct {
	DB     *store.DB
	Now    func() time.Time
	Cache  *cache.Cache
	Hasher *Hasher
	Tokens *Tokens
	// RefreshLifetime is how long a session lasts without being used.
	RefreshLifetime time.Duration
	// Refusals takes note of logins that were refused; nil: nobody does.
	Refusals *audit.Tally
	// PerAddress and PerAccount hold off floods of sign-ins; nil: nothing does.
	PerAddress, PerAccount *limit.Limiter
	// Resets are passwords set anew by e-mail.
	Resets Resets
	// LoggedIn, unless nil, is told how each sign-in with a password ended.
	LoggedIn func(err error)
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

// granted is what a user's roles allow.
type granted struct {
	Roles       []string           `json:"roles"`
	Permissions []actor.Permission `json:"permissions"`
}

// load reads an active user with roles and rights; nil if the user or the session is
// no more. Whether they are is read with the generations of what is cached and with
// whether the database is read only, in one statement that every request of somebody
// signed in sends; the rights come from the cache as long as nobody's change.
func (s *Service) load(ctx context.Context, id int64, session string) (a *actor.Actor, err error) {
	email, name, found, err := s.present(ctx, id, session)
	if err != nil || !found {
		return nil, err
	}
	const base = 10
	r, err := cache.Get(ctx, s.Cache, cache.Rights, strconv.FormatInt(id, base), func(ctx context.Context) (granted, error) { return s.rights(ctx, id) })
	if err != nil {
		return nil, err
	}
	a = actor.New(id, email, name, r.Roles, r.Permissions)
	a.Session = session
	return a, nil
}

// present finds an active user whose session has not ended.
func (s *Service) present(ctx context.Context, id int64, session string) (email, name string, found bool, err error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT u.email, u.full_name, COALESCE(g.table_name, ''), COALESCE(g.generation, 0), EXISTS (SELECT 1 FROM read_only_state)
		FROM users u LEFT JOIN cache_generations g ON true
		WHERE u.id = $1 AND u.is_active
			AND EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.family = $2 AND t.user_id = u.id AND t.revoked_at IS NULL)`, id, session)
	if err != nil {
		return "", "", false, fmt.Errorf("read user %d: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	generations, readOnly := cache.Generations{}, false
	for rows.Next() {
		var table string
		var generation int64
		if err := rows.Scan(&email, &name, &table, &generation, &readOnly); err != nil {
			return "", "", false, fmt.Errorf("read user %d: %w", id, err)
		}
		generations[table], found = generation, true
	}
	if err := rows.Err(); err != nil {
		return "", "", false, fmt.Errorf("read user %d: %w", id, err)
	}
	if found {
		cache.Seen(ctx, generations)
		readonly.Seen(ctx, readOnly)
	}
	return email, name, found, nil
}

// rights reads what the roles of a user allow.
func (s *Service) rights(ctx context.Context, id int64) (r granted, err error) {
	rows, err := s.DB.QueryContext(ctx, `SELECT r.name, COALESCE(p.name, '')
		FROM user_roles ur JOIN roles r ON r.id = ur.role_id
		LEFT JOIN role_permissions rp ON rp.role_id = r.id LEFT JOIN permissions p ON p.id = rp.permission_id
		WHERE ur.user_id = $1 ORDER BY r.name`, id)
	if err != nil {
		return r, fmt.Errorf("read rights of user %d: %w", id, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var role, permission string
		if err := rows.Scan(&role, &permission); err != nil {
			return r, fmt.Errorf("read rights of user %d: %w", id, err)
		}
		if len(r.Roles) == 0 || r.Roles[len(r.Roles)-1] != role {
			r.Roles = append(r.Roles, role)
		}
		if permission != "" {
			r.Permissions = append(r.Permissions, actor.Permission(permission))
		}
	}
	if err := rows.Err(); err != nil {
		return r, fmt.Errorf("read rights of user %d: %w", id, err)
	}
	return r, nil
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
