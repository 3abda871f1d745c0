package aliatest

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"aliaport/internal/store"
)

// Recorder is a driver that remembers the queries that ent sends through it, so that a
// test can ask the planner about them.
type Recorder struct {
	dialect.Driver

	Sent []Statement

	reader *sql.DB
}

// Statement is what was sent.
type Statement struct {
	Text string
	Args []any
}

// Record returns a recorder on the connections of the database that only read.
func Record(db *store.DB) *Recorder {
	return &Recorder{Driver: entsql.OpenDB(db.Dialect(), db.Reader()), reader: db.Reader()}
}

// Query remembers and sends a query of ent.
func (r *Recorder) Query(ctx context.Context, query string, args, v any) error {
	list, ok := args.([]any)
	if !ok {
		return fmt.Errorf("arguments are a %T", args)
	}
	r.Sent = append(r.Sent, Statement{query, list})
	return r.Driver.Query(ctx, query, args, v)
}

// QueryContext remembers and sends a query that was written by hand.
func (r *Recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.Sent = append(r.Sent, Statement{query, args})
	return r.reader.QueryContext(ctx, query, args...)
}

// Last is the newest query.
func (r *Recorder) Last() Statement { return r.Sent[len(r.Sent)-1] }
