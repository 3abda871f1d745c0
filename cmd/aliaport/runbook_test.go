package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
)

// TestTheRunbookOfTheMoveDoesWhatItSays runs the commands of the document in their
// order, as they stand there but for the addresses.
func TestTheRunbookOfTheMoveDoesWhatItSays(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/FAZ5_POSTGRES_MIGRATION.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\naliaport() { ALIAPORT_TEST_AS_PROGRAM=1 \"$PROGRAM\" \"$@\"; }\n")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(document), -1)
	if len(blocks) < 8 {
		t.Fatalf("the document has %d blocks of commands", len(blocks))
	}
	for _, b := range blocks {
		script.WriteString(b[1])
	}
	dir := t.TempDir()
	from := filepath.Join(dir, "aliaport.db")
	content, err := os.ReadFile(strings.TrimPrefix(seededURL(t, dialect.SQLite, 100), "sqlite://"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{from: content, from + ".jwt-key": []byte("the key beside the file, as the first start makes it\n")} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer(
		"postgres://aliaport@db.port.example:5432/aliaport?sslmode=verify-full", "'"+aliatest.PostgresURL(t)+"'",
		"/var/lib/aliaport/", dir+"/",
	).Replace(script.String())
	program, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PROGRAM="+program)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for what, times := range map[string]int{"The target may be served": 2, "EQUAL: ": 6, "all rows would arrive": 1, "takes writes": 1} {
		if got := strings.Count(string(out), what); got < times {
			t.Errorf("%q is printed %d times, want %d:\n%s", what, got, times, out)
		}
	}
	for _, report := range []string{"copied.json", "moved.json", "back.json"} {
		if _, err := os.Stat(filepath.Join(dir, report)); err != nil {
			t.Error(err)
		}
	}
}

// TestTheJobsRunByHandAsTheirDocumentSays runs its commands in their order.
func TestTheJobsRunByHandAsTheirDocumentSays(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/FAZ5_BACKGROUND_JOBS.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\naliaport() { ALIAPORT_TEST_AS_PROGRAM=1 \"$PROGRAM\" \"$@\"; }\n")
	for _, b := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(document), -1) {
		script.WriteString(b[1])
	}
	program, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "PROGRAM="+program, jwtKey, "ALIAPORT_DATABASE_URL="+seededURL(t, dialectName, 200), "ALIAPORT_RATE_SOURCE_URL="+aliatest.NewBank(t).URL)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, job := range []string{"watch", "rates", "backup", "backup_drill", "audit_archive", "monthly_report", "watch_daily", "cleanup"} {
				if !regexp.MustCompile(`(?m)^\S+ \S+\s+` + job + `\s+MANUAL\s+SUCCEEDED\s+attempts 1\s`).Match(out) {
					t.Errorf("%s did not succeed:\n%s", job, out)
				}
			}
			for _, what := range []string{"JOB", "report made month=", "bulletin fetched", "the backup can be restored"} {
				if !strings.Contains(string(out), what) {
					t.Errorf("nothing says %q:\n%s", what, out)
				}
			}
		})
	}
}
