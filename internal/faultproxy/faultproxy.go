// Package faultproxy is a TCP proxy for tests that breaks connections on demand:
// cut, silent (half-open: no end is told), or slow.
package faultproxy

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between clients and one server.
type Proxy struct {
	target   string
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	hung   chan struct{} // closed by Resume; nil: it forwards
	delay  time.Duration
	links  map[*link]bool
	closed bool
}

// link is one client's connection and the one that was made for it.
type link struct {
	client, server net.Conn
	done           chan struct{}
	once           sync.Once
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.done)
		_ = l.client.Close() // both ends may be gone
		if l.server != nil {
			_ = l.server.Close()
		}
	})
}

// New starts a proxy to a host:port, which ends with the test.
func New(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with the test
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{target: target, listener: listener, links: map[*link]bool{}}
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr returns where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut closes all connections, as a lost network that tells both ends does. New
// ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.close()
	}
}

// Hang stops forwarding and keeps all connections open: neither end is told. New
// connections are accepted and hang too.
func (p *Proxy) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hung == nil {
		p.hung = make(chan struct{})
	}
}

// Delay holds back everything for a time, in both directions. 0: nothing.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Resume ends Hang and Delay. What was held back is delivered.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = 0
	if p.hung != nil {
		close(p.hung)
		p.hung = nil
	}
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close()
	p.Cut()
	p.running.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		l := &link{client: client, done: make(chan struct{})}
		if !p.add(l) {
			l.close()
			return
		}
		p.running.Go(func() { p.serve(l) })
	}
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.links[l] = true
	}
	return !p.closed
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.close()
	delete(p.links, l)
}

func (p *Proxy) serve(l *link) {
	defer p.remove(l)
	if !p.pass(l) {
		return
	}
	server, err := net.Dial("tcp", p.target) //nolint:noctx // of loopback
	if err != nil {
		return
	}
	p.mu.Lock()
	l.server = server
	p.mu.Unlock()
	select {
	case <-l.done: // cut meanwhile
		_ = server.Close()
		return
	default:
	}
	var both sync.WaitGroup
	both.Go(func() { p.copy(l, server, l.client) })
	both.Go(func() { p.copy(l, l.client, server) })
	both.Wait()
}

// copy forwards until one end closes, which closes the other, unless the proxy
// hangs just then.
func (p *Proxy) copy(l *link, to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if !p.pass(l) {
			return
		}
		if n > 0 {
			if _, e := to.Write(buffer[:n]); e != nil {
				err = e
			}
		}
		if err != nil {
			p.mu.Lock()
			l.close()
			p.mu.Unlock()
			return
		}
	}
}

// pass waits for as long as the proxy holds things back, and reports whether the
// link outlived it.
func (p *Proxy) pass(l *link) bool {
	for {
		p.mu.Lock()
		hung, delay := p.hung, p.delay
		p.mu.Unlock()
		if delay > 0 {
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-l.done:
				timer.Stop()
				return false
			}
		}
		if hung == nil {
			return true
		}
		select {
		case <-hung:
		case <-l.done:
			return false
		}
	}
}
