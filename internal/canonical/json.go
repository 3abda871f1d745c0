// Package canonical writes JSON in one form, so that a document has the same bytes
// whichever database it comes from: PostgreSQL's jsonb keeps neither spaces nor the
// order of keys nor exponents.
package canonical

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Faults of a document that PostgreSQL would refuse.
var (
	ErrSyntax    = errors.New("not JSON")
	ErrNUL       = errors.New(`\u0000 in JSON, which PostgreSQL cannot keep`)
	ErrSurrogate = errors.New("half a surrogate pair in JSON, which PostgreSQL cannot keep")
	ErrUTF8      = errors.New("not UTF-8")
	// ErrRepeated is told by AppendStrictly only: of a key that comes twice PostgreSQL keeps the last.
	ErrRepeated = errors.New("a key that comes twice in JSON, of which PostgreSQL keeps the last")
)

// maxDepth is how deep a document may be nested.
const maxDepth = 500

// AppendJSON appends doc in its canonical form: without spaces, the keys of objects
// sorted, numbers with all their digits and without an exponent, and no escape but
// where one is needed. Of a key that comes twice the last is kept.
func AppendJSON(dst, doc []byte) ([]byte, error) { return appendJSON(dst, doc, false) }

// AppendStrictly is AppendJSON but for keys that come twice: it refuses them.
func AppendStrictly(dst, doc []byte) ([]byte, error) { return appendJSON(dst, doc, true) }

func appendJSON(dst, doc []byte, strict bool) ([]byte, error) {
	if !utf8.Valid(doc) {
		return dst, ErrUTF8
	}
	w := writer{src: doc, strict: strict}
	dst, err := w.value(dst, 0)
	if err != nil {
		return dst, fmt.Errorf("at byte %d: %w", w.at, err)
	}
	if w.space(); w.at != len(doc) {
		return dst, fmt.Errorf("at byte %d: %w", w.at, ErrSyntax)
	}
	return dst, nil
}

type writer struct {
	src    []byte
	at     int
	strict bool
}

func (w *writer) space() {
	for w.at < len(w.src) {
		switch w.src[w.at] {
		case ' ', '\t', '\n', '\r':
			w.at++
		default:
			return
		}
	}
}

// next skips spaces and looks at the byte that follows; 0 at the end.
func (w *writer) next() byte {
	if w.space(); w.at < len(w.src) {
		return w.src[w.at]
	}
	return 0
}

func (w *writer) value(dst []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, ErrSyntax
	}
	switch c := w.next(); {
	case c == '{':
		return w.object(dst, depth)
	case c == '[':
		return w.array(dst, depth)
	case c == '"':
		return w.text(dst)
	case c == '-' || c >= '0' && c <= '9':
		return w.number(dst)
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(w.src[w.at:], []byte(word)) {
			w.at += len(word)
			return append(dst, word...), nil
		}
	}
	return dst, ErrSyntax
}

func (w *writer) array(dst []byte, depth int) (_ []byte, err error) {
	w.at++
	dst = append(dst, '[')
	if w.next() == ']' {
		w.at++
		return append(dst, ']'), nil
	}
	for {
		if dst, err = w.value(dst, depth+1); err != nil {
			return dst, err
		}
		c := w.next()
		w.at++
		switch c {
		case ',':
			dst = append(dst, ',')
		case ']':
			return append(dst, ']'), nil
		default:
			return dst, ErrSyntax
		}
	}
}

// member is a key and its value, as they were appended.
type member struct{ from, key, to int }

func (w *writer) object(dst []byte, depth int) (_ []byte, err error) {
	w.at++
	dst = append(dst, '{')
	if w.next() == '}' {
		w.at++
		return append(dst, '}'), nil
	}
	var (
		few    [16]member
		all    = few[:0]
		begin  = len(dst)
		sorted = true
	)
	for {
		if w.next() != '"' {
			return dst, ErrSyntax
		}
		m := member{from: len(dst)}
		if dst, err = w.text(dst); err != nil {
			return dst, err
		}
		m.key = len(dst)
		if w.next() != ':' {
			return dst, ErrSyntax
		}
		w.at++
		if dst, err = w.value(append(dst, ':'), depth+1); err != nil {
			return dst, err
		}
		m.to = len(dst)
		if n := len(all); n > 0 && bytes.Compare(dst[all[n-1].from:all[n-1].key], dst[m.from:m.key]) >= 0 {
			sorted = false
		}
		all = append(all, m)
		c := w.next()
		w.at++
		if c == '}' {
			break
		}
		if c != ',' {
			return dst, ErrSyntax
		}
		dst = append(dst, ',')
	}
	if !sorted {
		was := slices.Clone(dst[begin:])
		slices.SortStableFunc(all, func(a, b member) int {
			return bytes.Compare(was[a.from-begin:a.key-begin], was[b.from-begin:b.key-begin])
		})
		dst = dst[:begin]
		for i, m := range all {
			if i+1 < len(all) && bytes.Equal(was[m.from-begin:m.key-begin], was[all[i+1].from-begin:all[i+1].key-begin]) {
				if w.strict {
					return dst, ErrRepeated
				}
				continue
			}
			if len(dst) > begin {
				dst = append(dst, ',')
			}
			dst = append(dst, was[m.from-begin:m.to-begin]...)
		}
	}
	return append(dst, '}'), nil
}

func (w *writer) number(dst []byte) ([]byte, error) {
	begin := w.at
	digits := func() bool {
		from := w.at
		for w.at < len(w.src) && w.src[w.at] >= '0' && w.src[w.at] <= '9' {
			w.at++
		}
		return w.at > from
	}
	is := func(one string) bool {
		if w.at < len(w.src) && strings.IndexByte(one, w.src[w.at]) >= 0 {
			w.at++
			return true
		}
		return false
	}
	is("-")
	leading := w.at
	if !digits() || w.src[leading] == '0' && w.at > leading+1 {
		return dst, ErrSyntax
	}
	if is(".") && !digits() {
		return dst, ErrSyntax
	}
	if is("eE") {
		is("+-")
		if !digits() {
			return dst, ErrSyntax
		}
	}
	return append(dst, Number(string(w.src[begin:w.at]))...), nil
}

func (w *writer) text(dst []byte) ([]byte, error) {
	begin := w.at
	plain := true
	for w.at++; ; w.at++ {
		if w.at >= len(w.src) {
			return dst, ErrSyntax
		}
		switch c := w.src[w.at]; {
		case c == '"':
			w.at++
			if plain {
				return append(dst, w.src[begin:w.at]...), nil
			}
			s, err := unquote(w.src[begin+1 : w.at-1])
			if err != nil {
				return dst, err
			}
			return AppendText(dst, s), nil
		case c == '\\':
			plain = false
			w.at++
		case c < ' ':
			return dst, ErrSyntax
		}
	}
}

// unquote resolves the escapes of a text.
func unquote(src []byte) (string, error) {
	out := make([]byte, 0, len(src))
	for i := 0; i < len(src); i++ {
		if src[i] != '\\' {
			out = append(out, src[i])
			continue
		}
		i++
		if c := strings.IndexByte(`"\/bfnrt`, src[i]); c >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[c])
			continue
		}
		r, err := hex4(src[i:])
		if err != nil {
			return "", err
		}
		i += 4
		switch {
		case r == 0:
			return "", ErrNUL
		case r >= 0xdc00 && r < 0xe000:
			return "", ErrSurrogate
		case r >= 0xd800 && r < 0xdc00:
			if i+2 >= len(src) || src[i+1] != '\\' {
				return "", ErrSurrogate
			}
			low, err := hex4(src[i+2:])
			if err != nil || low < 0xdc00 || low >= 0xe000 {
				return "", ErrSurrogate
			}
			i += 6
			r = (r-0xd800)<<10 | (low - 0xdc00) + 0x10000
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out), nil
}

// hex4 reads u and four hexadecimal digits.
func hex4(src []byte) (rune, error) {
	if len(src) < 5 || src[0] != 'u' {
		return 0, ErrSyntax
	}
	n, err := strconv.ParseUint(string(src[1:5]), 16, 16)
	if err != nil {
		return 0, ErrSyntax
	}
	return rune(n), nil
}

// maxExponent is how far from one a number may be to be written out.
const maxExponent = 400

// Number writes a number of JSON as PostgreSQL's jsonb does: all digits that were
// given and no exponent. There is no negative zero.
func Number(number string) string {
	if !strings.ContainsAny(number, "eE") {
		if strings.Trim(number, "-0.") == "" {
			return strings.TrimPrefix(number, "-")
		}
		return number
	}
	d, err := decimal.NewFromString(number)
	if err != nil || d.Exponent() > maxExponent || d.Exponent() < -maxExponent {
		return number
	}
	if d.Exponent() >= 0 {
		return d.String()
	}
	text := d.StringFixed(-d.Exponent())
	if d.IsZero() {
		text = strings.TrimPrefix(text, "-")
	}
	return text
}

const hexDigits = "0123456789abcdef"

// AppendText quotes a text. Only what must be escaped is.
func AppendText(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&0xf])
		default:
			b = utf8.AppendRune(b, r) // U+FFFD for what is no letter
		}
	}
	return append(b, '"')
}
