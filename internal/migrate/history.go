package migrate

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ariga.io/atlas/sql/migrate"
)

type revision = migrate.Revision

// querier is what *sql.Conn and *sql.Tx have in common.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

const historyTable = "atlas_schema_revisions"

const historyColumns = "version, description, type, applied, total, executed_at, execution_time, error, error_stmt, hash, partial_hashes, operator_version"

// cloudRow is a row of the table that Atlas's command writes about itself.
const cloudRow = ".atlas_cloud_identifier"

// The layouts are those of Atlas's command, so that it can take over.
const createHistorySQLite = "CREATE TABLE IF NOT EXISTS `" + historyTable + "` (`version` text NOT NULL, `description` text NOT NULL, " +
	"`type` integer NOT NULL DEFAULT (2), `applied` integer NOT NULL DEFAULT (0), `total` integer NOT NULL DEFAULT (0), `executed_at` datetime NOT NULL, " +
	"`execution_time` integer NOT NULL, `error` text NULL, `error_stmt` text NULL, `hash` text NOT NULL, `partial_hashes` json NULL, " +
	"`operator_version` text NOT NULL, PRIMARY KEY (`version`))"

const createHistoryPostgres = `CREATE TABLE IF NOT EXISTS "` + historyTable + `" ("version" character varying NOT NULL, "description" character varying NOT NULL, ` +
	`"type" bigint NOT NULL DEFAULT 2, "applied" bigint NOT NULL DEFAULT 0, "total" bigint NOT NULL DEFAULT 0, "executed_at" timestamptz NOT NULL, ` +
	`"execution_time" bigint NOT NULL, "error" text NULL, "error_stmt" text NULL, "hash" character varying NOT NULL, "partial_hashes" jsonb NULL, ` +
	`"operator_version" character varying NOT NULL, PRIMARY KEY ("version"))`

// history keeps what was applied, in the database itself. It is the
// migrate.RevisionReadWriter of Atlas's executor.
type history struct {
	q        querier
	postgres bool
}

func (m *migrator) history(q querier) *history {
	return &history{q: q, postgres: m.dialect == Postgres}
}

var _ migrate.RevisionReadWriter = (*history)(nil)

// Ident names the table for Atlas.
func (*history) Ident() *migrate.TableIdent { return &migrate.TableIdent{Name: historyTable} }

// Init creates the table where it is missing.
func (h *history) Init(ctx context.Context) error {
	create := createHistorySQLite
	if h.postgres {
		create = createHistoryPostgres
	}
	if _, err := h.q.ExecContext(ctx, create); err != nil {
		return fmt.Errorf("create table %s: %w", historyTable, err)
	}
	return nil
}

// readIfAny is ReadRevisions on a database that may not have the table yet.
func (h *history) readIfAny(ctx context.Context) ([]*revision, error) {
	find := "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '" + historyTable + "'"
	if h.postgres {
		find = "SELECT c.relname FROM pg_class c WHERE c.oid = to_regclass('" + historyTable + "')"
	}
	found, err := h.strings(ctx, find)
	if err != nil {
		return nil, fmt.Errorf("look for table %s: %w", historyTable, err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return h.ReadRevisions(ctx)
}

// ReadRevisions returns all that was applied, by version.
func (h *history) ReadRevisions(ctx context.Context) ([]*revision, error) {
	revs, err := h.read(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("read migration history: %w", err)
	}
	return revs, nil
}

// ReadRevision returns migrate.ErrRevisionNotExist for a version never begun.
func (h *history) ReadRevision(ctx context.Context, version string) (*revision, error) {
	revs, err := h.read(ctx, " AND version = ?", version)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read migration history of %s: %w", version, err)
	case len(revs) == 0:
		return nil, migrate.ErrRevisionNotExist
	}
	return revs[0], nil
}

func (h *history) read(ctx context.Context, where string, args ...any) (revs []*revision, err error) {
	query := "SELECT " + historyColumns + " FROM " + historyTable + " WHERE version <> '" + cloudRow + "'" + where + " ORDER BY version"
	rows, err := h.q.QueryContext(ctx, h.bind(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRevision(rows)
		if err != nil {
			return nil, err
		}
		revs = append(revs, r)
	}
	return revs, rows.Err()
}

func scanRevision(rows *sql.Rows) (*revision, error) {
	var (
		r                 revision
		failure, stmt     sql.NullString
		took              int64
		hashesOfStatement []byte
	)
	err := rows.Scan(&r.Version, &r.Description, &r.Type, &r.Applied, &r.Total, &r.ExecutedAt, &took, &failure, &stmt, &r.Hash, &hashesOfStatement, &r.OperatorVersion)
	if err != nil {
		return nil, err
	}
	r.ExecutionTime, r.Error, r.ErrorStmt = time.Duration(took), failure.String, stmt.String
	if len(hashesOfStatement) > 0 {
		if err := json.Unmarshal(hashesOfStatement, &r.PartialHashes); err != nil {
			return nil, fmt.Errorf("statement hashes of %s: %w", r.Version, err)
		}
	}
	return &r, nil
}

// WriteRevision adds or replaces the row of a version.
func (h *history) WriteRevision(ctx context.Context, r *revision) error {
	var partial any
	if len(r.PartialHashes) > 0 {
		text, err := json.Marshal(r.PartialHashes)
		if err != nil {
			return fmt.Errorf("statement hashes of %s: %w", r.Version, err)
		}
		partial = string(text)
	}
	const write = "INSERT INTO " + historyTable + " (" + historyColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (version) DO UPDATE SET " +
		"description = excluded.description, type = excluded.type, applied = excluded.applied, total = excluded.total, executed_at = excluded.executed_at, " +
		"execution_time = excluded.execution_time, error = excluded.error, error_stmt = excluded.error_stmt, hash = excluded.hash, " +
		"partial_hashes = excluded.partial_hashes, operator_version = excluded.operator_version"
	_, err := h.q.ExecContext(ctx, h.bind(write), r.Version, r.Description, r.Type, r.Applied, r.Total, r.ExecutedAt.UTC(),
		int64(r.ExecutionTime), orNull(r.Error), orNull(r.ErrorStmt), r.Hash, partial, r.OperatorVersion)
	if err != nil {
		return fmt.Errorf("record migration %s: %w", r.Version, err)
	}
	return nil
}

// DeleteRevision removes the row of a version.
func (h *history) DeleteRevision(ctx context.Context, version string) error {
	if _, err := h.q.ExecContext(ctx, h.bind("DELETE FROM "+historyTable+" WHERE version = ?"), version); err != nil {
		return fmt.Errorf("delete record of migration %s: %w", version, err)
	}
	return nil
}

// otherTables names the tables and views of the database besides the history.
func (h *history) otherTables(ctx context.Context) ([]string, error) {
	find := "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ? ORDER BY name"
	if h.postgres {
		find = `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> ?
			AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
			ORDER BY c.relname`
	}
	names, err := h.strings(ctx, h.bind(find), historyTable)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	return names, nil
}

func (h *history) strings(ctx context.Context, query string, args ...any) (values []string, err error) {
	rows, err := h.q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, rows.Err()
}

// bind turns ? into $1, $2 … for PostgreSQL. No statement here has a ? in a literal.
func (h *history) bind(query string) string {
	if !h.postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}

func orNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

// writeBaseline records f and all before it as present without having run them.
func (h *history) writeBaseline(ctx context.Context, f file, operator string) error {
	now, err := h.clock(ctx)
	if err != nil {
		return err
	}
	return h.WriteRevision(ctx, &revision{
		Version: f.Version(), Description: f.Desc(), Type: migrate.RevisionTypeBaseline,
		ExecutedAt: now, Hash: f.sum, OperatorVersion: operator,
	})
}

// clock is the database's time: all who share the database share it.
func (h *history) clock(ctx context.Context) (time.Time, error) {
	ask := "SELECT strftime('%s', 'now')"
	if h.postgres {
		ask = "SELECT floor(extract(epoch FROM now()))::bigint::text"
	}
	answer, err := h.strings(ctx, ask)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	seconds, err := strconv.ParseInt(strings.Join(answer, ""), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
