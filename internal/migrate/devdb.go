package migrate

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/lib/pq"
)

// devDB is an empty database to replay a directory on, gone when closed. It must
// be new each time: whatever a file creates besides tables (types, functions,
// extensions) would still be there at the next replay.
type devDB struct {
	*sql.DB
	drop func(context.Context) error
}

func (d *devDB) close(ctx context.Context) error {
	return errors.Join(d.Close(), d.drop(context.WithoutCancel(ctx)))
}

// openDev makes a database on the PostgreSQL server at serverURL, or a file for
// SQLite, which needs no server.
func openDev(ctx context.Context, dialect, serverURL string) (*devDB, error) {
	switch {
	case dialect == SQLite:
		return openDevSQLite()
	case serverURL == "":
		return nil, errors.New("open development database: PostgreSQL needs the URL of a server to make one on")
	}
	return openDevPostgres(ctx, serverURL)
}

func openDevSQLite() (*devDB, error) {
	folder, err := os.MkdirTemp("", "aliaport-dev-")
	if err != nil {
		return nil, fmt.Errorf("make folder of development database: %w", err)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(folder, "dev.db")+"?_foreign_keys=1&_synchronous=0")
	if err != nil {
		return nil, fmt.Errorf("open development database: %w", errors.Join(err, os.RemoveAll(folder)))
	}
	return &devDB{DB: db, drop: func(context.Context) error { return os.RemoveAll(folder) }}, nil
}

func openDevPostgres(ctx context.Context, serverURL string) (*devDB, error) {
	u, err := url.Parse(serverURL)
	if err != nil {
		return nil, errors.New("open development database: the URL of the server is malformed") // it may hold a password
	}
	name := "aliaport_dev_" + strings.ToLower(rand.Text()[:16])
	if err := onServer(ctx, serverURL, "CREATE DATABASE "+pq.QuoteIdentifier(name)+" TEMPLATE template0"); err != nil {
		return nil, fmt.Errorf("create development database: %w", err)
	}
	drop := func(ctx context.Context) error {
		return onServer(ctx, serverURL, "DROP DATABASE "+pq.QuoteIdentifier(name)+" WITH (FORCE)")
	}
	u.Path = "/" + name
	db, err := sql.Open("postgres", u.String())
	if err == nil {
		// The schema in ent uses it before the first file of an empty directory can create it.
		_, err = db.ExecContext(ctx, "CREATE EXTENSION pg_trgm WITH SCHEMA public")
	}
	if err != nil {
		return nil, fmt.Errorf("open development database: %w", errors.Join(err, drop(context.WithoutCancel(ctx))))
	}
	return &devDB{DB: db, drop: drop}, nil
}

func onServer(ctx context.Context, serverURL, stmt string) error {
	db, err := sql.Open("postgres", serverURL)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, stmt)
	return err
}
