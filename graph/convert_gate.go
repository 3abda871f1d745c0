package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/loader"
	"aliaport/internal/person"
	"aliaport/internal/worklog"
)

func updateWorkOrderPerson(in gen.UpdateWorkOrderPersonInput) person.UpdateInput {
	return person.UpdateInput{
		ID: in.ID, Version: in.Version, FullName: in.FullName, NationalID: change(in.NationalID), PassportNo: change(in.PassportNo),
		Nationality: in.Nationality, Phone: change(in.Phone),
	}
}

func updateWorkLog(in gen.UpdateWorkLogInput) worklog.UpdateInput {
	return worklog.UpdateInput{
		ID: in.ID, Version: in.Version, PersonnelName: in.PersonnelName, Kind: in.Kind, TimeStart: in.TimeStart, TimeEnd: in.TimeEnd,
		ServiceCode: change(in.ServiceCode), Description: change(in.Description), Notes: change(in.Notes),
	}
}

func personPayload(ctx context.Context) func(*ent.WorkOrderPerson, error) (*gen.WorkOrderPersonPayload, error) {
	return func(p *ent.WorkOrderPerson, err error) (*gen.WorkOrderPersonPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.WorkOrderPersonPayload{Person: p, UserErrors: refused}, nil
	}
}

func personsPayload(ctx context.Context) func([]*ent.WorkOrderPerson, error) (*gen.WorkOrderPersonsPayload, error) {
	return func(ps []*ent.WorkOrderPerson, err error) (*gen.WorkOrderPersonsPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.WorkOrderPersonsPayload{Persons: ps, UserErrors: refused}, nil
	}
}

func workLogPayload(ctx context.Context) func(*ent.WorkLog, error) (*gen.WorkLogPayload, error) {
	return func(l *ent.WorkLog, err error) (*gen.WorkLogPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.WorkLogPayload{WorkLog: l, UserErrors: refused}, nil
	}
}

func gateLogPayload(ctx context.Context) func(*ent.GateLog, error) (*gen.GateLogPayload, error) {
	return func(l *ent.GateLog, err error) (*gen.GateLogPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.GateLogPayload{GateLog: l, UserErrors: refused}, nil
	}
}

func checklistPayload(ctx context.Context) func(*ent.GateChecklistItem, error) (*gen.GateChecklistItemPayload, error) {
	return func(item *ent.GateChecklistItem, err error) (*gen.GateChecklistItemPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.GateChecklistItemPayload{Item: item, UserErrors: refused}, nil
	}
}

// userOf is the user with the key; nil when there is none.
func userOf(ctx context.Context, key *int64) (*ent.User, error) {
	if key == nil {
		return nil, nil //nolint:nilnil // nobody yet
	}
	return loader.From(ctx).User.Load(ctx, *key)
}
