package user

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/permission"
	"aliaport/ent/role"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
)

// EnsureRights puts every permission and the built-in roles into the database. A
// role that exists keeps the rights that an administrator gave it; a permission that
// is new to the database, as after an upgrade, goes to the built-in roles that have
// it in the matrix, since nobody can have decided about it yet.
func (s *Service) EnsureRights(ctx context.Context) error {
	n, err := s.DB.Permission.Query().Count(ctx)
	if err != nil {
		return fmt.Errorf("count permissions: %w", err)
	}
	roles, err := s.DB.Role.Query().Where(role.NameIn(actor.RoleNames...)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count roles: %w", err)
	}
	if n == len(actor.Permissions) && roles == len(actor.RoleNames) {
		return nil
	}
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		old, err := tx.Permission.Query().All(ctx)
		if err != nil {
			return fmt.Errorf("read permissions: %w", err)
		}
		ids := map[actor.Permission]int64{}
		fresh := map[actor.Permission]bool{}
		for _, p := range actor.Permissions {
			fresh[p] = !slices.ContainsFunc(old, func(o *ent.Permission) bool { return o.Name == string(p) })
			id, err := tx.Permission.Create().SetName(string(p)).
				OnConflict(sql.ConflictColumns(permission.FieldName), sql.ResolveWithIgnore()).ID(ctx)
			if err != nil {
				return fmt.Errorf("add permission %s: %w", p, err)
			}
			ids[p] = id
		}
		for _, name := range actor.RoleNames {
			known, err := tx.Role.Query().Where(role.Name(name)).Only(ctx)
			if err != nil && !ent.IsNotFound(err) {
				return fmt.Errorf("look for role %s: %w", name, err)
			}
			if known != nil {
				u := tx.Role.UpdateOne(known)
				for _, p := range actor.RolePermissions[name] {
					if fresh[p] {
						u.AddPermissionIDs(ids[p])
					}
				}
				if len(u.Mutation().PermissionsIDs()) == 0 {
					continue
				}
				if err := u.Exec(ctx); err != nil {
					return fmt.Errorf("give role %s new permissions: %w", name, err)
				}
				continue
			}
			c := tx.Role.Create().SetName(name).SetIsSystem(true)
			for _, p := range actor.RolePermissions[name] {
				c.AddPermissionIDs(ids[p])
			}
			if err := c.Exec(ctx); err != nil {
				return fmt.Errorf("add role %s: %w", name, err)
			}
		}
		return nil
	})
}

// EnsureAdmin makes the first administrator if there are no users yet. Without a
// password one is generated and returned, to be shown once.
func (s *Service) EnsureAdmin(ctx context.Context, email, password string) (generated string, err error) {
	exists, err := s.DB.User.Query().Exist(ctx)
	if err != nil || exists {
		return "", err
	}
	if password == "" {
		password = rand.Text()[:20]
		generated = password
	}
	_, err = s.Add(ctx, email, "Sistem Yöneticisi", password, actor.RoleAdmin)
	if err != nil {
		return "", err
	}
	return generated, nil
}

// errNoRole means that the rights were not put into the database first.
var errNoRole = errors.New("no such role")

// Add makes a user with a role. An empty password makes a user who cannot sign in.
func (s *Service) Add(ctx context.Context, email, name, password, roleName string) (*ent.User, error) {
	hash := ""
	if password != "" {
		var err error
		if hash, err = s.Hasher.Hash(ctx, password); err != nil {
			return nil, err
		}
	}
	r, err := s.DB.Role.Query().Where(role.Name(roleName)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fmt.Errorf("add user: %w: %s", errNoRole, roleName)
	}
	if err != nil {
		return nil, fmt.Errorf("find role %s: %w", roleName, err)
	}
	u, err := s.DB.User.Create().SetEmail(normalEmail(email)).SetFullName(name).SetPasswordHash(hash).AddRoles(r).Save(ctx)
	if err != nil {
		return nil, fmt.Errorf("add user: %w", err)
	}
	return u, nil
}

// DemoToken is a long token for the user with the e-mail, for the printed way into
// the playground of a demo server.
func (s *Service) DemoToken(ctx context.Context, email string) (string, error) {
	u, err := s.DB.User.Query().Where(entuser.Email(normalEmail(email))).Only(ctx)
	if err != nil {
		return "", fmt.Errorf("find user for the demo: %w", err)
	}
	session, err := s.SignIn(ctx, u, demoLifetime)
	if err != nil {
		return "", err
	}
	return session.AccessToken, nil
}
