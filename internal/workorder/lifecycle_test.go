package workorder_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	entcari "aliaport/ent/cari"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderitem"
	"aliaport/ent/workorderstatushistory"
	"aliaport/internal/actor"
	"aliaport/internal/aliatest"
	"aliaport/internal/apperr"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	"aliaport/internal/workorder"
)

// life is the life of a work order as it was agreed on. Every other pair of a
// status and a step is refused.
const life = `
DRAFT       | SUBMIT   | SUBMITTED   | workorder:write
DRAFT       | APPROVE  | APPROVED    | workorder:approve
DRAFT       | CANCEL   | CANCELLED   | workorder:write
SUBMITTED   | APPROVE  | APPROVED    | workorder:approve
SUBMITTED   | REJECT   | REJECTED    | workorder:approve | reason
SUBMITTED   | WITHDRAW | DRAFT       | workorder:write
REJECTED    | REOPEN   | DRAFT       | workorder:write
APPROVED    | START    | IN_PROGRESS | workorder:write
APPROVED    | REJECT   | REJECTED    | workorder:approve | reason
APPROVED    | CANCEL   | CANCELLED   | workorder:approve | reason
IN_PROGRESS | COMPLETE | COMPLETED   | workorder:write
COMPLETED   | REOPEN   | IN_PROGRESS | workorder:approve | reason
COMPLETED   | INVOICE  | INVOICED    | workorder:invoice
INVOICED    | CLOSE    | CLOSED      | workorder:close`

var (
	statuses = []entworkorder.Status{"DRAFT", "SUBMITTED", "APPROVED", "IN_PROGRESS", "COMPLETED", "INVOICED", "CLOSED", "REJECTED", "CANCELLED"}
	actions  = []workorder.Action{"SUBMIT", "APPROVE", "REJECT", "WITHDRAW", "REOPEN", "START", "COMPLETE", "INVOICE", "CLOSE", "CANCEL"}
)

// row is a row of the table.
type row struct {
	from       entworkorder.Status
	action     workorder.Action
	to         entworkorder.Status
	permission actor.Permission
	reason     bool
}

func lifeRows() (rows []row) {
	for line := range strings.Lines(strings.TrimSpace(life)) {
		c := strings.Split(line, "|")
		for i := range c {
			c[i] = strings.TrimSpace(c[i])
		}
		rows = append(rows, row{entworkorder.Status(c[0]), workorder.Action(c[1]), entworkorder.Status(c[2]), actor.Permission(c[3]), len(c) == 5})
	}
	return rows
}

// office is a service over a database with an active and an inactive customer and
// three users.
type office struct {
	*workorder.Service

	t                *testing.T
	active, inactive *ent.Cari
	requester, clerk *ent.User
	made             int
}

func newOffice(t *testing.T, db *store.DB) *office {
	t.Helper()
	customer := func(code string, active bool) *ent.Cari {
		return db.Cari.Create().SetCariCode(code).SetTitle("Şahin").SetTitleFold("sahin").SetSearchText("sahin").
			SetType(entcari.TypeLegal).SetRole(entcari.RoleCustomer).SetIsActive(active).SaveX(t.Context())
	}
	person := func(name string) *ent.User {
		return db.User.Create().SetEmail(name + "@aliaport.example").SetFullName(name).SetPasswordHash("").SaveX(t.Context())
	}
	return &office{
		&workorder.Service{
			DB: db, Now: func() time.Time { return now }, Pages: page.NewCodec([]byte("key")), PageLimits: page.Limits{Default: 20, Max: 100},
			Quotes: &quote.Service{DB: db, Now: func() time.Time { return now }, Tariffs: &tariff.Service{DB: db}, Rates: &rate.Service{DB: db, Now: func() time.Time { return now }}},
		},
		t, customer("C-1", true), customer("C-2", false), person("requester"), person("clerk"), 0,
	}
}

// as makes the clerk ask, who may do what is said.
func (o *office) as(permissions ...actor.Permission) context.Context {
	return actor.With(o.t.Context(), actor.New(o.clerk.ID, o.clerk.Email, o.clerk.FullName, []string{"TEST"}, permissions))
}

// order is an order of the active customer in the status, with one line.
func (o *office) order(status entworkorder.Status, change ...func(*ent.WorkOrderCreate)) *ent.WorkOrder {
	o.t.Helper()
	wo := o.empty(status, change...)
	o.DB.WorkOrderItem.Create().SetWorkOrder(wo).SetSequence(1).SetQuantity(decimal.NewFromInt(1)).SetUnit("SAAT").
		SetUnitPrice(decimal.NewFromInt(1)).SetCurrency("TRY").SetVatRate(decimal.NewFromInt(20)).SaveX(o.t.Context())
	return wo
}

// empty is such an order without a line.
func (o *office) empty(status entworkorder.Status, change ...func(*ent.WorkOrderCreate)) *ent.WorkOrder {
	o.t.Helper()
	o.made++
	c := o.DB.WorkOrder.Create().SetWoNumber(fmt.Sprintf("WO-2026-%05d", o.made)).SetCari(o.active).SetCariCode("C-1").SetCariTitle("Şahin").
		SetRequester(o.requester).SetRequesterName("requester").SetType(entworkorder.TypeService).SetSubject("vinç").SetSearchText("vinc").
		SetStatus(status).SetCreatedBy(o.requester.ID).SetUpdatedBy(o.requester.ID).SetCreatedAt(now.Add(-time.Hour)).SetUpdatedAt(now.Add(-time.Hour))
	for _, f := range change {
		f(c)
	}
	return c.SaveX(o.t.Context())
}

func (o *office) take(ctx context.Context, wo *ent.WorkOrder, action workorder.Action, note string) (*ent.WorkOrder, error) {
	in := workorder.StepInput{ID: globalid.ID{Type: "WorkOrder", Key: wo.ID}}
	if note != "" {
		in.Note = &note
	}
	return o.Take(ctx, action, in)
}

const reason = "Evrak eksik."

// TestLifeOfAWorkOrder takes every step from every status.
func TestLifeOfAWorkOrder(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		may := o.as(actor.WorkOrderWrite, actor.WorkOrderApprove, actor.WorkOrderInvoice, actor.WorkOrderClose)
		for _, from := range statuses {
			allowed := []entworkorder.Status{}
			for _, r := range lifeRows() {
				if r.from == from {
					allowed = append(allowed, r.to)
				}
			}
			for _, action := range actions {
				wo := o.order(from)
				got, err := o.take(may, wo, action, reason)
				i := slices.IndexFunc(lifeRows(), func(r row) bool { return r.from == from && r.action == action })
				if i < 0 {
					o.refused(wo, action, allowed, err)
					continue
				}
				if err != nil {
					t.Errorf("%s from %s: %v", action, from, err)
					continue
				}
				o.taken(got, lifeRows()[i])
			}
		}
	})
}

// refused checks that an impossible step says what is possible and changes nothing.
func (o *office) refused(wo *ent.WorkOrder, action workorder.Action, allowed []entworkorder.Status, err error) {
	o.t.Helper()
	all, _ := apperr.All(err)
	if len(all) != 1 || all[0].Code != apperr.WorkOrderTransition || all[0].Params["from"] != wo.Status || all[0].Params["action"] != action ||
		fmt.Sprint(all[0].Params["allowed"]) != fmt.Sprint(allowed) {
		o.t.Errorf("%s from %s: %v %v; want WO_INVALID_STATUS_TRANSITION with %v", action, wo.Status, err, all, allowed)
	}
	ctx, db := o.t.Context(), o.DB
	if now := db.WorkOrder.GetX(ctx, wo.ID); now.Status != wo.Status || now.Version != wo.Version || !now.UpdatedAt.Equal(wo.UpdatedAt) {
		o.t.Errorf("%s from %s: refused, but the order is %s in version %d", action, wo.Status, now.Status, now.Version)
	}
	if db.WorkOrderStatusHistory.Query().Where(workorderstatushistory.WorkOrderID(wo.ID)).ExistX(ctx) ||
		db.AuditEvent.Query().Where(auditevent.EntityID(fmt.Sprint(wo.ID))).ExistX(ctx) {
		o.t.Errorf("%s from %s: refused, but on record", action, wo.Status)
	}
}

// taken checks what a step leaves behind.
func (o *office) taken(wo *ent.WorkOrder, r row) {
	o.t.Helper()
	ctx, db := o.t.Context(), o.DB
	if wo.Status != r.to || wo.Version != 2 || !wo.UpdatedAt.Equal(now) || wo.UpdatedBy != o.clerk.ID {
		o.t.Errorf("%s from %s: %s in version %d, changed by %d at %v; want %s", r.action, r.from, wo.Status, wo.Version, wo.UpdatedBy, wo.UpdatedAt, r.to)
	}
	h := db.WorkOrderStatusHistory.Query().Where(workorderstatushistory.WorkOrderID(wo.ID)).OnlyX(ctx)
	if h.FromStatus == nil || string(*h.FromStatus) != string(r.from) || string(h.ToStatus) != string(r.to) || h.UserID != o.clerk.ID || h.UserName != "clerk" ||
		h.Note == nil || *h.Note != reason || !h.CreatedAt.Equal(now) {
		o.t.Errorf("%s from %s: the history has %v", r.action, r.from, h)
	}
	named := map[workorder.Action]string{
		"SUBMIT": "status_change", "WITHDRAW": "status_change", "APPROVE": "approve", "REJECT": "reject", "REOPEN": "reopen",
		"START": "start", "COMPLETE": "complete", "INVOICE": "invoice", "CLOSE": "close", "CANCEL": "cancel",
	}
	e := db.AuditEvent.Query().Where(auditevent.Resource("work_order"), auditevent.EntityID(fmt.Sprint(wo.ID))).OnlyX(ctx)
	if e.Action != named[r.action] || !strings.Contains(string(e.Changes), string(r.from)) || !strings.Contains(string(e.Changes), string(r.to)) {
		o.t.Errorf("%s from %s: the trail has %s %s", r.action, r.from, e.Action, e.Changes)
	}
}

func TestEveryStepNeedsItsOwnRight(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		for _, r := range lifeRows() {
			if _, err := o.take(o.as(r.permission), o.order(r.from), r.action, reason); err != nil {
				t.Errorf("%s from %s with %s alone: %v", r.action, r.from, r.permission, err)
			}
			others := slices.DeleteFunc(slices.Clone(actor.Permissions), func(p actor.Permission) bool { return p == r.permission })
			_, err := o.take(o.as(others...), o.order(r.from), r.action, reason)
			if all, _ := apperr.All(err); len(all) != 1 || all[0].Code != apperr.Forbidden || all[0].Params["permission"] != r.permission {
				t.Errorf("%s from %s without %s: %v", r.action, r.from, r.permission, err)
			}
			if _, err := o.take(o.t.Context(), o.order(r.from), r.action, reason); !apperr.Is(err, apperr.Unauthenticated) {
				t.Errorf("%s from %s by nobody: %v", r.action, r.from, err)
			}
		}
	})
}

func TestStepsHaveConditions(t *testing.T) {
	t.Parallel()
	inactive := func(o *office, c *ent.WorkOrderCreate) { c.SetCari(o.inactive) }
	byClerk := func(o *office, c *ent.WorkOrderCreate) { c.SetRequester(o.clerk) }
	withService := func(_ *office, c *ent.WorkOrderCreate) { c.SetServiceCode("HZM001") }
	deleted := func(_ *office, c *ent.WorkOrderCreate) { c.SetIsActive(false) }
	cases := map[string]struct {
		from   entworkorder.Status
		action workorder.Action
		note   string
		empty  bool // without a line
		change func(*office, *ent.WorkOrderCreate)
		want   apperr.Code // "": may
		field  string
	}{
		"submit needs a line or a service":         {"DRAFT", "SUBMIT", "", true, nil, apperr.WorkOrderMissing, ""},
		"submit is content with a service":         {"DRAFT", "SUBMIT", "", true, withService, "", ""},
		"submit needs an active customer":          {"DRAFT", "SUBMIT", "", false, inactive, apperr.CariInactive, ""},
		"approve needs a line or a service too":    {"SUBMITTED", "APPROVE", "", true, nil, apperr.WorkOrderMissing, ""},
		"approve needs an active customer too":     {"DRAFT", "APPROVE", "", false, inactive, apperr.CariInactive, ""},
		"approve is not for the requester":         {"SUBMITTED", "APPROVE", "", false, byClerk, apperr.WorkOrderSelfApproval, ""},
		"the short cut from a draft is":            {"DRAFT", "APPROVE", "", false, byClerk, "", ""},
		"reject needs a reason":                    {"SUBMITTED", "REJECT", "", false, nil, apperr.Validation, "reason"},
		"reject needs a reason of ten letters":     {"SUBMITTED", "REJECT", "çöğüşıİÇÖ", false, nil, apperr.Validation, "reason"},
		"ten letters are ten, however many bytes":  {"SUBMITTED", "REJECT", "çöğüşıİÇÖĞ", false, nil, "", ""},
		"blanks around a reason do not count":      {"SUBMITTED", "REJECT", "   kısa      ", false, nil, apperr.Validation, "reason"},
		"revoke needs a reason":                    {"APPROVED", "REJECT", "kısa", false, nil, apperr.Validation, "reason"},
		"cancel of a draft needs none":             {"DRAFT", "CANCEL", "", false, nil, "", ""},
		"cancel of an approved order does":         {"APPROVED", "CANCEL", "kısa", false, nil, apperr.Validation, "reason"},
		"a rejected order is reopened without one": {"REJECTED", "REOPEN", "", false, nil, "", ""},
		"a completed order is not":                 {"COMPLETED", "REOPEN", "", false, nil, apperr.Validation, "reason"},
		"complete needs a note":                    {"IN_PROGRESS", "COMPLETE", "", false, nil, apperr.Validation, "completionNote"},
		"complete needs a note of three letters":   {"IN_PROGRESS", "COMPLETE", "ok", false, nil, apperr.Validation, "completionNote"},
		"three letters are enough":                 {"IN_PROGRESS", "COMPLETE", "bit", false, nil, "", ""},
		"a note has at most 500 letters":           {"DRAFT", "SUBMIT", strings.Repeat("ş", 501), false, nil, apperr.Validation, "note"},
		"500 are few enough":                       {"DRAFT", "SUBMIT", strings.Repeat("ş", 500), false, nil, "", ""},
		"a note has no control characters":         {"DRAFT", "SUBMIT", "a\x00b", false, nil, apperr.Validation, "note"},
		"invoice needs a line":                     {"COMPLETED", "INVOICE", "", true, withService, apperr.WorkOrderMissing, ""},
		"a deleted order is not found":             {"DRAFT", "SUBMIT", "", false, deleted, apperr.WorkOrderNotFound, ""},
	}
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		for name, c := range cases {
			change := func(w *ent.WorkOrderCreate) {
				if c.change != nil {
					c.change(o, w)
				}
			}
			order := o.order
			if c.empty {
				order = o.empty
			}
			_, err := o.take(o.as(actor.Permissions...), order(c.from, change), c.action, c.note)
			if c.want == "" {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if all, _ := apperr.All(err); len(all) != 1 || all[0].Code != c.want || strings.Join(all[0].Field, ".") != c.field {
				t.Errorf("%s: got %v, want %s at %q", name, err, c.want, c.field)
			}
		}
	})
}

func TestRequestersMayApproveWhereTheyAreLet(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		own := o.order("SUBMITTED", func(c *ent.WorkOrderCreate) { c.SetRequester(o.clerk) })
		ctx := o.as(actor.WorkOrderApprove)
		if steps := o.Transitions(ctx, own); len(steps) != 2 || steps[0].Action != workorder.Reject || steps[1].Action != workorder.Withdraw {
			t.Errorf("offered %v", steps)
		}
		o.AllowSelfApproval = true
		if steps := o.Transitions(ctx, own); len(steps) != 3 {
			t.Errorf("offered %v", steps)
		}
		if _, err := o.take(ctx, own, workorder.Approve, ""); err != nil {
			t.Error(err)
		}
	})
}

// TestOfferedStepsAreThoseThatOneMayTake compares what is offered with the table,
// for every status and right.
func TestOfferedStepsAreThoseThatOneMayTake(t *testing.T) {
	t.Parallel()
	s := &workorder.Service{}
	for _, from := range statuses {
		for _, p := range actor.Permissions {
			var want, got []string
			for _, r := range lifeRows() {
				if r.from == from && r.permission == p {
					want = append(want, fmt.Sprint(r.action, r.to, r.permission, r.reason))
				}
			}
			for _, step := range s.Transitions(actor.With(t.Context(), actor.New(1, "", "", nil, []actor.Permission{p})), &ent.WorkOrder{Status: from, RequesterID: 2}) {
				if step.From != from {
					t.Errorf("%s offers a step from %s", from, step.From)
				}
				got = append(got, fmt.Sprint(step.Action, step.To, step.Permission, step.NeedsReason))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s with %s: offered %v, want %v", from, p, got, want)
			}
		}
		if steps := s.Transitions(t.Context(), &ent.WorkOrder{Status: from}); len(steps) != 0 {
			t.Errorf("%s: nobody is offered %v", from, steps)
		}
	}
}

// TestStepsLeaveTheirMark walks one order through its life.
func TestStepsLeaveTheirMark(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		wo := o.order("DRAFT")
		ctx := o.as(actor.Permissions...)
		at := now
		o.Now = func() time.Time { return at }
		step := func(action workorder.Action, note string) {
			t.Helper()
			at = at.Add(time.Minute)
			in := workorder.StepInput{ID: globalid.ID{Type: "WorkOrder", Key: wo.ID}, Note: &note}
			if action == workorder.Invoice {
				in.InvoiceNo = new(" FT-2026-00001 ")
			}
			var err error
			if wo, err = o.Take(ctx, action, in); err != nil {
				t.Fatal(err)
			}
		}
		is := func(what string, ok bool) {
			t.Helper()
			if !ok {
				t.Errorf("%s: %v", what, wo)
			}
		}
		stamped := func(v *time.Time) bool { return v != nil && v.Equal(at) }
		step(workorder.Submit, "")
		step(workorder.Reject, "  "+reason+" ")
		is("rejected by whom, when and why", *wo.RejectedBy == o.clerk.ID && stamped(wo.RejectedAt) && *wo.RejectionReason == reason)
		step(workorder.Reopen, "")
		is("a reopened draft is not rejected any more", wo.RejectedBy == nil && wo.RejectedAt == nil && wo.RejectionReason == nil)
		step(workorder.Submit, "")
		step(workorder.Approve, "")
		is("approved by whom and when", *wo.ApprovedBy == o.clerk.ID && stamped(wo.ApprovedAt))
		step(workorder.Start, "")
		is("started when", stamped(wo.ActualStart))
		started := at
		step(workorder.Complete, "bitti")
		is("completed when and how", stamped(wo.ActualEnd) && *wo.CompletionNote == "bitti")
		step(workorder.Reopen, reason)
		is("work goes on", wo.ActualEnd == nil && wo.CompletionNote == nil && wo.ActualStart.Equal(started))
		step(workorder.Complete, "yine bitti")
		is("nothing invoiced yet", !o.anyInvoiced(wo))
		step(workorder.Invoice, "")
		is("invoiced when, under which number", stamped(wo.InvoicedAt) && *wo.InvoiceNo == "FT-2026-00001" && o.anyInvoiced(wo))
		step(workorder.Close, "")
		is("closed when", stamped(wo.ClosedAt) && wo.Version == 12)
		if n := db.WorkOrderStatusHistory.Query().Where(workorderstatushistory.WorkOrderID(wo.ID)).CountX(t.Context()); n != 11 {
			t.Errorf("%d steps in the history", n)
		}
	})
}

func (o *office) anyInvoiced(wo *ent.WorkOrder) bool {
	return o.DB.WorkOrderItem.Query().Where(workorderitem.WorkOrderID(wo.ID), workorderitem.IsInvoiced(true)).ExistX(o.t.Context())
}

func TestInvoicedLinesKeepACompletedOrderCompleted(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		wo := o.order("COMPLETED")
		db.WorkOrderItem.Update().Where(workorderitem.WorkOrderID(wo.ID)).SetIsInvoiced(true).ExecX(t.Context())
		if _, err := o.take(o.as(actor.Permissions...), wo, workorder.Reopen, reason); !apperr.Is(err, apperr.WorkOrderInvoiced) {
			t.Errorf("got %v", err)
		}
	})
}

func TestStepsOfOrdersThatAreNotThere(t *testing.T) {
	t.Parallel()
	aliatest.EachDB(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		ctx := o.as(actor.Permissions...)
		for name, c := range map[string]struct {
			id   globalid.ID
			want apperr.Code
		}{
			"an id of no order":        {globalid.ID{Type: "WorkOrder", Key: 1 << 40}, apperr.WorkOrderNotFound},
			"an id of something else":  {globalid.ID{Type: "Cari", Key: o.active.ID}, apperr.BadUserInput},
			"an id that was not given": {globalid.ID{}, apperr.BadUserInput},
		} {
			for _, action := range actions {
				if _, err := o.Take(ctx, action, workorder.StepInput{ID: c.id, Note: new(reason)}); !apperr.Is(err, c.want) {
					t.Errorf("%s of %s: %v, want %s", action, name, err, c.want)
				}
			}
		}
	})
}
