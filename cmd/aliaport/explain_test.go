package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestExplainAndIndexesChangeNothing(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/port.db"
	environ := []string{"ALIAPORT_DATABASE_URL=sqlite://" + path, "ALIAPORT_LOG_LEVEL=ERROR"}
	command := func(args ...string) (code int, out string) {
		var stdout, stderr bytes.Buffer
		code = run(t.Context(), args, environ, &stdout, &stderr)
		if stderr.Len() > 0 && code != exitOK && code != exitFailed {
			t.Logf("%v: %s", args, &stderr)
		}
		return code, stdout.String() + stderr.String()
	}
	if code, out := command("explain"); code != exitFailed || !strings.Contains(out, "there is no database") {
		t.Errorf("without a database: %d, %s", code, out)
	}
	if code, out := command("seed", "--work-orders", "60", "--cari", "30", "--services", "20", "--motorbots", "3", "--trips", "20"); code != exitOK {
		t.Fatalf("seed: %s", out)
	}
	content := func() [sha256.Size]byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(b)
	}
	before := content()
	_, out := command("explain", "--only", "services,service", "--json")
	var report struct {
		Questions  int
		Statements []struct{ Text, Plan string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Questions < 10 || len(report.Statements) < 10 || report.Statements[0].Plan == "" {
		t.Errorf("explain tells %.500s (%v)", out, err)
	}
	if code, out := command("indexes"); code != exitOK || !strings.Contains(out, "services_code") {
		t.Errorf("indexes: %d, %.500s", code, out)
	}
	if content() != before {
		t.Error("the file was changed")
	}
}
