package seed

import (
	"iter"
	"math/bits"
	"slices"
	"time"

	"aliaport/internal/calendar"
)

// The shape of two years: weights of weekday, month and hour in Istanbul.
var (
	weekdays = [...]int64{time.Sunday: 9, 100, 104, 102, 100, 92, 42}
	months   = [...]int64{time.January: 70, 72, 85, 98, 110, 128, 140, 138, 118, 98, 82, 74}
	hours    = func() []odds[int] {
		weights := [24]int{1, 1, 1, 1, 1, 2, 6, 18, 60, 80, 84, 78, 50, 66, 76, 74, 66, 44, 16, 8, 5, 3, 2, 1}
		all := make([]odds[int], len(weights))
		for hour, weight := range weights {
			all[hour] = odds[int]{hour, weight}
		}
		return all
	}()
)

// firstDay is the port's day of the first work orders, two years back.
func firstDay(now time.Time) time.Time { return calendar.Day(now).AddDate(-2, 0, 0) }

// moments yields n moments between firstDay and now in order: more in summer, few
// on Sundays, most in working hours.
func moments(d dice, n int, now time.Time) iter.Seq[time.Time] {
	type span struct {
		start  time.Time
		length time.Duration
	}
	var days []span
	var weights []int64
	var total int64
	for day := firstDay(now); day.Before(now); day = day.AddDate(0, 0, 1) {
		weight := weekdays[day.Weekday()] * months[day.Month()] * int64(80+d.IntN(41))
		length := min(24*time.Hour, now.Sub(day))
		total += weight * int64(length/time.Minute) // today is not over
		days, weights = append(days, span{day, length}), append(weights, total)
	}
	return func(yield func(time.Time) bool) {
		var done int64
		at := make([]time.Duration, 0, 64)
		for i, day := range days {
			// Rounding is of the running total, so that the sum is n.
			due := scale(int64(n), weights[i], total)
			at = at[:0]
			for ; done < due; done++ {
				at = append(at, d.clock(day.length))
			}
			slices.Sort(at)
			for _, t := range at {
				if !yield(day.start.Add(t).UTC()) {
					return
				}
			}
		}
	}
}

// scale is n × part ÷ whole, for a part of the whole.
func scale(n, part, whole int64) int64 {
	high, low := bits.Mul64(uint64(n), uint64(part)) //nolint:gosec // none is negative
	q, _ := bits.Div64(high, low, uint64(whole))     //nolint:gosec // none is negative
	return int64(q)                                  //nolint:gosec // at most n
}

// clock draws a time of day, before the end of a day that is not over.
func (d dice) clock(length time.Duration) time.Duration {
	t := time.Duration(draw(d, hours))*time.Hour + d.between(0, time.Hour-time.Second)
	if t >= length {
		return time.Duration(d.Int64N(int64(max(length, time.Second)/time.Second))) * time.Second
	}
	return t
}

// officeHours moves a moment at night or on a Sunday to the next morning of work.
func (d dice) officeHours(t time.Time) time.Time {
	local := t.In(calendar.Istanbul)
	if h := local.Hour(); h >= 8 && h < 19 && local.Weekday() != time.Sunday {
		return t
	}
	morning := calendar.Day(t).Add(8 * time.Hour)
	if !morning.After(t) {
		morning = morning.AddDate(0, 0, 1)
	}
	if morning.Weekday() == time.Sunday {
		morning = morning.AddDate(0, 0, 1)
	}
	return morning.Add(d.between(0, 2*time.Hour)).UTC()
}
