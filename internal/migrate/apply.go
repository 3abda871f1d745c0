package migrate

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
)

// run applies the files that list has as pending or partial, in order. On SQLite
// the caller's transaction holds them all.
func (m *migrator) run(ctx context.Context, conn *sql.Conn, list []FileStatus) ([]string, error) {
	var applied []string
	for _, s := range list {
		if s.State != Pending && s.State != Partial {
			continue
		}
		f, ok := m.dir.byVersion(s.Version)
		if !ok {
			return applied, fmt.Errorf("apply %s: no such file", s.Name)
		}
		if err := m.runFile(ctx, conn, f); err != nil {
			return applied, err
		}
		applied = append(applied, f.Name())
		m.log.InfoContext(ctx, "migration applied", "file", f.Name())
	}
	return applied, nil
}

func (m *migrator) runFile(ctx context.Context, conn *sql.Conn, f file) error {
	switch {
	case m.dialect == SQLite && f.withoutTransaction():
		return fmt.Errorf("%w: %s has atlas:txmode none, which SQLite migrations cannot have: they share one transaction", ErrFailed, f.Name())
	case m.dialect == SQLite:
		return m.explain(f, m.execute(ctx, conn, f), "No migration of this start was kept")
	case f.withoutTransaction():
		if err := m.prepareResume(ctx, conn, f); err != nil {
			return err
		}
		return m.explain(f, m.execute(ctx, conn, f), "The statements before it stay applied, and the next start resumes here")
	}
	return m.explain(f, m.inTransaction(ctx, conn, f), "Nothing of this file was kept")
}

func (m *migrator) inTransaction(ctx context.Context, conn *sql.Conn, f file) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := m.execute(ctx, tx, f); err != nil {
		if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
			discard(conn)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// execute has Atlas run the statements of f on q and record each of them.
func (m *migrator) execute(ctx context.Context, q schema.ExecQuerier, f file) error {
	drv, err := m.driver(q)
	if err != nil {
		return err
	}
	ex, err := migrate.NewExecutor(drv, m.dir, m.history(q), migrate.WithOperatorVersion(m.opts.Operator))
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	return ex.Execute(ctx, f.File)
}

func (m *migrator) driver(q schema.ExecQuerier) (migrate.Driver, error) {
	open := sqlite.Open
	if m.dialect == Postgres {
		open = postgres.Open
	}
	drv, err := open(q)
	if err != nil {
		return nil, fmt.Errorf("inspect %s: %w", m.dialect, err)
	}
	return drv, nil
}

// prepareResume lets a corrected file continue a half-applied one: Atlas checks
// the statements that ran but keeps the old hash and count, which the next start
// would take for an edit.
func (m *migrator) prepareResume(ctx context.Context, conn *sql.Conn, f file) error {
	h := m.history(conn)
	r, err := h.ReadRevision(ctx, f.Version())
	if errors.Is(err, migrate.ErrRevisionNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	drv, err := m.driver(conn)
	if err != nil {
		return err
	}
	stmts, err := migrate.FileStmtDecls(drv, f.File)
	if err != nil {
		return fmt.Errorf("read statements of %s: %w", f.Name(), err)
	}
	if len(stmts) < r.Applied {
		return fmt.Errorf("%w: %s has %d statements, of which %d are applied already. Restore those", ErrEdited, f.Name(), len(stmts), r.Applied)
	}
	r.Hash, r.Total = f.sum, len(stmts)
	return h.WriteRevision(ctx, r)
}

// explain says which statement of f failed, what state that leaves and what to do.
func (m *migrator) explain(f file, err error, left string) error {
	if err == nil {
		return nil
	}
	if changed, ok := errors.AsType[migrate.HistoryChangedError](err); ok {
		return fmt.Errorf("%w: statement %d of %s is applied already and was changed since. Restore it", ErrEdited, changed.Stmt, f.Name())
	}
	const advice = "Correct the file and hash the directory again, or go back to the program version before it"
	// Behind a failed statement PostgreSQL refuses all others, so what Atlas adds is noise.
	if failed, ok := errors.AsType[*migrate.StmtExecError](err); ok {
		return fmt.Errorf("%w: %s line %d (%s): %w. %s. %s", ErrFailed, f.Name(), lineOf(f.Bytes(), failed.Stmt.Pos), firstLine(failed.Stmt.Text), failed.Err, left, advice)
	}
	return fmt.Errorf("%w: %s: %w. %s", ErrFailed, f.Name(), err, left)
}

// lineOf counts from 1.
func lineOf(text []byte, pos int) int {
	return 1 + bytes.Count(text[:min(pos, len(text))], []byte("\n"))
}

func firstLine(stmt string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(stmt), "\n")
	if rest != "" {
		line += " …"
	}
	return line
}

// discard keeps a connection in an unknown state from going back to the pool.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
}
