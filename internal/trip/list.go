package trip

import (
	"context"
	"fmt"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/predicate"
	"aliaport/ent/schema"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
)

// Filter narrows the list. Only the combinations of offered are answered.
type Filter struct {
	Status     []trip.Status
	Motorbot   *globalid.ID
	MbCode     *string
	Cari       *globalid.ID
	CariCode   *string
	StartsAt   *page.Range
	TripDate   *page.DateRange
	Uninvoiced *bool
	Late       *bool
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// ByStart is from when the boat is busy.
const ByStart OrderField = "STARTS_AT"

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

// offered tells clients what can be combined.
const offered = "status|motorbot|motorbot+status|cari|cari+uninvoiced (+startsAt +tripDate); late"

// List returns one page of the trips that are not deleted, latest start first unless
// ordered otherwise. A combination of filters that no index answers is
// FILTER_NOT_INDEXED.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.Trip], error) {
	if err := actor.Require(ctx, actor.TripRead); err != nil {
		return nil, err
	}
	arms, err := s.ranges(ctx, &f)
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("trips", f)
	if err != nil {
		return nil, err
	}
	order := page.Order{Name: string(ByStart), Column: trip.FieldStartsAt, Kind: page.Time, Desc: o == nil || o.Direction == page.Desc}
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.Trip.Query().Where(p.Union(trip.Table, arms)).Select(p.Columns(ctx, trip.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list trips: %w", err)
	}
	return page.Read(p, rows, func(t *ent.Trip) (any, int64) { return t.StartsAt, t.ID }, func(ctx context.Context) (total int, err error) {
		for _, arm := range arms { // no trip is in two of them
			n, err := s.DB.Trip.Query().Where(predicate.Trip(arm)).Aggregate(page.CountRows).Int(ctx)
			if err != nil {
				return 0, fmt.Errorf("count trips: %w", err)
			}
			total += n
		}
		return total, nil
	}), nil
}

// ranges makes the ranges of an index, each in the order of the page, that together
// hold the rows.
func (s *Service) ranges(ctx context.Context, f *Filter) (arms []func(*sql.Selector), err error) {
	if !f.indexed() {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	if f.Late != nil {
		minutes, err := parameter.Get(ctx, s.DB.Client, parameter.TripDelayMinutes)
		if err != nil {
			return nil, err
		}
		return late(s.Now().Add(-time.Duration(minutes) * time.Minute)), nil
	}
	conditions, err := f.conditions()
	if err != nil {
		return nil, err
	}
	all := func(s *sql.Selector) {
		for _, c := range conditions {
			c(s)
		}
	}
	statuses := slices.Compact(slices.Sorted(slices.Values(f.Status)))
	switch {
	case len(statuses) == 0:
		arms = append(arms, all)
	case f.boat(): // few enough that each is looked at
		args := make([]any, len(statuses))
		for i := range statuses {
			args[i] = statuses[i]
		}
		arms = append(arms, func(s *sql.Selector) { all(s); s.Where(sql.In(s.C(trip.FieldStatus), args...)) })
	default:
		for _, status := range statuses {
			arms = append(arms, func(s *sql.Selector) { all(s); s.Where(sql.EQ(s.C(trip.FieldStatus), status)) })
		}
	}
	return arms, nil
}

func (f *Filter) boat() bool     { return f.Motorbot != nil || f.MbCode != nil }
func (f *Filter) customer() bool { return f.Cari != nil || f.CariCode != nil }

// indexed holds for the combinations that an index answers; see ent/schema.
func (f *Filter) indexed() bool {
	status, ranged := len(f.Status) > 0, f.StartsAt != nil || f.TripDate != nil
	switch {
	case f.Late != nil:
		return *f.Late && !status && !ranged && !f.boat() && !f.customer() && f.Uninvoiced == nil
	case f.Uninvoiced != nil:
		return *f.Uninvoiced && f.customer() && !status && !f.boat()
	case f.customer():
		return !status && !f.boat()
	default:
		return true
	}
}

// late are the trips that should have departed or come back before the time.
func late(before time.Time) []func(*sql.Selector) {
	active := page.Flag(trip.FieldIsActive, true)
	return []func(*sql.Selector){
		func(s *sql.Selector) { // a planned trip starts with its planned departure
			active(s)
			s.Where(sql.And(sql.EQ(s.C(trip.FieldStatus), trip.StatusPlanned), sql.LT(s.C(trip.FieldStartsAt), before)))
		},
		func(s *sql.Selector) { // of which there are no more than boats
			active(s)
			s.Where(sql.And(sql.EQ(s.C(trip.FieldStatus), trip.StatusUnderway), sql.LT(s.C(trip.FieldPlannedReturnAt), before)))
		},
	}
}

// conditions are those that every row has to meet, except for the status.
func (f *Filter) conditions() (cs []func(*sql.Selector), err error) {
	if f.Uninvoiced != nil {
		// Written out, so that the databases see that the partial index holds these rows.
		cs = append(cs, func(s *sql.Selector) { s.Where(sql.ExprP(schema.TripUninvoicedCondition)) })
	} else {
		cs = append(cs, page.Flag(trip.FieldIsActive, true))
	}
	boat, err := owned("motorbot, mbCode", f.Motorbot, "Motorbot", f.MbCode, trip.FieldMotorbotID, "SELECT id FROM motorbot WHERE mb_code = ")
	if err != nil {
		return nil, err
	}
	customer, err := owned("cari, cariCode", f.Cari, "Cari", f.CariCode, trip.FieldCariID, "SELECT id FROM cari WHERE cari_code = ")
	if err != nil {
		return nil, err
	}
	for _, c := range []func(*sql.Selector){boat, customer} {
		if c != nil {
			cs = append(cs, c)
		}
	}
	if f.StartsAt != nil {
		cs = append(cs, f.StartsAt.Within(trip.FieldStartsAt))
	}
	if f.TripDate != nil {
		// The day of a trip is that of its start.
		r := page.Range{}
		if f.TripDate.From != nil {
			r.From = new(f.TripDate.From.Start().UTC())
		}
		if f.TripDate.To != nil {
			r.To = new(f.TripDate.To.Start().UTC())
		}
		cs = append(cs, r.Within(trip.FieldStartsAt))
	}
	return cs, nil
}

// owned holds for rows that point to a record named by id or by code; nil when it is
// not named.
func owned(fields string, id *globalid.ID, typ string, code *string, column, byCode string) (func(*sql.Selector), error) {
	switch {
	case id != nil && code != nil:
		return nil, apperr.New(apperr.BadUserInput, "reason", fields)
	case id != nil:
		key, err := id.Of(typ)
		if err != nil {
			return nil, err
		}
		return func(s *sql.Selector) { s.Where(sql.EQ(s.C(column), key)) }, nil
	case code != nil:
		return func(s *sql.Selector) {
			name := s.C(column)
			s.Where(sql.P(func(b *sql.Builder) { b.Ident(name).WriteString(" = (" + byCode).Arg(*code).WriteString(")") }))
		}, nil
	}
	return nil, nil //nolint:nilnil // not narrowed
}
