package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/spf13/cobra"

	"aliaport/graph/walk"
	"aliaport/internal/actor"
	"aliaport/internal/config"
	"aliaport/internal/migrate"
	"aliaport/internal/plan"
	"aliaport/internal/store"
	"aliaport/server"
)

func newExplainCommand(a *app) *cobra.Command {
	var (
		asJSON, all bool
		only        []string
		limits      = plan.DefaultLimits
	)
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Ask everything that the API can be asked, and judge how the database reads for it",
		Long: `Ask every list with every combination of filters that is offered, in every order, forward and backward, every
look-up, and every list in every list, as the API would, with values that the database has; then ask the database
for the plan of every statement that was sent: EXPLAIN QUERY PLAN on SQLite, EXPLAIN (ANALYZE, BUFFERS) on PostgreSQL,
with a plan for the arguments and with one for any.

Where PostgreSQL scans a table although an index could be used, which is right for tables that are not very big, that
is its choice and no fault.

Told are scans of big tables, sorts of many rows without an index, rows that are read in vain, statements whose
number grows with the page, and estimates that are far off. Nothing is changed: the database is opened so that it
refuses to be. Queries are run, some of them long ones: mind a database that has enough to do.
Ends with 1 when something is wrong. An estimate that is off is no fault; it tells that ANALYZE is due.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.examine(cmd, only, func(w *walk.Walk, i *plan.Inspector, name string) error {
				i.Limits = limits
				r, err := w.Examine(cmd.Context(), i, 2)
				if err != nil {
					return err
				}
				r.Database = name
				if asJSON {
					enc := json.NewEncoder(a.stdout)
					enc.SetIndent("", "  ")
					err = enc.Encode(r)
				} else {
					err = r.WriteText(a.stdout, all)
				}
				if err == nil && len(r.Faults()) > 0 {
					err = &exitError{code: exitFailed}
				}
				return err
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON: every statement with its plan and what is wrong")
	f.BoolVar(&all, "all", false, "print every statement with its plan, and the statements of every nested list")
	f.StringSliceVar(&only, "only", nil, "`fields` of the query, such as workOrders,trips; empty: all")
	f.IntVar(&limits.Rows, "rows", limits.Rows, "`number` of rows up to which a table may be scanned, sorted or read in vain")
	f.Float64Var(&limits.Estimate, "estimate", limits.Estimate, "`times` that an estimate may be off")
	config.AddFlags(f, databaseSettings...)
	return cmd
}

// examine opens the database so that it cannot be changed and lets f ask it everything.
func (a *app) examine(cmd *cobra.Command, only []string, f func(w *walk.Walk, i *plan.Inspector, name string) error) (err error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	if err := existing(cfg); err != nil {
		return err
	}
	log := a.logger(cfg)
	o := storeOptions(cfg, log)
	o.ReadOnly, o.AppName = true, "aliaport explain"
	o.SlowStatement = -1 // the report tells
	db, err := store.Open(cmd.Context(), cfg.DatabaseURL.Reveal(), o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := misfit(migrate.Check(cmd.Context(), db.Reader(), db.Dialect(), migrate.Options{})); err != nil {
		return err
	}
	w, err := walker(cmd.Context(), cfg, db)
	if err != nil {
		return err
	}
	w.Only = only
	return f(w, &plan.Inspector{DB: db.Reader(), Dialect: db.Dialect(), Limits: plan.DefaultLimits}, cfg.Database())
}

// walker asks a server that listens nowhere, limits nothing and records no reads.
func walker(ctx context.Context, cfg *config.Config, db *store.DB) (*walk.Walk, error) {
	quiet := *cfg
	quiet.AuditReads, quiet.Cache, quiet.RedisURL, quiet.LimitMeasureOnly, quiet.RateMeasureOnly = "none", "off", "", true, true
	quiet.LimitTokens = 0
	quiet.JWTKey = "signs nothing, for nobody is signed in here"
	srv, err := server.New(server.Deps{Config: &quiet, DB: db, Log: slog.New(slog.DiscardHandler), Version: thisBuild().Version})
	if err != nil {
		return nil, err
	}
	who, err := db.User.Query().First(ctx)
	if err != nil {
		return nil, fmt.Errorf("the database has no user to ask as: %w", err)
	}
	as := actor.New(who.ID, who.Email, who.FullName, nil, actor.Permissions)
	return &walk.Walk{Schema: server.Schema(), Ask: func(ctx context.Context, query string, variables map[string]any) *graphql.Response {
		return srv.Ask(ctx, as, query, variables)
	}}, nil
}
