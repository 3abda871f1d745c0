// Package plate reads the licence plates of road vehicles as they are typed at the
// gate.
package plate

import (
	"regexp"
	"strings"
	"unicode"
)

// Plate is a plate as it is compared and searched.
type Plate struct {
	Norm      string // upper case, without spaces and dashes
	IsForeign bool   // not of the domestic pattern
}

// The domestic pattern: province 01 to 81, then one letter with four or five
// digits, two with three or four, or three with two or three. Q, W and X are not on
// Turkish plates.
var (
	domestic = regexp.MustCompile(`^(0[1-9]|[1-7][0-9]|8[01])([A-PR-VYZ][0-9]{4,5}|[A-PR-VYZ]{2}[0-9]{3,4}|[A-PR-VYZ]{3}[0-9]{2,3})$`)
	foreign  = regexp.MustCompile(`^[A-Z0-9]{2,20}$`)
	part     = regexp.MustCompile(`^[A-Z0-9]{1,20}$`)
)

// Parse reads a plate; ok is false when it can be none.
func Parse(typed string) (p Plate, ok bool) {
	norm := fold(typed)
	return Plate{Norm: norm, IsForeign: !domestic.MatchString(norm)}, foreign.MatchString(norm)
}

// Prefix reads the beginning of a plate, for searching.
func Prefix(typed string) (norm string, ok bool) {
	norm = fold(typed)
	return norm, part.MatchString(norm)
}

// fold writes the four i's as one: a plate has no Turkish letters.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'i' || r == 'ı' || r == 'İ':
			return 'I'
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case unicode.IsSpace(r) || unicode.Is(unicode.Pd, r):
			return -1
		}
		return r
	}, s)
}
