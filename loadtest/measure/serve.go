package measure

import (
	"context"
	"log/slog"
	"net/http/httptest"

	"aliaport/internal/config"
	"aliaport/internal/store"
	"aliaport/internal/user"
	"aliaport/server"
)

// Key signs the tokens of servers that are measured.
const Key = "only for measuring, on a server that is thrown away"

// Serve serves a migrated database on loopback, in this process and without limits on
// rate and cost, and returns a client of its administrator. stop ends it.
func Serve(ctx context.Context, db *store.DB, connections int) (c *Client, users *user.Service, stop func(), err error) {
	cfg, faults := config.Load(nil, nil)
	if err := faults.OrNil(); err != nil {
		return nil, nil, nil, err
	}
	cfg.JWTKey = Key
	cfg.RateOperations, cfg.RateCost = 0, 0 // one user asks for all
	srv, err := server.New(server.Deps{Config: cfg, DB: db, Log: slog.New(slog.DiscardHandler), Version: "bench"})
	if err != nil {
		return nil, nil, nil, err
	}
	users = srv.Users()
	if err := users.EnsureRights(ctx); err != nil {
		return nil, nil, nil, err
	}
	if _, err := users.EnsureAdmin(ctx, cfg.AdminEmail, ""); err != nil {
		return nil, nil, nil, err
	}
	token, err := users.DemoToken(ctx, cfg.AdminEmail)
	if err != nil {
		return nil, nil, nil, err
	}
	web := httptest.NewServer(srv.Handler())
	return NewClient(web.URL, token, connections), users, web.Close, nil
}
