package server

import (
	"log/slog"
	"net/http"
	"testing"

	"aliaport/internal/config"
)

// handler can be compared.
type handler struct{ called int }

func (h *handler) ServeHTTP(http.ResponseWriter, *http.Request) { h.called++ }

// Without a collector there is no tracing: no extension, no watcher of statements or of
// the cache, and requests go straight to their handler.
func TestTracesThatAreOffAreNotThere(t *testing.T) {
	off, err := newTracing(&config.Config{OTELPercent: 100}, "test", nil, nil, slog.New(slog.DiscardHandler))
	if err != nil || off != nil {
		t.Fatalf("tracing without a collector: %v, %v", off, err)
	}
	h := &handler{}
	if allocs := testing.AllocsPerRun(100, func() {
		if off.requests("/graphql", h) != http.Handler(h) {
			t.Error("requests go a longer way though traces are off")
		}
	}); allocs > 0 {
		t.Errorf("%g allocations for traces that are off", allocs)
	}
	off.close(t.Context())
}
