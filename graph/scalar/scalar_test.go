package scalar_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"aliaport/graph/scalar"
	"aliaport/internal/apperr"
)

// written is the JSON that a client reads, without its quotes.
func written(t *testing.T, m graphql.Marshaler) string {
	t.Helper()
	var b bytes.Buffer
	m.MarshalGQL(&b)
	var s string
	if err := json.Unmarshal(b.Bytes(), &s); err != nil {
		t.Fatalf("%s is no JSON string: %v", b.Bytes(), err)
	}
	return s
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   any
		want string // "": refused
	}{
		"a string":                            {"1234.5", "1234.5"},
		"a whole number as a string":          {"42", "42"},
		"an integer of a document":            {int64(42), "42"},
		"an integer of the variables":         {json.Number("42"), "42"},
		"a negative integer":                  {json.Number("-42"), "-42"},
		"zeros behind go":                     {"5.00", "5"},
		"zeros in front go":                   {"007.50", "7.5"},
		"zero":                                {"0.0000", "0"},
		"minus zero is zero":                  {"-0", "0"},
		"a negative number":                   {"-0.01", "-0.01"},
		"the largest amount":                  {"99999999999.9999", "99999999999.9999"},
		"what no float can hold":              {"0.1", "0.1"},
		"twenty digits":                       {"12345678901234567890", "12345678901234567890"},
		"an exponent is written out":          {"1.5e3", "1500"},
		"a negative exponent too":             {"15E-1", "1.5"},
		"a float of the variables is refused": {json.Number("1.5"), ""},
		"even if it is whole":                 {json.Number("1e3"), ""},
		"a float of a document is refused":    {1.5, ""},
		"so is an exponent of a document":     {1e3, ""},
		"nothing":                             {"", ""},
		"a blank":                             {" ", ""},
		"a blank in front":                    {" 1", ""},
		"a comma":                             {"1,5", ""},
		"groups of thousands":                 {"1_000", ""},
		"two points":                          {"1.2.3", ""},
		"words":                               {"bin", ""},
		"no number":                           {"NaN", ""},
		"infinity":                            {"Infinity", ""},
		"hexadecimal":                         {"0x10", ""},
		"digits of another script":            {"١٢", ""},
		"an exponent that fills all memory":   {"1e999999999", ""},
		"one as small":                        {"1e-999999999", ""},
		"an exponent beyond any integer":      {"1e99999999999999999999", ""},
		"too many digits to look at":          {strings.Repeat("9", 41), ""},
		"a million digits":                    {strings.Repeat("9", 1_000_000), ""},
		"yes":                                 {true, ""},
		"a list":                              {[]any{"1"}, ""},
		"null":                                {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := scalar.UnmarshalDecimal(c.in)
			if c.want == "" {
				if !apperr.Is(err, apperr.BadUserInput) || !d.IsZero() {
					t.Errorf("got %v, error %v; want BAD_USER_INPUT", d, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := written(t, scalar.MarshalDecimal(d)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDecimalsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 10))
	for range 5000 {
		d := decimal.New(r.Int64N(2_000_000_000_000_000)-1_000_000_000_000_000, int32(-r.IntN(5)))
		got, err := scalar.UnmarshalDecimal(written(t, scalar.MarshalDecimal(d)))
		if err != nil || !got.Equal(d) {
			t.Fatalf("%v came back as %v, error %v", d, got, err)
		}
	}
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"1234.5", "-0.0001", "1e40", "1E-40", ".5", "5.", "+5", "e5", "-", "9999999999999999999999999999999999999999", "1e-41"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := scalar.UnmarshalDecimal(s)
		if err != nil {
			if !apperr.Is(err, apperr.BadUserInput) {
				t.Errorf("refused as %v", err)
			}
			return
		}
		out := written(t, scalar.MarshalDecimal(d))
		if len(out) > 100 || strings.ContainsAny(out, "eE+ _") {
			t.Errorf("%q is written as %q", s, out)
		}
		if again := decimal.RequireFromString(out); !again.Equal(d) {
			t.Errorf("%q is written as %q, another value", s, out)
		}
	})
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   any
		want string // "": refused
	}{
		"UTC":                                 {"2026-03-01T08:30:00Z", "2026-03-01T08:30:00Z"},
		"the port's offset":                   {"2026-03-01T11:30:00+03:00", "2026-03-01T08:30:00Z"},
		"an offset west of Greenwich":         {"2026-02-28T20:00:00-12:30", "2026-03-01T08:30:00Z"},
		"milliseconds":                        {"2026-03-01T08:30:00.250Z", "2026-03-01T08:30:00.25Z"},
		"microseconds":                        {"2026-03-01T08:30:00.123456Z", "2026-03-01T08:30:00.123456Z"},
		"what is finer is cut, not rounded":   {"2026-03-01T08:30:00.123456999Z", "2026-03-01T08:30:00.123456Z"},
		"a leap day":                          {"2028-02-29T00:00:00Z", "2028-02-29T00:00:00Z"},
		"the first year":                      {"1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"},
		"the last year":                       {"2200-12-31T23:59:59.999999Z", "2200-12-31T23:59:59.999999Z"},
		"the year before the first":           {"1899-12-31T23:59:59Z", ""},
		"the year after the last":             {"2201-01-01T00:00:00Z", ""},
		"another year only by its offset":     {"2201-01-01T01:00:00+03:00", "2200-12-31T22:00:00Z"},
		"the year before by its offset":       {"1900-01-01T01:00:00+03:00", ""},
		"a slip of the pen":                   {"0206-03-01T08:30:00Z", ""},
		"a year of five digits":               {"12026-03-01T08:30:00Z", ""},
		"no offset":                           {"2026-03-01T08:30:00", ""},
		"no seconds":                          {"2026-03-01T08:30Z", ""},
		"a day only":                          {"2026-03-01", ""},
		"a blank between day and time":        {"2026-03-01 08:30:00Z", ""},
		"no leap day that year":               {"2026-02-29T08:30:00Z", ""},
		"an hour that does not exist":         {"2026-03-01T24:00:00Z", ""},
		"a minute that does not exist":        {"2026-03-01T08:60:00Z", ""},
		"the port's own way of writing":       {"01.03.2026 11:30", ""},
		"something behind":                    {"2026-03-01T08:30:00Z!", ""},
		"nothing":                             {"", ""},
		"seconds since 1970":                  {int64(1772353800), ""},
		"seconds since 1970 of the variables": {json.Number("1772353800"), ""},
		"null":                                {nil, ""},
		"a million letters":                   {strings.Repeat("2", 1_000_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := scalar.UnmarshalDateTime(c.in)
			if c.want == "" {
				if !apperr.Is(err, apperr.BadUserInput) || !at.IsZero() {
					t.Errorf("got %v, error %v; want BAD_USER_INPUT", at, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
				t.Errorf("got %v, want UTC to the microsecond", at)
			}
			if got := written(t, scalar.MarshalDateTime(at)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestInstantsAreWrittenInUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 11, 30, 0, 500_000_000, time.FixedZone("+03", 3*60*60))
	if got := written(t, scalar.MarshalDateTime(at)); got != "2026-03-01T08:30:00.5Z" {
		t.Errorf("got %s", got)
	}
}

func TestInstantsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 12))
	from, to := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2201, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 5000 {
		at := time.UnixMicro(from.UnixMicro() + r.Int64N(to.UnixMicro()-from.UnixMicro())).UTC()
		got, err := scalar.UnmarshalDateTime(written(t, scalar.MarshalDateTime(at)))
		if err != nil || got != at {
			t.Fatalf("%v came back as %v, error %v", at, got, err)
		}
	}
}

func FuzzDateTime(f *testing.F) {
	for _, s := range []string{"2026-03-01T08:30:00Z", "2026-03-01T11:30:00.123456789+03:00", "2200-12-31T23:59:59-23:59", "2026-03-01T8:30:00,5Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := scalar.UnmarshalDateTime(s)
		if err != nil {
			if !apperr.Is(err, apperr.BadUserInput) {
				t.Errorf("refused as %v", err)
			}
			return
		}
		again, err := scalar.UnmarshalDateTime(written(t, scalar.MarshalDateTime(at)))
		if err != nil || again != at {
			t.Errorf("%q is %v and comes back as %v, error %v", s, at, again, err)
		}
	})
}
