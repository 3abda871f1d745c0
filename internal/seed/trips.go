package seed

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/motorbot"
	"aliaport/ent/trip"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/sequence"
	rules "aliaport/internal/trip"
	"aliaport/internal/turkish"
)

var boatColumns = []column[ent.Motorbot]{
	{motorbot.FieldID, func(m *ent.Motorbot) any { return m.ID }},
	{motorbot.FieldCreatedAt, func(m *ent.Motorbot) any { return m.CreatedAt }},
	{motorbot.FieldUpdatedAt, func(m *ent.Motorbot) any { return m.UpdatedAt }},
	{motorbot.FieldMBCode, func(m *ent.Motorbot) any { return m.MBCode }},
	{motorbot.FieldName, func(m *ent.Motorbot) any { return m.Name }},
	{motorbot.FieldNameFold, func(m *ent.Motorbot) any { return turkish.Fold(m.Name) }},
	{motorbot.FieldSearchText, func(m *ent.Motorbot) any { return turkish.Fold(m.MBCode + " " + m.Name + " " + *m.Plate) }},
	{motorbot.FieldPlate, func(m *ent.Motorbot) any { return m.Plate }},
	{motorbot.FieldCapacityTon, func(m *ent.Motorbot) any { return m.CapacityTon }},
	{motorbot.FieldMaxSpeedKnot, func(m *ent.Motorbot) any { return m.MaxSpeedKnot }},
	{motorbot.FieldGrossTonnage, func(m *ent.Motorbot) any { return m.GrossTonnage }},
	{motorbot.FieldFlag, func(m *ent.Motorbot) any { return m.Flag }},
	{motorbot.FieldOwnerCariID, func(m *ent.Motorbot) any { return m.OwnerCariID }},
	{motorbot.FieldStatus, func(m *ent.Motorbot) any { return m.Status }},
	{motorbot.FieldAcquiredOn, func(m *ent.Motorbot) any { return m.AcquiredOn }},
	{motorbot.FieldNotes, func(m *ent.Motorbot) any { return m.Notes }},
	{motorbot.FieldIsActive, func(m *ent.Motorbot) any { return m.IsActive }},
	{motorbot.FieldVersion, func(m *ent.Motorbot) any { return m.Version }},
}

var tripColumns = []column[ent.Trip]{
	{trip.FieldID, func(t *ent.Trip) any { return t.ID }},
	{trip.FieldCreatedAt, func(t *ent.Trip) any { return t.CreatedAt }},
	{trip.FieldUpdatedAt, func(t *ent.Trip) any { return t.UpdatedAt }},
	{trip.FieldTripNo, func(t *ent.Trip) any { return t.TripNo }},
	{trip.FieldMotorbotID, func(t *ent.Trip) any { return t.MotorbotID }},
	{trip.FieldTripDate, func(t *ent.Trip) any { return calendar.DateOf(t.StartsAt) }},
	{trip.FieldPlannedDepartureAt, func(t *ent.Trip) any { return t.PlannedDepartureAt }},
	{trip.FieldPlannedReturnAt, func(t *ent.Trip) any { return t.PlannedReturnAt }},
	{trip.FieldDepartureAt, func(t *ent.Trip) any { return t.DepartureAt }},
	{trip.FieldReturnAt, func(t *ent.Trip) any { return t.ReturnAt }},
	{trip.FieldStartsAt, func(t *ent.Trip) any { return t.StartsAt }},
	{trip.FieldEndsAt, func(t *ent.Trip) any { return t.EndsAt }},
	{trip.FieldDeparturePier, func(t *ent.Trip) any { return t.DeparturePier }},
	{trip.FieldArrivalPier, func(t *ent.Trip) any { return t.ArrivalPier }},
	{trip.FieldCariID, func(t *ent.Trip) any { return t.CariID }},
	{trip.FieldCariCode, func(t *ent.Trip) any { return t.CariCode }},
	{trip.FieldCargoDescription, func(t *ent.Trip) any { return t.CargoDescription }},
	{trip.FieldNotes, func(t *ent.Trip) any { return t.Notes }},
	{trip.FieldUnitPrice, func(t *ent.Trip) any { return t.UnitPrice }},
	{trip.FieldCurrency, func(t *ent.Trip) any { return t.Currency }},
	{trip.FieldVatRate, func(t *ent.Trip) any { return t.VatRate }},
	{trip.FieldNetAmount, func(t *ent.Trip) any { return t.NetAmount }},
	{trip.FieldVatAmount, func(t *ent.Trip) any { return t.VatAmount }},
	{trip.FieldGrandTotal, func(t *ent.Trip) any { return t.GrandTotal }},
	{trip.FieldAmountTry, func(t *ent.Trip) any { return t.AmountTry }},
	{trip.FieldExchangeRate, func(t *ent.Trip) any { return t.ExchangeRate }},
	{trip.FieldRateKind, func(t *ent.Trip) any { return t.RateKind }},
	{trip.FieldRateDate, func(t *ent.Trip) any { return t.RateDate }},
	{trip.FieldCalculation, func(t *ent.Trip) any {
		if t.Calculation == nil {
			return nil
		}
		return string(t.Calculation)
	}},
	{trip.FieldStatus, func(t *ent.Trip) any { return t.Status }},
	{trip.FieldInvoiceStatus, func(t *ent.Trip) any { return t.InvoiceStatus }},
	{trip.FieldInvoiceNo, func(t *ent.Trip) any { return t.InvoiceNo }},
	{trip.FieldInvoicedAt, func(t *ent.Trip) any { return t.InvoicedAt }},
	{trip.FieldCancelReason, func(t *ent.Trip) any { return t.CancelReason }},
	{trip.FieldIsActive, func(t *ent.Trip) any { return t.IsActive }},
	{trip.FieldVersion, func(t *ent.Trip) any { return t.Version }},
	{trip.FieldCreatedBy, func(t *ent.Trip) any { return t.CreatedBy }},
	{trip.FieldUpdatedBy, func(t *ent.Trip) any { return t.UpdatedBy }},
}

var (
	boatFirst = []string{
		"Çınar", "Ilgaz", "İğde", "Şahin", "Öncü", "Kıyı", "Güvenç", "Yıldız", "Deniz", "Fırtına", "Lodos", "Poyraz",
		"Martı", "Yunus", "Kaptan", "Barbaros", "Piri", "Uğur", "Işık", "Ümit",
	}
	boatFlags     = []odds[string]{{"TR", 92}, {"PA", 4}, {"MT", 4}}
	boatStates    = []odds[motorbot.Status]{{motorbot.StatusActive, 90}, {motorbot.StatusMaintenance, 6}, {motorbot.StatusOutOfService, 4}}
	piers         = []string{"İskele 1", "İskele 2", "Rıhtım 3", "Rıhtım 5", "Balıkçı Barınağı", "Demir Sahası", "Şamandıra 2", "Yakıt İskelesi"}
	cargoes       = []string{"Kumanya", "Personel", "Halat ve bağlama malzemesi", "İçme suyu", "Yedek parça", "Acente ve gümrük görevlileri", "Dalgıç ekibi", "Çöp ve atık varilleri"}
	tripNotes     = []string{"Kaptan ile telsizden görüşüldü.", "Gemi acentesi bilgilendirildi.", "Dalga yüksekliği sınırda, dikkat.", "Dönüşte yakıt alınacak."}
	cancelReasons = []string{"Hava muhalefeti nedeniyle iptal.", "Müşteri talebini geri çekti.", "Gemi demirden kalktı, gerek kalmadı.", "Motor arızası, başka tekne verildi."}
)

// most is how many trips a boat makes in two years at most.
const most = 1500

// told is how many boats the story of the demo needs.
const told = 4

// makeBoats makes boats that were there before the first trip. The first three are in
// service and the fourth is not, as tell has it; one more is always to be had.
func makeBoats(o Options, customers []*ent.Cari) []*ent.Motorbot {
	d := newDice(o.Seed, boatDice)
	first := firstDay(o.Now)
	all := make([]*ent.Motorbot, o.Motorbots)
	for i := range all {
		name := boatFirst[i%len(boatFirst)]
		if i >= len(boatFirst) {
			name += fmt.Sprintf(" %d", 1+i/len(boatFirst))
		}
		made := first.AddDate(0, 0, -1-d.IntN(300)).UTC()
		m := &ent.Motorbot{
			ID: int64(i + 1), MBCode: fmt.Sprintf("MB%03d", i+1), Name: name, Plate: new(fmt.Sprintf("35-LM-%04d", 1000+i)),
			CapacityTon: new(decimal.New(int64(20+d.IntN(400)), -1)), MaxSpeedKnot: new(decimal.New(int64(80+d.IntN(170)), -1)),
			GrossTonnage: new(decimal.New(int64(50+d.IntN(900)), -1)), Flag: new(draw(d, boatFlags)), Status: draw(d, boatStates),
			AcquiredOn: new(calendar.DateOf(made).AddDays(-d.IntN(4000))), IsActive: true, Version: 1, CreatedAt: made, UpdatedAt: made,
		}
		if len(customers) > 0 && d.chance(300) {
			m.OwnerCariID = &customers[d.IntN(1+len(customers)/3)].ID
		}
		switch {
		case i < told-1 || i == told || o.Motorbots <= told:
			m.Status = motorbot.StatusActive
		case i == told-1:
			m.Status = motorbot.StatusMaintenance
			m.Notes = new("Karada: şaft ve pervane bakımı.")
		}
		if m.Status != motorbot.StatusActive {
			m.UpdatedAt, m.Version = leaves(m, o.Now), 2
		}
		all[i] = m
	}
	return all
}

// leaves is when a boat went out of service: some days ago for maintenance, a year
// ago for good.
func leaves(m *ent.Motorbot, now time.Time) time.Time {
	if m.Status == motorbot.StatusMaintenance {
		return now.AddDate(0, 0, -5).Truncate(time.Second)
	}
	return now.AddDate(-1, 0, 0).Truncate(time.Second)
}

// sailor makes trips in the order in which they were planned.
type sailor struct {
	dice
	now       time.Time
	story     bool
	boats     []*ent.Motorbot
	busy      [][]span // by boat: what may still meet a new trip
	customers []*ent.Cari
	buys      ranks
	clerks    []*ent.User
	finance   []*ent.User
	last      int64
	years     []yearly
	price     func(calendar.Date) (*pricing.Line, error) // of a trip that departs on the day; nil: there was no rate
}

// span is for how long a boat is reserved for a trip: from the planned departure until
// some time after the planned return. What really happens stays within.
type span struct{ from, to time.Time }

// The bounds of a reservation.
const (
	ahead   = 30 * time.Hour // from planning to departure at most
	late    = 25 * time.Minute
	overdue = 45 * time.Minute
	usual   = 8 * time.Hour // of a trip without a planned return
)

func newSailor(o Options, boats []*ent.Motorbot, customers []*ent.Cari, c *crew, price func(calendar.Date) (*pricing.Line, error)) *sailor {
	s := &sailor{
		price: price,
		dice:  newDice(o.Seed, tripDice), now: o.Now, boats: boats, busy: make([][]span, len(boats)),
		story: o.Motorbots > told && o.Trips >= 20, clerks: append(append([]*ent.User{}, c.operations...), c.field...), finance: c.finance,
	}
	for _, c := range customers {
		if c.Role != cari.RoleSupplier {
			s.customers = append(s.customers, c)
		}
	}
	s.buys = newRanks(len(s.customers))
	return s
}

// all makes the trips and hands them over in parts.
func (s *sailor) all(o Options, give func([]*ent.Trip) error) error {
	var coming []*ent.Trip
	if s.story {
		coming = s.tell()
	}
	var part []*ent.Trip
	add := func(t *ent.Trip) error {
		s.last++
		t.ID, t.TripNo = s.last, s.number(t.CreatedAt)
		if part = append(part, t); len(part) < batchSize {
			return nil
		}
		defer func() { part = nil }()
		return give(part)
	}
	for at := range moments(newDice(o.Seed, sailDice), o.Trips-len(coming), o.Now) {
		for len(coming) > 0 && coming[0].CreatedAt.Before(at) {
			if err := add(coming[0]); err != nil {
				return err
			}
			coming = coming[1:]
		}
		t, err := s.sail(at)
		if err != nil {
			return err
		}
		if err := add(t); err != nil {
			return err
		}
	}
	for _, t := range coming {
		if err := add(t); err != nil {
			return err
		}
	}
	return give(part)
}

func (s *sailor) number(at time.Time) string {
	year := calendar.Year(at)
	if n := len(s.years); n == 0 || s.years[n-1].year != year {
		s.years = append(s.years, yearly{year: year})
	}
	y := &s.years[len(s.years)-1]
	y.last++
	return sequence.Format(sequence.Trip, y.year, y.last)
}

// sail makes the trip that was planned at a moment, with what has become of it.
func (s *sailor) sail(at time.Time) (*ent.Trip, error) {
	start := at.Add(s.between(time.Hour, ahead)).Truncate(15 * time.Minute)
	length := s.between(45*time.Minute, 4*time.Hour).Truncate(15 * time.Minute)
	back := new(length)
	if s.chance(70) {
		back, length = nil, usual
	}
	boat, start := s.find(at, start, length)
	t := s.trip(boat, at, start, nil)
	if back != nil {
		t.PlannedReturnAt = new(start.Add(length))
	}
	t.EndsAt = new(start.Add(length))
	s.customer(t)
	if s.chance(350) {
		t.Notes = new(pick(s.dice, tripNotes))
	}
	return t, s.live(t)
}

func (s *sailor) trip(boat int, at, start time.Time, back *time.Time) *ent.Trip {
	who := pick(s.dice, s.clerks)
	return &ent.Trip{
		MotorbotID: s.boats[boat].ID, CreatedAt: at, UpdatedAt: at, CreatedBy: who.ID, UpdatedBy: who.ID, Version: 1, IsActive: true,
		Status: trip.StatusPlanned, InvoiceStatus: trip.InvoiceStatusNone, PlannedDepartureAt: start, PlannedReturnAt: back, StartsAt: start, EndsAt: back,
		DeparturePier: new(pick(s.dice, piers)), ArrivalPier: new(pick(s.dice, piers)), CargoDescription: new(pick(s.dice, cargoes)),
	}
}

// find reserves a boat that is free, or the next free hours of one.
func (s *sailor) find(at, start time.Time, length time.Duration) (boat int, from time.Time) {
	const tries = 8
	for range tries {
		boat = s.IntN(len(s.boats))
		if s.free(boat, at, span{start, start.Add(length + overdue)}) {
			break
		}
	}
	from = start
	for !s.free(boat, at, span{from, from.Add(length + overdue)}) {
		if boat++; boat == len(s.boats) { // the whole fleet is out: a little later
			boat, from = 0, from.Add(15*time.Minute)
		}
	}
	s.busy[boat] = append(s.busy[boat], span{from, from.Add(length + overdue)})
	return boat, from
}

// free tells whether a boat can be had, and forgets what no plan can meet any more.
func (s *sailor) free(boat int, at time.Time, want span) bool {
	m := s.boats[boat]
	if m.Status != motorbot.StatusActive && want.to.After(leaves(m, s.now)) {
		return false
	}
	if s.story && boat < told && want.to.After(s.now.Add(-12*time.Hour)) {
		return false
	}
	kept := s.busy[boat][:0]
	meets := false
	for _, b := range s.busy[boat] {
		if b.to.After(at) {
			kept = append(kept, b)
			meets = meets || want.from.Before(b.to) && b.from.Before(want.to)
		}
	}
	s.busy[boat] = kept
	return !meets
}

// customer finds who pays: one who was there when the trip was planned and has not
// been deactivated since. The port's own trips have none.
func (s *sailor) customer(t *ent.Trip) {
	if len(s.customers) == 0 || !s.chance(850) {
		return
	}
	const tries = 8
	for range tries {
		if c := s.customers[s.buys.draw(s.dice)]; c.IsActive && c.CreatedAt.Before(t.CreatedAt) {
			t.CariID, t.CariCode = &c.ID, &c.CariCode
			return
		}
	}
}

// live lets happen what has happened to a trip by now.
func (s *sailor) live(t *ent.Trip) error {
	step := func(at time.Time, who *ent.User) {
		t.UpdatedAt, t.UpdatedBy, t.Version = at.Truncate(time.Second), who.ID, t.Version+1
	}
	ends := *t.EndsAt
	switch {
	case s.chance(8) && t.PlannedDepartureAt.Before(s.now): // planned by mistake
		t.IsActive = false
		step(t.CreatedAt.Add(10*time.Minute), pick(s.dice, s.clerks))
		return nil
	case s.chance(50) && t.PlannedDepartureAt.Before(s.now):
		t.Status, t.CancelReason = trip.StatusCancelled, new(pick(s.dice, cancelReasons))
		step(t.PlannedDepartureAt.Add(-30*time.Minute), pick(s.dice, s.clerks))
		return nil
	case !t.PlannedDepartureAt.Before(s.now.Add(-time.Second)):
		return nil
	}
	left := t.PlannedDepartureAt.Add(s.between(0, late))
	if left.After(s.now) {
		left = s.now.Add(-time.Second).Truncate(time.Second)
	}
	s.depart(t, left)
	if ends.After(s.now) {
		if t.PlannedReturnAt == nil { // at sea it is known
			t.PlannedReturnAt = &ends
		}
		t.EndsAt = t.PlannedReturnAt
		return nil
	}
	back := left.Add((ends.Sub(left)*3/4 + s.between(0, ends.Sub(left)/4+overdue)).Truncate(time.Second))
	if back.After(s.now) {
		back = s.now.Add(-time.Second).Truncate(time.Second)
	}
	t.Status, t.ReturnAt, t.EndsAt = trip.StatusCompleted, &back, &back
	step(back, pick(s.dice, s.clerks))
	if t.CariID == nil {
		return nil
	}
	t.InvoiceStatus = trip.InvoiceStatusPending
	cost, err := s.price(calendar.DateOf(left))
	if err != nil {
		return fmt.Errorf("price a trip of %s: %w", left, err)
	}
	if cost == nil { // it waits for a rate
		return nil
	}
	if err := charge(t, cost); err != nil {
		return err
	}
	// Periods end on days 7, 14, 21, 28 and the last; what is younger than two weeks waits.
	if billed := back.Add(s.between(7*24*time.Hour, 14*24*time.Hour)); billed.Before(s.now) && s.chance(985) {
		day := calendar.DateOf(billed)
		t.InvoiceStatus, t.InvoicedAt = trip.InvoiceStatusInvoiced, new(billed.Truncate(time.Second))
		t.InvoiceNo = new(fmt.Sprintf("FT-%d%02d-%02d-%s", day.Year, day.Month, day.Day, *t.CariCode))
		step(billed, pick(s.dice, s.finance))
	}
	return nil
}

// charge writes a price into a trip, as its return does.
func charge(t *ent.Trip, l *pricing.Line) error {
	calculation, err := json.Marshal(l.Trace)
	if err != nil {
		return fmt.Errorf("write calculation: %w", err)
	}
	t.UnitPrice, t.Currency, t.VatRate, t.Calculation = &l.Trace.Price.Amount, &l.Currency, &l.VATRate, calculation
	t.NetAmount, t.VatAmount, t.GrandTotal, t.AmountTry = &l.Net, &l.VAT, &l.Gross, l.TRY
	if h := l.Trace.Home; h != nil {
		t.ExchangeRate, t.RateKind, t.RateDate = &h.Rate.Value, &h.Rate.Kind, &h.Rate.BulletinDate
	}
	return nil
}

// tripPrices prices trips without a service by the rules, once a day of departure:
// nothing else makes their prices differ.
func (l *loader) tripPrices(ctx context.Context, o Options) (func(calendar.Date) (*pricing.Line, error), error) {
	c, now := l.tx.Client(), func() time.Time { return o.Now }
	usual, err := rules.UsualPrice(ctx, c)
	if err != nil {
		return nil, err
	}
	quotes := &quote.Service{Now: now, Rates: &rate.Service{Now: now}}
	known, once := map[calendar.Date]*pricing.Line{}, decimal.NewFromInt(1)
	return func(day calendar.Date) (*pricing.Line, error) {
		if p, ok := known[day]; ok {
			return p, nil
		}
		p, err := quotes.Line(ctx, c, quote.Basis{Day: day, Currency: usual.Currency, AsPriced: true, InTRY: true},
			quote.Line{Setting: usual, Inputs: pricing.Inputs{Quantity: &once}})
		switch {
		case apperr.Is(err, apperr.RateMissing):
			known[day] = nil
		case err != nil:
			return nil, err
		default:
			known[day] = &p
		}
		return known[day], nil
	}, nil
}

func (s *sailor) depart(t *ent.Trip, at time.Time) {
	t.Status, t.DepartureAt, t.StartsAt = trip.StatusUnderway, &at, at
	t.UpdatedAt, t.UpdatedBy, t.Version = at.Truncate(time.Second), pick(s.dice, s.clerks).ID, t.Version+1
}

// tell makes what a visitor of the demo is to find: a boat at sea, one that is late,
// and one that leaves this afternoon, in the order in which they were planned.
func (s *sailor) tell() []*ent.Trip {
	quarter := s.now.Truncate(15 * time.Minute)
	plan := func(boat int, before time.Duration, start, back time.Time, cargo, notes string) *ent.Trip {
		t := s.trip(boat, s.now.Add(-before).Truncate(time.Second), start, &back)
		t.CargoDescription, t.Notes = &cargo, &notes
		s.customer(t)
		return t
	}
	overdue := plan(1, 26*time.Hour, quarter.Add(-4*time.Hour), quarter.Add(-90*time.Minute), "Dalgıç ekibi", "Gecikti: telsizle görüşüldü, dönüş saati belirsiz.")
	s.depart(overdue, quarter.Add(-4*time.Hour+5*time.Minute))
	atSea := plan(0, 20*time.Hour, quarter.Add(-time.Hour), quarter.Add(90*time.Minute), "Kumanya ve personel", "Şu anda denizde.")
	s.depart(atSea, quarter.Add(-50*time.Minute))
	afternoon := calendar.DateOf(s.now).At(15, 30).UTC()
	if soon := quarter.Add(time.Hour); afternoon.Before(soon) {
		afternoon = soon
	}
	planned := plan(2, 3*time.Hour, afternoon, afternoon.Add(2*time.Hour), "Acente ve gümrük görevlileri", "Bu öğleden sonra çıkacak.")
	return []*ent.Trip{overdue, atSea, planned}
}

// fleet writes boats and trips.
func (l *loader) fleet(ctx context.Context, o Options, c *crew, customers []*ent.Cari, r *Report) error {
	boats := makeBoats(o, customers)
	if err := insert(ctx, l, motorbot.Table, boatColumns, boats); err != nil {
		return err
	}
	r.Motorbots = len(boats)
	if o.Trips == 0 {
		return l.continueIDs(ctx, motorbot.Table)
	}
	price, err := l.tripPrices(ctx, o)
	if err != nil {
		return err
	}
	s := newSailor(o, boats, customers, c, price)
	err = s.all(o, func(part []*ent.Trip) error {
		r.Trips += len(part)
		return insert(ctx, l, trip.Table, tripColumns, part)
	})
	if err != nil {
		return err
	}
	for _, y := range s.years {
		if err := l.tx.NumberSequence.Create().SetKind(string(sequence.Trip)).SetYear(y.year).SetLast(y.last).Exec(ctx); err != nil {
			return fmt.Errorf("note the last number of %d: %w", y.year, err)
		}
	}
	return l.continueIDs(ctx, motorbot.Table, trip.Table)
}
