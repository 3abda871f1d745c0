// Package rate holds the rules of exchange rates (döviz kurları): how the central
// bank's bulletin is read, which rate applies to a day, and how amounts are
// converted.
package rate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/internal/calendar"
	"aliaport/internal/money"
)

// Places is how many decimal places a rate per one unit has.
const Places = 6

// Home is the currency that bulletins quote in.
const Home = "TRY"

// ErrNotBulletin is the root of whatever is wrong with a file that should be a
// bulletin: an HTML page, another form, half a file.
var ErrNotBulletin = errors.New("not a rate bulletin")

// Bulletin is one day's file of the central bank.
type Bulletin struct {
	Date       calendar.Date // the file's own, whatever the clock says
	Number     string        // 2026/41
	Currencies []Currency    // in the order of the file
}

// Values are the four rates of one unit of a currency, nil where the bank gives
// none: empty is not zero.
type Values struct{ ForexBuying, ForexSelling, BanknoteBuying, BanknoteSelling *decimal.Decimal }

// Of is the value of a kind, nil when there is none.
func (v Values) Of(k Kind) *decimal.Decimal {
	switch k {
	case ForexBuying:
		return v.ForexBuying
	case ForexSelling:
		return v.ForexSelling
	case BanknoteBuying:
		return v.BanknoteBuying
	case BanknoteSelling:
		return v.BanknoteSelling
	}
	return nil
}

// Currency is a row of a bulletin. The values are per one unit of it, whatever the
// bank quotes.
type Currency struct {
	Values

	Code string // ISO 4217
	Unit int    // how many of it the bulletin quotes: 100 for JPY
	// Fault says why the row must not be used; its values are nil then. One bad row
	// does not spoil the others.
	Fault error
}

// Find returns the row of a currency, nil when the bulletin has none.
func (b *Bulletin) Find(code string) *Currency {
	i := slices.IndexFunc(b.Currencies, func(c Currency) bool { return c.Code == code })
	if i < 0 {
		return nil
	}
	return &b.Currencies[i]
}

// Parse reads the central bank's XML. It is strict about the form, for a number
// that is read wrongly is worse than none: the root, both ways in which the date
// is given, the encoding and each currency's code must be right. Document types
// are refused, and with them every entity that is not XML's own. Faults of a row
// are noted there.
func Parse(file []byte) (*Bulletin, error) {
	r := reader{xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff"))))}
	b, err := r.bulletin()
	if err != nil {
		// The decoder quotes names, however long: only its words are kept.
		const longest = 200
		return nil, fmt.Errorf("%w: %s", ErrNotBulletin, clip(err.Error(), longest))
	}
	return b, nil
}

// reader walks the tokens of a file. It has no recursion: a file may be nested as
// deeply as it likes.
type reader struct{ dec *xml.Decoder }

// next is the next start or end of an element or text between them.
func (r reader) next() (xml.Token, error) {
	for {
		t, err := r.dec.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.Directive:
			return nil, errors.New("a document type")
		case xml.ProcInst:
			if t.Target != "xml" && t.Target != "xml-stylesheet" {
				return nil, fmt.Errorf("a processing instruction %q", clip(t.Target, shown))
			}
		case xml.Comment:
		default:
			return t, nil
		}
	}
}

func (r reader) bulletin() (*Bulletin, error) {
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	b := &Bulletin{}
	if b.Date, b.Number, err = heading(root); err != nil {
		return nil, err
	}
	for {
		t, err := r.next()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name != (xml.Name{Local: "Currency"}) {
				err = r.skip()
			} else {
				err = r.currency(b, t)
			}
			if err != nil {
				return nil, err
			}
		case xml.EndElement:
			if len(b.Currencies) == 0 {
				return nil, errors.New("no currencies")
			}
			return b, r.end()
		case xml.CharData:
			if !blank(t) {
				return nil, errors.New("text between the currencies")
			}
		}
	}
}

func (r reader) root() (xml.StartElement, error) {
	for {
		t, err := r.next()
		if errors.Is(err, io.EOF) {
			return xml.StartElement{}, errors.New("no XML")
		}
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name != (xml.Name{Local: "Tarih_Date"}) {
				return t, fmt.Errorf("the root is %q", clip(t.Name.Local, shown))
			}
			return t, nil
		case xml.CharData:
			if !blank(t) {
				return xml.StartElement{}, fmt.Errorf("it begins with %q", clip(string(bytes.TrimSpace(t)), shown))
			}
		}
	}
}

// end makes sure that nothing follows the root.
func (r reader) end() error {
	for {
		t, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if text, ok := t.(xml.CharData); !ok || !blank(text) {
			return errors.New("something follows the end")
		}
	}
}

// skip passes over the rest of an element.
func (r reader) skip() error {
	for depth := 1; depth > 0; {
		t, err := r.next()
		if err != nil {
			return err
		}
		switch t.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

var numberForm = regexp.MustCompile(`^[0-9]{4}/[0-9]{1,4}$`)

// heading reads date and number of a bulletin.
func heading(root xml.StartElement) (day calendar.Date, number string, err error) {
	a, err := attributes(root)
	if err != nil {
		return day, "", err
	}
	turkish, err := time.Parse("02.01.2006", a["Tarih"])
	if err != nil {
		return day, "", fmt.Errorf("the attribute Tarih is %q", clip(a["Tarih"], shown))
	}
	english, err := time.Parse("01/02/2006", a["Date"])
	if err != nil {
		return day, "", fmt.Errorf("the attribute Date is %q", clip(a["Date"], shown))
	}
	if !turkish.Equal(english) {
		return day, "", fmt.Errorf("two dates, Tarih %s and Date %s", a["Tarih"], a["Date"])
	}
	if number = a["Bulten_No"]; !numberForm.MatchString(number) {
		return day, "", fmt.Errorf("the attribute Bulten_No is %q", clip(number, shown))
	}
	day, err = calendar.ParseDate(turkish.Format(time.DateOnly))
	return day, number, err
}

// attributes are those of an element; the decoder lets a name stand twice.
func attributes(e xml.StartElement) (map[string]string, error) {
	m := make(map[string]string, len(e.Attr))
	for _, a := range e.Attr {
		if a.Name.Space != "" {
			continue
		}
		if _, twice := m[a.Name.Local]; twice {
			return nil, fmt.Errorf("the attribute %s twice", clip(a.Name.Local, shown))
		}
		m[a.Name.Local] = a.Value
	}
	return m, nil
}

// mostCurrencies bounds the work that a file can cause; real ones have some twenty.
const mostCurrencies = 300

// currency reads an element Currency to its end.
func (r reader) currency(b *Bulletin, start xml.StartElement) error {
	a, err := attributes(start)
	if err != nil {
		return err
	}
	// Names and positions change, and one name is misspelt: only the code counts.
	c := Currency{Code: a["CurrencyCode"], Unit: 1}
	if !money.IsCurrency(c.Code) {
		return fmt.Errorf("a currency %q", clip(c.Code, shown))
	}
	if b.Find(c.Code) != nil {
		return fmt.Errorf("%s twice", c.Code)
	}
	if len(b.Currencies) == mostCurrencies {
		return fmt.Errorf("more than %d currencies", mostCurrencies)
	}
	texts, fault, err := r.texts()
	if err != nil {
		return err
	}
	if fault == nil {
		fault = c.read(texts)
	}
	if fault != nil {
		c = Currency{Code: c.Code, Unit: 1, Fault: fmt.Errorf("%s: %w", c.Code, fault)}
	}
	b.Currencies = append(b.Currencies, c)
	return nil
}

// wanted are the elements of a currency that are read.
var wanted = []string{"Unit", "ForexBuying", "ForexSelling", "BanknoteBuying", "BanknoteSelling"}

// texts are the contents of a currency's elements by their names.
func (r reader) texts() (texts map[string]string, fault, err error) {
	texts = map[string]string{}
	for {
		t, err := r.next()
		if err != nil {
			return nil, nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Space != "" || !slices.Contains(wanted, t.Name.Local) {
				if err := r.skip(); err != nil {
					return nil, nil, err
				}
				continue
			}
			if _, twice := texts[t.Name.Local]; twice {
				fault = fmt.Errorf("%s twice", t.Name.Local)
			}
			text, err := r.text()
			if err != nil {
				return nil, nil, err
			}
			texts[t.Name.Local] = text
		case xml.EndElement:
			return texts, fault, nil
		case xml.CharData:
			if !blank(t) {
				fault = errors.New("text between the elements")
			}
		}
	}
}

// text is the content of an element that has no others in it. Those that it has all
// the same make it no number.
func (r reader) text() (string, error) {
	var b strings.Builder
	for {
		t, err := r.next()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			b.WriteString("<" + t.Name.Local + ">")
			if err := r.skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return strings.TrimSpace(b.String()), nil
		}
	}
}

// read fills the row from the texts of its elements.
func (c *Currency) read(texts map[string]string) error {
	if !unitForm.MatchString(texts["Unit"]) {
		return fmt.Errorf("unit %q", clip(texts["Unit"], shown))
	}
	unit, err := strconv.Atoi(texts["Unit"])
	if err != nil {
		return err
	}
	c.Unit = unit
	for _, v := range []struct {
		name string
		into **decimal.Decimal
	}{
		{"ForexBuying", &c.ForexBuying},
		{"ForexSelling", &c.ForexSelling},
		{"BanknoteBuying", &c.BanknoteBuying},
		{"BanknoteSelling", &c.BanknoteSelling},
	} {
		if *v.into, err = value(texts[v.name], unit); err != nil {
			return fmt.Errorf("%s %w", v.name, err)
		}
	}
	return c.check()
}

// check holds the values of a row to their rules; those of a rate entered by hand
// are told in other words.
func (v Values) check() error {
	switch {
	case v.ForexBuying == nil && v.ForexSelling == nil:
		return errors.New("no forex value")
	case above(v.ForexBuying, v.ForexSelling):
		return errors.New("forex selling below buying")
	case above(v.BanknoteBuying, v.BanknoteSelling):
		return errors.New("banknote selling below buying")
	}
	return nil
}

func above(a, b *decimal.Decimal) bool { return a != nil && b != nil && a.GreaterThan(*b) }

// Forms of numbers. They have points; a comma would be read as thousands by some and
// as a point by others. Their size is bounded so that a rate fits its column.
var (
	unitForm  = regexp.MustCompile(`^[1-9][0-9]{0,5}$`)
	valueForm = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,12})?$`)
)

// value reads a number quoted for so many units.
func value(text string, unit int) (*decimal.Decimal, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // the bank gives none
	}
	if !valueForm.MatchString(text) {
		return nil, fmt.Errorf("is %q", clip(text, shown))
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return nil, err
	}
	d = d.DivRound(decimal.NewFromInt(int64(unit)), Places)
	if !d.IsPositive() {
		return nil, fmt.Errorf("is %q, not above zero", text)
	}
	return &d, nil
}

func blank(text []byte) bool { return len(bytes.TrimSpace(text)) == 0 }

// shown is how much of a foreign text messages quote.
const shown = 40

// clip keeps a foreign text from filling a log.
func clip(s string, longest int) string {
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}
