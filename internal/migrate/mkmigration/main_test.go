package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aliaport/internal/aliatest"
	"aliaport/internal/migrate"
)

const own = "../../../migrations"

// empty makes the two directories without files.
func empty(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range folders {
		if err := os.Mkdir(filepath.Join(root, f.name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func add(t *testing.T, root, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheDirectoriesOfTheProjectPassTheCheck(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), []string{"-check", "-dir", own, "-postgres-url", aliatest.PostgresURL(t)}, io.Discard); err != nil {
		t.Error(err)
	}
}

func TestDraftsOfBothDatabasesShareAVersionAndLeaveNothingToDraft(t *testing.T) {
	t.Parallel()
	root, url := empty(t), aliatest.PostgresURL(t)
	var out strings.Builder
	if err := run(t.Context(), []string{"-name", "all", "-dir", root, "-postgres-url", url}, &out); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*_all.sql"))
	if err != nil || len(files) != 2 || filepath.Base(files[0]) != filepath.Base(files[1]) {
		t.Errorf("drafted %v, %v; want one name in both directories", files, err)
	}
	if n := strings.Count(out.String(), "drafted"); n != 2 {
		t.Errorf("said %q", out.String())
	}
	if err := run(t.Context(), []string{"-name", "more", "-dir", root, "-postgres-url", url}, &out); !errors.Is(err, migrate.ErrNoChange) {
		t.Errorf("a second draft gives %v, want %v", err, migrate.ErrNoChange)
	}
	if err := run(t.Context(), []string{"-check", "-dir", root, "-postgres-url", url}, &out); err != nil {
		t.Errorf("check of the drafts: %v", err)
	}
}

func TestTheCheckNamesTheFaultsOfBothDirectories(t *testing.T) {
	t.Parallel()
	root, url := empty(t), aliatest.PostgresURL(t)
	add(t, root, "sqlite/20260101000000_a.sql", "CREATE TABLE a (id integer);\n")
	err := run(t.Context(), []string{"-check", "-dir", root, "-postgres-url", url}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "checksum file not found") || !strings.Contains(err.Error(), `CREATE TABLE "work_orders"`) {
		t.Errorf("got %v, want the missing sum and the missing tables", err)
	}
	if err := run(t.Context(), []string{"-hash", "-dir", root}, io.Discard); err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), []string{"-check", "-dir", root, "-postgres-url", url}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "CREATE TABLE `work_orders`") {
		t.Errorf("got %v, want the missing tables", err)
	}
}

func TestTheCheckReportsFindingsInTheNewestFile(t *testing.T) {
	t.Parallel()
	root, url := t.TempDir(), aliatest.PostgresURL(t)
	if err := os.CopyFS(root, os.DirFS(own)); err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		add(t, root, f.name+"/99990101000000_old.sql", "CREATE TABLE old (id integer);\n")
		add(t, root, f.name+"/99990201000000_old.sql", "DROP TABLE old;\n")
	}
	if err := run(t.Context(), []string{"-hash", "-dir", root}, io.Discard); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), []string{"-check", "-dir", root, "-postgres-url", url}, io.Discard)
	if err == nil || strings.Count(err.Error(), "99990201000000_old.sql:1: DS102") != 2 {
		t.Errorf("got %v, want DS102 in both", err)
	}
}

func TestARunWithoutATaskIsRefused(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), nil, io.Discard); err == nil {
		t.Error("nothing was asked for and nothing refused")
	}
}
