package workorder_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/trip"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/internal/workorder"
)

// TestUninvoicedIsWhatIsCompleted walks the lines and the sums with every filter and
// compares them with the rows one by one.
func TestUninvoicedIsWhatIsCompleted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
		if _, err := seed.Run(t.Context(), db, users, seed.Options{WorkOrders: 3000, Cari: 40, Services: 30, Motorbots: 10, Trips: 2000, Seed: 3, Now: now}); err != nil {
			t.Fatal(err)
		}
		trips(t, db)
		orders := db.WorkOrder.Query().Where(entworkorder.StatusEQ(entworkorder.StatusCompleted), entworkorder.IsActive(true)).WithItems().AllX(t.Context())
		pending := db.Trip.Query().Where(trip.InvoiceStatusEQ(trip.InvoiceStatusPending), trip.CariIDNotNil()).AllX(t.Context())
		if len(orders) < 20 || len(pending) < 10 {
			t.Fatalf("only %d orders and %d trips are completed", len(orders), len(pending))
		}
		s := &workorder.Service{DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 7, Max: 100}}
		ctx := actor.With(t.Context(), actor.System("test"))
		cari, middle := globalid.ID{Type: "Cari", Key: orders[0].CariID}, *orders[len(orders)/2].ActualEnd
		for name, f := range map[string]workorder.UninvoicedFilter{
			"all":                      {},
			"of a customer":            {Cari: &cari},
			"in a currency":            {Cari: &cari, Currency: &orders[0].Currency},
			"of a period":              {CompletedAt: &page.Range{From: &middle}},
			"before":                   {CompletedAt: &page.Range{To: &middle}},
			"of a customer's period":   {Cari: &cari, CompletedAt: &page.Range{To: &now}},
			"of a period with no ends": {CompletedAt: &page.Range{}},
		} {
			lines, want := map[int64]bool{}, map[string]*sum{}
			of := func(cari int64, currency string) *sum {
				key := fmt.Sprint(cari, " ", currency)
				if want[key] == nil {
					want[key] = &sum{known: true}
				}
				return want[key]
			}
			chosen := func(cari int64, currency string, end time.Time) bool {
				return (f.Cari == nil || cari == f.Cari.Key) && (f.Currency == nil || currency == *f.Currency) &&
					(f.CompletedAt == nil || (f.CompletedAt.From == nil || !end.Before(*f.CompletedAt.From)) && (f.CompletedAt.To == nil || end.Before(*f.CompletedAt.To)))
			}
			unpriced := map[int64]int{}
			for _, tr := range pending {
				switch {
				case tr.Currency == nil && f.Currency == nil && chosen(*tr.CariID, "", *tr.ReturnAt):
					unpriced[*tr.CariID]++
				case tr.Currency != nil && chosen(*tr.CariID, *tr.Currency, *tr.ReturnAt):
					s := of(*tr.CariID, *tr.Currency)
					s.trips++
					s.net, s.gross = s.net.Add(*tr.NetAmount), s.gross.Add(*tr.GrandTotal)
					if s.known = s.known && tr.AmountTry != nil; s.known {
						s.netTRY = s.netTRY.Add(*tr.AmountTry)
						s.grossTRY = s.grossTRY.Add(*tr.AmountTry).Add(tr.AmountTry.Mul(*tr.VatRate).Shift(-2).Round(2))
					}
				}
			}
			for _, wo := range orders {
				if !chosen(wo.CariID, wo.Currency, *wo.ActualEnd) {
					continue
				}
				for _, i := range wo.Edges.Items {
					lines[i.ID] = true
				}
				s := of(wo.CariID, wo.Currency)
				s.orders++
				s.net, s.gross = s.net.Add(wo.NetTotal), s.gross.Add(wo.GrandTotal)
				if s.known = s.known && wo.NetTotalTry != nil; s.known {
					s.netTRY, s.grossTRY = s.netTRY.Add(*wo.NetTotalTry), s.grossTRY.Add(*wo.GrandTotalTry)
				}
			}
			seen, last := map[int64]bool{}, time.Time{}
			for args := (page.Args{}); ; {
				l, err := s.Uninvoiced(ctx, f, args)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, i := range l.Nodes {
					at := i.Edges.WorkOrder.CreatedAt
					if f.CompletedAt != nil {
						at = *i.Edges.WorkOrder.ActualEnd
					}
					if seen[i.ID] || !lines[i.ID] || at.Before(last) {
						t.Fatalf("%s: line %d twice, or not one of them, or out of order", name, i.ID)
					}
					seen[i.ID], last = true, at
				}
				if args.After = l.Info.EndCursor; !l.Info.HasNextPage {
					n, err := l.Count(ctx)
					if err != nil || n != len(lines) || len(seen) != n {
						t.Errorf("%s: %d lines seen, %d counted, %d there (%v)", name, len(seen), n, len(lines), err)
					}
					break
				}
			}
			for args := (page.Args{}); ; {
				l, err := s.UninvoicedTotals(ctx, f, args)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, u := range l.Nodes {
					if u.UnpricedTripCount != unpriced[u.Cari.ID] {
						t.Errorf("%s: %d trips of %d have no price, want %d", name, u.UnpricedTripCount, u.Cari.ID, unpriced[u.Cari.ID])
					}
					delete(unpriced, u.Cari.ID)
					all := &sum{known: true}
					for _, total := range u.Totals {
						key := fmt.Sprint(u.Cari.ID, " ", total.Currency)
						s, ok := want[key]
						if !ok || s.orders != total.OrderCount || s.trips != total.TripCount || !s.net.Equal(total.NetTotal) || !s.gross.Equal(total.GrandTotal) || !s.inTRY(total.NetTotalTry, total.GrandTotalTry) {
							t.Errorf("%s: %s sums up to %+v, want %+v", name, key, total, s)
							continue
						}
						all.known, all.netTRY, all.grossTRY = all.known && s.known, all.netTRY.Add(s.netTRY), all.grossTRY.Add(s.grossTRY)
						delete(want, key)
					}
					if !all.inTRY(u.NetTotalTry, u.GrandTotalTry) {
						t.Errorf("%s: %d sums up to %v, %v in TRY, want %+v", name, u.Cari.ID, u.NetTotalTry, u.GrandTotalTry, all)
					}
				}
				if args.After = l.Info.EndCursor; !l.Info.HasNextPage {
					break
				}
			}
			if len(want) > 0 || len(unpriced) > 0 {
				t.Errorf("%s: not told: %v, %v", name, want, unpriced)
			}
		}
	})
}

// sum is what the rows of a customer in a currency add up to.
type sum struct {
	orders, trips                int
	net, gross, netTRY, grossTRY decimal.Decimal
	known                        bool // all have a value in TRY
}

func (s *sum) inTRY(net, gross *decimal.Decimal) bool {
	if !s.known {
		return net == nil && gross == nil
	}
	return net != nil && gross != nil && net.Equal(s.netTRY) && gross.Equal(s.grossTRY)
}

// trips gives some of the trips that wait for their invoice a price, the others none;
// of those that have one not all have a value in TRY. Some orders have none either.
func trips(t *testing.T, db *store.DB) {
	t.Helper()
	at := decimal.RequireFromString
	for i, tr := range db.Trip.Query().Where(trip.InvoiceStatusEQ(trip.InvoiceStatusPending)).AllX(t.Context()) {
		u := tr.Update()
		switch {
		case i%5 == 0:
			u.ClearUnitPrice().ClearCurrency().ClearVatRate().ClearNetAmount().ClearVatAmount().ClearGrandTotal().ClearAmountTry()
		case i%7 == 0:
			u.SetCurrency("EUR").SetUnitPrice(at("9.99")).SetVatRate(at("20")).SetNetAmount(at("9.99")).SetVatAmount(at("2")).SetGrandTotal(at("11.99")).ClearAmountTry()
		default: // VAT of 325.25 is 58.545, which a binary fraction would round down
			u.SetCurrency("USD").SetUnitPrice(at("10")).SetVatRate(at("18")).SetNetAmount(at("10")).SetVatAmount(at("1.8")).SetGrandTotal(at("11.8")).SetAmountTry(at("325.25"))
		}
		u.ExecX(t.Context())
	}
	for _, wo := range db.WorkOrder.Query().Where(entworkorder.CurrencyEQ("EUR")).Limit(40).AllX(t.Context()) {
		wo.Update().ClearNetTotalTry().ClearGrandTotalTry().ExecX(t.Context())
	}
}

// TestUninvoicedIsFoundFromTheOrdersThatWait asks the planners: no list reads all
// orders or all lines.
func TestUninvoicedIsFoundFromTheOrdersThatWait(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		port(t, db)
		linesOfCopies(t, db)
		rec := aliatest.Record(db)
		s := &workorder.Service{DB: &store.DB{Client: ent.NewClient(ent.Driver(rec))}, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: pageSize}}
		ctx := actor.With(t.Context(), actor.System("test"))
		cari, from := globalid.ID{Type: "Cari", Key: 1}, now.AddDate(0, -1, 0)
		for name, f := range map[string]workorder.UninvoicedFilter{
			"all": {}, "of a customer": {Cari: &cari}, "of a period": {CompletedAt: &page.Range{From: &from}}, "of a customer's period": {Cari: &cari, CompletedAt: &page.Range{From: &from}},
		} {
			for list, read := range map[string]func(context.Context, page.Args) (*string, error){
				"items": func(ctx context.Context, a page.Args) (*string, error) {
					l, err := s.Uninvoiced(ctx, f, a)
					if err != nil {
						return nil, err
					}
					return l.Info.EndCursor, nil
				},
				"totals": func(ctx context.Context, a page.Args) (*string, error) {
					l, err := s.UninvoicedTotals(ctx, f, a)
					if err != nil {
						return nil, err
					}
					return l.Info.EndCursor, nil
				},
			} {
				rec.Sent = nil
				end, err := read(ctx, page.Args{First: new(10)})
				if err == nil && end != nil {
					_, err = read(ctx, page.Args{First: new(10), After: end})
				}
				if err != nil {
					t.Fatalf("%s %s: %v", list, name, err)
				}
				for _, sent := range rec.Sent {
					judge(t, db, list+" "+name, sent)
				}
			}
		}
	})
}

// linesOfCopies gives the copied orders the lines of those that they are copies of, so
// that a planner has to choose between lines of some orders and all lines.
func linesOfCopies(t *testing.T, db *store.DB) {
	t.Helper()
	columns := slices.DeleteFunc(slices.Clone(workorderitem.Columns), func(c string) bool {
		return slices.Contains([]string{workorderitem.FieldID, workorderitem.FieldWorkOrderID, workorderitem.FieldWorkLogID}, c)
	})
	_, err := db.Writer().ExecContext(t.Context(), fmt.Sprintf(`INSERT INTO work_order_items (work_order_id, %s)
		SELECT copy.id, line.%s FROM work_orders AS copy JOIN work_orders AS original ON original.wo_number = substr(copy.wo_number, 1, 13) AND original.id <> copy.id
		JOIN work_order_items AS line ON line.work_order_id = original.id`, strings.Join(columns, ", "), strings.Join(columns, ", line.")))
	if err != nil {
		t.Fatal(err)
	}
	settle(t, db)
}

// judge complains of a statement that walks a big table.
func judge(t *testing.T, db *store.DB, name string, s aliatest.Statement) {
	t.Helper()
	explain, column := "EXPLAIN QUERY PLAN ", 3
	if db.Dialect() == dialect.Postgres {
		explain, column = "EXPLAIN ", 0
	}
	var plan strings.Builder
	for _, row := range aliatest.Rows(t, db.Reader(), explain+s.Text, s.Args...) {
		plan.WriteString(row[column] + "\n")
	}
	for _, bad := range []string{"SCAN work_orders\n", "SCAN t1\n", "SCAN work_order_items", "Seq Scan on work_orders", "Seq Scan on work_order_items"} {
		if strings.Contains(plan.String(), bad) {
			t.Errorf("%s: %s\n%s\n%s", name, bad, s.Text, plan.String())
		}
	}
}
