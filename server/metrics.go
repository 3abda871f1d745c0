package server

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"aliaport/internal/audit"
	"aliaport/internal/store"
)

// metrics are what /metrics shows. Label values come from closed sets only: a
// client must not be able to make new series.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	operations *prometheus.CounterVec
	statements *prometheus.HistogramVec
	limited    *prometheus.CounterVec
}

func newMetrics(db *store.DB) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_http_requests_total", Help: "HTTP requests by method and status.",
		}, []string{"method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aliaport_http_request_duration_seconds", Help: "Time to answer HTTP requests.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .4, .6, 1, 2.5, 5, 10},
		}, []string{"method"}),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_graphql_operations_total", Help: "GraphQL operations by type and code of the first error.",
		}, []string{"type", "code"}),
		statements: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "aliaport_graphql_statements", Help: "SQL statements of one GraphQL operation.",
			Buckets: []float64{0, 1, 2, 3, 5, 8, 13, 21, 50},
		}, []string{"type"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "aliaport_rate_limited_total", Help: "What a limit refused, or would refuse if it did more than measure.",
		}, []string{"policy"}),
	}
	m.registry.MustRegister(m.requests, m.durations, m.operations, m.statements, m.limited,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewDBStatsCollector(db.Writer(), "writer"))
	if db.Reader() != db.Writer() {
		m.registry.MustRegister(collectors.NewDBStatsCollector(db.Reader(), "reader"))
	}
	return m
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

func (m *metrics) request(method string, status int, took time.Duration) {
	switch method {
	case "GET", "POST", "HEAD", "OPTIONS":
	default:
		method = "other"
	}
	m.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(method).Observe(took.Seconds())
}

func (m *metrics) operation(o outcome, statements int) {
	kind := o.kind
	if kind == "" {
		kind = "none"
	}
	m.operations.WithLabelValues(kind, o.code).Inc()
	m.statements.WithLabelValues(kind).Observe(float64(statements))
}
