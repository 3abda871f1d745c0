// Package scalar reads and writes the scalars of the API.
package scalar

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
)

// MarshalString writes a text.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads a text. NUL is refused here for all fields at once:
// PostgreSQL cannot store it, nor even look for it.
func UnmarshalString(v any) (string, error) {
	s, err := graphql.UnmarshalString(v)
	if err != nil {
		return "", refuse("String")
	}
	if strings.ContainsRune(s, 0) {
		return "", refuse("String: NUL")
	}
	return s, nil
}

// maxDecimal bounds the text of a decimal; real ones have at most 20 characters.
const maxDecimal = 40

// MarshalDecimal writes a decimal as a plain string without trailing zeros, the
// same from both databases.
func MarshalDecimal(d decimal.Decimal) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(d.String())) })
}

// UnmarshalDecimal reads a string, or an integer. A float is refused: it may have
// lost digits already.
func UnmarshalDecimal(v any) (decimal.Decimal, error) {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return decimal.Decimal{}, refuse("Decimal: string, not a float")
		}
		return decimal.NewFromInt(n), nil
	case int64:
		return decimal.NewFromInt(v), nil
	default:
		return decimal.Decimal{}, refuse(fmt.Sprintf("Decimal: string, not %T", v))
	}
	if len(s) > maxDecimal {
		return decimal.Decimal{}, refuse(fmt.Sprintf("Decimal: at most %d characters", maxDecimal))
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() < -maxDecimal || d.Exponent() > maxDecimal {
		return decimal.Decimal{}, refuse("Decimal")
	}
	return d, nil
}

// layout is RFC 3339 with as many fractional digits as there are, at most six.
const layout = "2006-01-02T15:04:05.999999Z"

// MarshalDateTime writes an instant as RFC 3339 in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(t.UTC().Format(layout))) })
}

// UnmarshalDateTime reads RFC 3339 with any offset. Years outside 1900 to 2200 are
// slips of the pen.
func UnmarshalDateTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, refuse(fmt.Sprintf("DateTime: string, not %T", v))
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, refuse("DateTime: RFC 3339, 2026-03-01T08:30:00Z")
	}
	t = t.UTC().Truncate(time.Microsecond)
	if y := t.Year(); y < 1900 || y > 2200 {
		return time.Time{}, refuse("DateTime: 1900–2200")
	}
	return t, nil
}

// MarshalDate writes a day as 2026-03-01.
func MarshalDate(d calendar.Date) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(d.String())) })
}

// UnmarshalDate reads a day.
func UnmarshalDate(v any) (calendar.Date, error) {
	s, ok := v.(string)
	if !ok {
		return calendar.Date{}, refuse(fmt.Sprintf("Date: string, not %T", v))
	}
	d, err := calendar.ParseDate(s)
	if err != nil {
		return calendar.Date{}, refuse("Date: 2026-03-01, 1900–2200")
	}
	return d, nil
}

func refuse(reason string) error { return apperr.New(apperr.BadUserInput, "reason", reason) }
