package archive

import (
	"bytes"
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/lib/pq"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/audit"
	"aliaport/internal/migrate"
	"aliaport/internal/store"
)

// batchSize is how many events are removed in one transaction.
const batchSize = 1000

// advisory is the key of PostgreSQL's lock on archiving.
const advisory = 0x616c69_6172636869 // "ali archi"

// How long to wait for a lock that a dead process may still seem to hold, and for
// transactions that use the table of a partition.
const (
	lockPatience = 10 * time.Second
	lockPause    = 200 * time.Millisecond
	detachTries  = 15
)

// lock lets one process archive at a time: one of a folder, and on PostgreSQL one
// of the database.
func (s *Service) lock(ctx context.Context) (unlock func(), err error) {
	folder, err := lockFolder(s.Dir)
	if err != nil || s.DB.Dialect() != dialect.Postgres {
		return folder, err
	}
	conn, err := s.DB.Writer().Conn(ctx)
	if err != nil {
		folder()
		return nil, fmt.Errorf("lock: %w", err)
	}
	for waited := time.Duration(0); ; waited += lockPause {
		var got bool
		if err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", int64(advisory)).Scan(&got); err == nil && !got {
			err = ErrBusy
		}
		if !errors.Is(err, ErrBusy) || waited >= lockPatience {
			break
		}
		if err := pause(ctx, lockPause); err != nil {
			break
		}
	}
	if err != nil {
		folder()
		return nil, errors.Join(fmt.Errorf("lock: %w", err), conn.Close())
	}
	return func() {
		ctx, cancel := store.Afterwards(ctx)
		defer cancel()
		// A connection that cannot unlock is thrown away, and its lock with it.
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", int64(advisory))
		if err != nil {
			_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn })
		}
		_ = conn.Close()
		folder()
	}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// remove takes the events of a sealed file out of the table. Each is compared with
// the file in the transaction that removes it; what is not in the file stays.
func (s *Service) remove(ctx context.Context, a *ent.AuditArchive) error {
	if s.DB.Dialect() == dialect.Postgres {
		if err := s.dropPartition(ctx, a); err != nil {
			return err
		}
	}
	from, to := key{a.FirstEventAt, a.FirstEventID}, key{a.LastEventAt, a.LastEventID}
	some, err := s.DB.AuditEvent.Query().Where(between(from, to)).Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for events to remove: %w", err)
	}
	if !some {
		return nil
	}
	b := batch{}
	_, err = s.read(ctx, s.path(a), func(e *ent.AuditEvent, line []byte) error {
		b.add(e, line)
		if len(b.keys) < batchSize {
			return nil
		}
		defer b.clear()
		return s.removeBatch(ctx, &b)
	})
	if err == nil && len(b.keys) > 0 {
		err = s.removeBatch(ctx, &b)
	}
	return err
}

// batch is some events of a file.
type batch struct {
	keys  []int64
	at    []key
	lines map[int64][]byte
}

func (b *batch) add(e *ent.AuditEvent, line []byte) {
	if b.lines == nil {
		b.lines = map[int64][]byte{}
	}
	b.keys, b.at = append(b.keys, e.ID), append(b.at, keyOf(e))
	b.lines[e.ID] = bytes.Clone(line)
}

func (b *batch) clear() {
	b.keys, b.at = b.keys[:0], b.at[:0]
	clear(b.lines)
}

// rows holds for the events of the batch.
func (b *batch) rows(s *sql.Selector) {
	store.KeysIn(auditevent.FieldID, b.keys)(s)
	between(b.at[0], b.at[len(b.at)-1])(s)
}

// same tells whether the events that are in the table are those of the file. It
// returns how many there are.
func (b *batch) same(ctx context.Context, c *ent.AuditEventClient) (n int, err error) {
	events, err := c.Query().Where(b.rows).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("read what is to be removed: %w", err)
	}
	var line []byte
	for _, e := range events {
		if line, err = audit.AppendLine(line[:0], e); err != nil {
			return 0, err
		}
		if !bytes.Equal(line, b.lines[e.ID]) {
			return 0, fmt.Errorf("event %d: %w", e.ID, ErrDifferent)
		}
	}
	return len(events), nil
}

// between holds for the events from one to the other, both with it.
func between(from, to key) func(*sql.Selector) {
	return func(s *sql.Selector) {
		at := s.C(auditevent.FieldCreatedAt)
		s.Where(sql.And(sql.GTE(at, from.at), sql.LTE(at, to.at)))
	}
}

func (s *Service) removeBatch(ctx context.Context, b *batch) error {
	n := 0
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		var err error
		if n, err = b.same(ctx, tx.AuditEvent); err != nil || n == 0 {
			return err
		}
		if deleted, err := tx.AuditEvent.Delete().Where(b.rows).Exec(ctx); err != nil || deleted != n {
			return fmt.Errorf("%d of %d events removed: %w", deleted, n, orFewer(err))
		}
		s.at(stepRemoving)
		return nil
	})
	if err != nil || n == 0 { // an earlier run removed these
		return err
	}
	s.at(stepBatch)
	return pause(ctx, s.Pause)
}

var errFewer = errors.New("others change them")

func orFewer(err error) error {
	if err == nil {
		return errFewer
	}
	return err
}

// dropPartition takes the partition of a month out of the table, compares it with
// the file and drops it. What came late and is not in the file goes back into the
// table, for the next segment of that month. Without a partition there is nothing
// to do: the events are in the default one.
func (s *Service) dropPartition(ctx context.Context, a *ent.AuditArchive) error {
	month, err := ParseMonth(a.Month)
	if err != nil {
		return err
	}
	name := migrate.AuditPartition(month.start)
	attached, there, err := s.partition(ctx, name)
	if err != nil || !there {
		return err
	}
	if attached {
		if err := s.detach(ctx, name); err != nil {
			return err
		}
		s.at(stepDetached)
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		raw := store.SQLTx(tx)
		// Nobody else has business there, and nobody waits for it.
		for _, stmt := range []string{"SET LOCAL statement_timeout = 0", "LOCK TABLE " + pq.QuoteIdentifier(name) + " IN ACCESS EXCLUSIVE MODE"} {
			if _, err := raw.ExecContext(ctx, stmt); err != nil {
				return fmt.Errorf("%s: %w", stmt, err)
			}
		}
		if err := s.saveLate(ctx, tx, name, a); err != nil {
			return err
		}
		if _, err := raw.ExecContext(ctx, "DROP TABLE "+pq.QuoteIdentifier(name)); err != nil {
			return fmt.Errorf("drop partition %s: %w", name, err)
		}
		s.at(stepDropping)
		return nil
	})
	if err != nil {
		return err
	}
	s.at(stepDropped)
	return nil
}

// partition tells whether there is a table of this name, and whether it is a
// partition of the trail or was one.
func (s *Service) partition(ctx context.Context, name string) (attached, there bool, err error) {
	err = s.DB.Reader().QueryRowContext(ctx, `SELECT to_regclass($1) IS NOT NULL, EXISTS (SELECT 1 FROM pg_inherits
		WHERE inhrelid = to_regclass($1) AND inhparent = to_regclass('audit_events'))`, name).Scan(&there, &attached)
	if err != nil {
		return false, false, fmt.Errorf("look for partition %s: %w", name, err)
	}
	return attached, there, nil
}

// detach waits for its lock only for a short time at a go, since writers queue up
// behind it.
func (s *Service) detach(ctx context.Context, name string) error {
	var err error
	for range detachTries {
		err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
			raw := store.SQLTx(tx)
			for _, stmt := range []string{"SET LOCAL lock_timeout = '1s'", "ALTER TABLE audit_events DETACH PARTITION " + pq.QuoteIdentifier(name)} {
				if _, err := raw.ExecContext(ctx, stmt); err != nil {
					return fmt.Errorf("detach partition %s: %w", name, err)
				}
			}
			s.at(stepDetaching)
			return nil
		})
		if store.Classify(err).Kind != store.Busy {
			return err
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return fmt.Errorf("long transactions are in the way, try again later: %w", err)
}

// saveLate walks the detached table beside the file: events that differ are refused,
// those that the file does not have are put back into the trail.
func (s *Service) saveLate(ctx context.Context, tx *ent.Tx, name string, a *ent.AuditArchive) error {
	f, err := s.open(s.path(a))
	if err != nil {
		return err
	}
	defer f.close()
	detached := func(sel *sql.Selector) {
		sel.From(sql.Dialect(sel.Dialect()).Table(name).As(auditevent.Table))
	}
	saved := 0
	var line []byte
	err = audit.Batches(ctx, tx.AuditEvent, detached, func(events []*ent.AuditEvent) error {
		var late []*ent.AuditEvent
		for _, e := range events {
			there, err := f.seek(keyOf(e))
			if err != nil {
				return err
			}
			if !there {
				late = append(late, e)
				continue
			}
			if line, err = audit.AppendLine(line[:0], e); err != nil {
				return err
			}
			if !bytes.Equal(line, f.line) {
				return fmt.Errorf("event %d: %w", e.ID, ErrDifferent)
			}
		}
		saved += len(late)
		return insert(ctx, tx, s.DB.Dialect(), late)
	})
	if err == nil && saved > 0 {
		s.Log.WarnContext(ctx, "events came late for an archived month; they make a segment of their own", "month", a.Month, "rows", saved)
	}
	return err
}

func insert(ctx context.Context, tx *ent.Tx, dialectName string, events []*ent.AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	_, err := store.BulkInsert(ctx, store.SQLTx(tx), dialectName, auditevent.Table, audit.Columns, func(yield func([]any, error) bool) {
		for _, e := range events {
			if !yield(audit.Values(e), nil) {
				return
			}
		}
	})
	return err
}
