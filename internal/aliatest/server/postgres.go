package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Postgres is a PostgreSQL server. It can be stopped and started again with its
// data and port, as in an outage.
type Postgres struct {
	account  account
	settings string // of the command line
	dir      string
	pgCtl    string
	port     int
	super    *supervisor
}

// StartPostgres is NewPostgres for those who never restart it.
func StartPostgres(ctx context.Context) (url string, stop func() error, err error) {
	p, err := NewPostgres(ctx)
	if err != nil {
		return "", nil, err
	}
	return p.URL(), p.Close, nil
}

// StartDurablePostgres is StartPostgres with the settings of a new installation: what
// is committed is on the disk. It is for measuring.
func StartDurablePostgres(ctx context.Context) (url string, stop func() error, err error) {
	p, err := newPostgres(ctx, "")
	if err != nil {
		return "", nil, err
	}
	return p.URL(), p.Close, nil
}

const installed = "/usr/lib/postgresql/*/bin"

// fast are settings for data that do not have to survive a power cut.
const fast = " -c shared_buffers=32MB -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c autovacuum=off"

// NewPostgres starts a server with one superuser, postgres, and no password. It keeps
// nothing through a power cut.
func NewPostgres(ctx context.Context) (*Postgres, error) { return newPostgres(ctx, fast) }

func newPostgres(ctx context.Context, settings string) (_ *Postgres, err error) {
	initdb, err := binary("initdb", installed)
	if err != nil {
		return nil, err
	}
	pgCtl, err := binary("pg_ctl", installed)
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := who.folder("postgres")
	if err != nil {
		return nil, err
	}
	p := &Postgres{settings: settings, account: who, dir: dir, pgCtl: pgCtl}
	if p.super, err = who.supervise(dir, fmt.Sprintf("'%s' stop -D '%s' -m immediate -s", pgCtl, p.data())); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	// Turkish by default, as at the port: what must sort by bytes has to say so.
	if err := who.run(ctx, dir, initdb, "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync",
		"--locale=C", "--locale-provider=icu", "--icu-locale=tr-TR"); err != nil {
		return nil, err
	}
	p.port, err = onFreePort(func(port int) error {
		p.port = port
		return p.Start(ctx)
	})
	return p, err
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// URL names its database postgres.
func (p *Postgres) URL() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", p.port)
}

// Start starts the server after Stop and returns when it answers.
func (p *Postgres) Start(ctx context.Context) error {
	log := filepath.Join(p.dir, "log")
	options := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=100%s", p.port, p.settings)
	if err := p.account.run(ctx, p.dir, p.pgCtl, "start", "-D", p.data(), "-l", log, "-o", options, "-w", "-s"); err != nil {
		return fmt.Errorf("start PostgreSQL: %w: %s", err, tail(log))
	}
	return nil
}

// Stop ends all connections and stops the server, keeping its data.
func (p *Postgres) Stop(ctx context.Context) error {
	return p.account.run(ctx, p.dir, p.pgCtl, "stop", "-D", p.data(), "-m", "fast", "-w", "-s")
}

// Close stops the server and removes its data.
func (p *Postgres) Close() error { return p.super.Close() }
