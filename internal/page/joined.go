package page

import "entgo.io/ent/dialect/sql"

// ApplyTo is Apply for the column of another table that the query joins, to whose
// rows those of the list belong. The walk goes along an index of that column; rows
// that share a value are put in order by their id.
func (p *Page) ApplyTo(s *sql.Selector, column string) {
	columns := []string{column, s.C("id")}
	from := func(at *position, desc bool) {
		if at == nil {
			return
		}
		// The comparison of both cannot seek, for they are of two tables.
		if desc {
			s.Where(sql.LTE(column, at.value))
		} else {
			s.Where(sql.GTE(column, at.value))
		}
		s.Where(beyond(columns, at, desc))
	}
	from(p.after, p.Order.Desc)
	from(p.before, !p.Order.Desc)
	for _, c := range columns {
		if p.Order.Desc != p.backward {
			c = sql.Desc(c)
		}
		s.OrderBy(c)
	}
	s.Limit(p.Size + 1)
}
