package main

import (
	"context"
	"fmt"
	"time"

	"aliaport/ent/auditevent"
	"aliaport/loadtest/trail"
)

// The trail of the measurements: 90 days.
var (
	begin = time.Date(2026, 6, 3, 0, 0, 0, 0, time.UTC)
	end   = begin.AddDate(0, 0, 90)
)

// fill loads the trail without its indexes and makes them afterwards, which is
// several times as fast.
func (b *bench) fill(ctx context.Context, n int) error {
	served, err := b.definitions(ctx)
	if err != nil {
		return err
	}
	if err := b.dropAll(ctx); err != nil {
		return err
	}
	start := time.Now()
	if _, err := b.BulkInsert(ctx, auditevent.Table, trail.Columns, trail.Events(n, begin, end, 1)); err != nil {
		return err
	}
	loaded := time.Since(start)
	for _, definition := range served {
		if err := b.exec(ctx, definition); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d events loaded in %s, %d indexes made in %s; load average %s\n\n", b.name, n, loaded.Round(time.Second), len(served),
		(time.Since(start) - loaded).Round(time.Second), load())
	return b.settle(ctx)
}

func (b *bench) settle(ctx context.Context) error {
	if b.postgres {
		return b.exec(ctx, "VACUUM (ANALYZE) audit_events")
	}
	return b.exec(ctx, "ANALYZE")
}

const (
	indexesOnSQLite   = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'audit_events' AND sql IS NOT NULL"
	indexesOnPostgres = "SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'audit_events' AND indexname NOT LIKE '%_pkey'"
)

// names and definitions of the indexes of the trail.
func (b *bench) existing(ctx context.Context) (names, definitions []string, err error) {
	query := indexesOnSQLite
	if b.postgres {
		query = indexesOnPostgres
	}
	rows, err := b.Writer().QueryContext(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, nil, err
		}
		names, definitions = append(names, name), append(definitions, definition)
	}
	return names, definitions, rows.Err()
}

func (b *bench) definitions(ctx context.Context) ([]string, error) {
	_, definitions, err := b.existing(ctx)
	return definitions, err
}

func (b *bench) dropAll(ctx context.Context) error {
	names, _, err := b.existing(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := b.exec(ctx, "DROP INDEX "+name); err != nil {
			return err
		}
	}
	return nil
}
