package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"aliaport/internal/aliatest"
	"aliaport/internal/aliatest/api"
	"aliaport/internal/flame"
)

func TestProfilesOfARunningServerAreDrawn(t *testing.T) {
	t.Parallel()
	a := api.New(t, aliatest.Open(t, dialect.SQLite))
	admin := httptest.NewServer(a.Server.AdminHandler())
	t.Cleanup(admin.Close)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { // something to see
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				a.Get(t, api.Admin, "{ workOrders { nodes { id } } viewer { id } cariAccounts { nodes { id } } }", nil, &struct{}{})
			}
		}
	}()
	defer func() { close(stop); <-done }()
	folder := t.TempDir()
	profile := func(args ...string) (int, string) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"profile", "--server", admin.URL}, args...), nil, &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	for _, kind := range []string{"cpu", "heap", "allocs", "goroutine", "block"} {
		out := filepath.Join(folder, kind+".html")
		if code, said := profile(kind, "--seconds", "1", "--out", out); code != exitOK || strings.TrimSpace(said) != out {
			t.Errorf("%s: %d, %s", kind, code, said)
			continue
		}
		page, err := os.ReadFile(out)
		if err != nil || !bytes.Contains(page, []byte("<!doctype html>")) || kind != "allocs" && !bytes.Contains(page, []byte("aliaport/")) { // of a second's allocations few are sampled
			t.Errorf("%s: %d bytes (%v)", kind, len(page), err)
		}
	}
	out := filepath.Join(folder, "cpu.pb.gz")
	if code, said := profile("cpu", "--raw", "--seconds", "1", "--out", out); code != exitOK {
		t.Fatalf("%d: %s", code, said)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if g, err := flame.Read(f); err != nil || g.Unit != "nanoseconds" {
		t.Errorf("%+v (%v)", g, err)
	}
	for args, want := range map[string]int{"nonsense": exitUsage, "cpu --seconds 0": exitUsage, "cpu --seconds 1 --server http://127.0.0.1:1": exitFailed} {
		if code, said := profile(strings.Fields(args)...); code != want {
			t.Errorf("%s: %d, %s", args, code, said)
		}
	}
}
