package server

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy is a line to a server that can be cut and slowed down.
type Proxy struct {
	Addr string // where it listens

	listener net.Listener
	all      sync.WaitGroup

	mu    sync.Mutex // protects all below
	to    string     // empty: cut
	delay time.Duration
	open  map[net.Conn]bool
	ended bool
}

// NewProxy opens a line to the address.
func NewProxy(ctx context.Context, to string) (*Proxy, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a line: %w", err)
	}
	p := &Proxy{Addr: l.Addr().String(), listener: l, to: to, open: map[net.Conn]bool{}}
	p.all.Go(func() { p.accept(ctx) })
	return p, nil
}

// Pass lets through what comes, to the address.
func (p *Proxy) Pass(to string) { p.set(to, 0) }

// Delay holds what comes in either direction for a while.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Cut ends all connections, and new ones at once.
func (p *Proxy) Cut() { p.set("", 0) }

func (p *Proxy) set(to string, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to, p.delay = to, delay
	for c := range p.open { // what was held is lost
		_ = c.Close()
	}
}

// Close takes the line down.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Cut()
	p.all.Wait()
	return err
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.join(ctx, near) })
	}
}

// join connects one connection with the server.
func (p *Proxy) join(ctx context.Context, near net.Conn) {
	defer near.Close()
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	if to == "" {
		return
	}
	far, err := new(net.Dialer).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	if !p.note(near, far, to) {
		return
	}
	defer p.forget(near, far)
	var both sync.WaitGroup
	both.Go(func() { p.copy(far, near) })
	both.Go(func() { p.copy(near, far) })
	both.Wait()
}

// note tells whether the line still leads there.
func (p *Proxy) note(near, far net.Conn, to string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || p.to != to {
		return false
	}
	p.open[near], p.open[far] = true, true
	return true
}

func (p *Proxy) forget(near, far net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, near)
	delete(p.open, far)
}

// copy passes on what comes, each piece as late as it has to be. When one direction
// ends, so does the other.
func (p *Proxy) copy(to, from net.Conn) {
	defer to.Close()
	type piece struct {
		b   []byte
		due time.Time
	}
	held := make(chan piece, 1024)
	var writing sync.WaitGroup
	writing.Go(func() {
		for h := range held {
			time.Sleep(time.Until(h.due))
			if _, err := to.Write(h.b); err != nil {
				_ = from.Close()
			}
		}
	})
	for b := make([]byte, 32<<10); ; {
		n, err := from.Read(b)
		if n > 0 {
			p.mu.Lock()
			delay := p.delay
			p.mu.Unlock()
			held <- piece{append([]byte(nil), b[:n]...), time.Now().Add(delay)}
		}
		if err != nil { // the end, or the line was cut
			break
		}
	}
	close(held)
	writing.Wait()
}
