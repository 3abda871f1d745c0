package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"aliaport/internal/config"
	"aliaport/internal/workorder"
)

func newRepairCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Count anew what is kept counted",
		Long: `Count all work orders anew and put the kept counts right, which doctor compares. They only go wrong when the
database was changed with its triggers switched off, as by a restore of data alone. A server may be running; work
orders cannot be changed meanwhile, for some seconds with a million of them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := a.settings(cmd)
			if err != nil {
				return err
			}
			log := a.logger(cfg)
			db, err := openExisting(cmd.Context(), cfg, log)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if err := a.prepareSchema(cmd.Context(), cfg, db, log); err != nil {
				return err
			}
			wrong, err := workorder.Recount(cmd.Context(), db)
			if err != nil {
				return err
			}
			for _, m := range wrong {
				fmt.Fprintf(a.stdout, "%s: kept %d, now %d\n", m.Status, m.Kept, m.Counted)
			}
			if len(wrong) == 0 {
				fmt.Fprintln(a.stdout, "the counts were right")
			}
			return nil
		},
	}
	config.AddFlags(cmd.Flags(), databaseSettings...)
	return cmd
}
