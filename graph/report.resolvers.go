package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/actor"
	"aliaport/internal/page"
	"aliaport/internal/report"
)

func (r *monthlyReportResolver) Headline(ctx context.Context, obj *ent.MonthlyReport) (*report.Headline, error) {
	c, err := report.ContentOf(obj)
	if err != nil {
		return nil, err
	}
	return &c.Headline, nil
}

func (r *monthlyReportResolver) Previous(ctx context.Context, obj *ent.MonthlyReport) (*report.Headline, error) {
	c, err := report.ContentOf(obj)
	if err != nil {
		return nil, err
	}
	return &c.Previous, nil
}

func (r *monthlyReportResolver) JSON(ctx context.Context, obj *ent.MonthlyReport) (string, error) {
	return obj.Content, actor.Require(ctx, actor.ReportExport)
}

func (r *monthlyReportResolver) CSV(ctx context.Context, obj *ent.MonthlyReport) (string, error) {
	if err := actor.Require(ctx, actor.ReportExport); err != nil {
		return "", err
	}
	return report.CSV(obj)
}

func (r *monthlyReportResolver) HTML(ctx context.Context, obj *ent.MonthlyReport) (string, error) {
	if err := actor.Require(ctx, actor.ReportExport); err != nil {
		return "", err
	}
	return report.HTML(obj)
}

func (r *mutationResolver) GenerateMonthlyReport(ctx context.Context, input report.GenerateInput) (*gen.GenerateMonthlyReportPayload, error) {
	made, err := r.Reports.Generate(ctx, input)
	refused, err := userErrors(ctx, err)
	if err != nil {
		return nil, err
	}
	return &gen.GenerateMonthlyReportPayload{MonthlyReport: made, UserErrors: refused}, nil
}

func (r *queryResolver) MonthlyReports(ctx context.Context, filter *report.Filter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.MonthlyReport], error) {
	return connection(r.Reports.List(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *Resolver) MonthlyReport() gen.MonthlyReportResolver { return &monthlyReportResolver{r} }

type monthlyReportResolver struct{ *Resolver }
