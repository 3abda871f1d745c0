package seed

import (
	"math/rand/v2"
	"sort"
	"time"
)

// dice draws the same for the same seed on every machine. It deals in integers
// only: floating point may differ from processor to processor.
type dice struct{ *rand.Rand }

// Each kind of data has dice of its own, so that more services do not change the
// customers.
const (
	cariDice uint64 = iota + 1
	serviceDice
	calendarDice
	orderDice
	rateDice
	boatDice
	sailDice
	tripDice
	gateDice
)

func newDice(seed, kind uint64) dice {
	return dice{rand.New(rand.NewPCG(seed, kind))} //nolint:gosec // has to repeat itself
}

// chance is true in so many of a thousand cases.
func (d dice) chance(permille int) bool { return d.IntN(1000) < permille }

// between draws a whole number of seconds.
func (d dice) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64((most-least)/time.Second)+1))*time.Second
}

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

// odds says how often a value comes, relative to the others of its list.
type odds[T any] struct {
	value  T
	weight int
}

func draw[T any](d dice, from []odds[T]) T {
	total := 0
	for _, o := range from {
		total += o.weight
	}
	n := d.IntN(total)
	for _, o := range from {
		if n -= o.weight; n < 0 {
			return o.value
		}
	}
	panic("unreachable: the weights sum up to total")
}

// ranks draws the first of n things often and the last hardly ever: a few large
// customers, many small ones.
type ranks []int // running totals of the weights

func newRanks(n int) ranks {
	r, total := make(ranks, n), 0
	for i := range r {
		total += 1_000_000 / (i + 2)
		r[i] = total
	}
	return r
}

func (r ranks) draw(d dice) int { return sort.SearchInts(r, d.IntN(r[len(r)-1])+1) }
