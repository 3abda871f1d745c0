package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aliaport/internal/config"
)

func TestTheLogFileIsRotatedAndOldOnesGo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := filepath.Join(dir, "aliaport-2020-01-01T00-00-00.000-time.log.gz") // as the library names them
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr buffer
	a := &app{stderr: &stderr}
	log, closer, err := a.serverLogger(&config.Config{LogFormat: "json", LogFile: filepath.Join(dir, "aliaport.log"), LogFileMB: 1, LogFileKeep: 2, LogFileDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	const lines = 5000 // of 1 kB: four files are full, two of them are kept
	for i := range lines {
		log.InfoContext(t.Context(), "rotates", "line", i, "text", strings.Repeat("ş", 500))
	}
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	last := lines
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // they are compressed beside
		full, err := filepath.Glob(filepath.Join(dir, "aliaport-*.log.gz"))
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := filepath.Glob(filepath.Join(dir, "aliaport-*.log"))
		if _, err := os.Stat(old); os.IsNotExist(err) && len(full) == 2 && len(plain) == 0 {
			for _, name := range slices.Backward(full) {
				last = numbersBefore(t, name, last)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v and %v are left", full, plain)
		}
	}
	if stderr.String() != "" {
		t.Errorf("on stderr: %s", stderr.String())
	}
}

// numbersBefore checks that the lines of a file follow each other and returns the first's number.
func numbersBefore(t *testing.T, name string, end int) (first int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var numbers []int
	s := bufio.NewScanner(z)
	for s.Scan() {
		var line struct{ Line int }
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if n := len(numbers); n > 0 && numbers[n-1]+1 != line.Line {
			t.Fatalf("after line %d comes %d", numbers[n-1], line.Line)
		}
		numbers = append(numbers, line.Line)
	}
	if s.Err() != nil || len(numbers) == 0 || numbers[len(numbers)-1] >= end {
		t.Fatalf("%s: %d lines up to %d, %v", name, len(numbers), end, s.Err())
	}
	return numbers[0]
}

func TestALogFileThatCannotBeWrittenIsSaidAtStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "no", "folder.log")
	code, out := try(t, []string{"ALIAPORT_DATABASE_URL=sqlite://" + filepath.Join(t.TempDir(), "a.db"), "ALIAPORT_LOG_FILE=" + file}, "serve", "--listen", freePort(t))
	if code == exitOK || !strings.Contains(out, "ALIAPORT_LOG_FILE") || !strings.Contains(out, file) {
		t.Errorf("code %d: %s", code, out)
	}
}
