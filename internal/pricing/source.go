package pricing

import (
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
)

// Source says where a price comes from (fiyat kaynağı).
type Source string

// The sources, in the order in which they are asked.
const (
	FromManual   Source = "MANUAL"     // given by hand for this line
	FromOverride Source = "OVERRIDE"   // dated price of the service
	FromList     Source = "PRICE_LIST" // item of a price list
	FromService  Source = "SERVICE"    // the service card itself

	FromParameter Source = "PARAMETER" // a setting of the port, for what is no service
)

// Service is a service card. A price that is not set is nil; 0 is a price.
type Service struct {
	ID       int64
	Code     string
	Active   bool
	Price    *decimal.Decimal
	Currency string
	VATRate  decimal.Decimal // percent
}

// Override is a price of one service for some days. It replaces the base price, its
// currency and, if given, its VAT rate; the formula runs all the same.
type Override struct {
	ID       int64
	Active   bool
	From, To calendar.Date // half-open; no To: until further notice
	Price    decimal.Decimal
	Currency string
	VATRate  *decimal.Decimal // percent; nil: that of the service; 0 is 0
}

// List is a price list with its items for the one service in question.
type List struct {
	ID       int64
	Code     string
	Version  int
	Active   bool          // its status is ACTIVE
	From, To calendar.Date // half-open; none: open on that side
	Currency string
	Chosen   bool // named by the caller; else the default list of the customer's currency
	Items    []ListItem
}

// ListItem is a price of the service in a list, of all quantities or of a tier.
type ListItem struct {
	ID          int64
	Active      bool
	MinQuantity decimal.Decimal
	MaxQuantity *decimal.Decimal
	Price       decimal.Decimal
	VATRate     *decimal.Decimal // percent; nil: that of the service; 0 is 0
}

// Candidates are what a price can be taken from.
type Candidates struct {
	Service   Service
	Overrides []Override
	List      *List
}

// Price is the base price that holds, before the formula, and where it comes from.
type Price struct {
	Amount   decimal.Decimal
	Currency string
	VATRate  decimal.Decimal // percent
	Day      calendar.Date   // the day it was asked for
	Source   Source

	ServiceID          int64
	ServiceCode        string
	OverrideID         int64
	ListID, ListItemID int64
	ListCode           string
	ListVersion        int
	TierMin, TierNext  *decimal.Decimal // the tier, if there are several; no TierNext: all above
	Parameter          string           // code of the setting that says it
}

// Day is the day whose prices and rates hold for a piece of work: that of its actual
// start, else of its planned start, else today.
func Day(actualStart, plannedStart *time.Time, now time.Time) calendar.Date {
	switch {
	case actualStart != nil:
		return calendar.DateOf(*actualStart)
	case plannedStart != nil:
		return calendar.DateOf(*plannedStart)
	}
	return calendar.DateOf(now)
}

// Resolve finds the base price of a service on a day. Asked are, in this order:
//
//  1. the dated override of the service that is valid on the day, of several the one
//     that began last;
//  2. the item of the price list for the service, by quantity where there are tiers;
//  3. the service card.
//
// No price is HIZMET_INVALID_PRICE, an inactive service HIZMET_INACTIVE. A list that
// was chosen and is not in force on the day is TARIFE_INACTIVE; a default list that
// is not in force is passed over. Tiers without a quantity are PRICE_MISSING_INPUT.
func Resolve(c Candidates, day calendar.Date, quantity *decimal.Decimal) (Price, error) {
	s := c.Service
	if !s.Active {
		return Price{}, apperr.New(apperr.ServiceInactive, "code", s.Code)
	}
	p := Price{Day: day, ServiceID: s.ID, ServiceCode: s.Code, VATRate: s.VATRate}
	if o := newest(c.Overrides, day); o != nil {
		p.Source, p.OverrideID, p.Amount, p.Currency, p.VATRate = FromOverride, o.ID, o.Price, o.Currency, or(o.VATRate, s.VATRate)
		return p.checked()
	}
	if l := c.List; l != nil {
		switch found, err := p.fromList(l, quantity); {
		case err != nil:
			return Price{}, err
		case found:
			return p.checked()
		}
	}
	if s.Price == nil {
		return Price{}, apperr.New(apperr.ServicePrice, "code", s.Code, "currency", s.Currency)
	}
	p.Source, p.Amount, p.Currency = FromService, *s.Price, s.Currency
	return p.checked()
}

// newest is the override that is valid on the day and began last.
func newest(overrides []Override, day calendar.Date) (found *Override) {
	for i, o := range overrides {
		if o.Active && inForce(o.From, o.To, day) && (found == nil || o.From.After(found.From)) {
			found = &overrides[i]
		}
	}
	return found
}

// inForce tells whether the day lies in [from, to); no date leaves its side open.
func inForce(from, to, day calendar.Date) bool {
	return (from.IsZero() || !day.Before(from)) && (to.IsZero() || day.Before(to))
}

// fromList takes the price from the list, if it is in force and has the service.
func (p *Price) fromList(l *List, quantity *decimal.Decimal) (bool, error) {
	if !l.Active || !inForce(l.From, l.To, p.Day) {
		if l.Chosen {
			return false, apperr.New(apperr.TariffInactive, "code", l.Code)
		}
		return false, nil
	}
	var items []ListItem
	var tiers []Tier
	for _, i := range l.Items {
		if i.Active {
			items = append(items, i)
			tiers = append(tiers, Tier{Min: i.MinQuantity, Max: i.MaxQuantity, Price: i.Price})
		}
	}
	if len(items) == 0 {
		return false, nil
	}
	smallest := tiers[0].Min
	for _, t := range tiers {
		smallest = decimal.Min(smallest, t.Min)
	}
	ordered, err := NewTiers(tiers, smallest)
	if err != nil {
		return false, err
	}
	at := 0
	if len(ordered) > 1 || !smallest.IsZero() {
		if quantity == nil || quantity.IsNegative() {
			return false, apperr.New(apperr.PriceMissing, "field", "quantity").At("quantity")
		}
		if at, err = ordered.at(*quantity); err != nil {
			return false, err
		}
		p.TierMin = &ordered[at].Min
		if at+1 < len(ordered) {
			p.TierNext = &ordered[at+1].Min
		}
	}
	item := items[ordered[at].ref]
	p.Source, p.ListID, p.ListCode, p.ListVersion, p.ListItemID = FromList, l.ID, l.Code, l.Version, item.ID
	p.Amount, p.Currency, p.VATRate = item.Price, l.Currency, or(item.VATRate, p.VATRate)
	return true, nil
}

// Manual is a price that was given by hand for one line.
func Manual(amount decimal.Decimal, currency string, vatRate decimal.Decimal, day calendar.Date) Price {
	return Price{Amount: amount, Currency: currency, VATRate: vatRate, Day: day, Source: FromManual}
}

// Setting is a price that a parameter of the port says.
func Setting(code string, amount decimal.Decimal, currency string, vatRate decimal.Decimal, day calendar.Date) Price {
	return Price{Amount: amount, Currency: currency, VATRate: vatRate, Day: day, Source: FromParameter, Parameter: code}
}

// checked refuses a price that cannot be right, whatever it was read from.
func (p Price) checked() (Price, error) {
	if p.Amount.IsNegative() || money.Check("price", p.Amount, money.PricePlaces) != nil || !money.IsCurrency(p.Currency) {
		return Price{}, apperr.New(apperr.ServicePrice, "code", p.ServiceCode, "currency", p.Currency)
	}
	return p, nil
}

func or(d *decimal.Decimal, absent decimal.Decimal) decimal.Decimal {
	if d != nil {
		return *d
	}
	return absent
}
