package compiled

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
)

// The functions here append the JSON that the scalars of the API have elsewhere, byte
// for byte; graph/scalar and the engine say what that is, and tests compare them.

// Null appends null.
func Null(b []byte) []byte { return append(b, "null"...) }

// Bool appends a boolean.
func Bool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// Int appends a whole number.
func Int[T ~int | ~int32 | ~int64](b []byte, v T) []byte { return strconv.AppendInt(b, int64(v), 10) }

const hex = "0123456789ABCDEF"

// plain are the bytes that stand for themselves in a JSON string.
var plain = func() (is [utf8.RuneSelf]bool) {
	for c := range is {
		is[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return is
}()

// String appends a text. What is not UTF-8 is copied as it is, like the engine does.
func String(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || plain[c] {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		case '\n':
			b = append(b, '\\', 'n')
		case '\\', '"':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// Text appends a text of another type.
func Text[T ~string](b []byte, v T) []byte { return String(b, string(v)) }

// Name appends a value of an enum.
func Name[T ~string](b []byte, v T) []byte {
	return append(append(append(b, '"'), v...), '"')
}

// ID appends a global id.
func ID(b []byte, id globalid.ID) []byte {
	return append(append(append(b, '"'), id.String()...), '"')
}

// Decimal appends a decimal as a string without trailing zeros.
func Decimal(b []byte, d decimal.Decimal) []byte {
	return append(append(append(b, '"'), d.String()...), '"')
}

// instant is the layout of graph/scalar.
const instant = `"2006-01-02T15:04:05.999999Z"`

// DateTime appends an instant.
func DateTime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, instant) }

// Date appends a day.
func Date(b []byte, d calendar.Date) []byte {
	return append(append(append(b, '"'), d.String()...), '"')
}
