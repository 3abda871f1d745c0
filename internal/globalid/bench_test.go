package globalid_test

import (
	"io"
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/globalid"
)

func BenchmarkID(b *testing.B) {
	id := globalid.ID{Type: "WorkOrderItem", Key: 1_234_567}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			id.MarshalGQL(io.Discard)
		}
	})
	text := id.String()
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := globalid.Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestIDsCostFewAllocations(t *testing.T) {
	id := globalid.ID{Type: "WorkOrderItem", Key: 1_234_567}
	text := id.String()
	aliatest.AllocsAtMost(t, 3, "writing an id", func() { id.MarshalGQL(io.Discard) })
	aliatest.AllocsAtMost(t, 3, "reading an id", func() {
		if _, err := globalid.Parse(text); err != nil {
			t.Fatal(err)
		}
	})
}
