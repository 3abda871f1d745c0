package workorder

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/notificationevent"
	"aliaport/ent/pricelist"
	"aliaport/ent/service"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/quote"
	"aliaport/internal/sequence"
)

// CreateInput describes a new work order. The customer is named by id or by code.
type CreateInput struct {
	CariID          *globalid.ID
	CariCode        *string
	Type            workorder.Type
	Subject         string
	Description     *string
	Priority        workorder.Priority
	ServiceCode     *string
	Action          *string
	PlannedStart    *time.Time
	PlannedEnd      *time.Time
	GateRequired    bool
	FieldLogAllowed bool
	IsCabotage      bool
	ApplyRuleAddons bool
	Notes           *string
	Currency        *string      // that of the customer when nil
	PriceListID     *globalid.ID // nil: the list in force for the currency
	Items           []ItemInput
	IdempotencyKey  *string
}

// Create makes a work order with its items. It begins as DRAFT, under the next
// number of the year.
func (s *Service) Create(ctx context.Context, in CreateInput) (*ent.WorkOrder, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		var err error
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "createWorkOrder", in, func() (int64, error) {
			return s.create(ctx, tx, in)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.reread(ctx, id)
}

// clean trims the texts and refuses everything that can be told without looking
// anything up, all faults at once.
func (in *CreateInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.Text("subject", &in.Subject, 3, 120))
	faults.Add(input.OptionalText("description", &in.Description, 500))
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode, 50))
	faults.Add(input.OptionalText("action", &in.Action, 100))
	faults.Add(input.OptionalText("notes", &in.Notes, 1000))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	if (in.CariID == nil) == (in.CariCode == nil) {
		faults.Add(apperr.Invalid("cariCode", apperr.OneOf, "fields", "cariId, cariCode"))
	}
	if in.Currency != nil && !money.IsCurrency(*in.Currency) {
		faults.Add(apperr.Invalid("currency", apperr.Currency))
	}
	faults.Add(plan(in.PlannedStart, in.PlannedEnd))
	if len(in.Items) > MaxItems {
		faults.Add(apperr.Invalid("items", apperr.TooMany, "max", MaxItems))
	}
	for i := range in.Items {
		for _, e := range in.Items[i].clean() {
			faults.Add(e.At("items", fmt.Sprint(i)))
		}
	}
	return faults.OrNil()
}

// plan checks that an order ends after it starts.
func plan(start, end *time.Time) *apperr.Error {
	if start != nil && end != nil && !end.After(*start) {
		return apperr.Invalid("plannedEnd", apperr.EndFirst)
	}
	return nil
}

func (s *Service) create(ctx context.Context, tx *ent.Tx, in CreateInput) (int64, error) {
	// What depends on the clock is judged here and not above: a repeated create must
	// get its first result the day after, too.
	if in.PlannedStart != nil && in.PlannedStart.Before(calendar.Day(s.Now())) {
		return 0, apperr.Invalid("plannedStart", apperr.InPast)
	}
	if err := sold(ctx, tx, in.ServiceCode); err != nil {
		return 0, err
	}
	customer, err := s.findCari(ctx, tx, in.CariID, in.CariCode)
	if err != nil {
		return 0, err
	}
	currency := customer.Currency
	if in.Currency != nil {
		currency = *in.Currency
		choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.Currencies)
		if err != nil {
			return 0, err
		}
		if e := choices.Currency("currency", currency); e != nil {
			return 0, e
		}
	}
	list, err := chosenList(ctx, tx, in.PriceListID)
	if err != nil {
		return 0, err
	}
	lines, err := s.price(ctx, tx, in.Items, quote.Basis{Day: pricing.Day(nil, in.PlannedStart, s.Now()), Currency: currency, ListID: list})
	if err != nil {
		return 0, err
	}

	t := quote.Terms{Allowed: in.ApplyRuleAddons, Start: in.PlannedStart, Urgent: in.Priority == workorder.PriorityUrgent, Cabotage: in.IsCabotage}
	totals, err := s.Quotes.Total(ctx, tx.Client(), charges(lines), t)
	if err != nil {
		return 0, apperr.Moved(err, []string{"lines"}, "items")
	}

	who, now := actor.From(ctx), s.Now()
	// The number comes after all that can be refused: its row is locked until the commit.
	number, err := sequence.Next(ctx, tx, sequence.WorkOrder, calendar.Year(now))
	if err != nil {
		return 0, err
	}
	c := tx.WorkOrder.Create().
		SetWoNumber(number).SetCariID(customer.ID).SetCariCode(customer.CariCode).SetCariTitle(customer.Title).
		SetRequesterID(who.ID).SetRequesterName(who.Name).
		SetType(in.Type).SetSubject(in.Subject).SetNillableDescription(in.Description).SetSearchText(searchText(number, in.Subject)).
		SetPriority(in.Priority).SetNillableServiceCode(in.ServiceCode).SetNillableAction(in.Action).
		SetNillablePlannedStart(utc(in.PlannedStart)).SetNillablePlannedEnd(utc(in.PlannedEnd)).
		SetGateRequired(in.GateRequired).SetFieldLogAllowed(in.FieldLogAllowed).
		SetIsCabotage(in.IsCabotage).SetApplyRuleAddons(in.ApplyRuleAddons).SetNillableNotes(in.Notes).
		SetCurrency(currency).SetNillablePriceListID(list).
		SetCreatedBy(who.ID).SetUpdatedBy(who.ID).SetCreatedAt(now).SetUpdatedAt(now)
	setTotals(c.Mutation(), totals)
	wo, err := c.Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create work order %s: %w", number, err)
	}
	creates := make([]*ent.WorkOrderItemCreate, len(lines))
	for i, l := range lines {
		if creates[i], err = l.create(tx, wo.ID, i+1, now); err != nil {
			return 0, err
		}
	}
	if err := tx.WorkOrderItem.CreateBulk(creates...).Exec(ctx); err != nil {
		return 0, fmt.Errorf("create items of work order %s: %w", number, err)
	}
	if err := adjust(ctx, tx, wo.ID, totals.Adjustments, now); err != nil {
		return 0, err
	}
	if err := remember(ctx, tx, now, wo.ID, nil, workorder.StatusDraft, nil); err != nil {
		return 0, err
	}
	if wo.Priority == workorder.PriorityUrgent {
		if err := told(ctx, tx, now, notificationevent.KindWorkOrderCreated, wo, 1, 0, nil); err != nil {
			return 0, err
		}
	}
	return wo.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.WorkOrder, EntityID: wo.ID,
		Changes: audit.Changes{
			"wo_number": {nil, number},
			"cari_code": {nil, customer.CariCode},
			"subject":   {nil, in.Subject},
			"items":     {nil, len(lines)},
			"net_total": {nil, totals.Net},
		},
	})
}

// chosenList is the key of the price list that an order names; nil if it names none.
func chosenList(ctx context.Context, tx *ent.Tx, id *globalid.ID) (*int64, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // the one in force
	}
	key, err := id.Of("PriceList")
	if err != nil {
		return nil, err
	}
	found, err := tx.PriceList.Query().Where(pricelist.ID(key)).Exist(ctx)
	if err != nil {
		return nil, fmt.Errorf("find price list %d: %w", key, err)
	}
	if !found {
		return nil, apperr.New(apperr.TariffNotFound).At("priceListId")
	}
	return &key, nil
}

// sold refuses the code of a service that does not exist or is no longer sold.
func sold(ctx context.Context, tx *ent.Tx, code *string) error {
	if code == nil {
		return nil
	}
	found, err := tx.Service.Query().Where(service.Code(*code)).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return apperr.New(apperr.ServiceNotFound).At("serviceCode")
	case err != nil:
		return fmt.Errorf("find service %s: %w", *code, err)
	case !found.IsActive:
		return apperr.New(apperr.ServiceInactive, "code", found.Code).At("serviceCode")
	}
	return nil
}

// findCari returns the customer of a new order, who must be active.
func (s *Service) findCari(ctx context.Context, tx *ent.Tx, id *globalid.ID, code *string) (*ent.Cari, error) {
	return cari.Active(ctx, tx, s.DB.Dialect(), cari.Ref{ID: id, Code: code, IDField: "cariId", CodeField: "cariCode"})
}

// remember adds a step to the history of the order.
func remember(ctx context.Context, tx *ent.Tx, now time.Time, id int64, from *workorder.Status, to workorder.Status, note *string) error {
	who := actor.From(ctx)
	c := tx.WorkOrderStatusHistory.Create().SetWorkOrderID(id).SetToStatus(historyTo(to)).
		SetUserID(who.ID).SetUserName(who.Name).SetNillableNote(note).SetCreatedAt(now)
	if from != nil {
		c.SetFromStatus(historyFrom(*from))
	}
	if err := c.Exec(ctx); err != nil {
		return fmt.Errorf("remember %s of work order %d: %w", to, id, err)
	}
	return nil
}

// utc cuts a client's instant to what both databases keep.
func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC().Truncate(time.Microsecond)
	return &u
}
