package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"aliaport/ent"
	"aliaport/internal/globalid"
)

// nodes are the types of the API whose records the trail tells of.
var nodes = map[Resource]string{
	WorkOrder: "WorkOrder", WorkOrderItem: "WorkOrderItem", WorkOrderPerson: "WorkOrderPerson", WorkLog: "WorkLog", Cari: "Cari",
	Motorbot: "Motorbot", Trip: "Trip", Service: "Service", Parameter: "Parameter", PriceList: "PriceList", PriceListItem: "PriceListItem",
	PriceOverride: "ServiceOverride", ExchangeRate: "ExchangeRate", GateLog: "GateLog", ChecklistItem: "GateChecklistItem", User: "User", Role: "Role",
	Segment: "AuditArchive",
	Job:     "JobRun", MonthlyReport: "MonthlyReport", Delivery: "NotificationDelivery",
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
