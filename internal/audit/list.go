package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Trail reads the trail.
type Trail struct {
	DB         *store.DB
	Pages      *page.Codec
	PageLimits page.Limits
}

// Filter narrows the list.
type Filter struct {
	User      *globalid.ID
	Action    *string
	Resource  *string
	EntityID  *globalid.ID // tells the resource too
	CreatedAt *page.Range
}

const offered = "user|action|resource|entityId (+createdAt)"

// nodes are the types of the API whose records the trail tells of.
var nodes = map[Resource]string{
	WorkOrder: "WorkOrder", WorkOrderItem: "WorkOrderItem", WorkOrderPerson: "WorkOrderPerson", WorkLog: "WorkLog", Cari: "Cari",
	Motorbot: "Motorbot", Trip: "Trip", Service: "Service", Parameter: "Parameter", PriceList: "PriceList", PriceListItem: "PriceListItem",
	PriceOverride: "ServiceOverride", ExchangeRate: "ExchangeRate", GateLog: "GateLog", ChecklistItem: "GateChecklistItem", User: "User", Role: "Role",
	Segment: "AuditArchive",
}

// Node is the type of the API that the resource's records have; empty if none.
func (r Resource) Node() string { return nodes[r] }

// EntityOf is the id by which clients know the record of an event; nil when there is
// no single record, or clients know none of its kind.
func EntityOf(e *ent.AuditEvent) *globalid.ID {
	typ := Resource(e.Resource).Node()
	if typ == "" || e.EntityID == nil {
		return nil
	}
	key, err := strconv.ParseInt(*e.EntityID, 10, 64)
	if err != nil {
		return nil
	}
	return &globalid.ID{Type: typ, Key: key}
}

// resourceOf is the resource whose records have the type; empty if none has.
func resourceOf(node string) Resource {
	for r, typ := range nodes {
		if typ == node {
			return r
		}
	}
	return ""
}

// List returns one page of the trail, newest first.
func (s *Trail) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.AuditEvent], error) {
	if err := actor.Require(ctx, actor.AuditRead); err != nil {
		return nil, err
	}
	where, err := f.condition()
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("auditEvents", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "CREATED_AT", Column: auditevent.FieldCreatedAt, Kind: page.Time, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.AuditEvent.Query().Where(where, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the trail: %w", err)
	}
	return page.Read(p, rows, func(e *ent.AuditEvent) (any, int64) { return e.CreatedAt, e.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.AuditEvent.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count the trail: %w", err)
		}
		return n, nil
	}), nil
}

func (f *Filter) condition() (func(*sql.Selector), error) {
	leading := 0
	for _, given := range []bool{f.User != nil, f.Action != nil, f.Resource != nil} {
		if given {
			leading++
		}
	}
	if leading > 1 || f.EntityID != nil && (f.User != nil || f.Action != nil) {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	resource, entity := f.Resource, (*string)(nil)
	if f.EntityID != nil {
		of, key := string(resourceOf(f.EntityID.Type)), strconv.FormatInt(f.EntityID.Key, 10)
		if of == "" || resource != nil && *resource != of {
			return nil, apperr.New(apperr.BadUserInput, "reason", "entityId")
		}
		resource, entity = &of, &key
	}
	var user int64
	if f.User != nil {
		var err error
		if user, err = f.User.Of("User"); err != nil {
			return nil, err
		}
	}
	return func(s *sql.Selector) {
		equal := func(column string, value *string) {
			if value != nil {
				s.Where(sql.EQ(s.C(column), *value))
			}
		}
		if f.User != nil {
			s.Where(sql.EQ(s.C(auditevent.FieldUserID), user))
		}
		equal(auditevent.FieldAction, f.Action)
		equal(auditevent.FieldResource, resource)
		equal(auditevent.FieldEntityID, entity)
		if f.CreatedAt != nil {
			f.CreatedAt.Within(auditevent.FieldCreatedAt)(s)
		}
	}, nil
}

// Change is a changed field as the API shows it: values as JSON text, nil for none.
type Change struct {
	Field    string
	Old, New *string
}

// ChangesOf lists the changed fields of an event by name.
func ChangesOf(e *ent.AuditEvent) ([]*Change, error) {
	if len(e.Changes) == 0 {
		return []*Change{}, nil
	}
	var fields map[string][2]json.RawMessage
	if err := json.Unmarshal(e.Changes, &fields); err != nil {
		return nil, fmt.Errorf("changes of event %d: %w", e.ID, err)
	}
	list := make([]*Change, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		list = append(list, &Change{Field: name, Old: shown(fields[name][0]), New: shown(fields[name][1])})
	}
	return list, nil
}

// ExtraOf is what else is known of an event, as JSON text; nil if nothing is.
func ExtraOf(e *ent.AuditEvent) *string { return shown(e.Extra) }

// shown writes JSON the same whatever the database made of its spaces and the
// order of its keys; nil for nothing.
func shown(raw json.RawMessage) *string {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil || v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	s := string(b)
	return &s
}
