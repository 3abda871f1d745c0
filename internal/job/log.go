package job

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"aliaport/internal/audit"
)

// Bounds of what is kept of a run's log.
const (
	tailBytes = 8 << 10
	lineBytes = 1 << 10
)

// tail keeps the last lines.
type tail struct {
	mu      sync.Mutex
	lines   []string
	size    int
	dropped int
}

func (t *tail) line(format string, args ...any) { t.add(fmt.Sprintf(format, args...)) }

func (t *tail) add(line string) {
	line = audit.Clip(strings.ToValidUTF8(line, "?"), lineBytes)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
	for t.size += len(line) + 1; t.size > tailBytes && len(t.lines) > 1; t.dropped++ {
		t.size -= len(t.lines[0]) + 1
		t.lines = t.lines[1:]
	}
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	if t.dropped > 0 {
		fmt.Fprintf(&b, "… %d earlier lines\n", t.dropped)
	}
	for _, line := range t.lines {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// tee writes to the server's log and to the run's.
type tee struct {
	slog.Handler
	tail   *tail
	prefix string // attributes that With gave
}

func (h tee) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.Handler.Enabled(ctx, l)
}

func (h tee) Handle(ctx context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s%s", r.Time.UTC().Format(time.RFC3339), r.Level, r.Message, h.prefix)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value.Resolve())
		return true
	})
	h.tail.add(b.String())
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.prefix)
	for _, a := range attrs {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value.Resolve())
	}
	return tee{h.Handler.WithAttrs(attrs), h.tail, b.String()}
}

func (h tee) WithGroup(name string) slog.Handler {
	return tee{h.Handler.WithGroup(name), h.tail, h.prefix}
}
