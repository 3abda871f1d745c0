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

// StartNginx starts an nginx with a configuration of its http block, in which %s is the
// address to listen on, and returns that.
func StartNginx(ctx context.Context, config string) (addr string, stop func() error, err error) {
	nginx, err := binary("nginx", "/usr/sbin")
	if err != nil {
		return "", nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return "", nil, err
	}
	dir, err := who.folder("nginx")
	if err != nil {
		return "", nil, err
	}
	pid, log := filepath.Join(dir, "pid"), filepath.Join(dir, "log")
	super, err := who.supervise(dir, fmt.Sprintf("[ ! -s '%[1]s' ] || kill -TERM \"$(cat '%[1]s')\"", pid))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	_, err = onFreePort(func(port int) error {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		whole := fmt.Sprintf(`pid %s;
error_log %s;
worker_processes 2;
events { worker_connections 512; }
http {
access_log off;
client_body_temp_path %[3]s/body;
proxy_temp_path %[3]s/proxy;
fastcgi_temp_path %[3]s/fastcgi;
uwsgi_temp_path %[3]s/uwsgi;
scgi_temp_path %[3]s/scgi;
%[4]s
}
`, pid, log, dir, fmt.Sprintf(config, addr))
		file := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(file, []byte(whole), 0o644); err != nil {
			return err
		}
		if err := who.run(ctx, dir, nginx, "-e", log, "-c", file); err != nil {
			return fmt.Errorf("start nginx: %w: %s", err, tail(log))
		}
		return await(ctx, func() error {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err != nil {
				return err
			}
			return conn.Close()
		})
	})
	if err != nil {
		return "", nil, errors.Join(err, super.Close())
	}
	return addr, super.Close, nil
}
