// Withservers runs a command with a PostgreSQL and a Redis server that are thrown
// away afterwards:
//
//	go run ./internal/aliatest/cmd/withservers go test ./...
//
// The test kit finds them by ALIAPORT_TEST_POSTGRES_URL and ALIAPORT_TEST_REDIS_ADDR.
// Without it every test binary starts servers of its own, which takes longer.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"aliaport/internal/aliatest/server"
)

func main() {
	code, err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservers:", err)
	}
	os.Exit(code)
}

// run returns the exit code of the command.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int, err error) {
	if len(args) == 0 {
		return 2, errors.New("usage: withservers command [argument …]")
	}
	// From here on a signal is the command's business; we clean up after it.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	url, stopPostgres, err := server.StartPostgres(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stopPostgres()) }()
	addr, stopRedis, err := server.StartRedis(ctx)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, stopRedis()) }()

	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "ALIAPORT_TEST_POSTGRES_URL="+url, "ALIAPORT_TEST_REDIS_ADDR="+addr)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			// It may have ended meanwhile, or the terminal has told it already.
			_ = cmd.Process.Signal(s)
		case err := <-ended:
			if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
				return 1, err
			}
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				return 128 + int(status.Signal()), nil // as shells say it
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}
