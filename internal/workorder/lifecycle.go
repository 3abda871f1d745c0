package workorder

import (
	"context"

	"aliaport/ent"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
)

// Action is a step in the life of a work order.
type Action string

// Steps.
const (
	Submit   Action = "SUBMIT"
	Approve  Action = "APPROVE"
	Reject   Action = "REJECT"
	Withdraw Action = "WITHDRAW"
	Reopen   Action = "REOPEN"
	Start    Action = "START"
	Complete Action = "COMPLETE"
	Invoice  Action = "INVOICE"
	Close    Action = "CLOSE"
	Cancel   Action = "CANCEL"
)

// Transition is a step that a work order may take.
type Transition struct {
	Action      Action
	From, To    workorder.Status
	Permission  actor.Permission
	NeedsReason bool         // at least minReason characters
	trail       audit.Action // the name of the step in the trail
}

// lifecycle is the whole life of a work order. CLOSED and CANCELLED are final, and
// every pair that is not here is refused.
var lifecycle = []Transition{
	{Submit, workorder.StatusDraft, workorder.StatusSubmitted, actor.WorkOrderWrite, false, audit.StatusChange},
	{Approve, workorder.StatusDraft, workorder.StatusApproved, actor.WorkOrderApprove, false, audit.Approve},
	{Cancel, workorder.StatusDraft, workorder.StatusCancelled, actor.WorkOrderWrite, false, audit.Cancel},
	{Approve, workorder.StatusSubmitted, workorder.StatusApproved, actor.WorkOrderApprove, false, audit.Approve},
	{Reject, workorder.StatusSubmitted, workorder.StatusRejected, actor.WorkOrderApprove, true, audit.Reject},
	{Withdraw, workorder.StatusSubmitted, workorder.StatusDraft, actor.WorkOrderWrite, false, audit.StatusChange},
	{Reopen, workorder.StatusRejected, workorder.StatusDraft, actor.WorkOrderWrite, false, audit.Reopen},
	{Start, workorder.StatusApproved, workorder.StatusInProgress, actor.WorkOrderWrite, false, audit.Start},
	{Reject, workorder.StatusApproved, workorder.StatusRejected, actor.WorkOrderApprove, true, audit.Reject},
	{Cancel, workorder.StatusApproved, workorder.StatusCancelled, actor.WorkOrderApprove, true, audit.Cancel},
	{Complete, workorder.StatusInProgress, workorder.StatusCompleted, actor.WorkOrderWrite, false, audit.Complete},
	{Reopen, workorder.StatusCompleted, workorder.StatusInProgress, actor.WorkOrderApprove, true, audit.Reopen},
	{Invoice, workorder.StatusCompleted, workorder.StatusInvoiced, actor.WorkOrderInvoice, false, audit.Invoice},
	{Close, workorder.StatusInvoiced, workorder.StatusClosed, actor.WorkOrderClose, false, audit.Close},
}

// step finds the transition of the action from the status.
func step(from workorder.Status, action Action) (Transition, bool) {
	for _, t := range lifecycle {
		if t.From == from && t.Action == action {
			return t, true
		}
	}
	return Transition{}, false
}

// allowed lists the statuses that can be reached from one.
func allowed(from workorder.Status) []workorder.Status {
	to := []workorder.Status{}
	for _, t := range lifecycle {
		if t.From == from {
			to = append(to, t.To)
		}
	}
	return to
}

// Transitions lists the steps that the one who asks may take now.
func (s *Service) Transitions(ctx context.Context, wo *ent.WorkOrder) []Transition {
	who := actor.From(ctx)
	steps := []Transition{}
	for _, t := range lifecycle {
		if t.From != wo.Status || !t.mayBeTakenBy(who, wo) {
			continue
		}
		if t.Action == Approve && s.selfApproval(who, wo) {
			continue
		}
		steps = append(steps, t)
	}
	return steps
}

// mayBeTakenBy holds for those with the right to the step, and for the requester who
// takes back what they submitted.
func (t Transition) mayBeTakenBy(who *actor.Actor, wo *ent.WorkOrder) bool {
	return who.Can(t.Permission) || t.Action == Withdraw && who != nil && who.ID != 0 && who.ID == wo.RequesterID
}

// selfApproval holds when a requester would approve their own submitted order.
func (s *Service) selfApproval(who *actor.Actor, wo *ent.WorkOrder) bool {
	return !s.AllowSelfApproval && wo.Status == workorder.StatusSubmitted && who.ID != 0 && who.ID == wo.RequesterID
}

// IsOverdue holds for an order that waits or is being worked on although its
// planned end has passed.
func (s *Service) IsOverdue(wo *ent.WorkOrder) bool {
	switch wo.Status {
	case workorder.StatusSubmitted, workorder.StatusApproved, workorder.StatusInProgress:
		return wo.PlannedEnd != nil && wo.PlannedEnd.Before(s.Now())
	case workorder.StatusDraft, workorder.StatusCompleted, workorder.StatusInvoiced, workorder.StatusClosed,
		workorder.StatusRejected, workorder.StatusCancelled:
	}
	return false
}
