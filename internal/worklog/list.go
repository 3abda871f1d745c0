package worklog

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/worklog"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
)

// Filter narrows the list. WorkOrder and Status exclude each other.
type Filter struct {
	WorkOrder *globalid.ID
	Status    *worklog.Status
	TimeStart *page.Range
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// ByStart is the one order field: when the work began.
const ByStart OrderField = "TIME_START"

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

const offered = "workOrder|status (+timeStart)"

// Find returns a work log; nil when there is none.
func (s *Service) Find(ctx context.Context, id globalid.ID) (*ent.WorkLog, error) {
	if err := actor.Require(ctx, actor.FieldRead); err != nil {
		return nil, err
	}
	key, err := id.Of("WorkLog")
	if err != nil {
		return nil, err
	}
	l, err := s.DB.WorkLog.Query().Where(worklog.ID(key)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find work log %d: %w", key, err)
	}
	return l, nil
}

// List returns one page of work logs, newest work first unless ordered otherwise.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.WorkLog], error) {
	if err := actor.Require(ctx, actor.FieldRead); err != nil {
		return nil, err
	}
	if f.WorkOrder != nil && f.Status != nil {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	where, err := f.condition()
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("workLogs", f)
	if err != nil {
		return nil, err
	}
	order := page.Order{Name: string(ByStart), Column: worklog.FieldTimeStart, Kind: page.Time, Desc: o == nil || o.Direction == page.Desc}
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.WorkLog.Query().Where(where, p.Apply).Select(p.Columns(ctx, worklog.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list work logs: %w", err)
	}
	at := func(l *ent.WorkLog) (any, int64) { return l.TimeStart, l.ID }
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.WorkLog.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count work logs: %w", err)
		}
		return n, nil
	}), nil
}

func (f *Filter) condition() (func(*sql.Selector), error) {
	var order int64
	if f.WorkOrder != nil {
		var err error
		if order, err = f.WorkOrder.Of("WorkOrder"); err != nil {
			return nil, err
		}
	}
	return func(s *sql.Selector) {
		if f.WorkOrder != nil {
			s.Where(sql.EQ(s.C(worklog.FieldWorkOrderID), order))
		}
		if f.Status != nil {
			s.Where(sql.EQ(s.C(worklog.FieldStatus), *f.Status))
		}
		if f.TimeStart != nil {
			f.TimeStart.Within(worklog.FieldTimeStart)(s)
		}
	}, nil
}
