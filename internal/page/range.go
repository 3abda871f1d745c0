package page

import (
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/internal/calendar"
)

// Range is a half-open range of time, From ≤ t < To; nil ends are open.
type Range struct{ From, To *time.Time }

// Within holds for rows whose column lies in the range.
func (r *Range) Within(column string) func(*sql.Selector) {
	return func(s *sql.Selector) {
		if r.From != nil {
			s.Where(sql.GTE(s.C(column), *r.From))
		}
		if r.To != nil {
			s.Where(sql.LT(s.C(column), *r.To))
		}
	}
}

// DateRange is a half-open range of days: From ≤ d < To. An absent end is open.
type DateRange struct{ From, To *calendar.Date }

// Within holds for rows whose column of days lies in the range.
func (r *DateRange) Within(column string) func(*sql.Selector) {
	return func(s *sql.Selector) {
		if r.From != nil {
			s.Where(sql.GTE(s.C(column), *r.From))
		}
		if r.To != nil {
			s.Where(sql.LT(s.C(column), *r.To))
		}
	}
}
