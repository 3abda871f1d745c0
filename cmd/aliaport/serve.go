package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/gate"
	"aliaport/internal/migrate"
	"aliaport/internal/parameter"
	"aliaport/internal/readonly"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/server"
)

func newServeCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server until SIGINT or SIGTERM; requests that run then are finished. Logs go to stderr, or to
ALIAPORT_LOG_FILE.

On SQLite pending migrations are applied at start. On PostgreSQL the server only checks and says what is missing
unless --migrate is given. The first start makes an administrator and prints the password if it had to make one.

` + exitCodes,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, faults := config.Load(a.environ, config.Given(cmd.Flags()))
			if err := append(faults, cfg.ServingFaults()...).OrNil(); err != nil {
				return err
			}
			return a.serve(cmd.Context(), cfg)
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

func (a *app) serve(ctx context.Context, cfg *config.Config) (err error) {
	log, closer, err := a.serverLogger(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	collect(cfg)
	for _, name := range config.Unknown(a.environ) {
		log.WarnContext(ctx, "environment variable is no setting", "name", name)
	}
	db, err := store.Open(ctx, cfg.DatabaseURL.Reveal(), storeOptions(cfg, log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := a.prepareSchema(ctx, cfg, db, log); err != nil {
		return err
	}
	if err := cfg.EnsureJWTKey(); err != nil {
		return err
	}
	srv, err := server.New(server.Deps{Config: cfg, DB: db, Log: log, Version: thisBuild().Version})
	if err != nil {
		return err
	}
	state, err := readonly.Get(ctx, db)
	if err != nil {
		return err
	}
	if state.On { // what is missing is added by the chores
		log.WarnContext(ctx, "the database is read only: nothing is prepared", "since", state.Since, "reason", state.Reason)
	} else if err := a.prepareData(ctx, cfg, db, srv.Users()); err != nil {
		return err
	}
	return a.listen(ctx, cfg, srv, log)
}

// prepareSchema applies the migrations, or says which are missing.
func (*app) prepareSchema(ctx context.Context, cfg *config.Config, db *store.DB, log *slog.Logger) error {
	o := migrate.Options{Operator: operator(), Logger: log}
	state, err := readonly.GetAnyway(ctx, db)
	if err != nil {
		return err
	}
	if (cfg.IsSQLite() || cfg.Migrate) && !state.On {
		_, err := migrate.Up(ctx, db.Writer(), db.Dialect(), o)
		return misfit(err)
	}
	return misfit(migrate.Check(ctx, db.Reader(), db.Dialect(), o))
}

// prepareData sees to the rights, the known parameters, the checklists of the gate,
// the first administrator and demo data.
func (a *app) prepareData(ctx context.Context, cfg *config.Config, db *store.DB, users *user.Service) error {
	if err := again(func() error { return users.EnsureRights(ctx) }); err != nil {
		return err
	}
	if err := parameter.Ensure(ctx, db, calendar.Now()); err != nil {
		return err
	}
	if err := gate.EnsureChecklist(ctx, db, calendar.Now()); err != nil {
		return err
	}
	password := ""
	err := again(func() (err error) {
		password, err = users.EnsureAdmin(ctx, cfg.AdminEmail, cfg.AdminPassword.Reveal())
		return err
	})
	if err != nil {
		return err
	}
	if password != "" {
		fmt.Fprintf(a.stdout, "First administrator: %s\nPassword, shown only now: %s\n", cfg.AdminEmail, password)
	}
	if !cfg.Demo {
		return nil
	}
	r, err := seed.Demo(ctx, db, users, time.Now())
	if err != nil {
		return err
	}
	if r.WorkOrders > 0 {
		fmt.Fprintf(a.stdout, "Demo data: %d work orders, %d customers, %d services, %d motorboats with %d trips\n", r.WorkOrders, r.Cari, r.Services, r.Motorbots, r.Trips)
	}
	return nil
}

// again runs f a second time when another server that starts was faster: what it
// did is there then.
func again(f func() error) error {
	err := f()
	if store.Classify(err).Kind == store.Unique {
		return f()
	}
	return err
}

// listen runs the server and prints the way in once it takes requests.
// collect tells the garbage collector how to weigh memory against time. The variables
// of the runtime go before ours.
func collect(cfg *config.Config) {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(cfg.GCPercent)
	}
	if _, set := os.LookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(cfg.MemoryTarget)
	}
}

func (a *app) listen(ctx context.Context, cfg *config.Config, srv *server.Server, log *slog.Logger) error {
	return srv.Run(ctx, func(address string) {
		link, err := playgroundLink(ctx, cfg, address, srv.Users())
		if err != nil {
			log.WarnContext(ctx, "no link that signs in", "err", err)
		}
		fmt.Fprintln(a.stdout, link)
	})
}

// playgroundLink is what to open first. In a demo it signs in.
func playgroundLink(ctx context.Context, cfg *config.Config, address string, users *user.Service) (string, error) {
	base := "http://" + reachable(address)
	if cfg.TLSCert != "" {
		base = "https://" + reachable(address)
	}
	switch {
	case !cfg.PlaygroundEnabled:
		return "API: " + base + "/graphql", nil
	case !cfg.Demo:
		return "Playground: " + base + "/playground", nil
	}
	token, err := users.DemoToken(ctx, cfg.AdminEmail)
	if err != nil {
		return "Playground: " + base + "/playground", err
	}
	return "Playground, signed in as " + cfg.AdminEmail + ":\n\n  " + base + "/playground#token=" + token + "\n", nil
}

// reachable is an address that we listen on as a browser on this machine can open it.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
