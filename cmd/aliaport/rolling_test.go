package main

import (
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"aliaport/internal/aliatest/server"
)

// documentedNginx is the configuration in the manual, with other addresses. Whoever
// follows it shall lose no request.
func documentedNginx(t *testing.T, servers []*served) string {
	t.Helper()
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindSubmatch(manual)
	if block == nil {
		t.Fatal("the manual has no configuration of nginx")
	}
	config := string(block[1])
	for _, r := range []struct{ old, by string }{
		{"127.0.0.1:8080", servers[0].address}, {"127.0.0.1:8082", servers[1].address}, {"listen 80;", "listen %s;"},
	} {
		if strings.Count(config, r.old) != 1 {
			t.Fatalf("the configuration in the manual has no %s, or several", r.old)
		}
		config = strings.Replace(config, r.old, r.by, 1)
	}
	return config
}

// replace lets a server end in order and starts it again, as an update does. Meanwhile
// /readyz is asked by way of the front, which thus learns that the server stops.
func (f *fleet) replace(t *testing.T, which int, front string) {
	t.Helper()
	p := f.servers[which]
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if status, body := visit(t, "http://"+front+"/readyz"); status != 200 {
			t.Errorf("/readyz by way of nginx: %d %s", status, body)
		}
		time.Sleep(25 * time.Millisecond)
	}
	<-p.drained
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("ended with %v:\n%s", err, p.output.String())
	}
	again := startOn(t, f.url, p.address, p.admin, f.with...)
	p.cmd, p.drained = again.cmd, again.drained
}

func TestNoRequestFailsWhileServersAreReplaced(t *testing.T) {
	t.Parallel()
	const forget = 5 * time.Second // fail_timeout in the manual
	f := newFleet(t, redisAt+startRedis(t), "ALIAPORT_SHUTDOWN_DELAY=2s", "ALIAPORT_TRUSTED_PROXIES=127.0.0.1/32")
	defer f.end(t)
	front, stop, err := server.StartNginx(t.Context(), documentedNginx(t, f.servers))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	clients := *f
	clients.servers = []*served{{address: front, client: f.servers[0].client}}
	h := newHistory()
	var enough atomic.Bool
	var asking sync.WaitGroup
	asking.Go(func() { clients.exercise(t.Context(), h, clients.deeds(), func() bool { return !enough.Load() }) })
	defer enough.Store(true)
	for round := range replaced {
		if round > 0 {
			time.Sleep(forget + time.Second) // until nginx sends to the other one again
		}
		f.replace(t, round%len(f.servers), front)
	}
	time.Sleep(time.Second)
	enough.Store(true)
	asking.Wait()
	h.report(t)
	h.quiet(t)
	h.linear(t)
}
