package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-sqlite3"

	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

// sqlite looks at the library, the folder, the file and what a connection of the
// server gets.
func (r *report) sqlite(ctx context.Context) {
	r.sqliteLibrary()
	path := r.cfg.SQLitePath()
	r.folder(filepath.Dir(path))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		r.ok("database", "%s does not exist yet; the first start of the server makes it", path)
		return
	}
	// Read only: store would create the file and change its journal mode.
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_busy_timeout=2000")
	if err != nil {
		r.add("database", Fail, oneLine(err), "see the settings")
		return
	}
	defer db.Close()
	var journal string
	if err := db.QueryRowContext(ctx, "SELECT * FROM pragma_journal_mode, (SELECT count(*) FROM sqlite_master) LIMIT 1").Scan(&journal, new(int)); err != nil {
		r.add("database", Fail, fmt.Sprintf("%s cannot be read: %s", path, oneLine(err)), sqliteRemedy(err))
		return
	}
	r.ok("database", "%s can be read", path)
	r.journal(journal)
	if journal == "wal" {
		r.connection(ctx)
	}
	r.judgeMigrations(ctx, database{db, migrate.SQLite})
}

func (r *report) sqliteLibrary() {
	text, number, _ := sqlite3.Version()
	if number < r.opts.SQLite {
		r.add("sqlite version", Fail, fmt.Sprintf("the library is %s, at least %s is needed", text, dotted(r.opts.SQLite)),
			"build without the tag libsqlite3, or with a newer library")
		return
	}
	r.ok("sqlite version", "%s", text)
}

func dotted(n int) string { return fmt.Sprintf("%d.%d.%d", n/1_000_000, n/1000%1000, n%1000) }

func sqliteRemedy(err error) string {
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		switch e.Code {
		case sqlite3.ErrNotADB:
			return "it is no SQLite file: name another, or restore a backup"
		case sqlite3.ErrCorrupt:
			return "it is damaged: restore a backup"
		case sqlite3.ErrCantOpen, sqlite3.ErrPerm:
			return "let this user read and write the file and its folder"
		}
	}
	return "see the message; restore a backup if the file is damaged"
}

func (r *report) journal(mode string) {
	if mode == "wal" {
		r.ok("journal_mode", "wal")
		return
	}
	r.add("journal_mode", Warn, fmt.Sprintf("is %s: readers and the writer would wait for each other", mode),
		"start the server, which changes it to wal; if it does not stay, the file is on a network drive: move it to a local disk")
}

// connection looks at a connection as the server opens it.
func (r *report) connection(ctx context.Context) {
	db, err := store.Open(ctx, r.cfg.DatabaseURL.Reveal(), store.Options{Synchronous: r.cfg.SQLiteSynchronous, SQLiteReaders: 1})
	if err != nil {
		r.add("connection", Fail, oneLine(err), sqliteRemedy(err))
		return
	}
	defer db.Close()
	r.findings = append(r.findings, pragmas(ctx, db.Writer())...)
}

// pragmas judges the settings of a connection that writes.
func pragmas(ctx context.Context, db *sql.DB) []Finding {
	var foreignKeys, synchronous int
	if err := db.QueryRowContext(ctx, "SELECT * FROM pragma_foreign_keys, pragma_synchronous").Scan(&foreignKeys, &synchronous); err != nil {
		return []Finding{{"connection", Fail, oneLine(err), sqliteRemedy(err)}}
	}
	keys := Finding{"foreign_keys", OK, "on", ""}
	if foreignKeys != 1 {
		keys = Finding{"foreign_keys", Fail, "are off: rows may refer to missing ones", "build the program with an SQLite that has foreign keys (no SQLITE_OMIT_FOREIGN_KEY)"}
	}
	names := []string{"OFF", "NORMAL", "FULL", "EXTRA"}
	sync := Finding{"synchronous", OK, names[synchronous], ""}
	switch synchronous {
	case 0:
		sync = Finding{"synchronous", Fail, "is OFF: a power cut can destroy the file", "set ALIAPORT_SQLITE_SYNCHRONOUS=FULL"}
	case 1:
		sync = Finding{"synchronous", Warn, "is NORMAL: a power cut can take the last acknowledged changes", "set ALIAPORT_SQLITE_SYNCHRONOUS=FULL unless that is accepted"}
	}
	return []Finding{keys, sync}
}

// folder looks at where the file is or will be: SQLite writes beside it too.
func (r *report) folder(dir string) {
	there, err := writableFolder(dir)
	if err != nil {
		r.add("folder", Fail, fmt.Sprintf("%s cannot be written: %s", there, oneLine(err)), "let this user write there, or name another path in ALIAPORT_DATABASE_URL")
	} else {
		r.ok("folder", "%s can be written", there)
	}
	r.disk(there)
}

func (r *report) disk(dir string) {
	free, total, err := space(dir)
	if err != nil {
		r.add("disk", Warn, fmt.Sprintf("free space of %s is unknown: %s", dir, oneLine(err)), "see to it yourself")
		return
	}
	share := float64(free) / float64(max(total, 1))
	detail := fmt.Sprintf("%s free of %s (%.0f %%)", size(free), size(total), 100*share)
	switch {
	case free < r.opts.FreeBytes:
		r.add("disk", Fail, detail+", at least "+size(r.opts.FreeBytes)+" is needed", "free space on the disk of "+dir)
	case share < r.opts.FreeShare:
		r.add("disk", Warn, fmt.Sprintf("%s, less than %.0f %%", detail, 100*r.opts.FreeShare), "free space on the disk of "+dir)
	default:
		r.ok("disk", "%s", detail)
	}
}

func size(n uint64) string {
	const k = 1000
	v, units := float64(n), strings.Fields("B kB MB GB TB PB EB")
	for v >= k && len(units) > 1 {
		v /= k
		units = units[1:]
	}
	return fmt.Sprintf("%.3g %s", v, units[0])
}
