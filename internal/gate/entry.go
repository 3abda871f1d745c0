package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"aliaport/ent/notificationevent"
	"aliaport/internal/notification"

	"aliaport/ent"
	"aliaport/ent/gatelog"
	"aliaport/ent/motorbot"
	"aliaport/ent/predicate"
	"aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/parameter"
	"aliaport/internal/plate"
	"aliaport/internal/store"
)

// EntryInput is a vehicle, a person or a vehicle with its driver who comes in.
type EntryInput struct {
	WorkOrderID    *globalid.ID
	WoNumber       *string
	VehiclePlate   *string
	VehicleType    *gatelog.VehicleType
	DriverName     *string
	PersonID       *globalid.ID
	MotorbotID     *globalid.ID  // what they come for
	Ticked         []globalid.ID // points of the checklist that were found in order
	Exception      *ExceptionInput
	EntryAt        *time.Time // by hand
	DeviceTime     *time.Time // of the device at the gate; nothing is decided by it
	Notes          *string
	IdempotencyKey *string

	plate plate.Plate
}

// ExceptionInput lets somebody in despite a failed check.
type ExceptionInput struct {
	Pin    string `json:"-"` // nothing that is kept is made from it
	Reason string
}

// Enter records an entry. The number and the status of the order are looked up, and
// the time is the server's.
func (s *Service) Enter(ctx context.Context, in EntryInput) (*ent.GateLog, error) {
	if err := actor.Require(ctx, actor.GateWrite); err != nil {
		return nil, err
	}
	if in.Exception != nil || in.EntryAt != nil {
		if err := actor.Require(ctx, actor.GateException); err != nil {
			return nil, err
		}
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	if in.Exception != nil {
		if err := s.prove(ctx, in.Exception.Pin); err != nil {
			return nil, err
		}
	}
	var id int64
	err := s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		id, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "gateEntry", in, func() (int64, error) {
			return s.enter(ctx, tx, in)
		})
		return err
	})
	if err != nil {
		return nil, alreadyInside(err, in.VehiclePlate)
	}
	return s.reread(ctx, id)
}

func (in *EntryInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.OptionalText("woNumber", &in.WoNumber, 50))
	faults.Add(input.OptionalText("vehiclePlate", &in.VehiclePlate, maxTyped))
	faults.Add(input.OptionalText("driverName", &in.DriverName, maxDriver))
	faults.Add(input.OptionalText("notes", &in.Notes, maxNotes))
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	if (in.WorkOrderID == nil) == (in.WoNumber == nil) {
		faults.Add(apperr.Invalid("woNumber", apperr.OneOf, "fields", "workOrderId, woNumber"))
	}
	if in.VehiclePlate == nil {
		if in.PersonID == nil {
			faults.Add(apperr.Invalid("vehiclePlate", apperr.Required))
		}
		if in.VehicleType != nil {
			faults.Add(apperr.Invalid("vehicleType", apperr.NotAVehicle))
		}
		if in.DriverName != nil {
			faults.Add(apperr.Invalid("driverName", apperr.NotAVehicle))
		}
	} else {
		var ok bool
		if in.plate, ok = plate.Parse(*in.VehiclePlate); !ok {
			faults.Add(apperr.Invalid("vehiclePlate", apperr.Plate))
		}
	}
	if len(in.Ticked) > maxChecked {
		faults.Add(apperr.Invalid("ticked", apperr.TooMany, "max", maxChecked))
	}
	if in.Exception != nil {
		faults.Add(atException(input.Text("reason", &in.Exception.Reason, minReason, maxReason)))
	}
	return faults.OrNil()
}

func atException(e *apperr.Error) *apperr.Error {
	if e == nil {
		return nil
	}
	return e.At("exception")
}

// alreadyInside tells the refusals of the indexes that let a plate and a person be
// inside once.
func alreadyInside(err error, typed *string) error {
	switch f := store.Classify(err); {
	case f.Is("gate_logs_plate_inside"):
		return apperr.New(apperr.GateLogInside, "who", *typed).At("vehiclePlate")
	case f.Is("gate_logs_person_inside"):
		return apperr.New(apperr.GateLogInside, "who", "personId").At("personId")
	}
	return err
}

func (s *Service) enter(ctx context.Context, tx *ent.Tx, in EntryInput) (int64, error) {
	now := s.Now()
	at, isManual, refused := moment("entryAt", in.EntryAt, now)
	if refused != nil {
		return 0, refused
	}
	wo, err := findOrder(ctx, tx, in)
	if err != nil {
		return 0, err
	}
	list, err := checked(ctx, tx, wo, in.Ticked)
	if err != nil {
		return 0, err
	}
	failed, err := judge(wo, list, in.Exception)
	if err != nil {
		return 0, err
	}
	person, err := s.admit(ctx, tx, wo, in.PersonID, at)
	if err != nil {
		return 0, err
	}
	if isManual {
		if err := free(ctx, tx, in, person, at); err != nil {
			return 0, err
		}
	}
	boat, err := boatOf(ctx, tx, in.MotorbotID)
	if err != nil {
		return 0, err
	}
	base, err := parameter.Get(ctx, tx.Client(), parameter.StayBaseMinutes)
	if err != nil {
		return 0, err
	}

	who := actor.From(ctx)
	c := tx.GateLog.Create().SetWorkOrderID(wo.ID).SetWoNumber(wo.WoNumber).SetWoStatus(gatelog.WoStatus(wo.Status)).
		SetSubject(gatelog.SubjectPerson).SetChecklistComplete(list.isComplete()).SetBaseMinutes(base).
		SetEntryAt(at).SetNillableEntryDeviceAt(cut(in.DeviceTime)).SetEntryIsManual(isManual).SetEntryBy(who.ID).SetEntryByName(who.Name).
		SetNillableMotorbotID(boat).SetNillableNotes(in.Notes).SetCreatedAt(now).SetUpdatedAt(now)
	e := audit.Event{Action: audit.GateEntry, Resource: audit.GateLog, Changes: audit.Changes{"wo_number": {nil, wo.WoNumber}, "entry_at": {nil, at}}}
	if in.VehiclePlate != nil {
		c.SetSubject(gatelog.SubjectVehicle).SetVehiclePlate(*in.VehiclePlate).SetPlateNorm(in.plate.Norm).SetIsForeignPlate(in.plate.IsForeign).
			SetNillableVehicleType(in.VehicleType).SetNillableDriverName(in.DriverName)
		e.Changes["plate_norm"] = [2]any{nil, in.plate.Norm}
	}
	if person != nil {
		c.SetPersonID(person.ID)
		if in.VehiclePlate != nil && in.DriverName == nil {
			c.SetDriverName(person.FullName)
		}
		e.Changes["person_id"] = [2]any{nil, person.ID}
	}
	if len(list) > 0 {
		kept, err := json.Marshal(list)
		if err != nil {
			return 0, fmt.Errorf("keep the checklist: %w", err)
		}
		c.SetChecklist(kept)
	}
	if len(failed) > 0 {
		c.SetIsException(true).SetExceptionReason(in.Exception.Reason)
		e.Action, e.Extra = audit.GateException, map[string]any{"reason": in.Exception.Reason, "passed_over": failed}
	}
	l, err := c.Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("record an entry under %s: %w", wo.WoNumber, err)
	}
	e.EntityID = l.ID
	if err := audit.Record(ctx, tx, now, e); err != nil {
		return 0, err
	}
	if len(failed) == 0 {
		return l.ID, nil
	}
	_, err = notification.Publish(ctx, tx, now, notification.Event{
		Kind: notificationevent.KindGateException, Key: strconv.FormatInt(l.ID, 10), Entity: "GateLog", EntityID: l.ID,
		Data: map[string]any{"woNumber": wo.WoNumber, "by": who.Name, "failed": strings.Trim(strings.ReplaceAll(fmt.Sprint(failed), " ", ", "), "[]"), "reason": in.Exception.Reason},
	})
	return l.ID, err
}

// findOrder reads the order and keeps it from taking a step until the entry is on
// record. Entries do not keep each other waiting.
func findOrder(ctx context.Context, tx *ent.Tx, in EntryInput) (*ent.WorkOrder, error) {
	q, field := tx.WorkOrder.Query().Where(workorder.IsActive(true), store.ForKeyShare), "woNumber"
	if in.WorkOrderID != nil {
		key, err := in.WorkOrderID.Of("WorkOrder")
		if err != nil {
			return nil, err
		}
		q.Where(workorder.ID(key))
		field = "workOrderId"
	} else {
		q.Where(workorder.WoNumber(strings.ToUpper(*in.WoNumber)))
	}
	wo, err := q.Only(ctx)
	if ent.IsNotFound(err) {
		return nil, apperr.New(apperr.WorkOrderNotFound).At(field)
	}
	if err != nil {
		return nil, fmt.Errorf("find the work order of an entry: %w", err)
	}
	return wo, nil
}

// judge applies what an exception can pass over: the order is released for work, and
// what the gate has to check was found in order. It returns what was passed over.
func judge(wo *ent.WorkOrder, list checklist, e *ExceptionInput) (failed []apperr.Code, err error) {
	var faults apperr.Errors
	switch wo.Status {
	case workorder.StatusApproved, workorder.StatusInProgress:
	case workorder.StatusClosed, workorder.StatusCancelled: // final: no exception either
		return nil, apperr.New(apperr.GateLogNotApproved, "woNumber", wo.WoNumber, "status", wo.Status)
	case workorder.StatusDraft, workorder.StatusSubmitted, workorder.StatusRejected, workorder.StatusCompleted, workorder.StatusInvoiced:
		faults.Add(apperr.New(apperr.GateLogNotApproved, "woNumber", wo.WoNumber, "status", wo.Status))
	}
	if missing := list.missing(); wo.GateRequired && len(missing) > 0 {
		faults.Add(apperr.New(apperr.GateLogChecklist, "labels", strings.Join(missing, ", ")).At("ticked"))
	}
	if e == nil {
		return nil, faults.OrNil()
	}
	for _, f := range faults {
		failed = append(failed, f.Code)
	}
	return failed, nil
}

// admit lets a person of the order in whom security has approved; nil for a vehicle
// alone.
func (s *Service) admit(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, id *globalid.ID, at time.Time) (*ent.WorkOrderPerson, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // nobody
	}
	key, err := id.Of("WorkOrderPerson")
	if err != nil {
		return nil, err
	}
	p, err := tx.WorkOrderPerson.Query().Where(workorderperson.ID(key), workorderperson.IsActive(true), store.ForUpdate).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, apperr.New(apperr.PersonNotFound).At("personId")
	case err != nil:
		return nil, fmt.Errorf("find person %d: %w", key, err)
	case p.WorkOrderID != wo.ID:
		return nil, apperr.Invalid("personId", apperr.AnotherOrder)
	}
	switch p.Status {
	case workorderperson.StatusEntered:
		return nil, apperr.New(apperr.GateLogInside, "who", p.FullName).At("personId")
	case workorderperson.StatusAnnounced, workorderperson.StatusRefused:
		return nil, apperr.New(apperr.GateLogPerson).At("personId")
	case workorderperson.StatusApproved, workorderperson.StatusExited:
	}
	// Not UpdateOne, which would read the person once more.
	u := tx.WorkOrderPerson.Update().Where(workorderperson.ID(key)).SetStatus(workorderperson.StatusEntered).SetGateEntryAt(at).SetUpdatedAt(s.Now())
	if err := u.Exec(ctx); err != nil {
		return nil, fmt.Errorf("note that person %d came in: %w", key, err)
	}
	return p, nil
}

// boatOf is the key of a boat that is there; nil for none.
func boatOf(ctx context.Context, tx *ent.Tx, id *globalid.ID) (*int64, error) {
	if id == nil {
		return nil, nil //nolint:nilnil // for no boat
	}
	key, err := id.Of("Motorbot")
	if err != nil {
		return nil, err
	}
	there, err := tx.Motorbot.Query().Where(motorbot.ID(key), motorbot.IsActive(true)).Exist(ctx)
	if err != nil {
		return nil, fmt.Errorf("find motorboat %d: %w", key, err)
	}
	if !there {
		return nil, apperr.New(apperr.MotorbotNotFound).At("motorbotId")
	}
	return &key, nil
}

// free refuses an entry by hand into a stay of the vehicle or of the person that has
// ended since.
func free(ctx context.Context, tx *ent.Tx, in EntryInput, person *ent.WorkOrderPerson, at time.Time) error {
	ended := func(whose predicate.GateLog, who, field string) error {
		there, err := tx.GateLog.Query().Where(whose, gatelog.IsSuperseded(false), gatelog.ExitAtGT(at)).Exist(ctx)
		if err != nil {
			return fmt.Errorf("look for a stay at the time of an entry: %w", err)
		}
		if there {
			return apperr.New(apperr.GateLogInside, "who", who).At(field)
		}
		return nil
	}
	if in.VehiclePlate != nil {
		if err := ended(gatelog.PlateNorm(in.plate.Norm), *in.VehiclePlate, "vehiclePlate"); err != nil {
			return err
		}
	}
	if person != nil {
		return ended(gatelog.PersonID(person.ID), person.FullName, "personId")
	}
	return nil
}

// tick is a point of the checklist as it was when somebody came in.
type tick struct {
	ID       int64  `json:"id"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
	Ticked   bool   `json:"ticked"`
}

type checklist []tick

// missing are the labels of the required points that are not in order.
func (l checklist) missing() (labels []string) {
	for _, t := range l {
		if t.Required && !t.Ticked {
			labels = append(labels, t.Label)
		}
	}
	return labels
}

func (l checklist) isComplete() bool { return len(l) > 0 && len(l.missing()) == 0 }

// checked is the checklist for the order, ticked. Where the gate need not check and
// did not, it is empty.
func checked(ctx context.Context, tx *ent.Tx, wo *ent.WorkOrder, ids []globalid.ID) (checklist, error) {
	if !wo.GateRequired && len(ids) == 0 {
		return nil, nil
	}
	items, err := itemsOf(ctx, tx.Client(), itemType(wo.Type), false)
	if err != nil {
		return nil, err
	}
	list := make(checklist, len(items))
	for i, item := range items {
		list[i] = tick{ID: item.ID, Label: item.Label, Required: item.IsRequired}
	}
	var faults apperr.Errors
	for n, id := range ids {
		key, err := id.Of("GateChecklistItem")
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(list, func(t tick) bool { return t.ID == key })
		if i < 0 {
			faults.Add(apperr.Invalid(strconv.Itoa(n), apperr.NotOfThisType).At("ticked"))
			continue
		}
		list[i].Ticked = true
	}
	return list, faults.OrNil()
}

// Recorded is a checklist as a gate log keeps it.
func Recorded(items []*ent.GateChecklistItem, ticked func(i int) bool) (json.RawMessage, error) {
	list := make(checklist, len(items))
	for i, item := range items {
		list[i] = tick{ID: item.ID, Label: item.Label, Required: item.IsRequired, Ticked: ticked(i)}
	}
	kept, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("keep the checklist: %w", err)
	}
	return kept, nil
}

// Tick is a point of the checklist on a gate log.
type Tick struct {
	ItemID     globalid.ID
	Label      string
	IsRequired bool
	IsTicked   bool
}

// Ticks are the points of the checklist as they were when the vehicle or person came
// in.
func Ticks(l *ent.GateLog) ([]Tick, error) {
	if len(l.Checklist) == 0 {
		return []Tick{}, nil
	}
	var list checklist
	if err := json.Unmarshal(l.Checklist, &list); err != nil {
		return nil, fmt.Errorf("checklist of gate log %d: %w", l.ID, err)
	}
	ticks := make([]Tick, len(list))
	for i, t := range list {
		ticks[i] = Tick{ItemID: globalid.ID{Type: "GateChecklistItem", Key: t.ID}, Label: t.Label, IsRequired: t.Required, IsTicked: t.Ticked}
	}
	return ticks, nil
}
