package tariff

import (
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/input"
)

// CopyInput asks for a new version of a list.
type CopyInput struct {
	ID             globalid.ID
	Name           *string // that of the list when nil
	ValidFrom      calendar.Date
	ValidTo        *calendar.Date
	IdempotencyKey *string
}

// Copy makes a new version of a list, whatever its status: a draft under the same
// code and the next number, with all items.
func (s *Service) Copy(ctx context.Context, in CopyInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	key, err := in.ID.Of("PriceList")
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	if in.Name != nil {
		faults.Add(input.Text("name", in.Name, 2, 200))
	}
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	faults.Add(checkPeriod(in.ValidFrom, in.ValidTo))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.made(ctx, in.IdempotencyKey, "copyPriceList", in, "", func(tx *ent.Tx) (int64, error) { return s.copy(ctx, tx, key, in) })
}

func (s *Service) copy(ctx context.Context, tx *ent.Tx, key int64, in CopyInput) (int64, error) {
	from, version, err := s.next(ctx, tx, key)
	if err != nil {
		return 0, err
	}
	now, who := s.Now(), actor.From(ctx).ID
	l, err := tx.PriceList.Create().SetCode(from.Code).SetVersion(version).SetName(or(in.Name, from.Name)).SetNillableDescription(from.Description).
		SetCurrency(from.Currency).SetValidFrom(in.ValidFrom).SetNillableValidTo(in.ValidTo).
		SetCreatedBy(who).SetUpdatedBy(who).SetCreatedAt(now).SetUpdatedAt(now).Save(ctx)
	if err != nil {
		return 0, fmt.Errorf("create version %d of price list %s: %w", version, from.Code, err)
	}
	items, err := tx.PriceListItem.Query().Where(pricelistitem.PriceListID(from.ID)).Order(pricelistitem.ByID()).All(ctx)
	if err != nil {
		return 0, fmt.Errorf("read items of price list %d: %w", from.ID, err)
	}
	for some := range slices.Chunk(items, MaxAdded) {
		creates := make([]*ent.PriceListItemCreate, len(some))
		for n, i := range some {
			creates[n] = tx.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(i.ServiceID).SetMinQuantity(i.MinQuantity).SetUnitPrice(i.UnitPrice).
				SetVatRate(i.VatRate).SetNillableDescription(i.Description).SetSortNo(i.SortNo).SetCreatedAt(now).SetUpdatedAt(now)
		}
		if err := tx.PriceListItem.CreateBulk(creates...).Exec(ctx); err != nil {
			return 0, fmt.Errorf("copy items of price list %d: %w", from.ID, err)
		}
	}
	return l.ID, audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Create, Resource: audit.PriceList, EntityID: l.ID, Changes: firstValues(l), Extra: map[string]any{"copied_from": from.ID, "items": len(items)},
	})
}

// next is the list to be copied and the number of its next version. All versions of
// the code are locked: of two copies made at once, one waits and gets the number
// after the other's.
func (s *Service) next(ctx context.Context, tx *ent.Tx, key int64) (from *ent.PriceList, version int, err error) {
	sameCode := func(q *sql.Selector) {
		t := sql.Dialect(q.Dialect()).Table(pricelist.Table).As("copied")
		q.Where(sql.In(q.C(pricelist.FieldCode), sql.Dialect(q.Dialect()).Select(t.C(pricelist.FieldCode)).From(t).Where(sql.EQ(t.C(pricelist.FieldID), key))))
	}
	versions := tx.PriceList.Query().Where(sameCode).Order(pricelist.ByID())
	if s.DB.Dialect() == dialect.Postgres {
		versions.ForUpdate()
	}
	all, err := versions.All(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("lock versions of price list %d: %w", key, err)
	}
	for _, l := range all {
		if l.ID == key {
			from = l
		}
	}
	if from == nil {
		return nil, 0, apperr.New(apperr.TariffNotFound).At("id")
	}
	// Asked again: who waited for the lock has not seen what was made meanwhile.
	last, err := tx.PriceList.Query().Where(pricelist.Code(from.Code)).Aggregate(ent.Max(pricelist.FieldVersion)).Int(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("find the last version of price list %s: %w", from.Code, err)
	}
	return from, last + 1, nil
}
