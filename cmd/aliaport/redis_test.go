package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"aliaport/internal/aliatest/server"
)

// visit is what an address answers.
func visit(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// redisIs waits until a server says so of its Redis, in /readyz and in its metrics, and
// checks that it is ready all the same.
func (p *served) redisIs(t *testing.T, up bool) {
	t.Helper()
	word, gauge := "away", "aliaport_redis_up 0"
	if up {
		word, gauge = "ok", "aliaport_redis_up 1"
	}
	const patience, most = 5 * time.Second, time.Second
	said, metric := "", ""
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(50 * time.Millisecond) {
		asked := time.Now()
		status, body := visit(t, "http://"+p.address+"/readyz")
		if took := time.Since(asked); took > most {
			t.Errorf("/readyz took %s", took)
		}
		var ready struct{ Status, Redis string }
		if err := json.Unmarshal([]byte(body), &ready); err != nil || status != http.StatusOK || ready.Status != "ready" {
			t.Errorf("/readyz: %d %s", status, body)
		}
		said = ready.Redis
		_, metric = visit(t, "http://"+p.admin+"/metrics")
		if said == word && strings.Contains(metric, "\n"+gauge+"\n") {
			return
		}
	}
	t.Errorf("redis is %s in /readyz, want %s; metrics have %q: %t", said, word, gauge, strings.Contains(metric, "\n"+gauge+"\n"))
}

func TestAnswersAreRightWhateverBecomesOfRedis(t *testing.T) {
	t.Parallel()
	first, second := startRedis(t), startRedis(t)
	line, err := server.NewProxy(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	f := newFleet(t, redisAt+line.Addr, "ALIAPORT_LOG_LEVEL=INFO")
	defer f.end(t)
	h := newHistory()
	var enough atomic.Bool
	var asking sync.WaitGroup
	asking.Go(func() { f.exercise(t.Context(), h, f.deeds(), func() bool { return !enough.Load() }) })
	all := func(up bool) {
		t.Helper()
		for _, p := range f.servers {
			p.redisIs(t, up)
		}
		time.Sleep(rand.N(time.Second))
	}
	all(true)
	for range outages {
		line.Delay(5 * time.Second)
		all(false)
		line.Pass(first)
		all(true)
		line.Cut()
		all(false)
		line.Pass(second) // it was restarted, and is empty
		all(true)
		first, second = second, first // what it has by now is of another time
	}
	enough.Store(true)
	asking.Wait()
	h.report(t)
	h.quiet(t)
	h.linear(t)

	// Also when nobody asks anything, the end of an outage is noticed.
	line.Cut()
	for range 10 {
		f.readParameter(t.Context(), h, 0, 0)
		f.writeParameter(t.Context(), h, 0, 0)
		f.readCategory(t.Context(), h, 0, 0)
	}
	all(false)
	line.Pass(first)
	all(true)
	for _, p := range f.servers {
		if log := p.output.String(); !strings.Contains(log, "redis is away") || !strings.Contains(log, "redis is back") {
			t.Errorf("the log does not tell of Redis:\n%s", log)
		}
	}
}
