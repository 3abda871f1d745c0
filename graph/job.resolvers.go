package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/globalid"
	"aliaport/internal/job"
	"aliaport/internal/page"
)

func (r *jobRunResolver) DurationMs(ctx context.Context, obj *ent.JobRun) (*int, error) {
	if obj.StartedAt == nil || obj.FinishedAt == nil {
		return nil, nil
	}
	ms := int(obj.FinishedAt.Sub(*obj.StartedAt).Milliseconds())
	return &ms, nil
}

func (r *jobRunResolver) RetryOfID(ctx context.Context, obj *ent.JobRun) (*globalid.ID, error) {
	if obj.RetryOf == nil {
		return nil, nil
	}
	return &globalid.ID{Type: "JobRun", Key: *obj.RetryOf}, nil
}

func (r *mutationResolver) RunJob(ctx context.Context, input gen.RunJobInput) (*gen.JobRunPayload, error) {
	return jobRunPayload(ctx)(r.Jobs.RunNow(ctx, input.Job))
}

func (r *mutationResolver) CancelJob(ctx context.Context, input gen.JobRunInput) (*gen.JobRunPayload, error) {
	return jobRunPayload(ctx)(r.Jobs.Cancel(ctx, input.ID))
}

func (r *mutationResolver) RetryJob(ctx context.Context, input gen.JobRunInput) (*gen.JobRunPayload, error) {
	return jobRunPayload(ctx)(r.Jobs.Retry(ctx, input.ID))
}

func (r *queryResolver) Jobs(ctx context.Context) ([]*job.Status, error) {
	return r.Resolver.Jobs.Jobs(ctx)
}

func (r *queryResolver) JobRuns(ctx context.Context, filter *job.Filter, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.JobRun], error) {
	return connection(r.Resolver.Jobs.List(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *Resolver) JobRun() gen.JobRunResolver { return &jobRunResolver{r} }

type jobRunResolver struct{ *Resolver }
