// Package quote prices work with what the database knows: price lists, rates of
// exchange and the settings of surcharges. The arithmetic is internal/pricing's.
package quote

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/parameter"
	"aliaport/internal/pricing"
	"aliaport/internal/rate"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
)

// Service prices lines and documents.
type Service struct {
	DB      *store.DB
	Now     func() time.Time
	Tariffs *tariff.Service
	Rates   *rate.Service
}

// Basis is what the lines of a document share.
type Basis struct {
	Day      calendar.Date // whose prices and rates hold
	Currency string        // of the document
	ListID   *int64        // the price list that was chosen; nil: the one in force for the currency
	// AsPriced leaves each line in the currency of its price; Currency then only says
	// which price list is in force.
	AsPriced bool
	// InTRY refuses lines whose value in TRY cannot be told.
	InTRY bool
}

// currency is that of the lines; empty: that of their prices.
func (b Basis) currency() string {
	if b.AsPriced {
		return ""
	}
	return b.Currency
}

// Line is one to be priced.
type Line struct {
	Service   *ent.Service     // nil: by hand alone
	UnitPrice *decimal.Decimal // by hand, in the currency of the document; nil: as the tariffs say
	VATRate   *decimal.Decimal // percent; nil: as the tariffs, the service or the setting say
	Setting   *Setting         // a price that the port has set for what is no service
	Inputs    pricing.Inputs
}

// Setting is a price that a parameter says.
type Setting struct {
	Code     string // of the parameter
	Price    decimal.Decimal
	Currency string
	VATRate  decimal.Decimal // percent
}

// Lines prices all lines in a number of statements that does not grow with them, only
// with their currencies: each foreign one takes a look at its rates. Read with the
// client of the transaction that stores the lines. Faults of lines come together, each
// at items.<index>.
func (s *Service) Lines(ctx context.Context, c *ent.Client, b Basis, lines []Line) ([]pricing.Line, error) {
	prices, err := s.prices(ctx, c, b, lines)
	if err != nil {
		return nil, err
	}
	currencies := map[string]bool{}
	if !b.AsPriced {
		currencies[b.Currency] = true
	}
	for _, p := range prices {
		if p.Currency != "" {
			currencies[p.Currency] = true
		}
	}
	rates, missing, err := s.rates(ctx, c, b, slices.Sorted(maps.Keys(currencies)))
	if err != nil {
		return nil, err
	}
	var faults apperr.Errors
	priced := make([]pricing.Line, len(lines))
	for i, l := range lines {
		p := prices[i]
		if p.refused == nil {
			priced[i], p.refused = l.quote(p.Price, b.currency(), rates)
		}
		if p.refused == nil && b.InTRY && priced[i].TRY == nil {
			p.refused = missing[priced[i].Currency]
		}
		if p.refused == nil {
			continue
		}
		refused, ok := apperr.All(p.refused)
		if !ok {
			return nil, p.refused
		}
		for _, e := range refused {
			faults.Add(e.At("items", strconv.Itoa(i)))
		}
	}
	return priced, faults.OrNil()
}

// base is the price of a line before its formula, or why there is none.
type base struct {
	pricing.Price

	refused error
}

func (s *Service) prices(ctx context.Context, c *ent.Client, b Basis, lines []Line) ([]base, error) {
	asked := map[int64]bool{}
	for _, l := range lines {
		if l.Service != nil && l.UnitPrice == nil && l.Setting == nil {
			asked[l.Service.ID] = true
		}
	}
	var candidates map[int64]pricing.Candidates
	if len(asked) > 0 {
		var err error
		if candidates, err = s.Tariffs.CandidatesOf(ctx, c, slices.Sorted(maps.Keys(asked)), b.Day, b.Currency, b.ListID); err != nil {
			return nil, err
		}
	}
	prices := make([]base, len(lines))
	for i, l := range lines {
		switch {
		case l.UnitPrice != nil:
			if vat := l.vatRate(); vat != nil {
				prices[i].Price = pricing.Manual(*l.UnitPrice, b.Currency, *vat, b.Day)
			} else {
				prices[i].refused = apperr.Invalid("vatRate", apperr.Required)
			}
		case l.Setting != nil:
			prices[i].Price = pricing.Setting(l.Setting.Code, l.Setting.Price, l.Setting.Currency, l.Setting.VATRate, b.Day)
		case l.Service != nil:
			prices[i].Price, prices[i].refused = pricing.Resolve(candidates[l.Service.ID], b.Day, l.Inputs.Quantity)
		default:
			prices[i].refused = apperr.Invalid("unitPrice", apperr.Required)
		}
	}
	return prices, nil
}

// vatRate is that of a price given by hand, nil if the line names neither a rate nor a
// service.
func (l Line) vatRate() *decimal.Decimal {
	switch {
	case l.VATRate != nil:
		return l.VATRate
	case l.Service == nil:
		return nil
	case l.Service.VatExemption != nil:
		return new(decimal.Zero)
	}
	return &l.Service.VatRate
}

// quote applies the formula: that of the service to a price of the tariffs, quantity
// times price to one given by hand or by a setting.
func (l Line) quote(p pricing.Price, currency string, rates []pricing.Rate) (pricing.Line, error) {
	r := pricing.Request{Price: p, Type: pricing.PerUnit, Params: pricing.PerUnitParams{}, Inputs: l.Inputs, Currency: currency, Rates: rates, VATRate: l.VATRate}
	if p.Source != pricing.FromManual && p.Source != pricing.FromParameter {
		r.Type = pricing.Type(l.Service.CalculationType)
		params, err := pricing.ParseParams(r.Type, l.Service.FormulaParams)
		if err != nil {
			return pricing.Line{}, err
		}
		r.Params = params
	}
	return pricing.Quote(r)
}

// rates are those of the currencies that are foreign, each read by itself. One that is missing is left out,
// with the refusal: a line that has to be converted is then refused, and one that has
// not merely lacks its value in TRY.
func (s *Service) rates(ctx context.Context, c *ent.Client, b Basis, currencies []string) (rates []pricing.Rate, missing map[string]error, err error) {
	missing = map[string]error{}
	for _, currency := range currencies {
		if currency == pricing.Home {
			continue
		}
		u, err := s.Rates.ForPricing(ctx, c, currency, b.Day)
		if apperr.Is(err, apperr.RateMissing) {
			missing[currency] = err
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		rates = append(rates, pricing.Rate{
			Currency: currency, Value: u.Value, Kind: string(u.Kind), BulletinDate: u.UsedRateDate(), UsedDate: u.On, IsFallback: u.IsFallback(),
		})
	}
	return rates, missing, nil
}

// Line prices a single line. Its faults are at its own fields.
func (s *Service) Line(ctx context.Context, c *ent.Client, b Basis, l Line) (pricing.Line, error) {
	priced, err := s.Lines(ctx, c, b, []Line{l})
	if err != nil {
		return pricing.Line{}, apperr.Moved(err, []string{"items", "0"})
	}
	return priced[0], nil
}

// Terms are what a document says about surcharges and discount.
type Terms struct {
	Allowed  bool       // it takes surcharges
	Start    *time.Time // actual, else planned
	Urgent   bool
	Cabotage bool
	Choice   *pricing.Choice // by hand; nil: by time, calendar and priority
}

// Total adds up a document by the settings of the moment.
func (s *Service) Total(ctx context.Context, c *ent.Client, lines []pricing.Charge, t Terms) (pricing.Document, error) {
	rules, err := Rules(ctx, c)
	if err != nil {
		return pricing.Document{}, err
	}
	return pricing.Total(lines, pricing.Terms{Rules: rules, Allowed: t.Allowed, Start: t.Start, Urgent: t.Urgent, Choice: t.Choice, Cabotage: t.Cabotage})
}

// Rules reads the settings of surcharges, in two statements.
func Rules(ctx context.Context, c *ent.Client) (r pricing.Rules, err error) {
	v, err := parameter.Read(ctx, c, parameter.Surcharges, parameter.BusinessRule)
	if err != nil {
		return r, err
	}
	mode, err1 := parameter.Of(v, parameter.SurchargeMode)
	start, err2 := parameter.Of(v, parameter.NightStart)
	end, err3 := parameter.Of(v, parameter.NightEnd)
	night, err4 := parameter.Of(v, parameter.NightPercent)
	weekend, err5 := parameter.Of(v, parameter.WeekendPercent)
	urgent, err6 := parameter.Of(v, parameter.UrgentPercent)
	cabotage, err7 := parameter.Of(v, parameter.CabotagePercent)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return r, err
	}
	holidays, err := parameter.Holidays(ctx, c)
	if err != nil {
		return r, err
	}
	r = pricing.Rules{
		Mode: pricing.Mode(mode), NightStart: pricing.Clock(start), NightEnd: pricing.Clock(end),
		NightPercent: night, WeekendPercent: weekend, UrgentPercent: urgent, CabotagePercent: cabotage,
		Holidays: make(map[calendar.Date]bool, len(holidays)),
	}
	for day := range holidays {
		r.Holidays[day] = true
	}
	return r, nil
}
