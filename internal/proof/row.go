package proof

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"entgo.io/ent/dialect"

	"aliaport/internal/canonical"
)

// What may be wrong with a value, so that it has no canonical form.
var (
	ErrType     = errors.New("another type is stored than the column has")
	ErrNULL     = errors.New("NULL in a column that demands a value")
	ErrNUL      = errors.New("a NUL byte, which PostgreSQL cannot keep")
	ErrUTF8     = errors.New("not UTF-8")
	ErrInstant  = errors.New("not an instant in the stored form, 2006-01-02 15:04:05.000000+00:00")
	ErrDay      = errors.New("not a date in the stored form, 2006-01-02")
	ErrDecimal  = errors.New("a number that the column's type cannot keep exactly")
	ErrDocument = errors.New("a document that PostgreSQL cannot keep")
)

// ValueError is a value without canonical form.
type ValueError struct {
	Table, Key, Column string
	Value              string // shortened
	Err                error
}

// Error names table, key and column.
func (e *ValueError) Error() string {
	return fmt.Sprintf("%s %s: %s: %v: %s", e.Table, e.Key, e.Column, e.Err, e.Value)
}

// Unwrap is what is wrong.
func (e *ValueError) Unwrap() error { return e.Err }

// null is NULL in a line of COPY.
const null = `\N`

// selection are the expressions that read the columns of t as appendRow wants them.
func (t *Table) selection(dialectName string) string {
	var b strings.Builder
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		switch name := quote(c.Name); {
		case dialectName == dialect.SQLite:
			// Without a declared type SQLite's driver leaves values as they are; of a
			// datetime it would make what it can.
			b.WriteString("+" + name)
		case c.Kind == Instant || c.Kind == Day:
			b.WriteString(name + "::text") // the driver would make a time of it
		default:
			b.WriteString(name)
		}
	}
	return b.String()
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// appendRow appends the canonical form of a row, as read by selection, and puts the
// place where each field ends into ends.
func (t *Table) appendRow(b []byte, row []driver.Value, ends []int) ([]byte, error) {
	for i := range t.Columns {
		if i > 0 {
			b = append(b, '\t')
		}
		var err error
		if b, err = t.Columns[i].appendValue(b, row[i]); err != nil {
			return b, &ValueError{Table: t.Name, Key: t.keyText(row), Column: t.Columns[i].Name, Value: shorten(row[i]), Err: err}
		}
		if ends != nil {
			ends[i] = len(b)
		}
	}
	return b, nil
}

// keyText names a row.
func (t *Table) keyText(row []driver.Value) string {
	var parts []string
	for _, at := range t.keyIndexes() {
		parts = append(parts, shorten(row[at]))
	}
	return strings.Join(parts, "/")
}

// shorten shows a value without filling the screen.
func shorten(v driver.Value) string {
	s := fmt.Sprint(v)
	if raw, ok := v.([]byte); ok {
		s = string(raw)
	}
	if v == nil {
		return "NULL"
	}
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	if _, isText := v.(string); isText || s != strings.ToValidUTF8(s, "") {
		return strconv.Quote(s)
	}
	return s
}

func (c *Column) appendValue(b []byte, v driver.Value) ([]byte, error) {
	if v == nil {
		if !c.Nullable {
			return b, ErrNULL
		}
		return append(b, null...), nil
	}
	switch c.Kind {
	case Int:
		if n, ok := v.(int64); ok {
			return strconv.AppendInt(b, n, 10), nil
		}
	case Bool:
		switch v := v.(type) {
		case bool:
			return appendBool(b, v), nil
		case int64:
			if v == 0 || v == 1 {
				return appendBool(b, v == 1), nil
			}
		}
	case Text:
		if s, ok := textOf(v); ok {
			return appendText(b, s)
		}
	case Instant:
		if s, ok := textOf(v); ok {
			return appendInstant(b, s)
		}
	case Day:
		if s, ok := textOf(v); ok {
			if len(s) != len(time.DateOnly) {
				return b, ErrDay
			}
			if _, err := time.Parse(time.DateOnly, s); err != nil {
				return b, ErrDay
			}
			return append(b, s...), nil
		}
	case Decimal:
		return c.appendDecimal(b, v)
	case JSON:
		if s, ok := bytesOf(v); ok {
			return appendDocument(b, s)
		}
	}
	return b, ErrType
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 't')
	}
	return append(b, 'f')
}

// textOf is a value that is text: SQLite's driver gives strings for text and bytes
// for blobs, that of PostgreSQL either for text.
func textOf(v driver.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case pgBytes:
		return string(v), true
	}
	return "", false
}

func bytesOf(v driver.Value) ([]byte, bool) {
	switch v := v.(type) {
	case string:
		return []byte(v), true
	case pgBytes:
		return v, true
	}
	return nil, false
}

// pgBytes are bytes that PostgreSQL sent as text.
type pgBytes []byte

// appendText escapes what COPY would misread. The escapes are unambiguous, so that
// equal lines mean equal texts.
func appendText(b []byte, s string) ([]byte, error) {
	from := 0
	ascii := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
			continue
		}
		if c != '\\' && c >= ' ' {
			continue
		}
		var escape byte
		switch c {
		case '\\':
			escape = '\\'
		case '\n':
			escape = 'n'
		case '\r':
			escape = 'r'
		case '\t':
			escape = 't'
		case 0:
			return b, ErrNUL
		default:
			continue
		}
		b = append(append(b, s[from:i]...), '\\', escape)
		from = i + 1
	}
	if !ascii && !utf8.ValidString(s) {
		return b, ErrUTF8
	}
	return append(b, s[from:]...), nil
}

// The stored form of an instant without its zone, and both databases' zones.
const (
	seconds    = "2006-01-02 15:04:05"
	microsTail = ".000000"
)

// appendInstant takes 2006-01-02 15:04:05.000000+00:00 of SQLite and what PostgreSQL
// writes, 2006-01-02 15:04:05.1+00.
func appendInstant(b []byte, s string) ([]byte, error) {
	clock, ok := strings.CutSuffix(s, "+00:00")
	if !ok {
		if clock, ok = strings.CutSuffix(s, "+00"); !ok {
			return b, ErrInstant
		}
	} else if len(clock) != len(seconds)+len(microsTail) {
		return b, ErrInstant
	}
	if len(clock) < len(seconds) || len(clock) > len(seconds)+len(microsTail) || !isInstant(clock) {
		return b, ErrInstant
	}
	b = append(b, clock...)
	if len(clock) == len(seconds) {
		b = append(b, '.')
		clock += "."
	}
	for i := len(clock); i < len(seconds)+len(microsTail); i++ {
		b = append(b, '0')
	}
	return append(b, "+00"...), nil
}

// isInstant tells whether s is a point in time, with any number of decimals.
func isInstant(s string) bool {
	for i := range len(s) {
		want := byte('0')
		if i < len(seconds) {
			want = seconds[i]
		} else if i == len(seconds) {
			want = '.'
		}
		switch want {
		case '-', ' ', ':', '.':
			if s[i] != want {
				return false
			}
		default:
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		}
	}
	two := func(at int) int { return int(s[at]-'0')*10 + int(s[at+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	if month < 1 || month > 12 || day < 1 || year < 1 {
		return false
	}
	if day > 28 && day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return false
	}
	return two(11) < 24 && two(14) < 60 && two(17) < 60
}

// appendDecimal takes the integers and floats of SQLite and the text of PostgreSQL.
func (c *Column) appendDecimal(b []byte, v driver.Value) ([]byte, error) {
	from := len(b)
	switch v := v.(type) {
	case int64:
		b = strconv.AppendInt(b, v, 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return b, ErrDecimal
		}
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
	case pgBytes:
		b = append(b, v...)
	default:
		return b, ErrType
	}
	text := b[from:]
	if bytes.IndexByte(text, '.') >= 0 {
		text = bytes.TrimRight(bytes.TrimRight(text, "0"), ".")
		b = b[:from+len(text)]
	}
	if string(text) == "-0" {
		b = append(b[:from], '0')
		text = b[from:]
	}
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	before, after, _ := bytes.Cut(digits, []byte("."))
	if len(before) == 0 || before[0] < '0' || before[0] > '9' {
		return b, ErrDecimal // NaN or Infinity of PostgreSQL
	}
	if len(before) > c.Digits && string(before) != "0" || len(after) > c.Scale {
		return b, ErrDecimal
	}
	return b, nil
}

// appendDocument writes JSON as a field of COPY: the backslashes of its escapes are
// doubled. Its control characters are escapes already.
func appendDocument(b, doc []byte) ([]byte, error) {
	from := len(b)
	b, err := canonical.AppendStrictly(b, doc)
	if err != nil {
		return b, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if n := bytes.Count(b[from:], []byte(`\`)); n > 0 {
		b = append(b[:from], bytes.ReplaceAll(b[from:], []byte(`\`), []byte(`\\`))...)
	}
	return b, nil
}

// Fields are the fields of a canonical row as values for the driver of SQLite; those
// of PostgreSQL are read from the row as it is.
func (t *Table) Fields(line []byte, values []any) error {
	for i := range t.Columns {
		field := line
		if at := bytes.IndexByte(line, '\t'); at >= 0 {
			field, line = line[:at], line[at+1:]
		}
		v, err := t.Columns[i].value(string(field))
		if err != nil {
			return fmt.Errorf("%s.%s: %w", t.Name, t.Columns[i].Name, err)
		}
		values[i] = v
	}
	return nil
}

var unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t")

// value is a field as store keeps it on SQLite.
func (c *Column) value(field string) (any, error) {
	if field == null {
		return nil, nil //nolint:nilnil // NULL
	}
	switch c.Kind {
	case Int:
		return strconv.ParseInt(field, 10, 64)
	case Bool:
		return field == "t", nil
	case Instant:
		return field + ":00", nil
	case Text, JSON:
		if strings.IndexByte(field, '\\') >= 0 {
			return unescape.Replace(field), nil
		}
	case Day, Decimal: // the affinity of a decimal column makes a number of its text
	}
	return field, nil
}
