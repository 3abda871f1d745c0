package cost_test

import (
	"testing"
	"time"

	"github.com/99designs/gqlgen/complexity"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"aliaport/graph/cost"
	"aliaport/graph/gen"
)

func BenchmarkBoard(b *testing.B) {
	doc := parsed(b, board)
	shape := meter.Measure(doc)
	vars := variables(b, `{"first": 50}`)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = parser.ParseQuery(&ast.Source{Input: board})
		}
	})
	b.Run("validate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if errs := validator.ValidateWithRules(schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
				b.Fatal(errs)
			}
		}
	})
	b.Run("measure", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			meter.Measure(doc)
		}
	})
	b.Run("cost", func(b *testing.B) {
		b.ReportAllocs()
		limits := cost.Defaults()
		for b.Loop() {
			if limits.Check(shape.Cost("Board", vars)) != nil {
				b.Fatal("refused")
			}
		}
	})
}

// BenchmarkExploding judges a document of a kilobyte whose fragments double at each
// of 24 levels, and compares with the engine's own limit at 14, where that one still
// ends soon.
func BenchmarkExploding(b *testing.B) {
	b.Run("measure, 24 levels", func(b *testing.B) {
		doc := parsed(b, exploding(24))
		b.ReportAllocs()
		for b.Loop() {
			meter.Measure(doc).Cost("", nil)
		}
	})
	b.Run("engine, 14 levels", func(b *testing.B) {
		doc := parsed(b, exploding(14))
		if errs := validator.ValidateWithRules(schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
			b.Fatal(errs)
		}
		es := gen.NewExecutableSchema(gen.Config{})
		var engine, own time.Duration
		for b.Loop() {
			start := time.Now()
			complexity.Calculate(b.Context(), es, doc.Operations[0], nil)
			engine += time.Since(start)
			start = time.Now()
			meter.Measure(doc).Cost("", nil)
			own += time.Since(start)
		}
		b.ReportMetric(float64(engine)/float64(own), "times-slower")
	})
}

func BenchmarkHostile(b *testing.B) {
	for name, query := range map[string]string{
		"10,000 aliases":      "{ " + numbered(10_000, "a%d: viewer { id } ") + "}",
		"5,000 duplicates":    "{ viewer { " + rep("id ", 5000) + "} }",
		"600 variable pages":  "{ " + numbered(600, "a%d: workOrders(first: $v%d) { nodes { id } } ") + "}",
		"2,000 tokens of ids": "{ nodes(ids: [" + rep(`"a" `, 1990) + "]) { id } }",
	} {
		b.Run(name, func(b *testing.B) {
			doc := parsed(b, query)
			b.ReportAllocs()
			for b.Loop() {
				meter.Measure(doc).Cost("", nil)
			}
		})
	}
}
