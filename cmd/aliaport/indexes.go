package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"aliaport/graph/walk"
	"aliaport/internal/config"
	"aliaport/internal/plan"
)

func newIndexesCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "indexes",
		Short: "Tell what each index costs and what it is for, which are used by nothing and which are missing",
		Long: `Ask everything that the API can be asked, as aliaport explain does, and tell of each index how large it is, how often
PostgreSQL has used it and how many rows were written into it since its statistics began, and which questions use it:

  read        queries of the API use it
  rule        it refuses doubles; queries do not use it
  reference   it finds what refers to a record
  written     queries do not use it, but PostgreSQL has: mutations and chores
  too few rows to tell
  unused      nothing is known to use it

SQLite counts neither scans nor writes, and its sizes are estimates; there "not read by queries" may still be what a
mutation looks for. Nothing is changed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.examine(cmd, nil, func(w *walk.Walk, i *plan.Inspector, name string) error {
				x, _, err := w.Indexes(cmd.Context(), i)
				if err != nil {
					return err
				}
				x.Database = name
				if !asJSON {
					return x.WriteText(a.stdout)
				}
				enc := json.NewEncoder(a.stdout)
				enc.SetIndent("", "  ")
				return enc.Encode(x)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(cmd.Flags(), databaseSettings...)
	return cmd
}
