package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"aliaport/ent"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
)

// maxNodes is how many records nodes(ids:) returns at once.
const maxNodes = 100

// nodeType says how the records of a type are found and who may see them.
type nodeType struct {
	permission actor.Permission // "": everybody who is signed in
	// one waits for others that are asked for in the same document and reads them together,
	// then what is selected on it.
	one func(ctx context.Context, load *loader.Set, typ string, key int64) (gqlmodel.Node, error)
	// many reads records at once, with what is selected on them.
	many func(ctx context.Context, load *loader.Set, typ string, keys []int64) (map[int64]gqlmodel.Node, error)
}

var nodeTypes = map[string]nodeType{
	"AuditArchive":           recordsOf(actor.AuditRead, func(s *loader.Set) *loader.Loader[*ent.AuditArchive] { return s.AuditArchive }),
	"JobRun":                 recordsOf(actor.JobRun, func(s *loader.Set) *loader.Loader[*ent.JobRun] { return s.JobRun }),
	"MonthlyReport":          recordsOf(actor.ReportRead, func(s *loader.Set) *loader.Loader[*ent.MonthlyReport] { return s.MonthlyReport }),
	"AuditEvent":             recordsOf(actor.AuditRead, func(s *loader.Set) *loader.Loader[*ent.AuditEvent] { return s.AuditEvent }),
	"Cari":                   recordsOf(actor.CariRead, func(s *loader.Set) *loader.Loader[*ent.Cari] { return s.Cari }),
	"Motorbot":               recordsOf(actor.MotorbotRead, func(s *loader.Set) *loader.Loader[*ent.Motorbot] { return s.Motorbot }),
	"NotificationDelivery":   recordsOf(actor.JobRun, func(s *loader.Set) *loader.Loader[*ent.NotificationDelivery] { return s.NotificationDelivery }),
	"Notification":           recordsOf("", func(s *loader.Set) *loader.Loader[*ent.Notification] { return s.Notification }),
	"Trip":                   recordsOf(actor.TripRead, func(s *loader.Set) *loader.Loader[*ent.Trip] { return s.Trip }),
	"ExchangeRate":           recordsOf(actor.RateRead, func(s *loader.Set) *loader.Loader[*ent.ExchangeRate] { return s.ExchangeRate }),
	"Parameter":              recordsOf(actor.ParameterRead, func(s *loader.Set) *loader.Loader[*ent.Parameter] { return s.Parameter }),
	"ParameterHistory":       recordsOf(actor.ParameterRead, func(s *loader.Set) *loader.Loader[*ent.ParameterHistory] { return s.ParameterHistory }),
	"PriceList":              recordsOf(actor.TariffRead, func(s *loader.Set) *loader.Loader[*ent.PriceList] { return s.PriceList }),
	"PriceListItem":          recordsOf(actor.TariffRead, func(s *loader.Set) *loader.Loader[*ent.PriceListItem] { return s.PriceListItem }),
	"ServiceOverride":        recordsOf(actor.TariffRead, func(s *loader.Set) *loader.Loader[*ent.ServiceOverride] { return s.ServiceOverride }),
	"Service":                recordsOf(actor.ServiceRead, func(s *loader.Set) *loader.Loader[*ent.Service] { return s.Service }),
	"Role":                   recordsOf(actor.UserAdmin, func(s *loader.Set) *loader.Loader[*ent.Role] { return s.Role }),
	"User":                   recordsOf("", func(s *loader.Set) *loader.Loader[*ent.User] { return s.User }),
	"WorkOrder":              recordsOf(actor.WorkOrderRead, func(s *loader.Set) *loader.Loader[*ent.WorkOrder] { return s.WorkOrder }),
	"WorkOrderItem":          recordsOf(actor.WorkOrderRead, func(s *loader.Set) *loader.Loader[*ent.WorkOrderItem] { return s.WorkOrderItem }),
	"WorkOrderPerson":        recordsOf(actor.WorkOrderRead, func(s *loader.Set) *loader.Loader[*ent.WorkOrderPerson] { return s.WorkOrderPerson }),
	"WorkLog":                recordsOf(actor.FieldRead, func(s *loader.Set) *loader.Loader[*ent.WorkLog] { return s.WorkLog }),
	"GateLog":                recordsOf(actor.GateRead, func(s *loader.Set) *loader.Loader[*ent.GateLog] { return s.GateLog }),
	"GateChecklistItem":      recordsOf(actor.GateRead, func(s *loader.Set) *loader.Loader[*ent.GateChecklistItem] { return s.GateChecklistItem }),
	"WorkOrderStatusHistory": recordsOf(actor.WorkOrderRead, func(s *loader.Set) *loader.Loader[*ent.WorkOrderStatusHistory] { return s.WorkOrderHistory }),
}

func recordsOf[R any, P interface {
	*R
	gqlmodel.Node
}](permission actor.Permission, through func(*loader.Set) *loader.Loader[P]) nodeType {
	return nodeType{
		permission: permission,
		one: func(ctx context.Context, load *loader.Set, typ string, key int64) (gqlmodel.Node, error) {
			record, err := through(load).Load(ctx, key)
			if err != nil || record == nil { // a Node that holds nil would not be nil
				return nil, err
			}
			return record, ahead(ctx, typ, []*R{record}, rowItself...)
		},
		many: func(ctx context.Context, load *loader.Set, typ string, keys []int64) (map[int64]gqlmodel.Node, error) {
			read, err := through(load).Prime(ctx, keys)
			if err != nil {
				return nil, err
			}
			found, rows := make(map[int64]gqlmodel.Node, len(read)), make([]*R, 0, len(read))
			for key, record := range read {
				if record != nil {
					found[key], rows = record, append(rows, record)
				}
			}
			return found, ahead(ctx, typ, rows, rowItself...)
		},
	}
}

// permitted is the type of an id whose records the caller may see.
func permitted(ctx context.Context, id globalid.ID) (nodeType, error) {
	t, ok := nodeTypes[id.Type]
	if !ok {
		return nodeType{}, apperr.New(apperr.BadUserInput, "reason", "id")
	}
	if t.permission == "" {
		return t, nil
	}
	return t, actor.Require(ctx, t.permission)
}

// node finds one record; nil when there is none. Where a document asks for several,
// each by a field of its own, they are read together.
func node(ctx context.Context, id globalid.ID) (gqlmodel.Node, error) {
	t, err := permitted(ctx, id)
	if err != nil {
		return nil, err
	}
	oc, fc := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx)
	same := 0
	for _, f := range graphql.CollectFields(oc, oc.Operation.SelectionSet, []string{fc.Object}) {
		if f.Name == fc.Field.Name {
			same++
		}
	}
	if same > 1 {
		return t.one(ctx, loader.From(ctx), id.Type, id.Key)
	}
	records, err := t.many(ctx, loader.From(ctx), id.Type, []int64{id.Key})
	return records[id.Key], err
}

// nodes finds records in the order of the ids, nil for those that are not there, in a
// statement for each type.
func nodes(ctx context.Context, ids []*globalid.ID) ([]gqlmodel.Node, error) {
	if len(ids) > maxNodes {
		return nil, apperr.New(apperr.PageSizeExceeded, "limit", maxNodes)
	}
	keys, failed := map[string][]int64{}, make([]error, len(ids))
	for i, id := range ids {
		if _, failed[i] = permitted(ctx, *id); failed[i] == nil {
			keys[id.Type] = append(keys[id.Type], id.Key)
		}
	}
	type answer struct {
		records map[int64]gqlmodel.Node
		err     error
	}
	var (
		wg      sync.WaitGroup
		answers = make(map[string]*answer, len(keys))
	)
	for typ, some := range keys {
		a := &answer{}
		answers[typ] = a
		wg.Go(func() { a.records, a.err = nodeTypes[typ].many(ctx, loader.From(ctx), typ, some) })
	}
	wg.Wait()
	records := make([]gqlmodel.Node, len(ids))
	for i, id := range ids {
		if a := answers[id.Type]; failed[i] == nil {
			records[i], failed[i] = a.records[id.Key], a.err
		}
		if failed[i] != nil { // this one is null, the others are answered
			records[i] = nil
			graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), failed[i])
		}
	}
	return records, nil
}
