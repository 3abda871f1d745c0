package server

import (
	"context"
	"errors"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"aliaport/graph/compiled"
	"aliaport/graph/cost"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/config"
)

// How many parsed and validated documents are kept, and how many bytes each has at
// most. A parsed document takes up to thirty times its text, and whoever sends
// documents that differ must not fill the memory with them.
const (
	keptDocuments = 500
	keptSize      = 8 << 10
)

// documents parses, judges and validates documents, in this order: validation takes
// time quadratic in what a hostile document repeats, so it comes after the judgement.
// The executor takes them from here.
type documents struct {
	schema *ast.Schema
	meter  *cost.Meter
	limits cost.Limits
	open   bool // strangers get suggestions too
	kept   *lru.Cache[string, *document]
}

// document is a valid document with its cost and what was compiled of it.
type document struct {
	ast   *ast.QueryDocument
	shape *cost.Shape
	plans compiled.Plans
}

var _ graphql.Cache[*ast.QueryDocument] = (*documents)(nil)

func newDocuments(schema *ast.Schema, c *config.Config) (*documents, error) {
	kept, err := lru.New[string, *document](keptDocuments)
	if err != nil {
		return nil, err
	}
	return &documents{
		schema: schema, meter: cost.NewMeter(schema, cost.Sizes{Page: c.PageSizeDefault}), limits: limits(c),
		open: c.Introspection, kept: kept,
	}, nil
}

func limits(c *config.Config) cost.Limits {
	return cost.Limits{
		Tokens: c.LimitTokens, Depth: c.LimitDepth, SchemaDepth: c.LimitSchemaDepth, InputDepth: c.LimitInputDepth,
		RootFields: c.LimitRootFields, Aliases: c.LimitAliases, Directives: c.LimitDirectives, Fragments: c.LimitFragments,
		Repeats: c.LimitRepeats, Logins: 1, Nodes: c.LimitNodes, Fields: c.LimitFields, SchemaNodes: c.LimitSchemaNodes,
		MeasureOnly: c.LimitMeasureOnly,
	}
}

// prepare makes the document of a request ready for the executor, which then finds
// it by Get. It returns the cost of the operation as far as it is known. Strangers
// are asked to sign in before they look at the schema.
func (d *documents) prepare(ctx context.Context, p *graphql.RawParams) (*cost.Cost, gqlerror.List) {
	doc, valid := d.kept.Get(p.Query)
	if !valid {
		parsed, err := d.limits.Parse(p.Query)
		if err != nil {
			return nil, gqlerror.List{asParseError(err)}
		}
		doc = &document{ast: parsed, shape: d.meter.Measure(parsed)}
	}
	c := doc.shape.Cost(p.OperationName, p.Variables)
	if refused := d.limits.Check(c); refused != nil {
		if actor.From(ctx) == nil { // strangers are not told how far they may go
			delete(refused.Params, "limit")
			delete(refused.Params, "actual")
		}
		return &c, gqlerror.List{{Err: refused}}
	}
	if c.SchemaDepth > 0 && !d.open && actor.From(ctx) == nil {
		return &c, gqlerror.List{{Err: actor.NotSignedIn(ctx)}}
	}
	if !valid {
		// Which name of the schema is most like one of 200 KB takes long to find out.
		told := (d.open || actor.From(ctx) != nil) && len(p.Query) <= keptSize
		if errs := d.validate(doc.ast, told); len(errs) > 0 {
			return &c, errs
		}
		if len(p.Query) <= keptSize {
			d.kept.Add(p.Query, doc)
		}
	}
	op := doc.ast.Operations.ForName(p.OperationName)
	if op == nil {
		return &c, gqlerror.List{{Err: apperr.New(apperr.OperationResolution)}}
	}
	for _, v := range op.VariableDefinitions {
		if e := d.unknownEnum(v.Type, p.Variables[v.Variable], ast.Path{ast.PathName("variable"), ast.PathName(v.Variable)}); e != nil {
			return &c, gqlerror.List{e}
		}
	}
	seenFrom(ctx).document = doc
	return &c, nil
}

// unknownEnum refuses a value that is none of its enum. The engine takes one in
// another case for a match, which nothing behind it does.
func (d *documents) unknownEnum(t *ast.Type, v any, at ast.Path) *gqlerror.Error {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if t.Elem != nil {
				if e := d.unknownEnum(t.Elem, e, append(at, ast.PathIndex(i))); e != nil {
					return e
				}
			}
		}
	case map[string]any:
		def := d.schema.Types[t.Name()]
		for name, e := range v {
			if f := def.Fields.ForName(name); f != nil {
				if e := d.unknownEnum(f.Type, e, append(at, ast.PathName(name))); e != nil {
					return e
				}
			}
		}
	case string:
		if def := d.schema.Types[t.Name()]; def.Kind == ast.Enum && def.EnumValues.ForName(v) == nil {
			return &gqlerror.Error{Path: slices.Clone(at), Err: apperr.New(apperr.BadUserInput, "reason", def.Name)}
		}
	}
	return nil
}

// over names the measure by which a document is too expensive, whether or not it is
// refused for it; empty if none. The log keeps it, so that limits can be tried out.
func (d *documents) over(c *cost.Cost) string {
	if c == nil {
		return ""
	}
	if e := d.limits.Over(*c); e != nil {
		measure, _ := e.Params["measure"].(string)
		return measure
	}
	return ""
}

func asParseError(err error) *gqlerror.Error {
	if refused, ok := errors.AsType[*apperr.Error](err); ok {
		return &gqlerror.Error{Err: refused}
	}
	located, ok := errors.AsType[*gqlerror.Error](err)
	if !ok {
		located = gqlerror.Wrap(err)
	}
	errcode.Set(located, errcode.ParseFailed)
	return located
}

// hints are the rules whose messages suggest names of the schema, each with the one
// that does not.
var hints = []struct{ with, without core.Rule }{
	{rules.FieldsOnCorrectTypeRule, rules.FieldsOnCorrectTypeRuleWithoutSuggestions},
	{rules.ScalarLeafsRule, rules.ScalarLeafsRuleWithoutSuggestions},
	{rules.KnownTypeNamesRule, rules.KnownTypeNamesRuleWithoutSuggestions},
	{rules.KnownArgumentNamesRule, rules.KnownArgumentNamesRuleWithoutSuggestions},
	{rules.ValuesOfCorrectTypeRule, rules.ValuesOfCorrectTypeRuleWithoutSuggestions},
}

// maxFaults is how many faults of a document are told.
const maxFaults = 20

func (d *documents) validate(doc *ast.QueryDocument, withHints bool) gqlerror.List {
	if len(doc.Operations) == 0 {
		return gqlerror.List{{Err: apperr.New(apperr.OperationResolution)}}
	}
	r := rules.NewDefaultRules()
	if !withHints {
		for _, hinting := range hints {
			r.RemoveRule(hinting.with.Name)
			r.AddRule(hinting.without.Name, hinting.without.RuleFunc)
		}
	}
	errs := validator.ValidateWithRules(d.schema, doc, r)
	for _, e := range errs {
		errcode.Set(e, errcode.ValidationFailed)
	}
	return errs[:min(len(errs), maxFaults)]
}

// Get hands a prepared document to the executor.
func (*documents) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc := seenFrom(ctx).document
	if doc == nil {
		return nil, false
	}
	return doc.ast, true
}

// Add is never needed: what the executor runs was prepared.
func (*documents) Add(context.Context, string, *ast.QueryDocument) {}
