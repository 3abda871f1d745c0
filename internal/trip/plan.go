package trip

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	entmotorbot "aliaport/ent/motorbot"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/motorbot"
	"aliaport/internal/parameter"
	"aliaport/internal/sequence"
	"aliaport/internal/store"
)

// PlanInput describes a new trip. The boat and the customer, if there is one, are
// named by id or by code.
type PlanInput struct {
	MotorbotID         *globalid.ID
	MBCode             *string
	PlannedDepartureAt time.Time
	PlannedReturnAt    *time.Time
	DeparturePier      *string
	ArrivalPier        *string
	CariID             *globalid.ID
	CariCode           *string
	WorkOrderID        *globalid.ID
	ServiceCode        *string // by which it is priced; nil: by the parameters of trips
	CargoDescription   *string
	Notes              *string
	IdempotencyKey     *string
}

// Plan gives a boat a trip, under the next number of the year. A boat that another
// trip keeps busy in these hours is refused with SEFER_CONFLICT.
func (s *Service) Plan(ctx context.Context, in PlanInput) (*Result, error) {
	if err := actor.Require(ctx, actor.TripWrite); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var id int64
	err := s.inTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "planTrip", in, func() (int64, error) {
			return s.plan(ctx, tx, in)
		})
		return err
	})
	if store.Classify(err).Is("trips_trip_no") { // the sequence was set back by hand
		err = apperr.New(apperr.TripDuplicate)
	}
	return s.afterWithPast(ctx, id, err)
}

// clean trims the texts and refuses everything that can be told without looking
// anything up, all faults at once.
func (in *PlanInput) clean() error {
	var faults apperr.Errors
	if (in.MotorbotID == nil) == (in.MBCode == nil) {
		faults.Add(apperr.Invalid("mbCode", apperr.OneOf, "fields", "motorbotId, mbCode"))
	}
	if in.CariID != nil && in.CariCode != nil {
		faults.Add(apperr.Invalid("cariCode", apperr.NotTogether, "fields", "cariId, cariCode"))
	}
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	faults.Add(input.OptionalText("serviceCode", &in.ServiceCode, 50))
	faults = append(faults, texts(&in.DeparturePier, &in.ArrivalPier, &in.CargoDescription, &in.Notes)...)
	if in.DeparturePier == nil && in.ArrivalPier == nil {
		faults.Add(noPier())
	}
	in.PlannedDepartureAt, in.PlannedReturnAt = *utc(&in.PlannedDepartureAt), utc(in.PlannedReturnAt)
	faults.Add(inOrder(in.PlannedDepartureAt, in.PlannedReturnAt, "plannedReturnAt"))
	return faults.OrNil()
}

func texts(from, to, cargo, notes **string) (faults apperr.Errors) {
	faults.Add(input.OptionalText("departurePier", from, 100))
	faults.Add(input.OptionalText("arrivalPier", to, 100))
	faults.Add(input.OptionalText("cargoDescription", cargo, 500))
	faults.Add(input.OptionalText("notes", notes, 1000))
	return faults
}

func noPier() *apperr.Error {
	return apperr.Invalid("departurePier", apperr.AtLeastOne, "fields", "departurePier, arrivalPier")
}

// inOrder refuses a return that does not come after the departure.
func inOrder(departure time.Time, back *time.Time, field string) *apperr.Error {
	if back != nil && !back.After(departure) {
		return apperr.New(apperr.TripDate).At(field)
	}
	return nil
}

func (s *Service) plan(ctx context.Context, tx *ent.Tx, in PlanInput) (int64, error) {
	boat, err := s.boat(ctx, tx, in.MotorbotID, in.MBCode)
	if err != nil {
		return 0, err
	}
	h, err := plannedHours(ctx, tx, in.PlannedDepartureAt, in.PlannedReturnAt)
	if err != nil {
		return 0, err
	}
	if err := s.free(ctx, tx, claim{boat: boat.ID, hours: h}); err != nil {
		return 0, at(err, "plannedDepartureAt")
	}
	who, now := actor.From(ctx), s.Now()
	c := tx.Trip.Create().SetMotorbotID(boat.ID).SetTripDate(calendar.DateOf(h.from)).SetPlannedDepartureAt(h.from).SetNillablePlannedReturnAt(in.PlannedReturnAt).
		SetStartsAt(h.from).SetNillableEndsAt(h.to).SetNillableDeparturePier(in.DeparturePier).SetNillableArrivalPier(in.ArrivalPier).
		SetNillableCargoDescription(in.CargoDescription).SetNillableNotes(in.Notes).
		SetCreatedBy(who.ID).SetUpdatedBy(who.ID).SetCreatedAt(now).SetUpdatedAt(now)
	if in.CariID != nil || in.CariCode != nil {
		customer, err := s.customer(ctx, tx, in.CariID, in.CariCode)
		if err != nil {
			return 0, err
		}
		c.SetCariID(customer.ID).SetCariCode(customer.CariCode)
	}
	if in.WorkOrderID != nil {
		order, err := workOrder(ctx, tx, *in.WorkOrderID)
		if err != nil {
			return 0, err
		}
		c.SetWorkOrderID(order)
	}
	if in.ServiceCode != nil {
		sold, err := sold(ctx, tx, *in.ServiceCode)
		if err != nil {
			return 0, err
		}
		c.SetServiceID(sold)
	}
	// The number comes after all that can be refused: its row is locked until the commit.
	number, err := sequence.Next(ctx, tx, sequence.Trip, calendar.Year(now))
	if err != nil {
		return 0, err
	}
	t, err := c.SetTripNo(number).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("plan trip %s: %w", number, err)
	}
	return t.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.Trip, EntityID: t.ID,
		Changes: audit.Changes{
			"trip_no":              {nil, number},
			"mb_code":              {nil, boat.MBCode},
			"planned_departure_at": {nil, h.from},
			"planned_return_at":    {nil, audit.Shown(in.PlannedReturnAt)},
			"cari_code":            {nil, audit.Shown(t.CariCode)},
		},
	})
}

// boat locks the boat of a plan, which must be there and not laid up. One that is
// being maintained may be planned with: it will be back.
func (s *Service) boat(ctx context.Context, tx *ent.Tx, id *globalid.ID, code *string) (*ent.Motorbot, error) {
	field, key := "motorbotId", int64(0)
	var err error
	if id != nil {
		key, err = id.Of("Motorbot")
	} else {
		field = "mbCode"
		key, err = tx.Motorbot.Query().Where(entmotorbot.MBCode(*code)).OnlyID(ctx)
		if ent.IsNotFound(err) {
			return nil, apperr.New(apperr.MotorbotNotFound).At(field)
		}
	}
	if err != nil {
		return nil, err
	}
	m, err := motorbot.Locked(ctx, tx, s.DB.Dialect(), key)
	if err != nil {
		return nil, at(err, field)
	}
	if m.Status == entmotorbot.StatusOutOfService {
		return nil, motorbot.Unavailable(m).At(field)
	}
	return m, nil
}

// at points a refusal at the input field; other errors stay as they are.
func at(err error, field string) error {
	if refused, ok := apperr.All(err); ok && len(refused) == 1 {
		return refused[0].At(field)
	}
	return err
}

// plannedHours are the hours of a plan by the parameter TRIP_DEFAULT_HOURS.
func plannedHours(ctx context.Context, tx *ent.Tx, departure time.Time, back *time.Time) (hours, error) {
	usual, err := parameter.Get(ctx, tx.Client(), parameter.TripDefaultHours)
	if err != nil {
		return hours{}, err
	}
	micros := usual.Mul(decimal.NewFromInt(time.Hour.Microseconds())).IntPart()
	return planned(departure, back, time.Duration(micros)*time.Microsecond), nil
}

func (s *Service) customer(ctx context.Context, tx *ent.Tx, id *globalid.ID, code *string) (*ent.Cari, error) {
	return cari.Active(ctx, tx, s.DB.Dialect(), cari.Ref{ID: id, Code: code, IDField: "cariId", CodeField: "cariCode"})
}

// workOrder is the key of a work order that is not deleted.
func workOrder(ctx context.Context, tx *ent.Tx, id globalid.ID) (int64, error) {
	key, err := id.Of("WorkOrder")
	if err != nil {
		return 0, err
	}
	found, err := tx.WorkOrder.Query().Where(workorder.ID(key), workorder.IsActive(true)).Exist(ctx)
	switch {
	case err != nil:
		return 0, fmt.Errorf("find work order %d: %w", key, err)
	case !found:
		return 0, apperr.New(apperr.WorkOrderNotFound).At("workOrderId")
	}
	return key, nil
}
