package doctor

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"

	"aliaport/internal/migrate"
)

// database is an open database of either kind.
type database struct {
	*sql.DB
	dialect string
}

func (db database) migrations(ctx context.Context, dir fs.FS) ([]migrate.FileStatus, error) {
	return migrate.Status(ctx, db.DB, db.dialect, migrate.Options{Dir: dir})
}

// remedies say what to do about files in a state, worst first.
var remedies = []struct {
	state  migrate.State
	remedy string
}{
	{migrate.Unknown, "start the program version that brought it, or restore the backup made before that"},
	{migrate.Edited, "restore the file as it was when applied, and put the change into a new migration"},
	{migrate.OutOfOrder, "give it a version newer than the last one applied, then run aliaport migrate hash"},
	{migrate.Partial, "correct the cause and run aliaport migrate up: it goes on where it stopped"},
	{migrate.Pending, "run aliaport migrate up, or start the server with --migrate (on SQLite every start applies them)"},
}

// judge turns the state of all files into findings.
func judge(ctx context.Context, list []migrate.FileStatus, db database) ([]Finding, error) {
	byState := map[migrate.State][]string{}
	for _, s := range list {
		byState[s.State] = append(byState[s.State], s.Name)
	}
	if len(list) > 0 && len(byState[migrate.Pending]) == len(list) {
		n, err := db.tables(ctx)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			return []Finding{{
				"migrations", Fail, fmt.Sprintf("the database has %d tables but no migration history", n),
				"if they are ours, run aliaport migrate baseline with the version they have; else name an empty database",
			}}, nil
		}
	}
	var found []Finding
	for _, r := range remedies {
		if names := byState[r.state]; len(names) > 0 {
			found = append(found, Finding{"migrations", severity(r.state, db.dialect), fmt.Sprintf("%s: %s", r.state, strings.Join(names, ", ")), r.remedy})
		}
	}
	if len(found) == 0 {
		found = []Finding{{"migrations", OK, fmt.Sprintf("all %d applied", len(list)), ""}}
	}
	return found, nil
}

// severity is Warn for what the next start mends by itself.
func severity(s migrate.State, dialect string) Status {
	if s == migrate.Pending && dialect == migrate.SQLite {
		return Warn
	}
	return Fail
}

// tables counts the tables that are there.
func (db database) tables(ctx context.Context) (n int, err error) {
	query := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
	if db.dialect == migrate.Postgres {
		query = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(current_schema())"
	}
	if err := db.QueryRowContext(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("count tables: %w", err)
	}
	return n, nil
}
