package parameter

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/internal/actor"
	"aliaport/internal/cache"
	"aliaport/internal/page"
)

// Filter narrows the list.
type Filter struct {
	Category *string
	IsActive *bool
}

// List returns one page of parameters by code.
func (s *Service) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.Parameter], error) {
	if err := actor.Require(ctx, actor.ParameterRead); err != nil {
		return nil, err
	}
	hash, err := page.Hash("parameters", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "CODE", Column: parameter.FieldCode, Kind: page.Text}, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Parameter.Query().Where(f.condition, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list parameters: %w", err)
	}
	return page.Read(p, rows, func(p *ent.Parameter) (any, int64) { return p.Code, p.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.Parameter.Query().Where(f.condition).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count parameters: %w", err)
		}
		return n, nil
	}), nil
}

func (f *Filter) condition(s *sql.Selector) {
	if f.Category != nil {
		s.Where(sql.EQ(s.C(parameter.FieldCategory), *f.Category))
	}
	if f.IsActive != nil {
		page.Flag(parameter.FieldIsActive, *f.IsActive)(s)
	}
}

// ByCategory lists the parameters of a category in its own order.
func (s *Service) ByCategory(ctx context.Context, category string, includeInactive bool) ([]*ent.Parameter, error) {
	if err := actor.Require(ctx, actor.ParameterRead); err != nil {
		return nil, err
	}
	rows, err := s.category(ctx, category)
	if err != nil {
		return nil, err
	}
	if !includeInactive {
		rows = slices.DeleteFunc(slices.Clone(rows), func(p *ent.Parameter) bool { return !p.IsActive }) // they are others' too
	}
	return rows, nil
}

// category has all parameters of a category in its own order, from the cache.
func (s *Service) category(ctx context.Context, category string) ([]*ent.Parameter, error) {
	return cache.Get(ctx, s.Cache, cache.Parameters, category, func(ctx context.Context) ([]*ent.Parameter, error) {
		// In the order of the index; the few rows are put into their own here.
		rows, err := s.DB.Parameter.Query().Where(parameter.Category(category)).Order(parameter.ByIsActive(), parameter.BySortNo(), parameter.ByID()).Limit(MaxInCategory).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read parameters of %s: %w", category, err)
		}
		slices.SortFunc(rows, func(a, b *ent.Parameter) int { return cmp.Or(cmp.Compare(a.SortNo, b.SortNo), cmp.Compare(a.ID, b.ID)) })
		return rows, nil
	})
}

// Find returns a parameter by its category and code; nil when there is none.
func (s *Service) Find(ctx context.Context, category, code string) (*ent.Parameter, error) {
	if err := actor.Require(ctx, actor.ParameterRead); err != nil {
		return nil, err
	}
	rows, err := s.category(ctx, category)
	if err != nil {
		return nil, err
	}
	for _, p := range rows {
		if p.Code == code {
			return p, nil
		}
	}
	return nil, nil //nolint:nilnil // absent is an answer
}
