// Package person holds the rules of those who are announced at the gate under a work
// order (iş emri kişisi): who they are, and whether security lets them in.
package person

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"aliaport/ent"
	entworkorder "aliaport/ent/workorder"
	"aliaport/ent/workorderperson"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/identity"
	"aliaport/internal/input"
	"aliaport/internal/store"
	"aliaport/internal/workorder"
)

// Max is how many persons an order can have, and how many are decided on at once.
const Max = 200

const (
	longestNotes = 500
	minReason    = 10 // characters of a reason, after trimming
)

// Service announces persons and decides on them.
type Service struct {
	DB  *store.DB
	Now func() time.Time
	// IdempotencyTTL is how long an announcement can be repeated under its key.
	IdempotencyTTL time.Duration
}

// Input describes somebody. Who has neither a national id nor a passport cannot be
// told from others.
type Input struct {
	FullName    string
	NationalID  *string // TCKN of a Turkish citizen
	PassportNo  *string
	Nationality string // ISO 3166 alpha-3
	Phone       *string
}

func (in *Input) clean() (faults apperr.Errors) {
	faults.Add(input.Text("fullName", &in.FullName, 2, 200))
	faults.Add(input.OptionalText("nationalId", &in.NationalID, 11))
	faults.Add(input.OptionalText("passportNo", &in.PassportNo, 50))
	faults.Add(input.OptionalText("phone", &in.Phone, 50))
	if len(faults) > 0 { // the numbers are not fit to be looked at
		return faults
	}
	if !identity.IsNationality(in.Nationality) {
		faults.Add(apperr.Invalid("nationality", apperr.Nationality))
	}
	if in.NationalID == nil && in.PassportNo == nil {
		faults.Add(apperr.Invalid("nationalId", apperr.Identity))
	}
	if id := in.NationalID; id != nil && in.Nationality == identity.Turkish && !identity.IsNationalID(*id) {
		faults.Add(apperr.Invalid("nationalId", apperr.NationalID))
	}
	if in.PassportNo != nil {
		number, ok := identity.Passport(*in.PassportNo)
		if !ok {
			faults.Add(apperr.Invalid("passportNo", apperr.Passport))
		}
		in.PassportNo = &number
	}
	if in.Phone != nil {
		number, ok := identity.Phone(*in.Phone)
		if !ok {
			faults.Add(apperr.Invalid("phone", apperr.Phone))
		}
		in.Phone = &number
	}
	return faults
}

// like tells in which field somebody is another; empty when it is somebody else.
func (in *Input) like(nationalID, passportNo *string) string {
	switch {
	case in.NationalID != nil && nationalID != nil && *in.NationalID == *nationalID:
		return "nationalId"
	case in.PassportNo != nil && passportNo != nil && *in.PassportNo == *passportNo:
		return "passportNo"
	}
	return ""
}

// AddInput announces persons for an order.
type AddInput struct {
	WorkOrderID    globalid.ID
	Persons        []Input
	IdempotencyKey *string
}

// Add announces persons, all or none of them. Nobody is announced twice for an order.
func (s *Service) Add(ctx context.Context, in AddInput) ([]*ent.WorkOrderPerson, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	order, err := in.WorkOrderID.Of("WorkOrder")
	if err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	var first int64
	err = s.DB.InTx(ctx, func(tx *ent.Tx) (err error) {
		first, err = idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "addWorkOrderPersons", in, func() (int64, error) {
			return s.add(ctx, tx, order, in.Persons)
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	// Under the order's lock its persons got their keys one after the other.
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	added, err := s.DB.WorkOrderPerson.Query().Where(workorderperson.WorkOrderID(order), workorderperson.IDGTE(first)).
		Order(workorderperson.ByID()).Limit(len(in.Persons)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read persons of work order %d again: %w", order, err)
	}
	return added, nil
}

func (in *AddInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	switch {
	case len(in.Persons) == 0:
		faults.Add(apperr.Invalid("persons", apperr.Required))
	case len(in.Persons) > Max:
		faults.Add(apperr.Invalid("persons", apperr.TooMany, "max", Max))
		return faults
	}
	for i := range in.Persons {
		for _, e := range in.Persons[i].clean() {
			faults.Add(e.At("persons", strconv.Itoa(i)))
		}
	}
	return faults.OrNil()
}

func (s *Service) add(ctx context.Context, tx *ent.Tx, order int64, persons []Input) (int64, error) {
	wo, err := workorder.Lock(ctx, tx, order)
	if err != nil {
		return 0, err
	}
	if err := mayChange(wo); err != nil {
		return 0, err
	}
	there, err := tx.WorkOrderPerson.Query().Where(workorderperson.WorkOrderID(order), workorderperson.IsActive(true)).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("read persons of work order %d: %w", order, err)
	}
	if len(there)+len(persons) > Max {
		return 0, apperr.Invalid("persons", apperr.TooMany, "max", Max)
	}
	if err := twice(there, persons); err != nil {
		return 0, err
	}
	now, who := s.Now(), actor.From(ctx)
	creates := make([]*ent.WorkOrderPersonCreate, len(persons))
	for i, p := range persons {
		creates[i] = tx.WorkOrderPerson.Create().SetWorkOrderID(order).SetFullName(p.FullName).SetNillableNationalID(p.NationalID).
			SetNillablePassportNo(p.PassportNo).SetNationality(p.Nationality).SetNillablePhone(p.Phone).
			SetCreatedBy(who.ID).SetCreatedAt(now).SetUpdatedAt(now)
	}
	made, err := tx.WorkOrderPerson.CreateBulk(creates...).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("add persons to work order %d: %w", order, err)
	}
	for _, p := range made {
		err := audit.Record(ctx, tx, now, audit.Event{
			Action: audit.Create, Resource: audit.WorkOrderPerson, EntityID: p.ID,
			Changes: audit.Changes{
				"work_order_id": {nil, order}, "full_name": {nil, p.FullName}, "nationality": {nil, p.Nationality},
				"national_id": {nil, audit.Shown(p.NationalID)}, "passport_no": {nil, audit.Shown(p.PassportNo)},
			},
		})
		if err != nil {
			return 0, err
		}
	}
	return made[0].ID, nil
}

// twice refuses those who are there already, and those who come twice in one list.
func twice(there []*ent.WorkOrderPerson, persons []Input) error {
	var faults apperr.Errors
	for i := range persons {
		p, field := &persons[i], ""
		for _, t := range there {
			if field == "" {
				field = p.like(t.NationalID, t.PassportNo)
			}
		}
		for _, other := range persons[:i] {
			if field == "" {
				field = p.like(other.NationalID, other.PassportNo)
			}
		}
		if field != "" {
			faults.Add(apperr.New(apperr.Duplicate).At("persons", strconv.Itoa(i), field))
		}
	}
	return faults.OrNil()
}

// mayChange refuses to change who is announced for an order that is done with.
func mayChange(wo *ent.WorkOrder) error {
	switch wo.Status {
	case entworkorder.StatusDraft, entworkorder.StatusSubmitted, entworkorder.StatusRejected, entworkorder.StatusApproved, entworkorder.StatusInProgress:
		return nil
	case entworkorder.StatusCompleted, entworkorder.StatusInvoiced, entworkorder.StatusClosed, entworkorder.StatusCancelled:
	}
	e := apperr.New(apperr.WorkOrderLocked, "status", wo.Status)
	e.Text = apperr.PersonsLocked
	return e
}

// UpdateInput changes somebody who is not approved yet. Nil fields and changes not
// given stay.
type UpdateInput struct {
	ID          globalid.ID
	Version     int // as it was read
	FullName    *string
	NationalID  input.Change[string]
	PassportNo  input.Change[string]
	Nationality *string
	Phone       input.Change[string]
}

// Update changes somebody. Whoever was refused is announced anew with it. On
// VERSION_CONFLICT the current record comes back with the refusal.
func (s *Service) Update(ctx context.Context, in UpdateInput) (*ent.WorkOrderPerson, error) {
	return s.change(ctx, in.ID, func(tx *ent.Tx, p *ent.WorkOrderPerson) error {
		if p.Version != in.Version {
			return apperr.New(apperr.VersionConflict, "current", p.Version, "expected", in.Version)
		}
		return s.update(ctx, tx, p, in)
	})
}

func (s *Service) update(ctx context.Context, tx *ent.Tx, p *ent.WorkOrderPerson, in UpdateInput) error {
	after := Input{
		FullName: or(in.FullName, p.FullName), NationalID: in.NationalID.Or(p.NationalID), PassportNo: in.PassportNo.Or(p.PassportNo),
		Nationality: or(in.Nationality, p.Nationality), Phone: in.Phone.Or(p.Phone),
	}
	if err := after.clean().OrNil(); err != nil {
		return err
	}
	others, err := tx.WorkOrderPerson.Query().
		Where(workorderperson.WorkOrderID(p.WorkOrderID), workorderperson.IsActive(true), workorderperson.IDNEQ(p.ID)).All(ctx)
	if err != nil {
		return fmt.Errorf("read persons of work order %d: %w", p.WorkOrderID, err)
	}
	for _, o := range others {
		if field := after.like(o.NationalID, o.PassportNo); field != "" {
			return apperr.New(apperr.Duplicate).At(field)
		}
	}
	u, changes := tx.WorkOrderPerson.UpdateOne(p), audit.Changes{}
	audit.Put(changes, "full_name", &after.FullName, p.FullName, u.SetFullName)
	audit.Put(changes, "nationality", &after.Nationality, p.Nationality, u.SetNationality)
	to := func(v *string) input.Change[string] { return input.Change[string]{Given: true, To: v} }
	audit.PutOrDrop(changes, "national_id", to(after.NationalID), p.NationalID, u.SetNationalID, u.ClearNationalID)
	audit.PutOrDrop(changes, "passport_no", to(after.PassportNo), p.PassportNo, u.SetPassportNo, u.ClearPassportNo)
	audit.PutOrDrop(changes, "phone", to(after.Phone), p.Phone, u.SetPhone, u.ClearPhone)
	if p.Status == workorderperson.StatusRefused {
		u.SetStatus(workorderperson.StatusAnnounced).ClearDecidedBy().ClearDecidedByName().ClearDecidedAt()
		changes.Set("status", p.Status, workorderperson.StatusAnnounced)
	}
	if err := u.AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("update person %d: %w", p.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.WorkOrderPerson, EntityID: p.ID, Changes: changes})
}

func or[T any](v *T, other T) T {
	if v == nil {
		return other
	}
	return *v
}

// Remove takes somebody who is not approved off the list. The row stays on record.
func (s *Service) Remove(ctx context.Context, id globalid.ID) (*ent.WorkOrderPerson, error) {
	return s.change(ctx, id, func(tx *ent.Tx, p *ent.WorkOrderPerson) error {
		if err := tx.WorkOrderPerson.UpdateOne(p).SetIsActive(false).AddVersion(1).SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
			return fmt.Errorf("remove person %d: %w", p.ID, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{
			Action: audit.Delete, Resource: audit.WorkOrderPerson, EntityID: p.ID,
			Changes: audit.Changes{"work_order_id": {p.WorkOrderID, nil}, "full_name": {p.FullName, nil}},
		})
	})
}

// change runs a change to somebody who may be changed, under the lock of the order
// and of the person: the officer decides without the former.
func (s *Service) change(ctx context.Context, id globalid.ID, do func(*ent.Tx, *ent.WorkOrderPerson) error) (*ent.WorkOrderPerson, error) {
	if err := actor.Require(ctx, actor.WorkOrderWrite); err != nil {
		return nil, err
	}
	key, err := id.Of("WorkOrderPerson")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		order, err := tx.WorkOrderPerson.Query().Where(workorderperson.ID(key), workorderperson.IsActive(true)).
			Select(workorderperson.FieldWorkOrderID).Int(ctx)
		if ent.IsNotFound(err) {
			return apperr.New(apperr.PersonNotFound).At("id")
		}
		if err != nil {
			return fmt.Errorf("find person %d: %w", key, err)
		}
		wo, err := workorder.Lock(ctx, tx, int64(order))
		if apperr.Is(err, apperr.WorkOrderNotFound) { // deleted, and its persons with it
			return apperr.New(apperr.PersonNotFound).At("id")
		}
		if err != nil {
			return err
		}
		found, err := lock(ctx, tx, []int64{key})
		if err != nil {
			return err
		}
		if len(found) == 0 { // removed meanwhile
			return apperr.New(apperr.PersonNotFound).At("id")
		}
		if approved(found[0].Status) {
			return apperr.New(apperr.PersonApproved).At("id")
		}
		if err := mayChange(wo); err != nil {
			return err
		}
		return do(tx, found[0])
	})
	return s.reread(ctx, key, err)
}

// reread returns the record after a change, and the current one beside a version
// conflict.
func (s *Service) reread(ctx context.Context, key int64, err error) (*ent.WorkOrderPerson, error) {
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	p, again := s.DB.WorkOrderPerson.Get(ctx, key)
	if again != nil {
		return nil, fmt.Errorf("read person %d again: %w", key, again)
	}
	return p, err
}

// approved holds for those whom security has let in or would.
func approved(s workorderperson.Status) bool {
	switch s {
	case workorderperson.StatusApproved, workorderperson.StatusEntered, workorderperson.StatusExited:
		return true
	case workorderperson.StatusAnnounced, workorderperson.StatusRefused:
	}
	return false
}

// lock reads those of the persons that are there, in the order of their keys.
func lock(ctx context.Context, tx *ent.Tx, keys []int64) ([]*ent.WorkOrderPerson, error) {
	found, err := tx.WorkOrderPerson.Query().Where(store.KeysIn(workorderperson.FieldID, keys), workorderperson.IsActive(true), store.ForUpdate).
		Order(workorderperson.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock persons: %w", err)
	}
	return found, nil
}

// ApproveInput names those who may come in.
type ApproveInput struct {
	IDs           []globalid.ID
	SecurityNotes *string
}

// Approve lets persons come in, all or none of them. The officer is the one who asks.
func (s *Service) Approve(ctx context.Context, in ApproveInput) ([]*ent.WorkOrderPerson, error) {
	if err := actor.Require(ctx, actor.GateWrite); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	faults.Add(input.OptionalText("securityNotes", &in.SecurityNotes, longestNotes))
	switch {
	case len(in.IDs) == 0:
		faults.Add(apperr.Invalid("ids", apperr.Required))
	case len(in.IDs) > Max:
		faults.Add(apperr.Invalid("ids", apperr.TooMany, "max", Max))
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.decide(ctx, in.IDs, decision{
		to: workorderperson.StatusApproved, notes: in.SecurityNotes, trail: audit.Approve,
		at: func(i int) []string { return []string{"ids", strconv.Itoa(i)} },
		refuse: func(p *ent.WorkOrderPerson) *apperr.Error {
			if approved(p.Status) {
				return apperr.New(apperr.PersonApproved)
			}
			return nil
		},
	})
}

// RefuseInput names somebody who may not come in.
type RefuseInput struct {
	ID     globalid.ID
	Reason string
}

// Refuse keeps somebody out, also one who was approved, unless they are inside.
func (s *Service) Refuse(ctx context.Context, in RefuseInput) (*ent.WorkOrderPerson, error) {
	if err := actor.Require(ctx, actor.GateWrite); err != nil {
		return nil, err
	}
	if e := input.Text("reason", &in.Reason, minReason, longestNotes); e != nil {
		return nil, e
	}
	refused, err := s.decide(ctx, []globalid.ID{in.ID}, decision{
		to: workorderperson.StatusRefused, notes: &in.Reason, trail: audit.Reject,
		at: func(int) []string { return []string{"id"} },
		refuse: func(p *ent.WorkOrderPerson) *apperr.Error {
			if p.Status == workorderperson.StatusEntered {
				return apperr.New(apperr.GateLogInside, "who", p.FullName)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return refused[0], nil
}

// decision is what an officer decides about persons.
type decision struct {
	to     workorderperson.Status
	notes  *string
	trail  audit.Action
	at     func(i int) []string // where in the input the i-th stands
	refuse func(*ent.WorkOrderPerson) *apperr.Error
}

func (s *Service) decide(ctx context.Context, ids []globalid.ID, d decision) ([]*ent.WorkOrderPerson, error) {
	keys := make([]int64, len(ids))
	for i, id := range ids {
		key, err := id.Of("WorkOrderPerson")
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		found, err := lock(ctx, tx, keys)
		if err != nil {
			return err
		}
		orders, err := ordersOf(ctx, tx, found)
		if err != nil {
			return err
		}
		var faults apperr.Errors
		for i, key := range keys {
			j := slices.IndexFunc(found, func(p *ent.WorkOrderPerson) bool { return p.ID == key })
			if j < 0 || orders[found[j].WorkOrderID] == nil {
				faults.Add(apperr.New(apperr.PersonNotFound).At(d.at(i)...))
			} else if e := d.refuse(found[j]); e != nil {
				faults.Add(e.At(d.at(i)...))
			}
		}
		if err := faults.OrNil(); err != nil {
			return err
		}
		for _, wo := range orders {
			if err := mayChange(wo); err != nil {
				return err
			}
		}
		return s.note(ctx, tx, found, d)
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	decided, err := s.DB.WorkOrderPerson.Query().Where(store.KeysIn(workorderperson.FieldID, keys)).Order(workorderperson.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read persons again: %w", err)
	}
	return decided, nil
}

// ordersOf are the orders of the persons, those that are deleted left out.
func ordersOf(ctx context.Context, tx *ent.Tx, persons []*ent.WorkOrderPerson) (map[int64]*ent.WorkOrder, error) {
	keys := make([]int64, 0, len(persons))
	for _, p := range persons {
		if !slices.Contains(keys, p.WorkOrderID) {
			keys = append(keys, p.WorkOrderID)
		}
	}
	rows, err := tx.WorkOrder.Query().Where(store.KeysIn(entworkorder.FieldID, keys), entworkorder.IsActive(true)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read work orders of persons: %w", err)
	}
	orders := make(map[int64]*ent.WorkOrder, len(rows))
	for _, wo := range rows {
		orders[wo.ID] = wo
	}
	return orders, nil
}

func (s *Service) note(ctx context.Context, tx *ent.Tx, persons []*ent.WorkOrderPerson, d decision) error {
	now, who := s.Now(), actor.From(ctx)
	keys := make([]int64, len(persons))
	for i, p := range persons {
		keys[i] = p.ID
	}
	u := tx.WorkOrderPerson.Update().Where(store.KeysIn(workorderperson.FieldID, keys)).SetStatus(d.to).
		SetDecidedBy(who.ID).SetDecidedByName(who.Name).SetDecidedAt(now).AddVersion(1).SetUpdatedAt(now)
	if d.notes != nil {
		u.SetSecurityNotes(*d.notes)
	}
	if err := u.Exec(ctx); err != nil {
		return fmt.Errorf("decide on persons: %w", err)
	}
	for _, p := range persons {
		changes := audit.Changes{"status": {p.Status, d.to}}
		if d.notes != nil {
			changes.Set("security_notes", audit.Shown(p.SecurityNotes), *d.notes)
		}
		if err := audit.Record(ctx, tx, now, audit.Event{Action: d.trail, Resource: audit.WorkOrderPerson, EntityID: p.ID, Changes: changes}); err != nil {
			return err
		}
	}
	return nil
}

// Shown is a number of somebody as the one who asks may see it: whole with
// guvenlik:read, else its end.
func Shown(ctx context.Context, number *string) *string {
	if number == nil || actor.From(ctx).Can(actor.GateRead) {
		return number
	}
	end := identity.Masked(*number)
	return &end
}
