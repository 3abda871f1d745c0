package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"aliaport/graph"
	"aliaport/internal/apperr"
	"aliaport/internal/audit"
)

// Media types of GraphQL over HTTP.
const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
)

// endpoint speaks GraphQL over HTTP: POST with JSON, GET for queries. Under
// application/graphql-response+json the status tells whether the request could be
// answered; application/json answers 200 to whatever is a GraphQL request.
type endpoint struct {
	exec      graphql.GraphExecutor
	maxBody   int64
	documents *documents
	rates     *rates
	presenter
	done func(ctx context.Context, o outcome)
}

// maxName is how much of an operation's name the log and the trail keep.
const maxName = 100

// outcome is what the log and the metrics note about an operation.
type outcome struct {
	kind string // query, mutation; empty when there was no operation
	name string
	code string // of the first error; OK without one
	took time.Duration
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := graphql.StartOperationTrace(r.Context())
	w.Header().Add("Vary", "Accept, Accept-Language, Authorization")
	media := accepted(r.Header.Values("Accept"))
	if media == "" {
		e.refuse(ctx, w, mediaJSON, http.StatusNotAcceptable, apperr.New(apperr.BadRequest))
		return
	}
	params, refused := e.params(w, r)
	if refused != nil {
		if refused.Code == apperr.MethodNotAllowed {
			w.Header().Set("Allow", "GET, POST")
		}
		e.refuse(ctx, w, media, refused.Code.HTTP(), refused)
		return
	}
	who := graph.LimitKey(ctx)
	if r := e.rates.operations.Take(ctx, who, 1); r.Refused {
		e.refuse(ctx, w, media, http.StatusTooManyRequests, r.Error())
		return
	}
	defer func() {
		if cause := recover(); cause != nil { // fields recover by themselves; this is the engine
			e.refuse(ctx, w, media, http.StatusInternalServerError, e.recovered(ctx, cause))
		}
	}()
	start := time.Now() //nolint:forbidigo // measures a duration
	o, oc := outcome{code: "OK"}, &graphql.OperationContext{Headers: r.Header}
	judged, errs := e.documents.prepare(ctx, params)
	seenFrom(ctx).cost, seenFrom(ctx).over = judged, e.documents.over(judged)
	if errs == nil && judged != nil {
		if r := e.rates.cost.Take(ctx, who, judged.Nodes+1); r.Refused {
			e.refuse(ctx, w, media, http.StatusTooManyRequests, r.Error())
			return
		}
	}
	if errs == nil {
		oc, errs = e.exec.CreateOperationContext(ctx, params)
	}
	if oc.Operation != nil {
		o.kind, o.name = string(oc.Operation.Operation), audit.Clip(oc.Operation.Name, maxName)
	}
	if errs == nil && r.Method == http.MethodGet && oc.Operation.Operation != ast.Query {
		w.Header().Set("Allow", "POST")
		e.refuse(ctx, w, media, http.StatusMethodNotAllowed, apperr.New(apperr.MethodNotAllowed))
		return
	}
	var resp *graphql.Response
	if errs != nil {
		resp = e.exec.DispatchError(graphql.WithOperationContext(ctx, oc), errs)
	} else {
		noteOperation(ctx, o)
		responses, opCtx := e.exec.DispatchOperation(ctx, oc)
		if resp = responses(opCtx); resp == nil { // the time is up
			resp = &graphql.Response{Errors: gqlerror.List{e.present(ctx, apperr.New(apperr.Timeout))}}
		}
	}
	status := http.StatusOK
	if len(resp.Errors) > 0 {
		code := codeOf(resp.Errors[0])
		o.code = string(code)
		if len(resp.Data) == 0 && media == mediaResponse || answersNothing(resp) && (code == apperr.RateLimited || code == apperr.Timeout) {
			status = code.HTTP()
		}
		if status != http.StatusOK {
			retryAfter(w, resp.Errors[0])
		}
	}
	o.took = time.Since(start)
	e.done(ctx, o)
	write(w, media, status, resp)
}

// params reads the request, strictly: a wrong type is refused, not guessed at.
func (e *endpoint) params(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *apperr.Error) {
	p := &graphql.RawParams{Headers: r.Header, ReadTime: graphql.TraceTiming{Start: graphql.Now()}}
	var raw rawParams
	switch r.Method {
	case http.MethodGet:
		if e := raw.fromQuery(r); e != nil {
			return nil, e
		}
	case http.MethodPost:
		if !isJSON(r.Header.Get("Content-Type")) {
			return nil, apperr.New(apperr.UnsupportedMedia)
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, e.maxBody))
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return nil, apperr.New(apperr.PayloadTooLarge)
		}
		if err != nil || json.Unmarshal(body, &raw) != nil {
			return nil, apperr.New(apperr.BadRequest)
		}
	default:
		return nil, apperr.New(apperr.MethodNotAllowed)
	}
	ok := into(raw.Query, &p.Query) && p.Query != "" && into(raw.OperationName, &p.OperationName) &&
		into(raw.Variables, &p.Variables) && into(raw.Extensions, &p.Extensions)
	if !ok {
		return nil, apperr.New(apperr.BadRequest)
	}
	p.ReadTime.End = graphql.Now()
	return p, nil
}

// rawParams are the parameters before their types are checked.
type rawParams struct {
	Query         json.RawMessage `json:"query"`
	OperationName json.RawMessage `json:"operationName"`
	Variables     json.RawMessage `json:"variables"`
	Extensions    json.RawMessage `json:"extensions"`
}

func (p *rawParams) fromQuery(r *http.Request) *apperr.Error {
	q := r.URL.Query()
	text := func(name string) json.RawMessage {
		if !q.Has(name) || q.Get(name) == "" {
			return nil
		}
		b, _ := json.Marshal(q.Get(name)) // a string always marshals
		return b
	}
	p.Query, p.OperationName = text("query"), text("operationName")
	for name, to := range map[string]*json.RawMessage{"variables": &p.Variables, "extensions": &p.Extensions} {
		if v := q.Get(name); v != "" {
			if !json.Valid([]byte(v)) {
				return apperr.New(apperr.BadRequest)
			}
			*to = json.RawMessage(v)
		}
	}
	return nil
}

// into decodes a parameter. Absent and null leave the zero value; numbers keep all
// their digits.
func into(raw json.RawMessage, to any) bool {
	if len(raw) == 0 || string(raw) == "null" {
		return true
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(to) == nil
}

// isJSON accepts application/json in UTF-8. No page of another origin can send it
// without asking first, which is the guard against forged requests.
func isJSON(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	charset := params["charset"]
	return err == nil && media == mediaJSON && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// accepted chooses the media type of the answer by the client's preference; empty
// when it can take neither. Without a preference it is application/json.
func accepted(headers []string) string {
	best, bestQ := "", 0.0
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			media, params, err := mime.ParseMediaType(strings.TrimSpace(part))
			if err != nil || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
				continue
			}
			q := 1.0
			if v, ok := params["q"]; ok {
				if q, err = strconv.ParseFloat(v, 64); err != nil {
					continue
				}
			}
			if media == "*/*" || media == "application/*" {
				media = mediaJSON
			}
			if (media == mediaJSON || media == mediaResponse) && q > bestQ {
				best, bestQ = media, q
			}
		}
	}
	if best == "" && len(strings.Join(headers, "")) == 0 {
		return mediaJSON
	}
	return best
}

// answersNothing holds when the errors are all that came of it.
func answersNothing(r *graphql.Response) bool { return len(r.Data) == 0 || string(r.Data) == "null" }

func codeOf(e *gqlerror.Error) apperr.Code {
	code, _ := e.Extensions["code"].(apperr.Code)
	return code
}

// retryAfter tells in whole seconds when to come again.
func retryAfter(w http.ResponseWriter, e *gqlerror.Error) {
	if ms, ok := e.Extensions["retryAfterMs"].(int64); ok {
		w.Header().Set("Retry-After", strconv.FormatInt((ms+999)/1000, 10))
	}
}

// refuse answers a request as a whole, before it is looked at as a document.
func (e *endpoint) refuse(ctx context.Context, w http.ResponseWriter, media string, status int, err *apperr.Error) {
	e.done(ctx, outcome{code: string(err.Code)})
	told := e.present(ctx, err)
	retryAfter(w, told)
	write(w, media, status, &graphql.Response{Errors: gqlerror.List{told}})
}

// maxErrors is how many errors an answer shows. A page of rows that each lack a
// right would otherwise be mostly errors.
const maxErrors = 20

// write sends the envelope. The data is JSON already and is copied, not parsed.
func write(w http.ResponseWriter, media string, status int, resp *graphql.Response) {
	var b bytes.Buffer
	b.Grow(len(resp.Data) + 256)
	sep := byte('{')
	member := func(name string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			return
		}
		b.WriteByte(sep)
		b.WriteString(`"` + name + `":`)
		b.Write(text)
		sep = ','
	}
	if len(resp.Errors) > 0 {
		member("errors", resp.Errors[:min(len(resp.Errors), maxErrors)])
	}
	if len(resp.Data) > 0 {
		b.WriteByte(sep)
		b.WriteString(`"data":`)
		b.Write(resp.Data)
		sep = ','
	}
	if len(resp.Extensions) > 0 {
		member("extensions", resp.Extensions)
	}
	if b.Len() == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}
