// Package tcmb fetches rate bulletins from the site of the central bank
// (TCMB): today.xml, and the archive by day. It trusts nothing that comes back.
package tcmb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"aliaport/internal/calendar"
	"aliaport/internal/rate"
)

// Options say where to fetch from and when to give up.
type Options struct {
	URL      string        // the folder of today.xml
	Timeout  time.Duration // of a whole fetch
	MaxBytes int64         // of a file, unpacked
}

// Feed is the central bank's site.
type Feed struct {
	base   *url.URL
	opts   Options
	client *http.Client
}

// maxRedirects is more than the site has ever needed: from http to https, and to
// www.
const maxRedirects = 3

// New makes a feed. It opens no connection.
func New(o Options) (*Feed, error) {
	base, err := url.Parse(strings.TrimSuffix(o.URL, "/") + "/")
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("rate source %q: want http:// or https:// and a host", o.URL)
	}
	// Once a day there is nothing to keep a connection for.
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: 64 << 10, TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout,
	}
	return &Feed{base: base, opts: o, client: &http.Client{Transport: transport, CheckRedirect: staysHome}}, nil
}

var errRedirect = errors.New("redirect")

// staysHome follows redirects within the site only, and never from https to http.
func staysHome(r *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", errRedirect, maxRedirects)
	case r.URL.Scheme != "https" && (r.URL.Scheme != "http" || from.Scheme == "https"):
		return fmt.Errorf("%w to %s", errRedirect, r.URL.Scheme)
	case strings.TrimPrefix(r.URL.Hostname(), "www.") != strings.TrimPrefix(from.Hostname(), "www."):
		return fmt.Errorf("%w to another host, %s", errRedirect, r.URL.Hostname())
	}
	return nil
}

// Latest fetches the newest bulletin.
func (f *Feed) Latest(ctx context.Context) (*rate.Bulletin, error) { return f.fetch(ctx, "today.xml") }

// Of fetches the bulletin of a day from the archive.
func (f *Feed) Of(ctx context.Context, day calendar.Date) (*rate.Bulletin, error) {
	at := day.Start()
	b, err := f.fetch(ctx, at.Format("200601")+"/"+at.Format("02012006")+".xml")
	if err == nil && b.Date != day {
		return nil, &rate.SourceError{Fault: rate.OtherDay, Err: fmt.Errorf("the file for %s is of %s", day, b.Date)}
	}
	return b, err
}

func (f *Feed) fetch(ctx context.Context, path string) (*rate.Bulletin, error) {
	u := f.base.JoinPath(path)
	limited, cancel := context.WithTimeout(ctx, f.opts.Timeout)
	defer cancel()
	file, err := f.get(limited, u)
	switch e, known := errors.AsType[*rate.SourceError](err); {
	case err == nil:
	case ctx.Err() != nil: // the caller gave up, not we
		return nil, fmt.Errorf("fetch %s: %w", u.Redacted(), ctx.Err())
	case known:
		return nil, e
	case limited.Err() != nil || isTimeout(err):
		return nil, &rate.SourceError{Fault: rate.TimedOut, Err: err}
	case errors.Is(err, errRedirect):
		return nil, &rate.SourceError{Fault: rate.Misled, Err: err}
	default:
		return nil, &rate.SourceError{Fault: rate.Unreachable, Err: err}
	}
	b, err := rate.Parse(file)
	if err != nil {
		return nil, &rate.SourceError{Fault: rate.Unreadable, Err: fmt.Errorf("%s: %w", u.Redacted(), err)}
	}
	return b, nil
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && e.Timeout()
}

// get reads a file whole, or a byte more than it may have.
func (f *Feed) get(ctx context.Context, u *url.URL) (_ []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/xml, text/xml")
	r.Header.Set("User-Agent", "aliaport")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // all that is wanted has been read
	switch {
	case answer.StatusCode == http.StatusNotFound:
		return nil, &rate.SourceError{Fault: rate.NoBulletin, Err: fmt.Errorf("%s is not there", u.Redacted())}
	case answer.StatusCode != http.StatusOK:
		return nil, &rate.SourceError{Fault: rate.BadStatus, Err: fmt.Errorf("%s answered %s", u.Redacted(), answer.Status)}
	}
	// Servers name XML in many ways, but a page is a page: often a proxy's, that says
	// why there is no file.
	if typ, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type")); err == nil && typ == "text/html" {
		return nil, &rate.SourceError{Fault: rate.Unreadable, Err: fmt.Errorf("%s answered with a page", u.Redacted())}
	}
	file, err := io.ReadAll(io.LimitReader(answer.Body, f.opts.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(file)) > f.opts.MaxBytes {
		return nil, &rate.SourceError{Fault: rate.TooLarge, Err: fmt.Errorf("%s has more than %d bytes", u.Redacted(), f.opts.MaxBytes)}
	}
	return file, nil
}
