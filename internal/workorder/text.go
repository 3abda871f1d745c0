package workorder

import (
	"unicode/utf8"

	"aliaport/internal/apperr"
	"aliaport/internal/turkish"
)

// text cleans a required text in place and checks its length in characters.
func text(field string, s *string, shortest, longest int) *apperr.Error {
	if turkish.HasControl(*s) {
		return apperr.Invalid(field, apperr.Control)
	}
	*s = turkish.Clean(*s)
	if n := utf8.RuneCountInString(*s); n < shortest || n > longest {
		return apperr.Invalid(field, apperr.Length, "min", shortest, "max", longest)
	}
	return nil
}

// optionalText does the same for a text that may be absent. Blank is absent.
func optionalText(field string, s **string, longest int) *apperr.Error {
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
