package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// overdue is how long after it could leave a month may still be in the database:
// the job runs on the first of a month.
const overdue = 10 * 24 * time.Hour

// archive looks at the archived trail: its folder, what the last verification found
// and whether somebody archives at all.
func (r *report) archive(ctx context.Context, db database) {
	const name = "audit archive"
	dir := r.cfg.AuditArchiveDir
	if _, err := writableFolder(dir); err != nil {
		r.add(name, Warn, fmt.Sprintf("%s cannot be written: %s", dir, oneLine(err)), "let this user write there, or name another folder in ALIAPORT_AUDIT_ARCHIVE_DIR")
	}
	var segments, faulty, unfinished int
	var verified sql.NullString // as text: only whether there is one matters
	var file, fault sql.NullString
	err := db.QueryRowContext(ctx, `SELECT count(*), count(fault), count(*) - count(removed_at), CAST(min(verified_at) AS text) FROM audit_archives`).
		Scan(&segments, &faulty, &unfinished, &verified)
	if err == nil && faulty > 0 {
		err = db.QueryRowContext(ctx, `SELECT file_name, fault FROM audit_archives WHERE fault IS NOT NULL ORDER BY position LIMIT 1`).Scan(&file, &fault)
	}
	if err != nil {
		r.add(name, Warn, "was not looked at: "+oneLine(err), "look again when the database is less busy")
		return
	}
	switch {
	case faulty > 0:
		r.add(name, Warn, fmt.Sprintf("the last verification found %d of %d segments at fault, such as %s: %s", faulty, segments, file.String, fault.String),
			"put the file back from a backup, then run aliaport audit verify")
	case unfinished > 0:
		r.add(name, Warn, "a run was interrupted; nothing is lost", "run aliaport audit archive: it goes on where it stopped")
	default:
		r.late(ctx, db, name, segments, verified.Valid)
	}
}

// late looks for months that should have left.
func (r *report) late(ctx context.Context, db database, name string, segments int, verified bool) {
	now := r.opts.Now().UTC().Add(-time.Duration(r.cfg.AuditRetentionDays)*24*time.Hour - overdue)
	due := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	var one int
	err := db.QueryRowContext(ctx, `SELECT 1 FROM audit_events WHERE created_at < $1 LIMIT 1`, due).Scan(&one)
	switch {
	case err == nil:
		r.add(name, Warn, "events from before "+due.Format(time.DateOnly)+" are still in the database", "run aliaport audit archive, on the first of each month")
	case !errors.Is(err, sql.ErrNoRows):
		r.add(name, Warn, "was not looked at: "+oneLine(err), "look again when the database is less busy")
	case segments == 0:
		r.ok(name, "nothing is archived yet")
	case !verified:
		r.ok(name, "%d segments, not all verified yet: aliaport audit verify does so", segments)
	default:
		r.ok(name, "%d segments, sound when last verified", segments)
	}
}

var errNoFolder = errors.New("a file is in its place")

// writableFolder tries a file in the folder, or in the nearest one that is there, where
// it would be made. It returns which that is.
func writableFolder(dir string) (there string, err error) {
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return dir, errNoFolder
		}
		if err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".aliaport-doctor-*")
	if err != nil {
		return dir, err
	}
	return dir, errors.Join(probe.Close(), os.Remove(probe.Name()))
}
