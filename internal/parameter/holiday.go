package parameter

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/internal/calendar"
)

// fixedHolidays are on the same day every year. An eve is free from 13:00 on: it is
// no holiday here unless the port activates it.
var fixedHolidays = []struct {
	code, name string
	month      time.Month
	day        int
	eve        bool
}{
	{"YILBASI", "Yılbaşı", time.January, 1, false},
	{"23NISAN", "Ulusal Egemenlik ve Çocuk Bayramı", time.April, 23, false},
	{"1MAYIS", "Emek ve Dayanışma Günü", time.May, 1, false},
	{"19MAYIS", "Atatürk’ü Anma, Gençlik ve Spor Bayramı", time.May, 19, false},
	{"15TEMMUZ", "Demokrasi ve Millî Birlik Günü", time.July, 15, false},
	{"30AGUSTOS", "Zafer Bayramı", time.August, 30, false},
	{"28EKIM", "Cumhuriyet Bayramı arifesi (yarım gün)", time.October, 28, true},
	{"29EKIM", "Cumhuriyet Bayramı", time.October, 29, false},
}

// feasts move by some eleven days a year; here is the first day of each. Those of
// further years, and changes, are parameters to be added by hand.
var feasts = []struct {
	code, name string
	days       int
	first      map[int]calendar.Date
}{
	{"RAMAZAN", "Ramazan Bayramı", 3, map[int]calendar.Date{
		2026: {Year: 2026, Month: time.March, Day: 20}, 2027: {Year: 2027, Month: time.March, Day: 9}, 2028: {Year: 2028, Month: time.February, Day: 26},
	}},
	{"KURBAN", "Kurban Bayramı", 4, map[int]calendar.Date{
		2026: {Year: 2026, Month: time.May, Day: 27}, 2027: {Year: 2027, Month: time.May, Day: 16}, 2028: {Year: 2028, Month: time.May, Day: 5},
	}},
}

// yearsAhead is for how many years after the current one holidays are made.
const yearsAhead = 2

// holidaysOf lists the holidays of a year as they are known beforehand.
func holidaysOf(year int) (days []Known) {
	add := func(code, name string, d calendar.Date, eve bool) {
		days = append(days, Known{
			Category: PublicHolidays, Code: fmt.Sprintf("%d-%s", year, code), Name: fmt.Sprintf("%s %d", name, year),
			Default: d.String(), Type: parameter.DataTypeDate, Inactive: eve,
			sort: d.Year*10_000 + int(d.Month)*100 + d.Day,
		})
	}
	for _, h := range fixedHolidays {
		add(h.code, h.name, calendar.Date{Year: year, Month: h.month, Day: h.day}, h.eve)
	}
	for _, f := range feasts {
		first, ok := f.first[year]
		if !ok {
			continue
		}
		add(f.code+"-ARIFE", f.name+" arifesi (yarım gün)", first.AddDays(-1), true)
		for n := range f.days {
			add(fmt.Sprintf("%s-%d", f.code, n+1), fmt.Sprintf("%s %d. gün", f.name, n+1), first.AddDays(n), false)
		}
	}
	return days
}

// Holidays are the public holidays of the port, all years, with their names. Read
// them with the client of the transaction that uses them.
func Holidays(ctx context.Context, c *ent.Client) (map[calendar.Date]string, error) {
	rows, err := c.Parameter.Query().Where(parameter.Category(PublicHolidays), parameter.IsActive(true)).
		Select(parameter.FieldName, parameter.FieldValue).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the holidays: %w", err)
	}
	days := make(map[calendar.Date]string, len(rows))
	for _, r := range rows {
		d, err := calendar.ParseDate(r.Value)
		if err != nil {
			return nil, fmt.Errorf("holiday %s: %w", r.Name, err)
		}
		days[d] = r.Name
	}
	return days, nil
}
