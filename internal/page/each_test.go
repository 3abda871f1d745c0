package page_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelistitem"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
)

// lists makes price lists with 0 to 40 items, many of which have the same place.
func lists(t *testing.T, db *store.DB) (owners []int64, items map[int64][]*ent.PriceListItem) {
	t.Helper()
	items = map[int64][]*ent.PriceListItem{}
	sold := db.Service.Create().SetCode("HZM001").SetName("Römorkaj").SetNameFold(turkish.Fold("Römorkaj")).SetSearchText("romorkaj").
		SetUnit("SAAT").SetVatRate(decimal.NewFromInt(20)).SaveX(t.Context())
	for n := range 6 {
		l := db.PriceList.Create().SetCode(fmt.Sprintf("LISTE-%d", n)).SetName("Liste").SetCurrency("TRY").
			SetValidFrom(calendar.Date{Year: 2026, Month: time.January, Day: 1}).SetCreatedBy(1).SetUpdatedBy(1).SaveX(t.Context())
		owners = append(owners, l.ID)
		for i := range n * 8 {
			items[l.ID] = append(items[l.ID], db.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(sold.ID).SetMinQuantity(decimal.NewFromInt(int64(i))).
				SetVatRate(decimal.NewFromInt(20)).SetSortNo(i*7%5).SaveX(t.Context()))
		}
	}
	return owners, items
}

func TestPagesOfSeveralOwnersAreThoseOfEach(t *testing.T) {
	t.Parallel()
	codec := page.NewCodec([]byte("key"))
	at := func(i *ent.PriceListItem) (any, int64) { return i.SortNo, i.ID }
	even := func(s *sql.Selector) {
		column := s.C(pricelistitem.FieldID)
		s.Where(sql.P(func(b *sql.Builder) { b.Ident(column).WriteString(" % 2 = ").Arg(0) }))
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		owners, items := lists(t, db)
		for _, desc := range []bool{false, true} {
			o := page.Order{Name: "SORT_NO", Column: pricelistitem.FieldSortNo, Kind: page.Number, Desc: desc}
			for _, size := range []int{1, 7, 40} {
				for _, back := range []bool{false, true} {
					args := page.Args{First: &size}
					if back {
						args = page.Args{Last: &size}
					}
					for range 3 { // pages
						p, err := codec.New(args, page.Limits{Default: 20, Max: 100}, o, 1)
						if err != nil {
							t.Fatal(err)
						}
						got := map[int64][]*ent.PriceListItem{}
						for _, i := range db.PriceListItem.Query().Where(p.OfEach(pricelistitem.Table, pricelistitem.FieldPriceListID, owners, even)).AllX(t.Context()) {
							got[i.PriceListID] = append(got[i.PriceListID], i)
						}
						var info page.Info
						for _, owner := range owners {
							alone := db.PriceListItem.Query().Where(pricelistitem.PriceListID(owner), even, p.Apply).AllX(t.Context())
							if !slices.EqualFunc(got[owner], alone, func(a, b *ent.PriceListItem) bool { return a.ID == b.ID }) {
								t.Fatalf("descending %t, backward %t, %d a page, %d items: got %v, want %v", desc, back, size, len(items[owner]), got[owner], alone)
							}
							info = page.Read(p, alone, at, nil).Info // of the longest
						}
						if back {
							args.Before = cmp.Or(info.StartCursor, args.Before)
						} else {
							args.After = cmp.Or(info.EndCursor, args.After)
						}
					}
				}
			}
		}
		p, err := codec.New(page.Args{}, page.Limits{Default: 20, Max: 100}, page.Order{Name: "SORT_NO", Column: pricelistitem.FieldSortNo, Kind: page.Number}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if rows := db.PriceListItem.Query().Where(p.OfEach(pricelistitem.Table, pricelistitem.FieldPriceListID, nil)).AllX(t.Context()); len(rows) > 0 {
			t.Errorf("nobody has %d items", len(rows))
		}
	})
}

// TestPagesOfSeveralOwnersSeek looks at the plan: a list of a thousand items must not
// be read for the first ten.
func TestPagesOfSeveralOwnersSeek(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		owners, _ := lists(t, db)
		sold := db.Service.Query().OnlyIDX(t.Context())
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		_, err := db.BulkInsert(t.Context(), pricelistitem.Table, []string{"created_at", "updated_at", "price_list_id", "service_id", "min_quantity", "unit_price", "vat_rate", "sort_no"},
			func(yield func([]any, error) bool) {
				for n := range 30_000 {
					if !yield([]any{now, now, owners[n%len(owners)], sold, decimal.NewFromInt(int64(1000 + n)), decimal.Zero, decimal.Zero, n}, nil) {
						return
					}
				}
			})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Writer().ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
		p, err := page.NewCodec([]byte("key")).New(page.Args{First: new(10)}, page.Limits{Default: 20, Max: 100},
			page.Order{Name: "SORT_NO", Column: pricelistitem.FieldSortNo, Kind: page.Number}, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := sql.Dialect(db.Dialect()).Select("*").From(sql.Dialect(db.Dialect()).Table(pricelistitem.Table))
		p.OfEach(pricelistitem.Table, pricelistitem.FieldPriceListID, owners)(s)
		text, args := s.Query()
		explain := "EXPLAIN QUERY PLAN "
		if db.Dialect() == dialect.Postgres {
			explain = "EXPLAIN "
		}
		var plan []string
		for _, row := range aliatest.Rows(t, db.Reader(), explain+text, args...) {
			plan = append(plan, row[len(row)-1])
		}
		whole := strings.Join(plan, "\n")
		if !strings.Contains(whole, "price_list_items_order") || strings.Contains(whole, "SCAN price_list_items") || strings.Contains(whole, "Seq Scan") {
			t.Errorf("%s\n%s", text, whole)
		}
	})
}
