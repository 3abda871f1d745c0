package report_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/notificationevent"
	"aliaport/ent/trip"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/notification"
	"aliaport/internal/report"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

var now = time.Date(2026, 9, 15, 11, 40, 0, 0, time.UTC)

func filled(t *testing.T, db *store.DB, orders int) *report.Service {
	t.Helper()
	users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
	o := seed.Options{WorkOrders: orders, Cari: 100, Services: 50, Motorbots: 10, Trips: 2000, Seed: 1, Now: now}
	if _, err := seed.Run(t.Context(), db, users, o); err != nil {
		t.Fatal(err)
	}
	return &report.Service{DB: db, Now: func() time.Time { return now }}
}

func TestTheFiguresAreThoseOfAPlainSecondCalculation(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := filled(t, db, 4000)
		ctx := actor.With(t.Context(), actor.System("test"))
		// A month with an edge of the clock: 31 August 21:00 UTC is September in Istanbul.
		for _, month := range []string{"2026-08", "2026-07", "2025-12"} {
			r, err := s.Generate(ctx, report.GenerateInput{Month: month})
			if err != nil {
				t.Fatal(err)
			}
			c, err := report.ContentOf(r)
			if err != nil {
				t.Fatal(err)
			}
			want := secondly(t, db, c)
			if got, want := text(t, c), text(t, want); got != want {
				t.Errorf("%s, lines of both:\n%s", month, differing(got, want))
			}
			if month == "2026-08" && (c.Headline.Created == 0 || c.Approval.Count == 0 || c.Created.NetTRY.IsZero() || c.Trips.Count == 0 || len(c.TopServices) != 10) {
				t.Errorf("the month is empty: %s", text(t, c))
			}
		}
	})
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// differing are the lines that are not the same.
func differing(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	var out strings.Builder
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			fmt.Fprintf(&out, "%d: got %s, want %s\n", i, a[i], b[i])
		}
	}
	return out.String()
}

// secondly reads the rows and adds them up in Go, one by one.
func secondly(t *testing.T, db *store.DB, c *report.Content) *report.Content {
	t.Helper()
	in := func(at time.Time) bool { return !at.Before(c.From) && at.Before(c.To) }
	w := &report.Content{Month: c.Month, Version: c.Version, From: c.From, To: c.To, GeneratedAt: c.GeneratedAt}
	month, err := report.ParseMonth(c.Month)
	if err != nil {
		t.Fatal(err)
	}
	before := month.Before()
	ctx := t.Context()
	orders := db.WorkOrder.Query().Order(workorder.ByID()).AllX(ctx)
	byID := map[int64]*ent.WorkOrder{}
	tally := map[string]map[string]int64{"status": {}, "priority": {}, "type": {}, "day": {}}
	var work []int64
	partners, services := map[string]*report.Top{}, map[string]*report.Top{}
	values := map[string]*report.Value{"created": {}, "invoiced": {}, "uninvoiced": {}, "previous": {}}
	add := func(which string, o *ent.WorkOrder) {
		v := values[which]
		i := slices.IndexFunc(v.ByCurrency, func(x report.Currency) bool { return x.Currency == o.Currency })
		if i < 0 {
			i = len(v.ByCurrency)
			v.ByCurrency = append(v.ByCurrency, report.Currency{Currency: o.Currency})
		}
		m := &v.ByCurrency[i]
		m.Orders++
		v.Orders++
		m.Net, m.VAT, m.Grand = m.Net.Add(o.NetTotal), m.VAT.Add(o.VatTotal), m.Grand.Add(o.GrandTotal)
		if o.NetTotalTry == nil {
			v.WithoutTRY++
			return
		}
		v.NetTRY, v.GrandTRY = v.NetTRY.Add(*o.NetTotalTry), v.GrandTRY.Add(*o.GrandTotalTry)
	}
	for _, o := range orders {
		byID[o.ID] = o
		done := o.IsActive && slices.Contains([]string{"COMPLETED", "INVOICED", "CLOSED"}, string(o.Status))
		counts := o.IsActive && o.Status != workorder.StatusRejected && o.Status != workorder.StatusCancelled
		if o.IsActive && in(o.CreatedAt) {
			w.Headline.Created++
			tally["status"][string(o.Status)]++
			tally["priority"][string(o.Priority)]++
			tally["type"][string(o.Type)]++
			tally["day"][calendar.DateOf(o.CreatedAt).String()]++
		}
		if o.IsActive && !o.CreatedAt.Before(before.Start()) && o.CreatedAt.Before(before.End()) {
			w.Previous.Created++
			if counts {
				add("previous", o)
			}
		}
		if counts && in(o.CreatedAt) {
			add("created", o)
			if partners[o.CariCode] == nil {
				partners[o.CariCode] = &report.Top{Code: o.CariCode}
			}
			p := partners[o.CariCode]
			p.Name, p.Count = max(p.Name, o.CariTitle), p.Count+1
			if o.NetTotalTry != nil {
				p.TRY = p.TRY.Add(*o.NetTotalTry)
			}
			for _, i := range o.QueryItems().AllX(ctx) {
				if i.ServiceCode == nil {
					continue
				}
				if services[*i.ServiceCode] == nil {
					services[*i.ServiceCode] = &report.Top{Code: *i.ServiceCode}
				}
				s := services[*i.ServiceCode]
				s.Count++
				if i.ServiceName != nil {
					s.Name = max(s.Name, *i.ServiceName)
				}
				if i.AmountTry != nil {
					s.TRY = s.TRY.Add(*i.AmountTry)
				}
			}
		}
		if o.IsActive && o.InvoicedAt != nil && in(*o.InvoicedAt) {
			add("invoiced", o)
		}
		if done && o.ActualEnd != nil && o.ActualEnd.Before(c.To) && (o.InvoicedAt == nil || !o.InvoicedAt.Before(c.To)) {
			add("uninvoiced", o)
		}
		if done && o.ActualEnd != nil && in(*o.ActualEnd) {
			if o.ActualStart != nil {
				work = append(work, o.ActualEnd.Unix()-o.ActualStart.Unix())
			}
			if o.PlannedEnd != nil {
				w.OnTime.Planned++
				if !o.ActualEnd.After(*o.PlannedEnd) {
					w.OnTime.InTime++
				}
			}
		}
		open := o.IsActive && slices.Contains([]string{"SUBMITTED", "APPROVED", "IN_PROGRESS"}, string(o.Status))
		if o.PlannedEnd != nil && o.PlannedEnd.Before(c.To) && o.CreatedAt.Before(c.To) && (open || done && o.ActualEnd != nil && !o.ActualEnd.Before(c.To)) {
			w.Overdue++
		}
	}
	var approvals []int64
	submitted := map[int64]time.Time{}
	for _, h := range db.WorkOrderStatusHistory.Query().Order(workorderstatushistory.ByID()).AllX(ctx) {
		if h.ToStatus == workorderstatushistory.ToStatusSubmitted {
			submitted[h.WorkOrderID] = later(submitted[h.WorkOrderID], h.CreatedAt)
		}
		if h.FromStatus == nil {
			continue
		}
		head := &w.Headline
		if !in(h.CreatedAt) {
			if head = &w.Previous; h.CreatedAt.Before(before.Start()) || !h.CreatedAt.Before(before.End()) {
				continue
			}
		} else if h.ToStatus == workorderstatushistory.ToStatusApproved && *h.FromStatus == workorderstatushistory.FromStatusSubmitted {
			if at, ok := submitted[h.WorkOrderID]; ok {
				approvals = append(approvals, h.CreatedAt.Unix()-at.Unix())
			}
		}
		switch h.ToStatus {
		case workorderstatushistory.ToStatusSubmitted:
			head.Submitted++
		case workorderstatushistory.ToStatusApproved:
			head.Approved++
		case workorderstatushistory.ToStatusRejected:
			head.Rejected++
		case workorderstatushistory.ToStatusCompleted:
			head.Completed++
		case workorderstatushistory.ToStatusInvoiced:
			head.Invoiced++
		case workorderstatushistory.ToStatusClosed:
			head.Closed++
		case workorderstatushistory.ToStatusCancelled:
			head.Cancelled++
		case workorderstatushistory.ToStatusDraft, workorderstatushistory.ToStatusInProgress: // not in the report
		}
	}
	for _, a := range db.WorkOrderAdjustment.Query().AllX(ctx) {
		o := byID[a.WorkOrderID]
		if !in(o.CreatedAt) || !o.IsActive || o.Status == workorder.StatusRejected || o.Status == workorder.StatusCancelled {
			continue
		}
		i := slices.IndexFunc(w.Adjustments, func(x report.Adjustment) bool { return x.Kind == string(a.Kind) && x.Currency == o.Currency })
		if i < 0 {
			i = len(w.Adjustments)
			w.Adjustments = append(w.Adjustments, report.Adjustment{Kind: string(a.Kind), Currency: o.Currency})
		}
		w.Adjustments[i].Count++
		w.Adjustments[i].Amount = w.Adjustments[i].Amount.Add(a.Amount)
	}
	slices.SortFunc(w.Adjustments, func(a, b report.Adjustment) int { return strings.Compare(a.Kind+a.Currency, b.Kind+b.Currency) })
	if w.Adjustments == nil {
		w.Adjustments = []report.Adjustment{}
	}
	var sum int64
	for _, x := range db.Trip.Query().AllX(ctx) {
		if !x.IsActive {
			continue
		}
		if !x.StartsAt.Before(before.Start()) && x.StartsAt.Before(before.End()) {
			w.Previous.Trips++
		}
		if !in(x.StartsAt) {
			continue
		}
		w.Trips.Count++
		if x.Status == trip.StatusCancelled {
			w.Trips.Cancelled++
			continue
		}
		if x.Status == trip.StatusCompleted {
			w.Trips.Returned++
			sum += x.ReturnAt.Unix() - x.DepartureAt.Unix()
		}
		late := x.DepartureAt != nil && x.DepartureAt.Unix()-x.PlannedDepartureAt.Unix() > 30*60
		if late || x.ReturnAt != nil && x.PlannedReturnAt != nil && x.ReturnAt.Unix()-x.PlannedReturnAt.Unix() > 30*60 {
			w.Trips.Delayed++
		}
	}
	if w.Trips.Returned > 0 {
		mean := sum / w.Trips.Returned
		w.Trips.Mean = &mean
	}
	w.Headline.Trips = w.Trips.Count
	for _, g := range db.GateLog.Query().AllX(ctx) {
		if g.IsSuperseded {
			continue
		}
		if !g.EntryAt.Before(before.Start()) && g.EntryAt.Before(before.End()) {
			w.Previous.GateEntries++
		}
		if in(g.EntryAt) {
			w.Gate.Entries++
			if g.Subject == gatelog.SubjectPerson {
				w.Gate.Persons++
			} else {
				w.Gate.Vehicles++
			}
			if g.IsException {
				w.Gate.Exceptions++
			}
		}
		if g.ExitAt != nil && in(*g.ExitAt) && g.Subject == gatelog.SubjectVehicle && g.OverrunMinutes != nil && *g.OverrunMinutes > 0 {
			w.Gate.OverVehicles++
			w.Gate.OverrunMinutes += int64(*g.OverrunMinutes)
		}
	}
	w.Headline.GateEntries = w.Gate.Entries
	w.ByStatus, w.ByPriority, w.ByType, w.ByDay = listed(tally["status"]), listed(tally["priority"]), listed(tally["type"]), listed(tally["day"])
	w.Approval, w.Work = spread(approvals), spread(work)
	if w.OnTime.Planned > 0 {
		p := decimal.NewFromInt(100*w.OnTime.InTime).DivRound(decimal.NewFromInt(w.OnTime.Planned), 1)
		w.OnTime.Percent = &p
	}
	for _, v := range values {
		slices.SortFunc(v.ByCurrency, func(a, b report.Currency) int { return strings.Compare(a.Currency, b.Currency) })
		if v.ByCurrency == nil {
			v.ByCurrency = []report.Currency{}
		}
	}
	w.Created, w.Invoiced, w.Uninvoiced = *values["created"], *values["invoiced"], *values["uninvoiced"]
	w.Headline.NetTRY, w.Previous.NetTRY = w.Created.NetTRY, values["previous"].NetTRY
	w.TopPartners, w.TopServices = best(partners), best(services)
	return w
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func listed(m map[string]int64) []report.Count {
	list := []report.Count{}
	for name, n := range m {
		list = append(list, report.Count{Name: name, Count: n})
	}
	slices.SortFunc(list, func(a, b report.Count) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func spread(all []int64) (d report.Duration) {
	if d.Count = int64(len(all)); d.Count == 0 {
		return d
	}
	slices.Sort(all)
	var sum int64
	for _, v := range all {
		sum += v
	}
	mean := sum / d.Count
	for i, v := range all { // the first that at least nine of ten do not exceed
		if (i+1)*10 >= 9*len(all) {
			d.P90 = &v
			break
		}
	}
	d.Mean = &mean
	return d
}

func best(m map[string]*report.Top) []report.Top {
	list := []report.Top{}
	for _, t := range m {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b report.Top) int {
		if c := b.TRY.Cmp(a.TRY); c != 0 {
			return c
		}
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Code, b.Code)
	})
	return list[:min(10, len(list))]
}

func TestAnotherReportOfAMonthIsAnotherVersionAndTheMonthMustBeOver(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		s := filled(t, db, 200)
		ctx := actor.With(t.Context(), actor.System("test"))
		for version := 1; version <= 2; version++ {
			r, err := s.Generate(ctx, report.GenerateInput{Month: "2026-08"})
			if err != nil || r.Version != version {
				t.Fatalf("made %v, error %v", r, err)
			}
			page, err := report.HTML(r)
			if err != nil || !strings.Contains(page, "Aylık iş emri raporu — 2026-08") || !strings.Contains(page, "<svg") || strings.Contains(page, "http") {
				t.Errorf("page %s, error %v", page, err)
			}
			lines, err := report.CSV(r)
			if told := db.NotificationEvent.Query().Where(notificationevent.EntityID(r.ID)).OnlyX(t.Context()); told.Kind != notificationevent.KindMonthlyReportReady ||
				notification.Title(told, apperr.English) != "Monthly report ready: 2026-08" {
				t.Errorf("told %v", told)
			}
			if c, _ := report.ContentOf(r); err != nil || !strings.Contains(lines, fmt.Sprintf("headline,created,count,%d\r\n", c.Headline.Created)) {
				t.Errorf("lines %s, error %v", lines, err)
			}
		}
		for _, month := range []string{"2026-09", "2027-01", "2026-13", "08-2026", ""} {
			if _, err := s.Generate(ctx, report.GenerateInput{Month: month}); !apperr.Is(err, apperr.ReportMonth) {
				t.Errorf("%q gives %v", month, err)
			}
		}
		reader := actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{actor.ReportRead}))
		if _, err := s.Generate(reader, report.GenerateInput{Month: "2026-08"}); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("who may only read reports makes one: %v", err)
		}
	})
}

func TestMonthsAreThoseOfIstanbul(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]string{
		"2026-08-31T20:59:59Z": "2026-08 2026-07-31T21:00:00Z 2026-08-31T21:00:00Z 2026-07",
		"2026-08-31T21:00:00Z": "2026-09 2026-08-31T21:00:00Z 2026-09-30T21:00:00Z 2026-08",
		"2028-02-29T12:00:00Z": "2028-02 2028-01-31T21:00:00Z 2028-02-29T21:00:00Z 2028-01",
		"2026-12-31T23:00:00Z": "2027-01 2026-12-31T21:00:00Z 2027-01-31T21:00:00Z 2026-12",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		m := report.MonthOf(moment)
		if got := fmt.Sprint(m, " ", m.Start().Format(time.RFC3339), " ", m.End().Format(time.RFC3339), " ", m.Before()); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
