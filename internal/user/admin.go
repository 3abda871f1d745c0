package user

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/permission"
	"aliaport/ent/role"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// roleName is what roles may be called.
var roleName = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,49}$`)

// CreateInput describes a new user.
type CreateInput struct {
	Email    string
	FullName string
	Password string
	Roles    []string
}

// UpdateInput changes a user. Nil fields stay.
type UpdateInput struct {
	ID       globalid.ID
	Version  int
	FullName *string
	IsActive *bool
	Roles    []string // nil: as they are
}

// Create makes a user.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.User, error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	in.Email = normalEmail(in.Email)
	var faults apperr.Errors
	if !looksLikeEmail(in.Email) || turkish.HasControl(in.Email) {
		faults.Add(apperr.Invalid("email", apperr.Email))
	}
	faults.Add(cleanName(&in.FullName))
	faults.Add(checkPassword("password", in.Password))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	hash, err := s.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, err
	}
	var id int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		roles, err := rolesNamed(ctx, tx, in.Roles)
		if err != nil {
			return err
		}
		now := s.Now()
		u, err := tx.User.Create().SetEmail(in.Email).SetFullName(in.FullName).SetPasswordHash(hash).AddRoles(roles...).
			SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
		if store.Classify(err).Is("users_email") {
			return apperr.New(apperr.Duplicate).At("email")
		}
		if err != nil {
			return fmt.Errorf("create user: %w", err)
		}
		id = u.ID
		return audit.Record(ctx, tx, now, audit.Event{
			Action: audit.Create, Resource: audit.User, EntityID: u.ID,
			Changes: audit.Changes{"email": {nil, in.Email}, "full_name": {nil, in.FullName}, "roles": {nil, in.Roles}},
		})
	})
	if err != nil {
		return nil, err
	}
	return s.DB.User.Get(ctx, id)
}

func cleanName(name *string) *apperr.Error {
	if turkish.HasControl(*name) {
		return apperr.Invalid("fullName", apperr.Control)
	}
	*name = turkish.Clean(*name)
	if n := utf8.RuneCountInString(*name); n < 2 || n > 200 {
		return apperr.Invalid("fullName", apperr.Length, "min", 2, "max", 200)
	}
	return nil
}

// rolesNamed finds roles by name and refuses unknown ones.
func rolesNamed(ctx context.Context, tx *ent.Tx, names []string) ([]*ent.Role, error) {
	roles, err := tx.Role.Query().Where(role.NameIn(names...)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find roles: %w", err)
	}
	var faults apperr.Errors
	for _, name := range names {
		if !slices.ContainsFunc(roles, func(r *ent.Role) bool { return r.Name == name }) {
			faults.Add(apperr.New(apperr.RoleNotFound, "role", name).At("roles"))
		}
	}
	return roles, faults.OrNil()
}

// Update changes name, roles or whether a user may sign in. A user who may no
// longer sign in loses all sessions. On VERSION_CONFLICT the current user comes
// back with the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.User, error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	id, err := in.ID.Of("User")
	if err != nil {
		return nil, err
	}
	if in.FullName != nil {
		if e := cleanName(in.FullName); e != nil {
			return nil, e
		}
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error { return s.update(ctx, tx, id, in) })
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	u, again := s.DB.User.Get(ctx, id)
	if again != nil {
		return nil, fmt.Errorf("read user %d again: %w", id, again)
	}
	return u, err
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, id int64, in UpdateInput) error {
	u, err := tx.User.Query().Where(entuser.ID(id)).WithRoles().Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return apperr.New(apperr.UserNotFound).At("id")
	case err != nil:
		return fmt.Errorf("read user %d: %w", id, err)
	}
	// The test is part of the UPDATE: the later of two who change at once is refused.
	c := tx.User.Update().Where(entuser.ID(id), entuser.Version(in.Version)).AddVersion(1).SetUpdatedAt(s.Now())
	changes := audit.Changes{}
	if in.FullName != nil {
		c.SetFullName(*in.FullName)
		changes.Set("full_name", u.FullName, *in.FullName)
	}
	if in.IsActive != nil {
		c.SetIsActive(*in.IsActive)
		changes.Set("is_active", u.IsActive, *in.IsActive)
	}
	action, roles := audit.Update, u.Edges.Roles
	if in.Roles != nil {
		if roles, err = rolesNamed(ctx, tx, in.Roles); err != nil {
			return err
		}
		changes.Set("roles", namesOf(u.Edges.Roles), namesOf(roles))
		action = audit.RoleAssign
	}
	n, err := c.Save(ctx)
	if err != nil {
		return fmt.Errorf("update user %d: %w", id, err)
	}
	if n == 0 {
		return apperr.New(apperr.VersionConflict, "current", u.Version, "expected", in.Version)
	}
	if in.Roles != nil {
		// Not in the UPDATE above: with roles ent would test the version in a SELECT
		// before it, which holds nobody off.
		if err := tx.User.UpdateOneID(id).ClearRoles().AddRoles(roles...).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
			return fmt.Errorf("assign roles to user %d: %w", id, err)
		}
	}
	if in.IsActive != nil && !*in.IsActive {
		if err := s.revoke(ctx, tx, id); err != nil {
			return err
		}
	}
	if err := s.adminRemains(ctx, tx); err != nil {
		return err
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.User, EntityID: id, Changes: changes})
}

func namesOf(roles []*ent.Role) []string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Name
	}
	slices.Sort(names)
	return names
}

// adminRemains refuses a change after which nobody could administer users. Those
// who make such changes at once pass here one after the other, so that each sees
// what the one before has done.
func (s *Service) adminRemains(ctx context.Context, tx *ent.Tx) error {
	if s.DB.Dialect() == dialect.Postgres {
		if _, err := tx.Permission.Query().Where(permission.Name(string(actor.UserAdmin))).ForUpdate().IDs(ctx); err != nil {
			return fmt.Errorf("wait for other changes of administrators: %w", err)
		}
	}
	some, err := tx.User.Query().Where(entuser.IsActive(true),
		entuser.HasRolesWith(role.HasPermissionsWith(permission.Name(string(actor.UserAdmin))))).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for an administrator: %w", err)
	}
	if !some {
		return apperr.New(apperr.LastAdmin)
	}
	return nil
}

// SetPassword gives a user a new password, unlocks the account and ends all its
// sessions.
func (s *Service) SetPassword(ctx context.Context, user globalid.ID, password string) (*ent.User, error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	id, err := user.Of("User")
	if err != nil {
		return nil, err
	}
	if e := checkPassword("newPassword", password); e != nil {
		return nil, e
	}
	hash, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	return s.reset(ctx, id, audit.PasswordReset, func(u *ent.UserUpdate) { u.SetPasswordHash(hash) }, true)
}

// Unlock opens an account that too many wrong passwords have locked.
func (s *Service) Unlock(ctx context.Context, user globalid.ID) (*ent.User, error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	id, err := user.Of("User")
	if err != nil {
		return nil, err
	}
	return s.reset(ctx, id, audit.Unlock, func(*ent.UserUpdate) {}, false)
}

func (s *Service) reset(ctx context.Context, id int64, action audit.Action, change func(*ent.UserUpdate), endSessions bool) (*ent.User, error) {
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		u := tx.User.Update().Where(entuser.ID(id)).SetFailedLogins(0).ClearLockedUntil().SetUpdatedAt(s.Now()).AddVersion(1)
		change(u)
		n, err := u.Save(ctx)
		if err != nil {
			return fmt.Errorf("%s of user %d: %w", action, id, err)
		}
		if n == 0 {
			return apperr.New(apperr.UserNotFound).At("id")
		}
		if endSessions {
			if err := s.revoke(ctx, tx, id); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.User, EntityID: id})
	})
	if err != nil {
		return nil, err
	}
	return s.DB.User.Get(ctx, id)
}

// RoleInput describes a role and what it may do.
type RoleInput struct {
	Name        string
	Permissions []string
}

// SaveRole makes a role, or gives an existing one other rights. They hold from the
// next request of its users on.
func (s *Service) SaveRole(ctx context.Context, in RoleInput) (*ent.Role, error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	if !roleName.MatchString(in.Name) {
		return nil, apperr.Invalid("name", apperr.RoleName)
	}
	var faults apperr.Errors
	for _, p := range in.Permissions {
		if !slices.Contains(actor.Permissions, actor.Permission(p)) {
			faults.Add(apperr.Invalid("permissions", apperr.UnknownPermission, "permission", p))
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		ps, err := tx.Permission.Query().Where(permission.NameIn(in.Permissions...)).All(ctx)
		if err != nil {
			return fmt.Errorf("find permissions: %w", err)
		}
		r, err := tx.Role.Query().Where(role.Name(in.Name)).WithPermissions().Only(ctx)
		switch {
		case ent.IsNotFound(err):
			if r, err = tx.Role.Create().SetName(in.Name).AddPermissions(ps...).SetCreatedAt(s.Now()).SetUpdatedAt(s.Now()).Save(ctx); err != nil {
				return fmt.Errorf("create role %s: %w", in.Name, err)
			}
			id = r.ID
			return audit.Record(ctx, tx, s.Now(), audit.Event{
				Action: audit.Create, Resource: audit.Role, EntityID: r.ID,
				Changes: audit.Changes{"name": {nil, in.Name}, "permissions": {nil, permissionNames(ps)}},
			})
		case err != nil:
			return fmt.Errorf("read role %s: %w", in.Name, err)
		}
		id = r.ID
		if err := tx.Role.UpdateOne(r).ClearPermissions().AddPermissions(ps...).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
			return fmt.Errorf("change role %s: %w", in.Name, err)
		}
		if err := s.adminRemains(ctx, tx); err != nil {
			return err
		}
		changes := audit.Changes{}
		changes.Set("permissions", permissionNames(r.Edges.Permissions), permissionNames(ps))
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.Role, EntityID: r.ID, Changes: changes})
	})
	if err != nil {
		return nil, err
	}
	return s.DB.Role.Get(ctx, id)
}

func permissionNames(ps []*ent.Permission) []string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Name
	}
	slices.Sort(names)
	return names
}

// DeleteRole removes a role that nobody has. Built-in roles stay.
func (s *Service) DeleteRole(ctx context.Context, name string) error {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return err
	}
	return s.DB.InTx(ctx, func(tx *ent.Tx) error {
		r, err := tx.Role.Query().Where(role.Name(name)).Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.RoleNotFound, "role", name).At("name")
		case err != nil:
			return fmt.Errorf("read role %s: %w", name, err)
		}
		used, err := tx.Role.Query().Where(role.ID(r.ID), role.HasUsers()).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look for users of role %s: %w", name, err)
		}
		if used || r.IsSystem {
			return apperr.New(apperr.RoleInUse).At("name")
		}
		if err := tx.Role.DeleteOne(r).Exec(ctx); err != nil {
			return fmt.Errorf("delete role %s: %w", name, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Delete, Resource: audit.Role, EntityID: r.ID, Changes: audit.Changes{"name": {name, nil}}})
	})
}

// Roles lists the roles by name.
func (s *Service) Roles(ctx context.Context) ([]*ent.Role, error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	roles, err := s.DB.Role.Query().Order(role.ByName()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	return roles, nil
}

// List returns one page of users by e-mail.
func (s *Service) List(ctx context.Context, a page.Args) (*page.List[*ent.User], error) {
	if err := actor.Require(ctx, actor.UserAdmin); err != nil {
		return nil, err
	}
	hash, err := page.Hash("users", nil)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "EMAIL", Column: entuser.FieldEmail, Kind: page.Text}, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.User.Query().Where(func(sel *sql.Selector) { p.Apply(sel) }).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return page.Read(p, rows, func(u *ent.User) (any, int64) { return u.Email, u.ID }, func(ctx context.Context) (int, error) {
		return s.DB.User.Query().Aggregate(page.CountRows).Int(ctx)
	}), nil
}

// IsLocked tells whether too many wrong passwords have locked the account.
func (s *Service) IsLocked(u *ent.User) bool {
	return u.LockedUntil != nil && u.LockedUntil.After(s.Now())
}
