package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"aliaport/internal/limit"
)

// rates are how often something may be asked for. docs/security.md explains them.
type rates struct {
	operations, cost *limit.Limiter // of a user, or of an address before signing in
	address, account *limit.Limiter // of sign-ins

	resetAddress, resetAccount, resetTries *limit.Limiter // of forgotten passwords
}

func (s *Server) newRates() (*rates, error) {
	o := limit.Options{
		Redis: s.redis, Now: s.now, Log: s.log, MeasureOnly: s.config.RateMeasureOnly,
		Refused: func(policy string) { s.metrics.limited.WithLabelValues(policy).Inc() },
	}
	counters := limit.NewCounters(o)
	l := &rates{}
	for _, m := range []struct {
		to     **limit.Limiter
		policy limit.Policy
	}{
		{&l.operations, limit.Policy{Name: "operations", PerMinute: s.config.RateOperations}},
		{&l.cost, limit.Policy{Name: "cost", PerMinute: s.config.RateCost}},
		{&l.address, limit.Policy{Name: "login_address", PerMinute: s.config.RateLogins, Even: true}},
		{&l.account, limit.Policy{Name: "login_account", PerMinute: s.config.RateLogins, Even: true}},
		{&l.resetAddress, limit.Policy{Name: "reset_address", PerHour: s.config.RateResets, Even: true}},
		{&l.resetAccount, limit.Policy{Name: "reset_account", PerHour: s.config.RateResets, Even: true}},
		{&l.resetTries, limit.Policy{Name: "reset_tries", PerHour: 2 * s.config.RateResets, Even: true}},
	} {
		limiter, err := counters.Limiter(m.policy)
		if err != nil {
			return nil, err
		}
		*m.to = limiter
	}
	return l, nil
}

// proxies are the networks of those whose word on a client's address is taken.
type proxies []netip.Prefix

func trusted(networks []string) (p proxies, err error) {
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return nil, fmt.Errorf("trusted proxies: %w", err)
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

// client is the address that a request comes from: that of the connection, or, when
// that is a trusted proxy's, the last one in X-Forwarded-For that is not. What a
// client wrote into the header itself stands before that and is not believed.
func (p proxies) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if !p.trust(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if a, err := netip.ParseAddr(hop); err != nil || a.Zone() != "" {
			return host // nothing beyond it can be told
		}
		if host = hop; !p.trust(hop) {
			return host
		}
	}
	return host
}

func (p proxies) trust(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a.Unmap()) })
}
