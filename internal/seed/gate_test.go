package seed_test

import (
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/worklog"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/aliatest"
	"aliaport/internal/gate"
	"aliaport/internal/identity"
	"aliaport/internal/plate"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	field "aliaport/internal/worklog"
)

// TestSeededGate: persons, field work and stays are as the rules would have let them
// become.
func TestSeededGate(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		r, err := seed.Demo(ctx, db, usersOf(db), now)
		if err != nil {
			t.Fatal(err)
		}
		orders := db.WorkOrder.Query().WithItems().
			WithPersons(func(q *ent.WorkOrderPersonQuery) { q.Order(ent.Asc("id")) }).
			WithWorkLogs(func(q *ent.WorkLogQuery) { q.WithItem() }).WithGateLogs().AllX(ctx)
		persons, logs, stays, inside, over, excepted := 0, 0, 0, 0, 0, 0
		for _, o := range orders {
			persons, logs, stays = persons+len(o.Edges.Persons), logs+len(o.Edges.WorkLogs), stays+len(o.Edges.GateLogs)
			people(t, o)
			work(t, o)
			var last *time.Time
			open := false
			for _, l := range o.Edges.GateLogs {
				visit(t, o, l)
				if l.IsException {
					excepted++
				}
				if l.ExitAt == nil {
					open, inside = true, inside+1
					if now.Sub(l.EntryAt) > 4*time.Hour {
						over++
					}
				} else if last == nil || l.ExitAt.After(*last) {
					last = l.ExitAt
				}
			}
			if (o.SecurityExitAt == nil) != (open || last == nil) || o.SecurityExitAt != nil && !o.SecurityExitAt.Equal(*last) {
				t.Fatalf("%s: left at %v, noted %v", o.WoNumber, last, o.SecurityExitAt)
			}
			if open && o.Status != workorder.StatusInProgress {
				t.Fatalf("%s is %s with somebody inside", o.WoNumber, o.Status)
			}
			if o.GateRequired && o.ActualStart != nil && len(o.Edges.GateLogs) == 0 {
				t.Fatalf("%s began with nobody let in", o.WoNumber)
			}
		}
		if persons != r.Persons || logs != r.WorkLogs || stays != r.GateLogs || persons < 1000 || logs < 300 || stays < 2000 {
			t.Errorf("%d persons, %d logs, %d stays; reported %+v", persons, logs, stays, r)
		}
		if inside < 3 || over < 1 || excepted < 5 {
			t.Errorf("%d are inside, %d of them too long; %d were let in by exception", inside, over, excepted)
		}
		for _, s := range []worklog.Status{"PENDING", "APPROVED", "REJECTED", "PROCESSED"} {
			if db.WorkLog.Query().Where(worklog.StatusEQ(s)).CountX(ctx) < 3 {
				t.Errorf("hardly any log is %s", s)
			}
		}
		for _, s := range []workorderperson.Status{"ANNOUNCED", "APPROVED", "REFUSED", "ENTERED", "EXITED"} {
			if !db.WorkOrderPerson.Query().Where(workorderperson.StatusEQ(s)).ExistX(ctx) {
				t.Errorf("nobody is %s", s)
			}
		}
	})
}

func people(t *testing.T, o *ent.WorkOrder) {
	t.Helper()
	for _, p := range o.Edges.Persons {
		citizen := p.Nationality == identity.Turkish
		if citizen != (p.NationalID != nil) || citizen && !identity.IsNationalID(*p.NationalID) || !citizen && (p.PassportNo == nil || !identity.IsNationality(p.Nationality)) {
			t.Fatalf("%s: %v of %s", o.WoNumber, p, p.Nationality)
		}
		if decided := p.DecidedAt != nil; decided != (p.Status != workorderperson.StatusAnnounced) || decided && (o.ApprovedAt == nil && o.ActualStart != nil || p.DecidedAt.After(now)) {
			t.Fatalf("%s: %v", o.WoNumber, p)
		}
	}
	if o.GateRequired && o.ActualStart != nil && (len(o.Edges.Persons) == 0 || o.Edges.Persons[0].Status == workorderperson.StatusAnnounced || o.Edges.Persons[0].Status == workorderperson.StatusRefused) {
		t.Fatalf("%s began with nobody approved", o.WoNumber)
	}
}

func work(t *testing.T, o *ent.WorkOrder) {
	t.Helper()
	billed := 0
	for _, l := range o.Edges.WorkLogs {
		if !o.FieldLogAllowed || o.ActualStart == nil || l.TimeStart.Before(*o.ActualStart) || l.TimeEnd.After(now) || l.DurationMinutes != int(l.TimeEnd.Sub(l.TimeStart)/time.Minute) ||
			!l.Quantity.Equal(field.Hours(l.DurationMinutes)) || (l.DecidedAt == nil) != (l.Status == worklog.StatusPending) {
			t.Fatalf("%s: %v", o.WoNumber, l)
		}
		if l.Status == worklog.StatusPending && o.Status != workorder.StatusInProgress {
			t.Fatalf("%s is %s over a log that waits", o.WoNumber, o.Status)
		}
		if item := l.Edges.Item; (item != nil) != (l.Status == worklog.StatusProcessed) || item != nil && !item.Quantity.Equal(l.Quantity) {
			t.Fatalf("%s: %v on the bill as %v", o.WoNumber, l, item)
		} else if item != nil {
			billed++
		}
	}
	tied := 0
	for _, i := range o.Edges.Items {
		if i.WorkLogID != nil {
			tied++
		}
	}
	if tied != billed {
		t.Fatalf("%s: %d lines are tied to %d logs", o.WoNumber, tied, billed)
	}
}

func visit(t *testing.T, o *ent.WorkOrder, l *ent.GateLog) {
	t.Helper()
	if l.WoNumber != o.WoNumber || l.EntryAt.After(now) || o.ApprovedAt == nil || l.EntryAt.Before(*o.ApprovedAt) {
		t.Fatalf("%s: came in %v", o.WoNumber, l)
	}
	if l.ExitAt != nil {
		if minutes, over := gate.Stay(l.EntryAt, *l.ExitAt, l.BaseMinutes); l.ExitAt.After(now) || *l.DurationMinutes != minutes || *l.OverrunMinutes != over ||
			o.ClosedAt != nil && l.ExitAt.After(*o.ClosedAt) {
			t.Fatalf("%s: left %v", o.WoNumber, l)
		}
	}
	if l.Subject == gatelog.SubjectVehicle {
		if p, ok := plate.Parse(*l.VehiclePlate); !ok || p.Norm != *l.PlateNorm || p.IsForeign != l.IsForeignPlate {
			t.Fatalf("%s: plate %v", o.WoNumber, l)
		}
	} else if l.PersonID == nil || l.PlateNorm != nil {
		t.Fatalf("%s: on foot %v", o.WoNumber, l)
	}
	ticks, err := gate.Ticks(l)
	if err != nil || o.GateRequired != (len(ticks) > 0) {
		t.Fatalf("%s: %v: checked %v", o.WoNumber, err, ticks)
	}
	missing := false
	for _, c := range ticks {
		missing = missing || c.IsRequired && !c.IsTicked
	}
	if missing != l.IsException || missing == l.ChecklistComplete && o.GateRequired {
		t.Fatalf("%s: %v with %v", o.WoNumber, l, ticks)
	}
}
