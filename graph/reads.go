package graph

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"aliaport/ent"
	"aliaport/internal/actor"
	"aliaport/internal/audit"
	"aliaport/internal/globalid"
	"aliaport/internal/readonly"
)

// maxNamed is how many of the records that were read together the trail names.
const maxNamed = 100

// Reads records who read what is sensitive: the trail itself, the details of a
// customer, fields marked @personal. Nothing is answered that could not be recorded.
type Reads struct{ Writer *audit.Reads }

var _ graphql.RootFieldInterceptor = Reads{}

// ExtensionName names the extension.
func (Reads) ExtensionName() string { return "Reads" }

// Validate accepts every schema.
func (Reads) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptRootField looks at what a field showed.
func (r Reads) InterceptRootField(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	field := graphql.GetRootFieldContext(ctx)
	if r.Writer == nil || r.Writer.Keep == audit.KeepNone || actor.From(ctx) == nil || strings.HasPrefix(field.Field.Name, "__") {
		return next(ctx)
	}
	s := &sights{seen: map[audit.Resource]*sight{}}
	m := next(context.WithValue(ctx, sightsKey{}, s))
	if failed(graphql.GetErrors(ctx), field.Field.Alias) != "" {
		return m
	}
	events := s.events(ctx, field, r.Writer.Keep)
	if len(events) > 0 {
		if err := readonly.Refuse(ctx, r.Writer.DB); err != nil {
			return refuseField(ctx, err)
		}
	}
	for _, e := range events {
		if err := r.Writer.Note(ctx, e); err != nil {
			return refuseField(ctx, err)
		}
	}
	return m
}

// sights are what a field of the root has shown so far.
type sights struct {
	mu   sync.Mutex // protects seen
	seen map[audit.Resource]*sight
}

// sight is what was shown of the records of one kind.
type sight struct {
	ids    map[int64]struct{}
	fields map[string]struct{}
}

type sightsKey struct{}

// sawRecord notes that a record was shown, and which of its personal fields if any.
func sawRecord(ctx context.Context, r audit.Resource, id int64, fields ...string) {
	s, ok := ctx.Value(sightsKey{}).(*sights)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[r] == nil {
		s.seen[r] = &sight{map[int64]struct{}{}, map[string]struct{}{}}
	}
	s.seen[r].ids[id] = struct{}{}
	for _, f := range fields {
		s.seen[r].fields[f] = struct{}{}
	}
}

// saw notes a value of a field marked @personal, unless it is empty or masked.
func saw(ctx context.Context, obj any, field string, value *string) {
	if value == nil || *value == "" {
		return
	}
	switch of := obj.(type) {
	case *ent.Cari:
		sawRecord(ctx, audit.Cari, of.ID, field)
	case *ent.WorkOrderPerson:
		if actor.From(ctx).Can(actor.GateRead) { // others get the last two letters
			sawRecord(ctx, audit.WorkOrderPerson, of.ID, field)
		}
	}
}

// details notes that the details of a record were looked up.
func details[R any](ctx context.Context, resource audit.Resource, id func(*R) int64) func(*R, error) (*R, error) {
	return func(record *R, err error) (*R, error) {
		if record != nil && err == nil {
			sawRecord(ctx, resource, id(record))
		}
		return record, err
	}
}

// events are the lines for what was seen.
func (s *sights) events(ctx context.Context, field *graphql.RootFieldContext, keep audit.ReadsKept) (list []audit.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := field.Field.Name
	for _, resource := range slices.Sorted(maps.Keys(s.seen)) {
		of := s.seen[resource]
		e := audit.Event{Resource: resource, Extra: map[string]any{"field": name}}
		if len(of.fields) > 0 {
			e.Extra["personal"] = slices.Sorted(maps.Keys(of.fields))
		}
		ids := slices.Sorted(maps.Keys(of.ids))
		if len(ids) == 1 {
			e.EntityID = ids[0]
		} else {
			e.Extra["count"], e.Extra["ids"] = len(ids), ids[:min(maxNamed, len(ids))]
		}
		list = append(list, e)
	}
	arguments := field.Field.ArgumentMap(graphql.GetOperationContext(ctx).Variables)
	switch name {
	case "auditEvents", "auditFacets", "latestAuditEvents":
		list = append(list, audit.Event{Resource: audit.Events, Extra: map[string]any{"field": name, "arguments": short(arguments)}})
	case "node", "nodes":
		if lines := linesAmong(arguments); len(lines) == 1 {
			list = append(list, audit.Event{Resource: audit.Events, EntityID: lines[0], Extra: map[string]any{"field": name}})
		} else if len(lines) > 1 {
			list = append(list, audit.Event{Resource: audit.Events, Extra: map[string]any{"field": name, "count": len(lines), "ids": lines}})
		}
	}
	if len(list) == 0 && keep == audit.KeepAll && !isMutation(ctx) {
		list = append(list, audit.Event{Resource: audit.Query, Extra: map[string]any{"field": name}})
	}
	return list
}

// maxArguments bounds what the trail keeps of the arguments of a search, in bytes.
const maxArguments = 4096

// short are arguments that are not longer than a line of the trail should be.
func short(arguments map[string]any) any {
	if text, err := json.Marshal(arguments); err != nil || len(text) > maxArguments {
		return audit.Clip(string(text), maxArguments)
	}
	return arguments
}

// linesAmong are the lines of the trail that node or nodes was asked for.
func linesAmong(arguments map[string]any) (lines []int64) {
	given, _ := arguments["ids"].([]any)
	for _, v := range append(given, arguments["id"]) {
		text, _ := v.(string)
		if id, err := globalid.Parse(text); err == nil && id.Type == "AuditEvent" {
			lines = append(lines, id.Key)
		}
	}
	return lines
}
