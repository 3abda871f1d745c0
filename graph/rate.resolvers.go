package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/calendar"
	"aliaport/internal/page"
	"aliaport/internal/rate"

	"github.com/shopspring/decimal"
)

func (r *mutationResolver) FetchExchangeRates(ctx context.Context, input rate.FetchInput) (*gen.FetchExchangeRatesPayload, error) {
	return fetchedPayload(ctx)(r.Rates.Fetch(ctx, input))
}

func (r *mutationResolver) SetExchangeRate(ctx context.Context, input rate.SetInput) (*gen.ExchangeRatePayload, error) {
	return ratePayload(ctx)(r.Rates.Set(ctx, input))
}

func (r *mutationResolver) ReviewExchangeRate(ctx context.Context, input rate.ReviewInput) (*gen.ExchangeRatePayload, error) {
	return ratePayload(ctx)(r.Rates.Review(ctx, input))
}

func (r *queryResolver) ExchangeRates(ctx context.Context, filter *rate.Filter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.ExchangeRate], error) {
	return connection(r.Rates.List(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *queryResolver) ExchangeRate(ctx context.Context, currency string, asOf *calendar.Date, kind *rate.Kind) (*rate.Used, error) {
	return r.Rates.Find(ctx, currency, asOf, kind)
}

func (r *queryResolver) LatestExchangeRates(ctx context.Context) ([]*ent.ExchangeRate, error) {
	return r.Rates.Latest(ctx)
}

func (r *queryResolver) ConvertCurrency(ctx context.Context, amount decimal.Decimal, from string, to string, on *calendar.Date, kind *rate.Kind) (*rate.Conversion, error) {
	return r.Rates.Convert(ctx, amount, from, to, on, kind)
}
