package page_test

import (
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/page"
)

var (
	benchCodec = page.NewCodec([]byte("a key that only the tests know"))
	newest     = page.Order{Name: "CREATED_AT", Column: "created_at", Kind: page.Time, Desc: true}
	benchLimit = page.Limits{Default: 50, Max: 100}
)

// row is where a row of a list stands.
type row struct {
	at time.Time
	id int64
}

func rows(n int) []row {
	all := make([]row, n)
	for i := range all {
		all[i] = row{time.Date(2026, 3, 2, 6, 0, 0, i*1000, time.UTC), int64(1_000_000 + i)}
	}
	return all
}

func newPage(tb testing.TB, a page.Args) *page.Page {
	tb.Helper()
	p, err := benchCodec.New(a, benchLimit, newest, 42)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkCursor makes the cursor of a row, and reads one as a request for the next
// page does.
func BenchmarkCursor(b *testing.B) {
	p, one := newPage(b, page.Args{}), rows(1)[0]
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = p.Cursor(one.at, one.id)
		}
	})
	after := p.Cursor(one.at, one.id)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := benchCodec.New(page.Args{After: &after}, benchLimit, newest, 42); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkHash is the fingerprint of a list with a filter, made once a request.
func BenchmarkHash(b *testing.B) {
	filter := map[string]any{"status": []string{"SUBMITTED", "APPROVED"}, "cariCode": "MST00001"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := page.Hash("workOrders", filter); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCursorsCostFewAllocations(t *testing.T) {
	p, one := newPage(t, page.Args{}), rows(1)[0]
	aliatest.AllocsAtMost(t, 7, "writing a cursor", func() { _ = p.Cursor(one.at, one.id) })
	after := p.Cursor(one.at, one.id)
	aliatest.AllocsAtMost(t, 11, "reading a cursor", func() {
		if _, err := benchCodec.New(page.Args{After: &after}, benchLimit, newest, 42); err != nil {
			t.Fatal(err)
		}
	})
}
