package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	"github.com/shopspring/decimal"

	"aliaport/ent"
)

// SetDecimals gives the rows with the ids their own values in one column, and notes
// the time, in one statement however many they are. table and column are ours, never
// a client's.
func SetDecimals(ctx context.Context, db *DB, tx *ent.Tx, table, column string, at time.Time, ids []int64, values []decimal.Decimal) error {
	if len(ids) != len(values) {
		return fmt.Errorf("set %s.%s: %d ids and %d values", table, column, len(ids), len(values))
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	if db.Dialect() == dialect.Postgres {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %[1]s SET %[2]s = v.value, updated_at = $1 FROM unnest($2::bigint[], $3::numeric[]) AS v (id, value) WHERE %[1]s.id = v.id", table, column), at, ids, texts)
		return wrap(err, table, column)
	}
	pairs := make([][2]any, len(ids))
	for i := range ids {
		pairs[i] = [2]any{ids[i], texts[i]}
	}
	list, err := json.Marshal(pairs)
	if err != nil {
		return wrap(err, table, column)
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("UPDATE %[1]s SET %[2]s = v.value ->> 1, updated_at = $1 FROM json_each($2) AS v WHERE %[1]s.id = v.value ->> 0", table, column), at, string(list))
	return wrap(err, table, column)
}

func wrap(err error, table, column string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("set %s.%s: %w", table, column, err)
}
