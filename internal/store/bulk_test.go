package store_test

import (
	"encoding/json"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/service"
	"aliaport/internal/aliatest"
	"aliaport/internal/store"
)

var bulkColumns = []string{
	"code", "name", "name_fold", "search_text", "unit", "base_price", "currency", "vat_rate",
	"calculation_type", "formula_params", "created_at", "updated_at", "description", "is_active",
	"requires_person_count", "requires_vehicle_info", "requires_weight_info", "sort_no", "version",
}

var bulkPrice = decimal.RequireFromString("99999999999.9999")

func bulkRow(code string, at time.Time) []any {
	return []any{
		code, "Vinç\t\\N\n", code, code, "adet", bulkPrice, "TRY", decimal.NewFromInt(20),
		"FIXED", json.RawMessage(`{"a": "ş\n\\"}`), at, at, nil, true, false, false, false, 3, 1,
	}
}

// manyRows yields n rows and then err, if there is one.
func manyRows(n int, at time.Time, err error) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			if !yield(bulkRow(time.Duration(i).String(), at), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestBulkInsertWritesWhatEntReads(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 12, 0, 0, 123_456_000, time.FixedZone("", 3*3600))
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		for _, rows := range []int{0, 1, 52, 53, 1234} {
			db.Service.Delete().ExecX(t.Context())
			n, err := db.BulkInsert(t.Context(), "services", bulkColumns, manyRows(rows, at, nil))
			if err != nil || n != int64(rows) || count(t, db) != rows {
				t.Fatalf("loaded %d of %d rows, found %d, error %v", n, rows, count(t, db), err)
			}
		}
		s := db.Service.Query().Where(service.Code("7ns")).OnlyX(t.Context())
		want := bulkRow("7ns", at)
		if s.Name != want[1] || !s.BasePrice.Equal(bulkPrice) || !s.CreatedAt.Equal(at) || s.Description != nil || !s.IsActive || s.SortNo != 3 {
			t.Errorf("read %+v", s)
		}
		var params map[string]string
		if err := json.Unmarshal(s.FormulaParams, &params); err != nil || params["a"] != "ş\n\\" {
			t.Errorf("read JSON %s (error %v)", s.FormulaParams, err)
		}
		// Times were written in the form that ent's are.
		if db.Service.Query().Where(service.CreatedAtEQ(at)).CountX(t.Context()) != 1234 {
			t.Error("times do not compare equal")
		}
	})
}

func TestBulkInsertUndoesEverythingOnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("source broken")
	now := time.Now()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		_, err := db.BulkInsert(t.Context(), "services", bulkColumns, manyRows(5000, now, broken))
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		_, err = db.BulkInsert(t.Context(), "services", bulkColumns, func(yield func([]any, error) bool) {
			_ = yield(bulkRow("A", now), nil) && yield(bulkRow("B", now)[1:], nil)
		})
		if err == nil {
			t.Error("a short row was accepted")
		}
		_, err = db.BulkInsert(t.Context(), "services", bulkColumns, func(yield func([]any, error) bool) {
			for range 2 {
				if !yield(bulkRow("A", now), nil) {
					return
				}
			}
		})
		if f := store.Classify(err); !f.Is("services_code") {
			t.Errorf("a row twice: %+v: %v", f, err)
		}
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows stayed", n)
		}
		if err := newService(db.Client, "A").Exec(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestBulkInsertWithinATransaction(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		undo := errors.New("undo")
		err := db.InTx(t.Context(), func(tx *ent.Tx) error {
			n, err := store.BulkInsert(t.Context(), store.SQLTx(tx), db.Dialect(), "services", bulkColumns, manyRows(3, time.Now(), nil))
			if err != nil || n != 3 || tx.Service.Query().CountX(t.Context()) != 3 {
				t.Errorf("loaded %d rows, error %v", n, err)
			}
			return undo
		})
		if !errors.Is(err, undo) || count(t, db) != 0 {
			t.Errorf("error %v, %d rows", err, count(t, db))
		}
	})
}
