package motorbot

import (
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/motorbot"
	"aliaport/ent/predicate"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/turkish"
)

// Filter narrows the list. Only the combinations of offered are answered.
type Filter struct {
	Status []motorbot.Status
	Owner  *globalid.ID
	Search *string
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// Order fields.
const (
	ByName OrderField = "NAME"
	ByCode OrderField = "MB_CODE"
)

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

// offered tells clients what can be combined.
const offered = "status|owner (NAME); search (+status +owner)"

// List returns one page of the boats that are not deleted, by name unless ordered
// otherwise. A combination of filters that no index answers is FILTER_NOT_INDEXED.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.Motorbot], error) {
	if err := actor.Require(ctx, actor.MotorbotRead); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Order{Field: ByName}
	}
	arms, whole, err := f.plan(o)
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("motorbots", f)
	if err != nil {
		return nil, err
	}
	order, at := o.keyset()
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Motorbot.Query().Where(p.Union(motorbot.Table, arms)).Select(p.Columns(ctx, motorbot.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list motorboats: %w", err)
	}
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.Motorbot.Query().Where(whole).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count motorboats: %w", err)
		}
		return n, nil
	}), nil
}

func (o *Order) keyset() (page.Order, func(*ent.Motorbot) (any, int64)) {
	order := page.Order{Name: string(o.Field), Kind: page.Text, Desc: o.Direction == page.Desc}
	if o.Field == ByCode {
		order.Column = motorbot.FieldMBCode
		return order, func(m *ent.Motorbot) (any, int64) { return m.MBCode, m.ID }
	}
	order.Column = motorbot.FieldNameFold
	return order, func(m *ent.Motorbot) (any, int64) { return m.NameFold, m.ID }
}

// plan makes the ranges of an index, each in the order of the page, that hold the
// rows; whole is the same in one condition, for counting.
func (f *Filter) plan(o *Order) (arms []func(*sql.Selector), whole predicate.Motorbot, err error) {
	narrowed := len(f.Status) > 0 || f.Owner != nil
	if f.Search == nil && (narrowed && o.Field != ByName || len(f.Status) > 0 && f.Owner != nil) {
		return nil, nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	conditions := []func(*sql.Selector){page.Flag(motorbot.FieldIsActive, true)}
	if o.Field == ByCode {
		// Written so that SQLite does not prefer an index that begins with it: the one of
		// the codes has their order, and hardly any boat is deleted.
		conditions[0] = motorbot.IsActive(true)
	}
	if f.Owner != nil {
		key, err := f.Owner.Of("Cari")
		if err != nil {
			return nil, nil, err
		}
		conditions = append(conditions, func(s *sql.Selector) { s.Where(sql.EQ(s.C(motorbot.FieldOwnerCariID), key)) })
	}
	if f.Search != nil {
		contains, err := page.Contains(motorbot.FieldSearchText, turkish.Fold(*f.Search))
		if err != nil {
			return nil, nil, err
		}
		conditions = append(conditions, contains)
	}
	all := func(s *sql.Selector) {
		for _, c := range conditions {
			c(s)
		}
	}
	statuses := slices.Compact(slices.Sorted(slices.Values(f.Status)))
	whole = func(s *sql.Selector) { all(s); among(s, statuses) }
	if f.Search != nil || len(statuses) == 0 {
		return []func(*sql.Selector){whole}, whole, nil
	}
	for _, status := range statuses {
		arms = append(arms, func(s *sql.Selector) { all(s); s.Where(sql.EQ(s.C(motorbot.FieldStatus), status)) })
	}
	return arms, whole, nil
}

func among(s *sql.Selector, statuses []motorbot.Status) {
	if len(statuses) > 0 {
		args := make([]any, len(statuses))
		for i := range statuses {
			args[i] = statuses[i]
		}
		s.Where(sql.In(s.C(motorbot.FieldStatus), args...))
	}
}
