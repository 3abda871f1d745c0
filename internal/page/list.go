package page

import (
	"context"

	"entgo.io/ent/dialect/sql"
)

// List is one page of a list, with the means to count the whole.
type List[T any] struct {
	Nodes  []T
	Info   Info
	Cursor func(T) string
	Count  func(context.Context) (int, error) // counts when called, not before
}

// Read shapes the rows of a page that were read with Apply. at tells the value of
// the order's column and the id of a row.
func Read[T any](p *Page, rows []T, at func(T) (value any, id int64), count func(context.Context) (int, error)) *List[T] {
	nodes, info := Cut(p, rows)
	cursor := func(row T) string { return p.Cursor(at(row)) }
	if len(nodes) > 0 {
		start, end := cursor(nodes[0]), cursor(nodes[len(nodes)-1])
		info.StartCursor, info.EndCursor = &start, &end
	}
	return &List[T]{Nodes: nodes, Info: info, Cursor: cursor, Count: count}
}

// Union reads the page out of several ranges of an index, each of which is in the
// order of the page, by seeking once in each of them. `status IN ('A', 'B') ORDER
// BY created_at` would instead sort all rows of both statuses. table is the table
// of the query; each of arms narrows it to one range.
func (p *Page) Union(table string, arms []func(*sql.Selector)) func(*sql.Selector) {
	if len(arms) == 1 {
		return func(s *sql.Selector) {
			arms[0](s)
			p.Apply(s)
		}
	}
	return func(s *sql.Selector) {
		var union *sql.Selector
		for _, arm := range arms {
			d := sql.Dialect(s.Dialect())
			t := d.Table(table)
			one := d.Select(t.C("id")).From(t)
			arm(one)
			p.Apply(one)
			// SQLite takes ORDER BY and LIMIT of a part of a union only in a sub-query.
			wrapped := d.Select("id").From(one.As("part"))
			if union == nil {
				union = wrapped
			} else {
				union.UnionAll(wrapped)
			}
		}
		s.Where(sql.In(s.C("id"), union))
		p.Apply(s)
	}
}
