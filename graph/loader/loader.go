// Package loader reads what nested fields ask for in batches: one statement a kind
// of row, however long the list. Loaders live as long as one request.
package loader

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"entgo.io/ent/dialect/sql"
	"github.com/graph-gophers/dataloader/v7"

	"aliaport/ent"
	"aliaport/ent/auditarchive"
	"aliaport/ent/auditevent"
	"aliaport/ent/cari"
	"aliaport/ent/exchangerate"
	"aliaport/ent/gatechecklistitem"
	"aliaport/ent/gatelog"
	"aliaport/ent/jobrun"
	"aliaport/ent/monthlyreport"
	"aliaport/ent/motorbot"
	entparameter "aliaport/ent/parameter"
	"aliaport/ent/parameterhistory"
	"aliaport/ent/permission"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/ent/role"
	"aliaport/ent/service"
	"aliaport/ent/serviceoverride"
	enttrip "aliaport/ent/trip"
	"aliaport/ent/user"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderperson"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/cache"
	"aliaport/internal/gate"
	"aliaport/internal/notification"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/store"
	"aliaport/internal/trip"
	rules "aliaport/internal/workorder"
)

// Options tune the batching. A loader sends its batch when no key came for Wait, or
// when Capacity keys are there.
type Options struct {
	Wait     time.Duration
	Capacity int
	// Pages makes the cursors of lists within rows; PageLimits bound them.
	Pages      *page.Codec
	PageLimits page.Limits
	// Batched, unless nil, is told how many keys were read together.
	Batched func(keys int)
	// Cache keeps services and customers between requests.
	Cache *cache.Cache
}

// Once is the key of what there is only one of.
const Once = 0

// Set holds the loaders of one request.
type Set struct {
	ExchangeRate  *Loader[*ent.ExchangeRate]
	AuditArchive  *Loader[*ent.AuditArchive]
	JobRun        *Loader[*ent.JobRun]
	MonthlyReport *Loader[*ent.MonthlyReport]
	AuditEvent    *Loader[*ent.AuditEvent]
	Cari          *Loader[*ent.Cari]
	Motorbot      *Loader[*ent.Motorbot]
	// Notification has those of the caller only.
	Notification          *Loader[*ent.Notification]
	NotificationDelivery  *Loader[*ent.NotificationDelivery]
	ActiveTripsOfMotorbot *Loader[int]
	LastTripOfMotorbot    *Loader[*ent.Trip]
	Trip                  *Loader[*ent.Trip]
	// TripDelay is the parameter of that name, under the key Once.
	TripDelay          *Loader[time.Duration]
	Parameter          *Loader[*ent.Parameter]
	UninvoicedOfCari   *Loader[[]*rules.UninvoicedTotal]
	ParameterHistory   *Loader[*ent.ParameterHistory]
	HistoryOfParameter *Loader[[]*ent.ParameterHistory]
	PriceList          *Loader[*ent.PriceList]
	PriceListItem      *Loader[*ent.PriceListItem]
	ItemsOfPriceList   *Lists[*ent.PriceListItem]
	ServiceOverride    *Loader[*ent.ServiceOverride]
	// OverridesOfService are those that hold in their time, UnusedOfService the others.
	OverridesOfService *Lists[*ent.ServiceOverride]
	UnusedOfService    *Lists[*ent.ServiceOverride]
	Service            *Loader[*ent.Service]
	User               *Loader[*ent.User]
	Role               *Loader[*ent.Role]
	RolesOfUser        *Loader[[]*ent.Role]
	PermissionsOfRole  *Loader[[]*ent.Permission]
	WorkOrder          *Loader[*ent.WorkOrder]
	// WorkOrderItem and the other loaders of items leave out how prices came about, which is
	// longer than all the rest; CalculationOfItem has that.
	WorkOrderItem      *Loader[*ent.WorkOrderItem]
	CalculationOfItem  *Loader[json.RawMessage]
	WorkOrderHistory   *Loader[*ent.WorkOrderStatusHistory]
	ItemsOfWorkOrder   *Loader[[]*ent.WorkOrderItem]
	HistoryOfWorkOrder *Loader[[]*ent.WorkOrderStatusHistory]

	WorkOrderPerson    *Loader[*ent.WorkOrderPerson]
	PersonsOfWorkOrder *Loader[[]*ent.WorkOrderPerson]
	WorkLog            *Loader[*ent.WorkLog]
	LogsOfWorkOrder    *Loader[[]*ent.WorkLog]
	ItemOfWorkLog      *Loader[*ent.WorkOrderItem]
	GateLog            *Loader[*ent.GateLog]
	// CorrectionOfGateLog is the log that corrects the one with the key.
	CorrectionOfGateLog *Loader[*ent.GateLog]
	// StaysOfWorkOrder are the newest of them.
	StaysOfWorkOrder  *Loader[[]*ent.GateLog]
	GateChecklistItem *Loader[*ent.GateChecklistItem]
	// AdjustmentsOfWorkOrder are in the order in which they were made.
	AdjustmentsOfWorkOrder *Loader[[]*ent.WorkOrderAdjustment]
}

// New makes the loaders of the request whose context ctx is. Batches run under it,
// not under the context of the field that happened to ask first.
func New(ctx context.Context, db *store.DB, o Options) *Set {
	return &Set{
		AuditArchive: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.AuditArchive, error) {
			return db.AuditArchive.Query().Where(store.KeysIn(auditarchive.FieldID, keys)).All(ctx)
		}, func(a *ent.AuditArchive) int64 { return a.ID }),
		JobRun: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.JobRun, error) {
			return db.JobRun.Query().Where(store.KeysIn(jobrun.FieldID, keys)).All(ctx)
		}, func(r *ent.JobRun) int64 { return r.ID }),
		MonthlyReport: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.MonthlyReport, error) {
			return db.MonthlyReport.Query().Where(store.KeysIn(monthlyreport.FieldID, keys)).All(ctx)
		}, func(r *ent.MonthlyReport) int64 { return r.ID }),
		AuditEvent: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.AuditEvent, error) {
			return db.AuditEvent.Query().Where(store.KeysIn(auditevent.FieldID, keys)).All(ctx)
		}, func(e *ent.AuditEvent) int64 { return e.ID }),
		Cari: kept(ctx, o, cache.Customers, func(ctx context.Context, keys []int64) ([]*ent.Cari, error) {
			return db.Cari.Query().Where(store.KeysIn(cari.FieldID, keys)).All(ctx)
		}, func(c *ent.Cari) int64 { return c.ID }),
		Motorbot: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.Motorbot, error) {
			return db.Motorbot.Query().Where(motorbot.IsActive(true), store.KeysIn(motorbot.FieldID, keys)).Select(store.Columns(ctx, motorbot.Table)...).All(ctx)
		}, func(m *ent.Motorbot) int64 { return m.ID }),
		Notification: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.Notification, error) {
			return notification.ByKeys(ctx, db.Client, keys)
		}, func(n *ent.Notification) int64 { return n.ID }),
		NotificationDelivery: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.NotificationDelivery, error) {
			return notification.DeliveriesByKeys(ctx, db.Client, keys)
		}, func(d *ent.NotificationDelivery) int64 { return d.ID }),
		ActiveTripsOfMotorbot: build(ctx, o, 0, func(ctx context.Context, keys []int64) ([]trip.ActiveCount, error) {
			return trip.ActiveCounts(ctx, db.Client, keys)
		}, func(values map[int64]int, c trip.ActiveCount) { values[c.MotorbotID] = c.Count }),
		LastTripOfMotorbot: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.Trip, error) {
			return trip.LastTrips(ctx, db.Client, keys)
		}, func(t *ent.Trip) int64 { return t.MotorbotID }),
		Trip: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.Trip, error) {
			return db.Trip.Query().Where(enttrip.IsActive(true), store.KeysIn(enttrip.FieldID, keys)).Select(store.Columns(ctx, enttrip.Table)...).All(ctx)
		}, func(t *ent.Trip) int64 { return t.ID }),
		TripDelay: build(ctx, o, 0, func(ctx context.Context, _ []int64) ([]int, error) {
			minutes, err := parameter.Get(ctx, db.Client, parameter.TripDelayMinutes)
			return []int{minutes}, err
		}, func(values map[int64]time.Duration, minutes int) { values[Once] = time.Duration(minutes) * time.Minute }),
		ExchangeRate: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.ExchangeRate, error) {
			return db.ExchangeRate.Query().Where(store.KeysIn(exchangerate.FieldID, keys)).All(ctx)
		}, func(r *ent.ExchangeRate) int64 { return r.ID }),
		Parameter: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.Parameter, error) {
			return db.Parameter.Query().Where(store.KeysIn(entparameter.FieldID, keys)).All(ctx)
		}, func(p *ent.Parameter) int64 { return p.ID }),
		UninvoicedOfCari: many(ctx, o, func(ctx context.Context, keys []int64) ([]*rules.UninvoicedTotal, error) {
			return rules.UninvoicedByCari(ctx, db.Client, keys)
		}, func(t *rules.UninvoicedTotal) int64 { return t.CariID }),
		ParameterHistory: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.ParameterHistory, error) {
			return db.ParameterHistory.Query().Where(store.KeysIn(parameterhistory.FieldID, keys)).All(ctx)
		}, func(h *ent.ParameterHistory) int64 { return h.ID }),
		HistoryOfParameter: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.ParameterHistory, error) {
			return db.ParameterHistory.Query().Where(store.KeysIn(parameterhistory.FieldParameterID, keys)).
				Order(parameterhistory.ByParameterID(), parameterhistory.ByID(sql.OrderDesc())).All(ctx)
		}, func(h *ent.ParameterHistory) int64 { return h.ParameterID }),
		PriceList: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.PriceList, error) {
			return db.PriceList.Query().Where(store.KeysIn(pricelist.FieldID, keys)).All(ctx)
		}, func(l *ent.PriceList) int64 { return l.ID }),
		PriceListItem: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.PriceListItem, error) {
			return db.PriceListItem.Query().Where(store.KeysIn(pricelistitem.FieldID, keys)).All(ctx)
		}, func(i *ent.PriceListItem) int64 { return i.ID }),
		ItemsOfPriceList: lists(ctx, o, nested[*ent.PriceListItem]{
			name: "priceList.items", order: page.Order{Name: "SORT_NO", Column: pricelistitem.FieldSortNo, Kind: page.Number},
			table: pricelistitem.Table, owner: pricelistitem.FieldPriceListID,
			query: func(ctx context.Context, where func(*sql.Selector)) ([]*ent.PriceListItem, error) {
				return db.PriceListItem.Query().Where(where).All(ctx)
			},
			counts: func(ctx context.Context, where func(*sql.Selector)) (counts []ownerCount, err error) {
				err = db.PriceListItem.Query().Where(where).Modify(countBy(pricelistitem.FieldPriceListID)).Scan(ctx, &counts)
				return counts, err
			},
			key: func(i *ent.PriceListItem) int64 { return i.PriceListID },
			at:  func(i *ent.PriceListItem) (any, int64) { return i.SortNo, i.ID },
		}),
		ServiceOverride: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.ServiceOverride, error) {
			return db.ServiceOverride.Query().Where(store.KeysIn(serviceoverride.FieldID, keys)).All(ctx)
		}, func(i *ent.ServiceOverride) int64 { return i.ID }),
		OverridesOfService: overrides(ctx, db, o, true),
		UnusedOfService:    overrides(ctx, db, o, false),
		Service: kept(ctx, o, cache.Services, func(ctx context.Context, keys []int64) ([]*ent.Service, error) {
			return db.Service.Query().Where(store.KeysIn(service.FieldID, keys)).All(ctx)
		}, func(s *ent.Service) int64 { return s.ID }),
		User: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.User, error) {
			return db.User.Query().Where(store.KeysIn(user.FieldID, keys)).All(ctx)
		}, func(u *ent.User) int64 { return u.ID }),
		Role: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.Role, error) {
			return db.Role.Query().Where(store.KeysIn(role.FieldID, keys)).All(ctx)
		}, func(r *ent.Role) int64 { return r.ID }),
		RolesOfUser: pairs(ctx, o, func(ctx context.Context, keys []int64) ([]pair[*ent.Role], error) {
			links, err := db.User.Query().Where(store.KeysIn(user.FieldID, keys)).WithRoles(func(q *ent.RoleQuery) { q.Order(role.ByName()) }).All(ctx)
			return linked(links, err, func(u *ent.User) (int64, []*ent.Role) { return u.ID, u.Edges.Roles })
		}),
		PermissionsOfRole: pairs(ctx, o, func(ctx context.Context, keys []int64) ([]pair[*ent.Permission], error) {
			links, err := db.Role.Query().Where(store.KeysIn(role.FieldID, keys)).WithPermissions(func(q *ent.PermissionQuery) { q.Order(permission.ByName()) }).All(ctx)
			return linked(links, err, func(r *ent.Role) (int64, []*ent.Permission) { return r.ID, r.Edges.Permissions })
		}),
		WorkOrder: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrder, error) {
			return db.WorkOrder.Query().Where(workorder.IsActive(true), store.KeysIn(workorder.FieldID, keys)).Select(store.Columns(ctx, workorder.Table)...).All(ctx)
		}, func(wo *ent.WorkOrder) int64 { return wo.ID }),
		WorkOrderItem: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderItem, error) {
			return db.WorkOrderItem.Query().Where(store.KeysIn(workorderitem.FieldID, keys), workorderitem.HasWorkOrderWith(workorder.IsActive(true))).Select(columnsOfItems(ctx)...).All(ctx)
		}, func(i *ent.WorkOrderItem) int64 { return i.ID }),
		CalculationOfItem: build(ctx, o, nil, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderItem, error) {
			return db.WorkOrderItem.Query().Where(store.KeysIn(workorderitem.FieldID, keys)).Select(workorderitem.FieldCalculation).All(ctx)
		}, func(values map[int64]json.RawMessage, i *ent.WorkOrderItem) { values[i.ID] = i.Calculation }),
		WorkOrderHistory: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderStatusHistory, error) {
			return db.WorkOrderStatusHistory.Query().Where(store.KeysIn(workorderstatushistory.FieldID, keys), workorderstatushistory.HasWorkOrderWith(workorder.IsActive(true))).All(ctx)
		}, func(h *ent.WorkOrderStatusHistory) int64 { return h.ID }),
		ItemsOfWorkOrder: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderItem, error) {
			return db.WorkOrderItem.Query().Where(store.KeysIn(workorderitem.FieldWorkOrderID, keys)).
				Order(workorderitem.ByWorkOrderID(), workorderitem.BySequence()).Select(columnsOfItems(ctx)...).All(ctx)
		}, func(i *ent.WorkOrderItem) int64 { return i.WorkOrderID }),
		HistoryOfWorkOrder: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderStatusHistory, error) {
			return db.WorkOrderStatusHistory.Query().Where(store.KeysIn(workorderstatushistory.FieldWorkOrderID, keys)).
				Order(workorderstatushistory.ByWorkOrderID(), workorderstatushistory.ByID()).Select(store.Columns(ctx, workorderstatushistory.Table, workorderstatushistory.FieldWorkOrderID)...).All(ctx)
		}, func(h *ent.WorkOrderStatusHistory) int64 { return h.WorkOrderID }),
		WorkOrderPerson: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderPerson, error) {
			return db.WorkOrderPerson.Query().Where(store.KeysIn(workorderperson.FieldID, keys)).All(ctx)
		}, func(p *ent.WorkOrderPerson) int64 { return p.ID }),
		PersonsOfWorkOrder: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderPerson, error) {
			return db.WorkOrderPerson.Query().Where(store.KeysIn(workorderperson.FieldWorkOrderID, keys), page.Flag(workorderperson.FieldIsActive, true)).
				Order(workorderperson.ByWorkOrderID(), workorderperson.ByID()).Select(store.Columns(ctx, workorderperson.Table, workorderperson.FieldWorkOrderID)...).All(ctx)
		}, func(p *ent.WorkOrderPerson) int64 { return p.WorkOrderID }),
		WorkLog: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkLog, error) {
			return db.WorkLog.Query().Where(store.KeysIn(worklog.FieldID, keys)).Select(store.Columns(ctx, worklog.Table)...).All(ctx)
		}, func(l *ent.WorkLog) int64 { return l.ID }),
		LogsOfWorkOrder: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkLog, error) {
			return db.WorkLog.Query().Where(store.KeysIn(worklog.FieldWorkOrderID, keys)).
				Order(worklog.ByWorkOrderID(), worklog.ByTimeStart(), worklog.ByID()).Select(store.Columns(ctx, worklog.Table, worklog.FieldWorkOrderID)...).All(ctx)
		}, func(l *ent.WorkLog) int64 { return l.WorkOrderID }),
		ItemOfWorkLog: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderItem, error) {
			return db.WorkOrderItem.Query().Where(store.KeysIn(workorderitem.FieldWorkLogID, keys)).Select(columnsOfItems(ctx)...).All(ctx)
		}, func(i *ent.WorkOrderItem) int64 { return *i.WorkLogID }),
		GateLog: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.GateLog, error) {
			return db.GateLog.Query().Where(store.KeysIn(gatelog.FieldID, keys)).Select(store.Columns(ctx, gatelog.Table)...).All(ctx)
		}, func(l *ent.GateLog) int64 { return l.ID }),
		CorrectionOfGateLog: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.GateLog, error) {
			return db.GateLog.Query().Where(store.KeysIn(gatelog.FieldCorrectsID, keys)).Select(store.Columns(ctx, gatelog.Table, gatelog.FieldCorrectsID)...).All(ctx)
		}, func(l *ent.GateLog) int64 { return *l.CorrectsID }),
		StaysOfWorkOrder: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.GateLog, error) {
			return gate.NewestOf(ctx, db.Client, keys)
		}, func(l *ent.GateLog) int64 { return l.WorkOrderID }),
		GateChecklistItem: one(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.GateChecklistItem, error) {
			return db.GateChecklistItem.Query().Where(store.KeysIn(gatechecklistitem.FieldID, keys)).All(ctx)
		}, func(i *ent.GateChecklistItem) int64 { return i.ID }),
		AdjustmentsOfWorkOrder: many(ctx, o, func(ctx context.Context, keys []int64) ([]*ent.WorkOrderAdjustment, error) {
			return db.WorkOrderAdjustment.Query().Where(store.KeysIn(workorderadjustment.FieldWorkOrderID, keys)).
				Order(workorderadjustment.ByWorkOrderID(), workorderadjustment.ByID()).All(ctx)
		}, func(a *ent.WorkOrderAdjustment) int64 { return a.WorkOrderID }),
	}
}

// itemColumns are those of an item but how its price came about.
var itemColumns = slices.DeleteFunc(slices.Clone(workorderitem.Columns), func(c string) bool { return c == workorderitem.FieldCalculation })

// columnsOfItems are those that are looked at, without that one.
func columnsOfItems(ctx context.Context) []string {
	if looked := store.Columns(ctx, workorderitem.Table, workorderitem.FieldWorkOrderID, workorderitem.FieldWorkLogID); looked != nil {
		return looked
	}
	return itemColumns
}

// overrides are the dated prices of services, the one that begins last first.
func overrides(ctx context.Context, db *store.DB, o Options, active bool) *Lists[*ent.ServiceOverride] {
	return lists(ctx, o, nested[*ent.ServiceOverride]{
		name: fmt.Sprintf("service.overrides %t", active), order: page.Order{Name: "VALID_FROM", Column: serviceoverride.FieldValidFrom, Kind: page.Day, Desc: true},
		table: serviceoverride.Table, owner: serviceoverride.FieldServiceID,
		rest: []func(*sql.Selector){page.Flag(serviceoverride.FieldIsActive, active)},
		query: func(ctx context.Context, where func(*sql.Selector)) ([]*ent.ServiceOverride, error) {
			return db.ServiceOverride.Query().Where(where).All(ctx)
		},
		counts: func(ctx context.Context, where func(*sql.Selector)) (counts []ownerCount, err error) {
			err = db.ServiceOverride.Query().Where(where).Modify(countBy(serviceoverride.FieldServiceID)).Scan(ctx, &counts)
			return counts, err
		},
		key: func(i *ent.ServiceOverride) int64 { return i.ServiceID },
		at:  func(i *ent.ServiceOverride) (any, int64) { return i.ValidFrom, i.ID },
	})
}

// Clear forgets everything; what a mutation changed must be read anew.
func (s *Set) Clear() {
	s.AuditArchive.clear()
	s.JobRun.clear()
	s.MonthlyReport.clear()
	s.AuditEvent.clear()
	s.Cari.clear()
	s.ExchangeRate.clear()
	s.Motorbot.clear()
	s.Notification.clear()
	s.NotificationDelivery.clear()
	s.ActiveTripsOfMotorbot.clear()
	s.LastTripOfMotorbot.clear()
	s.Trip.clear()
	s.TripDelay.clear()
	s.Parameter.clear()
	s.UninvoicedOfCari.clear()
	s.ParameterHistory.clear()
	s.HistoryOfParameter.clear()
	s.PriceList.clear()
	s.PriceListItem.clear()
	s.ItemsOfPriceList.clear()
	s.ServiceOverride.clear()
	s.OverridesOfService.clear()
	s.UnusedOfService.clear()
	s.Service.clear()
	s.User.clear()
	s.Role.clear()
	s.RolesOfUser.clear()
	s.PermissionsOfRole.clear()
	s.WorkOrder.clear()
	s.WorkOrderItem.clear()
	s.CalculationOfItem.clear()
	s.WorkOrderHistory.clear()
	s.ItemsOfWorkOrder.clear()
	s.HistoryOfWorkOrder.clear()
	s.WorkOrderPerson.clear()
	s.PersonsOfWorkOrder.clear()
	s.WorkLog.clear()
	s.LogsOfWorkOrder.clear()
	s.ItemOfWorkLog.clear()
	s.GateLog.clear()
	s.CorrectionOfGateLog.clear()
	s.StaysOfWorkOrder.clear()
	s.GateChecklistItem.clear()
	s.AdjustmentsOfWorkOrder.clear()
}

type ctxKey struct{}

// With attaches the loaders to a request.
func With(ctx context.Context, s *Set) context.Context { return context.WithValue(ctx, ctxKey{}, s) }

// From returns the loaders of the request.
func From(ctx context.Context) *Set {
	s, ok := ctx.Value(ctxKey{}).(*Set)
	if !ok {
		panic("loader: the request has no loaders")
	}
	return s
}

// Loader loads values by key in batches.
type Loader[V any] struct {
	batched func() *dataloader.Loader[int64, V] // made when it is first asked
	read    func(ctx context.Context, keys []int64) (map[int64]V, error)

	mu     sync.RWMutex // protects primed
	primed map[int64]V
}

// Load returns the value of the key; the zero value if there is none. Errors are
// not kept: the next Load asks again.
func (l *Loader[V]) Load(ctx context.Context, key int64) (V, error) {
	l.mu.RLock()
	v, there := l.primed[key]
	l.mu.RUnlock()
	if there {
		return v, nil
	}
	v, err := l.batched().Load(ctx, key)()
	if err != nil {
		l.batched().Clear(ctx, key)
	}
	return v, err
}

// Prime reads the values of the keys at once, in one statement, without waiting for
// others, so that later Loads find them there.
func (l *Loader[V]) Prime(ctx context.Context, keys []int64) (map[int64]V, error) {
	values, err := l.read(ctx, keys)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.primed == nil {
		l.primed = make(map[int64]V, len(values))
	}
	maps.Copy(l.primed, values)
	return values, nil
}

func (l *Loader[V]) clear() {
	l.batched().ClearAll()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.primed = nil
}

// asked is the request's context with the values of the first field that asked: its
// end does not end the batch, but the profile can name it.
type asked struct {
	context.Context //nolint:containedctx // this is one

	first context.Context //nolint:containedctx // only its values are taken
}

func (a asked) Value(key any) any {
	if v := a.first.Value(key); v != nil {
		return v
	}
	return a.Context.Value(key)
}

// one makes a loader of single rows by their key.
func one[R any](ctx context.Context, o Options, query func(context.Context, []int64) ([]R, error), key func(R) int64) *Loader[R] {
	var none R
	return build(ctx, o, none, query, func(values map[int64]R, row R) { values[key(row)] = row })
}

// kept is one whose rows stay in the cache for later requests, which must not change
// them.
func kept[R any](ctx context.Context, o Options, ns *cache.Namespace, query func(context.Context, []int64) ([]*R, error), key func(*R) int64) *Loader[*R] {
	return one(ctx, o, func(ctx context.Context, keys []int64) ([]*R, error) {
		rows, err := cache.Many(ctx, o.Cache, ns, keys, func(ctx context.Context, missing []int64) (map[int64]*R, error) {
			rows, err := query(ctx, missing)
			byKey := make(map[int64]*R, len(rows))
			for _, r := range rows {
				byKey[key(r)] = r
			}
			return byKey, err
		})
		return slices.Collect(maps.Values(rows)), err
	}, key)
}

// many makes a loader of the rows that belong to a key, in the order of the query.
func many[R any](ctx context.Context, o Options, query func(context.Context, []int64) ([]R, error), owner func(R) int64) *Loader[[]R] {
	return build(ctx, o, []R{}, query, func(values map[int64][]R, row R) { values[owner(row)] = append(values[owner(row)], row) })
}

// pair is a row with the key that it was reached from over a join table.
type pair[R any] struct {
	owner int64
	row   R
}

// pairs makes a loader of rows that many owners share.
func pairs[R any](ctx context.Context, o Options, query func(context.Context, []int64) ([]pair[R], error)) *Loader[[]R] {
	return build(ctx, o, []R{}, query, func(values map[int64][]R, p pair[R]) { values[p.owner] = append(values[p.owner], p.row) })
}

func linked[O, R any](owners []O, err error, of func(O) (int64, []R)) (all []pair[R], _ error) {
	for _, o := range owners {
		key, rows := of(o)
		for _, r := range rows {
			all = append(all, pair[R]{key, r})
		}
	}
	return all, err
}

// build makes a loader; none is the value of a key that has no rows.
func build[R, V any](ctx context.Context, o Options, none V, query func(context.Context, []int64) ([]R, error), add func(map[int64]V, R)) *Loader[V] {
	read := func(ctx context.Context, keys []int64) (map[int64]V, error) {
		if o.Batched != nil {
			o.Batched(len(keys))
		}
		rows, err := query(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("load %d keys: %w", len(keys), err)
		}
		values := make(map[int64]V, len(keys))
		for _, row := range rows {
			add(values, row)
		}
		for _, key := range keys {
			if _, ok := values[key]; !ok {
				values[key] = none
			}
		}
		return values, nil
	}
	batch := func(first context.Context, keys []int64) []*dataloader.Result[V] {
		values, err := read(asked{ctx, first}, keys)
		results := make([]*dataloader.Result[V], len(keys))
		for i, key := range keys {
			results[i] = &dataloader.Result[V]{Data: values[key], Error: err}
		}
		return results
	}
	return &Loader[V]{
		batched: sync.OnceValue(func() *dataloader.Loader[int64, V] {
			return dataloader.NewBatchedLoader(batch, dataloader.WithWait[int64, V](o.Wait), dataloader.WithBatchCapacity[int64, V](o.Capacity))
		}),
		read: read,
	}
}
