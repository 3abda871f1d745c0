package server

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"aliaport/internal/readonly"
)

// readyTimeout is how long the database may take to answer a readiness check.
const readyTimeout = 2 * time.Second

// healthz tells that the process lives.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok", "version": s.version})
}

// readyz tells whether requests can be answered: the database is there, and the
// server is not about to stop.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "stopping"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.db.Ping(ctx); err != nil {
		s.log.WarnContext(ctx, "not ready", "err", err)
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "unavailable", "database": "unreachable"})
		return
	}
	body := map[string]string{"status": "ready", "database": "ok"}
	if state, err := readonly.Get(ctx, s.db); err == nil && state.On {
		body["mode"] = "read_only"
	}
	if s.redis != nil { // without it answers are as right, and limits are each server's own
		body["redis"] = "ok"
		if err := s.redis.Ping(ctx); err != nil {
			body["redis"] = "away"
		}
	}
	answer(w, http.StatusOK, body)
}

// parting lets go of a connection with each answer while the server is stopping. What
// was kept open for later requests would be cut when one is just on its way.
func (s *Server) parting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
