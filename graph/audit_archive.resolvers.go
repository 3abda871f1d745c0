package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
)

func (r *auditArchiveResolver) FirstEventID(ctx context.Context, obj *ent.AuditArchive) (*globalid.ID, error) {
	return &globalid.ID{Type: "AuditEvent", Key: obj.FirstEventID}, nil
}

func (r *auditArchiveResolver) LastEventID(ctx context.Context, obj *ent.AuditArchive) (*globalid.ID, error) {
	return &globalid.ID{Type: "AuditEvent", Key: obj.LastEventID}, nil
}

func (r *queryResolver) AuditArchives(ctx context.Context, first *int, after *string, last *int, before *string) (*gqlmodel.Connection[*ent.AuditArchive], error) {
	return connection(r.Archives.List(ctx, page.Args{First: first, After: after, Last: last, Before: before}))
}

func (r *Resolver) AuditArchive() gen.AuditArchiveResolver { return &auditArchiveResolver{r} }

type auditArchiveResolver struct{ *Resolver }
