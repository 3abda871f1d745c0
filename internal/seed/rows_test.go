package seed_test

import (
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"aliaport/ent"
	"aliaport/ent/cari"
	"aliaport/ent/numbersequence"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderadjustment"
	"aliaport/ent/workorderitem"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
	"aliaport/internal/seed"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
	"aliaport/internal/turkish"
	rules "aliaport/internal/workorder"
)

// filled is what a seed of the demo's size has made.
type filled struct {
	orders   []*ent.WorkOrder // with items, history and customer
	cari     []*ent.Cari
	services map[int64]*ent.Service
	users    map[int64]*ent.User // with roles
	report   seed.Report
}

func TestSeededRows(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		r, err := seed.Demo(ctx, db, usersOf(db), now)
		if err != nil {
			t.Fatal(err)
		}
		f := &filled{report: r, services: map[int64]*ent.Service{}, users: map[int64]*ent.User{}}
		f.orders = db.WorkOrder.Query().Order(ent.Asc("id")).WithCari().
			WithAdjustments().WithItems(func(q *ent.WorkOrderItemQuery) { q.Order(ent.Asc("sequence")) }).
			WithHistory(func(q *ent.WorkOrderStatusHistoryQuery) { q.Order(ent.Asc("id")) }).AllX(ctx)
		f.cari = db.Cari.Query().Order(ent.Asc("id")).AllX(ctx)
		for _, s := range db.Service.Query().AllX(ctx) {
			f.services[s.ID] = s
		}
		for _, u := range db.User.Query().WithRoles().AllX(ctx) {
			f.users[u.ID] = u
		}
		for name, holds := range map[string]func(*testing.T, *filled){
			"as many rows as asked for":                                 holdsNumbers,
			"numbers run without gaps in order of creation":             holdsSequence(db),
			"the history is a life by the rules":                        holdsLives,
			"the stamps of an order fit its history":                    holdsStamps,
			"totals are the sums of items priced by the service":        holdsTotals,
			"every status, type and priority comes often enough":        holdsShares,
			"dates have the shape of a port's year":                     holdsDates,
			"customers are plausible, a few large and many small":       holdsBuyers,
			"tax numbers, identity numbers and IBANs have right checks": holdsChecks,
			"texts are Turkish, found folded and fit their columns":     holdsTexts,
			"services have the catalogue's codes and one active price":  holdsServices,
		} {
			t.Run(name, func(t *testing.T) { holds(t, f) })
		}
	})
}

func holdsNumbers(t *testing.T, f *filled) {
	items, steps := 0, 0
	for _, o := range f.orders {
		items, steps = items+len(o.Edges.Items), steps+len(o.Edges.History)
	}
	got := seed.Report{
		Users: len(f.users), Cari: len(f.cari), Services: len(f.services), PriceLists: f.report.PriceLists, Rates: f.report.Rates,
		WorkOrders: len(f.orders), Items: items, Steps: steps,
		Persons: f.report.Persons, WorkLogs: f.report.WorkLogs, GateLogs: f.report.GateLogs, Motorbots: f.report.Motorbots, Trips: f.report.Trips, Took: f.report.Took,
	}
	if got != f.report || got.WorkOrders != 2000 || got.Cari != 500 || got.Services != 200 {
		t.Errorf("there are %+v, reported %+v", got, f.report)
	}
	if mean := float64(items) / 2000; mean < 4.7 || mean > 5.3 {
		t.Errorf("%.2f items an order", mean)
	}
}

func holdsSequence(db *store.DB) func(*testing.T, *filled) {
	return func(t *testing.T, f *filled) {
		last := map[int]int{}
		var before time.Time
		for _, o := range f.orders {
			year := calendar.Year(o.CreatedAt)
			last[year]++
			if want := sequence.Format(sequence.WorkOrder, year, last[year]); o.WoNumber != want || o.CreatedAt.Before(before) {
				t.Fatalf("order %d of %s is %s, want %s", o.ID, o.CreatedAt, o.WoNumber, want)
			}
			before = o.CreatedAt
		}
		noted := map[int]int{}
		for _, s := range db.NumberSequence.Query().Where(numbersequence.Kind("WO")).AllX(t.Context()) {
			noted[s.Year] = s.Last
		}
		if len(last) != 3 || !maps.Equal(last, noted) {
			t.Errorf("last numbers %v, noted %v", last, noted)
		}
	}
}

// may lists who may go from a status to another.
func may(t *testing.T, from workorder.Status) map[workorder.Status]rules.Transition {
	t.Helper()
	to := map[workorder.Status]rules.Transition{}
	everything := actor.With(t.Context(), actor.System("test"))
	for _, s := range (&rules.Service{}).Transitions(everything, &ent.WorkOrder{Status: from}) {
		to[s.To] = s
	}
	return to
}

func holdsLives(t *testing.T, f *filled) {
	taken := map[string]int{}
	for _, o := range f.orders {
		status, at := workorder.Status(""), o.CreatedAt
		for i, h := range o.Edges.History {
			who := f.users[h.UserID]
			if h.CreatedAt.Before(at) || h.CreatedAt.After(now) || who == nil || who.FullName != h.UserName {
				t.Fatalf("%s: step %d at %s by %q", o.WoNumber, i, h.CreatedAt, h.UserName)
			}
			to := workorder.Status(h.ToStatus)
			if i == 0 {
				if h.FromStatus != nil || to != workorder.StatusDraft || !h.CreatedAt.Equal(o.CreatedAt) || h.UserID != o.RequesterID {
					t.Fatalf("%s begins with %v", o.WoNumber, h)
				}
			} else {
				step, ok := may(t, status)[to]
				if !ok || h.FromStatus == nil || workorder.Status(*h.FromStatus) != status {
					t.Fatalf("%s goes from %s to %s", o.WoNumber, status, to)
				}
				taken[fmt.Sprint(step.Action, " ", status)]++
				if !slices.Contains(actor.RolePermissions[who.Edges.Roles[0].Name], step.Permission) {
					t.Fatalf("%s: %s may not %s", o.WoNumber, who.Email, step.Action)
				}
				if step.Action == rules.Approve && h.UserID == o.RequesterID {
					t.Fatalf("%s: approved by the requester", o.WoNumber)
				}
				if step.NeedsReason && (h.Note == nil || len([]rune(*h.Note)) < 10) {
					t.Fatalf("%s: %s without a reason", o.WoNumber, step.Action)
				}
			}
			status, at = to, h.CreatedAt
		}
		if status != o.Status {
			t.Fatalf("%s is %s, its history ends with %s", o.WoNumber, o.Status, status)
		}
		if deleted := !o.IsActive; deleted && !slices.Contains([]workorder.Status{"DRAFT", "REJECTED", "CANCELLED"}, status) {
			t.Fatalf("%s: deleted as %s", o.WoNumber, status)
		} else if !deleted && (!o.UpdatedAt.Equal(at) || o.Version != len(o.Edges.History)) {
			t.Fatalf("%s: updated %s in version %d, last step %s", o.WoNumber, o.UpdatedAt, o.Version, at)
		}
		if o.Edges.Cari.UpdatedAt.Before(o.UpdatedAt) && !o.Edges.Cari.IsActive {
			t.Fatalf("%s: goes on for a customer who is gone", o.WoNumber)
		}
	}
	if len(taken) != 14 {
		t.Errorf("%d kinds of steps are taken: %v", len(taken), taken)
	}
}

func holdsStamps(t *testing.T, f *filled) {
	for _, o := range f.orders {
		// What the last step of each kind has left; a way back takes it away again.
		var approved, rejected, started, ended, invoiced, closed *time.Time
		reason := ""
		for _, h := range o.Edges.History {
			at := h.CreatedAt
			switch workorder.Status(h.ToStatus) {
			case workorder.StatusDraft:
				if h.FromStatus != nil && *h.FromStatus == "REJECTED" {
					approved, rejected = nil, nil
				}
			case workorder.StatusApproved:
				approved = &at
			case workorder.StatusRejected:
				rejected, reason = &at, *h.Note
			case workorder.StatusInProgress:
				ended = nil
				if started == nil {
					started = &at
				}
			case workorder.StatusCompleted:
				ended = &at
			case workorder.StatusInvoiced:
				invoiced = &at
			case workorder.StatusClosed:
				closed = &at
			case workorder.StatusSubmitted, workorder.StatusCancelled:
			}
		}
		for name, at := range map[string][2]*time.Time{
			"approved": {approved, o.ApprovedAt}, "rejected": {rejected, o.RejectedAt}, "started": {started, o.ActualStart},
			"ended": {ended, o.ActualEnd}, "invoiced": {invoiced, o.InvoicedAt}, "closed": {closed, o.ClosedAt},
		} {
			if (at[0] == nil) != (at[1] == nil) || at[0] != nil && !at[0].Equal(*at[1]) {
				t.Fatalf("%s: %s at %v, by the history %v", o.WoNumber, name, at[1], at[0])
			}
		}
		if (o.ApprovedBy == nil) != (approved == nil) || (o.RejectedBy == nil) != (rejected == nil) || (o.CompletionNote == nil) != (ended == nil) {
			t.Fatalf("%s: stamps of %s are not whole", o.WoNumber, o.Status)
		}
		if o.RejectionReason != nil && (*o.RejectionReason != reason || rejected == nil) {
			t.Fatalf("%s: rejected for %q, by the history for %q", o.WoNumber, *o.RejectionReason, reason)
		}
		for _, i := range o.Edges.Items {
			if i.IsInvoiced != (invoiced != nil) {
				t.Fatalf("%s is %s, an item invoiced: %v", o.WoNumber, o.Status, i.IsInvoiced)
			}
		}
	}
}

func holdsTotals(t *testing.T, f *filled) {
	kinds, adjustments := map[workorderitem.ItemType]int{}, map[workorderadjustment.Kind]int{}
	for _, o := range f.orders {
		var sum money.Line
		if n := len(o.Edges.Items); n < 1 || n > 12 {
			t.Fatalf("%s has %d items", o.WoNumber, n)
		}
		for n, i := range o.Edges.Items {
			kinds[i.ItemType]++
			want := money.PriceLine(i.Quantity, i.UnitPrice, i.VatRate)
			if i.Sequence != n+1 || i.Currency != o.Currency || !i.TotalAmount.Equal(want.Net) || !i.VatAmount.Equal(want.VAT) || !i.GrandTotal.Equal(want.Gross) {
				t.Fatalf("%s: item %v", o.WoNumber, i)
			}
			if e := money.Check("quantity", i.Quantity, money.PricePlaces); e != nil {
				t.Fatal(e)
			}
			if i.CreatedAt.After(now) || i.EndTime != nil && i.EndTime.After(now) {
				t.Fatalf("%s: item in the future: %v", o.WoNumber, i)
			}
			switch i.ItemType {
			case workorderitem.ItemTypeService:
				s := f.services[*i.ServiceID]
				if s.Code != *i.ServiceCode || s.Name != *i.ServiceName || s.Currency != o.Currency || !s.BasePrice.Equal(i.UnitPrice) || s.Unit != i.Unit {
					t.Fatalf("%s: item %v of service %v", o.WoNumber, i, s)
				}
			case workorderitem.ItemTypeWorklog:
				if i.ResourceCode == nil || i.StartTime.Before(*o.ActualStart) || *i.DurationMinutes != int(i.EndTime.Sub(*i.StartTime)/time.Minute) {
					t.Fatalf("%s: work log %v", o.WoNumber, i)
				}
			case workorderitem.ItemTypeResource:
				if i.ResourceCode == nil || i.ResourceName == nil {
					t.Fatalf("%s: resource %v", o.WoNumber, i)
				}
			}
			sum.Net, sum.VAT, sum.Gross = sum.Net.Add(i.TotalAmount), sum.VAT.Add(i.VatAmount), sum.Gross.Add(i.GrandTotal)
		}
		for _, a := range o.Edges.Adjustments {
			adjustments[a.Kind]++
			vat := money.Round(a.Amount.Mul(a.VatRate).Shift(-2))
			sum.Net, sum.VAT, sum.Gross = sum.Net.Add(a.Amount), sum.VAT.Add(vat), sum.Gross.Add(a.Amount).Add(vat)
		}
		if !o.NetTotal.Equal(sum.Net) || !o.VatTotal.Equal(sum.VAT) || !o.GrandTotal.Equal(sum.Gross) {
			t.Fatalf("%s: totals %s %s %s, sums %v", o.WoNumber, o.NetTotal, o.VatTotal, o.GrandTotal, sum)
		}
	}
	for _, k := range []workorderadjustment.Kind{"SURCHARGE_NIGHT", "SURCHARGE_WEEKEND", "SURCHARGE_URGENT", "CABOTAGE"} {
		if adjustments[k] < 30 {
			t.Errorf("%d adjustments are %s", adjustments[k], k)
		}
	}
	for _, k := range []workorderitem.ItemType{"SERVICE", "RESOURCE", "WORKLOG"} {
		if kinds[k] < 300 {
			t.Errorf("%d items are %s", kinds[k], k)
		}
	}
}

func holdsShares(t *testing.T, f *filled) {
	n := map[string]int{}
	for _, o := range f.orders {
		n[string(o.Status)]++
		n[string(o.Type)]++
		n[string(o.Priority)]++
		n[o.Currency]++
		n[fmt.Sprint("requester ", o.RequesterID)]++
		if !o.IsActive {
			n["deleted"]++
		} else if slices.Contains([]workorder.Status{"SUBMITTED", "APPROVED", "IN_PROGRESS"}, o.Status) && o.PlannedEnd != nil && o.PlannedEnd.Before(now) {
			n["overdue"]++
		}
		if o.CreatedAt.Before(now.AddDate(0, -6, 0)) {
			n["old"]++
			if o.Status == workorder.StatusClosed || o.Status == workorder.StatusInvoiced {
				n["old and billed"]++
			}
		}
	}
	for what, least := range map[string]int{
		"DRAFT": 15, "SUBMITTED": 15, "APPROVED": 15, "IN_PROGRESS": 15, "COMPLETED": 20, "INVOICED": 30, "CLOSED": 1200, "REJECTED": 40, "CANCELLED": 50,
		"SERVICE": 1000, "MOTORBOT": 300, "BERTHING": 200, "OTHER": 120, "LOW": 200, "MEDIUM": 1000, "HIGH": 250, "URGENT": 80,
		"TRY": 1200, "USD": 50, "EUR": 20, "deleted": 10, "overdue": 20, "old and billed": n["old"] * 4 / 5,
	} {
		if n[what] < least {
			t.Errorf("%d orders are %s, want at least %d", n[what], what, least)
		}
	}
	requesters := 0
	for what := range n {
		if strings.HasPrefix(what, "requester ") {
			requesters++
		}
	}
	if requesters < 8 {
		t.Errorf("%d requesters", requesters)
	}
}

func holdsDates(t *testing.T, f *filled) {
	byDay, byMonth, working := map[time.Weekday]int{}, map[time.Month]int{}, 0
	for _, o := range f.orders {
		local := o.CreatedAt.In(calendar.Istanbul)
		byDay[local.Weekday()]++
		byMonth[local.Month()]++
		if h := local.Hour(); h >= 8 && h < 18 {
			working++
		}
		if o.CreatedAt.Before(now.AddDate(-2, 0, -1)) || o.CreatedAt.After(now) {
			t.Fatalf("%s is of %s", o.WoNumber, o.CreatedAt)
		}
		if o.PlannedStart != nil && (o.PlannedStart.Before(calendar.Day(o.CreatedAt)) || !o.PlannedEnd.After(*o.PlannedStart)) {
			t.Fatalf("%s of %s is planned %s to %s", o.WoNumber, o.CreatedAt, o.PlannedStart, o.PlannedEnd)
		}
	}
	if byDay[time.Sunday] == 0 || byDay[time.Sunday]*5 > byDay[time.Tuesday] {
		t.Errorf("by weekday: %v", byDay)
	}
	if byMonth[time.July]*2 < byMonth[time.January]*3 {
		t.Errorf("by month: %v", byMonth)
	}
	if working < 1600 {
		t.Errorf("%d of 2000 are made in working hours", working)
	}
}

func holdsBuyers(t *testing.T, f *filled) {
	orders := map[int64]int{}
	for _, o := range f.orders {
		c := o.Edges.Cari
		orders[c.ID]++
		if c.Role == cari.RoleSupplier || !c.CreatedAt.Before(o.CreatedAt) || o.CariCode != c.CariCode || o.CariTitle != c.Title {
			t.Fatalf("%s is of %s, a %s since %s", o.WoNumber, o.CariCode, c.Role, c.CreatedAt)
		}
	}
	sizes := slices.Sorted(maps.Values(orders))
	slices.Reverse(sizes)
	top := 0
	for _, n := range sizes[:20] {
		top += n
	}
	if top < 700 || len(sizes) < 250 {
		t.Errorf("the largest 20 of %d customers have %d orders", len(sizes), top)
	}
	n := map[string]int{}
	for _, c := range f.cari {
		n[string(c.Type)]++
		n[string(c.Role)]++
		n[c.Country]++
		if !c.IsActive {
			n["inactive"]++
			if orders[c.ID] > 0 {
				n["inactive with orders"]++
			}
		}
		if c.CreatedAt.After(now) || c.UpdatedAt.Before(c.CreatedAt) || c.UpdatedAt.After(now) {
			t.Errorf("%s: created %s, updated %s", c.CariCode, c.CreatedAt, c.UpdatedAt)
		}
		if prefix := "MST"; !strings.HasPrefix(c.CariCode, prefix) && c.Role != cari.RoleSupplier {
			t.Errorf("%s is a %s", c.CariCode, c.Role)
		}
	}
	for what, least := range map[string]int{
		"NATURAL": 30, "LEGAL": 300, "CUSTOMER": 300, "SUPPLIER": 30, "BOTH": 30, "OTHER": 5, "TR": 400, "DE": 1, "inactive": 8, "inactive with orders": 1,
	} {
		if n[what] < least {
			t.Errorf("%d accounts are %s, want at least %d", n[what], what, least)
		}
	}
}

var phone = regexp.MustCompile(`^\+90\d{3}0\d{6}$`)

func holdsChecks(t *testing.T, f *filled) {
	for number, want := range map[string]bool{"1234567890": true, "1111111114": true, "9876543217": true, "1234567891": false} {
		if isVKN(number) != want {
			t.Errorf("the test's own check of %s is wrong", number)
		}
	}
	for number, want := range map[string]bool{"10000000146": true, "12345678950": true, "12345678901": false} {
		if isTCKN(number) != want {
			t.Errorf("the test's own check of %s is wrong", number)
		}
	}
	if !isIBAN("TR330006100519786457841326") || isIBAN("TR330006100519786457841327") {
		t.Error("the test's own check of IBANs is wrong")
	}
	ibans := 0
	for _, c := range f.cari {
		switch {
		case c.Country != "TR":
			if c.TaxNumber == nil || len(*c.TaxNumber) > 20 || c.NationalID != nil || c.Iban != nil {
				t.Errorf("%s: numbers of a foreign account", c.CariCode)
			}
			continue
		case c.Type == cari.TypeLegal:
			if c.TaxNumber == nil || !isVKN(*c.TaxNumber) || c.NationalID != nil || c.TaxOffice == nil {
				t.Errorf("%s: tax number %v", c.CariCode, c.TaxNumber)
			}
		default:
			if c.NationalID == nil || !isTCKN(*c.NationalID) {
				t.Errorf("%s: identity number is wrong", c.CariCode)
			}
		}
		if !phone.MatchString(*c.Phone) {
			t.Errorf("%s: telephone %s", c.CariCode, *c.Phone)
		}
		if c.Iban != nil {
			ibans++
			if !isIBAN(*c.Iban) || len(*c.Iban) != 26 {
				t.Errorf("%s: IBAN is wrong", c.CariCode)
			}
		}
		if c.Email != nil && !regexp.MustCompile(`^[a-z0-9.]+@aliaport\.example$`).MatchString(*c.Email) {
			t.Errorf("%s: e-mail %s", c.CariCode, *c.Email)
		}
	}
	if ibans < 200 {
		t.Errorf("%d IBANs", ibans)
	}
}

// The checks are written once more, digit by digit, as the rules say.
func isVKN(s string) bool {
	if len(s) != 10 {
		return false
	}
	sum := 0
	for i := 1; i <= 9; i++ {
		d := int(s[i-1] - '0')
		t := (d + 10 - i) % 10
		power := 1
		for range 10 - i {
			power *= 2
		}
		p := t * power % 9
		if t != 0 && p == 0 {
			p = 9
		}
		sum += p
	}
	return (10-sum%10)%10 == int(s[9]-'0')
}

func isTCKN(s string) bool {
	if len(s) != 11 || s[0] == '0' {
		return false
	}
	d := func(n int) int { return int(s[n-1] - '0') }
	sum := 0
	for n := 1; n <= 10; n++ {
		sum += d(n)
	}
	tenth := (d(1)+d(3)+d(5)+d(7)+d(9))*7 - (d(2) + d(4) + d(6) + d(8))
	return (tenth%10+10)%10 == d(10) && sum%10 == d(11)
}

func isIBAN(s string) bool {
	var digits strings.Builder
	for _, c := range s[4:] + s[:4] {
		if c >= 'A' {
			fmt.Fprint(&digits, int(c-'A')+10)
		} else {
			digits.WriteRune(c)
		}
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && new(big.Int).Mod(n, big.NewInt(97)).Int64() == 1
}

func holdsTexts(t *testing.T, f *filled) {
	seen := ""
	for _, o := range f.orders {
		if n := len([]rune(o.Subject)); n < 3 || n > 120 || turkish.Clean(o.Subject) != o.Subject || turkish.HasControl(o.Subject) {
			t.Fatalf("%s: subject %q", o.WoNumber, o.Subject)
		}
		if o.SearchText != turkish.Fold(o.WoNumber+" "+o.Subject) {
			t.Fatalf("%s: search text %q", o.WoNumber, o.SearchText)
		}
		seen += o.Subject
		if o.Notes != nil {
			seen += *o.Notes
		}
	}
	for _, letter := range "İIıŞşĞğÇçÖöÜüâ" {
		if !strings.ContainsRune(seen, letter) {
			t.Errorf("%c comes in no subject and note", letter)
		}
	}
	for _, c := range f.cari {
		if c.TitleFold != turkish.Fold(c.Title) || c.SearchText != turkish.Fold(c.CariCode+" "+c.Title) {
			t.Errorf("%s is folded to %q and %q", c.CariCode, c.TitleFold, c.SearchText)
		}
	}
}

func holdsServices(t *testing.T, f *filled) {
	codes, groups, categories, inactive := map[string]*ent.Service{}, map[string]bool{}, map[string]bool{}, 0
	for _, s := range f.services {
		codes[s.Code] = s
		groups[*s.GroupCode], categories[*s.CategoryCode] = true, true
		if !s.IsActive {
			inactive++
		}
		if !s.BasePrice.IsPositive() || s.NameFold != turkish.Fold(s.Name) || s.SearchText != turkish.Fold(s.Code+" "+s.Name) {
			t.Errorf("service %v", s)
		}
	}
	for code, price := range map[string]string{"HZM001": "1500", "HZM007": "5.5", "TMP.006": "20", "TMP.020": "80", "TMP.025": "0.03", "TMP.042": "950"} {
		if s := codes[code]; s == nil || s.BasePrice.String() != price {
			t.Errorf("%s is %v", code, s)
		}
	}
	if len(codes) != 200 || len(groups) != 5 || len(categories) < 12 || inactive == 0 || inactive > 20 {
		t.Errorf("%d codes in %d groups and %d categories, %d inactive", len(codes), len(groups), len(categories), inactive)
	}
}
