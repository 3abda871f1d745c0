package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"aliaport/ent/notificationdelivery"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/notification"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
	"aliaport/server/playground"
)

// metrics are what /metrics shows. Label values come from closed sets only: a
// client must not be able to make new series.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	operations *prometheus.CounterVec
	took       *prometheus.HistogramVec
	statements *prometheus.HistogramVec
	batches    prometheus.Histogram
	sql        *prometheus.HistogramVec
	logins     *prometheus.CounterVec
	dropped    prometheus.Counter
	limited    *prometheus.CounterVec
	jobRuns    *prometheus.CounterVec
	jobTook    *prometheus.HistogramVec
	jobRows    *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	written    *prometheus.CounterVec
	names      map[string]bool // of operations that may be labels
}

// latencies are bounds that have those of the targets among them: 0.2, 0.3, 0.4 and 1.
var latencies = []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .4, .6, 1, 2.5, 5, 10}

func newMetrics(db *store.DB, version string) (*metrics, error) {
	names, err := wellKnown()
	if err != nil {
		return nil, err
	}
	m := &metrics{
		names:    names,
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_http_requests_total", Help: "HTTP requests by method and status.",
		}, []string{"method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aliaport_http_request_duration_seconds", Help: "Time to answer HTTP requests.",
			Buckets: latencies,
		}, []string{"method"}),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_graphql_operations_total", Help: "GraphQL operations by type, code of the first error, and name where it is a known one.",
		}, []string{"operation", "type", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aliaport_graphql_operation_duration_seconds", Help: "Time of GraphQL operations from the document to the answer, by type and known name.",
			Buckets: latencies,
		}, []string{"operation", "type"}),
		statements: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aliaport_graphql_statements", Help: "SQL statements of one GraphQL operation.",
			Buckets: []float64{0, 1, 2, 3, 5, 8, 13, 21, 50},
		}, []string{"type"}),
		written: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_graphql_fields_written_total", Help: "Fields of queries that compiled writers could write, by who did: they, or the engine because of an error below.",
		}, []string{"by"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "aliaport_graphql_resolver_batch_size", Help: "Keys that were read together for nested fields.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500},
		}),
		sql: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aliaport_db_query_duration_seconds", Help: "Time of SQL statements, to their last row, by kind.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .2, .5, 1, 5, 30},
		}, []string{"kind"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_login_total", Help: "Sign-ins with a password by how they ended.",
		}, []string{"result"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "aliaport_audit_dropped_total", Help: "Lines of the trail about failed attempts that could not be written. Changes never lack theirs.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_rate_limited_total", Help: "What a limit refused, or would refuse if it did more than measure.",
		}, []string{"policy"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_notification_deliveries_total", Help: "Tries to deliver notifications by channel and how they ended: sent, retry or failed, which is for good.",
		}, []string{"channel", "result"}),
	}
	m.jobRuns = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "aliaport_job_runs_total", Help: "Attempts of jobs that ended on this server, by how.",
	}, []string{"job", "state"})
	m.jobTook = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "aliaport_job_duration_seconds", Help: "Time of attempts of jobs.", Buckets: []float64{.01, .1, .5, 1, 5, 15, 60, 300, 900, 3600},
	}, []string{"job"})
	m.jobRows = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "aliaport_job_rows_total", Help: "What jobs say they have done: rows, files, messages.",
	}, []string{"job"})
	// Series that alerts look at are there before the first event.
	for _, result := range []string{loginSuccess, loginInvalid, loginLimited, loginError} {
		m.logins.WithLabelValues(result)
	}
	for _, channel := range []notificationdelivery.Channel{notificationdelivery.ChannelEmail, notificationdelivery.ChannelWebhook} {
		for _, result := range []string{notification.ResultSent, notification.ResultRetry, notification.ResultFailed} {
			m.deliveries.WithLabelValues(string(channel), result)
		}
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "aliaport_build_info", Help: "1; the label tells which version runs.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.durations, m.operations, m.took, m.statements, m.batches, m.sql, m.logins, m.dropped, m.limited, m.deliveries, m.written, m.jobRuns, m.jobTook, m.jobRows, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(db.Writer(), "writer"))
	if db.Reader() != db.Writer() {
		m.registry.MustRegister(collectors.NewDBStatsCollector(db.Reader(), "reader"))
	}
	db.Watch(m.statement)
	return m, nil
}

// wellKnown are the names of the operations that the playground offers. Clients choose
// names, so others are no labels.
func wellKnown() (map[string]bool, error) {
	examples, err := playground.Examples()
	if err != nil {
		return nil, fmt.Errorf("names of operations: %w", err)
	}
	names := map[string]bool{}
	for _, e := range examples {
		doc, err := parser.ParseQuery(&ast.Source{Name: e.Name, Input: e.Query})
		if err != nil {
			return nil, fmt.Errorf("names of operations: %w", err)
		}
		for _, o := range doc.Operations {
			names[o.Name] = true
		}
	}
	delete(names, "")
	return names, nil
}

// lookTimeout is how long the database may take to tell its state.
const lookTimeout = time.Second

// readOnly shows whether the database refuses writes; the last known when it does not
// tell.
func (m *metrics) readOnly(db *store.DB) {
	var last atomic.Bool
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "aliaport_read_only", Help: "1 while the database refuses writes (aliaport readonly).",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), lookTimeout) //nolint:forbidigo // the library has none to pass on
		defer cancel()
		if state, err := readonly.Get(ctx, db); err == nil {
			last.Store(state.On)
		}
		if last.Load() {
			return 1
		}
		return 0
	}))
}

// reads shows how the writer of recorded reads keeps up.
func (m *metrics) reads(r *audit.Reads) {
	gauge := func(name, help string, value func() int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	counter := func(name, help string, value func() int) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	gauge("aliaport_audit_reads_waiting", "Recorded reads that are not written yet.", r.Waiting)
	gauge("aliaport_audit_reads_limit", "Recorded reads that may wait; then readers do.", func() int { return r.Queue })
	counter("aliaport_audit_reads_written_total", "Recorded reads that were written.", r.Written)
	counter("aliaport_audit_reads_blocked_total", "Readers that had to wait for the writer of recorded reads.", r.Waited)
	counter("aliaport_audit_reads_failures_total", "Attempts at writing recorded reads that failed and were repeated.", r.Failures)
}

// methodLabel is the method if it is a well-known one.
func methodLabel(method string) string {
	switch method {
	case "GET", "POST", "HEAD", "OPTIONS":
		return method
	}
	return "other"
}

func (m *metrics) request(method string, status int, took time.Duration) {
	method = methodLabel(method)
	m.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(method).Observe(took.Seconds())
}

func (m *metrics) operation(o outcome, statements int) {
	kind := o.kind
	if kind == "" {
		kind = "none"
	}
	name := "other"
	switch {
	case m.names[o.name]:
		name = o.name
	case o.name == "":
		name = "anonymous"
	}
	m.operations.WithLabelValues(name, kind, o.code).Inc()
	if o.took > 0 { // it was looked at
		m.took.WithLabelValues(name, kind).Observe(o.took.Seconds())
	}
	m.statements.WithLabelValues(kind).Observe(float64(statements))
}

// wrote counts who wrote a field.
func (m *metrics) wrote(compiled bool) {
	by := "engine"
	if compiled {
		by = "compiled"
	}
	m.written.WithLabelValues(by).Inc()
}

func (m *metrics) batch(keys int) { m.batches.Observe(float64(keys)) }

// kinds are the statements that are told apart.
var kinds = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "COMMIT"}

// kindOf is the first word of a statement, if it is a well-known one.
func kindOf(text string) string {
	for _, k := range kinds {
		if len(text) >= len(k) && strings.EqualFold(text[:len(k)], k) {
			return k
		}
	}
	return "OTHER"
}

func (m *metrics) statement(_ context.Context, d store.Done) {
	m.sql.WithLabelValues(kindOf(d.Text)).Observe(d.Took.Seconds())
}

// How sign-ins end.
const (
	loginSuccess = "success"
	loginInvalid = "invalid" // e-mail or password
	loginLimited = "limited" // too many lately
	loginError   = "error"   // it could not be found out
)

func (m *metrics) login(err error) {
	result := loginError
	refused, isRefusal := errors.AsType[*apperr.Error](err)
	switch {
	case err == nil:
		result = loginSuccess
	case isRefusal && refused.Code == apperr.InvalidCredentials:
		result = loginInvalid
	case isRefusal && refused.Code == apperr.RateLimited:
		result = loginLimited
	}
	m.logins.WithLabelValues(result).Inc()
}
