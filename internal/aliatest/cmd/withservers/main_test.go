package main

import (
	"bufio"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be the program itself.
func TestMain(m *testing.M) {
	if os.Getenv("BE_WITHSERVERS") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// withservers is the program, with its servers' folders below the test's.
func withservers(t *testing.T, args ...string) (_ *exec.Cmd, folder string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "withservers-") // t.TempDir is closed to the user postgres
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), "BE_WITHSERVERS=1", "TMPDIR="+folder)
	cmd.Stderr = os.Stderr
	return cmd, folder
}

// gone waits until nothing is left of the servers.
func gone(t *testing.T, folder string, addrs ...string) {
	t.Helper()
	deadline := time.Now().Add(45 * time.Second)
	for {
		var left []string
		for _, addr := range addrs {
			if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr); err == nil {
				_ = conn.Close()
				left = append(left, addr+" answers")
			}
		}
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		if left = append(left, files...); len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("left behind: %s", strings.Join(left, ", "))
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

const tell = `echo "$ALIAPORT_TEST_POSTGRES_URL"; echo "$ALIAPORT_TEST_REDIS_ADDR"; `

// told reads the addresses of the servers that the command has told.
func told(t *testing.T, lines *bufio.Scanner) []string {
	t.Helper()
	var got []string
	for len(got) < 2 && lines.Scan() {
		got = append(got, lines.Text())
	}
	if len(got) != 2 {
		t.Fatalf("the command said %q", got)
	}
	u, err := url.Parse(got[0])
	if err != nil {
		t.Fatal(err)
	}
	addrs := []string{u.Host, got[1]}
	for _, addr := range addrs {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			t.Errorf("%s does not answer: %v", addr, err)
			continue
		}
		_ = conn.Close()
	}
	return addrs
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatal(err)
	}
	return exit.ExitCode()
}

func TestEndsWithItsCommand(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		act  func(p *os.Process) error // once the servers run
		rest string                    // of the command
		want int
	}{
		"exit code is passed on":           {nil, "exit 3", 3},
		"success is passed on":             {nil, "exit 0", 0},
		"a signal is passed on":            {func(p *os.Process) error { return p.Signal(syscall.SIGTERM) }, "trap 'kill $!; exit 7' TERM; sleep 5 & wait", 7},
		"a command killed by a signal":     {nil, "kill -TERM $$", 128 + 15},
		"killed itself, it leaves nothing": {(*os.Process).Kill, "sleep 2", -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, folder := withservers(t, "sh", "-c", tell+"read -r go; "+tt.rest)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			addrs := told(t, bufio.NewScanner(out))
			if _, err := in.Write([]byte("go\n")); err != nil {
				t.Fatal(err)
			}
			if tt.act != nil {
				time.Sleep(50 * time.Millisecond) // for the trap to be set
				if err := tt.act(cmd.Process); err != nil {
					t.Fatal(err)
				}
			}
			if got := exitCode(t, cmd.Wait()); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			gone(t, folder, addrs...)
		})
	}
}

func TestKilledWhileItStartsItLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, ms := range []int{50, 200, 400, 600, 900} {
		after := time.Duration(ms) * time.Millisecond
		cmd, folder := withservers(t, "true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		time.Sleep(100 * time.Millisecond)
		gone(t, folder)
	}
}

func TestRefusesNonsense(t *testing.T) {
	t.Parallel()
	cmd, _ := withservers(t)
	if got := exitCode(t, cmd.Run()); got != 2 {
		t.Errorf("without a command: exit code %d, want 2", got)
	}
	cmd, folder := withservers(t, "/no/such/command")
	if got := exitCode(t, cmd.Run()); got != 1 {
		t.Errorf("with an unknown command: exit code %d, want 1", got)
	}
	gone(t, folder)
}
