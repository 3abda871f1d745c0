package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"aliaport/internal/config"
	"aliaport/internal/doctor"
	"aliaport/server/playground"
)

func newDoctorCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what would keep a server from working, and say how to mend it",
		Long: `Look at the settings, the database, its migrations, the disk, the clock and Redis. Nothing is changed, so
it may run beside a server. Ends with 1 when something must be mended.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			redis.SetLogger(silent{}) // the finding says it better
			cfg, faults := config.Load(a.environ, config.Given(cmd.Flags()))
			found := doctor.Check(cmd.Context(), cfg, doctor.Options{
				Faults: append(faults, cfg.ServingFaults()...), Unknown: config.Unknown(a.environ), PlaygroundBuilt: playgroundBuilt(cmd.Context()), Now: time.Now,
			})
			var err error
			if asJSON {
				enc := json.NewEncoder(a.stdout)
				enc.SetIndent("", "  ")
				err = enc.Encode(found)
			} else {
				err = doctor.WriteText(a.stdout, found)
			}
			if err == nil && doctor.Failed(found) {
				err = &exitError{code: exitFailed}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(cmd.Flags())
	return cmd
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// playgroundBuilt asks for the page: without its files it tells how to build them.
func playgroundBuilt(ctx context.Context) bool {
	h, err := playground.Handler("/graphql")
	if err != nil {
		return false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/playground", http.NoBody)
	if err != nil {
		return false
	}
	var p page
	h.ServeHTTP(&p, r)
	return p.Len() > 0 && !bytes.Contains(p.Bytes(), []byte("make playground"))
}

// page keeps an answer.
type page struct {
	bytes.Buffer
	header http.Header
}

func (p *page) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}

func (*page) WriteHeader(int) {}
