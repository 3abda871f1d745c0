package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/auditevent"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/cache"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Trail reads the trail.
type Trail struct {
	DB         *store.DB
	Now        func() time.Time
	Cache      *cache.Cache
	Pages      *page.Codec
	PageLimits page.Limits
	Limits     SearchLimits
}

// SearchLimits bound what one search reads; zero values stand for the defaults.
type SearchLimits struct {
	Ranges int // of an index that are put together: users × actions × outcomes, or the paths of a prefix
	Facets FacetLimits
}

const defaultRanges = 50

func (l SearchLimits) ranges() int {
	if l.Ranges == 0 {
		return defaultRanges
	}
	return l.Ranges
}

// Filter narrows the list. Only the combinations of offered are answered.
type Filter struct {
	Users      []*globalid.ID
	Actions    []string
	Resource   *string
	EntityID   *globalid.ID // tells the resource too
	Outcomes   []auditevent.Outcome
	Path       *string
	PathPrefix *string
	RequestID  *string
	IP         *string
	CreatedAt  *page.Range
}

// offered tells clients what can be combined.
const offered = "users|actions|users+actions|resource|resource+actions|entityId|outcomes DENIED, FAILED|outcomes+users|outcomes+actions|outcomes+ip|path|pathPrefix|requestId|ip (+createdAt)"

// given are the fields of a filter that choose the index.
type given uint16

const (
	byUsers given = 1 << iota
	byActions
	byResource
	byEntity
	byOutcomes
	byPath
	byPrefix
	byRequest
	byIP
)

// indexed are the combinations that an index answers in the order of the list; see
// ent/schema. TestEverySearchWalksAnIndex holds the databases to it.
var indexed = []given{
	0, byUsers, byActions, byUsers | byActions, byResource, byResource | byActions, byEntity, byEntity | byResource,
	byOutcomes, byOutcomes | byUsers, byOutcomes | byActions, byOutcomes | byIP, byPath, byPrefix, byRequest, byIP,
}

func (f *Filter) given() (g given) {
	for field, is := range map[given]bool{
		byUsers: len(f.Users) > 0, byActions: len(f.Actions) > 0, byResource: f.Resource != nil, byEntity: f.EntityID != nil,
		byOutcomes: len(f.Outcomes) > 0, byPath: f.Path != nil, byPrefix: f.PathPrefix != nil, byRequest: f.RequestID != nil, byIP: f.IP != nil,
	} {
		if is {
			g |= field
		}
	}
	return g
}

// MaxCount is how far lists of the trail are counted.
const MaxCount = 10_001

// newestLines is how many lines Newest has.
const newestLines = 50

// Newest returns the newest lines of the trail, newest first. It may lag by the time
// that the cache keeps it: a panel that shows it to many asks for it often.
func (s *Trail) Newest(ctx context.Context) ([]*ent.AuditEvent, error) {
	if err := actor.Require(ctx, actor.AuditRead); err != nil {
		return nil, err
	}
	return cache.Get(ctx, s.Cache, cache.Trail, "newest", func(ctx context.Context) ([]*ent.AuditEvent, error) {
		rows, err := s.DB.AuditEvent.Query().Order(auditevent.ByCreatedAt(sql.OrderDesc()), auditevent.ByID(sql.OrderDesc())).Limit(newestLines).All(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the newest lines of the trail: %w", err)
		}
		return rows, nil
	})
}

// List returns one page of the trail, newest first. It is counted up to MaxCount.
func (s *Trail) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.AuditEvent], error) {
	if err := actor.Require(ctx, actor.AuditRead); err != nil {
		return nil, err
	}
	q, err := s.plan(ctx, f)
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("auditEvents", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, newestFirst, hash)
	if err != nil {
		return nil, err
	}
	p.Order.Apart = q.apart()
	// A cursor lies within the range and bounds it closer. With both, a database may
	// seek by the wrong one and read all rows between them.
	rows, err := s.DB.AuditEvent.Query().Where(q.within(a.Before == nil, a.After == nil).read(p.Apply)).Select(p.Columns(ctx, auditevent.Table)...).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the trail: %w", err)
	}
	var once sync.Once
	total := 0
	return page.Read(p, rows, func(e *ent.AuditEvent) (any, int64) { return e.CreatedAt, e.ID }, func(ctx context.Context) (int, error) {
		once.Do(func() {
			total, err = s.DB.AuditEvent.Query().Where(q.within(true, true).counted(MaxCount)).Aggregate(page.CountRows).Int(ctx)
		})
		if err != nil {
			return 0, fmt.Errorf("count the trail: %w", err)
		}
		return total, nil
	}), nil
}

var newestFirst = page.Order{Name: "CREATED_AT", Column: auditevent.FieldCreatedAt, Kind: page.Time, Desc: true}

// plan chooses the ranges of an index that hold what the filter asks for.
func (s *Trail) plan(ctx context.Context, f Filter) (*ranges, error) {
	q := &ranges{created: f.CreatedAt}
	outcomes := slices.Compact(slices.Sorted(slices.Values(f.Outcomes)))
	if len(outcomes) == len(allOutcomes) {
		f.Outcomes, outcomes = nil, nil // that is no filter
	}
	// What went well is nearly everything and has no index of its own.
	if !slices.Contains(indexed, f.given()) || slices.Contains(outcomes, OK) {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	if len(f.Users) > 0 {
		users := make([]int64, len(f.Users))
		for i, id := range f.Users {
			var err error
			if users[i], err = id.Of("User"); err != nil {
				return nil, err
			}
		}
		q.among(auditevent.FieldUserID, anyOf(users))
	}
	resource, err := f.about(q)
	if err != nil {
		return nil, err
	}
	if resource != nil {
		q.among(auditevent.FieldResource, []any{*resource})
	}
	q.among(auditevent.FieldAction, anyOf(f.Actions))
	if len(outcomes) > 0 {
		q.refused = true
		texts := make([]string, len(outcomes))
		for i := range outcomes {
			texts[i] = string(outcomes[i])
		}
		q.among(auditevent.FieldOutcome, anyOf(texts))
	}
	for column, value := range map[string]*string{auditevent.FieldPath: f.Path, auditevent.FieldRequestID: f.RequestID, auditevent.FieldIP: f.IP} {
		if value != nil {
			q.among(column, []any{*value})
		}
	}
	if f.PathPrefix != nil {
		if err := s.expand(ctx, *f.PathPrefix, q); err != nil {
			return nil, err
		}
	}
	if n := q.count(); n > s.Limits.ranges() {
		return nil, tooMany(strconv.Itoa(n), s.Limits.ranges())
	}
	return q, nil
}

var allOutcomes = []auditevent.Outcome{OK, Denied, Failed}

// tooMany refuses a filter that is answered out of more ranges than are allowed.
func tooMany(n string, limit int) error {
	return apperr.New(apperr.BadUserInput, "reason", fmt.Sprintf("filter (users × actions × outcomes, pathPrefix): %s > %d", n, limit))
}

// about is the kind of record that the filter names; what it says of a single one
// goes to q.
func (f *Filter) about(q *ranges) (resource *string, err error) {
	if f.EntityID == nil {
		return f.Resource, nil
	}
	of := string(resourceOf(f.EntityID.Type))
	if of == "" || f.Resource != nil && *f.Resource != of {
		return nil, apperr.New(apperr.BadUserInput, "reason", "entityId")
	}
	q.among(auditevent.FieldEntityID, []any{strconv.FormatInt(f.EntityID.Key, 10)})
	return &of, nil
}

// expand finds the paths that begin with the prefix: there are few of them, and the
// index on the path is hopped through from one to the next.
func (s *Trail) expand(ctx context.Context, prefix string, q *ranges) (err error) {
	if prefix == "" || strings.ContainsRune(prefix, 0) {
		return apperr.New(apperr.BadUserInput, "reason", "pathPrefix")
	}
	limit := s.Limits.ranges()
	rows, err := s.DB.QueryContext(ctx, `WITH RECURSIVE found(path) AS (
		SELECT min(path) FROM audit_events WHERE path >= $1 AND path < $2
		UNION ALL
		SELECT (SELECT min(e.path) FROM audit_events e WHERE e.path > found.path AND e.path < $2) FROM found WHERE found.path IS NOT NULL
	) SELECT path FROM found WHERE path IS NOT NULL LIMIT `+strconv.Itoa(limit+1), prefix, prefix+"\U0010FFFF")
	if err != nil {
		return fmt.Errorf("find paths: %w", err)
	}
	defer rows.Close()
	paths := []any{}
	for rows.Next() {
		var path string
		if err := rows.Scan(&path); err != nil {
			return fmt.Errorf("find paths: %w", err)
		}
		paths = append(paths, path)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find paths: %w", err)
	}
	if len(paths) > limit {
		return tooMany(">= "+strconv.Itoa(len(paths)), limit)
	}
	q.keys = append(q.keys, key{auditevent.FieldPath, paths})
	return nil
}

// anyOf are the distinct values.
func anyOf[T int64 | string](values []T) []any {
	list := make([]any, 0, len(values))
	for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
		list = append(list, v)
	}
	return list
}

// ranges are those of an index that make up an answer: one for each combination of
// the keys' values. Each of them is in the order of the list, so that a page takes no
// more than its length out of each; `user_id IN (1, 2) ORDER BY created_at` would
// sort all events of both users instead.
type ranges struct {
	keys    []key
	refused bool // only what did not end well, of which there are partial indexes
	created *page.Range
}

// key is a column that an index begins with, and the values that are wanted.
type key struct {
	column string
	values []any
}

func (q *ranges) among(column string, values []any) {
	if len(values) > 0 {
		q.keys = append(q.keys, key{column, values})
	}
}

// apart tells whether the list must be read from an index of the keys. By the time
// alone PostgreSQL would like to read it too, whenever it takes the values for frequent.
func (q *ranges) apart() bool { return len(q.keys) > 0 }

func (q *ranges) count() int {
	n := 1
	for _, k := range q.keys {
		n *= len(k.values)
	}
	return n
}

// within keeps only those ends of the range of time that are wanted.
func (q *ranges) within(from, to bool) *ranges {
	if q.created == nil {
		return q
	}
	copied, created := *q, *q.created
	copied.created = &created
	if !from {
		created.From = nil
	}
	if !to {
		created.To = nil
	}
	return &copied
}

// rest are the conditions that all ranges share.
func (q *ranges) rest(s *sql.Selector) {
	if q.refused { // written out, so that the databases see that the partial indexes hold these rows
		s.Where(sql.ExprP("outcome <> 'OK'"))
	}
	if q.created != nil {
		q.created.Within(auditevent.FieldCreatedAt)(s)
	}
}

// alone narrows s to the only range.
func (q *ranges) alone(s *sql.Selector) {
	for _, k := range q.keys {
		s.Where(sql.EQ(s.C(k.column), k.values[0]))
	}
	q.rest(s)
}

// read reads the rows with the order and limit of shape.
func (q *ranges) read(shape func(*sql.Selector)) func(*sql.Selector) {
	return func(s *sql.Selector) {
		switch q.count() {
		case 0:
			s.Where(sql.False())
			shape(s)
		case 1:
			q.alone(s)
			shape(s)
		default:
			shape(s) // of what the ranges together hold
			s.FromExpr(q.union(s.Dialect(), "*", shape))
		}
	}
}

// counted leaves limit rows at most to be counted.
func (q *ranges) counted(limit int) func(*sql.Selector) {
	return func(s *sql.Selector) {
		d := sql.Dialect(s.Dialect())
		t := d.Table(auditevent.Table).As("e")
		some := d.Select(t.C(auditevent.FieldID)).From(t).Limit(limit)
		switch q.count() {
		case 0:
			some.Where(sql.False())
		case 1:
			q.alone(some)
		default:
			some = d.Select("id").FromExpr(q.union(s.Dialect(), auditevent.FieldID, func(*sql.Selector) {})).Limit(limit)
		}
		s.From(some.As("counted"))
	}
}

// union puts the ranges together under the name of the table. On PostgreSQL, where
// planning a part costs as much as reading it, there is one part and an array of the
// values of each key.
func (q *ranges) union(dialectName, columns string, shape func(*sql.Selector)) sql.Querier {
	d := sql.Dialect(dialectName)
	t := d.Table(auditevent.Table).As("e")
	selected := "*"
	if columns != "*" {
		selected = t.C(columns)
	}
	part := func(where func(*sql.Selector)) *sql.Selector {
		one := d.Select(selected).From(t)
		where(one)
		q.rest(one)
		shape(one)
		return one
	}
	tuples := q.tuples()
	if dialectName == dialect.Postgres {
		return sql.ExprFunc(func(b *sql.Builder) {
			b.WriteString("(SELECT part.* FROM unnest(")
			names := make([]string, len(q.keys))
			for i := range q.keys {
				if names[i] = "key" + strconv.Itoa(i); i > 0 {
					b.Comma()
				}
				array, typ := column(tuples, i)
				b.Arg(array).WriteString("::" + typ)
			}
			b.WriteString(") AS wanted (" + strings.Join(names, ", ") + ") CROSS JOIN LATERAL (").Join(part(func(s *sql.Selector) {
				for i, k := range q.keys {
					name := s.C(k.column)
					s.Where(sql.P(func(b *sql.Builder) { b.Ident(name).WriteString(" = wanted.key" + strconv.Itoa(i)) }))
				}
			})).WriteString(") AS part) AS ").Ident(auditevent.Table)
		})
	}
	return sql.ExprFunc(func(b *sql.Builder) {
		open := "("
		for _, tuple := range tuples {
			b.WriteString(open + "SELECT * FROM (")
			open = " UNION ALL "
			b.Join(part(func(s *sql.Selector) {
				for i, k := range q.keys {
					s.Where(sql.EQ(s.C(k.column), tuple[i]))
				}
			})).WriteString(")")
		}
		b.WriteString(") AS ").Ident(auditevent.Table)
	})
}

// tuples are all combinations of the values.
func (q *ranges) tuples() [][]any {
	tuples := [][]any{nil}
	for _, k := range q.keys {
		var longer [][]any
		for _, t := range tuples {
			for _, v := range k.values {
				longer = append(longer, append(slices.Clip(t), v))
			}
		}
		tuples = longer
	}
	return tuples
}

// column is the i-th value of every tuple as an array of PostgreSQL, and its type.
func column(tuples [][]any, i int) (array any, typ string) {
	if _, number := tuples[0][i].(int64); number {
		return values[int64](tuples, i), "bigint[]"
	}
	return values[string](tuples, i), "text[]"
}

func values[T any](tuples [][]any, i int) []T {
	list := make([]T, 0, len(tuples))
	for _, t := range tuples {
		if v, ok := t[i].(T); ok {
			list = append(list, v)
		}
	}
	return list
}
