package store_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"reflect"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/store"
)

func TestClassifyConstraints(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		newService(db.Client, "VINC").ExecX(ctx)
		db.NumberSequence.Create().SetKind("a").SetYear(2026).SetLast(1).ExecX(ctx)
		perm := db.Permission.Create().SetName("x").SaveX(ctx)
		exec := func(statement string) error {
			_, err := db.ExecContext(ctx, statement)
			return err
		}
		for _, statement := range []string{
			"CREATE TABLE parents (id integer PRIMARY KEY)", "INSERT INTO parents VALUES (1)",
			"CREATE TABLE children (parent_id integer CONSTRAINT children_parent REFERENCES parents (id) ON DELETE RESTRICT)",
			"INSERT INTO children VALUES (1)",
		} {
			if err := exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		for name, tt := range map[string]struct {
			err  error
			want store.Fault
		}{
			"unique column": {
				newService(db.Client, "VINC").Exec(ctx),
				store.Fault{Kind: store.Unique, Table: "services", Columns: []string{"code"}, Constraint: "services_code"},
			},
			"unique pair": {
				db.NumberSequence.Create().SetKind("a").SetYear(2026).SetLast(1).Exec(ctx),
				store.Fault{Kind: store.Unique, Table: "number_sequences", Columns: []string{"kind", "year"}, Constraint: "number_sequences_kind_year"},
			},
			"primary key": {
				exec(fmt.Sprintf("INSERT INTO permissions (id, name) VALUES (%d, 'y')", perm.ID)),
				store.Fault{Kind: store.Unique, Table: "permissions", Columns: []string{"id"}, Constraint: "permissions_pkey"},
			},
			"wrapped by the caller": {
				fmt.Errorf("create service: %w", newService(db.Client, "VINC").Exec(ctx)),
				store.Fault{Kind: store.Unique, Table: "services", Columns: []string{"code"}, Constraint: "services_code"},
			},
			"check": {
				newService(db.Client, "EKSI").SetBasePrice(decimal.NewFromInt(-1)).Exec(ctx),
				store.Fault{Kind: store.Check, Table: "services", Constraint: "services_base_price_check"},
			},
			"missing value": {
				exec("INSERT INTO permissions (name) VALUES (NULL)"),
				store.Fault{Kind: store.NotNull, Table: "permissions", Columns: []string{"name"}},
			},
			"reference to nothing": {
				exec("INSERT INTO children VALUES (2)"),
				store.Fault{Kind: store.ForeignKey, Table: "children", Constraint: "children_parent"},
			},
			"deletion of what others refer to": {
				exec("DELETE FROM parents"),
				store.Fault{Kind: store.ForeignKey, Table: "children", Constraint: "children_parent"},
			},
		} {
			want := tt.want
			if db.Dialect() == dialect.SQLite {
				switch want.Kind {
				case store.ForeignKey: // SQLite tells no more
					want = store.Fault{Kind: store.ForeignKey}
				case store.Check:
					want.Table = ""
				default:
				}
			}
			if got := store.Classify(tt.err); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, want %+v (%v)", name, got, want, tt.err)
			}
		}
		if !store.Classify(newService(db.Client, "VINC").Exec(ctx)).Is("services_code") {
			t.Error("a second VINC does not break services_code")
		}
	})
}

func TestClassifyWhatOverlapsOnPostgres(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.Postgres)
	list := func(version int) error {
		return db.PriceList.Create().SetCode("LISTE").SetVersion(version).SetName("Liste").SetCurrency("TRY").SetStatus(pricelist.StatusActive).
			SetValidFrom(calendar.Date{Year: 2026, Month: 1, Day: 1}).SetCreatedBy(1).SetUpdatedBy(1).Exec(t.Context())
	}
	if err := list(1); err != nil {
		t.Fatal(err)
	}
	want := store.Fault{Kind: store.Exclusion, Table: "price_lists", Constraint: "price_lists_no_overlap"}
	if got := store.Classify(list(2)); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestClassifyOwnTriggersOnSQLiteAsOther(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	ctx := t.Context()
	_, err := db.ExecContext(ctx, "CREATE TRIGGER frozen BEFORE INSERT ON permissions BEGIN SELECT RAISE(ABORT, 'frozen'); END")
	if err != nil {
		t.Fatal(err)
	}
	err = db.Permission.Create().SetName("x").Exec(ctx)
	if k := store.Classify(err).Kind; k != store.Other {
		t.Errorf("%v: %v", k, err)
	}
}

func TestClassifyTimeouts(t *testing.T) {
	t.Parallel()
	const endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for _, tt := range []struct {
			name string
			ctx  func() (context.Context, context.CancelFunc)
			want store.Kind
		}{
			{"deadline", func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), 50*time.Millisecond)
			}, store.Timeout},
			{"cancellation", func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(50*time.Millisecond, cancel)
				return ctx, cancel
			}, store.Canceled},
		} {
			ctx, cancel := tt.ctx()
			_, err := db.ExecContext(ctx, endless)
			if got := store.Classify(err).Kind; got != tt.want {
				t.Errorf("%s: %v, want %v (%v)", tt.name, got, tt.want, err)
			}
			cancel()
		}
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestClassifyStatementTimeout(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), aliatest.PostgresURL(t), store.Options{StatementTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(t.Context(), "SELECT pg_sleep(10)")
	if k := store.Classify(err).Kind; k != store.Timeout {
		t.Errorf("%v: %v", k, err)
	}
}

func TestClassifyLocks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()

	url := aliatest.MigratedURL(t, dialect.SQLite)
	one := aliatest.OpenURL(t, url)
	other, err := store.Open(ctx, url, store.Options{BusyTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	err = one.InTx(ctx, func(*ent.Tx) error {
		return other.InTx(ctx, func(*ent.Tx) error { return nil })
	})
	if k := store.Classify(err).Kind; k != store.Busy {
		t.Errorf("SQLite written to by another process: %v: %v", k, err)
	}

	pg := aliatest.Open(t, dialect.Postgres)
	err = pg.InTx(ctx, func(tx *ent.Tx) error {
		if _, err := tx.ExecContext(ctx, "LOCK TABLE services"); err != nil {
			return err
		}
		return pg.InTx(ctx, func(tx *ent.Tx) error {
			_, err := tx.ExecContext(ctx, "LOCK TABLE services NOWAIT")
			return err
		})
	})
	if k := store.Classify(err).Kind; k != store.Busy {
		t.Errorf("PostgreSQL table locked: %v: %v", k, err)
	}
}

func TestClassifyAFullSQLiteDatabase(t *testing.T) {
	t.Parallel()
	db := aliatest.Open(t, dialect.SQLite)
	if _, err := db.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	_, err := db.ExecContext(t.Context(), "CREATE TABLE big AS SELECT randomblob(100000) AS x")
	if k := store.Classify(err).Kind; k != store.Full {
		t.Errorf("%v: %v", k, err)
	}
}

func TestClassifyAFileThatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := aliatest.SQLitePath(t)
	if err := os.WriteFile(path, bytes.Repeat([]byte("liman "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), "sqlite://"+path, store.Options{})
	if k := store.Classify(err).Kind; k != store.Unavailable {
		t.Errorf("%v: %v", k, err)
	}
}

func TestClassifyCodes(t *testing.T) {
	t.Parallel()
	_, refused := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	for err, want := range map[error]store.Kind{
		&pq.Error{Code: pqerror.TooManyConnections}:     store.Unavailable,
		&pq.Error{Code: pqerror.AdminShutdown}:          store.Unavailable,
		&pq.Error{Code: pqerror.CannotConnectNow}:       store.Unavailable,
		&pq.Error{Code: pqerror.ConnectionFailure}:      store.Unavailable,
		&pq.Error{Code: pqerror.InvalidPassword}:        store.Unavailable,
		&pq.Error{Code: pqerror.DiskFull}:               store.Full,
		&pq.Error{Code: pqerror.TRSerializationFailure}: store.Serialization,
		&pq.Error{Code: pqerror.SyntaxError}:            store.Other,
		refused:                                         store.Unavailable,
		io.ErrUnexpectedEOF:                             store.Unavailable,
		context.DeadlineExceeded:                        store.Timeout,
		context.Canceled:                                store.Canceled,
		fmt.Errorf("something"):                         store.Other,
		&ent.NotFoundError{}:                            store.Other,
	} {
		if got := store.Classify(fmt.Errorf("wrapped: %w", err)).Kind; got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
	if k := store.Classify(nil).Kind; k != store.None || k.String() != "none" || store.Other.String() != "other" {
		t.Errorf("no error is %v", k)
	}
}
