package calendar

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a day without a time or a zone, such as that of a rate bulletin. The zero
// value is no date.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

const dateLayout = time.DateOnly

// ParseDate reads 2026-03-01. Days that do not exist and years outside 1900 to 2200
// are refused.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return Date{}, fmt.Errorf("date %q: want 2026-03-01", s)
	}
	if t.Year() < 1900 || t.Year() > 2200 {
		return Date{}, fmt.Errorf("date %q: want a year from 1900 to 2200", s)
	}
	return dateIn(t), nil
}

// DateOf is the port's day that an instant falls on.
func DateOf(t time.Time) Date { return dateIn(t.In(Istanbul)) }

func dateIn(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// Start is the first instant of the day at the port.
func (d Date) Start() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, Istanbul) }

// At is an hour and minute of the day at the port.
func (d Date) At(hour, minute int) time.Time {
	return time.Date(d.Year, d.Month, d.Day, hour, minute, 0, 0, Istanbul)
}

// AddDays is the day so many days later; earlier if n is negative.
func (d Date) AddDays(n int) Date { return dateIn(d.utc().AddDate(0, 0, n)) }

// Sub is how many days d lies after other.
func (d Date) Sub(other Date) int { return int(d.utc().Sub(other.utc()) / (24 * time.Hour)) }

// Weekday tells Sunday to Saturday.
func (d Date) Weekday() time.Weekday { return d.utc().Weekday() }

// utc is a point to count days from, untouched by changes of the clock.
func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// Compare is negative when d comes before other, positive when after.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

// Before tells whether d comes before other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// After tells whether d comes after other.
func (d Date) After(other Date) bool { return d.Compare(other) > 0 }

// IsZero tells whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }

// String writes 2026-03-01.
func (d Date) String() string { return d.utc().Format(dateLayout) }

// MarshalText writes the date for JSON.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}

// Value is the date for a database; both sort its text as they sort days.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil //nolint:nilnil // NULL
	}
	return d.String(), nil
}

// Scan reads a date from a database.
func (d *Date) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*d = Date{}
	case time.Time:
		*d = dateIn(v)
	case string:
		*d, err = ParseDate(v[:min(len(v), len(dateLayout))])
	case []byte:
		*d, err = ParseDate(string(v[:min(len(v), len(dateLayout))]))
	default:
		err = fmt.Errorf("date from %T", src)
	}
	return err
}
