package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"aliaport/internal/aliatest"
)

// TestMain lets the tests run this program as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("ALIAPORT_TEST_AS_PROGRAM") != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]syscall.Signal{"SIGINT": syscall.SIGINT, "SIGTERM": syscall.SIGTERM} {
		t.Run(name+" ends an idle server in order", func(t *testing.T) {
			t.Parallel()
			p := startProcess(t)
			p.signal(t, sig)
			if state := p.wait(t); state.ExitCode() != exitOK {
				t.Errorf("ended with %s", state)
			}
		})
	}
	t.Run("a request that runs is finished first", func(t *testing.T) {
		t.Parallel()
		p := startProcess(t)
		finish := p.halfRequest(t)
		p.signal(t, syscall.SIGTERM)
		p.awaitClosed(t)
		if answer := finish(); !strings.Contains(answer, `"__typename":"Query"`) {
			t.Errorf("answer %q", answer)
		}
		if state := p.wait(t); state.ExitCode() != exitOK {
			t.Errorf("ended with %s", state)
		}
	})
	t.Run("with a delay it serves on and says that it stops", func(t *testing.T) {
		t.Parallel()
		p := startProcess(t, "--shutdown-delay=3s")
		p.signal(t, syscall.SIGTERM)
		for status := 0; status != http.StatusServiceUnavailable; time.Sleep(10 * time.Millisecond) {
			var body string
			if status, body = visit(t, "http://"+p.address+"/readyz"); status != http.StatusOK && !strings.Contains(body, `"stopping"`) {
				t.Errorf("/readyz: %d %s", status, body)
			}
		}
		resp, err := http.Get("http://" + p.address + "/graphql?query=%7B__typename%7D")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !resp.Close {
			t.Errorf("status %d, the connection is let go: %t", resp.StatusCode, resp.Close)
		}
		if state := p.wait(t); state.ExitCode() != exitOK {
			t.Errorf("ended with %s", state)
		}
	})
	t.Run("a second signal does not wait for it", func(t *testing.T) {
		t.Parallel()
		p := startProcess(t)
		p.halfRequest(t)
		p.signal(t, syscall.SIGTERM)
		p.awaitClosed(t)
		// It listens no more, but may not have given the signal back yet.
		again := time.AfterFunc(time.Second, func() { _ = p.Process.Signal(syscall.SIGTERM) })
		defer again.Stop()
		p.signal(t, syscall.SIGTERM)
		state := p.wait(t)
		if ws, ok := state.Sys().(syscall.WaitStatus); !ok || !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
			t.Errorf("ended with %s, want killed by SIGTERM", state)
		}
	})
}

// process is this program, serving.
type process struct {
	*exec.Cmd
	address string
	output  buffer
}

var playgroundLine = regexp.MustCompile(`Playground: http://(127\.0\.0\.1:[1-9][0-9]*)/playground`)

func startProcess(t *testing.T, flags ...string) *process {
	t.Helper()
	p := &process{}
	p.Cmd = exec.CommandContext(t.Context(), os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--shutdown-timeout=30s"}, flags...)...)
	p.Env = append(os.Environ(), "ALIAPORT_TEST_AS_PROGRAM=1", "ALIAPORT_DATABASE_URL=sqlite://"+aliatest.SQLitePath(t))
	p.Stdout, p.Stderr = &p.output, &p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill() // it may have ended
		_ = p.Wait()
	})
	for range 3000 {
		// The port is the one that the program says it got.
		if m := playgroundLine.FindStringSubmatch(p.output.String()); m != nil {
			p.address = m[1]
			return p
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not serve:\n%s", p.output.String())
	return nil
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *process) wait(t *testing.T) *os.ProcessState {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.Wait() }()
	select {
	case err := <-done:
		if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err)
		}
		return p.ProcessState
	case <-time.After(10 * time.Second):
		t.Fatalf("it goes on:\n%s", p.output.String())
		return nil
	}
}

// awaitClosed returns when no more connections are taken.
func (p *process) awaitClosed(t *testing.T) {
	t.Helper()
	for range 1000 {
		c, err := net.Dial("tcp", p.address)
		if err != nil {
			return
		}
		_ = c.Close()
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it still takes connections")
}

// halfRequest begins a request; the function it returns sends the rest and
// returns the answer.
func (p *process) halfRequest(t *testing.T) (finish func() string) {
	t.Helper()
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	const body = `{"query": "{ __typename }"}`
	fmt.Fprintf(c, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", p.address, len(body))
	answer := bufio.NewReader(c)
	// The server says so when it begins to read the body.
	resp, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusContinue {
		t.Fatalf("status %s, want 100", resp.Status)
	}
	return func() string {
		fmt.Fprint(c, body)
		resp, err := http.ReadResponse(answer, nil)
		if err != nil {
			t.Fatalf("read the answer: %v\n%s", err, p.output.String())
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
}
