package workorder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/predicate"
	"aliaport/ent/schema"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/turkish"
)

// Filter narrows the list. Only the combinations of offered() are answered.
type Filter struct {
	Status       []workorder.Status
	Cari         *globalid.ID
	CariCode     *string
	Type         *workorder.Type
	Priority     *workorder.Priority
	CreatedAt    *page.Range
	PlannedStart *page.Range
	Overdue      *bool
	Search       *string
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// Order fields.
const (
	ByCreatedAt    OrderField = "CREATED_AT"
	ByPlannedStart OrderField = "PLANNED_START"
	ByPlannedEnd   OrderField = "PLANNED_END"
)

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

// offered tells clients what can be combined.
const offered = "status|type|priority|status+type|status+priority|cari|cari+status (+createdAt); plannedStart|plannedStart+status (PLANNED_START); overdue (PLANNED_END); search+status|cari|type|priority|createdAt"

// List returns one page of the orders that are not deleted, newest first unless
// ordered otherwise. A combination of filters that no index answers is
// FILTER_NOT_INDEXED.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.WorkOrder], error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	q, err := f.plan(o, s.Now())
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("workOrders", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, q.order, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.WorkOrder.Query().Where(p.Union(workorder.Table, q.arms)).Select(p.Columns(ctx, workorder.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list work orders: %w", err)
	}
	return page.Read(p, rows, q.at, func(ctx context.Context) (int, error) {
		if f.keptCount() {
			return s.keptCount(ctx, f.Status)
		}
		n, err := s.DB.WorkOrder.Query().Where(q.whole).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count work orders: %w", err)
		}
		return n, nil
	}), nil
}

// query is a filter made ready for an index: arms are the index ranges that each
// hold the page's order, whole is the same in one condition, for counting.
type query struct {
	order page.Order
	at    func(*ent.WorkOrder) (any, int64)
	arms  []func(*sql.Selector)
	whole predicate.WorkOrder
}

// plan chooses the index for the filter.
func (f *Filter) plan(o *Order, now time.Time) (*query, error) {
	q, err := f.orderedBy(o)
	if err != nil {
		return nil, err
	}
	rest, err := f.conditions(now)
	if err != nil {
		return nil, err
	}
	statuses := slices.Compact(slices.Sorted(slices.Values(f.Status)))
	if statuses == nil && (f.Type != nil || f.Priority != nil) && f.Search == nil {
		statuses = everyStatus // those indexes begin with the status
	}
	all := func(s *sql.Selector) {
		for _, c := range rest {
			c(s)
		}
	}
	switch {
	case f.Search != nil: // the trigram index finds the rows; the rest is looked at row by row
		q.arms = []func(*sql.Selector){func(s *sql.Selector) { all(s); among(s, statuses) }}
	case len(statuses) > 0:
		for _, status := range statuses {
			q.arms = append(q.arms, func(s *sql.Selector) { all(s); s.Where(sql.EQ(s.C(workorder.FieldStatus), status)) })
		}
	default:
		q.arms = []func(*sql.Selector){all}
	}
	q.whole = func(s *sql.Selector) { all(s); among(s, statuses) }
	return q, nil
}

var everyStatus = []workorder.Status{
	workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted,
	workorder.StatusInvoiced, workorder.StatusClosed, workorder.StatusRejected, workorder.StatusCancelled,
}

func among(s *sql.Selector, statuses []workorder.Status) {
	if len(statuses) > 0 {
		args := make([]any, len(statuses))
		for i := range statuses {
			args[i] = statuses[i]
		}
		s.Where(sql.In(s.C(workorder.FieldStatus), args...))
	}
}

// orderedBy checks that filter and order go together and an index answers them.
func (f *Filter) orderedBy(o *Order) (*query, error) {
	want, desc := ByCreatedAt, true
	q := &query{at: func(wo *ent.WorkOrder) (any, int64) { return wo.CreatedAt, wo.ID }}
	switch {
	case f.overdue():
		want, desc = ByPlannedEnd, false
		q.at = func(wo *ent.WorkOrder) (any, int64) { return *wo.PlannedEnd, wo.ID }
	case f.PlannedStart != nil:
		want, desc = ByPlannedStart, false
		q.at = func(wo *ent.WorkOrder) (any, int64) { return *wo.PlannedStart, wo.ID }
	}
	if o != nil {
		desc = o.Direction == page.Desc
	}
	if o != nil && o.Field != want || !f.indexed() {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	q.order = page.Order{Name: string(want), Column: strings.ToLower(string(want)), Kind: page.Time, Desc: desc}
	return q, nil
}

func (f *Filter) overdue() bool { return f.Overdue != nil && *f.Overdue }

// indexed holds for the combinations that an index answers; see ent/schema.
func (f *Filter) indexed() bool {
	cari, status := f.Cari != nil || f.CariCode != nil, len(f.Status) > 0
	switch {
	case f.Overdue != nil && !*f.Overdue: // "not overdue" would be nearly everything
		return false
	case f.overdue():
		return !status && !cari && f.Type == nil && f.Priority == nil && f.CreatedAt == nil && f.PlannedStart == nil && f.Search == nil
	case f.PlannedStart != nil:
		return !cari && f.Type == nil && f.Priority == nil && f.CreatedAt == nil && f.Search == nil
	case f.Search != nil:
		return true
	case cari:
		return f.Type == nil && f.Priority == nil
	default:
		return f.Type == nil || f.Priority == nil
	}
}

// keptCount holds for a filter by nothing but the status, whose rows are counted already.
func (f *Filter) keptCount() bool {
	return f.Cari == nil && f.CariCode == nil && f.Type == nil && f.Priority == nil && f.CreatedAt == nil && f.PlannedStart == nil && f.Overdue == nil && f.Search == nil
}

// conditions are those that every row has to meet, except for the status.
func (f *Filter) conditions(now time.Time) ([]func(*sql.Selector), error) {
	var cs []func(*sql.Selector)
	where := func(p func(*sql.Selector)) { cs = append(cs, p) }
	if f.overdue() {
		// Written out, so that the databases see that the partial index holds these rows.
		where(func(s *sql.Selector) { s.Where(sql.ExprP(schema.OverdueCondition)) })
		where(func(s *sql.Selector) { s.Where(sql.LT(s.C(workorder.FieldPlannedEnd), now)) })
		return cs, nil
	}
	where(page.Flag(workorder.FieldIsActive, true))
	if f.Cari != nil && f.CariCode != nil {
		return nil, apperr.New(apperr.BadUserInput, "reason", "cari, cariCode")
	}
	if f.Cari != nil {
		key, err := f.Cari.Of("Cari")
		if err != nil {
			return nil, err
		}
		// The code never changes, and its index is the one there is.
		where(func(s *sql.Selector) {
			code := s.C(workorder.FieldCariCode)
			s.Where(sql.P(func(b *sql.Builder) {
				b.Ident(code).WriteString(" = (SELECT cari_code FROM cari WHERE id = ").Arg(key).WriteString(")")
			}))
		})
	}
	if f.CariCode != nil {
		where(func(s *sql.Selector) { s.Where(sql.EQ(s.C(workorder.FieldCariCode), *f.CariCode)) })
	}
	if f.Type != nil {
		where(func(s *sql.Selector) { s.Where(sql.EQ(s.C(workorder.FieldType), *f.Type)) })
	}
	if f.Priority != nil {
		where(func(s *sql.Selector) { s.Where(sql.EQ(s.C(workorder.FieldPriority), *f.Priority)) })
	}
	if f.CreatedAt != nil {
		where(f.CreatedAt.Within(workorder.FieldCreatedAt))
	}
	if f.PlannedStart != nil {
		where(func(s *sql.Selector) { s.Where(sql.NotNull(s.C(workorder.FieldPlannedStart))) })
		where(f.PlannedStart.Within(workorder.FieldPlannedStart))
	}
	if f.Search != nil {
		contains, err := page.Contains(workorder.FieldSearchText, turkish.Fold(*f.Search))
		if err != nil {
			return nil, err
		}
		where(contains)
	}
	return cs, nil
}
