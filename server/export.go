package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"aliaport/graph"
	"aliaport/internal/actor"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
	"aliaport/internal/readonly"
	"aliaport/internal/store"
)

// manifestTrailer comes behind the last byte of an export. Its absence tells that the
// export was cut off.
const manifestTrailer = "X-Export-Manifest"

// export streams a part of the trail: GET /audit/export?format=csv&filter={…}, with
// the filter of auditEvents as JSON. It takes as long as the client reads, so the
// time of a request does not bound it; a client that does not read for so long is
// given up.
func (s *Server) export(exporter *audit.Exporter) http.Handler {
	p := presenter{s.log}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := graphql.StartOperationTrace(r.Context())
		req := actor.RequestFrom(ctx)
		req.Method = "HTTP"
		seenFrom(ctx).operation, seenFrom(ctx).kind = "export", "query"
		w.Header().Add("Vary", "Accept-Language, Authorization")
		if r.Method != http.MethodGet { // the route takes HEAD too
			w.Header().Set("Allow", http.MethodGet)
			p.refuse(ctx, w, apperr.New(apperr.MethodNotAllowed))
			return
		}
		if limit := s.rates.operations.Take(ctx, graph.LimitKey(ctx), 1); limit.Refused {
			p.refuse(ctx, w, limit.Error())
			return
		}
		if err := readonly.Refuse(ctx, s.db); err != nil { // it could not be written down
			p.refuse(ctx, w, err)
			return
		}
		want, err := wanted(r)
		if err != nil {
			p.refuse(ctx, w, err)
			return
		}
		out := &exportWriter{w: w, control: http.NewResponseController(w), patience: s.config.WriteTimeout, want: want, now: s.now}
		m, err := exporter.Export(store.Uncounted(ctx), want, out)
		switch {
		case err == nil:
			_, _ = out.Write(nil)      // an empty one has headers too
			text, _ := json.Marshal(m) // texts and numbers can be written
			w.Header().Set(manifestTrailer, string(text))
			seenFrom(ctx).code = "OK"
		case out.begun:
			// Only a connection that breaks tells the client that this is not all.
			s.log.WarnContext(ctx, "export cut off", "request_id", req.ID, "err", err)
			seenFrom(ctx).code = "CUT_OFF"
			panic(http.ErrAbortHandler)
		default:
			if apperr.Is(err, apperr.Forbidden) {
				s.refusals.Note(ctx, req.Path, audit.Event{Action: audit.AccessDenied, Resource: audit.Events, Outcome: audit.Denied, Code: apperr.Forbidden})
			}
			p.refuse(ctx, w, err)
		}
	})
}

// wanted reads the parameters.
func wanted(r *http.Request) (want audit.Wanted, err error) {
	q := r.URL.Query()
	want.Format = audit.Format(q.Get("format"))
	switch q.Get("separator") {
	case "", "comma":
	case "semicolon":
		want.Semicolon = true
	default:
		return want, apperr.New(apperr.BadUserInput, "reason", "separator: comma, semicolon")
	}
	want.Filter, err = audit.ParseFilter(q.Get("filter"))
	return want, err
}

// refuse answers with an error as /graphql does, with its HTTP number.
func (p presenter) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	told := p.present(ctx, err)
	retryAfter(w, told)
	seenFrom(ctx).code = string(codeOf(told))
	write(w, mediaJSON, codeOf(told).HTTP(), &graphql.Response{Errors: gqlerror.List{told}})
}

// exportWriter sends the headers with the first byte, and gives the client some time
// for each piece.
type exportWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	want     audit.Wanted
	now      func() time.Time
	begun    bool
}

func (e *exportWriter) Write(b []byte) (int, error) {
	if !e.begun {
		e.begun = true
		h := e.w.Header()
		media := "application/jsonl; charset=utf-8"
		if e.want.Format == audit.CSV {
			media = "text/csv; charset=utf-8; header=present"
		}
		h.Set("Content-Type", media)
		h.Set("Content-Disposition", `attachment; filename="audit-`+e.now().UTC().Format("20060102T150405Z")+"."+string(e.want.Format)+`"`)
		h.Set("Trailer", manifestTrailer)
	}
	deadline := time.Now().Add(e.patience) //nolint:forbidigo // the connection's clock
	if err := e.control.SetWriteDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := e.w.Write(b)
	if err == nil {
		err = e.control.Flush()
		if errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	return n, err
}
