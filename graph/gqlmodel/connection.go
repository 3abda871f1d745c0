// Package gqlmodel has the types of the API that are neither entities nor plain
// inputs.
package gqlmodel

import (
	"context"

	"aliaport/ent"
	"aliaport/internal/page"
)

// Node is a record with a global id.
type Node interface{ GlobalID() string }

// Connection is a page of a list as Relay describes it.
type Connection[T any] struct{ list *page.List[T] }

// NewConnection presents a page.
func NewConnection[T any](l *page.List[T]) *Connection[T] { return &Connection[T]{l} }

// Edge is a row with its cursor.
type Edge[T any] struct {
	Node   T
	Cursor string
}

// Edges are the rows with their cursors.
func (c *Connection[T]) Edges() []*Edge[T] {
	edges := make([]*Edge[T], len(c.list.Nodes))
	for i, n := range c.list.Nodes {
		edges[i] = &Edge[T]{Node: n, Cursor: c.list.Cursor(n)}
	}
	return edges
}

// Nodes are the rows alone.
func (c *Connection[T]) Nodes() []T { return c.list.Nodes }

// PageInfo tells where the page lies.
func (c *Connection[T]) PageInfo() *page.Info { return &c.list.Info }

// TotalCount counts the whole list; it is only called when selected.
func (c *Connection[T]) TotalCount(ctx context.Context) (int, error) { return c.list.Count(ctx) }

// The connections and edges of the API.
type (
	AuditEventConnection = Connection[*ent.AuditEvent]
	AuditEventEdge       = Edge[*ent.AuditEvent]
	CariConnection       = Connection[*ent.Cari]
	CariEdge             = Edge[*ent.Cari]
	ServiceConnection    = Connection[*ent.Service]
	ServiceEdge          = Edge[*ent.Service]
	UserConnection       = Connection[*ent.User]
	UserEdge             = Edge[*ent.User]
	WorkOrderConnection  = Connection[*ent.WorkOrder]
	WorkOrderEdge        = Edge[*ent.WorkOrder]
)
