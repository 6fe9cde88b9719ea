package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// How long a connection over which nothing was asked yet has for it: browsers open
// some in advance, and one whose request is on its way looks the same. It is on its
// way for longer where the machine is busy, but not for long.
const (
	toAsk     = 100 * time.Millisecond // since the stop began
	toAskSoon = time.Second            // since the connection was opened
)

// conns are the connections over which something is being asked, or may be for the
// first time. http.Server.Shutdown knows them too, but drops the requests that it
// reads once it has begun, without an answer.
type conns struct {
	mu   sync.Mutex
	open map[net.Conn]held // new or active
	none chan struct{}     // of drain: closed when none is left
}

// held is a connection that a stop waits for.
type held struct {
	asked bool
	since time.Time // it was opened; of one over which nothing was asked
}

// note is the http.Server's ConnState.
func (c *conns) note(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew, http.StateActive:
		if c.open == nil {
			c.open = map[net.Conn]held{}
		}
		c.open[conn] = held{state == http.StateActive, time.Now()}
	case http.StateIdle, http.StateHijacked, http.StateClosed:
		delete(c.open, conn)
		c.check()
	}
}

// drain waits until what was asked is answered, or ctx ends. Nothing may be
// accepted any more, and connections are to be closed with their answer.
func (c *conns) drain(ctx context.Context) {
	none := make(chan struct{})
	c.mu.Lock()
	c.none = none
	c.check()
	c.mu.Unlock()
	silent := time.NewTicker(toAsk)
	defer silent.Stop()
	for {
		select {
		case <-silent.C:
			c.closeSilent()
		case <-none:
			return
		case <-ctx.Done():
			return
		}
	}
}

// check tells drain where none is left. With the mutex.
func (c *conns) check() {
	if c.none != nil && len(c.open) == 0 {
		close(c.none)
		c.none = nil
	}
}

// closeSilent ends the connections whose moment is over.
func (c *conns) closeSilent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn, h := range c.open {
		if !h.asked && time.Since(h.since) >= toAskSoon {
			conn.Close()
		}
	}
}
