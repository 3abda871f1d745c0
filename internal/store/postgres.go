package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

func openPostgres(ctx context.Context, dsn string, o Options) (*sql.DB, error) {
	cfg, err := pq.NewConfig(dsn)
	if err != nil {
		// The text of a URL error holds the URL, and with it the password.
		if bad, ok := errors.AsType[*url.Error](err); ok {
			err = bad.Err
		}
		return nil, fmt.Errorf("PostgreSQL URL: %w", err)
	}
	if cfg.ApplicationName == "" {
		cfg.ApplicationName = o.AppName
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 5 * time.Second
	}
	settings := map[string]string{"statement_timeout": strconv.FormatInt(o.StatementTimeout.Milliseconds(), 10)}
	maps.Copy(settings, cfg.Runtime) // what the URL says goes first
	if o.ReadOnly {
		settings["default_transaction_read_only"] = "on"
	}
	settings["timezone"] = "UTC" // times come back in UTC
	cfg.Runtime = settings

	c, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL URL: %w", err)
	}
	db := sql.OpenDB(pgConnector{c, o.StatementCache})
	db.SetMaxOpenConns(o.MaxOpen)
	db.SetMaxIdleConns(o.MaxIdle)
	db.SetConnMaxLifetime(o.MaxLifetime)
	if err := ping(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL at %s:%d: %w", cfg.Host, cfg.Port, err), db.Close())
	}
	return db, nil
}

type pgConnector struct {
	*pq.Connector
	cache int
}

func (c pgConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(pqConn)
	if !ok {
		return nil, fmt.Errorf("PostgreSQL driver opened a %T", opened)
	}
	return &pgConn{pqConn: conn, cap: c.cache, statements: map[string]*pgStatement{}}, nil
}

// pqConn is all that a connection of lib/pq can do.
type pqConn interface {
	sqldriver.Conn
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.QueryerContext
	sqldriver.NamedValueChecker
	sqldriver.Pinger
	sqldriver.SessionResetter
	sqldriver.Validator
}

// pgConn keeps the statements that were prepared on its connection. lib/pq sends
// a statement with arguments in two round trips, a prepared one in one.
//
// database/sql lets one goroutine at a time use a connection.
type pgConn struct {
	pqConn
	cap        int
	statements map[string]*pgStatement // by text
	uses       int64
}

type pgStatement struct {
	sqldriver.Stmt
	lastUse int64
}

// Longer texts are lists of values that hardly come again.
const maxCachedText = 8 << 10

func (c *pgConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return viaStatement(ctx, c, query, args, sqldriver.StmtQueryContext.QueryContext, c.pqConn.QueryContext)
}

func (c *pgConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	return viaStatement(ctx, c, query, args, sqldriver.StmtExecContext.ExecContext, c.pqConn.ExecContext)
}

// viaStatement runs query through its prepared statement if it is worth one.
func viaStatement[S, R any](ctx context.Context, c *pgConn, query string, args []sqldriver.NamedValue,
	prepared func(S, context.Context, []sqldriver.NamedValue) (R, error),
	plain func(context.Context, string, []sqldriver.NamedValue) (R, error),
) (R, error) {
	if c.cap == 0 || len(args) == 0 || len(query) > maxCachedText {
		return plain(ctx, query, args)
	}
	var none R
	stmt, err := c.statement(ctx, query)
	if err != nil {
		return none, err
	}
	run, ok := stmt.Stmt.(S)
	if !ok {
		return plain(ctx, query, args)
	}
	res, err := prepared(run, ctx, args)
	// The table was altered, or somebody discarded the session's statements.
	if pq.As(err, pqerror.FeatureNotSupported, pqerror.InvalidSQLStatementName) == nil {
		return res, err
	}
	c.forgetAll() // the others have the same age
	again, failed := plain(ctx, query, args)
	if failed != nil { // as in a transaction, which the first error has ended
		return none, err
	}
	return again, nil
}

func (c *pgConn) statement(ctx context.Context, query string) (*pgStatement, error) {
	c.uses++
	if s := c.statements[query]; s != nil {
		s.lastUse = c.uses
		return s, nil
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if len(c.statements) == c.cap {
		c.forget(c.leastRecent())
	}
	s := &pgStatement{stmt, c.uses}
	c.statements[query] = s
	return s, nil
}

// leastRecent looks at all: next to the round trip of what follows that is nothing.
func (c *pgConn) leastRecent() (query string) {
	oldest := c.uses
	for text, s := range c.statements {
		if s.lastUse < oldest {
			query, oldest = text, s.lastUse
		}
	}
	return query
}

func (c *pgConn) forget(query string) {
	// A connection that cannot close a statement says so when it is next used.
	_ = c.statements[query].Close()
	delete(c.statements, query)
}

func (c *pgConn) forgetAll() {
	for query := range c.statements {
		c.forget(query)
	}
}

// CheckNamedValue turns an argument into what is sent. JSON goes as text: in COPY
// lib/pq would encode it as bytea.
func (c *pgConn) CheckNamedValue(nv *sqldriver.NamedValue) error {
	if raw, ok := nv.Value.(json.RawMessage); ok {
		if nv.Value = nil; raw != nil {
			nv.Value = string(raw)
		}
		return nil
	}
	err := c.pqConn.CheckNamedValue(nv)
	if errors.Is(err, sqldriver.ErrSkip) {
		nv.Value, err = sqldriver.DefaultParameterConverter.ConvertValue(nv.Value)
	}
	if at, ok := nv.Value.(time.Time); ok {
		nv.Value = stored(at)
	}
	return err
}
