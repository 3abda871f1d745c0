package turkish_test

import (
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/turkish"
)

const title = "İSKENDERUN ŞİLEP VE GÜVERTE HİZMETLERİ ÇOK ORTAKLI A.Ş."

func BenchmarkFold(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_ = turkish.Fold(title)
	}
}

func TestFoldingCostsFewAllocations(t *testing.T) {
	aliatest.AllocsAtMost(t, 6, "folding a title", func() { _ = turkish.Fold(title) })
}
