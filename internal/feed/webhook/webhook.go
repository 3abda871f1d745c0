// Package webhook posts notifications to a receiver, signed, so that it can tell who
// sent them, and that nobody sends them again later.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"aliaport/internal/notification"
)

// The headers of a post. The signature is that of the timestamp, a dot and the body.
const (
	IDHeader        = "Aliaport-Delivery"
	TimestampHeader = "Aliaport-Timestamp"
	SignatureHeader = "Aliaport-Signature"
)

// Options say where to and how.
type Options struct {
	URL     string
	Secret  string
	Timeout time.Duration // of one post
	Now     func() time.Time
}

// Sender posts to one receiver.
type Sender struct {
	url    string
	secret []byte
	now    func() time.Time
	client *http.Client
}

// atOnce is how many posts of a batch run at the same time.
const atOnce = 8

var errURL = errors.New("want https:// or http:// and a host")

// New makes a sender. It opens no connection. Its errors do not show the URL, which may
// have a token.
func New(o Options) (*Sender, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errURL
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: atOnce, IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, MaxResponseHeaderBytes: 64 << 10,
	}
	// A redirect would lead what is signed for one receiver to another.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Sender{url: o.URL, secret: []byte(o.Secret), now: o.Now, client: &http.Client{Transport: transport, Timeout: o.Timeout, CheckRedirect: stay}}, nil
}

// Sign is the signature of a body sent at a time.
func Sign(secret []byte, timestamp, body string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "." + body))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Send posts the messages and notes with each how it went.
func (s *Sender) Send(ctx context.Context, batch []*notification.Message) {
	var all sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, m := range batch {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			m.Err = s.post(ctx, m)
		})
	}
	all.Wait()
}

var errAnswer = errors.New("the receiver answered")

func (s *Sender) post(ctx context.Context, m *notification.Message) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(m.Body))
	if err != nil {
		return &notification.RefusedError{Err: err}
	}
	timestamp := strconv.FormatInt(s.now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "aliaport")
	r.Header.Set(IDHeader, m.ID)
	r.Header.Set(TimestampHeader, timestamp)
	r.Header.Set(SignatureHeader, Sign(s.secret, timestamp, m.Body))
	answer, err := s.client.Do(r)
	if err != nil {
		// The error would quote the URL.
		if fault, ok := errors.AsType[*url.Error](err); ok {
			err = fault.Err
		}
		return &notification.UnreachableError{Err: err}
	}
	defer answer.Body.Close()
	const enough = 64 << 10 // to use the connection again
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, enough))
	if answer.StatusCode < http.StatusOK || answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%w %s", errAnswer, answer.Status)
	}
	return nil
}
