package graph

import (
	"maps"
	"slices"

	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	"aliaport/ent/gatelog"
	"aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderperson"
	"aliaport/ent/workorderstatushistory"
	"aliaport/graph/compiled"
)

// entity says where the rows of a type are, and which columns its resolvers look at. A
// field that is one column needs no line; a field that is neither makes all be read.
type entity struct {
	table string
	needs map[string][]string
}

// entities are the types that are read by the columns selected. A test compares what is
// answered with what whole rows give.
var entities = map[string]entity{
	"AuditEvent": {auditevent.Table, map[string][]string{
		"changes": {auditevent.FieldChanges}, "entityId": {auditevent.FieldResource, auditevent.FieldEntityID},
		"extra": {auditevent.FieldExtra}, "user": {auditevent.FieldUserID},
	}},
	"Cari": {cari.Table, map[string][]string{"uninvoiced": nil}},
	"GateLog": {gatelog.Table, map[string][]string{
		"checklist": {gatelog.FieldChecklist}, "correction": nil, "corrects": {gatelog.FieldCorrectsID},
		"entryBy": {gatelog.FieldEntryBy}, "exitBy": {gatelog.FieldExitBy},
		"isOverBase":    {gatelog.FieldDurationMinutes, gatelog.FieldEntryAt, gatelog.FieldBaseMinutes},
		"minutesInside": {gatelog.FieldDurationMinutes, gatelog.FieldEntryAt, gatelog.FieldBaseMinutes},
		"motorbot":      {gatelog.FieldMotorbotID}, "person": {gatelog.FieldPersonID}, "workOrder": {gatelog.FieldWorkOrderID},
	}},
	"Motorbot": {motorbot.Table, map[string][]string{"activeTripCount": nil, "lastTrip": nil, "owner": {motorbot.FieldOwnerCariID}}},
	"Trip": {trip.Table, map[string][]string{
		"calculation": {trip.FieldCalculation}, "cari": {trip.FieldCariID}, "createdBy": {trip.FieldCreatedBy},
		"durationMinutes": {trip.FieldDepartureAt, trip.FieldReturnAt},
		"isLate":          {trip.FieldStatus, trip.FieldPlannedDepartureAt, trip.FieldPlannedReturnAt},
		"isPriced":        {trip.FieldGrandTotal}, "motorbot": {trip.FieldMotorbotID}, "service": {trip.FieldServiceID},
		"workOrder": {trip.FieldWorkOrderID},
	}},
	"WorkLog": {worklog.Table, map[string][]string{
		"createdBy": {worklog.FieldCreatedBy}, "decidedBy": {worklog.FieldDecidedBy}, "item": nil, "motorbot": {worklog.FieldMotorbotID},
		"service": {worklog.FieldServiceID}, "trip": {worklog.FieldTripID}, "workOrder": {worklog.FieldWorkOrderID},
	}},
	"WorkOrder": {workorder.Table, map[string][]string{
		"adjustments": nil, "cari": {workorder.FieldCariID}, "gateLogs": nil, "history": nil,
		"isOverdue": {workorder.FieldStatus, workorder.FieldPlannedEnd}, "items": nil, "persons": nil,
		"priceListId": {workorder.FieldPriceListID}, "requester": {workorder.FieldRequesterID},
		"surchargeChoice": {workorder.FieldSurchargeChoice}, "workLogs": nil,
	}},
	"WorkOrderItem": {workorderitem.Table, map[string][]string{
		"calculation": nil, "service": {workorderitem.FieldServiceID}, "workLog": {workorderitem.FieldWorkLogID},
		"workOrder": {workorderitem.FieldWorkOrderID},
	}},
	"WorkOrderPerson": {workorderperson.Table, map[string][]string{
		"decidedBy": {workorderperson.FieldDecidedBy}, "nationalId": {workorderperson.FieldNationalID},
		"passportNo": {workorderperson.FieldPassportNo}, "phone": {workorderperson.FieldPhone},
	}},
	"WorkOrderStatusHistory": {workorderstatushistory.Table, map[string][]string{"user": {workorderstatushistory.FieldUserID}}},
}

// columns are those that the plans of an operation look at, by table, for
// store.WithColumns.
func columns(plans []*compiled.Plan) map[string][]string {
	wanted, whole := map[string]map[string]bool{}, map[string]bool{}
	for _, p := range plans {
		p.Steps(func(typ string, s *compiled.Step) {
			of, ok := entities[typ]
			if !ok || s.Field.Name == "__typename" {
				return
			}
			if wanted[of.table] == nil {
				wanted[of.table] = map[string]bool{"id": true}
			}
			needs, known := of.needs[s.Field.Name]
			if s.Column != "" {
				needs, known = []string{s.Column}, true
			}
			whole[of.table] = whole[of.table] || !known
			for _, c := range needs {
				wanted[of.table][c] = true
			}
		})
	}
	tables := map[string][]string{}
	for table, names := range wanted {
		if !whole[table] {
			tables[table] = slices.Sorted(maps.Keys(names))
		}
	}
	return tables
}
