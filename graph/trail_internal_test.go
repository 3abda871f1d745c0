package graph

import (
	"strings"
	"testing"

	"aliaport/graph/gen"
)

func TestTheTrailKnowsEveryMutation(t *testing.T) {
	t.Parallel()
	for _, f := range gen.NewExecutableSchema(gen.Config{}).Schema().Mutation.Fields {
		if _, ok := deeds[f.Name]; !ok && !strings.HasPrefix(f.Name, "__") {
			t.Errorf("%s has no name in the trail", f.Name)
		}
	}
}
