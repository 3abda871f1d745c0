package store

import (
	"context"
	"slices"
)

type columnsKey struct{}

// WithColumns says which columns of which tables whoever reads under ctx looks at. A
// table that is not named is read whole.
func WithColumns(ctx context.Context, columns map[string][]string) context.Context {
	return context.WithValue(ctx, columnsKey{}, columns)
}

// Columns are the columns of a table to read, for Select: those that are looked at and
// those that the query itself needs. None stands for all.
func Columns(ctx context.Context, table string, needed ...string) []string {
	columns, _ := ctx.Value(columnsKey{}).(map[string][]string)
	wanted, ok := columns[table]
	if !ok {
		return nil
	}
	for _, c := range needed {
		if !slices.Contains(wanted, c) {
			wanted = append(slices.Clip(wanted), c)
		}
	}
	return wanted
}
