package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// heldSocket is a socket as systemd holds it: a process may close its copy, and the
// next takes another.
type heldSocket struct {
	testing.TB
	*net.TCPListener
}

func holdSocket(t *testing.T) heldSocket {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return heldSocket{t, l}
}

// serve is a process that answers with its name.
func (h heldSocket) serve(name string) (s *server, asked chan struct{}, ended chan error) {
	h.Helper()
	f, err := h.File()
	if err != nil {
		h.Fatal(err)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		h.Fatal(err)
	}
	s, asked, ended = &server{listener: l, served: make(chan struct{})}, make(chan struct{}, 100), make(chan error, 1)
	s.http = &http.Server{ReadHeaderTimeout: time.Minute, ConnState: s.conns.note, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		fmt.Fprint(w, name)
	})}
	go func() { ended <- s.Serve() }()
	return s, asked, ended
}

func (h heldSocket) dial() net.Conn {
	h.Helper()
	c, err := net.Dial("tcp", h.Addr().String())
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { c.Close() })
	return c
}

// ask sends a request over a connection.
func (h heldSocket) ask(c net.Conn, path string) {
	h.Helper()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		h.Fatal(err)
	}
}

// answered is by whom.
func (h heldSocket) answered(c net.Conn) string {
	h.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		h.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var name string
	if _, err := fmt.Fscan(resp.Body, &name); err != nil {
		h.Error(err)
	}
	return name
}

// Whoever has connected when a process stops is answered by it, whether it had
// asked by then or does so at once; whoever connects later, by the next. Nobody
// is reset.
func TestNobodyIsResetByAStop(t *testing.T) {
	t.Parallel()
	h := holdSocket(t)
	for n := range 50 {
		first, second := fmt.Sprintf("%d-first", n), fmt.Sprintf("%d-second", n)
		s, _, ended := h.serve(first)
		before := h.dial()
		h.ask(before, "/")
		if got := h.answered(before); got != first {
			t.Fatalf("answered by %s", got)
		}
		asked := h.dial()
		h.ask(asked, "/") // it may not even be accepted when the stop begins
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		later := h.dial()
		h.ask(later, "/")
		next, _, over := h.serve(second)
		if got := h.answered(asked); got != first && got != second {
			t.Fatalf("asked before the stop: %s", got)
		}
		if got := h.answered(later); got != second {
			t.Fatalf("asked after the stop: %s", got)
		}
		if err := next.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-over; err != nil {
			t.Fatal(err)
		}
	}
}

// A request that comes over a connection from before the stop is answered, if it
// comes soon.
func TestAskedAtTheLastMoment(t *testing.T) {
	t.Parallel()
	h := holdSocket(t)
	s, _, ended := h.serve("service")
	c := h.dial()
	accepted := func() bool {
		s.conns.mu.Lock()
		defer s.conns.mu.Unlock()
		return len(s.conns.open) == 1
	}
	for tick := time.NewTicker(time.Millisecond); !accepted(); {
		<-tick.C
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close(t.Context()) }()
	if err := <-ended; err != nil { // it does not listen any more
		t.Fatal(err)
	}
	h.ask(c, "/")
	if got := h.answered(c); got != "service" {
		t.Errorf("answered by %s", got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// silent is a connection over which nothing is asked. It tells when it is closed,
// as a server does.
type silent struct {
	net.Conn
	of *conns
	at chan time.Time
}

func (s *silent) Close() error {
	s.at <- time.Now()
	go s.of.note(s, http.StateClosed)
	return nil
}

// Over a connection that was opened just before the stop a request is on its way,
// if there will be one: it is waited for longer than where one would have come.
func TestWhoHasJustComeHasTimeToAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c conns
		old, young := &silent{of: &c, at: make(chan time.Time, 1)}, &silent{of: &c, at: make(chan time.Time, 1)}
		c.note(old, http.StateNew)
		<-time.After(time.Minute)
		c.note(young, http.StateNew)
		began := time.Now()
		c.drain(t.Context())
		if took := (<-old.at).Sub(began); took != toAsk {
			t.Errorf("the old one was closed after %v", took)
		}
		if took := (<-young.at).Sub(began); took != toAskSoon {
			t.Errorf("the young one was closed after %v", took)
		}
	})
}

// A connection over which nothing is asked does not hold up a stop, and neither
// does a request without end.
func TestStopWaitsForNobodyForEver(t *testing.T) {
	t.Parallel()
	h := holdSocket(t)
	s, asked, ended := h.serve("service")
	h.dial()
	slow := h.dial()
	h.ask(slow, "/slow")
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := s.Close(ctx); err == nil {
		t.Error("a request that does not end was waited for")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Logf("stopped after %v", time.Since(began))
}
