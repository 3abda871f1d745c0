package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditarchive"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

func TestOnlyWholeMonthsPastTheRetentionLeave(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		db, _ := open(t, k, 30, 20, 10, 40, 50) // January to May
		s := service(db, t.TempDir())
		before := lines(t, db)
		done, err := s.Run(system(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range done {
			got = append(got, fmt.Sprintf("%s %d %d %d–%d %s", a.Month, a.Part, a.Rows, a.FirstEventID, a.LastEventID, a.FileName))
			if a.RemovedAt == nil {
				t.Errorf("%s is not finished", a.Month)
			}
		}
		// 2 July less 90 days is 3 April: April is not whole.
		want := []string{"2026-01 1 30 1–30 audit-2026-01.jsonl.zst", "2026-02 1 20 31–50 audit-2026-02.jsonl.zst", "2026-03 1 10 51–60 audit-2026-03.jsonl.zst"}
		if !slices.Equal(got, want) {
			t.Errorf("archived %q", got)
		}
		sameLines(t, "what stays", lines(t, db), before[60:])
		sameLines(t, "what left", sealedLines(t, s), before[:60])
		if r := sound(t, s); r.Segments != 3 || r.Rows != 60 || r.Head != done[2].Seal {
			t.Errorf("report %+v", r)
		}
		deeds := db.AuditEvent.Query().Where(auditevent.Action(string(audit.Archive))).Order(auditevent.ByID()).AllX(t.Context())
		if len(deeds) != 6 || !strings.Contains(string(deeds[0].Extra), done[0].Seal) || *deeds[0].EntityID != fmt.Sprint(done[0].ID) {
			t.Errorf("%d deeds in the trail, the first %v", len(deeds), deeds[0])
		}
		if k.partitioned {
			for _, month := range []string{"2026_01", "2026_02", "2026_03"} {
				if _, there, err := s.partition(t.Context(), "audit_events_"+month); err != nil || there {
					t.Errorf("partition %s is there, error %v", month, err)
				}
			}
		}
		if again, err := s.Run(system(t), nil); err != nil || len(again) > 0 {
			t.Errorf("once more: %v, error %v", again, err)
		}
		for _, name := range []string{"audit-2026-01.jsonl.zst", "audit-2026-01.jsonl.zst.seal.json"} {
			if info, err := os.Stat(filepath.Join(s.Dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, error %v", name, info, err)
			}
		}
	})
}

func TestOneMonthByItself(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		db, _ := open(t, k, 3, 4, 5, 6)
		s := service(db, t.TempDir())
		february, april := month(t, "2026-02"), month(t, "2026-04")
		if done, err := s.Run(system(t), &april); !errors.Is(err, ErrTooYoung) || done != nil {
			t.Errorf("April: %v, error %v", done, err)
		}
		for range 2 {
			if _, err := s.Run(system(t), &february); err != nil {
				t.Fatal(err)
			}
		}
		if r := sound(t, s); r.Segments != 1 || r.Rows != 4 {
			t.Errorf("report %+v", r)
		}
		if _, err := s.Run(system(t), nil); err != nil {
			t.Fatal(err)
		}
		if r := sound(t, s); r.Segments != 3 || r.Rows != 12 {
			t.Errorf("report %+v", r)
		}
	})
}

func month(t testing.TB, text string) Month {
	t.Helper()
	m, err := ParseMonth(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "2026", "2026-1", "2026-13", "2026-00", "26-01", "2026-01-01", "2026/01", " 2026-01", "../2026-01"} {
		if m, err := ParseMonth(text); err == nil {
			t.Errorf("%q is %s", text, m)
		}
	}
	if m := month(t, "2025-12"); m.String() != "2025-12" || !m.end().Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got %s to %s", m, m.end())
	}
}

// steps are all that a run goes through, by what keeps the trail. What two kinds
// share is tried with one of them.
func (k kind) steps() []step {
	if k == kinds["postgres with the default partition"] {
		return []step{stepPlaced, stepRemoving, stepBatch, stepRemoved}
	}
	all := []step{stepLocked, stepWriting, stepWritten, stepChecked, stepSealing, stepSealed, stepRenamed, stepPlaced}
	if k.partitioned {
		all = append(all, stepDetaching, stepDetached, stepDropping, stepDropped)
	} else {
		all = append(all, stepRemoving, stepBatch)
	}
	return append(all, stepRemoved, stepFinishing, stepFinished)
}

func TestAKillAtAnyStepLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		for _, at := range k.steps() {
			t.Run(string(at), func(t *testing.T) {
				db, url := open(t, k, 1100, 5)
				s := service(db, t.TempDir())
				before := lines(t, db)
				if !die(t, url, s.Dir, at) {
					t.Fatal("the step was not reached")
				}
				// Nothing is lost: whatever has left the table is in a sealed file.
				there := map[string]bool{}
				for _, line := range append(lines(t, db), sealedLines(t, s)...) {
					there[line] = true
				}
				if k.partitioned { // a detached partition is waiting to be compared
					if attached, exists, err := s.partition(t.Context(), "audit_events_2026_01"); err != nil || attached && at == stepDetached || !exists && at == stepDetached {
						t.Errorf("partition: attached %v, there %v, error %v", attached, exists, err)
					}
				}
				for _, line := range before {
					if !there[line] {
						t.Fatalf("lost: %s", line)
					}
				}
				if _, err := s.Run(system(t), nil); err != nil {
					t.Fatal(err)
				}
				// Nothing is repeated: each event is in one file, each deed once in the trail.
				sameLines(t, "the files", sealedLines(t, s), before)
				sameLines(t, "the table", lines(t, db), nil)
				if r := sound(t, s); r.Segments != 2 {
					t.Errorf("%d segments", r.Segments)
				}
				if n := db.AuditEvent.Query().Where(auditevent.Action(string(audit.Archive))).CountX(t.Context()); n != 4 {
					t.Errorf("%d deeds in the trail", n)
				}
				left, err := filepath.Glob(filepath.Join(s.Dir, "*"+temporary))
				if err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, error %v", left, err)
				}
			})
		}
	})
}

func TestWhatComesLateIsNotLost(t *testing.T) {
	t.Parallel()
	for _, at := range []step{stepWriting, stepWritten, stepSealed, stepPlaced, stepDetached, stepRemoved, stepFinished} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			eachKind(t, func(t *testing.T, k kind) {
				if at == stepDetached && !k.partitioned {
					return // there is no such step
				}
				db, _ := open(t, k, 40)
				s := service(db, t.TempDir())
				late := 0
				s.reached = func(p step) {
					if p != at || late > 0 {
						return
					}
					late++
					db.AuditEvent.Create().SetID(900).SetRoles("").SetMethod("CLI").SetPath("-").SetAction("create").SetResource("cari").SetOutcome(audit.OK).
						SetStatusCode(200).SetDurationMs(0).SetRequestID("geç").SetCreatedAt(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)).ExecX(t.Context())
				}
				before := lines(t, db)
				done, err := s.Run(system(t), nil)
				if err != nil {
					t.Fatal(err)
				}
				if late != 1 || len(done) != 2 || done[1].Part != 2 || done[1].Rows != 1 || done[1].FirstEventID != 900 || done[1].FileName != "audit-2026-01.2.jsonl.zst" {
					t.Fatalf("%d came late, archived %v", late, done)
				}
				sameLines(t, "the first file and the second", sealedLines(t, s)[:40], before)
				sameLines(t, "the table", lines(t, db), nil)
				sound(t, s)
			})
		})
	}
}

func TestAnEventThatChangedMeanwhileStops(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		db, _ := open(t, k, 40)
		s := service(db, t.TempDir())
		s.reached = func(p step) {
			if p == stepPlaced {
				if _, err := db.Writer().ExecContext(t.Context(), "UPDATE audit_events SET path = 'başka' WHERE id = 7"); err != nil {
					t.Error(err)
				}
			}
		}
		if done, err := s.Run(system(t), nil); !errors.Is(err, ErrDifferent) || len(done) > 0 {
			t.Fatalf("archived %v, error %v", done, err)
		}
		s.reached = nil
		if _, err := s.Run(system(t), nil); !errors.Is(err, ErrDifferent) {
			t.Errorf("once more: %v", err)
		}
		if _, err := db.Writer().ExecContext(t.Context(), "UPDATE audit_archives SET file_name = '../' || file_name"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(system(t), nil); !errors.Is(err, ErrAltered) {
			t.Errorf("with a changed row: %v", err)
		}
		table := "audit_events"
		if k.partitioned {
			table = "audit_events_2026_01"
		}
		if rows := aliatest.Rows(t, db.Reader(), "SELECT count(*) FROM "+table+" WHERE action <> 'archive'"); rows[0][0] != "40" {
			t.Errorf("%s events are there", rows[0][0])
		}
	})
}

func TestAFileThatIsNotSealedHereIsNotOverwritten(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		fill(t, db, kind{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 3)
		s := service(db, t.TempDir())
		path := filepath.Join(s.Dir, "audit-2026-01.jsonl.zst")
		if err := os.WriteFile(path, []byte("of another time"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(system(t), nil); !errors.Is(err, ErrForeign) {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "of another time" {
			t.Errorf("the file is %q, error %v", text, err)
		}
		if n := len(lines(t, db)); n != 3 {
			t.Errorf("%d events", n)
		}
	})
}

func TestNothingLeavesWithoutItsFile(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"a file that is gone":       os.Remove,
		"a file that was cut":       func(path string) error { return os.Truncate(path, 100) },
		"a file that is empty":      func(path string) error { return os.Truncate(path, 0) },
		"a file with a byte behind": func(path string) error { return appendTo(path, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachKind(t, func(t *testing.T, k kind) {
				db, _ := open(t, k, 40)
				s := service(db, t.TempDir())
				s.reached = func(p step) {
					if p == stepSealed {
						if err := spoil(filepath.Join(s.Dir, "audit-2026-01.jsonl.zst"+temporary)); err != nil {
							t.Error(err)
						}
					}
				}
				if done, err := s.Run(system(t), nil); !errors.Is(err, ErrMissing) && !errors.Is(err, ErrDamaged) || len(done) > 0 {
					t.Errorf("archived %v, error %v", done, err)
				}
				if n := len(lines(t, db)); n != 40 {
					t.Errorf("%d events", n)
				}
			})
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestTwoDoNotArchiveAtOnce(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		fill(t, db, kind{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 3)
		s := service(db, t.TempDir())
		other := service(db, s.Dir)
		s.reached = func(p step) {
			if p != stepWritten {
				return
			}
			if _, err := other.Run(system(t), nil); !errors.Is(err, ErrBusy) {
				t.Errorf("the other: %v", err)
			}
		}
		if _, err := s.Run(system(t), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Run(system(t), nil); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestVerifyFindsWhatWasChanged(t *testing.T) {
	t.Parallel()
	type spoiling func(t *testing.T, s *Service, all []*ent.AuditArchive)
	row := func(statement string) spoiling {
		return func(t *testing.T, s *Service, _ []*ent.AuditArchive) {
			t.Helper()
			if _, err := s.DB.Writer().ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	beside := func(change func(path string) error) spoiling {
		return func(t *testing.T, s *Service, all []*ent.AuditArchive) {
			t.Helper()
			if err := change(s.path(all[1])); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil spoiling
		want  string // in what is told
	}{
		"a file that is gone":               {beside(os.Remove), "missing"},
		"a file with one byte more":         {beside(func(p string) error { return appendTo(p, "\x00") }), "not what was sealed"},
		"the file of another month":         {beside(func(p string) error { return copyFile(strings.ReplaceAll(p, "-02", "-01"), p) }), "not what was sealed"},
		"the seal beside it is gone":        {beside(func(p string) error { return os.Remove(p + sealEnding) }), "beside"},
		"the seal beside it was changed":    {beside(func(p string) error { return appendTo(p+sealEnding, " ") }), "beside"},
		"a row says fewer":                  {row("UPDATE audit_archives SET rows = 19 WHERE position = 2"), "row in the database was changed"},
		"a row has another time":            {row("UPDATE audit_archives SET sealed_at = first_event_at WHERE position = 2"), "row in the database was changed"},
		"a row has another predecessor":     {row("UPDATE audit_archives SET previous_seal = seal WHERE position = 2"), "chained"},
		"a row is gone":                     {row("DELETE FROM audit_archives WHERE position = 2"), "segment 2 is missing"},
		"a row and its number are gone":     {row("DELETE FROM audit_archives WHERE position = 3"), "not sealed in this database"},
		"the first row is gone":             {row("DELETE FROM audit_archives WHERE position = 1"), "segment 1 is missing"},
		"a file that nobody sealed is here": {beside(func(p string) error { return copyFile(p, strings.ReplaceAll(p, "-02", "-07")) }), "not sealed in this database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			where := dialect.SQLite
			if strings.HasPrefix(name, "the seal beside") {
				where = dialect.Postgres
			}
			db := aliatest.Open(t, where)
			fill(t, db, kind{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 30, 20, 10)
			s := service(db, t.TempDir())
			all, err := s.Run(system(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			sound(t, s)
			c.spoil(t, s, all)
			r, err := s.Verify(system(t), "")
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Faults) == 0 || !strings.Contains(fmt.Sprint(r.Faults), c.want) {
				t.Errorf("found %v, want one of %q", r.Faults, c.want)
			}
		})
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

func TestVerifyFindsEveryChangedByte(t *testing.T) {
	t.Parallel()
	db, _ := open(t, kinds["sqlite"], 4)
	s := service(db, t.TempDir())
	all, err := s.Run(system(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := s.path(all[0])
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		changed := slices.Clone(text)
		changed[i] ^= 1 << (i % 8)
		if err := os.WriteFile(path, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if what, err := s.whole(t.Context(), all[0]); err != nil || what == "" {
			t.Errorf("byte %d of %d: %q, error %v", i, len(text), what, err)
		}
	}
	// What is found stays known until it is mended.
	if _, err := s.Verify(system(t), ""); err != nil {
		t.Fatal(err)
	}
	faulty := db.AuditArchive.Query().Where(auditarchive.FaultNotNil())
	if found := faulty.AllX(t.Context()); len(found) != 1 || found[0].VerifiedAt == nil {
		t.Errorf("faulty: %v", found)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	sound(t, s)
	if found := faulty.AllX(t.Context()); len(found) > 0 {
		t.Errorf("still faulty: %v", found)
	}
}

func TestASealNotedElsewhereShowsAChainThatWasCutOff(t *testing.T) {
	t.Parallel()
	db, _ := open(t, kinds["sqlite"], 3, 3, 3)
	s := service(db, t.TempDir())
	all, err := s.Run(system(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	noted := all[2].Seal
	if r, err := s.Verify(system(t), noted); err != nil || len(r.Faults) > 0 {
		t.Errorf("found %v, error %v", r, err)
	}
	db.AuditArchive.Delete().Where(auditarchive.Position(3)).ExecX(t.Context())
	for _, end := range []string{"", sealEnding} {
		if err := os.Remove(s.path(all[2]) + end); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.Verify(system(t), noted); err != nil || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].What, noted) {
		t.Errorf("found %v, error %v", r, err)
	}
}

// TestAYearComesBackByteForByte archives a year month by month as time passes,
// restores it into databases of both kinds and compares.
func TestAYearComesBackByteForByte(t *testing.T) {
	t.Parallel()
	aYear(t, 4000)
}

func aYear(t *testing.T, events int) {
	t.Helper()
	eachKind(t, func(t *testing.T, k kind) {
		perMonth := make([]int, 12)
		for i := range perMonth {
			perMonth[i] = events/12 + i
		}
		db, _ := open(t, k, perMonth...)
		for _, id := range []int64{1, 7, 30} {
			db.User.Create().SetID(id).SetEmail(fmt.Sprintf("kullanici%d@aliaport.example", id)).SetFullName("Deneme").SetPasswordHash("gizli").SaveX(t.Context())
		}
		s := service(db, t.TempDir())
		before := lines(t, db)
		at := time.Date(2026, 4, 1, 3, 30, 0, 0, time.UTC)
		s.Now = func() time.Time { return at }
		for range 14 {
			at = at.AddDate(0, 1, 0)
			if _, err := s.Run(system(t), nil); err != nil {
				t.Fatal(err)
			}
		}
		sameLines(t, "the table", lines(t, db), nil)
		// The deeds of the first runs are old enough themselves by now.
		deeds := s.DB.AuditArchive.Query().Where(auditarchive.MonthGT("2026-12")).CountX(t.Context())
		if r := sound(t, s); r.Segments != 12+deeds || int(r.Rows) < len(before) {
			t.Fatalf("report %+v", r)
		}
		into := map[kind][]string{ // of SQLite into both; each way between the two once
			kinds["sqlite"]:                              {dialect.SQLite, dialect.Postgres},
			kinds["postgres with partitions"]:            {dialect.SQLite},
			kinds["postgres with the default partition"]: {dialect.Postgres},
		}
		for _, other := range into[k] {
			scratch := aliatest.Open(t, other)
			for i := range 12 {
				m := Month{time.Date(2026, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC)}
				if n, err := s.Restore(system(t), m, scratch); err != nil || n == 0 {
					t.Fatalf("%s into %s: %d, error %v", m, other, n, err)
				}
				if n, err := s.Restore(system(t), m, scratch); err != nil || n != 0 {
					t.Errorf("%s once more: %d, error %v", m, n, err)
				}
			}
			sameLines(t, "the year in "+other, lines(t, scratch), before)
			u := scratch.User.GetX(t.Context(), 7)
			if u.IsActive || u.PasswordHash != "" || scratch.User.Query().CountX(t.Context()) != 3 {
				t.Errorf("copied user %+v", u)
			}
			// What happens in the scratch database takes no id of the past.
			if err := scratch.InTx(t.Context(), func(tx *ent.Tx) error {
				return audit.Record(t.Context(), tx, at, audit.Event{Action: audit.Login, Resource: audit.Auth})
			}); err != nil {
				t.Fatal(err)
			}
			if e := scratch.AuditEvent.Query().Where(auditevent.Action("login")).OnlyX(t.Context()); e.ID <= ownIDs {
				t.Errorf("a new event got the id %d", e.ID)
			}
		}
	})
}

func TestAMonthInPartsIsRestoredWhole(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, k kind) {
		db, _ := open(t, k, 50)
		s := service(db, t.TempDir())
		s.reached = func(p step) {
			if p == stepRemoved {
				s.reached = nil
				db.AuditEvent.Create().SetID(900).SetRoles("").SetMethod("CLI").SetPath("-").SetAction("create").SetResource("cari").SetOutcome(audit.OK).
					SetStatusCode(200).SetDurationMs(0).SetRequestID("").SetCreatedAt(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)).ExecX(t.Context())
			}
		}
		if done, err := s.Run(system(t), nil); err != nil || len(done) != 2 {
			t.Fatalf("%v, error %v", done, err)
		}
		scratch := aliatest.Open(t, dialect.SQLite)
		if n, err := s.Restore(system(t), month(t, "2026-01"), scratch); err != nil || n != 51 {
			t.Errorf("restored %d, error %v", n, err)
		}
	})
}

func TestRestoreRefusesADatabaseInUse(t *testing.T) { //nolint:tparallel // the file is damaged when all are done
	t.Parallel()
	db, _ := open(t, kinds["sqlite"], 5)
	db.User.Create().SetID(1).SetEmail("a@aliaport.example").SetFullName("A").SetPasswordHash("").ExecX(t.Context())
	s := service(db, t.TempDir())
	if _, err := s.Run(system(t), nil); err != nil {
		t.Fatal(err)
	}
	january := month(t, "2026-01")
	for name, use := range map[string]func(*store.DB){
		"with archives of its own": func(db *store.DB) {
			fill(t, db, kind{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 5)
			if _, err := service(db, t.TempDir()).Run(system(t), nil); err != nil {
				t.Error(err)
			}
		},
		"with a user of another name": func(db *store.DB) {
			db.User.Create().SetID(1).SetEmail("b@aliaport.example").SetFullName("B").SetPasswordHash("").ExecX(t.Context())
		},
		"with a user too many": func(db *store.DB) {
			db.User.Create().SetID(2).SetEmail("b@aliaport.example").SetFullName("B").SetPasswordHash("").ExecX(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			aliatest.EachDB(t, func(t *testing.T, into *store.DB) {
				use(into)
				if _, err := s.Restore(system(t), january, into); !errors.Is(err, ErrNotScratch) {
					t.Error(err)
				}
			})
		})
	}
	if _, err := s.Restore(system(t), january, db); !errors.Is(err, ErrNotScratch) {
		t.Errorf("into itself: %v", err)
	}
	scratch := aliatest.Open(t, dialect.SQLite)
	if _, err := s.Restore(system(t), month(t, "2025-12"), scratch); !errors.Is(err, ErrNoSuchMonth) {
		t.Errorf("a month that is not there: %v", err)
	}
	all := db.AuditArchive.Query().AllX(t.Context())
	if err := appendTo(s.path(all[0]), "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Restore(system(t), january, scratch); !errors.Is(err, ErrDamaged) || len(lines(t, scratch)) > 0 {
		t.Errorf("from a damaged file: %v", err)
	}
}

func TestOnlyThoseWithTheRightArchive(t *testing.T) {
	t.Parallel()
	db, _ := open(t, kinds["sqlite"], 5)
	s := service(db, t.TempDir())
	clerk := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.AuditRead}))
	_, run := s.Run(clerk, nil)
	_, verify := s.Verify(clerk, "")
	_, restore := s.Restore(clerk, month(t, "2026-01"), db)
	for name, err := range map[string]error{"run": run, "verify": verify, "restore": restore} {
		if !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOthersWriteWhileAPartitionLeaves(t *testing.T) {
	t.Parallel()
	k := kinds["postgres with partitions"]
	db, _ := open(t, k, 3000, 3000, 3000)
	if _, err := migrate.EnsureAuditPartitions(t.Context(), db.Writer(), clock, 1); err != nil {
		t.Fatal(err)
	}
	s := service(db, t.TempDir())
	stop, ended := make(chan struct{}), make(chan error, 1)
	written := 0
	go func() {
		var failed error
		defer func() { ended <- failed }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			if failed = db.InTx(t.Context(), func(tx *ent.Tx) error {
				return audit.Record(t.Context(), tx, clock, audit.Event{Action: audit.Login, Resource: audit.Auth})
			}); failed != nil {
				return
			}
			written++
		}
	}()
	_, err := s.Run(system(t), nil)
	close(stop)
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	if n := db.AuditEvent.Query().Where(auditevent.Action("login")).CountX(t.Context()); n != written || n == 0 {
		t.Errorf("%d of %d events", n, written)
	}
	sound(t, s)
}

// TestALongTransactionHoldsUpNobodyForLong: the partition waits for it a second at a
// time, so that writers who queue up behind get their turn.
func TestALongTransactionHoldsUpNobodyForLong(t *testing.T) {
	t.Parallel()
	db, _ := open(t, kinds["postgres with partitions"], 10)
	s := service(db, t.TempDir())
	long, err := db.Writer().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := long.ExecContext(t.Context(), "SELECT 1 FROM audit_events LIMIT 1"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	time.AfterFunc(2500*time.Millisecond, func() { ended <- long.Rollback() })
	begin := time.Now()
	done, err := s.Run(system(t), nil)
	if err := errors.Join(err, <-ended); err != nil || len(done) != 1 {
		t.Fatalf("archived %v, error %v", done, err)
	}
	if took := time.Since(begin); took < 2500*time.Millisecond {
		t.Errorf("it took %s: nothing was in the way", took)
	}
	sound(t, s)
}

func TestWalkSeesOneMoment(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		fill(t, db, kind{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 2500)
		n := 0
		err := audit.Walk(t.Context(), db, func(*sql.Selector) {}, func(e *ent.AuditEvent) error {
			if n++; n == 1 {
				fill2(t, db)
			}
			if e.ID > 2500 {
				t.Errorf("event %d was written later", e.ID)
			}
			return nil
		})
		if err != nil || n != 2500 {
			t.Errorf("%d events, error %v", n, err)
		}
	})
}

// fill2 writes an event behind all others.
func fill2(t testing.TB, db *store.DB) {
	t.Helper()
	db.AuditEvent.Create().SetID(9000).SetRoles("").SetMethod("CLI").SetPath("-").SetAction("create").SetResource("cari").SetOutcome(audit.OK).
		SetStatusCode(200).SetDurationMs(0).SetRequestID("").SetCreatedAt(clock).ExecX(t.Context())
}
