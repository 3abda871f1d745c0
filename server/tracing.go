package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"aliaport/graph"
	"aliaport/internal/actor"
	"aliaport/internal/cache"
	"aliaport/internal/config"
	"aliaport/internal/store"
)

const (
	// maxFieldSpans bounds the spans of one operation's fields; what they did stays
	// visible as statements below the field above.
	maxFieldSpans = 500
	// exportTimeout is how long the collector may take, also when the server stops.
	exportTimeout = 5 * time.Second
	// exportWarnEvery is how often the log tells of a collector that takes nothing.
	exportWarnEvery = time.Minute
	otlpPath        = "/v1/traces"
)

// tracing sends spans to a collector: request, operation, fields with a resolver, SQL
// statements and look-ups in the cache. It is nil when traces are off. Attributes hold
// what the program wrote itself: no arguments, users, addresses.
type tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	proxies  proxies
	names    map[string]bool // of operations that may be shown
}

// newTracing is nil unless a collector is set.
func newTracing(c *config.Config, version string, p proxies, names map[string]bool, log *slog.Logger) (*tracing, error) {
	if c.OTELEndpoint == "" {
		return nil, nil //nolint:nilnil // traces are off
	}
	u, err := url.Parse(c.OTELEndpoint)
	if err != nil {
		return nil, fmt.Errorf("address of the collector: %w", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = otlpPath
	}
	// Nothing is asked for yet: the client connects with the first export.
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(u.String()), otlptracehttp.WithTimeout(exportTimeout), //nolint:forbidigo // as said
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	const percent = 100
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&patient{SpanExporter: exporter, log: log}), // drops what it cannot send; requests never wait for it
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(float64(c.OTELPercent)/percent))),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "aliaport"), attribute.String("service.version", version))),
	)
	return &tracing{provider: provider, tracer: provider.Tracer("aliaport"), proxies: p, names: names}, nil
}

// patient keeps a collector that is away out of everybody's way.
type patient struct {
	sdktrace.SpanExporter

	log    *slog.Logger
	mu     sync.Mutex // protects warned
	warned time.Time
}

// ExportSpans sends spans, or says now and then that it cannot.
func (p *patient) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := p.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.warned) > exportWarnEvery { //nolint:forbidigo // measures a duration
		p.warned = now
		p.log.WarnContext(ctx, "traces not sent", "spans", len(spans), "err", err)
	}
	return nil
}

// close sends what waits.
func (t *tracing) close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exportTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // patient has said so if it could not
}

// traced is what a request's spans share.
type traced struct {
	of        *tracing
	operation trace.Span // nil before it begins
	fields    atomic.Int64
	mu        sync.Mutex // protects spans
	spans     map[*graphql.FieldContext]trace.Span
}

type tracedKey struct{}

// tracedFrom is nil for requests that are not traced by t.
func (t *tracing) tracedFrom(ctx context.Context) *traced {
	r, _ := ctx.Value(tracedKey{}).(*traced)
	if r == nil || r.of != t {
		return nil
	}
	return r
}

// requests makes the span of a request to the route. A client's traceparent is taken
// from trusted proxies only: others could have every request traced.
func (t *tracing) requests(route string, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && t.proxies.trust(host) {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		method := methodLabel(r.Method)
		ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		if !span.IsRecording() {
			next.ServeHTTP(w, r.WithContext(ctx))
			return
		}
		span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
			attribute.String("aliaport.request_id", actor.RequestFrom(ctx).ID))
		seenFrom(ctx).trace = span.SpanContext().TraceID().String()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r.WithContext(context.WithValue(ctx, tracedKey{}, &traced{of: t, spans: map[*graphql.FieldContext]trace.Span{}})))
		span.SetAttributes(attribute.Int("http.response.status_code", rec.status))
		if rec.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	})
}

var (
	_ graphql.ResponseInterceptor = (*tracing)(nil)
	_ graphql.FieldInterceptor    = (*tracing)(nil)
)

// ExtensionName names the extension.
func (*tracing) ExtensionName() string { return "Tracing" }

// Validate accepts every schema.
func (*tracing) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptResponse makes the span of an operation.
func (t *tracing) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	r := t.tracedFrom(ctx)
	if r == nil || !graphql.HasOperationContext(ctx) || graphql.GetOperationContext(ctx).Operation == nil {
		return next(ctx)
	}
	o := graphql.GetOperationContext(ctx).Operation
	name := string(o.Operation)
	if t.names[o.Name] {
		name += " " + o.Name
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attribute.String("graphql.operation.type", string(o.Operation))))
	defer span.End()
	r.operation = span
	resp := next(graph.WatchLevels(ctx, t.level))
	if n := r.fields.Load(); n > maxFieldSpans {
		span.SetAttributes(attribute.Int64("aliaport.fields_left_out", n-maxFieldSpans))
	}
	if resp != nil && len(resp.Errors) > 0 {
		code := string(codeOf(resp.Errors[0]))
		span.SetAttributes(attribute.String("aliaport.code", code), attribute.Int("aliaport.errors", len(resp.Errors)))
		span.SetStatus(codes.Error, code)
	}
	return resp
}

// level makes the span of rows that are read ahead for a field of all rows of a level.
func (t *tracing) level(ctx context.Context, field string) (context.Context, func()) {
	r := t.tracedFrom(ctx)
	if r == nil || r.fields.Add(1) > maxFieldSpans {
		return ctx, func() {}
	}
	ctx, span := t.tracer.Start(r.parent(ctx), field)
	return ctx, func() { span.End() }
}

// InterceptField makes the span of a field that has a resolver.
func (t *tracing) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	r := t.tracedFrom(ctx)
	if r == nil {
		return next(ctx)
	}
	f := graphql.GetFieldContext(ctx)
	if !f.IsResolver || strings.HasPrefix(f.Field.Name, "__") || r.fields.Add(1) > maxFieldSpans {
		return next(ctx)
	}
	ctx, span := t.tracer.Start(r.parent(ctx), f.Field.ObjectDefinition.Name+"."+f.Field.Name, trace.WithAttributes(attribute.String("graphql.field.path", f.Path().String())))
	defer span.End()
	r.mu.Lock()
	r.spans[f] = span
	r.mu.Unlock()
	v, err := next(ctx)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return v, err
}

// parent is the context with the span of the nearest field above that has one. The
// engine gives the fields below a row the operation's context, not that of the row.
func (r *traced) parent(ctx context.Context) context.Context {
	if r.operation == nil || trace.SpanFromContext(ctx) != r.operation {
		return ctx
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for f := graphql.GetFieldContext(ctx); f != nil; f = f.Parent {
		if span, found := r.spans[f]; found {
			return trace.ContextWithSpan(ctx, span)
		}
	}
	return ctx
}

// statement makes the span of an SQL statement that has ended.
func (t *tracing) statement(ctx context.Context, d store.Done) {
	r := t.tracedFrom(ctx)
	if r == nil {
		return
	}
	attrs := []attribute.KeyValue{attribute.String("db.query.text", d.Text), attribute.Int64("aliaport.rows", d.Rows)}
	if graphql.HasOperationContext(ctx) {
		attrs = append(attrs, attribute.String("aliaport.field", graph.Cause(ctx)))
	}
	_, span := t.tracer.Start(r.parent(ctx), "SQL "+kindOf(d.Text), trace.WithTimestamp(d.Started), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	if d.Err != nil { // its words may quote a value
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(d.Started.Add(d.Took)))
}

// lookUp makes the span of a look-up in the cache.
func (t *tracing) lookUp(ctx context.Context, ns cache.Name) (context.Context, func(result string, missing int)) {
	r := t.tracedFrom(ctx)
	if r == nil {
		return ctx, nil
	}
	ctx, span := t.tracer.Start(r.parent(ctx), "cache "+strings.ToLower(string(ns)))
	return ctx, func(result string, missing int) {
		span.SetAttributes(attribute.String("aliaport.cache.result", result), attribute.Int("aliaport.cache.missing", missing))
		span.End()
	}
}
