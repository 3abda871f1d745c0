package main

import (
	"context"
	"errors"
)

// startPostgres starts a throw-away server.
func startPostgres(context.Context) (url string, stop func() error, err error) {
	return "", nil, errors.New("give -postgres-url")
}
