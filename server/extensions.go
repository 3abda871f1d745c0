package server

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"aliaport/graph"
	"aliaport/internal/actor"
	"aliaport/internal/store"
)

// introspection opens the schema to everybody, or only to those signed in.
type introspection struct{ open bool }

var _ graphql.OperationContextMutator = introspection{}

func (introspection) ExtensionName() string { return "Introspection" }

func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

func (i introspection) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	oc.DisableIntrospection = !i.open && actor.From(ctx) == nil
	return nil
}

// profileHeader asks for extensions.profile.
const profileHeader = "X-Aliaport-Profile"

// profile shows developers, who hold job:run, what a request cost: the statements
// that were sent, how long they took and how many rows they touched.
type profile struct{}

var (
	_ graphql.OperationContextMutator = profile{}
	_ graphql.ResponseInterceptor     = profile{}
)

func (profile) ExtensionName() string { return "Profile" }

func (profile) Validate(graphql.ExecutableSchema) error { return nil }

func asked(ctx context.Context, oc *graphql.OperationContext) bool {
	return oc.Headers.Get(profileHeader) != "" && actor.From(ctx).Can(actor.JobRun)
}

func (profile) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	if asked(ctx, oc) {
		stats := store.StatsFrom(ctx)
		stats.Record, stats.Cause = true, graph.Cause
	}
	return nil
}

func (profile) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp == nil || !graphql.HasOperationContext(ctx) || !asked(ctx, graphql.GetOperationContext(ctx)) {
		return resp
	}
	type statement struct {
		Field      string  `json:"field"`
		Text       string  `json:"text"`
		DurationMs float64 `json:"durationMs"`
		Rows       int64   `json:"rows"`
	}
	stats := store.StatsFrom(ctx)
	list := []statement{}
	for _, st := range stats.Statements() {
		list = append(list, statement{st.Cause, st.Text, float64(st.Duration.Microseconds()) / 1000, st.Rows})
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	resp.Extensions["profile"] = map[string]any{
		"statementCount": stats.Count(), "sqlMs": float64(stats.Duration().Microseconds()) / 1000, "statements": list,
	}
	return resp
}

// costs tells those who are signed in what their document was judged to cost.
type costs struct{}

var _ graphql.ResponseInterceptor = costs{}

func (costs) ExtensionName() string { return "Cost" }

func (costs) Validate(graphql.ExecutableSchema) error { return nil }

func (costs) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if c := seenFrom(ctx).cost; resp != nil && c != nil && actor.From(ctx) != nil {
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		resp.Extensions["cost"] = c
	}
	return resp
}
