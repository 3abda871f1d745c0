// Package process runs the server as its users do, for measuring from outside.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a server that runs on loopback.
type Process struct {
	URL   string
	Admin string // address of metrics and profiles; empty for other programs

	cmd  *exec.Cmd
	logs *bytes.Buffer
}

var errNotReady = errors.New("the server is not ready")

// Start builds the server into the folder, starts it on the database with further
// settings (NAME=value) and returns when it is ready.
func Start(ctx context.Context, dir, database string, settings ...string) (*Process, error) {
	binary, err := Build(ctx, dir)
	if err != nil {
		return nil, err
	}
	return Run(ctx, binary, database, settings...)
}

// Build builds the server into the folder and returns its path.
func Build(ctx context.Context, dir string) (binary string, err error) {
	return build(ctx, dir, "aliaport/cmd/aliaport")
}

func build(ctx context.Context, dir, program string) (binary string, err error) {
	binary = filepath.Join(dir, filepath.Base(program))
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, program).CombinedOutput(); err != nil { //nolint:gosec // our own command
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return binary, nil
}

// Run is Start for a server that is built.
func Run(ctx context.Context, binary, database string, settings ...string) (*Process, error) {
	address, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	p := &Process{URL: "http://" + address, Admin: "http://" + admin, cmd: exec.CommandContext(ctx, binary, "serve"), logs: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), append([]string{
		"ALIAPORT_DATABASE_URL=" + database, "ALIAPORT_LISTEN=" + address, "ALIAPORT_ADMIN_LISTEN=" + admin, "ALIAPORT_LOG_LEVEL=WARN",
	}, settings...)...)
	return p, p.ready(ctx)
}

// StartOther builds another program of the module into the folder, starts it with the
// arguments, which tell it the address to listen on, and returns when it is ready.
func StartOther(ctx context.Context, dir, program string, arguments func(address string) []string) (*Process, error) {
	binary, err := build(ctx, dir, program)
	if err != nil {
		return nil, err
	}
	address, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	p := &Process{URL: "http://" + address, cmd: exec.CommandContext(ctx, binary, arguments(address)...), logs: &bytes.Buffer{}} //nolint:gosec // our own binary
	return p, p.ready(ctx)
}

// ready starts the process and waits until it answers.
func (p *Process) ready(ctx context.Context) error {
	p.cmd.Stderr = p.logs
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.cmd.Path, err)
	}
	for range 200 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if err != nil {
			return fmt.Errorf("ask whether it is ready: %w", err)
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	return fmt.Errorf("%w: %s", errNotReady, p.logs)
}

// ID is the number of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

// clockTick is the unit of times in /proc, as Linux promises it to programs.
const clockTick = 10 * time.Millisecond

// Used tells how much time the process has had of the processors, and how many bytes of
// memory it has now. It asks Linux.
func (p *Process) Used() (cpu time.Duration, memory int64, err error) {
	read := func(name string) []string {
		text, failed := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.ID()), name)) //nolint:gosec // of our own process
		err = errors.Join(err, failed)
		_, rest, named := strings.Cut(string(text), ") ") // after the name of the program, which may have spaces
		if !named {
			rest = string(text)
		}
		return strings.Fields(rest)
	}
	stat, pages := read("stat"), read("statm")
	if err != nil {
		return 0, 0, fmt.Errorf("ask what the server uses: %w", err)
	}
	for _, field := range stat[11:13] { // utime and stime
		ticks, failed := strconv.ParseInt(field, 10, 64)
		err = errors.Join(err, failed)
		cpu += time.Duration(ticks) * clockTick
	}
	resident, failed := strconv.ParseInt(pages[1], 10, 64)
	return cpu, resident * int64(os.Getpagesize()), errors.Join(err, failed)
}

func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Stop asks the server to end, waits for it and tells what it has used. A program that
// the signal ends has not failed.
func (p *Process) Stop() (*os.ProcessState, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("stop the server: %w", err)
	}
	if err := p.cmd.Wait(); err != nil {
		if end, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || end.Signal() != syscall.SIGTERM {
			return nil, fmt.Errorf("the server failed: %w: %s", err, p.logs)
		}
	}
	return p.cmd.ProcessState, nil
}
