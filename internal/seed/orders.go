package seed

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
	"aliaport/internal/pricing"
	"aliaport/internal/sequence"
	"aliaport/internal/turkish"
	field "aliaport/internal/worklog"
	rules "aliaport/internal/workorder"
)

var orderColumns = []column[ent.WorkOrder]{
	{workorder.FieldID, func(o *ent.WorkOrder) any { return o.ID }},
	{workorder.FieldCreatedAt, func(o *ent.WorkOrder) any { return o.CreatedAt }},
	{workorder.FieldUpdatedAt, func(o *ent.WorkOrder) any { return o.UpdatedAt }},
	{workorder.FieldWoNumber, func(o *ent.WorkOrder) any { return o.WoNumber }},
	{workorder.FieldCariID, func(o *ent.WorkOrder) any { return o.CariID }},
	{workorder.FieldCariCode, func(o *ent.WorkOrder) any { return o.CariCode }},
	{workorder.FieldCariTitle, func(o *ent.WorkOrder) any { return o.CariTitle }},
	{workorder.FieldRequesterID, func(o *ent.WorkOrder) any { return o.RequesterID }},
	{workorder.FieldRequesterName, func(o *ent.WorkOrder) any { return o.RequesterName }},
	{workorder.FieldType, func(o *ent.WorkOrder) any { return o.Type }},
	{workorder.FieldServiceCode, func(o *ent.WorkOrder) any { return o.ServiceCode }},
	{workorder.FieldAction, func(o *ent.WorkOrder) any { return o.Action }},
	{workorder.FieldSubject, func(o *ent.WorkOrder) any { return o.Subject }},
	{workorder.FieldDescription, func(o *ent.WorkOrder) any { return o.Description }},
	{workorder.FieldSearchText, func(o *ent.WorkOrder) any { return turkish.Fold(o.WoNumber + " " + o.Subject) }},
	{workorder.FieldPriority, func(o *ent.WorkOrder) any { return o.Priority }},
	{workorder.FieldStatus, func(o *ent.WorkOrder) any { return o.Status }},
	{workorder.FieldPlannedStart, func(o *ent.WorkOrder) any { return o.PlannedStart }},
	{workorder.FieldPlannedEnd, func(o *ent.WorkOrder) any { return o.PlannedEnd }},
	{workorder.FieldActualStart, func(o *ent.WorkOrder) any { return o.ActualStart }},
	{workorder.FieldActualEnd, func(o *ent.WorkOrder) any { return o.ActualEnd }},
	{workorder.FieldCompletionNote, func(o *ent.WorkOrder) any { return o.CompletionNote }},
	{workorder.FieldApprovedBy, func(o *ent.WorkOrder) any { return o.ApprovedBy }},
	{workorder.FieldApprovedAt, func(o *ent.WorkOrder) any { return o.ApprovedAt }},
	{workorder.FieldRejectedBy, func(o *ent.WorkOrder) any { return o.RejectedBy }},
	{workorder.FieldRejectedAt, func(o *ent.WorkOrder) any { return o.RejectedAt }},
	{workorder.FieldRejectionReason, func(o *ent.WorkOrder) any { return o.RejectionReason }},
	{workorder.FieldInvoicedAt, func(o *ent.WorkOrder) any { return o.InvoicedAt }},
	{workorder.FieldInvoiceNo, func(o *ent.WorkOrder) any { return o.InvoiceNo }},
	{workorder.FieldSecurityExitAt, func(o *ent.WorkOrder) any { return o.SecurityExitAt }},
	{workorder.FieldClosedAt, func(o *ent.WorkOrder) any { return o.ClosedAt }},
	{workorder.FieldGateRequired, func(o *ent.WorkOrder) any { return o.GateRequired }},
	{workorder.FieldFieldLogAllowed, func(o *ent.WorkOrder) any { return o.FieldLogAllowed }},
	{workorder.FieldIsCabotage, func(o *ent.WorkOrder) any { return o.IsCabotage }},
	{workorder.FieldApplyRuleAddons, func(o *ent.WorkOrder) any { return o.ApplyRuleAddons }},
	{workorder.FieldNotes, func(o *ent.WorkOrder) any { return o.Notes }},
	{workorder.FieldCurrency, func(o *ent.WorkOrder) any { return o.Currency }},
	{workorder.FieldNetTotal, func(o *ent.WorkOrder) any { return o.NetTotal }},
	{workorder.FieldVatTotal, func(o *ent.WorkOrder) any { return o.VatTotal }},
	{workorder.FieldGrandTotal, func(o *ent.WorkOrder) any { return o.GrandTotal }},
	{workorder.FieldNetTotalTry, func(o *ent.WorkOrder) any { return o.NetTotalTry }},
	{workorder.FieldGrandTotalTry, func(o *ent.WorkOrder) any { return o.GrandTotalTry }},
	{workorder.FieldIsActive, func(o *ent.WorkOrder) any { return o.IsActive }},
	{workorder.FieldVersion, func(o *ent.WorkOrder) any { return o.Version }},
	{workorder.FieldCreatedBy, func(o *ent.WorkOrder) any { return o.CreatedBy }},
	{workorder.FieldUpdatedBy, func(o *ent.WorkOrder) any { return o.UpdatedBy }},
}

var itemColumns = []column[ent.WorkOrderItem]{
	{workorderitem.FieldID, func(i *ent.WorkOrderItem) any { return i.ID }},
	{workorderitem.FieldCreatedAt, func(i *ent.WorkOrderItem) any { return i.CreatedAt }},
	{workorderitem.FieldUpdatedAt, func(i *ent.WorkOrderItem) any { return i.UpdatedAt }},
	{workorderitem.FieldWorkOrderID, func(i *ent.WorkOrderItem) any { return i.WorkOrderID }},
	{workorderitem.FieldSequence, func(i *ent.WorkOrderItem) any { return i.Sequence }},
	{workorderitem.FieldItemType, func(i *ent.WorkOrderItem) any { return i.ItemType }},
	{workorderitem.FieldServiceID, func(i *ent.WorkOrderItem) any { return i.ServiceID }},
	{workorderitem.FieldServiceCode, func(i *ent.WorkOrderItem) any { return i.ServiceCode }},
	{workorderitem.FieldServiceName, func(i *ent.WorkOrderItem) any { return i.ServiceName }},
	{workorderitem.FieldResourceCode, func(i *ent.WorkOrderItem) any { return i.ResourceCode }},
	{workorderitem.FieldResourceName, func(i *ent.WorkOrderItem) any { return i.ResourceName }},
	{workorderitem.FieldStartTime, func(i *ent.WorkOrderItem) any { return i.StartTime }},
	{workorderitem.FieldEndTime, func(i *ent.WorkOrderItem) any { return i.EndTime }},
	{workorderitem.FieldDurationMinutes, func(i *ent.WorkOrderItem) any { return i.DurationMinutes }},
	{workorderitem.FieldQuantity, func(i *ent.WorkOrderItem) any { return i.Quantity }},
	{workorderitem.FieldUnit, func(i *ent.WorkOrderItem) any { return i.Unit }},
	{workorderitem.FieldUnitPrice, func(i *ent.WorkOrderItem) any { return i.UnitPrice }},
	{workorderitem.FieldCurrency, func(i *ent.WorkOrderItem) any { return i.Currency }},
	{workorderitem.FieldTotalAmount, func(i *ent.WorkOrderItem) any { return i.TotalAmount }},
	{workorderitem.FieldVatRate, func(i *ent.WorkOrderItem) any { return i.VatRate }},
	{workorderitem.FieldVatAmount, func(i *ent.WorkOrderItem) any { return i.VatAmount }},
	{workorderitem.FieldGrandTotal, func(i *ent.WorkOrderItem) any { return i.GrandTotal }},
	{workorderitem.FieldAmountTry, func(i *ent.WorkOrderItem) any { return i.AmountTry }},
	{workorderitem.FieldNotes, func(i *ent.WorkOrderItem) any { return i.Notes }},
	{workorderitem.FieldWorkLogID, func(i *ent.WorkOrderItem) any { return i.WorkLogID }},
	{workorderitem.FieldIsInvoiced, func(i *ent.WorkOrderItem) any { return i.IsInvoiced }},
}

var adjustmentColumns = []column[ent.WorkOrderAdjustment]{
	{workorderadjustment.FieldID, func(a *ent.WorkOrderAdjustment) any { return a.ID }},
	{workorderadjustment.FieldWorkOrderID, func(a *ent.WorkOrderAdjustment) any { return a.WorkOrderID }},
	{workorderadjustment.FieldKind, func(a *ent.WorkOrderAdjustment) any { return a.Kind }},
	{workorderadjustment.FieldVatRate, func(a *ent.WorkOrderAdjustment) any { return a.VatRate }},
	{workorderadjustment.FieldPercent, func(a *ent.WorkOrderAdjustment) any { return a.Percent }},
	{workorderadjustment.FieldBase, func(a *ent.WorkOrderAdjustment) any { return a.Base }},
	{workorderadjustment.FieldAmount, func(a *ent.WorkOrderAdjustment) any { return a.Amount }},
	{workorderadjustment.FieldSource, func(a *ent.WorkOrderAdjustment) any { return a.Source }},
	{workorderadjustment.FieldCreatedAt, func(a *ent.WorkOrderAdjustment) any { return a.CreatedAt }},
}

var stepColumns = []column[ent.WorkOrderStatusHistory]{
	{workorderstatushistory.FieldID, func(h *ent.WorkOrderStatusHistory) any { return h.ID }},
	{workorderstatushistory.FieldWorkOrderID, func(h *ent.WorkOrderStatusHistory) any { return h.WorkOrderID }},
	{workorderstatushistory.FieldFromStatus, func(h *ent.WorkOrderStatusHistory) any { return h.FromStatus }},
	{workorderstatushistory.FieldToStatus, func(h *ent.WorkOrderStatusHistory) any { return h.ToStatus }},
	{workorderstatushistory.FieldUserID, func(h *ent.WorkOrderStatusHistory) any { return h.UserID }},
	{workorderstatushistory.FieldUserName, func(h *ent.WorkOrderStatusHistory) any { return h.UserName }},
	{workorderstatushistory.FieldNote, func(h *ent.WorkOrderStatusHistory) any { return h.Note }},
	{workorderstatushistory.FieldCreatedAt, func(h *ent.WorkOrderStatusHistory) any { return h.CreatedAt }},
}

// orders is a batch of work orders with all that belongs to them.
type orders struct {
	orders []*ent.WorkOrder
	items  []*ent.WorkOrderItem
	steps  []*ent.WorkOrderStatusHistory

	persons []*ent.WorkOrderPerson
	logs    []*ent.WorkLog
	stays   []*ent.GateLog

	adjustments []*ent.WorkOrderAdjustment
}

func newOrders(n int) *orders {
	return &orders{orders: make([]*ent.WorkOrder, 0, n), items: make([]*ent.WorkOrderItem, 0, 6*n), steps: make([]*ent.WorkOrderStatusHistory, 0, 7*n)}
}

// maker makes work orders one after the other.
type maker struct {
	dice
	now      time.Time
	crew     *crew
	may      map[stage]rules.Transition
	requests ranks // over the requesters
	asks     []*ent.User
	buys     ranks // over the buyers
	buyers   []*ent.Cari
	services map[string][]*ent.Service      // active ones by currency
	selling  map[string][]*ent.ExchangeRate // bulletins by currency, oldest first
	guards   *guards

	rules pricing.Rules // of surcharges and discount

	lastOrder, lastItem, lastStep, lastAdjustment int64
	years                                         []yearly
}

// stage is a place in the life of a work order with a way on from it.
type stage struct {
	from   workorder.Status
	action rules.Action
}

// yearly is the last number given out in a year.
type yearly struct{ year, last int }

func newMaker(ctx context.Context, o Options, c *crew, customers []*ent.Cari, services []*ent.Service, g *guards, surcharges pricing.Rules) *maker {
	m := &maker{
		rules: surcharges,
		dice:  newDice(o.Seed, orderDice), now: o.Now, crew: c, guards: g,
		may: map[stage]rules.Transition{}, services: map[string][]*ent.Service{}, selling: map[string][]*ent.ExchangeRate{},
	}
	for _, r := range makeRates(o) {
		m.selling[r.CurrencyFrom] = append(m.selling[r.CurrencyFrom], r)
	}
	// The steps come from the rules themselves: a life cannot differ from them.
	everything := actor.With(ctx, actor.System("seed"))
	for _, from := range []workorder.Status{
		workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted,
		workorder.StatusInvoiced, workorder.StatusRejected,
	} {
		for _, t := range (&rules.Service{}).Transitions(everything, &ent.WorkOrder{Status: from}) {
			m.may[stage{from, t.Action}] = t
		}
	}
	m.asks = append(append(m.asks, c.operations...), c.field...)
	m.Shuffle(len(m.asks), func(i, j int) { m.asks[i], m.asks[j] = m.asks[j], m.asks[i] })
	m.requests = newRanks(len(m.asks))
	for _, c := range customers[1:] {
		if c.Role != cari.RoleSupplier {
			m.buyers = append(m.buyers, c)
		}
	}
	// The first customer, who is always there, is among the large ones.
	m.Shuffle(len(m.buyers), func(i, j int) { m.buyers[i], m.buyers[j] = m.buyers[j], m.buyers[i] })
	m.buyers = append([]*ent.Cari{customers[0]}, m.buyers...)
	m.buys = newRanks(len(m.buyers))
	for _, s := range services {
		if s.IsActive {
			m.services[s.Currency] = append(m.services[s.Currency], s)
		}
	}
	return m
}

// batches makes all work orders and hands them over in parts.
func (m *maker) batches(ctx context.Context, o Options, made chan<- *orders) error {
	b := newOrders(batchSize)
	for at := range moments(newDice(o.Seed, calendarDice), o.WorkOrders, o.Now) {
		if err := m.add(b, at); err != nil {
			return err
		}
		if len(b.orders) < batchSize && m.lastOrder < int64(o.WorkOrders) {
			continue
		}
		select {
		case made <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		b = newOrders(batchSize)
	}
	return nil
}

var (
	types      = []odds[workorder.Type]{{workorder.TypeService, 55}, {workorder.TypeMotorbot, 20}, {workorder.TypeBerthing, 15}, {workorder.TypeOther, 10}}
	priorities = []odds[workorder.Priority]{
		{workorder.PriorityMedium, 60}, {workorder.PriorityHigh, 18}, {workorder.PriorityLow, 15}, {workorder.PriorityUrgent, 7},
	}
	// The mean number of items is five.
	itemNumbers = []odds[int]{{1, 7}, {2, 11}, {3, 14}, {4, 15}, {5, 15}, {6, 12}, {7, 8}, {8, 6}, {9, 5}, {10, 3}, {11, 2}, {12, 2}}
)

// add makes the work order that was created at a moment, with its items and
// everything that has happened to it since.
func (m *maker) add(b *orders, at time.Time) error {
	m.lastOrder++
	requester := m.asks[m.requests.draw(m.dice)]
	o := &ent.WorkOrder{
		ID: m.lastOrder, WoNumber: m.number(at), CreatedAt: at, UpdatedAt: at, CreatedBy: requester.ID, UpdatedBy: requester.ID,
		RequesterID: requester.ID, RequesterName: requester.FullName, Type: draw(m.dice, types), Priority: draw(m.dice, priorities),
		Status: workorder.StatusDraft, IsActive: true, Version: 1,
		GateRequired: m.chance(350), FieldLogAllowed: m.chance(900), IsCabotage: m.chance(150), ApplyRuleAddons: m.chance(950),
	}
	m.plan(o)
	l := &life{maker: m, b: b, o: o, requester: requester, at: at}
	if err := l.live(); err != nil {
		return fmt.Errorf("work order %s: %w", o.WoNumber, err)
	}
	m.sell(o)
	first := len(b.items)
	if err := m.fillItems(b, o); err != nil {
		return err
	}
	m.word(o, b.items[first])
	if err := m.guards.serve(b, o, b.items[first:]); err != nil {
		return fmt.Errorf("work order %s: %w", o.WoNumber, err)
	}
	b.orders = append(b.orders, o)
	return nil
}

// number gives out the next number of the port's year.
func (m *maker) number(at time.Time) string {
	year := calendar.Year(at)
	if n := len(m.years); n == 0 || m.years[n-1].year != year {
		m.years = append(m.years, yearly{year: year})
	}
	y := &m.years[len(m.years)-1]
	y.last++
	return sequence.Format(sequence.WorkOrder, y.year, y.last)
}

// plan sets when the work is wanted, on full half hours; a few leave it open.
func (m *maker) plan(o *ent.WorkOrder) {
	if m.chance(40) {
		return
	}
	ahead := m.between(2*time.Hour, 30*time.Hour)
	if m.chance(600) {
		ahead = m.between(24*time.Hour, 10*24*time.Hour)
	}
	start := o.CreatedAt.Add(ahead).Truncate(30 * time.Minute)
	length := m.between(time.Hour, 10*time.Hour)
	switch o.Type {
	case workorder.TypeBerthing:
		length = m.between(24*time.Hour, 20*24*time.Hour)
	case workorder.TypeMotorbot:
		length = m.between(time.Hour, 4*time.Hour)
	case workorder.TypeService, workorder.TypeOther:
	}
	end := start.Add(length.Truncate(30 * time.Minute))
	o.PlannedStart, o.PlannedEnd = &start, &end
}

// sell finds the customer: one who was there when the order was created and, if
// deactivated since, only after the order was done with.
func (m *maker) sell(o *ent.WorkOrder) {
	c := m.buyers[0]
	for range 20 {
		if try := m.buyers[m.buys.draw(m.dice)]; buys(try, o) {
			c = try
			break
		}
	}
	o.CariID, o.CariCode, o.CariTitle, o.Currency = c.ID, c.CariCode, c.Title, c.Currency
	if len(m.services[o.Currency]) == 0 {
		o.Currency = catalogue[0].currency
	}
}

func buys(c *ent.Cari, o *ent.WorkOrder) bool {
	if !c.CreatedAt.Before(o.CreatedAt) {
		return false
	}
	if c.IsActive {
		return true
	}
	switch o.Status {
	case workorder.StatusInvoiced, workorder.StatusClosed, workorder.StatusRejected, workorder.StatusCancelled:
		return o.UpdatedAt.Before(c.UpdatedAt)
	case workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted:
	}
	return false
}

// fillItems adds the items, the first always with a service, and totals them.
func (m *maker) fillItems(b *orders, o *ent.WorkOrder) error {
	var charges []pricing.Charge // as the rules add orders up
	services := m.services[o.Currency]
	for n := range draw(m.dice, itemNumbers) {
		m.lastItem++
		i := &ent.WorkOrderItem{
			ID: m.lastItem, WorkOrderID: o.ID, Sequence: n + 1, CreatedAt: o.CreatedAt, Currency: o.Currency,
			IsInvoiced: o.InvoicedAt != nil, VatRate: decimal.NewFromInt(20), Unit: "SAAT",
		}
		switch {
		case n == 0 || m.chance(800):
			s := pick(m.dice, services)
			i.ItemType, i.ServiceID, i.ServiceCode, i.ServiceName = workorderitem.ItemTypeService, &s.ID, &s.Code, &s.Name
			i.Unit, i.UnitPrice, i.VatRate = s.Unit, s.BasePrice, s.VatRate
			i.Quantity = m.quantity(s.Unit)
		case m.chance(400) && m.worklog(i, o):
		default:
			m.resource(i)
			i.Quantity = m.quantity(i.Unit)
		}
		amounts := money.PriceLine(i.Quantity, i.UnitPrice, i.VatRate)
		i.TotalAmount, i.VatAmount, i.GrandTotal = amounts.Net, amounts.VAT, amounts.Gross
		i.AmountTry = m.worth(amounts.Net, o)
		charges = append(charges, pricing.Charge{Net: amounts.Net, VAT: amounts.VAT, VATRate: i.VatRate, TRY: i.AmountTry})
		if m.chance(150) {
			i.Notes = new(pick(m.dice, itemNotes))
		}
		i.UpdatedAt = i.CreatedAt
		if o.InvoicedAt != nil {
			i.UpdatedAt = *o.InvoicedAt
		}
		b.items = append(b.items, i)
	}
	start := o.ActualStart
	if start == nil {
		start = o.PlannedStart
	}
	d, err := pricing.Total(charges, pricing.Terms{
		Rules: m.rules, Allowed: o.ApplyRuleAddons, Start: start, Urgent: o.Priority == workorder.PriorityUrgent, Cabotage: o.IsCabotage,
	})
	if err != nil {
		return fmt.Errorf("total %s: %w", o.WoNumber, err)
	}
	o.NetTotal, o.VatTotal, o.GrandTotal = d.Net, d.VAT, d.Gross
	switch {
	case o.Currency == pricing.Home:
		o.NetTotalTry, o.GrandTotalTry = new(o.NetTotal), new(o.GrandTotal)
	case d.TRY != nil:
		o.NetTotalTry, o.GrandTotalTry = new(d.TRY.Net), new(d.TRY.Gross)
	}
	for _, a := range d.Adjustments {
		m.lastAdjustment++
		b.adjustments = append(b.adjustments, &ent.WorkOrderAdjustment{
			ID: m.lastAdjustment, WorkOrderID: o.ID, Kind: workorderadjustment.Kind(a.Kind), VatRate: a.VATRate, Percent: a.Percent, Base: a.Base,
			Amount: a.Amount, Source: workorderadjustment.Source(a.Source), CreatedAt: o.UpdatedAt,
		})
	}
	return nil
}

// worth is what an amount of an order is in TRY by the bulletin that held on the day
// of its work; nil if there was none yet.
func (m *maker) worth(amount decimal.Decimal, o *ent.WorkOrder) *decimal.Decimal {
	if o.Currency == pricing.Home {
		return new(amount)
	}
	day, rates := pricing.Day(o.ActualStart, o.PlannedStart, o.CreatedAt), m.selling[o.Currency]
	after := sort.Search(len(rates), func(i int) bool { return rates[i].ValidFrom.After(day) })
	if after == 0 {
		return nil
	}
	return new(money.Round(amount.Mul(*rates[after-1].ForexSelling)))
}

func (m *maker) resource(i *ent.WorkOrderItem) {
	r := pick(m.dice, resources)
	i.ItemType, i.ResourceCode, i.ResourceName = workorderitem.ItemTypeResource, &r.code, &r.name
	i.UnitPrice = decimal.New(r.least*100*100/kurus[i.Currency], -2)
}

// worklog bills time that was spent on the work; there has to have been some.
func (m *maker) worklog(i *ent.WorkOrderItem, o *ent.WorkOrder) bool {
	if o.ActualStart == nil {
		return false
	}
	until := m.now
	if o.ActualEnd != nil {
		until = *o.ActualEnd
	}
	if until.Sub(*o.ActualStart) < time.Hour {
		return false
	}
	minutes := 30 + m.IntN(int(min(until.Sub(*o.ActualStart), 9*time.Hour)/time.Minute)-30)
	start, end := *o.ActualStart, o.ActualStart.Add(time.Duration(minutes)*time.Minute)
	m.resource(i)
	i.ItemType, i.StartTime, i.EndTime, i.DurationMinutes, i.CreatedAt = workorderitem.ItemTypeWorklog, &start, &end, &minutes, end
	i.Quantity = field.Hours(minutes)
	return true
}

// word writes the texts of the order.
func (m *maker) word(o *ent.WorkOrder, first *ent.WorkOrderItem) {
	ship := draw(m.dice, shipKinds) + " " + pick(m.dice, shipFirst) + " " + pick(m.dice, shipLast)
	berth := pick(m.dice, berths)
	switch o.Type {
	case workorder.TypeService:
		task, _, _ := strings.Cut(*first.ServiceName, ",")
		o.ServiceCode = first.ServiceCode
		o.Subject = task + " – " + ship
		if m.chance(500) {
			o.Subject += ", " + berth
		}
		o.Action = new(pick(m.dice, serviceActions))
	case workorder.TypeMotorbot:
		o.Subject = pick(m.dice, boatTasks) + ": " + berth + " – " + ship
	case workorder.TypeBerthing:
		o.Subject = pick(m.dice, stayTasks) + ": " + ship + ", " + berth
	case workorder.TypeOther:
		o.Subject = pick(m.dice, otherTasks) + ", " + berth
	}
	if o.Priority == workorder.PriorityUrgent && m.chance(500) {
		o.Subject = strings.ToUpperSpecial(unicode.TurkishCase, "acil: "+o.Subject)
	}
	if m.chance(500) {
		o.Description = new(pick(m.dice, descriptions))
	}
	if m.chance(250) {
		o.Notes = new(pick(m.dice, orderNotes))
	}
}

// life is what happens to one order.
type life struct {
	*maker
	b         *orders
	o         *ent.WorkOrder
	requester *ent.User
	at        time.Time // of the last step
	returned  int       // times it went back
}

// next is a step that is going to be taken.
type next struct {
	action rules.Action
	at     time.Time
	who    *ent.User
	note   *string
}

// live takes steps until the life ends, nobody takes the next one, or now is
// reached.
func (l *life) live() error {
	l.remember(nil, l.requester, nil)
	for {
		n := l.next()
		if n == nil || n.at.After(l.now) {
			break
		}
		if err := l.take(n); err != nil {
			return err
		}
	}
	l.delete()
	return nil
}

// stalls tells whether the order is left lying: often among the young ones, which
// fills the lists of open orders, and hardly ever for years.
func (l *life) stalls() bool {
	if l.now.Sub(l.at) < 45*24*time.Hour {
		return l.chance(110)
	}
	return l.chance(5)
}

const day = 24 * time.Hour

// next decides what is going to happen; nil: nothing any more.
func (l *life) next() *next {
	o := l.o
	if l.stalls() {
		return nil
	}
	switch o.Status {
	case workorder.StatusDraft:
		switch roll := l.IntN(1000); {
		case roll < 25:
			return l.later(rules.Cancel, time.Hour, 5*day, l.requester, nil)
		case roll < 100:
			return l.inOffice(rules.Approve, 10*time.Minute, 8*time.Hour, l.approver(), nil)
		}
		return l.later(rules.Submit, 3*time.Minute, 4*time.Hour, l.requester, nil)
	case workorder.StatusSubmitted:
		switch roll := l.IntN(1000); {
		case roll < 60:
			return l.inOffice(rules.Reject, 20*time.Minute, 40*time.Hour, l.approver(), rejections)
		case roll < 90 && l.returned < 2:
			return l.later(rules.Withdraw, 10*time.Minute, 6*time.Hour, l.requester, nil)
		}
		n := l.inOffice(rules.Approve, 20*time.Minute, 30*time.Hour, l.approver(), nil)
		if l.chance(200) {
			n.note = new(pick(l.dice, approvalNotes))
		}
		return n
	case workorder.StatusRejected:
		if l.returned < 2 && l.chance(450) {
			return l.later(rules.Reopen, time.Hour, 3*day, l.requester, nil)
		}
		return nil
	case workorder.StatusApproved:
		switch roll := l.IntN(1000); {
		case roll < 15:
			return l.inOffice(rules.Reject, time.Hour, 2*day, l.approver(), rejections)
		case roll < 45:
			return l.inOffice(rules.Cancel, time.Hour, 3*day, l.approver(), cancellations)
		}
		n := l.later(rules.Start, 10*time.Minute, 2*time.Hour, pick(l.dice, l.crew.field), nil)
		if wanted := o.PlannedStart; wanted != nil && wanted.After(n.at) {
			n.at = wanted.Add(l.between(0, 90*time.Minute))
		}
		return n
	case workorder.StatusInProgress:
		length := 6 * time.Hour
		if o.PlannedStart != nil {
			length = o.PlannedEnd.Sub(*o.PlannedStart)
		}
		return l.later(rules.Complete, length*6/10, length*14/10, pick(l.dice, l.crew.field), completionNotes)
	case workorder.StatusCompleted:
		if l.returned < 2 && l.chance(20) {
			return l.inOffice(rules.Reopen, time.Hour, 3*day, l.approver(), reopenings)
		}
		return l.inOffice(rules.Invoice, day, 16*day, pick(l.dice, l.crew.finance), nil)
	case workorder.StatusInvoiced:
		return l.inOffice(rules.Close, 3*day, 40*day, pick(l.dice, l.crew.finance), nil)
	case workorder.StatusClosed, workorder.StatusCancelled:
	}
	return nil
}

// later is a step that may be taken at any hour.
func (l *life) later(a rules.Action, least, most time.Duration, who *ent.User, notes []string) *next {
	n := &next{action: a, at: l.at.Add(l.between(least, most)), who: who}
	if notes != nil {
		n.note = new(pick(l.dice, notes))
	}
	return n
}

// inOffice is a step that somebody at a desk takes.
func (l *life) inOffice(a rules.Action, least, most time.Duration, who *ent.User, notes []string) *next {
	n := l.later(a, least, most, who, notes)
	n.at = l.officeHours(n.at)
	return n
}

// approver is somebody other than the requester.
func (l *life) approver() *ent.User {
	for {
		if u := pick(l.dice, l.crew.operations); u != l.requester {
			return u
		}
	}
}

var errNoStep = errors.New("the life of a work order has no such step")

// take takes a step and notes it on the order, as the rules do.
func (l *life) take(n *next) error {
	o := l.o
	t, ok := l.may[stage{o.Status, n.action}]
	if !ok {
		return fmt.Errorf("%w: %s from %s", errNoStep, n.action, o.Status)
	}
	at, who := n.at, n.who.ID
	switch n.action {
	case rules.Approve:
		o.ApprovedBy, o.ApprovedAt = &who, &at
	case rules.Reject:
		o.RejectedBy, o.RejectedAt, o.RejectionReason = &who, &at, n.note
	case rules.Withdraw:
		l.returned++
	case rules.Reopen:
		l.returned++
		if o.Status == workorder.StatusRejected {
			o.RejectedBy, o.RejectedAt, o.RejectionReason, o.ApprovedBy, o.ApprovedAt = nil, nil, nil, nil, nil
		} else {
			o.ActualEnd, o.CompletionNote = nil, nil
		}
	case rules.Start:
		o.ActualStart = &at
	case rules.Complete:
		o.ActualEnd, o.CompletionNote = &at, n.note
	case rules.Invoice:
		o.InvoicedAt = &at
		if l.chance(950) {
			o.InvoiceNo = new(fmt.Sprintf("FT-%d-%06d", calendar.Year(at), o.ID))
		}
	case rules.Close:
		o.ClosedAt = &at
	case rules.Submit, rules.Cancel:
	}
	from := o.Status
	o.Status, o.UpdatedAt, o.UpdatedBy = t.To, at, who
	o.Version++
	l.at = at
	l.remember(&from, n.who, n.note)
	return nil
}

func (l *life) remember(from *workorder.Status, who *ent.User, note *string) {
	l.lastStep++
	h := &ent.WorkOrderStatusHistory{
		ID: l.lastStep, WorkOrderID: l.o.ID, ToStatus: workorderstatushistory.ToStatus(l.o.Status),
		UserID: who.ID, UserName: who.FullName, Note: note, CreatedAt: l.at,
	}
	if from != nil {
		h.FromStatus = new(workorderstatushistory.FromStatus(*from))
	}
	l.b.steps = append(l.b.steps, h)
}

// delete takes some of the orders that came to nothing out of the lists.
func (l *life) delete() {
	switch l.o.Status {
	case workorder.StatusDraft, workorder.StatusRejected, workorder.StatusCancelled:
		at := l.officeHours(l.at.Add(l.between(day, 30*day)))
		if !l.chance(200) || at.After(l.now) {
			return
		}
		who := pick(l.dice, l.crew.operations)
		l.o.IsActive, l.o.UpdatedAt, l.o.UpdatedBy = false, at, who.ID
		l.o.Version++
	case workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress, workorder.StatusCompleted,
		workorder.StatusInvoiced, workorder.StatusClosed:
	}
}
