// Package actor knows who is asking and what they may do.
package actor

import (
	"context"
	"slices"
	"time"

	"aliaport/internal/apperr"
)

// Actor is the one on whose behalf something happens.
type Actor struct {
	ID    int64 // user id; 0 for the system itself
	Email string
	Name  string
	Roles []string
	// Session is the family of tokens by which the user came in; empty for others.
	Session string

	permissions map[Permission]struct{}
	system      bool
}

// New makes an actor who may do what the permissions say.
func New(id int64, email, name string, roles []string, permissions []Permission) *Actor {
	a := &Actor{ID: id, Email: email, Name: name, Roles: roles, permissions: make(map[Permission]struct{}, len(permissions))}
	for _, p := range permissions {
		a.permissions[p] = struct{}{}
	}
	return a
}

// System acts for a job or a command. It may do everything; its name says in the
// trail which one it was.
func System(name string) *Actor { return &Actor{Name: name, system: true} }

// Can tells whether the actor holds the permission.
func (a *Actor) Can(p Permission) bool {
	if a == nil {
		return false
	}
	_, ok := a.permissions[p]
	return ok || a.system
}

// Permissions lists what the actor may do, sorted.
func (a *Actor) Permissions() []Permission {
	if a == nil {
		return nil
	}
	if a.system {
		return Permissions
	}
	ps := make([]Permission, 0, len(a.permissions))
	for p := range a.permissions {
		ps = append(ps, p)
	}
	slices.Sort(ps)
	return ps
}

type ctxKey struct{}

// With makes a the one who asks.
func With(ctx context.Context, a *Actor) context.Context { return context.WithValue(ctx, ctxKey{}, a) }

// From returns who asks; nil when nobody has signed in.
func From(ctx context.Context) *Actor {
	a, _ := ctx.Value(ctxKey{}).(*Actor)
	return a
}

// Require refuses with UNAUTHENTICATED or FORBIDDEN unless the one who asks holds
// the permission.
func Require(ctx context.Context, p Permission) error {
	switch a := From(ctx); {
	case a == nil:
		return NotSignedIn(ctx)
	case !a.Can(p):
		return apperr.New(apperr.Forbidden, "permission", p)
	}
	return nil
}

type faultKey struct{}

// WithFault remembers why the token that came with the request is not good.
func WithFault(ctx context.Context, err error) context.Context {
	return context.WithValue(ctx, faultKey{}, err)
}

// NotSignedIn is why nobody is asking: there was no token, or it is not good.
func NotSignedIn(ctx context.Context) error {
	if err, ok := ctx.Value(faultKey{}).(error); ok {
		return err
	}
	return apperr.New(apperr.Unauthenticated)
}

// Request says how the question came in; the trail and the log keep it.
type Request struct {
	ID        string // X-Request-ID
	Method    string // GRAPHQL, CLI, JOB
	Path      string // /graphql#OperationName
	IP        string
	UserAgent string
	Start     time.Time // when it came in; the trail notes how long it took
}

type requestKey struct{}

// WithRequest attaches how the question came in.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestFrom returns how the question came in; never nil.
func RequestFrom(ctx context.Context) *Request {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r
	}
	return &Request{}
}
