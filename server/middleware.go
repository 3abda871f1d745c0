package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/language"

	"aliaport/graph"
	"aliaport/graph/cost"
	"aliaport/graph/loader"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/cache"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// requestIDHeader carries the id of a request in both directions.
const requestIDHeader = "X-Request-Id"

// identified gives every request an id, the one the client sent if it is sane, and
// notes how it came in.
func (s *Server) identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !saneID(id) {
			id = uuid.Must(uuid.NewV7()).String()
		}
		w.Header().Set(requestIDHeader, id)
		ctx := actor.WithRequest(r.Context(), &actor.Request{
			ID: id, Method: "GRAPHQL", Path: r.URL.Path, IP: s.proxies.client(r), UserAgent: strings.ToValidUTF8(r.UserAgent(), "\uFFFD"), Start: s.now(),
		})
		ctx = apperr.WithLang(ctx, spoken(r.Header.Get("Accept-Language")))
		next.ServeHTTP(w, r.WithContext(store.WithStats(ctx, &store.Stats{Cause: graph.Cause})))
	})
}

// saneID holds for ids that can stand in a log line and a column.
func saneID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	const sane = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."
	return strings.Trim(id, sane) == ""
}

var languages = language.NewMatcher([]language.Tag{language.Turkish, language.English})

// spoken is the language of the messages: Turkish unless the client prefers English.
func spoken(header string) apperr.Lang {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return apperr.Turkish
	}
	if _, i, _ := languages.Match(tags...); i == 1 {
		return apperr.English
	}
	return apperr.Turkish
}

// authenticated finds out who is asking. A token that is not good does not stop the
// request: it may be one to sign in with. The fields that need somebody refuse.
func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := readonly.With(r.Context())
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
			a, err := s.users.Actor(ctx, token)
			if err != nil {
				ctx = actor.WithFault(ctx, err)
			} else {
				ctx = actor.With(ctx, a)
				noteUser(ctx, a.ID)
			}
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// loading bounds the time of an operation and gives it its loaders.
func (s *Server) loading(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), s.config.RequestTimeout)
		defer cancel()
		ctx = cache.With(ctx)
		next.ServeHTTP(w, r.WithContext(loader.With(ctx, loader.New(ctx, s.db, s.loaders))))
	})
}

// seen collects what becomes known of a request on its way, for those who come
// later: the executor, the answer and the access log.
type seen struct {
	user      int64
	operation string
	kind      string
	code      string
	cost      *cost.Cost
	over      string // the limit that the document is over
	trace     string // id of the trace, if it is one of those
	document  *document
}

type seenKey struct{}

func seenFrom(ctx context.Context) *seen {
	if n, ok := ctx.Value(seenKey{}).(*seen); ok {
		return n
	}
	return &seen{}
}

func noteUser(ctx context.Context, id int64) { seenFrom(ctx).user = id }

// noteOperation names the operation for the trail before it runs.
func noteOperation(ctx context.Context, o outcome) {
	name := o.name
	if name == "" {
		name = "anonymous"
	}
	actor.RequestFrom(ctx).Path = "/graphql#" + name
}

// recorder remembers the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	status, bytes int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged writes the access log and counts the request.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now() //nolint:forbidigo // measures a duration
		n, rec := &seen{}, &recorder{ResponseWriter: w, status: http.StatusOK}
		ctx := context.WithValue(r.Context(), seenKey{}, n)
		defer s.note(ctx, r, rec, n, start) // also of an answer that is cut off
		next.ServeHTTP(rec, r.WithContext(ctx))
	})
}

// note writes the line of a request.
func (s *Server) note(ctx context.Context, r *http.Request, rec *recorder, n *seen, start time.Time) {
	took := time.Since(start)
	s.metrics.request(r.Method, rec.status, took)
	stats := store.StatsFrom(ctx)
	attrs := []slog.Attr{
		slog.String("request_id", actor.RequestFrom(ctx).ID), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", rec.status), slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.Int("bytes", rec.bytes),
		slog.String("ip", actor.RequestFrom(ctx).IP),
	}
	if n.code != "" {
		attrs = append(attrs, slog.String("operation", n.operation), slog.String("kind", n.kind), slog.String("code", n.code),
			slog.Int64("user", n.user), slog.Int("statements", stats.Count()), slog.Float64("sql_ms", float64(stats.Duration().Microseconds())/1000))
	}
	if n.over != "" {
		attrs = append(attrs, slog.String("over_limit", n.over))
	}
	if n.trace != "" {
		attrs = append(attrs, slog.String("trace_id", n.trace))
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// hardened sets the headers that keep browsers from doing odd things with answers.
func hardened(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}
