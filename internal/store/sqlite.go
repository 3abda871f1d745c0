package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

func readersPerCore() int { return 2 * runtime.GOMAXPROCS(0) }

// openSQLite opens the file with one connection that writes and some that read.
// More writers would only wait for each other inside SQLite, where waiting is
// neither fair nor ended by a context; readers never wait for the writer.
func openSQLite(ctx context.Context, path string, o Options) (writer, reader *sql.DB, err error) {
	switch {
	case path == "":
		return nil, nil, errors.New("database URL names no file: want sqlite://folder/file.db")
	case strings.ContainsAny(path, "?#") || strings.HasPrefix(path, ":"):
		return nil, nil, fmt.Errorf("database URL sqlite://%s: want a plain path, without parameters", path)
	}
	switch o.Synchronous {
	case "OFF", "NORMAL", "FULL", "EXTRA":
	default:
		return nil, nil, fmt.Errorf("synchronous is %q: want FULL, NORMAL, EXTRA or OFF", o.Synchronous)
	}
	if o.ReadOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, nil, fmt.Errorf("open SQLite database: %w", err)
		}
	} else if err := createFile(path); err != nil {
		return nil, nil, fmt.Errorf("create SQLite database: %w", err)
	}

	common := map[string]string{
		"_busy_timeout":    strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10),
		"_foreign_keys":    "on",
		"_stmt_cache_size": strconv.Itoa(o.StatementCache),
	}
	read := map[string]string{"_query_only": "on", "_cache_size": "-16384"}
	if o.ReadOnly {
		reader = sql.OpenDB(sqliteConnector(path, common, read))
		reader.SetMaxOpenConns(o.SQLiteReaders)
		if err := ping(ctx, reader); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("open SQLite database %s: %w", path, err), reader.Close())
		}
		return reader, reader, nil
	}
	writer = sql.OpenDB(sqliteConnector(path, common, map[string]string{
		"_journal_mode": "WAL",
		"_synchronous":  o.Synchronous,
		// A transaction that reads first and writes later cannot wait for the lock
		// any more when another process was faster.
		"_txlock":     "immediate",
		"_cache_size": "-65536", // KiB
	}))
	writer.SetMaxOpenConns(1)
	// Before any reader opens the file: it is switched to WAL.
	if err := ping(ctx, writer); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open SQLite database %s: %w", path, err), writer.Close())
	}
	reader = sql.OpenDB(sqliteConnector(path, common, read))
	reader.SetMaxOpenConns(o.SQLiteReaders)
	reader.SetMaxIdleConns(o.SQLiteReaders)
	return writer, reader, nil
}

// createFile makes the file, readable by nobody else, unless it is there.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's choice
	if err != nil {
		return err
	}
	return f.Close()
}

// connector opens connections of mattn's driver, changed in how they bind values.
type connector struct{ dsn string }

func sqliteConnector(path string, settings ...map[string]string) connector {
	q := url.Values{}
	for _, m := range settings {
		for k, v := range m {
			q.Set(k, v)
		}
	}
	return connector{"file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()}
}

func (c connector) Driver() sqldriver.Driver { return &sqlite3.SQLiteDriver{} }

func (c connector) Connect(context.Context) (sqldriver.Conn, error) {
	opened, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(*sqlite3.SQLiteConn)
	if !ok {
		return nil, fmt.Errorf("SQLite driver opened a %T", opened)
	}
	return &sqliteConn{conn}, nil
}

// sqliteConn is a connection that writes each type in one form, so that SQL can
// compare it.
type sqliteConn struct{ *sqlite3.SQLiteConn }

// timeForm has a fixed width and zone: the order of the text is that of time.
const timeForm = "2006-01-02 15:04:05.000000+00:00"

// stored is a time as both databases keep it: in UTC, to the microsecond. Left to
// itself PostgreSQL would round, and never SQLite.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// CheckNamedValue turns an argument into what is bound.
func (c *sqliteConn) CheckNamedValue(nv *sqldriver.NamedValue) error {
	var isJSON bool
	switch nv.Value.(type) {
	case json.RawMessage, *json.RawMessage:
		isJSON = true // text, not a blob: SQLite's JSON functions refuse blobs
	}
	v, err := sqldriver.DefaultParameterConverter.ConvertValue(nv.Value)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case time.Time:
		v = stored(v)
		if y := v.Year(); y < 0 || y > 9999 {
			return fmt.Errorf("year %d cannot be stored", y)
		}
		nv.Value = v.Format(timeForm)
	case []byte:
		nv.Value = v
		if isJSON && v != nil {
			nv.Value = string(v)
		}
	default:
		nv.Value = v
	}
	return nil
}
