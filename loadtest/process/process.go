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
	"syscall"
	"time"
)

// Process is a server that runs on loopback.
type Process struct {
	URL string

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
	binary = filepath.Join(dir, "aliaport")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "aliaport/cmd/aliaport").CombinedOutput(); err != nil { //nolint:gosec // our own command
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
	p := &Process{URL: "http://" + address, cmd: exec.CommandContext(ctx, binary, "serve"), logs: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), append([]string{
		"ALIAPORT_DATABASE_URL=" + database, "ALIAPORT_LISTEN=" + address, "ALIAPORT_ADMIN_LISTEN=" + admin, "ALIAPORT_LOG_LEVEL=WARN",
	}, settings...)...)
	p.cmd.Stderr = p.logs
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	for range 200 {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/readyz", nil)
		if err != nil {
			return nil, fmt.Errorf("ask whether it is ready: %w", err)
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	return nil, fmt.Errorf("%w: %s", errNotReady, p.logs)
}

// ID is the number of the process.
func (p *Process) ID() int { return p.cmd.Process.Pid }

func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Stop asks the server to end, waits for it and tells what it has used.
func (p *Process) Stop() (*os.ProcessState, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("stop the server: %w", err)
	}
	if err := p.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("the server failed: %w: %s", err, p.logs)
	}
	return p.cmd.ProcessState, nil
}
