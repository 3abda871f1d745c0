package plan

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/lib/pq"
)

// Querier is a connection or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Postgres is the dialect whose plans are JSON.
const Postgres = "postgres"

// Explain asks how a statement would be run. It is not.
func Explain(ctx context.Context, q Querier, dialect, text string, args []any) (*Plan, error) {
	if !Explainable(text) {
		return nil, fmt.Errorf("%.20q… has no plan", text)
	}
	if dialect == Postgres {
		return onPostgres(ctx, q, "EXPLAIN (FORMAT JSON) "+text, args)
	}
	return onSQLite(ctx, q, text, args)
}

// Explainable tells whether a statement has a plan.
func Explainable(text string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch strings.ToUpper(word) {
	case "SELECT", "WITH", "INSERT", "UPDATE", "DELETE":
		return true
	}
	return false
}

// Measure runs a query on PostgreSQL and tells what happened, under a plan made for
// its arguments or, where generic says so, under one that fits all: the server
// changes from one to the other when it has seen a statement often. The transaction
// must be one that only reads. On SQLite nothing is run.
func Measure(ctx context.Context, q Querier, dialect, text string, args []any, generic []bool) ([]*Plan, error) {
	if dialect != Postgres {
		p, err := Explain(ctx, q, dialect, text, args)
		return []*Plan{p}, err
	}
	execute := "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE aliaport_plan"
	literals := make([]string, len(args))
	for k, a := range args {
		var err error
		if literals[k], err = literal(a); err != nil {
			return nil, err
		}
	}
	if len(args) > 0 {
		execute += "(" + strings.Join(literals, ", ") + ")"
	}
	if _, err := q.ExecContext(ctx, "PREPARE aliaport_plan AS "+text); err != nil {
		return nil, err
	}
	var plans []*Plan
	for _, g := range generic {
		mode := map[bool]string{true: "force_generic_plan", false: "force_custom_plan"}[g]
		if _, err := q.ExecContext(ctx, "SET LOCAL plan_cache_mode = "+mode); err != nil {
			return nil, err
		}
		p, err := onPostgres(ctx, q, execute, nil)
		if err != nil {
			return nil, err
		}
		p.Generic = g
		plans = append(plans, p)
	}
	_, err := q.ExecContext(ctx, "DEALLOCATE aliaport_plan")
	return plans, err
}

// literal writes an argument into a statement; the type follows from its place.
func literal(v any) (string, error) {
	if raw, ok := v.(json.RawMessage); ok {
		v = string(raw)
	}
	if valuer, ok := v.(sqldriver.Valuer); ok {
		var err error
		if v, err = valuer.Value(); err != nil {
			return "", err
		}
	}
	switch v := v.(type) {
	case nil:
		return "NULL", nil
	case time.Time:
		return pq.QuoteLiteral(v.UTC().Format(time.RFC3339Nano)), nil
	case []byte:
		return fmt.Sprintf(`'\x%x'`, v), nil
	}
	if k := reflect.TypeOf(v).Kind(); k == reflect.Slice || k == reflect.Array {
		array, err := pq.Array(v).Value()
		if err != nil {
			return "", err
		}
		return literal(array)
	}
	plain, err := sqldriver.DefaultParameterConverter.ConvertValue(v)
	if err != nil {
		return "", err
	}
	return pq.QuoteLiteral(fmt.Sprint(plain)), nil
}

func onPostgres(ctx context.Context, q Querier, text string, args []any) (*Plan, error) {
	docs, err := texts(ctx, q, text, args, func(rows *sql.Rows) (string, error) {
		var doc string
		err := rows.Scan(&doc)
		return doc, err
	})
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, errors.New("PostgreSQL gives no plan")
	}
	return FromPostgres([]byte(docs[0]))
}

func onSQLite(ctx context.Context, q Querier, text string, args []any) (*Plan, error) {
	rows, err := texts(ctx, q, "EXPLAIN QUERY PLAN "+text, args, func(rows *sql.Rows) (Row, error) {
		var (
			r    Row
			none int
		)
		err := rows.Scan(&r.ID, &r.Parent, &none, &r.Detail)
		return r, err
	})
	if err != nil {
		return nil, err
	}
	return FromSQLite(rows), nil
}

func texts[T any](ctx context.Context, q Querier, text string, args []any, scan func(*sql.Rows) (T, error)) (all []T, err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
