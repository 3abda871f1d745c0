package migrate_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aliaport/internal/aliatest"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
	"aliaport/migrations"
)

var (
	boats = sqlFile{"20260101000000_boats.sql", "CREATE TABLE boats (id integer NOT NULL PRIMARY KEY);\n"}
	crews = sqlFile{"20260201000000_crews.sql", "CREATE TABLE crews (id integer NOT NULL PRIMARY KEY);\nCREATE TABLE shifts (id integer NOT NULL PRIMARY KEY);\n"}
	piers = sqlFile{"20260301000000_piers.sql", "CREATE TABLE piers (id integer NOT NULL PRIMARY KEY);\n"}
)

func TestAFreshDatabaseGetsTheSchemaAndASecondStartFindsNothingToDo(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d target) {
		dir, err := migrations.For(d.dialect)
		if err != nil {
			t.Fatal(err)
		}
		db := d.open(t)
		refused(t, migrate.Check(t.Context(), db, d.dialect, migrate.Options{}), migrate.ErrPending, "_initial.sql", "aliaport migrate up")
		up(t, d, nil, sqlNames(t, dir)...)
		up(t, d, nil)
		if err := migrate.Check(t.Context(), db, d.dialect, migrate.Options{}); err != nil {
			t.Errorf("Check after Up: %v", err)
		}
		list, err := migrate.Status(t.Context(), db, d.dialect, migrate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.State != migrate.Applied || time.Since(s.AppliedAt).Abs() > time.Hour {
				t.Errorf("status %+v, want applied just now", s)
			}
		}
		if got := ask(t, db, "SELECT DISTINCT operator_version FROM atlas_schema_revisions"); got != "test" {
			t.Errorf("operator %q is recorded, want test", got)
		}
	})
}

func TestTheConnectionsOfTheServerServeToo(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		if err := migrate.Check(t.Context(), db.Reader(), db.Dialect(), migrate.Options{}); err != nil {
			t.Errorf("Check with a reading connection: %v", err)
		}
		applied, err := migrate.Up(t.Context(), db.Writer(), db.Dialect(), migrate.Options{})
		if err != nil || len(applied) > 0 {
			t.Errorf("Up applied %v, %v; want nothing", applied, err)
		}
	})
}

func sqlNames(t *testing.T, dir fs.FS) []string {
	t.Helper()
	names, err := fs.Glob(dir, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestStatusTellsFilesApart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d target) {
		up(t, d, directory(t, boats, crews), boats.name, crews.name)
		edited := sqlFile{boats.name, boats.text + "-- edited\n"}
		got, err := migrate.Status(t.Context(), d.open(t), d.dialect, options(directory(t, edited, piers)))
		if err != nil {
			t.Fatal(err)
		}
		want := []migrate.State{migrate.Edited, migrate.Unknown, migrate.Pending}
		if len(got) != len(want) {
			t.Fatalf("status %+v, want %v", got, want)
		}
		for i, s := range got {
			if s.State != want[i] {
				t.Errorf("%s is %s, want %s", s.Name, s.State, want[i])
			}
		}
	})
}

func TestADatabaseThatDoesNotFitIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		applied []sqlFile
		now     func(t *testing.T) fs.FS
		kind    error
		words   []string
		not     string // must not be blamed too
	}{
		"a file edited without its checksum": {
			[]sqlFile{boats},
			func(t *testing.T) fs.FS {
				path := folder(t, boats, crews)
				write(t, filepath.Join(path, crews.name), crews.text+"DROP TABLE boats;\n")
				return os.DirFS(path)
			},
			migrate.ErrTampered,
			[]string{crews.name + " was edited", "hash"},
			"",
		},
		"a file added without its checksum": {
			[]sqlFile{boats},
			func(t *testing.T) fs.FS {
				path := folder(t, boats)
				write(t, filepath.Join(path, crews.name), crews.text)
				return os.DirFS(path)
			},
			migrate.ErrTampered,
			[]string{crews.name + " was added"},
			"",
		},
		"an applied file edited and hashed again": {
			[]sqlFile{boats, crews},
			func(t *testing.T) fs.FS {
				return directory(t, sqlFile{boats.name, boats.text + "-- edited\n"}, crews, piers)
			},
			migrate.ErrEdited,
			[]string{boats.name, "new migration"},
			crews.name,
		},
		"a file added before an applied one": {
			[]sqlFile{boats, piers},
			func(t *testing.T) fs.FS { return directory(t, boats, crews, piers) },
			migrate.ErrOutOfOrder,
			[]string{crews.name, "newer"},
			piers.name,
		},
		"a file added before all applied ones": {
			[]sqlFile{crews, piers},
			func(t *testing.T) fs.FS { return directory(t, boats, crews, piers) },
			migrate.ErrOutOfOrder,
			[]string{boats.name},
			"",
		},
		"a database newer than the program": {
			[]sqlFile{boats, piers},
			func(t *testing.T) fs.FS { return directory(t, boats) },
			migrate.ErrUnknown,
			[]string{"20260301000000_piers", "backup"},
			"",
		},
		"an applied file that is gone from the middle": {
			[]sqlFile{boats, crews, piers},
			func(t *testing.T) fs.FS { return directory(t, boats, piers) },
			migrate.ErrUnknown,
			[]string{"20260201000000_crews"},
			piers.name,
		},
		"two files of one version": {
			[]sqlFile{boats},
			func(t *testing.T) fs.FS {
				return directory(t, boats, sqlFile{"20260101000000_twin.sql", piers.text})
			},
			nil,
			[]string{"same version"},
			"",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, d target) {
				var names []string
				for _, f := range tt.applied {
					names = append(names, f.name)
				}
				up(t, d, directory(t, tt.applied...), names...)
				before := tables(t, d)
				dir := tt.now(t)
				_, err := migrate.Up(t.Context(), d.open(t), d.dialect, options(dir))
				refused(t, err, tt.kind, tt.words...)
				if tt.not != "" && strings.Contains(err.Error(), tt.not) {
					t.Errorf("error %q also blames %s", err, tt.not)
				}
				if got := tables(t, d); got != before {
					t.Errorf("tables are now %s, were %s", got, before)
				}
				if err := migrate.Check(t.Context(), d.open(t), d.dialect, options(dir)); err == nil {
					t.Error("Check has nothing to say")
				}
			})
		})
	}
}

func TestAHalfFailedFileLeavesNothingAndAppliesOnceCorrected(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d target) {
		broken := sqlFile{crews.name, crews.text + "INSERT INTO nowhere VALUES (1);\n"}
		applied, err := migrate.Up(t.Context(), d.open(t), d.dialect, options(directory(t, boats, broken)))
		refused(t, err, migrate.ErrFailed, crews.name+" line 3", "INSERT INTO nowhere", "kept", "program version before")
		if strings.Contains(err.Error(), "current transaction is aborted") {
			t.Errorf("error %q also has what follows from the failure", err)
		}
		// PostgreSQL keeps the files before it, SQLite goes back to where the start began.
		if d.dialect == migrate.Postgres {
			if got := tables(t, d); got != "boats" || len(applied) != 1 {
				t.Errorf("tables %q and applied %v, want boats only", got, applied)
			}
			up(t, d, directory(t, boats, crews), crews.name)
			return
		}
		if got := tables(t, d); got != "" || len(applied) != 0 {
			t.Errorf("tables %q and applied %v, want none", got, applied)
		}
		up(t, d, directory(t, boats, crews), boats.name, crews.name)
	})
}

const outside = "-- atlas:txmode none\n\n"

func TestAFileOutsideOfTransactionsResumesAtItsFailedStatement(t *testing.T) {
	t.Parallel()
	d := fresh(t, migrate.Postgres)
	index := sqlFile{crews.name, outside + "CREATE INDEX CONCURRENTLY a ON boats (id);\nCREATE INDEX CONCURRENTLY b ON boats (oops);\nCREATE INDEX CONCURRENTLY c ON boats (id);\n"}
	_, err := migrate.Up(t.Context(), d.open(t), d.dialect, options(directory(t, boats, index)))
	refused(t, err, migrate.ErrFailed, "line 4", "oops", "resumes")

	list, err := migrate.Status(t.Context(), d.open(t), d.dialect, options(directory(t, boats, index)))
	if err != nil {
		t.Fatal(err)
	}
	if s := list[1]; s.State != migrate.Partial || s.Done != 1 || s.Total != 3 || !strings.Contains(s.Error, "oops") {
		t.Errorf("status %+v, want 1 of 3 and why", s)
	}
	changed := sqlFile{index.name, strings.Replace(index.text, " a ON", " z ON", 1)}
	_, err = migrate.Up(t.Context(), d.open(t), d.dialect, options(directory(t, boats, changed)))
	refused(t, err, migrate.ErrEdited, "statement 1")
	shorter := sqlFile{index.name, outside + "-- nothing\n"}
	_, err = migrate.Up(t.Context(), d.open(t), d.dialect, options(directory(t, boats, shorter)))
	refused(t, err, migrate.ErrEdited, "1 are applied already")

	fixed := directory(t, boats, sqlFile{index.name, strings.Replace(index.text, "oops", "id", 1) + "CREATE INDEX CONCURRENTLY e ON boats (id);\n"}, piers)
	up(t, d, fixed, index.name, piers.name)
	up(t, d, fixed)
	if got := ask(t, d.open(t), "SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'boats'"); got != "a b boats_pkey c e" {
		t.Errorf("indexes %s, want a b c e", got)
	}
}

func TestSQLiteHasNoFileOutsideOfTransactions(t *testing.T) {
	t.Parallel()
	d := fresh(t, migrate.SQLite)
	_, err := migrate.Up(t.Context(), d.open(t), d.dialect, options(directory(t, sqlFile{boats.name, outside + boats.text})))
	refused(t, err, migrate.ErrFailed, boats.name, "txmode none")
}

func TestTheLockIsWaitedForNoLongerThanAllowed(t *testing.T) {
	t.Parallel()
	hold := map[string]string{migrate.SQLite: "BEGIN IMMEDIATE", migrate.Postgres: "SELECT pg_advisory_lock(" + atlasLock + ")"}
	release := map[string]string{migrate.SQLite: "COMMIT", migrate.Postgres: "SELECT pg_advisory_unlock(" + atlasLock + ")"}
	onBoth(t, func(t *testing.T, d target) {
		other, err := d.open(t).Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if _, err := other.ExecContext(t.Context(), hold[d.dialect]); err != nil {
			t.Fatal(err)
		}
		o := options(directory(t, boats))
		o.LockTimeout = 100 * time.Millisecond
		_, err = migrate.Up(t.Context(), d.open(t), d.dialect, o)
		refused(t, err, migrate.ErrLocked, "100ms")

		o.LockTimeout = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err = migrate.Up(ctx, d.open(t), d.dialect, o); err == nil {
			t.Error("Up went on after its context ended")
		}
		if _, err := other.ExecContext(t.Context(), release[d.dialect]); err != nil {
			t.Fatal(err)
		}
		up(t, d, o.Dir, boats.name)
	})
}

// atlasLock is the advisory lock of Atlas's own command.
const atlasLock = "2686470616"

func TestAMigrationMayTakeLongerThanTheStatementsOfRequests(t *testing.T) {
	t.Parallel()
	d := fresh(t, migrate.Postgres)
	db := d.open(t)
	db.SetMaxOpenConns(1)
	exec(t, db, "SET statement_timeout = '50ms'")
	slow := sqlFile{boats.name, boats.text + "SELECT pg_sleep(0.2);\n"}
	if _, err := migrate.Up(t.Context(), db, d.dialect, options(directory(t, slow))); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, db, "SHOW statement_timeout"); got != "50ms" {
		t.Errorf("statement_timeout is %s afterwards, want 50ms", got)
	}
}

const (
	ships  = "CREATE TABLE ships (id integer NOT NULL PRIMARY KEY, name text NOT NULL);\nCREATE TABLE cabins (id integer NOT NULL PRIMARY KEY, ship_id integer NOT NULL REFERENCES ships (id) ON DELETE CASCADE);\n"
	anew   = "PRAGMA foreign_keys = off;\nCREATE TABLE new_ships (id integer NOT NULL PRIMARY KEY, name text NOT NULL, CHECK (name <> ''));\nINSERT INTO new_ships SELECT id, name FROM ships;\nDROP TABLE ships;\nALTER TABLE new_ships RENAME TO ships;\nPRAGMA foreign_keys = on;\n"
	orphan = "DELETE FROM ships WHERE id = 1;\n"
)

func TestRowsKeepTheirChildrenWhenSQLiteBuildsATableAnew(t *testing.T) {
	t.Parallel()
	d := fresh(t, migrate.SQLite)
	first, second := sqlFile{boats.name, ships}, sqlFile{crews.name, anew}
	up(t, d, directory(t, first), first.name)
	db := d.open(t)
	exec(t, db, "INSERT INTO ships VALUES (1, 'Gökova'), (2, 'Datça')", "INSERT INTO cabins VALUES (1, 1), (2, 1), (3, 2)")
	db.SetMaxOpenConns(1)
	if _, err := migrate.Up(t.Context(), db, d.dialect, options(directory(t, first, second))); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, db, "SELECT count(*) FROM cabins"); got != "3" {
		t.Errorf("%s cabins are left, want 3", got)
	}
	if got := ask(t, db, "PRAGMA foreign_keys") + ask(t, db, "PRAGMA busy_timeout"); got != "120000" {
		t.Errorf("foreign_keys and busy_timeout are %s afterwards, want 1 and 20000", got)
	}
	exec(t, db, "DELETE FROM ships WHERE id = 1")
	if got := ask(t, db, "SELECT count(*) FROM cabins"); got != "1" {
		t.Errorf("%s cabins are left, want 1: the rebuilt table is no parent any more", got)
	}
}

func TestAMigrationThatWouldLeaveAReferenceDanglingIsRefused(t *testing.T) {
	t.Parallel()
	d := fresh(t, migrate.SQLite)
	first, second := sqlFile{boats.name, ships}, sqlFile{crews.name, orphan}
	up(t, d, directory(t, first), first.name)
	db := d.open(t)
	exec(t, db, "INSERT INTO ships VALUES (1, 'Gökova')", "INSERT INTO cabins VALUES (7, 1)")
	_, err := migrate.Up(t.Context(), db, d.dialect, options(directory(t, first, second)))
	refused(t, err, migrate.ErrFailed, "row 7 of cabins", "ships")
	if got := ask(t, db, "SELECT count(*) FROM ships"); got != "1" {
		t.Errorf("%s ships are left, want 1", got)
	}
}

func TestADatabaseMadeByOtherMeansIsAdoptedByABaseline(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d target) {
		db := d.open(t)
		dir := directory(t, boats, crews, piers)
		err := migrate.Baseline(t.Context(), db, d.dialect, "20260201000000", options(dir))
		refused(t, err, migrate.ErrBaseline, "empty")
		exec(t, db, boats.text, crews.text)
		_, err = migrate.Up(t.Context(), db, d.dialect, options(dir))
		refused(t, err, migrate.ErrNotEmpty, "boats", "baseline")
		err = migrate.Baseline(t.Context(), db, d.dialect, "20250101000000", options(dir))
		refused(t, err, migrate.ErrBaseline, "no migration has this version")

		if err := migrate.Baseline(t.Context(), db, d.dialect, "20260201000000", options(dir)); err != nil {
			t.Fatal(err)
		}
		err = migrate.Baseline(t.Context(), db, d.dialect, "20260301000000", options(dir))
		refused(t, err, migrate.ErrBaseline, "already has a history")
		up(t, d, dir, piers.name)
		up(t, d, dir)
		list, err := migrate.Status(t.Context(), db, d.dialect, options(dir))
		if err != nil {
			t.Fatal(err)
		}
		if list[0].State != migrate.Baselined || list[1].State != migrate.Baselined || list[2].State != migrate.Applied {
			t.Errorf("status %+v, want baseline, baseline, applied", list)
		}
		edited := directory(t, sqlFile{boats.name, boats.text + "-- edited\n"}, crews, piers)
		refused(t, migrate.Check(t.Context(), db, d.dialect, options(edited)), migrate.ErrEdited)
	})
}

func TestAConfiguredBaselineCountsOnlyOnceAndNotOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d target) {
		o := options(directory(t, boats, crews))
		o.Baseline = "20260101000000"
		applied, err := migrate.Up(t.Context(), d.open(t), d.dialect, o)
		if err != nil || len(applied) != 2 {
			t.Errorf("on an empty database Up applied %v, %v; want both", applied, err)
		}
		other := fresh(t, d.dialect)
		exec(t, other.open(t), boats.text)
		for _, want := range []int{1, 0} {
			applied, err := migrate.Up(t.Context(), other.open(t), d.dialect, o)
			if err != nil || len(applied) != want {
				t.Errorf("on a database with boats Up applied %v, %v; want %d", applied, err, want)
			}
		}
	})
}

func TestAnUnknownDialectIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := migrate.Up(t.Context(), nil, "mysql", migrate.Options{}); err == nil || !strings.Contains(err.Error(), "mysql") {
		t.Errorf("got error %v, want one that names mysql", err)
	}
}
