package gate

import (
	"context"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/gatechecklistitem"
	"aliaport/ent/workorder"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Checklist lists what the gate checks for a type of work order, in its order; with
// all also what it does not check any more.
func (s *Service) Checklist(ctx context.Context, woType workorder.Type, all bool) ([]*ent.GateChecklistItem, error) {
	if err := actor.Require(ctx, actor.GateRead); err != nil {
		return nil, err
	}
	return itemsOf(ctx, s.DB.Client, itemType(woType), all)
}

// itemType is the same type of order in a type of its own.
func itemType(t workorder.Type) gatechecklistitem.WoType { return gatechecklistitem.WoType(t) }

func itemsOf(ctx context.Context, c *ent.Client, woType gatechecklistitem.WoType, all bool) ([]*ent.GateChecklistItem, error) {
	q := c.GateChecklistItem.Query().Where(gatechecklistitem.WoTypeEQ(woType))
	if !all {
		q.Where(page.Flag(gatechecklistitem.FieldIsActive, true))
	}
	items, err := q.Order(gatechecklistitem.ByDisplayOrder(), gatechecklistitem.ByID()).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the checklist of %s: %w", woType, err)
	}
	return items, nil
}

// ItemInput is a point of the checklist: a new one, or without ID, or a change.
type ItemInput struct {
	ID           *globalid.ID
	Version      *int // as it was read; of a change
	WoType       *workorder.Type
	Label        string
	IsRequired   bool
	DisplayOrder int
}

// SaveItem adds a point to the checklist of a type of order, or changes one. What
// was ticked in the past keeps the words of its time.
func (s *Service) SaveItem(ctx context.Context, in ItemInput) (*ent.GateChecklistItem, error) {
	if err := actor.Require(ctx, actor.GateChecklist); err != nil {
		return nil, err
	}
	if err := in.clean(); err != nil {
		return nil, err
	}
	if in.ID != nil {
		return s.changeItem(ctx, *in.ID, *in.Version, func(tx *ent.Tx, item *ent.GateChecklistItem) error {
			changes := audit.Changes{}
			changes.Set("label", item.Label, in.Label)
			changes.Set("is_required", item.IsRequired, in.IsRequired)
			changes.Set("display_order", item.DisplayOrder, in.DisplayOrder)
			changes.Set("is_active", item.IsActive, true)
			if !item.IsActive {
				if err := room(ctx, tx, item.WoType); err != nil {
					return err
				}
			}
			return s.keep(ctx, tx, audit.Update, changes, tx.GateChecklistItem.UpdateOne(item).
				SetLabel(in.Label).SetIsRequired(in.IsRequired).SetDisplayOrder(in.DisplayOrder).SetIsActive(true))
		})
	}
	var id int64
	now := s.Now()
	err := s.DB.InTx(ctx, func(tx *ent.Tx) error {
		woType := itemType(*in.WoType)
		if err := room(ctx, tx, woType); err != nil {
			return err
		}
		item, err := tx.GateChecklistItem.Create().SetWoType(woType).SetLabel(in.Label).SetIsRequired(in.IsRequired).
			SetDisplayOrder(in.DisplayOrder).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
		if err != nil {
			return fmt.Errorf("add to the checklist: %w", err)
		}
		id = item.ID
		return audit.Record(ctx, tx, now, audit.Event{
			Action: audit.Create, Resource: audit.ChecklistItem, EntityID: id,
			Changes: audit.Changes{"wo_type": {nil, woType}, "label": {nil, in.Label}, "is_required": {nil, in.IsRequired}},
		})
	})
	if err != nil {
		return nil, sameLabel(err)
	}
	return s.item(ctx, id)
}

func (in *ItemInput) clean() error {
	var faults apperr.Errors
	faults.Add(input.Text("label", &in.Label, 2, 200))
	const least, most = 0, 1000
	if in.DisplayOrder < least || in.DisplayOrder > most {
		faults.Add(apperr.Invalid("displayOrder", apperr.OutOfRange, "min", least, "max", most))
	}
	if in.ID == nil && in.WoType == nil {
		faults.Add(apperr.Invalid("woType", apperr.Required))
	}
	if in.ID != nil && in.Version == nil {
		faults.Add(apperr.Invalid("version", apperr.Required))
	}
	return faults.OrNil()
}

// room keeps a checklist as short as a gate can check.
func room(ctx context.Context, tx *ent.Tx, woType gatechecklistitem.WoType) error {
	n, err := tx.GateChecklistItem.Query().Where(gatechecklistitem.WoTypeEQ(woType), page.Flag(gatechecklistitem.FieldIsActive, true)).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the checklist of %s: %w", woType, err)
	}
	if n >= maxChecked {
		return apperr.Invalid("label", apperr.TooMany, "max", maxChecked)
	}
	return nil
}

func sameLabel(err error) error {
	if store.Classify(err).Is("gate_checklist_items_label") {
		return apperr.New(apperr.Duplicate).At("label")
	}
	return err
}

// ItemActivityInput names a point that is not checked any more.
type ItemActivityInput struct {
	ID      globalid.ID
	Version int
}

// DeactivateItem takes a point off the checklist; saving it again puts it back.
func (s *Service) DeactivateItem(ctx context.Context, in ItemActivityInput) (*ent.GateChecklistItem, error) {
	if err := actor.Require(ctx, actor.GateChecklist); err != nil {
		return nil, err
	}
	return s.changeItem(ctx, in.ID, in.Version, func(tx *ent.Tx, item *ent.GateChecklistItem) error {
		changes := audit.Changes{}
		changes.Set("is_active", item.IsActive, false)
		return s.keep(ctx, tx, audit.Delete, changes, tx.GateChecklistItem.UpdateOne(item).SetIsActive(false))
	})
}

func (s *Service) changeItem(ctx context.Context, id globalid.ID, version int, do func(*ent.Tx, *ent.GateChecklistItem) error) (*ent.GateChecklistItem, error) {
	key, err := id.Of("GateChecklistItem")
	if err != nil {
		return nil, err
	}
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		item, err := tx.GateChecklistItem.Query().Where(gatechecklistitem.ID(key), store.ForUpdate).Only(ctx)
		switch {
		case ent.IsNotFound(err):
			return apperr.New(apperr.ChecklistItemNotFound).At("id")
		case err != nil:
			return fmt.Errorf("lock checklist item %d: %w", key, err)
		case item.Version != version:
			return apperr.New(apperr.VersionConflict, "current", item.Version, "expected", version)
		}
		return do(tx, item)
	})
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, sameLabel(err)
	}
	item, again := s.item(ctx, key)
	if again != nil {
		return nil, again
	}
	return item, err
}

func (s *Service) keep(ctx context.Context, tx *ent.Tx, action audit.Action, changes audit.Changes, u *ent.GateChecklistItemUpdateOne) error {
	item, err := u.AddVersion(1).SetUpdatedAt(s.Now()).Save(ctx)
	if err != nil {
		return fmt.Errorf("change a checklist item: %w", err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: action, Resource: audit.ChecklistItem, EntityID: item.ID, Changes: changes})
}

// item reads a point after a change.
func (s *Service) item(ctx context.Context, key int64) (*ent.GateChecklistItem, error) {
	ctx, cancel := store.Afterwards(ctx)
	defer cancel()
	item, err := s.DB.GateChecklistItem.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read checklist item %d again: %w", key, err)
	}
	return item, nil
}

// defaults are the checklists that a new port begins with. From then on they are the
// port's own.
var defaults = []struct {
	woType   gatechecklistitem.WoType
	required []string
	optional []string
}{
	{gatechecklistitem.WoTypeService, []string{"İş Emri Belgesi", "Motorbot Ruhsatı", "Sigorta Poliçesi", "Yetkili İmzası"}, []string{"Malzeme Listesi"}},
	{gatechecklistitem.WoTypeMotorbot, []string{"İş Emri Belgesi", "Motorbot Belgesi", "Sertifika", "Yetkili İmzası"}, nil},
	{gatechecklistitem.WoTypeBerthing, []string{"İş Emri Belgesi", "Barınma Kontratı", "Motorbot Ruhsatı", "Sigorta Belgesi"}, nil},
	{gatechecklistitem.WoTypeOther, []string{"İş Emri Belgesi"}, nil},
}

// EnsureChecklist gives a new database the checklists that a port begins with. Where
// there is any item it changes nothing.
func EnsureChecklist(ctx context.Context, db *store.DB, now time.Time) error {
	there, err := db.GateChecklistItem.Query().Exist(ctx)
	if err != nil {
		return fmt.Errorf("look for checklists: %w", err)
	}
	if there {
		return nil
	}
	var creates []func(*ent.Tx) *ent.GateChecklistItemCreate
	for _, d := range defaults {
		for i, label := range append(d.required, d.optional...) {
			creates = append(creates, func(tx *ent.Tx) *ent.GateChecklistItemCreate {
				return tx.GateChecklistItem.Create().SetWoType(d.woType).SetLabel(label).SetIsRequired(i < len(d.required)).
					SetDisplayOrder(10 * (i + 1)).SetCreatedAt(now).SetUpdatedAt(now)
			})
		}
	}
	return db.InTx(ctx, func(tx *ent.Tx) error {
		bulk := make([]*ent.GateChecklistItemCreate, len(creates))
		for i, c := range creates {
			bulk[i] = c(tx)
		}
		// Another server that starts may be doing the same.
		err := tx.GateChecklistItem.CreateBulk(bulk...).
			OnConflict(sql.ConflictColumns(gatechecklistitem.FieldWoType, gatechecklistitem.FieldLabel), sql.DoNothing()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("make checklists: %w", err)
		}
		return nil
	})
}
