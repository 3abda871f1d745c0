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
		s.Where(sql.P(func(b *sql.Builder) {
			b.WriteString("instr(").Ident(s.C(column)).WriteString(", ").Arg(part).WriteString(") > 0")
		}))
	}, nil
}

// CountRows counts without looking at any column.
func CountRows(*sql.Selector) string { return "COUNT(*)" }
