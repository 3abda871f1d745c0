// Package gqlmodel has the types of the API that are neither entities nor plain
// inputs.
package gqlmodel

import (
	"context"

	"aliaport/ent"
	"aliaport/internal/audit"
	"aliaport/internal/page"
	"aliaport/internal/workorder"
)

// Node is a record with a global id.
type Node interface{ GlobalID() string }

// Connection is a page of a list as Relay describes it.
type Connection[T any] struct{ list *page.List[T] }

// NewConnection presents a page.
func NewConnection[T any](l *page.List[T]) *Connection[T] { return &Connection[T]{l} }

// Edge is a row with its cursor.
type Edge[T any] struct {
	Node T

	list *page.List[T]
}

// Cursor names the place of the row in the list. It is sealed when it is asked for.
func (e *Edge[T]) Cursor() string { return e.list.Cursor(e.Node) }

// Edges are the rows with their cursors.
func (c *Connection[T]) Edges() []*Edge[T] {
	all := make([]Edge[T], len(c.list.Nodes))
	edges := make([]*Edge[T], len(all))
	for i, n := range c.list.Nodes {
		all[i] = Edge[T]{Node: n, list: c.list}
		edges[i] = &all[i]
	}
	return edges
}

// Nodes are the rows alone.
func (c *Connection[T]) Nodes() []T { return c.list.Nodes }

// PageInfo tells where the page lies.
func (c *Connection[T]) PageInfo() *page.Info { return &c.list.Info }

// TotalCount counts the whole list; it is only called when selected.
func (c *Connection[T]) TotalCount(ctx context.Context) (int, error) { return c.list.Count(ctx) }

// AuditEventConnection is a page of the trail, which is counted only so far.
type AuditEventConnection struct{ *Connection[*ent.AuditEvent] }

// TotalCountIsCapped tells whether there are more rows than are counted.
func (c *AuditEventConnection) TotalCountIsCapped(ctx context.Context) (bool, error) {
	n, err := c.TotalCount(ctx)
	return n >= audit.MaxCount, err
}

// The connections and edges of the API, under the names of the SDL.
type (
	// JobRunConnection is a page of the runs of jobs.
	JobRunConnection = Connection[*ent.JobRun]
	// JobRunEdge is a row of it with its cursor.
	JobRunEdge = Edge[*ent.JobRun]
	// MonthlyReportConnection is a page of the monthly reports.
	MonthlyReportConnection = Connection[*ent.MonthlyReport]
	// MonthlyReportEdge is a row of it with its cursor.
	MonthlyReportEdge = Edge[*ent.MonthlyReport]
	// AuditArchiveConnection is a page of the archived trail.
	AuditArchiveConnection = Connection[*ent.AuditArchive]
	// AuditArchiveEdge is a row of it with its cursor.
	AuditArchiveEdge = Edge[*ent.AuditArchive]
	// AuditEventEdge is a row of it with its cursor.
	AuditEventEdge = Edge[*ent.AuditEvent]
	// CariConnection is a page of customer accounts.
	CariConnection = Connection[*ent.Cari]
	// CariEdge is a row of it with its cursor.
	CariEdge = Edge[*ent.Cari]
	// ExchangeRateConnection is a page of exchange rates.
	ExchangeRateConnection = Connection[*ent.ExchangeRate]
	// ExchangeRateEdge is a row of it with its cursor.
	ExchangeRateEdge = Edge[*ent.ExchangeRate]
	// MotorbotConnection is a page of motorboats.
	MotorbotConnection = Connection[*ent.Motorbot]
	// MotorbotEdge is a row of it with its cursor.
	MotorbotEdge = Edge[*ent.Motorbot]
	// NotificationDeliveryConnection is a page of messages on their way out.
	NotificationDeliveryConnection = Connection[*ent.NotificationDelivery]
	// NotificationDeliveryEdge is a row of it with its cursor.
	NotificationDeliveryEdge = Edge[*ent.NotificationDelivery]
	// NotificationConnection is a page of notifications.
	NotificationConnection = Connection[*ent.Notification]
	// NotificationEdge is a row of it with its cursor.
	NotificationEdge = Edge[*ent.Notification]
	// ParameterConnection is a page of parameters.
	ParameterConnection = Connection[*ent.Parameter]
	// ParameterEdge is a row of it with its cursor.
	ParameterEdge = Edge[*ent.Parameter]
	// GateLogConnection is a page of gate logs.
	GateLogConnection = Connection[*ent.GateLog]
	// GateLogEdge is a row of it with its cursor.
	GateLogEdge = Edge[*ent.GateLog]
	// WorkLogConnection is a page of work logs.
	WorkLogConnection = Connection[*ent.WorkLog]
	// WorkLogEdge is a row of it with its cursor.
	WorkLogEdge = Edge[*ent.WorkLog]
	// PriceListConnection is a page of price lists.
	PriceListConnection = Connection[*ent.PriceList]
	// PriceListEdge is a row of it with its cursor.
	PriceListEdge = Edge[*ent.PriceList]
	// PriceListItemConnection is a page of the items of a price list.
	PriceListItemConnection = Connection[*ent.PriceListItem]
	// PriceListItemEdge is a row of it with its cursor.
	PriceListItemEdge = Edge[*ent.PriceListItem]
	// ServiceOverrideConnection is a page of the dated prices of a service.
	ServiceOverrideConnection = Connection[*ent.ServiceOverride]
	// ServiceOverrideEdge is a row of it with its cursor.
	ServiceOverrideEdge = Edge[*ent.ServiceOverride]
	// ServiceConnection is a page of services.
	ServiceConnection = Connection[*ent.Service]
	// ServiceEdge is a row of it with its cursor.
	ServiceEdge = Edge[*ent.Service]
	// TripConnection is a page of trips.
	TripConnection = Connection[*ent.Trip]
	// TripEdge is a row of it with its cursor.
	TripEdge = Edge[*ent.Trip]
	// UserConnection is a page of users.
	UserConnection = Connection[*ent.User]
	// UserEdge is a row of it with its cursor.
	UserEdge = Edge[*ent.User]
	// WorkOrderConnection is a page of work orders.
	WorkOrderConnection = Connection[*ent.WorkOrder]
	// WorkOrderEdge is a row of it with its cursor.
	WorkOrderEdge = Edge[*ent.WorkOrder]
	// WorkOrderItemConnection is a page of lines that wait for their invoice.
	WorkOrderItemConnection = Connection[*ent.WorkOrderItem]
	// WorkOrderItemEdge is a row of it with its cursor.
	WorkOrderItemEdge = Edge[*ent.WorkOrderItem]
	// UninvoicedCariConnection is a page of customers for whom something waits.
	UninvoicedCariConnection = Connection[*workorder.UninvoicedOf]
	// UninvoicedCariEdge is a row of it with its cursor.
	UninvoicedCariEdge = Edge[*workorder.UninvoicedOf]
)

// Dashboard has nothing of its own: each of its fields is asked for apart.
type Dashboard struct{}
