package parameter

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/internal/apperr"
	"aliaport/internal/money"
)

// Choices are what may be chosen from some categories: active codes with their
// values.
type Choices map[string]map[string]string

// ChoicesOf reads what may be chosen now, in one statement. Read it with the client
// of the transaction that uses it. Known values whose row is missing count as they
// would be put there.
func ChoicesOf(ctx context.Context, c *ent.Client, categories ...string) (Choices, error) {
	rows, err := c.Parameter.Query().Where(parameter.CategoryIn(categories...)).
		Select(parameter.FieldCategory, parameter.FieldCode, parameter.FieldValue, parameter.FieldIsActive).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read parameters of %v: %w", categories, err)
	}
	choices := make(Choices, len(categories))
	for _, name := range categories {
		choices[name] = map[string]string{}
	}
	for _, k := range known {
		if active, asked := choices[k.Category]; asked && !k.Inactive {
			active[k.Code] = k.Default
		}
	}
	for _, r := range rows {
		if r.IsActive {
			choices[r.Category][r.Code] = r.Value
		} else {
			delete(choices[r.Category], r.Code)
		}
	}
	return choices, nil
}

// Has tells whether the code may be chosen.
func (c Choices) Has(category, code string) bool {
	_, ok := c[category][code]
	return ok
}

// Currency refuses a currency that is not offered. Currencies must have been read.
func (c Choices) Currency(field, code string) *apperr.Error {
	if !money.IsCurrency(code) {
		return apperr.Invalid(field, apperr.Currency)
	}
	return c.member(field, Currencies, code)
}

// Unit refuses a unit of measure that is not offered. Units must have been read.
func (c Choices) Unit(field, code string) *apperr.Error { return c.member(field, Units, code) }

func (c Choices) member(field, category, code string) *apperr.Error {
	if !c.Has(category, code) {
		return apperr.Invalid(field, apperr.NotActive, "category", category)
	}
	return nil
}

// VATRate refuses a rate, in percent, that is not offered. VATRates must have been
// read.
func (c Choices) VATRate(field string, rate decimal.Decimal) *apperr.Error {
	for _, value := range c[VATRates] {
		if offered, err := decimal.NewFromString(value); err == nil && offered.Equal(rate) {
			return nil
		}
	}
	return apperr.Invalid(field, apperr.NotActive, "category", VATRates)
}
