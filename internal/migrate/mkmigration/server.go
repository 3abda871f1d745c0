package main

import (
	"context"
	"fmt"

	"aliaport/internal/aliatest/server"
)

// startPostgres starts a throw-away server.
func startPostgres(ctx context.Context) (url string, stop func() error, err error) {
	url, stop, err = server.StartPostgres(ctx)
	if err != nil {
		return "", nil, fmt.Errorf("start PostgreSQL (or name a server with -postgres-url): %w", err)
	}
	return url, stop, nil
}
