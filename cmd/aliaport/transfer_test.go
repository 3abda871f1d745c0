package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"aliaport/internal/aliatest"
	"aliaport/internal/transfer"
)

// directions are those of a move.
var directions = [][2]string{{dialect.SQLite, dialect.Postgres}, {dialect.Postgres, dialect.SQLite}}

// seededURL is a database with demo data.
func seededURL(t *testing.T, kind string, orders int) string {
	t.Helper()
	url := aliatest.MigratedURL(t, kind)
	if code, out := try(t, []string{jwtKey}, "seed", "--database-url", url, "--work-orders", fmt.Sprint(orders), "--cari", "100", "--services", "50", "--trips", "200"); code != exitOK {
		t.Fatal(out)
	}
	return url
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.subjects)
}

// asProcess runs a command as a process and returns what it printed.
func asProcess(ctx context.Context, args ...string) (*exec.Cmd, *buffer) {
	var out buffer
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), "ALIAPORT_TEST_AS_PROGRAM=1", jwtKey)
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// TestATransferKilledAtAnyMomentGoesOn: SIGKILL, then the same command again, until it
// is through; nothing is lost and nothing is there twice.
func TestATransferKilledAtAnyMomentGoesOn(t *testing.T) {
	t.Parallel()
	for _, way := range directions {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			from := seededURL(t, way[0], transferOrders)
			began := time.Now()
			whole, out := asProcess(t.Context(), "transfer", "--from", from, "--to", aliatest.MigratedURL(t, way[1]))
			if err := whole.Run(); err != nil {
				t.Fatal(err, out.String())
			}
			took := time.Since(began)
			killed, resumed := 0, 0
			for range transferKills {
				to := aliatest.MigratedURL(t, way[1])
				cmd, _ := asProcess(t.Context(), "transfer", "--from", from, "--to", to)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(rand.N(took))
				if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Fatal(err)
				}
				if err := cmd.Wait(); err != nil {
					killed++
				}
				code, out := try(t, []string{jwtKey}, "transfer", "--from", from, "--to", to)
				if strings.Contains(out, transfer.ErrNotEmpty.Error()) && code == exitFailed { // it was through already
					code, out = try(t, []string{jwtKey}, "transfer", "--prove", "--from", from, "--to", to)
				}
				if code != exitOK || !strings.Contains(out, "EQUAL") {
					t.Fatalf("code %d:\n%s", code, out)
				}
				if strings.Contains(out, "compared with what is there") {
					resumed++
				}
				db := aliatest.OpenURL(t, to)
				for _, table := range []string{"transfer_chunks", "transfer_schema", "transfer_state"} {
					if _, err := db.Reader().ExecContext(t.Context(), "SELECT 1 FROM "+table); err == nil {
						t.Errorf("%s is left", table)
					}
				}
				intact(t, db)
			}
			t.Logf("%d of %d were killed in time, %d found rows of the first attempt", killed, transferKills, resumed)
			if killed == 0 {
				t.Error("none was killed in time")
			}
		})
	}
}

// TestAPortInUseMovesWithoutLosingAnOrder: two servers (one on SQLite) take 50 orders a
// second while their database is copied and left. What they acknowledged is in the
// target; from the switch on they refuse to write and go on to answer.
func TestAPortInUseMovesWithoutLosingAnOrder(t *testing.T) {
	t.Parallel()
	for _, way := range directions {
		t.Run(way[0]+" to "+way[1], func(t *testing.T) {
			t.Parallel()
			servers := 2
			if way[0] == dialect.SQLite {
				servers = 1
			}
			f := newFleetOn(t, aliatest.MigratedURL(t, way[0]), servers)
			to := aliatest.MigratedURL(t, way[1])
			acks := &acknowledged{subjects: map[string]string{}}
			const rate = 50
			var (
				g       errgroup.Group
				refused = make(chan time.Time, 1)
				stop    = make(chan struct{})
			)
			tick := time.NewTicker(time.Second / rate)
			defer tick.Stop()
			g.SetLimit(16)
			writing := make(chan struct{})
			go func() {
				defer close(writing)
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					case <-tick.C:
					}
					g.Go(func() error {
						subject := fmt.Sprintf("İş %d, çekici", n)
						number, err := f.servers[n%servers].create(t.Context(), f.admin, subject, fmt.Sprintf("tasima-%d", n))
						if no, ok := errors.AsType[*refusedError](err); ok && no.code == "READ_ONLY" {
							select {
							case refused <- time.Now():
							default:
							}
							return nil
						}
						if err != nil {
							return err
						}
						acks.add(number, subject)
						return nil
					})
				}
			}()
			report := filepath.Join(t.TempDir(), "report.json")
			for acks.count() < rate { // there is something to move
				time.Sleep(10 * time.Millisecond)
			}
			for _, step := range [][]string{{"--catch-up"}, {"--catch-up"}, {"--cut-over", "--report", report}} {
				cmd, out := asProcess(t.Context(), append([]string{"transfer", "--from", f.url, "--to", to}, step...)...)
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v: %v\n%s", step, err, out.String())
				}
				if step[0] == "--cut-over" {
					t.Log(strings.Split(out.String()[strings.Index(out.String(), "The target may"):], "\n")[0])
				}
			}
			select {
			case <-refused:
			case <-time.After(5 * time.Second):
				t.Error("the old servers still do not refuse to write")
			}
			close(stop)
			<-writing
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			var board struct{ WorkOrders struct{ TotalCount int } }
			for _, p := range f.servers {
				if err := p.ask(t.Context(), f.admin, "okuma-0001", `{workOrders(first: 1) {totalCount}}`, nil, &board); err != nil {
					t.Errorf("a read of the old server: %v", err)
				}
			}
			if code, out := try(t, []string{jwtKey}, "transfer", "verify", report); code != exitOK || !strings.HasPrefix(out, "EQUAL") {
				t.Errorf("code %d: %s", code, out)
			}
			db := aliatest.OpenURL(t, to)
			if orders := holdsAll(t, db, acks); orders < 50 {
				t.Errorf("only %d orders", orders)
			}
			intact(t, db)
			// The new server numbers on where the old one stopped.
			p := startOn(t, to, freePort(t), freePort(t))
			number, err := p.create(t.Context(), p.login(t), "Yeni limanda ilk", "yeni-0001")
			if err != nil {
				t.Fatal(err)
			}
			acks.add(number, "Yeni limanda ilk")
			holdsAll(t, db, acks)
			p.end(t)
			f.end(t)
		})
	}
}

func TestTheProofIsToldByTheExitCode(t *testing.T) {
	t.Parallel()
	from, to := seededURL(t, dialect.SQLite, 50), aliatest.PostgresURL(t)
	dir := t.TempDir()
	report := filepath.Join(dir, "report.json")
	if code, out := try(t, []string{jwtKey}, "transfer", "--preflight", "--from", from); code != exitOK || !strings.Contains(out, "all rows would arrive") {
		t.Fatalf("preflight: code %d\n%s", code, out)
	}
	code, out := try(t, []string{jwtKey}, "transfer", "--from", from, "--to", to, "--report", report)
	if code != exitOK || !strings.Contains(out, "Questions: 20 of 20 answered alike") {
		t.Fatalf("code %d\n%s", code, out)
	}
	if strings.Contains(out, "postgres@") {
		t.Errorf("who signs in is printed:\n%s", out)
	}
	if code, out := try(t, []string{jwtKey}, "transfer", "verify", report); code != exitOK || !strings.HasPrefix(out, "EQUAL") {
		t.Errorf("verify: code %d\n%s", code, out)
	}
	if code, out := try(t, []string{"ALIAPORT_JWT_KEY=another key that is as long as it must be"}, "transfer", "verify", report); code != exitFailed || !strings.Contains(out, transfer.ErrSignature.Error()) {
		t.Errorf("verify with another key: code %d\n%s", code, out)
	}
	db := aliatest.OpenURL(t, to)
	if _, err := db.Writer().ExecContext(t.Context(), "UPDATE work_order_items SET grand_total = grand_total + 0.01 WHERE id = 7"); err != nil {
		t.Fatal(err)
	}
	code, out = try(t, []string{jwtKey}, "transfer", "--prove", "--json", "--report", report, "--from", from, "--to", to)
	if code != exitFailed {
		t.Errorf("a changed cent: code %d", code)
	}
	var r transfer.Report
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):strings.LastIndex(out, "}")+1]), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r.Equal || len(r.Differences) != 1 || r.Differences[0].Table != "work_order_items" || r.Differences[0].Key != "7" || r.Differences[0].Column != "grand_total" {
		t.Errorf("%+v", r.Differences)
	}
	if code, out := try(t, []string{jwtKey}, "transfer", "verify", report); code != exitFailed || !strings.HasPrefix(out, "DIFFERENT") {
		t.Errorf("verify: code %d\n%s", code, out)
	}
	for want, args := range map[string][]string{
		"--from is not given":         {"transfer", "--to", to},
		"--to is not given":           {"transfer", "--from", from},
		"there is no database":        {"transfer", "--from", "sqlite://" + filepath.Join(dir, "none.db"), "--to", to},
		"there is no group":           {"transfer", "--from", from, "--to", to, "--only", "everything"},
		transfer.ErrNotEmpty.Error():  {"transfer", "--from", from, "--to", to},
		transfer.ErrServing.Error():   {"transfer", "--from", from, "--to", from},
		transfer.ErrNotProven.Error(): {"transfer", "--from", from, "--to", to, "--cut-over"},
		"none of the others can be":   {"transfer", "--from", from, "--to", to, "--cut-over", "--prove"},
		"no such file or directory":   {"transfer", "verify", filepath.Join(dir, "none.json")},
	} {
		if code, out := try(t, []string{jwtKey}, args...); code == exitOK || !strings.Contains(out, want) {
			t.Errorf("%v: code %d, want %q\n%s", args, code, want, out)
		}
	}
}
