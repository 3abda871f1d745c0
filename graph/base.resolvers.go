package graph

import (
	"context"

	"aliaport/graph/gen"
	"aliaport/graph/gqlmodel"
	"aliaport/internal/actor"
	"aliaport/internal/globalid"
)

func (r *queryResolver) Viewer(ctx context.Context) (*gen.Viewer, error) {
	return viewer(actor.From(ctx)), whoIsUnknown(ctx)
}

func (r *queryResolver) Node(ctx context.Context, id globalid.ID) (gqlmodel.Node, error) {
	return node(ctx, id)
}

func (r *queryResolver) Nodes(ctx context.Context, ids []*globalid.ID) ([]gqlmodel.Node, error) {
	return nodes(ctx, ids)
}

func (r *Resolver) Mutation() gen.MutationResolver { return &mutationResolver{r} }

func (r *Resolver) Query() gen.QueryResolver { return &queryResolver{r} }

type (
	mutationResolver struct{ *Resolver }
	queryResolver    struct{ *Resolver }
)
