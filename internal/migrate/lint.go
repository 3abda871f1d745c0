package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	_ "ariga.io/atlas/sql/postgres/postgrescheck" // registers the analyzers
	"ariga.io/atlas/sql/sqlcheck"
	"ariga.io/atlas/sql/sqlclient"
	_ "ariga.io/atlas/sql/sqlite/sqlitecheck" // registers the analyzers
)

// Finding is something in a migration that wants a second look.
type Finding struct {
	File string
	Line int
	Code string // of Atlas: DS102 drops a table, DS103 a column, MF101 a unique index over existing rows …
	Text string
}

func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Code, f.Text) }

// Lint replays the directory on a throw-away database and judges what its newest
// n files do (all of them if n is 0) to a database that holds rows. Where devURL
// is needed Plan tells.
//
// A finding that is meant is silenced by the comment "-- atlas:nolint" before
// its statement, or at the top of the file and followed by an empty line for all
// of it; codes after the word (atlas:nolint DS103) silence only those.
func Lint(ctx context.Context, dialect string, dir fs.FS, devURL string, n int) (found []Finding, err error) {
	d, err := openDir(dir)
	if err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	dev, err := openDev(ctx, dialect, devURL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dev.close(ctx)) }()
	m := &migrator{dialect: dialect, dir: d}
	drv, err := m.driver(dev)
	if err != nil {
		return nil, err
	}
	l := &linter{drv: drv, dialect: dialect, dev: dev}
	if l.analyzers, err = sqlcheck.AnalyzerFor(analyzersOf(dialect), nil); err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	if n <= 0 || n > len(d.files) {
		n = len(d.files)
	}
	for i, f := range d.files {
		here, err := l.file(ctx, f.File, i >= len(d.files)-n)
		if err != nil {
			return nil, fmt.Errorf("lint %s: %w", f.Name(), err)
		}
		found = append(found, here...)
	}
	return found, nil
}

type linter struct {
	drv       migrate.Driver
	dialect   string
	dev       *devDB
	analyzers []sqlcheck.Analyzer
}

func analyzersOf(dialect string) string {
	if dialect == SQLite {
		return "sqlite"
	}
	return dialect
}

// file runs f and, where judge says so, returns what is to be said of it.
func (l *linter) file(ctx context.Context, f migrate.File, judge bool) ([]Finding, error) {
	stmts, err := migrate.FileStmtDecls(l.drv, f)
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	if !judge {
		for _, s := range stmts {
			if err := l.exec(ctx, f, s); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	observed, err := l.observe(ctx, f, stmts)
	if err != nil {
		return nil, err
	}
	return l.analyze(ctx, observed, stmts)
}

func (l *linter) exec(ctx context.Context, f migrate.File, s *migrate.Stmt) error {
	if _, err := l.dev.ExecContext(ctx, s.Text); err != nil {
		return fmt.Errorf("line %d (%s): %w", lineOf(f.Bytes(), s.Pos), firstLine(s.Text), err)
	}
	return nil
}

// observe runs the statements of f and notes what each of them changes.
func (l *linter) observe(ctx context.Context, f migrate.File, stmts []*migrate.Stmt) (*sqlcheck.File, error) {
	start, err := l.drv.InspectRealm(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	observed := &sqlcheck.File{File: f, From: start, To: start}
	for _, s := range stmts {
		if err := l.exec(ctx, f, s); err != nil {
			return nil, err
		}
		now, err := l.drv.InspectRealm(ctx, nil)
		if err != nil {
			return nil, fmt.Errorf("inspect: %w", err)
		}
		changes, err := l.drv.RealmDiff(observed.To, now)
		if err != nil {
			return nil, fmt.Errorf("compare: %w", err)
		}
		observed.Changes = append(observed.Changes, &sqlcheck.Change{Stmt: s, Changes: changes})
		observed.To = now
	}
	if observed.Sum, err = l.drv.RealmDiff(start, observed.To); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	return observed, nil
}

func (l *linter) analyze(ctx context.Context, f *sqlcheck.File, stmts []*migrate.Stmt) ([]Finding, error) {
	var found []Finding
	for _, a := range l.analyzers {
		said := 0
		report := func(r sqlcheck.Report) {
			for _, d := range r.Diagnostics {
				said++
				if !silenced(f.File, stmts, d) {
					found = append(found, Finding{File: f.Name(), Line: lineOf(f.Bytes(), d.Pos), Code: d.Code, Text: d.Text})
				}
			}
		}
		err := a.Analyze(ctx, &sqlcheck.Pass{File: f, Dev: l.client(), Reporter: sqlcheck.ReportWriterFunc(report)})
		// Some analyzers also return an error for what they have reported.
		if err != nil && said == 0 {
			return nil, fmt.Errorf("analyze: %w", err)
		}
	}
	return found, nil
}

func (l *linter) client() *sqlclient.Client {
	return &sqlclient.Client{Name: analyzersOf(l.dialect), DB: l.dev.DB, Driver: l.drv}
}

// silenced reports whether the file or the statement carries a nolint for d.
func silenced(f migrate.File, stmts []*migrate.Stmt, d sqlcheck.Diagnostic) bool {
	rules := directives(f, "nolint")
	for _, s := range stmts {
		if s.Pos <= d.Pos && d.Pos < s.Pos+len(s.Text) {
			rules = append(rules, s.Directive("nolint")...)
		}
	}
	return slices.ContainsFunc(rules, func(codes string) bool {
		return codes == "" || slices.Contains(strings.FieldsFunc(codes, func(r rune) bool { return r == ' ' || r == ',' }), d.Code)
	})
}
