package rate

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"

	"aliaport/ent"
	"aliaport/ent/exchangerate"
	"aliaport/ent/schema"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/page"
)

// Filter narrows the list.
type Filter struct {
	Currency     *string
	BulletinDate *page.DateRange
	Source       *exchangerate.Source
	NeedsReview  *bool // true only: the others are nearly all
}

const offered = "currency|source (+bulletinDate); needsReview: true (+currency, source, bulletinDate)"

// List returns one page of the rates, the newest bulletin first.
func (s *Service) List(ctx context.Context, f Filter, a page.Args) (*page.List[*ent.ExchangeRate], error) {
	if err := actor.Require(ctx, actor.RateRead); err != nil {
		return nil, err
	}
	where, err := f.condition()
	if err != nil {
		return nil, err
	}
	hash, err := page.Hash("exchangeRates", f)
	if err != nil {
		return nil, err
	}
	p, err := s.Pages.New(a, s.PageLimits, page.Order{Name: "BULLETIN_DATE", Column: exchangerate.FieldBulletinDate, Kind: page.Day, Desc: true}, hash)
	if err != nil {
		return nil, err
	}
	rows, err := s.DB.ExchangeRate.Query().Where(where, p.Apply).All(ctx)
	if err != nil {
		return nil, fmt.Errorf("list rates: %w", err)
	}
	return page.Read(p, rows, func(r *ent.ExchangeRate) (any, int64) { return r.BulletinDate, r.ID }, func(ctx context.Context) (int, error) {
		n, err := s.DB.ExchangeRate.Query().Where(where).Aggregate(page.CountRows).Int(ctx)
		if err != nil {
			return 0, fmt.Errorf("count rates: %w", err)
		}
		return n, nil
	}), nil
}

func (f *Filter) condition() (func(*sql.Selector), error) {
	waiting := f.NeedsReview != nil && *f.NeedsReview
	if f.NeedsReview != nil && !waiting || f.Currency != nil && f.Source != nil && !waiting {
		return nil, apperr.New(apperr.FilterNotIndexed, "possible", offered)
	}
	return func(s *sql.Selector) {
		if waiting {
			// Written out, so that the databases see that the partial index holds these rows.
			s.Where(sql.ExprP(schema.RateReviewCondition))
		}
		equal := sql.EQ
		if waiting {
			equal = rowByRow
		}
		if f.Currency != nil {
			s.Where(equal(s.C(exchangerate.FieldCurrencyFrom), *f.Currency))
		}
		if f.Source != nil {
			s.Where(equal(s.C(exchangerate.FieldSource), *f.Source))
		}
		if f.BulletinDate != nil {
			f.BulletinDate.Within(exchangerate.FieldBulletinDate)(s)
		}
	}, nil
}

// rowByRow compares a text so that no index on it is used: SQLite would take that one
// and look at the rates of years for the few that wait.
func rowByRow(column string, value any) *sql.Predicate {
	return sql.P(func(b *sql.Builder) { b.Ident(column).WriteString(" || '' = ").Arg(value) })
}
