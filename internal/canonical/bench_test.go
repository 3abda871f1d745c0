package canonical

import (
	"testing"

	"aliaport/internal/aliatest"
)

// What the trail keeps of a change.
const changes = `{"status": ["SUBMITTED", "APPROVED"], "cari_title": ["Kuzey Liman Hizmetleri", "Kuzey Liman ve Gemi Hizmetleri A.Ş."], "total_amount": ["1234.00", "1234.50"], "version": [8, 9]}`

func BenchmarkAppendJSON(b *testing.B) {
	doc := []byte(changes)
	dst := make([]byte, 0, 512)
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, err := AppendJSON(dst, doc); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheCanonicalFormCostsFewAllocations(t *testing.T) {
	doc, dst := []byte(changes), make([]byte, 0, 512)
	aliatest.AllocsAtMost(t, 2, "the canonical form of a change", func() {
		if _, err := AppendJSON(dst, doc); err != nil {
			t.Fatal(err)
		}
	})
}
