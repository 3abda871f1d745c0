package cari

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
	"aliaport/internal/turkish"
)

// Filter narrows the list.
type Filter struct {
	Search   *string
	IsActive *bool
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// Order fields.
const (
	ByTitle     OrderField = "TITLE"
	ByCode      OrderField = "CARI_CODE"
	ByCreatedAt OrderField = "CREATED_AT"
)

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

const offered = "isActive (TITLE); search (+isActive)"

// List returns one page of customer accounts, by title unless ordered otherwise.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.Cari], error) {
	if err := actor.Require(ctx, actor.CariRead); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Order{Field: ByTitle}
	}
	if f.IsActive != nil && f.Search == nil && o.Field != ByTitle {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	order, at := o.keyset()
	hash, err := page.Hash("cariAccounts", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	where, err := f.condition()
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Cari.Query().Where(where, p.Apply).Select(p.Columns(ctx, cari.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list customer accounts: %w", err)
	}
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.Cari.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count customer accounts: %w", err)
		}
		return n, nil
	}), nil
}

func (o *Order) keyset() (page.Order, func(*ent.Cari) (any, int64)) {
	order := page.Order{Name: string(o.Field), Kind: page.Text, Desc: o.Direction == page.Desc}
	switch o.Field {
	case ByCode:
		order.Column = cari.FieldCariCode
		return order, func(c *ent.Cari) (any, int64) { return c.CariCode, c.ID }
	case ByCreatedAt:
		order.Column, order.Kind = cari.FieldCreatedAt, page.Time
		return order, func(c *ent.Cari) (any, int64) { return c.CreatedAt, c.ID }
	case ByTitle:
	}
	order.Column = cari.FieldTitleFold
	return order, func(c *ent.Cari) (any, int64) { return c.TitleFold, c.ID }
}

func (f *Filter) condition() (func(*sql.Selector), error) {
	var contains func(*sql.Selector)
	if f.Search != nil {
		var err error
		if contains, err = page.Contains(cari.FieldSearchText, turkish.Fold(*f.Search)); err != nil {
			return nil, err
		}
	}
	return func(s *sql.Selector) {
		if f.IsActive != nil {
			page.Flag(cari.FieldIsActive, *f.IsActive)(s)
		}
		if contains != nil {
			contains(s)
		}
	}, nil
}
