package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// scripts is where the scenarios are, from the root of the project.
const scripts = "loadtest/k6/scenarios"

// player is a k6 that runs.
type player struct {
	cmd              *exec.Cmd
	out              bytes.Buffer
	summary, samples string // files that it writes
}

func startK6(ctx context.Context, o options, url, dir, script string) (*player, error) {
	p := &player{summary: filepath.Join(dir, "summary.json"), samples: filepath.Join(dir, "samples.csv")}
	for _, old := range []string{p.summary, p.samples} {
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	p.cmd = exec.CommandContext(ctx, o.k6, "run", "--quiet", "--no-usage-report", "--address=", "--out=csv="+p.samples, filepath.Join(scripts, script)) //nolint:gosec // our own tool
	p.cmd.Env = append(os.Environ(), "PORT_URL="+url, "PORT_DATA="+filepath.Join(dir, "port.json"), "PORT_SUMMARY="+p.summary, fmt.Sprintf("PORT_SCALE=%g", o.scale),
		"K6_CSV_TIME_FORMAT=unix_milli", "K6_AUTO_EXTENSION_RESOLUTION=false", "K6_NO_COLOR=true")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start k6: %w; `make load` builds it", err)
	}
	return p, nil
}

// ID is the number of the process.
func (p *player) ID() int { return p.cmd.Process.Pid }

// thresholdsCrossed is k6's exit code for a run that went to its end and missed some.
const thresholdsCrossed = 99

func (p *player) wait() error {
	err := p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == thresholdsCrossed {
		return nil // they are in the summary
	}
	if err != nil {
		return fmt.Errorf("k6: %w: %s", err, p.out.Bytes()[max(0, p.out.Len()-2000):])
	}
	return nil
}
