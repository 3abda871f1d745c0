package service

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
	"aliaport/internal/turkish"
)

// Filter narrows the list.
type Filter struct {
	Search    *string
	IsActive  *bool
	GroupCode *string
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// Order fields.
const (
	ByName OrderField = "NAME"
	ByCode OrderField = "CODE"
)

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

const offered = "isActive|groupCode (NAME); search (+isActive|groupCode)"

// List returns one page of services, by name unless ordered otherwise.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.Service], error) {
	if err := actor.Require(ctx, actor.ServiceRead); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Order{Field: ByName}
	}
	if f.Search == nil && (f.IsActive != nil && f.GroupCode != nil || (f.IsActive != nil || f.GroupCode != nil) && o.Field != ByName) {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	hash, err := page.Hash("services", f)
	if err != nil {
		return nil, err
	}
	order, at := o.keyset()
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	where, err := f.condition()
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Service.Query().Where(where, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.Service.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count services: %w", err)
		}
		return n, nil
	}), nil
}

func (o *Order) keyset() (page.Order, func(*ent.Service) (any, int64)) {
	order := page.Order{Name: string(o.Field), Column: service.FieldNameFold, Kind: page.Text, Desc: o.Direction == page.Desc}
	if o.Field == ByCode {
		order.Column = service.FieldCode
		return order, func(s *ent.Service) (any, int64) { return s.Code, s.ID }
	}
	return order, func(s *ent.Service) (any, int64) { return s.NameFold, s.ID }
}

func (f *Filter) condition() (func(*sql.Selector), error) {
	var contains func(*sql.Selector)
	if f.Search != nil {
		var err error
		if contains, err = page.Contains(service.FieldSearchText, turkish.Fold(*f.Search)); err != nil {
			return nil, err
		}
	}
	return func(s *sql.Selector) {
		if f.IsActive != nil {
			page.Flag(service.FieldIsActive, *f.IsActive)(s)
		}
		if f.GroupCode != nil {
			s.Where(sql.EQ(s.C(service.FieldGroupCode), *f.GroupCode))
		}
		if contains != nil {
			contains(s)
		}
	}, nil
}
