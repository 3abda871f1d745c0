// Package calendar knows the port's day. Instants are stored in UTC; which day or
// year it is, is asked in Istanbul.
package calendar

import (
	"time"
	_ "time/tzdata" // the port's zone must be known on a bare machine
)

// Istanbul is the port's time zone.
var Istanbul = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Istanbul")
	if err != nil {
		panic(err) // the zone data is compiled in
	}
	return loc
}()

// Now is the clock to hand to services: UTC with the microseconds that the
// databases keep.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Day is the start of the port's day that t falls on.
func Day(t time.Time) time.Time {
	y, m, d := t.In(Istanbul).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, Istanbul)
}

// Year is the port's year that t falls in: New Year's Eve at 21:00 UTC is the next.
func Year(t time.Time) int { return t.In(Istanbul).Year() }
