package calendar_test

import (
	"testing"
	"time"

	"aliaport/internal/calendar"
)

func TestDayAndYearAreThoseOfIstanbul(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		at, day string
		year    int
	}{
		"noon":                                      {"2026-03-01T12:00:00Z", "2026-03-01T00:00:00+03:00", 2026},
		"the last moment of a day":                  {"2026-03-01T20:59:59.999999Z", "2026-03-01T00:00:00+03:00", 2026},
		"midnight":                                  {"2026-03-01T21:00:00Z", "2026-03-02T00:00:00+03:00", 2026},
		"midnight in Greenwich":                     {"2026-03-02T00:00:00Z", "2026-03-02T00:00:00+03:00", 2026},
		"the last moment of a year":                 {"2026-12-31T20:59:59.999999Z", "2026-12-31T00:00:00+03:00", 2026},
		"New Year, still December in Greenwich":     {"2026-12-31T21:00:00Z", "2027-01-01T00:00:00+03:00", 2027},
		"New Year, said in another zone":            {"2026-12-31T11:00:00-10:00", "2027-01-01T00:00:00+03:00", 2027},
		"a leap day":                                {"2028-02-28T21:00:00Z", "2028-02-29T00:00:00+03:00", 2028},
		"the end of a leap day":                     {"2028-02-29T21:00:00Z", "2028-03-01T00:00:00+03:00", 2028},
		"a winter of the years with summer time":    {"2015-01-01T21:59:59Z", "2015-01-01T00:00:00+02:00", 2015},
		"a summer of the years with summer time":    {"2015-07-01T21:00:00Z", "2015-07-02T00:00:00+03:00", 2015},
		"the day on which the clock went forward":   {"2015-03-29T12:00:00Z", "2015-03-29T00:00:00+02:00", 2015},
		"New Year when midnight was at ten o'clock": {"2014-12-31T22:00:00Z", "2015-01-01T00:00:00+02:00", 2015},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := calendar.Day(at).Format(time.RFC3339); got != c.day {
				t.Errorf("day %s, want %s", got, c.day)
			}
			if got := calendar.Year(at); got != c.year {
				t.Errorf("year %d, want %d", got, c.year)
			}
			if day := calendar.Day(at); day.After(at) || !calendar.Day(day).Equal(day) {
				t.Errorf("the day begins at %v, after %v, or on another day", day, at)
			}
		})
	}
}

func TestNowIsWhatTheDatabasesKeep(t *testing.T) {
	t.Parallel()
	if now := calendar.Now(); now.Location() != time.UTC || now.Nanosecond()%1000 != 0 || now.IsZero() {
		t.Errorf("got %v", now)
	}
}
