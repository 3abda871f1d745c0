package graph

import (
	"context"

	"aliaport/graph/gen"
)

func (r *mutationResolver) Login(ctx context.Context, input gen.LoginInput) (*gen.LoginPayload, error) {
	session, err := r.Users.Login(ctx, input.Email, input.Password)
	return loginPayload(ctx, session, err)
}
