package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// StartRedis starts a server that keeps everything in memory and returns its
// host:port.
func StartRedis(ctx context.Context) (addr string, stop func() error, err error) {
	redis, err := binary("redis-server")
	if err != nil {
		return "", nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return "", nil, err
	}
	dir, err := who.folder("redis")
	if err != nil {
		return "", nil, err
	}
	pid := filepath.Join(dir, "pid")
	super, err := who.supervise(dir, fmt.Sprintf("[ ! -s '%[1]s' ] || kill -9 \"$(cat '%[1]s')\"", pid))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	_, err = onFreePort(func(port int) error {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		log := filepath.Join(dir, "log")
		if err := who.run(ctx, dir, redis, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
			"--save", "", "--appendonly", "no", "--daemonize", "yes", "--pidfile", pid, "--logfile", log); err != nil {
			return err
		}
		if err := await(ctx, func() error { return answers(ctx, addr) }); err != nil {
			return fmt.Errorf("start Redis: %w: %s", err, tail(log))
		}
		return nil
	})
	if err != nil {
		return "", nil, errors.Join(err, super.Close())
	}
	return addr, super.Close, nil
}

// answers asks PING.
func answers(ctx context.Context, addr string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	reply := make([]byte, 5)
	if _, err := conn.Read(reply); err != nil {
		return err
	}
	if string(reply) != "+PONG" {
		return fmt.Errorf("%s is no Redis: it said %q", addr, reply)
	}
	return nil
}
