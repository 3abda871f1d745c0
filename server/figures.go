package server

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"aliaport/internal/actor"
	"aliaport/internal/dashboard"
	"aliaport/internal/notification"
	"aliaport/internal/store"
)

const (
	// figuresKept is for how long they are not read again, however often they are asked for.
	figuresKept = 5 * time.Second
	// figuresTimeout is how long the database may take; the other metrics wait for it.
	figuresTimeout = 2 * time.Second
)

// figures show how the port stands. They are read when metrics are.
type figures struct {
	panel *dashboard.Service
	db    *store.DB
	now   func() time.Time
	log   *slog.Logger

	mu   sync.Mutex // protects all fields below, and lets one read at a time
	at   time.Time
	kept dashboard.Figures
	mail map[string]int // notifications that wait
	err  error
}

var (
	figuresUp     = prometheus.NewDesc("aliaport_figures_up", "1 when the figures of the port could be read, 0 when they are missing here.", nil, nil)
	workOrders    = prometheus.NewDesc("aliaport_work_orders", "Work orders by status.", []string{"status"}, nil)
	gateOpen      = prometheus.NewDesc("aliaport_gate_open_entries", "Persons and vehicles that entered and have not left.", nil, nil)
	tripsUnderway = prometheus.NewDesc("aliaport_trips_underway", "Boats at sea.", nil, nil)
	waiting       = prometheus.NewDesc("aliaport_notifications_pending", "Messages that wait to leave the house, by channel.", []string{"channel"}, nil)
	bulletinAge   = prometheus.NewDesc("aliaport_rate_bulletin_age_seconds", "Time since the day of the newest rate bulletin began, in Istanbul; missing when there is none.", nil, nil)
)

// Describe implements prometheus.Collector.
func (*figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{figuresUp, workOrders, gateOpen, tripsUnderway, waiting, bulletinAge} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	read, err := f.read()
	if err != nil {
		gauge(figuresUp, 0)
		return
	}
	gauge(figuresUp, 1)
	for _, c := range read.WorkOrders {
		gauge(workOrders, float64(c.Count), string(c.Status))
	}
	gauge(gateOpen, float64(read.InsideGate))
	for channel, n := range f.mail {
		gauge(waiting, float64(n), channel)
	}
	gauge(tripsUnderway, float64(read.TripsUnderway))
	if read.Bulletin != nil {
		gauge(bulletinAge, f.now().Sub(read.Bulletin.Start()).Seconds())
	}
}

// read asks the database, but not again and again; a failure is kept as well.
func (f *figures) read() (dashboard.Figures, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if age := now.Sub(f.at); !f.at.IsZero() && age >= 0 && age < figuresKept {
		return f.kept, f.err
	}
	ctx, cancel := context.WithTimeout(actor.With(context.Background(), actor.System("metrics")), figuresTimeout) //nolint:forbidigo // nobody asked with one
	defer cancel()
	if f.kept, f.err = f.panel.Figures(ctx); f.err == nil {
		f.mail, f.err = notification.Waiting(ctx, f.db)
	}
	f.at = now
	if f.err != nil {
		f.log.WarnContext(ctx, "figures for the metrics not read", "err", f.err)
	}
	return f.kept, f.err
}
