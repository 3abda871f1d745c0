package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/loader"
	"aliaport/internal/motorbot"
	"aliaport/internal/trip"
)

func updateMotorbot(in gen.UpdateMotorbotInput) motorbot.UpdateInput {
	return motorbot.UpdateInput{
		ID: in.ID, Version: in.Version, Name: in.Name, Plate: change(in.Plate), CapacityTon: change(in.CapacityTon),
		MaxSpeedKnot: change(in.MaxSpeedKnot), GrossTonnage: change(in.GrossTonnage), Flag: change(in.Flag),
		OwnerID: change(in.OwnerID), AcquiredOn: change(in.AcquiredOn), Notes: change(in.Notes),
	}
}

func updateTrip(in gen.UpdateTripInput) trip.UpdateInput {
	return trip.UpdateInput{
		ID: in.ID, Version: in.Version, MotorbotID: in.MotorbotID, PlannedDepartureAt: in.PlannedDepartureAt,
		PlannedReturnAt: change(in.PlannedReturnAt), DeparturePier: change(in.DeparturePier), ArrivalPier: change(in.ArrivalPier),
		CariID: change(in.CariID), WorkOrderID: change(in.WorkOrderID), ServiceCode: change(in.ServiceCode), CargoDescription: change(in.CargoDescription), Notes: change(in.Notes),
	}
}

func motorbotPayload(ctx context.Context) func(*ent.Motorbot, error) (*gen.MotorbotPayload, error) {
	return func(m *ent.Motorbot, err error) (*gen.MotorbotPayload, error) {
		refused, err := userErrors(ctx, err)
		if err != nil {
			return nil, err
		}
		return &gen.MotorbotPayload{Motorbot: m, UserErrors: refused}, nil
	}
}

// tripPayload shapes the result of a change to a trip; a conflict comes with the trip
// that is in the way.
func tripPayload(ctx context.Context) func(*trip.Result, error) (*gen.TripPayload, error) {
	return func(r *trip.Result, err error) (*gen.TripPayload, error) {
		refused, failed := userErrors(ctx, err)
		if failed != nil {
			return nil, failed
		}
		p := &gen.TripPayload{OverlappingHistory: []*ent.Trip{}, Warnings: []*gen.UserError{}, UserErrors: refused}
		if r != nil {
			p.Warnings = told(ctx, r.Warnings)
			p.Trip = r.Trip
			p.OverlappingHistory = append(p.OverlappingHistory, r.Past...)
		}
		if other, ok := trip.InTheWay(err); ok {
			p.ConflictingTrip, err = loader.From(ctx).Trip.Load(ctx, other)
			return p, err
		}
		return p, nil
	}
}
