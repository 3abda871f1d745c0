package server

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"

	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// presenter turns errors into what clients see. It is the only place that does so,
// and the only one that logs what they must not see.
type presenter struct{ log *slog.Logger }

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	var located *gqlerror.Error
	errors.As(err, &located)
	out := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	if located != nil {
		out.Path, out.Locations = shortened(located.Path), located.Locations
	}
	e := p.refusal(ctx, err, located)
	out.Message, out.Extensions = e.Message(apperr.LangFrom(ctx)), extensions(ctx, e)
	return out
}

// refusal finds the words for an error.
func (p presenter) refusal(ctx context.Context, err error, located *gqlerror.Error) *apperr.Error {
	if all, ok := apperr.All(err); ok && len(all) > 0 {
		return all[0]
	}
	if located != nil && located.Unwrap() == nil { // made by the engine: parsing, validation, coercion
		return fromEngine(located)
	}
	if e := fromDatabase(err); e != nil {
		level := slog.LevelWarn
		if e.Code == apperr.ReadOnly { // somebody switched it so
			level = slog.LevelInfo
		}
		p.log.Log(ctx, level, "database fault", "code", e.Code, "request_id", actor.RequestFrom(ctx).ID, "path", graphql.GetPath(ctx).String(), "err", err)
		return e
	}
	p.log.ErrorContext(ctx, "field failed", "request_id", actor.RequestFrom(ctx).ID, "path", graphql.GetPath(ctx).String(), "err", err)
	return apperr.New(apperr.Internal)
}

// fromEngine keeps what the engine says about the document.
func fromEngine(e *gqlerror.Error) *apperr.Error {
	switch code, _ := e.Extensions["code"].(string); {
	case code == errcode.ParseFailed:
		return apperr.New(apperr.ParseFailed, "reason", withoutValues(e))
	case code == errcode.ValidationFailed && len(e.Path) > 0 && e.Rule == "": // a variable
		return apperr.New(apperr.BadUserInput, "reason", e.Message)
	case code == errcode.ValidationFailed:
		return apperr.New(apperr.ValidationFailed, "reason", withoutValues(e))
	}
	return apperr.New(apperr.BadUserInput, "reason", e.Message)
}

// maxReason is how much is told of what is wrong with a document: names in it may
// be as long as it is.
const maxReason = 300

// withoutValues is what the engine says without the value of the document that it
// quotes at the end: that may be a password in the wrong place.
func withoutValues(e *gqlerror.Error) string {
	reason := e.Message
	if strings.HasPrefix(e.Rule, "ValuesOfCorrectType") {
		reason, _, _ = strings.Cut(reason, " value: ")
		reason, _, _ = strings.Cut(reason, ", found ")
		return audit.Clip(reason, maxReason)
	}
	for _, kind := range []lexer.Type{lexer.String, lexer.BlockString, lexer.Int, lexer.Float} {
		if said, _, ok := strings.Cut(reason, " "+kind.String()+` "`); ok {
			reason = said + " " + kind.String()
		}
	}
	return audit.Clip(reason, maxReason)
}

// shortened keeps names that a client made up from coming back at length.
func shortened(path ast.Path) ast.Path {
	for i, element := range path {
		if name, ok := element.(ast.PathName); ok && len(name) > maxReason {
			path[i] = ast.PathName(audit.Clip(string(name), maxReason))
		}
	}
	return path
}

// fromDatabase tells faults that pass from those that do not.
func fromDatabase(err error) *apperr.Error {
	switch store.Classify(err).Kind {
	case store.Unavailable, store.Busy, store.Serialization, store.Full:
		e := apperr.New(apperr.Unavailable).Because(err)
		e.RetryAfter = time.Second
		return e
	case store.Timeout, store.Canceled:
		return apperr.New(apperr.Timeout).Because(err)
	case store.ReadOnly:
		e := readonly.Refusal()
		return e.Because(err)
	case store.None, store.Unique, store.ForeignKey, store.Check, store.NotNull, store.Exclusion, store.Other:
	}
	return nil
}

// extensions is what a program reads of an error.
func extensions(ctx context.Context, e *apperr.Error) map[string]any {
	ext := map[string]any{"code": e.Code, "requestId": actor.RequestFrom(ctx).ID, "retryable": e.Code.Retryable()}
	if e.RetryAfter > 0 {
		ext["retryAfterMs"] = e.RetryAfter.Milliseconds()
	}
	for _, name := range []string{"limit", "actual", "measure"} {
		if v, ok := e.Params[name]; ok {
			ext[name] = v
		}
	}
	return ext
}

// recovered logs a panic with its stack; the client sees INTERNAL.
func (p presenter) recovered(ctx context.Context, cause any) *apperr.Error {
	p.log.ErrorContext(ctx, "panic", "request_id", actor.RequestFrom(ctx).ID, "path", graphql.GetPath(ctx).String(), "cause", cause, "stack", string(debug.Stack()))
	return apperr.New(apperr.Internal)
}
