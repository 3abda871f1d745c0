// Package parameter holds lookup values and settings of the port (parametreler).
package parameter

import (
	"context"
	"errors"
	"fmt"

	"aliaport/ent"
	"aliaport/ent/parameter"
	"aliaport/internal/apperr"
)

// errUnfit means that a row was changed by other means than the Service.
var errUnfit = errors.New("the stored value does not fit")

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
	return s.read(text)
}

// read is what a stored text means.
func (s Setting[T]) read(text string) (T, error) {
	value, refused := s.parse(text)
	if refused != nil { // its words, not the refusal: the caller's user has nothing to mend here
		return value, fmt.Errorf("parameter %s: %w: %s", s.Code, errUnfit, refused.Message(apperr.English))
	}
	return value, nil
}
