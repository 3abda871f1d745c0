package proof

import (
	"database/sql/driver"
	"slices"
	"testing"

	"aliaport/internal/aliatest"
)

// order is a work order as SQLite's driver gives it: a value of each column's kind.
func order(tb testing.TB) (*Table, []driver.Value) {
	tb.Helper()
	tables := Tables()
	t := tables[slices.IndexFunc(tables, func(t *Table) bool { return t.Name == "work_orders" })]
	values := make([]driver.Value, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Kind {
		case Int, Bool:
			values[i] = int64(1)
		case Text:
			values[i] = "İskele bağlama"
		case Instant:
			values[i] = "2026-03-02 06:00:00.000000+00:00"
		case Day:
			values[i] = "2026-03-02"
		case Decimal:
			values[i] = 1234.5
		case JSON:
			values[i] = `{"a": 1}`
		}
	}
	return t, values
}

// BenchmarkDigest adds a work order to the digest of its table: its canonical line, and
// the sum.
func BenchmarkDigest(b *testing.B) {
	t, values := order(b)
	d, line := NewDigest(t), []byte(nil)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if line, err = t.appendRow(line[:0], values, nil); err != nil {
			b.Fatal(err)
		}
		d.Add(1, line)
	}
	b.SetBytes(int64(len(line)))
}

func TestTheDigestOfARowCostsFewAllocations(t *testing.T) {
	table, values := order(t)
	d, line := NewDigest(table), make([]byte, 0, 4096)
	aliatest.AllocsAtMost(t, 1, "the digest of a row", func() {
		var err error
		if line, err = table.appendRow(line[:0], values, nil); err != nil {
			t.Fatal(err)
		}
		d.Add(1, line)
	})
}
