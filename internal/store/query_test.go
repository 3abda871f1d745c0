package store_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

func TestKeysIn(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var ids []int64
		codes := []string{"VİNÇ", `"tırnak"`, "a,b", "{}", `ters\eğik`, "", "<&>", "NULL"}
		for _, code := range codes {
			ids = append(ids, newService(db.Client, code).SaveX(ctx).ID)
		}
		for name, tt := range map[string]struct {
			keys []int64
			want []int64
		}{
			"all":         {ids, ids},
			"one":         {ids[1:2], ids[1:2]},
			"unknown too": {[]int64{ids[0], math.MaxInt64, math.MinInt64}, ids[:1]},
			"twice":       {[]int64{ids[0], ids[0]}, ids[:1]},
			"none":        {[]int64{}, nil},
			"nil":         {nil, nil},
		} {
			got := db.Service.Query().Where(store.KeysIn(service.FieldID, tt.keys)).Order(service.ByID()).IDsX(ctx)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
		for i, code := range codes {
			got := db.Service.Query().Where(store.KeysInStrings(service.FieldCode, []string{code, "unknown"})).IDsX(ctx)
			if !slices.Equal(got, ids[i:i+1]) {
				t.Errorf("%q: %v, want %v", code, got, ids[i])
			}
		}
		if n := db.Service.Query().Where(store.KeysInStrings(service.FieldCode, codes)).CountX(ctx); n != len(codes) {
			t.Errorf("found %d of %d codes", n, len(codes))
		}
	})
}

func TestKeysInIsOneTextAndSeeks(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		text := func(keys ...int64) string {
			s := &store.Stats{Record: true}
			db.WorkOrderItem.Query().Where(store.KeysIn("work_order_id", keys)).AllX(store.WithStats(t.Context(), s))
			return s.Statements()[0].Text
		}
		query := text(1)
		if other := text(1, 2, 3); other != query {
			t.Errorf("another text for more keys:\n%s\n%s", query, other)
		}
		explain, arg := "EXPLAIN QUERY PLAN ", any("[1,2]")
		if db.Dialect() == dialect.Postgres {
			explain, arg = "EXPLAIN ", []int64{1, 2}
		}
		var plan []string
		for _, row := range aliatest.Rows(t, db.Reader(), explain+query, arg) {
			plan = append(plan, strings.Join(row, " "))
		}
		if all := strings.Join(plan, "\n"); !strings.Contains(all, "work_order_items_work_order_id") {
			t.Errorf("no index is used:\n%s", all)
		}
	})
}

// A predicate on a joined table must name that table.
func TestKeysInNamesTheTable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		dialect.SQLite:   "`t`.`id` IN (SELECT value FROM json_each(?))",
		dialect.Postgres: `"t"."id" = ANY($1)`,
	} {
		s := entsql.Dialect(name).Select("*").From(entsql.Table("t"))
		store.KeysIn("id", []int64{1})(s)
		if query, args := s.Query(); !strings.Contains(query, want) || len(args) != 1 {
			t.Errorf("%s: %s with %s arguments", name, query, strconv.Itoa(len(args)))
		}
	}
}
