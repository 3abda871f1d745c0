package tariff

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/ent/service"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/idempotency"
	"aliaport/internal/input"
	"aliaport/internal/money"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
)

// MaxAdded is how many items one call may add.
const MaxAdded = 500

// sortStep leaves room between items that nobody has put in an order.
const sortStep = 10

// ItemInput is the price of a service in a list, of all quantities or of a tier.
type ItemInput struct {
	ServiceCode string
	MinQuantity decimal.Decimal
	// MaxQuantity is where the tier ends. It must be where the next one begins, and
	// is there for whoever thinks of tiers by both ends; it is not stored.
	MaxQuantity *decimal.Decimal
	UnitPrice   decimal.Decimal
	VatRate     *decimal.Decimal // percent; that of the service when nil
	Description *string
	SortNo      *int // behind the last one when nil
}

func (in *ItemInput) clean() apperr.Errors {
	var faults apperr.Errors
	faults.Add(input.Text("serviceCode", &in.ServiceCode, 1, 50))
	faults.Add(input.OptionalText("description", &in.Description, 500))
	faults.Add(checkAmount("minQuantity", in.MinQuantity))
	faults.Add(checkAmount("unitPrice", in.UnitPrice))
	if in.MaxQuantity != nil {
		faults.Add(checkAmount("maxQuantity", *in.MaxQuantity))
	}
	faults.Add(checkSortNo(in.SortNo))
	return faults
}

// checkAmount holds a price or a quantity to what can be stored.
func checkAmount(field string, d decimal.Decimal) *apperr.Error {
	if e := money.Check(field, d, money.PricePlaces); e != nil {
		return e
	}
	if d.IsNegative() {
		return apperr.Invalid(field, apperr.NotNegative)
	}
	return nil
}

// maxSortNo is far beyond any list.
const maxSortNo = 1_000_000

func checkSortNo(n *int) *apperr.Error {
	if n != nil && (*n < 0 || *n > maxSortNo) {
		return apperr.Invalid("sortNo", apperr.OutOfRange, "min", 0, "max", maxSortNo)
	}
	return nil
}

// AddItemsInput adds prices to a draft.
type AddItemsInput struct {
	PriceListID    globalid.ID
	Revision       int // as it was read
	Items          []ItemInput
	IdempotencyKey *string
}

// AddItems adds prices to a draft, all or none.
func (s *Service) AddItems(ctx context.Context, in AddItemsInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	key, err := in.PriceListID.Of("PriceList")
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	faults.Add(input.OptionalText("idempotencyKey", &in.IdempotencyKey, 100))
	switch {
	case len(in.Items) == 0:
		faults.Add(apperr.Invalid("items", apperr.Required))
	case len(in.Items) > MaxAdded:
		faults.Add(apperr.Invalid("items", apperr.TooMany, "max", MaxAdded))
	default:
		for i := range in.Items {
			for _, e := range in.Items[i].clean() {
				faults.Add(e.At("items", strconv.Itoa(i)))
			}
		}
	}
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.inDraft(ctx, key, func(tx *ent.Tx) error {
		_, err := idempotency.Once(ctx, tx, s.Now(), s.IdempotencyTTL, in.IdempotencyKey, "addPriceListItems", in, func() (int64, error) {
			return key, s.draft(ctx, tx, key, in.Revision, func(l *ent.PriceList) error { return s.addItems(ctx, tx, l, in.Items) })
		})
		return err
	})
}

// inDraft runs a change to the items of a list and returns the list as it stands
// then, also on VERSION_CONFLICT.
func (s *Service) inDraft(ctx context.Context, key int64, change func(*ent.Tx) error) (*ent.PriceList, error) {
	err := s.DB.InTx(ctx, change)
	if err != nil && !apperr.Is(err, apperr.VersionConflict) {
		return nil, err
	}
	l, again := s.reread(ctx, key)
	if again != nil {
		return nil, again
	}
	return l, err
}

// draft lets change alter the items of a list that is still a draft.
func (s *Service) draft(ctx context.Context, tx *ent.Tx, key int64, revision int, change func(*ent.PriceList) error) error {
	return s.within(ctx, tx, key, revision, func(tx *ent.Tx, l *ent.PriceList) error {
		if l.Status != pricelist.StatusDraft {
			return locked(l)
		}
		if err := change(l); err != nil {
			return err
		}
		if err := s.touch(ctx, tx.PriceList.UpdateOne(l)).Exec(ctx); err != nil {
			return fmt.Errorf("touch price list %d: %w", l.ID, err)
		}
		return nil
	})
}

func (s *Service) addItems(ctx context.Context, tx *ent.Tx, l *ent.PriceList, in []ItemInput) error {
	count, last, err := extent(ctx, tx, l.ID)
	if err != nil {
		return err
	}
	if count+len(in) > MaxItems {
		return apperr.Invalid("items", apperr.TooMany, "max", MaxItems)
	}
	sold, err := servicesOf(ctx, tx, in)
	if err != nil {
		return err
	}
	if err := s.checkTiers(ctx, tx, l.ID, in, sold); err != nil {
		return err
	}
	now := s.Now()
	creates, added := make([]*ent.PriceListItemCreate, len(in)), make([]map[string]any, len(in))
	for n, i := range in {
		of := sold[i.ServiceCode]
		if i.SortNo == nil {
			last += sortStep
			i.SortNo = new(min(last, maxSortNo))
		}
		rate := or(i.VatRate, of.VatRate)
		creates[n] = tx.PriceListItem.Create().SetPriceListID(l.ID).SetServiceID(of.ID).SetMinQuantity(i.MinQuantity).SetUnitPrice(i.UnitPrice).
			SetVatRate(rate).SetNillableDescription(i.Description).SetSortNo(*i.SortNo).SetCreatedAt(now).SetUpdatedAt(now)
		added[n] = map[string]any{"service": of.Code, "min_quantity": i.MinQuantity, "unit_price": i.UnitPrice, "vat_rate": rate}
	}
	if err := tx.PriceListItem.CreateBulk(creates...).Exec(ctx); err != nil {
		return fmt.Errorf("add items to price list %d: %w", l.ID, err)
	}
	return audit.Record(ctx, tx, now, audit.Event{
		Action: audit.Update, Resource: audit.PriceList, EntityID: l.ID,
		Changes: audit.Changes{"items": {count, count + len(in)}}, Extra: map[string]any{"added": added},
	})
}

// extent is how many items a list has, and the place of the last one.
func extent(ctx context.Context, tx *ent.Tx, list int64) (count, last int, err error) {
	var found []struct {
		Count int
		Last  *int
	}
	err = tx.PriceListItem.Query().Where(pricelistitem.PriceListID(list)).
		Aggregate(ent.As(ent.Count(), "count"), ent.As(ent.Max(pricelistitem.FieldSortNo), "last")).Scan(ctx, &found)
	if err != nil {
		return 0, 0, fmt.Errorf("count items of price list %d: %w", list, err)
	}
	return found[0].Count, or(found[0].Last, 0), nil
}

// servicesOf looks up the services in one statement, and refuses those that are not
// sold and rates that are not offered.
func servicesOf(ctx context.Context, tx *ent.Tx, in []ItemInput) (map[string]*ent.Service, error) {
	codes := make([]string, len(in))
	for n := range in {
		codes[n] = in[n].ServiceCode
	}
	rows, err := tx.Service.Query().Where(store.KeysInStrings(service.FieldCode, codes)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find services: %w", err)
	}
	choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.VATRates)
	if err != nil {
		return nil, err
	}
	byCode := make(map[string]*ent.Service, len(rows))
	for _, of := range rows {
		byCode[of.Code] = of
	}
	var faults apperr.Errors
	for n, i := range in {
		at := []string{"items", strconv.Itoa(n)}
		switch of := byCode[i.ServiceCode]; {
		case of == nil:
			faults.Add(apperr.New(apperr.ServiceNotFound).At(append(at, "serviceCode")...))
		case !of.IsActive:
			faults.Add(apperr.New(apperr.ServiceInactive, "code", of.Code).At(append(at, "serviceCode")...))
		case i.VatRate != nil:
			if e := checkVAT(choices, of, *i.VatRate); e != nil {
				faults.Add(e.At(at...))
			}
		}
	}
	return byCode, faults.OrNil()
}

// checkVAT refuses a rate that is not offered, or any for a service that is exempt.
func checkVAT(choices parameter.Choices, of *ent.Service, rate decimal.Decimal) *apperr.Error {
	if of.VatExemption != nil && !rate.IsZero() {
		return apperr.Invalid("vatRate", apperr.ExemptIsZero)
	}
	return choices.VATRate("vatRate", rate)
}

// checkTiers looks at the tiers of every service that gets new ones, together with
// those it has in the list.
func (s *Service) checkTiers(ctx context.Context, tx *ent.Tx, list int64, in []ItemInput, sold map[string]*ent.Service) error {
	of := map[int64][]tier{}
	for n, i := range in {
		id := sold[i.ServiceCode].ID
		of[id] = append(of[id], tier{pricing.Tier{Min: i.MinQuantity, Max: i.MaxQuantity, Price: i.UnitPrice}, []string{"items", strconv.Itoa(n)}})
	}
	keys := make([]int64, 0, len(of))
	for id := range of {
		keys = append(keys, id)
	}
	slices.Sort(keys)
	there, err := tx.PriceListItem.Query().Where(pricelistitem.PriceListID(list), store.KeysIn(pricelistitem.FieldServiceID, keys)).All(ctx)
	if err != nil {
		return fmt.Errorf("read tiers of price list %d: %w", list, err)
	}
	for _, i := range there {
		// First, so that a new one is the one given twice.
		of[i.ServiceID] = append([]tier{{pricing.Tier{Min: i.MinQuantity, Price: i.UnitPrice}, nil}}, of[i.ServiceID]...)
	}
	var faults apperr.Errors
	for _, id := range keys {
		faults = append(faults, checked(of[id])...)
	}
	return faults.OrNil()
}

// tier is a tier with its place in the input, nil for one that is there already.
type tier struct {
	pricing.Tier
	at []string
}

// checked are the faults of tiers of one service, at their places in the input.
func checked(tiers []tier) (faults apperr.Errors) {
	plain := make([]pricing.Tier, len(tiers))
	for n := range tiers {
		plain[n] = tiers[n].Tier
	}
	_, err := pricing.NewTiers(plain, smallest(plain))
	refused, _ := apperr.All(err)
	for _, e := range refused {
		moved := *e
		if n, err := strconv.Atoi(e.Field[0]); err == nil {
			moved.Field = append(slices.Clone(tiers[n].at), e.Field[1:]...)
		}
		faults.Add(&moved)
	}
	return faults
}

// UpdateItemInput changes a price. Nil fields and changes not given stay.
type UpdateItemInput struct {
	ID          globalid.ID
	Revision    int // of the list, as it was read
	MinQuantity *decimal.Decimal
	UnitPrice   *decimal.Decimal
	VatRate     *decimal.Decimal
	Description input.Change[string]
	SortNo      *int
}

// UpdateItem changes a price of a draft.
func (s *Service) UpdateItem(ctx context.Context, in UpdateItemInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	var faults apperr.Errors
	if in.MinQuantity != nil {
		faults.Add(checkAmount("minQuantity", *in.MinQuantity))
	}
	if in.UnitPrice != nil {
		faults.Add(checkAmount("unitPrice", *in.UnitPrice))
	}
	faults.Add(input.OptionalText("description", &in.Description.To, 500))
	faults.Add(checkSortNo(in.SortNo))
	if err := faults.OrNil(); err != nil {
		return nil, err
	}
	return s.changeItem(ctx, in.ID, in.Revision, func(tx *ent.Tx, i *ent.PriceListItem) error { return s.updateItem(ctx, tx, i, in) })
}

func (s *Service) updateItem(ctx context.Context, tx *ent.Tx, i *ent.PriceListItem, in UpdateItemInput) error {
	if in.VatRate != nil {
		of, err := tx.Service.Get(ctx, i.ServiceID)
		if err != nil {
			return fmt.Errorf("find service %d: %w", i.ServiceID, err)
		}
		choices, err := parameter.ChoicesOf(ctx, tx.Client(), parameter.VATRates)
		if err != nil {
			return err
		}
		if e := checkVAT(choices, of, *in.VatRate); e != nil {
			return e
		}
	}
	if in.MinQuantity != nil && !in.MinQuantity.Equal(i.MinQuantity) {
		others, err := tx.PriceListItem.Query().Where(pricelistitem.PriceListID(i.PriceListID), pricelistitem.ServiceID(i.ServiceID), pricelistitem.IDNEQ(i.ID)).All(ctx)
		if err != nil {
			return fmt.Errorf("read tiers of price list %d: %w", i.PriceListID, err)
		}
		tiers := make([]tier, 0, len(others)+1)
		for _, o := range others {
			tiers = append(tiers, tier{pricing.Tier{Min: o.MinQuantity, Price: o.UnitPrice}, nil})
		}
		if err := checked(append(tiers, tier{pricing.Tier{Min: *in.MinQuantity, Price: i.UnitPrice}, []string{}})).OrNil(); err != nil {
			return err
		}
	}
	u, changes := tx.PriceListItem.UpdateOne(i), audit.Changes{}
	audit.Put(changes, "min_quantity", in.MinQuantity, i.MinQuantity, u.SetMinQuantity)
	audit.Put(changes, "unit_price", in.UnitPrice, i.UnitPrice, u.SetUnitPrice)
	audit.Put(changes, "vat_rate", in.VatRate, i.VatRate, u.SetVatRate)
	audit.PutOrDrop(changes, "description", in.Description, i.Description, u.SetDescription, u.ClearDescription)
	audit.Put(changes, "sort_no", in.SortNo, i.SortNo, u.SetSortNo)
	if err := u.SetUpdatedAt(s.Now()).Exec(ctx); err != nil {
		return fmt.Errorf("update item %d of price list %d: %w", i.ID, i.PriceListID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{Action: audit.Update, Resource: audit.PriceListItem, EntityID: i.ID, Changes: changes, Extra: map[string]any{"price_list": i.PriceListID}})
}

// RemoveItemInput names a price.
type RemoveItemInput struct {
	ID       globalid.ID
	Revision int // of the list, as it was read
}

// RemoveItem takes a price out of a draft.
func (s *Service) RemoveItem(ctx context.Context, in RemoveItemInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	return s.changeItem(ctx, in.ID, in.Revision, func(tx *ent.Tx, i *ent.PriceListItem) error {
		if err := tx.PriceListItem.DeleteOne(i).Exec(ctx); err != nil {
			return fmt.Errorf("remove item %d of price list %d: %w", i.ID, i.PriceListID, err)
		}
		return audit.Record(ctx, tx, s.Now(), audit.Event{
			Action: audit.Delete, Resource: audit.PriceListItem, EntityID: i.ID,
			Changes: audit.Changes{"service_id": {i.ServiceID, nil}, "min_quantity": {i.MinQuantity, nil}, "unit_price": {i.UnitPrice, nil}},
			Extra:   map[string]any{"price_list": i.PriceListID},
		})
	})
}

// changeItem finds the list of the item and changes the item under the list's lock.
func (s *Service) changeItem(ctx context.Context, id globalid.ID, revision int, change func(*ent.Tx, *ent.PriceListItem) error) (*ent.PriceList, error) {
	key, err := id.Of("PriceListItem")
	if err != nil {
		return nil, err
	}
	found, err := s.DB.PriceListItem.Query().Where(pricelistitem.ID(key)).Select(pricelistitem.FieldPriceListID).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, apperr.New(apperr.TariffItemNotFound).At("id")
	}
	if err != nil {
		return nil, fmt.Errorf("find item %d of a price list: %w", key, err)
	}
	list := found.PriceListID
	return s.inDraft(ctx, list, func(tx *ent.Tx) error {
		return s.draft(ctx, tx, list, revision, func(*ent.PriceList) error {
			i, err := tx.PriceListItem.Get(ctx, key)
			if ent.IsNotFound(err) {
				return apperr.New(apperr.TariffItemNotFound).At("id")
			}
			if err != nil {
				return fmt.Errorf("read item %d of price list %d: %w", key, list, err)
			}
			return change(tx, i)
		})
	})
}

// AdjustInput raises or lowers all prices of a draft.
type AdjustInput struct {
	ID       globalid.ID
	Revision int // as it was read
	Percent  decimal.Decimal
}

// Adjust changes all prices of a draft by a percentage, each rounded half up to four
// places: 2500 at +10 % becomes 2750.
func (s *Service) Adjust(ctx context.Context, in AdjustInput) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffWrite); err != nil {
		return nil, err
	}
	key, err := in.ID.Of("PriceList")
	if err != nil {
		return nil, err
	}
	if e := money.Check("percent", in.Percent, money.PricePlaces); e != nil {
		return nil, e
	}
	if in.Percent.IsZero() || in.Percent.LessThan(decimal.NewFromInt(-100)) || in.Percent.GreaterThan(decimal.NewFromInt(1000)) {
		return nil, apperr.Invalid("percent", apperr.OutOfRange, "min", -100, "max", 1000)
	}
	return s.inDraft(ctx, key, func(tx *ent.Tx) error {
		return s.draft(ctx, tx, key, in.Revision, func(l *ent.PriceList) error { return s.adjust(ctx, tx, l, in.Percent) })
	})
}

func (s *Service) adjust(ctx context.Context, tx *ent.Tx, l *ent.PriceList, percent decimal.Decimal) error {
	items, err := tx.PriceListItem.Query().Where(pricelistitem.PriceListID(l.ID)).Order(pricelistitem.ByID()).All(ctx)
	if err != nil {
		return fmt.Errorf("read items of price list %d: %w", l.ID, err)
	}
	factor := decimal.NewFromInt(100).Add(percent).Shift(-2)
	ids, prices := make([]int64, len(items)), make([]decimal.Decimal, len(items))
	for n, i := range items {
		price := pricing.RoundPrice(i.UnitPrice.Mul(factor))
		if e := money.Check("percent", price, money.PricePlaces); e != nil {
			return e
		}
		ids[n], prices[n] = i.ID, price
	}
	if err := store.SetDecimals(ctx, s.DB, tx, pricelistitem.Table, pricelistitem.FieldUnitPrice, s.Now(), ids, prices); err != nil {
		return fmt.Errorf("adjust price list %d: %w", l.ID, err)
	}
	return audit.Record(ctx, tx, s.Now(), audit.Event{
		Action: audit.Update, Resource: audit.PriceList, EntityID: l.ID,
		Changes: audit.Changes{"percent": {nil, percent}}, Extra: map[string]any{"items": len(items)},
	})
}
