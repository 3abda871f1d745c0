package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"aliaport/internal/flame"
)

// profileKinds are what can be profiled; those with true take a while.
var profileKinds = map[string]bool{"cpu": true, "heap": false, "allocs": true, "goroutine": false, "block": true, "mutex": true, "trace": true}

func newProfileCommand(a *app) *cobra.Command {
	var (
		o   profileOptions
		raw bool
	)
	cmd := &cobra.Command{
		Use:   "profile cpu|heap|allocs|goroutine|block|mutex|trace",
		Short: "Profile a running server and draw a flame graph",
		Long: `Ask the second listener of a running server (ADMIN_LISTEN) for a profile and write it as a flame graph: one HTML file
that needs nothing else. With --raw it is written as it came, for go tool pprof; a trace always is, for go tool trace.

cpu        where time goes
heap       what the memory in use was asked for by
allocs     who asks for memory, in use or not
goroutine  what goroutines are doing
block      where goroutines wait for each other, for locks and channels
mutex      who holds the locks that others wait for
trace      every switch between goroutines

block and mutex are only sampled while they are asked for.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"cpu", "heap", "allocs", "goroutine", "block", "mutex", "trace"},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.kind = args[0]
			return a.profile(cmd.Context(), o, raw || args[0] == "trace")
		},
	}
	cmd.Flags().StringVar(&o.admin, "server", "http://127.0.0.1:8081", "address of the server's second listener")
	cmd.Flags().IntVar(&o.seconds, "seconds", 10, "how long to look; heap and goroutine are of one moment")
	cmd.Flags().StringVar(&o.out, "out", "", "the file to write (default: profile-KIND.html)")
	cmd.Flags().BoolVar(&raw, "raw", false, "write the profile as it came, for go tool pprof")
	return cmd
}

type profileOptions struct {
	kind, admin, out string
	seconds          int
}

// path is where a server has the profile.
func (o profileOptions) path() string {
	name, q := o.kind, url.Values{}
	if name == "cpu" {
		name = "profile"
	}
	if profileKinds[o.kind] {
		q.Set("seconds", strconv.Itoa(o.seconds))
	}
	return strings.TrimSuffix(o.admin, "/") + "/debug/pprof/" + name + "?" + q.Encode()
}

var errNoProfile = errors.New("no profile")

func (a *app) profile(ctx context.Context, o profileOptions, raw bool) error {
	if o.seconds < 1 || o.seconds > 600 {
		return &exitError{exitUsage, fmt.Errorf("--seconds is %d: give 1 to 600", o.seconds)}
	}
	if o.out == "" {
		o.out = "profile-" + o.kind + ".html"
		if raw {
			o.out = "profile-" + o.kind + map[bool]string{true: ".trace", false: ".pb.gz"}[o.kind == "trace"]
		}
	}
	body, err := fetchProfile(ctx, o)
	if err != nil {
		return err
	}
	if !raw {
		g, err := flame.Read(bytes.NewReader(body))
		if errors.Is(err, flame.ErrEmpty) {
			return fmt.Errorf("%w: nothing was going on; send requests meanwhile, or look for longer", err)
		}
		if err != nil {
			return err
		}
		var page bytes.Buffer
		if err := g.WriteHTML(&page, "Aliaport: "+o.kind+", "+time.Now().Format(time.DateTime)); err != nil {
			return err
		}
		body = page.Bytes()
	}
	const readable = 0o600 // stacks say what users do
	if err := os.WriteFile(o.out, body, readable); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	fmt.Fprintln(a.stdout, o.out)
	return nil
}

func fetchProfile(ctx context.Context, o profileOptions) (body []byte, err error) {
	const grace = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.seconds)*time.Second+grace)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.path(), nil)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--server: %w", err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server for a profile: %w; it listens where ALIAPORT_ADMIN_LISTEN says", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	const most = 256 << 20
	body, err = io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s: %s", errNoProfile, resp.Status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	}
	return slices.Clip(body), nil
}
