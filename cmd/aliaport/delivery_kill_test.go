package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/notificationdelivery"
	"aliaport/ent/notificationevent"
	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/backup"
	"aliaport/internal/notification"
)

func TestEveryMessageArrivesThoughServersAreKilledWhileTheySend(t *testing.T) {
	t.Parallel()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const events = 400
			mail := aliatest.NewMailServer(t)
			mail.Answer(func(string) error { time.Sleep(2 * time.Millisecond); return nil })
			url := aliatest.MigratedURL(t, dialectName)
			db := aliatest.OpenURL(t, url)
			address, admin := freePort(t), freePort(t)
			setting := "ALIAPORT_SMTP_URL=" + mail.URL
			p := startOn(t, url, address, admin, setting) // makes the administrator, who is told
			var all []notification.Event
			for i := range events {
				all = append(all, notification.Event{Kind: notificationevent.KindWorkOrderSubmitted, Key: fmt.Sprint("kill", i)})
			}
			err := db.InTx(t.Context(), func(tx *ent.Tx) error {
				_, err := notification.Publish(t.Context(), tx, time.Now().UTC(), all...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			arrived := func() (different int) {
				ids := map[string]bool{}
				for _, l := range mail.Letters() {
					ids[l.Header.Get("Message-Id")] = true
				}
				return len(ids)
			}
			kills := 0
			for deadline := time.Now().Add(90 * time.Second); arrived() < events && time.Now().Before(deadline); {
				before := arrived()
				for range 500 {
					if arrived() >= min(before+90, events) {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				if kills < 3 {
					if err := p.cmd.Process.Kill(); err != nil {
						t.Fatal(err)
					}
					<-p.drained
					_ = p.cmd.Wait()
					kills++
					// The time of the lease passes.
					db.NotificationDelivery.Update().Where(notificationdelivery.StatusEQ(notificationdelivery.StatusPending)).SetNextAt(time.Now().UTC().Add(-time.Second)).ExecX(t.Context())
					p = startOn(t, url, address, admin, setting)
				}
			}
			p.end(t)
			sent := len(mail.Letters())
			if n := arrived(); n != events || kills != 3 {
				t.Errorf("%d of %d messages arrived, with %d kills", n, events, kills)
			}
			// What was in the hands of two workers may arrive again, and no more.
			if again := sent - events; again > kills*200 {
				t.Errorf("%d arrived again", again)
			}
			if n := db.NotificationDelivery.Query().Where(notificationdelivery.StatusNEQ(notificationdelivery.StatusSent)).CountX(t.Context()); n != 0 {
				t.Errorf("%d are not noted as sent", n)
			}
		})
	}
}

func TestABackupThatIsKilledLooksLikeNone(t *testing.T) {
	t.Parallel()
	for name, dialectName := range map[string]string{"sqlite": dialect.SQLite, "postgres": dialect.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, dir := aliatest.MigratedURL(t, dialectName), filepath.Join(t.TempDir(), "b")
			db := aliatest.OpenURL(t, url)
			api.Fixture(t, db)
			run := func(patience time.Duration) error {
				cmd := exec.CommandContext(t.Context(), os.Args[0], "backup")
				cmd.Env = append(os.Environ(), "ALIAPORT_TEST_AS_PROGRAM=1", "ALIAPORT_DATABASE_URL="+url, "ALIAPORT_BACKUP_DIR="+dir)
				var said strings.Builder
				cmd.Stderr = &said
				if err := cmd.Start(); err != nil {
					return err
				}
				if patience > 0 {
					timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
					defer timer.Stop()
				}
				if err := cmd.Wait(); err != nil {
					return fmt.Errorf("%w: %s", err, said.String())
				}
				return nil
			}
			whole := time.Now()
			if err := run(0); err != nil {
				t.Fatal(err)
			}
			took, killed := time.Since(whole), 0
			for range 12 {
				if err := run(time.Duration(rand.Int64N(int64(took)))); err != nil {
					killed++
				}
			}
			list, err := backup.List(dir)
			if err != nil || killed < 3 {
				t.Errorf("%d killed: %v", killed, err)
			}
			for _, m := range list {
				if _, err := backup.Verify(filepath.Join(dir, m.Name)); err != nil {
					t.Errorf("%s: %v", m.Name, err)
				}
			}
			if len(list) == 0 || len(list) > 13-killed {
				t.Errorf("%d backups, %d were killed", len(list), killed)
			}
		})
	}
}
