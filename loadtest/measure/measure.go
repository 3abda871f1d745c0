// Package measure is what the measuring programs share: they ask a server with GraphQL,
// send at a steady pace and tell how long it took.
package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Client sends GraphQL documents.
type Client struct {
	URL     string // of the endpoint
	Token   string // of who asks; empty: nobody
	HTTP    *http.Client
	Profile bool // ask for the number of statements, which makes the answer longer
}

// NewClient returns a client of the server at the address, with so many connections at
// most.
func NewClient(address, token string, connections int) *Client {
	return &Client{URL: address + "/graphql", Token: token, HTTP: &http.Client{
		Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
	}}
}

// Answer is what came back.
type Answer struct {
	Status int
	Bytes  int
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Extensions struct{ Code string }
	}
	Extensions struct {
		Profile struct{ StatementCount int }
	}
}

// RefusedError is the code that stands in an answer, with its HTTP status.
type RefusedError struct {
	Status int
	Code   string
}

func (r *RefusedError) Error() string { return fmt.Sprintf("%d %s", r.Status, r.Code) }

// Post sends a document and decodes the data into what is given, if it is not nil. An
// answer with errors is a *RefusedError.
func (c *Client) Post(ctx context.Context, document string, variables map[string]any, data any) (*Answer, error) {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.Profile {
		r.Header.Set("X-Aliaport-Profile", "1")
	}
	resp, err := c.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	a := &Answer{Status: resp.StatusCode, Bytes: len(text)}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, &RefusedError{a.Status, "without JSON"}
	}
	switch {
	case len(a.Errors) > 0:
		e := a.Errors[0]
		return a, fmt.Errorf("%w: %s", &RefusedError{a.Status, e.Extensions.Code}, e.Message)
	case len(a.Data) == 0:
		return a, &RefusedError{a.Status, "without data"}
	case data == nil:
		return a, nil
	}
	return a, json.Unmarshal(a.Data, data)
}

// Fault is a short name of what went wrong, to be counted: the refusal if it is one.
func Fault(err error) string {
	if r, ok := errors.AsType[*RefusedError](err); ok {
		return r.Error()
	}
	return err.Error()
}

// Pace calls do so many times a second, whatever becomes of the calls before, each with
// its number and the moment at which it was due. It returns when all have ended, with
// the time that took.
func Pace(rate int, lasting time.Duration, do func(i int, due time.Time)) time.Duration {
	pause := time.Second / time.Duration(rate)
	begin := time.Now()
	var all sync.WaitGroup
	for i := 0; ; i++ {
		due := begin.Add(time.Duration(i) * pause)
		if due.Sub(begin) >= lasting {
			break
		}
		time.Sleep(time.Until(due))
		all.Go(func() { do(i, due) })
	}
	all.Wait()
	return time.Since(begin)
}

// Percentile is the time that p of a hundred do not exceed.
func Percentile(took []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

// Ms are milliseconds.
func Ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Row are number, p50, p95, p99 and the longest time in milliseconds, as cells of a
// table below Head.
func Row(took []time.Duration) string {
	return fmt.Sprintf("%d | %.1f | %.1f | %.1f | %.1f", len(took), Ms(Percentile(took, 50)), Ms(Percentile(took, 95)),
		Ms(Percentile(took, 99)), Ms(Percentile(took, 100)))
}

// Head are the two lines above rows; each begins with what the first cell is.
func Head(first, number string) string {
	return fmt.Sprintf("| %s | %s | p50 ms | p95 ms | p99 ms | max ms |\n|---|---|---|---|---|---|", first, number)
}
