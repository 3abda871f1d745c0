package pricing_test

import (
	"testing"

	"aliaport/internal/pricing"
)

func BenchmarkQuote(b *testing.B) {
	r := asked(b, "80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "TRY", "20", "USD 34.50")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Quote(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTotal is an order of 200 lines at four VAT rates with every surcharge.
func BenchmarkTotal(b *testing.B) {
	var lines []pricing.Charge
	for range 50 {
		lines = append(lines, charges("1234.56 at 20, 78.90 at 10, 0.99 at 1, 100 at 0")...)
	}
	terms := pricing.Terms{Rules: portRules(), Allowed: true, Start: local("2026-03-07 23:00"), Urgent: true, Cabotage: true}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pricing.Total(lines, terms); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSentence(b *testing.B) {
	l, err := pricing.Quote(asked(b, "80 USD", pricing.PerBlock, forklift, "weightKg 5000, minutes 45", "TRY", "20", "USD 34.50"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if l.Trace.Sentence("tr") == "" {
			b.Fatal("it says nothing")
		}
	}
}
