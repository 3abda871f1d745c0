package workorder

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/schema"
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
	where, err := f.orders()
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
		where(items, orders)
		p.ApplyTo(items, orders.C(order.Column))
	}).WithWorkOrder().All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list uninvoiced items: %w", err)
	}
	return page.Read(p, rows, at, func(ctx context.Context) (int, error) {
		n, err := s.DB.WorkOrderItem.Query().Where(func(items *sql.Selector) { where(items, join(items)) }).Aggregate(page.CountRows).Int(ctx)
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
func (f *UninvoicedFilter) orders() (func(s *sql.Selector, orders *sql.SelectTable), error) {
	var key int64
	if f.Cari != nil {
		var err error
		if key, err = f.Cari.Of("Cari"); err != nil {
			return nil, err
		}
	}
	return func(s *sql.Selector, orders *sql.SelectTable) {
		s.Where(sql.ExprP(schema.UninvoicedCondition))
		active, status := orders.C(workorder.FieldIsActive), orders.C(workorder.FieldStatus)
		if f.CompletedAt == nil { // the indexes by the day of creation hold all orders
			s.Where(sql.P(func(b *sql.Builder) { b.Ident(active).WriteString(" = ").Arg(true) }))
			s.Where(sql.EQ(status, workorder.StatusCompleted))
		}
		if f.Cari != nil {
			s.Where(sql.EQ(orders.C(workorder.FieldCariID), key))
		}
		if f.CompletedAt != nil {
			f.within(s, orders.C(workorder.FieldActualEnd))
		}
		if f.Currency != nil {
			s.Where(sql.EQ(orders.C(workorder.FieldCurrency), *f.Currency))
		}
	}, nil
}

// within keeps the period; orders that nobody said when they ended are in none.
func (f *UninvoicedFilter) within(s *sql.Selector, end string) {
	s.Where(sql.NotNull(end))
	if f.CompletedAt.From != nil {
		s.Where(sql.GTE(end, *f.CompletedAt.From))
	}
	if f.CompletedAt.To != nil {
		s.Where(sql.LT(end, *f.CompletedAt.To))
	}
}

// UninvoicedTotal is what waits for its invoice of one customer in one currency.
type UninvoicedTotal struct {
	CariID                         int64
	Currency                       string
	OrderCount, ItemCount          int
	NetTotal, VatTotal, GrandTotal decimal.Decimal
}

// UninvoicedOf is a customer with what waits for its invoice.
type UninvoicedOf struct {
	Cari   *ent.Cari
	Totals []*UninvoicedTotal // by currency
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
// invoice, by code, with the sums of their orders: surcharges and discounts count.
func (s *Service) UninvoicedTotals(ctx context.Context, f UninvoicedFilter, a page.Args) (*page.List[*UninvoicedOf], error) {
	if err := actor.Require(ctx, actor.WorkOrderRead); err != nil {
		return nil, err
	}
	where, err := f.orders()
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
	waiting := func(customers *sql.Selector) {
		orders := sql.Dialect(customers.Dialect()).Table(workorder.Table)
		of := sql.Dialect(customers.Dialect()).Select(orders.C(workorder.FieldCariID)).From(orders)
		where(of, orders)
		customers.Where(sql.In(customers.C(cari.FieldID), of))
	}
	rows, err := s.DB.Cari.Query().Where(waiting, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list customers with uninvoiced orders: %w", err)
	}
	totals, err := uninvoicedOf(ctx, s.DB.Client, rows, where)
	if err != nil {
		return nil, err
	}
	return page.Read(p, totals, func(u *UninvoicedOf) (any, int64) { return u.Cari.CariCode, u.Cari.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.Cari.Query().Where(waiting).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count customers with uninvoiced orders: %w", err)
		}
		return n, nil
	}), nil
}

func uninvoicedOf(ctx context.Context, c *ent.Client, customers []*ent.Cari, where func(*sql.Selector, *sql.SelectTable)) ([]*UninvoicedOf, error) {
	keys, of := make([]int64, len(customers)), make(map[int64]*UninvoicedOf, len(customers))
	list := make([]*UninvoicedOf, len(customers))
	for i, customer := range customers {
		list[i] = &UninvoicedOf{Cari: customer, Totals: []*UninvoicedTotal{}}
		keys[i], of[customer.ID] = customer.ID, list[i]
	}
	totals, err := totalsOf(ctx, c, keys, where)
	for _, t := range totals {
		of[t.CariID].Totals = append(of[t.CariID].Totals, t)
	}
	return list, err
}

// UninvoicedByCari sums up what waits for its invoice of each of the customers and
// each currency, in one statement.
func UninvoicedByCari(ctx context.Context, c *ent.Client, customers []int64) ([]*UninvoicedTotal, error) {
	where, err := (&UninvoicedFilter{}).orders()
	if err != nil {
		return nil, err
	}
	return totalsOf(ctx, c, customers, where)
}

func totalsOf(ctx context.Context, c *ent.Client, customers []int64, where func(*sql.Selector, *sql.SelectTable)) ([]*UninvoicedTotal, error) {
	var rows []struct {
		CariID   int64  `sql:"cari_id"`
		Currency string `sql:"currency"`
		Orders   int    `sql:"orders"`
		Items    int    `sql:"items"`
		Net      decimal.Decimal
		VAT      decimal.Decimal `sql:"vat"`
		Gross    decimal.Decimal
	}
	lines := func(s *sql.Selector) string {
		return "COALESCE(SUM((SELECT COUNT(*) FROM work_order_items AS line WHERE line.work_order_id = " + s.C(workorder.FieldID) + ")), 0)"
	}
	err := c.WorkOrder.Query().Where(store.KeysIn(workorder.FieldCariID, customers), func(s *sql.Selector) { where(s, s.Table()) }).
		Order(workorder.ByCurrency()).GroupBy(workorder.FieldCariID, workorder.FieldCurrency).
		Aggregate(ent.As(ent.Count(), "orders"), ent.As(lines, "items"), ent.As(store.SumDecimal(workorder.FieldNetTotal), "net"),
			ent.As(store.SumDecimal(workorder.FieldVatTotal), "vat"), ent.As(store.SumDecimal(workorder.FieldGrandTotal), "gross")).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("add up uninvoiced orders: %w", err)
	}
	totals := make([]*UninvoicedTotal, len(rows))
	for i, r := range rows {
		totals[i] = &UninvoicedTotal{r.CariID, r.Currency, r.Orders, r.Items, r.Net, r.VAT, r.Gross}
	}
	return totals, nil
}
