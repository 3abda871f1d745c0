package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/loader"
	"aliaport/internal/person"
)

func (r *mutationResolver) AddWorkOrderPerson(ctx context.Context, input person.AddInput) (*gen.WorkOrderPersonsPayload, error) {
	return personsPayload(ctx)(r.Persons.Add(ctx, input))
}

func (r *mutationResolver) UpdateWorkOrderPerson(ctx context.Context, input gen.UpdateWorkOrderPersonInput) (*gen.WorkOrderPersonPayload, error) {
	return personPayload(ctx)(r.Persons.Update(ctx, updateWorkOrderPerson(input)))
}

func (r *mutationResolver) RemoveWorkOrderPerson(ctx context.Context, input gen.RemoveWorkOrderPersonInput) (*gen.WorkOrderPersonPayload, error) {
	return personPayload(ctx)(r.Persons.Remove(ctx, input.ID))
}

func (r *mutationResolver) ApproveWorkOrderPersons(ctx context.Context, input person.ApproveInput) (*gen.WorkOrderPersonsPayload, error) {
	return personsPayload(ctx)(r.Persons.Approve(ctx, input))
}

func (r *mutationResolver) RefuseWorkOrderPerson(ctx context.Context, input person.RefuseInput) (*gen.WorkOrderPersonPayload, error) {
	return personPayload(ctx)(r.Persons.Refuse(ctx, input))
}

func (r *workOrderResolver) Persons(ctx context.Context, obj *ent.WorkOrder) ([]*ent.WorkOrderPerson, error) {
	return loader.From(ctx).PersonsOfWorkOrder.Load(ctx, obj.ID)
}

func (r *workOrderPersonResolver) NationalID(ctx context.Context, obj *ent.WorkOrderPerson) (*string, error) {
	return person.Shown(ctx, obj.NationalID), nil
}

func (r *workOrderPersonResolver) PassportNo(ctx context.Context, obj *ent.WorkOrderPerson) (*string, error) {
	return person.Shown(ctx, obj.PassportNo), nil
}

func (r *workOrderPersonResolver) Phone(ctx context.Context, obj *ent.WorkOrderPerson) (*string, error) {
	return person.Shown(ctx, obj.Phone), nil
}

func (r *workOrderPersonResolver) DecidedBy(ctx context.Context, obj *ent.WorkOrderPerson) (*ent.User, error) {
	return userOf(ctx, obj.DecidedBy)
}

func (r *Resolver) WorkOrderPerson() gen.WorkOrderPersonResolver { return &workOrderPersonResolver{r} }

type workOrderPersonResolver struct{ *Resolver }
