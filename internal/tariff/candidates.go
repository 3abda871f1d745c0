package tariff

import (
	"context"
	"database/sql"
	"fmt"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/ent/pricelistitem"
	"aliaport/ent/service"
	"aliaport/ent/serviceoverride"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	"aliaport/internal/pricing"
	"aliaport/internal/store"
)

// Candidates are what pricing.Resolve chooses the base price of a service from on a
// day: its card, its override, and the chosen list, or else the list of the currency
// that is in force. A service that is not there is HIZMET_NOT_FOUND, a chosen list
// TARIFE_NOT_FOUND.
func (s *Service) Candidates(ctx context.Context, c *ent.Client, serviceID int64, on calendar.Date, currency string, listID *int64) (pricing.Candidates, error) {
	all, err := s.CandidatesOf(ctx, c, []int64{serviceID}, on, currency, listID)
	if err != nil {
		return pricing.Candidates{}, err
	}
	found, ok := all[serviceID]
	if !ok {
		return pricing.Candidates{}, apperr.New(apperr.ServiceNotFound)
	}
	return found, nil
}

// CandidatesOf is Candidates for many services, in three statements however many
// there are. Read with the client of the transaction that stores the price. Services
// that are not there are missing from the answer.
//
// A card with the price 0 has none: what costs nothing stands in a list at 0. Where a
// service is exempt from VAT the rate is 0 whatever a list says.
func (s *Service) CandidatesOf(ctx context.Context, c *ent.Client, serviceIDs []int64, day calendar.Date, currency string, listID *int64) (map[int64]pricing.Candidates, error) {
	cards, err := c.Service.Query().Where(store.KeysIn(service.FieldID, serviceIDs)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find services to price: %w", err)
	}
	overrides, err := c.ServiceOverride.Query().Where(store.KeysIn(serviceoverride.FieldServiceID, serviceIDs), page.Flag(serviceoverride.FieldIsActive, true), on(day)).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("find overrides: %w", err)
	}
	list, items, err := s.listFor(ctx, c, serviceIDs, day, currency, listID)
	if err != nil {
		return nil, err
	}
	all := make(map[int64]pricing.Candidates, len(cards))
	exempt := make(map[int64]bool)
	for _, card := range cards {
		found := pricing.Candidates{Service: pricing.Service{ID: card.ID, Code: card.Code, Active: card.IsActive, Currency: card.Currency, VATRate: card.VatRate}}
		if !card.BasePrice.IsZero() {
			found.Service.Price = &card.BasePrice
		}
		if card.VatExemption != nil {
			exempt[card.ID], found.Service.VATRate = true, decimal.Zero
		}
		if list != nil {
			its := *list
			its.Items = items[card.ID]
			for n := range its.Items {
				if exempt[card.ID] {
					its.Items[n].VATRate = new(decimal.Zero)
				}
			}
			found.List = &its
		}
		all[card.ID] = found
	}
	for _, o := range overrides {
		found := all[o.ServiceID]
		rate := o.VatRate
		if exempt[o.ServiceID] {
			rate = new(decimal.Zero)
		}
		found.Overrides = append(found.Overrides, pricing.Override{
			ID: o.ID, Active: o.IsActive, From: o.ValidFrom, To: or(o.ValidTo, calendar.Date{}), Price: o.Price, Currency: o.Currency, VATRate: rate,
		})
		all[o.ServiceID] = found
	}
	return all, nil
}

// listFor reads the list with its items for the services in one statement, also when
// it has none of them: a chosen list that is not in force must be refused.
func (s *Service) listFor(ctx context.Context, c *ent.Client, serviceIDs []int64, day calendar.Date, currency string, listID *int64) (list *pricing.List, items map[int64][]pricing.ListItem, err error) {
	d := entsql.Dialect(s.DB.Dialect())
	l, i := d.Table(pricelist.Table).As("l"), d.Table(pricelistitem.Table).As("i")
	wanted := d.Select().From(i)
	store.KeysIn(pricelistitem.FieldServiceID, serviceIDs)(wanted)
	q := d.Select(l.C(pricelist.FieldID), l.C(pricelist.FieldCode), l.C(pricelist.FieldVersion), l.C(pricelist.FieldStatus), l.C(pricelist.FieldCurrency),
		l.C(pricelist.FieldValidFrom), l.C(pricelist.FieldValidTo),
		i.C(pricelistitem.FieldID), i.C(pricelistitem.FieldServiceID), i.C(pricelistitem.FieldMinQuantity), i.C(pricelistitem.FieldUnitPrice), i.C(pricelistitem.FieldVatRate)).
		From(l).LeftJoin(i).OnP(entsql.And(entsql.ColumnsEQ(l.C(pricelist.FieldID), i.C(pricelistitem.FieldPriceListID)), wanted.P()))
	if listID != nil {
		q.Where(entsql.EQ(l.C(pricelist.FieldID), *listID))
	} else {
		inForce(currency, day)(q)
	}
	q.OrderBy(i.C(pricelistitem.FieldServiceID), i.C(pricelistitem.FieldMinQuantity))
	text, args := q.Query()
	rows, err := c.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("find the price list: %w", err)
	}
	defer func() {
		if e := rows.Close(); err == nil && e != nil {
			err = fmt.Errorf("find the price list: %w", e)
		}
	}()
	items = map[int64][]pricing.ListItem{}
	for rows.Next() {
		found, item := pricing.List{Chosen: listID != nil}, pricing.ListItem{Active: true}
		var status string
		var itemID, serviceID sql.NullInt64
		var least, price, rate decimal.NullDecimal
		if err := rows.Scan(&found.ID, &found.Code, &found.Version, &status, &found.Currency, &found.From, &found.To, &itemID, &serviceID, &least, &price, &rate); err != nil {
			return nil, nil, fmt.Errorf("read the price list: %w", err)
		}
		found.Active = status == string(pricelist.StatusActive)
		list = &found
		if itemID.Valid {
			item.ID, item.MinQuantity, item.Price, item.VATRate = itemID.Int64, least.Decimal, price.Decimal, &rate.Decimal
			items[serviceID.Int64] = append(items[serviceID.Int64], item)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("read the price list: %w", err)
	}
	if list == nil && listID != nil {
		return nil, nil, apperr.New(apperr.TariffNotFound)
	}
	return list, items, nil
}
