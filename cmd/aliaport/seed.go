package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/seed"
	"aliaport/internal/store"
	"aliaport/internal/user"
)

func newSeedCommand(a *app) *cobra.Command {
	o := seed.Options{WorkOrders: 2000, Cari: 500, Services: 200, Motorbots: 20, Trips: 1200, Seed: 1}
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Fill an empty database with demo data",
		Long: `Fill a database that has no customers, services, price lists, motorboats and work orders with demo data: users of
every role, customers, services, price lists, exchange rates, motorboats, and two years of work orders and trips that
end now. The same seed gives the same data up to the moment it ends.

Everything is one transaction: interrupted, it leaves nothing behind. On SQLite pending migrations are applied
first; on PostgreSQL run aliaport migrate up before. The first administrator is made as at the first start of a
server. The demo users (operasyon@aliaport.example and others) cannot sign in unless a password is given.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			log := a.logger(cfg)
			db, err := store.Open(cmd.Context(), cfg.DatabaseURL.Reveal(), storeOptions(cfg, log))
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if err := a.prepareSchema(cmd.Context(), cfg, db, log); err != nil {
				return err
			}
			// Before the demo users: with them there, a server would make no administrator any more.
			users := &user.Service{DB: db, Now: calendar.Now, Hasher: user.NewHasher()}
			cfg.Demo = false
			if err := a.prepareData(cmd.Context(), cfg, db, users); err != nil {
				return err
			}
			o.Now, o.Progress = calendar.Now(), a.progress()
			r, err := seed.Run(cmd.Context(), db, users, o)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "%d users, %d customers, %d services, %d price lists, %d exchange rates, %d work orders with %d items and %d steps, %d persons, %d work logs and %d stays at the gate, %d motorboats with %d trips in %s, %.0f work orders a second\n",
				r.Users, r.Cari, r.Services, r.PriceLists, r.Rates, r.WorkOrders, r.Items, r.Steps, r.Persons, r.WorkLogs, r.GateLogs, r.Motorbots, r.Trips, r.Took.Round(time.Millisecond), r.PerSecond())
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.WorkOrders, "work-orders", o.WorkOrders, "`number` of work orders, with about five items each")
	f.IntVar(&o.Cari, "cari", o.Cari, "`number` of customers and suppliers")
	f.IntVar(&o.Services, "services", o.Services, "`number` of services")
	f.IntVar(&o.Motorbots, "motorbots", o.Motorbots, "`number` of motorboats")
	f.IntVar(&o.Trips, "trips", o.Trips, "`number` of trips of the motorboats")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "`number` that the data is drawn from")
	f.StringVar(&o.Password, "password", "", "`text` that signs in all demo users; other users of this machine can see it")
	config.AddFlags(f, append([]string{"AdminEmail", "AdminPassword"}, databaseSettings...)...)
	return cmd
}

// progress writes how far the seed is to stderr: over and over on one line of a
// terminal, about once a second elsewhere.
func (a *app) progress() func(done, total int, perSecond float64) {
	end := "\n"
	if f, ok := a.stderr.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			end = "\r"
		}
	}
	var last time.Time
	return func(done, total int, perSecond float64) {
		if done < total && time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		if done == total {
			end = "\n"
		}
		fmt.Fprintf(a.stderr, "%d of %d work orders, %.0f a second%s", done, total, perSecond, end)
	}
}
