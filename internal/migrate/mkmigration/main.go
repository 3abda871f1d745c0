// Mkmigration drafts the next migration of both databases from ent/schema, under
// one version, or checks that nothing is left to draft:
//
//	mkmigration -name add_berths
//	mkmigration -check
//
// The drafts are to be read, and completed by hand where the program cannot know
// what is meant; -hash then writes the checksums anew. For PostgreSQL a server is
// needed on which a database may be created and dropped; without -postgres-url one
// is started for the time of the run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	_ "github.com/lib/pq"           // drivers of the throw-away databases
	_ "github.com/mattn/go-sqlite3" // drivers of the throw-away databases

	"aliaport/internal/migrate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mkmigration:", err)
		os.Exit(1)
	}
}

// job is one run: the directories sqlite and postgres below root.
type job struct {
	root, name, postgresURL string
	check, hash             bool
	out                     io.Writer
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	j := job{out: out}
	flags := flag.NewFlagSet("mkmigration", flag.ContinueOnError)
	flags.StringVar(&j.name, "name", "", "draft migrations of this `name`, such as add_berths")
	flags.BoolVar(&j.check, "check", false, "only check: checksums, nothing left to draft, no finding in the newest files")
	flags.BoolVar(&j.hash, "hash", false, "write the checksums of files edited by hand")
	flags.StringVar(&j.root, "dir", "migrations", "the `folder` with sqlite and postgres in it")
	flags.StringVar(&j.postgresURL, "postgres-url", "", "a PostgreSQL server to make throw-away databases on (default: start one)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case j.hash:
		return j.hashAll()
	case !j.check && j.name == "":
		return errors.New("give -name, -check or -hash")
	}
	if j.postgresURL == "" {
		url, stop, err := startPostgres(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
		j.postgresURL = url
	}
	if j.check {
		return j.checkAll(ctx)
	}
	return j.draftAll(ctx)
}

// folders has the directory of each dialect.
var folders = []struct{ dialect, name string }{{migrate.SQLite, "sqlite"}, {migrate.Postgres, "postgres"}}

func (j job) hashAll() error {
	for _, f := range folders {
		if err := migrate.Hash(filepath.Join(j.root, f.name)); err != nil {
			return err
		}
	}
	return nil
}

// draftAll plans for both before it writes for either.
func (j job) draftAll(ctx context.Context) error {
	drafts := map[string]migrate.Draft{}
	version := ""
	for _, f := range folders {
		d, err := migrate.Plan(ctx, f.dialect, filepath.Join(j.root, f.name), j.name, j.postgresURL)
		if errors.Is(err, migrate.ErrNoChange) {
			continue
		}
		if err != nil {
			return err
		}
		drafts[f.name] = d
		version = max(version, d.Version)
	}
	if len(drafts) == 0 {
		return migrate.ErrNoChange
	}
	for folder, d := range drafts {
		d.Version = version
		if err := d.Write(filepath.Join(j.root, folder)); err != nil {
			return err
		}
		fmt.Fprintln(j.out, "drafted", filepath.Join(j.root, folder, d.File()))
	}
	return nil
}

// checkAll reports every fault of both directories, not only the first.
func (j job) checkAll(ctx context.Context) error {
	var faults []error
	for _, f := range folders {
		faults = append(faults, j.checkOne(ctx, f.dialect, filepath.Join(j.root, f.name)))
	}
	return errors.Join(faults...)
}

func (j job) checkOne(ctx context.Context, dialect, dir string) error {
	draft, err := migrate.Plan(ctx, dialect, dir, "drift", j.postgresURL)
	switch {
	case err == nil:
		return fmt.Errorf("%s lacks a migration (make migration NAME=…) for\n%s", dir, draft.SQL)
	case !errors.Is(err, migrate.ErrNoChange):
		return err
	}
	found, err := migrate.Lint(ctx, dialect, os.DirFS(dir), j.postgresURL, 1)
	if err != nil {
		return err
	}
	var faults []error
	for _, finding := range found {
		faults = append(faults, fmt.Errorf("%s/%s", dir, finding))
	}
	return errors.Join(faults...)
}
