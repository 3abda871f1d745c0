package pricing

import (
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
)

// Home is the currency in which rates of exchange are given.
const Home = "TRY"

// Rate is what one unit of a currency is worth in TRY, and which bulletin says so.
type Rate struct {
	Currency     string          `json:"currency"`
	Value        decimal.Decimal `json:"value"` // TRY for one unit, at most 6 places
	Kind         string          `json:"kind"`  // FOREX_SELLING …
	BulletinDate calendar.Date   `json:"bulletinDate,omitzero"`
	UsedDate     calendar.Date   `json:"usedDate,omitzero"`   // the day whose rate it is
	IsFallback   bool            `json:"isFallback,omitzero"` // an older bulletin than the day's own
}

// Request asks for the price of one line.
type Request struct {
	Price     Price // of Resolve or Manual
	Type      Type
	Params    Params
	Inputs    Inputs
	Currency  string           // of the line; empty: that of the price
	Rates     []Rate           // of the currencies that are not TRY, where one is converted
	VATRate   *decimal.Decimal // percent, instead of that of the price; 0 is 0
	Exemption string           // code of a VAT exemption, which makes the rate 0; empty or NONE: none
}

// Line is a priced line. Net and VAT are rounded to 2 places; gross is their sum.
type Line struct {
	money.Line

	Currency     string
	VATRate      decimal.Decimal  // percent, 0 if exempt
	Exact        Exact            // net before conversion and rounding, in the currency of the price
	ExchangeRate *decimal.Decimal // currency of the line for one of the price, to 6 places, for showing; nil: the same currency
	TRY          *decimal.Decimal // net in TRY; nil: there was no rate
	Trace        Trace
}

// Quote prices a line and says how: the formula on the price, then the conversion of
// the unrounded result, then one rounding, then VAT of the rounded net.
//
// Besides what Calculate refuses, a missing rate is KUR_RATE_NOT_AVAILABLE and a VAT
// rate that is none, or an amount too large to be stored, VALIDATION_ERROR.
func Quote(r Request) (Line, error) {
	price, err := r.Price.checked()
	if err != nil {
		return Line{}, err
	}
	vat, err := r.vat()
	if err != nil {
		return Line{}, err
	}
	l := Line{Currency: r.Currency, VATRate: vat.Rate}
	if l.Currency == "" {
		l.Currency = price.Currency
	}
	if !money.IsCurrency(l.Currency) {
		return Line{}, apperr.Invalid("currency", apperr.Currency)
	}
	result, err := Calculate(r.Type, r.Params, price.Amount, r.Inputs)
	if err != nil {
		return Line{}, err
	}
	l.Exact = result.Amount

	converted, rates, steps, err := convert(l.Exact, price.Currency, l.Currency, r.Rates, price.Day)
	if err != nil {
		return Line{}, err
	}
	if len(rates) > 0 {
		one, _, _, err := convert(ExactOf(one), price.Currency, l.Currency, r.Rates, price.Day)
		if err != nil {
			return Line{}, err
		}
		cross := one.Round(RatePlaces)
		l.ExchangeRate = &cross
	}
	l.Net = converted.Round(money.AmountPlaces)
	l.VAT = percentOf(l.Net, vat.Rate)
	l.Gross = l.Net.Add(l.VAT)
	if e := money.Check("amount", l.Gross, money.AmountPlaces); e != nil {
		return Line{}, e
	}
	var home *InHome
	if try, used, _, err := convert(ExactOf(l.Net), l.Currency, Home, r.Rates, price.Day); err == nil {
		net := try.Round(money.AmountPlaces)
		l.TRY = &net
		if len(used) > 0 {
			home = &InHome{Net: net, Rate: used[0]}
		}
	}

	params, err := json.Marshal(r.Params)
	if err != nil {
		return Line{}, fmt.Errorf("write parameters: %w", err)
	}
	vat.Amount = l.VAT
	steps = append(result.Steps, append(steps,
		Step{Label{"Net tutar, kuruşa yuvarlanmış", "Net, rounded to 2 places"}, "round(" + converted.Decimal().String() + ")", l.Net},
		Step{Label{"KDV", "VAT"}, "round(" + l.Net.String() + " × " + vat.Rate.String() + " ÷ 100)", l.VAT},
		Step{Label{"Toplam", "Total"}, l.Net.String() + " + " + l.VAT.String(), l.Gross})...)
	l.Trace = Trace{
		Version: TraceVersion, Day: price.Day, Source: price.source(), Price: Money{price.Amount, price.Currency},
		Calculation: Calculation{r.Type, params, len(result.Steps)}, Inputs: result.Inputs, Steps: steps,
		Exact: Money{l.Exact.Decimal(), price.Currency}, Rates: rates,
		Rounding: Rounding{HalfUp, money.AmountPlaces, converted.Decimal(), l.Net},
		VAT:      vat, Net: l.Net, Gross: l.Gross, Currency: l.Currency, Home: home,
	}
	return l, nil
}

// noExemption is the code that stands for none.
const noExemption = "NONE"

func (r Request) vat() (VAT, error) {
	v := VAT{Rate: or(r.VATRate, r.Price.VATRate)}
	if e := money.Check("vatRate", v.Rate, 2); e != nil {
		return VAT{}, e
	}
	if v.Rate.IsNegative() || v.Rate.GreaterThan(hundred) {
		return VAT{}, apperr.Invalid("vatRate", apperr.OutOfRange, "min", 0, "max", 100)
	}
	if r.Exemption != "" && r.Exemption != noExemption {
		v = VAT{Exemption: r.Exemption}
	}
	return v, nil
}

// convert turns an amount into another currency, by way of TRY. It returns the rates
// it used, and the step; none for the same currency.
func convert(amount Exact, from, to string, rates []Rate, day calendar.Date) (Exact, []Rate, []Step, error) {
	if from == to {
		return amount, nil, nil, nil
	}
	var used []Rate
	expression := amount.Decimal().String()
	if from != Home {
		r, err := find(rates, from, day)
		if err != nil {
			return Exact{}, nil, nil, err
		}
		amount, expression, used = amount.times(r.Value), expression+" × "+r.Value.String(), append(used, r)
	}
	if to != Home {
		r, err := find(rates, to, day)
		if err != nil {
			return Exact{}, nil, nil, err
		}
		if len(used) == 1 && used[0].Kind != r.Kind { // two kinds of rate do not make a price
			return Exact{}, nil, nil, missingRate(to, used[0].Kind, day)
		}
		amount, expression, used = amount.over(r.Value), expression+" ÷ "+r.Value.String(), append(used, r)
	}
	return amount, used, []Step{{Label{from + " → " + to, from + " → " + to}, expression, amount.Decimal()}}, nil
}

func find(rates []Rate, currency string, day calendar.Date) (Rate, error) {
	for _, r := range rates {
		if r.Currency != currency {
			continue
		}
		if money.Check("rate", r.Value, RatePlaces) != nil || !r.Value.IsPositive() {
			return Rate{}, missingRate(currency, r.Kind, day)
		}
		return r, nil
	}
	return Rate{}, missingRate(currency, "", day)
}

func missingRate(currency, kind string, day calendar.Date) *apperr.Error {
	if kind == "" {
		kind = "?"
	}
	return apperr.New(apperr.RateMissing, "currency", currency, "kind", kind, "day", day)
}
