package measure

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestPercentilesDoNotNeedTheirTimesInOrder(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := range 200 {
		took = append(took, time.Duration((i*77)%200+1)*time.Millisecond)
	}
	before := slices.Clone(took)
	for p, want := range map[int]int{0: 1, 50: 101, 95: 191, 99: 199, 100: 200} {
		if got := Percentile(took, p); got != time.Duration(want)*time.Millisecond {
			t.Errorf("p%d is %s, want %d ms", p, got, want)
		}
	}
	if got := Percentile(took[:1], 50); got != took[0] {
		t.Errorf("of one: %s", got)
	}
	if !slices.Equal(took, before) {
		t.Error("the times were put into order")
	}
	if got := Row([]time.Duration{1500 * time.Microsecond}); got != "1 | 1.5 | 1.5 | 1.5 | 1.5" {
		t.Errorf("a row is %q", got)
	}
}

func TestAnAnswerIsItsDataOrARefusal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status       int
		answer, want string
	}{
		"data":                 {200, `{"data": {"ping": "pong"}}`, ""},
		"errors beside data":   {200, `{"data": {"ping": null}, "errors": [{"message": "no", "extensions": {"code": "FORBIDDEN"}}]}`, "200 FORBIDDEN"},
		"errors alone":         {429, `{"errors": [{"message": "later", "extensions": {"code": "RATE_LIMITED"}}]}`, "429 RATE_LIMITED"},
		"neither":              {200, `{}`, "200 without data"},
		"something else":       {502, `<html>`, "502 without JSON"},
		"data of another form": {200, `{"data": {"ping": 1}}`, "json: cannot unmarshal number into Go struct field .Ping of type string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, _ := io.ReadAll(r.Body)
				if got := r.URL.Path + " " + r.Header.Get("Authorization") + " " + r.Header.Get("X-Aliaport-Profile") + " " + string(text); got != `/graphql Bearer t 1 {"query":"{ ping }","variables":{"n":1}}` {
					t.Errorf("asked %s", got)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))
			defer web.Close()
			client := NewClient(web.URL, "t", 1)
			client.Profile = true
			var data struct{ Ping string }
			a, err := client.Post(t.Context(), "{ ping }", map[string]any{"n": 1}, &data)
			if c.want != "" {
				if err == nil || Fault(err) != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil || data.Ping != "pong" || a.Status != c.status || a.Bytes != len(c.answer) {
				t.Errorf("%+v, %v, %v", a, data, err)
			}
		})
	}
	if got := Fault(io.EOF); got != "EOF" {
		t.Errorf("%q", got)
	}
	if r, ok := errors.AsType[*RefusedError](&RefusedError{200, "X"}); !ok || r.Code != "X" {
		t.Errorf("%v", r)
	}
}

func TestPaceDoesNotWaitForAnybody(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var dues []time.Time
	release := make(chan struct{})
	span := Pace(100, 100*time.Millisecond, func(_ int, due time.Time) {
		mu.Lock()
		dues = append(dues, due)
		all := len(dues) == 10
		mu.Unlock()
		if all {
			close(release) // the last one frees those before
		}
		<-release
	})
	slices.SortFunc(dues, time.Time.Compare)
	if len(dues) != 10 || dues[9].Sub(dues[0]) != 90*time.Millisecond || span < 90*time.Millisecond {
		t.Errorf("%d calls over %s, in %s", len(dues), dues[len(dues)-1].Sub(dues[0]), span)
	}
}
