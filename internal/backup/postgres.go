package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"aliaport/internal/proof"
)

// savePostgres has pg_dump write the very snapshot that the digests are read from.
func (s *Service) savePostgres(ctx context.Context, work string, m *Manifest) (err error) {
	db, err := s.open(ctx, s.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	snap, err := proof.Open(ctx, db, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	// What the snapshot has of the archive is no more than what is there afterwards.
	if err := s.noteArchive(ctx, db, m); err != nil {
		return err
	}
	to := filepath.Join(work, postgresFile)
	dumped := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		dumped <- s.pg(ctx, "pg_dump", s.URL, "--format=custom", "--compress=6", "--no-owner", "--no-privileges", "--snapshot="+snap.ID(), "--file="+to)
	}()
	m.Tables, err = snap.Digests(ctx, proof.Tables(), nil)
	if err != nil {
		cancel()
	}
	if err = errors.Join(err, <-dumped); err != nil {
		return fmt.Errorf("dump the database: %w", err)
	}
	s.at("compress")
	f, err := described(to)
	m.Files = []File{f}
	return err
}

// described is a file that another program has written, once it is on the disk.
func described(path string) (f File, err error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0o600) //nolint:gosec // a name of ours
	if err != nil {
		return f, err
	}
	h := sha256.New()
	n, err := io.Copy(h, file)
	return File{filepath.Base(path), n, hex.EncodeToString(h.Sum(nil))}, errors.Join(err, file.Sync(), file.Close())
}

// installed is where Debian keeps the programs, a folder a version.
const installed = "/usr/lib/postgresql/*/bin"

// pg runs a program of PostgreSQL on a database. The password is not on the command line,
// which every user of a machine can read.
func (s *Service) pg(ctx context.Context, program, database string, args ...string) error {
	path := filepath.Join(s.PGBin, program)
	if s.PGBin == "" {
		path = program
		if found, _ := filepath.Glob(filepath.Join(installed, program)); len(found) > 0 {
			path = newest(found)
		}
	}
	env, name, err := environment(database)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, append(args, "--dbname="+name)...) //nolint:gosec // a program of the operator's
	cmd.Env = append(os.Environ(), env...)
	var told bytes.Buffer
	cmd.Stderr = &told
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(told.String()))
	}
	return nil
}

// newest is the program of the highest version: 9 comes before 15.
func newest(paths []string) string {
	best := paths[0]
	for _, p := range paths[1:] {
		if len(p) > len(best) || len(p) == len(best) && p > best {
			best = p
		}
	}
	return best
}

// environment is a database as the programs take it.
func environment(database string) (env []string, name string, err error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, "", errors.New("the database URL is malformed") // the error would quote it
	}
	set := func(variable, value string) {
		if value != "" {
			env = append(env, variable+"="+value)
		}
	}
	set("PGHOST", u.Hostname())
	set("PGPORT", u.Port())
	if u.User != nil {
		set("PGUSER", u.User.Username())
		password, _ := u.User.Password()
		set("PGPASSWORD", password)
	}
	for parameter, variable := range map[string]string{
		"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
		"sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "connect_timeout": "PGCONNECT_TIMEOUT",
	} {
		set(variable, u.Query().Get(parameter))
	}
	return env, strings.TrimPrefix(u.Path, "/"), nil
}
