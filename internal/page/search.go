package page

import (
	"unicode/utf8"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/internal/apperr"
)

// MinSearch is the shortest text that is searched for, in letters: an index of
// trigrams knows nothing shorter.
const MinSearch = 3

// Contains holds for rows whose folded column has the folded part in it.
func Contains(column, part string) (func(*sql.Selector), error) {
	if utf8.RuneCountInString(part) < MinSearch {
		return nil, apperr.New(apperr.BadUserInput, "reason", "search")
	}
	return func(s *sql.Selector) {
		if s.Dialect() == dialect.Postgres {
			s.Where(sql.Contains(s.C(column), part)) // LIKE, answered by the trigram index
			return
		}
		name := s.C(column)
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("instr(").Ident(name).WriteString(", ").Arg(part).WriteString(") > 0")
		}))
	}, nil
}

// CountRows counts without looking at any column.
func CountRows(*sql.Selector) string { return "COUNT(*)" }

// Flag holds for rows whose boolean column has the value. It is written as a
// comparison: ent's own EQ leaves `= true` away, and SQLite then does not see that an
// index which begins with the column answers it.
func Flag(column string, value bool) func(*sql.Selector) {
	return func(s *sql.Selector) {
		name := s.C(column) // now: the selector may become a part of another one
		s.Where(sql.P(func(b *sql.Builder) { b.Ident(name).WriteString(" = ").Arg(value) }))
	}
}
