package loader

import (
	"context"
	"slices"
	"sync"

	"entgo.io/ent/dialect/sql"

	"aliaport/internal/page"
	"aliaport/internal/store"
)

// Lists loads pages of the rows that belong to a key, such as the items of a price
// list: one statement for all keys that are asked for the same page, and one for all
// whose rows are counted.
type Lists[R any] struct {
	ctx     context.Context //nolint:containedctx // that of the request, as loaders have it
	options Options
	of      nested[R]
	count   *Loader[int]

	mu     sync.Mutex              // protects byPage
	byPage map[string]*Loader[[]R] // by page.Key
}

// nested says what the lists hold.
type nested[R any] struct {
	name         string // of the list; part of its cursors
	order        page.Order
	table, owner string // where the rows are, and the column of the key
	rest         []func(*sql.Selector)
	query        func(ctx context.Context, where func(*sql.Selector)) ([]R, error)
	counts       func(ctx context.Context, where func(*sql.Selector)) ([]ownerCount, error)
	key          func(R) int64
	at           func(R) (value any, id int64)
}

// ownerCount is how many rows belong to a key.
type ownerCount struct {
	Owner int64
	Count int
}

// countBy counts rows by the column.
func countBy(column string) func(*sql.Selector) {
	return func(s *sql.Selector) {
		s.Select(sql.As(s.C(column), "owner"), sql.As(sql.Count("*"), "count")).GroupBy(s.C(column))
	}
}

func lists[R any](ctx context.Context, o Options, of nested[R]) *Lists[R] {
	l := &Lists[R]{ctx: ctx, options: o, of: of, byPage: map[string]*Loader[[]R]{}}
	l.count = build(ctx, o, 0, func(ctx context.Context, keys []int64) ([]ownerCount, error) {
		return of.counts(ctx, func(s *sql.Selector) {
			store.KeysIn(of.owner, keys)(s)
			for _, r := range of.rest {
				r(s)
			}
		})
	}, func(values map[int64]int, c ownerCount) { values[c.Owner] = c.Count })
	return l
}

// Load returns the page of the rows that belong to the key.
func (l *Lists[R]) Load(ctx context.Context, key int64, a page.Args) (*page.List[R], error) {
	p, err := l.page(key, a)
	if err != nil {
		return nil, err
	}
	rows, err := l.pagesLike(p).Load(ctx, key)
	if err != nil {
		return nil, err
	}
	return l.list(p, key, rows), nil
}

// Prime reads that page for all keys at once, and counts their rows if they are to be
// counted. Arguments that will be refused are left to Load.
func (l *Lists[R]) Prime(ctx context.Context, keys []int64, a page.Args, counted bool) (rows []R, err error) {
	if counted {
		if _, err := l.count.Prime(ctx, keys); err != nil {
			return nil, err
		}
	}
	asked := map[*Loader[[]R]][]int64{}
	pages := map[int64]*page.Page{}
	for _, key := range keys {
		if p, err := l.page(key, a); err == nil {
			pages[key] = p
			asked[l.pagesLike(p)] = append(asked[l.pagesLike(p)], key)
		}
	}
	for loader, keys := range asked {
		values, err := loader.Prime(ctx, keys)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			rows = append(rows, l.list(pages[key], key, values[key]).Nodes...)
		}
	}
	return rows, nil
}

func (l *Lists[R]) list(p *page.Page, key int64, rows []R) *page.List[R] {
	// Shaping turns rows read backward around, and they may be asked for again.
	return page.Read(p, slices.Clone(rows), l.of.at, func(ctx context.Context) (int, error) { return l.count.Load(ctx, key) })
}

// page reads the arguments; a cursor belongs to one key.
func (l *Lists[R]) page(key int64, a page.Args) (*page.Page, error) {
	hash, err := page.Hash(l.of.name, key)
	if err != nil {
		return nil, err
	}
	return l.options.Pages.New(a, l.options.PageLimits, l.of.order, hash)
}

// pagesLike loads the rows of the page, for whichever keys.
func (l *Lists[R]) pagesLike(p *page.Page) *Loader[[]R] {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := p.Key()
	same, ok := l.byPage[name]
	if !ok {
		same = many(l.ctx, l.options, func(ctx context.Context, keys []int64) ([]R, error) {
			return l.of.query(ctx, p.OfEach(l.of.table, l.of.owner, keys, l.of.rest...))
		}, l.of.key)
		l.byPage[name] = same
	}
	return same
}

func (l *Lists[R]) clear() {
	l.count.clear()
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.byPage)
}
