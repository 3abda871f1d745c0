package cost_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/introspection"

	"aliaport/graph/gen"
)

func TestProbe(t *testing.T) {
	exec := executor.New(gen.NewExecutableSchema(gen.Config{}))
	for _, q := range []string{
		introspection.Query,
		"{ __schema { types { name } } }",
		"{ __schema { types { fields { type { fields { name type { name ofType { name ofType { name } } } args { type { name ofType { name } } } } } } } } }",
		"{ __type(name: \"WorkOrder\") { fields { type { ofType { fields { name type { name ofType { name ofType { name } } } args { type { name ofType { name } } } } } } } } }",
		"{ __schema { types { interfaces { possibleTypes { name enumValues { name } } } } } }",
		"{ __schema { types { interfaces { possibleTypes { enumValues { name } args: ofType { name } } } } } }",
		"{ __schema { types { fields { args { type { ofType { inputFields { type { ofType { name enumValues { name } } } } } } } } } } }",
	} {
		ctx := graphql.StartOperationTrace(context.Background())
		start := time.Now()
		oc, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: q})
		if errs != nil {
			t.Log(errs)
			continue
		}
		oc.DisableIntrospection = false
		resp, opCtx := exec.DispatchOperation(ctx, oc)
		r := resp(opCtx)
		took := time.Since(start)
		var v any
		json.Unmarshal(r.Data, &v)
		n := objects(v) - 1
		c := meter.Measure(parsed(t, q)).Cost("", nil)
		t.Logf("real %d estimated %d, %s, %d B %v", n, c.SchemaNodes, took, len(r.Data), r.Errors)
	}
}

func objects(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = 1
		for _, e := range v {
			n += objects(e)
		}
	case []any:
		for _, e := range v {
			n += objects(e)
		}
	}
	return n
}
