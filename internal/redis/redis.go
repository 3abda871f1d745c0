// Package redis reaches the Redis that servers share, and leaves it alone while it does
// not answer: nothing in it is needed for a right answer.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/sony/gobreaker/v2"
)

// Failures in a row after which Redis is left alone, and for how long. Then one
// question finds out whether it is back.
const (
	failures = 3
	pause    = time.Second
)

// Server is a Redis that may be away. Its methods may be called on nil, which is
// always away.
type Server struct {
	Client *redis.Client

	timeout time.Duration
	closed  atomic.Bool
	breaker *gobreaker.CircuitBreaker[struct{}]
}

// ErrAway means that Redis was not asked: it did not answer lately, or there is none.
var ErrAway = errors.New("redis is away")

// quiet keeps the client from printing: we log what matters.
var quiet sync.Once

// New makes a client for the URL; it connects when it is first asked. No question takes
// longer than the timeout.
func New(url string, timeout time.Duration, log *slog.Logger) (*Server, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the URL of Redis cannot be used") // the error would quote the password
	}
	o.MaxRetries, o.DialerRetries = -1, 1 // nobody waits for a second attempt
	o.ContextTimeoutEnabled = true
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = timeout, timeout, timeout, timeout
	quiet.Do(func() { redis.SetLogger(&logging.VoidLogger{}) })
	s := &Server{Client: redis.NewClient(o), timeout: timeout}
	s.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failures },
		IsSuccessful: func(err error) bool {
			return err == nil || errors.Is(err, redis.Nil)
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case to == gobreaker.StateClosed:
				log.Info("redis is back")
			case from == gobreaker.StateClosed:
				log.Warn("redis is away: each server caches and counts for itself until it answers", "timeout", timeout)
			}
			if to == gobreaker.StateOpen && !s.closed.Load() {
				time.AfterFunc(pause+time.Millisecond, s.probe)
			}
		},
	})
	return s, nil
}

// probe asks whether Redis is back, so that this is found out, and told by the metrics,
// also while there are no requests. When it is not, there will be another probe.
func (s *Server) probe() {
	if !s.closed.Load() {
		_ = s.Do(context.Background(), func(ctx context.Context) error { return s.Client.Ping(ctx).Err() }) //nolint:forbidigo // nobody asks
	}
}

// Do asks Redis something within the time-out, or returns ErrAway at once. A request
// that is given up does not count against Redis.
func (s *Server) Do(ctx context.Context, ask func(ctx context.Context) error) error {
	if s == nil {
		return ErrAway
	}
	_, err := s.breaker.Execute(func() (struct{}, error) {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.timeout)
		defer cancel()
		return struct{}{}, ask(within)
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return ErrAway
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("ask redis: %w", err)
	}
	return err
}

// Away tells whether Redis is left alone now.
func (s *Server) Away() bool { return s == nil || s.breaker.State() != gobreaker.StateClosed }

// Ping finds out whether Redis answers, also while it is left alone.
func (s *Server) Ping(ctx context.Context) error {
	if s == nil {
		return ErrAway
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.Client.Ping(ctx).Err()
}

// Close closes the connections.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	s.closed.Store(true)
	return s.Client.Close()
}
