package calendar_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"aliaport/internal/calendar"
)

func TestADateIsThatOfIstanbul(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 28, 21, 0, 0, 0, time.UTC)
	if got := calendar.DateOf(at); got.String() != "2026-03-01" || !got.Start().Equal(at) {
		t.Errorf("got %v, starting %v", got, got.Start())
	}
	if got := calendar.DateOf(at.Add(-time.Microsecond)).String(); got != "2026-02-28" {
		t.Errorf("a moment earlier it is %s", got)
	}
}

func TestDatesThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "2026-02-29", "2026-13-01", "2026-1-1", "01.02.2026", "0000-00-00", "1899-12-31", "2201-01-01", "2026-01-01T00:00:00Z"} {
		if d, err := calendar.ParseDate(s); err == nil {
			t.Errorf("%q became %v", s, d)
		}
	}
}

func TestDatesCountSortAndTravel(t *testing.T) {
	t.Parallel()
	for range 2000 {
		d := calendar.Date{Year: 1950, Month: time.January, Day: 1}.AddDays(rand.IntN(80_000))
		n := rand.IntN(10_000) - 5_000
		later := d.AddDays(n)
		if later.Sub(d) != n || later.After(d) != (n > 0) || later.Before(d) != (n < 0) || (later.String() > d.String()) != (n > 0) {
			t.Fatalf("%v and %d days give %v", d, n, later)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back calendar.Date
		if err := json.Unmarshal(text, &back); err != nil || back != d {
			t.Fatalf("%s came back as %v (%v)", text, back, err)
		}
		value, err := d.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, stored := range []any{value, []byte(d.String()), time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)} {
			if err := back.Scan(stored); err != nil || back != d {
				t.Fatalf("%v (%T) was read as %v (%v)", stored, stored, back, err)
			}
		}
		if d.Weekday() != d.At(12, 0).Weekday() {
			t.Fatalf("%v is a %v", d, d.Weekday())
		}
	}
	if v, err := (calendar.Date{}).Value(); v != nil || err != nil {
		t.Errorf("no date is stored as %v (%v)", v, err)
	}
}
