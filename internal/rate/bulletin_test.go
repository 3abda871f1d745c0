package rate_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/internal/aliatest"
	"aliaport/internal/calendar"
	"aliaport/internal/rate"
)

// shown is a row as tests compare it.
func shown(c *rate.Currency) string {
	if c == nil {
		return "none"
	}
	var b strings.Builder
	fmt.Fprint(&b, c.Unit)
	for _, v := range []*decimal.Decimal{c.ForexBuying, c.ForexSelling, c.BanknoteBuying, c.BanknoteSelling} {
		if v == nil {
			b.WriteString(" -")
		} else {
			b.WriteString(" " + v.String())
		}
	}
	if c.Fault != nil {
		b.WriteString(" " + c.Fault.Error())
	}
	return b.String()
}

func TestBulletin(t *testing.T) {
	t.Parallel()
	b, err := rate.Parse(aliatest.Bulletin())
	if err != nil {
		t.Fatal(err)
	}
	if b.Date != (calendar.Date{Year: 2026, Month: 2, Day: 27}) || b.Number != "2026/41" || len(b.Currencies) != 22 {
		t.Errorf("%s, %s, %d currencies", b.Date, b.Number, len(b.Currencies))
	}
	for code, want := range map[string]string{
		"USD": "1 34.5 34.5622 34.4759 34.614",
		"EUR": "1 37.8 37.8681 37.7735 37.9249",
		"JPY": "100 0.231234 0.232766 0.230378 0.23365", // quoted per 100
		"RUB": "1 0.35602 0.36068 - -",                  // five places, no banknotes
		"XDR": "1 45.7892 - - -",                        // one value only
		"TRY": "none",
	} {
		if got := shown(b.Find(code)); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
	for _, c := range b.Currencies {
		if c.Fault != nil {
			t.Errorf("%v", c.Fault)
		}
	}
}

// replaced changes one place of the sample.
func replaced(t *testing.T, before, after string) []byte {
	t.Helper()
	file := string(aliatest.Bulletin())
	if strings.Count(file, before) < 1 {
		t.Fatalf("the sample has no %q", before)
	}
	return []byte(strings.Replace(file, before, after, 1))
}

const header = `<?xml version="1.0" encoding="UTF-8"?>`

func TestWhatIsNoBulletin(t *testing.T) {
	t.Parallel()
	many := strings.Builder{}
	for i := range 400 {
		fmt.Fprintf(&many, `<Currency CurrencyCode="A%c%c"/>`, 'A'+i/26, 'A'+i%26)
	}
	bomb := `<!DOCTYPE Tarih_Date [<!ENTITY a "34"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	for name, c := range map[string]struct {
		file []byte
		want string // what the error says
	}{
		"nothing":                                   {nil, "no XML"},
		"blanks":                                    {[]byte(" \n\t "), "no XML"},
		"a text":                                    {[]byte("Service Unavailable"), `it begins with "Service Unavailable"`},
		"JSON":                                      {[]byte(`{"error": "yok"}`), "it begins with"},
		"a page":                                    {[]byte(`<html><head><title>Bakım</title></head><body>Site bakımda</body></html>`), `the root is "html"`},
		"a page with a document type":               {[]byte("<!DOCTYPE html>\n<html><body/></html>"), "a document type"},
		"another form":                              {[]byte(header + `<Rates><Currency CurrencyCode="USD"/></Rates>`), `the root is "Rates"`},
		"the root in a namespace":                   {replaced(t, "<Tarih_Date ", `<Tarih_Date xmlns="urn:x" `), "the root is"},
		"half a file":                               {aliatest.Bulletin()[:3000], "unexpected EOF"},
		"the end missing":                           {bytes.TrimSuffix(aliatest.Bulletin(), []byte("</Tarih_Date>\n")), "unexpected EOF"},
		"two files in one":                          {append(aliatest.Bulletin(), aliatest.Bulletin()...), ""},
		"something after the end":                   {append(aliatest.Bulletin(), "<Tarih_Date/>"...), "something follows the end"},
		"text after the end":                        {append(aliatest.Bulletin(), "son"...), "something follows the end"},
		"elements crossed":                          {replaced(t, "<Unit>1</Unit>", "<Unit>1</Isim>"), "element"},
		"text between the currencies":               {replaced(t, "\n\t<Currency", "\nkur\n\t<Currency"), "text between"},
		"no currencies":                             {[]byte(header + `<Tarih_Date Tarih="27.02.2026" Date="02/27/2026" Bulten_No="2026/41"></Tarih_Date>`), "no currencies"},
		"more currencies than there are":            {replaced(t, "\t<Currency", many.String()+"\t<Currency"), "more than 300 currencies"},
		"a document type":                           {replaced(t, "<Tarih_Date ", `<!DOCTYPE Tarih_Date SYSTEM "file:///etc/passwd"><Tarih_Date `), "a document type"},
		"entities of its own":                       {replaced(t, "<Tarih_Date ", bomb+"<Tarih_Date "), "a document type"},
		"a document type inside":                    {replaced(t, "<Isim>", `<Isim><!DOCTYPE x>`), "a document type"},
		"an entity without a declaration":           {replaced(t, "34.5000", "&kur;"), "entity"},
		"a processing instruction":                  {replaced(t, "<Tarih_Date ", `<?php echo 1 ?><Tarih_Date `), "a processing instruction"},
		"an encoding that is not UTF-8":             {replaced(t, "UTF-8", "ISO-8859-9"), "ISO-8859-9"},
		"bytes that are not UTF-8":                  {replaced(t, "ABD DOLARI", "\xddSV\xcaÇRE"), "UTF-8"},
		"UTF-16":                                    {[]byte("\xff\xfe<\x00T\x00"), "UTF-8"},
		"a control character":                       {replaced(t, "ABD DOLARI", "ABD\x01DOLARI"), "character"},
		"NUL":                                       {replaced(t, "ABD DOLARI", "ABD\x00DOLARI"), "character"},
		"no Turkish date":                           {replaced(t, ` Tarih="27.02.2026"`, ""), "Tarih"},
		"no English date":                           {replaced(t, ` Date="02/27/2026"`, ""), "Date"},
		"the two dates differ":                      {replaced(t, ` Date="02/27/2026"`, ` Date="02/26/2026"`), "two dates"},
		"day and month changed places":              {replaced(t, ` Date="02/27/2026"`, ` Date="27/02/2026"`), "Date"},
		"a day that does not exist":                 {replaced(t, "27.02.2026", "30.02.2026"), "Tarih"},
		"a date without leading zeros":              {replaced(t, "27.02.2026", "27.2.2026"), "Tarih"},
		"a year of two digits":                      {replaced(t, "27.02.2026", "27.02.26"), "Tarih"},
		"a year that cannot be":                     {bytes.ReplaceAll(aliatest.Bulletin(), []byte("2026\""), []byte("0026\"")), "1900"},
		"a date in other digits":                    {replaced(t, "27.02.2026", "٢٧.02.2026"), "Tarih"},
		"no number":                                 {replaced(t, ` Bulten_No="2026/41"`, ""), "Bulten_No"},
		"a number of another form":                  {replaced(t, "2026/41", "41"), "Bulten_No"},
		"a date twice":                              {replaced(t, ` Date="02/27/2026"`, ` Date="02/27/2026" Date="02/27/2026"`), "twice"},
		"a currency twice":                          {replaced(t, `CurrencyCode="AUD"`, `CurrencyCode="USD"`), "USD twice"},
		"a currency without a code":                 {replaced(t, ` CurrencyCode="AUD"`, ""), "a currency"},
		"a code of four letters":                    {replaced(t, `CurrencyCode="AUD"`, `CurrencyCode="AUDX"`), "a currency"},
		"a code in small letters":                   {replaced(t, `CurrencyCode="AUD"`, `CurrencyCode="aud"`), "a currency"},
		"a code with a Turkish letter":              {replaced(t, `CurrencyCode="CHF"`, `CurrencyCode="ÇHF"`), "a currency"},
		"a currency with a code twice":              {replaced(t, `CurrencyCode="AUD"`, `CurrencyCode="AUD" CurrencyCode="USD"`), "twice"},
		"a long text is cut in the message":         {[]byte("<" + strings.Repeat("x", 5000) + "/>"), "…"},
		"a long name is cut in the decoder's words": {[]byte("<A" + strings.Repeat("f", 5000) + "\xff>"), "…"},
		"elements nested deeper than any reader":    {[]byte(strings.Repeat("<a>", 100_000)), "the root is"},
		"deeply nested in a currency":               {replaced(t, "<Isim>", strings.Repeat("<a>", 100_000)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := rate.Parse(c.file)
			if !errors.Is(err, rate.ErrNotBulletin) || b != nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 {
				t.Errorf("%v, error %v; want %q", b, err, c.want)
			}
		})
	}
}

func TestWhatABulletinMayHaveBesides(t *testing.T) {
	t.Parallel()
	want := "1 34.5 34.5622 34.4759 34.614"
	for name, file := range map[string][]byte{
		"a byte order mark":             append([]byte("\ufeff"), aliatest.Bulletin()...),
		"the encoding in small letters": replaced(t, "UTF-8", "utf-8"),
		"no declaration":                []byte(strings.SplitN(string(aliatest.Bulletin()), "\n", 2)[1]),
		"other line ends":               bytes.ReplaceAll(aliatest.Bulletin(), []byte("\n"), []byte("\r\n")),
		"blanks around a number":        replaced(t, "<ForexBuying>34.5000<", "<ForexBuying>\n 34.5000 \n<"),
		"comments":                      replaced(t, "<ForexBuying>34.5000<", "<!-- kur --><ForexBuying>34.<!-- x -->5000<"),
		"a number as CDATA":             replaced(t, "<ForexBuying>34.5000<", "<ForexBuying><![CDATA[34.5000]]><"),
		"a number as references":        replaced(t, "<ForexBuying>34.5000<", "<ForexBuying>&#51;4.5000<"),
		"new elements in a currency":    replaced(t, "<Unit>", "<Yeni><Alt>1</Alt></Yeni><Unit>"),
		"new elements beside them":      replaced(t, "\t<Currency", "<Not>Tatil</Not>\t<Currency"),
		"new attributes":                replaced(t, ` Kod="USD"`, ` Kod="USD" Yeni="1" x:CurrencyCode="EUR"`),
		"the elements in another order": replaced(t, "<ForexBuying>34.5000</ForexBuying>\n\t\t\t<ForexSelling>34.5622</ForexSelling>", "<ForexSelling>34.5622</ForexSelling><ForexBuying>34.5000</ForexBuying>"),
		"the currency at another place": replaced(t, "<Currency ", `<Currency CurrencyCode="ZAR"><Unit>1</Unit><ForexBuying>2</ForexBuying></Currency><Currency `),
		"the name spelt otherwise":      replaced(t, "US DOLLAR", "U.S. DOLAR"),
		"blanks and comments after it":  append(aliatest.Bulletin(), "\n\n<!-- son -->\n"...),
		"another style sheet":           replaced(t, "isokur.xsl", "x.xsl"),
		"another currency's row is bad": replaced(t, "<ForexBuying>22.4012<", "<ForexBuying>x<"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := rate.Parse(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(b.Find("USD")); got != want || b.Number != "2026/41" {
				t.Errorf("USD %s, number %s", got, b.Number)
			}
		})
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	row := func(unit, fb, fs, bb, bs string) string {
		return fmt.Sprintf("<Unit>%s</Unit><ForexBuying>%s</ForexBuying><ForexSelling>%s</ForexSelling><BanknoteBuying>%s</BanknoteBuying><BanknoteSelling>%s</BanknoteSelling>", unit, fb, fs, bb, bs)
	}
	bad := func(fault string) string { return "1 - - - - ZAR: " + fault }
	for name, c := range map[string]struct{ row, want string }{
		"all four":                            {row("1", "1.5", "1.6", "1.4", "1.7"), "1 1.5 1.6 1.4 1.7"},
		"per hundred":                         {row("100", "23.1234", "", "", ""), "100 0.231234 - - -"},
		"per hundred, the seventh place 5":    {row("100", "23.12345", "", "", ""), "100 0.231235 - - -"},
		"per three":                           {row("3", "1", "", "", ""), "3 0.333333 - - -"},
		"per a million":                       {row("100000", "12.5", "", "", ""), "100000 0.000125 - - -"},
		"selling equals buying":               {row("1", "1.5", "1.5", "1.5", "1.5"), "1 1.5 1.5 1.5 1.5"},
		"selling only":                        {row("1", "", "1.6", "", ""), "1 - 1.6 - -"},
		"banknotes dearer than forex":         {row("1", "1.5", "1.6", "1.7", "1.8"), "1 1.5 1.6 1.7 1.8"},
		"the largest that is kept":            {row("1", "999999999.999999", "", "", ""), "1 999999999.999999 - - -"},
		"elements missing altogether":         {"<Unit>1</Unit><ForexBuying>1.5</ForexBuying>", "1 1.5 - - -"},
		"empty elements in the short form":    {"<Unit>1</Unit><ForexBuying>1.5</ForexBuying><ForexSelling/>", "1 1.5 - - -"},
		"nothing at all":                      {"", bad(`unit ""`)},
		"no forex value":                      {row("1", "", "", "1.5", "1.6"), bad("no forex value")},
		"selling below buying":                {row("1", "1.6", "1.5", "", ""), bad("forex selling below buying")},
		"banknote selling below buying":       {row("1", "1.5", "1.6", "1.6", "1.5"), bad("banknote selling below buying")},
		"zero":                                {row("1", "0.0000", "", "", ""), bad(`ForexBuying is "0.0000", not above zero`)},
		"zero banknotes":                      {row("1", "1.5", "", "0", ""), bad(`BanknoteBuying is "0", not above zero`)},
		"nothing is left per unit":            {row("100000", "0.01", "", "", ""), bad(`ForexBuying is "0.01", not above zero`)},
		"below zero":                          {row("1", "-1.5", "", "", ""), bad(`ForexBuying is "-1.5"`)},
		"a comma":                             {row("1", "34,5", "", "", ""), bad(`ForexBuying is "34,5"`)},
		"thousands":                           {row("1", "1.234,5", "", "", ""), bad(`ForexBuying is "1.234,5"`)},
		"two points":                          {row("1", "1.2.3", "", "", ""), bad(`ForexBuying is "1.2.3"`)},
		"an exponent":                         {row("1", "1e999999999", "", "", ""), bad(`ForexBuying is "1e999999999"`)},
		"hexadecimal":                         {row("1", "0x1F", "", "", ""), bad(`ForexBuying is "0x1F"`)},
		"not a number":                        {row("1", "NaN", "", "", ""), bad(`ForexBuying is "NaN"`)},
		"a word":                              {row("1", "yok", "", "", ""), bad(`ForexBuying is "yok"`)},
		"a dash":                              {row("1", "-", "", "", ""), bad(`ForexBuying is "-"`)},
		"a point alone":                       {row("1", ".5", "", "", ""), bad(`ForexBuying is ".5"`)},
		"other digits":                        {row("1", "٣٤", "", "", ""), bad(`ForexBuying is "٣٤"`)},
		"a currency sign":                     {row("1", "₺34", "", "", ""), bad(`ForexBuying is "₺34"`)},
		"a blank inside":                      {row("1", "34 5", "", "", ""), bad(`ForexBuying is "34 5"`)},
		"too large":                           {row("1", "1234567890", "", "", ""), bad(`ForexBuying is "1234567890"`)},
		"an element in a number":              {row("1", "3<b>4</b>", "", "", ""), bad(`ForexBuying is "3<b>"`)},
		"a value twice":                       {row("1", "1.5", "", "", "") + "<ForexBuying>1.6</ForexBuying>", bad("ForexBuying twice")},
		"text between the elements":           {row("1", "1.5", "", "", "") + "kur", bad("text between the elements")},
		"no unit":                             {"<ForexBuying>1.5</ForexBuying>", bad(`unit ""`)},
		"unit zero":                           {row("0", "1.5", "", "", ""), bad(`unit "0"`)},
		"a unit below zero":                   {row("-100", "1.5", "", "", ""), bad(`unit "-100"`)},
		"a broken unit":                       {row("1.5", "1.5", "", "", ""), bad(`unit "1.5"`)},
		"a unit that no currency needs":       {row("10000000", "1.5", "", "", ""), bad(`unit "10000000"`)},
		"a good value does not save a bad":    {row("1", "1.5", "x", "", ""), bad(`ForexSelling is "x"`)},
		"a number longer than any is clipped": {row("1", strings.Repeat("9", 5000), "", "", ""), bad(`ForexBuying is "` + strings.Repeat("9", 40) + `…"`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := rate.Parse(replaced(t, "\t<Currency", `<Currency CurrencyCode="ZAR">`+c.row+"</Currency>\t<Currency"))
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(b.Find("ZAR")); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got := shown(b.Find("USD")); got != "1 34.5 34.5622 34.4759 34.614" {
				t.Errorf("beside it USD is %s", got)
			}
		})
	}
}

// FuzzParse holds whatever is accepted to what the rest of the program relies on.
func FuzzParse(f *testing.F) {
	f.Add(aliatest.Bulletin())
	for _, s := range []string{
		"", "<html>", "<!DOCTYPE x>", "\ufeff<Tarih_Date/>",
		header + `<Tarih_Date Tarih="27.02.2026" Date="02/27/2026" Bulten_No="2026/41"><Currency CurrencyCode="USD"><Unit>100</Unit><ForexBuying>1.23</ForexBuying></Currency></Tarih_Date>`,
		header + `<Tarih_Date Tarih="27.02.2026" Date="02/27/2026" Bulten_No="2026/41"><Currency CurrencyCode="XDR"><Unit>1</Unit><ForexBuying>0</ForexBuying></Currency><a><b/></a></Tarih_Date>`,
	} {
		f.Add([]byte(s))
	}
	largest := decimal.New(1, 9)
	f.Fuzz(func(t *testing.T, file []byte) {
		b, err := rate.Parse(file)
		if err != nil {
			if b != nil || !errors.Is(err, rate.ErrNotBulletin) || len(err.Error()) > 1000 {
				t.Fatalf("%v, %v", b, err)
			}
			return
		}
		if b.Date.IsZero() || b.Number == "" || len(b.Currencies) == 0 {
			t.Fatalf("%+v", b)
		}
		if again, err := calendar.ParseDate(b.Date.String()); err != nil || again != b.Date {
			t.Fatalf("date %s", b.Date)
		}
		var codes []string
		for _, c := range b.Currencies {
			codes = append(codes, c.Code)
			values := []*decimal.Decimal{c.ForexBuying, c.ForexSelling, c.BanknoteBuying, c.BanknoteSelling}
			for _, v := range values {
				if v != nil && (!v.IsPositive() || !v.LessThan(largest) || !v.Equal(v.Truncate(rate.Places)) || c.Fault != nil) {
					t.Fatalf("%s: %s", c.Code, shown(&c))
				}
			}
			if c.Fault == nil && values[0] == nil && values[1] == nil || c.Unit < 1 {
				t.Fatalf("%s: %s", c.Code, shown(&c))
			}
			for i := range 2 {
				if buying, selling := values[2*i], values[2*i+1]; buying != nil && selling != nil && buying.GreaterThan(*selling) {
					t.Fatalf("%s: %s", c.Code, shown(&c))
				}
			}
		}
		slices.Sort(codes)
		if len(slices.Compact(codes)) != len(b.Currencies) {
			t.Fatalf("a currency twice: %s", codes)
		}
	})
}
