package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"aliaport/ent/auditevent"
	"aliaport/loadtest/measure"
	"aliaport/loadtest/trail"
)

// set is a choice of indexes.
type set struct {
	name    string
	indexes []string // what stands between ON and the end
}

// ordered are indexes that hold the order of the list.
func ordered(columns ...string) (list []string) {
	for _, c := range columns {
		list = append(list, "("+c+", created_at, id)")
	}
	return list
}

// refusals are the events that did not end well, few of all.
func refusals(columns ...string) (list []string) {
	for _, c := range columns {
		list = append(list, "("+c+", created_at, id) WHERE outcome <> 'OK'")
	}
	return list
}

var sets = []set{
	{"none", nil},
	{"single", []string{"(path)", "(user_id)", "(created_at)"}},
	{"composite", append([]string{"(created_at, id)"}, ordered("path", "user_id", "action", "resource", "resource, entity_id")...)},
	{"merged", slices.Concat([]string{"(created_at, id)"}, ordered("path", "user_id", "user_id, action", "resource, action", "resource, entity_id", "ip", "request_id"),
		refusals("outcome", "user_id, outcome", "action, outcome", "ip, outcome"))},
	{"full", slices.Concat([]string{"(created_at, id)"}, ordered("path", "user_id", "user_id, action", "action", "resource", "resource, action", "resource, entity_id", "ip", "request_id"),
		refusals("outcome", "user_id, outcome", "action, outcome", "ip, outcome"))},
}

// search is a question of an administrator. arms are the ranges that its answer is
// put together from when there is more than one; merged those that the set of that
// name needs.
type search struct {
	name   string
	arms   []string
	merged []string
}

// each of the values makes an arm.
func each(column, rest string, values ...string) (arms []string) {
	for _, v := range values {
		arms = append(arms, rest+" AND "+column+" = '"+v+"'")
	}
	return arms
}

const month = "created_at >= '2026-07-20 00:00:00+00:00' AND created_at < '2026-08-20 00:00:00+00:00'"

func searches(request string) []search {
	actions, resources := trail.Kinds()
	return []search{
		{name: "newest", arms: []string{"true"}},
		{name: "one day", arms: []string{"created_at >= '2026-07-20 00:00:00+00:00' AND created_at < '2026-07-21 00:00:00+00:00'"}},
		{name: "heavy user, a month", arms: []string{"user_id = 1 AND " + month}},
		{name: "rare user", arms: []string{"user_id = 180"}},
		{name: "three users, a month", arms: []string{"user_id = 1 AND " + month, "user_id = 40 AND " + month, "user_id = 180 AND " + month}},
		{
			name: "action, a month", arms: []string{"action = 'delete' AND " + month},
			merged: each("resource", "action = 'delete' AND "+month, resources...),
		},
		{name: "user and action", arms: []string{"user_id = 1 AND action = 'role_assign'"}},
		{name: "one record", arms: []string{"resource = 'work_order' AND entity_id = '40000'"}},
		{
			name: "kind of record", arms: []string{"resource = 'price_list'"},
			merged: each("action", "resource = 'price_list'", actions...),
		},
		{name: "kind of record and action", arms: []string{"resource = 'user' AND action = 'role_assign'"}},
		{name: "refused", arms: []string{"outcome <> 'OK' AND outcome = 'DENIED'"}},
		{name: "refused to a user", arms: []string{"outcome <> 'OK' AND user_id = 1 AND outcome = 'DENIED'"}},
		{name: "path, a month", arms: []string{"path = '/graphql#AdjustPriceList' AND " + month}},
		{name: "request", arms: []string{"request_id = '" + request + "'"}},
		{name: "address", arms: []string{"ip = '10.20.3.249'"}},
	}
}

const (
	inOrder  = " ORDER BY created_at DESC, id DESC LIMIT 51"
	everyone = "SELECT * FROM audit_events WHERE "
)

func (s search) text(set string) string {
	arms := s.arms
	if set == "merged" && s.merged != nil {
		arms = s.merged
	}
	if len(arms) == 1 {
		return everyone + arms[0] + inOrder
	}
	parts := make([]string, len(arms))
	for i, arm := range arms {
		parts[i] = "SELECT * FROM (" + everyone + arm + inOrder + ") AS part"
	}
	return "SELECT * FROM (" + strings.Join(parts, " UNION ALL ") + ") AS parts" + inOrder
}

// indexes compares the sets: the searches, the cost of writing, the size.
func (b *bench) indexes(ctx context.Context, o options) error {
	var request string
	if err := b.Reader().QueryRowContext(ctx, "SELECT request_id FROM audit_events WHERE id = (SELECT max(id) / 2 FROM audit_events)").Scan(&request); err != nil {
		return err
	}
	asked := searches(request)
	took := make([][]string, len(asked)+2)
	for _, s := range sets {
		if err := b.dropAll(ctx); err != nil {
			return err
		}
		for i, columns := range s.indexes {
			if err := b.exec(ctx, fmt.Sprintf("CREATE INDEX measured_%d ON audit_events %s", i, columns)); err != nil {
				return err
			}
		}
		if err := b.settle(ctx); err != nil {
			return err
		}
		for i, q := range asked {
			d, err := b.median(ctx, q.text(s.name))
			if err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
			took[i] = append(took[i], ms(d))
		}
		var rounds []time.Duration
		for range 5 {
			written, err := b.written(ctx)
			if err != nil {
				return err
			}
			rounds = append(rounds, written)
		}
		written := measure.Percentile(rounds, 50)
		took[len(asked)] = append(took[len(asked)], fmt.Sprintf("%.1f", float64(written.Nanoseconds())/1000/writtenEvents))
		size, err := b.size(ctx)
		if err != nil {
			return err
		}
		took[len(asked)+1] = append(took[len(asked)+1], fmt.Sprint(size>>20))
	}
	fmt.Printf("%s, %d events, milliseconds (median, warm); load average %s\n\n| search |", b.name, o.events, load())
	for _, s := range sets {
		fmt.Printf(" %s |", s.name)
	}
	fmt.Println("\n|---|" + strings.Repeat("---|", len(sets)))
	for i, row := range took {
		name := "**writing**, µs an event"
		switch {
		case i < len(asked):
			name = asked[i].name
		case i == len(asked)+1:
			name = "**size**, MB"
		}
		fmt.Printf("| %s | %s |\n", name, strings.Join(row, " | "))
	}
	fmt.Println()
	return nil
}

// median of a statement that was run often enough.
func (b *bench) median(ctx context.Context, text string) (time.Duration, error) {
	var took []time.Duration
	begun := time.Now()
	for len(took) < 21 && (len(took) < 3 || time.Since(begun) < 2*time.Second) {
		start := time.Now()
		if err := drain(b.Reader().QueryContext(ctx, text)); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	return measure.Percentile(took[1:], 50), nil // the first one warms up
}

// drain reads all rows.
func drain(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]sql.RawBytes, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	return rows.Err()
}

const writtenEvents = 20_000

// written is how long it takes to write events after the newest ones, one statement
// each in one transaction, which is taken back.
func (b *bench) written(ctx context.Context) (_ time.Duration, err error) {
	tx, err := b.Writer().BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // it is to be taken back
	places := make([]string, len(trail.Columns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", auditevent.Table, strings.Join(trail.Columns, ", "), strings.Join(places, ", ")) //nolint:gosec // names of columns and places
	stmt, err := tx.PrepareContext(ctx, insert)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stmt.Close()) }()
	start := time.Now()
	for row, err := range trail.Events(writtenEvents, end, end.Add(24*time.Hour), 2) {
		if err != nil {
			return 0, err
		}
		if _, err := stmt.ExecContext(ctx, row...); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

// size of the trail with its indexes, in bytes.
func (b *bench) size(ctx context.Context) (n int64, err error) {
	query := "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
	if b.postgres {
		query = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('audit_events')"
	}
	err = b.Writer().QueryRowContext(ctx, query).Scan(&n)
	return n, err
}
