// Package input cleans what clients send: it trims texts, holds them to their
// lengths and tells a field that was left out from one that is to be emptied.
package input

import (
	"strings"
	"unicode/utf8"

	"aliaport/internal/apperr"
	"aliaport/internal/turkish"
)

// Text cleans a required text of one line in place and checks its length in
// characters.
func Text(field string, s *string, shortest, longest int) *apperr.Error {
	if turkish.HasControl(*s) || strings.ContainsAny(strings.TrimSpace(*s), "\n\r\t") {
		return apperr.Invalid(field, apperr.Control)
	}
	*s = turkish.Clean(*s)
	if n := utf8.RuneCountInString(*s); n < shortest || n > longest {
		return apperr.Invalid(field, apperr.Length, "min", shortest, "max", longest)
	}
	return nil
}

// OptionalText does the same for a text that may be absent. Blank is absent.
func OptionalText(field string, s **string, longest int) *apperr.Error {
	if *s == nil {
		return nil
	}
	if turkish.HasControl(**s) {
		return apperr.Invalid(field, apperr.Control)
	}
	clean := turkish.Clean(**s)
	if clean == "" {
		*s = nil
		return nil
	}
	*s = &clean
	if utf8.RuneCountInString(clean) > longest {
		return apperr.Invalid(field, apperr.TooLong, "max", longest)
	}
	return nil
}

// Change is a new value for a field that may be empty. Not given, the field stays;
// given as nil, it is emptied.
type Change[T any] struct {
	Given bool
	To    *T
}

// Or is the value after the change.
func (c Change[T]) Or(was *T) *T {
	if c.Given {
		return c.To
	}
	return was
}
