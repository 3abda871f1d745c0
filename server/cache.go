package server

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"aliaport/internal/cache"
)

func (s *Server) newCache() (*cache.Cache, error) {
	o := cache.Options{
		Mode: cache.Mode(strings.ToUpper(s.config.Cache)), MaxBytes: s.config.CacheBytes, Redis: s.redis, LoadTimeout: s.config.RequestTimeout, Log: s.log,
		TTL: map[cache.Name]time.Duration{
			cache.Parameters.Name: s.config.CacheTTLParameters, cache.Rates.Name: s.config.CacheTTLRates, cache.Tariffs.Name: s.config.CacheTTLTariffs,
			cache.Services.Name: s.config.CacheTTLServices, cache.Customers.Name: s.config.CacheTTLCustomers, cache.Rights.Name: s.config.CacheTTLRights,
			cache.Trail.Name: s.config.CacheTTLTrail,
		},
	}
	if s.tracing != nil {
		o.Watch = s.tracing.lookUp
	}
	c, err := cache.New(s.db, o)
	if err != nil {
		return nil, err
	}
	s.metrics.registry.MustRegister(cacheMetrics{c})
	if s.redis != nil {
		s.metrics.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "aliaport_redis_up", Help: "1 while Redis answers, 0 while it is left alone.",
		}, func() float64 {
			if s.redis.Away() {
				return 0
			}
			return 1
		}))
	}
	return c, nil
}

// cacheMetrics shows what the cache counts itself.
type cacheMetrics struct{ cache *cache.Cache }

var (
	cacheHits      = prometheus.NewDesc("aliaport_cache_hits_total", "Answers that the cache had, by where it had them.", []string{"group", "store"}, nil)
	cacheMisses    = prometheus.NewDesc("aliaport_cache_misses_total", "Answers that had to be read from the database.", []string{"group"}, nil)
	cacheFaults    = prometheus.NewDesc("aliaport_cache_faults_total", "Failures of Redis and answers that could not be read.", []string{"group"}, nil)
	cacheEvictions = prometheus.NewDesc("aliaport_cache_evictions_total", "Answers that left the process for want of room or because of their age.", nil, nil)
	cacheEntries   = prometheus.NewDesc("aliaport_cache_entries", "Answers in this process.", nil, nil)
	cacheBytes     = prometheus.NewDesc("aliaport_cache_bytes", "Size of the answers in this process.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m cacheMetrics) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, to) }

// Collect implements prometheus.Collector.
func (m cacheMetrics) Collect(to chan<- prometheus.Metric) {
	s := m.cache.Stats()
	counter := func(d *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	for _, n := range s.Namespaces {
		group := strings.ToLower(string(n.Name))
		counter(cacheHits, n.MemoryHits, group, "memory")
		counter(cacheHits, n.RedisHits, group, "redis")
		counter(cacheMisses, n.Misses, group)
		counter(cacheFaults, n.Faults, group)
	}
	counter(cacheEvictions, s.Evictions)
	to <- prometheus.MustNewConstMetric(cacheEntries, prometheus.GaugeValue, float64(s.Entries))
	to <- prometheus.MustNewConstMetric(cacheBytes, prometheus.GaugeValue, float64(s.Bytes))
}
