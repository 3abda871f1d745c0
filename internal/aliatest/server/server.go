// Package server starts PostgreSQL, Redis and nginx servers to be thrown away: empty, in
// a temporary folder, on a free port of the loopback interface. They never
// outlive the process that started them, not even when it is killed.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is the user that servers run as: PostgreSQL refuses to run as root.
type account struct {
	credential *syscall.Credential // nil: ours
}

func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return account{}, fmt.Errorf("as root the servers need the user postgres, which `make setup` creates: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user postgres: %w", err)
	}
	return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// folder makes a temporary folder that belongs to the account.
func (a account) folder(name string) (string, error) {
	dir, err := os.MkdirTemp("", "aliaport-"+name+"-")
	if err != nil {
		return "", err
	}
	if a.credential != nil {
		if err := os.Chown(dir, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
			return "", errors.Join(err, os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// command is a command of the account that a Ctrl-C in the terminal does not reach.
func (a account) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential, Setpgid: true}
	return cmd
}

// run runs a command of the account to its end. Its output goes to a file, not to
// a pipe: a server started by it would keep a pipe open.
func (a account) run(ctx context.Context, dir, name string, args ...string) error {
	out, err := os.CreateTemp(dir, "output-")
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := a.command(ctx, dir, name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, tail(out.Name()))
	}
	return nil
}

// supervisor is a process that waits for ours to end or to call Close, then stops
// a server and removes its folder.
type supervisor struct {
	cmd  *exec.Cmd
	life io.Closer // closed by the kernel when we are gone, and by Go when nobody refers to it
}

// watch ends when nothing is left of the folder $2. If we were killed while the
// server was being set up, somebody may still be writing there.
const watch = `
read -r _
for try in $(seq 60); do
	eval "$1"
	rm -rf "$2" && sleep 0.2 && [ ! -e "$2" ] && exit
	sleep 0.5
done`

// supervise starts the supervisor; stop is what it runs in a shell.
func (a account) supervise(dir, stop string) (*supervisor, error) {
	// Not bound to a context: it must outlive everything.
	cmd := a.command(context.Background(), "/", "sh", "-c", watch, "sh", stop, dir)
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, life.Close())
	}
	return &supervisor{cmd, life}, nil
}

// Close returns when the server is gone.
func (s *supervisor) Close() error {
	if err := s.life.Close(); err != nil {
		return err
	}
	return s.cmd.Wait()
}

// binary finds a program on PATH or, the newest, in one of the folders.
func binary(name string, folders ...string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	var found []string
	for _, pattern := range folders {
		matches, err := filepath.Glob(filepath.Join(pattern, name))
		if err != nil {
			return "", err
		}
		found = append(found, matches...)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no %s on PATH or in %s: run `make setup`", name, strings.Join(folders, ", "))
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) }), nil
}

// version is the number in /usr/lib/postgresql/15/bin/initdb.
func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// onFreePort calls start with ports until one works: between our finding it free
// and the server's taking it, somebody else may.
func onFreePort(start func(port int) error) (port int, err error) {
	for range 3 {
		if port, err = freePort(); err != nil {
			return 0, err
		}
		if err = start(port); err == nil {
			return port, nil
		}
	}
	return 0, err
}

func freePort() (int, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, errors.Join(err, l.Close())
	}
	n, err := strconv.Atoi(port)
	return n, errors.Join(err, l.Close())
}

// await calls ready until it succeeds.
func await(ctx context.Context, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// tail is the end of a log file, for an error.
func tail(path string) string {
	const most = 2000
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}
