package server

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"aliaport/graph/gen"
	"aliaport/graph/loader"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
)

// Schema is that of the API.
func Schema() *ast.Schema { return gen.NewExecutableSchema(gen.Config{}).Schema() }

// Ask answers a query as a request of the actor would be, for commands: nobody sends
// a token, nothing is limited by how often it is asked, and nothing but queries is
// answered. Statements are counted into the Stats of ctx.
func (s *Server) Ask(ctx context.Context, who *actor.Actor, query string, variables map[string]any) *graphql.Response {
	ctx = actor.WithRequest(ctx, &actor.Request{ID: "command-" + who.Name, Method: "GRAPHQL", Path: "/graphql", Start: s.now()})
	ctx = context.WithValue(actor.With(apperr.WithLang(ctx, apperr.English), who), seenKey{}, &seen{})
	ctx = loader.With(ctx, loader.New(ctx, s.db, s.loaders))
	ctx = graphql.StartOperationTrace(ctx)
	e := s.endpoint
	p := &graphql.RawParams{Query: query, Variables: variables, ReadTime: graphql.TraceTiming{Start: graphql.Now(), End: graphql.Now()}}
	_, errs := e.documents.prepare(ctx, p)
	oc := &graphql.OperationContext{}
	if errs == nil {
		oc, errs = e.exec.CreateOperationContext(ctx, p)
	}
	if errs == nil && oc.Operation.Operation != ast.Query {
		errs = append(errs, e.present(ctx, apperr.New(apperr.MethodNotAllowed)))
	}
	if errs != nil {
		return e.exec.DispatchError(graphql.WithOperationContext(ctx, oc), errs)
	}
	responses, opCtx := e.exec.DispatchOperation(ctx, oc)
	return responses(opCtx)
}
