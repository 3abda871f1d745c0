package trip

import (
	"context"

	"aliaport/ent"
	"aliaport/ent/trip"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
)

// Action is a step in the life of a trip.
type Action string

// Steps.
const (
	Depart  Action = "DEPART"
	Return  Action = "RETURN"
	Cancel  Action = "CANCEL"
	Price   Action = "PRICE"
	Invoice Action = "INVOICE"
)

// Transition is a step that a trip may take.
type Transition struct {
	Action      Action
	From, To    trip.Status
	Permission  actor.Permission
	NeedsReason bool         // at least minReason characters
	trail       audit.Action // the name of the step in the trail
}

// lifecycle is the whole life of a trip. Every pair that is not here is refused.
// Billing is a finance matter: it asks for the right to invoice, not for that to
// send boats out.
var lifecycle = []Transition{
	{Depart, trip.StatusPlanned, trip.StatusUnderway, actor.TripWrite, false, audit.Start},
	{Cancel, trip.StatusPlanned, trip.StatusCancelled, actor.TripWrite, true, audit.Cancel},
	{Return, trip.StatusUnderway, trip.StatusCompleted, actor.TripWrite, false, audit.Complete},
	{Cancel, trip.StatusUnderway, trip.StatusCancelled, actor.TripWrite, true, audit.Cancel},
	{Price, trip.StatusCompleted, trip.StatusCompleted, actor.WorkOrderInvoice, false, audit.PriceCalc},
	{Invoice, trip.StatusCompleted, trip.StatusCompleted, actor.WorkOrderInvoice, false, audit.Invoice},
}

// step finds the transition of the action for the trip as it stands.
func step(t *ent.Trip, action Action) (Transition, bool) {
	for _, tr := range open(t) {
		if tr.Action == action {
			return tr, true
		}
	}
	return Transition{}, false
}

// open are the steps that the trip as it stands could take.
func open(t *ent.Trip) (steps []Transition) {
	for _, tr := range lifecycle {
		if tr.From == t.Status && tr.fits(t) {
			steps = append(steps, tr)
		}
	}
	return steps
}

// fits holds for steps that the bill of the trip lets be taken: only what is to be
// billed is priced, and only what has a price is invoiced.
func (tr Transition) fits(t *ent.Trip) bool {
	switch tr.Action {
	case Price:
		return t.InvoiceStatus == trip.InvoiceStatusPending && t.CariID != nil
	case Invoice:
		return t.InvoiceStatus == trip.InvoiceStatusPending && IsPriced(t)
	case Depart, Return, Cancel:
	}
	return true
}

// Transitions lists the steps that the one who asks may take now.
func (s *Service) Transitions(ctx context.Context, t *ent.Trip) []Transition {
	who := actor.From(ctx)
	steps := []Transition{}
	for _, tr := range open(t) {
		if who.Can(tr.Permission) {
			steps = append(steps, tr)
		}
	}
	return steps
}
