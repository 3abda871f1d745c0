package audit

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
)

// Facet is a column whose values are counted.
type Facet string

// Facets.
const (
	FacetUser     Facet = "USER"
	FacetAction   Facet = "ACTION"
	FacetResource Facet = "RESOURCE"
	FacetOutcome  Facet = "OUTCOME"
	FacetPath     Facet = "PATH"
	FacetIP       Facet = "IP"
)

// facetColumns are the columns of the facets.
var facetColumns = map[Facet]string{
	FacetUser: auditevent.FieldUserID, FacetAction: auditevent.FieldAction, FacetResource: auditevent.FieldResource,
	FacetOutcome: auditevent.FieldOutcome, FacetPath: auditevent.FieldPath, FacetIP: auditevent.FieldIP,
}

// FacetLimits bound what facets are counted over; zero values stand for the defaults.
type FacetLimits struct {
	Rows   int           // the newest so many events
	Window time.Duration // back from the end of the range when it has no beginning
}

const (
	defaultFacetRows   = 10_000
	defaultFacetWindow = 30 * 24 * time.Hour
)

// FacetCounts says how often each value of a column occurs.
type FacetCounts struct {
	Values   []*FacetValue
	From, To time.Time // what was looked at
	Rows     int       // counted
	Capped   bool      // as many as may be: there may be more in the range, older ones
}

// FacetValue is a value of a column and how often it occurs. At most one of Value and
// UserID is there; neither means none.
type FacetValue struct {
	Value  *string
	UserID *int64
	Count  int
}

// Facets counts the first most frequent values of a column among the newest events
// that the filter finds, over a bounded time and number of rows.
func (s *Trail) Facets(ctx context.Context, facet Facet, f Filter, first *int) (_ *FacetCounts, err error) {
	if err := actor.Require(ctx, actor.AuditRead); err != nil {
		return nil, err
	}
	size := s.PageLimits.Default
	if first != nil {
		size = *first
	}
	if size < 1 || size > s.PageLimits.Max {
		return nil, apperr.New(apperr.PageSizeExceeded, "limit", s.PageLimits.Max)
	}
	limits := s.Limits.Facets
	if limits.Rows == 0 {
		limits.Rows = defaultFacetRows
	}
	counts := &FacetCounts{Values: []*FacetValue{}}
	f.CreatedAt = limits.window(f.CreatedAt, s.Now())
	counts.From, counts.To = *f.CreatedAt.From, *f.CreatedAt.To
	q, err := s.plan(ctx, f)
	if err != nil {
		return nil, err
	}
	text, args := q.facet(s.DB.Dialect(), facetColumns[facet], limits.Rows, size)
	rows, err := s.DB.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("count the trail by %s: %w", facet, err)
	}
	defer rows.Close()
	for rows.Next() {
		v := &FacetValue{}
		if err := rows.Scan(&v.Value, &v.Count, &counts.Rows); err != nil {
			return nil, fmt.Errorf("count the trail by %s: %w", facet, err)
		}
		if facet == FacetUser && v.Value != nil {
			id, err := strconv.ParseInt(*v.Value, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("user of the trail: %w", err)
			}
			v.UserID, v.Value = &id, nil
		}
		counts.Values = append(counts.Values, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count the trail by %s: %w", facet, err)
	}
	counts.Capped = counts.Rows >= limits.Rows
	return counts, nil
}

// window bounds a range: to the present, and for so long back.
func (l FacetLimits) window(r *page.Range, now time.Time) *page.Range {
	bounded := page.Range{}
	if r != nil {
		bounded = *r
	}
	if bounded.To == nil {
		bounded.To = &now
	}
	if bounded.From == nil {
		if l.Window == 0 {
			l.Window = defaultFacetWindow
		}
		from := bounded.To.Add(-l.Window)
		bounded.From = &from
	}
	return &bounded
}

// facet counts the values of a column in the newest rows, with the number of all
// rows beside each.
func (q *ranges) facet(dialectName, column string, limit, first int) (text string, args []any) {
	d := sql.Dialect(dialectName)
	t := d.Table(auditevent.Table)
	newest := d.Select(t.C(column)).From(t)
	q.read(func(s *sql.Selector) {
		desc := " DESC"
		if q.apart() && dialectName == dialect.Postgres {
			desc += " NULLS LAST"
		}
		s.OrderBy(s.C(auditevent.FieldCreatedAt)+desc, s.C(auditevent.FieldID)+desc).Limit(limit)
	})(newest)
	s := d.Select(column, "COUNT(*)", "CAST(SUM(COUNT(*)) OVER () AS bigint)").From(newest.As("newest")).GroupBy(column).
		OrderBy("COUNT(*) DESC", column).Limit(first)
	return s.Query()
}
