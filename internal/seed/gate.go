package seed

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/gatechecklistitem"
	"aliaport/ent/gatelog"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderperson"
	"aliaport/internal/gate"
	"aliaport/internal/identity"
	field "aliaport/internal/worklog"
)

var personColumns = []column[ent.WorkOrderPerson]{
	{workorderperson.FieldID, func(p *ent.WorkOrderPerson) any { return p.ID }},
	{workorderperson.FieldCreatedAt, func(p *ent.WorkOrderPerson) any { return p.CreatedAt }},
	{workorderperson.FieldUpdatedAt, func(p *ent.WorkOrderPerson) any { return p.UpdatedAt }},
	{workorderperson.FieldWorkOrderID, func(p *ent.WorkOrderPerson) any { return p.WorkOrderID }},
	{workorderperson.FieldFullName, func(p *ent.WorkOrderPerson) any { return p.FullName }},
	{workorderperson.FieldNationalID, func(p *ent.WorkOrderPerson) any { return p.NationalID }},
	{workorderperson.FieldPassportNo, func(p *ent.WorkOrderPerson) any { return p.PassportNo }},
	{workorderperson.FieldNationality, func(p *ent.WorkOrderPerson) any { return p.Nationality }},
	{workorderperson.FieldStatus, func(p *ent.WorkOrderPerson) any { return p.Status }},
	{workorderperson.FieldGateEntryAt, func(p *ent.WorkOrderPerson) any { return p.GateEntryAt }},
	{workorderperson.FieldGateExitAt, func(p *ent.WorkOrderPerson) any { return p.GateExitAt }},
	{workorderperson.FieldDecidedBy, func(p *ent.WorkOrderPerson) any { return p.DecidedBy }},
	{workorderperson.FieldDecidedByName, func(p *ent.WorkOrderPerson) any { return p.DecidedByName }},
	{workorderperson.FieldDecidedAt, func(p *ent.WorkOrderPerson) any { return p.DecidedAt }},
	{workorderperson.FieldSecurityNotes, func(p *ent.WorkOrderPerson) any { return p.SecurityNotes }},
	{workorderperson.FieldIsActive, func(*ent.WorkOrderPerson) any { return true }},
	{workorderperson.FieldVersion, func(p *ent.WorkOrderPerson) any { return p.Version }},
	{workorderperson.FieldCreatedBy, func(p *ent.WorkOrderPerson) any { return p.CreatedBy }},
}

var logColumns = []column[ent.WorkLog]{
	{worklog.FieldID, func(l *ent.WorkLog) any { return l.ID }},
	{worklog.FieldCreatedAt, func(l *ent.WorkLog) any { return l.CreatedAt }},
	{worklog.FieldUpdatedAt, func(l *ent.WorkLog) any { return l.UpdatedAt }},
	{worklog.FieldWorkOrderID, func(l *ent.WorkLog) any { return l.WorkOrderID }},
	{worklog.FieldPersonnelName, func(l *ent.WorkLog) any { return l.PersonnelName }},
	{worklog.FieldKind, func(l *ent.WorkLog) any { return l.Kind }},
	{worklog.FieldTimeStart, func(l *ent.WorkLog) any { return l.TimeStart }},
	{worklog.FieldTimeEnd, func(l *ent.WorkLog) any { return l.TimeEnd }},
	{worklog.FieldDurationMinutes, func(l *ent.WorkLog) any { return l.DurationMinutes }},
	{worklog.FieldQuantity, func(l *ent.WorkLog) any { return field.Hours(l.DurationMinutes) }},
	{worklog.FieldUnit, func(*ent.WorkLog) any { return "SAAT" }},
	{worklog.FieldDescription, func(l *ent.WorkLog) any { return l.Description }},
	{worklog.FieldStatus, func(l *ent.WorkLog) any { return l.Status }},
	{worklog.FieldDecidedBy, func(l *ent.WorkLog) any { return l.DecidedBy }},
	{worklog.FieldDecidedByName, func(l *ent.WorkLog) any { return l.DecidedByName }},
	{worklog.FieldDecidedAt, func(l *ent.WorkLog) any { return l.DecidedAt }},
	{worklog.FieldRejectionReason, func(l *ent.WorkLog) any { return l.RejectionReason }},
	{worklog.FieldVersion, func(l *ent.WorkLog) any { return l.Version }},
	{worklog.FieldCreatedBy, func(l *ent.WorkLog) any { return l.CreatedBy }},
}

var stayColumns = []column[ent.GateLog]{
	{gatelog.FieldID, func(l *ent.GateLog) any { return l.ID }},
	{gatelog.FieldCreatedAt, func(l *ent.GateLog) any { return l.EntryAt }},
	{gatelog.FieldUpdatedAt, func(l *ent.GateLog) any { return l.UpdatedAt }},
	{gatelog.FieldWorkOrderID, func(l *ent.GateLog) any { return l.WorkOrderID }},
	{gatelog.FieldWoNumber, func(l *ent.GateLog) any { return l.WoNumber }},
	{gatelog.FieldWoStatus, func(l *ent.GateLog) any { return l.WoStatus }},
	{gatelog.FieldSubject, func(l *ent.GateLog) any { return l.Subject }},
	{gatelog.FieldPersonID, func(l *ent.GateLog) any { return l.PersonID }},
	{gatelog.FieldVehiclePlate, func(l *ent.GateLog) any { return l.VehiclePlate }},
	{gatelog.FieldPlateNorm, func(l *ent.GateLog) any { return l.PlateNorm }},
	{gatelog.FieldIsForeignPlate, func(l *ent.GateLog) any { return l.IsForeignPlate }},
	{gatelog.FieldVehicleType, func(l *ent.GateLog) any { return l.VehicleType }},
	{gatelog.FieldDriverName, func(l *ent.GateLog) any { return l.DriverName }},
	{gatelog.FieldChecklist, func(l *ent.GateLog) any {
		if l.Checklist == nil {
			return nil
		}
		return string(l.Checklist)
	}},
	{gatelog.FieldChecklistComplete, func(l *ent.GateLog) any { return l.ChecklistComplete }},
	{gatelog.FieldIsException, func(l *ent.GateLog) any { return l.IsException }},
	{gatelog.FieldExceptionReason, func(l *ent.GateLog) any { return l.ExceptionReason }},
	{gatelog.FieldEntryAt, func(l *ent.GateLog) any { return l.EntryAt }},
	{gatelog.FieldEntryIsManual, func(*ent.GateLog) any { return false }},
	{gatelog.FieldEntryBy, func(l *ent.GateLog) any { return l.EntryBy }},
	{gatelog.FieldEntryByName, func(l *ent.GateLog) any { return l.EntryByName }},
	{gatelog.FieldExitAt, func(l *ent.GateLog) any { return l.ExitAt }},
	{gatelog.FieldExitIsManual, func(*ent.GateLog) any { return false }},
	{gatelog.FieldExitBy, func(l *ent.GateLog) any { return l.ExitBy }},
	{gatelog.FieldExitByName, func(l *ent.GateLog) any { return l.ExitByName }},
	{gatelog.FieldDurationMinutes, func(l *ent.GateLog) any { return l.DurationMinutes }},
	{gatelog.FieldBaseMinutes, func(l *ent.GateLog) any { return l.BaseMinutes }},
	{gatelog.FieldOverrunMinutes, func(l *ent.GateLog) any { return l.OverrunMinutes }},
	{gatelog.FieldIsSuperseded, func(*ent.GateLog) any { return false }},
}

// baseMinutes is what the entry fee covers.
const baseMinutes = 240

// guards are those who come to the port under the work orders, and the work they do.
type guards struct {
	dice
	now       time.Time
	crew      *crew
	checklist map[workorder.Type][]*ent.GateChecklistItem
	inside    map[string]bool // plates
	excepted  bool            // somebody was let in by exception
	over      bool            // somebody is inside too long

	lastPerson, lastLog, lastStay int64
}

// checklists are those that the gate has.
func (l *loader) checklists(ctx context.Context) (map[workorder.Type][]*ent.GateChecklistItem, error) {
	items, err := l.tx.GateChecklistItem.Query().Where(gatechecklistitem.IsActive(true)).
		Order(gatechecklistitem.ByDisplayOrder(), gatechecklistitem.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the checklists: %w", err)
	}
	of := map[workorder.Type][]*ent.GateChecklistItem{}
	for _, i := range items {
		of[workorder.Type(i.WoType)] = append(of[workorder.Type(i.WoType)], i)
	}
	return of, nil
}

func newGuards(o Options, c *crew, checklist map[workorder.Type][]*ent.GateChecklistItem) *guards {
	return &guards{dice: newDice(o.Seed, gateDice), now: o.Now, crew: c, checklist: checklist, inside: map[string]bool{}}
}

// serve makes the persons, the work logs and the stays of an order.
func (g *guards) serve(b *orders, o *ent.WorkOrder, items []*ent.WorkOrderItem) error {
	persons := g.announce(o)
	if err := g.visits(b, o, persons); err != nil {
		return err
	}
	b.persons = append(b.persons, persons...)
	g.record(b, o, items)
	return nil
}

var (
	nations   = []odds[string]{{identity.Turkish, 90}, {"GRC", 3}, {"BGR", 2}, {"GEO", 2}, {"UKR", 2}, {"DEU", 1}}
	foreigner = []string{"Nikos Pappas", "Georgi Ivanov", "Davit Beridze", "Oleh Kovalenko", "Jonas Weber", "Maria Popova"}
	refusals  = []string{"Kimlik fotokopisi okunmuyor", "Pasaportun süresi dolmuş", "Sigorta girişi bulunamadı"}
)

func (g *guards) name() string { return pick(g.dice, forenames) + " " + pick(g.dice, surnames) }

// announce names who is going to come. The first one is let in where work began.
func (g *guards) announce(o *ent.WorkOrder) (persons []*ent.WorkOrderPerson) {
	n := 0
	switch {
	case o.GateRequired:
		n = 1 + g.IntN(3)
	case g.chance(80):
		n = 1
	}
	for i := range n {
		g.lastPerson++
		p := &ent.WorkOrderPerson{
			ID: g.lastPerson, WorkOrderID: o.ID, CreatedAt: o.CreatedAt, UpdatedAt: o.CreatedAt, CreatedBy: o.RequesterID,
			FullName: g.name(), Nationality: draw(g.dice, nations), Status: workorderperson.StatusAnnounced, Version: 1,
		}
		if p.Nationality == identity.Turkish {
			p.NationalID = new(nationalID(fmt.Sprintf("%09d", 100_000_000+int(g.lastPerson)*7%800_000_000)))
		} else {
			p.FullName, p.PassportNo = pick(g.dice, foreigner), new(fmt.Sprintf("P%07d", g.lastPerson))
		}
		g.decide(o, p, i == 0)
		persons = append(persons, p)
	}
	return persons
}

// decide approves or refuses somebody once the order was released.
func (g *guards) decide(o *ent.WorkOrder, p *ent.WorkOrderPerson, first bool) {
	if o.ApprovedAt == nil {
		return
	}
	at := o.ApprovedAt.Add(g.between(5*time.Minute, 90*time.Minute))
	if o.ActualStart != nil && at.After(*o.ActualStart) {
		at = *o.ActualStart
	}
	if at.After(g.now) {
		return
	}
	officer := pick(g.dice, g.crew.gate)
	p.Status, p.DecidedBy, p.DecidedByName, p.DecidedAt, p.UpdatedAt = workorderperson.StatusApproved, &officer.ID, &officer.FullName, &at, at
	p.Version++
	if !first && g.chance(60) {
		p.Status, p.SecurityNotes = workorderperson.StatusRefused, new(pick(g.dice, refusals))
	}
}

var (
	vehicles = []odds[gatelog.VehicleType]{
		{gatelog.VehicleTypeTruck, 35},
		{gatelog.VehicleTypeVan, 25},
		{gatelog.VehicleTypeCar, 20},
		{gatelog.VehicleTypeTractor, 12},
		{gatelog.VehicleTypeTrailer, 5},
		{gatelog.VehicleTypeOther, 3},
	}
	lengths = []odds[[2]time.Duration]{
		{[2]time.Duration{20 * time.Minute, 200 * time.Minute}, 75},
		{[2]time.Duration{200 * time.Minute, 245 * time.Minute}, 15},
		{[2]time.Duration{245 * time.Minute, 11 * time.Hour}, 10},
	}
	exceptions = []string{"Belge yolda, vardiya amiri onayladı", "Acil ikmal, amir telefonla onayladı", "Sigorta poliçesi e-posta ile geldi"}
)

// visits lets vehicles and persons in while the work goes on, and out again.
func (g *guards) visits(b *orders, o *ent.WorkOrder, persons []*ent.WorkOrderPerson) error {
	if o.ActualStart == nil || o.ApprovedAt == nil {
		return nil
	}
	until := g.now
	if o.ActualEnd != nil {
		until = *o.ActualEnd
	}
	var stays []*ent.GateLog
	for n := range 1 + g.IntN(3) {
		entry := o.ActualStart.Add(-g.between(2*time.Minute, 20*time.Minute))
		if n > 0 && until.Sub(*o.ActualStart) > time.Minute {
			entry = o.ActualStart.Add(g.between(0, until.Sub(*o.ActualStart)-time.Second))
		}
		if entry.Before(*o.ApprovedAt) {
			entry = *o.ApprovedAt
		}
		stays = append(stays, g.stay(o, entry))
	}
	if o.Status == workorder.StatusInProgress {
		switch long := g.now.Add(-g.between(5*time.Hour, 6*time.Hour)); {
		case !g.over && o.ApprovedAt.Before(long):
			g.over = true
			stays = append([]*ent.GateLog{g.parked(o, long)}, stays...)
		case g.chance(400):
			stays = append([]*ent.GateLog{g.parked(o, g.now.Add(-g.between(4*time.Minute, 210*time.Minute)))}, stays...)
		}
	}
	last, open := time.Time{}, false
	for _, l := range stays {
		if err := g.check(o, l); err != nil {
			return err
		}
		g.let(l, &persons)
		if l.ExitAt == nil {
			open = true
		} else if l.ExitAt.After(last) {
			last = *l.ExitAt
		}
	}
	if !open {
		o.SecurityExitAt = &last
	}
	b.stays = append(b.stays, stays...)
	return nil
}

// parked is a vehicle that is inside now.
func (g *guards) parked(o *ent.WorkOrder, entry time.Time) *ent.GateLog {
	if entry.Before(*o.ApprovedAt) {
		entry = *o.ApprovedAt
	}
	l := g.stay(o, entry)
	l.ExitAt, l.ExitBy, l.ExitByName, l.DurationMinutes, l.OverrunMinutes, l.UpdatedAt = nil, nil, nil, nil, nil, entry
	g.inside[*l.PlateNorm] = true
	return l
}

// stay is a vehicle that came in and left.
func (g *guards) stay(o *ent.WorkOrder, entry time.Time) *ent.GateLog {
	g.lastStay++
	officer, typed := pick(g.dice, g.crew.gate), g.plate()
	l := &ent.GateLog{
		ID: g.lastStay, WorkOrderID: o.ID, WoNumber: o.WoNumber, WoStatus: gatelog.WoStatusApproved, Subject: gatelog.SubjectVehicle,
		VehiclePlate: &typed.shown, PlateNorm: &typed.norm, IsForeignPlate: typed.foreign, VehicleType: new(draw(g.dice, vehicles)), DriverName: new(g.name()),
		EntryAt: entry, EntryBy: officer.ID, EntryByName: officer.FullName, BaseMinutes: baseMinutes,
	}
	if !entry.Before(*o.ActualStart) {
		l.WoStatus = gatelog.WoStatusInProgress
	}
	length := draw(g.dice, lengths)
	exit := entry.Add(g.between(length[0], length[1]))
	if exit.After(g.now) {
		exit = g.now
	}
	if o.ClosedAt != nil && exit.After(*o.ClosedAt) {
		exit = *o.ClosedAt
	}
	minutes, over := gate.Stay(entry, exit, baseMinutes)
	l.ExitAt, l.ExitBy, l.ExitByName, l.DurationMinutes, l.OverrunMinutes, l.UpdatedAt = &exit, &officer.ID, &officer.FullName, &minutes, &over, exit
	return l
}

// plated is a plate as it is typed and as it is compared.
type plated struct {
	shown, norm string
	foreign     bool
}

func (g *guards) plate() (p plated) {
	const letters = "ABCDEFGHIJKLMNOPRSTUVYZ"
	for p.norm == "" || g.inside[p.norm] {
		province, a, b, n := 1+g.IntN(81), letters[g.IntN(len(letters))], letters[g.IntN(len(letters))], g.IntN(1000)
		p = plated{fmt.Sprintf("%02d %c%c %03d", province, a, b, n), fmt.Sprintf("%02d%c%c%03d", province, a, b, n), false}
		if g.chance(40) {
			p = plated{fmt.Sprintf("%c-%c%c %04d", a, b, a, n), fmt.Sprintf("%c%c%c%04d", a, b, a, n), true}
		}
	}
	return p
}

// check ticks the list where the gate has to. Now and then something is missing, and
// an officer lets them in all the same.
func (g *guards) check(o *ent.WorkOrder, l *ent.GateLog) (err error) {
	items := g.checklist[o.Type]
	if !o.GateRequired || len(items) == 0 {
		return nil
	}
	missing := -1
	if !g.excepted || g.chance(25) {
		missing = g.IntN(len(items))
	}
	if missing >= 0 && items[missing].IsRequired {
		g.excepted, l.IsException, l.ExceptionReason = true, true, new(pick(g.dice, exceptions))
	}
	l.ChecklistComplete = !l.IsException
	l.Checklist, err = gate.Recorded(items, func(i int) bool { return i != missing })
	return err
}

// let makes somebody who is approved drive.
func (g *guards) let(l *ent.GateLog, persons *[]*ent.WorkOrderPerson) {
	for _, p := range *persons {
		if p.Status != workorderperson.StatusApproved || p.DecidedAt.After(l.EntryAt) || l.ExitAt != nil && !g.chance(600) {
			continue
		}
		p.Status, p.GateEntryAt, p.GateExitAt, p.UpdatedAt = workorderperson.StatusEntered, &l.EntryAt, l.ExitAt, l.UpdatedAt
		if l.ExitAt != nil {
			p.Status = workorderperson.StatusExited
		}
		l.PersonID, l.DriverName = &p.ID, &p.FullName
		if g.chance(250) && !g.inside[*l.PlateNorm] { // on foot
			l.Subject, l.VehiclePlate, l.PlateNorm, l.VehicleType, l.DriverName, l.IsForeignPlate = gatelog.SubjectPerson, nil, nil, nil, nil, false
		}
		return
	}
}

var (
	logKinds = []odds[worklog.Kind]{{worklog.KindOther, 40}, {worklog.KindTransfer, 25}, {worklog.KindMaintenance, 20}, {worklog.KindRepair, 15}}
	logWords = []string{"Halat ve usturmaça düzenlendi", "Yük rıhtıma indirildi", "Hidrolik bakım yapıldı", "Personel gemiye taşındı", "Bağlama tamamlandı"}
	wrongs   = []string{"Bu saatte saha kapalıydı", "Süre vardiya çizelgesiyle uyuşmuyor"}
)

// record writes down who worked: what stands on the bill, and in some orders more.
func (g *guards) record(b *orders, o *ent.WorkOrder, items []*ent.WorkOrderItem) {
	if !o.FieldLogAllowed || o.ActualStart == nil {
		return
	}
	names := map[string]bool{} // nobody works twice at a time
	for _, i := range items {
		if i.ItemType == workorderitem.ItemTypeWorklog {
			l := g.log(b, o, names, *i.StartTime, *i.EndTime, worklog.StatusProcessed)
			i.WorkLogID = &l.ID
		}
	}
	until := g.now
	if o.ActualEnd != nil {
		until = *o.ActualEnd
	}
	span := until.Sub(*o.ActualStart)
	if span < time.Hour {
		return
	}
	start := o.ActualStart.Add(g.between(0, span/2))
	end := start.Add(g.between(20*time.Minute, max(20*time.Minute, min(span/2, 8*time.Hour))))
	if end.After(until) {
		return
	}
	if o.Status == workorder.StatusInProgress {
		g.log(b, o, names, start, end, draw(g.dice, []odds[worklog.Status]{{worklog.StatusPending, 60}, {worklog.StatusApproved, 30}, {worklog.StatusRejected, 10}}))
		if g.chance(500) {
			g.log(b, o, names, start, end, worklog.StatusPending)
		}
		return
	}
	if g.chance(60) {
		g.log(b, o, names, start, end, draw(g.dice, []odds[worklog.Status]{{worklog.StatusApproved, 40}, {worklog.StatusRejected, 60}}))
	}
}

func (g *guards) log(b *orders, o *ent.WorkOrder, names map[string]bool, start, end time.Time, status worklog.Status) *ent.WorkLog {
	g.lastLog++
	name := g.name()
	for names[name] {
		name = g.name()
	}
	names[name] = true
	minutes := int(end.Sub(start) / time.Minute)
	l := &ent.WorkLog{
		ID: g.lastLog, WorkOrderID: o.ID, PersonnelName: name, Kind: draw(g.dice, logKinds), TimeStart: start, TimeEnd: end, DurationMinutes: minutes,
		Description: new(pick(g.dice, logWords)), Status: status, Version: 1, CreatedAt: end, UpdatedAt: end, CreatedBy: pick(g.dice, g.crew.field).ID,
	}
	if status != worklog.StatusPending {
		judge := pick(g.dice, g.crew.operations)
		l.DecidedBy, l.DecidedByName, l.DecidedAt = &judge.ID, &judge.FullName, &end
		l.Version++
	}
	switch status {
	case worklog.StatusRejected:
		l.RejectionReason = new(pick(g.dice, wrongs))
	case worklog.StatusProcessed:
		l.Version++
	case worklog.StatusPending, worklog.StatusApproved:
	}
	b.logs = append(b.logs, l)
	return l
}
