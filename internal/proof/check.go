package proof

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"unicode/utf8"
)

// Check reads the rows of a range and tells each value that has no canonical form,
// and each text with more letters than its column allows. It returns how many rows
// it read.
func (s *Snapshot) Check(ctx context.Context, t *Table, r Range, wrong func(*ValueError), long func(key, column string, letters int)) (n int64, err error) {
	var b []byte
	err = s.With(ctx, func(c *sql.Conn) error {
		return s.read(ctx, c, t, r, false, func(row []driver.Value) error {
			n++
			for i := range t.Columns {
				column := &t.Columns[i]
				var err error
				if b, err = column.appendValue(b[:0], row[i]); err != nil {
					wrong(&ValueError{Table: t.Name, Key: t.keyText(row), Column: column.Name, Value: shorten(row[i]), Err: err})
					continue
				}
				if column.Size == 0 || len(b) <= column.Size {
					continue
				}
				if text, ok := textOf(row[i]); ok && utf8.RuneCountInString(text) > column.Size {
					long(t.keyText(row), column.Name, utf8.RuneCountInString(text))
				}
			}
			return nil
		})
	})
	return n, err
}
