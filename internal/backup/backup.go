// Package backup takes backups of the database while it is in use, proves what is in
// them, keeps and removes them, and restores them.
//
// A backup is a folder: the data, compressed, and a manifest with the hash of every file
// and, for every table, rows, range of keys and digest of exactly what was saved. It is
// written under another name and gets its own when all of it is on the disk, so that
// nothing that was interrupted looks like a backup. Beside the folders lies one with the
// archived months of the trail, which never change and are kept once.
package backup

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/klauspost/compress/zstd"

	"aliaport/ent/auditarchive"
	"aliaport/internal/proof"
	"aliaport/internal/store"
)

// Manifest says what a backup is made of and what is in it.
type Manifest struct {
	Format  int             `json:"format"`
	Name    string          `json:"name"`
	TakenAt time.Time       `json:"takenAt"`
	Kind    string          `json:"kind"` // sqlite or postgres
	Program string          `json:"program"`
	Files   []File          `json:"files"`
	Archive []File          `json:"archive"` // months of the trail, in the folder beside
	Tables  []*proof.Digest `json:"tables"`
	// Sum is the SHA-256 of the manifest without it.
	Sum string `json:"sum"`
}

// File is a file of a backup.
type File struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Bytes is the size of a backup, without the archive.
func (m *Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Bytes
	}
	return n
}

// Rows are the rows of all tables.
func (m *Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

const (
	format       = 1
	manifestFile = "manifest.json"
	partial      = ".partial-"
	archiveDir   = "audit"
	sqliteFile   = "database.sqlite.zst"
	postgresFile = "database.dump"
	nameForm     = "20060102T150405Z"
)

// Service takes and keeps backups.
type Service struct {
	URL     string // of the database
	Dir     string
	Second  string // a folder for a copy of each; empty: none
	Archive string // folder of the archived months of the trail
	Program string // version, for the manifest
	PGBin   string // folder of pg_dump and pg_restore; empty: the newest that is installed
	Now     func() time.Time
	Log     *slog.Logger
	// At, unless nil, is called before each step; for tests.
	At func(step string)
}

func (s *Service) at(step string) {
	if s.At != nil {
		s.At(step)
	}
}

// open opens a database for whole tables to be read.
func (s *Service) open(ctx context.Context, url string) (*store.DB, error) {
	return store.Open(ctx, url, store.Options{
		StatementTimeout: -1, SlowStatement: -1, MaxOpen: 4, SQLiteReaders: 4, BusyTimeout: time.Minute, AppName: "aliaport backup", Log: s.Log,
		ReadOnly: true,
	})
}

// Create takes a backup.
func (s *Service) Create(ctx context.Context) (_ *Manifest, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	s.sweep()
	m := &Manifest{Format: format, TakenAt: s.Now().UTC().Truncate(time.Second), Program: s.Program}
	kind, isSQLite := "postgres", strings.HasPrefix(s.URL, "sqlite://")
	if isSQLite {
		kind = "sqlite"
	}
	m.Kind, m.Name = kind, m.TakenAt.Format(nameForm)+"-"+kind
	if _, err := os.Stat(filepath.Join(s.Dir, m.Name)); err == nil {
		return nil, fmt.Errorf("there is a backup %s already", m.Name)
	}
	work, err := os.MkdirTemp(s.Dir, partial+m.Name+"-")
	if err != nil {
		return nil, err
	}
	defer func() { // it is no more there when all went well
		err = errors.Join(err, os.RemoveAll(work))
	}()
	s.at("data")
	if isSQLite {
		err = s.saveSQLite(ctx, work, m)
	} else {
		err = s.savePostgres(ctx, work, m)
	}
	if err != nil {
		return nil, err
	}
	s.at("archive")
	if err := s.saveArchive(m); err != nil {
		return nil, err
	}
	s.at("manifest")
	if err := writeManifest(work, m); err != nil {
		return nil, err
	}
	s.at("rename")
	if err := errors.Join(syncDir(work), os.Rename(work, filepath.Join(s.Dir, m.Name)), syncDir(s.Dir)); err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "backup taken", "name", m.Name, "rows", m.Rows(), "bytes", m.Bytes(), "archive", len(m.Archive))
	if s.Second != "" {
		s.at("second")
		if err := s.copyTo(ctx, m); err != nil {
			return m, fmt.Errorf("copy to the second folder: %w", err)
		}
	}
	return m, nil
}

// abandoned is how old something must be that nobody is writing any more.
const abandoned = 24 * time.Hour

// sweep removes what was interrupted long ago.
func (s *Service) sweep() {
	entries, _ := os.ReadDir(s.Dir)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), partial) && time.Since(info.ModTime()) > abandoned {
			_ = os.RemoveAll(filepath.Join(s.Dir, e.Name()))
		}
	}
}

// saveSQLite makes a consistent copy while others write, and reads what is in it.
func (s *Service) saveSQLite(ctx context.Context, work string, m *Manifest) (err error) {
	path := strings.TrimPrefix(s.URL, "sqlite://")
	if _, err := os.Stat(path); err != nil {
		return err
	}
	raw := filepath.Join(work, "database.sqlite")
	// A connection of its own, that can only read: it holds up neither readers nor the writer.
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_busy_timeout=60000")
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", raw)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	s.at("check")
	// VACUUM leaves the copy without a log, so that it is read as it lies there.
	if m.Tables, err = s.look(ctx, "sqlite://"+raw, m); err != nil {
		return err
	}
	s.at("compress")
	f, err := compress(raw, filepath.Join(work, sqliteFile))
	if err != nil {
		return err
	}
	m.Files = []File{f}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(raw + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// look checks a database that nobody uses and reads what is in it.
func (s *Service) look(ctx context.Context, url string, m *Manifest) (tables []*proof.Digest, err error) {
	db, err := s.open(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if db.Dialect() == dialect.SQLite {
		if err := intact(ctx, db); err != nil {
			return nil, err
		}
	}
	if m.Archive == nil {
		if err := s.noteArchive(ctx, db, m); err != nil {
			return nil, err
		}
	}
	connections := 1 // several would see the same only with writers locked out, and here are none
	if db.Dialect() == dialect.Postgres {
		connections = 2
	}
	snap, err := proof.Open(ctx, db, connections)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	return snap.Digests(ctx, proof.Tables(), nil)
}

// ErrDamaged says that a backup or a database is not what it was.
var ErrDamaged = errors.New("damaged")

// intact asks SQLite whether all pages and references are in order.
func intact(ctx context.Context, db *store.DB) (err error) {
	var answer string
	if err := db.Reader().QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&answer); err != nil {
		return fmt.Errorf("check the database: %w: %w", ErrDamaged, err)
	}
	if answer != "ok" {
		return fmt.Errorf("check the database: %w: %s", ErrDamaged, answer)
	}
	rows, err := db.Reader().QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return fmt.Errorf("check the references: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		return fmt.Errorf("check the references: %w", ErrDamaged)
	}
	return rows.Err()
}

// noteArchive notes the files of the archive that the database knows.
func (*Service) noteArchive(ctx context.Context, db *store.DB, m *Manifest) error {
	rows, err := db.AuditArchive.Query().Order(auditarchive.ByPosition()).All(ctx)
	if err != nil {
		return fmt.Errorf("list the archived months: %w", err)
	}
	m.Archive = make([]File, 0, len(rows))
	for _, a := range rows {
		m.Archive = append(m.Archive, File{a.FileName, a.FileBytes, a.FileSha256})
	}
	return nil
}

// saveArchive copies the months that are not beside the backups yet, and makes sure of
// those that are. Their hashes are those that the database has, so that a file that was
// changed is found out.
func (s *Service) saveArchive(m *Manifest) error {
	to := filepath.Join(s.Dir, archiveDir)
	for _, f := range m.Archive {
		if matches(filepath.Join(to, f.Name), f) == nil {
			continue
		}
		if err := os.MkdirAll(to, 0o700); err != nil {
			return err
		}
		if err := place(filepath.Join(s.Archive, f.Name), filepath.Join(to, f.Name), f); err != nil {
			return fmt.Errorf("save the archived month %s: %w", f.Name, err)
		}
	}
	return nil
}

// copyTo copies a backup to the second folder.
func (s *Service) copyTo(_ context.Context, m *Manifest) (err error) {
	if err := os.MkdirAll(filepath.Join(s.Second, archiveDir), 0o700); err != nil {
		return err
	}
	work, err := os.MkdirTemp(s.Second, partial+m.Name+"-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	for _, f := range m.Files {
		if err := place(filepath.Join(s.Dir, m.Name, f.Name), filepath.Join(work, f.Name), f); err != nil {
			return err
		}
	}
	for _, f := range m.Archive {
		to := filepath.Join(s.Second, archiveDir, f.Name)
		if matches(to, f) == nil {
			continue
		}
		if err := place(filepath.Join(s.Dir, archiveDir, f.Name), to, f); err != nil {
			return err
		}
	}
	return errors.Join(writeManifest(work, m), syncDir(work), os.Rename(work, filepath.Join(s.Second, m.Name)), syncDir(s.Second))
}

func writeManifest(dir string, m *Manifest) error {
	sum, err := m.sum()
	if err != nil {
		return err
	}
	m.Sum = sum
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, manifestFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func (m *Manifest) sum() (string, error) {
	c := *m
	c.Sum = ""
	text, err := json.Marshal(c)
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:]), err
}

// Load reads the manifest of a backup.
func Load(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, manifestFile)) //nolint:gosec // the operator's choice
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("manifest of %s: %w: %w", dir, ErrDamaged, err)
	}
	if m.Format != format {
		return nil, fmt.Errorf("manifest of %s: format %d is unknown here", dir, m.Format)
	}
	if sum, err := m.sum(); err != nil || sum != m.Sum || m.Name != filepath.Base(dir) {
		return nil, fmt.Errorf("manifest of %s: %w", dir, errors.Join(ErrDamaged, err))
	}
	return m, nil
}

// List are the backups of a folder, the newest first, those whose manifest is damaged
// too, with nothing but their names.
func List(dir string) (all []*Manifest, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		stamp, _, ok := strings.Cut(e.Name(), "-")
		at, err := time.Parse(nameForm, stamp)
		if !ok || err != nil || !e.IsDir() {
			continue
		}
		m, err := Load(filepath.Join(dir, e.Name()))
		if err != nil {
			m = &Manifest{Name: e.Name(), TakenAt: at}
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *Manifest) int { return strings.Compare(b.Name, a.Name) })
	return all, nil
}

// Verify reads every file of a backup and compares it with the manifest.
func Verify(dir string) (*Manifest, error) {
	m, err := Load(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if err := matches(filepath.Join(dir, f.Name), f); err != nil {
			return nil, err
		}
	}
	for _, f := range m.Archive {
		if err := matches(filepath.Join(filepath.Dir(dir), archiveDir, f.Name), f); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// matches tells whether a file is as it was written down.
func matches(path string, want File) error {
	file, err := os.Open(path) //nolint:gosec // a name of ours
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != want.Bytes || got != want.SHA256 {
		return fmt.Errorf("%s: %w: %d bytes with the hash %s, not %d with %s", path, ErrDamaged, n, got, want.Bytes, want.SHA256)
	}
	return nil
}

// place copies a file under another name and renames it when it is there as written down.
func place(from, to string, f File) error {
	next := to + ".next"
	in, err := os.Open(from) //nolint:gosec // a name of ours
	if err != nil {
		return err
	}
	err = write(next, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	if err = errors.Join(err, in.Close()); err == nil {
		err = matches(next, f)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return errors.Join(os.Rename(next, to), syncDir(filepath.Dir(to)))
}

// compress writes a file anew, and returns what it has become.
func compress(from, to string) (f File, err error) {
	in, err := os.Open(from) //nolint:gosec // a name of ours
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	h, n := sha256.New(), counter(0)
	err = write(to, func(w io.Writer) error {
		z, err := zstd.NewWriter(io.MultiWriter(w, h, &n), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		_, err = io.Copy(z, in)
		return errors.Join(err, z.Close())
	})
	return File{filepath.Base(to), int64(n), hex.EncodeToString(h.Sum(nil))}, err
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// write makes a file that is on the disk when it returns.
func write(path string, fill func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // a name of ours
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a name of ours
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
