package store

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"entgo.io/ent/dialect/sql/schema"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/mattn/go-sqlite3"

	"aliaport/ent/migrate"
)

// Kind is what went wrong in the database.
type Kind int

// Kinds of fault.
const (
	None          Kind = iota // no error
	Unique                    // such a row exists
	ForeignKey                // the row pointed to is missing, or others point to it
	Check                     // a CHECK constraint does not hold
	NotNull                   // a value is missing
	Exclusion                 // a row that overlaps it exists; on PostgreSQL only
	Busy                      // another connection holds the lock
	Serialization             // lost against a concurrent transaction: run the whole transaction again
	Unavailable               // the database cannot be reached, or it is closing down
	Timeout                   // took too long
	Canceled                  // the caller gave up
	ReadOnly                  // the database accepts no writes
	Full                      // the disk is full
	Other                     // not a fault of this list, or not of the database
)

var kindNames = [...]string{
	"none", "unique", "foreign_key", "check", "not_null", "exclusion", "busy", "serialization",
	"unavailable", "timeout", "canceled", "read_only", "full", "other",
}

// String is the kind's name in logs and metrics.
func (k Kind) String() string { return kindNames[k] }

// Fault is what a database error means. Table, columns and constraint are given
// as far as they are known, alike on both databases.
type Fault struct {
	Kind       Kind
	Table      string
	Columns    []string // of Unique and NotNull
	Constraint string   // its name, which is the index's for Unique; unknown for ForeignKey on SQLite
}

// Is reports whether the fault broke the named constraint or unique index.
func (f Fault) Is(constraint string) bool { return constraint != "" && f.Constraint == constraint }

// Classify tells what an error of the database means, however often it was
// wrapped. It goes by the driver's codes.
func Classify(err error) Fault {
	if err == nil {
		return Fault{}
	}
	if e, ok := errors.AsType[*pq.Error](err); ok {
		return fromPostgres(e, err)
	}
	if e, ok := errors.AsType[sqlite3.Error](err); ok {
		return fromSQLite(e, err)
	}
	// Errors of the network can be time-outs as well: the context's come first.
	if k := contextKind(err, Other); k != Other {
		return Fault{Kind: k}
	}
	_, isNet := errors.AsType[net.Error](err)
	if isNet || errors.Is(err, sqldriver.ErrBadConn) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Fault{Kind: Unavailable}
	}
	return Fault{Kind: Other}
}

// contextKind is the kind of a statement that ended with its context.
func contextKind(err error, otherwise Kind) Kind {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return otherwise
}

func fromPostgres(e *pq.Error, err error) Fault {
	f := Fault{Kind: Other, Table: e.Table, Constraint: e.Constraint}
	switch e.Code {
	case pqerror.UniqueViolation:
		f.Kind, f.Columns = Unique, columnsOf(e.Table, e.Constraint)
	case pqerror.ForeignKeyViolation, pqerror.RestrictViolation:
		f.Kind = ForeignKey
	case pqerror.CheckViolation:
		f.Kind = Check
	case pqerror.NotNullViolation:
		f.Kind, f.Columns = NotNull, []string{e.Column}
	case pqerror.ExclusionViolation:
		f.Kind = Exclusion
	case pqerror.LockNotAvailable:
		f.Kind = Busy
	case pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected:
		f.Kind = Serialization
	case pqerror.InvalidSQLStatementName:
		// Its statement was discarded in the middle of a transaction, which is lost.
		f.Kind = Serialization
	case pqerror.FeatureNotSupported:
		// A migration changed what a prepared statement returns; likewise.
		if e.Routine == "RevalidateCachedQuery" {
			f.Kind = Serialization
		}
	case pqerror.QueryCanceled:
		// statement_timeout, unless the caller's context ended.
		f.Kind = contextKind(err, Timeout)
	case pqerror.ReadOnlySQLTransaction:
		f.Kind = ReadOnly
	case RefusedState: // by the triggers of internal/readonly
		f.Kind = ReadOnly
	case pqerror.DiskFull:
		f.Kind = Full
	case pqerror.AdminShutdown, pqerror.CrashShutdown, pqerror.CannotConnectNow, pqerror.DatabaseDropped,
		pqerror.IdleSessionTimeout, pqerror.IdleInTransactionSessionTimeout, pqerror.TooManyConnections, pqerror.InvalidCatalogName:
		f.Kind = Unavailable
	default:
		switch e.Code.Class() {
		case pqerror.ClassConnectionException, pqerror.ClassInvalidAuthorizationSpecification:
			f.Kind = Unavailable
		}
	}
	return f
}

// What the triggers of internal/readonly refuse writes with. PostgreSQL has a code for
// it that is nobody else's. RAISE on SQLite has one code for all triggers; ours raise
// this text, which no other does, and only while the row is there that says so.
const (
	RefusedState pqerror.Code = "RO001"
	RefusedText  string       = "aliaport: this database is read only"
)

// restrict is SQLite's own text for ON DELETE RESTRICT.
const restrict = "FOREIGN KEY constraint failed"

func fromSQLite(e sqlite3.Error, err error) Fault {
	switch e.ExtendedCode {
	case sqlite3.ErrConstraintUnique, sqlite3.ErrConstraintPrimaryKey, sqlite3.ErrConstraintRowID:
		f := Fault{Kind: Unique}
		f.Table, f.Columns = tableAndColumns(subject(e))
		f.Constraint = indexOf(f.Table, f.Columns)
		return f
	case sqlite3.ErrConstraintNotNull:
		f := Fault{Kind: NotNull}
		f.Table, f.Columns = tableAndColumns(subject(e))
		return f
	case sqlite3.ErrConstraintCheck:
		return Fault{Kind: Check, Constraint: subject(e)}
	case sqlite3.ErrConstraintForeignKey:
		return Fault{Kind: ForeignKey}
	case sqlite3.ErrConstraintTrigger:
		// ON DELETE RESTRICT is a trigger inside SQLite and shares the code of RAISE.
		switch e.Error() {
		case restrict:
			return Fault{Kind: ForeignKey}
		case RefusedText:
			return Fault{Kind: ReadOnly}
		}
		return Fault{Kind: Other}
	}
	f := Fault{Kind: Other}
	switch e.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		f.Kind = Busy
	case sqlite3.ErrReadonly:
		f.Kind = ReadOnly
	case sqlite3.ErrFull:
		f.Kind = Full
	case sqlite3.ErrInterrupt:
		f.Kind = contextKind(err, Timeout)
	case sqlite3.ErrIoErr:
		if f.Kind = Unavailable; e.SystemErrno == syscall.ENOSPC {
			f.Kind = Full
		}
	case sqlite3.ErrCantOpen, sqlite3.ErrNotADB, sqlite3.ErrPerm:
		f.Kind = Unavailable
	}
	return f
}

// subject is what SQLite's message names after the colon, in a form that its
// documentation fixes: "services.code", "work_order_items.work_order_id,
// work_order_items.sequence", the name of a check. There is no other way to learn it.
func subject(e sqlite3.Error) string {
	_, name, _ := strings.Cut(e.Error(), ": ")
	return name
}

func tableAndColumns(subject string) (table string, columns []string) {
	for part := range strings.SplitSeq(subject, ", ") {
		t, column, ok := strings.Cut(part, ".")
		if !ok {
			return "", nil
		}
		table, columns = t, append(columns, column)
	}
	return table, columns
}

// indexOf is the name of the unique index on these columns: SQLite does not tell.
func indexOf(table string, columns []string) string {
	if slices.Equal(columns, []string{"id"}) {
		return table + "_pkey" // as PostgreSQL calls it
	}
	for ix := range indexes(table) {
		if ix.Unique && slices.Equal(columnNames(ix.Columns), columns) {
			return ix.Name
		}
	}
	return ""
}

// columnsOf are the columns of a unique index: PostgreSQL only tells its name.
func columnsOf(table, index string) []string {
	if index == table+"_pkey" {
		return []string{"id"}
	}
	for ix := range indexes(table) {
		if ix.Name == index {
			return columnNames(ix.Columns)
		}
	}
	return nil
}

func indexes(table string) func(yield func(*schema.Index) bool) {
	return func(yield func(*schema.Index) bool) {
		for _, t := range migrate.Tables {
			if t.Name != table {
				continue
			}
			for _, ix := range t.Indexes {
				if !yield(ix) {
					return
				}
			}
		}
	}
}

func columnNames(columns []*schema.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
