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

// profileHeader asks for extensions.profile, and with the value profilePlans for the
// plans of the statements too.
const (
	profileHeader = "X-Aliaport-Profile"
	profilePlans  = "plans"
)

// profile shows developers, who hold job:run, what a request cost: the statements
// that were sent, how long they took and how many rows they touched.
type profile struct{ db *store.DB }

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
		stats.Record, stats.Args = true, oc.Headers.Get(profileHeader) == profilePlans
	}
	return nil
}

func (p profile) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	resp := next(ctx)
	if resp == nil || !graphql.HasOperationContext(ctx) || !asked(ctx, graphql.GetOperationContext(ctx)) {
		return resp
	}
	type statement struct {
		Field      string  `json:"field"`
		Text       string  `json:"text"`
		DurationMs float64 `json:"durationMs"`
		Rows       int64   `json:"rows"`
		Plan       string  `json:"plan,omitempty"`
	}
	stats := store.StatsFrom(ctx)
	count, took := stats.Count(), stats.Duration()
	plans := map[string]string{}
	list := []statement{}
	for _, st := range stats.Statements() {
		if _, known := plans[st.Text]; stats.Args && !known {
			plans[st.Text] = p.plan(ctx, st)
		}
		list = append(list, statement{st.Cause, st.Text, float64(st.Duration.Microseconds()) / 1000, st.Rows, plans[st.Text]})
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	hits, misses := stats.Cached()
	resp.Extensions["profile"] = map[string]any{
		"cacheHits": hits, "cacheMisses": misses,
		"statementCount": count, "sqlMs": float64(took.Microseconds()) / 1000, "statements": list,
	}
	return resp
}

// plan is how the database would run a statement now; empty if it does not tell.
func (p profile) plan(ctx context.Context, st store.Statement) string {
	found, err := p.db.Explain(ctx, st.Text, st.Args)
	if err != nil {
		return ""
	}
	return found.String()
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

// plans keeps what is compiled of a document beside it.
type plans struct{}

var _ graphql.OperationContextMutator = plans{}

func (plans) ExtensionName() string { return "Plans" }

func (plans) Validate(graphql.ExecutableSchema) error { return nil }

func (plans) MutateOperationContext(ctx context.Context, oc *graphql.OperationContext) *gqlerror.Error {
	graph.KeepPlans(oc, &seenFrom(ctx).document.plans)
	return nil
}
