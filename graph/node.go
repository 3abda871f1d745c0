package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"

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
	load       func(context.Context, *loader.Set, int64) (gqlmodel.Node, error)
}

var nodeTypes = map[string]nodeType{
	"AuditArchive": {actor.AuditRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.AuditArchive.Load(ctx, key))
	}},
	"JobRun": {actor.JobRun, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.JobRun.Load(ctx, key))
	}},
	"MonthlyReport": {actor.ReportRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.MonthlyReport.Load(ctx, key))
	}},
	"AuditEvent": {actor.AuditRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.AuditEvent.Load(ctx, key))
	}},
	"Cari": {actor.CariRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Cari.Load(ctx, key))
	}},
	"Motorbot": {actor.MotorbotRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Motorbot.Load(ctx, key))
	}},
	"NotificationDelivery": {actor.JobRun, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.NotificationDelivery.Load(ctx, key))
	}},
	"Notification": {"", func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Notification.Load(ctx, key))
	}},
	"Trip": {actor.TripRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Trip.Load(ctx, key))
	}},
	"ExchangeRate": {actor.RateRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.ExchangeRate.Load(ctx, key))
	}},
	"Parameter": {actor.ParameterRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Parameter.Load(ctx, key))
	}},
	"ParameterHistory": {actor.ParameterRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.ParameterHistory.Load(ctx, key))
	}},
	"PriceList": {actor.TariffRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.PriceList.Load(ctx, key))
	}},
	"PriceListItem": {actor.TariffRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.PriceListItem.Load(ctx, key))
	}},
	"ServiceOverride": {actor.TariffRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.ServiceOverride.Load(ctx, key))
	}},
	"Service": {actor.ServiceRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Service.Load(ctx, key))
	}},
	"Role": {actor.UserAdmin, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.Role.Load(ctx, key))
	}},
	"User": {"", func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.User.Load(ctx, key))
	}},
	"WorkOrder": {actor.WorkOrderRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.WorkOrder.Load(ctx, key))
	}},
	"WorkOrderItem": {actor.WorkOrderRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.WorkOrderItem.Load(ctx, key))
	}},
	"WorkOrderPerson": {actor.WorkOrderRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.WorkOrderPerson.Load(ctx, key))
	}},
	"WorkLog": {actor.FieldRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.WorkLog.Load(ctx, key))
	}},
	"GateLog": {actor.GateRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.GateLog.Load(ctx, key))
	}},
	"GateChecklistItem": {actor.GateRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.GateChecklistItem.Load(ctx, key))
	}},
	"WorkOrderStatusHistory": {actor.WorkOrderRead, func(ctx context.Context, s *loader.Set, key int64) (gqlmodel.Node, error) {
		return found(s.WorkOrderHistory.Load(ctx, key))
	}},
}

// found keeps an absent record from becoming a typed nil.
func found[R any, P interface {
	*R
	gqlmodel.Node
}](record P, err error) (gqlmodel.Node, error) {
	if record == nil {
		return nil, err
	}
	return record, err
}

// node finds one record; nil when there is none.
func node(ctx context.Context, id globalid.ID) (gqlmodel.Node, error) {
	t, ok := nodeTypes[id.Type]
	if !ok {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id")
	}
	if t.permission != "" {
		if err := actor.Require(ctx, t.permission); err != nil {
			return nil, err
		}
	}
	return t.load(ctx, loader.From(ctx), id.Key)
}

// nodes finds records in the order of the ids, nil for those that are not there.
// They are asked for at once, so that the loaders read a type in one statement.
func nodes(ctx context.Context, ids []*globalid.ID) ([]gqlmodel.Node, error) {
	if len(ids) > maxNodes {
		return nil, apperr.New(apperr.PageSizeExceeded, "limit", maxNodes)
	}
	records := make([]gqlmodel.Node, len(ids))
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() { records[i], errs[i] = node(ctx, *id) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil { // this one is null, the others are answered
			graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), err)
		}
	}
	return records, nil
}
