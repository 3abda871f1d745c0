package webhook_test

import (
	"crypto/hmac"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"aliaport/internal/feed/webhook"
	"aliaport/internal/notification"
)

var noon = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const secret = "a secret of the receiver"

func sender(t *testing.T, url string) *webhook.Sender {
	t.Helper()
	s, err := webhook.New(webhook.Options{URL: url, Secret: secret, Timeout: time.Second, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPostsAreSigned(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		stamp := r.Header.Get(webhook.TimestampHeader)
		if !hmac.Equal([]byte(r.Header.Get(webhook.SignatureHeader)), []byte(webhook.Sign([]byte(secret), stamp, string(body)))) || stamp != "1772442000" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		got[r.Header.Get(webhook.IDHeader)] = string(body)
	}))
	defer server.Close()
	var batch []*notification.Message
	for id := range strings.SplitSeq("abcdefghijklmnopqrstuvwxyz", "") {
		batch = append(batch, &notification.Message{ID: id, Body: `{"title":"Sefer gecikti: ` + id + `"}`})
	}
	sender(t, server.URL).Send(t.Context(), batch)
	for _, m := range batch {
		if m.Err != nil || got[m.ID] != m.Body {
			t.Errorf("%s: %v, arrived as %q", m.ID, m.Err, got[m.ID])
		}
	}
	// The known answer, so that receivers can test theirs.
	if s := webhook.Sign([]byte("secret"), "1700000000", `{"id":"1"}`); s != "v1=086f6aff7bd084c98679825129c5a64dbad88c760016d6d2c0fb123f27951d54" {
		t.Errorf("signature %s", s)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer other.Close()
	mux.Handle("/elsewhere", http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(3 * time.Second):
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for url, unreachable := range map[string]bool{server.URL + "/elsewhere": false, server.URL + "/broken": false, server.URL + "/slow?token=geheim": true, "http://127.0.0.1:1/?token=geheim": true} {
		m := &notification.Message{ID: "1", Body: "{}"}
		sender(t, url).Send(t.Context(), []*notification.Message{m})
		if _, away := errors.AsType[*notification.UnreachableError](m.Err); m.Err == nil || away != unreachable {
			t.Errorf("%s: %v", url, m.Err)
		}
		if m.Err != nil && strings.Contains(m.Err.Error(), "geheim") {
			t.Errorf("the error shows the address: %v", m.Err)
		}
	}
}
