package archive

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/ent/auditarchive"
	"aliaport/ent/auditevent"
	entuser "aliaport/ent/user"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// Reasons why a month is not restored.
var (
	ErrNoSuchMonth = errors.New("the month is not in the archive")
	ErrNotScratch  = errors.New("the database that is restored into has data of its own: give an empty one")
)

// ownIDs is where the ids of a scratch database begin: what is done there must not
// take the ids of events and users that are restored later.
const ownIDs = 1_000_000_000_000

// Restore puts the events of an archived month, and the users that they name, into
// a migrated scratch database, each segment as a whole or not at all. It returns
// how many events were put there; those that are there already are compared.
func (s *Service) Restore(ctx context.Context, month Month, into *store.DB) (restored int64, err error) {
	if err := actor.Require(ctx, actor.JobRun); err != nil {
		return 0, err
	}
	segments, err := s.DB.AuditArchive.Query().Where(auditarchive.Month(month.String())).Order(auditarchive.ByPart()).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("look for %s in the archive: %w", month, err)
	}
	if len(segments) == 0 {
		return 0, fmt.Errorf("%s: %w", month, ErrNoSuchMonth)
	}
	users, err := s.DB.User.Query().Order(entuser.ByID()).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the users: %w", err)
	}
	for _, a := range segments {
		if err := s.matches(ctx, s.path(a), a); err != nil {
			return 0, err
		}
	}
	if err := s.prepare(ctx, into, users); err != nil {
		return 0, err
	}
	for _, a := range segments {
		n, err := s.restoreSegment(ctx, a, into)
		if err != nil {
			return restored, fmt.Errorf("restore %s: %w", a.FileName, err)
		}
		restored += n
	}
	return restored, nil
}

// prepare refuses a database that is in use and copies the users, who cannot sign in
// there.
func (*Service) prepare(ctx context.Context, into *store.DB, users []*ent.User) error {
	return into.InTx(ctx, func(tx *ent.Tx) error {
		used := func(exists bool, err error) error {
			if err == nil && exists {
				return ErrNotScratch
			}
			return err
		}
		for _, err := range []error{
			used(tx.Cari.Query().Exist(ctx)), used(tx.WorkOrder.Query().Exist(ctx)), used(tx.AuditArchive.Query().Exist(ctx)),
		} {
			if err != nil {
				return err
			}
		}
		there, err := tx.User.Query().Where(entuser.IDLT(ownIDs)).All(ctx)
		if err != nil {
			return fmt.Errorf("read the users there: %w", err)
		}
		names := map[int64]string{}
		for _, u := range there {
			names[u.ID] = u.Email
		}
		for _, u := range users {
			email, copied := names[u.ID]
			delete(names, u.ID)
			switch {
			case copied && email != u.Email:
				return ErrNotScratch
			case copied:
				continue
			}
			err := tx.User.Create().SetID(u.ID).SetEmail(u.Email).SetFullName(u.FullName).SetPasswordHash("").SetIsActive(false).
				SetCreatedAt(u.CreatedAt).SetUpdatedAt(u.UpdatedAt).Exec(ctx)
			if err != nil {
				return fmt.Errorf("copy user %d: %w", u.ID, err)
			}
		}
		if len(names) > 0 { // users that we do not have
			return ErrNotScratch
		}
		for _, table := range []string{auditevent.Table, entuser.Table} {
			if err := startAt(ctx, tx, into.Dialect(), table, ownIDs); err != nil {
				return err
			}
		}
		return nil
	})
}

// startAt lets the ids that a table gives by itself begin at least there.
func startAt(ctx context.Context, tx *ent.Tx, dialectName, table string, id int64) error {
	statements := []string{
		`INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)`,
		`UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1`,
	}
	args := [][]any{{table}, {table, id}}
	if dialectName == dialect.Postgres {
		statements = []string{`SELECT setval(s, greatest($2, pg_sequence_last_value(s))) FROM (SELECT pg_get_serial_sequence($1, 'id')::regclass AS s) AS of_table`}
		args = [][]any{{table, id}}
	}
	for i, stmt := range statements {
		if _, err := store.SQLTx(tx).ExecContext(ctx, stmt, args[i]...); err != nil {
			return fmt.Errorf("start the ids of %s at %d: %w", table, id, err)
		}
	}
	return nil
}

func (s *Service) restoreSegment(ctx context.Context, a *ent.AuditArchive, into *store.DB) (restored int64, err error) {
	err = into.InTx(ctx, func(tx *ent.Tx) error {
		restored = 0
		there, err := tx.AuditEvent.Query().Where(auditevent.ID(a.FirstEventID), auditevent.CreatedAt(a.FirstEventAt)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look whether it is there: %w", err)
		}
		if !there {
			if restored, err = s.load(ctx, tx, a, into.Dialect()); err != nil {
				return err
			}
		}
		return s.sameIn(ctx, tx.AuditEvent, a)
	})
	return restored, err
}

func (s *Service) load(ctx context.Context, tx *ent.Tx, a *ent.AuditArchive, dialectName string) (int64, error) {
	if dialectName == dialect.Postgres {
		// The time-out is meant for statements of a request, and this is one statement.
		if _, err := store.SQLTx(tx).ExecContext(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
			return 0, err
		}
	}
	f, err := s.open(s.path(a))
	if err != nil {
		return 0, err
	}
	defer f.close()
	return store.BulkInsert(ctx, store.SQLTx(tx), dialectName, auditevent.Table, audit.Columns, func(yield func([]any, error) bool) {
		for {
			more, err := f.next()
			if err != nil {
				yield(nil, err)
				return
			}
			if !more || !yield(audit.Values(f.event), nil) {
				return
			}
		}
	})
}

// sameIn compares all events of a file with those of a database.
func (s *Service) sameIn(ctx context.Context, c *ent.AuditEventClient, a *ent.AuditArchive) error {
	b, found := batch{}, 0
	compare := func() error {
		n, err := b.same(ctx, c)
		found += n
		b.clear()
		return err
	}
	_, err := s.read(ctx, s.path(a), func(e *ent.AuditEvent, line []byte) error {
		if b.add(e, line); len(b.keys) < batchSize {
			return nil
		}
		return compare()
	})
	if err == nil && len(b.keys) > 0 {
		err = compare()
	}
	if err == nil && int64(found) != a.Rows {
		err = fmt.Errorf("%w: %d of %d are there", ErrDifferent, found, a.Rows)
	}
	return err
}
