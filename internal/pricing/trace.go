package pricing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/calendar"
	"aliaport/internal/money"
)

// TraceVersion is that of the keys below. Adding a key that old readers may overlook
// leaves it; anything else raises it, and DecodeTrace goes on reading the old ones.
const TraceVersion = 1

// Trace is how a line got its price. It is stored with the line as JSON; decimals are
// strings there, and keys never change their meaning within a version.
type Trace struct {
	Version     int             `json:"version"`
	Day         calendar.Date   `json:"day,omitzero"` // whose prices hold
	Source      SourceOf        `json:"source"`
	Price       Money           `json:"price"` // what the source gave, for the formula
	Calculation Calculation     `json:"calculation"`
	Inputs      []Input         `json:"inputs,omitempty"`
	Steps       []Step          `json:"steps"`
	Exact       Money           `json:"exact"` // what the formula gave, unrounded, to 10 places
	Rates       []Rate          `json:"rates,omitempty"`
	Rounding    Rounding        `json:"rounding"`
	VAT         VAT             `json:"vat"`
	Net         decimal.Decimal `json:"net"`
	Gross       decimal.Decimal `json:"gross"`
	Currency    string          `json:"currency"` // of rounding, VAT, net and gross
	Home        *InHome         `json:"try,omitempty"`
}

// InHome is what a net amount in another currency is in TRY, and by which rate.
type InHome struct {
	Net  decimal.Decimal `json:"net"`
	Rate Rate            `json:"rate"`
}

// SourceOf says where the price comes from. Ids are the database's own.
type SourceOf struct {
	Kind             Source           `json:"kind"`
	ServiceID        int64            `json:"serviceId,omitzero"`
	ServiceCode      string           `json:"serviceCode,omitzero"`
	OverrideID       int64            `json:"overrideId,omitzero"`
	PriceListID      int64            `json:"priceListId,omitzero"`
	PriceListCode    string           `json:"priceListCode,omitzero"`
	PriceListVersion int              `json:"priceListVersion,omitzero"`
	PriceListItemID  int64            `json:"priceListItemId,omitzero"`
	TierMin          *decimal.Decimal `json:"tierMin,omitempty"`  // the tier, where there are several
	TierNext         *decimal.Decimal `json:"tierNext,omitempty"` // where the next begins
	Parameter        string           `json:"parameter,omitzero"`
}

// Money is an amount in a currency.
type Money struct {
	Amount   decimal.Decimal `json:"amount"`
	Currency string          `json:"currency"`
}

// Calculation is the formula.
type Calculation struct {
	Type   Type            `json:"type"`
	Params json.RawMessage `json:"params"` // as ParseParams reads them
	Steps  int             `json:"steps"`  // how many of the steps are the formula's
}

// HalfUp is the only way of rounding there is: half up, away from zero.
const HalfUp = "HALF_UP"

// Rounding is the one that made the net amount.
type Rounding struct {
	Mode   string          `json:"mode"`
	Places int32           `json:"places"`
	Before decimal.Decimal `json:"before"` // to 10 places
	After  decimal.Decimal `json:"after"`
}

// VAT is the tax of a line (KDV).
type VAT struct {
	Rate      decimal.Decimal `json:"rate"` // percent
	Exemption string          `json:"exemption,omitzero"`
	Amount    decimal.Decimal `json:"amount"`
}

func (p Price) source() SourceOf {
	return SourceOf{
		Kind: p.Source, ServiceID: p.ServiceID, ServiceCode: p.ServiceCode, OverrideID: p.OverrideID,
		PriceListID: p.ListID, PriceListCode: p.ListCode, PriceListVersion: p.ListVersion, PriceListItemID: p.ListItemID,
		TierMin: p.TierMin, TierNext: p.TierNext, Parameter: p.Parameter,
	}
}

// DecodeTrace reads a stored trace, of this version or an older one. What is none, or
// holds figures that no price has, is an error for the log.
func DecodeTrace(raw []byte) (Trace, error) {
	var t Trace
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return Trace{}, fmt.Errorf("read trace: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Trace{}, errors.New("read trace: something follows it")
	}
	if err := t.check(); err != nil {
		return Trace{}, fmt.Errorf("read trace: %w", err)
	}
	return t, nil
}

// IsStoredAs tells whether raw is this trace, however the database writes it.
func (t Trace) IsStoredAs(raw []byte) (bool, error) {
	mine, err := json.Marshal(t)
	if err != nil {
		return false, fmt.Errorf("write trace: %w", err)
	}
	var a, b any
	if err := json.Unmarshal(mine, &a); err != nil {
		return false, fmt.Errorf("read trace: %w", err)
	}
	if len(raw) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return false, fmt.Errorf("read stored trace: %w", err)
	}
	return reflect.DeepEqual(a, b), nil
}

func (t Trace) check() error {
	if t.Version != TraceVersion {
		return fmt.Errorf("version %d is not known", t.Version)
	}
	if t.Calculation.Steps < 1 || t.Calculation.Steps > len(t.Steps) {
		return fmt.Errorf("the formula has %d of %d steps", t.Calculation.Steps, len(t.Steps))
	}
	if !slices.Contains(Types, t.Calculation.Type) {
		return fmt.Errorf("calculation type %q is not known", t.Calculation.Type)
	}
	figures := []decimal.Decimal{t.Price.Amount, t.Exact.Amount, t.Rounding.Before, t.Rounding.After, t.VAT.Rate, t.VAT.Amount, t.Net, t.Gross}
	for _, i := range t.Inputs {
		figures = append(figures, i.Value)
	}
	for _, s := range t.Steps {
		figures = append(figures, s.Value)
	}
	for _, r := range t.Rates {
		figures = append(figures, r.Value)
	}
	if t.Home != nil {
		figures = append(figures, t.Home.Net, t.Home.Rate.Value)
	}
	for _, d := range []*decimal.Decimal{t.Source.TierMin, t.Source.TierNext} {
		if d != nil {
			figures = append(figures, *d)
		}
	}
	for _, d := range figures {
		// Before they are written out: 1e999999999 fills the memory.
		if d.Exponent() > 30 || d.Exponent() < -30 || d.NumDigits() > 60 {
			return errors.New("a figure has too many digits")
		}
	}
	return nil
}

// Sentence says the whole in one sentence, with numbers and dates as the language
// writes them.
func (t Trace) Sentence(lang apperr.Lang) string {
	w := words{lang}
	var b strings.Builder
	b.WriteString(w.source(t.Source, t.Day))
	if n := t.Calculation.Steps; n > 0 && n <= len(t.Steps) {
		s := t.Steps[n-1]
		b.WriteString(lower(w.pick(s.Label.TR, s.Label.EN)) + ": ")
		if value := w.numbers(s.Expression); value != w.numbers(t.Exact.Amount.String()) {
			b.WriteString(value + " " + w.equals(t.Exact.Amount) + " ")
		}
	}
	b.WriteString(w.money(t.Exact))

	net := w.amount(t.Net) + " " + t.Currency
	rounded := !t.Rounding.Before.Equal(t.Rounding.After)
	before := w.unrounded(t.Rounding.Before)
	if len(t.Rates) > 0 {
		b.WriteString("; ")
		for i, r := range t.Rates {
			if i > 0 {
				b.WriteString(w.pick(" ve ", " and "))
			}
			b.WriteString(w.rate(r))
		}
		b.WriteString(w.pick(" net "+net, " that is "+net+" net"))
		if rounded {
			b.WriteString(w.pick(" ("+before+" yuvarlanarak)", " (rounded from "+before+")"))
		}
	} else {
		b.WriteString(w.pick(", net "+net, ", "+net+" net"))
	}
	b.WriteString(w.vat(t.VAT.Amount, t.Currency, t.VAT.Rate, t.VAT.Exemption))
	total := w.total(t.Gross, t.Currency)
	if h := t.Home; h != nil {
		total = strings.TrimSuffix(total, ".") + "; " + w.rate(h.Rate) + w.pick(" net ", " the net is ") + w.amount(h.Net) + " " + Home + "."
	}
	b.WriteString(total)
	return b.String()
}

// words write figures in a language.
type words struct{ lang apperr.Lang }

func (w words) pick(tr, en string) string {
	if w.lang == apperr.English {
		return en
	}
	return tr
}

func (w words) source(s SourceOf, day calendar.Date) string {
	tr, en := "Elle girilen fiyata göre", "By the price entered by hand"
	switch s.Kind {
	case FromOverride:
		tr, en = s.ServiceCode+" hizmetinin dönemlik fiyatına göre", "By the dated price of the service "+s.ServiceCode
	case FromList:
		version := strconv.Itoa(s.PriceListVersion)
		tr, en = s.PriceListCode+" tarifesine (sürüm "+version+") göre", "By the price list "+s.PriceListCode+" (version "+version+")"
	case FromService:
		tr, en = s.ServiceCode+" hizmet kartına göre", "By the card of the service "+s.ServiceCode
	case FromParameter:
		tr, en = s.Parameter+" parametresine göre", "By the parameter "+s.Parameter
		day = calendar.Date{} // that of the moment
	case FromManual:
		day = calendar.Date{} // it holds on any
	}
	if !day.IsZero() {
		tr, en = w.date(day)+" tarihinde "+tr, en+" on "+w.date(day)
	}
	if s.TierMin != nil {
		lowest := w.plain(*s.TierMin)
		tr, en = tr+", "+lowest+" ve üzeri", en+", for quantities from "+lowest+" on"
		if s.TierNext != nil {
			next := w.plain(*s.TierNext)
			tr, en = tr+", "+next+" altı", en+" and below "+next
		}
		tr += " miktarlar için"
	}
	return w.pick(tr, en) + ", "
}

func (w words) rate(r Rate) string {
	tr, en := strings.ToUpper(r.Kind), strings.ToUpper(r.Kind)
	switch tr {
	case "FOREX_BUYING":
		tr, en = "döviz alış", "forex buying"
	case "FOREX_SELLING":
		tr, en = "döviz satış", "forex selling"
	case "BANKNOTE_BUYING":
		tr, en = "efektif alış", "banknote buying"
	case "BANKNOTE_SELLING":
		tr, en = "efektif satış", "banknote selling"
	}
	tr = tr + " kuruyla (1 " + r.Currency + " = " + w.plain(r.Value) + " " + Home
	en = "at the " + en + " rate (1 " + r.Currency + " = " + w.plain(r.Value) + " " + Home
	if !r.BulletinDate.IsZero() {
		tr, en = tr+", "+w.date(r.BulletinDate)+" bülteni", en+", bulletin of "+w.date(r.BulletinDate)
	}
	if r.IsFallback {
		tr, en = tr+", bulunan en yenisi", en+", the newest there was"
	}
	return w.pick(tr, en) + ")"
}

func (w words) vat(amount decimal.Decimal, currency string, rate decimal.Decimal, exemption string) string {
	tr, en := "%"+w.plain(rate), w.plain(rate)+"%"
	if exemption != "" {
		tr, en = tr+", istisna "+exemption, en+", exempt by "+exemption
	}
	figure := w.amount(amount) + " " + currency
	return w.pick(", artı "+figure+" KDV ("+tr+")", ", plus "+figure+" VAT ("+en+")")
}

func (w words) total(gross decimal.Decimal, currency string) string {
	figure := w.amount(gross) + " " + currency
	return w.pick(", toplam "+figure+".", ", "+figure+" in all.")
}

func (w words) date(d calendar.Date) string {
	return w.pick(d.Start().Format("02.01.2006"), d.Start().Format("2 January 2006"))
}

// amount has two places.
func (w words) amount(d decimal.Decimal) string { return w.group(d.StringFixed(money.AmountPlaces)) }

// plain has as many places as there are.
func (w words) plain(d decimal.Decimal) string { return w.group(d.String()) }

func (w words) money(m Money) string { return w.unrounded(m.Amount) + " " + m.Currency }

// unrounded has at least two and at most four places.
func (w words) unrounded(d decimal.Decimal) string {
	s := d.Round(money.PricePlaces).String()
	if _, places, _ := strings.Cut(s, "."); len(places) < money.AmountPlaces {
		s = d.StringFixed(money.AmountPlaces)
	}
	return w.group(s)
}

func (w words) equals(d decimal.Decimal) string {
	if d.Equal(d.Round(money.PricePlaces)) {
		return "="
	}
	return "≈"
}

var figure = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// numbers rewrites every number in an expression.
func (w words) numbers(expression string) string {
	return figure.ReplaceAllStringFunc(expression, w.group)
}

// group writes a number with the language's marks: 1.234,56 in Turkish.
func (w words) group(s string) string {
	thousand, point := w.pick(".", ","), w.pick(",", ".")
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	whole, places, hasPlaces := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thousand + whole[i:]
	}
	if hasPlaces {
		whole += point + places
	}
	return sign + whole
}

func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.TurkishCase.ToLower(r)) + s[n:]
}
