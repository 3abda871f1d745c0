// Package parameter holds lookup values and settings of the port (parametreler).
package parameter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/parameter"
)

var (
	errEmpty = errors.New("want a text")
	errWhole = errors.New("want a whole number")
)

// Get is what a setting is now. Read it with the client of the transaction that
// uses it, so that a rule and what it decides on are of one moment. A row whose
// value does not fit (it was changed by hand) is an error, never a silent default.
func Get[T any](ctx context.Context, c *ent.Client, s Setting[T]) (value T, err error) {
	row, err := c.Parameter.Query().Where(parameter.Category(s.Category), parameter.Code(s.Code)).Select(parameter.FieldValue).Only(ctx)
	text := s.Default
	switch {
	case err == nil:
		text = row.Value
	case !ent.IsNotFound(err):
		return value, fmt.Errorf("parameter %s: %w", s.Code, err)
	}
	if value, err = s.parse(text); err != nil {
		return value, fmt.Errorf("parameter %s: %w", s.Code, err)
	}
	return value, nil
}

func parseNumber(s string, least, most decimal.Decimal) (decimal.Decimal, error) {
	const longest = 30
	if len(s) > longest {
		return decimal.Decimal{}, errors.New("want a number")
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.Exponent() < -longest || d.Exponent() > longest {
		return decimal.Decimal{}, errors.New("want a number")
	}
	if d.LessThan(least) || d.GreaterThan(most) {
		return decimal.Decimal{}, fmt.Errorf("want a number from %s to %s", least, most)
	}
	return d, nil
}

func parseClock(s string) (Clock, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, errors.New("want a time such as 22:00")
	}
	return Clock(t.Hour()*60 + t.Minute()), nil
}
