package cost_test

import (
	"testing"

	"aliaport/graph/cost"
	"aliaport/internal/aliatest"
)

func TestJudgingADocumentCostsFewAllocations(t *testing.T) {
	doc := parsed(t, board)
	shape, vars, limits := meter.Measure(doc), variables(t, `{"first": 50}`), cost.Defaults()
	aliatest.AllocsAtMost(t, 16, "measuring the board query", func() { meter.Measure(doc) })
	aliatest.AllocsAtMost(t, 1, "the cost of a measured query", func() {
		if limits.Check(shape.Cost("Board", vars)) != nil {
			t.Fatal("refused")
		}
	})
}
