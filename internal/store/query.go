package store

import (
	"encoding/json"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
)

// KeysIn selects rows whose column is one of the keys. The keys travel as one
// argument, so that the text of the statement, and with it its plan, is the same
// for any number of them.
func KeysIn(column string, keys []int64) func(*sql.Selector) { return among(column, keys) }

// KeysInStrings is KeysIn for a text column.
func KeysInStrings(column string, keys []string) func(*sql.Selector) { return among(column, keys) }

func among[K int64 | string](column string, keys []K) func(*sql.Selector) {
	if keys == nil {
		keys = []K{}
	}
	return func(s *sql.Selector) {
		name := s.C(column) // now: the selector may become a part of another one
		s.Where(sql.P(func(b *sql.Builder) {
			b.Ident(name)
			if b.Dialect() == dialect.Postgres {
				b.WriteString(" = ANY(").Arg(keys).WriteString(")")
				return
			}
			list, err := json.Marshal(keys)
			if err != nil {
				b.AddError(err)
				return
			}
			b.WriteString(" IN (SELECT value FROM json_each(").Arg(string(list)).WriteString("))")
		}))
	}
}

// ForUpdate locks the rows that a query finds until the transaction ends. On SQLite
// the transaction itself holds off everybody else.
func ForUpdate(s *sql.Selector) { lock(s, "FOR UPDATE") }

// ForNoKeyUpdate is ForUpdate but for those who only point to the rows.
func ForNoKeyUpdate(s *sql.Selector) { lock(s, "FOR NO KEY UPDATE") }

// ForKeyShare keeps the rows that a query finds from being changed under ForUpdate
// until the transaction ends, and lets others do the same.
func ForKeyShare(s *sql.Selector) { lock(s, "FOR KEY SHARE") }

func lock(s *sql.Selector, clause string) {
	if s.Dialect() == dialect.Postgres {
		s.For(sql.LockUpdate, sql.WithLockClause(clause))
	}
}

// SumDecimal is the exact sum of a numeric column with up to four decimals, 0 if
// there are no rows, to be scanned into a decimal.Decimal. SQLite, which keeps
// such columns as floats, adds up ten thousandths and fails rather than overflow.
func SumDecimal(column string) ent.AggregateFunc {
	return func(s *sql.Selector) string {
		c := s.C(column)
		if s.Dialect() == dialect.Postgres {
			return "COALESCE(SUM(" + c + "), 0)"
		}
		return exactly("CAST(ROUND(" + c + " * 10000) AS INTEGER)")
	}
}

// SumWithVAT is the exact sum of amounts of two decimals and of the VAT that is on
// each of them by a rate in percent, rounded to two decimals; as SumDecimal else.
func SumWithVAT(amount, rate string) ent.AggregateFunc {
	return func(s *sql.Selector) string {
		a, r := s.C(amount), s.C(rate)
		if s.Dialect() == dialect.Postgres {
			return "COALESCE(SUM(" + a + " + ROUND(" + a + " * " + r + " / 100, 2)), 0)"
		}
		a, r = "CAST(ROUND("+a+" * 100) AS INTEGER)", "CAST(ROUND("+r+" * 100) AS INTEGER)"
		return exactly("(" + a + " + (" + a + " * " + r + " + 5000) / 10000) * 100")
	}
}

// exactly writes the sum of ten thousandths as a decimal on SQLite.
func exactly(tenThousandths string) string {
	sum := "COALESCE(SUM(" + tenThousandths + "), 0)"
	return "printf('%s%d.%04d', CASE WHEN " + sum + " < 0 THEN '-' ELSE '' END, abs(" + sum + ") / 10000, abs(" + sum + ") % 10000)"
}
