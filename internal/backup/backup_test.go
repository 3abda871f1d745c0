package backup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/audit"
	"aliaport/internal/backup"
	"aliaport/internal/proof"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

var noon = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// each runs a test on a filled database of each kind with a service for its backups.
func each(t *testing.T, test func(t *testing.T, db *store.DB, s *backup.Service)) {
	t.Helper()
	for name, dialectName := range map[string]string{"sqlite": "sqlite3", "postgres": "postgres"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := aliatest.MigratedURL(t, dialectName)
			db := aliatest.OpenURL(t, url)
			users := &user.Service{DB: db, Now: func() time.Time { return noon }, Hasher: user.NewHasher()}
			if err := users.EnsureRights(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 100, Cari: 30, Services: 30, Seed: 1, Now: api.Start}); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			test(t, db, &backup.Service{
				URL: url, Dir: filepath.Join(dir, "backups"), Archive: filepath.Join(dir, "audit"), Program: "test",
				Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
			})
		})
	}
}

// target is where a backup can be restored to.
func target(t *testing.T, db *store.DB) string {
	t.Helper()
	if db.Dialect() == "postgres" {
		return aliatest.PostgresURL(t)
	}
	return "sqlite://" + aliatest.SQLitePath(t)
}

func digests(t *testing.T, db *store.DB) []*proof.Digest {
	t.Helper()
	snap, err := proof.Open(t.Context(), db, 1)
	if err != nil {
		t.Fatal(err)
	}
	all, err := snap.Digests(t.Context(), proof.Tables(), nil)
	if err := errors.Join(err, snap.Close()); err != nil {
		t.Fatal(err)
	}
	return all
}

func create(t *testing.T, s *backup.Service) *backup.Manifest {
	t.Helper()
	m, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestABackupTakenWhileOthersWriteIsWhole(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, s *backup.Service) {
		ctx, stop := context.WithCancel(t.Context())
		written := make(chan int)
		go func() { // a hundred transactions a second
			n := 0
			for tick := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-tick.C {
				err := db.InTx(t.Context(), func(tx *ent.Tx) error {
					return audit.Record(t.Context(), tx, noon, audit.Event{Action: audit.Update, Resource: audit.Query, EntityID: int64(n + 1)})
				})
				if err == nil {
					n++
				}
			}
			written <- n
		}()
		time.Sleep(200 * time.Millisecond)
		m := create(t, s)
		time.Sleep(100 * time.Millisecond)
		stop()
		n := <-written
		if n < 10 {
			t.Fatalf("only %d writes", n)
		}
		if m.Rows() == 0 || m.Bytes() == 0 {
			t.Errorf("the manifest: %+v", m)
		}
		to := target(t, db)
		if _, err := s.Restore(t.Context(), filepath.Join(s.Dir, m.Name), to, false); err != nil {
			t.Fatal(err)
		}
		restored := aliatest.OpenURL(t, to)
		for i, d := range digests(t, restored) {
			if !d.Same(m.Tables[i]) {
				t.Errorf("%s: %d rows, saved were %d", d.Table, d.Rows, m.Tables[i].Rows)
			}
		}
		if all, there := db.AuditEvent.Query().CountX(t.Context()), restored.AuditEvent.Query().CountX(t.Context()); there == 0 || there >= all {
			t.Errorf("%d of %d events: it was not taken in between", there, all)
		}
		// It can be written to, and numbers go on.
		last := restored.AuditEvent.Query().Aggregate(ent.Max("id")).IntX(t.Context())
		err := restored.InTx(t.Context(), func(tx *ent.Tx) error {
			return audit.Record(t.Context(), tx, noon, audit.Event{Action: audit.Update, Resource: audit.Query, EntityID: 1})
		})
		if next := restored.AuditEvent.Query().Aggregate(ent.Max("id")).IntX(t.Context()); err != nil || next <= last {
			t.Errorf("after %d comes %d: %v", last, next, err)
		}
	})
}

func TestRestoreDoesNotOverwriteUnlessTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, s *backup.Service) {
		m := create(t, s)
		dir := filepath.Join(s.Dir, m.Name)
		to := target(t, db)
		if _, err := s.Restore(t.Context(), dir, to, false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Restore(t.Context(), dir, to, false); !errors.Is(err, backup.ErrOccupied) {
			t.Errorf("a second time: %v", err)
		}
		if _, err := s.Restore(t.Context(), dir, to, true); err != nil {
			t.Errorf("when told: %v", err)
		}
		other := "sqlite://" + aliatest.SQLitePath(t)
		if db.Dialect() != "postgres" {
			other = "postgres://127.0.0.1/other"
		}
		if _, err := s.Restore(t.Context(), dir, other, true); err == nil {
			t.Error("restored to another kind of database")
		}
		if _, err := s.Drill(t.Context()); err != nil {
			t.Errorf("the drill: %v", err)
		}
	})
}

func TestEveryFlippedByteIsDetected(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.DB, s *backup.Service) {
		m := create(t, s)
		dir := filepath.Join(s.Dir, m.Name)
		if _, err := backup.Verify(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{m.Files[0].Name, "manifest.json"} {
			path := filepath.Join(dir, name)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []int{0, len(whole) / 3, len(whole) / 2, len(whole) - 2} {
				bad := slices.Clone(whole)
				bad[at] ^= 1
				if err := os.WriteFile(path, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := backup.Verify(dir); err == nil {
					t.Errorf("byte %d of %s was flipped, and nobody sees it", at, name)
				}
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := backup.Verify(dir); err != nil {
			t.Errorf("mended: %v", err)
		}
	})
}

func TestWhatIsInterruptedAnywhereLooksLikeNoBackup(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.DB, s *backup.Service) {
		var steps []string
		s.At = func(step string) { steps = append(steps, step) }
		s.Second = filepath.Join(filepath.Dir(s.Dir), "second")
		create(t, s)
		all := slices.Clone(steps)
		if len(all) < 5 {
			t.Fatalf("steps %v", all)
		}
		for i, end := range all {
			s.Dir, s.Second = filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "s")
			s.At = func(step string) {
				if step == end {
					panic("killed at " + step)
				}
			}
			func() {
				defer func() { _ = recover() }()
				_, _ = s.Create(t.Context())
			}()
			list, err := backup.List(s.Dir)
			if want := map[bool]int{true: 1}[end == "second"]; err != nil || len(list) != want {
				t.Errorf("killed before step %d, %s: %d backups, %v", i, end, len(list), err)
			}
			s.At = nil
			s.Now = func() time.Time { return noon.Add(time.Duration(i+1) * time.Minute) }
			create(t, s)
		}
	})
}

func TestTheArchiveOfTheTrailIsPartOfTheBackup(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *store.DB, s *backup.Service) {
		if err := os.MkdirAll(s.Archive, 0o700); err != nil {
			t.Fatal(err)
		}
		const content = "a month"
		if err := os.WriteFile(filepath.Join(s.Archive, "audit-2025-01.jsonl.gz"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		seal := func(hash string) {
			db.AuditArchive.Delete().ExecX(t.Context())
			db.AuditArchive.Create().SetPosition(1).SetMonth("2025-01").SetPart(1).SetRows(1).SetFirstEventID(1).SetLastEventID(1).
				SetFirstEventAt(noon).SetLastEventAt(noon).SetSha256("x").SetFileName("audit-2025-01.jsonl.gz").SetFileBytes(int64(len(content))).
				SetFileSha256(hash).SetPreviousSeal("").SetSeal("s").SetSealedAt(noon).ExecX(t.Context())
		}
		seal(sha("another month"))
		if _, err := s.Create(t.Context()); !errors.Is(err, backup.ErrDamaged) {
			t.Errorf("a month that is not what was sealed: %v", err)
		}
		seal(sha(content))
		s.Second = filepath.Join(filepath.Dir(s.Dir), "second")
		m := create(t, s)
		if len(m.Archive) != 1 {
			t.Fatalf("archive %v", m.Archive)
		}
		for _, dir := range []string{s.Dir, s.Second} {
			if _, err := backup.Verify(filepath.Join(dir, m.Name)); err != nil {
				t.Error(err)
			}
		}
		if err := os.RemoveAll(s.Archive); err != nil {
			t.Fatal(err)
		}
		if n, err := s.RestoreArchive(filepath.Join(s.Dir, m.Name), m); n != 1 || err != nil {
			t.Errorf("%d months restored: %v", n, err)
		}
		if got, err := os.ReadFile(filepath.Join(s.Archive, "audit-2025-01.jsonl.gz")); string(got) != content || err != nil {
			t.Errorf("the month came back as %q: %v", got, err)
		}
		if err := os.Remove(filepath.Join(s.Dir, "audit", "audit-2025-01.jsonl.gz")); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Verify(filepath.Join(s.Dir, m.Name)); err == nil {
			t.Error("a missing month is not seen")
		}
	})
}

func TestRetentionNeverRemovesTheLastGoodOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := &backup.Service{
		URL: aliatest.MigratedURL(t, "sqlite3"), Dir: dir, Archive: dir, Log: slog.New(slog.DiscardHandler),
	}
	// Two a day for a few days, then one a month for two years.
	var at []time.Time
	for day := range 4 {
		at = append(at, noon.AddDate(0, 0, -day), noon.AddDate(0, 0, -day).Add(-6*time.Hour))
	}
	for month := 1; month < 24; month++ {
		at = append(at, noon.AddDate(0, -month, 0))
	}
	for _, moment := range at {
		s.Now = func() time.Time { return moment }
		create(t, s)
	}
	s.Now = func() time.Time { return noon }
	r := backup.Retention{Days: 30, Weeks: 12, Months: 12}
	removed, err := s.Prune(r)
	if err != nil {
		t.Fatal(err)
	}
	list, err := backup.List(dir)
	// Four days, one a month for the eleven before.
	if err != nil || len(list) != 15 || len(removed) != len(at)-15 {
		t.Errorf("%d kept, %d removed: %v", len(list), len(removed), err)
	}
	// Years later: all are too old, and all but one are damaged.
	for i, m := range list {
		if i == 3 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, m.Name, "manifest.json"), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Now = func() time.Time { return noon.AddDate(5, 0, 0) }
	if _, err := s.Prune(r); err != nil {
		t.Fatal(err)
	}
	left, err := backup.List(dir)
	if err != nil || len(left) != 1 || left[0].Name != list[3].Name {
		t.Errorf("left are %d: %v", len(left), err)
	}
	if err := os.Remove(filepath.Join(dir, left[0].Name, "database.sqlite.zst")); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.Prune(r); len(removed) != 0 || err != nil {
		t.Errorf("with none that is good %v were removed: %v", removed, err)
	}
}

func TestThePasswordIsNotOnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := &backup.Service{URL: "postgres://port:gizli@127.0.0.1:1/liman", Dir: t.TempDir(), Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
	_, err := s.Create(t.Context())
	if err == nil || strings.Contains(fmt.Sprint(err), "gizli") {
		t.Errorf("got %v", err)
	}
}
