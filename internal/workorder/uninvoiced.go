package workorder

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/schema"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// UninvoicedFilter narrows what waits for its invoice.
type UninvoicedFilter struct {
	Cari        *globalid.ID
	CompletedAt *page.Range // when the work of the order ended
	Currency    *string     // for lines with Cari, which leaves few to look at
}

// waiting are the conditions on what waits for its invoice, of a filter whose ids are
// those of what they name.
type waiting struct {
	cari     *int64
	period   *page.Range // when orders ended and boats returned
	currency *string
}

func (f *UninvoicedFilter) resolve() (waiting, error) {
	w := waiting{period: f.CompletedAt, currency: f.Currency}
	if f.Cari != nil {
		key, err := f.Cari.Of("Cari")
		if err != nil {
			return w, err
		}
		w.cari = &key
	}
	return w, nil
}

// Uninvoiced returns one page of the lines that wait for their invoice: those of
// completed orders. They come in the order in which the orders were made, or, within
// a period, were completed; oldest first.
func (s *Service) Uninvoiced(ctx context.Context, f UninvoicedFilter, a page.Args) (*page.List[*ent.WorkOrderItem], error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	if f.Currency != nil && f.Cari == nil {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", "cari|completedAt|cari+completedAt; currency with cari")
	}
	w, err := f.resolve()
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("uninvoicedItems", f)
	if err != nil {
		return nil, err
	}
	order := page.Order{Name: "CREATED_AT", Column: workorder.FieldCreatedAt, Kind: page.Time}
	at := func(i *ent.WorkOrderItem) (any, int64) { return i.Edges.WorkOrder.CreatedAt, i.ID }
	if f.CompletedAt != nil {
		order = page.Order{Name: "COMPLETED_AT", Column: workorder.FieldActualEnd, Kind: page.Time}
		at = func(i *ent.WorkOrderItem) (any, int64) { return *i.Edges.WorkOrder.ActualEnd, i.ID }
	}
	p, err := s.Pages.New(a, s.PageLimits, order, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.WorkOrderItem.Query().Where(func(items *sql.Selector) {
		orders := join(items)
		w.orders(items, orders)
		if f.CompletedAt == nil { // the indexes by the day of creation hold all orders
			active := orders.C(workorder.FieldIsActive)
			items.Where(sql.P(func(b *sql.Builder) { b.Ident(active).WriteString(" = ").Arg(true) }))
			items.Where(sql.EQ(orders.C(workorder.FieldStatus), workorder.StatusCompleted))
		}
		p.ApplyTo(items, orders.C(order.Column))
	}).WithWorkOrder().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list uninvoiced items: %w", err)
	}
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.WorkOrderItem.Query().Where(func(items *sql.Selector) { w.orders(items, join(items)) }).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count uninvoiced items: %w", err)
		}
		return n, nil
	}), nil
}

// join narrows lines to those that no invoice has and adds their orders.
func join(items *sql.Selector) (orders *sql.SelectTable) {
	orders = sql.Dialect(items.Dialect()).Table(workorder.Table)
	items.Join(orders).On(items.C(workorderitem.FieldWorkOrderID), orders.C(workorder.FieldID))
	page.Flag(workorderitem.FieldIsInvoiced, false)(items)
	return orders
}

// orders is the condition on the orders, written so that an index answers it.
func (w *waiting) orders(s *sql.Selector, orders *sql.SelectTable) {
	s.Where(sql.ExprP(schema.UninvoicedCondition))
	if w.cari != nil {
		s.Where(sql.EQ(orders.C(workorder.FieldCariID), *w.cari))
	}
	if w.period != nil {
		w.within(s, orders.C(workorder.FieldActualEnd))
	}
	if w.currency != nil {
		s.Where(sql.EQ(orders.C(workorder.FieldCurrency), *w.currency))
	}
}

// within keeps the period; orders that nobody said when they ended are in none.
func (w *waiting) within(s *sql.Selector, end string) {
	s.Where(sql.NotNull(end))
	if w.period.From != nil {
		s.Where(sql.GTE(end, *w.period.From))
	}
	if w.period.To != nil {
		s.Where(sql.LT(end, *w.period.To))
	}
}

// trips is the condition on the trips that wait for their invoice.
func (w *waiting) trips(s *sql.Selector) {
	s.Where(sql.ExprP(schema.TripUninvoicedCondition))
	if w.cari != nil {
		s.Where(sql.EQ(s.C(trip.FieldCariID), *w.cari))
	}
	if w.period != nil {
		w.within(s, s.C(trip.FieldReturnAt))
	}
	if w.currency != nil {
		s.Where(sql.EQ(s.C(trip.FieldCurrency), *w.currency))
	}
}

// UninvoicedTotal is what waits for its invoice of one customer in one currency.
type UninvoicedTotal struct {
	CariID                           int64
	Currency                         string
	OrderCount, ItemCount, TripCount int
	NetTotal, VatTotal, GrandTotal   decimal.Decimal
	NetTotalTry, GrandTotalTry       *decimal.Decimal // nil: a part has no value in TRY
}

func (t *UninvoicedTotal) add(o *UninvoicedTotal) {
	t.OrderCount, t.ItemCount, t.TripCount = t.OrderCount+o.OrderCount, t.ItemCount+o.ItemCount, t.TripCount+o.TripCount
	t.NetTotal, t.VatTotal, t.GrandTotal = t.NetTotal.Add(o.NetTotal), t.VatTotal.Add(o.VatTotal), t.GrandTotal.Add(o.GrandTotal)
	t.NetTotalTry, t.GrandTotalTry = plus(t.NetTotalTry, o.NetTotalTry), plus(t.GrandTotalTry, o.GrandTotalTry)
}

// plus is nil when either is.
func plus(a, b *decimal.Decimal) *decimal.Decimal {
	if a == nil || b == nil {
		return nil
	}
	return new(a.Add(*b))
}

// UninvoicedOf is a customer with what waits for its invoice.
type UninvoicedOf struct {
	Cari                       *ent.Cari
	Totals                     []*UninvoicedTotal // by currency
	NetTotalTry, GrandTotalTry *decimal.Decimal   // of all currencies; nil: a part has no value in TRY
	UnpricedTripCount          int                // in no sum
}

// CustomersOf are the customers alone.
func CustomersOf(list []*UninvoicedOf) []*ent.Cari {
	customers := make([]*ent.Cari, len(list))
	for i, u := range list {
		customers[i] = u.Cari
	}
	return customers
}

// UninvoicedTotals returns one page of the customers for whom something waits for its
// invoice, by code, with the sums of their orders, where surcharges and discounts
// count, and of their trips.
func (s *Service) UninvoicedTotals(ctx context.Context, f UninvoicedFilter, a page.Args) (*page.List[*UninvoicedOf], error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	w, err := f.resolve()
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("uninvoicedTotals", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "CARI_CODE", Column: cari.FieldCariCode, Kind: page.Text}, hash)
	if err != nil {
		return nil, err
	}
	who := func(customers *sql.Selector) {
		builder := sql.Dialect(customers.Dialect())
		orders, trips := builder.Table(workorder.Table), builder.Table(trip.Table)
		ofOrders := builder.Select(orders.C(workorder.FieldCariID)).From(orders)
		w.orders(ofOrders, orders)
		ofTrips := builder.Select(trips.C(trip.FieldCariID)).From(trips).Where(sql.NotNull(trips.C(trip.FieldCariID)))
		w.trips(ofTrips)
		customers.Where(sql.In(customers.C(cari.FieldID), ofOrders.Union(ofTrips)))
	}
	rows, err := s.DB.Cari.Query().Where(who, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list customers with uninvoiced orders or trips: %w", err)
	}
	totals, err := uninvoicedOf(ctx, s.DB.Client, rows, &w)
	if err != nil {
		return nil, err
	}
	return page.Read(p, totals, func(u *UninvoicedOf) (any, int64) { return u.Cari.CariCode, u.Cari.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.Cari.Query().Where(who).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count customers with uninvoiced orders or trips: %w", err)
		}
		return n, nil
	}), nil
}

func uninvoicedOf(ctx context.Context, c *ent.Client, customers []*ent.Cari, w *waiting) ([]*UninvoicedOf, error) {
	keys, of := make([]int64, len(customers)), make(map[int64]*UninvoicedOf, len(customers))
	list := make([]*UninvoicedOf, len(customers))
	for i, customer := range customers {
		list[i] = &UninvoicedOf{Cari: customer, Totals: []*UninvoicedTotal{}, NetTotalTry: new(decimal.Zero), GrandTotalTry: new(decimal.Zero)}
		keys[i], of[customer.ID] = customer.ID, list[i]
	}
	totals, unpriced, err := totalsOf(ctx, c, keys, w)
	if err != nil {
		return nil, err
	}
	for _, t := range totals {
		u := of[t.CariID]
		u.Totals = append(u.Totals, t)
		u.NetTotalTry, u.GrandTotalTry = plus(u.NetTotalTry, t.NetTotalTry), plus(u.GrandTotalTry, t.GrandTotalTry)
	}
	for id, n := range unpriced {
		of[id].UnpricedTripCount = n
	}
	return list, nil
}

// UninvoicedByCari sums up what waits for its invoice of each of the customers and
// each currency, in two statements.
func UninvoicedByCari(ctx context.Context, c *ent.Client, customers []int64) ([]*UninvoicedTotal, error) {
	totals, _, err := totalsOf(ctx, c, customers, &waiting{})
	return totals, err
}

// totalsOf sums up orders and trips by customer and currency. Trips that have no price
// are in no sum; unpriced counts them by customer.
func totalsOf(ctx context.Context, c *ent.Client, customers []int64, w *waiting) (totals []*UninvoicedTotal, unpriced map[int64]int, err error) {
	sums, err := orderSums(ctx, c, customers, w)
	if err != nil {
		return nil, nil, err
	}
	trips, err := tripSums(ctx, c, customers, w)
	if err != nil {
		return nil, nil, err
	}
	type key struct {
		cari     int64
		currency string
	}
	at := map[key]*UninvoicedTotal{}
	unpriced = map[int64]int{}
	for _, r := range append(sums, trips...) {
		if r.Currency == "" {
			unpriced[r.CariID] += r.Trips
			continue
		}
		t := &UninvoicedTotal{CariID: r.CariID, Currency: r.Currency, OrderCount: r.Orders, ItemCount: r.Items, TripCount: r.Trips, NetTotal: r.Net, VatTotal: r.VAT, GrandTotal: r.Gross}
		if r.Worth == r.Orders+r.Trips {
			t.NetTotalTry, t.GrandTotalTry = &r.NetTRY, &r.GrossTRY
		}
		if same, ok := at[key{r.CariID, r.Currency}]; ok {
			same.add(t)
			continue
		}
		at[key{r.CariID, r.Currency}] = t
		totals = append(totals, t)
	}
	slices.SortFunc(totals, func(a, b *UninvoicedTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	return totals, unpriced, nil
}

// sums are what orders or trips of a customer in a currency add up to.
type sums struct {
	CariID   int64  `sql:"cari_id"`
	Currency string `sql:"currency"` // empty: trips without a price
	Orders   int    `sql:"orders"`
	Items    int    `sql:"items"`
	Trips    int    `sql:"trips"`
	Worth    int    `sql:"worth"` // how many of them have a value in TRY
	Net      decimal.Decimal
	VAT      decimal.Decimal `sql:"vat"`
	Gross    decimal.Decimal
	NetTRY   decimal.Decimal `sql:"net_try"`
	GrossTRY decimal.Decimal `sql:"gross_try"`
}

func orderSums(ctx context.Context, c *ent.Client, customers []int64, w *waiting) ([]*sums, error) {
	var rows []*sums
	lines := func(s *sql.Selector) string {
		return "COALESCE(SUM((SELECT COUNT(*) FROM work_order_items AS line WHERE line.work_order_id = " + s.C(workorder.FieldID) + ")), 0)"
	}
	err := c.WorkOrder.Query().Where(store.KeysIn(workorder.FieldCariID, customers), func(s *sql.Selector) { w.orders(s, s.Table()) }).
		GroupBy(workorder.FieldCariID, workorder.FieldCurrency).
		Aggregate(ent.As(ent.Count(), "orders"), ent.As(lines, "items"), ent.As(store.SumDecimal(workorder.FieldNetTotal), "net"),
			ent.As(store.SumDecimal(workorder.FieldVatTotal), "vat"), ent.As(store.SumDecimal(workorder.FieldGrandTotal), "gross"),
			ent.As(count(workorder.FieldGrandTotalTry), "worth"), ent.As(store.SumDecimal(workorder.FieldNetTotalTry), "net_try"),
			ent.As(store.SumDecimal(workorder.FieldGrandTotalTry), "gross_try")).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("add up uninvoiced orders: %w", err)
	}
	return rows, nil
}

func tripSums(ctx context.Context, c *ent.Client, customers []int64, w *waiting) ([]*sums, error) {
	var rows []*sums
	currency := func(s *sql.Selector) string {
		return "COALESCE(" + s.C(trip.FieldCurrency) + ", '')"
	}
	err := c.Trip.Query().Where(store.KeysIn(trip.FieldCariID, customers), w.trips).Modify(func(s *sql.Selector) {
		s.Select(s.C(trip.FieldCariID), sql.As(currency(s), "currency"), sql.As(sql.Count("*"), "trips"))
		for _, sum := range []struct {
			name string
			of   ent.AggregateFunc
		}{
			{"net", store.SumDecimal(trip.FieldNetAmount)},
			{"vat", store.SumDecimal(trip.FieldVatAmount)},
			{"gross", store.SumDecimal(trip.FieldGrandTotal)},
			{"worth", count(trip.FieldAmountTry)},
			{"net_try", store.SumDecimal(trip.FieldAmountTry)},
			{"gross_try", store.SumWithVAT(trip.FieldAmountTry, trip.FieldVatRate)},
		} {
			s.AppendSelectAs(sum.of(s), sum.name)
		}
		s.GroupBy(s.C(trip.FieldCariID), currency(s))
	}).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("add up uninvoiced trips: %w", err)
	}
	return rows, nil
}

func count(column string) ent.AggregateFunc {
	return func(s *sql.Selector) string { return sql.Count(s.C(column)) }
}
