package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"aliaport/internal/proof"
	"aliaport/internal/store"
)

// ErrOccupied says that there is data where a backup was to be restored.
var ErrOccupied = errors.New("there is a database already; say so if it is to be overwritten")

// Restore puts a backup into a database and proves that it holds what was saved. Servers
// must not run on it. A database that is there is overwritten only when told to: on
// SQLite the old file stays beside the new one, with its name and .before-restore;
// on PostgreSQL it is gone.
func (s *Service) Restore(ctx context.Context, dir, url string, overwrite bool) (*Manifest, error) {
	m, err := Verify(dir)
	if err != nil {
		return nil, err
	}
	path, isSQLite := strings.CutPrefix(url, "sqlite://")
	if isSQLite != (m.Kind == "sqlite") {
		return nil, fmt.Errorf("the backup is of %s, and cannot be restored to another kind of database: restore it, then aliaport transfer", m.Kind)
	}
	if isSQLite {
		return m, s.restoreSQLite(ctx, m, dir, path, overwrite)
	}
	return m, s.restorePostgres(ctx, m, dir, url, overwrite)
}

func (s *Service) restoreSQLite(ctx context.Context, m *Manifest, dir, path string, overwrite bool) error {
	_, err := os.Stat(path)
	there := err == nil
	if there && !overwrite {
		return fmt.Errorf("%s: %w", path, ErrOccupied)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	next := path + ".restoring"
	if err := errors.Join(remove(next), expand(filepath.Join(dir, sqliteFile), next)); err != nil {
		return err
	}
	if err := s.prove(ctx, m, "sqlite://"+next); err != nil {
		return errors.Join(err, remove(next))
	}
	if there {
		// What the log has not given to the file yet belongs to it.
		for _, end := range []string{"-wal", "-shm", ""} {
			if err := os.Rename(path+end, path+".before-restore"+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	for _, end := range []string{"-wal", "-shm"} { // of the proof
		if err := os.Remove(next + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(os.Rename(next, path), syncDir(filepath.Dir(path)))
}

func remove(database string) error {
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(database + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func expand(from, to string) error {
	in, err := os.Open(from) //nolint:gosec // the operator's choice
	if err != nil {
		return err
	}
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return errors.Join(err, in.Close())
	}
	defer z.Close()
	err = write(to, func(w io.Writer) error {
		_, err := io.Copy(w, z)
		return err
	})
	return errors.Join(err, in.Close())
}

func (s *Service) restorePostgres(ctx context.Context, m *Manifest, dir, to string, overwrite bool) (err error) {
	db, err := store.Open(ctx, to, store.Options{StatementTimeout: -1, SlowStatement: -1, MaxOpen: 2, AppName: "aliaport restore", Log: s.Log})
	if err != nil {
		return err
	}
	var tables int
	err = db.Reader().QueryRowContext(ctx, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')").Scan(&tables)
	switch {
	case err != nil:
	case tables > 0 && !overwrite:
		err = ErrOccupied
	case overwrite:
		_, err = db.Writer().ExecContext(ctx, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
	default:
		// An empty schema is in the dump too.
		_, err = db.Writer().ExecContext(ctx, "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := s.pg(ctx, "pg_restore", to, "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", filepath.Join(dir, postgresFile)); err != nil {
		return err
	}
	return s.prove(ctx, m, to)
}

// prove compares what is in a database with what was saved.
func (s *Service) prove(ctx context.Context, m *Manifest, url string) error {
	known := *m
	known.Archive = []File{} // is not looked up again
	tables, err := s.look(ctx, url, &known)
	if err != nil {
		return fmt.Errorf("read what was restored: %w", err)
	}
	return compare(m.Tables, tables)
}

func compare(want, got []*proof.Digest) error {
	there := map[string]*proof.Digest{}
	for _, d := range got {
		there[d.Table] = d
	}
	var faults []error
	for _, w := range want {
		switch g := there[w.Table]; {
		case g == nil:
			faults = append(faults, fmt.Errorf("%s: %w: it is missing", w.Table, ErrDamaged))
		case !w.Same(g):
			faults = append(faults, fmt.Errorf("%s: %w: %d rows with the digest %s, not %d with %s", w.Table, ErrDamaged, g.Rows, g.Sum, w.Rows, w.Sum))
		}
	}
	return errors.Join(faults...)
}

// RestoreArchive puts the archived months of a backup where the program looks for them.
// What is there already is left alone if it is the same, and never overwritten.
func (s *Service) RestoreArchive(dir string, m *Manifest) (placed int, err error) {
	for _, f := range m.Archive {
		to := filepath.Join(s.Archive, f.Name)
		if _, err := os.Stat(to); err == nil {
			if err := matches(to, f); err != nil {
				return placed, err
			}
			continue
		}
		if err := os.MkdirAll(s.Archive, 0o750); err != nil {
			return placed, err
		}
		if err := place(filepath.Join(filepath.Dir(dir), archiveDir, f.Name), to, f); err != nil {
			return placed, err
		}
		placed++
	}
	return placed, nil
}

// Drill restores the newest backup into a scratch database, proves it and removes it
// again: a backup that was never restored is a hope.
func (s *Service) Drill(ctx context.Context) (m *Manifest, err error) {
	all, err := List(s.Dir)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("there is no backup in %s", s.Dir)
	}
	dir := filepath.Join(s.Dir, all[0].Name)
	if strings.HasPrefix(s.URL, "sqlite://") {
		scratch, err := os.MkdirTemp(s.Dir, partial+"drill-")
		if err != nil {
			return nil, err
		}
		m, err = s.Restore(ctx, dir, "sqlite://"+filepath.Join(scratch, "drill.db"), false)
		return m, errors.Join(err, os.RemoveAll(scratch))
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, errors.New("the database URL is malformed")
	}
	name := "aliaport_drill_" + strings.ToLower(rand.Text()[:10])
	db, err := store.Open(ctx, s.URL, store.Options{StatementTimeout: -1, SlowStatement: -1, MaxOpen: 1, AppName: "aliaport drill", Log: s.Log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Writer().ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return nil, fmt.Errorf("make a scratch database (the user needs the right to): %w", err)
	}
	defer func() { // whatever became of the drill
		_, derr := db.Writer().ExecContext(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)")
		err = errors.Join(err, derr)
	}()
	u.Path = "/" + name
	return s.Restore(ctx, dir, u.String(), false)
}
