package workorder_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/lib/pq"

	"aliaport/ent"
	entcari "aliaport/ent/cari"
	entservice "aliaport/ent/service"
	entworkorder "aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/service"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

// pageSize is the largest page, of which one row more is read.
const pageSize = 100

// copies is how often each of the 2,000 seeded orders is there.
const copies = 10

var now = time.Date(2026, 9, 15, 11, 40, 0, 0, time.UTC)

// port is a database with 2,000 customers, 1,500 services and 20,000 work orders.
func port(t *testing.T, db *store.DB) {
	t.Helper()
	users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
	if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 2000, Cari: 2000, Services: 1500, Seed: 1, Now: now}); err != nil {
		t.Fatal(err)
	}
	columns := slices.DeleteFunc(slices.Clone(entworkorder.Columns), func(c string) bool { return c == entworkorder.FieldID || c == entworkorder.FieldWoNumber })
	list := strings.Join(columns, ", ")
	for i := 1; i < copies; i++ {
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO work_orders (wo_number, %s) SELECT wo_number || '-%d', %s FROM work_orders WHERE wo_number NOT LIKE '%%-%%-%%-%%'", list, i, list))
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Writer().ExecContext(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
}

// recorder is a driver that remembers what ent sends, with the arguments.
type recorder struct {
	dialect.Driver

	sent []statement
}

type statement struct {
	text string
	args []any
}

func (r *recorder) Query(ctx context.Context, query string, args, v any) error {
	list, ok := args.([]any)
	if !ok {
		return fmt.Errorf("arguments are a %T", args)
	}
	r.sent = append(r.sent, statement{query, list})
	return r.Driver.Query(ctx, query, args, v)
}

func TestProbe(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		port(t, db)
		rec := &recorder{Driver: entsql.OpenDB(db.Dialect(), db.Reader())}
		s := &workorder.Service{DB: &store.DB{Client: ent.NewClient(ent.Driver(rec))}, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("k")), PageLimits: page.Limits{Default: 20, Max: pageSize}}
		ctx := actor.With(t.Context(), actor.System("test"))
		typ := entworkorder.TypeService
		for _, f := range []workorder.Filter{{}, {Status: []entworkorder.Status{"DRAFT", "CLOSED"}}, {Type: &typ}, {Cari: &globalid.ID{Type: "Cari", Key: 3}}, {Overdue: new(true)}, {Search: new("vin")}} {
			rec.sent = nil
			l, err := s.List(ctx, f, nil, page.Args{First: new(pageSize)})
			if err != nil { t.Fatal(err) }
			n, err := l.Count(ctx)
			t.Log(len(l.Nodes), n, err)
			for _, st := range rec.sent {
				t.Log(st.text, st.args)
				if db.Dialect() == dialect.SQLite {
					t.Log(aliatest.Rows(t, db.Reader(), "EXPLAIN QUERY PLAN "+st.text, st.args...))
				} else {
					for _, r := range aliatest.Rows(t, db.Reader(), "EXPLAIN ANALYZE "+st.text, st.args...) { t.Log(r[0]) }
				}
			}
		}
	})
}
var _ = json.Marshal
var _ sql.NullString
var _ = pq.QuoteLiteral
var _ = entcari.Table
var _ = entservice.Table
var _ cari.Service
var _ service.Service
