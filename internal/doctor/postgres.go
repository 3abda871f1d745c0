package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

// maxSkew is how far the clocks may be apart: tokens, idempotency keys and the
// audit trail mix both.
const maxSkew = 2 * time.Second

func (r *report) postgres(ctx context.Context) {
	timeout := r.cfg.StatementTimeout
	if timeout == 0 {
		timeout = -1
	}
	db, err := store.Open(ctx, r.cfg.DatabaseURL.Reveal(), store.Options{MaxOpen: 2, StatementTimeout: timeout, AppName: "aliaport doctor"})
	if err != nil {
		r.add("database", Fail, oneLine(err), postgresRemedy(err))
		return
	}
	defer db.Close()
	before := r.opts.Now()
	s, err := readServer(ctx, db)
	after := r.opts.Now()
	if err != nil {
		r.add("database", Fail, oneLine(err), "see the server's log")
		return
	}
	r.ok("database", "%s answers", r.cfg.Database())
	r.postgresVersion(s)
	r.clock(before, after, s.now)
	r.writable(s)
	r.durability(s)
	r.connections(s)
	r.statementTimeout(s)
	r.encoding(s)
	r.extensions(s)
	r.judgeMigrations(ctx, database{db.Reader(), migrate.Postgres})
	r.partitions(ctx, db, s.now)
}

// postgresServer is what the server says of itself to a session of ours.
type postgresServer struct {
	version                      int
	versionText                  string
	now                          time.Time
	maxConnections, reserved     int
	syncCommit, fsync, fullPages string
	statementTimeout             int64 // ms
	readOnly                     string
	standby                      bool
	encoding                     string
	installed, available         pq.StringArray // extensions
}

func readServer(ctx context.Context, db *store.DB) (s postgresServer, err error) {
	const query = `SELECT current_setting('server_version_num')::int, current_setting('server_version'), clock_timestamp(),
		current_setting('max_connections')::int,
		current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0),
		current_setting('synchronous_commit'), current_setting('fsync'), current_setting('full_page_writes'),
		(SELECT setting::bigint FROM pg_settings WHERE name = 'statement_timeout'),
		current_setting('default_transaction_read_only'), pg_is_in_recovery(), current_setting('server_encoding'),
		ARRAY(SELECT extname::text FROM pg_extension), ARRAY(SELECT name::text FROM pg_available_extensions)`
	err = db.Reader().QueryRowContext(ctx, query).Scan(&s.version, &s.versionText, &s.now, &s.maxConnections, &s.reserved,
		&s.syncCommit, &s.fsync, &s.fullPages, &s.statementTimeout, &s.readOnly, &s.standby, &s.encoding, &s.installed, &s.available)
	if err != nil {
		return s, fmt.Errorf("read the server's settings: %w", err)
	}
	return s, nil
}

func postgresRemedy(err error) string {
	is := func(codes ...pqerror.Code) bool { return pq.As(err, codes...) != nil }
	switch {
	case is(pqerror.InvalidPassword, pqerror.InvalidAuthorizationSpecification):
		return "correct user and password in ALIAPORT_DATABASE_URL, or allow them in pg_hba.conf"
	case is(pqerror.InvalidCatalogName):
		return "create the database, in UTF-8: createdb --encoding=UTF8 --template=template0 NAME"
	case is(pqerror.TooManyConnections):
		return "raise max_connections, or lower ALIAPORT_DB_MAX_OPEN of every server"
	case is(pqerror.CannotConnectNow):
		return "wait until the server has started"
	}
	return "start the server, and see to host, port, firewall and sslmode in ALIAPORT_DATABASE_URL"
}

func (r *report) postgresVersion(s postgresServer) {
	if s.version < r.opts.Postgres {
		r.add("postgresql version", Fail, fmt.Sprintf("the server is %s, at least %d is needed", s.versionText, r.opts.Postgres/10000), "upgrade the server")
		return
	}
	r.ok("postgresql version", "%s", s.versionText)
}

// clock allows for the time that the question took.
func (r *report) clock(before, after, there time.Time) {
	skew := time.Duration(0)
	switch {
	case there.Before(before):
		skew = there.Sub(before)
	case there.After(after):
		skew = there.Sub(after)
	}
	if skew.Abs() <= maxSkew {
		r.ok("clock", "that of the database agrees")
		return
	}
	way := "ahead"
	if skew < 0 {
		way = "behind"
	}
	r.add("clock", Fail, fmt.Sprintf("that of the database is %s %s", skew.Abs().Round(100*time.Millisecond), way), "let both machines follow a time server (chrony, systemd-timesyncd)")
}

func (r *report) writable(s postgresServer) {
	switch {
	case s.standby:
		r.add("writable", Fail, "the server is a standby, which can only be read", "name the primary in ALIAPORT_DATABASE_URL, or promote this one")
	case s.readOnly == "on":
		r.add("writable", Fail, "default_transaction_read_only is on", "ALTER DATABASE … RESET default_transaction_read_only, or ALTER ROLE … of our user")
	default:
		r.ok("writable", "yes")
	}
}

func (r *report) durability(s postgresServer) {
	ok := true
	warn := func(st Status, detail, remedy string) { ok = false; r.add("durability", st, detail, remedy) }
	if s.fsync == "off" {
		warn(Fail, "fsync is off: a power cut destroys the database", "set fsync = on in postgresql.conf")
	}
	if s.fullPages == "off" {
		warn(Warn, "full_page_writes is off: a power cut can damage pages", "set full_page_writes = on in postgresql.conf unless the file system excludes torn pages")
	}
	if s.syncCommit == "off" {
		warn(Warn, "synchronous_commit is off: a crash can take the last acknowledged changes", "ALTER DATABASE … SET synchronous_commit = on")
	}
	if ok {
		r.ok("durability", "fsync and full_page_writes are on, synchronous_commit is %s", s.syncCommit)
	}
}

func (r *report) connections(s postgresServer) {
	usable := s.maxConnections - s.reserved
	detail := fmt.Sprintf("this server may take %d of the database's %d", r.cfg.DBMaxOpen, usable)
	if r.cfg.DBMaxOpen > usable {
		r.add("connections", Fail, detail, "raise max_connections, or lower ALIAPORT_DB_MAX_OPEN; all servers together must fit")
		return
	}
	r.ok("connections", "%s", detail)
}

func (r *report) statementTimeout(s postgresServer) {
	if s.statementTimeout == 0 {
		r.add("statement_timeout", Warn, "is 0: a runaway statement is never ended", "set ALIAPORT_STATEMENT_TIMEOUT=30s, and no statement_timeout in the database's URL")
		return
	}
	r.ok("statement_timeout", "%s", time.Duration(s.statementTimeout)*time.Millisecond)
}

func (r *report) encoding(s postgresServer) {
	if s.encoding != "UTF8" {
		r.add("encoding", Fail, "is "+s.encoding+": Turkish letters get lost", "create the database anew: createdb --encoding=UTF8 --template=template0 NAME")
		return
	}
	r.ok("encoding", "UTF8")
}

// extensions are those that the schema uses: one for "contains" searches, one for
// the constraint that keeps trips of a boat apart.
var extensions = []string{"pg_trgm", "btree_gist"}

func (r *report) extensions(s postgresServer) {
	for _, name := range extensions {
		switch {
		case slices.Contains(s.installed, name):
			r.ok(name, "installed")
		case slices.Contains(s.available, name):
			r.add(name, Fail, "the extension is not installed in this database", "aliaport migrate up installs it where our user owns the database; else: CREATE EXTENSION "+name)
		default:
			r.add(name, Fail, "the server does not have the extension", "install the contrib package of PostgreSQL on the server")
		}
	}
}

// partitions looks for those of the audit trail of this month and the next. What
// has none is kept in the default partition, which cannot be archived by month.
func (r *report) partitions(ctx context.Context, db *store.DB, now time.Time) {
	rows, err := db.Reader().QueryContext(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('audit_events')`)
	if err != nil {
		r.add("audit partitions", Fail, oneLine(err), "see the server's log")
		return
	}
	defer rows.Close()
	there := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			r.add("audit partitions", Fail, oneLine(err), "see the server's log")
			return
		}
		there[name] = true
	}
	if err := rows.Err(); err != nil {
		r.add("audit partitions", Fail, oneLine(err), "see the server's log")
		return
	}
	if len(there) == 0 {
		return // no trail yet: the migrations are told above
	}
	now = now.UTC()
	var missing []string
	for _, ahead := range []time.Month{0, 1} {
		name := migrate.AuditPartition(time.Date(now.Year(), now.Month()+ahead, 1, 0, 0, 0, 0, time.UTC))
		if !there[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		r.add("audit partitions", Warn, "missing: "+strings.Join(missing, ", "), "run aliaport migrate up, which makes them")
		return
	}
	r.ok("audit partitions", "this month and the next are there")
}
