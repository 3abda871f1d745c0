package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/page"
	"aliaport/internal/user"
)

func (r *mutationResolver) Login(ctx context.Context, input gen.LoginInput) (*gen.LoginPayload, error) {
	return loginPayload(ctx)(r.Users.Login(ctx, input.Email, input.Password))
}

func (r *mutationResolver) RefreshToken(ctx context.Context, input gen.RefreshTokenInput) (*gen.LoginPayload, error) {
	return loginPayload(ctx)(r.Users.Refresh(ctx, input.RefreshToken))
}

func (r *mutationResolver) Logout(ctx context.Context) (*gen.AuthPayload, error) {
	return authPayload(ctx, r.Users.Logout(ctx))
}

func (r *mutationResolver) LogoutEverywhere(ctx context.Context) (*gen.AuthPayload, error) {
	return authPayload(ctx, r.Users.LogoutEverywhere(ctx))
}

func (r *mutationResolver) RevokeSession(ctx context.Context, input gen.RevokeSessionInput) (*gen.AuthPayload, error) {
	return authPayload(ctx, r.Users.RevokeSession(ctx, input.ID))
}

func (r *mutationResolver) ChangePassword(ctx context.Context, input gen.ChangePasswordInput) (*gen.AuthPayload, error) {
	return authPayload(ctx, r.Users.ChangePassword(ctx, input.CurrentPassword, input.NewPassword))
}

func (r *mutationResolver) CreateUser(ctx context.Context, input user.CreateInput) (*gen.UserPayload, error) {
	return userPayload(ctx)(r.Users.Create(ctx, input))
}

func (r *mutationResolver) UpdateUser(ctx context.Context, input user.UpdateInput) (*gen.UserPayload, error) {
	return userPayload(ctx)(r.Users.Update(ctx, input))
}

func (r *mutationResolver) SetUserPassword(ctx context.Context, input gen.SetUserPasswordInput) (*gen.UserPayload, error) {
	return userPayload(ctx)(r.Users.SetPassword(ctx, input.ID, input.NewPassword))
}

func (r *mutationResolver) UnlockUser(ctx context.Context, input gen.UnlockUserInput) (*gen.UserPayload, error) {
	return userPayload(ctx)(r.Users.Unlock(ctx, input.ID))
}

func (r *mutationResolver) SaveRole(ctx context.Context, input user.RoleInput) (*gen.RolePayload, error) {
	return rolePayload(ctx)(r.Users.SaveRole(ctx, input))
}

func (r *mutationResolver) DeleteRole(ctx context.Context, input gen.DeleteRoleInput) (*gen.RolePayload, error) {
	return rolePayload(ctx)(nil, r.Users.DeleteRole(ctx, input.Name))
}

func (r *queryResolver) Sessions(ctx context.Context) ([]*user.OpenSession, error) {
	return r.Resolver.Users.Sessions(ctx)
}

func (r *queryResolver) Users(ctx context.Context, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.User], error) {
	list, err := r.Resolver.Users.List(ctx, page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	return connection(list, ahead(ctx, "User", list.Nodes, rowsOfConnection...))
}

func (r *queryResolver) Roles(ctx context.Context) ([]*ent.Role, error) {
	roles, err := r.Resolver.Users.Roles(ctx)
	if err != nil {
		return nil, err
	}
	return roles, ahead(ctx, "Role", roles, rowItself...)
}

func (r *roleResolver) Permissions(ctx context.Context, obj *ent.Role) ([]string, error) {
	ps, err := loader.From(ctx).PermissionsOfRole.Load(ctx, obj.ID)
	return permissionNames(ps), err
}

func (r *userResolver) IsLocked(ctx context.Context, obj *ent.User) (*bool, error) {
	locked := r.Users.IsLocked(obj)
	return &locked, nil
}

func (r *userResolver) Roles(ctx context.Context, obj *ent.User) ([]*ent.Role, error) {
	return loader.From(ctx).RolesOfUser.Load(ctx, obj.ID)
}

func (r *Resolver) Role() gen.RoleResolver { return &roleResolver{r} }

func (r *Resolver) User() gen.UserResolver { return &userResolver{r} }

type (
	roleResolver struct{ *Resolver }
	userResolver struct{ *Resolver }
)
