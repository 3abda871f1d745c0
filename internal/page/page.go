// Package page walks lists by keyset: a page begins after the position of the last
// row seen, found by an index seek, so that page 10,000 costs what page 1 costs and
// rows inserted meanwhile are neither skipped nor shown twice.
package page

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"aliaport/internal/apperr"
	"aliaport/internal/store"
)

// Args are the paging arguments of a connection field.
type Args struct {
	First, Last   *int
	After, Before *string
}

// Limits bound the page size.
type Limits struct{ Default, Max int }

// Direction is the direction of an order.
type Direction string

// Directions.
const (
	Asc  Direction = "ASC"
	Desc Direction = "DESC"
)

// Order is a sort order of a list: a NOT NULL column, with the id as tie-break in
// the same direction.
type Order struct {
	Name   string // as in the API; part of the cursor
	Column string
	Kind   Kind
	Desc   bool
	// Apart orders as only those indexes on PostgreSQL do that are made for it, with
	// NULLS FIRST: its planner must not walk another index in the same order and look
	// for the rows there.
	Apart bool
}

// Page is one page to be read: Apply narrows the query, Cut shapes its rows.
type Page struct {
	Order    Order
	Size     int
	backward bool
	after    *position
	before   *position
	codec    *Codec
	filter   uint64
}

// position is the place of a row in an order.
type position struct {
	value any
	id    int64
}

// New reads the arguments. filter is the hash of everything that narrows the list
// (Hash); a cursor of another list, filter or order is refused.
func (c *Codec) New(a Args, limits Limits, o Order, filter uint64) (*Page, error) {
	p := &Page{Order: o, Size: limits.Default, codec: c, filter: filter}
	switch {
	case a.First != nil && a.Last != nil:
		return nil, apperr.New(apperr.PageSizeExceeded, "limit", limits.Max)
	case a.First != nil:
		p.Size = *a.First
	case a.Last != nil:
		p.Size, p.backward = *a.Last, true
	}
	if p.Size < 1 || p.Size > limits.Max {
		return nil, apperr.New(apperr.PageSizeExceeded, "limit", limits.Max)
	}
	var err error
	if a.After != nil {
		if p.after, err = c.decode(*a.After, o, filter); err != nil {
			return nil, err
		}
	}
	if a.Before != nil {
		if p.before, err = c.decode(*a.Before, o, filter); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Apply adds the position, the order and the limit to a query. One row more than
// the page is asked for; it tells whether there is a next page.
//
// The position is a row comparison, (created_at, id) < ($1, $2): its spelled-out
// form with OR cannot seek.
func (p *Page) Apply(s *sql.Selector) {
	columns := []string{s.C(p.Order.Column), s.C("id")}
	if p.after != nil {
		s.Where(beyond(columns, p.after, p.Order.Desc))
	}
	if p.before != nil {
		s.Where(beyond(columns, p.before, !p.Order.Desc))
	}
	p.sort(s)
	s.Limit(p.Size + 1)
}

// Columns are the columns of the page's table to read, for Select: those that are looked
// at, those that cursors are made of, and those that the list itself needs.
func (p *Page) Columns(ctx context.Context, table string, needed ...string) []string {
	return store.Columns(ctx, table, append(needed, p.Order.Column, "id")...)
}

// beyond holds for rows that come after the position.
func beyond(columns []string, at *position, desc bool) *sql.Predicate {
	if desc {
		return sql.CompositeLT(columns, at.value, at.id)
	}
	return sql.CompositeGT(columns, at.value, at.id)
}

// Info is the pageInfo of a connection.
type Info struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// Cut drops the row that was read too many, puts rows read backward into list
// order and tells what lies on both sides. A side from which the walk came has
// rows if a cursor was given for it, as the Relay rules allow.
func Cut[T any](p *Page, rows []T) ([]T, Info) {
	more := len(rows) > p.Size
	if more {
		rows = rows[:p.Size]
	}
	info := Info{HasNextPage: more, HasPreviousPage: p.after != nil}
	if p.backward {
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i], rows[j] = rows[j], rows[i]
		}
		info.HasNextPage, info.HasPreviousPage = p.before != nil, more
	}
	return rows, info
}

// Cursor is the cursor of the row at the position.
func (p *Page) Cursor(value any, id int64) string {
	return p.codec.encode(p.Order, p.filter, position{value, id})
}
