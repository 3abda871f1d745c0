package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBinaryTakesTheNewest(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, v := range []string{"9", "15", "16", "current"} {
		path := filepath.Join(root, v, "bin", "no-such-program-on-path")
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := binary("no-such-program-on-path", filepath.Join(root, "*", "bin"))
	if err != nil || !strings.Contains(got, "/16/") {
		t.Errorf("%s, error %v", got, err)
	}
}

func TestAMissingBinaryNamesTheCure(t *testing.T) {
	t.Parallel()
	_, err := binary("no-such-program-on-path", "/nowhere/*/bin")
	if err == nil || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("error %v", err)
	}
}

func TestATakenPortIsTriedAnew(t *testing.T) {
	t.Parallel()
	taken := errors.New("taken")
	tries := 0
	port, err := onFreePort(func(int) error {
		if tries++; tries < 3 {
			return taken
		}
		return nil
	})
	if port == 0 || err != nil || tries != 3 {
		t.Errorf("port %d after %d tries, error %v", port, tries, err)
	}
	if _, err := onFreePort(func(int) error { return taken }); !errors.Is(err, taken) {
		t.Errorf("error %v", err)
	}
}

func TestPostgresKeepsItsDataOverARestart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	p, err := NewPostgres(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(p.dir); !os.IsNotExist(err) {
			t.Errorf("its folder is left: %v", err)
		}
	})
	before := p.URL()
	if err := p.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(ctx); err == nil {
		t.Error("stopped twice")
	}
	if err := p.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if p.URL() != before {
		t.Errorf("moved from %s to %s", before, p.URL())
	}
}
