package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// oldTrail records n events of one user in a month long past.
func oldTrail(t *testing.T, db *store.DB, n int) {
	t.Helper()
	u := db.User.Create().SetEmail("eski@aliaport.example").SetFullName("Eski Memur").SetPasswordHash("gizli").SaveX(t.Context())
	ctx := actor.With(t.Context(), actor.New(u.ID, "", "", []string{"OPERASYON"}, nil))
	if err := db.InTx(ctx, func(tx *ent.Tx) error {
		for i := range n {
			at := time.Date(2025, 1, 31, 23, 0, i, 0, time.UTC)
			if err := audit.Record(ctx, tx, at, audit.Event{Action: audit.Create, Resource: audit.Cari, EntityID: int64(i + 1)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestATrailIsArchivedVerifiedRestoredAndSearched(t *testing.T) {
	t.Parallel()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, folder := aliatest.MigratedURL(t, dialectName), filepath.Join(t.TempDir(), "arsiv")
			db := aliatest.OpenURL(t, url)
			oldTrail(t, db, 7)
			env := []string{"ALIAPORT_DATABASE_URL=" + url, "ALIAPORT_AUDIT_ARCHIVE_DIR=" + folder}
			does := func(want int, words []string, args ...string) string {
				t.Helper()
				code, out := try(t, env, args...)
				if code != want {
					t.Fatalf("%q ended with %d, want %d:\n%s", args, code, want, out)
				}
				for _, w := range words {
					if !strings.Contains(out, w) {
						t.Errorf("%q: %q is not in\n%s", args, w, out)
					}
				}
				return out
			}
			does(exitFailed, []string{"not wholly past"}, "audit", "archive", "--month", time.Now().UTC().Format("2006-01"))
			out := does(exitOK, []string{"audit-2025-01.jsonl.zst", "7 events", "seal "}, "audit", "archive")
			does(exitOK, []string{"nothing to archive"}, "audit", "archive")
			seal := regexp.MustCompile(`seal ([0-9a-f]{64})`).FindStringSubmatch(out)[1]
			does(exitOK, []string{"1 segments with 7 events, 0 faults", seal}, "audit", "verify", "--seal", seal)
			does(exitFailed, []string{"FAULT", "cut off"}, "audit", "verify", "--seal", strings.Repeat("0", 64))

			scratch := "sqlite://" + aliatest.SQLitePath(t)
			if dialectName == dialect.Postgres {
				scratch = aliatest.PostgresURL(t)
			}
			out = does(exitOK, []string{"7 events, compared", archiveReader}, "audit", "restore", "2025-01", "--into", scratch)
			does(exitOK, []string{"is there already"}, "audit", "restore", "2025-01", "--into", scratch)
			does(exitFailed, []string{"not in the archive"}, "audit", "restore", "2025-02", "--into", scratch)
			does(exitFailed, []string{"data of its own"}, "audit", "restore", "2025-01", "--into", url)
			password := regexp.MustCompile(`shown only now: (\S+)`).FindStringSubmatch(out)[1]
			search(t, scratch, password)

			path := filepath.Join(folder, "audit-2025-01.jsonl.zst")
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file[len(file)/2] ^= 1
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			does(exitFailed, []string{"FAULT audit-2025-01.jsonl.zst", "1 faults"}, "audit", "verify")
			does(exitFailed, []string{"not what was sealed"}, "audit", "restore", "2025-01", "--into", scratch)
			does(exitFailed, []string{"warn", "audit archive", "at fault", "audit-2025-01.jsonl.zst"}, "doctor", "--listen", "x") // settings fail, all the rest is looked at
		})
	}
}

// search asks a server of its own about the restored month.
func search(t *testing.T, url, password string) {
	t.Helper()
	p := startOn(t, url, freePort(t), freePort(t))
	defer p.end(t)
	var in struct{ Login struct{ AccessToken string } }
	if err := p.ask(t.Context(), "", "giris-0001", `mutation($input: LoginInput!) { login(input: $input) { accessToken userErrors { code } } }`,
		map[string]any{"input": map[string]any{"email": archiveReader, "password": password}}, &in); err != nil {
		t.Fatal(err)
	}
	var found struct {
		AuditEvents struct {
			TotalCount int
			Nodes      []struct {
				CreatedAt time.Time
				Action    string
				User      struct {
					FullName string
					IsActive bool
				}
			}
		}
	}
	if err := p.ask(t.Context(), in.Login.AccessToken, "arama-0001", `{ auditEvents(filter: {resource: "cari"}) { totalCount nodes { createdAt action user { fullName isActive } } } }`, nil, &found); err != nil {
		t.Fatal(err)
	}
	newest := found.AuditEvents.Nodes[0]
	if found.AuditEvents.TotalCount != 7 || newest.User.FullName != "Eski Memur" || newest.User.IsActive || newest.CreatedAt != time.Date(2025, 1, 31, 23, 0, 6, 0, time.UTC) {
		t.Errorf("found %+v", found)
	}
}

func TestATrailIsExportedToAFile(t *testing.T) {
	t.Parallel()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, path := aliatest.MigratedURL(t, dialectName), filepath.Join(t.TempDir(), "ocak.csv")
			oldTrail(t, aliatest.OpenURL(t, url), 7)
			env := []string{"ALIAPORT_DATABASE_URL=" + url}
			args := []string{"audit", "export", "--format", "csv", "--semicolon", "--from", "2025-01-31", "--to", "2025-01-31T23:00:05Z", "--filter", `{"resource": "cari"}`, "--out", path}
			if code, out := try(t, env, args...); code != exitOK || !strings.Contains(out, "5 events") {
				t.Fatalf("ended with %d:\n%s", code, out)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			manifest, err := os.ReadFile(path + ".manifest.json")
			if err != nil {
				t.Fatal(err)
			}
			var m audit.Manifest
			if err := json.Unmarshal(manifest, &m); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(text)
			if m.Rows != 5 || m.SHA256 != hex.EncodeToString(sum[:]) || !strings.HasPrefix(string(text), "\ufeffid;created_at;") || strings.Count(string(text), "\r\n") != 6 {
				t.Errorf("manifest %s of\n%s", manifest, text)
			}
			if code, out := try(t, env, args...); code != exitFailed || !strings.Contains(out, "--force") {
				t.Errorf("once more ended with %d:\n%s", code, out)
			}
			if code, out := try(t, env, append(args, "--force")...); code != exitOK {
				t.Errorf("by force ended with %d:\n%s", code, out)
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".export-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, error %v", left, err)
			}
		})
	}
}

func TestWrongUseOfTheAuditCommands(t *testing.T) {
	t.Parallel()
	env := []string{"ALIAPORT_DATABASE_URL=sqlite://" + aliatest.SQLitePath(t)}
	for args, want := range map[string]struct {
		code int
		word string
	}{
		"audit":                                 {exitOK, "restore"},
		"audit archive --month 2026-1":          {exitUsage, "no month"},
		"audit archive":                         {exitFailed, "there is no database"},
		"audit verify":                          {exitFailed, "there is no database"},
		"audit restore":                         {exitUsage, "accepts 1 arg"},
		"audit restore 2026-01":                 {exitUsage, "--into"},
		"audit restore Ocak --into x":           {exitUsage, "no month"},
		"audit export":                          {exitUsage, "--out"},
		"audit export --out x --format xls":     {exitUsage, "csv or jsonl"},
		"audit export --out x --from now":       {exitUsage, "--from"},
		"audit export --out x --filter {x}":     {exitUsage, "--filter"},
		"audit verify --audit-retention-days 0": {exitUsage, "ALIAPORT_AUDIT_RETENTION_DAYS"},
	} {
		code, out := try(t, env, strings.Fields(args)...)
		if code != want.code || !strings.Contains(out, want.word) {
			t.Errorf("%q ended with %d, want %d and %q:\n%s", args, code, want.code, want.word, out)
		}
	}
}
