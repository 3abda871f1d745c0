package actor_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"aliaport/internal/actor"
	"aliaport/internal/apperr"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	clerk := actor.New(7, "clerk@aliaport.example", "Deniz", []string{actor.RoleOperations}, []actor.Permission{actor.CariRead, actor.CariWrite})
	expired := apperr.New(apperr.TokenExpired)
	for name, c := range map[string]struct {
		ctx  func(context.Context) context.Context
		want apperr.Code // "": may
	}{
		"nobody has to sign in":                  {func(ctx context.Context) context.Context { return ctx }, apperr.Unauthenticated},
		"a nil actor is nobody":                  {func(ctx context.Context) context.Context { return actor.With(ctx, nil) }, apperr.Unauthenticated},
		"one with a bad token learns what it is": {func(ctx context.Context) context.Context { return actor.WithFault(ctx, expired) }, apperr.TokenExpired},
		"one without the right is refused": {
			func(ctx context.Context) context.Context {
				return actor.With(ctx, actor.New(8, "", "", nil, []actor.Permission{actor.CariRead}))
			}, apperr.Forbidden,
		},
		"one without any right is refused": {func(ctx context.Context) context.Context { return actor.With(ctx, actor.New(8, "", "", nil, nil)) }, apperr.Forbidden},
		"one with the right may":           {func(ctx context.Context) context.Context { return actor.With(ctx, clerk) }, ""},
		"the system may":                   {func(ctx context.Context) context.Context { return actor.With(ctx, actor.System("seed")) }, ""},
		"the innermost actor counts": {
			func(ctx context.Context) context.Context {
				return actor.With(actor.With(ctx, clerk), actor.New(8, "", "", nil, nil))
			}, apperr.Forbidden,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := actor.Require(c.ctx(t.Context()), actor.CariWrite)
			if c.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			refused, ok := errors.AsType[*apperr.Error](err)
			if !ok || refused.Code != c.want {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if c.want == apperr.Forbidden && refused.Params["permission"] != actor.CariWrite {
				t.Errorf("the refusal does not name the right: %v", refused.Params)
			}
		})
	}
}

func TestActorLists(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who  *actor.Actor
		want []actor.Permission
	}{
		"nobody":                       {nil, nil},
		"one without rights":           {actor.New(1, "", "", nil, nil), nil},
		"one with rights, sorted":      {actor.New(1, "", "", nil, []actor.Permission{actor.WorkOrderRead, actor.CariRead}), []actor.Permission{"cari:read", "workorder:read"}},
		"rights of two roles, once":    {actor.New(1, "", "", nil, []actor.Permission{actor.CariRead, actor.CariRead}), []actor.Permission{"cari:read"}},
		"the system has every right":   {actor.System("seed"), actor.Permissions},
		"a right that is not ours too": {actor.New(1, "", "", nil, []actor.Permission{"later:read"}), []actor.Permission{"later:read"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.who.Permissions(); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			for _, p := range c.want {
				if !c.who.Can(p) {
					t.Errorf("lists %s but cannot", p)
				}
			}
		})
	}
	if (*actor.Actor)(nil).Can(actor.CariRead) {
		t.Error("nobody can read")
	}
}

func TestRequestIsNeverNil(t *testing.T) {
	t.Parallel()
	if r := actor.RequestFrom(t.Context()); r == nil || *r != (actor.Request{}) {
		t.Errorf("got %+v", r)
	}
	want := &actor.Request{ID: "r-1", Method: "GRAPHQL"}
	if got := actor.RequestFrom(actor.WithRequest(t.Context(), want)); got != want {
		t.Errorf("got %+v", got)
	}
}
