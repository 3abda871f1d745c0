package tariff

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
)

// Action is a step in the life of a price list.
type Action string

// Steps.
const (
	Activate   Action = "ACTIVATE"
	Deactivate Action = "DEACTIVATE"
)

// Transition is a step that a price list may take.
type Transition struct {
	Action   Action
	From, To pricelist.Status
}

// lifecycle is the whole life of a list, but that a draft may be deleted. Every pair
// that is not here is refused.
var lifecycle = []Transition{
	{Activate, pricelist.StatusDraft, pricelist.StatusActive},
	{Activate, pricelist.StatusPassive, pricelist.StatusActive},
	{Deactivate, pricelist.StatusActive, pricelist.StatusPassive},
}

// Transitions lists the steps that the one who asks may take now.
func (s *Service) Transitions(ctx context.Context, l *ent.PriceList) []Transition {
	steps := []Transition{}
	for _, t := range lifecycle {
		if t.From == l.Status && actor.From(ctx).Can(actor.TariffWrite) {
			steps = append(steps, t)
		}
	}
	return steps
}

// refuse tells where a list can go instead.
func refuse(from pricelist.Status) error {
	allowed := []pricelist.Status{}
	for _, t := range lifecycle {
		if t.From == from {
			allowed = append(allowed, t.To)
		}
	}
	return apperr.New(apperr.TariffTransition, "from", from, "allowed", allowed).At("id")
}

func (s *Service) step(action Action, from pricelist.Status) (Transition, error) {
	for _, t := range lifecycle {
		if t.Action == action && t.From == from {
			return t, nil
		}
	}
	return Transition{}, refuse(from)
}

// ActivateInput puts a list in force.
type ActivateInput struct {
	ID       globalid.ID
	Revision int // as it was read
	// EndPrevious ends the active list that began earlier on the day on which this
	// one begins, where they would overlap.
	EndPrevious bool
}

// Activate puts a draft, or a list that was put out of force, in force for its
// period. Two lists that are activated at once cannot both take the same day.
func (s *Service) Activate(ctx context.Context, in ActivateInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Revision, func(tx *ent.Tx, l *ent.PriceList) error {
		t, err := s.step(Activate, l.Status)
		if err != nil {
			return err
		}
		if e := checkPeriod(l.ValidFrom, l.ValidTo); e != nil {
			return e
		}
		if err := complete(ctx, tx, l); err != nil {
			return err
		}
		if in.EndPrevious {
			if err := s.endPrevious(ctx, tx, l); err != nil {
				return err
			}
		}
		if err := s.alone(ctx, tx.Client(), l); err != nil {
			return err
		}
		return s.take(ctx, tx, t, l)
	})
}

// complete refuses a list without items, or with tiers that do not cover quantities
// exactly once.
func complete(ctx context.Context, tx *ent.Tx, l *ent.PriceList) error {
	items, err := tx.PriceListItem.Query().Where(pricelistitem.PriceListID(l.ID)).
		Select(pricelistitem.FieldServiceID, pricelistitem.FieldMinQuantity, pricelistitem.FieldUnitPrice).All(ctx)
	if err != nil {
		return fmt.Errorf("read items of price list %d: %w", l.ID, err)
	}
	if len(items) == 0 {
		return apperr.New(apperr.TariffEmpty).At("id")
	}
	of := map[int64][]pricing.Tier{}
	for _, i := range items {
		of[i.ServiceID] = append(of[i.ServiceID], pricing.Tier{Min: i.MinQuantity, Price: i.UnitPrice})
	}
	for _, tiers := range of {
		if _, err := pricing.NewTiers(tiers, smallest(tiers)); err != nil {
			return apperr.New(apperr.TariffTiers).At("id").Because(err)
		}
	}
	return nil
}

// smallest is where the first tier begins: less than that is not sold.
func smallest(tiers []pricing.Tier) decimal.Decimal {
	least := tiers[0].Min
	for _, t := range tiers[1:] {
		least = decimal.Min(least, t.Min)
	}
	return least
}

// endPrevious ends the active list that began before l and would overlap it. There is
// at most one.
func (s *Service) endPrevious(ctx context.Context, tx *ent.Tx, l *ent.PriceList) error {
	others, err := overlapping(ctx, tx.Client(), l)
	if err != nil || len(others) == 0 || !others[0].ValidFrom.Before(l.ValidFrom) {
		return err
	}
	previous, err := s.lock(ctx, tx, others[0].ID)
	if err != nil {
		return err
	}
	if previous.Status != pricelist.StatusActive { // changed while it was waited for
		return nil
	}
	if err := s.touch(ctx, tx.PriceList.UpdateOne(previous)).SetValidTo(l.ValidFrom).Exec(ctx); err != nil {
		return fmt.Errorf("end price list %d: %w", previous.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: audit.Update, Resource: audit.PriceList, EntityID: previous.ID,
		Changes: audit.Changes{"valid_to": {audit.Shown(previous.ValidTo), l.ValidFrom}}, Extra: map[string]any{"followed_by": l.ID},
	})
}

// StepInput names a list that takes a step.
type StepInput struct {
	ID       globalid.ID
	Revision int // as it was read
}

// Deactivate puts a list out of force. What was priced by it stays.
func (s *Service) Deactivate(ctx context.Context, in StepInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	return s.change(ctx, in.ID, in.Revision, func(tx *ent.Tx, l *ent.PriceList) error {
		t, err := s.step(Deactivate, l.Status)
		if err != nil {
			return err
		}
		return s.take(ctx, tx, t, l)
	})
}

func (s *Service) take(ctx context.Context, tx *ent.Tx, t Transition, l *ent.PriceList) error {
	u := s.touch(ctx, tx.PriceList.UpdateOne(l)).SetStatus(t.To)
	if t.To == pricelist.StatusActive {
		u.SetActivatedAt(s.Now())
	}
	if err := u.Where(pricelist.StatusEQ(t.From)).Exec(ctx); err != nil {
		return fmt.Errorf("%s price list %d: %w", t.Action, l.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: audit.StatusChange, Resource: audit.PriceList, EntityID: l.ID, Changes: audit.Changes{"status": {t.From, t.To}},
	})
}

// Delete removes a draft with its items. Any other list stays for the record.
func (s *Service) Delete(ctx context.Context, in StepInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffDelete); err != nil {
		return nil, err
	}
	key, err := in.ID.Of("PriceList")
	if err != nil {
		return nil, err
	}
	var current *ent.PriceList
	err = s.DB.InTx(ctx, func(tx *ent.Tx) error {
		return s.within(ctx, tx, key, in.Revision, func(tx *ent.Tx, l *ent.PriceList) error {
			if l.Status != pricelist.StatusDraft {
				return refuse(l.Status)
			}
			err := tx.PriceList.DeleteOne(l).Exec(ctx)
			if store.Classify(err).Kind == store.ForeignKey { // an order has chosen it
				return locked(l).At("id").Because(err)
			}
			if err != nil {
				return fmt.Errorf("delete price list %d: %w", l.ID, err)
			}
			return audit.Record(ctx, tx, s.Now(), audit.Event{
				Action: audit.Delete, Resource: audit.PriceList, EntityID: l.ID,
				Changes: audit.Changes{"code": {l.Code, nil}, "version": {l.Version, nil}, "name": {l.Name, nil}},
			})
		})
	})
	if apperr.Is(err, apperr.VersionConflict) {
		var again error
		if current, again = s.reread(ctx, key); again != nil {
			return nil, again
		}
	}
	return current, err
}
