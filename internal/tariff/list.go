package tariff

import (
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
)

// Filter narrows the list of price lists.
type Filter struct {
	Status   []pricelist.Status
	Currency *string
	Code     *string
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// ByValidFrom is the only order: by the first day of validity.
const ByValidFrom OrderField = "VALID_FROM"

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

const offered = "status|currency|status+currency|code"

// List returns one page of price lists, those that begin last first unless ordered
// otherwise.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.PriceList], error) {
	if err := actor.Require(ctx, actor.TariffRead); err != nil {
		return nil, err
	}
	if f.Code != nil && (len(f.Status) > 0 || f.Currency != nil) {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	hash, err := page.Hash("priceLists", f)
	if err != nil {
		return nil, err
	}
	order := page.Order{Name: string(ByValidFrom), Column: pricelist.FieldValidFrom, Kind: page.Day, Desc: o == nil || o.Direction == page.Desc}
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	arms, whole := f.conditions()
	rows, err := s.DB.PriceList.Query().Where(p.Union(pricelist.Table, arms)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list price lists: %w", err)
	}
	at := func(l *ent.PriceList) (any, int64) { return l.ValidFrom, l.ID }
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.PriceList.Query().Where(whole).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count price lists: %w", err)
		}
		return n, nil
	}), nil
}

// conditions are the ranges of an index that hold the rows, and all of it in one
// condition, for counting.
func (f *Filter) conditions() (arms []func(*sql.Selector), whole func(*sql.Selector)) {
	rest := func(s *sql.Selector) {
		if f.Currency != nil {
			s.Where(sql.EQ(s.C(pricelist.FieldCurrency), *f.Currency))
		}
		if f.Code != nil {
			s.Where(sql.EQ(s.C(pricelist.FieldCode), *f.Code))
		}
	}
	if len(f.Status) == 0 {
		return []func(*sql.Selector){rest}, rest
	}
	statuses := slices.Compact(slices.Sorted(slices.Values(f.Status)))
	args := make([]any, len(statuses))
	for i, status := range statuses {
		args[i] = status
		arms = append(arms, func(s *sql.Selector) { rest(s); s.Where(sql.EQ(s.C(pricelist.FieldStatus), status)) })
	}
	return arms, func(s *sql.Selector) { rest(s); s.Where(sql.In(s.C(pricelist.FieldStatus), args...)) }
}
