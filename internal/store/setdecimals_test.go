package store_test

import (
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

func TestSetDecimalsGivesEachRowItsOwnValue(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		rows := saved(t, db, func(*ent.ServiceCreate, int) {})
		want, ids, values := map[int64]decimal.Decimal{}, []int64{}, []decimal.Decimal{}
		for i, s := range rows {
			if i%3 == 0 {
				continue // stays
			}
			want[s.ID] = randomAmount()
			ids, values = append(ids, s.ID), append(values, want[s.ID])
		}
		at := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
		set := func(ids []int64, values []decimal.Decimal) error {
			return db.InTx(t.Context(), func(tx *ent.Tx) error {
				return store.SetDecimals(t.Context(), db, tx, service.Table, service.FieldBasePrice, at, ids, values)
			})
		}
		if err := set(ids, values); err != nil {
			t.Fatal(err)
		}
		for i, s := range db.Service.Query().Order(service.ByID()).AllX(t.Context()) {
			value, changed := want[s.ID]
			if !changed {
				value = rows[i].BasePrice
			}
			if !s.BasePrice.Equal(value) || s.UpdatedAt.Equal(at) != changed {
				t.Fatalf("service %d has %v since %v, want %v, changed %t", s.ID, s.BasePrice, s.UpdatedAt, value, changed)
			}
		}
		if err := set(nil, nil); err != nil {
			t.Errorf("nothing: %v", err)
		}
		if err := set(ids, values[1:]); err == nil {
			t.Error("an id without a value was taken")
		}
		if k := store.Classify(set(ids[:1], []decimal.Decimal{decimal.NewFromInt(-1)})).Kind; k != store.Check {
			t.Errorf("a value that the table refuses: %v", k)
		}
		plan := "EXPLAIN QUERY PLAN UPDATE services SET base_price = v.value ->> 1 FROM json_each('[[1,\"2\"]]') AS v WHERE services.id = v.value ->> 0"
		if db.Dialect() == dialect.SQLite {
			for _, row := range aliatest.Rows(t, db.Reader(), plan) {
				if strings.HasPrefix(row[3], "SCAN services") {
					t.Errorf("reads the whole table: %v", row)
				}
			}
		}
	})
}
