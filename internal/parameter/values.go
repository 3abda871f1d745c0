package parameter

import (
	"context"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/parameter"
)

// Values are settings that were read together, of one moment.
type Values map[[2]string]string

// Read reads the settings of the categories in one statement, for rules that need
// several.
func Read(ctx context.Context, c *ent.Client, categories ...string) (Values, error) {
	rows, err := c.Parameter.Query().Where(parameter.CategoryIn(categories...)).
		Select(parameter.FieldCategory, parameter.FieldCode, parameter.FieldValue).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read parameters: %w", err)
	}
	v := make(Values, len(rows))
	for _, r := range rows {
		v[[2]string{r.Category, r.Code}] = r.Value
	}
	return v, nil
}

// Of is a setting among those that were read; its default where the row is missing.
func Of[T any](v Values, s Setting[T]) (T, error) {
	text, ok := v[[2]string{s.Category, s.Code}]
	if !ok {
		text = s.Default
	}
	return s.read(text)
}
