package graph

import (
	"context"

	"aliaport/ent"
	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/graph/loader"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/page"
)

func (r *auditEventResolver) User(ctx context.Context, obj *ent.AuditEvent) (*ent.User, error) {
	if obj.UserID == nil {
		return nil, nil //nolint:nilnil // the system, or a stranger
	}
	return loader.From(ctx).User.Load(ctx, *obj.UserID)
}

func (r *auditEventResolver) EntityID(ctx context.Context, obj *ent.AuditEvent) (*globalid.ID, error) {
	return audit.EntityOf(obj), nil
}

func (r *auditEventResolver) Changes(ctx context.Context, obj *ent.AuditEvent) ([]*audit.Change, error) {
	return audit.ChangesOf(obj)
}

func (r *auditEventResolver) Extra(ctx context.Context, obj *ent.AuditEvent) (*string, error) {
	return audit.ExtraOf(obj), nil
}

func (r *auditFacetValueResolver) User(ctx context.Context, obj *audit.FacetValue) (*ent.User, error) {
	if obj.UserID == nil {
		return nil, nil //nolint:nilnil // another facet, the system, or a stranger
	}
	return loader.From(ctx).User.Load(ctx, *obj.UserID)
}

func (r *queryResolver) LatestAuditEvents(ctx context.Context) ([]*ent.AuditEvent, error) {
	lines, err := r.Trail.Newest(ctx)
	if err != nil {
		return nil, err
	}
	return lines, ahead(ctx, "AuditEvent", lines, rowItself...)
}

func (r *queryResolver) AuditEvents(ctx context.Context, filter *audit.Filter, first *int, after *string, last *int, before *string) (*gqlmodel.AuditEventConnection, error) {
	list, err := r.Trail.List(ctx, or(filter), page.Args{First: first, After: after, Last: last, Before: before})
	if err != nil {
		return nil, err
	}
	c, err := connection(list, ahead(ctx, "AuditEvent", list.Nodes, rowsOfConnection...))
	return &gqlmodel.AuditEventConnection{Connection: c}, err
}

func (r *queryResolver) AuditFacets(ctx context.Context, field audit.Facet, filter *audit.Filter, first *int) (*audit.FacetCounts, error) {
	counts, err := r.Trail.Facets(ctx, field, or(filter), first)
	if err != nil {
		return nil, err
	}
	return counts, ahead(ctx, "AuditFacetValue", counts.Values, []string{"values"})
}

func (r *Resolver) AuditEvent() gen.AuditEventResolver { return &auditEventResolver{r} }

func (r *Resolver) AuditFacetValue() gen.AuditFacetValueResolver { return &auditFacetValueResolver{r} }

type (
	auditEventResolver      struct{ *Resolver }
	auditFacetValueResolver struct{ *Resolver }
)
