// Package archive takes old months of the audit trail out of the database into
// files that prove themselves: each is compared with the database, sealed, and
// chained to the one before, and only then do its events leave the table. A process
// that dies at any point loses nothing; the next run goes on where it stood.
//
// The steps of a segment are:
//
//  1. its events are written to a temporary file, which is synced and read back;
//  2. a row of audit_archives seals it, in the transaction that notes the deed;
//  3. the file gets its name, and beside it its seal as JSON;
//  4. the events are compared with the file once more and removed;
//  5. the row notes that they are gone.
//
// A file has its name only when it is sealed, and events leave only when the file
// has its name and could be read there.
package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditarchive"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/changes"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Service archives, verifies and restores the trail.
type Service struct {
	DB        *store.DB
	Now       func() time.Time
	Log       *slog.Logger
	Dir       string        // of the files
	Retention time.Duration // events stay at least so long
	Pause     time.Duration // between batches that are removed, so that others may write

	Pages      *page.Codec // for List
	PageLimits page.Limits

	reached func(step) // tests die here
}

// step is a point of a run. The tests end the process at each of them.
type step string

const (
	stepLocked    step = "locked"
	stepWriting   step = "writing"   // some events are in the temporary file
	stepWritten   step = "written"   // all are, and it is synced
	stepChecked   step = "checked"   // it was read back
	stepSealing   step = "sealing"   // the transaction is not committed
	stepSealed    step = "sealed"    // it is
	stepRenamed   step = "renamed"   // the file has its name
	stepPlaced    step = "placed"    // the folder is synced, the seal is beside the file
	stepDetaching step = "detaching" // PostgreSQL only, as all up to dropped
	stepDetached  step = "detached"  // the partition is a table of its own
	stepDropping  step = "dropping"  // it was compared; the transaction is not committed
	stepDropped   step = "dropped"   // it is gone
	stepRemoving  step = "removing"  // a batch is deleted, but not committed
	stepBatch     step = "batch"     // a batch is gone
	stepRemoved   step = "removed"   // all are gone
	stepFinishing step = "finishing" // the row says so, but is not committed
	stepFinished  step = "finished"  // it is
	monthForm          = "2006-01"   // of a month
	fileForm           = "audit-%s%s.jsonl.zst"
	temporary          = ".tmp"       // ends the name of a file that is being written
	sealEnding         = ".seal.json" // ends the name of the seal beside a file
)

// Errors that a person must look at.
var (
	ErrBusy      = errors.New("another process is archiving")
	ErrCopying   = errors.New("the database is being copied to another (aliaport transfer); archive when that is done")
	ErrTooYoung  = errors.New("the month is not wholly past the retention")
	ErrForeign   = errors.New("the folder has a file of that name which is not sealed in this database: was an older backup restored? Move the file elsewhere")
	ErrMissing   = errors.New("the file is missing")
	ErrDamaged   = errors.New("the file is not what was sealed")
	ErrAltered   = errors.New("its row in the database was changed: the seal does not fit")
	ErrDifferent = errors.New("an event in the database differs from the sealed one")
)

func (s *Service) at(p step) {
	if s.reached != nil {
		s.reached(p)
	}
}

// Month is a month in UTC.
type Month struct{ start time.Time }

// ParseMonth reads 2026-01.
func ParseMonth(text string) (Month, error) {
	t, err := time.Parse(monthForm, text)
	if err != nil || t.Format(monthForm) != text {
		return Month{}, fmt.Errorf("%q is no month: want one such as 2026-01", text)
	}
	return Month{t}, nil
}

func monthOf(t time.Time) Month {
	t = t.UTC()
	return Month{time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)}
}

func (m Month) String() string { return m.start.Format(monthForm) }

func (m Month) end() time.Time { return m.start.AddDate(0, 1, 0) }

// within holds for the events of the month.
func (m Month) within(s *sql.Selector) {
	at := s.C(auditevent.FieldCreatedAt)
	s.Where(sql.And(sql.GTE(at, m.start), sql.LT(at, m.end())))
}

// Run archives every month that is wholly past the retention, oldest first, or only
// the given one, after finishing what an earlier run had begun. It returns the
// segments that it finished, those before an error too.
func (s *Service) Run(ctx context.Context, only *Month) (done []*ent.AuditArchive, err error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return nil, err
	}
	cutoff := monthOf(s.Now().Add(-s.Retention)).start // what begins there is not whole
	if only != nil && only.end().After(cutoff) {
		return nil, fmt.Errorf("%s: %w of %s", only, ErrTooYoung, s.Retention)
	}
	if err := os.MkdirAll(s.Dir, 0o750); err != nil { //nolint:gosec // the operator's folder
		return nil, fmt.Errorf("make the archive's folder: %w", err)
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	// What leaves with a partition would not be in the log of changes.
	if copying, err := changes.Installed(ctx, s.DB.Reader(), s.DB.Dialect()); err != nil {
		return nil, err
	} else if copying {
		return nil, ErrCopying
	}
	s.at(stepLocked)
	begun, err := s.DB.AuditArchive.Query().Where(auditarchive.RemovedAtIsNil()).Order(auditarchive.ByPosition()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for what was begun: %w", err)
	}
	for _, a := range begun {
		s.Log.InfoContext(ctx, "going on with an archive", "month", a.Month, "part", a.Part)
		if a, err = s.finish(ctx, a); err != nil {
			return done, fmt.Errorf("go on with %s: %w", a.FileName, err)
		}
		done = append(done, a)
	}
	for {
		month, found, err := s.next(ctx, only, cutoff)
		if err != nil || !found {
			return done, err
		}
		a, err := s.seal(ctx, month)
		if err != nil {
			return done, fmt.Errorf("archive %s: %w", month, err)
		}
		if a, err = s.finish(ctx, a); err != nil {
			return done, fmt.Errorf("archive %s: %w", month, err)
		}
		done = append(done, a)
	}
}

// next is the oldest month that has events to archive.
func (s *Service) next(ctx context.Context, only *Month, cutoff time.Time) (m Month, found bool, err error) {
	q := s.DB.AuditEvent.Query().Where(auditevent.CreatedAtLT(cutoff))
	if only != nil {
		q.Where(only.within)
	}
	e, err := q.Order(auditevent.ByCreatedAt(), auditevent.ByID()).Select(auditevent.FieldID, auditevent.FieldCreatedAt).First(ctx)
	switch {
	case ent.IsNotFound(err):
		return Month{}, false, nil
	case err != nil:
		return Month{}, false, fmt.Errorf("look for the oldest event: %w", err)
	}
	return monthOf(e.CreatedAt), true, nil
}

// seal writes the events of a month to a file, reads it back and seals it.
func (s *Service) seal(ctx context.Context, month Month) (*ent.AuditArchive, error) {
	a, err := s.following(ctx, month)
	if err != nil {
		return nil, err
	}
	// A file has its name only when it is sealed here: this one is not ours.
	switch _, err := os.Lstat(s.path(a)); { //nolint:gosec // the operator's folder
	case err == nil:
		return nil, fmt.Errorf("%s: %w", s.path(a), ErrForeign)
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	wrote, err := s.write(ctx, month, s.path(a)+temporary)
	if err != nil {
		return nil, err
	}
	s.at(stepWritten)
	read, err := s.read(ctx, s.path(a)+temporary, nil)
	if err != nil {
		return nil, fmt.Errorf("read back: %w", err)
	}
	if read.content != wrote {
		return nil, fmt.Errorf("%w: %d events were written, %d read back", ErrDamaged, wrote.rows, read.rows)
	}
	s.at(stepChecked)
	a.Rows, a.Sha256, a.FileBytes, a.FileSha256 = read.rows, read.sha256, read.fileBytes, read.fileSHA256
	a.FirstEventID, a.FirstEventAt, a.LastEventID, a.LastEventAt = read.first.id, read.first.at, read.last.id, read.last.at
	a.SealedAt = s.Now().UTC().Truncate(time.Microsecond)
	a.Seal = sealOf(a)
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		saved, err := tx.AuditArchive.Create().SetPosition(a.Position).SetMonth(a.Month).SetPart(a.Part).SetRows(a.Rows).
			SetFirstEventID(a.FirstEventID).SetLastEventID(a.LastEventID).SetFirstEventAt(a.FirstEventAt).SetLastEventAt(a.LastEventAt).
			SetSha256(a.Sha256).SetFileName(a.FileName).SetFileBytes(a.FileBytes).SetFileSha256(a.FileSha256).
			SetPreviousSeal(a.PreviousSeal).SetSeal(a.Seal).SetSealedAt(a.SealedAt).Save(ctx)
		if err != nil {
			return fmt.Errorf("seal: %w", err)
		}
		a.ID = saved.ID
		if err := s.record(ctx, tx, a, "sealed"); err != nil {
			return err
		}
		s.at(stepSealing)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.at(stepSealed)
	return a, nil
}

// record notes a deed in the trail, with what proves it.
func (s *Service) record(ctx context.Context, tx *ent.Tx, a *ent.AuditArchive, what string) error {
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Archive, Resource: audit.Segment, EntityID: a.ID, Extra: map[string]any{
		"step": what, "month": a.Month, "part": a.Part, "rows": a.Rows, "file": a.FileName, "sha256": a.Sha256, "seal": a.Seal,
	}})
}

// following is the next segment of the chain, of this month.
func (s *Service) following(ctx context.Context, month Month) (*ent.AuditArchive, error) {
	a := &ent.AuditArchive{Position: 1, Month: month.String(), Part: 1}
	last, err := s.DB.AuditArchive.Query().Order(auditarchive.ByPosition(sql.OrderDesc())).First(ctx)
	switch {
	case ent.IsNotFound(err):
	case err != nil:
		return nil, fmt.Errorf("look for the last seal: %w", err)
	default:
		a.Position, a.PreviousSeal = last.Position+1, last.Seal
	}
	parts, err := s.DB.AuditArchive.Query().Where(auditarchive.Month(a.Month)).Count(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for earlier parts: %w", err)
	}
	a.Part += parts
	a.FileName = fileName(a.Month, a.Part)
	return a, nil
}

// fileName of the first part is that of the month; later ones have their number.
func fileName(month string, part int) string {
	number := ""
	if part > 1 {
		number = "." + strconv.Itoa(part)
	}
	return fmt.Sprintf(fileForm, month, number)
}

func (s *Service) path(a *ent.AuditArchive) string {
	return filepath.Join(s.Dir, filepath.Base(a.FileName))
}

// finish takes a sealed segment to its end from wherever it stands.
func (s *Service) finish(ctx context.Context, a *ent.AuditArchive) (*ent.AuditArchive, error) {
	if a.Seal != sealOf(a) {
		return a, ErrAltered
	}
	if err := s.place(ctx, a); err != nil {
		return a, err
	}
	s.at(stepPlaced)
	if err := s.remove(ctx, a); err != nil {
		return a, err
	}
	s.at(stepRemoved)
	now := s.Now().UTC().Truncate(time.Microsecond)
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		n, err := tx.AuditArchive.Update().Where(auditarchive.ID(a.ID), auditarchive.RemovedAtIsNil()).SetRemovedAt(now).Save(ctx)
		if err != nil {
			return fmt.Errorf("note that its events are gone: %w", err)
		}
		if n == 0 { // another process was faster after all
			return nil
		}
		if err := s.record(ctx, tx, a, "removed"); err != nil {
			return err
		}
		s.at(stepFinishing)
		return nil
	})
	if err != nil {
		return a, err
	}
	s.at(stepFinished)
	a.RemovedAt = &now
	s.Log.InfoContext(ctx, "archived", "month", a.Month, "part", a.Part, "rows", a.Rows, "file", a.FileName, "seal", a.Seal)
	return a, nil
}

// place gives the file its name, after reading it whole.
func (s *Service) place(ctx context.Context, a *ent.AuditArchive) error {
	path := s.path(a)
	named := true
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) { //nolint:gosec // the operator's folder
		named = false
		path += temporary
	} else if err != nil {
		return err
	}
	if err := s.matches(ctx, path, a); err != nil {
		return err
	}
	if !named {
		if err := os.Rename(path, s.path(a)); err != nil { //nolint:gosec // the operator's folder
			return fmt.Errorf("name the archive: %w", err)
		}
	}
	s.at(stepRenamed)
	return s.writeSeal(a)
}

// matches reads a file whole and compares it with its seal.
func (s *Service) matches(ctx context.Context, path string, a *ent.AuditArchive) error {
	read, err := s.scan(ctx, path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%s: %w", s.path(a), ErrMissing)
	case err != nil:
		return err
	case !read.sealedBy(a):
		return fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	return nil
}
