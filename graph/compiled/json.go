package compiled

import (
	"slices"
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

// Key appends the global id of a record.
func Key(b []byte, typ string, key int64) []byte {
	return append(globalid.ID{Type: typ, Key: key}.Append(append(b, '"')), '"')
}

// ID appends a global id.
func ID(b []byte, id globalid.ID) []byte { return append(id.Append(append(b, '"')), '"') }

// Decimal appends a decimal as a string without trailing zeros.
func Decimal(b []byte, d decimal.Decimal) []byte {
	const digits = 18 // of an int64, whatever they are
	exponent := int(d.Exponent())
	if exponent > 0 || exponent < -digits || d.NumDigits() > digits {
		return append(append(append(b, '"'), d.String()...), '"')
	}
	n := d.CoefficientInt64()
	for exponent < 0 && n%10 == 0 {
		n /= 10
		exponent++
	}
	b = append(b, '"')
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	if exponent == 0 {
		return append(strconv.AppendInt(b, n, 10), '"')
	}
	start := len(b)
	b = strconv.AppendInt(b, n, 10)
	for len(b)-start <= -exponent { // a zero before the point, and those behind it
		b = slices.Insert(b, start, '0')
	}
	return append(slices.Insert(b, len(b)+exponent, '.'), '"')
}

// instant is the layout of graph/scalar.
const instant = `"2006-01-02T15:04:05.999999Z"`

// DateTime appends an instant.
func DateTime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, instant) }

// Date appends a day.
func Date(b []byte, d calendar.Date) []byte {
	return append(append(append(b, '"'), d.String()...), '"')
}
