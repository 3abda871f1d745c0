package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/actor"
	"aliaport/internal/calendar"
	"aliaport/internal/config"
	"aliaport/internal/migrate"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

func newReadOnlyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "readonly",
		Short: "Make the database refuse every write, and let writes in again",
		Long: `Make the database refuse every write, whoever writes, and let writes in again. Servers need not be told: from
the next request on they answer writes with READ_ONLY and go on answering reads. Both are written into the trail.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.AddFlags(cmd.PersistentFlags(), databaseSettings...)
	cmd.AddCommand(newReadOnlyOnCommand(a), newReadOnlyOffCommand(a), newReadOnlyStatusCommand(a))
	return cmd
}

func newReadOnlyOnCommand(a *app) *cobra.Command {
	var o readonly.Order
	cmd := &cobra.Command{
		Use:   "on --reason TEXT",
		Short: "Refuse writes from now on",
		Long: `Refuse writes from now on. Once the command has ended, nothing is committed any more that was begun before. It
waits for those who are writing; when they do not end in time it changes nothing and says who is in the way.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Reason == "" {
				return &exitError{exitUsage, errors.New("give a --reason: people will ask")}
			}
			return a.switching(cmd, "readonly on", o, func(ctx context.Context, db *store.DB, o readonly.Order) error {
				before, err := readonly.Get(ctx, db)
				if err != nil {
					return err
				}
				if before.On {
					return readOnlyError(before)
				}
				s, err := readonly.On(ctx, db, o)
				if err == nil {
					fmt.Fprintln(a.stdout, told(s))
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, as status shows it")
	cmd.Flags().DurationVar(&o.Wait, "wait", 30*time.Second, "how long to wait for those who are writing")
	return cmd
}

func newReadOnlyOffCommand(a *app) *cobra.Command {
	var o readonly.Order
	cmd := &cobra.Command{
		Use:   "off",
		Short: "Let writes in again",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.switching(cmd, "readonly off", o, func(ctx context.Context, db *store.DB, o readonly.Order) error {
				err := readonly.Off(ctx, db, o)
				if err == nil {
					fmt.Fprintln(a.stdout, told(readonly.State{}))
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, as the trail keeps it")
	cmd.Flags().DurationVar(&o.Wait, "wait", 30*time.Second, "how long to wait for others")
	return cmd
}

func newReadOnlyStatusCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell whether writes are refused, since when and why",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.switching(cmd, "readonly status", readonly.Order{}, func(ctx context.Context, db *store.DB, _ readonly.Order) error {
				s, err := readonly.Get(ctx, db)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(a.stdout).Encode(s)
				}
				_, err = fmt.Fprintln(a.stdout, told(s))
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// switching opens the database and runs f as the named deed of whoever calls.
func (a *app) switching(cmd *cobra.Command, deed string, o readonly.Order, f func(context.Context, *store.DB, readonly.Order) error) (err error) {
	cfg, err := a.settings(cmd)
	if err != nil {
		return err
	}
	db, err := openExisting(cmd.Context(), cfg, a.logger(cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := misfit(migrate.Check(cmd.Context(), db.Reader(), db.Dialect(), migrate.Options{})); err != nil {
		return err
	}
	o.By, o.Now = "aliaport "+deed, calendar.Now
	if who, err := user.Current(); err == nil {
		o.By = cmp.Or(who.Name, who.Username)
	}
	ctx := actor.WithRequest(actor.With(cmd.Context(), actor.System(deed)), &actor.Request{ID: "cli-" + rand.Text()[:12], Method: "CLI", Path: "aliaport " + deed})
	return f(ctx, db, o)
}

// told is the state in words.
func told(s readonly.State) string {
	if !s.On {
		return "the database takes writes"
	}
	return fmt.Sprintf("the database is read only since %s, switched by %s: %s", s.Since.Format(time.RFC3339), s.By, s.Reason)
}

// readOnlyError is why something cannot be done now; nil if it can.
func readOnlyError(s readonly.State) error {
	if !s.On {
		return nil
	}
	return fmt.Errorf("%s; aliaport readonly off lets writes in again", told(s))
}
