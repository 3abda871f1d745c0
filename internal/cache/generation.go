package cache

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"entgo.io/ent/dialect"

	"aliaport/ent/cachegeneration"
)

// Generations name the states of the tables at one moment.
type Generations map[string]int64

// of is the part of a key that says which state of its tables an answer is of; false
// when that is not known.
func (g Generations) of(ns *Namespace) (string, bool) {
	const base = 36
	var b strings.Builder
	for _, table := range ns.Tables {
		generation, known := g[table]
		if !known {
			return "", false
		}
		b.WriteString(strconv.FormatUint(uint64(generation), base)) //nolint:gosec // any bits will do
		b.WriteByte('.')
	}
	return b.String(), true
}

// moment is what a request knows of the generations. It reads them once: what is
// committed before a request begins, the request sees.
type moment struct {
	mu   sync.Mutex
	read Generations // nil: not yet
}

type momentKey struct{}

// With lets a request use the cache. Without it everything is read from the database.
func With(ctx context.Context) context.Context {
	return context.WithValue(ctx, momentKey{}, &moment{})
}

// Without reads everything from the database: what a mutation answers must show what it
// did.
func Without(ctx context.Context) context.Context {
	return context.WithValue(ctx, momentKey{}, (*moment)(nil))
}

func momentOf(ctx context.Context) *moment {
	m, _ := ctx.Value(momentKey{}).(*moment)
	return m
}

// Seen tells the request the generations that were read with something else, so that it
// need not ask. They must have been read since it began.
func Seen(ctx context.Context, g Generations) {
	if m := momentOf(ctx); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.read = g
	}
}

// generations are those that the request goes by. It must have a moment.
func (c *Cache) generations(ctx context.Context) (Generations, error) {
	m := momentOf(ctx)
	m.mu.Lock() // fields that come meanwhile wait for the one statement
	defer m.mu.Unlock()
	if m.read != nil {
		return m.read, nil
	}
	rows, err := c.db.CacheGeneration.Query().Select(cachegeneration.FieldTableName, cachegeneration.FieldGeneration).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the generations of cached tables: %w", err)
	}
	g := make(Generations, len(rows))
	for _, r := range rows {
		g[r.TableName] = r.Generation
	}
	m.read = g
	return g, nil
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Untriggered names the tables that feed a namespace and whose changes would go
// unnoticed, because triggers are missing. There must be none.
func Untriggered(ctx context.Context, db querier, dialectName string) ([]string, error) {
	find := `SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = $1 AND name IN ($1 || '_inserted_generation', $1 || '_updated_generation', $1 || '_deleted_generation')`
	want := 3
	if dialectName == dialect.Postgres {
		find = `SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgenabled = 'O' AND tgname IN ($1 || '_new_generation', $1 || '_emptied_generation')`
		want = 2
	}
	var missing []string
	for _, table := range tables() {
		var n int
		if err := db.QueryRowContext(ctx, find, table).Scan(&n); err != nil {
			return nil, fmt.Errorf("look for the triggers of %s: %w", table, err)
		}
		if n != want {
			missing = append(missing, table)
		}
	}
	return missing, nil
}
