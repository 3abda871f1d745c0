// Package sequence gives out the yearly numbers of records, such as WO-2026-00042.
package sequence

import (
	"context"
	"errors"
	"fmt"

	"aliaport/ent"
)

// Kind is what is numbered; it is the prefix of the number.
type Kind string

// Kinds.
const (
	WorkOrder Kind = "WO" // WO-2026-00042
	Trip      Kind = "SF" // sefer
)

// Next takes the next number of the kind and year. It is raised inside the caller's
// transaction: others wait for its end, and a rollback leaves no gap. So call it
// after everything that may be refused.
func Next(ctx context.Context, tx *ent.Tx, kind Kind, year int) (number string, err error) {
	rows, err := tx.QueryContext(ctx, `INSERT INTO number_sequences (kind, year, last) VALUES ($1, $2, 1)
		ON CONFLICT (kind, year) DO UPDATE SET last = number_sequences.last + 1 RETURNING last`, string(kind), year)
	if err != nil {
		return "", fmt.Errorf("next %s number: %w", kind, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var last int
	if !rows.Next() {
		return "", fmt.Errorf("next %s number: %w", kind, errors.Join(rows.Err(), errNoRow))
	}
	if err := rows.Scan(&last); err != nil {
		return "", fmt.Errorf("next %s number: %w", kind, err)
	}
	return Format(kind, year, last), rows.Err()
}

var errNoRow = errors.New("the database returned no number")

// Format writes a number. It grows to six digits after 99999, so numbers are not
// to be sorted as text.
func Format(kind Kind, year, n int) string { return fmt.Sprintf("%s-%d-%05d", kind, year, n) }
