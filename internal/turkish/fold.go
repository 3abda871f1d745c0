// Package turkish compares and cleans text as a Turkish reader would.
package turkish

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold gives the form under which text is searched and sorted: lower case, the
// four i's as one, letters without their marks. İSTANBUL, istanbul, ISTANBUL and
// ıstanbul fold alike, as do ÇEKİCİ and cekici, so that a clerk without a Turkish
// keyboard finds them too. SQL's LOWER knows none of this.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r): // the mark of a decomposed letter
		case unicode.IsSpace(r):
			space = b.Len() > 0
		default:
			if space {
				b.WriteByte(' ')
				space = false
			}
			b.WriteRune(lower(r))
		}
	}
	return b.String()
}

func lower(r rune) rune {
	switch r {
	case 'I', 'ı', 'İ':
		return 'i'
	}
	return unicode.ToLower(r)
}

// Clean trims text and joins it into NFC, so that equal-looking words are equal.
func Clean(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

// HasControl tells whether the text has control characters other than line breaks
// and tabs, or is broken UTF-8. NUL cannot be stored by PostgreSQL at all.
func HasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}
