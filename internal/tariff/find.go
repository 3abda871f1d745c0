package tariff

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/pricelist"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/cache"
	"aliaport/internal/calendar"
	"aliaport/internal/globalid"
	"aliaport/internal/money"
)

// Find returns a price list by id, or by code and version; without a version the
// newest of the code. It is nil when there is none.
func (s *Service) Find(ctx context.Context, id *globalid.ID, code *string, version *int) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffRead); err != nil {
		return nil, err
	}
	if (id == nil) == (code == nil) || id != nil && version != nil {
		return nil, apperr.New(apperr.BadUserInput, "reason", "id, or code and version")
	}
	q := s.DB.PriceList.Query()
	switch {
	case id != nil:
		key, err := id.Of("PriceList")
		if err != nil {
			return nil, err
		}
		q.Where(pricelist.ID(key))
	case version != nil:
		q.Where(pricelist.Code(*code), pricelist.Version(*version))
	default:
		q.Where(pricelist.Code(*code)).Order(pricelist.ByVersion(sql.OrderDesc()))
	}
	return oneOrNone(q.First(ctx))
}

// InForce returns the price list of the currency that is in force on a day, today if
// none is given; nil when there is none. There is never more than one.
func (s *Service) InForce(ctx context.Context, day *calendar.Date, currency string) (*ent.PriceList, error) {
	if err := actor.Require(ctx, actor.TariffRead); err != nil {
		return nil, err
	}
	if !money.IsCurrency(currency) {
		return nil, apperr.New(apperr.BadUserInput, "reason", "currency")
	}
	on := or(day, calendar.DateOf(s.Now()))
	return cache.Get(ctx, s.Cache, cache.Tariffs, currency+" "+on.String(), func(ctx context.Context) (*ent.PriceList, error) {
		// It is the one that began last, so that the index need not be read any further.
		return oneOrNone(s.DB.PriceList.Query().Where(inForce(currency, on)).Order(pricelist.ByValidFrom(sql.OrderDesc())).First(ctx))
	})
}

// inForce holds for the active list of the currency that is valid on the day.
func inForce(currency string, day calendar.Date) func(*sql.Selector) {
	return func(q *sql.Selector) {
		q.Where(sql.EQ(q.C(pricelist.FieldStatus), pricelist.StatusActive))
		q.Where(sql.EQ(q.C(pricelist.FieldCurrency), currency))
		on(day)(q)
	}
}

func oneOrNone(l *ent.PriceList, err error) (*ent.PriceList, error) {
	if ent.IsNotFound(err) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("find price list: %w", err)
	}
	return l, nil
}
