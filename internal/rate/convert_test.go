package rate_test

import (
	"testing"

	"github.com/shopspring/decimal"

	"aliaport/internal/rate"
)

func TestConvert(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ amount, worth, worthOfTarget, into, want string }{
		"dollars to lira":                 {"100", "34.50", "1", "TRY", "3450"},
		"lira to dollars":                 {"3450", "1", "34.50", "USD", "100"},
		"euros to dollars by way of lira": {"100", "37.80", "34.50", "USD", "109.57"},
		"dollars to euros":                {"109.57", "34.50", "37.80", "EUR", "100"},
		"a price of 60 dollars":           {"60", "32.50", "1", "TRY", "1950"},
		"a price with three places":       {"28.125", "32.50", "1", "TRY", "914.06"},
		"a price of 127.50 dollars":       {"127.50", "34.5", "1", "TRY", "4398.75"},
		"yen have no places":              {"100", "34.50", "0.231234", "JPY", "14920"},
		"yen to lira":                     {"14920", "0.231234", "1", "TRY", "3450.01"},
		"won have no places":              {"1", "34.50", "0.02469", "KRW", "1397"},
		"dinars have three":               {"100", "34.50", "111.9024", "KWD", "30.83"},
		"the same currency":               {"12.345", "34.50", "34.50", "USD", "12.35"},
		"half a kuruş goes up":            {"0.005", "1", "1", "TRY", "0.01"},
		"and below zero down":             {"-0.005", "1", "1", "TRY", "-0.01"},
		"just below half":                 {"0.0049999", "1", "1", "TRY", "0"},
		"nothing":                         {"0", "34.50", "1", "TRY", "0"},
		"the largest amount":              {"99999999999.9999", "34.5622", "1", "TRY", "3456220000000"},
		"a third is not rounded twice":    {"3", "1", "3", "USD", "1"},
		"rounded once, at the end":        {"1", "0.014999", "3", "USD", "0"}, // 0.004999…, and not 0.005
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := decimal.RequireFromString
			if got := rate.Convert(d(c.amount), d(c.worth), d(c.worthOfTarget), c.into); !got.Equal(d(c.want)) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestCross(t *testing.T) {
	t.Parallel()
	d := decimal.RequireFromString
	if got := rate.Cross(d("37.80"), d("34.50")); !got.Equal(d("1.095652")) {
		t.Errorf("got %s", got)
	}
}
