// Package server assembles the HTTP server: routes, who is asking, limits, how
// errors look, health, metrics and an orderly end.
package server

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"
	"golang.org/x/sync/errgroup"

	"aliaport/graph"
	"aliaport/graph/gen"
	"aliaport/graph/loader"
	"aliaport/internal/audit"
	"aliaport/internal/audit/archive"
	"aliaport/internal/cache"
	"aliaport/internal/cache/flush"
	"aliaport/internal/calendar"
	"aliaport/internal/cari"
	"aliaport/internal/config"
	"aliaport/internal/dashboard"
	"aliaport/internal/feed/tcmb"
	"aliaport/internal/gate"
	"aliaport/internal/job"
	"aliaport/internal/motorbot"
	"aliaport/internal/notification"
	"aliaport/internal/page"
	"aliaport/internal/parameter"
	"aliaport/internal/person"
	"aliaport/internal/quote"
	"aliaport/internal/rate"
	"aliaport/internal/readonly"
	"aliaport/internal/redis"
	"aliaport/internal/report"
	"aliaport/internal/service"
	"aliaport/internal/store"
	"aliaport/internal/tariff"
	"aliaport/internal/trip"
	"aliaport/internal/user"
	"aliaport/internal/worklog"
	"aliaport/internal/workorder"
	"aliaport/server/playground"
)

// Deps is what a server is made of.
type Deps struct {
	Config  *config.Config
	DB      *store.DB
	Log     *slog.Logger
	Version string
	Now     func() time.Time // calendar.Now when nil
}

// Server serves the API, the playground and, on a second listener, metrics and
// profiles.
type Server struct {
	config   *config.Config
	db       *store.DB
	log      *slog.Logger
	version  string
	now      func() time.Time
	users    *user.Service
	exchange *rate.Service
	archives *archive.Service
	jobs     *job.Service
	reports  *report.Service
	redis    *redis.Server // nil: none
	cache    *cache.Cache
	rates    *rates
	proxies  proxies
	refusals *audit.Tally
	reads    *audit.Reads
	metrics  *metrics
	tracing  *tracing // nil: off
	loaders  loader.Options
	endpoint *endpoint
	outbox   *notification.Outbox
	api      http.Handler
	draining atomic.Bool
}

// New assembles a server; Run starts it.
func New(d Deps) (*Server, error) {
	if d.Now == nil {
		d.Now = calendar.Now
	}
	s := &Server{config: d.Config, db: d.DB, log: d.Log, version: d.Version, now: d.Now}
	var err error
	if s.metrics, err = newMetrics(d.DB, d.Version); err != nil {
		return nil, err
	}
	cursorKey, err := hkdf.Key(sha256.New, []byte(d.Config.JWTKey.Reveal()), nil, "aliaport cursor", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the cursor key: %w", err)
	}
	pages, limits := page.NewCodec(cursorKey), page.Limits{Default: d.Config.PageSizeDefault, Max: d.Config.PageSizeMax}
	s.loaders = loader.Options{Batched: s.metrics.batch, Wait: d.Config.LoaderWait, Capacity: d.Config.LoaderBatch, Pages: pages, PageLimits: limits}
	s.refusals = &audit.Tally{DB: d.DB, Now: s.now, Log: d.Log}
	s.reads = &audit.Reads{
		DB: d.DB, Now: s.now, Log: d.Log, Keep: audit.ReadsKept(d.Config.AuditReads),
		Queue: d.Config.AuditReadQueue, Batch: d.Config.AuditReadBatch, Delay: d.Config.AuditReadDelay,
	}
	s.metrics.reads(s.reads)
	if s.proxies, err = trusted(d.Config.TrustedProxies); err != nil {
		return nil, err
	}
	if s.tracing, err = newTracing(d.Config, d.Version, s.proxies, s.metrics.names, d.Log); err != nil {
		return nil, err
	}
	if s.tracing != nil {
		d.DB.Watch(s.tracing.statement)
	}
	if url := d.Config.RedisURL.Reveal(); url != "" {
		if s.redis, err = redis.New(url, d.Config.RedisTimeout, d.Log); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Config.Redis(), err)
		}
	}
	if s.cache, err = s.newCache(); err != nil {
		return nil, err
	}
	s.loaders.Cache = s.cache
	if s.rates, err = s.newRates(); err != nil {
		return nil, err
	}
	s.users = &user.Service{
		PerAddress: s.rates.address, PerAccount: s.rates.account, LoggedIn: s.metrics.login,
		DB: d.DB, Now: s.now, Cache: s.cache, Hasher: user.NewHasher(), Refusals: s.refusals, Pages: pages, PageLimits: limits,
		Tokens:          &user.Tokens{Key: []byte(d.Config.JWTKey.Reveal()), Lifetime: d.Config.AccessTokenLifetime, Now: s.now},
		RefreshLifetime: d.Config.RefreshTokenLifetime,
	}
	if s.outbox, err = s.newOutbox(); err != nil {
		return nil, err
	}
	resetKey, err := hkdf.Key(sha256.New, []byte(d.Config.JWTKey.Reveal()), nil, "aliaport password reset", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of password resets: %w", err)
	}
	s.users.Resets = user.Resets{
		Mail: s.outbox.Mail != nil, Key: resetKey, Page: d.Config.PasswordResetPage,
		PerAddress: s.rates.resetAddress, PerAccount: s.rates.resetAccount, Tries: s.rates.resetTries,
	}
	bank, err := tcmb.New(tcmb.Options{URL: d.Config.RateSourceURL, Timeout: d.Config.RateSourceTimeout, MaxBytes: d.Config.RateSourceMaxBytes})
	if err != nil {
		return nil, err
	}
	s.exchange = &rate.Service{DB: d.DB, Now: s.now, Cache: s.cache, Pages: pages, PageLimits: limits, Source: bank, Log: d.Log}
	tariffs := &tariff.Service{DB: d.DB, Now: s.now, Cache: s.cache, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL}
	quotes := &quote.Service{DB: d.DB, Now: s.now, Tariffs: tariffs, Rates: s.exchange}
	orders := &workorder.Service{
		DB: d.DB, Now: s.now, Pages: pages, PageLimits: limits,
		AllowSelfApproval: d.Config.AllowSelfApproval, IdempotencyTTL: d.Config.IdempotencyTTL, Quotes: quotes,
	}
	s.archives = &archive.Service{
		DB: d.DB, Now: s.now, Log: d.Log, Dir: d.Config.AuditArchiveDir, Retention: time.Duration(d.Config.AuditRetentionDays) * 24 * time.Hour,
		Pause: archivePause, Pages: pages, PageLimits: limits,
	}
	s.reports = &report.Service{DB: d.DB, Now: s.now, Log: d.Log, Pages: pages, PageLimits: limits}
	if s.jobs, err = s.newJobs(); err != nil {
		return nil, err
	}
	resolver := &graph.Resolver{
		Accounts:   &cari.Service{DB: d.DB, Now: s.now, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL},
		Motorbots:  &motorbot.Service{DB: d.DB, Now: s.now, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL},
		Trips:      &trip.Service{DB: d.DB, Now: s.now, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL, Quotes: quotes},
		Services:   &service.Service{DB: d.DB, Now: s.now, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL},
		Tariffs:    tariffs,
		WorkOrders: orders,
		Persons:    &person.Service{DB: d.DB, Now: s.now, IdempotencyTTL: d.Config.IdempotencyTTL},
		WorkLogs: &worklog.Service{
			DB: d.DB, Now: s.now, Orders: orders, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL,
		},
		Gate: &gate.Service{
			DB: d.DB, Now: s.now, Users: s.users, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL, Quotes: quotes,
		},
		Users: s.users, Limits: graph.Limits{Operations: s.rates.operations, Cost: s.rates.cost, MeasureOnly: d.Config.RateMeasureOnly, Now: s.now},
		Rates:    s.exchange,
		Quotes:   quotes,
		Archives: s.archives, Jobs: s.jobs, Reports: s.reports,
		Trail: &audit.Trail{DB: d.DB, Now: s.now, Cache: s.cache, Pages: pages, PageLimits: limits, Limits: audit.SearchLimits{
			Ranges: d.Config.AuditRanges, Facets: audit.FacetLimits{Rows: d.Config.AuditFacetRows, Window: d.Config.AuditFacetWindow},
		}},
		Cache:      &flush.Service{DB: d.DB, Now: s.now, Cache: s.cache},
		Notes:      &notification.Service{DB: d.DB, Now: s.now, Pages: pages, PageLimits: limits},
		Parameters: &parameter.Service{DB: d.DB, Now: s.now, Cache: s.cache, Pages: pages, PageLimits: limits, IdempotencyTTL: d.Config.IdempotencyTTL},
	}
	resolver.Panel = &dashboard.Service{DB: d.DB, Now: s.now, WorkOrders: resolver.WorkOrders}
	s.metrics.readOnly(s.db)
	s.metrics.registry.MustRegister(&figures{panel: resolver.Panel, db: d.DB, now: s.now, log: s.log})
	if s.endpoint, err = s.graphql(resolver); err != nil {
		return nil, err
	}
	exporter := audit.NewExporter(resolver.Trail, s.now, d.Config.AuditExports)
	if s.api, err = s.routes(s.endpoint, s.export(exporter)); err != nil {
		return nil, err
	}
	return s, nil
}

// Users lets the command make the first administrator.
func (s *Server) Users() *user.Service { return s.users }

// archivePause lets others write between batches of events that leave the table.
const archivePause = 50 * time.Millisecond

// chores does what each server has to do now and then until ctx ends; what one does for
// all is a job.
func (s *Server) chores(ctx context.Context) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	if s.writable(ctx) {
		if err := s.partition(ctx); err != nil {
			s.undone(ctx, "make partitions of the trail", err)
		}
	}
	for {
		select {
		case <-minute.C:
			if s.writable(ctx) {
				s.refusals.Flush()
				s.compact(ctx)
			}
		case <-ctx.Done():
			return
		}
	}
}

// writable tells whether chores have anything to write to. Those that come while the
// database is read only wait.
func (s *Server) writable(ctx context.Context) bool {
	state, err := readonly.Get(ctx, s.db)
	return err == nil && !state.On
}

// undone logs a chore that failed. One that ran into the switch comes again.
func (s *Server) undone(ctx context.Context, chore string, err error) {
	switch {
	case ctx.Err() != nil:
	case store.Classify(err).Kind == store.ReadOnly:
		s.log.InfoContext(ctx, "chore put off: the database is read only", "chore", chore)
	default:
		s.log.WarnContext(ctx, "chore failed", "chore", chore, "err", err)
	}
}

// compact keeps the counts of work orders short on PostgreSQL.
func (s *Server) compact(ctx context.Context) {
	if err := workorder.CompactCounts(ctx, s.db); err != nil {
		s.undone(ctx, "add up counts", err)
	}
}

// graphql makes the endpoint of the API.
func (s *Server) graphql(r *graph.Resolver) (*endpoint, error) {
	schema := gen.NewExecutableSchema(gen.Config{Resolvers: r, Directives: graph.Directives()})
	docs, err := newDocuments(schema.Schema(), s.config)
	if err != nil {
		return nil, fmt.Errorf("keep documents: %w", err)
	}
	exec := executor.New(schema)
	exec.SetQueryCache(docs)
	exec.SetParserTokenLimit(s.config.LimitTokens)
	p := presenter{s.log}
	exec.SetErrorPresenter(p.present)
	exec.SetRecoverFunc(func(ctx context.Context, cause any) error { return p.recovered(ctx, cause) })
	exec.Use(graph.FreshLoaders{})
	exec.Use(graph.ReadOnly{DB: s.db}) // before Attempts: there is nothing to write them to
	exec.Use(graph.Attempts{DB: s.db, Now: s.now, Log: s.log, Denials: s.refusals, Dropped: s.metrics.dropped.Inc})
	exec.Use(graph.Reads{Writer: s.reads})
	exec.Use(introspection{s.config.Introspection})
	exec.Use(profile{s.db})
	exec.Use(costs{})
	if s.tracing != nil {
		exec.Use(s.tracing)
	}
	if s.config.CompiledSelections { // last: the spans of fields enclose what is written for them
		exec.Use(plans{})
		exec.Use(graph.Compiled{Schema: gen.Compiled(schema), Wrote: s.metrics.wrote})
	}
	return &endpoint{exec: exec, documents: docs, rates: s.rates, maxBody: s.config.MaxBodyBytes, presenter: p, done: func(ctx context.Context, o outcome) {
		n := seenFrom(ctx)
		n.operation, n.kind, n.code = o.name, o.kind, o.code
		s.metrics.operation(o, store.StatsFrom(ctx).Count())
	}}, nil
}

func (s *Server) routes(api, export http.Handler) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/graphql", s.tracing.requests("/graphql", hardened(s.loading(s.authenticated(api)))))
	mux.Handle("GET /audit/export", s.tracing.requests("/audit/export", hardened(s.authenticated(export))))
	mux.Handle("GET /healthz", hardened(http.HandlerFunc(s.healthz)))
	mux.Handle("GET /readyz", hardened(http.HandlerFunc(s.readyz)))
	if s.config.PlaygroundEnabled {
		pg, err := playground.Handler("/graphql")
		if err != nil {
			return nil, fmt.Errorf("playground: %w", err)
		}
		mux.Handle("/playground", pg)
		mux.Handle("/playground/", pg)
	}
	// Tokens travel in a header, never in cookies, so no page of a foreign origin can
	// act for a user; the listed ones may read answers.
	shared := cors.New(cors.Options{
		AllowedOrigins: s.config.CORSOrigins, AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Accept-Language", requestIDHeader, profileHeader},
		ExposedHeaders: []string{requestIDHeader, "Retry-After", "Content-Disposition"}, MaxAge: 600,
	})
	if len(s.config.CORSOrigins) == 0 { // the library takes an empty list for everybody
		return s.parting(s.identified(s.logged(mux))), nil
	}
	return s.parting(s.identified(s.logged(shared.Handler(mux)))), nil
}

// Handler answers requests as the running server does.
func (s *Server) Handler() http.Handler { return s.api }

// AdminHandler serves metrics and profiles. It asks for no password and belongs on
// a loopback address.
func (s *Server) AdminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	// Sampling these costs every lock and channel something, so it goes on only meanwhile.
	mux.Handle("/debug/pprof/block", sampled(pprof.Handler("block"), runtime.SetBlockProfileRate, blockRate))
	mux.Handle("/debug/pprof/mutex", sampled(pprof.Handler("mutex"), func(rate int) { runtime.SetMutexProfileFraction(rate) }, mutexFraction))
	return mux
}

// How much is sampled while somebody looks: a wait of 10 µs on average, one lock in 100.
const (
	blockRate     = 10_000
	mutexFraction = 100
)

// sampled turns the sampling on while a profile is taken.
func sampled(profile http.Handler, set func(rate int), rate int) http.Handler {
	var looking sync.Mutex // one at a time: the first to finish would turn it off for the other
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		looking.Lock()
		defer looking.Unlock()
		set(rate)
		defer set(0)
		profile.ServeHTTP(w, r)
	})
}

// Run listens until ctx ends, goes on for the configured delay while it says that it is
// stopping, and then lets running requests finish, for at most the configured time.
// Once requests are taken it calls listening, unless that is nil,
// with the address of the API.
func (s *Server) Run(ctx context.Context, listening func(address string)) error {
	api := &http.Server{
		Addr: s.config.Listen, Handler: s.api, ReadHeaderTimeout: s.config.ReadHeaderTimeout, ReadTimeout: s.config.ReadTimeout,
		WriteTimeout: s.config.WriteTimeout, IdleTimeout: s.config.IdleTimeout, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	// A profile takes as long as it is asked to.
	admin := &http.Server{Addr: s.config.AdminListen, Handler: s.AdminHandler(), ReadHeaderTimeout: s.config.ReadHeaderTimeout}
	g, running := errgroup.WithContext(ctx)
	for _, srv := range []*http.Server{api, admin} {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", srv.Addr)
		if err != nil {
			return errors.Join(fmt.Errorf("listen on %s: %w", srv.Addr, err), api.Close(), admin.Close())
		}
		srv.Addr = l.Addr().String() // with the port that 0 stands for
		serve := srv.Serve
		if srv == api && s.config.TLSCert != "" {
			serve = func(l net.Listener) error { return srv.ServeTLS(l, s.config.TLSCert, s.config.TLSKey) }
		}
		g.Go(func() error {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve on %s: %w", srv.Addr, err)
			}
			return nil
		})
	}
	s.log.InfoContext(ctx, "listening", "api", api.Addr, "admin", admin.Addr, "version", s.version)
	if listening != nil {
		listening(api.Addr)
	}
	if s.config.Jobs {
		if s.writable(ctx) {
			if err := s.jobs.Start(running); err != nil {
				return errors.Join(err, api.Close(), admin.Close())
			}
		} else {
			g.Go(func() error { return s.startJobsLater(running) })
		}
	}
	idle := make(chan struct{})
	go func() { // not of the group: a database that hangs must not hold up the end
		defer close(idle)
		var both sync.WaitGroup
		both.Go(func() { s.outbox.Run(running) })
		s.chores(running)
		both.Wait()
	}()
	g.Go(func() error {
		<-running.Done()
		s.draining.Store(true)
		s.log.InfoContext(ctx, "stopping", "delay", s.config.ShutdownDelay, "grace", s.config.ShutdownTimeout)
		if ctx.Err() != nil { // else a listener has failed, and nobody is served any more
			time.Sleep(s.config.ShutdownDelay)
		}
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownTimeout)
		defer cancel()
		defer s.cache.Close()
		defer s.tracing.close(ctx)
		defer s.flush(ctx)
		resting := make(chan struct{})
		go func() {
			defer close(resting)
			s.stopJobs(stop)
		}()
		if err := api.Shutdown(stop); err != nil {
			return errors.Join(fmt.Errorf("requests still ran after %s: %w", s.config.ShutdownTimeout, err), api.Close(), admin.Close())
		}
		for _, end := range []chan struct{}{idle, resting} {
			select {
			case <-end:
			case <-stop.Done():
			}
		}
		return admin.Close()
	})
	return g.Wait()
}

// startJobsLater starts the jobs when the database takes writes.
func (s *Server) startJobsLater(ctx context.Context) error {
	s.log.WarnContext(ctx, "jobs wait: the database takes no writes")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !s.writable(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	return s.jobs.Start(ctx)
}

// stopJobs lets jobs run for half of the time that is left, and then gives them back.
func (s *Server) stopJobs(ctx context.Context) {
	if !s.config.Jobs {
		return
	}
	soft, cancel := context.WithTimeout(ctx, s.config.ShutdownTimeout/2)
	defer cancel()
	if err := s.jobs.Stop(soft, ctx); err != nil {
		s.log.WarnContext(ctx, "jobs not stopped", "err", err)
	}
}

// flushTime is how long the trail may take to get its last lines when the server stops.
const flushTime = 10 * time.Second

// flush writes the lines of the trail that wait.
func (s *Server) flush(ctx context.Context) {
	s.refusals.Flush()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	s.reads.Flush(ctx)
}
