package pricing_test

import (
	"testing"
	"time"

	"aliaport/internal/pricing"
)

func TestVehicleStay(t *testing.T) {
	t.Parallel()
	entry := *local("2026-03-03 08:00")
	for name, c := range map[string]struct {
		stay                           time.Duration
		minutes, overrun, exact, shown string
	}{
		"four hours are covered":        {4 * time.Hour, "240", "0", "15", "15"},
		"a begun minute does not count": {4*time.Hour + 59*time.Second, "240", "0", "15", "15"},
		"one minute over":               {4*time.Hour + time.Minute, "241", "1", "15.0625", "15.06"},
		"seven and a half hours":        {7*time.Hour + 30*time.Minute, "450", "210", "28.125", "28.13"},
		"out at once":                   {0, "0", "0", "15", "15"},
		"over midnight":                 {20 * time.Hour, "1200", "960", "75", "75"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := pricing.VehicleStay(entry, entry.Add(c.stay), pricing.Vehicle4HParams{BaseMinutes: 240}, number("15"))
			if err != nil {
				t.Fatal(err)
			}
			if s.Minutes.String() != c.minutes || s.Overrun.String() != c.overrun || s.Amount.Decimal().String() != c.exact || s.Amount.Round(2).String() != c.shown {
				t.Errorf("%v minutes, %v over, %v, shown as %v", s.Minutes, s.Overrun, s.Amount.Decimal(), s.Amount.Round(2))
			}
		})
	}
	if _, err := pricing.VehicleStay(entry, entry.Add(-time.Second), pricing.Vehicle4HParams{BaseMinutes: 240}, number("15")); faults(err) != "VALIDATION_ERROR exit" {
		t.Errorf("out before it was in: %v", err)
	}
	if _, err := pricing.VehicleStay(entry, entry, pricing.Vehicle4HParams{}, number("15")); faults(err) != "PRICE_INVALID_FORMULA base_minutes" {
		t.Errorf("no base time: %v", err)
	}
}

func TestOvertime(t *testing.T) {
	t.Parallel()
	end := *local("2026-03-03 12:00")
	for name, c := range map[string]struct {
		after                  time.Duration
		threshold, hourly, vat string
		hours, net, tax, gross string // none: nothing is owed
	}{
		"390 minutes":                         {390 * time.Minute, "4.0", "100", "20", "2.5", "250", "50", "300"},
		"the threshold itself is free":        {4 * time.Hour, "4", "100", "20", "", "", "", ""},
		"a begun minute is free":              {4*time.Hour + 59*time.Second, "4", "100", "20", "", "", "", ""},
		"one minute is 0.02 hours":            {4*time.Hour + time.Minute, "4", "100", "20", "0.02", "2", "0.4", "2.4"},
		"half a hundredth of an hour goes up": {4*time.Hour + 3*time.Minute, "4", "100", "20", "0.05", "5", "1", "6"},
		"twenty minutes are 0.33 hours":       {4*time.Hour + 20*time.Minute, "4", "100", "20", "0.33", "33", "6.6", "39.6"},
		"another threshold, price and VAT":    {3 * time.Hour, "1.5", "75.50", "10", "1.5", "113.25", "11.33", "124.58"},
		"no threshold":                        {time.Hour, "0", "100", "0", "1", "100", "0", "100"},
		"out at once":                         {0, "0", "100", "20", "", "", "", ""},
		"less than half a hundredth is free":  {time.Minute, "0.0120", "100", "20", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := pricing.OvertimeOf(end, end.Add(c.after), number(c.threshold), number(c.hourly), number(c.vat))
			switch {
			case err != nil:
				t.Fatal(err)
			case o == nil:
				if c.hours != "" {
					t.Errorf("nothing is owed, want %s hours", c.hours)
				}
			case o.Hours.String() != c.hours || o.Net.String() != c.net || o.VAT.String() != c.tax || o.Gross.String() != c.gross:
				t.Errorf("%v hours: %v + %v = %v, want %s hours: %s + %s = %s", o.Hours, o.Net, o.VAT, o.Gross, c.hours, c.net, c.tax, c.gross)
			}
		})
	}
	if _, err := pricing.OvertimeOf(end, end.Add(-time.Minute), number("4"), number("100"), number("20")); faults(err) != "VALIDATION_ERROR exit" {
		t.Errorf("out before the end: %v", err)
	}
	if _, err := pricing.OvertimeOf(end, end, number("-1"), number("1e999999999"), number("20")); faults(err) != "VALIDATION_ERROR thresholdHours; VALIDATION_ERROR hourly" {
		t.Errorf("impossible settings: %v", err)
	}
}
