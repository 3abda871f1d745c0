// Package readonly is the switch that makes a database refuse every write, whoever
// writes: servers, commands, or a statement by hand.
//
// It lives in the database. Switching on is one transaction that makes triggers on all
// tables and the only row of read_only_state. While it runs nobody else writes (see
// store.Quiet): once On has returned, nothing is committed any more that was begun
// before. Switching off takes both away again, in one transaction too. Whatever kills
// it, it is either on or off.
//
// Servers read the state with who is asking, in the same statement, and refuse
// mutations before they begin; a write that is on its way meanwhile runs into the
// triggers. Both answer READ_ONLY. Reads go on, save those that have to be written down
// in the trail.
//
// Not covered are the table of the state itself, the log of applied migrations and what
// a transfer keeps for itself (transfer_…). Tables made while it is on are not either;
// migrations are refused meanwhile.
package readonly

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/ent"
	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// State tells whether a database may only be read.
type State struct {
	On     bool      `json:"readOnly"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
}

// Faults of the switch.
var (
	ErrOn  = errors.New("the database is read only already")
	ErrOff = errors.New("the database is not read only")
)

// Order is what is to be switched, and why.
type Order struct {
	Reason string
	By     string
	Now    func() time.Time
	Wait   time.Duration // for those who are writing; 0: 30 s
}

// Limits of what is kept of an order.
const (
	maxReason   = 500
	maxBy       = 200
	defaultWait = 30 * time.Second
)

// Get reads the state.
func Get(ctx context.Context, db *store.DB) (State, error) {
	return get(ctx, db.ReadOnlyState)
}

// GetAnyway is Get for a database whose migrations may not be applied yet.
func GetAnyway(ctx context.Context, db *store.DB) (State, error) {
	query := `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '` + stateTable + `'`
	if db.Dialect() == dialect.Postgres {
		query = `SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = '` + stateTable + `'`
	}
	var there int
	if err := db.Reader().QueryRowContext(ctx, query).Scan(&there); err != nil || there == 0 {
		return State{}, err
	}
	return Get(ctx, db)
}

func get(ctx context.Context, c *ent.ReadOnlyStateClient) (State, error) {
	row, err := c.Query().Only(store.Uncounted(ctx))
	switch {
	case ent.IsNotFound(err):
		return State{}, nil
	case err != nil:
		return State{}, fmt.Errorf("read whether the database is read only: %w", err)
	}
	return State{On: true, Since: row.Since, Reason: row.Reason, By: row.ByName}, nil
}

// On makes the database refuse writes. When it returns, whatever others had begun to
// write is committed or undone. The error is ErrOn when it is on already, and a
// *store.StillWritingError when writers did not end; nothing has changed then.
func On(ctx context.Context, db *store.DB, o Order) (s State, err error) {
	err = o.quiet(ctx, db, func(tx *ent.Tx, tables []string) error {
		if s, err = get(ctx, tx.ReadOnlyState); err != nil {
			return err
		}
		if s.On {
			return ErrOn
		}
		s = State{On: true, Since: o.Now().UTC().Truncate(time.Microsecond), Reason: audit.Clip(o.Reason, maxReason), By: audit.Clip(o.By, maxBy)}
		if err := o.record(ctx, tx, true); err != nil {
			return err
		}
		if err := tx.ReadOnlyState.Create().SetID(1).SetSince(s.Since).SetReason(s.Reason).SetByName(s.By).Exec(ctx); err != nil {
			return fmt.Errorf("note that the database is read only: %w", err)
		}
		return run(ctx, tx, making(db.Dialect(), tables))
	})
	return s, err
}

// Off lets writes in again. The error is ErrOff when they are not refused.
func Off(ctx context.Context, db *store.DB, o Order) error {
	err := o.quiet(ctx, db, func(tx *ent.Tx, tables []string) error {
		s, err := get(ctx, tx.ReadOnlyState)
		if err != nil {
			return err
		}
		if !s.On {
			return ErrOff
		}
		if _, err := tx.ReadOnlyState.Delete().Exec(ctx); err != nil {
			return fmt.Errorf("note that the database takes writes: %w", err)
		}
		if err := run(ctx, tx, ending(db.Dialect(), tables)); err != nil {
			return err
		}
		return o.record(ctx, tx, false)
	})
	if err == nil {
		tidy(ctx, db)
	}
	return err
}

func (o Order) record(ctx context.Context, tx *ent.Tx, on bool) error {
	extra := map[string]any{"readOnly": on, "by": audit.Clip(o.By, maxBy)}
	if o.Reason != "" {
		extra["reason"] = audit.Clip(o.Reason, maxReason)
	}
	return audit.Record(ctx, tx, o.Now(), audit.Event{Action: audit.ReadOnlySwitch, Resource: audit.Database, Extra: extra})
}

// quiet runs fn while nobody writes to the tables that it is given.
func (o Order) quiet(ctx context.Context, db *store.DB, fn func(tx *ent.Tx, tables []string) error) error {
	wait := o.Wait
	if wait == 0 {
		wait = defaultWait
	}
	tables, err := covered(ctx, db.Reader(), db.Dialect(), false)
	if err != nil {
		return err
	}
	// The state's own table is locked too: two who switch come one after the other.
	return db.Quiet(ctx, wait, append(tables, stateTable), func(tx *ent.Tx) error {
		tables, err := covered(ctx, store.SQLTx(tx), db.Dialect(), true)
		if err != nil {
			return err
		}
		return fn(tx, tables)
	})
}

const (
	stateTable = "read_only_state"
	revisions  = "atlas_schema_revisions"
	ofTransfer = "transfer_"
)

type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// covered are the tables that the switch is about.
func covered(ctx context.Context, db querier, dialectName string, partitions bool) (tables []string, err error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name`
	if dialectName == dialect.Postgres {
		query = `SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`
		if !partitions { // who locks a table locks its partitions
			query += " AND NOT relispartition"
		}
		query += " ORDER BY relname"
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list the tables: %w", err)
		}
		if name != stateTable && name != revisions && !strings.HasPrefix(name, ofTransfer) {
			tables = append(tables, name)
		}
	}
	return tables, rows.Err()
}

// trigger is the name of the triggers; on SQLite the deed and the table follow.
const trigger = "read_only"

var deeds = []string{"INSERT", "UPDATE", "DELETE"}

// making are the statements that make the triggers.
func making(dialectName string, tables []string) []string {
	if dialectName == dialect.Postgres {
		list := []string{`CREATE OR REPLACE FUNCTION read_only_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN RAISE EXCEPTION '` + store.RefusedText + `' USING ERRCODE = '` + string(store.RefusedState) + `'; END $$`}
		for _, t := range tables {
			// One that was left behind is replaced, and may be disabled.
			list = append(list, fmt.Sprintf(`CREATE OR REPLACE TRIGGER %s BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON "%s" FOR EACH STATEMENT EXECUTE FUNCTION read_only_refuse()`, trigger, t),
				fmt.Sprintf(`ALTER TABLE ONLY "%s" ENABLE TRIGGER %s`, t, trigger))
		}
		return list
	}
	var list []string
	for _, t := range tables {
		for _, deed := range deeds {
			list = append(list, fmt.Sprintf("CREATE TRIGGER `%s` BEFORE %s ON `%s` WHEN EXISTS (SELECT 1 FROM `%s`) BEGIN SELECT RAISE(ABORT, '%s'); END",
				named(deed, t), deed, t, stateTable, store.RefusedText))
		}
	}
	return list
}

// ending are the statements after which the triggers refuse nothing. To drop a trigger,
// PostgreSQL would have to wait for all who read the table, and they for it.
func ending(dialectName string, tables []string) []string {
	var list []string
	for _, t := range tables {
		if dialectName == dialect.Postgres {
			list = append(list, fmt.Sprintf(`DO $$ BEGIN IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = '"%s"'::regclass AND tgname = '%s') THEN ALTER TABLE ONLY "%s" DISABLE TRIGGER %s; END IF; END $$`, t, trigger, t, trigger))
			continue
		}
		for _, deed := range deeds {
			list = append(list, fmt.Sprintf("DROP TRIGGER IF EXISTS `%s`", named(deed, t)))
		}
	}
	return list
}

func named(deed, table string) string {
	return trigger + "_" + strings.ToLower(deed) + "_" + table
}

// run sends statements in one go.
func run(ctx context.Context, tx *ent.Tx, statements []string) error {
	if _, err := store.SQLTx(tx).ExecContext(ctx, strings.Join(statements, ";\n")); err != nil {
		return fmt.Errorf("switch the triggers of all tables: %w", err)
	}
	return nil
}

// tidy drops triggers that are disabled, where nobody is in the way. Those that stay do
// nothing, and are taken up again by the next On.
func tidy(ctx context.Context, db *store.DB) {
	if db.Dialect() != dialect.Postgres {
		return
	}
	tables, err := covered(ctx, db.Reader(), db.Dialect(), true)
	if err != nil {
		return
	}
	var drop []string
	for _, t := range tables {
		drop = append(drop, fmt.Sprintf(`DROP TRIGGER IF EXISTS %s ON "%s"`, trigger, t))
	}
	db.Leisurely(ctx, append(drop, `DROP FUNCTION IF EXISTS read_only_refuse()`))
}
