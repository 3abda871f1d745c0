package gate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/predicate"
	"aliaport/ent/schema"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/plate"
)

// Filter narrows the list. Only one of the fields but EntryAt can be given.
type Filter struct {
	EntryAt     *page.Range
	WorkOrder   *globalid.ID
	Plate       *string
	PlatePrefix *string
	Person      *globalid.ID
	IsException *bool
	IsInside    *bool
}

// OrderField is a column that the list can be ordered by.
type OrderField string

// Order fields.
const (
	ByEntry OrderField = "ENTRY_AT"
	ByPlate OrderField = "PLATE"
)

// Order is the sort order of the list.
type Order struct {
	Field     OrderField
	Direction page.Direction
}

// offered tells clients what can be combined.
const offered = "workOrder|plate|person|isException|isInside (+entryAt); platePrefix (PLATE)"

// Find returns a gate log; nil when there is none.
func (s *Service) Find(ctx context.Context, id globalid.ID) (*ent.GateLog, error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return nil, err
	}
	key, err := keyOf(id)
	if err != nil {
		return nil, err
	}
	l, err := s.DB.GateLog.Query().Where(gatelog.ID(key)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find gate log %d: %w", key, err)
	}
	return l, nil
}

// List returns one page of gate logs, corrected ones included, newest entry first
// unless ordered otherwise.
func (s *Service) List(ctx context.Context, f Filter, o *Order, a page.Args) (*page.List[*ent.GateLog], error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return nil, err
	}
	order, at, err := f.orderedBy(o)
	if err != nil {
		return nil, err
	}
	where, err := f.condition()
	if err != nil {
		return nil, err
	}
	return s.page(ctx, "gateLogs", f, where, order, at, a)
}

// InsideNow lists the vehicles and persons that are inside, the longest first.
func (s *Service) InsideNow(ctx context.Context, a page.Args) (*page.List[*ent.GateLog], error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return nil, err
	}
	return s.page(ctx, "insideNow", nil, inside, byEntry(false), entryOf, a)
}

func (s *Service) page(ctx context.Context, list string, f any, where predicate.GateLog, order page.Order, at func(*ent.GateLog) (any, int64), a page.Args) (*page.List[*ent.GateLog], error) {
	hash, err := page.Hash(list, f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.GateLog.Query().Where(where, p.Apply).Select(p.Columns(ctx, gatelog.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list gate logs: %w", err)
	}
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.GateLog.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count gate logs: %w", err)
		}
		return n, nil
	}), nil
}

func byEntry(desc bool) page.Order {
	return page.Order{Name: string(ByEntry), Column: gatelog.FieldEntryAt, Kind: page.Time, Desc: desc}
}

func entryOf(l *ent.GateLog) (any, int64) { return l.EntryAt, l.ID }

// orderedBy checks that filter and order go together and an index answers them.
func (f *Filter) orderedBy(o *Order) (page.Order, func(*ent.GateLog) (any, int64), error) {
	refused := apperr.New(apperr.FilterNotIndexed, "possible", offered)
	given := 0
	for _, is := range []bool{f.WorkOrder != nil, f.Plate != nil, f.PlatePrefix != nil, f.Person != nil, f.IsException != nil, f.IsInside != nil} {
		if is {
			given++
		}
	}
	// "No exception" and "not inside" would be nearly everything.
	if given > 1 || f.IsException != nil && !*f.IsException || f.IsInside != nil && !*f.IsInside {
		return page.Order{}, nil, refused
	}
	if f.PlatePrefix != nil {
		if f.EntryAt != nil || o != nil && o.Field != ByPlate {
			return page.Order{}, nil, refused
		}
		order := page.Order{Name: string(ByPlate), Column: gatelog.FieldPlateNorm, Kind: page.Text, Desc: o != nil && o.Direction == page.Desc}
		return order, func(l *ent.GateLog) (any, int64) { return *l.PlateNorm, l.ID }, nil
	}
	if o != nil && o.Field != ByEntry {
		return page.Order{}, nil, refused
	}
	return byEntry(o == nil || o.Direction == page.Desc), entryOf, nil
}

func (f *Filter) condition() (predicate.GateLog, error) {
	var cs []func(*sql.Selector)
	equal := func(column string, value any) {
		cs = append(cs, func(s *sql.Selector) { s.Where(sql.EQ(s.C(column), value)) })
	}
	if f.EntryAt != nil {
		cs = append(cs, f.EntryAt.Within(gatelog.FieldEntryAt))
	}
	if f.WorkOrder != nil {
		key, err := f.WorkOrder.Of("WorkOrder")
		if err != nil {
			return nil, err
		}
		equal(gatelog.FieldWorkOrderID, key)
	}
	if f.Person != nil {
		key, err := f.Person.Of("WorkOrderPerson")
		if err != nil {
			return nil, err
		}
		equal(gatelog.FieldPersonID, key)
	}
	if f.Plate != nil {
		p, ok := plate.Parse(*f.Plate)
		if !ok {
			return nil, apperr.New(apperr.BadUserInput, "reason", "plate")
		}
		equal(gatelog.FieldPlateNorm, p.Norm)
	}
	if f.PlatePrefix != nil {
		from, ok := plate.Prefix(*f.PlatePrefix)
		if !ok {
			return nil, apperr.New(apperr.BadUserInput, "reason", "platePrefix")
		}
		// Plates are of A-Z and 0-9, which all come before ~.
		cs = append(cs, func(s *sql.Selector) {
			s.Where(sql.GTE(s.C(gatelog.FieldPlateNorm), from)).Where(sql.LT(s.C(gatelog.FieldPlateNorm), from+"~"))
		})
	}
	// Written out, so that the databases see that a partial index holds these rows.
	if f.IsException != nil {
		cs = append(cs, func(s *sql.Selector) { s.Where(sql.ExprP(schema.GateExceptionCondition)) })
	}
	if f.IsInside != nil {
		cs = append(cs, inside)
	}
	return func(s *sql.Selector) {
		for _, c := range cs {
			c(s)
		}
	}, nil
}

// Direction tells an entry from an exit.
type Direction string

// Directions.
const (
	In  Direction = "ENTRY"
	Out Direction = "EXIT"
)

// Event is an entry or an exit.
type Event struct {
	Direction Direction
	At        time.Time
	Log       *ent.GateLog
}

// Newest returns the n newest entries and exits, newest first. Logs that were
// corrected are left out; the corrections are there.
func (s *Service) Newest(ctx context.Context, n int) ([]Event, error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return nil, err
	}
	entries, err := s.DB.GateLog.Query().Where(gatelog.IsSuperseded(false)).
		Order(ent.Desc(gatelog.FieldEntryAt, gatelog.FieldID)).Limit(n).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the newest entries: %w", err)
	}
	exits, err := s.DB.GateLog.Query().Where(left, gatelog.IsSuperseded(false)).
		Order(ent.Desc(gatelog.FieldExitAt, gatelog.FieldID)).Limit(n).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the newest exits: %w", err)
	}
	events := make([]Event, 0, len(entries)+len(exits))
	for _, l := range exits {
		events = append(events, Event{Out, *l.ExitAt, l})
	}
	for _, l := range entries {
		events = append(events, Event{In, l.EntryAt, l})
	}
	slices.SortStableFunc(events, func(a, b Event) int { return b.At.Compare(a.At) })
	return events[:min(n, len(events))], nil
}

// left holds for stays that have ended. Written as the partial index is.
func left(s *sql.Selector) { s.Where(sql.ExprP(schema.GateLeftCondition)) }

// newestStays is how many stays an order shows at once.
const newestStays = 50

// NewestOf returns the newest stays of each of the orders, newest first.
func NewestOf(ctx context.Context, c *ent.Client, orders []int64) ([]*ent.GateLog, error) {
	p := &page.Page{Order: byEntry(true), Size: newestStays - 1} // of which one more is read
	stays, err := c.GateLog.Query().Where(p.OfEach(gatelog.Table, gatelog.FieldWorkOrderID, orders)).
		Select(p.Columns(ctx, gatelog.Table, gatelog.FieldWorkOrderID)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("newest stays of %d work orders: %w", len(orders), err)
	}
	return stays, nil
}
