package pricing_test

import (
	"strconv"
	"testing"
	"time"

	"aliaport/internal/calendar"
	"aliaport/internal/pricing"
)

func date(s string) calendar.Date {
	if s == "" {
		return calendar.Date{}
	}
	d, err := calendar.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// everything is a service that has a price everywhere.
func everything() pricing.Candidates {
	return pricing.Candidates{
		Service: pricing.Service{ID: 1, Code: "TMP.006", Active: true, Price: ptr("20"), Currency: "USD", VATRate: number("20")},
		Overrides: []pricing.Override{
			{ID: 31, Active: true, From: date("2026-01-01"), To: date("2026-03-01"), Price: number("17"), Currency: "USD"},
			{ID: 32, Active: true, From: date("2026-02-01"), To: date("2026-03-01"), Price: number("18"), Currency: "EUR", VATRate: ptr("0")},
			{ID: 33, Active: false, From: date("2026-02-15"), Price: number("1"), Currency: "USD"},
		},
		List: &pricing.List{
			ID: 5, Code: "T-2026", Version: 3, Active: true, From: date("2026-01-01"), To: date("2027-01-01"), Currency: "TRY",
			Items: []pricing.ListItem{
				{ID: 51, Active: true, MinQuantity: number("1"), Price: number("3000")},
				{ID: 52, Active: true, MinQuantity: number("6"), Price: number("2800"), VATRate: ptr("10")},
				{ID: 53, Active: true, MinQuantity: number("11"), Price: number("2500"), VATRate: ptr("0")},
				{ID: 54, Active: false, MinQuantity: number("8"), Price: number("1")},
			},
		},
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	type change = func(*pricing.Candidates)
	noList := func(c *pricing.Candidates) { c.List = nil }
	noOverride := func(c *pricing.Candidates) { c.Overrides = nil }
	chosen := func(c *pricing.Candidates) { c.List.Chosen = true }
	stopped := func(c *pricing.Candidates) { c.List.Active = false }
	for name, c := range map[string]struct {
		day, quantity string
		change        []change
		want          string // source, ids, amount, currency, VAT; or the refusal
	}{
		"a dated price comes first":                     {"2026-01-15", "3", nil, "OVERRIDE 31: 17 USD, VAT 20"},
		"of two the one that began last":                {"2026-02-15", "3", nil, "OVERRIDE 32: 18 EUR, VAT 0"},
		"it holds from its first day":                   {"2026-02-01", "3", nil, "OVERRIDE 32: 18 EUR, VAT 0"},
		"the day before, the older one":                 {"2026-01-31", "3", nil, "OVERRIDE 31: 17 USD, VAT 20"},
		"and no longer on the day it ends":              {"2026-03-01", "3", nil, "PRICE_LIST 5/51: 3000 TRY, VAT 20"},
		"one without an end holds on":                   {"2030-01-01", "3", []change{func(c *pricing.Candidates) { c.Overrides[0].To = calendar.Date{} }}, "OVERRIDE 31: 17 USD, VAT 20"},
		"it is asked before a list that was chosen":     {"2026-01-15", "3", []change{chosen, stopped}, "OVERRIDE 31: 17 USD, VAT 20"},
		"then the list, by quantity":                    {"2026-04-01", "8", nil, "PRICE_LIST 5/52: 2800 TRY, VAT 10"},
		"half an hour more than five is the first tier": {"2026-04-01", "5.5", nil, "PRICE_LIST 5/51: 3000 TRY, VAT 20"},
		"no VAT in the list is no VAT":                  {"2026-04-01", "11", nil, "PRICE_LIST 5/53: 2500 TRY, VAT 0"},
		"a chosen list as well":                         {"2026-04-01", "15", []change{chosen}, "PRICE_LIST 5/53: 2500 TRY, VAT 0"},
		"tiers need a quantity":                         {"2026-04-01", "", nil, "PRICE_MISSING_INPUT quantity"},
		"and one that is not negative":                  {"2026-04-01", "-1", nil, "PRICE_MISSING_INPUT quantity"},
		"less than the first tier is refused":           {"2026-04-01", "0.5", nil, "VALIDATION_ERROR quantity"},
		"an item for all quantities needs none": {"2026-04-01", "", []change{func(c *pricing.Candidates) {
			c.List.Items = c.List.Items[:1]
			c.List.Items[0].MinQuantity = number("0")
		}}, "PRICE_LIST 5/51: 3000 TRY, VAT 20"},
		"tiers with a hole are refused":                   {"2026-04-01", "8", []change{func(c *pricing.Candidates) { c.List.Items[0].MaxQuantity = ptr("5") }}, "TARIFE_INVALID_TIERS 0.maxQuantity"},
		"a list that does not have the service":           {"2026-04-01", "3", []change{func(c *pricing.Candidates) { c.List.Items = c.List.Items[3:] }}, "SERVICE 1: 20 USD, VAT 20"},
		"a list that has ended is passed over":            {"2027-01-01", "3", nil, "SERVICE 1: 20 USD, VAT 20"},
		"a list that has not begun is passed over":        {"2025-12-31", "3", nil, "SERVICE 1: 20 USD, VAT 20"},
		"a default list that is not active, too":          {"2026-04-01", "3", []change{stopped}, "SERVICE 1: 20 USD, VAT 20"},
		"a chosen list that is not active is refused":     {"2026-04-01", "3", []change{chosen, stopped}, "TARIFE_INACTIVE"},
		"a chosen list that has ended is refused":         {"2027-01-01", "3", []change{chosen}, "TARIFE_INACTIVE"},
		"a list without dates is always in force":         {"1999-01-01", "3", []change{func(c *pricing.Candidates) { c.List.From, c.List.To = calendar.Date{}, calendar.Date{} }}, "PRICE_LIST 5/51: 3000 TRY, VAT 20"},
		"at last the card":                                {"2026-04-01", "3", []change{noList, noOverride}, "SERVICE 1: 20 USD, VAT 20"},
		"a card's price of nothing is a price":            {"2026-04-01", "3", []change{noList, func(c *pricing.Candidates) { c.Service.Price = ptr("0"); c.Service.VATRate = number("0") }}, "SERVICE 1: 0 USD, VAT 0"},
		"no price anywhere":                               {"2026-04-01", "3", []change{noList, func(c *pricing.Candidates) { c.Service.Price = nil }}, "HIZMET_INVALID_PRICE"},
		"an impossible price":                             {"2026-04-01", "3", []change{noList, func(c *pricing.Candidates) { c.Service.Price = ptr("-1") }}, "HIZMET_INVALID_PRICE"},
		"a price in no currency":                          {"2026-01-15", "3", []change{func(c *pricing.Candidates) { c.Overrides[0].Currency = "" }}, "HIZMET_INVALID_PRICE"},
		"an inactive service has none, whatever there is": {"2026-01-15", "3", []change{func(c *pricing.Candidates) { c.Service.Active = false }}, "HIZMET_INACTIVE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			candidates := everything()
			for _, change := range c.change {
				change(&candidates)
			}
			p, err := pricing.Resolve(candidates, date(c.day), ptr(c.quantity))
			got := faults(err)
			if err == nil {
				got = string(p.Source) + " "
				switch p.Source {
				case pricing.FromOverride:
					got += number64(p.OverrideID)
				case pricing.FromList:
					got += number64(p.ListID) + "/" + number64(p.ListItemID)
					if p.ListCode != "T-2026" || p.ListVersion != 3 {
						t.Errorf("the list is %s version %d", p.ListCode, p.ListVersion)
					}
				default:
					got += number64(p.ServiceID)
				}
				got += ": " + p.Amount.String() + " " + p.Currency + ", VAT " + p.VATRate.String()
				if p.Day != date(c.day) || p.ServiceCode != "TMP.006" {
					t.Errorf("on %v for %s", p.Day, p.ServiceCode)
				}
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func number64(n int64) string { return strconv.FormatInt(n, 10) }

func TestResolveNamesTheTier(t *testing.T) {
	t.Parallel()
	for quantity, want := range map[string][2]string{"3": {"1", "6"}, "6": {"6", "11"}, "15": {"11", ""}} {
		p, err := pricing.Resolve(everything(), date("2026-04-01"), ptr(quantity))
		if err != nil {
			t.Fatal(err)
		}
		next := ""
		if p.TierNext != nil {
			next = p.TierNext.String()
		}
		if p.TierMin == nil || p.TierMin.String() != want[0] || next != want[1] {
			t.Errorf("%s lies in the tier from %v to %s, want %v", quantity, p.TierMin, next, want)
		}
	}
}

func TestTheDayOfAPriceIsThatOfTheStart(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 5, 12, 0, 0, 0, time.UTC)
	planned := time.Date(2026, 5, 9, 20, 59, 0, 0, time.UTC)
	actual := time.Date(2026, 5, 9, 21, 0, 0, 0, time.UTC) // midnight in Istanbul
	for _, c := range []struct {
		actual, planned *time.Time
		want            string
	}{{&actual, &planned, "2026-05-10"}, {nil, &planned, "2026-05-09"}, {nil, nil, "2026-05-05"}} {
		if got := pricing.Day(c.actual, c.planned, now); got != date(c.want) {
			t.Errorf("got %v, want %s", got, c.want)
		}
	}
}
