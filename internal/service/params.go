package service

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"aliaport/internal/apperr"
	"aliaport/internal/pricing"
)

// Params are the parameters of a formula, those of all calculation types in one. They
// are judged by pricing.ParseParams.
type Params struct {
	Primary          *string          `json:"primary,omitempty"`
	Secondary        *string          `json:"secondary,omitempty"`
	SecondaryRoundUp *bool            `json:"secondary_round_up,omitempty"`
	WeightUnit       *WeightUnit      `json:"weight_unit,omitempty"`
	BaseWeightTon    *decimal.Decimal `json:"base_weight_ton,omitempty"`
	BaseTimeMin      *int             `json:"base_time_min,omitempty"`
	WeightRounding   *WeightRounding  `json:"weight_rounding,omitempty"`
	Measure          *string          `json:"measure,omitempty"`
	Rate             *decimal.Decimal `json:"rate,omitempty"`
	BaseMinutes      *int             `json:"base_minutes,omitempty"`
}

// WeightUnit is the unit in which a formula takes a weight.
type WeightUnit string

// WeightRounding says whether a begun block of weight counts in full.
type WeightRounding string

// units are the names of the API for those of the formulas.
var units = map[WeightUnit]pricing.WeightUnit{"KG": pricing.Kilogram, "TON": pricing.Ton}

// MarshalText writes the unit as formulas know it.
func (u WeightUnit) MarshalText() ([]byte, error) { return []byte(units[u]), nil }

// UnmarshalText reads what MarshalText wrote.
func (u *WeightUnit) UnmarshalText(text []byte) error {
	for name, unit := range units {
		if unit == pricing.WeightUnit(text) {
			*u = name
			return nil
		}
	}
	return fmt.Errorf("unit of weight %q", text)
}

// ParamsOf are the parameters of a card; nil for a formula that has none.
func ParamsOf(stored json.RawMessage) (*Params, error) {
	var p Params
	if len(stored) > 0 {
		if err := json.Unmarshal(stored, &p); err != nil {
			return nil, fmt.Errorf("formula parameters: %w", err)
		}
	}
	if p == (Params{}) {
		return nil, nil //nolint:nilnil // absent is an answer
	}
	return &p, nil
}

// parse holds the parameters to the type and returns them as they are stored. Faults
// point at the fields of the API.
func (p *Params) parse(t pricing.Type) (json.RawMessage, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("formula parameters: %w", err)
	}
	parsed, err := pricing.ParseParams(t, raw)
	if refused, ok := apperr.All(err); ok {
		faults := make(apperr.Errors, len(refused))
		for i, e := range refused {
			moved := *e
			moved.Field = slices.Clone(e.Field)
			for n := range moved.Field {
				moved.Field[n] = camel(moved.Field[n])
			}
			if known, ok := e.Params["known"].(string); ok {
				moved.Params = map[string]any{"known": camel(known)}
				if known == "" {
					moved.Text = apperr.NoParams
				}
			}
			faults[i] = moved.At("formulaParams")
		}
		return nil, faults
	}
	if err != nil {
		return nil, err
	}
	stored, err := json.Marshal(parsed)
	if err != nil {
		return nil, fmt.Errorf("formula parameters: %w", err)
	}
	if string(stored) == "{}" {
		return nil, nil
	}
	return stored, nil
}

// camel writes base_weight_ton as the API does.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:min(1, len(w))]) + w[min(1, len(w)):]
	}
	return strings.Join(words, "")
}
